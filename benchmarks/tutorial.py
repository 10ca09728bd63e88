"""How soon `tutorial --fast` is as far as the tutorial's own loop gets: `python benchmarks/tutorial.py`.

The loop is that of *Neural Transfer Using PyTorch* as its page writes it: 300 evaluations of PyTorch's L-BFGS at full size from
the photograph, through VGG19 down to conv3_1, which it uses no further. Then Impasto paints by the same losses through the same
weights with ``--fast``, until the first step at full size whose loss is no more than the loop's lowest: the loop may end higher,
as its steps aren't bounded. VGG19's weights are random with a fixed seed, because none are packaged.

Both times are from the call to the step, with the weights read and the targets made; PyTorch is imported before.
"""

import tempfile
import time
from contextlib import suppress
from pathlib import Path

import click
import safetensors.torch
import textbook  # type: ignore[import-not-found]
import torch
from torch import Tensor, nn

import impasto
from impasto import examples, styles
from impasto.encoders import tensors
from impasto.errors import Interrupted
from impasto.family import Progress

CONTENT, STYLE = "conv2_2", ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")


def weights() -> dict[str, nn.Module]:
    """The layers of VGG19 by name, in torchvision's order, with random weights."""
    torch.manual_seed(0)
    layers: dict[str, nn.Module] = textbook.network()
    for missing in range(2, 5):
        layers[f"conv5_{missing}"] = nn.Conv2d(512, 512, 3, padding=1).requires_grad_(False)
        layers[f"relu5_{missing}"] = nn.ReLU()
    return layers


def stored(layers: dict[str, nn.Module]) -> dict[str, Tensor]:
    """Weights as torchvision's files of VGG19 name them."""
    numbered = enumerate(layers.values())
    return {f"features.{number}.{name}": value for number, layer in numbered for name, value in layer.named_parameters()}


def fast(content: Path, style: Path, size: int, file: Path, goal: float) -> tuple[float, int, float]:
    """Until ``--fast`` has reached the ``goal`` at full size: its seconds, its steps and its loss."""
    began = time.perf_counter()
    reached: list[tuple[float, int, float]] = []

    def watch(progress: Progress) -> None:
        if progress.level == progress.levels - 1:
            reached[:] = [(time.perf_counter() - began, progress.step, progress.total)]
            if progress.total <= goal:
                raise KeyboardInterrupt

    with suppress(Interrupted):
        impasto.stylize(content, style, method="tutorial", encoder="vgg19", encoder_weights=file, size=size, fast=True, callback=watch)
    return reached[0]


@click.command()
@click.option("--size", default=256, show_default=True, help="Longest side of the paintings, in pixels.")
@click.option("--evaluations", default=300, show_default=True, help="Of the loop.")
@click.option("--content", default="astronaut", show_default=True, type=click.Choice(sorted(examples.EXAMPLES)))
@click.option("--style", default="starry", show_default=True, type=click.Choice(sorted(styles.STYLES)))
def main(size: int, evaluations: int, content: str, style: str) -> None:
    """Run both, and print their times."""
    layers = weights()
    pictures = Path(examples.path(content)), Path(styles.path(style))
    photograph = textbook.read(str(pictures[0]), size)
    height, width = photograph.shape[2:]
    painting = tensors.resize(textbook.read(str(pictures[1]), size), (width, height))
    began = time.perf_counter()
    _, found = textbook.loop(layers, photograph, painting, evaluations, content=CONTENT, style=STYLE)
    seconds, losses = time.perf_counter() - began, [float(loss) for loss in found]
    goal = min(losses)
    click.echo(
        f"the tutorial's loop: {seconds:.1f} s, loss {losses[0]:.4g}, "
        f"{losses[-1]:.4g} after {len(losses)} evaluations, {goal:.4g} at its lowest"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vgg19.safetensors"
        safetensors.torch.save_file(stored(layers), file)
        ours, steps, loss = fast(*pictures, size, file, goal)
    click.echo(f"--fast: {ours:.1f} s, loss {loss:.4g} after {steps} steps")
    click.echo(f"ratio {seconds / ours:.1f}" if loss <= goal else "the loop's lowest loss was not reached")


if __name__ == "__main__":
    main()
