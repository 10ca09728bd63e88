"""Neighbours: every place of the canvas looks like that of the style which is most like it (Kolkin et al. 2022, *NNST*)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from impasto.encoders.tensors import products
from impasto.losses.term import Encode, Features, Lots, Term, promote

COLUMNS, WANTED = "columns", "wanted"
_BLOCK = 2**25  # pairs of places compared at once, which bounds the memory


@dataclass(frozen=True, kw_only=True)
class Neighbours(Term):
    """The cosine distance of the canvas's hypercolumns from those of the style that they were most like when a level began.

    Kolkin et al. 2022, equations 1 and 2: all layers' features, each divided by its number of channels, are resampled at a quarter of the
    picture's resolution. As a level begins, every place is given a hypercolumn of the style: that of the least cosine distance, both
    sets less their means, from a picture between the content and the canvas. A step then only has to come nearer to what is wanted.

    Attributes:
        canvas: how much of the picture that is matched is the canvas; the rest is the content, where there is one.
        turns: the quarter turns of the style that places are found in.
        reduced: how many pixels are side by side in a place.
    """

    canvas: float = 0.25
    turns: tuple[int, ...] = (0, 1, 2, 3)
    reduced: int = 4
    name: ClassVar[str] = "neighbours"
    role: ClassVar[str] = "style"
    source: ClassVar[Literal["content", "style"] | None] = "style"
    apart: ClassVar[bool] = False

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        return r"\frac{1}{n} \sum_i \left( 1 - \frac{h_i \cdot h^s_{NN(i)}}{|h_i| |h^s_{NN(i)}|} \right)"

    def target(self, picture: Tensor, encode: Encode) -> Features:
        """See :meth:`Term.target`: the style's hypercolumns, ``[m, C]``, in all its turns."""
        turned = (torch.rot90(picture, turn, (2, 3)) for turn in self.turns)
        return {COLUMNS: torch.cat([self._columns(one, encode(one, self.layers)) for one in turned])}

    def begun(self, target: Features, canvas: Tensor, content: Tensor | None, encode: Encode) -> Features:
        """See :meth:`Term.begun`: the hypercolumn that is wanted of every place, ``[n, C]``."""
        picture = canvas if content is None else torch.lerp(content, canvas, self.canvas)
        return {WANTED: target[COLUMNS][nearest(self._columns(picture, encode(picture, self.layers)), target[COLUMNS])]}

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`; where no level has begun, the neighbours are the canvas's own."""
        mine = self._columns(canvas, features)
        wanted = target[WANTED] if WANTED in target else target[COLUMNS][nearest(mine.detach(), target[COLUMNS])]
        return 1 - functional.cosine_similarity(mine, wanted, dim=1, eps=1e-6).mean()

    def _columns(self, picture: Tensor, features: Features) -> Tensor:
        """The hypercolumns ``[n, C]`` of a ``picture`` ``[1, 3, H, W]`` with these ``features``."""
        size = [max(1, side // self.reduced) for side in picture.shape[2:]]
        maps = (features[layer].to(promote(features[layer])) for layer in self.layers)
        return torch.cat([functional.interpolate(x, size=size, mode="bilinear")[0].flatten(1) / x.shape[1] for x in maps]).mT


@dataclass(frozen=True, kw_only=True)
class Splitting(Lots):
    """The cosine distance of every layer's features from their nearest among the style's, each layer by itself.

    Kolkin et al. 2022, section 3.3, *feature splitting*: what is near is found anew at every step, both sets less their means. The
    gradient holds the matches fixed. A large layer is seen at every so many positions.

    Attributes:
        turns: the quarter turns of the style that features are found in.
        side: positions of the canvas along its longest side that are looked at, at least; fewer than twice as many.
    """

    turns: tuple[int, ...] = (0, 1, 2, 3)
    side: int = 64
    lots: bool = True
    name: ClassVar[str] = "splitting"
    role: ClassVar[str] = "style"
    source: ClassVar[Literal["content", "style"] | None] = "style"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        return r"\frac{1}{n} \sum_i \min_j \left( 1 - \cos(F^l_i - \bar F^l, F^{l,s}_j - \bar F^{l,s}) \right)"

    def target(self, picture: Tensor, encode: Encode) -> Features:
        """See :meth:`Term.target`: the features in every turn, ``{layer + " " + turn: [1, C, h, w]}``."""
        turned = {turn: encode(torch.rot90(picture, turn, (2, 3)), self.layers) for turn in self.turns}
        return {f"{layer} {turn}": x for turn, features in turned.items() for layer, x in features.items()}

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""
        draw = torch.Generator().manual_seed(self.turn)

        def loss(layer: str) -> Tensor:
            stride = max(1, max(features[layer].shape[2:]) // self.side)
            begin = torch.randint(stride, (2,), generator=draw).tolist()
            mine = _centred([features[layer]], stride, begin)
            his = _centred([target[f"{layer} {turn}"] for turn in self.turns], stride, begin)
            return 1 - (mine * his[_most_alike(mine.detach(), his)]).sum(1).mean()

        return self.over_layers(loss)


def nearest(mine: Tensor, his: Tensor) -> Tensor:
    """Which of ``his`` vectors ``[m, C]`` has the least cosine distance from each of ``mine`` ``[n, C]``, both less their means."""
    return _most_alike(_directions(mine), _directions(his))


def _directions(vectors: Tensor) -> Tensor:
    """Vectors ``[n, C]`` less their mean, of length 1."""
    return functional.normalize(vectors - vectors.mean(0), dim=1, eps=1e-6)


def _most_alike(mine: Tensor, his: Tensor) -> Tensor:
    """Which of ``his`` directions has the largest product with each of ``mine``, a block of them at a time."""
    return torch.cat([products(block, his).argmax(1) for block in torch.split(mine, max(1, _BLOCK // len(his)))])


def _centred(maps: Sequence[Tensor], stride: int, begin: Sequence[int]) -> Tensor:
    """The directions at every ``stride``-th position of ``maps`` ``[1, C, h, w]``, from the row and the column they ``begin`` at."""
    down, right = begin
    taken = (x[0, :, down % x.shape[2] :: stride, right % x.shape[3] :: stride].flatten(1) for x in maps)
    vectors = torch.cat(list(taken), dim=1).mT
    return _directions(vectors.to(promote(vectors)))
