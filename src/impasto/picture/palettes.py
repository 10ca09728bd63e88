"""What colours a picture has, and how it looks with those of another."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


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


def sample(picture: Floats) -> NDArray[np.float64]:
    """About a quarter of a million of a picture's pixels at most, ``[N, 3]``."""
    stride = 1 + int(np.sqrt(picture.shape[0] * picture.shape[1] / 2.5e5))
    return picture[::stride, ::stride].reshape(-1, 3).astype(np.float64)


def _power(matrix: NDArray[np.float64], exponent: float, least: float) -> NDArray[np.float64]:
    """Of a symmetric matrix, whose eigenvalues count as the ``least`` where they are less."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.maximum(values, least) ** exponent @ vectors.T)
