"""``impasto reconstruct`` and ``impasto train decoder``: what they print and write, and that every mistake is one line and exit code 2."""

import re

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from impasto import encoders
from impasto.cli import main
from impasto.feedforward import decoder_training, networks
from impasto.feedforward.decoder import Architecture, Decoder

QUICK = ("--size", "40", "--steps", "2", "--model", "d.safetensors")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checksum = encoders.load("pocket", None, torch.device("cpu"), torch.float32).checksum
    networks.write(Decoder(Architecture("pocket", ((32,), (64,), (128,)))), "d.safetensors", {"encoder_sha256": checksum})
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, list(arguments))


def complaint(result):
    """The one line on stderr of a run that was refused."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr


def test_reconstruct(folder):
    result = run("reconstruct", "chelsea", *QUICK)
    assert (result.exit_code, result.stderr) == (0, "")
    network, optimisation, written = result.stdout.splitlines()
    assert re.fullmatch(r"network +relu3_1 +-?\d+\.\d\d dB  \d+\.\d\d s", network)
    assert re.fullmatch(r"optimisation +relu3_1 +-?\d+\.\d\d dB  \d+\.\d\d s", optimisation)
    assert written == "reconstruct-relu3_1.png"
    with Image.open(written) as sheet:
        assert sheet.width > 3 * 40
    assert {file.name for file in folder.iterdir()} == {"d.safetensors", written}


@pytest.mark.parametrize("by", ["network", "optimisation"])
def test_one_way(folder, by):
    model = QUICK if by == "network" else QUICK[:-2]
    result = run("reconstruct", "chelsea", "--layer", "relu2_1", "--by", by, "-o", "out.jpg", *model)
    first, written = result.stdout.splitlines()
    assert (first.split()[0], written) == (by, "out.jpg")
    assert (folder / "out.jpg").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--layer", "relu3_2"), "no layer relu3_2, only relu1_1, relu2_1, relu3_1"),
        (("--by", "magic"), "by magic is impossible"),
        (("-o", "out.xyz"), "out.xyz has no extension we can write"),
        (("--model", "missing.safetensors"), "missing.safetensors can't be read"),
        (("--size", "many"), "'many' is not a valid integer"),
    ],
)
def test_mistakes(folder, arguments, told):
    assert told in complaint(run("reconstruct", "chelsea", *QUICK, *arguments))
    assert [file.name for file in folder.iterdir()] == ["d.safetensors"]


def test_damaged_models(folder):
    content = (folder / "d.safetensors").read_bytes()
    for damaged in (b"", content[:100], content[:-1], b"PK\x03\x04", b"\x80\x02rest"):
        (folder / "d.safetensors").write_bytes(damaged)
        assert "d.safetensors" in complaint(run("reconstruct", "chelsea", *QUICK))


def test_no_photograph(folder):
    assert "nobody" in complaint(run("reconstruct", "nobody", *QUICK))


def test_training(folder, monkeypatch):
    """A tiny encoder takes the place of pocket."""
    tiny = encoders.VGG(encoders.Architecture(((3, 4), (5,)))).requires_grad_(False)
    monkeypatch.setattr(encoders, "load", lambda *_, **__: encoders.Loaded(tiny, "tiny's"))
    monkeypatch.setattr(decoder_training, "FIRST_LOOK", 2)
    (folder / "photos").mkdir()
    for n in range(8):
        Image.linear_gradient("L").rotate(90 * n).resize((32, 20 + n)).save(f"photos/{n}.png")
    (folder / "photos/bad.png").write_bytes(b"no picture")
    quick = ("--photos", "photos", "--steps", "2", "--crop", "16", "--batch", "2", "-o", "tiny.safetensors")
    result = run("train", "decoder", *quick)
    assert (result.exit_code, result.stdout) == (0, "tiny.safetensors\n")
    assert result.stderr.count("bad.png") == len(result.stderr.splitlines()) <= 1
    assert networks.read("tiny.safetensors").settings["encoder_sha256"] == "tiny's"
    assert {"checkpoint.pt", "log.jsonl", "loss.png"} == {file.name for file in (folder / "tiny.training").iterdir()}
    assert "has taken 2 steps already" in complaint(run("train", "decoder", *quick, "--steps", "1"))


def test_training_wants_photographs(folder):
    (folder / "empty").mkdir()
    assert "empty holds no pictures to train on" in complaint(run("train", "decoder", "--photos", "empty", "-o", "new.safetensors"))
    assert "unknown encoder vgg20" in complaint(run("train", "decoder", "--photos", "empty", "-o", "d2.safetensors", "--encoder", "vgg20"))
    assert {file.name for file in folder.iterdir()} == {"d.safetensors", "empty"}
