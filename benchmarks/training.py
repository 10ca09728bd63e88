"""How fast a network learns to paint: `python benchmarks/training.py`.

Trains the network of `impasto train fast` at its default options for a few steps, on photographs cut out of the examples, and
then times its convolutions alone, in the same process and precision.

- pictures/s: crops a second, from the photographs' files to the moved weights, without the first steps and without checkpoints.
- share: of that time which the convolutions would need at the machine's best rate. They are counted at two operations to a
  multiplication: the network's forward, back to its input (its first convolution has no need of that) and back to its
  weights; the encoder's of the paintings, at both sizes, forward and back, and of the photographs forward down to the content layers. The
  best rate is the fastest that any of them alone, in any of these directions, or one of 256 to 256 channels over 64 x 64
  positions, reaches at its fastest run.
"""

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path

import click
import torch
from methods import SQUARE, Convolution, Seen, machine  # type: ignore[import-not-found]
from torch import Tensor
from torch.nn import functional

from impasto import encoders, examples, picture, styles
from impasto.encoders.devices import DEVICES, PRECISIONS, choose_device, choose_precision
from impasto.feedforward.fast import Architecture, Fast
from impasto.feedforward.training import OUR_LAYERS, SCALES, Progress, framed, train

STYLE = "starry"
WARM_UP = 3  # steps that don't count
DEFAULTS = {name: parameter.default for name, parameter in signature(train).parameters.items()}
FORWARD, BACK, TO_WEIGHTS = range(3)
"""The directions a convolution is computed in."""


class Clock:
    """A callback that reads the clock after every step, once the device has done what it was told."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: list[float] = []

    def __call__(self, _: Progress) -> None:
        """Read it."""
        wait(self.device)
        self.seconds.append(time.perf_counter())


def wait(device: torch.device) -> None:
    """Until everything that was asked of the device is done."""
    if device.type != "cpu":
        torch.accelerator.synchronize()


def photographs(folder: Path, side: int = 400) -> None:
    """Cut photographs out of the examples, two of each."""
    for name in examples.EXAMPLES:
        whole = picture.read(examples.path(name)).picture
        for part, corner in (("first", whole[:side, :side]), ("last", whole[-side:, -side:])):
            picture.save(corner, folder / f"{name}-{part}.jpg")


def run(device: torch.device, precision: str, compiled: bool, batch: int, crop: int, steps: int) -> float:
    """Train for so many ``steps`` that count; the median seconds of one."""
    clock = Clock(device)
    with tempfile.TemporaryDirectory() as folder:
        photographs(Path(folder))
        train(
            [styles.path(STYLE)],
            folder,
            Path(folder, "model.safetensors"),
            steps=WARM_UP + steps + 1,  # the last one writes a checkpoint
            batch=batch,
            crop=crop,
            device=device.type,
            precision=precision,
            compile=compiled,
            checkpoint_every=WARM_UP + steps + 1,
            callback=clock,
        )
    return statistics.median(
        after - before for before, after in zip(clock.seconds[WARM_UP - 1 : -2], clock.seconds[WARM_UP:-1], strict=True)
    )


@torch.no_grad()
def convolutions(batch: int, crop: int, precision: torch.dtype) -> list[tuple[Convolution, tuple[int, ...]]]:
    """Those of one step, each with the directions it is computed in."""
    crops = torch.rand(batch, 3, crop, crop)
    encoder = encoders.load(DEFAULTS["encoder"], None, crops.device, torch.float32).encoder
    with Seen() as network, torch.enable_grad():
        framed(Fast(Architecture((STYLE,), DEFAULTS["width"])), crops, torch.ones(1, 1))
    with Seen() as paintings:
        for scale in SCALES:
            encoder(functional.avg_pool2d(crops, scale), (*OUR_LAYERS.style, *OUR_LAYERS.content))
    with Seen() as contents:
        encoder(crops, OUR_LAYERS.content)
    first, *others = network.convolutions
    found: list[tuple[Convolution, tuple[int, ...]]] = [(first, (FORWARD, TO_WEIGHTS))]
    found += [(each, (FORWARD, BACK, TO_WEIGHTS)) for each in others]
    found += [(each, (FORWARD, BACK)) for each in paintings.convolutions]
    found += [(each, (FORWARD,)) for each in contents.convolutions]
    return [(replace(each, precision=precision), directions) for each, directions in found]


def operations(convolution: Convolution) -> int:
    """Of one direction, two to a multiplication."""
    padding = convolution.padding if isinstance(convolution.padding, tuple) else (convolution.padding,) * 2
    stride = convolution.stride if isinstance(convolution.stride, tuple) else (convolution.stride,) * 2
    sides = zip(convolution.picture[2:], convolution.weight[2:], padding, stride, strict=True)
    positions = math.prod((side + 2 * around - kernel) // step + 1 for side, kernel, around, step in sides)
    counted: int = 2 * convolution.picture[0] * positions * math.prod(convolution.weight)
    return counted


def rate(convolution: Convolution, device: torch.device, repeats: int) -> float:
    """The most operations a second that a ``convolution`` alone reaches in any direction."""
    like = {"device": device, "dtype": convolution.precision, "memory_format": torch.channels_last}
    x = torch.rand(convolution.picture).to(**like).requires_grad_()
    weight = torch.rand(convolution.weight).to(**like).requires_grad_()

    def forward() -> Tensor:
        return torch.conv2d(x, weight, None, convolution.stride, convolution.padding)

    y = forward()
    gradient = torch.ones_like(y)
    works: Sequence[Callable[[], object]] = (
        torch.no_grad()(forward),
        lambda: torch.autograd.grad(y, x, gradient, retain_graph=True),
        lambda: torch.autograd.grad(y, weight, gradient, retain_graph=True),
    )
    return operations(convolution) / min(fastest(work, device, repeats) for work in works)


def fastest(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """The seconds of the fastest run of ``work``, after one to warm up."""
    seconds = []
    for _ in range(repeats + 1):
        wait(device)
        began = time.perf_counter()
        work()
        wait(device)
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])


@click.command()
@click.option("--device", default="auto", show_default=True, type=click.Choice(DEVICES))
@click.option("--precision", default="auto", show_default=True, type=click.Choice([*PRECISIONS, "auto"]))
@click.option("--compile/--no-compile", "compiled", default=None, help="With torch.compile.  [default: on a GPU only]")
@click.option("--batch", default=DEFAULTS["batch"], show_default=True, help="Crops at each step.")
@click.option("--crop", default=DEFAULTS["crop"], show_default=True, help="Their side, in pixels.")
@click.option("--steps", default=10, show_default=True, type=click.IntRange(1), help="To time.")
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(1), help="Of every convolution alone.")
def main(device: str, precision: str, compiled: bool | None, batch: int, crop: int, steps: int, repeats: int) -> None:
    """Measure on this machine."""
    where = choose_device(device)
    precise = choose_precision(precision, where)
    compiling = where.type == "cuda" if compiled is None else compiled
    click.echo(", ".join(f"{name} {value}" for name, value in machine().items()) + f"; on {where.type}")
    seconds = run(where, precise, compiling, batch, crop, steps)
    computed = convolutions(batch, crop, PRECISIONS[precise])
    total = sum(len(directions) * operations(each) for each, directions in computed)
    alone = {each for each, _ in computed} | {Convolution(*SQUARE, 1, 1, PRECISIONS[precise])}
    best = max(rate(each, where, repeats) for each in alone)
    click.echo(f"{batch} crops of {crop} x {crop} a step, {precise}, {'compiled' if compiling else 'not compiled'}")
    click.echo(f"{seconds:.3f} s/step, {batch / seconds:.3g} pictures/s")
    click.echo(f"{total / batch / 1e9:.1f} GFLOP a picture in convolutions, {total / seconds / 1e9:.0f} GFLOP/s reached")
    click.echo(f"{best / 1e9:.0f} GFLOP/s at best by a convolution alone: {total / best / seconds:.0%} of the roofline")


if __name__ == "__main__":
    main()
