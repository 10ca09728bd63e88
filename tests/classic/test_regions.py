"""Pictures made of"""

import warnings

import numba
import numpy as np
import pytest
from scenes import BLUE, CREAM, GREEN, RED, photograph, shapes

from impasto.classic.abstraction import abstraction
from impasto.classic.linedrawing import lined
from impasto.classic.mosaic import mosaic, tiled
from impasto.classic.papercut import papercut
from impasto.classic.stainedglass import HALF, cut, stainedglass
from impasto.errors import OptionError

PRESETS = [abstraction, stainedglass, mosaic, papercut]
SMALL = [(5, 300), (300, 5), (1, 7), *((side, side) for side in range(1, 9))]


def test_large_pictures_get_smooth_outlines(monkeypatch):
    monkeypatch.setattr("impasto.classic.abstraction.AREA", 6000)
    y, x = np.mgrid[:240, :400] + 0.5
    cover = np.clip(80 - np.hypot(x - 200, y - 120) + 0.5, 0, 1)[..., None]
    picture = (cover * RED + (1 - cover) * CREAM).astype(np.float32)
    painted = abstraction(picture, detail=0.2)
    inside, outside = painted[120, 200], painted[10, 10]
    share = ((painted - outside) @ (inside - outside)) / ((inside - outside) ** 2).sum()
    # At a quarter of the size a pixel is four: the outline is true to about half of one of those, and never jumps from one to the next.
    away = 80 - np.hypot(x - 200, y - 120)
    assert np.abs(share - (away > 0))[np.abs(away) > 3.5].max() < 0.1
    rows = np.arange(75, 165)
    left = share[rows, :200]
    column = (left > 0.5).argmax(1)
    before, after = left[rows - 75, column - 1], left[rows - 75, column]
    crossing = column - 0.5 + (0.5 - before) / (after - before)
    off = crossing - (200 - np.sqrt(80**2 - (rows + 0.5 - 120) ** 2))
    assert np.abs(np.diff(off)).max() < 1.5


def test_cames_lie_on_borders():
    picture = np.empty((400, 800, 3), np.float32)
    picture[:, :370], picture[:, 370:] = RED, BLUE
    window = stainedglass(picture, detail=0.0)
    half = HALF * 800 / 1024
    columns = np.abs(np.arange(800) + 0.5 - 370)
    metal = window[:, columns < half - 1]
    assert (np.ptp(metal, -1) < 0.12).mean() > 0.95  # grey, where the glass is bright red and blue
    beside = window[:, (columns > 1.5 * half) & (columns < 3 * half)]
    assert (np.ptp(beside, -1) > 0.2).mean() > 0.8
    left, right = window[:, :365], window[:, 375:]
    assert (left[..., 0] >= left[..., 2] - 0.1).all()
    assert (right[..., 2] >= right[..., 0] - 0.1).all()


def test_cut_makes_even_pieces_within_regions():
    labels = np.zeros((60, 90), np.int32)
    labels[:, 60:] = 1
    pieces = cut(labels, 300, np.random.default_rng(0))
    assert len({(p, q) for p, q in zip(pieces.ravel().tolist(), labels.ravel().tolist(), strict=True)}) == len(np.unique(pieces)) == 18
    sizes = np.bincount(pieces.ravel())
    assert sizes.min() > 100
    assert sizes.max() < 600


def test_tiles_follow_a_straight_edge():
    turn = np.radians(28)
    y, x = np.mgrid[:160, :200] + 0.5
    across = (x - 100) * np.sin(turn) - (y - 80) * np.cos(turn)
    places, angles = tiled((across > 0).astype(np.int32), np.full((160, 200), 10.0, np.float32), np.random.default_rng(0))
    beside = np.abs((places[:, 0] - 100) * np.sin(turn) - (places[:, 1] - 80) * np.cos(turn)) < 9
    inner = (np.abs(places - [100, 80]) < [70, 50]).all(1)
    off = (np.degrees(angles - turn) + 45) % 90 - 45
    assert (beside & inner).sum() > 15
    assert np.abs(off[beside & inner]).max() < 6
    # The first row lies half a tile from the edge, and the tiles cover the picture about once.
    row = np.abs((places[:, 0] - 100) * np.sin(turn) - (places[:, 1] - 80) * np.cos(turn))[beside & inner]
    assert np.median(row) == pytest.approx(5, abs=1)
    assert len(places) == pytest.approx(160 * 200 / 100, rel=0.2)


def test_no_stone_crosses_an_outline():
    picture = np.empty((240, 400, 3), np.float32)
    picture[:, :170], picture[:, 170:] = CREAM, BLUE
    stones = mosaic(picture)
    assert stones[:, :166, 0].max() > 0.8
    assert (stones[:, :166, 2] - stones[:, :166, 0]).max() < 0.15
    assert (stones[:, 174:, 0] - stones[:, 174:, 2]).max() < 0.15


def test_paper_is_ordered_by_lightness():
    picture, labels = shapes(300, 400)
    cut = papercut(picture)
    flat = [cut[labels == label] for label in range(4)]
    # The sheet at the back lies in the shadow of those in front; the one in front is flat but for its grain.
    light = [np.median(pixels, 0).mean() for pixels in flat]
    assert np.argsort(light).tolist() == np.argsort([np.mean(colour) for colour in (CREAM, RED, BLUE, GREEN)]).tolist()
    y, x = np.mgrid[:300, :400] + 0.5
    away = np.hypot(x - 50, y - 50) - 30
    near = (away > 1.5) & (away < 3)
    below, above = near & (x + y > 100 + 20), near & (x + y < 100 - 20)
    assert cut[below].mean() < cut[above].mean() - 0.03


def test_lines_run_along_edges():
    picture = np.full((80, 120, 3), 0.8, np.float32)
    picture[:, 60:] = 0.2
    lines = lined(picture, 1.0)
    assert lines[20:60, 60].max() < 0.3  # on the dark side
    assert lines[20:60, :55].min() > 0.99
    assert lines[20:60, 66:].min() > 0.99


@pytest.mark.parametrize("preset", PRESETS)
def test_same_seed_same_bytes(preset):
    picture = photograph(3)
    kept = picture.copy()
    one = preset(picture, seed=5)
    assert one.shape == picture.shape
    assert one.dtype == np.float32
    assert one.min() >= 0
    assert one.max() <= 1
    assert one.tobytes() == preset(picture, seed=5).tobytes()
    assert one.tobytes() != preset(picture, seed=6).tobytes()
    assert (picture == kept).all()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [(60, 90), *SMALL])
def test_one_colour(preset, size):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        painted = preset(np.full((*size, 3), (0.3, 0.5, 0.6), np.float32))
    assert painted.shape == (*size, 3)
    assert np.isfinite(painted).all()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", SMALL)
def test_small_pictures(preset, size):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        painted = preset(np.random.default_rng(0).random((*size, 3), np.float32), focus=np.ones(size, np.float32))
    assert painted.shape == (*size, 3)
    assert painted.min() >= 0
    assert painted.max() <= 1


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("tone", [(0, 0, 0), (1, 1, 1), (1, 0, 0)])
def test_extreme_colours(preset, tone):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        painted = preset(np.full((20, 30, 3), tone, np.float32))
    assert painted.min() >= 0
    assert painted.max() <= 1


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="numba has one thread only")
@pytest.mark.parametrize("preset", PRESETS)
def test_threads_do_not_count(preset):
    picture, before, found = photograph(3), numba.get_num_threads(), []
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            found.append(preset(picture, seed=5).tobytes())
    finally:
        numba.set_num_threads(before)
    assert found[0] == found[1]


@pytest.mark.parametrize("preset", PRESETS)
def test_callbacks_show_the_picture(preset):
    picture, seen = photograph(), []
    painted = preset(picture, callback=lambda done, total, look: seen.append((done, total, look())))
    assert [done for done, _, _ in seen] == list(range(1, seen[0][1] + 1))
    assert len({total for _, total, _ in seen}) == 1
    assert seen[0][1] >= 3
    for _, _, look in seen:
        assert look.shape == picture.shape
        assert np.isfinite(look).all()
    # At first there are flat colours like the picture's own, at last there is what is returned, which a look at doesn't lend.
    assert np.abs(seen[0][2] - picture).mean() < 0.1
    assert seen[-1][2].tobytes() == painted.tobytes()
    assert not np.shares_memory(seen[-1][2], painted)


@pytest.mark.parametrize("preset", PRESETS)
def test_callbacks_can_stop(preset):
    def stop(done, total, look):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preset(photograph(), callback=stop)


@pytest.mark.parametrize("preset", PRESETS)
def test_impossible_options(preset):
    picture = photograph()
    with pytest.raises(OptionError, match="128 x 96"):
        preset(picture, focus=np.ones((96, 127), np.float32))
    for detail in (-0.1, 1.1, float("nan")):
        with pytest.raises(OptionError, match="detail"):
            preset(picture, detail=detail)
