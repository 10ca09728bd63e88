"""Division of a picture into regions of about one colour.

Superpixels are merged while that costs little (piecewise constant Mumford-Shah: Koepfler, Lopez & Morel 1994), less readily where the
picture has structure or a focus asks for detail; then outlines settle where they are short and colours agree. A large picture is divided
at a reduced size; ``outlines`` draws the borders anew, smooth, at the full one. A unit, in all modules of regions, is a 1024th of the
picture's ``extent``, and lengths and areas that say nothing else are in units and their squares.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import prange
from numpy.typing import NDArray
from scipy import ndimage

from impasto.classic.compiled import njit
from impasto.classic.extent import extent
from impasto.classic.merging import means, merge
from impasto.classic.outlines import settled
from impasto.errors import OptionError

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]
LONGEST = 1024  # units of a picture's `extent`
SUPERPIXEL = 100  # area of one, about
FEWEST = 9  # pixels of a superpixel, at least
COMPACTNESS = 4.0  # of superpixels
UNLESS_SMALL = -1e-12  # a cost below that of every merger, but for those of small regions
ALIKE = 0.1  # the cost at which regions merge after their outlines have settled, over that before
MEAN = 10.0  # contrast, in CIELAB, of a picture that costs are given for
FOCUS = 6.0  # how much less a merger costs where the focus is 0, and more where it is 1, than without one
STRUCTURE = 1.0  # how much less readily regions merge where there is structure; 0 is as readily
EDGE, AROUND = 1.5, 6.0  # deviations of the Gaussian derivatives that find edges, and of the mean of what they find


@dataclass(frozen=True)
class Regions:
    """A picture's regions.

    Attributes:
        labels: the region of each pixel of the picture, reduced if it was large, ``[h, w]``.
        colours: the mean of each region's colours, ``[R, 3]``, sRGB in [0, 1].
        slopes: how the colour changes from a region's left to the right and from its top to the bottom by least squares, over the
            picture's width and height, ``[R, 2, 3]``.
        centres: the mean of each region's places, x and y over the width and height, ``[R, 2]``.
    """

    labels: Labels
    colours: Floats
    slopes: Floats
    centres: Floats

    @property
    def unit(self) -> float:
        """Pixels of ``labels`` in a unit."""
        return float(extent(self.labels.shape) / LONGEST)

    def flat(self) -> Floats:
        """The regions in their mean colours, ``[h, w, 3]``."""
        return np.asarray(self.colours[self.labels])


@dataclass(frozen=True, kw_only=True)
class Level:
    """How finely a picture is divided.

    Attributes:
        detail: from 0, a few regions, to 1, many.
        smallest: the area of the smallest region, about, for a detail of 0 and of 1.
        costs: at which merging ends, for a detail of 0 and of 1, over the side of a picture.
        smooth: the deviation of the Gaussian by which outlines settle; bends narrower than that go.
        contrast: the difference in CIELAB above which colours count more than smooth outlines.
    """

    detail: float
    smallest: tuple[float, float]
    costs: tuple[float, float] = (10.0, 0.2)
    smooth: float = 1.0
    contrast: float = 8.0


def segment(picture: Floats, level: Level, focus: Floats | None, area: int) -> Regions:
    """Divide a picture into regions of about one colour.

    Args:
        picture: ``[H, W, 3]`` in [0, 1].
        level: how finely.
        focus: where to keep fine detail, 1, and where not, 0: ``[H, W]``; or None.
        area: pixels at most of the picture that is divided; a larger one is reduced.

    Returns:
        The regions.

    Raises:
        OptionError: a detail below 0 or above 1, or a focus of another size than the picture.
    """
    return segments(picture, [level], focus, area)[0]


def segments(picture: Floats, levels: Sequence[Level], focus: Floats | None, area: int) -> list[Regions]:
    """Divide a picture several times, each from the superpixels on.

    Args:
        picture: ``[H, W, 3]`` in [0, 1].
        levels: how finely, each time.
        focus: where to keep fine detail, 1, and where not, 0: ``[H, W]``; or None.
        area: pixels at most of the picture that is divided; a larger one is reduced.

    Returns:
        The regions of each level.

    Raises:
        OptionError: a detail below 0 or above 1, or a focus of another size than the picture.
    """
    from skimage.color import rgb2lab

    for level in levels:
        if not 0 <= level.detail <= 1:
            raise OptionError(f"a detail of {level.detail} is impossible; give one from 0 to 1")
    if focus is not None and focus.shape != picture.shape[:2]:
        have, want = (" x ".join(map(str, shape[::-1])) for shape in (focus.shape, picture.shape[:2]))
        raise OptionError(f"the focus has {have} pixels, the picture {want}; give one of the picture's size")
    shrink = min(1.0, (area / (picture.shape[0] * picture.shape[1])) ** 0.5)
    height, width = (max(1, round(side * shrink)) for side in picture.shape[:2])
    small = reduced(picture, (height, width))
    unit = extent((height, width)) / LONGEST
    lab = np.asarray(rgb2lab(small), np.float32)
    superpixels, contrast, tolerance = _superpixels(lab, unit), _contrast(lab, unit), _tolerance(small, unit)
    if focus is not None:
        tolerance *= FOCUS ** (1 - 2 * reduced(np.asarray(focus, np.float32)[..., None], (height, width))[..., 0])
    side = float(np.sqrt(height * width)) * float(contrast.mean()) / MEAN
    found = []
    for level in levels:
        smallest = between(level.smallest, level.detail) * unit * unit
        cost = side * between(level.costs, level.detail)
        labels = merge(superpixels, lab, tolerance, contrast, cost, smallest)
        labels = settled(labels, _blurred(lab, level.smooth * unit / 2), level.smooth * unit, level.contrast)
        # Slivers along edges have become of one colour with a neighbour.
        found.append(described(joined(labels, lab, smallest, ALIKE * cost, tolerance), small))
    return found


def between(ends: tuple[float, float], detail: float) -> float:
    """What a ``detail`` from 0 to 1 stands for, by equal factors between the ``ends``, what 0 and 1 stand for."""
    return float(ends[0] ** (1 - detail) * ends[1] ** detail)


def joined(labels: Labels, values: Floats, smallest: float, cost: float = UNLESS_SMALL, tolerance: Floats | None = None) -> Labels:
    """Regions of one part each, of which the small ones, and those that differ little, have become a part of their neighbours.

    Args:
        labels: ``[h, w]``.
        values: what regions are to agree in, ``[h, w, C]``.
        smallest: pixels of the smallest region.
        cost: of the dearest merger, where the contrast along borders counts as none; by default, only small regions merge.
        tolerance: how readily regions merge, ``[h, w]``; 1 everywhere if None.

    Returns:
        ``[h, w]``, of 0 … R - 1.
    """
    from skimage.measure import label

    parts = label(labels + 1, connectivity=1).astype(np.int32) - 1  # type: ignore[no-untyped-call]
    tolerance = np.ones(labels.shape, np.float32) if tolerance is None else tolerance
    return merge(parts, values, tolerance, np.zeros(labels.shape, np.float32), cost, smallest)


def described(labels: Labels, picture: Floats) -> Regions:
    """The regions of a picture, numbered anew, with their colours.

    Args:
        labels: ``[h, w]``.
        picture: of the same size, ``[h, w, 3]`` in [0, 1].
    """
    height, width = labels.shape
    labels = np.unique(labels, return_inverse=True)[1].reshape(height, width).astype(np.int32)
    y, x = (np.float32(i + 0.5) for i in np.mgrid[:height, :width])
    places = np.stack([x / width, y / height], -1)
    colours, centres = means(labels, picture), means(labels, places)
    away, differing = places - centres[labels], picture - colours[labels]
    spread = np.stack([means(labels, away[..., i, None] * away) for i in range(2)], 1)
    # Thin and small regions get no steep slopes across.
    spread += (4 / max(height, width)) ** 2 * np.eye(2, dtype=np.float32)
    moments = np.stack([means(labels, away[..., i, None] * differing) for i in range(2)], 1)
    return Regions(labels, colours, np.linalg.solve(spread, moments).astype(np.float32), centres)


def reduced(picture: Floats, size: tuple[int, int]) -> Floats:
    """The mean of a picture, or of any map ``[H, W, C]``, over the area of each pixel of a smaller one: ``[h, w, C]``.

    Args:
        picture: of at least that size.
        size: of the result, height and width.
    """
    picture = np.ascontiguousarray(picture, np.float32)
    return picture.copy() if picture.shape[:2] == size else np.asarray(_reduced(picture, size[0], size[1]))


@njit(parallel=True)
def _reduced(picture, height, width):  # type: ignore[no-untyped-def]
    rows, columns, channels = picture.shape
    result = np.empty((height, width, channels), np.float32)
    for index in prange(height):
        y = np.int64(index)
        top, bottom = y * rows / height, (y + 1) * rows / height
        sums = np.zeros(channels)
        for x in range(width):
            left, right = x * columns / width, (x + 1) * columns / width
            for channel in range(channels):
                sums[channel] = 0
            for row in range(int(top), min(rows, int(np.ceil(bottom)))):
                tall = min(bottom, row + 1.0) - max(top, row)
                for column in range(int(left), min(columns, int(np.ceil(right)))):
                    share = tall * (min(right, column + 1.0) - max(left, column))
                    for channel in range(channels):
                        sums[channel] += share * picture[row, column, channel]
            for channel in range(channels):
                result[y, x, channel] = sums[channel] / ((bottom - top) * (right - left))
    return result


def _superpixels(lab: Floats, unit: float) -> Labels:
    from skimage.segmentation import slic

    count = max(1, int(lab.shape[0] * lab.shape[1] / max(SUPERPIXEL * unit * unit, FEWEST)))
    found = slic(lab, n_segments=count, compactness=COMPACTNESS, max_num_iter=5, convert2lab=False, start_label=0, channel_axis=-1)
    return np.asarray(np.unique(found, return_inverse=True)[1].reshape(found.shape), np.int32)


def _blurred(values: Floats, deviation: float) -> Floats:
    return np.asarray(ndimage.gaussian_filter(values, (deviation, deviation, 0), truncate=3))


def _contrast(lab: Floats, unit: float) -> Floats:
    """The height of the step in colour at each pixel, if an ideal one is there, ``[h, w]``."""
    sigma = max(EDGE * unit, 0.5)
    squares = sum(ndimage.gaussian_filter(lab[..., c], sigma, order=order) ** 2 for c in range(3) for order in ((0, 1), (1, 0)))
    return np.asarray(np.sqrt(squares) * sigma * np.sqrt(2 * np.pi), np.float32)


def _tolerance(picture: Floats, unit: float) -> Floats:
    """How readily regions merge, ``[h, w]``: 1 on average, and less along edges that go one way."""
    sigma = max(EDGE * unit, 0.5)
    along, down = (np.stack([ndimage.gaussian_filter(picture[..., c], sigma, order=o) for c in range(3)]) for o in ((0, 1), (1, 0)))
    e, f, g = (ndimage.gaussian_filter((a * b).sum(0), AROUND * unit) for a, b in ((along, along), (along, down), (down, down)))
    strength = ((e - g) ** 2 + 4 * f**2) ** 0.25  # the root of the difference of the structure tensor's eigenvalues
    strength /= max(float(strength.mean()), 1e-6)
    return np.asarray((2 / (1 + strength)) ** STRUCTURE, np.float32)
