"""What a painter knows of a picture as a whole: the first two moments of its colours and of its features."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from impasto.encoders.encoder import Encoder
from impasto.losses.gram import gram
from impasto.losses.moments import double

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
COLOUR = "colour"
# By layer, and under COLOUR for the picture's own three channels: the mean [N, C] and the second moment [N, C, C].
Statistics = Mapping[str, tuple[Tensor, Tensor]]


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean ``[N, C]`` and the second moment ``[N, C, C]``, the Gram matrix over positions, of ``features`` ``[N, C, h, w]``."""
    return features.float().mean((2, 3)), gram(features)


def colours(picture: Tensor) -> tuple[Tensor, Tensor]:
    """The moments of a ``picture`` ``[N, 3, H, W]``, as :func:`moments` but in float64.

    Colours have a large mean and, in a grey picture, next to no variance across it, of which an inverse root is taken later.
    """
    pixels = double(picture).flatten(2)
    return pixels.mean(2), pixels @ pixels.mT / pixels.shape[2]


def statistics(picture: Tensor, encoder: Encoder) -> Statistics:
    """The statistics of a ``picture`` ``[N, 3, H, W]`` in [0, 1], as ``encoder`` sees it."""
    features = encoder(picture, LAYERS)
    return {COLOUR: colours(picture), **{layer: moments(x) for layer, x in features.items()}}


def mixed(parts: Sequence[tuple[float | Tensor, Statistics]]) -> Statistics:
    """The statistics of several pictures' pixels taken together, in shares that add up to 1.

    Args:
        parts: shares, numbers or tensors ``[N]``, and statistics.
    """

    def mix(name: str, moment: int) -> Tensor:
        found = [stats[name][moment] for _, stats in parts]
        shares = [torch.as_tensor(share).to(x).reshape(-1, *(1,) * (x.ndim - 1)) for (share, _), x in zip(parts, found, strict=True)]
        return sum((share * x for share, x in zip(shares, found, strict=True)), torch.zeros(()).to(found[0]))

    return {name: (mix(name, 0), mix(name, 1)) for name in parts[0][1]}


def covariance(mean: Tensor, second: Tensor) -> Tensor:
    """The covariance ``[N, C, C]`` out of the ``mean`` and the ``second`` moment."""
    return second - mean[:, :, None] * mean[:, None, :]
