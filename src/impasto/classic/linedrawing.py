"""Lines along a picture's edges: the flow-based extended difference of Gaussians (Winnemöller, Kyprianidis & Olsen 2012)."""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from impasto.classic.compiled import njit
from impasto.classic.kuwahara import directions
from impasto.classic.outlines import sampled

Floats = NDArray[np.float32]
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
SHARPNESS = 21.0  # p, the weight of the difference of Gaussians
LEVEL = 0.79  # ε, below which a pixel becomes a part of a line
STEEPNESS = 3.0  # φ, of a line's edge
WIDER = 1.6  # k, of the wider Gaussian's deviation over that of the narrower
FLOW = 3.0  # deviation of the directions' own mean, over that of the narrower Gaussian
ALONG = 3.5  # deviation of the mean along the directions, likewise


def lined(picture: Floats, sigma: float) -> Floats:
    """Where a picture has lines.

    Args:
        picture: ``[H, W, 3]`` in [0, 1].
        sigma: the deviation of the narrower Gaussian in pixels, about the width of the thinnest lines.

    Returns:
        ``[H, W]`` in [0, 1]: 0 on lines, and 1 where there are none.
    """
    angle, _ = directions(picture, FLOW * sigma)
    light = np.ascontiguousarray(picture @ LUMA)
    smooth = _along(_across(light, angle, np.float32(sigma)), angle, np.float32(ALONG * sigma))
    return np.asarray(np.where(smooth >= LEVEL, 1, 1 + np.tanh(STEEPNESS * (smooth - LEVEL))), np.float32).clip(0, 1)


@njit(parallel=True)
def _across(light, angle, sigma):  # type: ignore[no-untyped-def]
    """1 + p (G_σ - G_kσ) across the directions.

    This is the paper's (1 + p) G_σ - p G_kσ, less what tells dark areas from light ones: only edges make lines here.
    """
    height, width = light.shape
    result = np.empty_like(light)
    reach = int(np.ceil(2.5 * WIDER * sigma))
    for index in prange(height):
        y = np.int64(index)
        for x in range(width):
            dx, dy = -np.sin(angle[y, x]), np.cos(angle[y, x])
            narrow = wide = narrow_sum = wide_sum = np.float32(0)
            for step in range(-reach, reach + 1):
                value = sampled(light, y + step * dy, x + step * dx)
                a, b = np.exp(-0.5 * (step / sigma) ** 2), np.exp(-0.5 * (step / (WIDER * sigma)) ** 2)
                narrow, narrow_sum, wide, wide_sum = narrow + a * value, narrow_sum + a, wide + b * value, wide_sum + b
            result[y, x] = 1 + SHARPNESS * (narrow / narrow_sum - wide / wide_sum)
    return result


@njit(parallel=True)
def _along(values, angle, sigma):  # type: ignore[no-untyped-def]
    """A Gaussian mean along the directions (Kang, Lee & Chui 2007)."""
    height, width = values.shape
    result = np.empty_like(values)
    reach = int(np.ceil(2 * sigma))
    for index in prange(height):
        y = np.int64(index)
        for x in range(width):
            total, weights = values[y, x], np.float32(1)
            for side in (-1.0, 1.0):
                row, column, last_x, last_y = float(y), float(x), side * np.cos(angle[y, x]), side * np.sin(angle[y, x])
                for step in range(1, reach + 1):
                    row, column = row + last_y, column + last_x
                    if row < 0 or column < 0 or row > height - 1 or column > width - 1:
                        break
                    there = angle[int(row + 0.5), int(column + 0.5)]
                    next_x, next_y = np.cos(there), np.sin(there)
                    if next_x * last_x + next_y * last_y < 0:
                        next_x, next_y = -next_x, -next_y
                    last_x, last_y = next_x, next_y
                    weight = np.float32(np.exp(-0.5 * (step / sigma) ** 2))
                    total += weight * sampled(values, row, column)
                    weights += weight
            result[y, x] = total / weights
    return result
