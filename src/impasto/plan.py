"""What is asked for, checked before anything is loaded."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from impasto import picture
from impasto.errors import OptionError, SpaceError
from impasto.family import Page, Size
from impasto.methods import ALL, FAMILIES, concerned, room, uses
from impasto.options import DECLARED, EACH, Each, complete
from impasto.picture import Opened
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
        before = picture.read_settings(DECLARED["like"].checked("like", given["like"])) if "like" in given else {}
        name = given["method"] if "method" in given else _implied(given) or before.get("method") or DECLARED["method"].default
        # Another method's choices, such as its preset, mean nothing to this one.
        its, others = uses(name), set() if before.get("method") == name else set(uses(name).choices)
        known = {one: value for one, value in before.items() if one in its.declared() and DECLARED[one].setting and one not in others}
        asked, page = complete({**known, **given}, its, concerned), ALL[name]
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
        for name in each:
            if name in DECLARED and name not in EACH:
                raise OptionError(
                    f"{name} is the painter's; give it when you make one, and only {', '.join(sorted(EACH))} to each painting"
                )
        given = complete({**self.options, **each}, uses(self.page.name), concerned)
        if output is not None and picture.form(output, given.get("format")) == "svg" and not self.page.strokes:
            able = " or ".join(name for name, page in ALL.items() if page.strokes)
            said = picture.named(output)
            raise OptionError(f"{said} would hold strokes, which {self.page.name} doesn't lay; save as .png, or choose {able} with method")
        files = [given.get(name) for name in ("like", "model", "encoder_weights", "start", "focus")]
        return Targets.checked(output, given, [*inputs, *files, *(given.get("pair") or ())])

    def cut(self, opened: Opened) -> Opened:
        """As much of a picture that was ``opened`` as is asked for."""
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
