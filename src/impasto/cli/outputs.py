"""Where paintings go, and what is said of them."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from impasto.cli.shell import say
from impasto.errors import OutputError

PIPE = "-"
"""What stands for standard input or output."""


@dataclass(frozen=True)
class Outcome:
    """What came of one picture.

    Attributes:
        input: what was to be painted, as it was named.
        output: the painting's file, or :data:`PIPE`.
        size: width and height of the painting in pixels.
        settings: the painting's.
        seconds: that it took.
        error: why there is none.
        skipped: whether it was there already.
    """

    input: str | None
    output: str
    size: tuple[int, int] | None = None
    settings: Mapping[str, Any] | None = None
    seconds: float = 0.0
    error: str = ""
    skipped: bool = False

    def tell(self, *, as_json: bool) -> None:
        """Say it: the painting's file on stdout or, if ``as_json``, all there is to know; what went wrong on stderr, too."""
        if self.error:
            say(f"impasto: {self.error}", error=True)
        if as_json:
            say(json.dumps(self._described()))
        elif not (self.error or self.skipped or self.output == PIPE):
            say(self.output)

    def _described(self) -> dict[str, Any]:
        if self.error:
            return {"error": self.error, "input": self.input}
        settings = self.settings or {}
        known = {"input": self.input, "output": self.output, "size": self.size, "method": settings.get("method")}
        known |= {"seed": settings.get("seed"), "seconds": round(self.seconds, 3), "settings": settings}
        return {**known, "skipped": True} if self.skipped else known


def named(photograph: str, styles: Sequence[str], method: str, ending: str) -> str:
    """The name of a painting.

    Args:
        photograph: what is painted.
        styles: in whose manner.
        method: what stands in their place where there is none.
        ending: of the file, without its dot.
    """
    return f"{'-'.join([stem(photograph), *(map(stem, styles) if styles else [method])])}.{ending}"


def stem(place: str) -> str:
    """What the file at a ``place`` is called, without folder and ending."""
    return "stdin" if place == PIPE else Path(place).stem


def unwritten(output: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Refuse an ``output`` that nobody named and that is there, unless it's said to ``overwrite`` it.

    Raises:
        OutputError: as said.
    """
    if not overwrite and os.path.lexists(output):
        raise OutputError(f"{output} is there already; name another file with -o, or add --overwrite")


def apart(photographs: Sequence[tuple[str, Path]], styles: Sequence[str], method: str, ending: str) -> list[Path]:
    """Files for the paintings of several photographs, no two the same.

    Where two photographs in a folder would have paintings of the same name, these have the photographs' endings, too, then their
    folders, and in the end a number.

    Args:
        photographs: each, and in which folder its painting goes.
        styles: as for :func:`named`.
        method: likewise.
        ending: likewise.
    """
    manner = "-".join(map(stem, styles) if styles else [method])
    stems = Counter(_key(folder / stem(place)) for place, folder in photographs)
    whole = Counter(_key(folder / Path(place).name) for place, folder in photographs)
    taken: set[str] = set()
    targets: list[Path] = []
    for place, folder in photographs:
        file = Path(place)
        names = [stem(place)] if stems[_key(folder / stem(place))] == 1 else []
        names += [file.name] if whole[_key(folder / file.name)] == 1 else []
        names += [f"{file.parent.name}-{name}" for name in (file.stem, file.name) if file.parent.name]
        candidates = (folder / f"{name}-{manner}.{ending}" for name in chain(names, (f"{file.name}-{number}" for number in count(2))))
        target = next(candidate for candidate in candidates if _key(candidate) not in taken)
        taken.add(_key(target))
        targets.append(target)
    return targets


def _key(file: Path) -> str:
    # Some systems take names for the same that differ in case only.
    return os.fspath(file).casefold()
