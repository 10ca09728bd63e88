"""Where the time of a painting goes: `python benchmarks/evaluation.py`.

For each precision: one evaluation of the default method's objective, what the encoder takes of it forward and back, what
is left for the terms and the solver, and the encoder layer by layer. All times are medians, in milliseconds.
"""

import statistics
import time
from collections.abc import Callable

import click
import torch

from impasto import encoders, examples, picture, styles
from impasto.encoders.devices import PRECISIONS
from impasto.encoders.tensors import scale, tensor
from impasto.methods import METHODS
from impasto.optimise import Objective, Sources

METHOD = METHODS["impasto"]


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    """The median time of `work`, after one run to warm up."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def row(name: str, value: float) -> None:
    """Print one line of the table."""
    click.echo(f"  {name:<28}{value:9.2f}")


@click.command()
@click.option("--size", default=512, show_default=True, help="Longest side, in pixels.")
@click.option("--repeats", default=15, show_default=True, help="Of every measurement.")
@click.option("--precision", multiple=True, type=click.Choice(sorted(PRECISIONS)), help="Only this one.")
def main(size: int, repeats: int, precision: tuple[str, ...]) -> None:
    """Measure on the CPU, with an example photograph and a packaged style."""
    sources = {}
    for name, file in (("content", examples.path("coffee")), ("style", styles.path("starry"))):
        sources[name] = [(1.0, scale(tensor(picture.read(file).picture), size))]
    canvas = sources["content"][0][1].clone().requires_grad_()
    click.echo(f"{canvas.shape[3]} x {canvas.shape[2]} pixels, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name in precision or PRECISIONS:
        click.echo(f"{name}, milliseconds")
        measure(name, sources, canvas, repeats)


def measure(precision: str, sources: Sources, canvas: torch.Tensor, repeats: int) -> None:
    """Print the table of one precision."""
    encoder = encoders.load(METHOD.encoder, None, torch.device("cpu"), PRECISIONS[precision], METHOD.variant).encoder
    objective = Objective(encoder, METHOD.terms, sources)
    moved = canvas.detach().clone().requires_grad_()
    solver = METHOD.solver(moved)

    def evaluate(at: torch.Tensor) -> torch.Tensor:
        at.grad = None
        total = objective(at).total
        total.backward()  # type: ignore[no-untyped-call]
        return total

    def see(layer: str) -> None:
        features = encoder(canvas, (layer,))[layer]
        torch.autograd.grad(features, canvas, features.detach())

    # Long enough for the solver's memory to fill, which is when its own work is largest.
    step = milliseconds(lambda: solver.step(lambda: evaluate(moved)), max(repeats, 12))
    evaluation = milliseconds(lambda: evaluate(canvas), repeats)
    # A rectifier at the end of each convolution; pooling counts with what follows it.
    layers = [layer for layer in encoder.layers if layer.startswith("relu")]
    layers = layers[: max(layers.index(layer) for layer in objective.layers) + 1]
    cumulative = [milliseconds(lambda layer=layer: see(layer), repeats) for layer in layers]  # type: ignore[misc]
    with torch.no_grad():
        row("encoder forward", milliseconds(lambda: encoder(canvas, objective.layers), repeats))
    row("encoder forward and back", cumulative[-1])
    row("terms", evaluation - cumulative[-1])
    row("one evaluation", evaluation)
    row("solver", step - evaluation)
    row("one step", step)
    row("targets, once a level", milliseconds(lambda: Objective(encoder, METHOD.terms, sources), max(1, repeats // 5)))
    for layer, until, before in zip(layers, cumulative, [0.0, *cumulative], strict=False):
        row(f"  to {layer}", until - before)


if __name__ == "__main__":
    main()
