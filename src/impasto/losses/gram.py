"""The style loss of Gatys et al.: which features occur together, wherever that is (Gatys et al. 2016, section 2.2)."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from impasto.losses.term import Features, Term, promote, relative_squared_error


class _Gram(torch.autograd.Function):
    """The Gram matrix with its backward pass in one product and in the features' own memory layout."""

    @staticmethod
    def forward(context: Any, features: Tensor) -> Tensor:
        context.save_for_backward(features)
        # Picture by picture: a batched product would copy its operands first.
        rows = features.permute(0, 2, 3, 1).flatten(1, 2)
        return torch.stack([matrix.T @ matrix for matrix in rows]).to(promote(features)) / rows.shape[1]

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        (features,) = context.saved_tensors
        (gradient,) = gradients
        rows = features.permute(0, 2, 3, 1)
        symmetric = ((gradient + gradient.mT) / (rows.shape[1] * rows.shape[2])).to(features.dtype)
        products = [matrix @ factor for matrix, factor in zip(rows.flatten(1, 2), symmetric, strict=True)]
        return torch.stack(products).view(rows.shape).permute(0, 3, 1, 2)


def gram(features: Tensor) -> Tensor:
    """The Gram matrix, averaged over positions: ``G[i, j] = mean over x of F[i, x] F[j, x]``.

    Gatys et al. 2016, equation 3, sums over positions; the average makes pictures of different sizes comparable.

    Args:
        features: ``[N, C, H, W]``, any floating precision.

    Returns:
        ``[N, C, C]``, in float32 or better.
    """
    matrix: Tensor = _Gram.apply(features)  # type: ignore[no-untyped-call]
    return matrix


@dataclass(frozen=True, kw_only=True)
class Gram(Term):
    """Squared distance of Gram matrices, relative to the style's: ``mean over layers of |G - A|² / |A|²``.

    Gatys et al. 2016, equations 4 and 5, with each layer's normalisation ``1 / 4N²M²`` replaced by ``1 / |A|²``, so
    that every layer counts the same however strong its activations are.
    """

    name: ClassVar[str] = "style"
    source: ClassVar[Literal["content", "style"] | None] = "style"

    def target(self, features: Features) -> Features:
        """The Gram matrices ``{layer: [1, C, C]}`` of the style's features."""
        return {layer: gram(x) for layer, x in features.items()}

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""
        return torch.stack([relative_squared_error(gram(features[layer]), target[layer]) for layer in self.layers]).mean()
