"""The anisotropic Kuwahara filter (Kyprianidis, Kang & Döllner 2009): flat strokes along the picture's own directions."""

from itertools import pairwise

import numpy as np
from numba import prange
from numpy.typing import NDArray
from scipy import ndimage

from impasto.classic.compiled import njit
from impasto.classic.progress import Callback

Floats = NDArray[np.float32]
BANDS = 64  # of rows, after each of which the callback is called
SECTORS = 8
SHARPNESS = 8.0  # q: how strongly the sectors that vary least are preferred
ECCENTRICITY = 1.0  # α: how far the filter is stretched along the picture's directions


def kuwahara(
    picture: Floats,
    radius: float,
    smoothing: float = 2.0,
    *,
    callback: Callback | None = None,
) -> Floats:
    """Abstract a picture.

    Args:
        picture: ``[H, W, 3]`` in [0, 1].
        radius: of the filter, in pixels.
        smoothing: the deviation that the directions are smoothed by, in pixels.
        callback: called after every band of rows with the number of rows done, that of all, and a function that gives the picture as far
            as it is filtered, ``[H, W, 3]``.

    Returns:
        ``[H, W, 3]``.
    """
    angle, anisotropy = directions(picture, smoothing)
    picture = np.ascontiguousarray(picture, np.float32)
    result = picture.copy()
    rows = len(picture)
    ends = np.unique(np.linspace(0, rows, BANDS + 1).astype(int)).tolist()
    for first, last in pairwise(ends):
        _filter(result, picture, angle, anisotropy, np.float32(radius), first, last)
        if callback is not None:
            callback(last, rows, result.copy)
    return result


def directions(picture: Floats, smoothing: float) -> tuple[Floats, Floats]:
    """The angle ``[H, W]``, in radians, along which a picture ``[H, W, 3]`` changes least, and how much less than across it, 0 … 1.

    From the smoothed structure tensor (Kyprianidis et al. 2009, section 3.1).

    Args:
        picture: in [0, 1].
        smoothing: the deviation of the Gaussian, in pixels.
    """
    along, down = (np.stack([ndimage.sobel(picture[..., c], axis) for c in range(3)]) / 4 for axis in (1, 0))
    e, f, g = (ndimage.gaussian_filter((a * b).sum(0), smoothing) for a, b in ((along, along), (along, down), (down, down)))
    root = np.sqrt(np.maximum(0, (e - g) ** 2 + 4 * f**2))
    total = e + g
    # The minor eigenvector is at right angles to the major one.
    angle = 0.5 * np.arctan2(2 * f, e - g) + np.pi / 2
    return angle.astype(np.float32), np.where(total > 1e-12, root / np.maximum(total, 1e-12), 0).astype(np.float32)


@njit(parallel=True, fastmath=True)
def _filter(result, picture, angle, anisotropy, radius, first_row, last_row):  # type: ignore[no-untyped-def]
    height, width, _ = picture.shape
    for index in prange(last_row - first_row):
        y = first_row + int(index)
        sums, squares, weights = np.zeros((SECTORS, 3), np.float32), np.zeros((SECTORS, 3), np.float32), np.zeros(SECTORS, np.float32)
        for x in range(width):
            for sector in range(SECTORS):
                weights[sector] = 0
                for channel in range(3):
                    sums[sector, channel] = squares[sector, channel] = 0
            stretch = (ECCENTRICITY + anisotropy[y, x]) / ECCENTRICITY
            a, b = radius * stretch, radius / stretch
            cosine, sine = np.cos(angle[y, x]), np.sin(angle[y, x])
            reach_x = int(np.sqrt(a * a * cosine * cosine + b * b * sine * sine))
            reach_y = int(np.sqrt(a * a * sine * sine + b * b * cosine * cosine))
            for dy in range(-reach_y, reach_y + 1):
                row = min(max(y + dy, 0), height - 1)
                for dx in range(-reach_x, reach_x + 1):
                    # In the ellipse's own frame, a unit disc.
                    u, v = (cosine * dx + sine * dy) / a, (-sine * dx + cosine * dy) / b
                    square = u * u + v * v
                    if square > 1:
                        continue
                    column = min(max(x + dx, 0), width - 1)
                    falloff = np.exp(np.float32(-3.125) * square)
                    # The angle in eighths of a turn, which are the sectors; within one, the arc tangent as a parabola.
                    long, short = max(abs(u), abs(v)), min(abs(u), abs(v))
                    part = short / max(long, np.float32(1e-6))
                    turn = part * (np.float32(1.3476) - np.float32(0.3476) * part)
                    turn = 2 - turn if abs(v) > abs(u) else turn
                    turn = 4 - turn if u < 0 else turn
                    turn = 8 - turn if v < 0 else turn
                    first = int(turn)
                    share = turn - first
                    middle = dx == 0 and dy == 0  # belongs to all sectors
                    for other in range(SECTORS if middle else 2):
                        sector = (first + other) % SECTORS
                        weight = falloff * (np.float32(1 / SECTORS) if middle else share if other else 1 - share)
                        weights[sector] += weight
                        for channel in range(3):
                            value = picture[row, column, channel]
                            sums[sector, channel] += weight * value
                            squares[sector, channel] += weight * value * value
            total, red, green, blue = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for sector in range(SECTORS):
                if weights[sector] <= 0:
                    continue
                spread = np.float32(0)
                for channel in range(3):
                    mean = sums[sector, channel] / weights[sector]
                    spread += abs(squares[sector, channel] / weights[sector] - mean * mean)
                weight = 1 / (1 + (255 * np.sqrt(spread)) ** (0.5 * SHARPNESS))
                total += weight
                red += weight * sums[sector, 0] / weights[sector]
                green += weight * sums[sector, 1] / weights[sector]
                blue += weight * sums[sector, 2] / weights[sector]
            result[y, x, 0], result[y, x, 1], result[y, x, 2] = red / total, green / total, blue / total
