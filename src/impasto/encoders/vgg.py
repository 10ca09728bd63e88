"""VGG-like encoders: blocks of 3x3 convolutions and rectifiers with a 2x2 pooling between blocks.

Simonyan & Zisserman, *Very Deep Convolutional Networks for Large-Scale Image Recognition*, 2015. The networks of the
style-transfer literature differ only in how wide and deep their blocks are, how they pool and how they pad, so one
class builds them all from an :class:`Architecture`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Pooling = Literal["max", "average"]
Padding = Literal["zeros", "reflect", "replicate"]


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
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    deviation: tuple[float, float, float] = (0.229, 0.224, 0.225)

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer's name in the order of computation: ``conv1_1``, ``relu1_1``, …, ``pool1``, ``conv2_1`` and so on."""
        names: list[str] = []
        for block, widths in enumerate(self.channels, start=1):
            if block > 1:
                names.append(f"pool{block - 1}")
            for convolution in range(1, len(widths) + 1):
                names += [f"conv{block}_{convolution}", f"relu{block}_{convolution}"]
        return tuple(names)


class VGG(nn.Module):
    """A network that turns a picture into named features.

    The state dict holds ``conv{b}_{c}.weight`` ``[out, in, 3, 3]`` and ``conv{b}_{c}.bias`` ``[out]``, and
    ``embed{b}_{c}.weight`` ``[embedded, out, 1, 1]`` where a layer is embedded.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        width = 3
        for block, widths in enumerate(architecture.channels, start=1):
            for convolution, out in enumerate(widths, start=1):
                self.add_module(f"conv{block}_{convolution}", nn.Conv2d(width, out, 3))
                width = out
                if embedding := architecture.embedded.get(f"relu{block}_{convolution}"):
                    self.add_module(f"embed{block}_{convolution}", nn.Conv2d(out, embedding, 1, bias=False))
        self.register_buffer("mean", torch.tensor(architecture.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(architecture.deviation).view(1, 3, 1, 1), persistent=False)

    @property
    def precision(self) -> torch.dtype:
        """What the network computes in, and the precision of its features."""
        return next(self.parameters()).dtype

    def forward(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """The features of ``picture`` at ``layers``, computing nothing deeper than the deepest of them.

        Args:
            picture: float ``[N, 3, H, W]``, sRGB in [0, 1].
            layers: names out of ``architecture.layers``.

        Returns:
            ``{layer: [N, C, h, w]}`` in the weights' precision, in the order of computation.

        Raises:
            KeyError: a layer this network doesn't have.
        """
        wanted = set(layers)
        if unknown := wanted.difference(self.architecture.layers):
            raise KeyError(f"no layer {', '.join(sorted(unknown))}; this encoder has {', '.join(self.architecture.layers)}")
        features: dict[str, Tensor] = {}
        x = (picture - self.mean) / self.deviation
        x = x.to(self.precision, memory_format=torch.channels_last)
        for layer in self.architecture.layers:
            if len(features) == len(wanted):
                break
            if layer.startswith("conv"):
                x = self._convolve(layer, x)
            elif layer.startswith("relu"):
                # In place only where nobody asked for the activation before the rectifier.
                x = functional.relu(x, inplace=layer.replace("relu", "conv") not in wanted)
            else:
                x = self._pool(x)
            if layer in wanted:
                features[layer] = self.get_submodule(layer.replace("relu", "embed"))(x) if layer in self.architecture.embedded else x
        return features

    def _convolve(self, layer: str, x: Tensor) -> Tensor:
        convolution = self.get_submodule(layer)
        assert isinstance(convolution, nn.Conv2d)
        padding = self.architecture.padding
        if padding == "zeros":
            return functional.conv2d(x, convolution.weight, convolution.bias, padding=1)
        if padding == "reflect" and min(x.shape[2:]) == 1:
            padding = "replicate"  # a side of one pixel has nothing to mirror
        return functional.conv2d(functional.pad(x, (1, 1, 1, 1), padding), convolution.weight, convolution.bias)

    def _pool(self, x: Tensor) -> Tensor:
        # A side of one pixel stays one pixel, so that no picture is too small for the network.
        pool = functional.max_pool2d if self.architecture.pooling == "max" else functional.avg_pool2d
        return pool(x, kernel_size=(min(2, x.shape[2]), min(2, x.shape[3])))
