"""Numbers of any depth to floats in [0, 1]."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.errors import PictureError

_OVERSHOOT = 0.1
_BRIGHTEST = 16  # of floats whose white is 1; a picture whose white is 255 has larger ones
_DARK = 1 / 8


def is_deep_grey(image: Image.Image) -> bool:
    """Whether an `image` has grey values of more than 8 bits."""
    return image.mode.startswith(("I", "F"))


def known(values: NDArray[Any], remarks: list[str]) -> NDArray[Any]:
    """The values of a file, as `unit` knows them.

    Args:
        values: Of any shape. Unsigned ones of up to 16 bits come back as they are; wider and signed ones count as 16-bit data
            where that holds the largest, or else by what their type holds. Floats are scaled by the smallest of 1, 255 and 65535
            that holds the largest; but from 1 to 16 they are taken for highlights, which are cut off.
        remarks: Gets what the user should know.

    Raises:
        PictureError: If they are of an unknown scale.
    """
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "b" or (kind == "u" and size <= 2):
        return values
    low, high = float(values.min()), float(values.max())
    if kind == "f":
        if not (low >= -_OVERSHOOT and high <= 65535):  # false for NaN too
            raise PictureError(f"its values run from {low:.4g} to {high:.4g}; save it with 8 or 16 bits per channel")
        top = 1 if high < _BRIGHTEST else 255 if high <= 255 else 65535
        if top == 1 < high:
            remarks.append(f"has values up to {high:.4g}; what is beyond 1 is cut off")
    else:
        if low < 0:
            raise PictureError(f"its values run from {low:.4g} to {high:.4g}; save it with 8 or 16 bits per channel")
        top = 65535 if high <= 65535 else np.iinfo(values.dtype).max
    scaled: NDArray[np.float32] = np.divide(values, top, dtype=np.float32, casting="unsafe")
    return scaled


def remark_dark(values: NDArray[Any], remarks: list[str]) -> None:
    """Add to the `remarks` if `values`, as `unit` knows them, are all but black, such as 12-bit ones in 16 bits."""
    share = float(values.max()) / (np.iinfo(values.dtype).max if values.dtype.kind == "u" else 1)
    if values.dtype.itemsize > 1 and 0 < share < _DARK:
        remarks.append(f"is very dark, with values up to {100 * share:.2g} % of white; scale them up if that isn't meant")


def inverted(values: NDArray[Any]) -> NDArray[Any]:
    """The `values`, as `unit` knows them, of which 0 is white, the usual way round."""
    return ~values if values.dtype.kind in "ub" else 1 - values


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
