"""What one pass takes from a picture as a whole: mean and covariance of its colours and of an encoder's features."""

from collections.abc import Mapping

from torch import Tensor

# By layer, and under COLOUR for the picture's own three channels: the mean [N, C] and the covariance [N, C, C].
Statistics = Mapping[str, tuple[Tensor, Tensor]]


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """The mean ``[N, C]`` and the covariance ``[N, C, C]`` of ``x`` ``[N, C, h, w]`` over its positions, in float32."""
    flat = x.float().flatten(2)
    mean = flat.mean(2)
    centred = flat - mean[:, :, None]  # before it is squared: a colour's mean is large, and a grey picture's variance tiny
    return mean, centred @ centred.mT / flat.shape[2]
