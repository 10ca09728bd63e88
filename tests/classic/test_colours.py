"""Colours of a style, against their definitions."""

import numpy as np
import pytest

from impasto.classic.colours import LUMA, TOUCH, drawn, palette
from impasto.picture import recoloured

PICTURE = np.random.default_rng(3).random((4, 5, 3), np.float32).repeat(20, 0).repeat(20, 1)


def test_recolouring_moves_mean_and_covariance():
    random = np.random.default_rng(4)
    mixes = random.normal(size=(2, 3, 3)) * 0.01 + 0.05 * np.eye(3)
    picture, style = (np.float32(0.5) + (random.normal(size=(60, 50, 3)) @ mix).astype(np.float32) for mix in mixes)
    assert np.linalg.eigvalsh(np.cov(picture.reshape(-1, 3).T)).min() > 1e-4  # else the map is held back
    found = recoloured(picture, style).reshape(-1, 3).astype(float)
    assert (found > 0).all()
    assert (found < 1).all()
    np.testing.assert_allclose(found.mean(0), style.reshape(-1, 3).mean(0), atol=1e-4)
    np.testing.assert_allclose(np.cov(found.T), np.cov(style.reshape(-1, 3).T), rtol=0.02, atol=1e-5)
    # Monge's map has a symmetric, positive matrix.
    matrix = np.linalg.lstsq(picture.reshape(-1, 3) - picture.mean((0, 1)), found - found.mean(0), rcond=None)[0]
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-3)
    assert np.linalg.eigvalsh(matrix).min() > 0


def test_recolouring_with_one_colour():
    flat = np.full((5, 6, 3), (0.2, 0.5, 0.7), np.float32)
    np.testing.assert_allclose(recoloured(flat, PICTURE).mean((0, 1)), PICTURE.mean((0, 1)), atol=1e-3)
    np.testing.assert_allclose(recoloured(flat, flat), flat, atol=1e-5)


def test_palette():
    found = palette(PICTURE, 32)
    colours = np.unique(PICTURE.reshape(-1, 3), axis=0)
    np.testing.assert_allclose(np.unique(found, axis=0), colours, atol=1e-6)
    assert len(palette(PICTURE, 5)) == 5
    assert len(palette(np.zeros((4, 4, 3), np.float32))) == 1


def test_strokes_take_colours_of_the_palette_as_light_as_they_are():
    towards = np.array([[0.7, 0.1, 0.1], [0.1, 0.3, 0.8], [0.9, 0.9, 0.2]], np.float32)
    grey_strokes = np.full((4000, 3), towards[:2].mean(0) @ LUMA, np.float32)
    found = (drawn(grey_strokes, towards, np.random.default_rng(0)) - (1 - TOUCH) * grey_strokes) / TOUCH
    shares = [(np.abs(found - colour).max(1) < 1e-4).mean() for colour in towards]
    assert sum(shares) == pytest.approx(1)
    assert min(shares[:2]) > 0.2
    assert shares[2] < 0.01
