"""Reconstructions: the ratio against numpy, that each way inverts what it says, and every mistake."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from impasto import encoders, errors, examples, picture
from impasto.encoders.tensors import tensor
from impasto.evaluate import Cell
from impasto.evaluate import reconstruct as reconstructing
from impasto.evaluate.reconstruct import psnr, reconstruct
from impasto.feedforward import networks
from impasto.feedforward.decoder import Architecture, Decoder
from impasto.painting import stylize

QUICK = {"size": 48, "steps": 2}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A decoder of pocket that has learnt nothing."""
    checksum = encoders.load("pocket", None, torch.device("cpu"), torch.float32).checksum
    torch.manual_seed(0)
    network = Decoder(Architecture("pocket", ((32,), (64,), (128,))))
    file = tmp_path_factory.mktemp("model") / "d.safetensors"
    networks.write(network, file, {"encoder_sha256": checksum})
    return file


def test_psnr():
    generator = np.random.default_rng(0)
    one, other = generator.random((2, 5, 7, 3))
    assert psnr(one, other) == pytest.approx(10 * np.log10(1 / np.mean((one - other) ** 2)), rel=1e-12)
    assert psnr(np.full((4, 4, 3), 0.6), np.full((4, 4, 3), 0.5)) == pytest.approx(20)
    assert psnr(one, one) == math.inf


@pytest.mark.parametrize("size", [48, 45, 9])
def test_by_network(model, size):
    """The network is given what the encoder sees, whatever the size, and its picture is compared as it is saved."""
    found = reconstruct("chelsea", "relu2_1", "network", model=model, size=size)
    assert [inverse.by for inverse in found.inverses] == ["network"]
    (inverse,) = found.inverses
    assert inverse.picture.size == found.photograph.size
    assert max(found.photograph.size) == size
    shown, decoded = (np.asarray(image).astype(float) / 255 for image in (found.photograph, inverse.picture))
    assert inverse.psnr == pytest.approx(10 * np.log10(1 / np.mean((shown - decoded) ** 2)))

    original = tensor(picture.resize(picture.read(examples.path("chelsea")).picture, found.photograph.size))
    height, width = original.shape[2:]
    padded = torch.from_numpy(np.pad(original.numpy(), ((0, 0), (0, 0), (0, -height % 4), (0, -width % 4)), "edge"))
    encoder = encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder
    network = networks.read(model).network
    expected = network(encoder(padded, ("relu2_1",))["relu2_1"], "relu2_1")[:, :, :height, :width]
    np.testing.assert_allclose(decoded, expected[0].clamp(0, 1).permute(1, 2, 0), atol=0.6 / 255)


def test_by_optimisation():
    """What is optimised are the layer's features: more steps bring them nearer."""
    few, many = (reconstruct("chelsea", "relu2_1", "optimisation", size=48, steps=steps) for steps in (1, 40))
    assert many.inverses[0].psnr > few.inverses[0].psnr + 3
    assert many.inverses[0].seconds > 0
    again = reconstruct("chelsea", "relu2_1", "optimisation", size=48, steps=1)
    assert np.array_equal(np.asarray(again.inverses[0].picture), np.asarray(few.inverses[0].picture))


@pytest.mark.parametrize(("layer", "weight"), [("relu1_1", 0.5), ("conv2_2", 0.5), ("relu3_1", None), ("relu4_2", None), ("relu5_1", 50)])
def test_total_variation(layer, weight, monkeypatch):
    """It weighs as much as the paper's authors say for that depth, over their σ²; that of middle layers is the method's own."""
    asked = {}
    monkeypatch.setattr(reconstructing, "stylize", lambda *given, **options: asked.update(options) or stylize(*given, **options))
    reconstruct("chelsea", layer, "optimisation", **QUICK)
    assert asked["content_layers"] == (layer,)
    assert asked["tv_weight"] == (None if weight is None else pytest.approx(weight / 69**2))


def test_both_by_default(model, monkeypatch):
    found = reconstruct("chelsea", model=model, **QUICK)
    assert (found.layer, found.encoder) == ("relu3_1", "pocket")
    assert [inverse.by for inverse in found.inverses] == ["network", "optimisation"]
    drawn = []
    monkeypatch.setattr(reconstructing, "sheet", lambda *drawing: drawn.append(drawing) or Image.new("RGB", (1, 1)))
    found.sheet()
    (((photograph, *cells),), title) = drawn[0]
    assert photograph == Cell(found.photograph, "Photograph")
    assert title == "What pocket knows at relu3_1"
    for cell, inverse in zip(cells, found.inverses, strict=True):
        assert (cell.picture, cell.title) == (inverse.picture, f"By {inverse.by}")
        assert cell.lines == ("relu3_1", f"PSNR {inverse.psnr:.2f} dB", f"{inverse.seconds:.2f} s")


def test_transparent_pictures(model, tmp_path):
    """Only colours count."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 4), dtype=np.uint8)
    pixels[..., 3] |= 128  # what is seen of it is as it was
    clear = reconstruct(pixels, "relu1_1", model=model, **QUICK)
    opaque = reconstruct(pixels[..., :3], "relu1_1", model=model, **QUICK)
    assert [inverse.psnr for inverse in clear.inverses] == [inverse.psnr for inverse in opaque.inverses]
    assert {inverse.picture.mode for inverse in clear.inverses} == {"RGB"}


def test_interrupted(model):
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(errors.Interrupted) as stopped:
        reconstruct("chelsea", model=model, callback=stop, **QUICK)
    assert stopped.value.picture.width > 3 * 48


@pytest.mark.parametrize(
    ("options", "error", "complaint"),
    [
        ({"by": "magic"}, errors.OptionError, "by magic is impossible; choose one of network, optimisation"),
        ({"layer": "relu3_2"}, errors.OptionError, "no layer relu3_2, only relu1_1, relu2_1, relu3_1; choose one, or --by optimisation"),
        ({"layer": "relu9_9", "by": "optimisation"}, errors.OptionError, "unknown layer relu9_9"),
        ({"size": -1}, errors.OptionError, "size -1 is impossible"),
        ({"steps": 0}, errors.OptionError, "steps 0 is impossible"),
        ({"device": "abacus"}, errors.OptionError, "unknown device abacus"),
        ({"encoder": "vgg19"}, errors.ModelError, "inverts pocket, not vgg19"),
        ({"encoder": "vgg19", "model": None}, errors.OptionError, "the packaged decoder inverts pocket, not vgg19"),
        ({"encoder": "vgg20", "model": None}, errors.OptionError, "unknown encoder vgg20"),
        ({"model": "nowhere.safetensors"}, errors.ModelError, "nowhere.safetensors can't be read"),
    ],
)
def test_mistakes(model, options, error, complaint):
    with pytest.raises(error, match=complaint) as found:
        reconstruct("chelsea", **{"model": model, **QUICK, **options})
    assert len(str(found.value).splitlines()) == 1


def test_a_decoder_of_other_weights(model, tmp_path):
    networks.write(networks.read(model).network, tmp_path / "d.safetensors", {"encoder_sha256": "another"})
    with pytest.raises(errors.ModelError, match="inverts other weights of pocket"):
        reconstruct("chelsea", "relu2_1", model=tmp_path / "d.safetensors", **QUICK)
