"""Pictures at another size."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.errors import OptionError

_COLOURS = 3
_LARGE = 1_000_000  # pixels, from which on colours are resampled side by side


def fit(size: tuple[int, int], longest: int, *, enlarge: bool = True, least: int = 0) -> tuple[int, int]:
    """Scale a size so that its longest side is `longest`.

    Args:
        size: Width and height in pixels, both at least 1.
        longest: The longest side in pixels; 0 leaves the size as it is.
        enlarge: Whether a size that is smaller becomes larger.
        least: What the shortest side doesn't shrink below; the longest is longer instead.

    Returns:
        Width and height, of the same aspect ratio up to rounding, neither below 1.

    Raises:
        OptionError: If `longest` is negative.
    """
    if longest < 0:
        raise OptionError(f"a longest side of {longest} pixels is impossible; give a positive number, or 0 to keep the size")
    if longest == 0 or (longest > max(size) and not enlarge):
        return size
    if longest < max(size):
        longest = max(longest, min(max(size), -(-least * max(size) // min(size))))
    width, height = (max(1, round(side * longest / max(size))) for side in size)
    return width, height


def resize(array: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Resample to a size, bicubic (a = -0.5) and antialiased, so that shrinking neither aliases nor shifts the picture.

    It is the filter of torch's `interpolate(mode="bicubic", antialias=True)`.

    Args:
        array: float32 `[H, W]` or `[H, W, C]` in [0, 1], with any number of channels.
        size: Width and height in pixels.

    Returns:
        float32 `[height, width]` or `[height, width, C]`, clamped to [0, 1]; `array` itself if it has that size already.
    """
    width, height = size
    if array.shape[:2] == (height, width):
        return array
    channels = array.reshape(*array.shape[:2], -1)
    result = np.empty((height, width, channels.shape[2]), np.float32)

    def resample(channel: int) -> None:
        np.clip(resampled(channels[..., channel], size), 0, 1, out=result[..., channel])

    every = range(channels.shape[2])
    if max(array.shape[0] * array.shape[1], width * height) >= _LARGE:
        # Pillow lets other threads run while it resamples.
        with ThreadPoolExecutor(_COLOURS) as pool:
            list(pool.map(resample, every))
    else:
        list(map(resample, every))
    return result.reshape(height, width, *array.shape[2:])


def scale(array: NDArray[np.float32], longest: int, *, enlarge: bool = True, least: int = 0) -> NDArray[np.float32]:
    """Resample as `resize` does, to a longest side.

    Args:
        array: float32 `[H, W]` or `[H, W, C]` in [0, 1].
        longest: The longest side in pixels; 0 leaves the array as it is.
        enlarge: Whether a picture that is smaller becomes larger.
        least: What the shortest side doesn't shrink below.

    Returns:
        float32 `[h, w]` or `[h, w, C]`, of the same aspect ratio up to rounding.

    Raises:
        OptionError: If `longest` is negative.
    """
    height, width = array.shape[:2]
    return resize(array, fit((width, height), longest, enlarge=enlarge, least=least))


def resampled(channel: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """One `channel` `[H, W]` resampled to a `size`, as `resize` does, but not clamped."""
    image = Image.fromarray(np.ascontiguousarray(channel, np.float32))  # of mode F, which Pillow resamples in double precision
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))
