"""A picture as a leaded window."""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from impasto.classic.colours import enlivened
from impasto.classic.compiled import njit
from impasto.classic.extent import extent
from impasto.classic.noise import noise
from impasto.classic.outlines import borders, inset, sampled
from impasto.classic.progress import Callback
from impasto.classic.segmentation import LONGEST, Level, between, described, joined, reduced, segment

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]
AREA = 160_000  # pixels at most of the picture that is cut
COSTS = 10.0, 0.5  # of merging regions for a detail of 0 and of 1
SMALLEST, LARGEST = (1000.0, 350.0), (16_000.0, 5600.0)  # areas of pieces, likewise
SMOOTH, CONTRAST = 6.0, 28.0  # of the regions' outlines
ROUND = 4.0  # deviation of the Gaussian that the leads' lines are smoothed by
TURNS = 6  # of Lloyd's algorithm
HALF = 2.6  # of a came's width
CEMENT = 3.0  # width of the dark beside a came
MIDDLE = 14.0  # how far from a came glass is at its brightest


def stainedglass(
    picture: Floats, *, detail: float = 0.6, focus: Floats | None = None, seed: int = 0, callback: Callback | None = None
) -> Floats:
    """A leaded window: pieces of bold glass in cames of an even width.

    Args:
        picture: ``[H, W, 3]`` in [0, 1].
        detail: from 0, a few large pieces, to 1, many small ones.
        focus: where to keep fine detail, 1, and where not, 0: ``[H, W]``; or None.
        seed: of the cuts and the glass's differences, 0 or more.
        callback: called with the number of stages done, of all, and a function that gives the picture so far.

    Returns:
        ``[H, W, 3]`` in [0, 1].

    Raises:
        OptionError: a detail below 0 or above 1, or a focus of another size than the picture.
    """
    generator = np.random.default_rng(seed)
    regions = segment(picture, Level(detail=detail, smallest=SMALLEST, costs=COSTS, smooth=SMOOTH, contrast=CONTRAST), focus, AREA)
    if callback is not None:
        callback(1, 3, regions.flat)
    unit, size = regions.unit, regions.labels.shape
    small = reduced(picture, size)
    pieces = cut(regions.labels, between(LARGEST, detail) * unit * unit, generator)
    glass = described(joined(pieces, small, between(SMALLEST, detail) / 2 * unit * unit), small)
    if callback is not None:
        callback(2, 3, glass.flat)
    colours = enlivened(glass.colours, generator, chroma=1.9, contrast=1.2, jitter=3.5, tone=16.0, glow=8.0)
    turns = generator.uniform(0, np.pi, len(colours)).astype(np.float32)
    first, _, distance = borders(glass.labels, picture.shape[:2], max(ROUND * unit, 1.0))
    canvas = np.asarray(
        _glazed(first, distance, inset(glass.labels) / np.float32(unit), colours, turns, seed, extent(picture.shape) / LONGEST)
    )
    if callback is not None:
        callback(3, 3, canvas.copy)
    return canvas


def cut(labels: Labels, area: float, generator: np.random.Generator) -> Labels:
    """Cut large regions along straight lines: the Voronoi diagram of places in each of them, moved to its cells' middles (Lloyd 1982).

    Args:
        labels: ``[h, w]``, of 0 … R - 1, each of which is somewhere.
        area: pixels of the largest piece, about.
        generator: of where the places are first.

    Returns:
        ``[h, w]``.
    """
    flat = labels.ravel()
    sizes = np.bincount(flat)
    counts = np.clip(np.round(sizes / area), 1, sizes).astype(np.int64)
    members = np.split(np.argsort(flat, kind="stable"), np.cumsum(sizes)[:-1])
    chosen = np.concatenate([generator.choice(mine, count, replace=False) for mine, count in zip(members, counts, strict=True)])
    places = np.stack([chosen % labels.shape[1], chosen // labels.shape[1]], 1).astype(np.float32)
    return np.asarray(_cut(labels, places, np.concatenate([[0], np.cumsum(counts)])))


@njit()
def _cut(labels, places, firsts):  # type: ignore[no-untyped-def]
    height, width = labels.shape
    pieces = np.empty_like(labels)
    for _ in range(TURNS):
        sums = np.zeros((len(places), 3))
        for y in range(height):
            for x in range(width):
                best, least = firsts[labels[y, x]], np.inf
                for place in range(firsts[labels[y, x]], firsts[labels[y, x] + 1]):
                    square = (places[place, 0] - x) ** 2 + (places[place, 1] - y) ** 2
                    if square < least:
                        best, least = place, square
                pieces[y, x] = best
                sums[best, 0] += x
                sums[best, 1] += y
                sums[best, 2] += 1
        for place in range(len(places)):
            if sums[place, 2] > 0:
                places[place, 0] = sums[place, 0] / sums[place, 2]
                places[place, 1] = sums[place, 1] / sums[place, 2]
    return pieces


@njit()
def _lead(distance, y, x, unit):  # type: ignore[no-untyped-def]
    """How far a pixel, or the nearest one within the picture, is from the middle of a came or the frame."""
    height, width = distance.shape
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    return min(distance[y, x], min(min(y, height - 1 - y), min(x, width - 1 - x)) + 0.5) / unit


@njit(parallel=True)
def _glazed(pieces, distance, inside, colours, turns, seed, unit):  # type: ignore[no-untyped-def]
    """Glass and cames: distances from the cames' middles are in pixels of the picture near them, and in units ``inside`` the pieces."""
    height, width = pieces.shape
    rows, columns = inside.shape
    canvas = np.empty((height, width, 3), np.float32)
    for index in prange(height):
        y = np.int64(index)
        for x in range(width):
            piece, p, q = pieces[y, x], y / unit, x / unit
            lead = _lead(distance, y, x, unit)
            beyond = max(lead - HALF, 0.0)
            # Streaks that go another way in every piece, ripples, and a light behind the glass that is not the same everywhere.
            c, s = np.cos(turns[piece]), np.sin(turns[piece])
            a, b = c * q + s * p, c * p - s * q
            streak = noise(a / 60, b / 9, seed + piece) + 0.5 * noise(a / 25, b / 4, seed + piece + 1)
            bright = 1 + 0.10 * streak + 0.035 * noise(p / 5, q / 5, seed + 7) + 0.12 * noise(p / 260, q / 260, seed + 11)
            bright *= 1 - 0.38 * np.exp(-beyond / CEMENT)
            middle = sampled(inside, (y + 0.5) * rows / height - 0.5, (x + 0.5) * columns / width - 0.5)
            bright += 0.12 * (1 - np.exp(-max(middle - HALF, 0.0) / MIDDLE))
            # A came is round, and lit from the upper left.
            across = min(lead / HALF, 1.0)
            down = _lead(distance, y + 1, x, unit) - _lead(distance, y - 1, x, unit)
            along = _lead(distance, y, x + 1, unit) - _lead(distance, y, x - 1, unit)
            shade = -0.7071 * across * (down + along) / (np.sqrt(down * down + along * along) + 1e-6)
            round_ = max(0.0, 1 - across * across)
            glint = max(0.0, 0.5 * shade + 0.866 * np.sqrt(round_))
            metal = 0.13 + 0.11 * round_ + 0.10 * shade + 0.03 * noise(p / 3, q / 3, seed + 3) + 0.28 * glint**14
            part = min(max((lead - HALF) * unit + 0.5, 0.0), 1.0)
            for channel in range(3):
                # Thick glass takes light by powers: darker is also deeper in colour.
                value = max(colours[piece, channel], 0.004) ** (1 / max(bright, 0.3))
                tint = 0.96 if channel == 0 else 1.0 if channel == 1 else 1.06
                canvas[y, x, channel] = min(max(part * value + (1 - part) * metal * tint, 0.0), 1.0)
    return canvas
