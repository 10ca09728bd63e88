"""Write the ONNX graphs that networks paint with where PyTorch isn't: `python training/graphs.py --to src/impasto/feedforward/graphs`.

A graph is what `torch.export` traces of the modules we train, without the weights: those of any model are put in when it is
painted with (:mod:`impasto.feedforward.onnx`). So a graph holds for every model of its kind, and changes only with the code.
"""

import logging
import warnings
from pathlib import Path

import click
import numpy as np
import torch
from onnx_ir.passes.common import RemoveUnusedNodesPass
from onnxscript import ir, optimizer

from impasto import encoders
from impasto.feedforward import arbitrary, fast, names
from impasto.feedforward.names import BIAS, CARRIED, DEEP, DETAIL, GRAINS, NOISE, PICTURE, SEEN, SHARES, SIGHT
from impasto.feedforward.onnx import stripped, weight
from impasto.feedforward.parts import Modules, Part, parts

OPSET = 18  # the oldest that torch's exporter writes, so that older runtimes read it
HEIGHT, WIDTH, PIECES = 88, 104, 37  # of what is traced; any other sides that the strides divide will do


def traced(part: Part, given: dict[str, np.ndarray]) -> bytes:
    """The graph of a ``part``, for pictures of any size, traced with what is ``given``."""
    moving = {side // scale for side in (HEIGHT, WIDTH) for scale in (1, *NOISE.values())} | {HEIGHT + 2 * SIGHT, WIDTH + 2 * SIGHT, PIECES}
    arguments = tuple(torch.from_numpy(given[name]) for name in part.inputs)
    sizes = tuple({n: torch.export.Dim.DYNAMIC for n, side in enumerate(x.shape) if side in moving} or None for x in arguments)
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                part,
                arguments,
                input_names=part.inputs,
                output_names=part.outputs,
                dynamic_shapes=(sizes,),
                opset_version=OPSET,
                external_data=False,
                dynamo=True,
                optimize=False,
                verbose=False,
            )
    finally:
        logging.disable(before)
    assert program is not None
    written = program.model
    # Weights that nobody knows yet, so that what is computed of them stays, and all else is computed here.
    weights = {name: value for name, value in written.graph.initializers.items() if weight(name)}
    for name, value in weights.items():
        del written.graph.initializers[name]
        value.const_value = value.shape = None
        written.graph.inputs.append(value)
    for node in written.graph:
        bias = node.inputs[2].producer() if node.op_type == "Conv" else None
        if bias and bias.op_type == "Expand":  # zeros, made to measure
            node.resize_inputs(2)
    optimizer.optimize(written)
    for node in written.graph:
        if node.op_type == "Reshape" and _of_weights(node.inputs[0]):  # to sides that differ from model to model
            kept = node.inputs[1].const_value.numpy()
            written.graph.initializers.add(value := ir.Value(name=f"{node.name}.shape", const_value=ir.tensor([0, -1, *kept[2:]])))
            node.replace_input_with(1, value)
            node.attributes.pop("allowzero")
    RemoveUnusedNodesPass()(written)
    for value in weights.values():
        written.graph.inputs.remove(value)
    for node in written.graph:
        node.metadata_props.clear()  # source lines, and where they are on this machine
        for value in node.outputs:
            value.metadata_props.clear()
            if value not in written.graph.outputs:
                value.shape = None
    return stripped(program.model_proto)


def _of_weights(value: ir.Value) -> bool:
    """Whether a ``value`` depends on weights alone."""
    made = value.producer()
    return all(_of_weights(one) for one in made.inputs if one) if made else bool(value.const_value or weight(value.name or ""))


def graphs() -> dict[str, bytes]:
    """Every graph by its file's name."""
    torch.manual_seed(0)
    encoder = encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder
    widths = {layer: encoder.get_submodule(layer.replace("relu", "conv")).weight.shape[0] for layer in SEEN}
    networks = {
        "arbitrary": arbitrary.Arbitrary(arbitrary.Architecture(widths)),
        "fast": fast.Fast(fast.Architecture(("one", "other"))),
    }
    middle, deep = (widths[layer] for layer in CARRIED)
    given = {
        PICTURE: torch.rand(1, 3, HEIGHT, WIDTH),
        SHARES: torch.tensor([[0.25, 0.75]]),
        **{DEEP: torch.rand(1, PIECES, deep), DETAIL: torch.rand(1, PIECES, 4 * middle), BIAS: torch.zeros(1, PIECES)},
        **{name: torch.randn(1, GRAINS, HEIGHT // scale, WIDTH // scale) for name, scale in NOISE.items()},
    }
    arrays = {name: x.numpy() for name, x in given.items()}
    found = {}
    for kind, network in networks.items():
        both = parts(network)
        more = 2 * SIGHT if kind == "arbitrary" else 0
        first = {**arrays, PICTURE: np.zeros((1, 3, HEIGHT + more, WIDTH + more), np.float32)}
        looked = Modules(network, torch.device("cpu"), torch.float32)("look", first)
        for name, x in looked.items():
            arrays[name] = x
            for whose in (names.CONTENT, names.STYLE):
                arrays[name.replace(f"{names.OF}.", f"{whose}.")] = x
        found |= {f"{kind}-{name}": traced(part, first if name == "look" else arrays) for name, part in both.items()}
    return found


@click.command()
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the graphs.")
def main(folder: Path) -> None:
    """Write all graphs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in graphs().items():
        (folder / f"{name}.onnx").write_bytes(content)
        click.echo(f"{name}.onnx {len(content) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
