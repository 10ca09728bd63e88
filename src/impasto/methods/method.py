"""A method: a published algorithm as data, of one of three families."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from impasto.encoders import Variant
from impasto.losses import Term
from impasto.optimise import LBFGS, Balance, Keep, Solver


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What changes where a published method looks through a packaged encoder.

    Published weights suit the size of their own network's activations. Our encoder's are 1 on average.

    Attributes:
        weights: of terms, by name, in place of the published ones.
        layer_weights: of a term's layers, likewise.
        smoothing: the softmax's temperature.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    layer_weights: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    smoothing: float | None = None


@dataclass(frozen=True, kw_only=True)
class Method:
    """An image-optimisation algorithm, as data that reads like the paper's section on settings.

    Attributes:
        name: what ``--method`` calls it.
        citation: who published it, and where.
        good_at: what its authors say it is good at, in one line.
        encoder: the network its terms look through.
        variant: how that network differs from the network as it was trained.
        smoothing: the temperature of a softmax that the features are looked at through (Wang et al. 2021), if any.
        terms: its losses, with layers and weights. A term that looks at a content or a style says which pictures it needs.
        elsewhere: what changes with a packaged encoder.
        trade_offs: the ratios of content to style weight that the paper shows, its default first.
        start: what optimisation begins from: ``content``, ``style`` or ``noise``.
        solver: who moves the canvas, and in which units.
        steps: objective evaluations per level of the pyramid, coarse to fine.
        ratio: the size of a level over that of the one before.
        detail: how much of the content's fine detail is added to the canvas when a level begins, 0 for none.
        clamp: whether the canvas is cut off at 0 and 1 before every evaluation.
        keep: whether a level ends with its ``best`` or its ``last`` canvas.
        style_size: ``content`` stretches the style picture to the content's size, ``longest`` gives it the content's
            longest side; a number is its longest side in pixels.
        balance: weighs the terms by their gradients, if it does.
        precision: what its encoder computes in; ``auto`` is what the device is fastest at.
    """

    name: str
    citation: str
    good_at: str
    encoder: str = "vgg19"
    variant: Variant = field(default_factory=Variant)
    smoothing: float | None = None
    terms: tuple[Term, ...]
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    trade_offs: tuple[float, ...] = ()
    start: str
    solver: Solver
    steps: tuple[int, ...]
    ratio: float = 2.0
    detail: float = 0.0
    clamp: bool = False
    keep: Keep = "last"
    style_size: Literal["content", "longest"] | int = "longest"
    balance: Balance | None = None
    precision: Literal["auto", "float32", "bfloat16"] = "float32"

    @property
    def sources(self) -> frozenset[str]:
        """The pictures the method needs: ``content``, ``style`` or both."""
        return frozenset(term.source for term in self.terms if term.source)

    def fast(self) -> "Method":
        """The same losses, painted the quick way: coarse to fine, 220 steps of our own L-BFGS, in the quickest precision."""
        units, quick = self.solver.units, LBFGS()
        return replace(
            self,
            solver=LBFGS(first=quick.first * units, longest=quick.longest * units, units=units),
            steps=(100, 60, 40, 20),
            ratio=2**0.8,
            detail=1.0 if self.start == "content" else 0.0,
            clamp=True,
            keep="best",
            precision="auto",
        )


@dataclass(frozen=True, kw_only=True)
class Network:
    """A model-optimisation algorithm: a network is trained once, and then paints in one pass.

    Attributes:
        name: what ``--method`` calls it; also the kind of its model files, :data:`impasto.feedforward.models.KINDS`.
        citation: who published it, and where.
        good_at: what it is good at, in one line.
        sources: the pictures it needs: ``content``, and ``style`` unless its model knows its styles already.
        style_size: the longest side, in pixels, of the style pictures it looks at; smaller ones stay as they are.
    """

    name: str
    citation: str
    good_at: str
    sources: frozenset[str]
    style_size: int = 512


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """An algorithm of image-based artistic rendering, which needs no network.

    Attributes:
        name: what ``--method`` calls it.
        citation: who published it, and where.
        good_at: what it is good at, in one line.
        sources: the pictures it needs: ``content``, ``style`` or both.
        optional: the pictures it makes use of if there are any: ``content``, ``style``, ``pair`` or ``focus``.
        presets: the manners it paints in, by the names that ``preset`` takes.
        options: what it is asked besides what every method is, with the defaults; None stands for what suits the pictures.
        strokes: whether its paintings are strokes, which an SVG file can hold.
    """

    name: str
    citation: str
    good_at: str
    sources: frozenset[str]
    optional: frozenset[str] = frozenset()
    presets: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    strokes: bool = False
