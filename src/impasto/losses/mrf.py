"""The MRF loss: every small patch of the canvas looks like some patch of the style (Li & Wand 2016, section 3)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import product
from operator import add
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from impasto.encoders.tensors import products, resize
from impasto.losses.term import Encode, Features, Term, promote, with_gradient

_FORMULAS = {
    "relative": r"\frac{\sum_i |\Psi_i(F^l) - \Psi_{NN(i)}(F_s^l)|^2}{\frac{m_l}{m'_l} \sum_j |\Psi_j(F_s^l)|^2}",
    "sum": r"\sum_i |\Psi_i(F^l) - \Psi_{NN(i)}(F_s^l)|^2",
}

# How many pairs of positions are compared at once. It bounds the memory: a few such tables of numbers exist at a time.
_BLOCK = 2**23


@dataclass(frozen=True, kw_only=True)
class MRF(Term):
    """Squared distance of each patch of the canvas's features from the style's patch that is most like it.

    Li & Wand 2016, equations 2 to 4: ``Σ_i |Ψ_i - Ψ_NN(i)|²`` over all m patches Ψ of the canvas, with NN(i) the patch j
    of the style of largest normalised cross-correlation ``Ψ_i · Ψ_j / |Ψ_i| |Ψ_j|``. The gradient holds the match fixed.

    The style's patches come from turned and resized copies of its picture too, as far as they lie inside of them. A copy
    with none that does gives all it has. A map of features smaller than a patch is extended by repeating its border.

    Attributes:
        size: height and width of a patch, in positions of the layer.
        stride: positions from one patch to the next, on canvas and style; 2 is several times as fast as 1.
        rotations: the angles of the style's copies, in degrees counterclockwise.
        scales: the sizes of the style's copies, each in all rotations; 1 is the picture's own.
        scale: ``sum`` is the paper's; ``relative`` (ours) divides by what as many of the style's m' patches have in
            energy ``|Ψ_j|²`` on average, so that one weight holds for every layer, encoder and picture size. An empty
            canvas costs about 1.
    """

    size: int = 3
    stride: int = 1
    rotations: tuple[float, ...] = (0.0,)
    scales: tuple[float, ...] = (1.0,)
    scale: Literal["relative", "sum"] = "relative"
    name: ClassVar[str] = "mrf"
    role: ClassVar[str] = "style"
    source: ClassVar[Literal["content", "style"] | None] = "style"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        return _FORMULAS[self.scale]

    def target(self, picture: Tensor, encode: Encode) -> Features:
        """See :meth:`Term.target`: the features of the style's copies.

        Returns:
            For each layer the features at all P positions of all copies, row by row, ``{layer: [P, C]}``; height and
            width of each copy's map, ``{layer + " sizes": [copies, 2]}``; and the norms ``|Ψ_j|`` of all p patches,
            ``{layer + " norms": [p]}``, infinite for a patch that isn't wholly inside of its copy.
        """
        maps: dict[str, list[Tensor]] = {layer: [] for layer in self.layers}
        norms: dict[str, list[Tensor]] = {layer: [] for layer in self.layers}
        for factor, degrees in product(self.scales, self.rotations):
            height, width = (max(1, round(side * factor)) for side in picture.shape[2:])
            copy, inside = _turned(resize(picture, (width, height)), degrees)
            for layer, x in encode(copy, self.layers).items():
                maps[layer].append(self._extended(x))
                norms[layer].append(self._norms(x, inside))
        target = {}
        for layer in self.layers:
            copies = maps.pop(layer)  # so that no more than one layer's copies are in memory twice
            target[layer] = torch.cat([x[0].permute(1, 2, 0).flatten(0, 1) for x in copies])
            target[f"{layer} sizes"] = torch.tensor([x.shape[2:] for x in copies])
            target[f"{layer} norms"] = torch.cat([x.flatten() for x in norms[layer]])
        return target

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""

        def loss(layer: str) -> Tensor:
            x = self._extended(features[layer])[0].permute(1, 2, 0).contiguous()
            style, norms = target[layer], target[f"{layer} norms"]
            with torch.no_grad():
                first, width = self._matches(x, style, norms, target[f"{layer} sizes"].tolist())
                error, gradient = self._distance(x.to(promote(x)), style, first, width)
            error = with_gradient(x, error, gradient)
            if self.scale == "relative":
                return error / (first.numel() * norms[norms.isfinite()].square().mean())
            return error

        return self.over_layers(loss)

    def _extended(self, x: Tensor) -> Tensor:
        """Features ``[1, C, h, w]``, with room for at least one patch."""
        missing = [max(0, self.size - side) for side in x.shape[2:]]
        return functional.pad(x, (0, missing[1], 0, missing[0]), mode="replicate") if any(missing) else x

    def _patches(self, side: int) -> int:
        """How many patches fit along so many positions."""
        return (side - self.size) // self.stride + 1

    def _norms(self, x: Tensor, inside: Tensor) -> Tensor:
        """The norms ``[h', w']`` of a copy's patches, infinite where they reach out of ``inside``, ``[1, 1, H, W]``."""
        squares = self._extended(x.to(promote(x)).square().sum(dim=1, keepdim=True))
        norms = functional.avg_pool2d(squares, self.size, self.stride, divisor_override=1).sqrt().clamp_min(1e-6)
        # A position stands for the pixels under it, all of which have to be the picture's.
        covered = self._extended((functional.adaptive_avg_pool2d(inside, (x.shape[2], x.shape[3])) > 0.999).to(inside))
        whole = functional.avg_pool2d(covered, self.size, self.stride) > 0.999
        return norms.masked_fill(~whole, math.inf)[0, 0] if whole.any() else norms[0, 0]

    def _matches(self, x: Tensor, style: Tensor, norms: Tensor, sizes: list[list[int]]) -> tuple[Tensor, Tensor]:
        """NN(i) for the patches ``[h', w']`` of x ``[h, w, C]``: the row of ``style`` it begins in, and the width of its map."""
        rows, columns = (self._patches(side) for side in x.shape[:2])
        best = norms.new_full((rows, columns), -math.inf)
        first, widths = best.new_zeros(best.shape, dtype=torch.int64), best.new_zeros(best.shape, dtype=torch.int64)
        begin, passed = 0, 0
        for height, width in sizes:
            copy = style[begin : begin + height * width].view(height, width, -1)
            inner = self._patches(height), self._patches(width)
            norm = norms[passed : passed + math.prod(inner)].view(inner)
            # Adding this to a product keeps patches that don't count from being the best.
            offset = torch.where(norm.isinf(), -math.inf, 0.0)
            side = math.isqrt(_BLOCK // (x.shape[1] * width))
            for mine, his in product(self._blocks(rows, side), self._blocks(inner[0], side)):
                products = self._products(self._strip(x, mine), self._strip(copy, his))
                score, index = torch.addcmul(offset[his], products, 1 / norm[his]).flatten(2).max(dim=2)
                row, column = index // inner[1] + his.start, index % inner[1]
                better = score > best[mine]
                best[mine] = torch.where(better, score, best[mine])
                first[mine] = torch.where(better, begin + (row * width + column) * self.stride, first[mine])
                widths[mine].masked_fill_(better, width)
            begin, passed = begin + height * width, passed + norm.numel()
        return first, widths

    def _blocks(self, rows: int, side: int) -> Iterator[slice]:
        """Rows of patches, in parts that look at about ``side`` rows of positions each."""
        step = max(1, self._patches(side))
        return (slice(start, min(start + step, rows)) for start in range(0, rows, step))

    def _strip(self, x: Tensor, patches: slice) -> Tensor:
        """The rows of positions that some rows of patches are made of."""
        return x[patches.start * self.stride : (patches.stop - 1) * self.stride + self.size]

    def _products(self, x: Tensor, style: Tensor) -> Tensor:
        """``Ψ_i · Ψ_j`` for all pairs of patches of x ``[h, w, C]`` and style ``[H, W, C]``, ``[h', w', H', W']``.

        A pair shares most of its pairs of positions with the pair of patches next to both. So positions are multiplied
        once, and the products are then summed along both patches together.
        """
        shape = [self._patches(side) for side in (*x.shape[:2], *style.shape[:2])]

        def part(down: int, right: int) -> Tensor:
            """The share of every stride-th row and column of positions, from ``down`` and ``right``."""
            mine, his = x[down :: self.stride, right :: self.stride], style[down :: self.stride, right :: self.stride]
            pairs = products(mine.flatten(0, 1), his.flatten(0, 1)).to(promote(x)).view(*mine.shape[:2], *his.shape[:2])
            for along, first in ((1, right), (0, down)):
                steps = range(len(range(first, self.size, self.stride)))
                shifted = (pairs.narrow(along, at, shape[along]).narrow(along + 2, at, shape[along + 2]) for at in steps)
                pairs = reduce(add, shifted)
            return pairs

        return reduce(add, (part(*first) for first in product(range(min(self.stride, self.size)), repeat=2)))

    def _distance(self, x: Tensor, style: Tensor, first: Tensor, width: Tensor) -> tuple[Tensor, Tensor]:
        """``Σ_i |Ψ_i - Ψ_NN(i)|²`` and its gradient with respect to x, one position of the patches at a time."""
        error, gradient = x.new_zeros(()), torch.zeros_like(x)
        for down, right in product(range(self.size), repeat=2):
            at = tuple(
                slice(begin, begin + (count - 1) * self.stride + 1, self.stride)
                for begin, count in zip((down, right), first.shape, strict=True)
            )
            difference = x[at] - style[first + down * width + right]
            error += difference.square().sum()
            gradient[at] += difference.mul_(2)
        return error, gradient


def _turned(picture: Tensor, degrees: float) -> tuple[Tensor, Tensor]:
    """A picture turned counterclockwise, in a frame that holds all of it, and 1 where the frame is inside of it, else 0."""
    height, width = picture.shape[2:]
    if degrees % 360 == 0:
        return picture, picture.new_ones(1, 1, height, width)
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    frame = (round(height * abs(cosine) + width * abs(sine)), round(height * abs(sine) + width * abs(cosine)))
    down, right = torch.meshgrid(*(torch.arange(side, dtype=torch.float64) + 0.5 - side / 2 for side in frame), indexing="ij")
    grid = torch.stack([(right * cosine - down * sine) * 2 / width, (right * sine + down * cosine) * 2 / height], dim=2)
    inside = (grid.abs() <= 1).all(dim=2)[None, None].to(picture)
    # Outside the border is repeated: a hard edge there would show in the features inside.
    turned = functional.grid_sample(picture, grid[None].to(picture), mode="bicubic", padding_mode="border", align_corners=False)
    return turned.clamp(0, 1), inside
