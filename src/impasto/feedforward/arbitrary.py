"""A network that paints in any style in one pass.

The features of a content are carried onto the style's by the linear map that moves them least (:mod:`.carry`), at two depths
of the encoder; what a place has become then recalls the pieces of the style that are most like it (attention, as in Chen &
Schmidt 2016, *Fast Patch-based Style Transfer of Arbitrary Style*, made soft). A decoder paints from both, coarse to fine. Its
convolutions are modulated by the style's statistics as in MicroAST (Wang et al., AAAI 2023) and demodulated as in StyleGAN2
(Karras et al. 2020, section 2.2) in place of instance normalisation, which amplifies flat regions and prints droplets into
them; what flat regions are painted from is noise, as in StyleGAN.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from impasto.feedforward.carry import monge
from impasto.feedforward.names import CARRIED, COLOUR, GRAINS, MARGIN, SIGHT
from impasto.feedforward.statistics import Statistics, moments

SLOPE = 0.2  # of the rectifiers below 0
PLAIN = 0.1  # the share of a style's pieces' mean distance from their mean, nearer to which a place is like none of them more than others
FLOOR = 0.05  # added to means and deviations, which are 1 on average, before their logarithm is taken


@dataclass(frozen=True)
class Architecture:
    """The shape of the network, as data.

    Attributes:
        seen: channels of the encoder's layers that describe a style.
        projections: directions in which a layer's covariance is described.
        widths: channels at an eighth, a quarter, a half and all of the resolution.
        detail: numbers that tell what a piece of the style looks like from near.
        hidden, code: of the style's description on its way to the modulations.
    """

    seen: Mapping[str, int]
    projections: int = 12
    widths: tuple[int, int, int, int] = (112, 80, 40, 16)
    detail: int = 64
    hidden: int = 192
    code: int = 96


class Pieces(NamedTuple):
    """Pieces of a style: a feature of relu4_1 ``[N, T, C]`` each, and the four of relu3_1 ``[N, T, 4C']`` at its place."""

    deep: Tensor
    detail: Tensor


class Told(NamedTuple):
    """All that the network is told before it paints.

    Attributes:
        maps: by colour and layer the matrix ``[N, C, C]`` and offset ``[N, C]`` that carry the content's onto the style's.
        code: of the style, ``[N, K]``.
        centre: the style's mean feature at relu4_1, ``[N, C]``.
        pieces: of the style.
        bias: of each piece's likelihood, ``[N, T]``: the logarithm of its style's share.
    """

    maps: Mapping[str, tuple[Tensor, Tensor]]
    code: Tensor
    centre: Tensor
    pieces: Pieces
    bias: Tensor


class Modulated(nn.Module):
    """A convolution whose input channels are scaled, and output channels shifted, as a code says; the outcome has the
    deviation it would have with unit inputs (Karras et al. 2020, equations 1 and 3).
    """

    def __init__(self, into: int, out: int, code: int, size: int = 3, *, repeated: bool = False) -> None:
        """A convolution of ``size``; what lies beyond the edge is the edge ``repeated``, or zeros, which can show as a frame."""
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
            convolved: Tensor = functional.conv2d(x, weight, shift[0], padding=reach)
            return convolved
        y = functional.conv2d(x * scale[:, :, None, None].to(x.dtype), self.weight.to(x.dtype), padding=reach)
        answer: Tensor = y * norm[:, :, None, None].to(y.dtype) + shift[:, :, None, None].to(y.dtype)
        return answer


class Block(nn.Module):
    """Two modulated convolutions beside the identity."""

    def __init__(self, width: int, code: int, *, repeated: bool = False) -> None:
        super().__init__()
        self.first = Modulated(width, width, code, repeated=repeated)
        self.second = Modulated(width, width, code, repeated=repeated)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """``x`` ``[N, C, h, w]`` and ``code`` ``[N, K]`` to ``[N, C, h, w]``."""
        change: Tensor = self.second(_rectified(self.first(_rectified(x), code)), code)
        return x + change


class Arbitrary(nn.Module):
    """The network, without its encoder."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        eighth, quarter, half, full = architecture.widths
        code, detail = architecture.code, architecture.detail
        middle, deep = (architecture.seen[layer] for layer in CARRIED)
        self.projections = nn.ParameterDict(
            {layer: torch.randn(architecture.projections, n) / math.sqrt(n) for layer, n in architecture.seen.items()}
        )
        pairs = architecture.projections * (architecture.projections + 1) // 2
        described = 9 + 2 * sum(architecture.seen.values()) + pairs * len(architecture.seen)
        self.describe = nn.Linear(described, architecture.hidden)
        self.encode = nn.Linear(architecture.hidden, code)
        self.sharpness = nn.Parameter(torch.tensor(3.4))  # the logarithm of what likeness is multiplied by
        self.detail = nn.Linear(4 * middle, detail)
        self.enter8 = Modulated(2 * deep + detail + GRAINS, eighth, code, repeated=True)
        self.blocks8 = nn.ModuleList(Block(eighth, code, repeated=True) for _ in range(2))
        self.rise4 = Modulated(eighth, quarter, code)
        self.enter4 = Modulated(middle + GRAINS, quarter, code)
        self.blocks4 = nn.ModuleList(Block(quarter, code) for _ in range(2))
        self.rise2 = Modulated(quarter, half, code)
        self.enter2 = Modulated(12 + GRAINS, half, code)
        self.blocks2 = nn.ModuleList([Block(half, code)])
        self.rise1 = Modulated(half, full, code)
        self.finish = Modulated(full, 3, code)
        self.gain = nn.Parameter(torch.full((1, 3, 1, 1), 0.1))

    def code(self, style: Statistics) -> Tensor:
        """What modulates the painting, ``[N, K]``, out of the style's statistics."""
        mean, spread = style[COLOUR]
        row, column = torch.triu_indices(3, 3)
        described = [mean * 2 - 1, spread[:, row, column] * 10]
        row, column = torch.triu_indices(self.architecture.projections, self.architecture.projections)
        for layer, directions in self.projections.items():
            mean, spread = style[layer]
            deviation = spread.diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()
            projected = (directions @ spread @ directions.T)[:, row, column]
            described += [(mean.clamp_min(0) + FLOOR).log(), (deviation + FLOOR).log(), projected.asinh()]
        hidden = _rectified(self.describe(torch.cat(described, 1)))
        return _rectified(self.encode(hidden))

    def told(self, own: Statistics, style: Statistics, pieces: Pieces, bias: Tensor) -> Told:
        """What there is to tell it.

        Args:
            own: the content's colours and features at the layers of :data:`CARRIED`.
            style: the style's colours and features at the layers of :data:`SEEN`.
            pieces: of the style.
            bias: see :class:`Told`.
        """
        maps = {name: monge(own[name], style[name]) for name in (COLOUR, *CARRIED)}
        return Told(maps, self.code(style), style[CARRIED[-1]][0], pieces, bias)

    def forward(self, picture: Tensor, features: Mapping[str, Tensor], told: Told, noise: Sequence[Tensor]) -> Tensor:
        """Paint.

        Args:
            picture: ``[N, 3, H, W]`` in [0, 1], with sides that :data:`.names.STRIDE` divides.
            features: of it, at the layers of :data:`CARRIED`.
            told: see there.
            noise: ``[N, GRAINS, H/n, W/n]`` with n = 2, 4 and 8, standard normal.

        Returns:
            ``[N, 3, H, W]``, of which little is outside [0, 1].
        """
        code = told.code
        own, middle, deep = (carried(x, told.maps[name]) for name, x in {COLOUR: picture, **features}.items())
        x = self.enter8(torch.cat([deep, self.recall(deep, told), _smooth(noise[2])], 1), code)
        for block in self.blocks8:
            x = block(x, code)
        x = self.rise4(_twice(_rectified(x)), code) + self.enter4(torch.cat([middle, _smooth(noise[1])], 1), code)
        for block in self.blocks4:
            x = block(x, code)
        x = self.rise2(_twice(_rectified(x)), code) + self.enter2(
            torch.cat([functional.pixel_unshuffle(own * 2 - 1, 2), noise[0]], 1), code
        )
        for block in self.blocks2:
            x = block(x, code)
        x = self.rise1(_twice(_rectified(x)), code)
        painted: Tensor = self.finish(_rectified(x), code)
        return 0.5 + self.gain * painted.float()

    def recall(self, deep: Tensor, told: Told) -> Tensor:
        """Of the pieces ``told`` those that are most like the carried features ``deep`` ``[N, C, h, w]``, as ``[N, C + D, h, w]``."""
        count, _, height, width = deep.shape
        centre = told.centre[:, None]
        keys, lengths = _directions(told.pieces.deep - centre)
        asked, _ = _directions(deep.float().flatten(2).mT - centre, PLAIN * lengths.mean(1, keepdim=True))
        likeness = (self.sharpness.exp() * (asked @ keys.mT) + told.bias[:, None]).softmax(2)
        values = torch.cat([told.pieces.deep, self.detail(told.pieces.detail)], 2)
        return (likeness @ values).mT.reshape(count, -1, height, width).to(deep.dtype)


def look(picture: Tensor, features: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Statistics]:
    """What there is to know of a ``picture`` ``[N, 3, H, W]`` with its margin and what is seen beyond it, and of its ``features`` at the
    layers of :data:`SEEN`.

    Returns:
        Its features at the layers of :data:`CARRIED`, with their margin, and its statistics without.
    """
    known = {COLOUR: moments(inside(picture, SIGHT + MARGIN))}
    known |= {layer: moments(within(x, layer, SIGHT + MARGIN)) for layer, x in features.items()}
    return {layer: within(features[layer], layer, SIGHT) for layer in CARRIED}, known


def inside(x: Tensor, margin: int) -> Tensor:
    """``x`` ``[N, C, h, w]`` without a margin on all sides."""
    return x[:, :, margin:-margin, margin:-margin]


def within(features: Tensor, layer: str, margin: int) -> Tensor:
    """The ``features`` of a ``layer`` without a margin of so many pixels."""
    return inside(features, margin >> int(layer[4]) - 1)  # each block of layers is half as large


def carried(x: Tensor, by: tuple[Tensor, Tensor]) -> Tensor:
    """``x`` ``[N, C, h, w]`` moved ``by`` a matrix ``[N, C, C]`` and an offset ``[N, C]``."""
    matrix, offset = (part.to(x.dtype) for part in by)
    return (matrix @ x.flatten(2) + offset[:, :, None]).reshape(x.shape)


def _directions(x: Tensor, least: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Vectors ``[N, n, C]`` over their lengths ``[N, n, 1]``, or over the ``least`` that these are taken to be; and the lengths."""
    lengths = (x.square().sum(2, keepdim=True) + 1e-12).sqrt()
    return x / (lengths if least is None else torch.maximum(lengths, least)), lengths


def _rectified(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, SLOPE)


def _smooth(noise: Tensor) -> Tensor:
    """White ``noise`` without what is finer than its lattice can show, which paintings would have for a mesh, but as strong."""
    for _ in range(2):
        noise = functional.avg_pool2d(noise, 3, 1, 1)
    return noise * (81 / 19)  # 1 over the root of the sum of squares of what each value is the mean of, along both sides


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
