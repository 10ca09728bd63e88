"""A picture as an illustration: gently shaded regions with smooth outlines, and dark lines along strong edges."""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from impasto.classic.colours import enlivened
from impasto.classic.compiled import njit
from impasto.classic.linedrawing import lined
from impasto.classic.outlines import borders, sampled
from impasto.classic.progress import Callback
from impasto.classic.segmentation import Level, reduced, segment

Floats = NDArray[np.float32]
AREA = 1_000_000  # pixels at most of the picture that is divided
SMALLEST = 20.0, 20.0  # areas of regions for a detail of 0 and of 1
ROUND = 2.2  # deviation of the Gaussian that outlines are drawn with
DARKNESS = 0.8  # of lines, of 1 at most
SHADING = 0.2  # how far a region's shading may go from its mean, at most
SOFT, FAINT = 5.0, 0.008  # half the width of the softest border, in pixels of the regions, and the squared contrast above which it is less


def abstraction(
    picture: Floats, *, detail: float = 0.6, focus: Floats | None = None, seed: int = 0, callback: Callback | None = None
) -> Floats:
    """Simplify a picture: gently shaded regions with smooth outlines and soft dark lines along strong edges.

    Args:
        picture: ``[H, W, 3]`` in [0, 1].
        detail: from 0, a few regions, to 1, many.
        focus: where to keep fine detail, 1, and where not, 0: ``[H, W]``; or None.
        seed: of the small differences between regions' colours, 0 or more.
        callback: called with the number of stages done, of all, and a function that gives the picture so far.

    Returns:
        ``[H, W, 3]`` in [0, 1].

    Raises:
        OptionError: a detail below 0 or above 1, or a focus of another size than the picture.
    """
    regions = segment(picture, Level(detail=detail, smallest=SMALLEST), focus, AREA)
    if callback is not None:
        callback(1, 3, regions.flat)
    lines = lined(reduced(picture, regions.labels.shape), max(regions.unit, 0.5))
    if callback is not None:
        callback(2, 3, lambda: regions.flat() * lines[..., None])
    colours = enlivened(regions.colours, np.random.default_rng(seed), chroma=1.3, contrast=1.12, jitter=1.0)
    first, second, distance = borders(regions.labels, picture.shape[:2], max(ROUND * regions.unit, 1.0))
    canvas = np.asarray(_filled(first, second, distance, colours, regions.slopes, regions.centres, lines))
    if callback is not None:
        callback(3, 3, canvas.copy)
    return canvas


@njit(parallel=True)
def _filled(first, second, distance, colours, slopes, centres, lines):  # type: ignore[no-untyped-def]
    height, width = first.shape
    canvas = np.empty((height, width, 3), np.float32)
    scale = np.float32(height / lines.shape[0])
    for index in prange(height):
        y = np.int64(index)
        for x in range(width):
            a, b = first[y, x], second[y, x]
            contrast = np.float32(0)
            for channel in range(3):
                contrast += (colours[a, channel] - colours[b, channel]) ** 2
            # Borders of little contrast are soft.
            soft = 0.5 + SOFT * scale * np.exp(-contrast / FAINT)
            share = min(0.5 + 0.5 * distance[y, x] / soft, 1.0)
            line = sampled(lines, (y + 0.5) * lines.shape[0] / height - 0.5, (x + 0.5) * lines.shape[1] / width - 0.5)
            light = 1 - DARKNESS * (1 - line)
            for channel in range(3):
                value = np.float32(0)
                for label, part in ((a, share), (b, 1 - share)):
                    dx, dy = (x + 0.5) / width - centres[label, 0], (y + 0.5) / height - centres[label, 1]
                    slope = slopes[label, 0, channel] * dx + slopes[label, 1, channel] * dy
                    value += part * (colours[label, channel] + min(max(slope, -SHADING), SHADING))
                canvas[y, x, channel] = min(max(value * light, 0.0), 1.0)
    return canvas
