"""Non-parametric sampling against pictures with one continuation, and plain numpy."""

import numba
import numpy as np
import pytest

from impasto.classic import efrosleung
from impasto.classic.efrosleung import grown
from impasto.errors import OptionError, PictureError


@pytest.mark.parametrize("seed", range(3))
def test_a_checkerboard_goes_on(seed):
    y, x = np.mgrid[:12, :14]
    board = np.stack([(x + y) % 2, x % 2, np.ones_like(x)], -1).astype(np.float32)
    found = grown(board, (21, 18), window=5, seed=seed)
    y, x = np.mgrid[:21, :18]
    phases = [np.stack([(x + y + a) % 2, (x + b) % 2, np.ones_like(x)], -1) for a in (0, 1) for b in (0, 1)]
    assert any((found == phase).all() for phase in phases)


def test_pixels_come_from_the_source():
    source = np.random.default_rng(0).random((12, 13, 3), np.float32)
    found = grown(source, (10, 14), window=5, seed=1)
    colours = {tuple(colour) for colour in source.reshape(-1, 3).tolist()}
    assert {tuple(colour) for colour in found.reshape(-1, 3).tolist()} <= colours


def test_errors_are_weighted_means():
    random = np.random.default_rng(0)
    source, window = random.random((9, 10, 3)).astype(np.float32), 5
    known = random.random((window, window)) < 0.5
    weights, around = random.random((window, window)).astype(np.float32), random.random((window, window, 3)).astype(np.float32)
    planes, seen = np.ascontiguousarray(source.transpose(2, 0, 1)), np.nonzero(known)
    found = efrosleung._errors(planes, around[seen], weights[seen], *seen, window)
    share = weights * known / (weights * known).sum(dtype=float)
    for top in range(5):
        for left in range(6):
            wanted = (share[..., None] * (source[top : top + window, left : left + window].astype(float) - around) ** 2).sum()
            assert found[top, left] == pytest.approx(wanted, rel=1e-4)


def test_seeds_and_threads():
    source = np.random.default_rng(0).random((12, 13, 3), np.float32)
    found = grown(source, (12, 12), window=5, seed=1)
    np.testing.assert_array_equal(found, grown(source, (12, 12), window=5, seed=1))
    assert (found != grown(source, (12, 12), window=5, seed=2)).any()
    threads = numba.get_num_threads()
    try:
        for count in {1, numba.config.NUMBA_NUM_THREADS} - {threads}:
            numba.set_num_threads(count)
            np.testing.assert_array_equal(found, grown(source, (12, 12), window=5, seed=1))
    finally:
        numba.set_num_threads(threads)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (7, 7)])
def test_one_colour_and_any_size(size):
    told = []
    found = grown(np.full((7, 8, 3), 0.3, np.float32), size, window=7, seed=1, callback=lambda done, total, _: told.append((done, total)))
    np.testing.assert_array_equal(found, np.full((*size, 3), 0.3, np.float32))
    assert not told or told[-1] == (size[0] * size[1],) * 2


def test_progress_shows_the_canvas():
    source, looks = np.random.default_rng(0).random((12, 13, 3), np.float32), []
    found = grown(source, (20, 18), window=5, seed=1, callback=lambda done, total, look: looks.append((done, total, look())))
    for done, total, look in looks:
        painted = (look != 0).any(-1)
        assert (painted.sum(), painted.size) == (done, total)
        np.testing.assert_array_equal(look[painted], found[painted])
    assert len(looks) >= 20 * 18 // 64
    np.testing.assert_array_equal(looks[-1][2], found)


def test_errors():
    with pytest.raises(PictureError, match="13 x 12 pixels is too small; give one of at least 15 x 15"):
        grown(np.zeros((12, 13, 3), np.float32), (20, 20), window=15, seed=1)
    for window in (1, 4):
        with pytest.raises(OptionError, match="odd number from 3"):
            grown(np.zeros((12, 13, 3), np.float32), (20, 20), window=window, seed=1)
