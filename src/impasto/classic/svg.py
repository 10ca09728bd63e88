"""Strokes as scalable vector graphics, sharp at any size."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.classic.strokes import Strokes


def beziers(points: NDArray[Any]) -> NDArray[Any]:
    """The Bézier form of the uniform cubic B-spline through control points that are repeated at its ends.

    Args:
        points: ``[K, 2]``, at least two, each repeated twice more at the ends, as :func:`impasto.classic.brush.curves` does.

    Returns:
        ``[3 K + 4, 2]``: where it begins, then two handles and an end for each of its K + 1 spans.
    """
    first, *_, last = points
    whole = np.concatenate([[first, first], points, [last, last]])
    # Handles divide the sides of the control polygon in three; ends lie midway between the handles beside them.
    after, before = (2 * whole[:-1] + whole[1:]) / 3, (whole[:-1] + 2 * whole[1:]) / 3
    ends = (before[:-1] + after[1:]) / 2
    spans = np.stack([after[1:-1], before[1:-1], ends[1:]], 1)
    return np.concatenate([ends[:1], spans.reshape(-1, 2)])


def svg(
    layers: Iterable[Strokes], size: tuple[int, int], ground: tuple[float, float, float], opacity: float = 1.0, glaze: float = 0.0
) -> str:
    """Strokes as paths with round ends, in the order in which they are painted.

    Args:
        layers: for instance the strokes of all of :func:`impasto.classic.easel.moments`.
        size: of the picture, height and width in pixels.
        ground: its colour where no stroke is, red, green and blue in [0, 1].
        opacity: of the strokes, from 0 to 1.
        glaze: how transparent their paint is, as :class:`impasto.classic.brush.Bristles` has it; more than half makes them only darken.

    Returns:
        The text of an SVG file.
    """
    height, width = size
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">']
    if glaze > 0.5:
        lines.append("<style>path{mix-blend-mode:darken}</style>")
    lines.append(f'<rect width="{width}" height="{height}" fill="{_colour(ground)}"/>')
    # Whole tenths of pixels are short to write. The middle of the first pixel lies at half a pixel.
    see_through = "" if opacity == 1 else f' stroke-opacity="{opacity:g}"'
    lines.append(f'<g transform="translate(.5 .5) scale(.1)" fill="none" stroke-linecap="round"{see_through}>')
    for strokes in layers:
        lines.append(f'<g stroke-width="{20 * strokes.radius:.4g}">')
        for points, count, colour in zip(strokes.points, strokes.counts, strokes.colours, strict=True):
            lines.append(f'<path d="{_path(points[:count])}" stroke="{_colour(colour)}"/>')
        lines.append("</g>")
    return "\n".join([*lines, "</g>", "</svg>\n"])


def _path(points: NDArray[Any]) -> str:
    """Through control points, in tenths of pixels, each place from the end of the span before it."""
    curve = np.round(10 * beziers(points if len(points) > 1 else points[[0, 0]])).astype(int)
    start = f"M{curve[0, 0]} {curve[0, 1]}"
    if len(points) == 1:
        return start + "h0"
    spans = curve[1:].reshape(-1, 3, 2) - curve[:-1:3, None]
    # The spline's handles mirror each other about the ends, so that all but the first need not be written.
    numbers = [*spans[0, 0].tolist(), *spans[0, 1:].ravel().tolist()], spans[1:, 1:].ravel().tolist()
    return start + "".join(letter + " ".join(map(str, some)).replace(" -", "-") for letter, some in zip("cs", numbers, strict=True))


def _colour(colour: Iterable[float]) -> str:
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, float(value)))):02x}" for value in colour)
