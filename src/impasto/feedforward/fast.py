"""A network that paints in one style, or in a few, in one pass.

The image transformation network of Johnson, Alahi & Fei-Fei (*Perceptual Losses for Real-Time Style Transfer and
Super-Resolution*, ECCV 2016; the layers are in their supplement), with instance normalisation in place of batch
normalisation (Ulyanov, Vedaldi & Lempitsky 2016). Several styles share every convolution and differ in the scales and
shifts of the normalisations alone (Dumoulin, Shlens & Kudlur, *A Learned Representation for Artistic Style*, ICLR 2017,
equation 5), so styles mix by mixing those. Upsampling is by nearest neighbours, which leaves no checkerboards (Dumoulin et
al., appendix), and there is no rectifier after a residual block (Gross & Wilber 2016).
"""

from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5  # added to variances
REACH = 0.6  # of the outcome around 0.5, so that black and white need no infinite inputs
STRIDE = 4

Moments: TypeAlias = tuple[Tensor, Tensor]
"""Mean and biased variance ``[N, C]`` of every channel."""


@dataclass(frozen=True)
class Architecture:
    """The shape of the network, as data.

    Attributes:
        styles: names of the styles it paints, at least one.
        width: channels at full resolution; there are four times as many at a quarter of it, where most of the work is done.
            Johnson et al. have 32.
        blocks: residual blocks at a quarter of the resolution.
    """

    styles: tuple[str, ...]
    width: int = 16
    blocks: int = 5

    def __post_init__(self) -> None:
        object.__setattr__(self, "styles", tuple(self.styles))  # JSON has lists only


class ConditionalNorm(nn.Module):
    """Conditional instance normalisation (Dumoulin et al. 2017, equation 5): every style has a scale and a shift of its own."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(styles, channels))
        self.shift = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, x: Tensor, shares: Tensor, statistics: Moments | None = None) -> Tensor:
        """Normalise.

        Args:
            x: ``[N, C, H, W]``.
            shares: ``[N, S]`` or ``[1, S]``, of the styles.
            statistics: to normalise by in place of ``x``'s own, those of the whole picture where ``x`` is a tile of it.

        Returns:
            ``[N, C, H, W]``.
        """
        mean, variance = moments(x) if statistics is None else statistics
        # Sums, since autocast would take a matrix product in half precision.
        scale = (shares[:, :, None] * self.scale).sum(1) * (variance + EPSILON).rsqrt()
        shift = (shares[:, :, None] * self.shift).sum(1) - mean * scale
        return torch.addcmul(shift[:, :, None, None], x.to(shift.dtype), scale[:, :, None, None]).to(x.dtype)


class Stage(nn.Module):
    """A padded convolution, perhaps of the upsampled input, then normalisation and perhaps a rectifier.

    Attributes:
        reach: pixels of padding on each side of the convolution's input.
        upsampling: how often each pixel of the input is repeated along each axis before the convolution.
    """

    def __init__(
        self, into: int, out: int, styles: int, *, size: int = 3, stride: int = 1, upsampling: int = 1, rectified: bool = True
    ) -> None:
        super().__init__()
        self.reach = size // 2
        self.upsampling = upsampling
        self.rectified = rectified
        self.convolution = nn.Conv2d(into, out, size, stride, bias=False)  # the normalisation would take a bias away again
        self.norm = ConditionalNorm(out, styles)

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        """``x`` ``[N, in, h, w]`` and ``shares`` ``[N, S]`` to ``[N, out, h', w']``."""
        return self.complete(self.convolve(x), shares)

    def convolve(self, x: Tensor) -> Tensor:
        """All that comes before the normalisation of ``x``."""
        if self.upsampling > 1:
            x = functional.interpolate(x, scale_factor=self.upsampling, mode="nearest")
        convolved: Tensor = self.convolution(pad(x, self.reach))
        return convolved

    def complete(self, x: Tensor, shares: Tensor, statistics: Moments | None = None) -> Tensor:
        """The normalisation of what was convolved, ``x``, in ``shares`` and by ``statistics`` or its own, and the rectifier."""
        x = self.norm(x, shares, statistics)
        return functional.relu(x) if self.rectified else x


class Residual(nn.Module):
    """Two stages beside the identity."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.first = Stage(channels, channels, styles)
        self.second = Stage(channels, channels, styles, rectified=False)

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        """``x`` ``[N, C, h, w]`` and ``shares`` ``[N, S]`` to ``[N, C, h, w]``."""
        change: Tensor = self.second(self.first(x, shares), shares)
        return x + change


class Finish(nn.Module):
    """A padded convolution to three channels, and their way into the range of pictures."""

    def __init__(self, into: int) -> None:
        super().__init__()
        self.reach = 4
        self.convolution = nn.Conv2d(into, 3, 9)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` ``[N, C, H, W]`` to ``[N, 3, H, W]``."""
        return self.complete(self.convolve(x))

    def convolve(self, x: Tensor) -> Tensor:
        """The convolution of ``x``."""
        convolved: Tensor = self.convolution(pad(x, self.reach))
        return convolved

    def complete(self, x: Tensor) -> Tensor:
        """The scaled hyperbolic tangent of ``x``, from -0.1 to 1.1, in float32 or better."""
        return 0.5 + REACH * torch.tanh(x.to(torch.promote_types(x.dtype, torch.float32)))


class Fast(nn.Module):
    """The network: ``network(content, shares of its styles)`` is the painting."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        width, styles = architecture.width, len(architecture.styles)
        self.head = nn.ModuleList(
            [
                Stage(3, width, styles, size=9),
                Stage(width, 2 * width, styles, stride=2),
                Stage(2 * width, 4 * width, styles, stride=2),
            ]
        )
        self.blocks = nn.ModuleList(Residual(4 * width, styles) for _ in range(architecture.blocks))
        self.tail = nn.ModuleList([Stage(4 * width, 2 * width, styles, upsampling=2), Stage(2 * width, width, styles, upsampling=2)])
        self.finish = Finish(width)

    def forward(self, content: Tensor, shares: Tensor | None = None) -> Tensor:
        """Paint.

        Args:
            content: ``[N, 3, H, W]`` in [0, 1].
            shares: ``[N, S]`` or ``[1, S]``, of its styles, adding up to 1 for each picture; None is the first style alone.

        Returns:
            ``[N, 3, H, W]`` with values from -0.1 to 1.1, few of them outside [0, 1] once trained.
        """
        if shares is None:
            shares = functional.one_hot(content.new_zeros(1, dtype=torch.long), len(self.architecture.styles)).to(content.dtype)
        height, width = content.shape[2:]
        x = functional.pad(content, (0, -width % STRIDE, 0, -height % STRIDE), "replicate")
        for part in (*self.head, *self.blocks, *self.tail):
            x = part(x, shares)
        painted: Tensor = self.finish(x)
        return painted[:, :, :height, :width]


def moments(x: Tensor) -> Moments:
    """Mean and biased variance ``[N, C]`` of ``x`` ``[N, C, H, W]``, in float32 or better."""
    variance, mean = torch.var_mean(x.to(torch.promote_types(x.dtype, torch.float32)), (2, 3), correction=0)
    return mean, variance


def pad(x: Tensor, reach: int) -> Tensor:
    """Mirror ``reach`` pixels over each edge of ``x`` ``[N, C, H, W]``, or repeat the edge where a side is too short for that."""
    return functional.pad(x, (reach,) * 4, "reflect" if min(x.shape[2:]) > reach else "replicate")
