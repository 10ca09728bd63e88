"""What is asked for, checked before anything is loaded."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from impasto import picture
from impasto.errors import OptionError, SpaceError
from impasto.family import Page, Size
from impasto.methods import ALL, FAMILIES, concerned, room, uses
from impasto.options import DECLARED, Each, complete
from impasto.picture import Opened, Source
from impasto.sitting import Output, Targets


@dataclass(frozen=True)
class Plan:
    """What is asked for, checked.

    Attributes:
        page: the method's.
        options: a value for every option.
        before: the settings of the painting that it is to be like.
    """

    page: Page
    options: Mapping[str, Any]
    before: Mapping[str, Any]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Plan":
        """Check the ``options`` of a painter.

        Raises:
            PictureError: a painting to be like that can't be read.
            OptionError: an unknown name or impossible value.
            ModelError: a model that can't be read.
        """
        given = {name: value for name, value in options.items() if value is not None}
        before = picture.read_settings(given["like"]) if "like" in given else {}
        name = given["method"] if "method" in given else _implied(given) or before.get("method", DECLARED["method"].default)
        declared = uses(name).declared()
        known = {one: value for one, value in before.items() if one in declared and declared[one].setting}
        asked, page = complete({**known, **given}, uses(name), concerned), ALL[name]
        if isinstance(asked["size"], tuple) and "content" in page.sources:
            raise sides(asked["size"], name)
        return cls(page, asked, before)

    def targets(self, output: Output, each: Each, inputs: Iterable[Any]) -> Targets:
        """Check what is to be written of one painting.

        Args:
            output: the painting's file, or where else its bytes go.
            each: its other options.
            inputs: what it is painted from, besides what the painter's options name.

        Raises:
            OutputError: a place that can't be written to, or a file that is painted from.
            OptionError: an impossible value, or what the method or the format lacks.
        """
        given = complete({**self.options, **each}, uses(self.page.name), concerned)
        if output is not None and picture.form(output, given.get("format")) == "svg" and not self.page.strokes:
            able = " or ".join(name for name, page in ALL.items() if page.strokes)
            said = picture.named(output)
            raise OptionError(f"{said} would hold strokes, which {self.page.name} doesn't lay; save as .png, or choose {able} with method")
        files = [given.get(name) for name in ("like", "model", "encoder_weights", "start", "focus")]
        return Targets.checked(output, given, [*inputs, *files, *(given.get("pair") or ())])

    def open(self, source: Source) -> Opened:
        """The picture of a ``source``, as much of it as is asked for.

        Raises:
            PictureError: it can't be read.
        """
        opened = picture.read(source)
        return opened.cropped() if self.options["crop"] else opened

    def refuse(self, kind: str, found: bool) -> None:
        """Refuse a ``kind`` of picture that is needed and wasn't ``found``, or the other way round.

        Raises:
            OptionError: as said.
        """
        if kind in self.page.sources and not found:
            raise OptionError(f"{self.page.name} needs a {kind}; name a picture")
        if found and kind not in self.page.sources | self.page.optional:
            raise OptionError(f"{self.page.name} takes no {kind}; leave it out")

    @contextmanager
    def memory(self) -> Iterator[None]:
        """Say which of the options need less memory where there isn't enough.

        Raises:
            SpaceError: as said.
        """
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            # What torch can't allocate it says in a RuntimeError, on a GPU in a class of its own.
            if isinstance(error, RuntimeError) and not any(word in str(error) for word in ("allocate memory", "out of memory")):
                raise
            less = " or ".join(["size", *(name for name in ("style_size", "tile") if name in uses(self.page.name).options)])
            instead = "" if self.page.name == "arbitrary" else ", or the method arbitrary"
            raise SpaceError(f"there isn't enough memory for this painting; choose a smaller {less}{instead}") from error


def sides(size: Size, method: str) -> OptionError:
    """What to raise where a ``method`` has a content and is asked for both sides of a ``size``."""
    said = f"size {size[0]}x{size[1]} is impossible for {method} with a content, which has the proportions; give the longest side"
    return OptionError(said)


def _implied(given: Mapping[str, Any]) -> str | None:
    """The method that the options ``given`` mean where they name none."""
    for one in FAMILIES:
        if one.implied is not None and one.implied in given:
            return room(one).implied(given[one.implied])
    return None
