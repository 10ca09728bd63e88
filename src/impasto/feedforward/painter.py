"""The painter of methods that paint in one pass."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from impasto.errors import ModelError, OptionError
from impasto.family import Commission, Floats, Order, Painted, Progress, shares
from impasto.feedforward import models, onnx
from impasto.feedforward.export import PARTS, beside
from impasto.feedforward.models import Content
from impasto.feedforward.names import Engine
from impasto.feedforward.onepass import SMALLEST, AnyStyle, FewStyles, OnePass
from impasto.feedforward.sessions import Sessions, filled, graph
from impasto.picture import scale

LIBRARIES = ("numpy", "onnxruntime")
NVIDIA = (Path("/dev/nvidiactl"), Path("/dev/dxg"))  # its driver's, on Linux and on Windows' Linux


@dataclass(frozen=True)
class Ready:
    """A model, ready to compute.

    Attributes:
        engine: computes it.
        styles: the names of the styles it was trained for; none for any style.
        settings: what a painting's settings say of it.
    """

    engine: Engine
    styles: tuple[str, ...]
    settings: Mapping[str, Any]


class Painter:
    """A trained network, and what it is told of the styles."""

    def __init__(self, order: Order) -> None:
        """Load the network, and look at the styles.

        Args:
            order: of a :class:`.network.Network`.

        Raises:
            ModelError: a model that can't be used.
            OptionError: a style that the model doesn't know.
            PictureError: a style that there is nothing to see in.
        """
        page, options = order.page, order.options
        ready = made_ready(page.name, options["model"], options["device"] or "auto", options["precision"])
        self.settings: Mapping[str, Any] = ready.settings
        self.strength, self.tile = options["strength"], options["tile"]
        self.onepass: OnePass
        if page.named:
            self.onepass = FewStyles(ready.engine, _shares(order, ready.styles))
        else:
            # Not enlarged, which would leave it without texture.
            small = [(share, scale(one.picture, options["style_size"], enlarge=False, least=SMALLEST)) for share, one in order.styles]
            self.onepass = AnyStyle(ready.engine, small, options["seed"])

    def look(self, picture: Floats) -> Any:
        """What painting takes from a whole ``picture`` ``[H, W, 3]``: :meth:`paint` can be told to go by it."""
        return self.onepass.look(picture, tile=self.tile)

    def paint(self, commission: Commission, own: Any = None) -> Painted:
        """Paint a ``commission``, as :meth:`impasto.family.Prepared.paint` says, by what was seen of its ``own`` content or a whole."""
        assert commission.content is not None
        content, began = commission.content.resized(commission.size).picture, time.perf_counter()

        def tell(done: int, tiles: int) -> None:
            # Of a painting in one pass there is nothing to see before it is done.
            seconds = time.perf_counter() - began
            commission.tell(Progress(done, tiles, 0, 1, commission.size, seconds, 0.0, {}, lambda: content))

        return Painted(self.onepass.paint(content, own, strength=self.strength, tile=self.tile, callback=tell))


def prepare(order: Order) -> Painter:
    """Get ready for an ``order``; see :meth:`impasto.family.Room.prepare`."""
    return Painter(order)


def implied(model: str) -> str:
    """The method that a ``model`` is for.

    Raises:
        ModelError: a file that is missing, damaged, or no model of ours that paints.
    """
    if os.fspath(model).lower().endswith(".onnx"):
        return str(_said(models.contents(model), model, *PACKAGED)["kind"])
    return models.held(model, *PACKAGED).kind


PACKAGED = ("arbitrary", "fast")


def made_ready(kind: str, model: str | os.PathLike[str] | None, device: str, precision: str) -> Ready:
    """A model, ready to compute: by ONNX Runtime on a CPU, which starts at once, by PyTorch on a GPU or in another precision.

    Args:
        kind: of model.
        model: its file, safetensors or ONNX; None is the packaged one.
        device: ``auto`` (a GPU of NVIDIA's if there is one), ``cpu``, ``cuda`` or ``mps``.
        precision: ``auto``, ``float32`` or ``bfloat16``.

    Raises:
        ModelError: a model that can't be used.
        OptionError: a device that isn't there.
    """
    if model is not None and os.fspath(model).lower().endswith(".onnx"):
        if device not in ("auto", "cpu") or precision == "bfloat16":
            raise OptionError(f"{model} paints on the CPU, in float32; name the model's safetensors file for another device")
        return _exported(kind, model)
    file = models.packaged(kind) if model is None else model
    content = models.held(file, kind)
    styles = models.styles(content.architecture)
    if precision == "bfloat16" or device in ("cuda", "mps") or (device == "auto" and any(driver.exists() for driver in NVIDIA)):
        where, precise, engine = _modules(content, file, device, precision)
        return Ready(engine, styles, {"device": where, "precision": precise, "model_sha256": content.checksum, "threads": None})
    soon = ("look",) if kind == "fast" else ("look", "paint")  # a picture of one tile is painted as fast looks at it
    sessions = Sessions(lambda part: _filled(part, content, file), os.fspath(file), soon)
    said = {"device": "cpu", "precision": "float32", "model_sha256": content.checksum, "threads": sessions.threads}
    return Ready(sessions, styles, said)


def _modules(content: Content, file: str | os.PathLike[str], device: str, precision: str) -> tuple[str, str, Engine]:
    """Where PyTorch computes a model, in which precision, and what computes it."""
    from impasto.encoders.devices import PRECISIONS, choose_device, choose_precision
    from impasto.feedforward import networks
    from impasto.feedforward.parts import Modules

    where = choose_device(device)
    precise = choose_precision(precision, where)
    return where.type, precise, Modules(networks.built(content, file).network, where, PRECISIONS[precise])


def _filled(part: str, content: Content, file: str | os.PathLike[str]) -> bytes:
    try:
        return filled(part, content.kind, content.weights)
    except KeyError as error:
        raise models.damaged(file) from error


def _said(content: bytes, file: str | os.PathLike[str], *kinds: str) -> dict[str, Any]:
    """What the ``content`` of an ONNX ``file`` of ours says of itself, where it holds a part of a model of these ``kinds``."""
    found = onnx.metadata(content, os.fspath(file)).get(models.KEY)
    if found is None:
        raise ModelError(f"{file} is no model of ours; `impasto export` writes them")
    try:
        described = json.loads(found)
        said = {"kind": described["kind"], "architecture": dict(described["architecture"]), "checksum": described["checksum"]}
        models.styles(said["architecture"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise models.damaged(file) from error
    if said["kind"] not in kinds:
        raise models.unfit(file, said["kind"], kinds)
    return said


def _exported(kind: str, model: str | os.PathLike[str]) -> Ready:
    """A model out of the two ONNX files that it was exported to, of which one is named."""
    said = _said(models.contents(model), model, kind)
    parts: dict[str, bytes] = {}
    for part, file in zip(PARTS, beside(Path(model)), strict=True):
        parts[part] = models.contents(file)
        if _said(parts[part], file, kind)["checksum"] != said["checksum"]:
            raise ModelError(f"{file} and {model} are parts of two models; export one of them again")
        if onnx.outputs(parts[part]) != onnx.outputs(graph(kind, part)):
            raise ModelError(f"{file} is damaged: it doesn't give what a model of its kind gives; export it again")
    sessions = Sessions(parts.__getitem__, os.fspath(model))
    digest = sha256(b"".join(parts.values())).hexdigest()
    settings = {"device": "cpu", "precision": "float32", "model_sha256": digest, "threads": sessions.threads}
    return Ready(sessions, models.styles(said["architecture"]), settings)


def _shares(order: Order, known: Sequence[str]) -> list[float]:
    """The share of each of a model's styles ``known``, of which some are ordered by name."""
    blend = order.options["blend"]
    if not order.names and not blend and order.options["model"] is None:
        raise OptionError(f"the packaged model paints in {len(known)} styles; name one of {', '.join(known)}")
    names = list(order.names) or list(known[: len(blend) if blend else 1])
    for name in names:
        if name not in known:
            others = f"name one of {', '.join(known)}, or choose" if known else "choose"
            raise OptionError(f"this model has no style {name}; {others} arbitrary for one of your own")
    return [sum(share for share, name in zip(shares(len(names), blend), names, strict=True) if name == one) for one in known]
