"""Brushes against the formulas: curves, coverage, light."""

import numpy as np
import pytest

from impasto.classic.brush import Bristles, curves, lit, paint, tooth
from impasto.classic.strokes import Strokes

PLAIN = Bristles(streak=0, dry=0, body=0)


def stroke(points, radius, colour=(1, 1, 1)):
    points = np.asarray([points], np.float32)
    return Strokes(radius, points, np.array([points.shape[1]], np.int32), np.asarray([colour], np.float32))


def blank(height=60, width=80):
    return np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)


def basis(t):
    """The uniform cubic B-spline on its support, [0, 4]."""
    t = np.asarray(t, np.float64)
    pieces = [t**3, -3 * t**3 + 12 * t**2 - 12 * t + 4, 3 * t**3 - 24 * t**2 + 60 * t - 44, (4 - t) ** 3]
    return np.select([(k <= t) & (t <= k + 1) for k in range(4)], pieces, 0.0) / 6


@pytest.mark.parametrize("radius", [1.0, 30.0])
def test_curves_are_b_splines(radius):
    random = np.random.default_rng(0)
    points = random.random((3, 7, 2)).astype(np.float32) * 50
    counts = np.array([7, 1, 2], np.int32)
    curve, begins = curves(Strokes(radius, points, counts, np.zeros((3, 3), np.float32)))
    assert begins[-1] == len(curve)
    for index, count in enumerate(counts):
        found = curve[begins[index] : begins[index + 1]]
        if count == 1:
            np.testing.assert_array_equal(found, points[index, :1])
            continue
        whole = np.concatenate([points[index, [0, 0]], points[index, :count], points[index, [count - 1] * 2]]).astype(np.float64)
        times = np.linspace(3, len(whole), len(found))
        wanted = sum(basis(times - k)[:, None] * point for k, point in enumerate(whole))
        np.testing.assert_allclose(found, wanted, atol=1e-4)
        np.testing.assert_allclose(found[[0, -1]], points[index, [0, count - 1]], atol=1e-4)


@pytest.mark.parametrize("soft", [0.0, 0.6])
@pytest.mark.parametrize("opacity", [1.0, 0.4])
def test_coverage_is_the_distance_to_a_segment(soft, opacity):
    start, end, radius = np.array([20.0, 15]), np.array([55.0, 38]), 7.0
    canvas, height = blank()
    points = start + np.linspace(0, 1, 6)[:, None] * (end - start)
    paint(canvas, height, stroke(points, radius), Bristles(streak=0, dry=0, body=0, soft=soft), opacity, 0)
    y, x = np.mgrid[:60, :80].astype(float)
    pixels = np.stack([x, y], -1)
    t = np.clip((pixels - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
    distance = np.linalg.norm(pixels - start - t[..., None] * (end - start), axis=-1)
    wanted = opacity * np.clip((radius - distance) / max(1, soft * radius) + 0.5, 0, 1)
    np.testing.assert_allclose(canvas, np.repeat(wanted[..., None], 3, -1), atol=1e-4)


def test_dabs_are_discs():
    canvas, height = blank()
    paint(canvas, height, stroke([[31.0, 22.0]], 5, (0.2, 0.6, 1.0)), PLAIN, 1.0, 0)
    y, x = np.mgrid[:60, :80].astype(float)
    alpha = np.clip(5 - np.hypot(x - 31, y - 22) + 0.5, 0, 1)
    np.testing.assert_allclose(canvas, alpha[..., None] * [0.2, 0.6, 1.0], atol=1e-5)


def test_later_strokes_lie_above():
    canvas, height = blank(150)  # over several bands
    points = np.array([[[20, 5], [20, 145]], [[20, 5], [20, 145]]], np.float32)
    both = Strokes(6.0, points, np.array([2, 2], np.int32), np.array([[1, 0, 0], [0, 1, 0]], np.float32))
    paint(canvas, height, both, PLAIN, 0.75, 0)
    np.testing.assert_allclose(canvas[5:145, 20], np.tile([0.75 * 0.25, 0.75, 0], (140, 1)), atol=1e-5)


def test_parts_come_to_the_whole():
    random = np.random.default_rng(0)
    strokes = Strokes(
        4.0, random.random((30, 3, 2)).astype(np.float32) * 60, np.full(30, 3, np.int32), random.random((30, 3)).astype(np.float32)
    )
    whole, parts = blank(), blank()
    looks = Bristles(ragged=0.3)
    paint(*whole, strokes, looks, 0.7, 5)
    paint(*parts, strokes[:11], looks, 0.7, 5)
    paint(*parts, strokes[11:], looks, 0.7, 5, first=11)
    np.testing.assert_array_equal(whole[0], parts[0])
    np.testing.assert_array_equal(whole[1], parts[1])
    assert whole[0].std() > 0.1


def test_looks():
    """Each look does what it says to a wide straight stroke on white or black."""
    line = stroke([[20, 30], [30, 30], [40, 30], [50, 30], [60, 30]], 10, (0.5, 0.5, 0.5))

    def painted(paper=None, **looks):
        canvas, height = blank()
        paint(canvas, height, line, Bristles(**{"streak": 0, "dry": 0, "body": 0} | looks), 1.0, 0, paper=paper)
        return canvas[..., 0], height

    plain, flat = painted()
    assert (flat == 0).all()
    assert np.ptp(plain[22:39, 40]) == 0
    streaked = painted(streak=0.2)[0]
    assert 0.1 < np.ptp(streaked[22:39, 40]) <= 0.4
    assert np.ptp(streaked[30, 25:55]) < np.ptp(streaked[22:39, 40])  # streaks run along the stroke
    dry = painted(dry=0.6)[0]
    assert dry[21:40, 52:60].mean() < dry[21:40, 20:28].mean() < plain[21:40, 20:28].mean()
    thick = painted(body=0.3)[1]
    # As thick as the body says times the root of the radius and of that of a fine brush, but more where it is pushed to, and grooves.
    assert 0 < thick.max() <= 0.3 * np.sqrt(10 * 80 / 512) * (1.7 + 0.4)
    assert thick[30, 25:45].mean() < thick[[23, 37], 25:45].mean()
    black, white = ((canvas := np.full((60, 80, 3), light, np.float32), np.zeros((60, 80), np.float32)) for light in (0, 1))
    for canvas, height in (black, white):
        paint(canvas, height, line, Bristles(streak=0, dry=0, body=0, glaze=0.8), 1.0, 0)
    assert black[0][30, 40, 0] == pytest.approx(0.2 * 0.5)
    assert white[0][30, 40, 0] == pytest.approx(0.5)
    rimmed = painted(rim=0.2)[0]
    assert rimmed[21, 40] < rimmed[30, 40] == pytest.approx(0.5)
    edges = [np.argmax(painted(ragged=ragged)[0][:, 25:55] > 0.25, axis=0) for ragged in (0, 0.4)]
    assert np.ptp(edges[0]) == 0
    assert 1 < np.ptp(edges[1]) <= 9
    paper = np.zeros((60, 80), np.float32)
    paper[:, 40:] = 1
    grainy = painted(paper=paper, grain=0.8)[0]
    np.testing.assert_allclose([grainy[30, 30], grainy[30, 50]], [0.1, 0.5], atol=1e-5)


def test_paper():
    paper = tooth(200, 300, 2.0, 7)
    assert 0 <= paper.min() < 0.2
    assert 0.8 < paper.max() < 1
    assert paper.mean() == pytest.approx(0.5, abs=0.03)
    np.testing.assert_array_equal(paper, tooth(200, 300, 2.0, 7))
    assert np.corrcoef(paper.ravel(), tooth(200, 300, 2.0, 8).ravel())[0, 1] < 0.1
    assert np.abs(np.diff(tooth(200, 300, 4.0, 7))).mean() < 0.7 * np.abs(np.diff(paper)).mean()


@pytest.mark.parametrize(("right", "down"), [(0.0, 0.0), (0.3, 0.2), (-0.5, 0.1), (-2.0, -2.0)])
def test_light_on_a_slope(right, down):
    y, x = np.mgrid[:20, :30]
    canvas = np.full((20, 30, 3), 0.4, np.float32)
    found = lit(canvas, (right * x + down * y).astype(np.float32), 0.5, 0.6)
    # The light comes from the upper left, so it falls on what rises towards the lower right.
    shade = 0.5 * (right + down) / np.sqrt(2) / np.sqrt(1 + right**2 + down**2)
    wanted = 0.4 * (1 + np.clip(shade, -0.45, 0.45)) + 0.6 * max(0, shade) ** 3
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_light_stays_in_range():
    random = np.random.default_rng(0)
    found = lit(random.random((20, 30, 3), np.float32) * 2 - np.float32(0.5), 50 * random.random((20, 30), np.float32), 2.0, 2.0)
    assert found.min() >= 0
    assert found.max() <= 1
    assert lit(np.ones((1, 1, 3), np.float32), np.ones((1, 1), np.float32), 1.0, 1.0).tolist() == [[[1, 1, 1]]]
