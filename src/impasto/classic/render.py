"""The room's door: every method without a network, from pictures and options to a painting."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.classic.abstraction import abstraction
from impasto.classic.analogy import MANNERS, analogy
from impasto.classic.colours import mean
from impasto.classic.easel import Easel, Moment, moments
from impasto.classic.efrosleung import grown
from impasto.classic.extent import extent
from impasto.classic.kuwahara import kuwahara
from impasto.classic.mosaic import mosaic
from impasto.classic.papercut import papercut
from impasto.classic.patches import stylised
from impasto.classic.presets import PRESETS, SIZE
from impasto.classic.progress import Callback, Look
from impasto.classic.quilting import quilt, transferred
from impasto.classic.regionstrokes import RADII, stroked
from impasto.classic.stainedglass import stainedglass
from impasto.classic.strokes import Strokes
from impasto.classic.svg import svg

Floats = NDArray[np.float32]
RADIUS, SMOOTHING = 5.0, 2.0  # of Kuwahara's filter, in pixels of a picture whose `extent` is `SIZE`
SEEDS = 2**40  # so that numbers derived from a seed stay below 2⁶³
REGIONS = {"abstraction": abstraction, "stainedglass": stainedglass, "mosaic": mosaic, "papercut": papercut}


@dataclass(frozen=True, kw_only=True)
class Order:
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
    content: Floats | None = None
    style: Floats | None = None
    pair: tuple[Floats, Floats] | None = None
    focus: Floats | None = None
    frames: int = 32


@dataclass(frozen=True)
class Rendered:
    """What came of an order.

    Attributes:
        picture: the painting, ``[H, W, 3]`` in [0, 1].
        drawing: gives its strokes as the text of an SVG file, where it is made of strokes.
        finished: whether it is; otherwise it may be of any size.
    """

    picture: Floats
    drawing: Callable[[], str] | None = None
    finished: bool = True


def render(method: str, order: Order) -> Rendered:
    """Paint. An interrupt (Ctrl-C) ends that and keeps the canvas so far.

    Args:
        method: a name out of :data:`impasto.methods.RENDERINGS`.
        order: what is to be painted, with the pictures that the method needs.

    Raises:
        PictureError: a picture that is too small for the method.
        OptionError: an impossible option.
    """
    looks: list[Look] = []

    def tell(done: int, total: int, look: Look) -> None:
        looks[:] = [look]
        order.callback(done, total, look)

    try:
        return RENDERERS[method](replace(order, seed=order.seed % SEEDS, callback=tell))
    except KeyboardInterrupt:
        if not looks:
            raise
        return Rendered(looks[0](), finished=False)


def _strokes(order: Order) -> Rendered:
    assert order.content is not None
    preset = PRESETS[order.options["preset"]]
    parts = -(-order.frames // len(preset.brushwork.radii))
    return _watched(order, moments(order.content, preset, seed=order.seed, style=order.style, scale=order.options["brush"], parts=parts))


def _regions_strokes(order: Order) -> Rendered:
    assert order.content is not None
    radii = tuple(radius * order.options["brush"] for radius in RADII)
    layers = stroked(order.content, detail=order.options["detail"], focus=order.focus, seed=order.seed, radii=radii)
    easel = Easel(order.size, PRESETS["oil"], mean(order.content), order.seed, extent(order.size) / SIZE)
    return _watched(order, easel.paint(layers, len(layers), -(-order.frames // len(layers))))


def _watched(order: Order, painting: Iterable[Moment]) -> Rendered:
    """A painting of strokes to its end, or to where it is interrupted."""
    strokes: list[Strokes] = []
    moment: Moment | None = None
    finished = True
    try:
        for moment in painting:
            strokes.append(moment.strokes)
            order.callback(moment.done, moment.total, moment.easel.look)
    except KeyboardInterrupt:
        finished = False
    if moment is None:
        raise KeyboardInterrupt
    easel = moment.easel
    preset = easel.preset
    drawing = partial(svg, strokes, order.size, easel.ground, preset.brushwork.opacity, preset.bristles.glaze)
    return Rendered(easel.look(), drawing, finished)


def _regions(order: Order) -> Rendered:
    assert order.content is not None
    paint = REGIONS[order.options["preset"]]
    detail = order.options["detail"]
    return Rendered(paint(order.content, detail=detail, focus=order.focus, seed=order.seed, callback=order.callback))


def _kuwahara(order: Order) -> Rendered:
    assert order.content is not None
    unit = extent(order.size) / SIZE * order.options["brush"]
    return Rendered(kuwahara(order.content, RADIUS * unit, SMOOTHING * unit, callback=order.callback))


def _analogy(order: Order) -> Rendered:
    assert order.content is not None
    if order.pair is None:
        assert order.style is not None
        fidelity = order.options["content_weight"]
        return Rendered(stylised(order.content, order.style, fidelity=fidelity, seed=order.seed, callback=order.callback))
    manner = MANNERS[order.options["preset"]]
    if order.options["coherence"] is not None:
        manner = replace(manner, coherence=order.options["coherence"])
    return Rendered(analogy(*order.pair, order.content, manner=manner, callback=order.callback))


def _quilting(order: Order) -> Rendered:
    assert order.style is not None
    block = order.options["patch"]
    if order.content is None:
        return Rendered(quilt(order.style, order.size, seed=order.seed, block=block, callback=order.callback))
    return Rendered(transferred(order.style, order.content, seed=order.seed, block=block, callback=order.callback))


def _efrosleung(order: Order) -> Rendered:
    assert order.style is not None
    return Rendered(grown(order.style, order.size, window=order.options["patch"], seed=order.seed, callback=order.callback))


RENDERERS: dict[str, Callable[[Order], Rendered]] = {
    "strokes": _strokes,
    "regions": _regions,
    "regions-strokes": _regions_strokes,
    "kuwahara": _kuwahara,
    "analogy": _analogy,
    "quilting": _quilting,
    "efrosleung": _efrosleung,
}
