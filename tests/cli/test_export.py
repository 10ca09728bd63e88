"""Exporting from the command line: what it prints and writes, and that every mistake is one line and exit code 2."""

import pytest
from click.testing import CliRunner

from impasto.cli import main
from impasto.feedforward import export, models
from impasto.feedforward.fast import Architecture, Fast


@pytest.fixture
def folder(tmp_path, monkeypatch):
    models.write(Fast(Architecture(("dawn",), width=2, blocks=0)), tmp_path / "model.safetensors", {})
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


def test_export(folder, monkeypatch) -> None:
    monkeypatch.setattr(export, "graph", lambda *_: b"painting")  # the real one is long in the making; it has its own tests
    monkeypatch.setattr(export, "check", lambda *_: {"3 x 5": 2e-6, "64 x 48": 3e-6})
    result = run("model.safetensors", "model.onnx")
    assert result.exit_code == 0, result.output
    assert result.stdout == "model.onnx\n"
    assert "at most 3e-06 from our own paintings at 2 sizes" in result.stderr
    assert (folder / "model.onnx").read_bytes() == b"painting"
    assert {file.name for file in folder.iterdir()} == {"model.safetensors", "model.onnx"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("model.safetensors", "model.pth"), "doesn't end in .onnx"),
        (("model.safetensors", "no/model.onnx"), "create it first"),
        (("none.safetensors", "model.onnx"), "none.safetensors can't be read"),
        (("model.safetensors",), "Missing argument"),
    ],
)
def test_mistakes(folder, arguments, words) -> None:
    assert words in complaint(run(*arguments))
    assert {file.name for file in folder.iterdir()} == {"model.safetensors"}


def test_missing_packages(folder, monkeypatch) -> None:
    monkeypatch.setattr(export, "find_spec", lambda package: None)
    assert 'pip install "impasto[onnx]"' in complaint(run("model.safetensors", "model.onnx"))


def test_interrupted(folder, monkeypatch) -> None:
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(export, "check", interrupt)
    monkeypatch.setattr(export, "graph", lambda *_: b"")
    assert run("model.safetensors", "model.onnx").exit_code == 130
    assert {file.name for file in folder.iterdir()} == {"model.safetensors"}
