"""Which photographs somebody means who names files, folders and patterns."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import PictureError
from impasto.examples import EXAMPLES


@dataclass(frozen=True)
class Photograph:
    """One of many photographs.

    Attributes:
        place: its file, or the name of an example.
        folder: where it is below the folder or the pattern that it was found by; the painting has the same place below the output's.
        root: that folder; None where it was named itself.
    """

    place: str
    folder: Path
    root: Path | None


def several(place: str) -> bool:
    """Whether a ``place`` may stand for several photographs: a folder or a pattern."""
    # os.path, since Path.is_dir raises where a name is too long.
    return bool(place) and place not in EXAMPLES and (os.path.isdir(place) or _is_pattern(place))  # noqa: PTH112


def found(places: Sequence[str]) -> list[Photograph]:
    """The photographs at some ``places``, each once, in the order of places and of their names.

    Raises:
        PictureError: a folder or a pattern without any.
    """
    seen: dict[str, Photograph] = {}
    for place in places:
        before = len(seen)
        for one in _found(place):
            seen.setdefault(os.path.realpath(one.place) if one.place not in EXAMPLES else one.place, one)
        if several(place) and len(seen) == before and not any(True for _ in _found(place)):
            kind = "matches" if _is_pattern(place) else "holds"
            raise PictureError(f"{place} {kind} no pictures; check the path, and put patterns in quotes")
    return list(seen.values())


def _found(place: str) -> Iterator[Photograph]:
    from impasto.picture import ENDINGS

    if place in EXAMPLES or not several(place):
        yield Photograph(place, Path(), None)
        return
    if _is_pattern(place):
        root = Path(*_fixed(Path(place)))
        files = [Path(name) for name in glob.glob(place, recursive=True)]  # noqa: PTH207 - Path.glob takes no absolute patterns
    else:
        root = Path(place)
        files = [Path(folder) / name for folder, _, names in os.walk(place) for name in names]
    for file in sorted(files):
        below = file.relative_to(root)
        if file.suffix.lower() in ENDINGS and file.is_file() and not any(part.startswith(".") for part in below.parts):
            yield Photograph(os.fspath(file), below.parent, root)


def _is_pattern(place: str) -> bool:
    return glob.has_magic(place) and not os.path.lexists(place)


def _fixed(pattern: Path) -> Iterator[str]:
    """The parts of a ``pattern`` before the first with a wildcard, but not its last."""
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            return
        yield part
