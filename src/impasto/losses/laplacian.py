"""The Laplacian loss: the canvas keeps the content's edges and fine lines (Li et al. 2017, section 3)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from impasto.losses.term import Encode, Features, Term


@dataclass(frozen=True, kw_only=True)
class Laplacian(Term):
    """Squared distance of the canvas's Laplacians from the content's, ``Σ_p w_p Σ_ij (D_p(content) - D_p(canvas))²_ij``.

    D_p averages cells of p x p pixels, convolves each channel with ``[[0, -1, 0], [-1, 4, -1], [0, -1, 0]]``, without
    padding, and adds the channels up. Cells that the border cuts are left out. A picture of fewer than 3 cells in
    either direction has no Laplacian, and costs nothing.

    Attributes:
        pools: the sides p of the cells, in pixels.
        pool_weights: factors ``w_p``, as many as pools; empty for their mean, ``1 / n`` each.
        units: what white is: 255 for a paper whose pixels run from 0 to 255.
        mean: divide by the Laplacian's number of values, as the authors' code does, so that one weight holds at every size.
    """

    pools: tuple[int, ...] = (4,)
    pool_weights: tuple[float, ...] = ()
    units: float = 1.0
    mean: bool = True
    name: ClassVar[str] = "laplacian"
    role: ClassVar[str] = "laplacian"
    source: ClassVar[Literal["content", "style"] | None] = "content"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        total = r"\sum_{ij} (D_p(x_c) - D_p(x))_{ij}^2"
        return r"\sum_p w_p " + (rf"\frac{{1}}{{M_p}} {total}" if self.mean else total)

    def target(self, picture: Tensor, encode: Encode) -> Features:
        """See :meth:`Term.target`: the content's Laplacians, ``{str(p): [1, h, w]}``."""
        return {str(pool): self._laplacian(picture, pool) for pool in self.pools}

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""
        loss = canvas.new_zeros(())
        weights = self.pool_weights or (1 / len(self.pools),) * len(self.pools)
        for weight, pool in zip(weights, self.pools, strict=True):
            error = (self._laplacian(canvas, pool) - target[str(pool)]).square()
            loss = loss + weight * (error.sum() / max(1, error.numel()) if self.mean else error.sum())
        return loss

    def _laplacian(self, picture: Tensor, pool: int) -> Tensor:
        """D_p of a picture, ``[1, 3, H, W]`` to ``[1, h, w]``."""
        # Everything here is linear: adding the channels up first is a third of the work.
        grey = picture.sum(dim=1) * self.units
        height, width = (side // pool for side in grey.shape[1:])
        x = grey[:, : height * pool, : width * pool].reshape(1, height, pool, width, pool).mean(dim=(2, 4))
        inner = x[:, 1:-1, 1:-1]
        return 4 * inner - x[:, :-2, 1:-1] - x[:, 2:, 1:-1] - x[:, 1:-1, :-2] - x[:, 1:-1, 2:]
