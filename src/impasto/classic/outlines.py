"""Outlines of regions: where they settle, and how they are drawn smooth at any size."""

import numpy as np
from numba import prange
from numpy.typing import NDArray
from scipy import ndimage

from impasto.classic.compiled import njit
from impasto.classic.merging import means

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]
REACH, NEAR = 2.5, 2.0  # of a Gaussian in deviations, where outlines are drawn, and where they settle
TURNS = 8  # for outlines to settle
NEIGHBOURS = 64  # regions within reach, at most, that are told apart


def settled(labels: Labels, values: Floats, sigma: float, contrast: float) -> Labels:
    """Regions whose outlines are short, yet lie where values change.

    At every turn a pixel goes to the region r for which ``(G_σ * 1_r) - |v - μ_r|² / contrast²`` is the largest: threshold dynamics for
    the piecewise constant Mumford-Shah functional (Esedoglu & Tsai 2006), after Merriman, Bence & Osher (1994).

    Args:
        labels: ``[h, w]``.
        values: v, ``[h, w, C]``, whose means over the regions are μ.
        sigma: the deviation of the Gaussian, in pixels.
        contrast: the difference of values that counts as much as a whole neighbourhood.

    Returns:
        ``[h, w]``; regions may have gone.
    """
    sigma = max(sigma, 0.5)
    reach = int(np.ceil(NEAR * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights = np.outer(weights, weights).astype(np.float32)
    weights /= weights.sum()
    active = ~_even(labels, reach)
    for _ in range(TURNS):
        moved = _settled(labels, active, values, means(labels, values), weights, np.float32(1 / contrast**2))
        active = ndimage.maximum_filter(moved != labels, 2 * reach + 1)  # elsewhere at most the means are new
        labels = moved
    return labels


def _even(labels: Labels, reach: int) -> NDArray[np.bool_]:
    """Where all within reach is of one region."""
    window = 2 * reach + 1
    return np.asarray(ndimage.minimum_filter(labels, window, mode="nearest") == ndimage.maximum_filter(labels, window, mode="nearest"))


@njit()
def _voted(labels, row, column, weights, names, votes):  # type: ignore[no-untyped-def]
    """The regions around a pixel and their weights, in ``names`` and ``votes``; returns how many they are."""
    rows, columns = labels.shape
    reach = len(weights) // 2
    count, slot = 0, 0
    for i in range(2 * reach + 1):
        y = min(max(row + i - reach, 0), rows - 1)
        for j in range(2 * reach + 1):
            label = labels[y, min(max(column + j - reach, 0), columns - 1)]
            if count == 0 or names[slot] != label:
                slot = 0
                while slot < count and names[slot] != label:
                    slot += 1
                if slot == count:
                    if count == NEIGHBOURS:
                        slot = 0
                        continue
                    names[slot], votes[slot] = label, 0
                    count += 1
            votes[slot] += weights[i, j]
    return count


@njit(parallel=True)
def _settled(labels, active, values, centres, weights, fidelity):  # type: ignore[no-untyped-def]
    height, width = labels.shape
    moved = labels.copy()
    for index in prange(height):
        y = np.int64(index)
        names, votes = np.empty(NEIGHBOURS, np.int32), np.empty(NEIGHBOURS, np.float32)
        for x in range(width):
            if not active[y, x]:
                continue
            most = np.float32(-np.inf)
            for slot in range(_voted(labels, y, x, weights, names, votes)):
                score = votes[slot]
                for channel in range(values.shape[2]):
                    score -= fidelity * (values[y, x, channel] - centres[names[slot], channel]) ** 2
                if score > most or (score == most and names[slot] == labels[y, x]):
                    moved[y, x], most = names[slot], score
    return moved


def borders(labels: Labels, size: tuple[int, int], sigma: float) -> tuple[Labels, Labels, Floats]:
    """Regions with smooth outlines, at any size.

    Each pixel goes to the region that most of its Gaussian neighbourhood belongs to, as in Merriman, Bence & Osher (1994). Where the
    border is straight, the shares of both its sides there are given by the distance d from it, as erf(d / (√2 σ)) between them.

    Args:
        labels: ``[h, w]``.
        size: height and width of the result.
        sigma: the deviation of the Gaussian, in pixels of ``labels``.

    Returns:
        Each pixel's region, ``[H, W]``, the region beyond the nearest border, which is the same far from any, and how far that is, in
        pixels of the result, up to about 2.5 ``sigma``.
    """
    reach = int(np.ceil(REACH * sigma))
    first, second, distance = _borders(np.ascontiguousarray(labels), _even(labels, reach + 1), size[0], size[1], sigma, reach)
    return first, second, distance


@njit()
def erfinv(value):  # type: ignore[no-untyped-def]
    """The inverse error function of a value from 0 to 1, to within 0.002 (Winitzki's approximation), by 3.5 at most."""
    a = 0.147
    logarithm = np.log(max(1 - value * value, 1e-12))
    half = 2 / (np.pi * a) + logarithm / 2
    return np.sqrt(max(np.sqrt(half * half - logarithm / a) - half, 0.0))


@njit(parallel=True)
def _borders(labels, even, height, width, sigma, reach):  # type: ignore[no-untyped-def]
    rows, columns = labels.shape
    first, second = np.empty((height, width), np.int32), np.empty((height, width), np.int32)
    distance = np.empty((height, width), np.float32)
    scale = height / rows
    far = np.float32(REACH * sigma * scale)
    for index in prange(height):
        y = np.int64(index)
        names, votes = np.empty(NEIGHBOURS, np.int32), np.empty(NEIGHBOURS, np.float32)
        weights = np.empty((2 * reach + 1, 2 * reach + 1), np.float32)
        down, along = np.empty(2 * reach + 1, np.float32), np.empty(2 * reach + 1, np.float32)
        place_y = (y + 0.5) * rows / height - 0.5
        middle_y = min(max(int(np.floor(place_y + 0.5)), 0), rows - 1)
        for step in range(-reach, reach + 1):
            down[step + reach] = np.exp(-0.5 * ((middle_y + step - place_y) / sigma) ** 2)
        for x in range(width):
            place_x = (x + 0.5) * columns / width - 0.5
            middle_x = min(max(int(np.floor(place_x + 0.5)), 0), columns - 1)
            first[y, x] = second[y, x] = labels[middle_y, middle_x]
            distance[y, x] = far
            if even[middle_y, middle_x]:
                continue
            for step in range(-reach, reach + 1):
                along[step + reach] = np.exp(-0.5 * ((middle_x + step - place_x) / sigma) ** 2)
            for i in range(2 * reach + 1):
                for j in range(2 * reach + 1):
                    weights[i, j] = down[i] * along[j]
            count = _voted(labels, middle_y, middle_x, weights, names, votes)
            most, next_, total = 0, -1, votes[0]
            for slot in range(1, count):
                total += votes[slot]
                if votes[slot] > votes[most]:
                    most, next_ = slot, most
                elif next_ < 0 or votes[slot] > votes[next_]:
                    next_ = slot
            first[y, x] = second[y, x] = names[most]
            if next_ >= 0:
                second[y, x] = names[next_]
                lead = (votes[most] - votes[next_]) / total
                distance[y, x] = min(np.float32(np.sqrt(2) * sigma * erfinv(lead) * scale), far)
    return first, second, distance


def inset(labels: Labels) -> Floats:
    """How far each pixel is from the nearest border of regions or the frame, in pixels, a little smoothed, ``[h, w]``.

    Args:
        labels: ``[h, w]``.
    """
    beside = np.zeros(labels.shape, bool)
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        differ = labels[here] != labels[there]
        beside[here] |= differ
        beside[there] |= differ
    beside[0], beside[-1], beside[:, 0], beside[:, -1] = True, True, True, True
    distance = ndimage.distance_transform_edt(~beside).astype(np.float32) + np.float32(0.5)
    return np.asarray(ndimage.gaussian_filter(distance, 0.8))


def gradient(values: Floats) -> tuple[Floats, Floats]:
    """The central differences of ``values`` ``[h, w]`` down and along, each ``[h, w]``; a single row has none down."""
    down, along = (ndimage.correlate1d(values, [-0.5, 0, 0.5], axis, mode="nearest") for axis in (0, 1))
    return down, along


@njit()
def sampled(values, y, x):  # type: ignore[no-untyped-def]
    """A map ``[h, w]`` at a place between its pixels, bilinearly; beyond them as at the nearest.

    Args:
        values: the map.
        y: of the place, 0 in the middle of the first pixel.
        x: of the place, likewise.
    """
    rows, columns = values.shape
    y, x = min(max(y, 0.0), rows - 1.0), min(max(x, 0.0), columns - 1.0)
    row, column = min(int(y), max(rows - 2, 0)), min(int(x), max(columns - 2, 0))
    below, beside = min(row + 1, rows - 1), min(column + 1, columns - 1)
    v, u = np.float32(y - row), np.float32(x - column)
    above = values[row, column] + u * (values[row, beside] - values[row, column])
    under = values[below, column] + u * (values[below, beside] - values[below, column])
    return above + v * (under - above)
