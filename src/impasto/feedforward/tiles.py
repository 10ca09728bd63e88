"""Pictures of any size in bounded memory: painted tile by tile, and the same as if painted at once.

Two things make seams. A tile's edge is not an edge of the picture: so every tile is seen with a margin that is at least as
wide as the network's receptive field, and cut off again. Where the tile's edge is one of the picture too, there is no
margin, and the network pads as it always does. And what a network takes from the picture as a whole, such as the statistics
of its normalisations, must not be a tile's own: it is found first, in sweeps over all tiles, and then used for every one.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, product
from typing import NamedTuple, TypeAlias, cast

import torch
from torch import Tensor

from impasto.feedforward import arbitrary, fast
from impasto.feedforward.arbitrary import MARGIN, Arbitrary, Style, places, quilted
from impasto.feedforward.fast import Fast, Moments, Residual, Stage
from impasto.feedforward.quilt import HOP, cells
from impasto.feedforward.recolour import monge, recolour
from impasto.feedforward.statistics import COLOUR

TILE = 1024
# Margins in pixels, multiples of the networks' strides. The deepest features of the network for any style depend on at most
# 24 pixels more than their own, up and to the left, where its strides reach furthest, and what it paints on 56, or on three
# positions of its plan.
SEEN, PAINTED = 32, 64
# A fast network's head depends on 7 pixels, its tail on 5 at most, a residual block on two positions at a quarter.
SWEPT = 8

Callback: TypeAlias = Callable[[int, int], None] | None


class Span(NamedTuple):
    """A tile along one axis, in pixels of the padded picture: its own, from `begin` to `end`, and what it sees, from `first` to `last`."""

    begin: int
    end: int
    first: int
    last: int


def paint(
    network: Arbitrary | Fast,
    content: Tensor,
    told: Style | Tensor | None = None,
    *,
    tile: int = TILE,
    callback: Callback = None,
) -> Tensor:
    """Paint a picture of any size.

    Besides the content and the painting it needs memory for a tile or two, and with a :class:`Fast` network also for its
    features at a quarter of the resolution: as many floats as a quarter of the pixels, times the network's width.

    Args:
        network: on any device; the tiles travel there.
        content: ``[1, 3, H, W]`` in [0, 1], on any device.
        told: for :class:`Arbitrary` the style, on the network's device; for :class:`Fast` the shares ``[1, S]`` of its styles,
            or None for the first style alone.
        tile: about how many pixels a side a tile has, without its margin. A picture that fits into one is painted at once.
        callback: called after every tile with the number of tiles done and of all there are, in all sweeps.

    Returns:
        ``[1, 3, H, W]``, where the content is: what ``network(content, told)`` gives, up to rounding.
    """
    device = next(network.parameters()).device
    with torch.no_grad():
        if isinstance(network, Arbitrary):
            style = cast(Style, told)
            if max(content.shape[2:]) > tile:
                return _any_style(network, content, style, tile, callback)
            painted = network(content.to(device), style)
        else:
            shares = (torch.eye(1, len(network.architecture.styles)) if told is None else cast(Tensor, told)).to(device)
            if max(content.shape[2:]) > tile:
                return _Sweeps(network, content, shares, tile, callback).paint()
            painted = network(content.to(device), shares)
        _ticks(callback, 1)()
        return cast(Tensor, painted).to(content.device)


def _any_style(network: Arbitrary, content: Tensor, style: Style, tile: int, callback: Callback) -> Tensor:
    """Two sweeps: one to find what the network takes from the whole picture and plans for it at a sixteenth, one to paint."""
    stride, device = arbitrary.STRIDE, next(network.parameters()).device
    sides, tile = [side + 2 * MARGIN for side in content.shape[2:]], tile + 2 * MARGIN
    seen, painted = ([_spans(side, tile, stride, margin) for side in sides] for margin in (SEEN, PAINTED))
    tick = _ticks(callback, 2 * math.prod(map(len, seen)))
    matrix, offset = monge(_colours(content, tile * tile), style.statistics[COLOUR])
    inner = [[Span(span.begin, span.end, span.begin, span.end) for span in spans] for spans in seen]
    wanted = [[cells(_cut(content, rows, columns, MARGIN).to(device)) for columns in inner[1]] for rows in inner[0]]
    chosen = places(torch.cat([torch.cat(row, 3) for row in wanted], 2), matrix, offset, style)

    def prepared(rows: Span, columns: Span) -> Tensor:
        """What a tile sees: a recoloured picture and its quilt."""
        base = recolour(_cut(content, rows, columns, MARGIN).to(device), matrix, offset)
        window = [slice(span.first // HOP, span.last // HOP + 1) for span in (rows, columns)]
        return quilted(base, style, [one.window(*window) for one in chosen])

    bands = []
    for rows in seen[0]:
        band = []
        for columns in seen[1]:
            band.append(_own(network.deepest(network.look(prepared(rows, columns))[-1]), rows, columns))
            tick()
        bands.append(torch.cat(band, 3))
    deepest = torch.cat(bands, 2)
    code = network.code(style.statistics, network.summary(deepest))
    plan = network.plan(deepest, code)

    painting = torch.empty_like(content)
    for rows, columns in product(*painted):
        both = prepared(rows, columns)
        down, along = (slice(span.first // stride, span.last // stride) for span in (rows, columns))
        whole = network.paint(both, style.statistics[COLOUR][0], network.look(both), plan[:, :, down, along], code)
        _put(painting, _own(whole, rows, columns), rows, columns, MARGIN)
        tick()
    return painting


class _Sweeps:
    """The sweeps of a fast network over a picture.

    Each finds the statistics of one normalisation, or makes something of them. Features are kept at a quarter of the
    resolution only, in bands as high as a tile; what lies between those and the picture is computed anew in every sweep.
    """

    def __init__(self, network: Fast, content: Tensor, shares: Tensor, tile: int, callback: Callback) -> None:
        self.network, self.content, self.shares = network, content, shares
        # No lower than a margin, which then reaches into the next band and no further.
        self.rows, self.columns = (_spans(side, max(tile, SWEPT), fast.STRIDE, SWEPT) for side in content.shape[2:])
        sweeps = len(network.head) + 3 * len(network.blocks) + len(network.tail) + 1
        self.tick = _ticks(callback, sweeps * len(self.rows) * len(self.columns))
        self.found: dict[Stage, Moments] = {}
        self.bands: list[Tensor] = []

    def paint(self) -> Tensor:
        """The painting."""
        head, tail = (cast(list[Stage], list(part)) for part in (self.network.head, self.network.tail))
        for depth, stage in enumerate(head[:-1]):
            _exhaust(self.measured(self.cut, head[:depth], stage))
        self.bands = list(self.banded(self.measured(self.cut, head[:-1], head[-1])))
        for row, band in enumerate(self.bands):
            self.bands[row] = self.complete(head[-1], band.to(self.shares.device)).to(band.device)
        for block in cast(list[Residual], list(self.network.blocks)):
            _exhaust(self.measured(self.recall, [], block.first))
            _exhaust(self.measured(self.recall, [block.first], block.second))
            self.replace(self.banded(self.sweep(self.recall, partial(self.beside, block))))
        for depth, stage in enumerate(tail):
            _exhaust(self.measured(self.recall, tail[:depth], stage))
        painted = self.sweep(self.recall, lambda x: self.network.finish(self.through(x, tail)))
        painting = torch.empty_like(self.content)
        for row, rows in enumerate(self.rows):
            for columns in self.columns:
                _put(painting, next(painted), rows, columns)
            if row:  # what isn't needed any more makes room for the painting
                self.bands[row - 1] = torch.empty(0)
        return painting

    def cut(self, row: int, column: int) -> Tensor:
        """The content that a tile sees."""
        return _cut(self.content, self.rows[row], self.columns[column])

    def recall(self, row: int, column: int) -> Tensor:
        """The features that a tile sees, out of its band and the edges of those above and below."""
        margin, columns = SWEPT // fast.STRIDE, self.columns[column]
        above, below = self.bands[max(0, row - 1) : row], self.bands[row + 1 : row + 2]
        bands = [*(band[:, :, -margin:] for band in above), self.bands[row], *(band[:, :, :margin] for band in below)]
        return torch.cat([band[:, :, :, columns.first // fast.STRIDE : columns.last // fast.STRIDE] for band in bands], 2)

    def sweep(self, read: Callable[[int, int], Tensor], work: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
        """Do some work on every tile, row by row, and cut the margin off."""
        for (row, rows), (column, columns) in product(enumerate(self.rows), enumerate(self.columns)):
            tile = _own(work(read(row, column).to(self.shares.device)), rows, columns)
            self.tick()
            yield tile

    def measured(self, read: Callable[[int, int], Tensor], before: Sequence[Stage], stage: Stage) -> Iterator[Tensor]:
        """Sweep up to a stage's convolution and, when all its tiles are through, know their statistics."""
        parts = []
        for tile in self.sweep(read, lambda x: stage.convolve(self.through(x, before))):
            parts.append((tile[0, 0].numel(), fast.moments(tile)))
            yield tile
        self.found[stage] = _combined(parts)

    def complete(self, stage: Stage, x: Tensor) -> Tensor:
        """The rest of a stage, by the whole picture's statistics."""
        return stage.complete(x, self.shares, self.found[stage])

    def through(self, x: Tensor, stages: Sequence[Stage]) -> Tensor:
        """Stages whose statistics are known."""
        for stage in stages:
            x = self.complete(stage, stage.convolve(x))
        return x

    def beside(self, block: Residual, x: Tensor) -> Tensor:
        """A residual block whose statistics are known, added to what goes into it."""
        return x + self.through(x, [block.first, block.second])

    def banded(self, tiles: Iterator[Tensor]) -> Iterator[Tensor]:
        """Tiles put together to bands, where the content is."""
        for _ in self.rows:
            yield torch.cat([next(tiles).to(self.content.device) for _ in self.columns], 3)
        _exhaust(tiles)

    def replace(self, bands: Iterator[Tensor]) -> None:
        """Put new bands in place of those they are made of: one behind, since the next is made of the old one too."""
        before = next(bands)
        for row, band in enumerate(bands):
            self.bands[row], before = before, band
        self.bands[-1] = before


def _spans(side: int, tile: int, stride: int, margin: int) -> list[Span]:
    """Tiles of about one size, no larger than it takes, along a side of a picture that is padded to a multiple of the stride."""
    padded = side + -side % stride
    step = math.ceil(padded / math.ceil(padded / tile) / stride) * stride
    found = ((begin, min(begin + step, padded)) for begin in range(0, padded, step))
    return [Span(begin, end, max(0, begin - margin), min(padded, end + margin)) for begin, end in found]


def _cut(content: Tensor, rows: Span, columns: Span, margin: int = 0) -> Tensor:
    """What a tile sees of the content, which is padded, and has a margin at its upper left."""
    places = (torch.arange(span.first - margin, span.last - margin, device=content.device) for span in (rows, columns))
    down, along = (place.clamp(0, side - 1) for place, side in zip(places, content.shape[2:], strict=True))
    window = content[:, :, down[0] : down[-1] + 1, along[0] : along[-1] + 1]
    return window[:, :, down - down[0]][:, :, :, along - along[0]]


def _own(x: Tensor, rows: Span, columns: Span) -> Tensor:
    """Features of what a tile sees, at any scale, without the margin."""
    scale = (rows.last - rows.first) // x.shape[2]
    own = ((slice((span.begin - span.first) // scale, (span.end - span.first) // scale)) for span in (rows, columns))
    return x[:, :, *own]


def _put(painting: Tensor, tile: Tensor, rows: Span, columns: Span, margin: int = 0) -> None:
    """Put a tile without its margin where it belongs, without the picture's padding."""
    down, along = (slice(max(0, span.begin - margin), max(0, span.end - margin)) for span in (rows, columns))
    place = painting[:, :, down, along]
    first, left = (max(0, margin - span.begin) for span in (rows, columns))
    place.copy_(tile[:, :, first : first + place.shape[2], left : left + place.shape[3]])


def _colours(content: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
    """Mean and second moment as :func:`.statistics.colours` finds them, a few rows at a time."""
    mean, second = torch.zeros(3, dtype=torch.float64), torch.zeros(3, 3, dtype=torch.float64)
    for rows in torch.split(content, max(1, pixels // content.shape[3]), 2):
        colours = rows[0].flatten(1).to("cpu", torch.float64)
        mean, second = mean + colours.sum(1), second + colours @ colours.T
    positions = content.shape[2] * content.shape[3]
    return (mean / positions)[None], (second / positions)[None]


def _combined(parts: Sequence[tuple[int, Moments]]) -> Moments:
    """Mean and variance of positions taken together, of which parts are known with their numbers of positions.

    Chan, Golub & LeVeque 1983, *Algorithms for computing the sample variance*, equation 2.1, over all parts at once.
    """
    device, precision = parts[0][1][0].device, parts[0][1][0].dtype
    counts = torch.tensor([positions for positions, _ in parts], dtype=torch.float64)[:, None, None]
    means, variances = (torch.stack([moments[i] for _, moments in parts]).to("cpu", torch.float64) for i in (0, 1))
    mean = (counts * means).sum(0) / counts.sum()
    variance = (counts * (variances + (means - mean).square())).sum(0) / counts.sum()
    return mean.to(device, precision), variance.to(device, precision)


def _ticks(callback: Callback, total: int) -> Callable[[], None]:
    """What to call after each of so many tiles."""
    done = count(1)

    def tick() -> None:
        if callback is not None:
            callback(next(done), total)

    return tick


def _exhaust(tiles: Iterator[Tensor]) -> None:
    deque(tiles, maxlen=0)
