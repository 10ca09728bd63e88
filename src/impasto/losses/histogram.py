"""The histogram loss: every feature takes its values as often as in the style (Risser, Wilmot & Barnes 2017, section 4)."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
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
        """See :meth:`Term.target`: the sorted values of each channel of the style's features, ``{layer: [C, M]}``, and the energy of
        a position, ``{layer + " energy": []}``.
        """
        values = {layer: _rows(x).sort(dim=1).values for layer, x in encode(picture, self.layers).items()}
        return {**values, **{f"{layer} energy": energy(x) / x.shape[1] for layer, x in values.items()}}

    def begun(self, target: Features, canvas: Tensor, content: Tensor | None, encode: Encode) -> Features:
        """See :meth:`Term.begun`: the values, as many as the canvas has."""
        seen = encode(canvas, self.layers)
        return {**target, **{layer: _as_many(target[layer], math.prod(x.shape[2:])) for layer, x in seen.items()}}

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""

        def loss(layer: str) -> Tensor:
            x = features[layer]
            positions = math.prod(x.shape[2:])
            error = _distance(x, _as_many(target[layer], positions))
            if self.scale == "relative":
                return error / positions / target[f"{layer} energy"]
            return error

        return self.over_layers(loss)


def _rows(features: Tensor) -> Tensor:
    """Features ``[1, C, h, w]`` as one row per channel, ``[C, M]``, in float32 or better."""
    return features[0].flatten(1).to(promote(features)).contiguous()


def _as_many(style: Tensor, positions: int) -> Tensor:
    """The ``style``'s values in order, ``[C, M']``, as if it had so many positions, ``[C, M]``."""
    if style.shape[1] == positions:
        return style
    return functional.interpolate(style[None], size=positions, mode="linear", align_corners=False)[0]


def _distance(x: Tensor, style: Tensor) -> Tensor:
    """``|O - R(O)|²`` of features ``[1, C, h, w]``, with the values of the ``style`` ``[C, M]`` in order."""
    with torch.no_grad():
        rows = _rows(x)
        error, gradient = _in_bits(rows, style) if rows.device.type == "cpu" and rows.dtype == torch.float32 else _in_order(rows, style)
        # In the features' own layout, as what other terms' gradients are added to.
        slope = torch.empty_like(x, dtype=rows.dtype).copy_(gradient.view(x.shape))
    return with_gradient(x, error, slope)


def _in_order(rows: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
    """The distance and its gradient, a part of the channels at a time."""
    error, gradient = rows.new_zeros(()), torch.empty_like(rows)
    for x, matched, slope in zip(*(torch.split(part, max(1, _BLOCK // rows.shape[1])) for part in (rows, style, gradient)), strict=True):
        order = x.argsort(dim=1, stable=True)
        difference = x.gather(1, order).sub_(matched)
        error += difference.square().sum()
        slope.scatter_(1, order, difference.mul_(2))
    return error, gradient


def _in_bits(rows: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
    """The same on a processor, where torch is slow at sorting values along with their positions.

    An integer with the value in its upper half, as bits that rise with it, and the position in the lower is sorted several times as fast,
    and says both when it is. Channels are sorted side by side: numpy lets other threads run.
    """
    gradient = torch.empty_like(rows)
    given, aims, slopes = (part.detach().numpy() for part in (rows, style, gradient))
    places = np.arange(rows.shape[1], dtype=np.int64)

    def distance(channels: slice) -> float:
        keys = _rising((given[channels] + np.float32(0)).view(np.int32)).astype(np.int64)  # adding 0 makes -0 the same as 0
        keys <<= 32
        keys |= places
        keys.sort(axis=1)
        order = keys & (2**32 - 1)
        keys >>= 32
        difference = _rising(keys.astype(np.int32)).view(np.float32)
        difference -= aims[channels]
        for slope, places_of, values in zip(slopes[channels], order, 2 * difference, strict=True):
            slope[places_of] = values
        return float(np.square(difference, out=difference).sum())

    step = max(1, _BLOCK // rows.shape[1])
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        errors = list(pool.map(distance, (slice(first, first + step) for first in range(0, len(given), step))))
    return rows.new_tensor(math.fsum(errors) if np.isfinite(errors).all() else math.nan), gradient


def _rising(bits: NDArray[np.int32]) -> NDArray[np.int32]:
    """The ``bits`` of numbers as whole numbers that rise with them, or those as the bits again."""
    return bits ^ ((bits >> 31) & 0x7FFFFFFF) if bits.size and bits.min() < 0 else bits
