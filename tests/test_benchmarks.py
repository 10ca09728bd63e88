"""The benchmarks of methods and of training measure what they say."""

import importlib.util
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from impasto import encoders
from impasto.feedforward.fast import Architecture, Fast
from impasto.methods import METHODS
from impasto.optimise import LBFGS, SGD, TorchLBFGS

FILE = Path(__file__).parents[1] / "benchmarks" / "methods.py"


@pytest.fixture(scope="module")
def methods():
    spec = importlib.util.spec_from_file_location("benchmark_of_methods", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("solver", [LBFGS(), LBFGS(first=2.55, longest=25.5, units=255), TorchLBFGS(), TorchLBFGS(history=25, units=255)])
def test_memory_is_full_and_moves_are_taken_back(methods, solver) -> None:
    variable = (solver.units * torch.rand(1, 3, 24, 32)).requires_grad_()
    begin = variable.detach().clone()
    stopwatch = methods.Stopwatch(solver, 3)
    timed = stopwatch(variable)

    def closure():
        variable.grad = 2 * variable.detach()
        return variable.detach().square().sum()

    for _ in range(3):
        timed.step(closure)
        assert torch.equal(variable, begin)
    assert len(timed.mover.curvature.order) == solver.history
    assert len(stopwatch.seconds) == 3


def test_solver_without_memory(methods) -> None:
    variable = torch.rand(1, 3, 4, 4).requires_grad_()
    timed = methods.Stopwatch(SGD(), 3)(variable)
    variable.grad = torch.ones_like(variable)
    timed.step(lambda: variable.detach().sum())
    assert timed.mover.steps == 1


def test_every_convolution_is_counted_once(methods, monkeypatch) -> None:
    """Of one evaluation, down to the deepest layer the method looks at, at the size of the finest level."""
    monkeypatch.setitem(METHODS, "tutorial", METHODS["tutorial"])  # put back afterwards
    size, _, stopwatch, _ = methods.run(METHODS["tutorial"], "pocket", 32, 1)
    assert size == (32, 32)
    seen = [each for each in stopwatch.convolutions if each.weight[2:] == (3, 3)]
    assert [each.picture[2] for each in seen] == [32, 32, 16, 16, 8]  # conv1_1 … conv3_1
    assert all(before.weight[0] == after.weight[1] for before, after in pairwise(seen))


def test_operations(methods) -> None:
    operations, rate = methods.Convolution((1, 8, 10, 12), (16, 8, 3, 3), 2, 1, torch.float32).rate(1)
    assert operations == 2 * (5 * 6) * 16 * 8 * 3 * 3
    assert rate > 0


@pytest.mark.slow
def test_command(tmp_path: Path) -> None:
    file = tmp_path / "costs.json"
    command = [sys.executable, FILE, "--method", "liwand2016", "--size", "32", "--steps", "1", "--json", file]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert printed[-1].split()[0] == "liwand2016"
    found = json.loads(file.read_text())["methods"]["liwand2016"]
    assert found["size"] == [32, 32]
    assert found["steps"] == sum(METHODS["liwand2016"].steps)
    assert 0 < found["share"] < 1
    assert found["megabytes"] > 100


def test_training_is_counted_as_torch_counts(monkeypatch) -> None:
    monkeypatch.syspath_prepend(FILE.parent)
    spec = importlib.util.spec_from_file_location("benchmark_of_training", FILE.with_name("training.py"))
    training = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(training)
    counted = sum(len(directions) * training.operations(each) for each, directions in training.convolutions(2, 64, torch.float32))
    network, encoder = Fast(Architecture(("a",))), encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder
    crops = torch.rand(2, 3, 64, 64)
    with FlopCounterMode(display=False) as flops:
        painted = training.framed(network, crops, torch.ones(1, 1))
        both = [
            encoder(x, (*training.OUR_LAYERS.style, *training.OUR_LAYERS.content)) for x in (painted, functional.avg_pool2d(painted, 2))
        ]
        sum(x.sum() for seen in both for x in seen.values()).backward()
        encoder(crops, training.OUR_LAYERS.content)
    assert counted == flops.get_total_flops()


@pytest.mark.slow
def test_everything_for_a_gpu_runs_without_one(tmp_path) -> None:
    file = FILE.with_name("gpu.py")
    said = subprocess.run(
        [sys.executable, file, "--device", "cpu", "--quick", "--json", tmp_path / "out.json"], capture_output=True, text=True, check=True
    )
    known = json.loads((tmp_path / "out.json").read_text())
    assert all(figure["seconds"] > 0 and not figure["error"] for figure in known["figures"])
    assert {figure["what"].split(" at ")[0] for figure in known["figures"]} == {
        "an evaluation of the loop", "default", "a step of gatys2016", "a step of tutorial", "arbitrary", "fast", "a step of training fast"
    }  # fmt: skip
    assert [figure["ratio"] is not None for figure in known["figures"]] == [False, True, False, True, True, False, False, False]
    assert known["tests"]["passed"] + known["tests"]["skipped"] > 5
    assert not known["tests"]["failed"]
    assert len(said.stdout.splitlines()) == 3 + len(known["figures"])


def test_what_fails_on_a_gpu_is_one_line_and_the_rest_goes_on(monkeypatch) -> None:
    monkeypatch.syspath_prepend(FILE.parent)
    spec = importlib.util.spec_from_file_location("benchmark_of_gpus", FILE.with_name("gpu.py"))
    gpu = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, gpu)  # where dataclasses look for their types
    spec.loader.exec_module(gpu)

    def fail(*_) -> None:
        raise RuntimeError("no room\nfor this")

    monkeypatch.setattr(gpu, "tests", lambda: gpu.Tested(3, 0, 1))
    monkeypatch.setattr(gpu.Bench, "plain", fail)
    for name in ("warm", "cold", "published", "one_pass", "training"):
        monkeypatch.setattr(gpu.Bench, name, lambda *_: gpu.Measured("this", "float32", 0.5))
    said = CliRunner().invoke(gpu.main, ["--device", "cpu", "--quick"])
    assert said.exit_code == 1
    _, tested, _, failed, *others = said.stdout.splitlines()
    assert tested == "tests of devices: 3 passed, 0 failed, 1 skipped"
    assert failed.endswith("failed: no room for this")
    assert len(others) == 7
    assert all(line.split()[:3] == ["this", "float32", "0.5000"] for line in others)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_no_gpu_is_one_line(tmp_path) -> None:
    said = subprocess.run([sys.executable, FILE.with_name("gpu.py")], capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert said.stdout == ""
    assert len(said.stderr.splitlines()) == 1
    assert "cuda" in said.stderr


@pytest.mark.slow
def test_the_tutorial_s_loop_beside_ours() -> None:
    said = subprocess.run(
        [sys.executable, FILE.with_name("tutorial.py"), "--size", "64", "--evaluations", "20"], capture_output=True, text=True, check=True
    )
    loop, ours, _ = said.stdout.splitlines()
    assert loop.startswith("the tutorial's loop: ")
    assert ours.startswith("--fast: ")
