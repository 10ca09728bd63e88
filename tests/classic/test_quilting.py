"""Image quilting against exhaustive search and plain numpy."""

from itertools import product

import numba
import numpy as np
import pytest

from impasto.classic import quilting
from impasto.classic.quilting import LUMA, Target, matched, quilt, seam, transferred
from impasto.errors import OptionError, PictureError

SOURCE = np.random.default_rng(0).random((30, 26, 3), np.float32)


@pytest.mark.parametrize("shape", [(6, 3), (5, 4), (7, 2), (4, 1), (1, 3)])
def test_the_seam_is_the_best_of_all_paths(shape):
    for seed in range(5):
        errors = np.random.default_rng(seed).random(shape).astype(np.float32)
        paths = [path for path in product(range(shape[1]), repeat=shape[0]) if (np.abs(np.diff(path)) <= 1).all()]
        best = min(paths, key=lambda path: errors[np.arange(shape[0]), list(path)].sum(dtype=np.float64))
        assert seam(errors).tolist() == list(best)


def test_pixels_come_from_the_source_in_blocks():
    """Coordinates as colours show where every pixel is from."""
    rows, columns = np.mgrid[:40, :32]
    source = np.stack([rows / 64, columns / 64, (rows * 7 + columns * 5) % 11 / 11], -1).astype(np.float32)
    found = quilt(source, (50, 45), block=12, seed=1)
    assert found.shape == (50, 45, 3)
    y, x = (np.rint(found[..., channel] * 64).astype(int) for channel in (0, 1))
    np.testing.assert_array_equal(found, source[y, x])
    # Past the overlaps, a block's pixels keep their places: blocks of 12 begin every 10 pixels.
    for top, left in product(range(0, 50, 10), range(0, 45, 10)):
        inner = slice(top + 2, top + 10), slice(left + 2, left + 10)
        assert len(np.unique((y - np.mgrid[:50, :45][0])[inner])) == 1
        assert len(np.unique((x - np.mgrid[:50, :45][1])[inner])) == 1


@pytest.mark.parametrize(("aim", "previous"), [(False, False), (True, False), (True, True)])
def test_the_second_block_fits_best(monkeypatch, aim, previous):
    """With no tolerance it has the least of all errors, those of section 2.1 or section 3."""
    monkeypatch.setattr(quilting, "TOLERANCE", 0.0)
    overlap, share = (3, 0.3) if aim else (1, 0.0)
    width = 9 + 9 - overlap
    wanted, before = np.split(np.random.default_rng(3).random((9, width, 4)).astype(np.float32), [1], -1)
    target = Target(wanted[..., 0], SOURCE @ LUMA, share, before if previous else None) if aim else None
    found = quilting._quilted(SOURCE, (9, width), 9, np.random.default_rng(1), target, None)
    blocks = {(y, x): SOURCE[y : y + 9, x : x + 9].astype(float) for y in range(30 - 8) for x in range(26 - 8)}
    # Whatever the cut, the first block's own columns and the second's tell which they are.
    first = next(block for block in blocks.values() if (block[:, : 9 - overlap] == found[:, : 9 - overlap]).all())
    second = next(place for place, block in blocks.items() if (block[:, overlap:] == found[:, 9:]).all())

    def error(block):
        joined = ((block[:, :overlap] - first[:, 9 - overlap :]) ** 2).sum()
        again = ((block - before[:, 9 - overlap :]) ** 2).sum() if previous else 0
        alike = ((block @ LUMA - wanted[:, 9 - overlap :, 0]) ** 2).sum()
        return (1 - share) * (joined + again) + 3 * share * alike

    errors = {place: error(block) for place, block in blocks.items()}
    assert errors[second] == pytest.approx(min(errors.values()), rel=1e-5)
    assert sorted(errors.values())[1] > 1.001 * min(errors.values())


def test_any_stride_agrees(monkeypatch):
    """A source too large to look at all its blocks is looked at every few pixels, and blocks still fit."""
    monkeypatch.setattr(quilting, "CANDIDATES", 60)
    monkeypatch.setattr(quilting, "TOLERANCE", 0.0)
    rows, columns = np.mgrid[:31, :29]
    source = np.stack([rows / 64, columns / 64, (rows * 7 + columns * 5) % 11 / 11], -1).astype(np.float32)
    found = quilt(source, (9, 17), block=9, seed=1)
    y, x = (np.rint(found[..., channel] * 64).astype(int) for channel in (0, 1))
    np.testing.assert_array_equal(found, source[y, x])
    stride = round((23 * 21 / 60) ** 0.5)
    assert (y[0, 0] % stride, x[0, 0] % stride, y[0, 16] % stride, (x[0, 16] - 8) % stride) == (0, 0, 0, 0)
    overlapped = source[y[0, 0] : y[0, 0] + 9, x[0, 0] + 8]
    errors = {
        (top, left): ((source[top : top + 9, left] - overlapped) ** 2).sum()
        for top in range(0, 23, stride)
        for left in range(0, 21, stride)
    }
    assert errors[int(y[0, 16]), int(x[0, 16]) - 8] == pytest.approx(min(errors.values()), rel=1e-4)


def test_a_periodic_texture_goes_on():
    y, x = np.mgrid[:24, :24]
    stripes = np.repeat(((x + y) // 3 % 2)[..., None], 3, -1).astype(np.float32)
    found = quilt(stripes, (40, 50), block=12, seed=1)
    y, x = np.mgrid[:40, :50]
    phases = [((x + y + phase) // 3 % 2).astype(np.float32) for phase in range(6)]
    assert any((found[..., 0] == phase).all() for phase in phases)


def test_seeds_and_threads():
    found = quilt(SOURCE, (40, 40), block=8, seed=1)
    np.testing.assert_array_equal(found, quilt(SOURCE, (40, 40), block=8, seed=1))
    assert (found != quilt(SOURCE, (40, 40), block=8, seed=2)).any()
    threads = numba.get_num_threads()
    try:
        for count in {1, numba.config.NUMBA_NUM_THREADS} - {threads}:
            numba.set_num_threads(count)
            np.testing.assert_array_equal(found, quilt(SOURCE, (40, 40), block=8, seed=1))
    finally:
        numba.set_num_threads(threads)


def test_transfer_paints_the_picture():
    columns = np.mgrid[:40, :40][1]
    source = np.repeat((columns / 39)[..., None], 3, -1).astype(np.float32)
    picture = np.repeat((np.mgrid[:48, :60][0] / 47)[..., None], 3, -1).astype(np.float32) * np.float32(0.5)
    told = []
    found = transferred(source, picture, block=12, seed=1, callback=lambda done, total, _: told.append((done, total)))
    assert found.shape == picture.shape
    assert np.corrcoef(found[..., 0].ravel(), picture[..., 0].ravel())[0, 1] > 0.95
    # The source's mean and deviation, not the picture's.
    assert found.mean() == pytest.approx(0.5, abs=0.08)
    assert [done for done, _ in told] == list(range(1, told[-1][1] + 1))
    assert set(np.unique(found)) <= set(np.unique(source))


def test_transfer_follows_the_schedule(monkeypatch):
    """Blocks a third smaller each time, and α rising evenly, as in section 3."""
    seen = []

    def spy(source, size, block, generator, target, callback):
        seen.append((block, 1 - target.share, target.previous))
        return np.full((*size, 3), len(seen), np.float32)

    monkeypatch.setattr(quilting, "_quilted", spy)
    transferred(SOURCE, SOURCE, block=24, seed=0, iterations=4)
    assert [block for block, _, _ in seen] == [24, 16, 11, 7]
    np.testing.assert_allclose([alpha for _, alpha, _ in seen], [0.1, 0.2, 0.3, 0.4])
    assert seen[0][2] is None
    assert [previous[0, 0, 0] for _, _, previous in seen[1:]] == [1, 2, 3]
    seen.clear()
    transferred(SOURCE, SOURCE, block=24, seed=0, iterations=1)
    np.testing.assert_allclose(seen[0][1], 0.1)


@pytest.mark.parametrize(("source", "picture", "block"), [((30, 26), (512, 300), 26), ((90, 80), (512, 300), 26), ((90, 80), (40, 60), 4)])
def test_transfers_blocks_suit_the_picture(monkeypatch, source, picture, block):
    seen = []
    monkeypatch.setattr(quilting, "_quilted", lambda source, size, block, *_: seen.append(block) or np.zeros((*size, 3), np.float32))
    transferred(np.zeros((*source, 3), np.float32), np.zeros((*picture, 3), np.float32), seed=0)
    assert seen[0] == block


def test_a_histogram_is_matched():
    generator = np.random.default_rng(4)
    values, others = generator.random((9, 7)).astype(np.float32), generator.random((21, 3)).astype(np.float32) ** 2
    found = matched(values, others)
    # As many values as others: they are those, in the order of what they stand for.
    np.testing.assert_allclose(np.sort(found, None), np.sort(others, None), atol=1e-6)
    np.testing.assert_array_equal(np.argsort(found, None), np.argsort(values, None))
    np.testing.assert_allclose(matched(np.full((4, 5), 0.3, np.float32), others), np.median(others), rtol=1e-6)


def test_progress_shows_the_canvas():
    looks, laid = [], []
    found = quilt(SOURCE, (40, 30), seed=1, block=12, callback=lambda done, total, look: looks.append((done, total, look())))
    assert [(done, total) for done, total, _ in looks] == [(done + 1, 4) for done in range(4)]
    np.testing.assert_array_equal(looks[0][2][:10], found[:10])
    np.testing.assert_array_equal(looks[-1][2], found)
    found = transferred(SOURCE, SOURCE, seed=1, block=12, iterations=2, callback=lambda done, total, look: laid.append(look()))
    assert {look.shape for look in laid} == {SOURCE.shape}
    np.testing.assert_array_equal(laid[-1], found)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (8, 8), (5, 60)])
def test_pictures_however_small(size):
    small, large = SOURCE[:8, :8].repeat(8, 1)[: size[0], : size[1]], SOURCE
    assert quilt(small, (20, 17), seed=0).shape == (20, 17, 3)
    for source, picture in ((small, large), (large, small), (small, small)):
        found = transferred(source, picture, seed=0)
        assert found.shape == picture.shape
        assert np.isfinite(found).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (12, 12)])
def test_one_colour_and_any_size(size):
    flat = np.full((12, 12, 3), 0.3, np.float32)
    np.testing.assert_array_equal(quilt(flat, size, block=12, seed=1), np.full((*size, 3), 0.3, np.float32))
    np.testing.assert_array_equal(transferred(flat, SOURCE[: size[0], : size[1]], block=12, seed=1), np.float32(0.3))


def test_errors():
    with pytest.raises(PictureError, match="26 x 30 pixels is too small; give one of at least 27 x 27"):
        quilt(SOURCE, (40, 40), block=27, seed=1)
    with pytest.raises(PictureError):
        transferred(SOURCE, SOURCE, block=27, seed=1)
    with pytest.raises(OptionError, match="at least 4"):
        quilt(SOURCE, (40, 40), block=3, seed=1)
    with pytest.raises(OptionError, match="at least 1"):
        transferred(SOURCE, SOURCE, block=8, seed=1, iterations=0)
