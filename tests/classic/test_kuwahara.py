"""The anisotropic Kuwahara filter against plain numpy in float64 and pictures whose result is known."""

import numba
import numpy as np
import pytest

from impasto.classic.kuwahara import directions, kuwahara


def reference(picture, angle, anisotropy, radius):
    """Kyprianidis et al. 2009, sections 3.2 and 3.3, with sectors that pass into each other linearly."""
    picture = picture.astype(np.float64)
    height, width, _ = picture.shape
    result = np.empty_like(picture)
    reach = int(2 * radius) + 1
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    for y in range(height):
        for x in range(width):
            stretch = 1 + float(anisotropy[y, x])
            turn = np.array([[np.cos(angle[y, x]), np.sin(angle[y, x])], [-np.sin(angle[y, x]), np.cos(angle[y, x])]], np.float64)
            u, v = np.tensordot(turn, np.stack([dx, dy]), 1) / np.array([radius * stretch, radius / stretch])[:, None, None]
            falloff = np.where(u**2 + v**2 <= 1, np.exp(-3.125 * (u**2 + v**2)), 0)
            eighth = np.arctan2(v, u) / (np.pi / 4) % 8
            values = picture[np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)]
            means, shares = [], []
            for sector in range(8):
                away = np.abs((eighth - sector + 4) % 8 - 4)
                weight = falloff * np.where((dx == 0) & (dy == 0), 1 / 8, np.clip(1 - away, 0, None))
                mean = (weight[..., None] * values).sum((0, 1)) / weight.sum()
                variance = (weight[..., None] * (values - mean) ** 2).sum((0, 1)) / weight.sum()
                means.append(mean)
                shares.append(1 / (1 + (255 * np.sqrt(variance.sum())) ** 4))
            result[y, x] = np.average(means, axis=0, weights=shares)
    return result


def test_against_numpy():
    picture = np.random.default_rng(0).random((11, 13, 3), np.float32)
    picture = 0.3 + 0.1 * picture + 0.4 * (np.mgrid[:11, :13].sum(0)[..., None] > 11).astype(np.float32)
    angle, anisotropy = directions(picture, 2.0)
    found = kuwahara(picture, 4.0)
    np.testing.assert_allclose(found, reference(picture, angle, anisotropy, 4.0), atol=3e-3)
    assert np.abs(found - picture).max() > 0.03


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.2, 2.5])
def test_directions_of_a_slope(angle):
    y, x = np.mgrid[:40, :40]
    light = 0.5 + 0.01 * (np.cos(angle) * (x - 20) + np.sin(angle) * (y - 20))
    found, anisotropy = directions(np.repeat(light[..., None], 3, -1).astype(np.float32), 2.0)
    inner = slice(10, 30), slice(10, 30)
    # It changes least at right angles to its slope.
    np.testing.assert_allclose(np.cos(found[inner] - angle), 0, atol=1e-3)
    np.testing.assert_allclose(anisotropy[inner], 1, atol=1e-3)


def test_noise_has_no_direction():
    _, anisotropy = directions(np.random.default_rng(0).random((120, 120, 3), np.float32), 12.0)
    assert anisotropy.mean() < 0.15


def test_a_flat_picture_stays():
    flat = np.full((20, 30, 3), (0.2, 0.5, 0.9), np.float32)
    np.testing.assert_allclose(kuwahara(flat, 5), flat, atol=1e-6)
    np.testing.assert_allclose(kuwahara(flat[:1, :1], 5), flat[:1, :1], atol=1e-6)


@pytest.mark.parametrize("rows", [1, 20, 150])
def test_callback_sees_the_filtered_rows(rows):
    picture = np.random.default_rng(0).random((rows, 9, 3), np.float32)
    seen = []
    found = kuwahara(picture, 2, callback=lambda done, total, look: seen.append((done, total, look())))
    np.testing.assert_array_equal(found, kuwahara(picture, 2))
    assert {total for _, total, _ in seen} == {rows}
    dones = [done for done, _, _ in seen]
    assert dones == sorted(set(dones))
    assert dones[-1] == rows
    for done, _, look in seen:
        np.testing.assert_array_equal(look[:done], found[:done])
        np.testing.assert_array_equal(look[done:], picture[done:])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 4), (8, 8), (5, 300)])
def test_small_pictures(shape):
    picture = np.random.default_rng(0).random((*shape, 3), np.float32)
    found = kuwahara(picture, 5)
    assert picture.min() - 1e-5 <= found.min() <= found.max() <= picture.max() + 1e-5


@pytest.mark.parametrize("upright", [True, False])
def test_a_straight_edge_stays_sharp_and_noise_goes(upright):
    random = np.random.default_rng(0)
    edge = np.repeat((np.arange(60) >= 30).astype(np.float32)[None, :, None], 60, 0).repeat(3, -1) * np.float32(0.6) + np.float32(0.2)
    edge = edge if upright else edge.swapaxes(0, 1)
    found = kuwahara(edge, 6)
    np.testing.assert_allclose(found, edge, atol=0.02)
    noisy = edge + random.normal(0, 0.05, edge.shape).astype(np.float32)
    left = np.abs(kuwahara(noisy, 6) - edge)[6:-6, 6:-6]
    assert left.mean() < 0.4 * np.abs(noisy - edge).mean()


def test_threads_make_no_difference():
    picture = np.random.default_rng(0).random((40, 30, 3), np.float32)
    found = kuwahara(picture, 4)
    threads = numba.get_num_threads()
    try:
        for count in {1, numba.config.NUMBA_NUM_THREADS} - {threads}:
            numba.set_num_threads(count)
            np.testing.assert_array_equal(found, kuwahara(picture, 4))
    finally:
        numba.set_num_threads(threads)
