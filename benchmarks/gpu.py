"""Everything that a GPU should be quick at, in one command: `python benchmarks/gpu.py`.

First the tests of devices (``tests/test_devices.py``). Then, each the median of several repeats after one that doesn't count, the device
having done all that it was told before the clock is read:

- the default method, from a prepared painter's call to the picture, at 512 and 1024 pixels, beside 300 evaluations of the textbook loop
  (`benchmarks/textbook.py`) on the same device;
- published methods through VGG19, a step of 20, beside an evaluation of the textbook loop;
- one pass of both packaged networks, without reading and writing;
- training of `fast`, a step at its default options.

VGG19's weights are random, because none are packaged and a step costs the same whatever they are. What fails is said in its
line, and the rest goes on; then the exit code is 1. ``--quick`` measures next to nothing, to see that all of it works:
``--device cpu --quick``.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Literal, cast

import click
import onepass  # type: ignore[import-not-found]
import safetensors.torch
import textbook  # type: ignore[import-not-found]
import torch
import tutorial  # type: ignore[import-not-found]

import impasto
from impasto import examples, picture, styles
from impasto.encoders.devices import choose_device
from impasto.errors import OptionError
from impasto.family import Progress

ROOT = Path(__file__).parents[1]

Precision = Literal["bfloat16", "float32"]
Device = Literal["cpu", "cuda", "mps"]

CONTENT, STYLE = "astronaut", "starry"
EVALUATIONS = 300  # of the textbook loop
STEPS = 20  # of a published method that are timed


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        what: it was.
        precision: of the networks.
        seconds: at the median.
        plain: seconds of the plain loop for the same, where there is one.
        megabytes: on the device at most, in 1e6 bytes; 0 where it isn't known.
        error: why there is no figure.
    """

    what: str
    precision: str
    seconds: float = 0.0
    plain: float | None = None
    megabytes: float = 0.0
    error: str = ""

    def line(self) -> str:
        """As a line of the table."""
        if self.error:
            return f"{self.what:<34}{self.precision:<10}failed: {self.error}"
        ratio = f"{self.plain / self.seconds:7.1f} x" if self.plain else ""
        return f"{self.what:<34}{self.precision:<10}{self.seconds:9.4f} s {self.megabytes:7.0f} MB {ratio}"


@dataclass(frozen=True)
class Bench:
    """How things are measured.

    Attributes:
        device: where.
        repeats: of everything.
        quick: measure next to nothing.
    """

    device: torch.device
    repeats: int
    quick: bool

    @property
    def named(self) -> Device:
        """The device as a painter takes it."""
        return cast(Device, self.device.type)

    def wait(self) -> None:
        """Until the device has done what it was told."""
        if self.device.type != "cpu":
            torch.accelerator.synchronize()

    def seconds(self, work: Callable[[], object]) -> tuple[float, float]:
        """How long some ``work`` takes at the median, and the megabytes it holds at most."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        found = []
        for _ in range(self.repeats + 1):
            self.wait()
            began = time.perf_counter()
            work()
            self.wait()
            found.append(time.perf_counter() - began)
        held = torch.cuda.max_memory_allocated() / 1e6 if self.device.type == "cuda" else 0.0
        return statistics.median(found[1:]), held

    def plain(self, size: int) -> float:
        """Seconds of an evaluation of the textbook loop."""
        torch.manual_seed(0)
        layers = {name: layer.to(self.device) for name, layer in textbook.network().items()}
        pictures = [textbook.read(str(path), size).to(self.device) for path in (examples.path(CONTENT), styles.path(STYLE))]
        taken = []

        def work() -> None:
            taken.append(textbook.loop(layers, pictures[0], pictures[1], 1 if self.quick else STEPS)[1])

        seconds, _ = self.seconds(work)
        return seconds / int(taken[-1])

    def default(self, size: int, precision: Precision, plain: float) -> Measured:
        """The default method."""
        painter = impasto.Painter(STYLE, size=size, device=self.named, precision=precision, steps=4 if self.quick else None)
        seconds, held = self.seconds(lambda: painter(CONTENT))
        return Measured(f"default at {size}", precision, seconds, plain * EVALUATIONS, held)

    def published(self, method: str, size: int, precision: Precision, plain: float, weights: Path) -> Measured:
        """A step of a published method through VGG19, without what happens before the first."""
        steps = 3 if self.quick else STEPS
        clock: list[float] = []

        def read(_: Progress) -> None:
            self.wait()
            clock.append(time.perf_counter())

        painter = impasto.Painter(
            STYLE,
            method=method,
            encoder="vgg19",
            encoder_weights=weights,
            size=size,
            device=self.named,
            precision=precision,
            steps=steps,
        )
        _, held = self.seconds(lambda: painter(CONTENT, callback=read))
        apart = [after - before for index, (before, after) in enumerate(pairwise(clock), 1) if index % steps]
        return Measured(f"a step of {method} at {size}", precision, statistics.median(apart), plain, held)

    def one_pass(self, kind: str, size: tuple[int, int], precision: str) -> Measured:
        """One pass of a packaged network."""
        paint = onepass.painter(kind, self.device.type, precision)
        content = picture.read(examples.path("coffee")).resized(size).picture
        seconds, held = self.seconds(lambda: paint(content))
        return Measured(f"{kind} at {size[0]} x {size[1]}", precision, seconds, None, held)

    def training(self) -> Measured:
        """A step of training."""
        batch, crop = (1, 64) if self.quick else (4, 256)
        command = [sys.executable, str(ROOT / "benchmarks" / "training.py"), "--device", self.device.type, "--repeats", "1"]
        command += ["--batch", str(batch), "--crop", str(crop), "--steps", "4" if self.quick else "30"]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        if said.returncode:
            raise RuntimeError(said.stderr.strip().splitlines()[-1])
        found = re.search(r"([\d.]+) pictures/s", said.stdout)
        if found is None:
            raise RuntimeError(said.stdout)
        return Measured("a step of training fast", "auto", batch / float(found[1]))

    def all(self, weights: Path) -> Iterator[Measured]:
        """Everything there is to measure."""
        precisions: tuple[Precision, ...] = ("float32",) if self.quick else ("bfloat16", "float32")
        for size in (64,) if self.quick else (512, 1024):
            plain = self.plain(size)
            yield Measured(f"an evaluation of the loop at {size}", "float32", plain)
            for precision in precisions:
                yield self._tried(f"default at {size}", precision, partial(self.default, size, precision, plain))
                for method in ("gatys2016", "tutorial"):
                    work = partial(self.published, method, size, precision, plain, weights)
                    yield self._tried(f"a step of {method} at {size}", precision, work)
        for kind, sides, precision in product(("arbitrary", "fast"), ((64, 48),) if self.quick else ((512, 384), (3840, 2160)), precisions):
            yield self._tried(f"{kind} at {sides[0]} x {sides[1]}", precision, partial(self.one_pass, kind, sides, precision))
        yield self._tried("a step of training fast", "auto", self.training)

    def _tried(self, what: str, precision: str, work: Callable[[], Measured]) -> Measured:
        try:
            return work()
        except Exception as error:
            return Measured(what, precision, error=" ".join(str(error).split())[:160] or type(error).__name__)


def tests() -> str:
    """What the tests of devices say in the end."""
    command = [sys.executable, "-m", "pytest", "tests/test_devices.py", "-m", "", "-p", "no:xdist", "-o", "addopts="]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return said.stdout.strip().splitlines()[-1].strip("= ")


@click.command()
@click.option("--device", default="cuda", show_default=True, type=click.Choice(["cuda", "mps", "cpu"]), help="Where to measure.")
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(1), help="Of every measurement.")
@click.option("--quick", is_flag=True, help="Measure next to nothing, to see that all of it works.")
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures to this file, too.")
def main(device: str, repeats: int, quick: bool, output: Path | None) -> None:
    """Test and measure, and print a table."""
    try:
        chosen = choose_device(device)
    except OptionError as error:
        click.echo(f"{error}", err=True)
        raise click.exceptions.Exit(2) from error
    card = torch.cuda.get_device_name() if chosen.type == "cuda" else chosen.type
    click.echo(f"{card}, torch {torch.__version__}")
    tested = tests()
    click.echo(f"tests of devices: {tested}")
    bench = Bench(chosen, 1 if quick else repeats, quick)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "vgg19.safetensors"
        safetensors.torch.save_file(tutorial.stored(tutorial.weights()), weights)
        for measured in bench.all(weights):
            found.append(measured)
            click.echo(measured.line())
    if output:
        known = {"card": card, "torch": torch.__version__, "tests": tested, "figures": [asdict(one) for one in found]}
        output.write_text(json.dumps(known, indent=1) + "\n")
    if any(one.error for one in found) or "failed" in tested or "error" in tested:
        raise click.exceptions.Exit(1)


if __name__ == "__main__":
    main()
