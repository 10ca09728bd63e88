"""A picture as a mosaic (Hausner 2001; Di Blasi & Gallo 2005)."""

import numpy as np
from numba import prange
from numpy.typing import NDArray
from scipy import ndimage

from impasto.classic.colours import enlivened
from impasto.classic.compiled import njit
from impasto.classic.extent import extent
from impasto.classic.noise import noise
from impasto.classic.outlines import borders, gradient, inset
from impasto.classic.progress import Callback
from impasto.classic.segmentation import LONGEST, Level, reduced, segment

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]
AREA = 300_000  # pixels at most of the picture that tiles are laid on
COSTS = 10.0, 0.75  # of merging regions for a detail of 0 and of 1
TILE = 12.0  # side of a tile
SMALLEST = 2.5 * TILE**2, 2.5 * TILE**2  # areas of regions for a detail of 0 and of 1
FOCUS = 1.6  # how much larger tiles are where the focus is 0, and smaller where it is 1, than without one
SMOOTH, CONTRAST = 4.0, 16.0  # of the regions' outlines
ROUND = 1.5  # deviation of the Gaussian that those are drawn with
TURNS = 8  # of moving tiles to the middles of their cells
ROOM = 0.8  # of a tile's side, which must be free for another to be laid
REACH = 1.7  # from a tile's middle, over its side, within which pixels may be its own
LARGEST = 0.68  # half a tile's side, at most, over that asked for
BAND = 64  # rows that one thread looks at
GROUT, BEVEL = 0.75, 1.6  # half the width between two tiles, and the width of their edges


def mosaic(picture: Floats, *, detail: float = 0.6, focus: Floats | None = None, seed: int = 0, callback: Callback | None = None) -> Floats:
    """A mosaic of square tiles that follow the outlines of what is in the picture.

    Args:
        picture: ``[H, W, 3]`` in [0, 1].
        detail: from 0, a few outlines to follow, to 1, many.
        focus: where tiles are small, 1, and where large, 0: ``[H, W]``; or None.
        seed: of the tiles' places and colours, 0 or more.
        callback: called with the number of stages done, of all, and a function that gives the picture so far.

    Returns:
        ``[H, W, 3]`` in [0, 1].

    Raises:
        OptionError: a detail below 0 or above 1, or a focus of another size than the picture.
    """
    regions = segment(picture, Level(detail=detail, smallest=SMALLEST, costs=COSTS, smooth=SMOOTH, contrast=CONTRAST), focus, AREA)
    if callback is not None:
        callback(1, 3, regions.flat)
    labels, unit = regions.labels, regions.unit
    sizes = np.full(labels.shape, TILE * unit, np.float32)
    if focus is not None:
        sizes *= FOCUS ** (1 - 2 * reduced(np.asarray(focus, np.float32)[..., None], labels.shape)[..., 0])
    sizes = np.maximum(sizes, 3)
    generator = np.random.default_rng(seed)
    places, angles = tiled(labels, sizes, generator)
    rows, columns = places[:, 1].astype(np.int64), places[:, 0].astype(np.int64)
    scale = np.float32(picture.shape[0] / labels.shape[0])
    first, _, distance = borders(labels, picture.shape[:2], max(ROUND * unit, 1.0))
    full = (places + np.float32(0.5)) * scale - np.float32(0.5)
    tiles, gaps = _nearest(first, full, angles, sizes[rows, columns] * scale, labels[rows, columns])
    means = _means(picture, tiles, len(places))
    if callback is not None:
        callback(2, 3, lambda: np.where(tiles[..., None] >= 0, means[tiles], np.float32(0)))
    colours = enlivened(means, generator, chroma=1.35, contrast=1.2, jitter=3.0)
    shine = generator.normal(0, 1, len(places)).astype(np.float32)
    canvas = np.asarray(_grouted(tiles, np.minimum(gaps, distance), colours, shine, seed, extent(picture.shape) / LONGEST))
    if callback is not None:
        callback(3, 3, canvas.copy)
    return canvas


def tiled(labels: Labels, sizes: Floats, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Where square tiles lie, and how they are turned.

    The turns are those of the nearest borders of regions (Hausner 2001). Tiles are laid beside one another from the borders
    on, as in Di Blasi & Gallo (2005), and then moved to the middles of their cells in the diagram of the nearest tiles, within their
    regions, by the greater of the two coordinates in a tile's own frame (Hausner 2001).

    Args:
        labels: ``[h, w]``.
        sizes: the side of a tile that lies at each pixel, ``[h, w]``, at least 2.
        generator: of where tiles are laid first.

    Returns:
        The middles, ``[S, 2]``, x and y, and the angles, in radians, ``[S]``.
    """
    distance = inset(labels)
    side = float(sizes.mean())
    down, along = gradient(ndimage.gaussian_filter(distance, side / 6))
    # Squares look the same after a quarter of a turn: so the fourth power of the direction is what can be averaged.
    turned = (along + 1j * down).astype(np.complex64) ** 4
    turned /= np.maximum(np.abs(turned), 1e-6)
    turned *= np.exp(-distance / (1.5 * side)) + 0.02
    turned = ndimage.gaussian_filter(turned.real, 0.6 * side) + 1j * ndimage.gaussian_filter(turned.imag, 0.6 * side)
    angle = (np.angle(turned) / 4).astype(np.float32)
    order = np.abs(distance - sizes / 2) + generator.uniform(0, 0.5, labels.shape)
    places = _laid(labels, angle, sizes, np.argsort(order, axis=None, kind="stable"))
    rows, columns = places[:, 1].astype(np.int64), places[:, 0].astype(np.int64)
    owners = labels[rows, columns]
    for _ in range(TURNS):
        tiles, _ = _nearest(labels, places, angle[rows, columns], sizes[rows, columns], owners)
        flat = tiles.ravel()
        there = np.flatnonzero(flat >= 0)
        flat = flat[there]
        counts = np.bincount(flat, minlength=len(places))
        y, x = np.divmod(there, labels.shape[1])
        middles = np.stack([np.bincount(flat, axis, len(places)) for axis in (x, y)], 1) / np.maximum(counts, 1)[:, None]
        within = (counts > 0) & (labels[middles[:, 1].astype(np.int64), middles[:, 0].astype(np.int64)] == owners)
        places = np.where(within[:, None], middles, places).astype(np.float32)
        rows, columns = places[:, 1].astype(np.int64), places[:, 0].astype(np.int64)
    return places, angle[rows, columns]


@njit()
def _laid(labels, angle, sizes, order):  # type: ignore[no-untyped-def]
    """Tiles side by side, each laid beside the ones that were first, and new ones wherever there is still room."""
    height, width = labels.shape
    cell = max(1, int(sizes.max()))
    down, along = height // cell + 1, width // cell + 1
    heads, following = np.full((down, along), -1), np.full(height * width, -1)
    places, count, done, tried = np.empty((height * width, 2), np.float32), 0, 0, 0
    while tried < len(order) or done < 4 * count:
        if done < 4 * count:
            at, side = done // 4, done % 4
            row, column = int(places[at, 1]), int(places[at, 0])
            turn = angle[row, column] + side * np.pi / 2
            x, y = places[at, 0] + sizes[row, column] * np.cos(turn), places[at, 1] + sizes[row, column] * np.sin(turn)
            label = labels[row, column]
            done += 1
            if x < 0 or y < 0 or x > width - 1 or y > height - 1 or labels[int(y), int(x)] != label:
                continue
        else:
            y, x = np.float32(order[tried] // width), np.float32(order[tried] % width)
            label = labels[int(y), int(x)]
            tried += 1
        here = angle[int(y), int(x)]
        c, s = np.cos(here), np.sin(here)
        room = ROOM * sizes[int(y), int(x)]
        free = True
        for i in range(max(int(y) // cell - 1, 0), min(int(y) // cell + 2, down)):
            for j in range(max(int(x) // cell - 1, 0), min(int(x) // cell + 2, along)):
                other = heads[i, j]
                while other >= 0 and free:
                    dx, dy = places[other, 0] - x, places[other, 1] - y
                    if labels[int(places[other, 1]), int(places[other, 0])] == label:
                        free = max(abs(c * dx + s * dy), abs(c * dy - s * dx)) >= room
                    other = following[other]
        if free:
            places[count, 0], places[count, 1] = x, y
            following[count] = heads[int(y) // cell, int(x) // cell]
            heads[int(y) // cell, int(x) // cell] = count
            count += 1
    return places[:count].copy()


@njit(parallel=True)
def _nearest(labels, places, angles, widths, owners):  # type: ignore[no-untyped-def]
    """The tile nearest to each pixel in its region, -1 for none, and how far its edge is, in pixels."""
    height, width = labels.shape
    tiles, gaps = np.full((height, width), -1, np.int32), np.empty((height, width), np.float32)
    for index in prange((height + BAND - 1) // BAND):
        top, bottom = np.int64(index) * BAND, min(height, (np.int64(index) + 1) * BAND)
        least, next_ = np.full((bottom - top, width), np.float32(1e9)), np.full((bottom - top, width), np.float32(1e9))
        for tile in range(len(places)):
            reach = REACH * widths[tile]
            px, py = places[tile, 0], places[tile, 1]
            if py + reach < top or py - reach >= bottom:
                continue
            c, s = np.cos(angles[tile]), np.sin(angles[tile])
            for row in range(max(top, int(py - reach)), min(bottom, int(py + reach) + 1)):  # type: ignore[call-overload]
                for column in range(max(0, int(px - reach)), min(width, int(px + reach) + 1)):
                    if labels[row, column] != owners[tile]:
                        continue
                    dx, dy = column - px, row - py
                    distance = max(abs(c * dx + s * dy), abs(c * dy - s * dx))
                    if distance < least[row - top, column]:
                        next_[row - top, column] = least[row - top, column]
                        least[row - top, column] = distance
                        tiles[row, column] = tile
                    elif distance < next_[row - top, column]:
                        next_[row - top, column] = distance
        for row in range(top, bottom):
            for column in range(width):
                if tiles[row, column] < 0:
                    gaps[row, column] = 0
                else:
                    a = least[row - top, column]
                    gaps[row, column] = min((next_[row - top, column] - a) / 2, LARGEST * widths[tiles[row, column]] - a)
    return tiles, gaps


@njit()
def _means(picture, tiles, count):  # type: ignore[no-untyped-def]
    """The mean colour of each tile."""
    sums, sizes = np.zeros((count, 3)), np.zeros(count)
    for y in range(tiles.shape[0]):
        for x in range(tiles.shape[1]):
            if tiles[y, x] >= 0:
                sizes[tiles[y, x]] += 1
                for channel in range(3):
                    sums[tiles[y, x], channel] += picture[y, x, channel]
    for tile in range(count):
        for channel in range(3):
            sums[tile, channel] /= max(sizes[tile], 1)
    return sums.astype(np.float32)


@njit(parallel=True)
def _grouted(tiles, gaps, colours, shine, seed, unit):  # type: ignore[no-untyped-def]
    height, width = tiles.shape
    canvas = np.empty((height, width, 3), np.float32)
    for index in prange(height):
        y = np.int64(index)
        for x in range(width):
            p, q, tile = y / unit, x / unit, tiles[y, x]
            # The tiles' edges are not quite straight.
            inside = gaps[y, x] - GROUT * unit - 0.3 * unit * noise(p / 3, q / 3, seed + max(tile, 0))
            part = min(max(inside + 0.5, 0.0), 1.0) if tile >= 0 else 0.0
            down = gaps[min(y + 1, height - 1), x] - gaps[max(y - 1, 0), x]
            along = gaps[y, min(x + 1, width - 1)] - gaps[y, max(x - 1, 0)]
            edge = min(max(1 - inside / (BEVEL * unit), 0.0), 1.0)
            shade = 0.22 * edge * 0.7071 * (along + down) / (np.sqrt(down * down + along * along) + 1e-3)
            rough = 0.02 * noise(p / 1.5, q / 1.5, seed + 5) + 0.02 * noise(p / 6, q / 6, seed + 6)
            cement = 0.30 + 0.05 * noise(p / 2, q / 2, seed + 8) + 0.03 * noise(p / 40, q / 40, seed + 9)
            for channel in range(3):
                value = cement * (1.04 if channel == 0 else 1.0 if channel == 1 else 0.93)
                if tile >= 0:
                    stone = (colours[tile, channel] * (1 + 0.04 * shine[tile]) + rough) * (1 + shade) + 0.25 * max(shade, 0.0)
                    value += part * (stone - value)
                canvas[y, x, channel] = min(max(value, 0.0), 1.0)
    return canvas
