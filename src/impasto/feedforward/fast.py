"""A network that paints in one style, or in a few, in one pass.

An image transformation network in the manner of Johnson, Alahi & Fei-Fei (*Perceptual Losses for Real-Time Style Transfer and
Super-Resolution*, ECCV 2016), with instance normalisation in place of batch normalisation (Ulyanov, Vedaldi & Lempitsky 2016).
Most of its work is done at an eighth of the resolution, where theirs is done at a quarter: that sees twice as far, so that shapes
can be as large as a poster's. What a quarter of the resolution knew of contours is added on the way back.

Several styles share every convolution and differ in the scales and shifts of the normalisations alone (Dumoulin, Shlens &
Kudlur, *A Learned Representation for Artistic Style*, ICLR 2017, equation 5), so styles mix by mixing those. Upsampling is by
nearest neighbours, which leaves no checkerboards (Dumoulin et al., appendix), and there is no rectifier after a residual block
(Gross & Wilber 2016).

What the network takes from a picture as a whole are the mean and the variance of every normalisation's channels: :meth:`Fast.look`
finds them, and :meth:`Fast.forward` paints by them, a part of the picture if need be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5  # added to variances
BLOCKS = 5  # residual ones, at an eighth of the resolution
REACH = 0.6  # of the outcome around 0.5, so that black and white need no infinite inputs

Moments: TypeAlias = tuple[Tensor, Tensor]
"""Mean and biased variance of every channel, ``[N, C, 1, 1]``."""


@dataclass(frozen=True)
class Architecture:
    """The shape of the network, as data.

    Attributes:
        styles: names of the styles it paints, at least one.
        width: channels at full resolution; there are 2, 4 and 6 times as many at a half, a quarter and an eighth of it.
    """

    styles: tuple[str, ...]
    width: int = 16

    def __post_init__(self) -> None:
        object.__setattr__(self, "styles", tuple(self.styles))  # JSON has lists only


class ConditionalNorm(nn.Module):
    """Conditional instance normalisation (Dumoulin et al. 2017, equation 5): every style has a scale and a shift of its own."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(styles, channels))
        self.shift = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, x: Tensor, norms: "Norms") -> Tensor:
        """``x`` ``[N, C, H, W]`` normalised as the next of ``norms`` says."""
        mean, variance = norms.moments(x)
        scale, shift = norms.mixed(self.scale) * (variance + EPSILON).rsqrt(), norms.mixed(self.shift)
        return torch.addcmul(shift - mean * scale, x.to(scale.dtype), scale).to(x.dtype)


class Norms:
    """What a network's normalisations go by, one after another, in the order they are computed in.

    Attributes:
        found: the statistics used so far.
    """

    def __init__(self, shares: Tensor, given: Sequence[Moments] | None = None) -> None:
        """Go by the statistics ``given``, or each normalisation's own, in ``shares`` ``[N, S]`` or ``[1, S]`` of the styles."""
        self._shares, self._given = shares[:, :, None], given
        self.found: list[Moments] = []

    def moments(self, x: Tensor) -> Moments:
        """The next mean and variance, those that were given or those of ``x`` ``[N, C, H, W]``, in float32 or better."""
        if self._given is None:
            x = x.to(torch.promote_types(x.dtype, torch.float32))
            mean = x.mean((2, 3), keepdim=True)
            self.found.append((mean, (x - mean).square().mean((2, 3), keepdim=True)))  # half the nodes of what var_mean exports to
        else:
            self.found.append(self._given[len(self.found)])
        return self.found[-1]

    def mixed(self, known: Tensor) -> Tensor:
        """Of what is ``known`` of every style, ``[S, C]``, the shares together, ``[N, C, 1, 1]``."""
        # A sum, since autocast would take a matrix product in half precision.
        return (self._shares * known).sum(1)[:, :, None, None]


class Stage(nn.Module):
    """A convolution, perhaps of the upsampled input, then normalisation and perhaps a rectifier."""

    def __init__(
        self,
        into: int,
        out: int,
        styles: int,
        *,
        size: int = 3,
        stride: int = 1,
        doubled: bool = False,
        lean: bool = False,
        rectified: bool = True,
    ) -> None:
        super().__init__()
        self.doubled, self.lean = doubled, lean
        self.rectified = rectified
        # The normalisation would take a bias away again.
        self.convolution = nn.Conv2d(into, out, size, stride, size // 2, bias=False)
        self.norm = ConditionalNorm(out, styles)

    def forward(self, x: Tensor, norms: Norms) -> Tensor:
        """``x`` ``[N, in, h, w]`` to ``[N, out, h', w']``, normalised by the next of ``norms``."""
        if self.lean:
            x = _doubled(x, self.convolution.weight)
        else:
            x = self.convolution(functional.interpolate(x, scale_factor=2, mode="nearest") if self.doubled else x)
        x = self.norm(x, norms)
        return functional.relu(x) if self.rectified else x


def _doubled(x: Tensor, weight: Tensor) -> Tensor:
    """The convolution ``[out, in, 3, 3]`` of ``x`` ``[N, in, h, w]`` doubled by nearest neighbours, ``[N, out, 2h, 2w]``.

    Each quarter of the outcome is a convolution of ``x`` itself, whose weights are sums (Shi et al. 2016, *Is the deconvolution layer the
    same as a convolutional layer?*), so that nothing large is held but the outcome.
    """
    turned = weight.transpose(0, 1)
    quarters = torch.stack([part for rows in _halves(turned, 2) for part in _halves(rows, 3)], 2)  # [in, out, 4, 3, 3]
    return functional.pixel_shuffle(functional.conv2d(x, quarters.flatten(1, 2).transpose(0, 1), padding=1), 2)


def _halves(weight: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """What every other position along one dimension is a convolution with: the even see one before them and their own twice."""
    before, own, after = weight.unbind(dim)
    none = own * 0
    return torch.stack([before, own + after, none], dim), torch.stack([none, before + own, after], dim)


class Residual(nn.Module):
    """Two stages beside the identity."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.first = Stage(channels, channels, styles)
        self.second = Stage(channels, channels, styles, rectified=False)

    def forward(self, x: Tensor, norms: Norms) -> Tensor:
        """``x`` ``[N, C, h, w]`` to ``[N, C, h, w]``, normalised by the next two of ``norms``."""
        change: Tensor = self.second(self.first(x, norms), norms)
        return x + change


class Fast(nn.Module):
    """The network: ``network(content, shares of its styles)`` is the painting."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        full, styles = architecture.width, len(architecture.styles)
        half, quarter, eighth = 2 * full, 4 * full, 6 * full
        self.head = nn.ModuleList([Stage(3, half, styles, size=5, stride=2), Stage(half, quarter, styles, stride=2)])
        self.descent = Stage(quarter, eighth, styles, stride=2)
        self.blocks = nn.ModuleList(Residual(eighth, styles) for _ in range(BLOCKS))
        self.ascent = Stage(eighth, quarter, styles, doubled=True, rectified=False)
        self.contours = Residual(quarter, styles)
        self.tail = nn.ModuleList([Stage(quarter, half, styles, doubled=True), Stage(half, full, styles, lean=True)])
        self.finish = nn.Conv2d(full, 3, 5, padding=2)

    def forward(self, content: Tensor, shares: Tensor, statistics: Sequence[Moments] | None = None) -> Tensor:
        """Paint.

        Args:
            content: ``[N, 3, H, W]`` in [0, 1], with sides that :data:`.names.STRIDE` divides.
            shares: ``[N, S]`` or ``[1, S]``, of its styles, adding up to 1 for each picture.
            statistics: to normalise by in place of the content's own, those that :meth:`look` found in the whole picture where
                the content is a part of it.

        Returns:
            ``[N, 3, H, W]`` with values from -0.1 to 1.1, few of them outside [0, 1] once trained.
        """
        return self._painted(content, Norms(shares, statistics))

    def look(self, content: Tensor, shares: Tensor) -> tuple[Tensor, list[Moments]]:
        """Paint a whole ``content`` in ``shares`` of its styles, and say what there was to know, the statistics of every normalisation."""
        norms = Norms(shares)
        return self._painted(content, norms), norms.found

    def _painted(self, content: Tensor, norms: Norms) -> Tensor:
        x = content * 2 - 1
        for stage in self.head:
            x = stage(x, norms)
        contours, x = x, self.descent(x, norms)
        for block in self.blocks:
            x = block(x, norms)
        x = self.contours(self.ascent(x, norms) + contours, norms)
        for stage in self.tail:
            x = stage(x, norms)
        x = self.finish(x)
        return 0.5 + REACH * torch.tanh(x.to(torch.promote_types(x.dtype, torch.float32)))
