"""Everything that a GPU should be quick at, in one command: `python benchmarks/gpu.py`.

First the tests that compute on a device (``tests/test_devices.py``, and one of training). Then, each the median of several repeats, the
device having done all that it was told before the clock is read:

- an evaluation of the textbook loop (`benchmarks/textbook.py`), in float32, without what happens before the first;
- the default method at 512 and 1024 pixels: warm, from a prepared painter's call to the picture, after one that doesn't count, beside 300
  evaluations of the loop; and cold, the first painting of a process of its own, with all that is loaded and made ready for it, but without
  imports;
- published methods through VGG19, a step of the first 20, beside an evaluation of the loop, which are the first 20 as well, so that both
  solvers remember as much;
- one pass of both packaged networks, without reading and writing;
- training of `fast`, a step at its default options.

A ratio says how many times as long the loop takes, on the same device. VGG19's weights are random, because none are packaged and a step
costs the same whatever they are. What fails is said in its line, and the rest goes on; then the exit code is 1. It is 2 where there is no
such device. ``--quick`` measures next to nothing, to see that all of it works: ``--device cpu --quick``.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise, product
from multiprocessing import get_context
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
from impasto.encoders.devices import DEVICES, choose_device, choose_precision
from impasto.errors import OptionError
from impasto.family import Progress

ROOT = Path(__file__).parents[1]

Precision = Literal["bfloat16", "float32"]
Device = Literal["cpu", "cuda", "mps"]

CONTENT, STYLE = "astronaut", "starry"
EVALUATIONS = 300  # of the textbook loop
STEPS = 20  # of a published method that are timed, and evaluations of the loop
COLD = 3  # processes at most, as each of them imports PyTorch
TESTS = ("tests/test_devices.py", "tests/feedforward/test_training.py::test_finished_and_begun_again")
HEAD = f"{'':<34}{'precision':<10}{'median':>11}{'a second':>11}{'peak':>11}{'ratio':>10}"


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
        peak = f"{self.megabytes:8.0f} MB" if self.megabytes else ""
        ratio = f"{self.ratio:8.1f} x" if self.ratio else ""
        return f"{self.what:<34}{self.precision:<10}{self.seconds:9.4f} s{1 / self.seconds:11.3g}{peak:>11}{ratio:>10}".rstrip()

    @property
    def ratio(self) -> float | None:
        """How many times as long the plain loop takes."""
        return self.plain / self.seconds if self.plain else None


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
        reset(self.device)
        found = []
        for _ in range(self.repeats + 1):
            self.wait()
            began = time.perf_counter()
            work()
            self.wait()
            found.append(time.perf_counter() - began)
        return statistics.median(found[1:]), held(self.device)

    def plain(self, size: int) -> Measured:
        """An evaluation of the textbook loop."""
        torch.manual_seed(0)
        layers = {name: layer.to(self.device) for name, layer in textbook.network().items()}
        pictures = [textbook.read(str(path), size).to(self.device) for path in (examples.path(CONTENT), styles.path(STYLE))]
        steps = 3 if self.quick else STEPS
        before, _ = self.seconds(lambda: textbook.loop(layers, *pictures, 0))  # what is made once
        whole, most = self.seconds(lambda: textbook.loop(layers, *pictures, steps))
        return Measured(f"an evaluation of the loop at {size}", "float32", (whole - before) / steps, None, most)

    def warm(self, size: int, precision: Precision, plain: float | None) -> Measured:
        """The default method, prepared."""
        painter = impasto.Painter(STYLE, size=size, device=self.named, precision=precision, steps=self.steps)
        seconds, most = self.seconds(lambda: painter(CONTENT))
        return Measured(f"default at {size}, warm", precision, seconds, plain and plain * (self.steps or EVALUATIONS), most)

    def cold(self, size: int, precision: Precision) -> Measured:
        """The default method in processes that have painted nothing before."""
        found = []
        for _ in range(min(COLD, self.repeats)):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                found.append(pool.submit(first, self.named, size, precision, self.steps).result())
        seconds, most = zip(*found, strict=True)
        return Measured(f"default at {size}, cold", precision, statistics.median(seconds), None, max(most))

    @property
    def steps(self) -> int | None:
        """Of the default method, where they aren't its own."""
        return 4 if self.quick else None

    def published(self, method: str, size: int, precision: Precision, plain: float | None, weights: Path) -> Measured:
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
        _, most = self.seconds(lambda: painter(CONTENT, callback=read))
        apart = [after - before for index, (before, after) in enumerate(pairwise(clock), 1) if index % steps]
        return Measured(f"a step of {method} at {size}", precision, statistics.median(apart[steps - 1 :]), plain, most)

    def one_pass(self, kind: str, size: tuple[int, int], precision: str) -> Measured:
        """One pass of a packaged network."""
        paint = onepass.painter(kind, self.device.type, precision)
        content = picture.read(examples.path("coffee")).resized(size).picture
        seconds, most = self.seconds(lambda: paint(content))
        return Measured(f"{kind} at {size[0]} x {size[1]}", precision, seconds, None, most)

    def training(self) -> Measured:
        """A step of training."""
        # Here, as it can't be imported on every system that the rest runs on.
        from training import DEFAULTS, run  # type: ignore[attr-defined]

        batch, crop = (1, 64) if self.quick else (DEFAULTS["batch"], DEFAULTS["crop"])
        precision = choose_precision("auto", self.device)
        reset(self.device)
        seconds = run(self.device, precision, self.device.type == "cuda", batch, crop, 4 if self.quick else 30)
        return Measured("a step of training fast", precision, seconds, None, held(self.device))

    def all(self, weights: Path) -> Iterator[Measured]:
        """Everything there is to measure."""
        precisions: tuple[Precision, ...] = ("float32",) if self.quick else ("bfloat16", "float32")
        for size in (64,) if self.quick else (512, 1024):
            loop = self._tried(f"an evaluation of the loop at {size}", "float32", partial(self.plain, size))
            yield loop
            plain = None if loop.error else loop.seconds
            for precision in precisions:
                yield self._tried(f"default at {size}, warm", precision, partial(self.warm, size, precision, plain))
                yield self._tried(f"default at {size}, cold", precision, partial(self.cold, size, precision))
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


def reset(device: torch.device) -> None:
    """Begin to measure the memory of a ``device`` anew."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()


def held(device: torch.device) -> float:
    """The megabytes of a ``device`` that were held at most since then; 0 where it isn't known."""
    return torch.cuda.max_memory_allocated() / 1e6 if device.type == "cuda" else 0.0


def first(device: Device, size: int, precision: Precision, steps: int | None) -> tuple[float, float]:
    """The seconds of a painting by the default method, its painter's making included, and the megabytes it held at most."""
    began = time.perf_counter()
    impasto.Painter(STYLE, size=size, device=device, precision=precision, steps=steps)(CONTENT)
    return time.perf_counter() - began, held(torch.device(device))


@dataclass(frozen=True)
class Tested:
    """How many of the tests of devices passed, failed (or couldn't begin) and were skipped, and why there are no such figures."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    error: str = ""

    def line(self) -> str:
        """As a line above the table."""
        return f"tests of devices: {self.error or f'{self.passed} passed, {self.failed} failed, {self.skipped} skipped'}"


def tests() -> Tested:
    """Run the tests of devices."""
    command = [sys.executable, "-m", "pytest", *TESTS, "-m", "", "-p", "no:xdist", "-p", "no:cacheprovider", "-o", "addopts="]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    *_, last = ["", *(said.stdout.strip() or said.stderr.strip()).splitlines()]
    found = {outcome: int(count) for count, outcome in re.findall(r"(\d+) (passed|failed|skipped|error)", last)}
    failed = found.get("failed", 0) + found.get("error", 0)
    error = f"failed: {last.strip('= ')}" if said.returncode and not failed else ""
    return Tested(found.get("passed", 0), failed, found.get("skipped", 0), error)


@click.command()
@click.option("--device", default="cuda", show_default=True, type=click.Choice(DEVICES), help="Where to measure.")
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
    click.echo(tested.line())
    click.echo(HEAD)
    bench = Bench(chosen, 1 if quick else repeats, quick)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "vgg19.safetensors"
        safetensors.torch.save_file(tutorial.stored(tutorial.weights()), weights)
        for measured in bench.all(weights):
            found.append(measured)
            click.echo(measured.line())
    if output:
        known = {
            "card": card,
            "torch": torch.__version__,
            "tests": asdict(tested),
            "figures": [asdict(one) | {"ratio": one.ratio} for one in found],
        }
        output.write_text(json.dumps(known, indent=1) + "\n")
    if any(one.error for one in found) or tested.failed or tested.error:
        raise click.exceptions.Exit(1)


if __name__ == "__main__":
    main()
