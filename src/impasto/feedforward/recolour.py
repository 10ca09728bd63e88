"""Recolouring in closed form: the linear map between two pictures' colours that moves them least."""

import torch
from torch import Tensor

from impasto.feedforward.statistics import covariance

# A standard deviation below 2 % is noise, which must not be amplified.
NOISE = 4e-4
ITERATIONS = 16


def monge(content: tuple[Tensor, Tensor], style: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The linear Monge-Kantorovitch map between colour distributions (Pitié & Kokaram 2007, equation 6).

    ``T = Σc^-½ (Σc^½ Σs Σc^½)^½ Σc^-½`` carries the content's covariance onto the style's, moving colours as little as
    a linear map can.

    Args:
        content: mean ``[N, 3]`` and second moment ``[N, 3, 3]`` of RGB in [0, 1].
        style: likewise.

    Returns:
        ``T`` ``[N, 3, 3]`` and an offset ``[N, 3]``; a colour ``c`` becomes ``T c + offset``.
    """
    wanted, wanted_second = (moment.to(content[0]) for moment in style)
    noise = NOISE * torch.eye(3).to(content[0])
    root, inverse = roots(covariance(*content) + noise)
    middle, _ = roots(root @ (covariance(wanted, wanted_second) + noise) @ root)
    matrix = inverse @ middle @ inverse
    return matrix, wanted - (matrix @ content[0][:, :, None])[:, :, 0]


def recolour(picture: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """A ``picture`` ``[N, 3, H, W]`` with every colour ``c`` replaced by ``matrix c + offset``."""
    return torch.einsum("nij,njhw->nihw", matrix.to(picture), picture) + offset.to(picture)[:, :, None, None]


def roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The square root of a positive definite ``matrix`` ``[N, C, C]``, and its inverse.

    By Newton-Schulz iterations (Higham 2008, *Functions of Matrices*, equation 6.35), which are products only and so run
    wherever a network runs.
    """
    scale = matrix.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
    identity = torch.eye(matrix.shape[1]).to(matrix)
    root, inverse = matrix / scale, identity.expand_as(matrix)
    for _ in range(ITERATIONS):
        step = 1.5 * identity - 0.5 * inverse @ root
        root, inverse = root @ step, step @ inverse
    return root * scale.sqrt(), inverse / scale.sqrt()
