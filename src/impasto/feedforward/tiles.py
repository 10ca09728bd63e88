"""Pictures of any size in bounded memory: looked at and painted tile by tile, and the same as if painted at once.

Two things make seams. A tile's edge is not an edge of the picture: so every tile is seen with a margin that is at least as
wide as the network's receptive field, and cut off again. And what a network takes from the picture as a whole must not be a
tile's own: it is found first, and then used for every one. (A network for a few styles finds it in a smaller picture, where that is
larger than a tile; so there it is the same whatever the tiles, but not as if painted at once.)
"""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import NamedTuple, TypeAlias

import numpy as np

from impasto.feedforward.names import LEAST, MARGIN, STRIDE, Floats

TILE = 1024
Callback: TypeAlias = Callable[[int, int], None] | None


class Span(NamedTuple):
    """A tile along one axis: its own, from `begin` to `end`, and what it sees, from `first` to `last`, in pixels of picture and margin."""

    begin: int
    end: int
    first: int
    last: int


Tile: TypeAlias = tuple[Span, Span]


def sides(picture: Floats) -> tuple[int, int]:
    """Height and width of a ``picture`` ``[H, W, 3]`` with its margin, which networks can halve."""
    height, width = (max(side + 2 * MARGIN, LEAST) for side in picture.shape[:2])
    return height + -height % STRIDE, width + -width % STRIDE


def tiles(whole: tuple[int, int], tile: int, reach: int) -> list[Tile]:
    """Tiles of about one size, no larger than it takes, over a picture ``whole`` high and wide with its margin.

    Args:
        whole: from :func:`sides`.
        tile: how many pixels a side they have about, without what they see beyond. A picture that fits into one is one.
        reach: how far they see beyond.
    """
    rows, columns = (list(_spans(side, tile, reach)) for side in whole)
    return list(product(rows, columns))


def _spans(side: int, tile: int, reach: int) -> Iterator[Span]:
    if side <= tile + 2 * MARGIN:
        yield Span(0, side, 0, side)
        return
    count = math.ceil(side / tile)
    for begin, end in pairwise(side * place // count // STRIDE * STRIDE for place in range(count + 1)):
        yield Span(begin, end, max(0, begin - reach), min(side, end + reach))


def cut(picture: Floats, tile: Tile, more: int = 0) -> Floats:
    """What a ``tile`` sees of a ``picture`` ``[H, W, 3]``, whose edges its margin repeats, and ``more`` pixels around: ``[1, 3, h, w]``."""
    down, along = (
        np.clip(np.arange(span.first - MARGIN - more, span.last - MARGIN + more), 0, side - 1)
        for span, side in zip(tile, picture.shape[:2], strict=True)
    )
    window = picture[down[0] : down[-1] + 1, along[0] : along[-1] + 1]
    return np.ascontiguousarray(window[(down - down[0])[:, None], along - along[0]].transpose(2, 0, 1)[None])


def put(painting: Floats, painted: Floats, tile: Tile) -> None:
    """Put what was ``painted`` of a ``tile``, ``[1, 3, h, w]``, into a ``painting`` ``[H, W, 3]``, without all margins."""
    places, parts = [], []
    for span, side in zip(tile, painting.shape[:2], strict=True):
        begin, end = (min(max(place - MARGIN, 0), side) for place in (span.begin, span.end))
        places.append(slice(begin, end))
        parts.append(slice(begin + MARGIN - span.first, end + MARGIN - span.first))
    painting[tuple(places)] = painted[0][:, parts[0], parts[1]].transpose(1, 2, 0)


def ticking(callback: Callback, total: int) -> Callable[[], None]:
    """What to call after each of ``total`` tiles, so that it tells the ``callback``."""
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if callback is not None:
            callback(done, total)

    return tick
