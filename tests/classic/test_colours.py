"""Colours of a style, against their definitions."""

import numpy as np
import pytest

from impasto.classic.colours import LUMA, TOUCH, drawn, palette
from impasto.picture import recoloured, with_chroma
from impasto.picture.palettes import from_oklab, oklab

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


def test_oklab_of_known_colours():
    """As its author gives them; and back."""
    colours = np.array([[(1, 1, 1), (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]], np.float32)
    known = [(1, 0, 0), (0, 0, 0), (0.62796, 0.22486, 0.12585), (0.86644, -0.23389, 0.17950), (0.45201, -0.03246, -0.31153)]
    np.testing.assert_allclose(oklab(colours)[0], known, atol=2e-5)
    np.testing.assert_allclose(from_oklab(oklab(PICTURE)), PICTURE, atol=1e-4)


def gentle(seed, size, lightness=0.6, chroma=0.03):
    """A picture of soft colours, smooth enough that mixing neighbours does little."""
    random, (height, width) = np.random.default_rng(seed), size
    rows, columns = np.mgrid[0:height, 0:width] / 40
    waves = [np.sin(a * rows + b * columns + c) for a, b, c in random.uniform(0.5, 2, (3, 3))]
    lab = np.stack([lightness + 0.1 * waves[0], chroma * waves[1], chroma * (waves[2] + 0.5 * waves[1])], axis=-1)
    return from_oklab(lab.astype(np.float32))


def test_chroma_is_the_contents_with_the_styles_moments():
    painting, content, style = gentle(0, (80, 90)), gentle(1, (80, 90)), gentle(2, (70, 50), chroma=0.05)
    before, kept, his, found = (oklab(x).astype(float) for x in (painting, content, style, with_chroma(painting, content, [(1, style)])))
    inside = (before[..., 0] > his[..., 0].min()) & (before[..., 0] < his[..., 0].max())
    assert inside.mean() > 0.5
    np.testing.assert_allclose(found[inside][:, 0], before[inside][:, 0], atol=2e-3)  # light and shade stay the painting's
    mine, its, photo = (x[..., 1:].reshape(-1, 2) for x in (found, his, kept))
    np.testing.assert_allclose(mine.mean(0), its.mean(0), atol=3e-3)
    np.testing.assert_allclose(np.cov(mine.T), np.cov(its.T), rtol=0.15, atol=1e-4)
    linear = np.column_stack([photo, np.ones(len(photo))])  # it is a function of the content's colours alone, nearly
    residual = mine - linear @ np.linalg.lstsq(linear, mine, rcond=None)[0]
    assert residual.var() < 0.05 * mine.var(0).sum()


def test_chroma_between_two_styles():
    painting, content, styles = gentle(0, (80, 90)), gentle(1, (80, 90)), [gentle(2, (60, 60)), gentle(3, (60, 60), chroma=0.06)]
    found = oklab(with_chroma(painting, content, [(0.25, styles[0]), (0.75, styles[1])])).reshape(-1, 3)[:, 1:]
    means = [oklab(style).reshape(-1, 3)[:, 1:].mean(0) for style in styles]
    np.testing.assert_allclose(found.mean(0), 0.25 * means[0] + 0.75 * means[1], atol=5e-3)


def test_a_grey_style_gives_its_light_and_shade():
    painting, content, style = gentle(0, (80, 90)), gentle(1, (80, 90)), gentle(2, (70, 50), lightness=0.5, chroma=0.0)
    found, his = (oklab(x).reshape(-1, 3) for x in (with_chroma(painting, content, [(1, style)]), style))
    assert np.abs(found[:, 1:]).max() < 2e-3
    assert found[:, 0].mean() == pytest.approx(his[:, 0].mean(), abs=0.01)
    assert found[:, 0].std() == pytest.approx(his[:, 0].std(), rel=0.1)


def test_chroma_stays_within_what_the_styles_have():
    painting, content, style = PICTURE, PICTURE[::-1], gentle(2, (70, 50))
    found, his = (oklab(x).reshape(-1, 3) for x in (with_chroma(painting, content, [(1, style)]), style))
    assert (found >= his.min(0) - 2e-3).all()
    assert (found <= his.max(0) + 2e-3).all()


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
