"""Image Analogies against an exhaustive search and filters whose results are known."""

import numba
import numpy as np
import pytest
from scipy import ndimage

from impasto.classic.analogy import LUMA, MANNERS, Manner, analogy, remapped
from impasto.errors import OptionError

pytestmark = pytest.mark.slow  # the search takes ten seconds to compile


def textured(height, width, seed, grey=False):
    noise = np.random.default_rng(seed).standard_normal((height, width, 1 if grey else 3))
    picture = ndimage.gaussian_filter(noise, (2, 2, 0))
    return np.repeat((picture - picture.min()) / max(np.ptp(picture), 1e-9), 3 if grey else 1, 2).astype(np.float32)


def blurred(picture):
    return ndimage.gaussian_filter(picture, (1.5, 1.5, 0))


def embossed(picture):
    return np.clip(0.5 + 2 * (picture - np.roll(picture, (1, 1), (0, 1))), 0, 1)


def exhaustive(a, a2, b):
    """One level with κ = 0, by the paper and in float64: 5 x 5 of A and B, the 12 pixels of A' and B' before the middle."""
    offset = np.arange(-2, 3)
    window = np.exp(-(offset[:, None] ** 2 + offset**2) / 2).ravel()
    weights = np.concatenate([window / window.sum(), window[:12] / window[:12].sum()])

    def around(picture, y, x):
        rows, columns = np.clip(y + offset, 0, picture.shape[0] - 1), np.clip(x + offset, 0, picture.shape[1] - 1)
        return picture[np.ix_(rows, columns)].ravel()

    places = [(y, x) for y in range(a.shape[0]) for x in range(a.shape[1])]
    features = np.stack([np.concatenate([around(a, *p), around(a2, *p)[:12]]) for p in places])
    painted = b.copy()
    for y in range(b.shape[0]):
        for x in range(b.shape[1]):
            distances = (weights * (features - np.concatenate([around(b, y, x), around(painted, y, x)[:12]])) ** 2).sum(1)
            painted[y, x] = a2[places[distances.argmin()]]
    return painted


def test_matches_are_those_of_an_exhaustive_search(monkeypatch):
    monkeypatch.setattr("impasto.classic.tree.KEPT", 1.0)
    monkeypatch.setattr("impasto.classic.analogy.SLACK", 0.0)
    monkeypatch.setattr("impasto.classic.analogy.LEAVES", 10**6)
    a, b = textured(22, 26, 1, grey=True), textured(20, 18, 2, grey=True)
    a2 = embossed(a)
    result = analogy(a, a2, b, manner=Manner(coherence=0, remap=False), levels=1)
    wanted = exhaustive(*(x.astype(np.float64) @ LUMA for x in (a, a2, b)))
    assert (np.abs(result - wanted[..., None]) < 1e-4).mean() > 0.99


def test_the_identity_gives_the_picture_back():
    a = textured(64, 64, 3)
    b = np.ascontiguousarray(a[16:60, 8:60])
    assert np.abs(analogy(a, a, b, manner=Manner(coherence=0.5, remap=False)) - b)[8:-8, 8:-8].max() < 0.002
    other = textured(60, 70, 4)
    result = analogy(a, a, other, manner=Manner(coherence=0))
    assert np.abs((result - other) @ LUMA).mean() < 0.25 * (other @ LUMA).std()


@pytest.mark.parametrize("filter_", [blurred, embossed])
def test_a_filter_is_learned_from_a_pair(filter_):
    a, b = textured(160, 160, 5), textured(64, 72, 6)
    result, wanted = analogy(a, filter_(a), b, manner=Manner(coherence=0.5, remap=False)) @ LUMA, filter_(b) @ LUMA
    inside = (slice(3, -3), slice(3, -3))
    assert np.abs(result - wanted)[inside].mean() < 0.5 * np.abs(b @ LUMA - wanted)[inside].mean()
    assert np.corrcoef(result[inside].ravel(), wanted[inside].ravel())[0, 1] > 0.85


def test_texture_by_numbers():
    generator = np.random.default_rng(7)
    size = 64
    rows, columns = np.indices((size, size))
    stripes = np.where(rows // 3 % 2 == 0, 0.9, 0.7)[..., None] * np.float32([1, 0.3, 0.2])
    dots = (0.3 + 0.5 * (generator.random((size, size, 1)) > 0.7)) * np.float32([0.1, 0.5, 1])
    labels = [np.float32([1, 0, 0]), np.float32([0, 0, 1])]

    def layout(mask):
        return np.where(mask[..., None], labels[0], labels[1]).astype(np.float32)

    left = columns < size // 2
    a, a2 = layout(left), np.where(left[..., None], stripes, dots).astype(np.float32)
    disc = (rows - 30) ** 2 + (columns - 33) ** 2 < 18**2
    result = analogy(a, a2, layout(disc), manner=MANNERS["numbers"])
    red = result[..., 0] > result[..., 2]
    border = ndimage.binary_dilation(disc, iterations=3) & ~ndimage.binary_erosion(disc, iterations=3)
    assert (red == disc)[~border].mean() > 0.97
    # Every colour there is one of A', and the stripes are stripes: rows vary, columns hardly.
    known = a2.reshape(-1, 3)
    assert all((np.abs(known - pixel).max(1) < 1e-6).any() for pixel in result[::7, ::7].reshape(-1, 3))
    inside = result[22:39, 25:42, 0]
    assert np.abs(np.diff(inside, axis=1)).mean() < 0.5 * np.abs(np.diff(inside, axis=0)).mean()


def test_luminances_are_remapped_by_the_formula():
    generator = np.random.default_rng(8)
    a, a2, b = generator.random((9, 8)), generator.random((9, 8)), 0.3 * generator.random((7, 5)) + 0.4
    first, second = remapped(*(x.astype(np.float32) for x in (a, a2, b)))
    assert first == pytest.approx(b.std() / a.std() * (a - a.mean()) + b.mean(), abs=1e-5)
    assert second == pytest.approx(b.std() / a.std() * (a2 - a.mean()) + b.mean(), abs=1e-5)


def test_remapping_makes_a_dark_pair_serve_for_a_bright_picture():
    a, b = textured(64, 64, 9), textured(48, 48, 10)
    dark = 0.2 * a
    wanted = blurred(b) @ LUMA
    errors = [np.abs(analogy(dark, blurred(dark), b, manner=Manner(remap=remap)) @ LUMA - wanted).mean() for remap in (True, False)]
    assert errors[0] < 0.5 * errors[1]


def test_the_chroma_is_that_of_the_picture():
    a, b = textured(40, 40, 11), 0.3 + 0.4 * textured(32, 32, 12)
    result = analogy(a, blurred(a), b)
    inside = (result > 0).all(-1) & (result < 1).all(-1)
    assert inside.mean() > 0.9
    assert (result - (result @ LUMA)[..., None])[inside] == pytest.approx((b - (b @ LUMA)[..., None])[inside], abs=1e-5)


def test_coherence_copies_longer_runs():
    a, b = textured(64, 64, 13), textured(48, 48, 14)
    a2 = np.random.default_rng(0).random((64, 64, 1), np.float32).repeat(3, 2)  # tells where a pixel comes from
    sources = {value: place for place, value in enumerate((a2 @ LUMA).ravel())}
    values = np.sort(np.array(list(sources)))
    runs = []
    for coherence in (0, 20):
        found = analogy(a, a2, np.float32(b.mean(2, keepdims=True).repeat(3, 2)), manner=Manner(coherence=coherence, remap=False)) @ LUMA
        above = np.clip(np.searchsorted(values, found), 1, len(values) - 1)
        exact = np.where(values[above] - found < found - values[above - 1], values[above], values[above - 1])
        places = np.vectorize(sources.get)(exact)
        runs.append((np.diff(places, axis=1) == 1).mean())
    assert runs[1] > runs[0] + 0.2


def test_steerable_features_help_to_learn_a_filter_with_a_direction():
    a, b = textured(160, 160, 15), textured(64, 72, 16)
    wanted = (embossed(b) @ LUMA)[3:-3, 3:-3].ravel()
    plain, steered = (
        np.corrcoef((analogy(a, embossed(a), b, manner=Manner(remap=False, steerable=s)) @ LUMA)[3:-3, 3:-3].ravel(), wanted)[0, 1]
        for s in (0.0, 10.0)
    )
    assert steered > plain + 0.01


def test_the_same_bytes_again_for_any_number_of_threads():
    a, b = textured(40, 40, 17), textured(30, 36, 18)
    first = analogy(a, blurred(a), b, levels=2)
    assert first.dtype == np.float32
    assert first.shape == b.shape
    before = numba.get_num_threads()
    try:
        for threads in sorted({1, numba.config.NUMBA_NUM_THREADS}):
            numba.set_num_threads(threads)
            assert first.tobytes() == analogy(a, blurred(a), b, levels=2).tobytes()
    finally:
        numba.set_num_threads(before)


@pytest.mark.parametrize("colour", [False, True])
def test_progress_shows_the_canvas(monkeypatch, colour):
    monkeypatch.setattr("impasto.classic.analogy.PORTION", 200)
    a, b = textured(40, 40, 17), textured(31, 36, 18)
    seen, looks = [], []

    def listen(done, total, look):
        seen.append((done, total))
        looks.append(look())

    result = analogy(a, blurred(a), b, manner=Manner(colour=colour), levels=2, callback=listen)
    done = [d for d, _ in seen]
    assert done == sorted(done)
    assert 16 * 18 in done
    assert seen[-1] == (16 * 18 + 31 * 36,) * 2
    assert {look.shape for look in looks} == {(16, 18, 3), (31, 36, 3)}
    assert all(look.min() >= 0 and look.max() <= 1 for look in looks)
    assert looks[-1].tobytes() == result.tobytes()
    assert looks[-2].tobytes() != result.tobytes()


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("size", [(1, 1), (1, 8), (8, 8), (5, 60)])
def test_pictures_however_small(size, manner):
    pair, b = textured(*size, 19), textured(12, 14, 20)
    for pictures in ((b, b, pair), (pair, pair, b), (pair, pair, pair)):
        result = analogy(*pictures, manner=MANNERS[manner])
        assert result.shape == pictures[2].shape
        assert np.isfinite(result).all()


@pytest.mark.parametrize("colour", [False, True])
def test_pictures_of_one_colour(colour):
    grey, white = np.full((20, 20, 3), 0.5, np.float32), np.ones((16, 24, 3), np.float32)
    light = np.full((20, 20, 3), 0.7, np.float32)
    # A' is 0.2 lighter than A; in luminance that goes on top of B, in colour B' can only be what A' is.
    wanted = 0.7 if colour else 0.8
    b = white if colour else np.full_like(white, 0.6)
    assert analogy(grey, light, b, manner=Manner(colour=colour)) == pytest.approx(np.full_like(white, wanted), abs=1e-4)


def test_errors_are_one_clear_line():
    picture = np.zeros((20, 24, 3), np.float32)
    with pytest.raises(OptionError, match="these are 24 x 20 and 20 x 20 pixels"):
        analogy(picture, picture[:, :20], picture)
    with pytest.raises(OptionError, match="numbers from 0"):
        analogy(picture, picture, picture, manner=Manner(coherence=-1))
    with pytest.raises(OptionError, match="give 1 to 3"):
        analogy(picture, picture, picture, levels=4)
