"""``impasto train fast``: the command."""

import warnings
from inspect import signature

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from impasto.cli.main import main
from impasto.cli.train import fast
from impasto.feedforward import networks, training


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Small crops will do, plots aren't drawn, and warnings are shown by the command alone."""
    monkeypatch.setattr(training, "OUR_LAYERS", training.Layers(("relu1_1", "relu2_1"), ("relu2_2",)))
    monkeypatch.setattr(training.Record, "draw", lambda _: None)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    for n in range(8):
        pixels = np.random.default_rng(n).integers(0, 256, (24, 32, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{n}.png")
    return tmp_path / "photos"


def run(*arguments):
    small = ("--steps", 2, "--batch", 2, "--crop", 16, "--width", 2, "--style-size", 48, "--device", "cpu")
    return CliRunner().invoke(main, ["train", "fast", *map(str, (*small, *arguments))])


def complaint(*arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("impasto: ")
    return result.stderr


def test_train(photos, tmp_path):
    output = tmp_path / "model.safetensors"
    Image.new("RGB", (40, 30), "red").save(tmp_path / "red.png")
    result = run("starry", tmp_path / "red.png", "--photos", photos, "-o", output)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{output}\n", "")
    model = networks.read(output, "fast")
    assert model.network.architecture.styles == ("starry", "red")
    assert model.settings["style_size"] == 48
    assert (tmp_path / "model.training" / "checkpoint.pt").exists()


def test_defaults_are_the_librarys():
    """What the help says of an option is what the library does without it."""
    library = {name: parameter.default for name, parameter in signature(training.train).parameters.items()}
    offered = fast.make_context("fast", ["starry", "--photos", "folder", "-o", "out"]).params
    assert set(offered) - {"style", "quiet"} == set(library) - {"styles", "callback", "fetching"}
    for name in set(offered) - {"style", "quiet", "photos", "output"}:
        assert offered[name] == library[name], name


def test_bad_photograph(photos, tmp_path):
    (photos / "0broken.png").write_bytes(b"nothing")
    result = run("starry", "--photos", photos, "-o", tmp_path / "model.safetensors")
    assert result.exit_code == 0
    assert len(result.stderr.splitlines()) == 1
    assert "0broken.png" in result.stderr


def test_stopped(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "train", lambda *_, **__: training.Trained(3, False))
    result = run("starry", "--photos", photos, "-o", tmp_path / "model.safetensors")
    assert result.exit_code == 130
    assert result.stderr.startswith("Stopped at step 3; the model so far is in ")


def test_only_the_first_process_speaks(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "train", lambda *_, **__: training.Trained(3, True))
    monkeypatch.setenv("RANK", "1")
    result = run("starry", "--photos", photos, "-o", tmp_path / "model.safetensors")
    assert (result.exit_code, result.output) == (0, "")


def test_complaints(photos, tmp_path):
    output = tmp_path / "model.safetensors"
    assert "nosuch" in complaint("nosuch", "--photos", photos, "-o", output)
    assert "--photos" in complaint("starry", "-o", output)
    (tmp_path / "empty").mkdir()
    assert "holds no pictures" in complaint("starry", "--photos", tmp_path / "empty", "-o", output)
    assert "create it first" in complaint("starry", "--photos", photos, "-o", tmp_path / "absent" / "model.safetensors")
    for n in range(5):
        (photos / f"{n}.png").rename(tmp_path / "empty" / f"{n}.png")
    assert "holds 3 pictures to train on, and 8 are the least" in complaint("starry", "--photos", photos, "-o", output)
    for n in range(5):
        (tmp_path / "empty" / f"{n}.png").rename(photos / f"{n}.png")
    Image.new("RGB", (7, 30), "red").save(tmp_path / "thin.png")
    assert "needs 8 along the shorter side" in complaint(tmp_path / "thin.png", "--photos", photos, "-o", output)
    assert not output.exists()
    assert not output.with_suffix(".training").exists()
