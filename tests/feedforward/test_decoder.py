"""The decoder: its sizes and its chain, the closed-form start, the loss against numpy, and trainings that are interrupted."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from impasto import encoders, errors, examples, picture
from impasto.encoders import VGG
from impasto.encoders import Architecture as Encoding
from impasto.encoders.tensors import tensor
from impasto.feedforward import decoder_training, models, networks
from impasto.feedforward.decoder import Architecture, Decoder
from impasto.feedforward.decoder_training import Lesson, Pupil, regress, scales, train

CHANNELS = ((4, 5), (6, 7), (8,))
CPU = torch.device("cpu")
# What the packaged decoder has to reach of the example photographs, in dB: more than its closed-form start did.
PACKAGED = {"relu1_1": 37, "relu2_1": 25.5, "relu3_1": 22, "relu4_1": 18.5, "relu5_1": 15.2}


@pytest.fixture
def encoder():
    torch.manual_seed(1)
    return VGG(Encoding(CHANNELS, pooling="average")).requires_grad_(False)


@pytest.fixture
def crops():
    generator = torch.Generator().manual_seed(2)
    rough = [torch.rand(1, 3, 5, 5, generator=generator) for _ in range(6)]
    return [functional.interpolate(x, (32, 32), mode="bicubic", align_corners=False).clamp(0, 1) for x in rough]


def decoder(**options):
    torch.manual_seed(3)
    return Decoder(Architecture("tiny", CHANNELS, **options))


def features(encoder, picture):
    return encoder(picture, ("relu1_1", "relu2_1", "relu3_1"))


# The network


def test_every_layer_gives_a_picture_of_the_same_size(encoder):
    shown = torch.rand(2, 3, 24, 32)
    network = decoder()
    for layer, x in features(encoder, shown).items():
        assert network(x, layer).shape == shown.shape


def test_the_chain_is_one(encoder):
    """Pictures that enter together come out as they do alone, the deepest first."""
    found = features(encoder, torch.rand(3, 3, 16, 16))
    network = decoder(scales=(1.0, 2.0, 3.0))
    together, guesses = network.chain({layer: x[n : n + 1] for n, (layer, x) in enumerate(found.items())})
    alone = [network(found[layer][n : n + 1], layer) for n, layer in ((2, "relu3_1"), (1, "relu2_1"), (0, "relu1_1"))]
    torch.testing.assert_close(together, torch.cat(alone))
    assert {layer: tuple(x.shape) for layer, x in guesses.items()} == {"relu2_1": (1, 6, 8, 8), "relu1_1": (2, 4, 16, 16)}


def test_scales_divide_the_features(encoder):
    x = features(encoder, torch.rand(1, 3, 16, 16))["relu2_1"]
    torch.testing.assert_close(decoder(scales=(1.0, 4.0, 1.0))(4 * x, "relu2_1"), decoder()(x, "relu2_1"))


def test_a_layer_it_does_not_have():
    with pytest.raises(ValueError, match="relu1_1, relu2_1, relu3_1, not relu1_2"):
        decoder()(torch.zeros(1, 4, 8, 8), "relu1_2")


def test_files(tmp_path):
    network = decoder(scales=(1.0, 0.5, 2.0))
    networks.write(network, tmp_path / "d.safetensors", {"step": 3})
    model = networks.read(tmp_path / "d.safetensors", "decoder")
    assert (model.network.architecture, model.settings) == (network.architecture, {"step": 3})
    x = torch.rand(1, 8, 4, 4)
    torch.testing.assert_close(model.network(x, "relu3_1"), network(x, "relu3_1"))
    with pytest.raises(errors.ModelError, match="kind decoder, and fast is needed"):
        networks.read(tmp_path / "d.safetensors", "fast")


# The start in closed form


def test_regression(encoder, crops):
    """The weights solve the normal equations that numpy sets up: here those of the last convolution."""
    network = decoder()
    regress(network, encoder, crops, seed=0)
    generator = torch.Generator().manual_seed(0)
    rows, wanted = [], []
    for crop in crops:
        chosen = torch.randperm(32 * 32, generator=generator)[: decoder_training.POSITIONS].numpy()
        x = np.pad(features(encoder, crop)["relu1_1"][0].double().numpy(), ((0, 0), (1, 1), (1, 1)))
        for position in chosen:
            row, column = divmod(int(position), 32)
            rows.append(np.append(x[:, row : row + 3, column : column + 3].ravel(), 1))
            wanted.append(crop[0, :, row, column].double().numpy())
    rows, wanted = np.array(rows), np.array(wanted)
    square = rows.T @ rows
    ridge = decoder_training.RIDGE * np.trace(square) / len(square)
    solved = np.linalg.solve(square + ridge * np.eye(len(square)), rows.T @ wanted)
    np.testing.assert_allclose(network.finish.weight.detach().reshape(3, -1), solved[:-1].T, atol=2e-3)
    np.testing.assert_allclose(network.finish.bias.detach(), solved[-1], atol=2e-3)


def test_regression_finds_a_start(encoder, crops):
    """Every layer is decoded better than by its mean colour, and worse the deeper it is."""
    network = Decoder(Architecture("tiny", CHANNELS, scales(encoder, crops)))
    regress(network, encoder, crops[:5], seed=0)
    picture = crops[5]
    wrong = [float((network(x, layer) - picture).detach().square().mean()) for layer, x in features(encoder, picture).items()]
    assert wrong[0] < wrong[1] < wrong[2] < float(picture.var((2, 3)).mean())


def test_scales(encoder, crops):
    found = [features(encoder, crop) for crop in crops]
    expected = [np.mean([x[layer].numpy() for x in found]) for layer in found[0]]
    np.testing.assert_allclose(scales(encoder, crops), expected, rtol=1e-5)


# The loss


def test_lesson(encoder, crops):
    """The three terms, in numpy."""
    network = decoder(scales=(1.0, 0.5, 2.0))
    picture = torch.cat(crops[:4])
    with torch.no_grad():
        loss, parts = Lesson(encoder, seen=0.7, guessed=0.9)(network, picture)
        true = features(encoder, picture)
        # Of four pictures the first two are decoded from the deepest layer.
        decoded, guesses = network.chain({"relu3_1": true["relu3_1"][:2], "relu2_1": true["relu2_1"][2:3], "relu1_1": true["relu1_1"][3:]})
        again = features(encoder, decoded[:2].clamp(0, 1))

    def relative(found, wanted):
        found, wanted = found.double().numpy(), wanted.double().numpy()
        return [np.linalg.norm(x - y) / np.linalg.norm(y) for x, y in zip(found, wanted, strict=True)]

    error = ((decoded - picture).double().numpy() ** 2).mean((1, 2, 3))
    seen = [relative(again[layer], true[layer][:2]) for layer in true]
    guessed = relative(guesses["relu2_1"], true["relu2_1"][:2] / 0.5) + relative(guesses["relu1_1"], true["relu1_1"][:3])
    terms = {"pixels": 4 * np.sqrt(error).mean(), "seen": 0.7 * np.mean(seen), "guessed": 0.9 * np.mean(guessed)}
    assert {name: parts[name] for name in terms} == pytest.approx(terms, rel=1e-3)
    assert float(loss) == pytest.approx(sum(terms.values()), rel=1e-3)
    decibels = 10 * np.log10(1 / error)
    expected = {"relu1_1": decibels[3], "relu2_1": decibels[2], "relu3_1": decibels[:2].mean()}
    assert {layer: parts[layer] for layer in expected} == pytest.approx(expected, rel=1e-4)


def test_learning_helps(encoder, crops):
    pupil, lesson, picture = Pupil(Architecture("tiny", CHANNELS), 0.02, 0, CPU), Lesson(encoder), torch.cat(crops)
    losses = []
    for step in range(12):
        loss, _ = lesson(pupil.decoder, picture)
        losses.append(float(loss.detach()))
        pupil.learn(loss, step, 12)
    assert losses[-1] < losses[0]


# Training from a folder


@pytest.fixture
def photos(tmp_path, crops, monkeypatch):
    monkeypatch.setattr(decoder_training, "FIRST_LOOK", 2)
    monkeypatch.setattr(decoder_training, "POSITIONS", 16)
    monkeypatch.setattr(encoders, "load", lambda *_, **__: loaded())
    folder = tmp_path / "photos"
    folder.mkdir()
    for n in range(9):
        pixels = (crops[n % 6][0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        Image.fromarray(np.roll(pixels, n, 1)).save(folder / f"{n}.png")
    return folder


def loaded():
    torch.manual_seed(1)
    return encoders.Loaded(VGG(Encoding(CHANNELS)).requires_grad_(False), "tiny's checksum")


QUICK = {"crop": 16, "batch": 3, "checkpoint_every": 2}


def test_training(photos, tmp_path):
    told = []
    trained = train(photos, tmp_path / "d.safetensors", steps=3, callback=told.append, **QUICK)
    assert (trained.step, trained.finished) == (3, True)
    assert [progress.step for progress in told] == [1, 2, 3]
    model = networks.read(tmp_path / "d.safetensors", "decoder")
    assert model.settings["encoder_sha256"] == "tiny's checksum"
    assert model.network.architecture.channels == CHANNELS
    assert model.network.architecture.scales != (1.0, 1.0, 1.0)
    lines = [json.loads(line) for line in (tmp_path / "d.training/log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 3]
    assert {"relu1_1", "relu2_1", "relu3_1", *decoder_training.TERMS} <= set(lines[0])


def test_interrupted_training_ends_the_same(photos, tmp_path):
    train(photos, tmp_path / "whole.safetensors", steps=4, **QUICK)

    def kill(progress):
        if progress.step == 3:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        train(photos, tmp_path / "cut.safetensors", steps=4, callback=kill, **QUICK)
    assert not (tmp_path / "cut.safetensors").exists()
    train(photos, tmp_path / "cut.safetensors", steps=4, **QUICK)
    whole, cut = (networks.read(tmp_path / f"{name}.safetensors").network.state_dict() for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_a_stopped_training_keeps_its_step(photos, tmp_path):
    import signal

    def stop(progress):
        if progress.step == 1:
            signal.raise_signal(signal.SIGINT)

    trained = train(photos, tmp_path / "d.safetensors", steps=9, callback=stop, **QUICK)
    assert (trained.step, trained.finished) == (2, False)
    assert networks.read(tmp_path / "d.safetensors").settings["step"] == 2
    with pytest.raises(errors.ModelError, match=r"another crop \(16\)"):
        train(photos, tmp_path / "d.safetensors", steps=9, **{**QUICK, "crop": 20})


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"crop": 18}, "crop 18 can't be halved 2 times; give a multiple of 4"),
        ({"batch": 2}, "a batch of 2 is too small"),
        ({"steps": 0}, "steps 0 is impossible"),
        ({"rate": 0.0}, "rate 0.0 is impossible"),
        ({"rate": float("nan")}, "rate nan is impossible"),
        ({"device": "abacus"}, "unknown device abacus"),
    ],
)
def test_impossible_options(photos, tmp_path, options, complaint):
    with pytest.raises(errors.OptionError, match=complaint):
        train(photos, tmp_path / "d.safetensors", **{**QUICK, **options})
    assert [file.name for file in tmp_path.iterdir()] == ["photos"]


def test_no_chain_mirrors_a_residual_network(photos, tmp_path, monkeypatch):
    with torch.device("meta"):
        monkeypatch.setattr(encoders, "load", lambda *_, **__: encoders.Loaded(encoders.ResNet(), ""))
        with pytest.raises(errors.OptionError, match="resnet50 is not VGG-like"):
            train(photos, tmp_path / "d.safetensors", encoder="resnet50", **QUICK)


# The packaged decoder


def test_packaged():
    file = models.packaged("decoder")
    assert file.stat().st_size <= 2_000_000
    assert file.with_name("decoder.md").exists()
    model = networks.read(file, "decoder")
    loaded = encoders.load("pocket", None, CPU, torch.float32)
    assert model.settings["encoder_sha256"] == loaded.checksum
    assert model.network.architecture == Architecture("pocket", loaded.encoder.architecture.channels)


@torch.no_grad()
def test_packaged_inverts_pocket():
    """Photographs it never saw, at every layer, against how well it is known to do; decibels by numpy."""
    network = networks.read(models.packaged("decoder")).network
    encoder = encoders.load("pocket", None, CPU, torch.float32).encoder
    found = {layer: [] for layer in network.architecture.layers}
    for name in ("chelsea", "coffee"):
        shown = tensor(picture.read(examples.path(name)).resized((160, 112)).picture)
        for layer, x in encoder(shown, network.architecture.layers).items():
            error = (network(x, layer).clamp(0, 1) - shown).double().numpy()
            found[layer].append(10 * np.log10(1 / np.mean(error**2)))
    for layer, least in PACKAGED.items():
        assert min(found[layer]) > least, (layer, found)
