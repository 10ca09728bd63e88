"""The style loss of Gatys et al.: which features occur together, wherever that is (Gatys et al. 2016, section 2.2)."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from impasto.encoders.tensors import quicker_convolved
from impasto.losses.term import Encode, Features, Term, energy, promote, squared_error


class _Gram(torch.autograd.Function):
    """The Gram matrix with its backward pass in one product and in the features' own memory layout.

    On a processor both are what a convolution of one position computes: forward, the gradient that its weights have where features
    meet themselves, and back, the convolution. See :func:`.products`.
    """

    @staticmethod
    def forward(context: Any, features: Tensor) -> Tensor:
        context.save_for_backward(features)
        positions = features.shape[2] * features.shape[3]
        # Picture by picture: a batched product would copy its operands first.
        if quicker_convolved(features):
            found = [_met(x) for x in torch.split(features, 1)]
        else:
            found = [matrix.T @ matrix for matrix in features.permute(0, 2, 3, 1).flatten(1, 2)]
        return _joined(found).to(promote(features)) / positions

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        (features,) = context.saved_tensors
        (gradient,) = gradients
        symmetric = ((gradient + gradient.mT) / (features.shape[2] * features.shape[3])).to(features.dtype)
        if quicker_convolved(features):
            slopes = [functional.conv2d(x, y[:, :, None, None]) for x, y in zip(torch.split(features, 1), symmetric, strict=True)]
            return slopes[0] if len(slopes) == 1 else torch.cat(slopes)
        rows = features.permute(0, 2, 3, 1)
        slopes = [matrix @ factor for matrix, factor in zip(rows.flatten(1, 2), symmetric, strict=True)]
        return _joined(slopes).view(rows.shape).permute(0, 3, 1, 2)


def _met(x: Tensor) -> Tensor:
    """The products ``[C, C]`` of the features of one picture ``x`` ``[1, C, h, w]``, summed over positions."""
    weights = x.new_empty(x.shape[1], x.shape[1], 1, 1)  # of which only the shape matters
    found: Tensor = torch.ops.aten.convolution_backward(
        x, x, weights, None, (1, 1), (0, 0), (1, 1), False, (0, 0), 1, (False, True, False)
    )[1]
    return found[:, :, 0, 0]


def _joined(parts: list[Tensor]) -> Tensor:
    """Parts stacked; one alone is not copied, as features can be large."""
    return parts[0][None] if len(parts) == 1 else torch.stack(parts)


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


_FORMULAS = {
    "relative": r"\frac{\sum_{ij} (G^l_{ij} - A^l_{ij})^2}{\sum_{ij} (A^l_{ij})^2}",
    "gatys": r"\frac{1}{4 N_l^2 M_l^2} \sum_{ij} (G^l_{ij} - A^l_{ij})^2",
    "tutorial": r"\frac{1}{N_l^2} \sum_{ij} \left(\frac{G^l_{ij} - A^l_{ij}}{N_l M_l}\right)^2",
    "keras": r"\frac{1}{4 \cdot 3^2 (HW)^2} \sum_{ij} (G^l_{ij} - A^l_{ij})^2",
    "mean": r"\frac{1}{N_l^2} \sum_{ij} (G^l_{ij} - A^l_{ij})^2",
}


@dataclass(frozen=True, kw_only=True)
class Gram(Term):
    """Squared distance of the canvas's Gram matrices G from the style's, A (Gatys et al. 2016, equations 3 to 5).

    With N channels, M positions and ``G = F Fᵀ``. Published losses assume that content and style have the same size.
    Where they don't, A is taken as if the style had as many positions as the canvas, which is what equal textures of
    different sizes ask for.

    Attributes:
        scale: what ``Σ (G - A)²`` is multiplied by: ``gatys`` is the paper's ``1 / 4N²M²``; ``tutorial`` is PyTorch's
            mean squared error of ``G / NM``, ``1 / N⁴M²``; ``keras`` is ``1 / (4 · 3² · (HW)²)`` with the picture's own
            height and width at every layer; ``mean`` is ``1 / N²``, of unnormalised Gram matrices; ``relative`` (ours)
            is ``1 / |A|²``, so that every layer counts the same however strong its activations are.
    """

    scale: Literal["relative", "gatys", "tutorial", "keras", "mean"] = "relative"
    name: ClassVar[str] = "style"
    role: ClassVar[str] = "style"
    source: ClassVar[Literal["content", "style"] | None] = "style"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        return _FORMULAS[self.scale]

    def target(self, picture: Tensor, encode: Encode) -> Features:
        """See :meth:`Term.target`: the style's Gram matrices, averaged over positions, ``{layer: [1, C, C]}``."""
        return {layer: gram(x) for layer, x in encode(picture, self.layers).items()}

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""

        def loss(layer: str) -> Tensor:
            x, style = features[layer], target[layer]
            error = squared_error(gram(x), style)  # of matrices averaged over positions: a factor of 1 / M² is in it already
            if self.scale == "relative":
                return error / energy(style)
            channels, positions = x.shape[1], x.shape[2] * x.shape[3]
            pixels = canvas.shape[2] * canvas.shape[3]
            factors = {
                "gatys": 1 / (4 * channels**2),
                "tutorial": 1 / channels**4,
                "keras": positions**2 / (4 * 3**2 * pixels**2),
                "mean": positions**2 / channels**2,
            }
            return error * factors[self.scale]

        return self.over_layers(loss)
