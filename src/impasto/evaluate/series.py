"""A series: several paintings one after another, of which neither a fault nor Ctrl-C loses those that are done."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from impasto import packaged, picture
from impasto.errors import ImpastoError, Interrupted, OptionError
from impasto.evaluate.sheet import Cell
from impasto.family import Progress
from impasto.methods import ALL, uses
from impasto.options import EVERYWHERE, whole
from impasto.painting import stylize
from impasto.picture import Opened, Source


@dataclass(frozen=True)
class Turn:
    """Which painting of a series is at work: its ``name``, its ``index`` counted from 0, and the ``count`` of them all."""

    name: str
    index: int
    count: int


Callback = Callable[[Progress, Turn], None]


@dataclass(frozen=True)
class Painted:
    """What came of one painting of a series.

    Attributes:
        name: what the series calls it.
        picture: the painting, or None where it failed.
        finished: whether it took all its steps; one that Ctrl-C stopped didn't.
        steps: evaluations of the objective.
        seconds: that they took, without reading pictures and weights.
        losses: each term's weighted share of the objective at the last step.
        error: why it failed, if it did.
    """

    name: str
    picture: Image.Image | None = None
    finished: bool = True
    steps: int = 0
    seconds: float = 0.0
    losses: Mapping[str, float] = field(default_factory=dict)
    error: ImpastoError | None = None

    def cell(self, lines: Sequence[str] = ()) -> Cell:
        """The painting on a sheet, with ``lines`` of text, and with the reason where it failed."""
        if self.error:
            return Cell(None, self.name, (str(self.error),))
        return Cell(self.picture, self.name, lines if self.finished else (f"stopped at step {self.steps}", *lines))


def paint(wishes: Mapping[str, Mapping[str, Any]], callback: Callback | None = None) -> tuple[list[Painted], bool]:
    """Paint a series.

    Args:
        wishes: what :func:`impasto.stylize` is given for each painting, by its name.
        callback: told of every step of every painting.

    Returns:
        What came of each in turn, and whether Ctrl-C ended the series; the painting that it stopped is the last then.

    Raises:
        ImpastoError: none could be painted; the error is the first one's.
        KeyboardInterrupt: Ctrl-C before there was anything to show.
    """
    series: list[Painted] = []
    for index, (name, wish) in enumerate(wishes.items()):
        try:
            series.append(attempt(wish, Turn(name, index, len(wishes)), callback))
        except KeyboardInterrupt:
            if not any(painted.picture for painted in series):
                raise
            return series, True
        if not series[-1].finished:
            return series, True
    if all(painted.error for painted in series):
        raise next(painted.error for painted in series if painted.error)
    return series, False


def attempt(wish: Mapping[str, Any], turn: Turn, callback: Callback | None) -> Painted:
    """One painting of a series.

    Args:
        wish: what :func:`impasto.stylize` is given.
        turn: the painting's name and place in the series.
        callback: told of every step.

    Returns:
        What came of it, be that an error or a canvas that Ctrl-C stopped.

    Raises:
        KeyboardInterrupt: Ctrl-C before there was anything to show.
    """
    last: list[Progress] = []

    def listen(progress: Progress) -> None:
        last[:] = [progress]
        if callback:
            callback(progress, turn)

    finished = True
    try:
        image = stylize(**wish, callback=listen)
    except Interrupted as interrupted:
        image, finished = interrupted.picture, False
    except ImpastoError as error:
        return Painted(turn.name, error=error)
    return Painted(turn.name, image, finished, last[0].step, last[0].seconds, last[0].terms)


def able(methods: Sequence[str] | None) -> list[str]:
    """The ``methods`` themselves, or, for None, all that make use of a content and a style.

    Raises:
        OptionError: an unknown name, or none at all.
    """
    names = [name for name in ALL if _pictures(name) >= {"content", "style"}] if methods is None else list(methods)
    for name in names:
        if name not in ALL:
            raise OptionError(f"unknown method {name}; choose out of {', '.join(ALL)}")
    if not names:
        raise OptionError(f"there is no method to paint with; name some out of {', '.join(ALL)}")
    return names


def wish(method: str, content: Source, style: Source, options: Mapping[str, Any]) -> dict[str, Any]:
    """What :func:`impasto.stylize` is given for one of several methods that paint the same pictures.

    Args:
        method: its name.
        content: the photograph; left out where the method has no use for it.
        style: the painting, likewise.
        options: those of all methods; it is given those that it has a use for.
    """
    pair = {"content": content, "style": style}
    given = {kind: one if kind in _pictures(method) else None for kind, one in pair.items()}
    known = {*EVERYWHERE, *uses(method).options, "fetching"}
    return {**given, **{option: value for option, value in options.items() if option in known}, "method": method}


def _pictures(name: str) -> frozenset[str]:
    """The pictures that a method makes use of."""
    return ALL[name].sources | ALL[name].optional


def sources(content: Source, style: Source) -> tuple[Source, Source]:
    """The pictures that ``content`` and ``style`` name, as :func:`impasto.stylize` takes them.

    Raises:
        OptionError: a name that is not ours.
    """
    return packaged.photograph(content), packaged.style(style)


def originals(content: Source, style: Source, size: int) -> tuple[Cell, Cell]:
    """The two pictures that a sheet's paintings are made of.

    Args:
        content: the photograph, as :func:`impasto.stylize` takes it.
        style: the painting, likewise.
        size: the longest side in pixels of the paintings; 0 is the content's own. Both are shown at that size.

    Raises:
        PictureError: a picture that can't be read.
        OptionError: a name that is not ours, or an impossible size.
    """
    whole("size", size, 0)
    photograph, painting = (picture.read(source) for source in sources(content, style))
    longest = size or max(photograph.size)
    return _original(photograph, "Content", content, longest), _original(painting, "Style", style, longest)


def _original(opened: Opened, title: str, source: Source, longest: int) -> Cell:
    shown = opened.scaled(longest)
    name = (Path(source).name,) if isinstance(source, str | os.PathLike) else ()
    return Cell(picture.to_pil(shown.picture, shown.alpha), title, name)
