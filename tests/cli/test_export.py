"""Exporting from the command line: what it prints and writes, and that every mistake is one line and exit code 2."""

import pytest
import torch
from click.testing import CliRunner

from impasto.cli import main
from impasto.feedforward import networks
from impasto.feedforward.fast import Architecture, Fast


@pytest.fixture
def folder(tmp_path, monkeypatch):
    networks.write(Fast(Architecture(("dawn",), width=2)), tmp_path / "model.safetensors", {}, precision=torch.float16)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, ["export", *arguments])


def complaint(result):
    """The one line on stderr of a run that was refused."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("impasto: ")
    return result.stderr


@pytest.mark.parametrize("model", ["model.safetensors", "arbitrary", "fast"])
def test_export(folder, model) -> None:
    result = run(model, "out.onnx")
    assert result.exit_code == 0, result.output
    assert result.stdout == "out-look.onnx\nout-paint.onnx\n"
    assert {file.name for file in folder.iterdir()} == {"model.safetensors", "out-look.onnx", "out-paint.onnx"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("model.safetensors", "model.pth"), "doesn't end in .onnx; give the exported model a name such as model.onnx"),
        (("fast", ""), "doesn't end in .onnx"),
        (("fast", "."), "doesn't end in .onnx"),
        (("/dev/zero", "model.onnx"), "/dev/zero can't be read (it is no file)"),
        (("none.safetensors", "model.onnx"), "none.safetensors can't be read"),
        (("decoder", "model.onnx"), "decoder"),
        (("model.safetensors",), "Missing argument"),
    ],
)
def test_mistakes(folder, arguments, words) -> None:
    assert words in complaint(run(*arguments))
    assert {file.name for file in folder.iterdir()} == {"model.safetensors"}
