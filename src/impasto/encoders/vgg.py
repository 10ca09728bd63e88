"""VGG-like encoders: blocks of 3x3 convolutions and rectifiers with a 2x2 pooling after each block.

Simonyan & Zisserman, *Very Deep Convolutional Networks for Large-Scale Image Recognition*, 2015. The networks of the
style-transfer literature differ only in how wide and deep their blocks are, how they pool and how they pad, so one
class builds them all from an :class:`Architecture`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from impasto.encoders.encoder import IMAGENET, RGB, Encoder, Padding, Pooling, convolve, pool
from impasto.encoders.stored import Parameter


@dataclass(frozen=True)
class Architecture:
    """The shape of a VGG-like encoder, as data.

    Attributes:
        channels: output channels of every convolution, block by block; block ``b``, convolution ``c`` is ``conv{b}_{c}``.
        pooling: how the picture is halved between blocks; Gatys et al. 2016 prefer ``average``, VGG was trained with ``max``.
        padding: what a 3x3 convolution sees beyond the border.
        embedded: layers whose features are reported through a 1x1 convolution, as ``{"relu4_2": channels}``. A distilled
            network's channels are its own; the embedding carries them into its teacher's space, where distances mean
            what they mean in the teacher.
        mean, deviation: the RGB statistics taken off a picture in [0, 1] before the first convolution.
    """

    channels: tuple[tuple[int, ...], ...]
    pooling: Pooling = "max"
    padding: Padding = "zeros"
    embedded: Mapping[str, int] = field(default_factory=dict)
    mean: RGB = IMAGENET[0]
    deviation: RGB = IMAGENET[1]

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer's name in the order of computation: ``conv1_1``, ``relu1_1``, …, ``pool1``, ``conv2_1`` and so on."""
        names: list[str] = []
        for block, widths in enumerate(self.channels, start=1):
            for convolution in range(1, len(widths) + 1):
                names += [f"conv{block}_{convolution}", f"relu{block}_{convolution}"]
            names.append(f"pool{block}")
        return tuple(names)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The state dict of a :class:`VGG` in the order of computation, with the names that torchvision gives it."""
        found: list[Parameter] = []
        widths = iter([3, *(width for block in self.channels for width in block)])
        before = next(widths)
        # Torchvision numbers layers as we list them: a convolution, its rectifier, a pooling after each block.
        for number, layer in enumerate(self.layers):
            if layer.startswith("conv"):
                width = next(widths)
                for kind, shape in (("weight", (width, before, 3, 3)), ("bias", (width,))):
                    found.append(Parameter(f"{layer}.{kind}", layer, shape, f"features.{number}.{kind}"))
                before = width
            elif embedding := self.embedded.get(layer):
                name = f"{layer.replace('relu', 'embed')}.weight"
                found.append(Parameter(name, layer, (embedding, before, 1, 1), name))
        return tuple(found)


VGG16 = Architecture(((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3))
VGG19 = Architecture(((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4))


class VGG(Encoder):
    """A VGG-like encoder.

    The state dict holds ``conv{b}_{c}.weight`` ``[out, in, 3, 3]`` and ``conv{b}_{c}.bias`` ``[out]``, and
    ``embed{b}_{c}.weight`` ``[embedded, out, 1, 1]`` where a layer is embedded.
    """

    def __init__(self, architecture: Architecture, precision: torch.dtype = torch.float32) -> None:
        super().__init__(architecture.layers, architecture.mean, architecture.deviation, precision)
        self.architecture = architecture
        for parameter in architecture.parameters:
            if len(parameter.shape) == 4:
                out, width, size, _ = parameter.shape
                convolution = nn.Conv2d(width, out, size, bias=parameter.name.startswith("conv"), dtype=precision)
                self.add_module(parameter.name.removesuffix(".weight"), convolution)

    def _compute(self, layer: str, x: Tensor, *, spare: bool) -> Tensor:
        if layer.startswith("conv"):
            convolution = self.get_submodule(layer)
            assert isinstance(convolution, nn.Conv2d)
            return convolve(x, convolution, self.architecture.padding)
        if layer.startswith("relu"):
            return functional.relu(x, inplace=spare)
        # A side of one pixel stays one pixel, so that no picture is too small for the network.
        window = (min(2, x.shape[2]), min(2, x.shape[3]))
        return pool(x, self.architecture.pooling, window, window)

    def _report(self, layer: str, x: Tensor) -> Tensor:
        return self.get_submodule(layer.replace("relu", "embed"))(x) if layer in self.architecture.embedded else x
