"""The painter of methods that paint in one pass."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from impasto.encoders import tensors
from impasto.encoders.devices import PRECISIONS, choose_device, choose_precision
from impasto.errors import OptionError
from impasto.family import Commission, Order, Painted, Progress, shares
from impasto.feedforward import models
from impasto.feedforward.arbitrary import STRIDE, Style
from impasto.feedforward.onepass import OnePass

LIBRARIES = ("torch",)


class Painter:
    """A trained network, and what it is told of the styles."""

    def __init__(self, order: Order) -> None:
        """Load the network, and look at the styles.

        Args:
            order: of a :class:`.network.Network`.

        Raises:
            ModelError: a model that can't be used.
            OptionError: a style that the model doesn't know.
            PictureError: a style smaller than what the network sees at once.
        """
        page, options = order.page, order.options
        if options["model"] is None and page.name not in models.PACKAGED:
            raise OptionError(f"{page.name} paints with a model of yours; make one with `impasto train {page.name}` and name it with model")
        model = models.read(options["model"] or models.packaged(page.name), page.name)
        device = choose_device(options["device"] or "auto")
        precision = choose_precision(options["precision"], device)
        self.network = OnePass(model, device, PRECISIONS[precision])
        self.strength, self.tile = options["strength"], options["tile"]
        self.styles: Sequence[float] | Sequence[tuple[float, Style]]
        if page.named:
            self.styles = _shares(order, self.network.styles)
        else:
            # Not enlarged, which would leave it without texture.
            small = [
                (share, tensors.scale(tensors.tensor(one.picture), options["style_size"], enlarge=False, least=STRIDE))
                for share, one in order.styles
            ]
            self.styles = [(share, self.network.describe(one)) for share, one in small]
        self.settings: Mapping[str, Any] = {
            "device": device.type,
            "precision": precision,
            "model_sha256": model.checksum,
            "threads": torch.get_num_threads(),
        }

    def paint(self, commission: Commission) -> Painted:
        """Paint a ``commission``, as :meth:`impasto.family.Prepared.paint` says."""
        assert commission.content is not None
        content, began = commission.content.resized(commission.size).picture, time.perf_counter()

        def tell(done: int, tiles: int) -> None:
            # Of a painting in one pass there is nothing to see before it is done.
            seconds = time.perf_counter() - began
            commission.tell(Progress(done, tiles, 0, 1, commission.size, seconds, 0.0, {}, lambda: content))

        painting = self.network.paint(tensors.tensor(content), self.styles, strength=self.strength, tile=self.tile, callback=tell)
        return Painted(tensors.array(painting))


def prepare(order: Order) -> Painter:
    """Get ready for an ``order``; see :meth:`impasto.family.Room.prepare`."""
    return Painter(order)


def implied(model: str) -> str:
    """The method that a ``model`` is for.

    Raises:
        ModelError: a file that is missing, damaged, or no model of ours that paints.
    """
    return models.held(model, "arbitrary", "fast").kind


def _shares(order: Order, known: tuple[str, ...]) -> list[float]:
    """The share of each of a model's styles ``known``, of which some are ordered by name."""
    blend = order.options["blend"]
    names = list(order.names) or list(known[: len(blend) if blend else 1])
    for name in names:
        if name not in known:
            raise OptionError(f"this model has no style {name}; choose out of {', '.join(known)}")
    return [sum(share for share, name in zip(shares(len(names), blend), names, strict=True) if name == one) for one in known]
