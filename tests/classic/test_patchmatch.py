"""The nearest-neighbour field against an exhaustive search."""

import numba
import numpy as np
import pytest
from scipy import ndimage

from impasto.classic.patchmatch import patchmatch
from impasto.errors import PictureError


def textured(height, width, seed):
    """Noise of two scales and a few edges: like a painting, without any two patches alike."""
    generator = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(generator.standard_normal((height, width, 3)), (1, 1, 0))
    wide = ndimage.gaussian_filter(generator.standard_normal((height, width, 3)), (5, 5, 0))
    picture = rough / rough.std() + 2 * (wide > 0)
    return ((picture - picture.min()) / np.ptp(picture)).astype(np.float32)


def exhaustive(source, target, patch, stride=1):
    """The least distance of every patch, in float64."""
    windows = np.lib.stride_tricks.sliding_window_view
    ours = windows(source.astype(np.float64), (patch, patch), (0, 1)).reshape(-1, patch * patch * 3)
    theirs = windows(target.astype(np.float64), (patch, patch), (0, 1))[::stride, ::stride]
    flat = theirs.reshape(-1, patch * patch * 3)
    squares = (ours**2).sum(1)
    least = np.concatenate([(squares - 2 * part @ ours.T).min(1) + (part**2).sum(1) for part in np.array_split(flat, 8)])
    return np.maximum(least, 0).reshape(theirs.shape[:2])


@pytest.mark.parametrize(("patch", "stride"), [(5, 1), (7, 1), (9, 3)])
def test_energy_is_within_5_percent_of_an_exhaustive_search(patch, stride):
    source, target = textured(80, 90, 1), textured(70, 76, 2)
    _, costs = patchmatch(source, target, patch=patch, seed=0, stride=stride)
    least = exhaustive(source, target, patch, stride)
    assert costs.shape == least.shape
    assert (costs >= least - 1e-3).all()
    assert costs.sum() <= 1.05 * least.sum()


def test_costs_are_those_of_the_field():
    source, target = textured(40, 50, 3), textured(45, 38, 4)
    field, costs = patchmatch(source, target, patch=6, seed=0, iterations=2, stride=2)
    for row, column in [(0, 0), (5, 7), (field.shape[0] - 1, field.shape[1] - 1)]:
        y, x = field[row, column]
        difference = source[y : y + 6, x : x + 6].astype(np.float64) - target[2 * row : 2 * row + 6, 2 * column : 2 * column + 6]
        assert costs[row, column] == pytest.approx((difference**2).sum(), rel=1e-4)


def test_finds_where_a_part_was_cut_out():
    source = textured(60, 60, 5)
    field, costs = patchmatch(source, source[11:45, 17:50], patch=7, seed=0)
    rows, columns = np.indices(costs.shape)
    found = (field == np.stack([rows + 11, columns + 17], -1)).all(-1)
    assert found.mean() > 0.99


def test_a_good_start_is_kept_and_a_wrong_one_mended():
    source = textured(50, 50, 6)
    perfect = np.stack(np.indices((44, 44)), -1).astype(np.int32)
    assert patchmatch(source, source, patch=7, seed=0, start=perfect)[1].max() == 0
    outside = np.full((44, 44, 2), 1000, np.int32)
    field, _ = patchmatch(source, source, patch=7, seed=0, start=outside)
    assert field.min() >= 0
    assert field.max() <= 43


def test_the_same_for_any_number_of_threads_and_another_for_another_seed():
    source, target = textured(60, 64, 7), textured(64, 60, 8)
    before = numba.get_num_threads()
    results = []
    try:
        for threads in sorted({1, numba.config.NUMBA_NUM_THREADS}):
            numba.set_num_threads(threads)
            results += [patchmatch(source, target, patch=5, seed=3, iterations=2) for _ in range(2)]
    finally:
        numba.set_num_threads(before)
    for field, costs in results[1:]:
        assert field.tobytes() == results[0][0].tobytes()
        assert costs.tobytes() == results[0][1].tobytes()
    assert patchmatch(source, target, patch=5, seed=4, iterations=2)[0].tobytes() != results[0][0].tobytes()


def test_coherence_makes_neighbours_go_on_from_each_other():
    source, target = textured(60, 64, 9), textured(64, 60, 10)
    going, energies = [], []
    for coherence in (0.0, 1.0):
        field, costs = patchmatch(source, target, patch=5, seed=0, coherence=coherence)
        going.append((np.diff(field, axis=1) == [0, 1]).all(-1).mean())
        energies.append(costs.sum())
    assert going[1] > going[0] + 0.2
    assert energies[0] < energies[1] < 2 * energies[0]


def test_pictures_of_one_colour():
    grey, white = np.full((20, 20, 3), 0.5, np.float32), np.ones((18, 22, 3), np.float32)
    assert patchmatch(grey, white, patch=5, seed=0)[1] == pytest.approx(75 * 0.25)


def test_a_picture_smaller_than_a_patch():
    small, large = np.zeros((6, 30, 3), np.float32), np.zeros((30, 30, 3), np.float32)
    for source, target in ((small, large), (large, small)):
        with pytest.raises(PictureError, match="30 x 6 pixels is too small; give one of at least 7 x 7"):
            patchmatch(source, target, patch=7, seed=0)
