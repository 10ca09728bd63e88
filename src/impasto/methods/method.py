"""A method: a published algorithm as data."""

from dataclasses import dataclass

from impasto.losses import Term


@dataclass(frozen=True, kw_only=True)
class Method:
    """An image-optimisation algorithm, as data that reads like the paper's section on settings.

    Attributes:
        name: what ``--method`` calls it.
        citation: who published it, and where.
        encoder: the network its terms look through.
        terms: its losses, with layers and weights.
        start: what optimisation begins from: ``content``, ``style`` or ``noise``.
        solver: ``lbfgs``, ``adam`` or ``sgd``.
        steps: objective evaluations per level of the pyramid, coarse to fine.
        detail: how much of the content's fine detail is added to the canvas when a level begins, 0 for none.
        ratio: the size of a level over that of the one before.
    """

    name: str
    citation: str
    encoder: str
    terms: tuple[Term, ...]
    start: str
    solver: str
    steps: tuple[int, ...]
    detail: float = 0.0
    ratio: float = 2**0.8
