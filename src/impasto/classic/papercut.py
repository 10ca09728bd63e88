"""A picture as sheets of cut paper."""

import numpy as np
from numba import prange
from numpy.typing import NDArray
from scipy import ndimage

from impasto.classic.colours import enlivened
from impasto.classic.compiled import njit
from impasto.classic.extent import extent
from impasto.classic.noise import noise
from impasto.classic.outlines import erfinv, sampled
from impasto.classic.progress import Callback
from impasto.classic.segmentation import LONGEST, Level, Regions, segment

Floats = NDArray[np.float32]
AREA = 160_000  # pixels at most of the picture that is divided
SHEETS = 8
COSTS = 10.0, 1.4  # of merging regions for a detail of 0 and of 1
SMALLEST = 500.0, 200.0  # areas of regions, likewise
SMOOTH, CONTRAST = 5.0, 24.0  # of the regions' outlines
CUT = 2.6  # deviation of the Gaussian that a sheet's outline is cut by
SHADOW, OFFSET = 4.5, 3.2  # deviation of the Gaussian of its shadow, and how far that falls down and to the right
DEPTH = 0.5  # how dark a shadow is, of 1 at most
THICKNESS = 1.6  # width of a sheet's edge, which catches light
HUE = 1.6  # how much a difference in hue or chroma counts beside one in lightness, to tell papers apart
TURNS = 20  # of Lloyd's algorithm


def papercut(
    picture: Floats, *, detail: float = 0.6, focus: Floats | None = None, seed: int = 0, callback: Callback | None = None
) -> Floats:
    """Sheets of coloured paper, each with a part cut away: the lightest at the back, the darkest in front.

    Args:
        picture: ``[H, W, 3]`` in [0, 1].
        detail: from 0, simple shapes, to 1, intricate ones.
        focus: where to keep fine detail, 1, and where not, 0: ``[H, W]``; or None.
        seed: of the paper's grain, 0 or more.
        callback: called with the number of stages done, of all, and a function that gives the picture so far.

    Returns:
        ``[H, W, 3]`` in [0, 1].

    Raises:
        OptionError: a detail below 0 or above 1, or a focus of another size than the picture.
    """
    regions = segment(picture, Level(detail=detail, smallest=SMALLEST, costs=COSTS, smooth=SMOOTH, contrast=CONTRAST), focus, AREA)
    means, sheets = _papers(regions)
    if callback is not None:
        callback(1, 1 + len(means), regions.flat)
    colours = enlivened(means, np.random.default_rng(seed), chroma=1.5, contrast=1.35, jitter=0.0)
    canvas = np.zeros(picture.shape, np.float32)
    for sheet, colour in enumerate(colours):
        part = (sheets >= sheet)[regions.labels].astype(np.float32)
        shape = ndimage.gaussian_filter(part, CUT * regions.unit)
        shadow = ndimage.gaussian_filter(part, SHADOW * regions.unit)
        shadow = ndimage.shift(shadow, OFFSET * regions.unit, order=1, mode="nearest")
        _pasted(canvas, shape, shadow, colour, np.float32(CUT * regions.unit), seed + sheet, extent(picture.shape) / LONGEST)
        if callback is not None:
            callback(2 + sheet, 1 + len(colours), canvas.copy)
    return canvas


def _papers(regions: Regions) -> tuple[Floats, NDArray[np.int64]]:
    """The colours of at most SHEETS papers from light to dark, ``[C, 3]``, and which one each region has, ``[R]``.

    They are means of the regions' colours in CIELAB, by Lloyd's algorithm from quantiles of lightness.
    """
    from skimage.color import rgb2lab

    lab = rgb2lab(regions.colours[None])[0] * [1, HUE, HUE]
    weights = np.bincount(regions.labels.ravel()) ** 0.5  # so that small bright things count too
    order = np.argsort(lab[:, 0], kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    means = lab[order[np.minimum(np.searchsorted(share, (np.arange(SHEETS) + 0.5) / SHEETS), len(order) - 1)]]
    for _ in range(TURNS):
        nearest = ((lab[:, None] - means) ** 2).sum(-1).argmin(1)
        sums = np.bincount(nearest, weights, SHEETS)[:, None]
        moved = np.stack([np.bincount(nearest, weights * lab[:, c], SHEETS) for c in range(3)], 1) / np.maximum(sums, 1)
        means = np.where(sums > 0, moved, means)
    used = np.unique(nearest)
    used = used[np.argsort(-means[used, 0], kind="stable")]
    sheets = np.argsort(used)[np.searchsorted(np.sort(used), nearest)]
    sums = np.bincount(sheets, weights)[:, None]
    colours = np.stack([np.bincount(sheets, weights * regions.colours[:, c]) for c in range(3)], 1) / sums
    return colours.astype(np.float32), sheets


@njit()
def _grain(p, q, seed):  # type: ignore[no-untyped-def]
    """Of paper: fibres and clouds."""
    return 0.012 * (noise(p / 1.2, q / 1.2, seed) + noise(p / 3, q / 9, seed + 101) + noise(p / 70, q / 70, seed + 202))


@njit(parallel=True)
def _pasted(canvas, shape, shadow, colour, sigma, seed, unit):  # type: ignore[no-untyped-def]
    """Lay a sheet on the canvas, in place: its shape and shadow ``[h, w]`` are blurred, the shape by sigma."""
    height, width, _ = canvas.shape
    rows, columns = shape.shape
    for index in prange(height):
        y = np.int64(index)
        for x in range(width):
            v, u = (y + 0.5) * rows / height - 0.5, (x + 0.5) * columns / width - 0.5
            inside = 2 * sampled(shape, v, u) - 1
            distance = np.sqrt(2) * sigma * erfinv(abs(inside)) * (height / rows)
            distance = distance if inside > 0 else -distance
            part = min(max(distance + 0.5, 0.0), 1.0)
            dark = DEPTH * sampled(shadow, v, u)
            # The sheet's edge is thick enough to catch the light from the upper left.
            slope = sampled(shape, v + 0.7, u + 0.7) - sampled(shape, v - 0.7, u - 0.7)
            rim = 0.9 * slope * min(max(THICKNESS * unit - distance, 0.0), 1.0)
            grain = _grain(y / unit, x / unit, seed)
            for channel in range(3):
                under = canvas[y, x, channel] * (1 - dark)
                canvas[y, x, channel] = min(max(under + part * (colour[channel] + grain + rim - under), 0.0), 1.0)
