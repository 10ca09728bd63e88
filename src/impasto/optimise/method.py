"""A method of image optimisation: a published algorithm as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from impasto.encoders import Variant
from impasto.family import Page
from impasto.losses import Term
from impasto.optimise.balance import Balance
from impasto.optimise.pyramid import Keep
from impasto.optimise.solvers import LBFGS, Solver


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What of a method changes when a packaged encoder takes the place of its own; the published numbers suit VGG and ResNet.

    Attributes:
        terms: by a term's name, the fields that change and what they are; weights for instance.
        smoothing: the softmax's temperature.
        steps: per level, in place of the published ones, none to keep those.
        again: likewise of the steps that are taken again.
    """

    terms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    smoothing: float | None = None
    steps: tuple[int, ...] = ()
    again: int | None = None


@dataclass(frozen=True, kw_only=True)
class Method(Page):
    """An image-optimisation algorithm, as data that reads like the paper's section on settings.

    Attributes:
        encoder: the network its terms look through.
        variant: how that network differs from the network as it was trained.
        smoothing: the temperature of a softmax that the features are looked at through (Wang et al. 2021), if any.
        terms: its losses, with layers and weights. A term that looks at a content or a style says which pictures the method needs.
        elsewhere: what changes with a packaged encoder.
        trade_offs: the ratios of content to style weight that the paper shows, its default first.
        start: what optimisation begins from: ``content``, ``style``, ``noise``, ``mean``, the style's mean colour, or ``arbitrary``, what
            that method paints in one pass, or the content where it can't paint in such a style.
        solver: who moves the canvas, and in which units.
        finest: who moves it at the finest level, if another does.
        steps: objective evaluations per level of the pyramid, coarse to fine.
        again: steps that are taken again at the finest level, as if it were one more, which a ``schedule`` may give other terms.
        ratio: the size of a level over that of the one before.
        detail: how much of the content's fine detail, or of that of the painting in one pass which it begins from, is added to the canvas
            when a level after the first begins, 0 for none; or how much at each level, coarse to fine.
        schedule: factors of terms' weights at the levels, coarse to fine, by the terms' names. As of ``detail``, the last is the finest
            level's, and if a picture has more levels, the first is that of all those before.
        clamp: whether the canvas is cut off at 0 and 1 before every evaluation.
        keep: whether a level ends with its ``best`` or its ``last`` canvas.
        chroma: whether the finished painting's chroma is the content's, carried to the style's; see :func:`impasto.picture.with_chroma`.
        style_size: ``content`` stretches the style picture to the content's size, ``longest`` gives it the content's
            longest side; a number is its longest side in pixels.
        balance: weighs the terms by their gradients, if it does.
        precision: what its encoder computes in; ``auto`` is what the device is fastest at.
    """

    encoder: str = "vgg19"
    variant: Variant = field(default_factory=Variant)
    smoothing: float | None = None
    terms: tuple[Term, ...]
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    trade_offs: tuple[float, ...] = ()
    start: str
    solver: Solver
    finest: Solver | None = None
    steps: tuple[int, ...]
    again: int = 0
    ratio: float = 2.0
    detail: float | tuple[float, ...] = 0.0
    schedule: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    clamp: bool = False
    keep: Keep = "last"
    chroma: bool = False
    style_size: Literal["content", "longest"] | int = "longest"
    balance: Balance | None = None
    precision: Literal["auto", "float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        named = {term.source for term in self.terms if term.source}
        object.__setattr__(self, "sources", frozenset(named - {"recoloured"} | ({"content", "style"} if "recoloured" in named else set())))

    def adapted(self) -> "Method":
        """The method as a packaged encoder needs it, in place of the published one; see :class:`Elsewhere`."""
        changes = self.elsewhere
        return replace(
            self,
            terms=tuple(replace(term, **changes.terms.get(term.name, {})) for term in self.terms),
            smoothing=changes.smoothing or self.smoothing,
            steps=changes.steps or self.steps,
            again=self.again if changes.again is None else changes.again,
        )

    def fast(self) -> "Method":
        """The same losses, painted the quick way: coarse to fine, 220 steps of our own L-BFGS, in the quickest precision.

        A method that begins from a painting in one pass is as quick already, and stays as it is.
        """
        if self.start == "arbitrary":
            return self
        units, quick = self.solver.units, LBFGS()
        return replace(
            self,
            terms=tuple(term.still() for term in self.terms),
            finest=None,
            solver=LBFGS(first=quick.first * units, longest=quick.longest * units, units=units),
            elsewhere=replace(self.elsewhere, steps=(), again=None),
            steps=(100, 60, 40, 20),
            again=min(self.again, 20),
            ratio=2**0.8,
            detail=1.0 if self.start == "content" else self.detail,
            clamp=True,
            keep="best",
            precision="auto",
        )
