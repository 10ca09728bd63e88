"""Outlines against brute force and discs."""

import numpy as np
import pytest
from scipy import ndimage, special

from impasto.classic import outlines


@pytest.mark.parametrize("scale", [1, 4])
def test_borders_are_smooth_at_any_size(scale):
    y, x = np.mgrid[:60, :80] + 0.5
    labels = (np.hypot(x - 40, y - 30) < 20).astype(np.int32)
    first, second, distance = outlines.borders(labels, (60 * scale, 80 * scale), 2.0)
    y, x = np.mgrid[: 60 * scale, : 80 * scale] + 0.5
    away = np.hypot(x - 40 * scale, y - 30 * scale) - 20 * scale
    near = np.abs(away) < 2 * scale
    signed = np.where(first == 0, distance, -distance)
    # A Gaussian moves a border of curvature 1 / 20 by σ² / (2 · 20) = 0.1; the rest is the pixels' own raggedness.
    assert np.abs(signed - away)[near].max() < 0.45 * scale
    assert (first + second == 1)[near].all()
    far = np.abs(away) > 8 * scale
    assert (first == (away < 0))[far].all()
    assert (first == second)[far].all()


def test_distance_from_borders():
    labels = np.zeros((80, 120), np.int32)
    labels[:, 70:] = 1
    distance = outlines.inset(labels)
    x = np.arange(120) + 0.5
    expected = np.minimum(np.abs(x - 70), np.minimum(x, 120 - x))
    assert np.abs(distance[40] - expected).max() < 0.6  # at ridges and borders the smoothing shows


def test_settling_follows_its_equation():
    generator = np.random.default_rng(0)
    labels = np.kron(generator.integers(5, size=(3, 4)), np.ones((5, 5), int)).astype(np.int32)
    labels = np.where(generator.random(labels.shape) < 0.2, generator.integers(5, size=labels.shape), labels).astype(np.int32)
    values = (np.eye(5)[labels][..., :3] + generator.normal(0, 0.4, (15, 20, 3))).astype(np.float32)
    expected, sigma = labels.copy(), 1.5
    for _ in range(outlines.TURNS):
        scores = np.full((5, 15, 20), -np.inf)
        for label in np.unique(expected):
            share = ndimage.gaussian_filter((expected == label).astype(float), sigma, mode="nearest", radius=3)
            off = ((values - values[expected == label].astype(float).mean(0)) ** 2).sum(-1)
            scores[label] = np.where(share > 0, share - off / 2.0**2, -np.inf)
        expected = scores.argmax(0)
    found = outlines.settled(labels, values, sigma, 2.0)
    assert (found != labels).mean() > 0.05
    # Where nothing near has moved, only the means could still change a pixel, and are not looked at.
    assert (found == expected).mean() > 0.98


def test_settling_shortens_outlines_of_little_contrast():
    y, x = np.mgrid[:60, :80]
    labels = (x > 40 + 4 * np.sign(np.sin(y))).astype(np.int32)
    faint, strong = (np.float32(labels[..., None] * step + [0.0, 0, 0]) for step in (1, 100))
    assert (outlines.settled(labels, strong, 3.0, 20.0) == labels).all()
    straight = outlines.settled(labels, faint, 3.0, 20.0)
    assert np.ptp((straight == 0).sum(1)[5:-5]) <= 2  # of 8


def test_inverse_error_function():
    values = np.linspace(0, 0.999, 200)
    assert [outlines.erfinv(value) for value in values] == pytest.approx(special.erfinv(values), abs=0.005)


def test_sampled_is_bilinear():
    generator = np.random.default_rng(0)
    values = generator.random((6, 9)).astype(np.float32)
    places = generator.uniform(-2, 11, (100, 2))
    expected = ndimage.map_coordinates(values.astype(float), places.T, order=1, mode="nearest")
    assert [outlines.sampled(values, y, x) for y, x in places] == pytest.approx(expected, abs=1e-5)


def test_gradient_of_a_plane():
    y, x = np.mgrid[:8, :1]
    down, along = outlines.gradient((3.0 * y + 5 * x).astype(np.float32))
    assert down[1:-1] == pytest.approx(3.0)
    assert (along == 0).all()
