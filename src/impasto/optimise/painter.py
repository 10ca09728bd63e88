"""The painter of image-optimisation methods."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from impasto import encoders
from impasto.encoders import memory, tensors
from impasto.encoders.devices import PRECISIONS, choose_device, choose_precision
from impasto.encoders.smoothed import Smoothed
from impasto.errors import OptionError, PictureError
from impasto.family import Begin, Commission, Floats, Order, Painted, Size
from impasto.losses import Term
from impasto.optimise.method import Method
from impasto.optimise.objective import Encoder, Objective, Sources, Targets
from impasto.optimise.pyramid import levels, optimise
from impasto.optimise.recipe import recipe
from impasto.picture import Opened, fit, recoloured, with_chroma

LIBRARIES = ("torch",)
FIRST_LOOK = 128  # pixels, the longest side that losses are compared at


class Painter:
    """A method with its network and its styles."""

    def __init__(self, order: Order) -> None:
        """Make the recipe, and load the network.

        Args:
            order: of a :class:`.method.Method`.

        Raises:
            OptionError: options that leave nothing to paint, or a start that the method doesn't have.
            EncoderError: weights that can't be used or fetched.
        """
        assert isinstance(order.page, Method)
        options = order.options
        self.order, self.published = order, order.page
        self.method = recipe(order.page, options)
        self.start = options["start"] or self.method.start
        # Another method's painting is one of a content in a style.
        needed = {"content", "style"} if callable(order.start) else {"style" if self.start == "mean" else self.start} & {"content", "style"}
        if lacking := sorted(needed - self.method.sources):
            raise OptionError(f"start {self.start} is impossible for {self.method.name}, which has no {lacking[0]}; choose noise or a file")
        self.device = choose_device(options["device"] or "auto")
        precision = choose_precision(self.method.precision, self.device)
        loaded = encoders.load(
            self.method.encoder, options["encoder_weights"], self.device, PRECISIONS[precision], self.method.variant, order.fetching
        )
        self.encoder: Encoder = Smoothed(loaded.encoder, self.method.smoothing) if self.method.smoothing else loaded.encoder
        self.styles = [(share, tensors.tensor(style.picture)) for share, style in order.styles]
        self.targets = Targets()
        self.settings: Mapping[str, Any] = {
            "encoder": self.method.encoder,
            "start": self.start,
            "device": self.device.type,
            "precision": precision,
            "encoder_sha256": loaded.checksum,
            "threads": torch.get_num_threads(),
        }

    def paint(self, commission: Commission) -> Painted:
        """Paint a ``commission``, as :meth:`impasto.family.Prepared.paint` says."""
        method, size = self.method, commission.size
        sources: dict[str, list[tuple[float, Tensor]]] = {
            "content": [(1.0, _resized(commission.content, size).to(self.device))] if commission.content else [],
            "style": [(share, tensors.resize(style, self._size_of(style, size)).to(self.device)) for share, style in self.styles],
        }
        if any(term.source == "recoloured" for term in method.terms):
            sources["recoloured"] = [(share, _recoloured(sources["content"][0][1], style)) for share, style in sources["style"]]
        if callable(self.order.start):
            sources["start"] = self._painted(self.order.start, sources)
        with memory.kept():
            result = optimise(
                self.encoder,
                self._as_heavy(sources),
                sources,
                self._starting(sources),
                levels(size, method.steps, method.ratio, self.order.options["steps"], method.again),
                method.solver,
                finest=method.finest,
                detail=method.detail,
                schedule=method.schedule,
                clamp=method.clamp,
                keep=method.keep,
                balance=method.balance,
                remembered=self.targets,
                callback=commission.tell,
            )
        self.targets.turn()
        if result.step == 0 and not result.finished:
            raise KeyboardInterrupt
        painting = tensors.array(result.canvas)
        if method.chroma:
            painting = with_chroma(painting, *_arrays(sources))
        return Painted(painting, None if result.finished else result.step)

    def _size_of(self, style: Tensor, finest: Size) -> Size:
        """A style's width and height for a painting of the ``finest`` size."""
        rule = self.method.style_size
        if rule == "content":
            return finest
        height, width = style.shape[2:]
        return fit((width, height), rule if isinstance(rule, int) else max(finest))

    def _starting(self, sources: Sources) -> "Starting":
        """The canvas that a painting of these ``sources`` begins from, for a size."""
        start = self.order.start
        if isinstance(start, Opened):
            given = tensors.tensor(start.picture)
            return lambda size: tensors.resize(given, size).to(self.device)
        if self.start == "noise":
            generator = torch.Generator().manual_seed(self.order.options["seed"])
            return lambda size: torch.rand(1, 3, size[1], size[0], generator=generator).to(self.device)
        if self.start == "mean":
            mean = torch.stack([share * style.mean((2, 3), keepdim=True) for share, style in sources["style"]]).sum(0)
            return lambda size: mean.expand(1, 3, size[1], size[0])
        begin = "start" if sources.get("start") else self.start if self.start in sources else "content"
        return lambda size: tensors.resize(sources[begin][0][1], size)

    def _painted(self, start: Begin, sources: Sources) -> list[tuple[float, Tensor]]:
        """What another method makes of the ``sources``, as a source; none where it can't paint in such styles."""
        try:
            return [(1.0, tensors.tensor(start(*_arrays(sources))).to(self.device))]
        except PictureError:
            return []

    def _as_heavy(self, sources: Sources) -> tuple[Term, ...]:
        """The method's terms, the losses it was given scaled to count for as much as those they replace.

        What counts is the loss of a flat grey canvas, whose features every picture is about equally far from.
        """
        terms = self.method.terms
        for role in ("content", "style"):
            if self.order.options[f"{role}_loss"]:
                terms = self._scaled(terms, role, sources)
        return terms

    def _scaled(self, terms: tuple[Term, ...], role: str, sources: Sources) -> tuple[Term, ...]:
        """The terms with those of a ``role`` scaled to count for as much as the published ones."""
        replaced = next(term for term in self.published.terms if term.role == role)
        if layers := self.order.options[f"{role}_layers"]:
            replaced = replace(replaced, layers=layers, layer_weights=())
        small = {name: [(share, tensors.scale(source, FIRST_LOOK)) for share, source in given] for name, given in sources.items()}
        canvas = torch.full_like(small[role][0][1], 0.5)

        def counts(term: Term) -> float:
            compared: Sources = {name: given for name, given in small.items() if name == term.source}
            return float(Objective(self.encoder, (replace(term, weight=1.0),), compared)(canvas).total)

        def scaled(term: Term) -> Term:
            before, after = counts(replaced), counts(term)
            return replace(term, weight=term.weight * before / after) if before and after else term

        return tuple(scaled(term) if term.role == role else term for term in terms)


Starting = Callable[[Size], Tensor]


def prepare(order: Order) -> Painter:
    """Get ready for an ``order``; see :meth:`impasto.family.Room.prepare`."""
    return Painter(order)


def _arrays(sources: Sources) -> tuple[Floats, list[tuple[float, Floats]]]:
    """A content and its styles as other rooms take them, ``[H, W, 3]``."""
    return tensors.array(sources["content"][0][1]), [(share, tensors.array(style)) for share, style in sources["style"]]


def _recoloured(content: Tensor, style: Tensor) -> Tensor:
    """A content in a style's colours, both ``[1, 3, h, w]``."""
    return tensors.tensor(recoloured(tensors.array(content), tensors.array(style))).to(content.device)


def _resized(content: Opened, size: Size) -> Tensor:
    """A content for a network, resampled as every picture of the pyramid is."""
    if content.alpha is not None:
        return tensors.tensor(content.resized(size).picture)
    return tensors.resize(tensors.tensor(content.picture), size)
