"""A k-d tree over the principal components of features, to find about the nearest of them."""

from dataclasses import dataclass

import numpy as np
from numba import prange
from numpy.typing import NDArray

from impasto.classic.compiled import njit

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
KEPT, DIMENSIONS = 0.99, 40  # the share of the features' variance that the components keep, and how many they are at most
SAMPLE = 20_000  # features that the components are found from, about
LEAF = 8  # features in a leaf, at most
NEARER = {"reassoc", "contract", "nsz"}  # distances are sums in whatever order is fastest


@dataclass(frozen=True)
class Tree:
    """Nodes with the boxes around their points; the children of node n are 2n + 1 and 2n + 2, and points are shared out evenly.

    Attributes:
        points: the features' components in the tree's order, ``[N, d]``.
        order: which feature each of them is of, ``[N]``.
        low: the boxes' least corners, ``[nodes, d]``; the second half of the nodes are leaves.
        high: their greatest.
        mean: of the features, ``[D]``.
        axes: of the components, ``[D, d]``.
    """

    points: Floats
    order: Integers
    low: Floats
    high: Floats
    mean: Floats
    axes: Floats

    def found(self, features: Floats, leaves: int) -> Integers:
        """Which feature of the tree is about the nearest to each of ``features``, ``[M, D]``, after ``leaves`` have been looked at."""
        return np.asarray(_found(_components(features, self.mean, self.axes), self.points, self.order, self.low, self.high, leaves))


def planted(features: Floats) -> Tree:
    """A tree over features ``[N, D]``."""
    sample = features[:: 1 + len(features) // SAMPLE].astype(np.float64)
    mean = sample.mean(0)
    variance, axes = np.linalg.eigh(_products(sample - mean))
    variance, axes = variance[::-1], axes[:, ::-1]
    share = np.cumsum(variance) / max(variance.sum(), 1e-12)
    kept = min(DIMENSIONS, 1 + int(np.searchsorted(share, KEPT)), len(share))
    mean, axes = mean.astype(np.float32), np.ascontiguousarray(axes[:, :kept], np.float32)
    points = _components(features, mean, axes)
    depth = max(0, int(np.ceil(np.log2(len(points) / LEAF))))
    order, low, high = _planted(points, depth)
    return Tree(points[order], order, low, high, mean, axes)


# Not by matrix products of numpy's, whose last bits depend on the number of threads.
@njit(parallel=True)
def _products(features):  # type: ignore[no-untyped-def]
    """Of every feature with every other, summed over the samples."""
    products = np.zeros((features.shape[1], features.shape[1]))
    for index in prange(features.shape[1]):
        for sample in range(len(features)):
            for other in range(features.shape[1]):
                products[index, other] += features[sample, index] * features[sample, other]
    return products


@njit(parallel=True)
def _components(features, mean, axes):  # type: ignore[no-untyped-def]
    found = np.zeros((len(features), axes.shape[1]), np.float32)
    for index in prange(len(features)):
        for i in range(len(mean)):
            centred = features[index, i] - mean[i]
            for axis in range(axes.shape[1]):
                found[index, axis] += centred * axes[i, axis]
    return found


@njit(parallel=True)
def _planted(points, depth):  # type: ignore[no-untyped-def]
    """Halve the points along the widest side of their box, again and again."""
    order = np.arange(len(points))
    nodes = 2 ** (depth + 1) - 1
    low, high = np.empty((nodes, points.shape[1]), np.float32), np.empty((nodes, points.shape[1]), np.float32)
    for level in range(depth + 1):
        for index in prange(2**level):
            node = 2**level - 1 + index
            first, last = len(points) * index // 2**level, len(points) * (index + 1) // 2**level
            _box(points, order[first:last], low[node], high[node], level < depth)
    return order, low, high


@njit()
def _box(points, order, low, high, divide):  # type: ignore[no-untyped-def]
    """The box around some of the points, put in order along its widest side if they are to be divided."""
    widest = 0
    for axis in range(points.shape[1]):
        low[axis], high[axis] = np.inf, -np.inf
        for point in order:
            low[axis], high[axis] = min(low[axis], points[point, axis]), max(high[axis], points[point, axis])
        if high[axis] - low[axis] > high[widest] - low[widest]:
            widest = axis
    if divide:
        values, inside = points[order, widest], order.copy()
        for place, rank in enumerate(np.argsort(values, kind="mergesort")):
            order[place] = inside[rank]


@njit(fastmath=NEARER)
def _outside(query, low, high, node):  # type: ignore[no-untyped-def]
    """The squared distance of a point from a node's box."""
    total = np.float32(0)
    for axis in range(len(query)):
        beyond = max(low[node, axis] - query[axis], query[axis] - high[node, axis], np.float32(0))
        total += beyond * beyond
    return total


@njit(fastmath=NEARER)
def apart(query, points, place):  # type: ignore[no-untyped-def]
    """The squared distance of a point ``query``, ``[d]``, from the one at a ``place`` among a tree's ``points``."""
    total = np.float32(0)
    for axis in range(len(query)):
        total += (query[axis] - points[place, axis]) ** 2
    return total


@njit()
def nearest(query, points, low, high, limit, slack, leaves):  # type: ignore[no-untyped-def]
    """The place of about the nearest of a tree's points, or -1, and its squared distance.

    Args:
        query: components of what is looked for, ``[d]``.
        points: the tree's.
        low: the tree's.
        high: the tree's.
        limit: a squared distance; nothing as far as this is found.
        slack: the share of the distance by which a nearer point may be missed; with 0 and leaves enough, none is.
        leaves: how many are looked at, at most.
    """
    nodes, count = len(low), len(points)
    inner = nodes // 2
    factor = np.float32((1 + slack) ** 2)
    waiting = np.empty(64, np.int64)
    bounds = np.empty(64, np.float32)
    waiting[0], bounds[0], held = 0, _outside(query, low, high, 0), 1
    best, found = limit, -1
    while held > 0 and leaves > 0:
        held -= 1
        node, bound = waiting[held], bounds[held]
        if bound * factor >= best and bound > 0:
            continue
        if node >= inner:
            leaves -= 1
            for place in range(count * (node - inner) // (inner + 1), count * (node - inner + 1) // (inner + 1)):
                distance = apart(query, points, place)
                if distance < best:
                    best, found = distance, place
            continue
        nearer, farther = 2 * node + 1, 2 * node + 2
        to_nearer, to_farther = _outside(query, low, high, nearer), _outside(query, low, high, farther)
        if to_nearer > to_farther:
            nearer, farther, to_nearer, to_farther = farther, nearer, to_farther, to_nearer
        waiting[held], bounds[held] = farther, to_farther
        waiting[held + 1], bounds[held + 1] = nearer, to_nearer
        held += 2
    return found, best


@njit(parallel=True)
def _found(queries, points, order, low, high, leaves):  # type: ignore[no-untyped-def]
    found = np.empty(len(queries), np.int64)
    for index in prange(len(queries)):
        place, _ = nearest(queries[index], points, low, high, np.float32(np.inf), 0.0, leaves)
        found[index] = order[place]
    return found
