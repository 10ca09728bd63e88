"""Noise for surfaces: glass, stone and paper. To be called in compiled loops."""

import numpy as np

from impasto.classic.compiled import njit


@njit()
def _random(a, b, seed):  # type: ignore[no-untyped-def]
    """A number in [0, 1) that looks random, out of three whole ones."""
    h = (
        np.uint64(a) * np.uint64(0x9E3779B97F4A7C15)
        ^ np.uint64(b) * np.uint64(0xC2B2AE3D27D4EB4F)
        ^ np.uint64(seed) * np.uint64(0xD6E8FEB86659FD93)
    )
    h ^= h >> np.uint64(29)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(32)
    h *= np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(29)
    return np.float32(h >> np.uint64(40)) / np.float32(2**24)


@njit()
def noise(y, x, seed):  # type: ignore[no-untyped-def]
    """Smooth value noise in [-1, 1], with details as large as 1.

    Args:
        y: of the place, which may be anywhere.
        x: of the place.
        seed: of the noise.
    """
    row, column = int(np.floor(y)), int(np.floor(x))
    v, u = np.float32(y - row), np.float32(x - column)
    v, u = v * v * (3 - 2 * v), u * u * (3 - 2 * u)
    above = (1 - u) * _random(row, column, seed) + u * _random(row, column + 1, seed)
    under = (1 - u) * _random(row + 1, column, seed) + u * _random(row + 1, column + 1, seed)
    return 2 * ((1 - v) * above + v * under) - 1
