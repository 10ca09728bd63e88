"""The histogram loss: every feature takes its values as often as in the style (Risser, Wilmot & Barnes 2017, section 4)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from impasto.losses.term import Encode, Features, Term, energy, promote, with_gradient

_FORMULAS = {
    "relative": r"\frac{\frac{1}{M_l} \sum_{ij} (O^l_{ij} - R(O^l)_{ij})^2}{\frac{1}{M'_l} \sum_{ij} (S^l_{ij})^2}",
    "sum": r"\sum_{ij} (O^l_{ij} - R(O^l)_{ij})^2",
}

# How many values are sorted at once: few enough to stay in a processor's cache.
_BLOCK = 2**18


@dataclass(frozen=True, kw_only=True)
class Histogram(Term):
    """Squared distance of the canvas's features O from themselves, R(O), after matching each channel's histogram to the style's.

    Risser, Wilmot & Barnes 2017, section 4, with R(O) constant for the gradient. The paper matches histograms of 256
    bins; here they are matched exactly, by sorting: the canvas's m-th lowest value in a channel becomes the style's,
    S's, or the quantile between two of them where the pictures have different numbers of positions. Equal values are
    ranked in reading order.

    Attributes:
        scale: ``sum`` is the paper's ``|O - R(O)|²``; ``relative`` (ours) divides its mean over M positions by that of
            ``|S|²`` over M', so that one weight holds for every layer, encoder and picture size.
    """

    scale: Literal["relative", "sum"] = "relative"
    name: ClassVar[str] = "histogram"
    role: ClassVar[str] = "style"
    source: ClassVar[Literal["content", "style"] | None] = "style"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        return _FORMULAS[self.scale]

    def target(self, picture: Tensor, encode: Encode) -> Features:
        """See :meth:`Term.target`: the sorted values of each channel of the style's features, ``{layer: [C, M]}``."""
        return {layer: _rows(x).sort(dim=1).values for layer, x in encode(picture, self.layers).items()}

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""

        def loss(layer: str) -> Tensor:
            style = target[layer]
            rows = _rows(features[layer])
            error = _distance(rows, style)
            if self.scale == "relative":
                return error / rows.shape[1] / (energy(style) / style.shape[1])
            return error

        return self.over_layers(loss)


def _rows(features: Tensor) -> Tensor:
    """Features ``[1, C, h, w]`` as one row per channel, ``[C, M]``, in float32 or better."""
    return features[0].flatten(1).to(promote(features)).contiguous()


def _distance(rows: Tensor, style: Tensor) -> Tensor:
    """``|O - R(O)|²`` of rows ``[C, M]``, with the rows of ``style`` ``[C, M']`` in order."""
    error, gradient = rows.new_zeros(()), torch.empty_like(rows)
    channels = max(1, _BLOCK // rows.shape[1])
    with torch.no_grad():
        for x, matched, slope in zip(*(torch.split(part, channels) for part in (rows, style, gradient)), strict=True):
            if matched.shape != x.shape:
                matched = functional.interpolate(matched[None], size=x.shape[1], mode="linear", align_corners=False)[0]
            order = _order(x)
            difference = x.gather(1, order).sub_(matched)
            error += difference.square().sum()
            slope.scatter_(1, order, difference.mul_(2))
    return with_gradient(rows, error, gradient)


def _order(rows: Tensor) -> Tensor:
    """The positions of each row's values from the lowest to the highest, ``[C, M]``."""
    if rows.device.type != "cpu" or rows.dtype != torch.float32:
        return rows.argsort(dim=1, stable=True)
    # On a processor torch is slow at sorting values along with their positions. An integer with the value in its upper
    # half, as bits that rise with it, and the position in the lower is sorted several times as fast. Adding 0 makes -0 the
    # same as 0.
    bits = (rows + 0).view(torch.int32)
    keys = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).to(torch.int64).mul_(2**32).add_(torch.arange(rows.shape[1]))
    keys.numpy().sort(axis=1)
    return keys.bitwise_and_(2**32 - 1)
