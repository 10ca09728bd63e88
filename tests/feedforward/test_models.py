"""Model files, as arrays and as networks: what is written is read, and nothing else is."""

import errno
import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from small import few_styles

from impasto import encoders
from impasto.errors import ModelError, OutputError
from impasto.feedforward import models, networks
from impasto.feedforward.arbitrary import Arbitrary
from impasto.feedforward.fast import Fast
from impasto.feedforward.painter import made_ready
from impasto.styles import STYLES


@pytest.fixture(scope="module")
def network():
    return few_styles(("waves", "knife"))


@pytest.fixture
def file(network, tmp_path):
    networks.write(network, tmp_path / "model.safetensors", {"steps": 3})
    return tmp_path / "model.safetensors"


def complaint(file, *kinds):
    """What is said of it, however it is read."""
    said = set()
    for read in (networks.read, models.held):
        with pytest.raises(ModelError) as caught:
            read(file, *kinds)
        said.add(str(caught.value))
    (line,) = said
    assert len(line.splitlines()) == 1
    return line


def test_what_is_written_is_read(network, file):
    model = networks.read(file)
    assert (model.kind, model.settings, model.network.architecture) == ("fast", {"steps": 3}, network.architecture)
    content, shares = torch.rand(1, 3, 24, 16), torch.tensor([[0.3, 0.7]])
    assert torch.equal(model.network(content, shares), network(content, shares))
    assert not any(parameter.requires_grad for parameter in model.network.parameters())


def test_arrays_need_no_network(network, file):
    held, model = models.held(file, "fast"), networks.read(file)
    assert (held.kind, held.settings, held.checksum) == (model.kind, model.settings, model.checksum)
    assert held.architecture == {"styles": ["waves", "knife"], "width": 4}
    assert held.weights.keys() == network.state_dict().keys()
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(held.weights[name], value)
        assert held.weights[name].dtype == np.float32


def test_half_precision_is_read_as_float32(network, tmp_path):
    networks.write(network, tmp_path / "half.safetensors", {}, precision=torch.float16)
    model = networks.read(tmp_path / "half.safetensors")
    assert {parameter.dtype for parameter in model.network.parameters()} == {torch.float32}
    assert {value.dtype for value in models.held(tmp_path / "half.safetensors").weights.values()} == {np.dtype(np.float32)}
    assert model.settings == {}


def test_the_same_network_gives_the_same_file(network, file, tmp_path):
    networks.write(network, tmp_path / "again.safetensors", {"steps": 3})
    assert (tmp_path / "again.safetensors").read_bytes() == file.read_bytes()
    assert networks.read(tmp_path / "again.safetensors").checksum == networks.read(file).checksum


def test_another_kind(file):
    assert "kind fast" in complaint(file, "arbitrary", "decoder")


def test_missing(tmp_path):
    assert "can't be read" in complaint(tmp_path / "none.safetensors")
    assert "can't be read" in complaint(tmp_path)


def test_truncated_anywhere(file):
    whole = file.read_bytes()
    for length in (0, 1, 7, 8, 60, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert "damaged" in complaint(file)


def test_pickles_are_refused_unopened(tmp_path):
    class Trap:
        def __reduce__(self):
            return open, (str(tmp_path / "sprung"), "w")

    file = tmp_path / "model.safetensors"
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        file.write_bytes(pickle.dumps(Trap(), protocol))
        assert "holds a pickle" in complaint(file)
    torch.save({"weight": torch.zeros(3)}, file)
    assert "holds a pickle" in complaint(file)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "said",
    [
        None,
        "no JSON",
        "[1, 2]",
        '{"kind": "fast"}',
        '{"kind": "fast", "architecture": [1], "settings": {}}',
        '{"kind": "fast", "architecture": 3, "settings": {}}',
    ],
)
def test_safetensors_of_others(tmp_path, said):
    file = tmp_path / "other.safetensors"
    save_file({"weight": np.zeros(3, np.float32)}, file, said and {"impasto": said})
    assert "no model of ours" in complaint(file)


@pytest.mark.parametrize("width", [4, 8])
def test_weights_that_do_not_fit(network, file, width):
    """Of another shape than is said, or missing: there is no network of them, and nothing to paint with."""
    weights = load_file(file)
    weights.pop("finish.bias")
    if width == 8:  # the smaller one's weights with the larger one's description
        weights = load_file(file)
    described = {"kind": "fast", "architecture": {"styles": ["waves", "knife"], "width": width}, "settings": {}}
    save_file(weights, file, {"impasto": json.dumps(described)})
    with pytest.raises(ModelError, match="is damaged or no model of ours"):
        networks.read(file)
    if width == 4:
        with pytest.raises(ModelError, match="is damaged or no model of ours"):
            made_ready("fast", file, "cpu", "auto").engine("look", {})


def test_a_kind_that_is_none(network, file):
    models.store(file, "unknown", {}, {"weight": np.zeros(3, np.float32)}, {})
    with pytest.raises(ModelError, match="no model of ours"):
        networks.read(file)
    assert models.held(file).kind == "unknown"


def test_a_full_disk_leaves_the_old_file(network, file, monkeypatch):
    before = file.read_bytes()

    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OutputError, match="free some space"):
        networks.write(network, file, {"steps": 4})
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert [found.name for found in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(("kind", "made"), [("arbitrary", Arbitrary), ("fast", Fast)])
def test_the_packaged_networks(kind, made):
    file = models.packaged(kind)
    assert file.stat().st_size < 4_000_000
    model = networks.read(file, kind)
    assert isinstance(model.network, made)
    assert model.settings["licence"] == "Apache-2.0"


def test_the_packaged_network_knows_every_packaged_style():
    assert set(models.held(models.packaged("fast")).architecture["styles"]) == set(STYLES)


def test_the_encoder_is_pocket():
    state = encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder.state_dict()
    for name, value in models.encoder().items():
        np.testing.assert_array_equal(value, state[name])
    assert models.encoder().keys() <= state.keys()


def test_a_header_as_long_as_a_pickle_s_first_bytes_read(network, tmp_path):
    """A safetensors file begins with the length of its header, which may look like the beginning of a zip file."""
    file = tmp_path / "model.safetensors"
    networks.write(network, file, {"note": ""})
    wanted = int.from_bytes(b"PK", "little")
    networks.write(network, file, {"note": "x" * (wanted - int.from_bytes(file.read_bytes()[:8], "little"))})
    assert file.read_bytes()[:2] == b"PK"
    assert networks.read(file).kind == "fast"
