"""Numbers of any depth to floats in [0, 1]."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.errors import PictureError

_OVERSHOOT = 0.1


def is_deep_grey(image: Image.Image) -> bool:
    """Whether an `image` has grey values of more than 8 bits."""
    return image.mode.startswith(("I", "F"))


def deep_grey(values: NDArray[Any]) -> NDArray[Any]:
    """Grey values as `unit` knows them.

    Args:
        values: `[H, W]`: unsigned ones come back as they are; signed ones count as 16-bit data; floats are scaled by the
            smallest of 1, 255 and 65535 that holds the largest.

    Raises:
        PictureError: If they are of an unknown scale.
    """
    if values.dtype.kind == "u":
        return values
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 65535):  # false for NaN too
        raise PictureError(f"the grey values run from {low:.4g} to {high:.4g}; save it with 8 or 16 bits per channel")
    top = next(top for top in (1, 255, 65535) if high <= top) if values.dtype.kind == "f" else 65535
    return values.astype(np.float32) / np.float32(top)


def checked(values: NDArray[Any]) -> NDArray[Any]:
    """The `values` themselves, if `unit` knows what they mean.

    Raises:
        PictureError: If they are neither uint8, uint16, bool nor floats in [0, 1], or at most 0.1 outside.
    """
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "b" or (kind == "u" and size <= 2):
        return values
    if kind != "f":
        raise PictureError(f"the values are {values.dtype}; give uint8, uint16, bool, or floats in [0, 1]")
    low, high = float(values.min()), float(values.max())
    if not (low >= -_OVERSHOOT and high <= 1 + _OVERSHOOT):  # false for NaN too
        raise PictureError(f"the values run from {low:.4g} to {high:.4g}; scale floats to [0, 1], without NaN or infinity")
    return values


def unit(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A float32 copy in [0, 1].

    Args:
        values: Unsigned integers, whose largest number becomes 1; bool; or floats, which are clamped.
        shape: What they are broadcast to.
    """
    result = np.empty(shape, np.float32)
    # Converted in numpy's own small pieces, so that no second copy of a large picture in floats is ever needed.
    if values.dtype.kind == "u":
        np.divide(values, np.float32(256**values.dtype.itemsize - 1), out=result, dtype=np.float32)
    elif values.dtype.kind == "b":
        np.copyto(result, values)
    else:
        np.clip(values, 0, 1, out=result, casting="same_kind")
    return result
