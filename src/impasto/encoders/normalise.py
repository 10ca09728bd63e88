"""Gatys' normalisation: a network whose channels are all active to the same degree, so that none drowns another.

Gatys, Ecker & Bethge 2016, section 2: "we normalized the network by scaling the weights such that the mean activation of
each convolutional filter over images and positions is equal to one", which a network of rectifiers and poolings allows
"without changing its output".
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from impasto import examples, picture, styles
from impasto.encoders.tensors import scale, tensor
from impasto.encoders.vgg import VGG

# Pixels of a calibration picture's longer side, and of what is looked at in its middle: at the size that pictures are painted
# in, as fine detail is stronger in smaller ones, but no more of it than takes a second or two.
_LONGEST, _MIDDLE = 512, 96
# Relative to the mean of the layer. Dividing by a mean closer to 0 than this would make an accident of a few pixels the
# loudest channel of its layer.
SILENT = 1e-3


def normalised(encoder: VGG, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict that computes the same, up to a factor per channel, with mean activations of one.

    The means are those after each rectifier over the middle of the packaged examples and styles, all counting the same. A
    channel whose mean is below :data:`SILENT` of its layer's is divided by the layer's mean instead of its own.

    Args:
        encoder: the network as it will be used, in float32 on the CPU, with the weights of ``state``.
        state: its state dict, in any precision from float32 up; the arithmetic is done in that precision.
    """
    result = dict(state)
    before: Tensor | None = None
    for layer, means in _means(encoder).items():
        convolution = layer.replace("relu", "conv")
        weight, bias = (state[f"{convolution}.{kind}"] for kind in ("weight", "bias"))
        means = torch.where(means > SILENT * means.mean(), means, means.mean()).to(weight.dtype)
        if before is not None:
            weight = weight * before.view(1, -1, 1, 1)
        result |= {f"{convolution}.weight": weight / means.view(-1, 1, 1, 1), f"{convolution}.bias": bias / means}
        before = means
    return result


def _means(encoder: VGG) -> dict[str, Tensor]:
    """The mean activation of each rectifier's channels, ``{layer: [C]}``."""
    layers = [layer for layer in encoder.layers if layer.startswith("relu")]
    sums: dict[str, Tensor] = {}
    files = [*map(examples.path, examples.EXAMPLES), *map(styles.path, styles.STYLES)]
    for file in files:
        pixels = tensor(picture.read(file).picture)
        features = encoder(_middle(scale(pixels, _LONGEST)), layers)
        sums = {layer: sums.get(layer, 0) + values.mean((0, 2, 3)) for layer, values in features.items()}
    return {layer: total / len(files) for layer, total in sums.items()}


def _middle(pixels: Tensor) -> Tensor:
    top, left = ((side - _MIDDLE) // 2 for side in pixels.shape[2:])
    return pixels[:, :, top : top + _MIDDLE, left : left + _MIDDLE]
