"""Weights files of every format, whole and damaged, and what reading them costs."""

import json
import pickle
import subprocess
import sys

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from impasto.encoders.stored import Parameter, opened, write
from impasto.errors import EncoderError

STATE = {
    "large.weight": torch.arange(60_000.0).view(200, 300),
    "small.bias": torch.arange(7.0),
    "half": torch.arange(50_000).half(),
    "other": torch.arange(40_000.0),
}


def save(state, file, kind):
    if kind == "safetensors":
        save_file(state, file, metadata={"normalised": "true"})
    else:
        torch.save(state, file, _use_new_zipfile_serialization=kind == "zip")
    return file


def complaint(file):
    with pytest.raises(EncoderError) as caught, opened(file):
        pass
    assert len(str(caught.value).splitlines()) == 1
    assert str(file) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
def test_formats(kind, tmp_path):
    """The content tells the format, whatever the file is called."""
    with opened(save(STATE, tmp_path / "weights.bin", kind)) as stored:
        assert set(stored.names) == set(STATE)
        assert dict(stored.metadata) == ({"normalised": "true"} if kind == "safetensors" else {})
        for name in reversed(STATE):
            assert torch.equal(stored.take(name), STATE[name]), name


@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_views_of_one_storage(kind, tmp_path):
    whole = torch.arange(90_000.0).view(300, 300)
    state = {"transposed": whole.T, "row": whole[3], "block": whole[100:200, 50:], "text": "not a tensor"}
    with opened(save(state, tmp_path / "views.pth", kind)) as stored:
        assert set(stored.names) == {"transposed", "row", "block"}
        for name in stored.names:
            assert torch.equal(stored.take(name), state[name]), name


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.9, 0.9999])
def test_cut_off(kind, share, tmp_path):
    whole = save(STATE, tmp_path / "whole", kind).read_bytes()
    (tmp_path / "cut").write_bytes(whole[: int(share * len(whole))])
    assert "not a whole weights file" in complaint(tmp_path / "cut")


class _Trap:
    def __reduce__(self):
        return (exec, ("raise SystemExit('this code came out of a weights file')",))


@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_code_in_a_file_is_not_run(kind, tmp_path):
    assert "not a whole weights file" in complaint(save({"weight": _Trap()}, tmp_path / "trap.pth", kind))
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"weight": _Trap()}))
    complaint(tmp_path / "plain.pth")


@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_no_state_dict(kind, tmp_path):
    assert "no state dict" in complaint(save(torch.zeros(3), tmp_path / "tensor.pth", kind))


def test_missing_and_unreadable(tmp_path):
    assert "doesn't exist" in complaint(tmp_path / "none.pth")
    assert "can't be read" in complaint(tmp_path)


def test_parameters(tmp_path):
    parameters = (
        Parameter("a", "layer1", (2,), "features.0"),
        Parameter("b", "layer2", (3,), "features.2"),
        Parameter("c", "layer3", (4,), "c"),
    )
    state = {"features.0": torch.zeros(2), "b": torch.zeros(9), "unknown": torch.zeros(1)}
    with opened(save(state, tmp_path / "mixed", "zip")) as stored:
        assert stored.beginning(parameters) == parameters[:2]
        assert stored.beginning(parameters[:1]) == parameters[:1]
        assert not stored.is_ours(parameters)
        assert stored.read(parameters[0]).shape == (2,)
        with pytest.raises(EncoderError, match=r"b is \[9\], not \[3\]"):
            stored.read(parameters[1])


def test_write(tmp_path):
    """The same bytes every time, as safetensors reads them."""
    file, again = tmp_path / "out.safetensors", tmp_path / "again.safetensors"
    for each in (file, again):
        write(each, {name: tuple(values.shape) for name, values in STATE.items()}, STATE.__getitem__, {"source": "tests"})
    assert file.read_bytes() == again.read_bytes()
    written = load_file(file)
    assert all(torch.equal(values, STATE[name].float()) for name, values in written.items())
    assert set(written) == set(STATE)
    with safe_open(file, framework="pt") as read:
        assert read.metadata() == {"source": "tests"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.safetensors", "out.safetensors"]


def test_a_write_that_fails_leaves_nothing(tmp_path):
    def take(name):
        if name == "second":
            raise EncoderError("no more")
        return torch.zeros(4)

    (tmp_path / "out").write_text("what was there before")
    with pytest.raises(EncoderError, match="no more"):
        write(tmp_path / "out", {"first": (4,), "second": (4,)}, take, {})
    assert (tmp_path / "out").read_text() == "what was there before"
    assert len(list(tmp_path.iterdir())) == 1


MEASURE = """
import json, re, sys
import torch
from impasto.encoders.stored import opened, write
from pathlib import Path

def peak():
    # Unlike getrusage's, this one begins anew in a new process.
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

folder, shapes = Path(sys.argv[1]), json.loads(sys.argv[2])
peaks = [peak()]
for kind in ("legacy", "zip"):
    with opened(folder / kind) as stored:
        write(folder / "cut", {name: tuple(shape) for name, shape in shapes.items()}, stored.take, {})
    peaks.append(peak())
torch.load(folder / "legacy", weights_only=True)
peaks.append(peak())
print(json.dumps(peaks))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted otherwise here")
def test_cutting_takes_less_than_half_the_memory(tmp_path):
    """A file in the proportions of VGG19's: half as wide, so a quarter as large, with its classifier of 124 MB."""
    state, before = {}, 3
    for number, width in enumerate((32, 32, 64, 64, *(128,) * 4, *(256,) * 8)):
        state[f"features.{number}.weight"] = torch.ones(width, before, 3, 3)
        state[f"features.{number}.bias"] = torch.ones(width)
        before = width
    shapes = {name: tuple(values.shape) for name, values in state.items()}
    for number, shape in ((0, (2048, 256 * 49)), (3, (2048, 2048)), (6, (1000, 2048))):
        state[f"classifier.{number}.weight"] = torch.ones(shape)
    for kind in ("legacy", "zip"):
        save(state, tmp_path / kind, kind)
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path), json.dumps(shapes)], capture_output=True, text=True, check=True
    )
    start, legacy, zipped, whole = json.loads(measured.stdout)
    assert whole - start > 100_000  # kB
    assert legacy - start < (whole - start) / 5
    assert zipped - start < (whole - start) / 2
    assert all(torch.equal(values, state[name]) for name, values in load_file(tmp_path / "cut").items())
