"""Optimal transport made cheap: the relaxed earth mover's distance, and what Kolkin et al. 2019 keep beside it."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from impasto.encoders.tensors import products
from impasto.losses.hypercolumns import Hypercolumns, cosine
from impasto.losses.term import Encode, Features

DIRECTIONS, COLOURS = "directions", "colours"
RELAXED = r"\max\left(\frac{1}{n} \sum_i \min_j D_{ij}, \; \frac{1}{m} \sum_j \min_i D_{ij}\right)"

# Rows: brightness, and two directions of colour at right angles to it.
DECORRELATED = ((0.57735, 0.57735, 0.57735), (-0.57735, 0.788675, -0.211325), (-0.57735, -0.211325, 0.788675))


@dataclass(frozen=True, kw_only=True)
class Cloud(Hypercolumns):
    """A loss between the canvas's cloud of hypercolumns and the style's.

    Attributes:
        style_places: how many of the style's places it looks at, at most.
    """

    style_places: int = 5000
    role: ClassVar[str] = "style"
    source: ClassVar[Literal["content", "style"] | None] = "style"

    def target(self, picture: Tensor, encode: Encode) -> Features:
        """See :meth:`Term.target`: what there is to know of the style's cloud."""
        return self.known(self.columns(picture, encode(picture, self.layers) if self.layers else {}, self.style_places))

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""
        return self.distance(self.columns(canvas, features, self.places), target)

    def known(self, cloud: Tensor) -> Features:
        """What there is to know of a style's ``cloud`` ``[m, C]``."""
        raise NotImplementedError

    def distance(self, cloud: Tensor, style: Features) -> Tensor:
        """The loss of the canvas's ``cloud`` ``[n, C]``, and of what is known of a ``style``."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class EarthMover(Cloud):
    """The relaxed earth mover's distance of the canvas's hypercolumns from the style's.

    Kolkin et al. 2019, equation 5: with ``D_ij`` the cosine distance of the canvas's place i from the style's place j, either every
    place of the one goes to its nearest of the other, or the other way round, and the dearer of the two counts. Both are less than what
    it would cost to move the whole cloud.
    """

    name: ClassVar[str] = "earthmover"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        return RELAXED

    def known(self, cloud: Tensor) -> Features:
        """See :meth:`Cloud.known`: its directions."""
        return {DIRECTIONS: functional.normalize(cloud, dim=1)}

    def distance(self, cloud: Tensor, style: Features) -> Tensor:
        """See :meth:`Cloud.distance`."""
        mine, his = functional.normalize(cloud, dim=1), style[DIRECTIONS]
        with torch.no_grad():
            table = 1 - products(mine, his)
            (forth, nearest), (back, nearest_to) = table.min(1), table.min(0)
            # Which are nearest has no slope. So the loss is 1 less a product with the sum of what each place is nearest to.
            if forth.mean() > back.mean():
                towards = his[nearest] / len(mine)
            else:
                towards = torch.zeros_like(mine).index_add_(0, nearest_to, his) / len(his)
        return 1 - (mine * towards).sum()


@dataclass(frozen=True, kw_only=True)
class CloudMoments(Cloud):
    """How far mean and covariance of the canvas's hypercolumns are from the style's, value by value: ``mean|μ - μ_s| + mean|Σ - Σ_s|``.

    Kolkin et al. 2019, equation 6. The earth mover's cosines say nothing of the features' size; this does.
    """

    name: ClassVar[str] = "cloudmoments"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        return r"\frac{1}{C} |\mu - \mu_s|_1 + \frac{1}{C^2} |\Sigma - \Sigma_s|_1"

    def known(self, cloud: Tensor) -> Features:
        """See :meth:`Cloud.known`: its mean ``[C]`` and covariance ``[C, C]``."""
        return {"mean": cloud.mean(0), "covariance": torch.cov(cloud.mT, correction=0)}

    def distance(self, cloud: Tensor, style: Features) -> Tensor:
        """See :meth:`Cloud.distance`."""
        mine = self.known(cloud)
        return torch.stack([(mine[name] - value).abs().mean() for name, value in style.items()]).sum()


@dataclass(frozen=True, kw_only=True)
class Palette(Cloud):
    """The relaxed earth mover's distance of the canvas's colours from the style's, in a basis that decorrelates them.

    Kolkin et al. 2019, section 2.2: ``D_ij`` is the cosine distance and the root of the mean square distance together.
    """

    colours: bool = True
    name: ClassVar[str] = "palette"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        return RELAXED

    def known(self, cloud: Tensor) -> Features:
        """See :meth:`Cloud.known`: its colours ``[m, 3]`` in the other basis."""
        return {COLOURS: cloud @ torch.tensor(DECORRELATED, dtype=cloud.dtype, device=cloud.device).mT}

    def distance(self, cloud: Tensor, style: Features) -> Tensor:
        """See :meth:`Cloud.distance`."""
        mine, his = self.known(cloud)[COLOURS], style[COLOURS]
        with torch.no_grad():
            table = cosine(mine, his) + torch.cdist(mine, his) / math.sqrt(mine.shape[1])
            nearest, nearest_to = table.argmin(1), table.argmin(0)
        return torch.maximum(_apart(mine, his[nearest]), _apart(mine[nearest_to], his))


def _apart(one: Tensor, other: Tensor) -> Tensor:
    """The mean distance of pairs of colours, ``[n, 3]`` both."""
    away = ((one - other).square().sum(1).clamp_min(1e-5) / one.shape[1]).sqrt()
    return (1 - torch.cosine_similarity(one, other, dim=1) + away).mean()
