"""Networks for use outside Python: ONNX files, checked against our own painting before they are kept.

The graph is what ``torch.export`` traces of the very modules we paint with. Python code that chooses by a picture's size is
traced at one size only, so the few places where ours does are translated into operators that choose when they run.
"""

import json
import logging
import operator
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from impasto import __version__, encoders, examples, picture, styles
from impasto.encoders.tensors import resize, tensor
from impasto.errors import ModelError, OutputError
from impasto.feedforward import arbitrary, models
from impasto.feedforward.quilt import cut
from impasto.feedforward.statistics import COLOUR, LAYERS, colours

OPSET = 18  # the oldest that torch's exporter writes, so that older runtimes read it: ONNX Runtime does since 1.18
TOLERANCE = 1e-3
NEEDED = ("onnx", "onnxruntime", "onnxscript")
# Example photographs and packaged styles, and the width and height at which the graph must paint as we do: sides that are
# multiples of the networks' strides and sides that aren't, and sides too short for their paddings and poolings.
CHECKS = (
    ("chelsea", (213, 160), "starry", (181, 240)),
    ("coffee", (256, 192), "mosaic", (128, 128)),
    ("rocket", (61, 97), "waves", (37, 43)),
    ("astronaut", (3, 1), "knife", (32, 35)),
)
_KEY = "impasto"


class Arbitrary(nn.Module):
    """What is exported of a network for any style: it, and the encoder that describes a style to it."""

    inputs: tuple[str, ...] = ("content", "style")
    styles = 0  # of its own

    def __init__(self, network: arbitrary.Arbitrary) -> None:
        super().__init__()
        self.network = network
        self.encoder = encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        """``content`` ``[1, 3, H, W]`` and ``style`` ``[1, 3, h, w]`` in [0, 1] to the painting ``[1, 3, H, W]`` in [0, 1]."""
        known = {COLOUR: colours(style), **{layer: moments(x) for layer, x in self.encoder(style, LAYERS).items()}}
        painted: Tensor = self.network(content, arbitrary.Style(known, ((1.0, cut(style)),)))
        return painted.clamp(0, 1)


class Fast(nn.Module):
    """What is exported of a network for one style, or for a few."""

    def __init__(self, network: nn.Module, styles: int) -> None:
        super().__init__()
        self.network = network
        self.styles = styles
        self.inputs: tuple[str, ...] = ("content",) if styles == 1 else ("content", "shares")
        self.register_buffer("alone", torch.ones(1, 1), persistent=False)

    alone: Tensor

    def forward(self, content: Tensor, shares: Tensor | None = None) -> Tensor:
        """``content`` ``[1, 3, H, W]`` in [0, 1], and the styles' ``shares`` ``[1, S]`` if there are several, to the painting."""
        painted: Tensor = self.network(content, self.alone if shares is None else shares)
        return painted.clamp(0, 1)


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """What :func:`.statistics.moments` makes of ``features`` ``[1, C, h, w]``: the mean ``[1, C]`` and the second moment ``[1, C, C]``.

    A channel of ones has the positions counted when the graph runs. Their number, traced, would be a formula of the
    picture's sides that is wrong for those too short to be pooled. Sums go row by row: over a million positions at once,
    rounding adds up.
    """
    rows = functional.pad(features, (0, 0, 0, 0, 0, 1), value=1).transpose(1, 2)
    sums = (rows @ rows.mT).sum(1)
    means = sums / sums[:, -1:, -1:]
    return means[:, :-1, -1], means[:, :-1, :-1]


@dataclass(frozen=True)
class Exported:
    """What came of an export.

    Attributes:
        path: the file.
        differences: the largest difference from our own painting, by the sizes it was found at.
    """

    path: Path
    differences: Mapping[str, float]


def export(model: str | os.PathLike[str], output: str | os.PathLike[str]) -> Exported:
    """Write a model as ONNX, one file with the weights inside, for pictures of any size.

    ``docs/onnx.md`` describes the inputs. The file carries the model's kind, architecture and settings as JSON in its
    metadata, under ``impasto``.

    Args:
        model: a model file, or ``arbitrary`` for the packaged network.
        output: the file to write, ``.onnx``; it appears once it has been checked.

    Raises:
        ModelError: a model that is missing, damaged or can't be exported; packages that are missing; or a file that doesn't
            paint as we do.
        OutputError: the output has another extension, or can't be written.
    """
    target = _target(output)
    if missing := [package for package in NEEDED if find_spec(package) is None]:
        raise ModelError(f'exporting needs {", ".join(missing)}; run pip install "impasto[onnx]"')
    source = models.packaged(str(model)) if model in models.PACKAGED else model
    read = models.read(source)
    if read.kind == "decoder":
        raise ModelError(f"{model} is a decoder, which paints from an encoder's features; export a fast or an arbitrary model")
    module = exportable(read)
    described = {
        "kind": read.kind,
        "architecture": asdict(read.network.architecture),  # type: ignore[call-overload]
        "settings": dict(read.settings),
        "checksum": read.checksum,
        "version": __version__,
    }
    content = graph(module, described)
    differences = check(content, module)
    try:
        picture.replace(target, content)
    except OSError as error:
        raise OutputError(f"{output} can't be written ({error.strerror}); free some space or choose another folder") from error
    return Exported(target, differences)


def exportable(model: models.Model) -> Arbitrary | Fast:
    """What is exported of a model: a module from pictures to a painting."""
    if isinstance(model.network, arbitrary.Arbitrary):
        return Arbitrary(model.network).eval()
    return Fast(model.network, len(model.network.architecture.styles)).eval()  # type: ignore[arg-type,union-attr]


def graph(module: Arbitrary | Fast, described: Mapping[str, Any]) -> bytes:
    """The ONNX file of a module, unchecked.

    Args:
        module: what :func:`exportable` made.
        described: kept as JSON in the file's metadata.
    """
    shapes = {"content": (1, 3, 67, 93), "style": (1, 3, 51, 77)}
    arguments = [torch.rand(shapes[name]) if name in shapes else torch.ones(1, module.styles) / module.styles for name in module.inputs]
    axes = {"content": ("height", "width"), "style": ("style_height", "style_width")}
    # No side shorter than this makes the code below choose differently; see _translations.
    bounds = tuple({side: torch.export.Dim.DYNAMIC(min=32) for side, _ in enumerate(axes.get(name, ()), 2)} for name in module.inputs)
    names = tuple(dict(enumerate(axes.get(name, ()), 2)) for name in module.inputs)
    with _quietly(), torch.no_grad():
        traced = torch.export.export(module, tuple(arguments), dynamic_shapes=bounds, prefer_deferred_runtime_asserts_over_guards=True)
        program = torch.onnx.export(
            traced,
            input_names=module.inputs,
            output_names=("painting",),
            dynamic_shapes=names,
            opset_version=OPSET,
            custom_translation_table=_translations(),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    written = program.model
    written.metadata_props[_KEY] = json.dumps(described, sort_keys=True)
    written.producer_name, written.producer_version = "impasto", __version__
    for node in written.graph:
        node.metadata_props.clear()  # source lines, and where they are on this machine
        for value in node.outputs:
            value.metadata_props.clear()
            if value not in written.graph.outputs:
                value.shape = None  # of pictures no smaller than those traced
    return bytes(program.model_proto.SerializeToString())


def check(content: bytes, module: Arbitrary | Fast) -> dict[str, float]:
    """Compare a file's paintings with our own, of example pictures at several sizes.

    Args:
        content: the ONNX file.
        module: what it was made of.

    Returns:
        The largest difference, by the sizes it was found at.

    Raises:
        ModelError: the file doesn't run, or a difference is above :data:`TOLERANCE`.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    differences = {}
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        for number, (photograph, size, style, style_size) in enumerate(CHECKS):
            arguments = {"content": resize(tensor(picture.read(examples.path(photograph)).picture), size)}
            sizes = f"{size[0]} x {size[1]}"
            if "style" in module.inputs:
                arguments["style"] = resize(tensor(picture.read(styles.path(style)).picture), style_size)
                sizes += f" with a style of {style_size[0]} x {style_size[1]}"
            if "shares" in module.inputs:
                arguments["shares"] = torch.softmax(torch.arange(module.styles).roll(number)[None].float(), 1)
            with torch.no_grad():
                ours = module(*arguments.values())
            (theirs,) = session.run(["painting"], {name: value.numpy() for name, value in arguments.items()})
            differences[sizes] = float((torch.from_numpy(theirs) - ours).abs().max())
    except Exception as error:  # whatever another version of the runtime can't do
        words = " ".join(str(error).split())[:200]
        raise ModelError(f"ONNX Runtime can't run the exported file ({words}); upgrade {', '.join(NEEDED)}") from error
    sizes, largest = max(differences.items(), key=lambda found: (found[1] != found[1], found[1]))
    if not largest <= TOLERANCE:  # true of NaN too
        raise ModelError(f"ONNX Runtime paints {sizes} with a difference of {largest:.2g} from ours; upgrade {', '.join(NEEDED)}")
    return differences


def _translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """Into ONNX operators, where torch's own translation would hold for the traced size only."""
    from onnx import TensorProto
    from onnxscript import opset18

    op: Any = opset18  # typed for scripts, not for traces

    def vector(numbers: Sequence[Any]) -> Any:
        if all(isinstance(number, int) for number in numbers):
            return op.Constant(value_ints=list(numbers))
        one = op.Constant(value_ints=[1])
        return op.Concat(*(op.Reshape(number, one) for number in numbers), axis=0)

    def floordiv(self: Any, other: Any) -> Any:
        """Rounded down; ONNX rounds towards zero."""
        return op.Div(op.Sub(self, op.Mod(self, other)), other)

    def pad(self: Any, pad: Sequence[Any], mode: str = "constant", value: float | None = None) -> Any:
        """As :func:`impasto.feedforward.fast.pad`: what is too short to be mirrored is repeated."""
        pairs = [*pad, *[0] * (8 - len(pad))]  # from the last axis to the first
        pads = vector([*pairs[-2::-2], *pairs[::-2]])
        if mode != "reflect":
            outside = None if value is None else op.Constant(value_float=value)
            return op.Pad(self, pads, outside, mode={"constant": "constant", "replicate": "edge"}[mode])
        shortest = op.ReduceMin(op.Shape(self, start=2), keepdims=1)
        mirrored = op.Mul(pads, op.Cast(op.Greater(shortest, vector([max(pad)])), to=TensorProto.INT64))
        return op.Pad(op.Pad(self, mirrored, mode="reflect"), op.Sub(pads, mirrored), mode="edge")

    def avg_pool2d(
        self: Any,
        kernel_size: Sequence[int],
        stride: Sequence[int] = (),
        *_: Any,
    ) -> Any:
        """As :class:`impasto.encoders.VGG`: a side shorter than the window is its own average. We never pad."""
        kernel, step = ((list(sides) * 2)[-2:] for sides in (kernel_size, stride or kernel_size))  # one side stands for both
        lacking = op.Max(op.Sub(vector(kernel), op.Shape(self, start=2)), vector([0]))
        padded = op.Pad(self, op.Concat(vector([0] * 6), lacking, axis=0), mode="edge")
        return op.AveragePool(padded, kernel_shape=kernel, strides=step)

    aten = torch.ops.aten
    return {
        operator.floordiv: floordiv,
        aten.pad.default: pad,
        aten.avg_pool2d.default: avg_pool2d,
    }


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what torch's exporter says of its own future and of packages that nobody needs."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _target(output: str | os.PathLike[str]) -> Path:
    """The file to write, found before any work is done to be one that we can write."""
    target = Path(output)
    if target.suffix.lower() != ".onnx":
        raise OutputError(f"{output} doesn't end in .onnx; give the exported model a name such as {target.with_suffix('.onnx').name}")
    if not target.parent.is_dir():
        raise OutputError(f"{output} can't be written, because the folder {target.parent} doesn't exist; create it first")
    if target.is_dir() or (target.exists() and not os.access(target, os.W_OK)):
        raise OutputError(f"{output} can't be written, because it is a folder or write-protected; choose another name")
    # Only writing tells whether one can: to root everything seems writable.
    try:
        TemporaryFile(dir=target.parent).close()
    except OSError as error:
        raise OutputError(f"{output} can't be written ({error.strerror}); choose another folder") from error
    return target
