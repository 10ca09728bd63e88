"""Painterly rendering with curved brush strokes of several sizes (Hertzmann 1998).

Layers are painted from the widest brush to the narrowest. Where the canvas differs from the picture, as blurred as the
brush is wide, a stroke begins; it takes the picture's colour there, and follows the direction in which that changes least.
"""

from dataclasses import dataclass

import numpy as np
from numba import prange
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import hsv2rgb, rgb2hsv

from impasto.classic.colours import LUMA
from impasto.classic.compiled import njit

Floats = NDArray[np.float32]
FLOW = 1 / 20  # of the picture's longest side: how far directions reach into places that have none
WARM, GREEN = (np.array(x) - np.array(x) @ LUMA for x in ((0.6, 0.1, -1.0), (-0.4, 0.2, -0.2)))  # away from blue and purple, of no luma
SWIRLS = 14  # along a picture's longest side
WIDE = 8  # pixels of deviation above which a Gaussian is three boxes, whose cost doesn't grow with it
EVEN = 1.3  # a largest difference below so many times the mean one is no place to begin at
FAINT = 0.05  # change of light over a brush's radius that counts as much as the direction of hatching, or of what is around


@dataclass(frozen=True, kw_only=True)
class Brushwork:
    """How strokes are placed: the style parameters of Hertzmann 1998, section 2.3, and, from ``smoothing`` on, our own.

    Attributes:
        radii: of the brushes, widest first, in pixels of a picture whose longest side is 512.
        threshold: T, how far the canvas may be from the picture, as a distance of colours from 0 to 255, before a stroke is made.
        curvature: f_c, from 0, which keeps strokes straight, to 1, which lets them follow every bend.
        blur: f_σ, the deviation of a layer's blur over the brush's radius.
        opacity: α of a stroke.
        grid: f_g, the distance between strokes over the brush's radius.
        shortest, longest: a stroke's length, in radii.
        jitter: how far a stroke's hue, saturation, value, red, green and blue differ at random, each of 1 at most.
        smoothing: the deviation of the directions' own blur, over the brush's radius; 0 takes them from single pixels, as in the paper.
        hatching: the angle in radians, clockwise from the right, of strokes where the picture has no direction of its own; None lets them
            follow the strong directions around them.
        mixing: the deviation of a blur through which the canvas is seen when it is compared, over the brush's radius, as colours side by
            side mix in the eye; 0 compares single pixels, as in the paper.
        swirl: how far, in radians, faint places' directions wander from those around them; the further, the more places count as faint.
        square: how far strokes turn to the upright or the level, whichever is nearer, from 0 to 1.
        division: how far colours are moved away from grey, each in a direction of its own and as light as before, of 1 at most.
    """

    radii: tuple[float, ...] = (8, 4, 2)
    threshold: float = 100
    curvature: float = 1.0
    blur: float = 0.5
    opacity: float = 1.0
    grid: float = 1.0
    shortest: int = 4
    longest: int = 16
    jitter: tuple[float, float, float, float, float, float] = (0, 0, 0, 0, 0, 0)
    smoothing: float = 0.0
    hatching: float | None = None
    mixing: float = 0.0
    swirl: float = 0.0
    square: float = 0.0
    division: float = 0.0


@dataclass(frozen=True)
class Strokes:
    """Strokes of one brush, in the order in which they are painted.

    Attributes:
        radius: in pixels.
        points: of the strokes' splines, ``[S, K, 2]``, x and y.
        counts: how many of those each stroke has, ``[S]``; a dab has one.
        colours: ``[S, 3]`` in [0, 1].
    """

    radius: float
    points: Floats
    counts: NDArray[np.int32]
    colours: Floats

    def __getitem__(self, some: slice) -> "Strokes":
        """Some of the strokes."""
        return Strokes(self.radius, self.points[some], self.counts[some], self.colours[some])


def layer(picture: Floats, canvas: Floats | None, radius: float, brushwork: Brushwork, generator: np.random.Generator) -> Strokes:
    """The strokes that bring a canvas nearer to a picture with one brush (Hertzmann 1998, figure 2).

    Args:
        picture: what is painted, ``[H, W, 3]`` in [0, 1].
        canvas: what is there already, ``[H, W, 3]``; None where nothing is, so that there are strokes everywhere.
        radius: of the brush, in pixels.
        brushwork: how strokes are placed.
        generator: of their order and colours.
    """
    reference = blurred(picture, brushwork.blur * radius)
    if canvas is None:
        canvas = np.full((1, 1, 3), 1e3, np.float32)
    elif brushwork.mixing > 0:
        canvas = blurred(canvas, brushwork.mixing * radius)
    grid = max(1, round(brushwork.grid * radius))
    cells = -(-picture.shape[0] // grid), -(-picture.shape[1] // grid)
    starts = _starts(reference, canvas, grid, np.float32(brushwork.threshold / 255), generator.random((*cells, 2), np.float32))
    starts = starts[starts[:, 0] >= 0]
    starts = starts[generator.permutation(len(starts))]
    forwards = generator.integers(2, size=len(starts)) == 0
    cosine, sine = directions(reference, radius, brushwork, generator)
    manner = brushwork.shortest, brushwork.longest, np.float32(brushwork.curvature), np.float32(brushwork.square)
    points, counts = _traced(reference, canvas, cosine, sine, starts, forwards, np.float32(radius), *manner)
    colours = jittered(reference[starts[:, 1], starts[:, 0]], brushwork.jitter, generator)
    return Strokes(radius, points, counts, divided(colours, brushwork.division, generator))


def blurred(picture: Floats, deviation: float) -> Floats:
    """A picture or a map, ``[H, W, ...]``, under a Gaussian, or under three boxes of about its variance if that is wide.

    Args:
        picture: of any values.
        deviation: in pixels.
    """
    result = np.empty_like(picture)
    for channel in np.ndindex(picture.shape[2:]):
        plane, out = picture[:, :, *channel], result[:, :, *channel]
        if deviation <= WIDE:
            ndimage.gaussian_filter(plane, deviation, output=out, truncate=3)
            continue
        # Boxes of n pixels have a variance of (n² - 1) / 12, which add up: some of the odd number below what is needed, some of that above.
        odd = 2 * int((np.sqrt(4 * deviation**2 + 1) - 1) / 2) + 1
        larger = round((12 * deviation**2 - 3 * (odd**2 - 1)) / (4 * odd + 4))
        for index in range(3):
            ndimage.uniform_filter(plane, odd + 2 * (index < larger), output=out)
            plane = out
    return result


def directions(
    reference: Floats, radius: float, brushwork: Brushwork, generator: np.random.Generator | None = None
) -> tuple[Floats, Floats]:
    """Which way a picture changes most, as cosine and sine of the doubled angle, times the square of how much it changes over a radius.

    Doubled, opposite directions are one, and can be averaged (Kass & Witkin 1987).

    Args:
        reference: the picture, ``[H, W, 3]`` in [0, 1].
        radius: of the brush, in pixels.
        brushwork: its ``smoothing``, ``hatching`` and ``swirl`` count; without the first two, no place has a direction but its own.
        generator: of the swirls; None for none.

    Returns:
        Two maps ``[H, W]``.
    """
    light = reference @ LUMA
    along, down = (ndimage.sobel(light, axis) for axis in (1, 0))
    along *= radius / 8
    down *= radius / 8
    cosine, sine = along**2 - down**2, 2 * along * down
    if brushwork.smoothing > 0:
        cosine, sine = (blurred(x, brushwork.smoothing * radius) for x in (cosine, sine))
    if brushwork.hatching is not None:
        cosine -= FAINT**2 * np.float32(np.cos(2 * brushwork.hatching))
        sine -= FAINT**2 * np.float32(np.sin(2 * brushwork.hatching))
    elif brushwork.smoothing > 0:
        del along, down
        around = [_spread(x, FLOW * max(light.shape)) for x in (cosine, sine)]
        strength = np.float32(FAINT**2 * (1 + 2 * brushwork.swirl)) / np.maximum(np.hypot(*around), 1e-12)
        turn = np.float32(0)
        if generator is not None and brushwork.swirl > 0:
            places = [np.arange(side, dtype=np.float32) * (SWIRLS / max(light.shape)) for side in light.shape]
            turn = _between(generator.normal(0, 2 * brushwork.swirl, (SWIRLS + 1, SWIRLS + 1)).astype(np.float32), *places)
        cosine += strength * (np.cos(turn) * around[0] - np.sin(turn) * around[1])
        sine += strength * (np.sin(turn) * around[0] + np.cos(turn) * around[1])
    return cosine, sine


def _spread(plane: Floats, deviation: float) -> Floats:
    """A map under a wide Gaussian, computed on coarser pixels."""
    stride = max(1, int(deviation / 4))
    rows, columns = (-(-side // stride) for side in plane.shape)
    coarse = np.pad(plane, ((0, rows * stride - plane.shape[0]), (0, columns * stride - plane.shape[1])), "edge")
    coarse = coarse.reshape(rows, stride, columns, stride).mean((1, 3))
    coarse = ndimage.gaussian_filter(coarse, deviation / stride)
    where = [np.clip((np.arange(side, dtype=np.float32) + 0.5) / stride - 0.5, 0, None) for side in plane.shape]
    return np.asarray(_between(coarse, *where))


@njit(parallel=True)
def _between(coarse, down, along):  # type: ignore[no-untyped-def]
    """A map's values where rows and columns cross that lie between its own, linearly."""
    result = np.empty((len(down), len(along)), np.float32)
    rows, columns = coarse.shape
    for row in prange(len(down)):
        top = min(int(down[row]), rows - 1)
        lower = down[row] - top
        below = min(top + 1, rows - 1)
        for column in range(len(along)):
            left = min(int(along[column]), columns - 1)
            part = along[column] - left
            right = min(left + 1, columns - 1)
            upper = (1 - part) * coarse[top, left] + part * coarse[top, right]
            result[row, column] = (1 - lower) * upper + lower * ((1 - part) * coarse[below, left] + part * coarse[below, right])
    return result


@njit()
def _difference(picture, canvas, row, column):  # type: ignore[no-untyped-def]
    """Between a picture's pixel and a canvas's; a canvas of one pixel is the same everywhere."""
    y, x = row % canvas.shape[0], column % canvas.shape[1]
    red, green = picture[row, column, 0] - canvas[y, x, 0], picture[row, column, 1] - canvas[y, x, 1]
    blue = picture[row, column, 2] - canvas[y, x, 2]
    return np.sqrt(red * red + green * green + blue * blue)


@njit(parallel=True)
def _starts(reference, canvas, grid, threshold, chances):  # type: ignore[no-untyped-def]
    """Where the canvas is furthest from the reference, x and y, in every cell of a grid whose mean difference is above a threshold.

    In the others, -1. Where it is about as far everywhere in a cell, a place is drawn by lot, lest the grid show.
    """
    height, width, _ = reference.shape
    rows, columns, _ = chances.shape
    found = np.full((rows * columns, 2), -1, np.int32)
    for index in prange(rows):
        top = int(index) * grid
        for cell in range(columns):
            left = cell * grid
            bottom, right = min(top + grid, height), min(left + grid, width)
            total, largest, x, y = 0.0, -1.0, left, top
            for row in range(top, bottom):
                for column in range(left, right):
                    distance = _difference(reference, canvas, row, column)
                    total += distance
                    if distance > largest:
                        largest, x, y = distance, column, row
            mean = total / ((bottom - top) * (right - left))
            if largest < EVEN * mean:
                x, y = left + int(chances[index, cell, 0] * (right - left)), top + int(chances[index, cell, 1] * (bottom - top))
            if mean > threshold:
                found[index * columns + cell, 0], found[index * columns + cell, 1] = x, y
    return found


@njit(parallel=True)
def _traced(reference, canvas, cosine, sine, starts, forwards, radius, shortest, longest, curvature, square):  # type: ignore[no-untyped-def]
    """The control points of strokes (Hertzmann 1998, figure 5), which set out to either side at random, lest seams form."""
    height, width, _ = reference.shape
    points = np.zeros((len(starts), longest + 1, 2), np.float32)
    counts = np.ones(len(starts), np.int32)
    for stroke in prange(len(starts)):
        column, row = starts[stroke, 0], starts[stroke, 1]
        x, y = np.float32(column), np.float32(row)
        points[stroke, 0, 0], points[stroke, 0, 1] = x, y
        red, green, blue = reference[row, column, 0], reference[row, column, 1], reference[row, column, 2]
        last_x, last_y = np.float32(0), np.float32(0)
        for step in range(1, longest + 1):
            column, row = int(x + 0.5), int(y + 0.5)
            if step > shortest:
                away = (reference[row, column, 0] - red) ** 2 + (reference[row, column, 1] - green) ** 2
                to_stroke = np.sqrt(away + (reference[row, column, 2] - blue) ** 2)
                if _difference(reference, canvas, row, column) < to_stroke:
                    break
            c, s = cosine[row, column], sine[row, column]
            if abs(c) + abs(s) < 1e-10:  # no change, no direction: straight on, if it has begun
                if step == 1:
                    break
                next_x, next_y = last_x, last_y
            else:
                angle = 0.5 * np.arctan2(s, c)
                angle += square * (np.float32(np.pi / 2) * np.round(angle * np.float32(2 / np.pi)) - angle)
                next_x, next_y = np.float32(-np.sin(angle)), np.float32(np.cos(angle))
                if last_x * next_x + last_y * next_y < 0 or (step == 1 and not forwards[stroke]):
                    next_x, next_y = -next_x, -next_y
                if step > 1:
                    next_x = curvature * next_x + (1 - curvature) * last_x
                    next_y = curvature * next_y + (1 - curvature) * last_y
                length = np.sqrt(next_x * next_x + next_y * next_y)
                next_x, next_y = next_x / length, next_y / length
            x, y = x + radius * next_x, y + radius * next_y
            if x < 0 or y < 0 or x > width - 1 or y > height - 1:
                break
            last_x, last_y = next_x, next_y
            points[stroke, step, 0], points[stroke, step, 1] = x, y
            counts[stroke] = step + 1
    return points, counts


def jittered(colours: Floats, jitter: tuple[float, ...], generator: np.random.Generator) -> Floats:
    """Colours changed at random.

    Args:
        colours: ``[S, 3]`` in [0, 1].
        jitter: how far apart a hue, saturation, value, red, green and blue may come to be, each of 1 at most.
        generator: of the changes.

    Returns:
        ``[S, 3]`` in [0, 1].
    """
    if not any(jitter) or not len(colours):
        return colours
    shift = generator.uniform(-0.5, 0.5, (len(colours), 6)) * jitter
    turned = rgb2hsv(np.clip(colours, 0, 1))
    shift[:, 1] *= np.minimum(1, 4 * turned[:, 1])  # grey has no hue to show more of
    turned += shift[:, :3]
    turned[:, 0] %= 1
    return np.asarray(np.clip(hsv2rgb(np.clip(turned, 0, 1)) + shift[:, 3:], 0, 1), np.float32)


def divided(colours: Floats, division: float, generator: np.random.Generator) -> Floats:
    """Colours that are moved away from grey, each in a direction of its own, so that they mix to what they were (divisionism).

    Args:
        colours: ``[S, 3]`` in [0, 1].
        division: how far, of 1 at most.
        generator: of the directions.

    Returns:
        ``[S, 3]`` in [0, 1].
    """
    if not division or not len(colours):
        return colours
    angle = generator.uniform(0, 2 * np.pi, (len(colours), 1))
    shift = np.cos(angle) * WARM + np.sin(angle) * GREEN
    return np.asarray(np.clip(colours + division / 2 * shift, 0, 1), np.float32)
