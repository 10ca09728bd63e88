"""What painting asks of a family of methods, and what a family answers: to be prepared once, and then to paint.

A family is a room with a module that has :func:`Room.prepare`. It is given an :class:`Order`, all that doesn't depend on a content, and
returns something :class:`Prepared`, which paints a :class:`Commission` as often as it is asked to. What is in between is its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from impasto.errors import OptionError
from impasto.picture import Opened

Floats = NDArray[np.float32]
Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What every method says of itself.

    Attributes:
        name: what ``--method`` calls it.
        citation: who published it, and where.
        good_at: what it is good at, in one line.
        sources: the pictures it needs: ``content``, ``style`` or both.
        optional: those it makes use of if there are any.
        options: what it has a use for besides its family's options, with its own defaults; None stands for what suits the pictures.
        choices: what it offers for an option whose choices are the method's own, such as ``preset``.
        strokes: whether its paintings are strokes, which an SVG file can hold.
        named: whether its styles are names that its model knows, in place of pictures.
        start: what its painting begins from, for those that go on from something.
    """

    name: str
    citation: str
    good_at: str
    sources: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    strokes: bool = False
    named: bool = False
    start: str | None = None


@dataclass(frozen=True)
class Progress:
    """What a callback is told after every step.

    Attributes:
        step: steps taken so far, counted from 1 over the whole run.
        steps: steps the whole run will take.
        level, levels: the level of the pyramid, counted from 0 at the coarsest, and how many there are.
        size: width and height of this level.
        seconds: since the run began.
        total: the objective, before this step moved the canvas.
        terms: every term's weighted share of it; empty where nothing is optimised.
        look: gives the canvas.
    """

    step: int
    steps: int
    level: int
    levels: int
    size: Size
    seconds: float
    total: float
    terms: Mapping[str, float]
    look: Callable[[], Floats]

    @property
    def canvas(self) -> Floats:
        """The canvas of this level that is kept so far, the best or the last, ``[H, W, 3]``, not clamped.

        A painting without losses has one only while the callback runs, and makes this picture of it when asked.
        """
        return self.look()


Listener = Callable[[Progress], None]
Fetching = Callable[[int, int | None], None]
"""Called with the bytes fetched and, if known, to fetch, while weights are downloaded."""
Begin = Callable[[Floats, Sequence[tuple[float, Floats]]], Floats]
"""Another method's painting of a content ``[H, W, 3]`` in styles with their shares, ``[H, W, 3]``."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a painter is to be prepared for.

    Attributes:
        page: the method's.
        options: a value for every option.
        styles: the style pictures with their shares, which add up to 1.
        names: the styles by name, for a method whose model knows them.
        pair: a picture and what it became, both of one size.
        start: what the canvas begins from: a picture, another method, or None for what the options say.
        fetching: told of downloads.
    """

    page: Page
    options: Mapping[str, Any]
    styles: Sequence[tuple[float, Opened]] = ()
    names: Sequence[str] = ()
    pair: tuple[Opened, Opened] | None = None
    start: Opened | Begin | None = None
    fetching: Fetching | None = None


@dataclass(frozen=True, kw_only=True)
class Commission:
    """What is to be painted.

    Attributes:
        size: width and height of the painting in pixels.
        content: the photograph, of its own size.
        focus: where to keep detail, a picture of the content's size.
        frames: how often about to tell of a painting whose steps are as many as it likes.
        tell: called after every step.
    """

    size: Size
    content: Opened | None = None
    focus: Opened | None = None
    frames: int = 32
    tell: Listener


@dataclass(frozen=True)
class Painted:
    """What came of a commission.

    Attributes:
        picture: the painting, ``[H, W, 3]``.
        stopped: the step at which Ctrl-C ended it, if it did.
        drawing: gives its strokes as the text of an SVG file, where it is made of strokes.
    """

    picture: Floats
    stopped: int | None = None
    drawing: Callable[[], str] | None = None


class Prepared(Protocol):
    """A painter, ready.

    Attributes:
        settings: what a painting's settings say of how it was made besides the options: where it was computed, from which weights.
    """

    settings: Mapping[str, Any]

    def paint(self, commission: Commission) -> Painted:
        """Paint a ``commission``. Ctrl-C ends that and keeps the canvas so far.

        Raises:
            ImpastoError: what the user can mend.
            KeyboardInterrupt: Ctrl-C before there was anything to keep.
        """


class Room(Protocol):
    """A family's module."""

    LIBRARIES: tuple[str, ...]
    """The packages whose versions a painting's bytes depend on."""

    def implied(self, value: Any) -> str:
        """The method that a ``value`` means, given for the option that implies one of the family's.

        Raises:
            ImpastoError: what the user can mend.
        """

    def prepare(self, order: Order) -> Prepared:
        """Get ready to paint what an ``order`` says.

        Raises:
            ImpastoError: what the user can mend.
        """


def shares(count: int, blend: Sequence[float] | None) -> list[float]:
    """The shares of so many styles, which add up to 1.

    Args:
        count: of styles.
        blend: a number for each; None is equal ones.

    Raises:
        OptionError: another count of numbers.
    """
    numbers = blend or (1.0,) * count
    if len(numbers) != count:
        raise OptionError(f"blend has {len(numbers)} numbers for {count} styles; give one for each")
    largest = max(numbers)
    parts = [number / largest for number in numbers]  # whose sum is a number, however large they are
    return [part / sum(parts) for part in parts]
