"""The approximate nearest-neighbour field between two pictures' patches (Barnes et al. 2009)."""

import numpy as np
from numba import prange
from numpy.typing import NDArray
from scipy import ndimage

from impasto.classic.compiled import njit
from impasto.classic.tree import NEARER, planted
from impasto.errors import PictureError

Floats = NDArray[np.float32]
Field = NDArray[np.int32]
BAND = 16  # rows of patches that one thread goes through in order, whatever the number of threads
CELLS = 7  # along and down a patch, which the search tree compares
CANDIDATES = 120_000  # patches of the source in the tree, at most about; of a larger one every few
LEAVES = 50  # of the tree, looked at for one patch, at most, times the stride


def patchmatch(
    source: Floats,
    target: Floats,
    *,
    patch: int,
    seed: int,
    iterations: int = 5,
    start: Field | None = None,
    stride: int = 1,
    coherence: float = 0.0,
) -> tuple[Field, Floats]:
    """For every patch of a target a patch of a source that is about the nearest.

    The start is not random but comes from a k-d tree of what patches look like from afar (He & Sun 2012). Propagation and random
    search follow by turns (Barnes et al. 2009, section 3.2). Bands of ``BAND`` rows are scanned at the same time; what they hand on
    to each other is as of the turn before.

    Args:
        source: features ``[h, w, C]``; the distance of patches is the sum of squared differences.
        target: features ``[H, W, C]``.
        patch: pixels a side of a patch.
        seed: of the random search, 0 or more.
        iterations: of propagation and search, forwards and backwards by turns; with 5 the sum of all distances is within 5 % of
            the least possible on photographs and paintings.
        start: a field to begin from.
        stride: pixels from one patch of the target to the next, down and along; every patch of the source is a candidate.
        coherence: by what share a distance may grow for a patch to go on from where its neighbours' matches are, from 0.

    Returns:
        Row and column of the upper left corner of each patch's match, ``[(H - patch) // stride + 1, (W - patch) // stride + 1, 2]``,
        and its distance.

    Raises:
        PictureError: a source or a target smaller than a patch.
    """
    for picture in (source, target):
        if min(picture.shape[:2]) < patch:
            height, width = picture.shape[:2]
            raise PictureError(f"a picture of {width} x {height} pixels is too small; give one of at least {patch} x {patch}")
    source, target = (np.ascontiguousarray(x, np.float32) for x in (source, target))
    limits = [source.shape[0] - patch, source.shape[1] - patch]
    field = _guessed(source, target, patch, stride) if start is None else np.clip(start, 0, limits).astype(np.int32)
    channels = source.shape[2]
    # A row of a patch lies in one piece, so that distances are sums over long rows.
    source, target = source.reshape(len(source), -1), target.reshape(len(target), -1)
    costs = _costs(source, target, field, patch, channels, stride)
    factor = np.float32(1 + coherence)
    for iteration in range(iterations):
        backwards = iteration % 2 == 1
        _improve(source, target, field, costs, field.copy(), patch, channels, stride, factor, backwards, seed * iterations + iteration)
    return field, costs


def _guessed(source: Floats, target: Floats, patch: int, stride: int) -> Field:
    """The patches of the source that are about the nearest as seen from afar, by a search tree."""
    height, width = (side - patch + 1 for side in source.shape[:2])
    step = max(1, patch // 8, round((height * width / CANDIDATES) ** 0.5))
    ours, theirs = _cells(source, patch, step), _cells(target, patch, stride)
    places = planted(ours.reshape(-1, ours.shape[2])).found(theirs.reshape(-1, theirs.shape[2]), LEAVES * stride)
    field: Field = step * np.stack(np.unravel_index(places, ours.shape[:2]), -1).astype(np.int32)
    return field.reshape(*theirs.shape[:2], 2)


def _cells(picture: Floats, patch: int, stride: int) -> Floats:
    """The means over the cells of a grid on all patches, ``[m, n, CELLS² C]``; pixels themselves in small patches."""
    grid = min(CELLS, patch)
    cell = -(-patch // grid)
    means = ndimage.uniform_filter(picture, (cell, cell, 1), mode="nearest", origin=(-(cell // 2), -(cell // 2), 0))
    rows, columns = (side - patch + 1 for side in picture.shape[:2])
    offsets = [round(i * (patch - cell) / max(1, grid - 1)) for i in range(grid)]
    return np.concatenate([means[y : y + rows : stride, x : x + columns : stride] for y in offsets for x in offsets], -1)


@njit(fastmath=NEARER)
def _distance(source, target, y, x, row, column, patch, channels, limit):  # type: ignore[no-untyped-def]
    """Between a patch of the source and one of the target; anything above the limit if it is above."""
    total = np.float32(0)
    for i in range(patch):
        a = source[y + i, x * channels : (x + patch) * channels]
        b = target[row + i, column * channels : (column + patch) * channels]
        for j in range(patch * channels):
            total += (a[j] - b[j]) * (a[j] - b[j])
        if total > limit:
            break
    return total


@njit(parallel=True)
def _costs(source, target, field, patch, channels, stride):  # type: ignore[no-untyped-def]
    costs = np.empty(field.shape[:2], np.float32)
    for index in prange(field.shape[0]):
        row = np.int64(index)
        for column in range(field.shape[1]):
            y, x = field[row, column, 0], field[row, column, 1]
            costs[row, column] = _distance(source, target, y, x, row * stride, column * stride, patch, channels, np.float32(np.inf))
    return costs


@njit()
def _next(state):  # type: ignore[no-untyped-def]
    """The next of a row of numbers that look random (xorshift, Marsaglia 2003)."""
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    state ^= state << np.uint64(17)
    return state


@njit(parallel=True)
def _improve(source, target, field, costs, before, patch, channels, stride, factor, backwards, seed):  # type: ignore[no-untyped-def]
    """One turn of propagation and random search, in place."""
    rows, columns, _ = field.shape
    down, along = source.shape[0] - patch + 1, source.shape[1] // channels - patch + 1
    step = -1 if backwards else 1
    for index in prange((rows + BAND - 1) // BAND):
        first = np.int64(index) * BAND
        last = min(first + BAND, rows) - 1
        state = np.uint64(first + 1) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(seed + 1) * np.uint64(0xC2B2AE3D27D4EB4F)
        for line in range(last - first + 1):
            row = last - line if backwards else first + line
            for place in range(columns):
                column = columns - 1 - place if backwards else place
                best_y, best_x, best = np.int64(field[row, column, 0]), np.int64(field[row, column, 1]), costs[row, column]
                limit = best * factor
                # Propagation: the neighbours' matches, moved on by as much as the neighbours are away.
                for vertical in range(2):
                    beside_row, beside_column = (row - step, column) if vertical else (row, column - step)
                    if not (0 <= beside_row < rows and 0 <= beside_column < columns):
                        continue
                    beside = field if first <= beside_row <= last else before
                    y, x = np.int64(beside[beside_row, beside_column, 0]), np.int64(beside[beside_row, beside_column, 1])
                    y, x = (y + step * stride, x) if vertical else (y, x + step * stride)
                    if y == best_y and x == best_x:
                        limit = min(limit, best)
                    elif 0 <= y < down and 0 <= x < along:
                        cost = _distance(source, target, y, x, row * stride, column * stride, patch, channels, limit)
                        if cost < limit:
                            best_y, best_x, best, limit = y, x, cost, cost
                # Random search around the best, ever nearer.
                reach = max(down, along)
                while reach >= 1:
                    state = _next(state)
                    y = min(max(best_y + np.int64(state % np.uint64(2 * reach + 1)) - reach, np.int64(0)), down - 1)
                    state = _next(state)
                    x = min(max(best_x + np.int64(state % np.uint64(2 * reach + 1)) - reach, np.int64(0)), along - 1)
                    cost = _distance(source, target, y, x, row * stride, column * stride, patch, channels, best / factor)
                    if cost < best / factor:
                        best_y, best_x, best = y, x, cost
                    reach //= 2
                field[row, column, 0], field[row, column, 1], costs[row, column] = best_y, best_x, best
