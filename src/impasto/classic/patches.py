"""Style transfer via texture synthesis (Elad & Milanfar 2017): a picture put together from overlapping patches of a style.

From coarse to fine and from large patches to small ones, the content is mixed into the canvas where it matters, the nearest
patches of the style are found, and those are merged. Patches come last, so that the result is made of paint alone.
"""

from functools import partial

import numpy as np
from numba import prange
from numpy.typing import NDArray
from scipy import ndimage
from skimage.transform import resize

from impasto.classic.colours import LUMA
from impasto.classic.compiled import njit
from impasto.classic.patchmatch import patchmatch
from impasto.classic.progress import Callback
from impasto.errors import OptionError, PictureError
from impasto.picture import recoloured

Floats = NDArray[np.float32]
Field = NDArray[np.int32]
SIZES = (33, 21, 13, 9, 6)  # pixels a side of patches
FIT = 4  # patches across the shortest side, at least, but for the smallest
GAP = 0.5  # from one patch to the next, of its side; patches that overlap more blur each other
COARSEST = 128  # pixels of the longest side at the coarsest level, about
ITERATIONS = 3  # at each patch size, the last without the content, so that patches come to agree with each other
SEARCH = 2  # turns of PatchMatch at each
COHERENCE = 0.3  # of PatchMatch: whole strokes are copied, and no patch over and over
FLOOR = 0.1  # how much content counts away from edges, of how much at the strongest
ROBUSTNESS = 0.8  # r of the robust aggregation
REWEIGHTINGS = 10
SMOOTH = (1.0, 0.1)  # deviations of the edge-preserving filter, in pixels and in values


def stylised(
    content: Floats,
    style: Floats,
    *,
    fidelity: float = 3.0,
    noise: float = 0.1,
    seed: int = 0,
    callback: Callback | None = None,
) -> Floats:
    """Paint a picture with the patches of a style.

    Args:
        content: ``[H, W, 3]`` in [0, 1], sRGB.
        style: ``[h, w, 3]``.
        fidelity: from 0, how much the content counts beside what is painted at its strongest edges; elsewhere it counts less.
        noise: the deviation of the noise that the start has on top of the content, from 0.
        seed: of the noise and the search, 0 or more.
        callback: called after every iteration with the number of those done, of all, and a function that gives the canvas, which is
            smaller at coarse levels.

    Returns:
        ``[H, W, 3]`` in [0, 1].

    Raises:
        OptionError: a fidelity or a noise below 0.
        PictureError: a style smaller than the smallest patch.
    """
    if min(style.shape[:2]) < SIZES[-1]:
        raise PictureError(
            f"a style of {style.shape[1]} x {style.shape[0]} pixels is too small; give one of at least {SIZES[-1]} x {SIZES[-1]}"
        )
    if not fidelity >= 0 or not noise >= 0:
        raise OptionError(f"fidelity {fidelity} and noise {noise} can't both be; give numbers from 0")
    height, width = content.shape[:2]
    content = np.pad(content, [(0, max(0, SIZES[-1] - side)) for side in content.shape[:2]] + [(0, 0)], "edge")
    side = min(*content.shape[:2], *style.shape[:2])
    levels = 1 + max(0, round(np.log2(max(height, width) / COARSEST)))
    plan = [
        (level, size)
        for level in range(levels - 1, -1, -1)
        for size in SIZES
        if FIT * size <= side / 2**level or size == SIZES[-1] <= side / 2**level
    ]
    generator = np.random.default_rng(seed)
    wanted = recoloured(content, style)
    weights = fidelity * (FLOOR + (1 - FLOOR) * _importance(content))
    canvas, field, now, done = wanted, None, -1, 0
    for level, size in plan:
        if level != now:
            here, there, mask = (_shrunk(x, level) for x in (wanted, style, weights[..., None]))
            canvas = _resized(canvas, here.shape)
            if now < 0:
                canvas = canvas + np.float32(noise) * generator.standard_normal(canvas.shape, np.float32)
            now = level
        field, gap = None, max(2, int(GAP * size))
        for iteration in range(ITERATIONS):
            share = mask if iteration < ITERATIONS - 1 else np.zeros_like(mask)
            mixed = np.asarray((canvas + share * here) / (1 + share), np.float32)
            padded = _padded(mixed, size, gap)
            field, _ = patchmatch(
                there,
                padded,
                patch=size,
                seed=seed * 1000 + done,
                iterations=SEARCH,
                start=field,
                stride=gap,
                coherence=COHERENCE,
            )
            canvas = aggregated(there, padded, field, size, gap)[: canvas.shape[0], : canvas.shape[1]]
            canvas = smoothed(recoloured(canvas, there), *SMOOTH)
            done += 1
            if callback is not None:
                callback(done, len(plan) * ITERATIONS, partial(np.clip, canvas, 0, 1))
    return np.clip(canvas[:height, :width], 0, 1)


def _importance(content: Floats) -> Floats:
    """Where content has to be kept, 0 … 1: near edges, the stronger the more; ``[H, W]``."""
    light = ndimage.gaussian_filter(content @ LUMA, 1.0)
    steepness = np.hypot(*(ndimage.sobel(light, axis) for axis in (0, 1)))
    wide = ndimage.gaussian_filter(steepness, max(content.shape[:2]) / 128)
    return np.asarray(np.clip(wide / max(float(np.percentile(wide, 95)), 1e-3), 0, 1), np.float32)


def _shrunk(picture: Floats, level: int) -> Floats:
    """A picture at a level of the pyramid, where 0 is its own size."""
    if level == 0:
        return picture
    size = tuple(max(1, side // 2**level) for side in picture.shape[:2])
    return _resized(picture, size)


def _resized(picture: Floats, size: tuple[int, ...]) -> Floats:
    """A picture of another height and width; without aliasing, if it shrinks."""
    return np.asarray(resize(picture, size[:2], order=1, anti_aliasing=size[0] < picture.shape[0]), np.float32)  # type: ignore[no-untyped-call]


def _padded(picture: Floats, size: int, gap: int) -> Floats:
    """A picture, its edges repeated at the right and the bottom until patches every ``gap`` pixels reach all of it."""
    return np.pad(picture, [(0, -(side - size) % gap) for side in picture.shape[:2]] + [(0, 0)], "edge")


def aggregated(style: Floats, canvas: Floats, field: Field, size: int, gap: int) -> Floats:
    """Patches of a style laid over each other, as the minimum of Σ ‖R x - z‖^r over their places (Elad & Milanfar 2017, section III-B).

    By iteratively reweighted least squares: every patch z counts as much as ‖R x - z‖^(r - 2), which leaves out the odd ones.

    Args:
        style: ``[h, w, 3]``.
        canvas: ``[H, W, 3]``, where the reweighting begins.
        field: row and column of the upper left corner of each patch in the style, ``[m, n, 2]``.
        size: pixels a side of a patch.
        gap: pixels from one patch to the next on the canvas.

    Returns:
        ``[H, W, 3]``; as the canvas where no patch lies.
    """
    weights = np.ones(field.shape[:2], np.float32)
    result = _merged(style, canvas, field, weights, size, gap)
    for _ in range(REWEIGHTINGS):
        _reweigh(style, result, field, weights, size, gap)
        result = _merged(style, canvas, field, weights, size, gap)
    return np.asarray(result)


@njit(parallel=True)
def _merged(style, canvas, field, weights, size, gap):  # type: ignore[no-untyped-def]
    """The weighted mean of the patches over each pixel."""
    rows, columns = weights.shape
    result = canvas.copy()
    for index in prange(len(canvas)):
        y = np.int64(index)
        for x in range(canvas.shape[1]):
            red, green, blue, total = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for row in range(max(0, (y - size) // gap + 1), min(rows, y // gap + 1)):
                for column in range(max(0, (x - size) // gap + 1), min(columns, x // gap + 1)):
                    weight = weights[row, column]
                    i, j = field[row, column, 0] + y - row * gap, field[row, column, 1] + x - column * gap
                    red += weight * style[i, j, 0]
                    green += weight * style[i, j, 1]
                    blue += weight * style[i, j, 2]
                    total += weight
            if total > 0:
                result[y, x, 0], result[y, x, 1], result[y, x, 2] = red / total, green / total, blue / total
    return result


@njit(parallel=True)
def _reweigh(style, canvas, field, weights, size, gap):  # type: ignore[no-untyped-def]
    for index in prange(weights.shape[0]):
        row = np.int64(index)
        for column in range(weights.shape[1]):
            total = np.float32(1e-6)  # a patch that fits wholly must not weigh without bounds
            for i in range(size):
                for j in range(size):
                    for channel in range(3):
                        here = canvas[row * gap + i, column * gap + j, channel]
                        difference = here - style[field[row, column, 0] + i, field[row, column, 1] + j, channel]
                        total += difference * difference
            weights[row, column] = total ** np.float32(0.5 * ROBUSTNESS - 1)


def smoothed(picture: Floats, spatial: float, range_: float, iterations: int = 2) -> Floats:
    """Smooth a picture ``[H, W, 3]`` but for its edges, by the recursive domain transform filter (Gastal & Oliveira 2011, section 5).

    Args:
        picture: what is smoothed.
        spatial: σ_s, in pixels.
        range_: σ_r, in values.
        iterations: of a pass along rows and one along columns.
    """
    result = np.ascontiguousarray(picture, np.float32)
    # Distances in the transformed domain are those of the picture handed in, at all iterations.
    along = 1 + spatial / range_ * np.abs(np.diff(result, axis=1)).sum(-1)
    down = 1 + spatial / range_ * np.abs(np.diff(result, axis=0)).sum(-1)
    for iteration in range(iterations):
        deviation = spatial * 3**0.5 * 2 ** (iterations - iteration - 1) / (4**iterations - 1) ** 0.5
        feedback = np.exp(-(2**0.5) / deviation)
        result = _recursive(result, (feedback**along).astype(np.float32))
        result = _recursive(result.transpose(1, 0, 2).copy(), (feedback**down.T).astype(np.float32)).transpose(1, 0, 2).copy()
    return np.asarray(result)


@njit(parallel=True)
def _recursive(picture, feedback):  # type: ignore[no-untyped-def]
    """Along rows, from left to right and back (Gastal & Oliveira 2011, equation 21)."""
    result = picture.copy()
    for index in prange(len(picture)):
        y = np.int64(index)
        for x in range(1, picture.shape[1]):
            for channel in range(3):
                result[y, x, channel] += feedback[y, x - 1] * (result[y, x - 1, channel] - result[y, x, channel])
        for x in range(picture.shape[1] - 2, -1, -1):
            for channel in range(3):
                result[y, x, channel] += feedback[y, x] * (result[y, x + 1, channel] - result[y, x, channel])
    return result
