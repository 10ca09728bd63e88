"""The painter of methods without a network."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from numba import get_num_threads

from impasto.classic.abstraction import abstraction
from impasto.classic.analogy import MANNERS, analogy
from impasto.classic.colours import mean
from impasto.classic.easel import Easel, Moment, moments
from impasto.classic.efrosleung import grown
from impasto.classic.extent import extent
from impasto.classic.kuwahara import kuwahara
from impasto.classic.mosaic import mosaic
from impasto.classic.papercut import papercut
from impasto.classic.patches import SIZES, stylised
from impasto.classic.presets import PRESETS, SIZE
from impasto.classic.progress import Callback, Look
from impasto.classic.quilting import quilt, transferred
from impasto.classic.regionstrokes import RADII, stroked
from impasto.classic.stainedglass import stainedglass
from impasto.classic.strokes import Strokes
from impasto.classic.svg import svg
from impasto.errors import OptionError
from impasto.family import Commission, Floats, Order, Painted, Progress
from impasto.picture import resize, scale

LIBRARIES = ("numba",)
# Not all of the ways in which Numba shares work among cores bear to be used by two threads at once.
_compiled = threading.RLock()
RADIUS, SMOOTHING = 5.0, 2.0  # of Kuwahara's filter, in pixels of a picture whose `extent` is `SIZE`
SEEDS = 2**40  # so that numbers derived from a seed stay below 2⁶³
REGIONS = {"abstraction": abstraction, "stainedglass": stainedglass, "mosaic": mosaic, "papercut": papercut}


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be painted.

    Attributes:
        size: of the painting, height and width in pixels.
        options: what the method is asked, a value for each of its own options.
        seed: of all randomness.
        callback: called with what is done, what there is to do, and a function that gives the canvas so far: ``[h, w, 3]`` in
            [0, 1], of any size, while the callback runs.
        content: ``[H, W, 3]`` in [0, 1], of the painting's size; or None.
        style: ``[h, w, 3]``, of any size; or None.
        pair: A and A', ``[h, w, 3]``, both of one size; or None.
        focus: where to keep detail, 1, and where not, 0, ``[H, W]``, of the painting's size; or None.
        frames: how often about a painting of strokes is to call back.
    """

    size: tuple[int, int]
    options: Mapping[str, Any]
    seed: int
    callback: Callback
    content: Floats | None
    style: Floats | None
    pair: tuple[Floats, Floats] | None
    focus: Floats | None
    frames: int


@dataclass(frozen=True)
class Rendered:
    """What came of a task.

    Attributes:
        picture: the painting, ``[H, W, 3]`` in [0, 1].
        drawing: gives its strokes as the text of an SVG file, where it is made of strokes.
        finished: whether it is; otherwise it may be of any size.
    """

    picture: Floats
    drawing: Callable[[], str] | None = None
    finished: bool = True


class Painter:
    """A method with its style or its pair."""

    def __init__(self, order: Order) -> None:
        """Keep what painting needs.

        Args:
            order: of a :class:`.rendering.Rendering`.

        Raises:
            OptionError: an analogy with both a style and a pair, or with neither.
        """
        if "pair" in order.page.options and (order.pair is None) == (not order.styles):
            raise OptionError(f"{order.page.name} needs either a style or a pair; name one of the two")
        self.order = order
        self.settings: Mapping[str, Any] = {"threads": get_num_threads()}
        # They have the scale of the painting before, which in a folder or a film all have.
        self._scaled = lru_cache(maxsize=1)(self._scale)

    def paint(self, commission: Commission) -> Painted:
        """Paint a ``commission``, as :meth:`impasto.family.Prepared.paint` says."""
        options, (width, height) = self.order.options, commission.size
        longest = options["style_size"] or max(commission.size)
        style, pair = self._scaled(longest)
        looks: list[Look] = []
        began, done = time.perf_counter(), 0

        def tell(step: int, steps: int, look: Look) -> None:
            nonlocal done
            done, looks[:] = step, [look]
            commission.tell(Progress(step, steps, 0, 1, commission.size, time.perf_counter() - began, 0.0, {}, look))

        task = Task(
            size=(height, width),
            options=options,
            seed=options["seed"] % SEEDS,
            callback=tell,
            content=commission.content.resized(commission.size).picture if commission.content else None,
            style=style,
            pair=pair,
            focus=resize(commission.focus.picture.mean(2), commission.size) if commission.focus else None,
            frames=commission.frames,
        )
        try:
            with _compiled:
                rendered = RENDERERS[self.order.page.name](task)
        except (KeyboardInterrupt, SystemError) as error:
            if not _stopped(error):
                raise
            if not looks:
                raise KeyboardInterrupt from error
            rendered = Rendered(looks[0](), finished=False)
        return Painted(resize(rendered.picture, commission.size), None if rendered.finished else done, rendered.drawing)

    def _scale(self, longest: int) -> tuple[Floats | None, tuple[Floats, Floats] | None]:
        """The style and the pair, no larger than a longest side, as far as that leaves a patch of them."""
        least = self.order.options["patch"] or SIZES[-1]
        style = scale(self.order.styles[0][1].picture, longest, enlarge=False, least=least) if self.order.styles else None
        if self.order.pair is None:
            return style, None
        first, second = (scale(one.picture, longest, enlarge=False, least=least) for one in self.order.pair)
        return style, (first, second)


def prepare(order: Order) -> Painter:
    """Get ready for an ``order``; see :meth:`impasto.family.Room.prepare`."""
    return Painter(order)


def _stopped(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error, as where it came while Numba was reading what it had compiled."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _strokes(task: Task) -> Rendered:
    assert task.content is not None
    preset = PRESETS[task.options["preset"]]
    parts = -(-task.frames // len(preset.brushwork.radii))
    return _watched(task, moments(task.content, preset, seed=task.seed, style=task.style, scale=task.options["brush"], parts=parts))


def _regions_strokes(task: Task) -> Rendered:
    assert task.content is not None
    radii = tuple(radius * task.options["brush"] for radius in RADII)
    layers = stroked(task.content, detail=task.options["detail"], focus=task.focus, seed=task.seed, radii=radii)
    easel = Easel(task.size, PRESETS["oil"], mean(task.content), task.seed, extent(task.size) / SIZE)
    return _watched(task, easel.paint(layers, len(layers), -(-task.frames // len(layers))))


def _watched(task: Task, painting: Iterable[Moment]) -> Rendered:
    """A painting of strokes to its end, or to where it is interrupted."""
    strokes: list[Strokes] = []
    moment: Moment | None = None
    finished = True
    try:
        for moment in painting:
            strokes.append(moment.strokes)
            task.callback(moment.done, moment.total, moment.easel.look)
    except (KeyboardInterrupt, SystemError) as error:
        if not _stopped(error):
            raise
        finished = False
    if moment is None:
        raise KeyboardInterrupt
    easel = moment.easel
    preset = easel.preset
    drawing = partial(svg, strokes, task.size, easel.ground, preset.brushwork.opacity, preset.bristles.glaze)
    return Rendered(easel.look(), drawing, finished)


def _regions(task: Task) -> Rendered:
    assert task.content is not None
    paint = REGIONS[task.options["preset"]]
    detail = task.options["detail"]
    return Rendered(paint(task.content, detail=detail, focus=task.focus, seed=task.seed, callback=task.callback))


def _kuwahara(task: Task) -> Rendered:
    assert task.content is not None
    unit = extent(task.size) / SIZE * task.options["brush"]
    return Rendered(kuwahara(task.content, RADIUS * unit, SMOOTHING * unit, callback=task.callback))


def _analogy(task: Task) -> Rendered:
    assert task.content is not None
    if task.pair is None:
        assert task.style is not None
        fidelity = task.options["content_weight"]
        return Rendered(stylised(task.content, task.style, fidelity=fidelity, seed=task.seed, callback=task.callback))
    manner = MANNERS[task.options["preset"]]
    if task.options["coherence"] is not None:
        manner = replace(manner, coherence=task.options["coherence"])
    return Rendered(analogy(*task.pair, task.content, manner=manner, callback=task.callback))


def _quilting(task: Task) -> Rendered:
    assert task.style is not None
    block = task.options["patch"]
    if task.content is None:
        return Rendered(quilt(task.style, task.size, seed=task.seed, block=block, callback=task.callback))
    return Rendered(transferred(task.style, task.content, seed=task.seed, block=block, callback=task.callback))


def _efrosleung(task: Task) -> Rendered:
    assert task.style is not None
    return Rendered(grown(task.style, task.size, window=task.options["patch"], seed=task.seed, callback=task.callback))


RENDERERS: dict[str, Callable[[Task], Rendered]] = {
    "strokes": _strokes,
    "regions": _regions,
    "regions-strokes": _regions_strokes,
    "kuwahara": _kuwahara,
    "analogy": _analogy,
    "quilting": _quilting,
    "efrosleung": _efrosleung,
}
