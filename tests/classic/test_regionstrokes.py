"""Strokes that follow regions."""

import warnings

import numpy as np
import pytest
from scenes import CREAM, RED, photograph

from impasto.classic.regionstrokes import stroked
from impasto.errors import OptionError


@pytest.mark.parametrize("turn", [0.0, 35.0, 90.0])
def test_strokes_run_along_bars(turn):
    angle = np.radians(turn)
    y, x = np.mgrid[:240, :240] + 0.5
    along, across = (x - 120) * np.cos(angle) + (y - 120) * np.sin(angle), (y - 120) * np.cos(angle) - (x - 120) * np.sin(angle)
    bar = (np.abs(along) < 90) & (np.abs(across) < 25)
    picture = np.where(bar[..., None], np.float32(RED), np.float32(CREAM))
    found = stroked(picture, detail=0.3)
    assert [strokes.radius for strokes in found] == sorted((strokes.radius for strokes in found), reverse=True)
    strokes = found[0]
    assert strokes.points.shape[::2] == (len(strokes.counts), 2)
    off, lengths = [], []
    for points, count, colour in zip(strokes.points, strokes.counts, strokes.colours, strict=True):
        points = points[:count]
        inside = [bar[int(p[1]), int(p[0])] for p in points]
        assert all(inside) or not any(inside[1:-1]) or count < 3
        if inside[count // 2] and count > 2 and np.abs(along[int(points[count // 2, 1]), int(points[count // 2, 0])]) < 65:
            assert colour[0] - colour[2] > 0.4
            step = points[-1] - points[0]
            off.append((np.degrees(np.arctan2(step[1], step[0])) - turn + 90) % 180 - 90)
            lengths.append(np.hypot(*step))
    assert len(off) > 40
    assert np.median(np.abs(off)) < 6
    assert np.median(lengths) > 20


def test_same_seed_same_strokes():
    one, again, other = (stroked(photograph(3), seed=seed) for seed in (5, 5, 6))
    for a, b in zip(one, again, strict=True):
        assert (
            a.points.tobytes() + a.counts.tobytes() + a.colours.tobytes() == b.points.tobytes() + b.counts.tobytes() + b.colours.tobytes()
        )
    assert one[0].points.tobytes() != other[0].points.tobytes()


@pytest.mark.parametrize("size", [(60, 90), (5, 300), *((side, side) for side in range(1, 9)), (1, 7)])
def test_one_colour(size):
    picture = np.full((*size, 3), (0.3, 0.5, 0.6), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, *others = stroked(picture)
    assert len(first.counts) > 0
    assert first.colours.mean(0) == pytest.approx(picture[0, 0], abs=0.08)
    assert all(len(strokes.counts) == 0 for strokes in others)


@pytest.mark.parametrize("size", [(5, 300), *((side, side) for side in range(1, 9)), (1, 7)])
def test_small_pictures(size):
    picture = np.random.default_rng(0).random((*size, 3), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = stroked(picture)
    for strokes in found:
        assert np.isfinite(strokes.points).all()
        assert strokes.points.shape[::2] == (len(strokes.counts), 2)


def test_impossible_options():
    with pytest.raises(OptionError, match="128 x 96"):
        stroked(photograph(), focus=np.ones((96, 127), np.float32))
    with pytest.raises(OptionError, match="detail"):
        stroked(photograph(), detail=1.1)
