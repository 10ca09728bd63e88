"""Image Analogies (Hertzmann, Jacobs, Oliver, Curless & Salesin 2001): a filter learned from one pair of pictures.

A' is to A what the result, B', is to B. B' is made from the coarsest level of a pyramid to the finest, pixel by pixel in reading
order: each is copied from where A and A' look most like B and what is there of B'.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numba import prange
from numpy.typing import NDArray
from scipy import ndimage

from impasto.classic.colours import LUMA
from impasto.classic.compiled import njit
from impasto.classic.progress import Callback
from impasto.classic.tree import apart, nearest, planted
from impasto.errors import OptionError

Floats = NDArray[np.float32]
FINE, COARSE = 2, 1  # how far neighbourhoods reach at a level, 5 x 5, and at the coarser one, 3 x 3
CAUSAL = FINE * (2 * FINE + 1) + FINE  # pixels of the 5 x 5 that come before the middle in reading order
SMALLEST = 24  # pixels of the shortest side at the coarsest level, about, and at least 5 anywhere
LEAVES = 200  # looked at for one pixel, at most
SLACK = 0.5  # a match may be further than the nearest by this share, as far as the tree knows
LAG = FINE + 1  # columns that a row is behind the one above, so that many rows can be painted at a time
PORTION = 20_000  # pixels from one call back to the next, about


@dataclass(frozen=True, kw_only=True)
class Manner:
    """What to look for in a pair.

    Attributes:
        coherence: κ, from 0: how much larger than the nearest match's a squared distance may be for a pixel to go on from where its
            neighbours were copied from. The more, the longer the runs that are copied.
        remap: fit the luminances of A and A' to those of B (section 3.4); not in colour.
        colour: compare and paint colours. Otherwise luminance, and the result has the chroma of B.
        steerable: the weight of second derivatives of A and B in three directions among the features, or 0 for none (section 3.1);
            line drawings and filters with a direction gain by them.
    """

    coherence: float = 2.0
    remap: bool = True
    colour: bool = False
    steerable: float = 0.0


MANNERS = {
    "painting": Manner(),
    "filter": Manner(coherence=0.5),
    "drawing": Manner(coherence=1, steerable=10),
    "numbers": Manner(coherence=0.5, colour=True, remap=False),
}
"""Manners by name; "numbers" is for texture by numbers, where A and B are maps of labels painted in flat colours."""


def analogy(
    a: Floats,
    a2: Floats,
    b: Floats,
    *,
    manner: Manner = MANNERS["painting"],
    levels: int | None = None,
    callback: Callback | None = None,
) -> Floats:
    """Paint ``b`` as ``a2`` paints ``a``.

    Args:
        a: the unfiltered picture A, ``[h, w, 3]`` in [0, 1], sRGB.
        a2: the filtered picture A', of the same size, pixel on pixel.
        b: the picture to paint, ``[H, W, 3]``.
        manner: what to look for in the pair, for instance one of :data:`MANNERS`.
        levels: of the pyramids; None for as many as leave the shortest side about ``SMALLEST`` pixels.
        callback: called every 20 000 pixels or so with the number of those done, of all, and a function that gives the canvas, which
            is smaller at coarse levels.

    Returns:
        B', ``[H, W, 3]`` in [0, 1]. Nothing in it is random.

    Raises:
        OptionError: ``a`` and ``a2`` of different sizes, or a manner or a number of levels that is impossible.
    """
    if a.shape != a2.shape:
        sizes = f"{a.shape[1]} x {a.shape[0]} and {a2.shape[1]} x {a2.shape[0]}"
        raise OptionError(f"the pictures of a pair must be of one size, these are {sizes} pixels; scale or crop one of them")
    if not manner.coherence >= 0 or not manner.steerable >= 0:
        raise OptionError(f"coherence {manner.coherence} and steerable {manner.steerable} can't both be; give numbers from 0")
    height, width = b.shape[:2]
    a, a2, b = (_at_least(x, 2 * FINE + 1) for x in (a, a2, b))
    side = min(*a.shape[:2], *b.shape[:2])
    most = 1 + int(np.log2(side / (2 * FINE + 1)))
    if levels is None:
        levels = max(1, min(most, 1 + round(np.log2(max(1.0, side / SMALLEST)))))
    if not 1 <= levels <= most:
        raise OptionError(f"{levels} levels are impossible for a shortest side of {side} pixels; give 1 to {most}")
    planes = [np.asarray(x if manner.colour else (x @ LUMA)[..., None], np.float32) for x in (a, a2, b)]
    if manner.remap and not manner.colour:
        planes[:2] = remapped(planes[0], planes[1], planes[2])
    pyramids = [_pyramid(x, levels) for x in planes]
    total, done = sum(x.shape[0] * x.shape[1] for x in pyramids[2]), 0
    coarse: tuple[Floats, ...] | None = None  # A, A', B and B' at the level before
    for level in range(levels - 1, -1, -1):
        fine = [pyramid[level] for pyramid in pyramids]
        canvas = fine[2].copy() if coarse is None else _enlarged(coarse[3], fine[2].shape[:2])
        factor = np.float32(1 + manner.coherence * 0.5**level)
        for count in _painted(fine, canvas, coarse, factor, manner.steerable):
            if callback is not None:
                callback(done + count, total, partial(_shown, b, pyramids[2][level], canvas))
        done += count
        coarse = (*fine, canvas)
    return _shown(b, planes[2], canvas)[:height, :width]


def _at_least(picture: Floats, side: int) -> Floats:
    """A picture, its edges repeated where it has a side of fewer pixels."""
    return np.pad(picture, [(0, max(0, side - there)) for there in picture.shape[:2]] + [(0, 0)], "edge")


def _shown(b: Floats, plane: Floats, canvas: Floats) -> Floats:
    """B' as a picture, from the ``plane`` of B that it was painted after: the same in colour, else luminance."""
    if canvas.shape[2] == 3:
        return np.asarray(np.clip(canvas, 0, 1))
    step = -(-b.shape[0] // plane.shape[0])
    # To change a pixel's luminance alone is to add the same to its red, green and blue: I and Q of YIQ stay.
    return np.asarray(np.clip(b[::step, ::step] + (canvas - plane), 0, 1))


def remapped(a: Floats, a2: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Luminances of A and A' with the mean and the deviation of A brought to those of B (Hertzmann et al. 2001, section 3.4).

    Y(p) ← σ_B / σ_A (Y(p) - μ_A) + μ_B, for both; where A is all of one luminance, that is only moved.

    Args:
        a: luminance of A.
        a2: luminance of A'.
        b: luminance of B, of any size.
    """
    deviation = float(a.std())
    scale = float(b.std()) / deviation if deviation > 1e-4 else 1.0
    first, second = ((scale * (x - a.mean()) + b.mean()).astype(np.float32) for x in (a, a2))
    return first, second


def _pyramid(picture: Floats, levels: int) -> list[Floats]:
    """A Gaussian pyramid, the picture itself first."""
    found = [np.ascontiguousarray(picture)]
    for _ in range(levels - 1):
        found.append(np.ascontiguousarray(ndimage.gaussian_filter(found[-1], (1, 1, 0), mode="nearest")[::2, ::2]))
    return found


def _enlarged(picture: Floats, size: tuple[int, ...]) -> Floats:
    """Every pixel twice, down and along."""
    return np.ascontiguousarray(picture.repeat(2, 0).repeat(2, 1)[: size[0], : size[1]])


def _painted(fine: list[Floats], canvas: Floats, coarse: tuple[Floats, ...] | None, factor: np.float32, steerable: float) -> Iterator[int]:
    """Paint one level of B' on a canvas, and yield how many pixels are done every so often."""
    a, a2, b = fine
    a_coarse, a2_coarse, b_coarse, b2_coarse = coarse or (np.zeros((1, 1, a.shape[2]), np.float32),) * 4
    weights, windows = _weights(a.shape[2], coarse is not None, steerable), _windows(coarse is not None)
    features = _features(a, a2, a_coarse, a2_coarse, _second(a), weights, windows)
    tree = planted(features.reshape(-1, features.shape[2]))
    height, width, _ = b.shape
    places = np.zeros((height, width, 2), np.int64)
    pictures = (a2, canvas, places, b, b_coarse, b2_coarse, _second(b), weights, windows)
    search = (tree.points, tree.order, np.argsort(tree.order), tree.low, tree.high, tree.mean, tree.axes)
    steps = width + LAG * (height - 1)
    portion = max(1, PORTION // min(height, 1 + width // LAG))
    for first in range(0, steps, portion):
        last = min(first + portion, steps)
        _scan(pictures, search, factor, SLACK, LEAVES, first, last)
        yield int(np.clip(last - LAG * np.arange(height), 0, width).sum())


def _weights(channels: int, coarse: bool, steerable: float) -> Floats:
    """The square roots of the weights of all features: those of each of the four neighbourhoods are Gaussian and sum to 1."""
    pieces = []
    for reach in (FINE, COARSE):
        offset = np.arange(-reach, reach + 1)
        window = np.exp(-(offset[:, None] ** 2 + offset**2) / (2 * (0.5 * reach) ** 2)).ravel()
        if reach == FINE:
            pieces += [window / window.sum(), window[:CAUSAL] / window[:CAUSAL].sum()]
        elif coarse:
            pieces += [window / window.sum()] * 2
    values = np.repeat(np.concatenate(pieces) / channels, channels)
    return np.asarray(np.sqrt(np.concatenate([values, np.full(3, steerable)])), np.float32)


def _second(picture: Floats) -> Floats:
    """Second derivatives of luminance in three directions, from which those in all others follow (Freeman & Adelson 1991)."""
    light = picture.mean(2)
    return np.stack([ndimage.gaussian_filter(light, 1.0, order) for order in ((0, 2), (1, 1), (2, 0))], -1).astype(np.float32)


def _windows(coarse: bool) -> NDArray[np.int64]:
    """Of A, A' and the coarser two, if there are any: how far the neighbourhood reaches, and how many of its pixels count."""
    fine, half = 2 * FINE + 1, 2 * COARSE + 1
    return np.array([(FINE, fine * fine), (FINE, CAUSAL), (COARSE, half * half), (COARSE, half * half)][: 4 if coarse else 2])


@njit()
def _gather(picture, y, x, window, found, position):  # type: ignore[no-untyped-def]
    """The first pixels of a neighbourhood in reading order, edges repeated, into a feature; returns where the next go."""
    height, width, channels = picture.shape
    reach, left = window[0], window[1]
    for i in range(-reach, reach + 1):
        row = min(max(y + i, 0), height - 1)
        for j in range(-reach, min(reach + 1, left - reach)):
            column = min(max(x + j, 0), width - 1)
            for channel in range(channels):
                found[position] = picture[row, column, channel]
                position += 1
        left -= 2 * reach + 1
    return position


# The windows are an argument: loops over windows known beforehand are unrolled, and take half a minute to compile.
@njit()
def _feature(plain, filtered, plain_coarse, filtered_coarse, lines, weights, windows, y, x, found):  # type: ignore[no-untyped-def]
    """All that a pixel is compared by (Hertzmann et al. 2001, section 3.1), weighted."""
    position = _gather(plain, y, x, windows[0], found, 0)
    position = _gather(filtered, y, x, windows[1], found, position)
    if len(windows) > 2:
        position = _gather(plain_coarse, y // 2, x // 2, windows[2], found, position)
        position = _gather(filtered_coarse, y // 2, x // 2, windows[3], found, position)
    for i in range(3):
        found[position + i] = lines[y, x, i]
    for i in range(len(weights)):
        found[i] *= weights[i]


@njit(parallel=True)
def _features(plain, filtered, plain_coarse, filtered_coarse, lines, weights, windows):  # type: ignore[no-untyped-def]
    height, width, _ = plain.shape
    found = np.empty((height, width, len(weights)), np.float32)
    for index in prange(height):
        y = np.int64(index)
        for x in range(width):
            _feature(plain, filtered, plain_coarse, filtered_coarse, lines, weights, windows, y, x, found[y, x])
    return found


@njit(parallel=True)
def _scan(pictures, search, factor, slack, leaves, first, last):  # type: ignore[no-untyped-def]
    """Paint the pixels of B' whose column and ``LAG`` times the row add up to ``first`` … ``last`` - 1, in place.

    Those of one sum depend only on those of lesser ones, as in reading order (Hertzmann et al. 2001, figure 2).
    """
    height, width, _ = pictures[1].shape
    for step in range(first, last):
        upper, lower = max(0, (step - width + LAG) // LAG), min(height - 1, step // LAG)
        for index in prange(lower - upper + 1):
            y = np.int64(upper + index)
            _paint(pictures, search, factor, slack, leaves, y, step - LAG * y)


@njit()
def _paint(pictures, search, factor, slack, leaves, y, x):  # type: ignore[no-untyped-def]
    """Paint a pixel of B' like the best match or the best coherent one (Hertzmann et al. 2001, section 3.2)."""
    a2, canvas, places, b, b_coarse, b2_coarse, lines, weights, windows = pictures
    points, order, ranks, low, high, mean, axes = search
    feature, query = np.empty(len(weights), np.float32), np.zeros(axes.shape[1], np.float32)
    _feature(b, canvas, b_coarse, b2_coarse, lines, weights, windows, y, x, feature)
    beyond = np.float32(0)
    for i in range(len(feature)):
        centred = feature[i] - mean[i]
        beyond += centred * centred
        for axis in range(len(query)):
            query[axis] += centred * axes[i, axis]
    # What no feature of A can be near to is as far for every candidate.
    for axis in range(len(query)):
        beyond -= query[axis] * query[axis]
    beyond = max(beyond, np.float32(0))
    coherent, least = -1, np.float32(np.inf)
    for i in range(-FINE, 1):
        for j in range(-FINE, FINE + 1):
            if (i == 0 and j >= 0) or y + i < 0 or not 0 <= x + j < canvas.shape[1]:
                continue
            row, column = places[y + i, x + j, 0] - i, places[y + i, x + j, 1] - j
            if row >= a2.shape[0] or not 0 <= column < a2.shape[1]:
                continue
            place = ranks[row * a2.shape[1] + column]
            distance = apart(query, points, place)
            if distance < least:
                coherent, least = place, distance
    # Only a match nearer than the coherent one by the factor is of use.
    limit = np.float32(np.inf) if coherent < 0 else (least + beyond) / factor - beyond
    found = -1
    if limit > 0:
        found, _ = nearest(query, points, low, high, limit, slack, leaves)
    pixel = order[found if found >= 0 else coherent]
    row, column = pixel // a2.shape[1], pixel % a2.shape[1]
    places[y, x, 0], places[y, x, 1] = row, column
    for channel in range(a2.shape[2]):
        canvas[y, x, channel] = a2[row, column, channel]
