"""Classifiers: what they compute, what a training of them moves and leaves alone, and what their files hold."""

import json
import math
import shutil
import threading
from contextlib import contextmanager
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from impasto import encoders
from impasto.encoders.encoder import Encoder
from impasto.errors import EncoderError, ModelError, OptionError, OutputError, PictureError
from impasto.evaluate import classifier, classifier_training
from impasto.evaluate.classifier import Architecture, Classifier, classify
from impasto.evaluate.classifier_training import train
from impasto.evaluate.folders import Squares, labelled, split
from impasto.feedforward import models

CPU = torch.device("cpu")
CLASSES = ("checks", "spots", "stripes")


def texture(kind, number, height=60, width=70):
    """A picture of a class, of its own scale, colours and noise."""
    generator = np.random.default_rng((CLASSES.index(kind), number))
    y, x = np.mgrid[:height, :width] + generator.uniform(0, 9)
    period = generator.uniform(6, 9)
    waves = {
        "checks": np.sign(np.sin(2 * np.pi * x / period) * np.sin(2 * np.pi * y / period)),
        "spots": 2.0 * (np.hypot(x % period - period / 2, y % period - period / 2) < period / 4) - 1,
        "stripes": np.sign(np.sin(2 * np.pi * y / period)),
    }[kind]
    colours = generator.uniform(60, 200, 3)
    pixels = colours + 40 * waves[..., None] + generator.normal(0, 12, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def make(root, count=10):
    for kind in CLASSES:
        (root / kind / "deeper").mkdir(parents=True)
        for number in range(count):
            place = root / kind / "deeper" if number == 1 else root / kind
            texture(kind, number).save(place / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return make(tmp_path_factory.mktemp("pictures"))


def pocket():
    return encoders.load("pocket", None, CPU, torch.float32).encoder


def quick(folder, output, **options):
    return train(folder, output, **{"encoder": "pocket", "size": 32, "epochs": 6, "batch": 8, "rate": 2e-3, "device": "cpu", **options})


@pytest.fixture(scope="module")
def model(pictures, tmp_path_factory):
    """A model file, and how its training ended."""
    output = tmp_path_factory.mktemp("model") / "model.safetensors"
    return output, quick(pictures, output, epochs=30, patience=8)


class TestFolders:
    def test_classes_and_files(self, pictures):
        found = labelled(pictures)
        assert found.classes == CLASSES
        assert found.labels == tuple(n for n in range(3) for _ in range(10))
        assert found.files[0].is_relative_to(pictures / "checks")
        assert pictures / "spots" / "deeper" / "1.png" in found.files

    def test_a_model_s_classes_keep_their_order(self, pictures):
        order = ("stripes", "dots", "spots", "checks")
        found = labelled(pictures, classes=order)
        assert found.classes == order
        assert {found.files[n].relative_to(pictures).parts[0]: order[label] for n, label in enumerate(found.labels)} == {
            k: k for k in CLASSES
        }
        with pytest.raises(OptionError, match="has a class spots, and the model knows cats, checks"):
            labelled(pictures, classes=("cats", "checks"))

    def test_bad_folders(self, pictures, tmp_path):
        with pytest.raises(PictureError, match="is no folder"):
            labelled(tmp_path / "none")
        with pytest.raises(PictureError, match="no subfolders"):
            labelled(tmp_path)
        shutil.copytree(pictures / "spots", tmp_path / "spots")
        (tmp_path / ".hidden").mkdir()
        with pytest.raises(PictureError, match="only the class spots"):
            labelled(tmp_path)
        (tmp_path / "empty").mkdir()
        (tmp_path / "empty" / "notes.txt").write_text("nothing")
        with pytest.raises(PictureError, match="holds none of the pictures"):
            labelled(tmp_path)
        texture("spots", 3).save(tmp_path / "empty" / "one.png")
        with pytest.raises(PictureError, match="only 1 of the 3 pictures"):
            labelled(tmp_path, least=3)

    @pytest.mark.parametrize("counts", [(3, 3), (50, 7, 20), (4, 100)])
    def test_split(self, counts):
        labels = [label for label, count in enumerate(counts) for _ in range(count)]
        parts = split(labels, 0.2, 3)
        every = (*parts.training, *parts.validation, *parts.held_out)
        assert sorted(every) == list(range(len(labels)))
        for part, share in ((parts.held_out, 0.2), (parts.validation, 0.1)):
            for label, count in enumerate(counts):
                assert sum(labels[index] == label for index in part) == max(1, round(share * count))
        assert parts == split(labels, 0.2, 3)
        if len(labels) > 10:
            assert parts != split(labels, 0.2, 4)

    def test_squares(self, tmp_path):
        """The middle one is the middle of the picture, and a random one is a piece of it."""
        ramp = np.zeros((48, 96, 3), np.uint8)
        ramp[..., 0] = np.arange(96) * 2
        ramp[..., 1] = np.arange(48)[:, None] * 4
        Image.fromarray(ramp).save(tmp_path / "ramp.png")
        squares = Squares([tmp_path / "ramp.png"], 42)  # the picture's shorter side becomes 48
        exact = torch.from_numpy(ramp[3:45, 27:69].copy()).permute(2, 0, 1) / 255
        torch.testing.assert_close(squares.middle(0), exact)
        sides = set()
        for seed in range(30):
            crop = squares.random(0, np.random.default_rng(seed)) * 255
            assert crop.shape == (3, 42, 42)
            across, down = crop[0].mean(0) / 2, crop[1].mean(1) / 4  # where in the picture its columns and rows are from
            mirrored = bool(across[0] > across[-1])
            across = across.flip(0) if mirrored else across
            assert -0.5 <= across[0] < across[-1] <= 95.5
            window = float(across[-1] - across[0])
            assert window == pytest.approx(float(down[-1] - down[0]), abs=2.5)  # as wide as high
            assert 48 * math.sqrt(0.35) - 3 < window < 48
            sides.add(mirrored)
        assert sides == {True, False}
        assert torch.equal(squares.random(0, np.random.default_rng(5)), squares.random(0, np.random.default_rng(5)))


class TestNetwork:
    def test_formula(self):
        """The logits, in float64 numpy from the encoder's features on."""
        torch.manual_seed(0)
        network = Classifier(Architecture("pocket", "relu5_1", 160, CLASSES, 32), pocket()).eval()
        for value in network.head.state_dict().values():
            if value.is_floating_point():
                value.uniform_(0.2, 1.4)
        pixels = torch.rand(3, 3, 32, 32)
        features = pocket()(pixels, ["relu5_1"])["relu5_1"].double().numpy()
        x = np.concatenate([features.mean((2, 3)), features.std((2, 3))], 1)
        state = {name: value.double().numpy() for name, value in network.head.state_dict().items()}
        x = (x - state["0.running_mean"]) / np.sqrt(state["0.running_var"] + 1e-5)
        x = x @ state["1.weight"].T + state["1.bias"]
        x = (x - state["2.running_mean"]) / np.sqrt(state["2.running_var"] + 1e-5) * state["2.weight"] + state["2.bias"]
        x = np.maximum(x, 0) @ state["4.weight"].T + state["4.bias"]
        assert x.shape == (3, 3)
        found = network(pixels).detach().double().numpy()
        assert np.abs(found - x).max() < 1e-4 * np.abs(x).max()

    @pytest.mark.parametrize("unfrozen", [("conv5_1",), ("conv4_1", "conv5_1"), ("conv1_1", "conv5_1")])
    def test_both_parts_are_the_whole(self, unfrozen):
        """However it is divided into a frozen and a trained part, the network computes the same."""
        plain = Classifier(Architecture("pocket", "relu5_1", 160, CLASSES, 32), pocket()).eval()
        divided = Classifier(Architecture("pocket", "relu5_1", 160, CLASSES, 32, unfrozen), pocket()).eval()
        divided.head = plain.head
        pixels = torch.rand(2, 3, 32, 32)
        begun = divided.begin(pixels)
        kept = begun.clone()
        torch.testing.assert_close(divided.finish(begun), plain(pixels))
        assert torch.equal(begun, kept)  # it may be kept, so it has to stay

    def test_probabilities(self):
        network = Classifier(Architecture("pocket", "relu5_1", 160, CLASSES, 32), pocket()).eval()
        found = network.probabilities(torch.rand(1, 3, 50, 41))
        assert tuple(found) == CLASSES
        assert sum(found.values()) == pytest.approx(1)

    def test_layers_to_unfreeze(self):
        assert classifier.unfrozen(pocket(), ("conv5_1", "conv2_1")) == ("conv2_1", "conv5_1")
        assert len(classifier.unfrozen(pocket(), ("all",))) == 10
        assert classifier.unfrozen(encoders.untrained("resnet50"), ("all",)) == ("conv1", "relu1", "layer1", "layer2", "layer3", "layer4")
        for layer in ("pool4", "relu5_1", "nosuch"):
            with pytest.raises(OptionError, match="has no weights to unfreeze; choose out of conv1_1, "):
                classifier.unfrozen(pocket(), (layer,))


def everything(encoder):
    """Weights and buffers, also those that a state dict leaves out."""
    return {name: value.clone() for name, value in (*encoder.named_parameters(), *encoder.named_buffers())}


class TestFrozen:
    """Frozen means frozen."""

    @pytest.mark.parametrize("name", ["pocket", "resnet50"])
    def test_nothing_of_the_extractor_moves(self, name, files, pictures, tmp_path, monkeypatch):
        """Not a bit, and no gradient is computed in it; the head moves, its running statistics too."""
        weights = files.get(name)
        seen = []
        compute = Encoder._answer

        def spying(self, *arguments):
            seen.append(torch.is_grad_enabled())
            return compute(self, *arguments)

        made = []
        build = Classifier.__init__

        def keeping(self, *arguments):
            build(self, *arguments)
            made.append((self, everything(self.encoder), {name: value.clone() for name, value in self.head.state_dict().items()}))

        monkeypatch.setattr(Encoder, "_answer", spying)
        monkeypatch.setattr(Classifier, "__init__", keeping)
        quick(pictures, tmp_path / "model.safetensors", encoder=name, encoder_weights=weights, augment=True, epochs=2)
        ((network, before, head),) = made
        after = everything(network.encoder)
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before)
        assert all(value.grad is None and not value.requires_grad for value in network.encoder.parameters())
        assert len(seen) > 6
        assert not any(seen)
        moved = network.head.state_dict()
        assert not any(torch.equal(head[key], moved[key]) for key in ("0.running_mean", "1.weight", "2.running_var", "4.bias"))
        assert not [key for key in models.held(tmp_path / "model.safetensors").weights if key.startswith("encoder.")]

    def test_only_what_is_unfrozen_moves(self, pictures, tmp_path):
        quick(pictures, tmp_path / "model.safetensors", unfreeze=("conv5_1",), epochs=2)
        trained, fresh = classifier.read(tmp_path / "model.safetensors", device="cpu").encoder, pocket()
        moved = {name for name, value in fresh.named_parameters() if not torch.equal(value, trained.get_parameter(name))}
        assert moved == {"conv5_1.weight", "conv5_1.bias"}
        weights = models.held(tmp_path / "model.safetensors").weights
        assert {name for name in weights if name.startswith("encoder.")} == {"encoder.conv5_1.weight", "encoder.conv5_1.bias"}

    # With augmentation, the nine held out or for validation go through once, and the 21 others in each of three epochs.
    @pytest.mark.parametrize(
        ("options", "looks"),
        [({"augment": False}, 30), ({"unfreeze": ("conv5_1",), "augment": False}, 30), ({"augment": True}, 9 + 3 * 21)],
    )
    def test_features_are_computed_once(self, options, looks, pictures, tmp_path, monkeypatch):
        """Without augmentation each picture goes through the frozen part but once, however many epochs there are."""
        count = [0]
        forward = Encoder.forward

        def counting(self, pixels, layers):
            count[0] += len(pixels) * (pixels.shape[-1] == 32)
            return forward(self, pixels, layers)

        monkeypatch.setattr(Encoder, "forward", counting)
        quick(pictures, tmp_path / "model.safetensors", epochs=3, patience=9, **options)
        assert count[0] == looks

    def test_without_room_they_are_computed_again(self, pictures, tmp_path, monkeypatch):
        quick(pictures, tmp_path / "kept.safetensors", epochs=2)
        monkeypatch.setattr(classifier_training, "_CACHE", 2000)
        monkeypatch.setattr("impasto.evaluate.folders._STORE", 20000)
        quick(pictures, tmp_path / "again.safetensors", epochs=2)
        one, other = (models.held(tmp_path / f"{name}.safetensors").weights for name in ("kept", "again"))
        for name, value in one.items():
            torch.testing.assert_close(other[name], value, rtol=1e-3, atol=1e-4)


class TestTraining:
    def test_it_learns(self, model, pictures):
        output, trained = model
        assert trained.finished
        assert trained.classes == CLASSES
        assert trained.encoder == "pocket"
        assert trained.confusion.sum() == 6
        assert trained.accuracy == np.trace(trained.confusion) / 6 >= 5 / 6
        answers = classify([pictures / "spots" / "4.png", texture("stripes", 77), texture("checks", 78)], output, device="cpu")
        assert [answer.best for answer in answers] == ["spots", "stripes", "checks"]
        assert answers[0].picture.endswith("4.png")
        assert answers[1].picture == ""
        assert all(pair[0] >= pair[1] for pair in pairwise(answers[0].probabilities.values()))

    def test_what_it_leaves(self, model):
        output, trained = model
        folder = output.with_suffix(".training")
        lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        assert [line["epoch"] for line in lines] == list(range(1, trained.epoch + 1))
        assert lines[-1]["loss"] < lines[0]["loss"] / 2
        losses = [line["validation loss"] for line in lines]
        assert min(losses) == losses[trained.best - 1]
        for name in ("curves.png", "confusion.png"):
            with Image.open(folder / name) as drawn:
                assert min(drawn.size) > 300
        settings = models.held(output).settings
        assert settings["accuracy"] == trained.accuracy
        assert settings["confusion"] == trained.confusion.tolist()

    def test_it_ends_early(self, pictures, tmp_path):
        trained = quick(pictures, tmp_path / "model.safetensors", epochs=80, patience=3, rate=0.02)
        assert trained.finished
        assert trained.epoch - trained.best == 3 < 77

    @pytest.mark.parametrize(
        "options",
        [{"unfreeze": ("conv5_1",)}, *(pytest.param(each, marks=pytest.mark.slow) for each in ({}, {"scratch": True, "augment": True}))],
    )
    def test_it_goes_on_where_it_was_stopped(self, options, pictures, tmp_path, monkeypatch):
        whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
        quick(pictures, whole, epochs=4, patience=9, **options)
        batches = iter(range(99))

        class After:
            """Set after so many looks, as by Ctrl-C."""

            def is_set(self):
                return next(batches) >= 9

        @contextmanager
        def stopping():
            yield After()

        with monkeypatch.context() as patch:
            patch.setattr(classifier_training, "stopping", stopping)
            stopped = quick(pictures, parts, epochs=4, patience=9, **options)
        assert not stopped.finished
        assert 0 < stopped.epoch < 4
        assert classify([texture("spots", 3)], parts, device="cpu")
        resumed = quick(pictures, parts, epochs=4, patience=9, **options)
        assert (resumed.epoch, resumed.finished) == (4, True)
        assert parts.read_bytes() == whole.read_bytes()

    def test_stopped_before_there_is_anything(self, pictures, tmp_path, monkeypatch):
        @contextmanager
        def stopping():
            event = threading.Event()
            event.set()
            yield event

        monkeypatch.setattr(classifier_training, "stopping", stopping)
        with pytest.raises(KeyboardInterrupt):
            quick(pictures, tmp_path / "model.safetensors")
        assert not (tmp_path / "model.safetensors").exists()

    def test_a_checkpoint_of_other_options(self, pictures, tmp_path):
        quick(pictures, tmp_path / "model.safetensors", epochs=2)
        with pytest.raises(ModelError, match=r"another rate \(0.002\)"):
            quick(pictures, tmp_path / "model.safetensors", epochs=2, rate=0.1)
        with pytest.raises(ModelError, match="has taken 2 epochs already"):
            quick(pictures, tmp_path / "model.safetensors", epochs=1)

    def test_from_scratch(self, pictures, tmp_path):
        """All is trained, and all is in the file."""
        quick(pictures, tmp_path / "model.safetensors", scratch=True, epochs=1)
        held = models.held(tmp_path / "model.safetensors")
        assert held.settings["encoder_sha256"] == ""
        own = {f"encoder.{name}" for name, _ in pocket().named_parameters() if name.startswith("conv")}
        assert {name for name in held.weights if name.startswith("encoder.")} == own
        assert classify([texture("spots", 3)], tmp_path / "model.safetensors", device="cpu")

    def test_auto(self, pictures, tmp_path, server, cache):
        """Where resnet50 can't be fetched, pocket does it, and says so."""
        server.status = 404
        with pytest.warns(UserWarning, match="pocket looks at the pictures in place of resnet50: .*HTTP 404"):
            assert quick(pictures, tmp_path / "model.safetensors", encoder="auto", epochs=1).encoder == "pocket"

    def test_auto_with_a_network(self, pictures, tmp_path, files, cache):
        """Where resnet50's weights are, it is resnet50; and its checksum ties the model to them."""
        encoders.weights.add(files["resnet50"], "resnet50")
        assert quick(pictures, tmp_path / "model.safetensors", encoder="auto", epochs=1).encoder == "resnet50"
        answer = classify([texture("spots", 3)], tmp_path / "model.safetensors", device="cpu")
        assert sum(answer[0].probabilities.values()) == pytest.approx(1)
        with pytest.raises(EncoderError):
            classify([texture("spots", 3)], tmp_path / "model.safetensors", device="cpu", encoder_weights=tmp_path / "none.pth")

    def test_unreadable_pictures(self, tmp_path):
        make(tmp_path / "pictures", 4)
        for name in ("spots/0.png", "stripes/2.png"):
            (tmp_path / "pictures" / name).write_bytes(b"nothing")
        with pytest.raises(PictureError, match=r"0\.png.*and 1 more like it"):
            quick(tmp_path / "pictures", tmp_path / "model.safetensors", augment=True)
        assert not (tmp_path / "model.safetensors").exists()
        assert not (tmp_path / "model.training").exists()

    @pytest.mark.parametrize(
        "options",
        [
            {"epochs": 0},
            {"batch": 1},
            {"size": 8},
            {"rate": 0.0},
            {"rate": math.nan},
            {"held_out": 0.0},
            {"held_out": 0.5},
            {"patience": 0},
            {"seed": -1},
            {"device": "abacus"},
            {"encoder": "nosuch"},
            {"unfreeze": ("pool5",)},
            {"unfreeze": ("all",), "scratch": True},
            {"encoder": "auto", "encoder_weights": "file.pth"},
        ],
    )
    def test_impossible_options(self, options, pictures, tmp_path):
        with pytest.raises(OptionError) as caught:
            quick(pictures, tmp_path / "model.safetensors", **options)
        assert len(str(caught.value).splitlines()) == 1
        assert list(tmp_path.iterdir()) == []

    def test_no_place(self, pictures, tmp_path):
        with pytest.raises(OutputError):
            quick(pictures, tmp_path / "absent" / "model.safetensors")


class TestFiles:
    def test_damaged(self, model, tmp_path):
        file = tmp_path / "model.safetensors"
        content = model[0].read_bytes()
        for broken in (content[:100], content.replace(b"relu5_1", b"relu9_9"), content.replace(b"head.4.bias", b"head.5.bias")):
            assert broken != content
            file.write_bytes(broken)
            with pytest.raises(ModelError) as caught:
                classifier.read(file)
            assert len(str(caught.value).splitlines()) == 1

    def test_other_weights(self, model, tmp_path):
        content = model[0].read_bytes()
        checksum = models.held(model[0]).settings["encoder_sha256"].encode()
        (tmp_path / "model.safetensors").write_bytes(content.replace(checksum, checksum[::-1]))
        with pytest.raises(ModelError, match="trained on other weights of pocket"):
            classifier.read(tmp_path / "model.safetensors")

    def test_a_network_of_another_kind(self, model):
        with pytest.raises(ModelError, match="kind arbitrary, and classifier is needed"):
            classifier.read(models.packaged("arbitrary"))
        with pytest.raises(ModelError, match="kind classifier, and fast or arbitrary is needed"):
            models.held(model[0], "fast", "arbitrary")

    def test_reading_pictures(self, model, tmp_path):
        (tmp_path / "broken.png").write_bytes(b"nothing")
        with pytest.raises(PictureError):
            classify([tmp_path / "broken.png"], model[0])
        with pytest.raises(OptionError, match="unknown device"):
            classify([], model[0], device="abacus")

    def test_confusion(self):
        generator = np.random.default_rng(0)
        wanted, answers = (generator.choice(CLASSES, 40).tolist() for _ in range(2))
        matrix = classifier.confusion(answers, wanted, CLASSES)
        for row, right in enumerate(CLASSES):
            for column, answer in enumerate(CLASSES):
                assert matrix[row, column] == sum(pair == (right, answer) for pair in zip(wanted, answers, strict=True))
        assert classifier.accuracy(matrix) == np.mean(np.array(wanted) == np.array(answers))
        with Image.open(BytesIO(classifier.draw_confusion(matrix, CLASSES))) as drawn:
            assert drawn.format == "PNG"
