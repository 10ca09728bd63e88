"""``impasto weights``: what is here, fetched, added and where."""

import subprocess
import sys

import pytest
import torch
from click.testing import CliRunner

from impasto import encoders
from impasto.cli import weights as module
from impasto.cli.weights import weights
from impasto.encoders.weights import OFFICIAL
from impasto.errors import EncoderError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("IMPASTO_WEIGHTS_URL", "http://127.0.0.1:9")  # nobody listens there
    return tmp_path / "cache"


@pytest.fixture
def short(tmp_path):
    """The beginning of a VGG19."""
    file = tmp_path / "short.pth"
    torch.save({p.torchvision: torch.zeros(p.shape) for p in OFFICIAL["vgg19"].parameters[:4]}, file)
    return file


def run(*arguments):
    return CliRunner().invoke(weights, [str(argument) for argument in arguments])


def succeed(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def complaint(*arguments):
    result = run(*arguments)
    assert isinstance(result.exception, EncoderError)
    assert len(str(result.exception).splitlines()) == 1
    return str(result.exception)


def test_names():
    assert module.NAMES == encoders.NAMES


def test_where(cache):
    assert succeed("where") == f"{cache}\n"


def test_list(cache, short):
    before = succeed("list").splitlines()
    assert [line.split()[0] for line in before] == list(encoders.NAMES)
    assert "packaged" in before[0]
    assert "pocket.safetensors" in before[0]
    for name, line in zip(OFFICIAL, before[1:], strict=True):
        assert "to fetch" in line
        assert OFFICIAL[name].file in line
        assert "BSD-3-Clause" in line
        assert line.endswith(str(cache / f"{name}.safetensors"))
    assert len({line.index("  ", 20) for line in before}) <= 2  # columns
    succeed("add", short, "vgg19")
    after = succeed("list").splitlines()
    assert "here" in after[1]
    assert "added from short.pth" in after[1]
    assert after[2].split() == before[2].split()


def test_add(cache, short):
    assert succeed("add", short, "vgg19") == f"{cache / 'vgg19.safetensors'}\n"
    assert succeed("fetch", "vgg19", "pocket").splitlines()[0] == str(cache / "vgg19.safetensors")
    assert "doesn't exist" in complaint("add", "none.pth")


def test_fetch_without_a_network(cache):
    said = complaint("fetch", "resnet50")
    assert f"put resnet50-0676ba61.pth into {cache}" in said


@pytest.mark.parametrize("arguments", [("fetch",), ("fetch", "nonesuch"), ("add",), ("add", "x", "pocket"), ("where", "x"), ("nonesuch",)])
def test_wrong_usage(arguments):
    assert run(*arguments).exit_code == 2


def test_importing_is_instant():
    code = "import sys, impasto.cli.weights; sys.exit('torch' in sys.modules or 'rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
