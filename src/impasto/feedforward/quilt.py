"""A first painting without a network: the content put together out of blocks of the style picture.

As in image quilting (Efros & Freeman 2001, section 3, *texture transfer*), each place of the content takes the block of the
style that looks most like it from afar. Blocks overlap by half and are blended so that what is fine keeps its strength, where
averages would grey it (Heitz & Neyret 2018, *High-Performance By-Example Noise using a Histogram-Preserving Blending
Operator*, equation 3). Blocks are compared in whole numbers: so the choice is the same wherever, in whatever order and in
whatever parts it is made.
"""

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from impasto.losses.moments import double

HOP = 16  # pixels from block to block; each is twice as wide and high
CELL = 8  # pixels a side of what is averaged for a comparison
CELLS = 2 * HOP // CELL  # a block's, a side
LEVELS = 64  # of a cell's colours
KEYS = 48  # a side, of a style's blocks that are compared
# Each comparison is off by the product of two random vectors, or else flat regions would repeat one block: by a tenth of the
# range of colours, and of so many numbers of so large a size.
WHIMS, WHIM = 15, 30
CHUNK = 2048  # places at a time
PRIME = 2**31 - 1
SCATTER = 73856093, 19349663, 668265263  # large primes


class Swatches(NamedTuple):
    """A style picture cut into blocks of 4 x 4 cells, K of which can be chosen.

    Attributes:
        cells: all cells, row by row, ``[N, cells, 3, 8, 8]``.
        columns: the number of cells in a row.
        keys: what is compared, ``[N, 64, K]``.
        corners: the number of each block's first cell, ``[K]``.
        means: each block's mean colour, ``[N, K, 3]``.
    """

    cells: Tensor
    columns: int
    keys: Tensor
    corners: Tensor
    means: Tensor


class Places(NamedTuple):
    """Which blocks of a style lie where, on a lattice of R + 1 rows and C + 1 columns for R x C hops.

    Attributes:
        corners: the number of a block's first cell, of all in the style, row by row, ``[N, R + 1, C + 1]``.
        means: its mean colour, ``[N, R + 1, C + 1, 3]``.
    """

    corners: Tensor
    means: Tensor

    def window(self, rows: slice, columns: slice) -> "Places":
        """Those in some rows and columns of the lattice."""
        return Places(self.corners[:, rows, columns], self.means[:, rows, columns])


def cells(picture: Tensor) -> Tensor:
    """Mean colours ``[N, 3, H / 8, W / 8]``, in float64, of a ``picture`` ``[N, 3, H, W]`` whose sides are multiples of 8."""
    count, channels, height, width = picture.shape
    return double(picture).reshape(count, channels, height // CELL, CELL, width // CELL, CELL).mean((3, 5))


def cut(style: Tensor) -> Swatches:
    """Cut a ``style`` ``[N, 3, H, W]`` in [0, 1], H and W at least 32, into swatches."""
    count, _, *sides = style.shape
    down, along = (side // CELL for side in sides)
    whole = style[:, :, : down * CELL, : along * CELL]
    parts = whole.reshape(count, 3, down, CELL, along, CELL).permute(0, 2, 4, 1, 3, 5).reshape(count, down * along, 3, CELL, CELL)
    seen = cells(whole)
    key = torch.arange(KEYS, device=style.device)
    rows, columns = (key * (side - CELLS + 1) // KEYS for side in (down, along))
    coded = _blocks(_whole(seen), rows, columns)
    # |key - query|² less |query|², which is the same for all keys, plus a whim: all in one product.
    whims = _random(torch.arange(KEYS**2, device=style.device)).expand(count, -1, -1)
    coded = torch.cat([-2 * coded, coded.square().sum(2, keepdim=True), whims], 2)
    means = functional.avg_pool2d(seen.float(), CELLS, 1)[:, :, rows][:, :, :, columns].flatten(2).mT
    return Swatches(parts, along, coded.mT, (rows[:, None] * along + columns).flatten(), means.to(style))


def placed(wanted: Tensor, swatches: Swatches) -> Places:
    """Choose a block for every place.

    Args:
        wanted: :func:`cells` of a recoloured content, ``[N, 3, 2R, 2C]``.
        swatches: of the style.
    """
    hop = HOP // CELL
    count, _, *sides = wanted.shape
    lattice = [side // hop + 1 for side in sides]
    rows, columns = (torch.arange(side, device=wanted.device) for side in lattice)
    known = functional.pad(_whole(wanted), (hop,) * 4, "replicate")

    def chosen(rows: Tensor) -> Tensor:
        asked = _blocks(known, hop * rows, hop * columns)
        whims = _random((rows[:, None] * SCATTER[0] + columns * SCATTER[1]).flatten() + PRIME // 3).expand(count, -1, -1)
        return (torch.cat([asked, torch.ones_like(asked[:, :, :1]), whims], 2) @ swatches.keys).argmin(2)

    parts = [rows] if torch.compiler.is_exporting() else torch.split(rows, max(1, CHUNK // len(columns)))
    best = torch.cat([chosen(part) for part in parts], 1)
    means = swatches.means.gather(1, best[:, :, None].expand(-1, -1, 3))
    return Places(swatches.corners[best].reshape(count, *lattice), means.reshape(count, *lattice, 3))


def sewn(swatches: Swatches, places: Places) -> Tensor:
    """The quilt ``[N, 3, 16 R, 16 C]`` of a style's ``swatches`` in their ``places``."""
    all_cells, all_columns = swatches.cells, swatches.columns
    count, rows, columns = (side - extra for side, extra in zip(places.corners.shape, (0, 1, 1), strict=True))
    first = torch.arange(count, device=all_cells.device)[:, None, None] * all_cells.shape[1]
    within = torch.arange(HOP, device=all_cells.device)
    rise = ((within + 0.5) / (2 * HOP) * torch.pi).sin().square().to(all_cells)
    # Along each axis a pixel is in two blocks: in the second half of one, and in the first half of the next.
    weights = [half.view(HOP // CELL, CELL) for half in (rise.flip(0), rise)]
    kept = [half / (weights[0].square() + weights[1].square()).sqrt() for half in weights]
    cell = torch.arange(HOP // CELL, device=all_cells.device)
    quilt = torch.zeros(count, rows, len(cell), columns, len(cell), 3, CELL, CELL, device=all_cells.device, dtype=all_cells.dtype)
    for y, x in product(range(2), range(2)):
        block = places.window(slice(y, y + rows), slice(x, x + columns))
        inside = (cell + (1 - y) * len(cell))[:, None, None] * all_columns + cell + (1 - x) * len(cell)
        index = (block.corners + first)[:, :, None, :, None] + inside
        chosen = all_cells.flatten(0, 1).index_select(0, index.flatten())
        fine = kept[y][:, None, None, None, :, None] * kept[x][:, None, None, :]
        mean = weights[y][:, None, None, None, :, None] * weights[x][:, None, None, :] - fine
        quilt.addcmul_(chosen.view_as(quilt), fine)
        quilt.addcmul_(block.means[:, :, None, :, None, :, None, None], mean)
    return quilt.permute(0, 5, 1, 2, 6, 3, 4, 7).reshape(count, 3, rows * HOP, columns * HOP)


def framed(style: Tensor) -> Tensor:
    """A ``style`` ``[N, 3, H, W]`` that is no smaller than a block, which its edges fill."""
    height, width = style.shape[2:]
    return functional.pad(style, (0, max(0, 2 * HOP - width), 0, max(0, 2 * HOP - height)), "replicate")


def _whole(seen: Tensor) -> Tensor:
    """Colours as whole numbers of :data:`LEVELS`."""
    return (LEVELS * seen).round().float()


def _blocks(seen: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The blocks of cells, ``[N, len(rows) len(columns), 48]``, that begin in some ``rows`` and ``columns``."""
    views = [seen[:, :, rows + y][:, :, :, columns + x] for y, x in product(range(CELLS), range(CELLS))]
    return torch.stack(views, 4).permute(0, 2, 3, 1, 4).flatten(3).flatten(1, 2)


def _random(numbers: Tensor) -> Tensor:
    """For each of some whole ``numbers`` ``[n]`` many that look random, ``[n, WHIMS]``."""
    numbers = numbers[:, None] * WHIMS + torch.arange(WHIMS, device=numbers.device)
    for turn in (1, 2, 3):
        numbers = numbers % PRIME
        numbers = numbers * numbers + turn * SCATTER[2]
    return (numbers % PRIME % (2 * WHIM + 1) - WHIM).float()
