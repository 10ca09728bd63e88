"""The search tree against an exhaustive search."""

import numpy as np
import pytest

from impasto.classic import tree
from impasto.classic.tree import nearest, planted


@pytest.mark.parametrize("count", [1, 7, 9, 700])
def test_without_slack_it_finds_the_nearest(count):
    generator = np.random.default_rng(9)
    features = (generator.standard_normal((count, 9)) * np.linspace(1, 3, 9)).astype(np.float32)
    found = planted(features)
    points = (features - found.mean) @ found.axes
    for query in (generator.standard_normal((50, 9)).astype(np.float32) * 2 - found.mean) @ found.axes:
        place, distance = nearest(query, found.points, found.low, found.high, np.float32(np.inf), 0.0, 10**6)
        distances = ((points.astype(np.float64) - query) ** 2).sum(1)
        assert found.order[place] == distances.argmin()
        assert distance == pytest.approx(distances.min(), rel=1e-4)
        assert nearest(query, found.points, found.low, found.high, np.float32(distance * 0.99), 0.0, 10**6)[0] == -1


def test_features_find_themselves():
    features = np.random.default_rng(1).random((300, 6), np.float32)
    assert planted(features).found(features, 10**6).tolist() == list(range(300))


def test_components_keep_the_variance(monkeypatch):
    """Features on a plane in ten dimensions, with little noise: two components keep 99 % of their variance."""
    generator = np.random.default_rng(2)
    monkeypatch.setattr(tree, "SAMPLE", 100)
    plane = generator.standard_normal((500, 2)) @ generator.standard_normal((2, 10)) + 3
    found = planted((plane + 0.01 * generator.standard_normal((500, 10))).astype(np.float32))
    assert found.axes.shape == (10, 2)
    assert found.axes.T @ found.axes == pytest.approx(np.eye(2), abs=1e-5)
    assert ((plane - found.mean) @ found.axes).var(0).sum() == pytest.approx(plane.var(0).sum(), rel=0.01)
