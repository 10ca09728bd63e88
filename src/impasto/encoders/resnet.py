"""ResNet-50 as an encoder: a 7x7 convolution, a pooling, and four layers of residual blocks.

He, Zhang, Ren & Sun, *Deep Residual Learning for Image Recognition*, 2016, in the form that torchvision's weights were
trained in: the stride is in a bottleneck's 3x3 convolution.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from impasto.encoders.encoder import IMAGENET, RGB, Encoder, Padding, Pooling, convolve, pool
from impasto.encoders.stored import Parameter

LAYERS = ("conv1", "relu1", "maxpool", "layer1", "layer2", "layer3", "layer4")
_BLOCKS = {"layer1": 3, "layer2": 4, "layer3": 6, "layer4": 3}
_WIDTHS = {"layer1": 64, "layer2": 128, "layer3": 256, "layer4": 512}
_EXPANSION = 4
_EPSILON = 1e-5  # of torchvision's batch normalisation


def _parameters() -> Iterator[Parameter]:
    def normalisation(name: str, layer: str, width: int) -> Iterator[Parameter]:
        for kind in ("weight", "bias", "running_mean", "running_var"):
            yield Parameter(f"{name}.{kind}", layer, (width,), f"{name}.{kind}")

    def convolution(name: str, layer: str, shape: tuple[int, ...]) -> Iterator[Parameter]:
        yield Parameter(f"{name}.weight", layer, shape, f"{name}.weight")

    yield from convolution("conv1", "conv1", (64, 3, 7, 7))
    yield from normalisation("bn1", "relu1", 64)
    before = 64
    for layer, count in _BLOCKS.items():
        width = _WIDTHS[layer]
        out = _EXPANSION * width
        for block in range(count):
            name = f"{layer}.{block}"
            for number, shape in enumerate(((width, before, 1, 1), (width, width, 3, 3), (out, width, 1, 1)), start=1):
                yield from convolution(f"{name}.conv{number}", layer, shape)
                yield from normalisation(f"{name}.bn{number}", layer, shape[0])
            if block == 0:
                yield from convolution(f"{name}.downsample.0", layer, (out, before, 1, 1))
                yield from normalisation(f"{name}.downsample.1", layer, out)
            before = out


PARAMETERS = tuple(_parameters())
"""Torchvision's state dict in the order of computation, without the classifier."""


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A :class:`ResNet`'s state dict out of torchvision's, with each batch normalisation folded into its convolution.

    Args:
        state: torchvision's state dict down to the end of some layer. Each tensor's precision is kept; the arithmetic is
            done in float64.
    """
    result: dict[str, Tensor] = {}
    for name, value in state.items():
        if name == "conv1.weight":
            result[name] = value  # its features can be asked for before they are normalised
            continue
        if not name.endswith(".running_var"):
            continue
        normalisation = name.removesuffix(".running_var")
        weight, bias, mean = (state[f"{normalisation}.{kind}"].double() for kind in ("weight", "bias", "running_mean"))
        scale = weight / (value.double() + _EPSILON).sqrt()
        shift = bias - mean * scale
        if normalisation == "bn1":
            target, scaled = normalisation, scale
        else:
            target = normalisation.replace("downsample.1", "downsample.0").replace("bn", "conv")
            scaled = state[f"{target}.weight"].double() * scale.view(-1, 1, 1, 1)
        result[f"{target}.weight"] = scaled.to(value.dtype)
        result[f"{target}.bias"] = shift.to(value.dtype)
    return result


class ResNet(Encoder):
    """ResNet-50 without its classifier. The state dict is what :func:`folded` returns."""

    def __init__(
        self,
        pooling: Pooling = "max",
        padding: Padding = "zeros",
        mean: RGB = IMAGENET[0],
        deviation: RGB = IMAGENET[1],
        precision: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(LAYERS, mean, deviation, precision)
        self.pooling, self.padding = pooling, padding
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, bias=False, dtype=precision)
        self.bn1 = _Affine(64, precision)
        before = 64
        for layer, count in _BLOCKS.items():
            blocks = nn.Sequential()
            for block in range(count):
                stride = 2 if block == 0 and layer != "layer1" else 1
                blocks.append(_Bottleneck(before, _WIDTHS[layer], stride, padding, precision))
                before = _EXPANSION * _WIDTHS[layer]
            self.add_module(layer, blocks)

    def _compute(self, layer: str, x: Tensor, *, spare: bool) -> Tensor:
        if layer == "conv1":
            return convolve(x, self.conv1, self.padding)
        if layer == "relu1":
            return functional.relu(self.bn1(x), inplace=True)
        if layer == "maxpool":
            return pool(x, self.pooling, (3, 3), (2, 2), 1)
        return self.get_submodule(layer)(x)  # type: ignore[no-any-return]


class _Affine(nn.Module):
    """Batch normalisation once it is trained: a scale and a shift of each channel."""

    def __init__(self, width: int, precision: torch.dtype) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width, dtype=precision))
        self.bias = nn.Parameter(torch.zeros(width, dtype=precision))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class _Bottleneck(nn.Module):
    """A residual block: 1x1, 3x3 and 1x1 convolutions beside a shortcut."""

    def __init__(self, before: int, width: int, stride: int, padding: Padding, precision: torch.dtype) -> None:
        super().__init__()
        out = _EXPANSION * width
        self.padding = padding
        self.conv1 = nn.Conv2d(before, width, 1, dtype=precision)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dtype=precision)
        self.conv3 = nn.Conv2d(width, out, 1, dtype=precision)
        self.downsample = nn.Sequential(nn.Conv2d(before, out, 1, stride, dtype=precision)) if before != out else nn.Sequential()

    def forward(self, x: Tensor) -> Tensor:
        residual = functional.relu(self.conv1(x), inplace=True)
        residual = functional.relu(convolve(residual, self.conv2, self.padding), inplace=True)
        return functional.relu(self.conv3(residual).add_(self.downsample(x)), inplace=True)
