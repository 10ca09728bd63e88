"""The offline inverse of an encoder: a network that turns the features of a layer back into the picture they came from.

Dosovitskiy & Brox, *Inverting Visual Representations with Convolutional Networks* (CVPR 2016) train one network for every
layer. Here one chain mirrors the whole encoder, convolution by convolution, and is entered at the layer whose features there
are; what it makes of them on its way are guesses at the shallower layers' features, and it learns them as such.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Architecture:
    """The shape of a decoder, as data.

    Attributes:
        encoder: the name of the encoder it inverts.
        channels: that encoder's output channels, block by block, as in :class:`impasto.encoders.Architecture`.
        scales: the mean activation of each block's first layer, which its features are divided by; none for 1 everywhere.
    """

    encoder: str
    channels: tuple[tuple[int, ...], ...]
    scales: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        # JSON knows lists alone.
        object.__setattr__(self, "channels", tuple(tuple(block) for block in self.channels))
        object.__setattr__(self, "scales", tuple(self.scales) or (1.0,) * len(self.channels))

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers it can be entered at, ``relu1_1`` and so on, one for each of the encoder's blocks."""
        return tuple(f"relu{block}_1" for block in range(1, len(self.channels) + 1))


class Stage(nn.Module):
    """From the first layer of a block to the first layer of the block before it, which is twice as large."""

    def __init__(self, deep: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.narrow = _convolution(deep, widths[-1])
        self.refine = nn.ModuleList(_convolution(a, b) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True))

    def forward(self, x: Tensor) -> Tensor:
        """``x`` ``[N, deep, h, w]`` to ``[N, widths[0], 2h, 2w]``, at least 0."""
        x = self.enlarge(x)
        for convolution in self.refine:
            x = functional.relu(convolution(x))
        return x

    def enlarge(self, x: Tensor) -> Tensor:
        """The first half of it: ``x`` ``[N, deep, h, w]`` to ``[N, widths[-1], 2h, 2w]``."""
        # Interpolated first and convolved then: transposed convolutions leave checkerboards (Odena et al. 2016).
        return functional.interpolate(functional.relu(self.narrow(x)), scale_factor=2, mode="bilinear", align_corners=False)


class Decoder(nn.Module):
    """The network: ``decoder(features of relu3_1, "relu3_1")`` is the picture."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        channels = architecture.channels
        # Stage number b leads from block b + 2 to block b + 1, both counted from 1.
        self.stages = nn.ModuleList(Stage(deep[0], widths) for widths, deep in pairwise(channels))
        self.last = _convolution(channels[0][0], channels[0][0])
        self.finish = _convolution(channels[0][0], 3)
        # Before it has learnt anything it answers with grey.
        nn.init.normal_(self.finish.weight, std=0.01)
        nn.init.constant_(self.finish.bias, 0.5)  # type: ignore[arg-type]

    def forward(self, features: Tensor, layer: str) -> Tensor:
        """Decode.

        Args:
            features: ``[N, C, h, w]``, as the encoder gives them at ``layer``.
            layer: one of :attr:`Architecture.layers`.

        Returns:
            ``[N, 3, h·2^(b-1), w·2^(b-1)]`` at block b, of which little is outside [0, 1].

        Raises:
            ValueError: a layer that isn't among those.
        """
        return self.chain({layer: features})[0]

    def chain(self, entering: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Decode features of several layers together, in one pass through what they have in common.

        Args:
            entering: ``{layer: [N, C, h, w]}``, all of pictures of one size.

        Returns:
            The pictures ``[ΣN, 3, H, W]``, those from the deepest layer first; and, by layer, what it made of the deeper
            layers' features there: guesses at the encoder's features divided by :attr:`Architecture.scales`.

        Raises:
            ValueError: a layer it can't be entered at.
        """
        layers = self.architecture.layers
        if unknown := set(entering) - set(layers):
            raise ValueError(f"the decoder has {', '.join(layers)}, not {', '.join(sorted(unknown))}")
        x: Tensor | None = None
        guesses: dict[str, Tensor] = {}
        for block, (layer, scale) in reversed(list(enumerate(zip(layers, self.architecture.scales, strict=True)))):
            if x is not None:
                x = guesses[layer] = self.stages[block](x)
            if layer in entering:
                fresh = entering[layer] / scale
                x = fresh if x is None else torch.cat([x, fresh])
        assert x is not None
        picture: Tensor = self.finish(functional.relu(self.last(x)))
        return picture, guesses


def _convolution(into: int, out: int) -> nn.Conv2d:
    convolution = nn.Conv2d(into, out, 3, padding=1)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    return convolution
