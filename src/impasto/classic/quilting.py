"""Image quilting for texture synthesis and transfer (Efros & Freeman 2001).

Square blocks of a source are laid side by side from the upper left, each chosen to agree with what it overlaps, and cut along
the path on which the two differ least.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numba import prange
from numpy.typing import NDArray

from impasto.classic.colours import LUMA
from impasto.classic.compiled import njit
from impasto.classic.extent import extent
from impasto.classic.progress import Callback, Look
from impasto.errors import OptionError, PictureError

Floats = NDArray[np.float32]
TOLERANCE = 0.1  # of the smallest error, within which a block is as good as the best (Efros & Freeman 2001, section 2.1)
SMALLEST = 4  # pixels a side of a block
CANDIDATES = 12_000  # blocks of a source that are compared, at most about; a larger source is looked at every few pixels
BLOCK = 0.2  # a block's side, of the source's shortest
TOUCH = 0.05  # the side of transfer's first blocks, of the picture's `extent`
ALPHA = 0.1, 0.4  # of transfer's first iteration and its last; with the paper's 0.9 a face is hard to make out
EMPHASIS = 3.0  # how much luminance counts beside red, green and blue, so that all of them count as much as it does


@dataclass(frozen=True)
class Target:
    """What a texture is to look like (Efros & Freeman 2001, section 3).

    Attributes:
        wanted: the correspondence map of the picture to paint, ``[H, W]``, such as its luminance.
        offered: that of the source.
        share: how much their agreement counts, 1 - α, beside that with the blocks already laid.
        previous: what the iteration before has painted, ``[H, W, 3]``, which counts like an overlap; or None.
    """

    wanted: Floats
    offered: Floats
    share: float
    previous: Floats | None = None


def quilt(
    source: Floats,
    size: tuple[int, int],
    *,
    seed: int,
    block: int | None = None,
    callback: Callback | None = None,
) -> Floats:
    """More of a texture.

    Args:
        source: ``[h, w, 3]`` in [0, 1].
        size: of the result, height and width.
        seed: picks one of the blocks that fit about equally well.
        block: pixels a side of the blocks, at least 4, which overlap by a sixth of that; None for a fifth of the source's shortest side.
        callback: called after every row of blocks with the number of those done, of all, and a function that gives the canvas.

    Returns:
        ``[H, W, 3]``.

    Raises:
        PictureError: a source smaller than a block.
        OptionError: a block smaller than 4 pixels.
    """
    side = _side(source, block, BLOCK * min(source.shape[:2]))
    return _quilted(_at_least(source, side), size, side, np.random.default_rng(seed), None, callback)


def transferred(
    source: Floats,
    picture: Floats,
    *,
    seed: int,
    block: int | None = None,
    iterations: int = 4,
    callback: Callback | None = None,
) -> Floats:
    """A picture in a source's texture (Efros & Freeman 2001, section 3): quilted several times, each time with blocks a third smaller.

    What is compared is luminance, after that of the picture has been given the source's histogram. The agreement of blocks weighs α,
    which rises evenly from ``ALPHA``'s first to its second, and that of luminance 1 - α.

    Args:
        source: ``[h, w, 3]`` in [0, 1].
        picture: ``[H, W, 3]`` in [0, 1].
        seed: picks one of the blocks that fit about equally well.
        block: pixels a side of the first iteration's blocks, at least 4, which overlap by a third of that; None for what suits the
            picture's size.
        iterations: at least 1.
        callback: called after every row of blocks with the number of those done, of all iterations, of all, and a function that
            gives the canvas.

    Returns:
        ``[H, W, 3]``.

    Raises:
        PictureError: a source smaller than a block.
        OptionError: a block smaller than 4 pixels, or no iterations.
    """
    if iterations < 1:
        raise OptionError(f"{iterations} iterations paint nothing; give at least 1")
    block = _side(source, block, TOUCH * extent(picture.shape))
    source = _at_least(source, block)
    offered = source @ LUMA
    wanted = matched(picture @ LUMA, offered)
    sides = [max(SMALLEST, round(block * (2 / 3) ** iteration)) for iteration in range(iterations)]
    rows = [_blocks(picture.shape[0], side, _overlap(side, True)) for side in sides]
    generator = np.random.default_rng(seed)
    result: Floats | None = None
    for iteration, side in enumerate(sides):
        share = 1 - ALPHA[0] - (ALPHA[1] - ALPHA[0]) * iteration / max(1, iterations - 1)
        tell = None if callback is None else partial(_tell, callback, sum(rows[:iteration]), sum(rows))
        target = Target(wanted, offered, share, result)
        result = _quilted(source, (picture.shape[0], picture.shape[1]), side, generator, target, tell)
    assert result is not None
    return result


def matched(values: Floats, others: Floats) -> Floats:
    """``values`` brought to the histogram of ``others``, both of any shape; what is equal stays equal, and what is less stays less."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / values.size
    wanted = np.interp(ranks, (np.arange(others.size) + 0.5) / others.size, np.sort(others, None))
    return np.asarray(wanted[places].reshape(values.shape), np.float32)


def _side(source: Floats, block: int | None, wanted: float) -> int:
    """The side of the blocks: as asked for, or as wanted and possible."""
    least: int = min(source.shape[:2])
    if block is None:
        return max(SMALLEST, min(round(wanted), least))
    if block < SMALLEST:
        raise OptionError(f"blocks of {block} pixels are too small; give at least {SMALLEST}")
    if least < block:
        raise PictureError(f"a style of {source.shape[1]} x {source.shape[0]} pixels is too small; give one of at least {block} x {block}")
    return block


def _tell(callback: Callback, before: int, total: int, row: int, _: int, look: Look) -> None:
    callback(before + row, total, look)


def _quilted(
    source: Floats,
    size: tuple[int, int],
    block: int,
    generator: np.random.Generator,
    target: Target | None,
    callback: Callback | None,
) -> Floats:
    """Blocks laid side by side until a size is covered."""
    overlap = _overlap(block, target is not None)
    hop = block - overlap
    rows, columns = (_blocks(side, block, overlap) for side in size)
    canvas = np.empty((rows * hop + overlap, columns * hop + overlap, 3), np.float32)
    canvas[:] = source.mean((0, 1)) if target is None or target.previous is None else _at_least(target.previous, *canvas.shape[:2])
    positions = (source.shape[0] - block + 1) * (source.shape[1] - block + 1)
    stride = max(1, round((positions / CANDIDATES) ** 0.5))
    features = source if target is None else np.concatenate([source, target.offered[..., None]], -1)
    planes = np.pad(features, ((0, 0), (0, -source.shape[1] % stride), (0, 0)), "edge")
    planes = np.ascontiguousarray(planes.reshape(source.shape[0], -1, stride, features.shape[2]).transpose(3, 2, 0, 1), np.float32)
    down, along = ((side - block) // stride + 1 for side in source.shape[:2])
    if target is not None:
        wanted = _at_least(target.wanted, *canvas.shape[:2])[..., None]
        previous = None if target.previous is None else _at_least(target.previous, *canvas.shape[:2])
    for row in range(rows):
        for column in range(columns):
            y, x = row * hop, column * hop
            place = slice(y, y + block), slice(x, x + block)
            laid = np.zeros((block, block, 1), np.float32)
            laid[:overlap] += y > 0
            laid[:, :overlap] += x > 0
            laid = np.minimum(laid, 1)
            sought, weights, least = canvas[place], np.repeat(laid, 3, -1), 0.0
            if target is not None:
                if previous is not None:
                    # Two squares with one unknown are one square around their mean, and what they differ by.
                    least = (1 - target.share) * float((laid / 2 * (sought - previous[place]) ** 2).sum())
                    sought, weights = (laid * sought + previous[place]) / (laid + 1), weights + 1
                sought = np.concatenate([sought, wanted[place]], -1)
                weights = np.concatenate([(1 - target.share) * weights, np.full_like(laid, EMPHASIS * target.share)], -1)
            errors = _errors(planes, sought, weights.astype(np.float32), down, along) + np.float32(least)
            lowest = errors.min()
            fitting = np.argwhere(errors <= lowest * (1 + TOLERANCE) + 1e-9)
            top, left = stride * fitting[generator.integers(len(fitting))]
            _lay(canvas, source[top : top + block, left : left + block], y, x, overlap)
        if callback is not None:
            callback(row + 1, rows, canvas[: size[0], : size[1]].copy)
    return canvas[: size[0], : size[1]].copy()


def _overlap(block: int, transfer: bool) -> int:
    """Of blocks: a sixth of their side, as in the paper; twice that for transfer, whose blocks agree less and would show their corners."""
    return max(1, block // (3 if transfer else 6))


def _blocks(length: int, block: int, overlap: int) -> int:
    """How many overlapping blocks cover a length."""
    return max(1, -(-(length - overlap) // (block - overlap)))


def seam(errors: Floats) -> NDArray[np.int64]:
    """The path of least error through ``errors`` ``[n, k]`` from the first row to the last, one column a row and no further than one from
    the row before (Efros & Freeman 2001, section 2.1): the columns, ``[n]``.
    """
    return np.asarray(_seam(np.ascontiguousarray(errors, np.float32)))


def _at_least(map_: Floats, height: int, width: int | None = None) -> Floats:
    """A picture or a map, its edges repeated up to a size."""
    missing = [(0, max(0, side - there)) for side, there in zip((height, width or height), map_.shape, strict=False)]
    return np.pad(map_, missing + [(0, 0)] * (map_.ndim - 2), "edge")


@njit(parallel=True)
def _errors(planes, wanted, weights, down, along):  # type: ignore[no-untyped-def]
    """How far every block of a source is from what is wanted, by weighted squared differences.

    Planes hold every n-th column side by side, ``[C, n, h, w / n]``, so that an inner loop runs over neighbours in memory.
    """
    stride = planes.shape[1]
    errors = np.zeros((down, along), np.float32)
    for row in prange(down):
        found = errors[row]
        for i in range(wanted.shape[0]):
            for j in range(wanted.shape[1]):
                for channel in range(wanted.shape[2]):
                    weight, value = weights[i, j, channel], wanted[i, j, channel]
                    if weight > 0:
                        line = planes[channel, j % stride, row * stride + i, j // stride : j // stride + along]
                        for column in range(along):
                            found[column] += weight * (line[column] - value) * (line[column] - value)
    return errors


@njit()
def _seam(errors):  # type: ignore[no-untyped-def]
    rows, columns = errors.shape
    sums = errors.astype(np.float64)
    for row in range(1, rows):
        for column in range(columns):
            least = sums[row - 1, column]
            if column > 0:
                least = min(least, sums[row - 1, column - 1])
            if column < columns - 1:
                least = min(least, sums[row - 1, column + 1])
            sums[row, column] += least
    path = np.empty(rows, np.int64)
    path[-1] = sums[-1].argmin()
    for row in range(rows - 2, -1, -1):
        first = max(0, path[row + 1] - 1)
        path[row] = first + sums[row, first : path[row + 1] + 2].argmin()
    return path


@njit()
def _lay(canvas, block, y, x, overlap):  # type: ignore[no-untyped-def]
    """Lay a block at a place of the canvas, cut where it differs least from what it overlaps."""
    side = block.shape[0]
    kept = np.ones((side, side), np.bool_)  # of the block
    errors = np.empty((side, overlap), np.float32)
    for upper in (False, True):  # the overlap on the left, then that above
        if (y if upper else x) == 0:
            continue
        for i in range(side):
            for j in range(overlap):
                row, column = (j, i) if upper else (i, j)
                errors[i, j] = 0
                for channel in range(3):
                    errors[i, j] += (block[row, column, channel] - canvas[y + row, x + column, channel]) ** 2
        path = _seam(errors)
        for i in range(side):
            for j in range(path[i]):
                row, column = (j, i) if upper else (i, j)
                kept[row, column] = False
    for i in range(side):
        for j in range(side):
            if kept[i, j]:
                for channel in range(3):
                    canvas[y + i, x + j, channel] = block[i, j, channel]
