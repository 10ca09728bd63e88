"""Hypercolumns: what all layers together say of a place (Hariharan et al. 2015; Kolkin, Salavon & Shakhnarovich 2019, section 2)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from impasto.encoders.tensors import products
from impasto.losses.term import Features, Lots, promote

OFFSET = 10  # turns, after which the grid that places are drawn from moves
GRID = 128**2  # places that it has at most


@dataclass(frozen=True, kw_only=True)
class Hypercolumns(Lots):
    """A loss that sees pictures as clouds of hypercolumns, whose places are even over the picture or drawn by lot.

    Attributes:
        places: how many of the canvas's places it looks at, at most.
        colours: whether a place's colour is part of what is said of it.

    Lots are drawn as in Kolkin et al. 2019, section 2.5, out of a grid that itself moves; without them places are spread evenly.
    """

    places: int = 1024
    colours: bool = False
    apart: ClassVar[bool] = False

    def columns(self, picture: Tensor, features: Features, places: int) -> Tensor:
        """The hypercolumns ``[n, C]`` of a ``picture`` ``[1, 3, H, W]`` with these ``features`` at so many places, at most."""
        height, width = picture.shape[2:]
        grid = (_drawn(height, width, places, self.turn) if self.lots else _even(height, width, places)).to(picture.device)
        maps = [picture] * self.colours + [features[layer] for layer in self.layers]
        return torch.cat([_sampled(x.to(promote(x)), grid) for x in maps], 1)


def cosine(one: Tensor, other: Tensor) -> Tensor:
    """The cosine distances ``[n, m]`` of ``one`` ``[n, C]`` from the ``other`` ``[m, C]``."""
    return 1 - products(functional.normalize(one, dim=1), functional.normalize(other, dim=1))


def _sampled(x: Tensor, grid: Tensor) -> Tensor:
    """Bilinear samples ``[n, C]`` of ``x`` ``[1, C, h, w]``, the border repeated, at places of a ``grid`` ``[1, 1, n, 2]``."""
    return functional.grid_sample(x, grid.to(x), padding_mode="border", align_corners=False)[0, :, 0].mT


def _even(height: int, width: int, places: int) -> Tensor:
    """Places in [-1, 1] as ``grid_sample`` takes them, ``[1, 1, n, 2]``, spread evenly."""
    step = max(1.0, math.sqrt(height * width / places))
    rows, columns = (torch.linspace(-1, 1, 2 * max(1, int(side / step)) + 1, dtype=torch.float64)[1::2] for side in (height, width))
    return torch.stack(torch.meshgrid(columns, rows, indexing="xy"), 2).flatten(0, 1)[None, None]


def _drawn(height: int, width: int, places: int, turn: int) -> Tensor:
    """Places likewise, drawn by lot: pixels of a grid with a stride, which begins elsewhere every so many turns."""
    stride = max(1, math.ceil(math.sqrt(height * width / GRID)))
    begin = torch.randint(stride, (2,), generator=torch.Generator().manual_seed(turn // OFFSET))
    rows, columns = (
        (torch.arange(int(first) % side, side, stride, dtype=torch.float64) * 2 + 1) / side - 1
        for first, side in zip(begin, (height, width), strict=True)
    )
    every = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), 2).flatten(0, 1)
    return every[torch.randperm(len(every), generator=torch.Generator().manual_seed(turn))[:places]][None, None]
