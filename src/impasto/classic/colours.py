"""Colours: those of a style, and livelier ones for what is painted in a few of them."""

import warnings

import numpy as np
from numpy.typing import NDArray

from impasto.picture.palettes import sample

Floats = NDArray[np.float32]
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
TOUCH = np.float32(0.6)  # how far a stroke's colour goes to one of a style's palette
CHANCE = np.float32(0.015)  # by how much larger a square of a distance may be of the colour that a stroke goes to than of the nearest
MIDDLE = 50.0  # lightness of a middle grey, in CIELAB
SWING = 16.0  # how much lighter light colours become, and darker dark ones, for a contrast of 2
STRONG = 80.0  # chroma of colours that gain little
GREY = 12.0  # chroma up to which a colour counts as a grey, about


def enlivened(
    colours: Floats, generator: np.random.Generator, *, chroma: float, contrast: float, jitter: float, tone: float = 0.0, glow: float = 0.0
) -> Floats:
    """Colours with more chroma and contrast, each a little different.

    Args:
        colours: ``[S, 3]`` in [0, 1].
        generator: of the differences.
        chroma: how many times stronger a dull colour becomes; bright ones gain less.
        contrast: from 1, which leaves lightness as it is.
        jitter: the deviation of the differences, in CIELAB.
        tone: how much warmer light greys become, and cooler dark ones, in CIELAB.
        glow: the least lightness there is, in CIELAB.

    Returns:
        ``[S, 3]`` in [0, 1].
    """
    from skimage.color import lab2rgb, rgb2lab

    lab = rgb2lab(np.clip(colours, 0, 1)[None])[0]
    strength = np.hypot(lab[:, 1], lab[:, 2])
    away = (lab[:, 0] - MIDDLE) / MIDDLE
    lab[:, 2] += tone * away * np.exp(-strength / GREY)
    differences = generator.normal(0, jitter, lab.shape)
    differences[:, 1:] *= np.minimum(0.3 + strength / (STRONG / 2), 1)[:, None]  # greys stay grey
    lab += differences
    lab[:, 1:] *= (1 + (chroma - 1) * np.exp(-strength / STRONG))[:, None]
    lab[:, 0] = np.clip(lab[:, 0] + (contrast - 1) * SWING * np.sin(away * np.pi), 0, 100)
    lab[:, 0] = glow + (1 - glow / 100) * lab[:, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # colours out of gamut are clipped
        return np.asarray(np.clip(lab2rgb(lab[None])[0], 0, 1), np.float32)


def saturated(picture: Floats, saturation: float) -> Floats:
    """A picture whose colours are so many times further from grey.

    Args:
        picture: ``[H, W, 3]`` in [0, 1].
        saturation: how many times; at 1 it is the picture itself that comes back.

    Returns:
        ``[H, W, 3]`` in [0, 1].
    """
    if saturation == 1:
        return picture
    light = (picture @ LUMA)[..., None]
    result = picture - light
    result *= np.float32(saturation)
    result += light
    return np.clip(result, 0, 1, out=result)


def mean(picture: Floats) -> tuple[float, float, float]:
    """The mean of a ``picture`` ``[H, W, 3]``, about: red, green and blue."""
    red, green, blue = sample(picture).mean(0).tolist()
    return red, green, blue


def palette(style: Floats, size: int = 16) -> Floats:
    """A style's main colours: boxes of colours are cut at their mean, that with the largest sum of squares first (after Heckbert 1982).

    Args:
        style: ``[h, w, 3]`` in [0, 1].
        size: how many colours, at most.

    Returns:
        ``[size, 3]``, fewer for a style of fewer colours.
    """
    boxes = [sample(style)]
    while len(boxes) < size:
        spreads = np.stack([box.var(0) * len(box) for box in boxes])
        box, axis = np.unravel_index(spreads.argmax(), spreads.shape)
        if spreads[box, axis] < 1e-9:
            break
        whole = boxes.pop(int(box))
        low = whole[:, axis] <= whole[:, axis].mean()
        boxes += [whole[low], whole[~low]]
    return np.stack([box.mean(0) for box in boxes]).astype(np.float32)


def drawn(colours: Floats, towards: Floats, generator: np.random.Generator) -> Floats:
    """Colours nearer to ones of a palette that are drawn by lot, likelier the less they differ, in lightness above all.

    Args:
        colours: ``[S, 3]`` in [0, 1].
        towards: the palette, ``[P, 3]``.
        generator: draws the lots.

    Returns:
        ``[S, 3]``.
    """
    difference = colours[:, None] - towards
    square = 0.2 * (difference**2).sum(-1) + (difference @ LUMA) ** 2
    lots = (CHANCE * generator.gumbel(size=square.shape).astype(np.float32) - square).argmax(1)
    return np.asarray(colours + TOUCH * (towards[lots] - colours))
