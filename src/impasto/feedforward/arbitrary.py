"""A network that paints in any style in one pass.

What it knows of a style is the first two moments of the style's colours and of its features (:mod:`.statistics`), as in
AdaIN (Huang & Belongie 2017), with whole covariances as in WCT (Li et al. 2017). Colours are first carried over in closed
form (:mod:`.recolour`), and a quilt is made of the style's own blocks (:mod:`.quilt`); a U-Net then paints with both before
it, and says where the quilt shows. Its weights are modulated by the style as in MicroAST (Wang et al., AAAI 2023), and
demodulated as in StyleGAN2 (Karras et al. 2020, section 2.2) in place of instance normalisation, which amplifies flat
regions and prints droplets into them. Flat regions have the quilt instead.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from impasto.feedforward.quilt import Places, Swatches, cells, placed, sewn
from impasto.feedforward.recolour import monge, recolour
from impasto.feedforward.statistics import COLOUR, Statistics, colours, covariance, mixed

SLOPE = 0.2  # of the rectifiers below 0
FLOOR = 0.05  # added to means and deviations, which are 1 on average, before their logarithm is taken
STRIDE = 16
MARGIN = 8  # pixels that repeat a picture's edge, for what the convolutions' padding does to be cut off again


class Style(NamedTuple):
    """What the network is told of a style.

    Attributes:
        statistics: of its colours and of an encoder's features.
        swatches: what quilts are made of, each with its share, a number or a tensor ``[N]``. What the shares lack to 1 is the
            recoloured content's.
    """

    statistics: Statistics
    swatches: tuple[tuple[float | Tensor, Swatches], ...] = ()


@dataclass(frozen=True)
class Architecture:
    """The shape of the network, as data.

    Attributes:
        seen: channels of the encoder's layers that describe a style.
        projections: directions in which a layer's covariance is described.
        widths: channels at half, a quarter, an eighth and a sixteenth of the resolution.
        hidden, code: of the style's description on its way to the modulations.
    """

    seen: Mapping[str, int]
    projections: int = 12
    widths: tuple[int, int, int, int] = (32, 64, 128, 128)
    hidden: int = 256
    code: int = 192


class Modulated(nn.Module):
    """A convolution whose input channels are scaled, and output channels shifted, as a code says; the outcome has the
    deviation it would have with unit inputs (Karras et al. 2020, equations 1 and 3). It is padded by zeros, or its edge is repeated.
    """

    def __init__(self, into: int, out: int, code: int, size: int = 3, *, repeated: bool = False) -> None:
        super().__init__()
        self.repeated = repeated
        self.weight = nn.Parameter(torch.randn(out, into, size, size) / math.sqrt(into * size * size))
        self.scale = nn.Linear(code, into)
        self.shift = nn.Linear(code, out)
        for affine in (self.scale, self.shift):
            nn.init.normal_(affine.weight, std=0.3 / math.sqrt(code))
            nn.init.zeros_(affine.bias)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """``x`` ``[N, in, h, w]`` and ``code`` ``[N, K]`` to ``[N, out, h, w]``."""
        scale, shift = 1 + self.scale(code), self.shift(code)
        energy = self.weight.square().sum((2, 3)) @ scale.square().T
        norm = (energy + 1e-6).rsqrt().T
        reach = self.weight.shape[2] // 2
        if self.repeated:
            x, reach = functional.pad(x, (reach,) * 4, "replicate"), 0
        if len(code) == 1:
            weight = self.weight * scale[:, :, None, None] * norm[0, :, None, None, None]
            return functional.conv2d(x, weight, shift[0], padding=reach)
        y = functional.conv2d(x * scale[:, :, None, None], self.weight, padding=reach)
        return torch.addcmul(shift[:, :, None, None], y, norm[:, :, None, None])


class Block(nn.Module):
    """Modulated convolutions beside the identity."""

    def __init__(self, width: int, code: int, convolutions: int = 2, *, repeated: bool = False) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(Modulated(width, width, code, repeated=repeated) for _ in range(convolutions))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """``x`` ``[N, C, h, w]``, which may be overwritten, and ``code`` ``[N, K]`` to ``[N, C, h, w]``."""
        first, *others = self.convolutions
        y = first(functional.leaky_relu(x, SLOPE), code)
        for convolution in others:
            y = convolution(_rectified(y), code)
        return _added(y, x)


class Arbitrary(nn.Module):
    """The network: ``network(content, style)`` is the painting.

    Attributes:
        precision: what its convolutions compute in; statistics, colours and weights stay in float32.
    """

    precision = torch.float32

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        half, quarter, eighth, sixteenth = architecture.widths
        code = architecture.code
        # What it sees: the recoloured picture and the quilt, at four scales.
        self.see2 = nn.Conv2d(24, half, 3, padding=1)
        self.see4 = nn.Conv2d(half, quarter, 3, stride=2, padding=1)
        self.see8 = nn.Conv2d(quarter, eighth, 3, stride=2, padding=1)
        self.see8b = nn.Conv2d(eighth, eighth, 3, padding=1, padding_mode="replicate")
        self.see16 = nn.Conv2d(eighth, sixteenth, 3, stride=2, padding=1, padding_mode="replicate")
        # What it is told: the style's statistics, and its own summary of the content.
        self.projections = nn.ParameterDict(
            {layer: torch.randn(architecture.projections, n) / math.sqrt(n) for layer, n in architecture.seen.items()}
        )
        pairs = architecture.projections * (architecture.projections + 1) // 2
        described = 9 + 2 * sum(architecture.seen.values()) + pairs * len(architecture.seen)
        self.describe = nn.Linear(described, architecture.hidden)
        self.encode = nn.Linear(architecture.hidden, code)
        self.situate = nn.Linear(2 * sixteenth, code)
        # What it paints, coarse to fine. Zeros reach further into the picture from coarse features than its margin is wide.
        self.paint16 = Block(sixteenth, code, repeated=True)
        self.rise8 = nn.Conv2d(sixteenth, eighth, 1)
        self.paint8 = Block(eighth, code, repeated=True)
        self.rise4 = nn.Conv2d(eighth, quarter, 1)
        self.paint4 = Block(quarter, code)
        self.rise2 = nn.Conv2d(quarter, half, 1)
        self.paint2 = Block(half, code, convolutions=1)
        self.finish = Modulated(half, 12, code)
        nn.init.zeros_(self.finish.shift.weight)
        self.gain = nn.Parameter(torch.full((1,), 0.1))
        # How much of the recoloured picture and of the quilt it mixes, fine, middling and coarse.
        self.mix = nn.Linear(code, 6)
        nn.init.zeros_(self.mix.weight)
        nn.init.constant_(self.mix.bias, 0.6)
        # Takes away what alternates from pixel to pixel, which is how shuffled channels make checkerboards.
        binomial = torch.tensor([0.25, 0.5, 0.25], device="cpu")
        self.register_buffer("soft", torch.outer(binomial, binomial).expand(3, 1, 3, 3).clone(), persistent=False)

    soft: Tensor

    def forward(self, content: Tensor, style: Style) -> Tensor:
        """Paint.

        Args:
            content: ``[N, 3, H, W]`` in [0, 1].
            style: of N styles, or of one for all.

        Returns:
            ``[N, 3, H, W]``, of which little is outside [0, 1].
        """
        matrix, offset = monge(colours(content), style.statistics[COLOUR])
        padded = _padded(content)
        both = quilted(recolour(padded, matrix, offset), style, places(cells(padded), matrix, offset, style))
        seen = self.look(both)
        deepest = self.deepest(seen[-1])
        code = self.code(style.statistics, self.summary(deepest))
        painting = self.paint(both, style.statistics[COLOUR][0], seen, self.plan(deepest, code), code)
        return painting[:, :, MARGIN : MARGIN + content.shape[2], MARGIN : MARGIN + content.shape[3]]

    def look(self, both: Tensor) -> list[Tensor]:
        """The features of ``both`` picture and quilt, as :func:`quilted` makes them, at a half, a quarter and an eighth of their size."""
        with self._convolving(both):
            x2 = self.see2(functional.pixel_unshuffle(both, 2).mul_(2).sub_(1))
            x4 = self.see4(functional.leaky_relu(x2, SLOPE))
            x8 = self.see8(functional.leaky_relu(x4, SLOPE))
            return [x2, x4, self.see8b(_rectified(x8))]

    def deepest(self, x8: Tensor) -> Tensor:
        """The features at a sixteenth, out of ``x8``, those at an eighth."""
        with self._convolving(x8):
            x16: Tensor = self.see16(functional.leaky_relu(x8, SLOPE))
        return x16

    def summary(self, deepest: Tensor) -> Tensor:
        """What the network takes from the content as a whole: mean and mean square of its ``deepest`` features, ``[N, 2C]``."""
        deepest = deepest.float()
        return torch.cat([deepest.mean((2, 3)), deepest.square().mean((2, 3))], 1)

    def code(self, style: Statistics, summary: Tensor) -> Tensor:
        """What modulates the painting, ``[N, K]``, out of the style's statistics and the content's ``summary``."""
        mean, second = (moment.to(summary) for moment in style[COLOUR])
        row, column = torch.triu_indices(3, 3)
        described = [mean * 2 - 1, covariance(mean, second)[:, row, column] * 10]
        row, column = torch.triu_indices(self.architecture.projections, self.architecture.projections)
        for layer, directions in self.projections.items():
            mean, second = style[layer]
            spread = covariance(mean, second)
            deviation = spread.diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()
            projected = (directions @ spread @ directions.T)[:, row, column]
            described += [(mean.clamp_min(0) + FLOOR).log(), (deviation + FLOOR).log(), projected.asinh()]
        hidden = functional.leaky_relu(self.describe(torch.cat(described, 1)), SLOPE)
        return functional.leaky_relu(self.encode(hidden) + self.situate((summary + FLOOR).abs().log()), SLOPE)

    def plan(self, deepest: Tensor, code: Tensor) -> Tensor:
        """What it makes of the ``deepest`` features as the ``code`` says: the painting at a sixteenth of its size."""
        with self._convolving(deepest):
            planned: Tensor = self.rise8(self.paint16(deepest, code))
        return planned

    def paint(self, both: Tensor, mean: Tensor, seen: Sequence[Tensor], plan: Tensor, code: Tensor) -> Tensor:
        """The painting.

        Args:
            both: the recoloured picture and its quilt, ``[N, 6, H, W]``, H and W multiples of :data:`STRIDE`.
            mean: the style's mean colour, ``[N, 3]``.
            seen: the features of both, from :meth:`look`.
            plan: from :meth:`plan`.
            code: ``[N, K]``, from :meth:`code`.

        Returns:
            ``[N, 3, H, W]``.
        """
        x2, x4, x8 = seen
        with self._convolving(both):
            x = self.paint8(_added(_twice(plan), x8), code)
            x = self.paint4(_added(_twice(self.rise4(x)), x4), code)
            x = self.paint2(_added(_twice(self.rise2(x)), x2), code)
            x = self.finish(_rectified(x), code) * self.gain
        change = functional.pad(functional.pixel_shuffle(x.float(), 2), (1, 1, 1, 1), "replicate")
        return _added(functional.conv2d(change, self.soft, groups=3), self._mixed(both, mean, code))

    def _mixed(self, both: Tensor, mean: Tensor, code: Tensor) -> Tensor:
        """Recoloured picture and quilt, each of their octaves in the strength that the ``code`` asks for."""
        shares = self.mix(code).view(-1, 3, 2, 1, 1, 1)
        fine, middling, coarse = (shares[:, octave] for octave in range(3))

        def shared(pictures: Tensor, shares: Tensor) -> Tensor:
            base, quilt = pictures.chunk(2, 1)
            return torch.addcmul(shares[:, 0] * base, shares[:, 1], quilt)

        half = functional.avg_pool2d(both, 2)
        eighth = functional.avg_pool2d(half, 4)
        # What is coarser than an octave is taken off it and added to the next; the mean is nobody's.
        coarsest = shared(eighth, coarse - middling) + (1 - coarse.sum(1)) * mean.to(both)[:, :, None, None]
        coarser = functional.interpolate(coarsest, scale_factor=4, mode="bilinear", align_corners=False)
        return _added(_twice(_added(coarser, shared(half, middling - fine))), shared(both, fine))

    def _convolving(self, x: Tensor) -> AbstractContextManager[None]:
        return nullcontext() if self.precision == torch.float32 else torch.autocast(x.device.type, self.precision)


def places(wanted: Tensor, matrix: Tensor, offset: Tensor, style: Style) -> list[Places]:
    """Which blocks of a style lie where on a content, of which ``wanted`` are the :func:`.quilt.cells`.

    ``matrix`` and ``offset`` recolour it.
    """
    recoloured = recolour(wanted, matrix, offset)
    return [placed(recoloured, swatches) for _, swatches in style.swatches]


def quilted(base: Tensor, style: Style, chosen: Iterable[Places]) -> Tensor:
    """A recoloured picture ``base`` ``[N, 3, H, W]`` and its quilt, in three more channels.

    The quilt is of a style's swatches, placed as ``chosen``, and of ``base`` itself where their shares lack to 1.
    """
    if [share for share, _ in style.swatches] == [1.0]:
        return torch.cat([base, sewn(style.swatches[0][1], *chosen)], 1)
    shares = [torch.as_tensor(share).to(base).reshape(-1, 1, 1, 1) for share, _ in style.swatches]
    parts = [share * sewn(swatches, where) for share, (_, swatches), where in zip(shares, style.swatches, chosen, strict=True)]
    return torch.cat([base, sum(parts, (1 - sum(shares)) * base)], 1)


def blend(parts: Sequence[tuple[float, Style]]) -> Style:
    """Several styles as one.

    Args:
        parts: styles with their shares, which add up to 1.
    """
    swatches = [(share * own, one) for share, style in parts for own, one in style.swatches]
    return Style(mixed([(share, style.statistics) for share, style in parts]), tuple(swatches))


def _padded(picture: Tensor) -> Tensor:
    """A picture with a margin all around, and sides that are multiples of the stride."""
    height, width = picture.shape[2:]
    return functional.pad(picture, (MARGIN, MARGIN + -width % STRIDE, MARGIN, MARGIN + -height % STRIDE), "replicate")


def _rectified(x: Tensor) -> Tensor:
    """A leaky rectifier, in place where no gradient needs what was there."""
    return functional.leaky_relu(x, SLOPE, inplace=not torch.is_grad_enabled())


def _added(x: Tensor, y: Tensor) -> Tensor:
    """The sum, likewise in the place of ``x``."""
    return x + y if torch.is_grad_enabled() else x.add_(y)


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
