"""Style transfer by patches: its parts against plain numpy, and what the whole must keep."""

import numpy as np
import pytest
from scipy import ndimage

from impasto.classic.patches import SIZES, aggregated, smoothed, stylised
from impasto.errors import OptionError, PictureError
from impasto.picture import recoloured


def textured(height, width, seed, scale=2.0):
    picture = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((height, width, 3)), (scale, scale, 0))
    return ((picture - picture.min()) / max(np.ptp(picture), 1e-9)).astype(np.float32)


def test_robust_aggregation_against_plain_numpy():
    generator = np.random.default_rng(1)
    style, canvas = generator.random((20, 22, 3), np.float32), generator.random((17, 14, 3), np.float32)
    size, gap = 5, 3
    field = np.stack([generator.integers(16, size=(5, 4)), generator.integers(18, size=(5, 4))], -1).astype(np.int32)
    places = [(row, column) for row in range(5) for column in range(4)]
    patches = {p: style[field[p][0] : field[p][0] + size, field[p][1] : field[p][1] + size].astype(np.float64) for p in places}
    weights = dict.fromkeys(places, 1.0)
    for _ in range(11):
        sums, total = np.zeros((17, 14, 3)), np.zeros((17, 14, 1))
        for row, column in places:
            there = (slice(row * gap, row * gap + size), slice(column * gap, column * gap + size))
            sums[there] += weights[row, column] * patches[row, column]
            total[there] += weights[row, column]
        merged = np.where(total > 0, sums / np.maximum(total, 1e-30), canvas)
        for row, column in places:
            here = merged[row * gap : row * gap + size, column * gap : column * gap + size]
            weights[row, column] = ((here - patches[row, column]) ** 2).sum() ** (0.8 / 2 - 1)
    assert aggregated(style, canvas, field, size, gap) == pytest.approx(merged, abs=1e-4)


def test_an_odd_patch_counts_less_than_in_a_mean():
    style = np.zeros((8, 40, 3), np.float32)
    style[:, 20:] = 1
    field = np.zeros((1, 3, 2), np.int32)
    field[0, 1, 1] = 25  # white among black
    merged = aggregated(style, np.zeros((8, 10, 3), np.float32), field, 8, 1)
    assert merged[:, 2:8].max() < 0.1  # a mean would be a third


def test_smoothing_takes_noise_and_leaves_edges():
    generator = np.random.default_rng(4)
    step = np.zeros((40, 40, 3), np.float32)
    step[:, 20:] = 1
    noisy = (step + 0.02 * generator.standard_normal(step.shape)).astype(np.float32)
    result = smoothed(noisy, 3.0, 0.5)
    assert result[:, :15].std() < 0.6 * noisy[:, :15].std()
    assert result[:, 20].mean() - result[:, 19].mean() > 0.9


def test_smoothing_along_a_row_is_the_recursion():
    row = np.random.default_rng(5).random((1, 9, 3), np.float32)
    spatial, range_ = 2.0, 0.4
    feedback = np.exp(-(2**0.5) / (spatial * 3**0.5 / 3**0.5)) ** (
        1 + spatial / range_ * np.abs(np.diff(row[0].astype(np.float64), axis=0)).sum(1)
    )
    wanted = row[0].astype(np.float64)
    for x in range(1, 9):
        wanted[x] = (1 - feedback[x - 1]) * wanted[x] + feedback[x - 1] * wanted[x - 1]
    for x in range(7, -1, -1):
        wanted[x] = (1 - feedback[x]) * wanted[x] + feedback[x] * wanted[x + 1]
    assert smoothed(row, spatial, range_, 1)[0] == pytest.approx(wanted, abs=1e-5)


def test_keeps_the_content_and_takes_the_palette():
    rows, columns = np.indices((64, 72))
    content = np.where(((rows - 32) ** 2 + (columns - 36) ** 2 < 18**2)[..., None], np.float32(0.8), np.float32(0.2)) * np.ones(
        3, np.float32
    )
    style = textured(80, 60, 6, 3.0) * np.float32([1, 0.6, 0.2])
    result = stylised(content, style, fidelity=6.0)
    light = result.mean(2)
    assert result.shape == content.shape
    assert result.min() >= 0
    assert result.max() <= 1
    assert np.corrcoef(light.ravel(), content[..., 0].ravel())[0, 1] > 0.7
    assert result.reshape(-1, 3).mean(0) == pytest.approx(style.reshape(-1, 3).mean(0), abs=0.05)


def test_fidelity_keeps_more():
    content, style = textured(64, 64, 7, 3.0), textured(64, 64, 8, 3.0)
    wanted = recoloured(content, style)
    loose, tight = (np.abs(stylised(content, style, fidelity=f) - wanted).mean() for f in (0.1, 8.0))
    assert tight < 0.8 * loose


def test_a_picture_in_its_own_style_stays():
    picture = textured(64, 60, 9)
    assert np.abs(stylised(picture, picture, noise=0.0) - picture).mean() < 0.02


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    content, style = textured(30, 40, 10), textured(36, 30, 11)
    first = stylised(content, style, seed=3)
    assert first.tobytes() == stylised(content, style, seed=3).tobytes()
    assert first.tobytes() != stylised(content, style, seed=4).tobytes()


def test_progress_shows_the_canvas(monkeypatch):
    monkeypatch.setattr("impasto.classic.patches.COARSEST", 20)
    content, style, seen, looks = textured(30, 40, 10), textured(36, 30, 11), [], []

    def listen(done, total, look):
        seen.append((done, total))
        looks.append(look())

    result = stylised(content, style, callback=listen)
    assert seen == [(done + 1, len(seen)) for done in range(len(seen))]
    assert {look.shape for look in looks} == {(15, 20, 3), (30, 40, 3)}
    assert all(look.min() >= 0 and look.max() <= 1 for look in looks)
    assert looks[-1].tobytes() == result.tobytes()


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (8, 8), (5, 60)])
def test_pictures_however_small(size):
    small, large = textured(*size, 13), textured(20, 24, 14)
    result = stylised(small, large)
    assert result.shape == small.shape
    assert np.isfinite(result).all()
    if min(size) < SIZES[-1]:
        with pytest.raises(PictureError, match="too small"):
            stylised(large, small)
    else:
        assert np.isfinite(stylised(large, small)).all()


def test_pictures_of_one_colour():
    grey, red = np.full((24, 30, 3), 0.5, np.float32), np.ones((30, 24, 3), np.float32) * np.float32([0.8, 0.1, 0.2])
    result = stylised(grey, red, noise=0.0)
    assert np.abs(result - [0.8, 0.1, 0.2]).max() < 0.02
    assert np.isfinite(stylised(grey, textured(24, 24, 12))).all()
    assert np.isfinite(stylised(textured(24, 24, 12), red)).all()


def test_errors_are_one_clear_line():
    picture = np.zeros((30, 30, 3), np.float32)
    with pytest.raises(OptionError, match="numbers from 0"):
        stylised(picture, picture, fidelity=-1)
    with pytest.raises(OptionError, match="numbers from 0"):
        stylised(picture, picture, noise=float("nan"))
