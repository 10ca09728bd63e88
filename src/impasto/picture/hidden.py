"""What can't be seen has no effect: the colours under an alpha of 0."""

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
    weight = np.minimum(alpha / np.float32(_NEARLY), 1)
    if weight.min() < 1:
        for channel in range(picture.shape[2]):
            picture[..., channel] = _filled(picture[..., channel], weight)


def _filled(colour: Floats, weight: Floats) -> Floats:
    if weight.min() >= 1:
        return colour
    if weight.size == 1:
        return colour * weight + _NOTHING * (1 - weight)
    total = _halved(weight)
    mean: Floats = _halved(colour * weight) / np.maximum(total, np.float32(1e-30))
    coarse = _filled(mean, np.minimum(4 * total, 1))
    height, width = colour.shape
    around = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR), np.float32)
    return colour * weight + around * (1 - weight)


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
