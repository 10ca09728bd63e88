"""Carrying one distribution onto another in closed form: the linear map that moves things least."""

import torch
from torch import Tensor

# What is no more than noise, and must not be amplified: a colour's deviation of 2 %, and this share of features' mean variance.
COLOURS = 4e-4
FEATURES = 3e-3
# Quick steps until what is some hundred thousandths of the largest is near 1, of a covariance and of a product of roots; then exact ones.
OUTER, INNER, EXACT = 5, 9, 4
QUICK = (3.4445, -4.7750, 2.0315)  # of Jordan et al. 2024, *Muon*: what is small grows by the first, and ends between 0.7 and 1.2


def monge(content: tuple[Tensor, Tensor], style: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The linear Monge-Kantorovitch map between two distributions (Pitié & Kokaram 2007, equation 6, there of colours; Mroueh
    2019, *Wasserstein Style Transfer*, of features).

    ``T = Σc^-½ (Σc^½ Σs Σc^½)^½ Σc^-½`` carries the content's covariance onto the style's, moving everything as little as a
    linear map can. It is computed as ``Σc^-½ Uᵀ Σs^½`` with the orthogonal factor ``U`` of ``Σs^½ Σc^½``, whose stretch the middle
    root is: so nothing is squared, which float32 can't bear where features have fewer positions than channels.

    Args:
        content: mean ``[N, C]`` and covariance ``[N, C, C]``, of RGB in [0, 1] where C is 3.
        style: likewise.

    Returns:
        ``T`` ``[N, C, C]`` and an offset ``[N, C]``; ``x`` becomes ``T x + offset``.
    """
    (mean, own), (wanted, aim) = content, style
    both, inverses = roots(torch.cat([_blurred(own), _blurred(aim)]))
    (root, other), inverse = both.chunk(2), inverses[: len(own)]
    matrix = inverse @ turn(other @ root).mT @ other
    return matrix, wanted - (matrix @ mean[:, :, None])[:, :, 0]


def roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The square root of a positive definite ``matrix`` ``[N, C, C]``, and its inverse.

    By Newton-Schulz iterations (Higham 2008, *Functions of Matrices*, equation 6.35), which are products only and so run
    wherever a network runs, after quick ones of a higher order.
    """
    scale = matrix.square().sum((1, 2), keepdim=True).sqrt()
    identity = torch.eye(matrix.shape[1]).to(matrix)
    root, inverse = matrix / scale, identity.expand_as(matrix)
    for number in range(OUTER + EXACT):
        step = _step(inverse @ root, identity, quick=number < OUTER)
        root, inverse = root @ step, step @ inverse
    return root * scale.sqrt(), inverse / scale.sqrt()


def turn(matrix: Tensor) -> Tensor:
    """The orthogonal matrix nearest to a ``matrix`` ``[N, C, C]``, its polar factor, likewise (Higham 2008, equation 8.20)."""
    identity = torch.eye(matrix.shape[1]).to(matrix)
    found = matrix / matrix.square().sum((1, 2), keepdim=True).sqrt()
    for number in range(INNER + EXACT):
        found = found @ _step(found.mT @ found, identity, quick=number < INNER)
    return found


def _step(product: Tensor, identity: Tensor, *, quick: bool) -> Tensor:
    """What brings a ``product`` nearer to the ``identity`` that it becomes."""
    if quick:
        return QUICK[0] * identity + QUICK[1] * product + QUICK[2] * product @ product
    return 1.5 * identity - 0.5 * product


def _blurred(covariance: Tensor) -> Tensor:
    """A covariance with noise in all directions."""
    identity = torch.eye(covariance.shape[1]).to(covariance)
    if covariance.shape[1] == 3:
        return covariance + COLOURS * identity
    variance = covariance.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    return covariance + (FEATURES * variance + 1e-6) * identity
