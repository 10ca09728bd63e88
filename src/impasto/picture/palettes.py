"""What colours a picture has, and how it looks with those of another."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# Oklab (Ottosson 2020): from linear sRGB to the cones' responses, and from their cube roots to lightness and chroma.
_CONES = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]]
)
_OPPONENT = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099], [0.0259040371, 0.7827717662, -0.8086757660]]
)
_GREY = 6e-5  # of a style's chroma the largest covariance below which it has none to give


def recoloured(picture: Floats, style: Floats) -> Floats:
    """Give a picture the mean and covariance of a style's colours, by the linear map that moves colours least (Monge's).

    With Σ of the picture and Τ of the style, that is Σ^-½ (Σ^½ Τ Σ^½)^½ Σ^-½ (Pitié & Kokaram 2007).

    Args:
        picture: ``[H, W, 3]`` in [0, 1].
        style: ``[h, w, 3]`` in [0, 1].

    Returns:
        ``[H, W, 3]``, clipped to [0, 1].
    """
    (mean, covariance), (wanted, target) = ((x.mean(0), np.cov(x.T, bias=True)) for x in (sample(picture), sample(style)))
    # Deviations of less than a hundredth count as that, so that noise in a grey picture isn't blown up.
    root, inverse = (_power(covariance, exponent, 1e-4) for exponent in (0.5, -0.5))
    matrix = inverse @ _power(root @ target @ root, 0.5, 0.0) @ inverse
    result = picture @ matrix.astype(np.float32)
    result += (wanted - mean @ matrix).astype(np.float32)
    return np.clip(result, 0, 1, out=result)


def with_chroma(painting: Floats, content: Floats, styles: Sequence[tuple[float, Floats]]) -> Floats:
    """Give a painting the content's chroma, carried to the mean and covariance of the styles' (Kolkin et al. 2022, section 3.4).

    In Oklab, so that an object keeps one colour and the painting's own light and shade. Where the styles are grey, the painting is
    given mean and covariance of all three of their channels instead. Chroma is smoothed where lightness is alike, and nothing leaves the
    range of the styles' channels.

    Args:
        painting: ``[H, W, 3]``, sRGB in [0, 1].
        content: of the same shape.
        styles: ``[h, w, 3]`` each, with shares that their means and covariances are added up with.

    Returns:
        ``[H, W, 3]``, sRGB in [0, 1].
    """
    result, kept = oklab(painting), oklab(content)
    samples = [(share, oklab(sample(style)[None].astype(np.float32))[0].astype(np.float64)) for share, style in styles]
    lowest, highest = (np.array([limit(x, axis=0) for _, x in samples]) for limit in (np.min, np.max))
    lowest, highest = lowest.min(0).astype(np.float32), highest.max(0).astype(np.float32)
    mean = np.sum([share * x.mean(0) for share, x in samples], axis=0)
    covariance = np.sum([share * np.cov(x.T, bias=True) for share, x in samples], axis=0)
    result = np.clip(result, lowest, highest)
    if np.abs(covariance[1:, 1:]).max() < _GREY:
        result = _matched(result, mean, covariance)
    else:
        result[..., 1:] = _smoothed(_matched(kept[..., 1:], mean[1:], covariance[1:, 1:]), result[..., 0])
    return from_oklab(np.clip(result, lowest, highest))


def oklab(picture: Floats) -> Floats:
    """Lightness in [0, 1] and two channels of chroma about 0, ``[H, W, 3]``, of a ``picture`` in sRGB (Ottosson 2020)."""
    linear = np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _CONES.T) @ _OPPONENT.T, np.float32)


def from_oklab(picture: Floats) -> Floats:
    """The sRGB, clipped to [0, 1], of a ``picture`` in Oklab; see :func:`oklab`."""
    linear = np.clip((picture @ np.linalg.inv(_OPPONENT).T) ** 3 @ np.linalg.inv(_CONES).T, 0, 1)
    return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055), np.float32)


def _matched(channels: Floats, mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> Floats:
    """Channels ``[H, W, C]`` with another mean and covariance: whitened, and then coloured, both without a turn (ZCA)."""
    mine = sample(channels)
    ridge = 1e-4 * np.eye(len(mean))
    matrix = _power(np.cov(mine.T, bias=True) + ridge, -0.5, 1e-8) @ _power(covariance + ridge, 0.5, 1e-8)
    return np.asarray((channels - mine.mean(0)) @ matrix + mean, np.float32)


def _smoothed(chroma: Floats, lightness: Floats) -> Floats:
    """Chroma ``[H, W, 2]``, each place five times the mean of the nine around, weighed by how alike their lightness ``[H, W]`` is."""
    height, width = lightness.shape
    places = [(slice(down, down + height), slice(right, right + width)) for down in range(3) for right in range(3)]
    around = np.pad(lightness, 1, mode="edge")
    weights = [np.exp(-10 * np.abs(around[place] - lightness))[..., None] for place in places]
    total = np.sum(weights, axis=0)
    for _ in range(5):
        around = np.pad(chroma, ((1, 1), (1, 1), (0, 0)), mode="edge")
        mixed = np.sum([weight * around[place] for weight, place in zip(weights, places, strict=True)], axis=0)
        chroma = np.asarray(mixed / total, np.float32)
    return chroma


def sample(picture: Floats) -> NDArray[np.float64]:
    """About a quarter of a million of a picture's pixels at most, ``[N, C]``."""
    stride = 1 + int(np.sqrt(picture.shape[0] * picture.shape[1] / 2.5e5))
    return picture[::stride, ::stride].reshape(-1, picture.shape[2]).astype(np.float64)


def _power(matrix: NDArray[np.float64], exponent: float, least: float) -> NDArray[np.float64]:
    """Of a symmetric matrix, whose eigenvalues count as the ``least`` where they are less."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.maximum(values, least) ** exponent @ vectors.T)
