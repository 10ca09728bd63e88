"""Pictures as networks see them: tensors `[N, C, H, W]` of the same values."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from impasto.picture import fit


def tensor(array: NDArray[np.float32]) -> Tensor:
    """A picture, or a mask, for a network.

    Args:
        array: `[H, W, C]`, or `[H, W]` for one channel.

    Returns:
        float32 `[1, C, H, W]`, contiguous, on the CPU; it shares no memory with the array.
    """
    channels = array[..., None] if array.ndim == 2 else array
    return torch.from_numpy(np.array(channels.transpose(2, 0, 1)[None], np.float32, order="C"))


def array(tensor: Tensor) -> NDArray[np.float32]:
    """A picture that comes from a network.

    Args:
        tensor: `[1, C, H, W]`, in any precision, on any device.

    Returns:
        float32 `[H, W, C]`, contiguous; it shares no memory with the tensor.
    """
    return np.array(tensor.detach()[0].permute(1, 2, 0).float().cpu().numpy(), order="C")


def resize(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Resample to a size, bicubic and antialiased, so that shrinking neither aliases nor shifts the picture.

    Args:
        picture: float32 `[N, C, H, W]` in [0, 1], with any number of channels.
        size: Width and height in pixels.

    Returns:
        float32 `[N, C, height, width]`, clamped to [0, 1]; `picture` itself if it has that size already.
    """
    width, height = size
    if picture.shape[-2:] == (height, width):
        return picture
    resampled = torch.nn.functional.interpolate(picture, (height, width), mode="bicubic", align_corners=False, antialias=True)
    return resampled.clamp(0, 1)


def scale(picture: Tensor, longest: int, *, enlarge: bool = True, least: int = 0) -> Tensor:
    """Resample as :func:`resize` does, to a longest side.

    Args:
        picture: float32 `[N, C, H, W]` in [0, 1].
        longest: The longest side in pixels; 0 leaves the picture as it is.
        enlarge: Whether a picture that is smaller becomes larger.
        least: What the shortest side doesn't shrink below.

    Returns:
        float32 `[N, C, h, w]`, of the same aspect ratio up to rounding.

    Raises:
        OptionError: If `longest` is negative.
    """
    height, width = picture.shape[-2:]
    return resize(picture, fit((width, height), longest, enlarge=enlarge, least=least))


def products(rows: Tensor, others: Tensor) -> Tensor:
    """``rows @ others.T``: the products of all ``rows`` ``[n, C]`` with all the ``others`` ``[m, C]``; differentiable.

    On a processor as a convolution of one position: PyTorch asks oneDNN for those, and MKL for products of float32, which other makers'
    processors compute in half their speed.
    """
    if quicker_convolved(rows) and rows.numel() and others.numel():
        return functional.conv2d(rows.contiguous()[None, None].permute(0, 3, 1, 2), others[:, :, None, None])[0, :, 0].mT
    return rows @ others.mT


def quicker_convolved(x: Tensor) -> bool:
    """Whether products with ``x`` are quicker as convolutions."""
    return x.device.type == "cpu" and x.dtype == torch.float32
