"""How soon `tutorial --fast` is as far as the tutorial's own loop gets: `python benchmarks/tutorial.py`.

The loop is that of *Neural Transfer Using PyTorch* as its page writes it: 300 evaluations of PyTorch's L-BFGS at full size from
the photograph, through VGG19 down to conv3_1, which it uses no further. Then Impasto paints by the same losses through the same
weights with ``--fast``, until the first step at full size whose loss is no more than the loop's last. VGG19's weights are random
with a fixed seed, because none are packaged.

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
from torch.nn import functional

import impasto
from impasto import examples, styles
from impasto.errors import Interrupted
from impasto.family import Progress

CONTENT, STYLE = "conv2_2", ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")
NUMBERS = {"1": (0, 2), "2": (5, 7), "3": (10, 12, 14, 16), "4": (19, 21, 23, 25), "5": (28, 30, 32, 34)}  # of VGG19's convolutions


def weights() -> dict[str, nn.Module]:
    """The layers of VGG19 by name, with random weights."""
    torch.manual_seed(0)
    layers: dict[str, nn.Module] = textbook.network()
    for missing in ("conv5_2", "conv5_3", "conv5_4"):
        layers[missing] = nn.Conv2d(512, 512, 3, padding=1).requires_grad_(False)
    return layers


def stored(layers: dict[str, nn.Module]) -> dict[str, Tensor]:
    """Weights as torchvision's files of VGG19 name them."""
    found: dict[str, Tensor] = {}
    for block, numbers in NUMBERS.items():
        for turn, number in enumerate(numbers, start=1):
            layer = layers[f"conv{block}_{turn}"]
            found |= {f"features.{number}.{name}": value.detach().clone() for name, value in layer.named_parameters()}
    return found


def features(layers: dict[str, nn.Module], picture: Tensor) -> dict[str, Tensor]:
    """What the convolutions give for a picture `[1, 3, H, W]`, before they are rectified."""
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x, found = (picture - mean) / deviation, {}
    for name, layer in layers.items():
        x = layer(x)
        if name in STYLE:
            found[name] = x
        if name == STYLE[-1]:
            break
    return found


def loop(layers: dict[str, nn.Module], photograph: Tensor, painting: Tensor, evaluations: int) -> tuple[float, list[float]]:
    """The tutorial's loop: its seconds, and the losses."""
    began = time.perf_counter()
    with torch.no_grad():
        content, grams = features(layers, photograph)[CONTENT], {name: textbook.gram(x) for name, x in features(layers, painting).items()}
    canvas = photograph.clone().requires_grad_()
    optimiser, losses = torch.optim.LBFGS([canvas]), list[float]()
    while len(losses) < evaluations:

        def closure() -> Tensor:
            with torch.no_grad():
                canvas.clamp_(0, 1)
            optimiser.zero_grad()
            found = features(layers, canvas)
            style = sum((functional.mse_loss(textbook.gram(found[name]), grams[name]) for name in STYLE), torch.zeros(()))
            loss = 1e6 * style + functional.mse_loss(found[CONTENT], content)
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(float(loss.detach()))
            return loss

        optimiser.step(closure)  # type: ignore[no-untyped-call]
    return time.perf_counter() - began, losses


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
    painting = functional.interpolate(textbook.read(str(pictures[1]), size), size=(height, width), mode="bicubic", antialias=True).clamp(
        0, 1
    )
    seconds, losses = loop(layers, photograph, painting, evaluations)
    goal = losses[-1]
    click.echo(f"the tutorial's loop: {seconds:.1f} s, loss {losses[0]:.4g} and {goal:.4g} after {len(losses)} evaluations")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vgg19.safetensors"
        safetensors.torch.save_file(stored(layers), file)
        ours, steps, loss = fast(*pictures, size, file, goal)
    click.echo(f"--fast: {ours:.1f} s, loss {loss:.4g} after {steps} steps")
    click.echo(f"ratio {seconds / ours:.1f}" if loss <= goal else "the loop's loss was not reached")


if __name__ == "__main__":
    main()
