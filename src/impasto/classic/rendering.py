"""A method of image-based artistic rendering, which needs no network."""

from dataclasses import dataclass

from impasto.family import Page


@dataclass(frozen=True, kw_only=True)
class Rendering(Page):
    """A method whose options, with their defaults, are all on its page."""

    @property
    def presets(self) -> tuple[str, ...]:
        """The manners it paints in, by the names that ``preset`` takes."""
        return self.choices.get("preset", ())
