import errno
import pickle

import pytest
import torch
from safetensors.torch import save_file

from impasto.errors import ModelError, OutputError
from impasto.feedforward import models
from impasto.feedforward.arbitrary import Arbitrary
from impasto.feedforward.fast import Architecture, Fast


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Fast(Architecture(("waves", "knife"), width=4, blocks=1)).eval()


@pytest.fixture
def file(network, tmp_path):
    models.write(network, tmp_path / "model.safetensors", {"steps": 3})
    return tmp_path / "model.safetensors"


def complaint(file, *kinds):
    with pytest.raises(ModelError) as caught:
        models.read(file, *kinds)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_what_is_written_is_read(network, file):
    model = models.read(file)
    assert (model.kind, model.settings, model.network.architecture) == ("fast", {"steps": 3}, network.architecture)
    content = torch.rand(1, 3, 24, 20)
    with torch.no_grad():
        assert torch.equal(model.network(content), network(content))
    assert not any(parameter.requires_grad for parameter in model.network.parameters())


def test_half_precision_is_read_as_float32(network, tmp_path):
    models.write(network, tmp_path / "half.safetensors", {}, precision=torch.float16)
    model = models.read(tmp_path / "half.safetensors")
    assert {parameter.dtype for parameter in model.network.parameters()} == {torch.float32}
    assert model.settings == {}


def test_the_same_network_gives_the_same_file(network, file, tmp_path):
    models.write(network, tmp_path / "again.safetensors", {"steps": 3})
    assert (tmp_path / "again.safetensors").read_bytes() == file.read_bytes()
    assert models.read(tmp_path / "again.safetensors").checksum == models.read(file).checksum


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


def test_safetensors_of_others(network, tmp_path):
    file = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, file)
    assert "no model of ours" in complaint(file)
    save_file({"weight": torch.zeros(3)}, file, {"impasto": '{"kind": "unknown"}'})
    assert "no model of ours" in complaint(file)
    save_file({"weight": torch.zeros(3)}, file, {"impasto": "[1, 2]"})
    assert "no model of ours" in complaint(file)


def test_weights_of_another_shape(network, file, tmp_path):
    larger = Fast(Architecture(("waves", "knife"), width=8, blocks=1))
    models.write(larger, tmp_path / "larger.safetensors", {})
    # The smaller one's description before the larger one's weights.
    small, large = file.read_bytes(), (tmp_path / "larger.safetensors").read_bytes()
    text = large.replace(b'\\"width\\": 8', b'\\"width\\": 4')
    assert text != large
    assert small != text
    file.write_bytes(text)
    assert "damaged" in complaint(file)


def test_a_full_disk_leaves_the_old_file(network, file, monkeypatch):
    before = file.read_bytes()

    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OutputError, match="free some space"):
        models.write(network, file, {"steps": 4})
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert [found.name for found in file.parent.iterdir()] == [file.name]


def test_the_packaged_network_for_any_style():
    file = models.packaged("arbitrary")
    assert file.stat().st_size < 4_000_000
    model = models.read(file, "arbitrary")
    assert isinstance(model.network, Arbitrary)
    assert model.settings["licence"] == "Apache-2.0"


def test_a_header_as_long_as_a_pickle_s_first_bytes_read(network, tmp_path):
    """A safetensors file begins with the length of its header, which may look like the beginning of a zip file."""
    file = tmp_path / "model.safetensors"
    models.write(network, file, {"note": ""})
    wanted = int.from_bytes(b"PK", "little")
    models.write(network, file, {"note": "x" * (wanted - int.from_bytes(file.read_bytes()[:8], "little"))})
    assert file.read_bytes()[:2] == b"PK"
    assert models.read(file).kind == "fast"
