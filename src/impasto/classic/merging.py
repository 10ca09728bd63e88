"""The merging of neighbouring regions while that costs little (Koepfler, Lopez & Morel 1994)."""

import heapq

import numpy as np
from numpy.typing import NDArray

from impasto.classic.compiled import njit

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]
BORDER = 0.5  # how much the contrast along the common border counts beside that of two regions' means


def merge(labels: Labels, values: Floats, tolerance: Floats, contrast: Floats, threshold: float, smallest: float = 0.0) -> Labels:
    """Merge neighbouring regions, at every turn the two for which that costs least, until all cost more than a threshold.

    The cost is that of Koepfler, Lopez & Morel (1994), which is Ward's criterion over the length of the common border, with
    the contrast along that border beside the contrast of the means μ, and over the mean tolerance τ of both::

        |a| |b| / (|a| + |b|) · ((1 - BORDER) |μ_a - μ_b|² + BORDER c²) / (length · τ)

    A cost where a region has fewer than ``smallest`` pixels times its tolerance becomes -1 / (1 + cost), so that such regions merge first.

    Args:
        labels: ``[H, W]``, of 0 … R - 1, each of which is somewhere.
        values: what regions are to agree in, ``[H, W, C]``.
        tolerance: how readily regions merge, ``[H, W]``, above 0.
        contrast: along the borders, ``[H, W]``.
        threshold: the largest cost at which regions merge.
        smallest: pixels of the smallest region.

    Returns:
        ``[H, W]``, of 0 … R' - 1, numbered in the order of the least old labels.
    """
    count = int(labels.max()) + 1
    flat = labels.ravel()
    sizes = np.bincount(flat, minlength=count).astype(np.float64)
    sums = np.stack([np.bincount(flat, values[..., c].ravel(), count) for c in range(values.shape[2])], 1)
    tolerances = np.bincount(flat, tolerance.ravel(), count)
    pairs = ((labels[:, :-1], labels[:, 1:], contrast[:, :-1], contrast[:, 1:]), (labels[:-1], labels[1:], contrast[:-1], contrast[1:]))
    keys, steps = [], []
    for one, other, here, there in pairs:
        differ = one != other
        a, b = one[differ].astype(np.int64), other[differ].astype(np.int64)
        keys.append(np.minimum(a, b) * count + np.maximum(a, b))
        steps.append((here[differ] + there[differ]) / 2)
    edges, where = np.unique(np.concatenate(keys), return_inverse=True)
    lengths = np.bincount(where, minlength=len(edges)).astype(np.float64)
    contrasts = np.bincount(where, np.concatenate(steps), len(edges))
    parents = _merge(edges // count, edges % count, lengths, contrasts, sizes, sums, tolerances, float(threshold), float(smallest))
    return np.unique(parents, return_inverse=True)[1].astype(np.int32)[labels]


@njit()
def _cost(edge, first, second, lengths, contrasts, sizes, sums, tolerances, smallest):  # type: ignore[no-untyped-def]
    a, b = first[edge], second[edge]
    distance = 0.0
    for channel in range(sums.shape[1]):
        distance += (sums[a, channel] / sizes[a] - sums[b, channel] / sizes[b]) ** 2
    both = sizes[a] + sizes[b]
    height = (1 - BORDER) * distance + BORDER * (contrasts[edge] / lengths[edge]) ** 2
    cost = sizes[a] * sizes[b] / both * height / (lengths[edge] * (tolerances[a] + tolerances[b]) / both)
    small = sizes[a] < smallest * tolerances[a] / sizes[a] or sizes[b] < smallest * tolerances[b] / sizes[b]
    return -1 / (1 + cost) if small else cost


@njit()
def _merge(first, second, lengths, contrasts, sizes, sums, tolerances, threshold, smallest):  # type: ignore[no-untyped-def]
    """The least label of the region that each one becomes a part of."""
    count, edges = len(sizes), len(first)
    # Every edge is in the lists of both its regions: at 2e in that of the first, at 2e + 1 in that of the second.
    heads, tails, following = np.full(count, -1), np.full(count, -1), np.full(2 * edges, -1)
    for half in range(2 * edges):
        region = first[half // 2] if half % 2 == 0 else second[half // 2]
        following[half] = heads[region]
        heads[region] = half
        if tails[region] < 0:
            tails[region] = half
    parents, alive, versions, edge_to = np.arange(count), np.ones(edges, np.bool_), np.zeros(edges, np.int64), np.full(count, -1)
    heap = [(_cost(edge, first, second, lengths, contrasts, sizes, sums, tolerances, smallest), edge, 0) for edge in range(edges)]
    heapq.heapify(heap)
    while len(heap) > 0:
        cost, edge, version = heapq.heappop(heap)
        if not alive[edge] or version != versions[edge]:
            continue
        if cost > threshold:
            break
        a, b = min(first[edge], second[edge]), max(first[edge], second[edge])
        parents[b] = a
        alive[edge] = False
        sizes[a] += sizes[b]
        for channel in range(sums.shape[1]):
            sums[a, channel] += sums[b, channel]
        tolerances[a] += tolerances[b]
        half = heads[b]
        while half >= 0:
            if half % 2 == 0:
                first[half // 2] = a
            else:
                second[half // 2] = a
            half = following[half]
        following[tails[a]] = heads[b]
        tails[a] = tails[b]
        # Edges that lead to the same region become one; the others cost something else now.
        half, last = heads[a], -1
        while half >= 0:
            beyond = following[half]
            edge = half // 2
            if alive[edge]:
                other = second[edge] if half % 2 == 0 else first[edge]
                same = edge_to[other]
                if same >= 0:
                    lengths[same] += lengths[edge]
                    contrasts[same] += contrasts[edge]
                    alive[edge] = False
                else:
                    edge_to[other] = edge
            if alive[edge]:
                last = half
            elif last >= 0:
                following[last] = beyond
            else:
                heads[a] = beyond
            half = beyond
        tails[a] = last
        half = heads[a]
        while half >= 0:
            edge = half // 2
            edge_to[second[edge] if half % 2 == 0 else first[edge]] = -1
            versions[edge] += 1
            cost = _cost(edge, first, second, lengths, contrasts, sizes, sums, tolerances, smallest)
            heapq.heappush(heap, (cost, edge, versions[edge]))
            half = following[half]
    for region in range(count):  # a parent's label is less than its children's
        parents[region] = parents[parents[region]]
    return parents


def means(labels: Labels, values: Floats) -> Floats:
    """The mean of values ``[h, w, C]`` over each region of ``labels`` ``[h, w]``: ``[R, C]``."""
    flat = labels.ravel()
    sums = [np.bincount(flat, values[..., c].ravel()) for c in range(values.shape[2])]
    return (np.stack(sums, 1) / np.maximum(np.bincount(flat), 1)[:, None]).astype(np.float32)
