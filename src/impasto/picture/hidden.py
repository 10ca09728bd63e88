"""What can't be seen has no effect: the colours under an alpha of 0."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.picture.sizes import resampled

Floats = NDArray[np.float32]
_NEARLY = 0.1  # the alpha below which a colour counts less and less
_TRUSTED = 0.5  # above, a resampled colour is wholly what the alphas say; below, the kernel's negative lobes would show
_NOTHING = 0.5  # the colour of a picture of which nothing is visible


def fill(picture: Floats, alpha: Floats) -> None:
    """Continue, in place, the visible colours of a picture into what is hidden, the further the smoother.

    Push and pull over a pyramid of averages that are weighted by the alpha (Gortler et al. 1996, The Lumigraph, section 3.4).

    Args:
        picture: `[H, W, 3]` in [0, 1], not premultiplied. Where alpha is 0 its colours have no effect, and below 0.1 only in
            proportion.
        alpha: `[H, W]` in [0, 1].
    """
    weights, totals = [np.minimum(alpha / np.float32(_NEARLY), 1)], []
    while weights[-1].min() < 1 and weights[-1].size > 1:
        totals.append(_halved(weights[-1]))
        weights.append(np.minimum(4 * totals[-1], 1))
    if weights[0].min() < 1:
        for channel in range(picture.shape[2]):
            picture[..., channel] = _filled(np.ascontiguousarray(picture[..., channel]), weights, totals)


def _filled(colour: Floats, weights: Sequence[Floats], totals: Sequence[Floats]) -> Floats:
    """A channel at the level of the first of its ``weights``, which are the averages ``totals`` times four, cut off at 1."""
    if totals:
        mean: Floats = np.divide(_halved(colour * weights[0]), totals[0], out=np.zeros_like(totals[0]), where=totals[0] > 0)
        coarse = Image.fromarray(_filled(mean, weights[1:], totals[1:]))
        around = np.array(coarse.resize(colour.shape[::-1], Image.Resampling.BILINEAR), np.float32)
    else:
        around = np.full_like(colour, _NOTHING)
    # So that what is visible stays as it is to the bit.
    around *= 1 - weights[0]
    around += colour * weights[0]
    return around


def _halved(values: Floats) -> Floats:
    height, width = values.shape
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.reduce((min(2, width), min(2, height))), np.float32)


def resize(picture: Floats, alpha: Floats, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Resample a picture and its alpha together, so that every colour counts by what is seen of it; see `sizes.resize`.

    Args:
        picture: `[H, W, 3]` in [0, 1], not premultiplied, its hidden colours filled.
        alpha: `[H, W]` in [0, 1].
        size: Width and height in pixels.
    """
    opacity = resampled(alpha, size)
    result = np.empty((*opacity.shape, 3), np.float32)
    for channel in range(3):
        plain, seen = resampled(picture[..., channel], size), resampled(picture[..., channel] * alpha, size)
        np.clip(plain + (seen - opacity * plain) / np.maximum(opacity, _TRUSTED), 0, 1, out=result[..., channel])
    return result, opacity.clip(0, 1)
