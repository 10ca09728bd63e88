"""Merging against brute force."""

import numpy as np
import pytest

from impasto.classic.merging import means, merge


def same_partition(one, other):
    pairs = set(zip(one.ravel().tolist(), other.ravel().tolist(), strict=True))
    return len(pairs) == len(np.unique(one)) == len(np.unique(other))


def brute(labels, values, tolerance, contrast, threshold, smallest):
    """The greedy merge, with everything counted anew at every turn, in plain Python."""
    labels = labels.copy()
    height, width = labels.shape
    while True:
        borders = {}
        for y in range(height):
            for x in range(width):
                for i, j in ((y, x + 1), (y + 1, x)):
                    if i < height and j < width and labels[y, x] != labels[i, j]:
                        pair = tuple(sorted((labels[y, x], labels[i, j])))
                        borders.setdefault(pair, []).append((float(contrast[y, x]) + float(contrast[i, j])) / 2)
        costs = {}
        for (a, b), steps in borders.items():
            inside_a, inside_b = labels == a, labels == b
            n, m = inside_a.sum(), inside_b.sum()
            square = ((values[inside_a].mean(0) - values[inside_b].mean(0)) ** 2).sum()
            mean = (tolerance[inside_a].sum() + tolerance[inside_b].sum()) / (n + m)
            cost = n * m / (n + m) * (square + np.mean(steps) ** 2) / 2 / (len(steps) * mean)
            if n < smallest * tolerance[inside_a].mean() or m < smallest * tolerance[inside_b].mean():
                cost = -1 / (1 + cost)
            costs[a, b] = cost
        if not costs or min(costs.values()) > threshold:
            return labels
        a, b = min(costs, key=costs.get)
        labels[labels == b] = a


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("threshold", "smallest"), [(0.3, 0.0), (1.5, 0.0), (0.2, 6.0), (1e9, 0.0), (-1e-12, 5.0)])
def test_merging_is_greedy(seed, threshold, smallest):
    generator = np.random.default_rng(seed)
    labels = np.kron(np.arange(20).reshape(4, 5), np.ones((2, 2), int))
    labels[generator.integers(8, size=9), generator.integers(10, size=9)] = generator.integers(20, size=9)
    labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32)
    values = generator.normal(0, 1, (8, 10, 3))
    tolerance, contrast = generator.uniform(0.4, 2, (2, 8, 10))
    expected = brute(labels, values, tolerance, contrast, threshold, smallest)
    found = merge(labels, values, tolerance, contrast, threshold, smallest)
    assert same_partition(found, expected)
    assert found.max() + 1 == len(np.unique(found))


def test_means_over_regions():
    generator = np.random.default_rng(0)
    labels = np.concatenate([np.arange(6), generator.integers(6, size=57)]).reshape(7, 9).astype(np.int32)
    values = generator.random((7, 9, 4)).astype(np.float32)
    expected = [values[labels == label].astype(float).mean(0) for label in range(6)]
    assert means(labels, values) == pytest.approx(np.array(expected), abs=1e-6)
