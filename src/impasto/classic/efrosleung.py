"""Texture synthesis by non-parametric sampling (Efros & Leung 1999): pixel by pixel, out of a seed."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from impasto.classic.compiled import njit
from impasto.classic.progress import Callback
from impasto.errors import OptionError, PictureError

Floats = NDArray[np.float32]
TOLERANCE = 0.1  # ErrThreshold: how much worse than the best a match may be
WORST = 0.3  # MaxErrThreshold: the error above which a pixel waits for more of its neighbours, grown by a tenth when all wait
SEED = 3  # pixels a side of what is grown from
PORTION = 64  # pixels from one call back to the next, and at the end of every round


def grown(
    source: Floats,
    size: tuple[int, int],
    *,
    seed: int,
    window: int = 11,
    callback: Callback | None = None,
) -> Floats:
    """More of a texture.

    Args:
        source: ``[h, w, 3]`` in [0, 1], no smaller than a window.
        size: of the result, height and width.
        seed: picks where to begin, the order, and one of the pixels that match about equally well.
        window: pixels a side of the neighbourhoods that are compared, odd; about as large as the texture's largest feature.
        callback: called every ``PORTION`` pixels with the number of those painted, of all, and a function that gives the canvas, which
            is black where nothing is yet.

    Returns:
        ``[H, W, 3]``.

    Raises:
        PictureError: a source smaller than a window.
        OptionError: a window that is even, or smaller than 3.
    """
    if window < 3 or window % 2 == 0:
        raise OptionError(f"a window of {window} pixels can't surround one; give an odd number from 3")
    height, width = source.shape[:2]
    if min(height, width) < window:
        raise PictureError(f"a style of {width} x {height} pixels is too small; give one of at least {window} x {window}")
    generator = np.random.default_rng(seed)
    reach = window // 2
    offset = np.arange(-reach, reach + 1)
    weights = np.exp(-(offset[:, None] ** 2 + offset**2) / (2 * (window / 6.4) ** 2)).astype(np.float32)
    planes = np.ascontiguousarray(source.transpose(2, 0, 1), np.float32)
    canvas = np.zeros((size[0] + 2 * reach, size[1] + 2 * reach, 3), np.float32)
    known = np.zeros(canvas.shape[:2], np.bool_)
    inside = np.zeros_like(known)
    middle = slice(reach, reach + size[0]), slice(reach, reach + size[1])
    inside[middle] = True
    side = min(SEED, *size)
    top, left = generator.integers(height - side + 1), generator.integers(width - side + 1)
    y, x = (reach + (length - side) // 2 for length in size)
    canvas[y : y + side, x : x + side], known[y : y + side, x : x + side] = source[top : top + side, left : left + side], True
    worst, painted, total = WORST, side**2, size[0] * size[1]
    while painted < total:
        edge = np.argwhere(ndimage.binary_dilation(known, np.ones((3, 3), bool)) & inside & ~known)
        neighbours = np.rint(ndimage.uniform_filter(known.astype(np.float32), window, mode="constant") * window**2)[tuple(edge.T)]
        # The most certain first; among equals at random.
        edge = edge[np.lexsort((generator.random(len(edge)), -neighbours))]
        before = painted
        for row, column in edge:
            neighbourhood = slice(row - reach, row + reach + 1), slice(column - reach, column + reach + 1)
            seen = np.nonzero(known[neighbourhood])
            errors = _errors(planes, canvas[neighbourhood][seen], weights[seen], seen[0], seen[1], window)
            lowest = errors.min()
            if lowest > worst:
                continue
            fitting = np.argwhere(errors <= lowest * (1 + TOLERANCE) + 1e-9)
            y, x = fitting[generator.integers(len(fitting))]
            canvas[row, column], known[row, column] = source[y + reach, x + reach], True
            painted += 1
            if callback is not None and painted % PORTION == 0:
                callback(painted, total, canvas[middle].copy)
        if painted == before:
            worst *= 1.1
        if callback is not None:
            callback(painted, total, canvas[middle].copy)
    return canvas[middle].copy()


@njit()
def _errors(planes, around, weights, down, along, window):  # type: ignore[no-untyped-def]
    """The weighted mean of squared differences between what is known ``around`` a pixel, ``down`` and ``along`` from its window's corner,
    and every window of the source's ``planes``.
    """
    rows, columns = planes.shape[1] - window + 1, planes.shape[2] - window + 1
    errors = np.zeros((rows, columns), np.float32)
    weights = weights / weights.sum()
    for top in range(rows):
        line = errors[top]
        for index in range(len(around)):
            weight = weights[index]
            for channel in range(3):
                value = around[index, channel]
                there = planes[channel, top + down[index], along[index] : along[index] + columns]
                for left in range(columns):
                    line[left] += weight * (there[left] - value) * (there[left] - value)
    return errors
