"""Brush strokes that keep to the shapes of regions (after Gooch, Coombe & Shirley 2002)."""

import numpy as np
from numba import prange
from numpy.typing import NDArray
from scipy import ndimage

from impasto.classic.colours import enlivened
from impasto.classic.compiled import njit
from impasto.classic.extent import extent
from impasto.classic.merging import means
from impasto.classic.outlines import gradient, inset
from impasto.classic.segmentation import LONGEST, Level, Regions, reduced, segments
from impasto.classic.strokes import Strokes

Floats = NDArray[np.float32]
AREA = 400_000  # pixels at most of the picture that is divided
RADII = (18.0, 9.0, 5.0, 2.8)
GRID = 0.9  # distance between strokes over the brush's radius
LONGEST_STROKE = 5  # radii to either side of where a stroke begins
MISSED = 0.05  # distance of colours from which a later brush paints over an earlier one
ASTRAY = 0.14  # distance of colours at which a stroke ends
SHADING = 0.2  # how far a region's shading may go from its mean, at most


def stroked(
    picture: Floats, *, detail: float = 0.6, focus: Floats | None = None, seed: int = 0, radii: tuple[float, ...] = RADII
) -> list[Strokes]:
    """Brush strokes that run along regions: beside their outlines, and along their longer axis further inside.

    Each brush paints the regions of a finer level; after the first, only where those before it have left another colour.

    Args:
        picture: ``[H, W, 3]`` in [0, 1].
        detail: of the last brush's regions, from 0, a few, to 1, many; the first one's is half of it.
        focus: where to keep fine detail, 1, and where not, 0: ``[H, W]``; or None.
        seed: of the strokes' places, order and colours, 0 or more.
        radii: of the brushes, widest first, in 1024ths of the picture's `extent`.

    Returns:
        The strokes of each brush in pixels of the picture, to be painted in this order.

    Raises:
        OptionError: a detail below 0 or above 1, or a focus of another size than the picture.
    """
    generator = np.random.default_rng(seed)
    shares = np.linspace(0.5, 1, len(radii))
    levels = [
        Level(detail=float(detail * share), smallest=(radius**2, radius**2), smooth=max(radius / 8, 1.0))
        for share, radius in zip(shares, radii, strict=True)
    ]
    painted: Floats | None = None
    found = []
    for regions, radius in zip(segments(picture, levels, focus, AREA), radii, strict=True):
        size = regions.labels.shape
        wide = np.float32(max(radius * regions.unit, 1.0))
        small = reduced(picture, size)
        blurred = ndimage.gaussian_filter(small, (wide / 3, wide / 3, 0), truncate=2.5)
        distance = inset(regions.labels)
        rows, columns = np.mgrid[: size[0] : GRID * wide, : size[1] : GRID * wide]
        starts = np.stack([columns.ravel(), rows.ravel()], 1) + generator.uniform(0, GRID * wide, (rows.size, 2))
        starts = np.minimum(starts, [size[1] - 1, size[0] - 1]).astype(np.float32)
        generator.shuffle(starts)
        x, y = starts.astype(np.int64).T
        labels = regions.labels[y, x]
        away = np.stack([x / size[1], y / size[0]], 1) - regions.centres[labels]
        shaded = regions.colours[labels] + np.clip((away[:, :, None] * regions.slopes[labels]).sum(1), -SHADING, SHADING)
        colours = (0.5 * shaded + 0.5 * blurred[y, x]).astype(np.float32)
        if painted is not None:
            kept = (np.linalg.norm(painted[y, x] - blurred[y, x], axis=1) > MISSED) & (distance[y, x] > 0.4 * wide)
            starts, colours = starts[kept], colours[kept]
        points, counts = _followed(regions.labels, distance, _courses(regions, distance, float(wide)), blurred, starts, colours, wide)
        scale = np.float32(picture.shape[0] / size[0])
        colours = enlivened(colours, generator, chroma=1.25, contrast=1.15, jitter=1.5)
        points = (points + np.float32(0.5)) * scale - np.float32(0.5)
        found.append(Strokes(radius * extent(picture.shape) / LONGEST, points, counts, colours))
        painted = ndimage.gaussian_filter(small, (wide, wide, 0), truncate=2.5)  # about what is seen of this brush
    return found


def _courses(regions: Regions, distance: Floats, radius: float) -> Floats:
    """The angle in which strokes run at each pixel, ``[h, w]``."""
    height, width = regions.labels.shape
    y, x = np.mgrid[:height, :width] + 0.5
    away = np.stack([x, y], -1) - regions.centres[regions.labels] * [width, height]
    moments = means(regions.labels, np.stack([away[..., 0] ** 2, away[..., 0] * away[..., 1], away[..., 1] ** 2], -1))
    xx, xy, yy = moments.T
    # A direction and its opposite are the same: so it is their square that is averaged.
    axes = ((xx - yy) + 2j * xy) / np.maximum(xx + yy, 1e-6)
    down, along = gradient(ndimage.gaussian_filter(distance, radius / 4))
    across = (along + 1j * down) ** 2
    turned = 0.6 * axes[regions.labels] - across / np.maximum(np.abs(across), 1e-6) * np.exp(-distance / (1.5 * radius))
    turned = ndimage.gaussian_filter(turned.real, radius / 2) + 1j * ndimage.gaussian_filter(turned.imag, radius / 2)
    return np.asarray(np.angle(turned) / 2, np.float32)


@njit(parallel=True)
def _followed(labels, distance, angle, blurred, starts, colours, radius):  # type: ignore[no-untyped-def]
    """The control points of strokes that go both ways from where they start, within a region and about one colour."""
    height, width = labels.shape
    points, counts = np.zeros((len(starts), 2 * LONGEST_STROKE + 1, 2), np.float32), np.zeros(len(starts), np.int32)
    for index in prange(len(starts)):
        stroke = np.int64(index)
        line = np.zeros((2 * LONGEST_STROKE + 1, 2), np.float32)
        line[LONGEST_STROKE, 0], line[LONGEST_STROKE, 1] = starts[stroke, 0], starts[stroke, 1]
        first, last = LONGEST_STROKE, LONGEST_STROKE
        row, column = int(starts[stroke, 1]), int(starts[stroke, 0])
        label, least = labels[row, column], min(distance[row, column], 0.6 * radius)
        for side in (-1, 1):
            x, y = starts[stroke, 0], starts[stroke, 1]
            ahead_x, ahead_y = side * np.cos(angle[row, column]), side * np.sin(angle[row, column])
            for step in range(1, LONGEST_STROKE + 1):
                x, y = x + radius * ahead_x, y + radius * ahead_y
                if x < 0 or y < 0 or x > width - 1 or y > height - 1:
                    break
                i, j = int(y + 0.5), int(x + 0.5)
                if labels[i, j] != label or distance[i, j] < least - 0.5:
                    break
                off = np.float32(0)
                for channel in range(3):
                    off += (blurred[i, j, channel] - colours[stroke, channel]) ** 2
                if off > ASTRAY**2:
                    break
                line[LONGEST_STROKE + side * step, 0], line[LONGEST_STROKE + side * step, 1] = x, y
                first, last = min(first, LONGEST_STROKE + side * step), max(last, LONGEST_STROKE + side * step)
                next_x, next_y = np.cos(angle[i, j]), np.sin(angle[i, j])
                if next_x * ahead_x + next_y * ahead_y < 0:
                    next_x, next_y = -next_x, -next_y
                ahead_x, ahead_y = next_x, next_y
        counts[stroke] = last - first + 1
        for place in range(first, last + 1):
            points[stroke, place - first, 0], points[stroke, place - first, 1] = line[place, 0], line[place, 1]
    return points, counts
