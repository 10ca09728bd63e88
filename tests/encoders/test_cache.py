"""The cache folder: what is fetched and added is checked, cut down and kept, once, whatever gets in the way."""

import logging
import os
import threading
from pathlib import Path

import platformdirs
import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file, save_file

from impasto import encoders
from impasto.encoders import Variant, weights
from impasto.encoders.stored import opened
from impasto.errors import EncoderError, OptionError

CPU = torch.device("cpu")


def complaint(function, *arguments, error=EncoderError):
    with pytest.raises(error) as caught:
        function(*arguments)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def kept_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_official_files():
    assert {name: official.file for name, official in weights.OFFICIAL.items()} == {
        "vgg19": "vgg19-dcbb9e9d.pth",
        "vgg16": "vgg16-397923af.pth",
        "resnet50": "resnet50-0676ba61.pth",
    }
    assert weights.OFFICIAL["vgg16"].digits == "397923af"
    assert weights.OFFICIAL["vgg16"].url == "https://download.pytorch.org/models/vgg16-397923af.pth"
    sizes = {name: sum(torch.Size(p.shape).numel() for p in official.parameters) for name, official in weights.OFFICIAL.items()}
    # The papers' numbers of parameters, without the classifier; batch normalisation's statistics count here.
    assert sizes == {"vgg19": 20_024_384, "vgg16": 14_714_688, "resnet50": 23_508_032 + 2 * 26_560}


def test_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("IMPASTO_CACHE", raising=False)
    assert weights.folder() == Path(platformdirs.user_cache_dir("impasto", appauthor=False))
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "mine"))
    assert weights.folder() == tmp_path / "mine"
    assert weights.kept("vgg19") == tmp_path / "mine" / "vgg19.safetensors"


def test_fetch(official, server, cache, states):
    seen = []
    file = weights.fetch("vgg19", lambda *progress: seen.append(progress))
    assert file == cache / "vgg19.safetensors"
    assert seen[-1] == (len(server.content), len(server.content))
    kept = load_file(file)
    assert sorted(kept) == [f"features.{number}.{kind}" for number in (0, 2, 5) for kind in ("bias", "weight")]
    assert all(torch.equal(values, states["vgg19"][name]) for name, values in kept.items())
    with opened(file) as stored:
        assert stored.metadata["source"] == official
    assert kept_in(cache) == ["vgg19.lock", "vgg19.safetensors"]
    assert weights.fetch("vgg19") == file
    assert len(server.requests) == 1


def test_load_fetches(official, server, cache, states):
    loaded = encoders.load("vgg19", None, CPU, torch.float32)
    assert torch.equal(loaded.encoder.conv2_1.weight.contiguous(), states["vgg19"]["features.5.weight"])
    assert loaded.encoder.layers[-1] == "relu2_1"
    again = encoders.load("vgg19", None, CPU, torch.float32, Variant(pooling="average"), print)
    assert again.checksum == loaded.checksum
    assert len(server.requests) == 1
    with pytest.raises(EncoderError, match=r"vgg19.safetensors has no conv2_2 \(features.7.weight\)"):
        loaded.encoder(torch.rand(1, 3, 8, 8), ("relu3_1",))


def test_lies(official, server, cache):
    """What isn't the file it should be is deleted."""
    server.content = server.content[:-1] + b"!"
    said = complaint(weights.fetch, "vgg19")
    assert "is not the file it should be and was deleted" in said
    assert kept_in(cache) == ["vgg19.lock"]


def test_no_network(official, server, cache):
    server.listener.shutdown()
    server.listener.server_close()
    said = complaint(weights.fetch, "vgg19")
    assert f"put {official} into {cache}" in said
    assert f"impasto weights add {official}" in said


def test_not_found(official, server, cache):
    server.status = 404
    said = complaint(weights.fetch, "vgg19")
    assert "HTTP 404" in said
    assert f"put {official} into {cache}" in said


def test_cut_off_and_resumed(official, server, cache):
    server.cut, server.ranges, server.tag = len(server.content) // 2, False, '"one"'
    assert "run again to go on from there" in complaint(weights.fetch, "vgg19")
    assert kept_in(cache) == [f"{official}.etag", f"{official}.part", "vgg19.lock"]
    server.cut, server.ranges = None, True
    weights.fetch("vgg19")
    assert kept_in(cache) == ["vgg19.lock", "vgg19.safetensors"]


def test_put_there_by_hand(official, server, cache):
    cache.mkdir()
    (cache / official).write_bytes(server.content)
    weights.fetch("vgg19")
    assert server.requests == []
    assert kept_in(cache) == ["vgg19.lock", "vgg19.safetensors"]


def test_put_there_damaged(official, server, cache):
    """It may be on its way still, so it stays."""
    cache.mkdir()
    (cache / official).write_bytes(server.content[:1000])
    assert f"{official} is damaged" in complaint(weights.fetch, "vgg19")
    assert (cache / official).stat().st_size == 1000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_disk_full(official, cache):
    cache.mkdir()
    (cache / f"{official}.part").symlink_to("/dev/full")
    said = complaint(weights.fetch, "vgg19")
    assert "No space left" in said
    assert "IMPASTO_CACHE" in said


def test_disk_full_while_cutting(official, server, cache, monkeypatch):
    def write(*_):
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        patched.setattr(weights, "write", write)
        assert "No space left" in complaint(weights.fetch, "vgg19")
    # What was downloaded is not downloaded again.
    weights.fetch("vgg19")
    assert len(server.requests) == 1
    assert kept_in(cache) == ["vgg19.lock", "vgg19.safetensors"]


def test_no_folder(official, cache):
    cache.write_text("a file where the folder should be")
    assert "IMPASTO_CACHE" in complaint(weights.fetch, "vgg19")


def test_a_second_process_waits(official, server, cache, monkeypatch, caplog):
    monkeypatch.setattr(weights, "_PATIENCE", 0.05)
    server.slow = 0.02
    with caplog.at_level(logging.WARNING):
        threads = [threading.Thread(target=weights.fetch, args=("vgg19",)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.requests) == 1
    assert kept_in(cache) == ["vgg19.lock", "vgg19.safetensors"]
    assert "waiting for another process that is fetching vgg19" in caplog.text


def test_the_lock_is_let_go(official, server, cache):
    server.status = 404
    complaint(weights.fetch, "vgg19")
    with FileLock(cache / "vgg19.lock", timeout=0):
        pass


@pytest.mark.parametrize("name", ["vgg19", "vgg16", "resnet50"])
def test_add_by_layout(name, states, files, cache):
    """The whole of each network, told apart by what is in it, loads as the file itself does."""
    file = weights.add(files[name])
    assert file == cache / f"{name}.safetensors"
    kept = load_file(file)
    assert all(torch.equal(values, states[name][key]) for key, values in kept.items())
    assert len(kept) == len(weights.OFFICIAL[name].parameters)
    mine, his = (encoders.load(name, given, CPU, torch.float32).encoder.state_dict() for given in (None, files[name]))
    assert all(torch.equal(values, his[key]) for key, values in mine.items())
    assert files[name].exists()


def test_add_official(official, server, cache, tmp_path):
    (tmp_path / official).write_bytes(server.content)
    assert weights.add(tmp_path / official) == cache / "vgg19.safetensors"
    (tmp_path / official).write_bytes(server.content[:-1])
    assert f"{official} is damaged" in complaint(weights.add, tmp_path / official)
    assert "not of vgg16" in complaint(weights.add, write_again(tmp_path / official, server.content), "vgg16", error=OptionError)


def write_again(file, content):
    file.write_bytes(content)
    return file


def test_add_what_can_be_either(states, cache, tmp_path):
    save_file(dict(list(states["vgg19"].items())[:6]), tmp_path / "short.safetensors")
    said = complaint(weights.add, tmp_path / "short.safetensors", error=OptionError)
    assert "can be of vgg19 or vgg16; say which: impasto weights add" in said
    weights.add(tmp_path / "short.safetensors", "vgg16")
    assert encoders.load("vgg16", None, CPU, torch.float32).encoder.layers[-1] == "relu2_1"


def test_add_what_is_normalised(states, cache, tmp_path):
    """The file's word, and its names, are kept."""
    state = {parameter.name: states["vgg19"][parameter.torchvision] for parameter in weights.OFFICIAL["vgg19"].parameters}
    save_file({**state, "preprocess.weight": torch.zeros(3, 3, 1, 1)}, tmp_path / "own.safetensors", metadata={"normalised": "true"})
    weights.add(tmp_path / "own.safetensors")
    with opened(weights.kept("vgg19")) as stored:
        assert dict(stored.metadata) == {"normalised": "true", "source": "own.safetensors"}
        assert set(stored.names) == set(state)


def test_add_replaces(states, files, cache, tmp_path):
    weights.add(files["vgg19"])
    torch.save({name: values + 1 for name, values in states["vgg19"].items()}, tmp_path / "other.pth")
    weights.add(tmp_path / "other.pth")
    assert torch.equal(load_file(weights.kept("vgg19"))["features.0.bias"], states["vgg19"]["features.0.bias"] + 1)


def test_add_what_will_not_do(states, files, cache, tmp_path):
    assert "doesn't exist" in complaint(weights.add, tmp_path / "none.pth")
    save_file({"something": torch.zeros(1)}, tmp_path / "other.safetensors")
    assert "holds no weights of vgg19, vgg16, resnet50" in complaint(weights.add, tmp_path / "other.safetensors")
    torch.save({**states["resnet50"], "layer3.6.conv1.weight": torch.zeros(1)}, tmp_path / "resnet101.pth")
    assert "holds no weights of vgg19, vgg16, resnet50" in complaint(weights.add, tmp_path / "resnet101.pth")
    torch.save({**states["vgg19"], "features.2.weight": torch.zeros(1)}, tmp_path / "odd.pth")
    assert "features.2.weight is [1]" in complaint(weights.add, tmp_path / "odd.pth")
    assert "holds the weights of resnet50, not of vgg16" in complaint(weights.add, files["resnet50"], "vgg16", error=OptionError)
    assert kept_in(cache) == ["vgg19.lock"]
