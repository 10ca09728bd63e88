"""Brushes: strokes as paint on a canvas, with the marks of bristles, a thickness, and light on it."""

from dataclasses import dataclass

import numpy as np
from numba import prange
from numpy.typing import NDArray

from impasto.classic.compiled import njit
from impasto.classic.strokes import Strokes

Floats = NDArray[np.float32]
BAND = 64  # rows that one thread paints at a time
SPACING = 1 / 512  # between bristles, of the picture's longest side, but no less than this many pixels:
FINEST = 1.8
GROOVE = np.float32(0.8)  # depth of bristles' grooves over their distance, or over the paint's thickness if that is less
KNOT = 3  # radii along a stroke after which its bristles leave other marks
THICK = 1 / 512  # of the longest side: the radius of a brush whose paint is as thick as the ``body`` says


@dataclass(frozen=True, kw_only=True)
class Bristles:
    """What a brush's strokes look like.

    Attributes:
        streak: how far bristles' colours differ from the stroke's, of 1 at most.
        dry: how much of the canvas shows between the bristles, and more of it towards a stroke's end, from 0 to 1.
        body: how thick the paint is, over the radius of a fine brush; its thickness grows with the root of the radius.
        soft: the width of a stroke's edge over its radius; 0 is as sharp as pixels allow.
        ragged: how far a stroke's edge strays, over its radius.
        rim: how much darker the edge of a wash is than its middle, as pigment gathers there, of 1 at most.
        grain: how much the paper's tooth shows through, from 0 to 1.
        glaze: how transparent the paint is: from 0, which covers what is there, to 1, which can only darken it.
    """

    streak: float = 0.05
    dry: float = 0.2
    body: float = 0.3
    soft: float = 0.0
    ragged: float = 0.0
    rim: float = 0.0
    grain: float = 0.0
    glaze: float = 0.0


def curves(strokes: Strokes) -> tuple[Floats, NDArray[np.int64]]:
    """The uniform cubic B-splines through strokes' control points, repeated at their ends so that they begin and end there, as polylines.

    Args:
        strokes: their control points are a radius apart.

    Returns:
        All polylines' points one after another, ``[P, 2]``, x and y, and where each begins, ``[S + 1]``.
    """
    steps = _steps(strokes.radius)
    sizes = np.where(strokes.counts > 1, (strokes.counts + 1) * steps + 1, 1)
    begins = np.concatenate([[0], np.cumsum(sizes)])
    return _curved(strokes.points, strokes.counts, steps, begins), begins


def _steps(radius: float) -> int:
    """Segments of a span, enough for a bend no narrower than the brush to stay within a quarter of a pixel."""
    return max(2, int(np.ceil(np.sqrt(radius / 2))))


@njit(parallel=True)
def _curved(points, counts, steps, begins):  # type: ignore[no-untyped-def]
    curve = np.empty((begins[-1], 2), np.float32)
    for stroke in prange(len(counts)):
        place, count = begins[stroke], counts[stroke]
        if count == 1:
            curve[place, 0], curve[place, 1] = points[stroke, 0, 0], points[stroke, 0, 1]
            continue
        for span in range(count + 1):
            for step in range(steps + (span == count)):
                t = step / steps
                a, b = (1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6
                c, d = (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6
                for axis in range(2):
                    value = 0.0
                    for offset, weight in ((-2, a), (-1, b), (0, c), (1, d)):
                        value += weight * points[stroke, min(max(span + offset, 0), count - 1), axis]
                    curve[place, axis] = value
                place += 1
    return curve


@njit()
def _noise(a, b):  # type: ignore[no-untyped-def]
    """A number in [0, 1) that looks random, out of two whole ones."""
    h = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(b) * np.uint64(0xC2B2AE3D27D4EB4F)
    h ^= h >> np.uint64(29)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(32)
    return np.float32(h >> np.uint64(40)) / np.float32(2**24)


@njit()
def _cloud(x, y, seed):  # type: ignore[no-untyped-def]
    """Noise that varies smoothly over about a unit, in [0, 1)."""
    column, row = np.int64(np.floor(x)), np.int64(np.floor(y))
    u, v = x - column, y - row
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    here = 65_536 * row + column
    upper = (1 - u) * _noise(here, seed) + u * _noise(here + 1, seed)
    lower = (1 - u) * _noise(here + 65_536, seed) + u * _noise(here + 65_537, seed)
    return (1 - v) * upper + v * lower


@njit(parallel=True)
def tooth(height, width, scale, seed):  # type: ignore[no-untyped-def]
    """The relief of a paper.

    Args:
        height: in pixels.
        width: in pixels.
        scale: how many times larger the grain is than in a picture whose longest side is 512.
        seed: of the noise.

    Returns:
        ``[height, width]`` in [0, 1), about as often high as low.
    """
    paper = np.empty((height, width), np.float32)
    for row in prange(height):
        for column in range(width):
            x, y = column / scale, row / scale
            # Two octaves, turned against each other so that no grid shows.
            paper[row, column] = 0.6 * _cloud(0.8 * x + 0.6 * y + 999, 0.8 * y - 0.6 * x + 9999, seed) + 0.4 * _cloud(
                1.9 * x - 1.1 * y + 9999, 1.9 * y + 1.1 * x + 999, seed + 1
            )
    return paper


def paint(
    canvas: Floats,
    height: Floats,
    strokes: Strokes,
    bristles: Bristles,
    opacity: float,
    seed: int,
    first: int = 0,
    paper: Floats | None = None,
) -> None:
    """Paint strokes in their order, in place; colours may leave [0, 1] a little where bristles differ.

    Args:
        canvas: ``[H, W, 3]``.
        height: of its paint, in pixels, ``[H, W]``.
        strokes: in pixels of the canvas.
        bristles: what they look like.
        opacity: of the paint, from 0 to 1.
        seed: of the bristles' marks.
        first: the number of the first stroke, so that strokes may come in several parts.
        paper: the relief of the paper, ``[H, W]`` in [0, 1], if it has any.
    """
    curve, begins = curves(strokes)
    side = max(height.shape)
    marks = max(2, int(2 * strokes.radius / max(FINEST, SPACING * side)))
    thickness = bristles.body * np.sqrt(strokes.radius * THICK * side)
    paper = np.zeros((0, 0), np.float32) if paper is None else paper
    looks = (bristles.streak, bristles.dry, thickness, bristles.soft, bristles.ragged, bristles.rim, bristles.grain, bristles.glaze)
    radius, *values = (np.float32(x) for x in (strokes.radius, opacity, *looks))
    _paint(canvas, height, curve, begins, strokes.colours, marks, KNOT * _steps(strokes.radius), first, seed, paper, radius, *values)


@njit(parallel=True, fastmath=True)
def _paint(  # type: ignore[no-untyped-def]
    canvas,
    height,
    curve,
    begins,
    colours,
    marks,
    knot,
    number,
    seed,
    paper,
    radius,
    opacity,
    streak,
    dry,
    body,
    soft,
    ragged,
    rim,
    grain,
    glaze,
):
    rows, columns, _ = canvas.shape
    strokes = len(begins) - 1
    edge = max(soft * radius, np.float32(1))
    reach = radius * (1 + ragged) + 0.5 * edge + 1
    spacing = 2 * radius / marks
    longest = 0
    for stroke in range(strokes):
        longest = max(longest, begins[stroke + 1] - begins[stroke])
    boxes = np.empty((strokes, 4), np.float32)
    for stroke in prange(strokes):
        left, top, right, bottom = np.float32(1e9), np.float32(1e9), np.float32(-1e9), np.float32(-1e9)
        for place in range(begins[stroke], begins[stroke + 1]):
            x, y = curve[place, 0], curve[place, 1]
            left, top, right, bottom = min(left, x), min(top, y), max(right, x), max(bottom, y)
        boxes[stroke, 0], boxes[stroke, 1], boxes[stroke, 2], boxes[stroke, 3] = left - reach, top - reach, right + reach, bottom + reach
    # Bands of rows are painted at the same time, every one with all strokes in their order.
    for band in prange((rows + BAND - 1) // BAND):
        first, last = int(band) * BAND, min(rows, (int(band) + 1) * BAND)
        # For every pixel the nearest point of the curve: how far, squared; on which side, -1 or 1; how far along, in segments.
        nearest = np.empty((BAND, columns), np.float32)
        side, at = np.empty_like(nearest), np.empty_like(nearest)
        mark = np.empty((longest // knot + 2, marks + 2), np.float32)  # of the bristles, side by side, at every knot
        for stroke in range(strokes):
            y0, y1 = max(first, int(np.floor(boxes[stroke, 1]))), min(last, int(np.ceil(boxes[stroke, 3])) + 1)
            x0, x1 = max(0, int(np.floor(boxes[stroke, 0]))), min(columns, int(np.ceil(boxes[stroke, 2])) + 1)
            if y0 >= y1 or x0 >= x1:
                continue
            for row in range(y0 - first, y1 - first):
                for column in range(x0, x1):
                    nearest[row, column] = np.float32(1e9)
            begin, end = begins[stroke], begins[stroke + 1]
            for place in range(begin, max(begin + 1, end - 1)):
                after = min(place + 1, end - 1)
                ax, ay, bx, by = curve[place, 0], curve[place, 1], curve[after, 0], curve[after, 1]
                ux, uy = bx - ax, by - ay
                square = ux * ux + uy * uy
                per = 1 / square if square > 0 else np.float32(0)
                top, bottom = min(ay, by), max(ay, by)
                for row in range(max(y0, int(np.floor(top - reach))), min(y1, int(np.ceil(bottom + reach)) + 1)):
                    beyond = max(np.float32(0), max(top - row, row - bottom))
                    if beyond > reach:
                        continue
                    half = np.sqrt(reach * reach - beyond * beyond)
                    py = row - ay
                    for column in range(max(x0, int(min(ax, bx) - half)), min(x1, int(max(ax, bx) + half) + 2)):
                        px = column - ax
                        t = min(max((px * ux + py * uy) * per, np.float32(0)), np.float32(1))
                        qx, qy = px - t * ux, py - t * uy
                        distance = qx * qx + qy * qy
                        if distance < nearest[row - first, column]:
                            nearest[row - first, column] = distance
                            side[row - first, column] = np.float32(1) if ux * py >= uy * px else np.float32(-1)
                            at[row - first, column] = place - begin + t
            dab = end - begin == 1
            length = np.float32(max(1, end - begin - 1))
            for place in range((end - begin) // knot + 2):
                for index in range(marks + 2):
                    bristle = _noise((number + stroke) * 65_536 + index, seed + 999 * place)
                    tuft = _noise((number + stroke) * 65_536 + 32_768 + index // 4, seed + 999 * place)
                    # A weighted mean, as far spread as one of them.
                    mean = np.float32(0.84) * bristle + np.float32(0.56) * tuft - np.float32(0.2)
                    mark[place, index] = min(max(mean, np.float32(0)), np.float32(1))
            for row in range(y0, y1):
                for column in range(x0, x1):
                    square = nearest[row - first, column]
                    if square > reach * reach:
                        continue
                    distance = np.sqrt(square)
                    across = side[row - first, column] * distance / radius
                    if ragged > 0:
                        distance += ragged * radius * (2 * _cloud(column / radius + 999, row / radius + 999, seed + number + stroke) - 1)
                    alpha = min(max((radius - distance) / edge + np.float32(0.5), np.float32(0)), np.float32(1))
                    if alpha <= 0:
                        continue
                    far = distance / radius
                    u = min(max(across * np.float32(0.5) + np.float32(0.5), np.float32(0)), np.float32(1)) * marks
                    index = int(u)
                    part = u - index
                    part = part * part * (3 - 2 * part)
                    along = at[row - first, column] / knot
                    place = int(along)
                    along -= place
                    here = (1 - along) * ((1 - part) * mark[place, index] + part * mark[place, index + 1])
                    here += along * ((1 - part) * mark[place + 1, index] + part * mark[place + 1, index + 1])
                    if dab:
                        here = mark[0, 0]
                    along = at[row - first, column] / length
                    bare = min(
                        max((here - 1 + dry * (np.float32(0.3) + np.float32(0.7) * along)) / np.float32(0.12), np.float32(0)), np.float32(1)
                    )
                    alpha *= opacity * (1 - np.float32(0.85) * bare)
                    if grain > 0:
                        # Paint stays on what stands out of the paper.
                        alpha *= 1 - grain * min(
                            max((np.float32(0.55) - paper[row, column]) / np.float32(0.15) + np.float32(0.5), np.float32(0)), np.float32(1)
                        )
                    tone = streak * (2 * here - 1) - rim * max(np.float32(0), (far - np.float32(0.75)) / np.float32(0.25))
                    for channel in range(3):
                        change = colours[stroke, channel] + tone - canvas[row, column, channel]
                        canvas[row, column, channel] += alpha * change * (1 - glaze if change > 0 else np.float32(1))
                    # Bristles push paint aside, to the stroke's edges, and before them, to its end, and leave grooves.
                    pushed = np.float32(0.7) + np.float32(0.5) * far * far
                    pushed += np.float32(0.5) * max(np.float32(0), along - np.float32(0.8)) / np.float32(0.2)
                    thick = body * pushed * min(np.float32(1), 2 * (1 - far) * radius / max(body, np.float32(1)))
                    thick += GROOVE * min(spacing, body) * (here - np.float32(0.5))
                    # A third of what was there still shows.
                    height[row, column] += alpha * (thick - np.float32(0.65) * height[row, column])


def lit(canvas: Floats, height: Floats, strength: float, shine: float) -> Floats:
    """A canvas lit from its upper left, as its relief and colours show.

    Args:
        canvas: its colours, ``[H, W, 3]`` in [0, 1].
        height: of the paint, in pixels, ``[H, W]``.
        strength: of the shading: how much lighter a steep slope towards the light is, and darker one away from it; by 0.45 at most.
        shine: of highlights.

    Returns:
        ``[H, W, 3]`` in [0, 1].
    """
    return np.asarray(_lit(canvas, height, np.float32(strength), np.float32(shine)))


@njit(parallel=True)
def _lit(canvas, height, strength, shine):  # type: ignore[no-untyped-def]
    rows, columns, _ = canvas.shape
    result = np.empty_like(canvas)
    for index in prange(rows):
        row = int(index)
        above, below = max(row - 1, 0), min(row + 1, rows - 1)
        for column in range(columns):
            before, after = max(column - 1, 0), min(column + 1, columns - 1)
            down = height[below, before] + 2 * height[below, column] + height[below, after]
            down -= height[above, before] + 2 * height[above, column] + height[above, after]
            down /= 4 * max(1, below - above)
            along = height[above, after] + 2 * height[row, after] + height[below, after]
            along -= height[above, before] + 2 * height[row, before] + height[below, before]
            along /= 4 * max(1, after - before)
            # The light's direction over the picture, times the surface's, both of unit length.
            shade = strength * (along + down) / np.sqrt(2 * (1 + along * along + down * down))
            glint = shine * max(shade, 0.0) ** 3
            factor = 1 + min(max(shade, -0.45), 0.45)
            for channel in range(3):
                result[row, column, channel] = min(max(canvas[row, column, channel] * factor + glint, 0.0), 1.0)
    return result
