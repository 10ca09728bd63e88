"""Training: its loss against the formula, resuming, several processes, and everything that can go wrong."""

import errno
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load

from impasto import encoders
from impasto.encoders.resnet import ResNet
from impasto.encoders.vgg import VGG, VGG16, VGG19
from impasto.errors import EncoderError, ModelError, OptionError, OutputError, PictureError
from impasto.feedforward import networks, training
from impasto.feedforward.training import Layers, Lesson, Trained, framed, train
from impasto.losses import Gamut, Gram, Structure, TotalVariation

posix = pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
SMALL = {"steps": 6, "batch": 2, "crop": 16, "width": 2, "checkpoint_every": 2, "device": "cpu", "precision": "float32"}


def paint(file, seed, width=80, height=72):
    """A picture of soft colours."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(file)
    return file


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two styles, and a folder of photographs."""
    root = tmp_path_factory.mktemp("pictures")
    (root / "photos").mkdir()
    for n in range(10):
        paint(root / "photos" / f"{n}.png", n)
    paint(root / "night.png", 100)
    paint(root / "day.png", 101)
    return root


@pytest.fixture(autouse=True)
def layers(monkeypatch):
    """Shallow ones, which do with small crops; what was there before."""
    before = training.OUR_LAYERS
    monkeypatch.setattr(training, "OUR_LAYERS", Layers(("relu1_1", "relu2_1"), ("relu2_2",)))
    return before


@pytest.fixture(autouse=True)
def draw(request, monkeypatch):
    """Plots take longer than such small trainings; one test looks at them, and one at what happens if they can't be written."""
    if not any(name in request.node.name for name in ("test_what_it_leaves", "loss.png")):
        monkeypatch.setattr(training.Record, "draw", lambda _: None)


@pytest.fixture
def learn(pictures, tmp_path):
    """Train, into this test's folder."""

    def run(name="model", styles=("night",), **options):
        files = [style if isinstance(style, Path) else pictures / f"{style}.png" for style in styles]
        return train(files, options.pop("photos", pictures / "photos"), tmp_path / f"{name}.safetensors", **{**SMALL, **options})

    return run


@pytest.fixture(scope="module")
def whole(pictures, tmp_path_factory):
    """A training of twelve steps that nothing interrupted."""
    file = tmp_path_factory.mktemp("whole") / "whole.safetensors"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training, "OUR_LAYERS", Layers(("relu1_1", "relu2_1"), ("relu2_2",)))
        patched.setattr(training.Record, "draw", lambda _: None)
        train([pictures / "night.png"], pictures / "photos", file, **{**SMALL, "steps": 12})
    return file


def logged(folder, *drop):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in ("seconds", "pictures_per_second", *drop)} for line in lines]


def weights(file):
    return networks.read(file, "fast").network.state_dict()


def same(one, other):
    first, second = weights(one), weights(other)
    return all(torch.equal(first[name], second[name]) for name in first)


def stopping(step):
    """A callback that stops the training as Ctrl-C would."""

    def callback(progress):
        if progress.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    return callback


def dying(step):
    def callback(progress):
        if progress.step == step:
            raise MemoryError

    return callback


def test_loss():
    """Each picture's is computed alone, by its own style, and they are averaged.

    Styles are compared at full and at half size, and of the mean of both errors, with a little added, the root counts.
    """
    encoder = encoders.load("pocket", None, torch.device("cpu"), torch.float64).encoder
    generator = torch.Generator().manual_seed(0)
    paintings, photographs = (torch.rand(2, 3, 64, 64, dtype=torch.float64, generator=generator) * 1.2 - 0.1 for _ in range(2))
    styles = [torch.rand(1, 3, 64, 96, dtype=torch.float64, generator=generator) ** (n + 1) for n in range(2)]
    terms = (
        Gram(layers=("relu1_1", "relu5_1"), weight=2.0),
        Structure(layers=("relu4_1",), weight=0.5),
        TotalVariation(weight=0.1),
        Gamut(),
    )
    lesson = Lesson(encoder, terms, 64)
    for n, style in enumerate(styles):
        lesson.add(str(n), style)
    found = {name: float(value) for name, value in lesson(paintings, photographs, [1, 0]).items()}

    def see(picture, layer):
        return encoder(torch.from_numpy(picture)[None], (layer,))[layer][0].flatten(1).numpy()

    def gram(x):
        return x @ x.T / x.shape[1]

    def halved(x):
        return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4

    def standard(x):
        return (x - x.mean(1, keepdims=True)) / (np.sqrt(x.var(1, keepdims=True) + 1e-8) + 0.05)

    expected = dict.fromkeys(("style", "structure", "tv", "gamut"), 0.0)
    for n, style in enumerate((styles[1], styles[0])):
        x, photograph, style = paintings[n].numpy(), photographs[n].numpy(), style[0].numpy()
        errors = []
        for painted, model in ((x, style), (halved(x), halved(style))):
            for layer in ("relu1_1", "relu5_1"):
                wanted = gram(see(model, layer))
                errors.append(((gram(see(painted, layer)) - wanted) ** 2).sum() / (wanted**2).sum())
        # Two layers' mean, at two sizes.
        expected["style"] += 2.0 / 2 * np.sqrt(np.mean(errors) + 1e-3)
        expected["structure"] += 0.5 / 2 * ((standard(see(x, "relu4_1")) - standard(see(photograph, "relu4_1"))) ** 2).mean()
        expected["tv"] += 0.1 / 2 * ((np.diff(x, axis=1) ** 2).sum() + (np.diff(x, axis=2) ** 2).sum()) / x.size
        expected["gamut"] += 1 / 2 * ((x - x.clip(0, 1)) ** 2).mean()
    assert found == pytest.approx(expected, rel=1e-6)


def test_loss_of_what_is_right_already():
    """The root of a style error has a slope everywhere, also where a painting is the style."""
    encoder = encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder
    lesson = Lesson(encoder, (Gram(layers=("relu1_1", "relu2_1")),), 16)
    style = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    lesson.add("x", style)
    painting = style.clone().requires_grad_()
    loss = lesson(painting, style, [0])["style"]
    (slope,) = torch.autograd.grad(loss, painting)
    assert float(loss.detach()) == pytest.approx(np.sqrt(1e-3), rel=1e-4)
    assert slope.isfinite().all()


@pytest.mark.parametrize(
    ("name", "made", "least"), [("vgg16", lambda: VGG(VGG16), 32), ("vgg19", lambda: VGG(VGG19), 64), ("resnet50", ResNet, 64)]
)
def test_every_encoder_can_judge(learn, layers, tmp_path, monkeypatch, name, made, least):
    """With weights that know nothing."""
    monkeypatch.setattr(training, "OUR_LAYERS", layers)
    monkeypatch.setattr(encoders, "load", lambda *_, **__: encoders.Loaded(made().requires_grad_(False), "0" * 64))
    style = paint(tmp_path / "style.png", 3, least, least)
    with pytest.raises(OptionError, match=f"give at least {least}"):
        learn(encoder=name, crop=least - 1, styles=(style,))
    learn(encoder=name, crop=least, styles=(style,), steps=1, batch=1)
    line = logged(tmp_path / "model.training")[0]
    assert line["style"] > 0
    assert line["structure"] > 0


def test_it_learns(learn, tmp_path):
    seen = []
    assert learn(steps=20, callback=seen.append) == Trained(20, True)
    lines = logged(tmp_path / "model.training")
    assert [line["step"] for line in lines] == [1, 10, 20]
    assert set(lines[0]) == {"step", "style", "structure", "gamut", "total"}
    for line in lines:
        assert line["total"] == pytest.approx(line["style"] + line["structure"] + line["gamut"], rel=1e-5)
    assert lines[-1]["total"] < lines[0]["total"]
    assert [progress.step for progress in seen] == list(range(1, 21))
    assert seen[-1].steps == 20
    assert seen[-1].losses["total"] == lines[-1]["total"]
    assert seen[-1].speed > 0


def test_what_it_leaves(learn, tmp_path):
    learn(styles=("night", "day"), steps=4)
    folder = tmp_path / "model.training"
    sheets = {"samples-000002.png", "samples-000004.png"}
    assert {file.name for file in folder.iterdir()} == {"checkpoint.pt", "log.jsonl", "loss.png", *sheets}
    with Image.open(folder / "loss.png") as plot:
        assert np.asarray(plot.convert("L")).std() > 10
    with Image.open(folder / "samples-000004.png") as sheet:
        assert sheet.size == (3 * 16, 4 * 16)
    model = networks.read(tmp_path / "model.safetensors", "fast")
    assert model.network.architecture.styles == ("night", "day")
    assert model.network.architecture.width == 2
    assert set(model.settings["styles"]) == {"night", "day"}
    assert {"steps": 4, "step": 4, "batch": 2, "seed": 0, "rate": 0.02}.items() <= model.settings.items()
    assert len(model.settings["encoder_sha256"]) == 64
    assert set(model.settings["versions"]) == {"impasto", "python", "torch"}


def test_sheet(learn, pictures, tmp_path):
    """The photographs beside what the model makes of them."""
    learn(styles=("night", "day"), steps=2)
    sheet = torch.from_numpy(np.asarray(Image.open(tmp_path / "model.training" / "samples-000002.png")) / 255.0).float().permute(2, 0, 1)
    network = networks.read(tmp_path / "model.safetensors").network
    photograph = sheet[None, :, 16:32, :16]
    original = torch.from_numpy(np.asarray(Image.open(pictures / "photos" / "0.png")) / 255.0)
    assert (photograph.mean((0, 2, 3)) - original.mean((0, 1))).abs().max() < 0.05
    for n, shares in enumerate(([[1.0, 0.0]], [[0.0, 1.0]])):
        painted = sheet[None, :, 16:32, 16 * (n + 1) : 16 * (n + 2)]
        # The sheet's photograph is rounded to 8 bits, which the network enlarges.
        assert (painted - framed(network, photograph, torch.tensor(shares)).clamp(0, 1)).abs().mean() < 0.01


def test_model_file(learn, pictures, tmp_path):
    """In half precision, and of the photographs' folder it says the name only."""
    learn(steps=2)
    content = (tmp_path / "model.safetensors").read_bytes()
    state = torch.load(tmp_path / "model.training" / "checkpoint.pt", weights_only=True)["network"]
    stored = load(content)
    assert stored.keys() == state.keys()
    for name, value in stored.items():
        assert value.dtype == np.float16
        assert np.array_equal(value, state[name].numpy().astype(np.float16))
    assert networks.read(tmp_path / "model.safetensors").settings["photos"] == "photos"
    assert str(pictures).encode() not in content
    assert str(tmp_path).encode() not in content


def test_styles_take_turns_and_have_names(learn, pictures, tmp_path):
    (tmp_path / "more").mkdir()
    again = paint(tmp_path / "more" / "night.jpg", 5)
    learn(styles=("night", "day", again), steps=3, batch=3)
    assert networks.read(tmp_path / "model.safetensors").network.architecture.styles == ("night", "day", "night-2")
    # The model file rounds what little three steps change.
    scales = torch.load(tmp_path / "model.training" / "checkpoint.pt", weights_only=True)["network"]["head.0.norm.scale"]
    assert all((scales[n] != 1).all() for n in range(3))


def test_only_the_seed_decides(learn, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        torch.rand(3)
        learn(name, seed=seed, steps=2)
    assert same(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert not same(tmp_path / "a.safetensors", tmp_path / "c.safetensors")


@posix
@pytest.mark.parametrize("stop", [1, 3])
def test_interrupted_and_resumed(learn, tmp_path, stop):
    """To the bit, wherever it was; a step at which nothing is saved otherwise, too."""
    learn("whole", steps=11, styles=("night", "day"))
    before = signal.getsignal(signal.SIGINT)
    assert learn("parts", steps=11, styles=("night", "day"), callback=stopping(stop)) == Trained(stop + 1, False)
    assert signal.getsignal(signal.SIGINT) is before
    assert networks.read(tmp_path / "parts.safetensors").settings["step"] == stop + 1
    assert not same(tmp_path / "whole.safetensors", tmp_path / "parts.safetensors")
    assert learn("parts", steps=11, styles=("night", "day")) == Trained(11, True)
    assert same(tmp_path / "whole.safetensors", tmp_path / "parts.safetensors")
    assert logged(tmp_path / "parts.training") == logged(tmp_path / "whole.training")


def test_killed_and_resumed(learn, whole, tmp_path):
    """What was done after the last checkpoint is done again, and is in the log once."""
    with pytest.raises(MemoryError):
        learn("parts", steps=12, callback=dying(11))
    with (tmp_path / "parts.training" / "log.jsonl").open("a") as log:
        log.write('{"step": 11, "st')
    assert not (tmp_path / "parts.safetensors").exists()
    learn("parts", steps=12)
    assert same(whole, tmp_path / "parts.safetensors")
    assert logged(tmp_path / "parts.training") == logged(whole.with_suffix(".training"))


def test_finished_and_begun_again(learn, tmp_path):
    learn(steps=2)
    first = weights(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    assert learn(steps=2) == Trained(2, True)
    assert all(torch.equal(value, first[name]) for name, value in weights(tmp_path / "model.safetensors").items())
    assert learn(steps=4, device="auto", checkpoint_every=1) == Trained(4, True)
    with pytest.raises(ModelError, match="4 steps already"):
        learn(steps=3)


def test_weights_may_change(learn, tmp_path):
    """When what they lead to is seen."""
    learn(steps=2)
    checkpoint = tmp_path / "model.training" / "checkpoint.pt"
    kept = checkpoint.read_bytes()
    ends = []
    for weight in (0.35, 5.0):
        checkpoint.write_bytes(kept)
        learn(steps=4, content_weight=weight)
        model = networks.read(tmp_path / "model.safetensors", "fast")
        assert model.settings["content_weight"] == weight
        ends.append(model.network.state_dict())
    assert any(not torch.equal(value, ends[0][name]) for name, value in ends[1].items())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"batch": 1}, "batch (2)"),
        ({"rate": 0.01, "width": 8}, "width (2), rate (0.02)"),
        ({"styles": ("day",)}, "styles"),
        ({"seed": 1}, "seed (0)"),
    ],
)
def test_other_options(learn, tmp_path, changed, said):
    learn(steps=2)
    kept = (tmp_path / "model.training" / "checkpoint.pt").read_bytes()
    with pytest.raises(ModelError) as error:
        learn(steps=4, **changed)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert (tmp_path / "model.training" / "checkpoint.pt").read_bytes() == kept


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("content", [b"", b"nothing", pickle.dumps(Bomb(), 2), "cut", "overwritten", "foreign"])
def test_damaged_checkpoint(learn, tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    checkpoint = tmp_path / "model.training" / "checkpoint.pt"
    if content == "cut":
        learn(steps=2)
        content = checkpoint.read_bytes()[:-2000]
    if content == "overwritten":
        learn(steps=2)
        content = bytearray(checkpoint.read_bytes())
        weight = torch.load(checkpoint, weights_only=True)["network"]["finish.weight"]
        place = content.index(weight.permute(0, 2, 3, 1).numpy().tobytes())
        content[place : place + 4] = bytes(4)
    checkpoint.parent.mkdir(exist_ok=True)
    if content == "foreign":
        torch.save({"step": 1}, checkpoint)
    else:
        checkpoint.write_bytes(content)
    with pytest.raises(ModelError, match=r"is damaged or no checkpoint of ours; remove .*model.training to start afresh"):
        learn()
    assert not Path("exploded").exists()


@pytest.mark.parametrize("what", ["checkpoint.pt", "log.jsonl", "samples", "loss.png"])
def test_full_disk(learn, whole, tmp_path, monkeypatch, what):
    """In the middle of a training: the checkpoint before stays, and serves to go on."""
    full, write, open_file = False, Path.write_bytes, Path.open

    def fill(progress):
        nonlocal full
        full = progress.step >= 5

    def guard(file, content):
        if full and (what in file.name or file.suffix == ".part"):
            write(file, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, content)

    def guard_open(file, mode="r", *arguments, **keywords):
        if full and "r" not in mode and file.parent.name == "parts.training":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return open_file(file, mode, *arguments, **keywords)

    with monkeypatch.context() as patched:
        if what in ("checkpoint.pt", "loss.png"):
            patched.setattr(Path, "write_bytes", guard)
        else:
            patched.setattr(Path, "open", guard_open)
        if what in ("samples", "loss.png"):  # reached only where the checkpoint can be written
            patched.setattr(training.Record, "save", lambda *_: None)
        with pytest.raises(OutputError) as error:
            learn("parts", steps=12, checkpoint_every=10 if what == "log.jsonl" else 4, callback=fill)
    assert os.strerror(errno.ENOSPC) in str(error.value)
    assert "\n" not in str(error.value)
    assert [file for file in (tmp_path / "parts.training").iterdir() if "part" in file.suffix] == []
    learn("parts", steps=12, checkpoint_every=12)
    assert same(whole, tmp_path / "parts.safetensors")


def test_full_disk_says_that_the_checkpoint_is_whole(learn, tmp_path, monkeypatch):
    write = Path.write_bytes

    def guard(file, content):
        if (tmp_path / "model.training" / "samples-000002.png").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, content)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", guard)
        with pytest.raises(OutputError, match=r"checkpoint.pt is whole, and the same command goes on from it"):
            learn()
    state = torch.load(tmp_path / "model.training" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 2


def test_bad_photographs_are_told_once(learn, pictures, tmp_path):
    (tmp_path / "some").mkdir()
    for n in range(8):
        paint(tmp_path / "some" / f"{n}.png", n)
    (tmp_path / "some" / "0broken.png").write_bytes(b"nothing")
    (tmp_path / "some" / "zbroken.png").write_bytes(b"nothing")
    with pytest.warns(UserWarning, match="broken.png is not a") as told:
        learn(photos=tmp_path / "some", steps=12)
    lines = [str(warning.message) for warning in told]
    assert len(lines) == 2
    assert "0broken.png" in lines[0]
    assert "zbroken.png" in lines[1]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"steps": 0}, OptionError, "steps 0 is impossible"),
        ({"batch": -1}, OptionError, "at least 1"),
        ({"seed": -1}, OptionError, "at least 0"),
        ({"rate": 0.0}, OptionError, "rate 0 is impossible"),
        ({"rate": float("nan")}, OptionError, "rate nan"),
        ({"tv_weight": -1.0}, OptionError, "tv_weight"),
        ({"content_weight": 0.0, "style_weight": 0.0}, OptionError, "both 0"),
        ({"device": "abacus"}, OptionError, "unknown device"),
        ({"precision": "float16"}, OptionError, "unknown precision"),
        ({"encoder": "eye"}, OptionError, "unknown encoder"),
        ({"encoder_weights": "absent.pth"}, EncoderError, "absent.pth"),
        ({"styles": ()}, OptionError, "no style"),
        ({"styles": (Path("absent.png"),)}, PictureError, "absent.png"),
        ({"style_size": 8}, PictureError, "8 x 7 pixels here, and relu2_1 of the encoder needs 8 along the shorter side"),
        ({"crop": 7}, OptionError, "relu2_1 of the encoder; give at least 8"),
        ({"photos": Path("absent")}, PictureError, "no folder"),
    ],
)
def test_impossible(learn, tmp_path, options, error, said):
    with pytest.raises(error, match=said) as raised:
        learn(**options)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_small_style(learn, layers, tmp_path, monkeypatch):
    """As large as the deepest layer asks, and a pixel less."""
    monkeypatch.setattr(training, "OUR_LAYERS", layers)
    learn(styles=(paint(tmp_path / "enough.png", 1, 64, 90),), steps=1, crop=64)
    with pytest.raises(PictureError, match=r"style small is 90 x 63 pixels here, and relu5_1 of the encoder needs 64"):
        learn("other", styles=(paint(tmp_path / "small.png", 1, 90, 63),), steps=1, crop=64)


def test_places_that_cannot_be_written(learn, pictures, tmp_path):
    with pytest.raises(OutputError, match="doesn't exist; create it first"):
        learn("absent/model")
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        learn("folder")
    (tmp_path / "model.training").write_text("in the way")
    with pytest.raises(OutputError, match="nothing can be written into"):
        learn()


def test_growing_without_limit(learn, tmp_path):
    with pytest.raises(ModelError, match="without limit by step 1;"):
        learn(content_weight=1e39, tv_weight=1e39)
    assert not (tmp_path / "model.training" / "checkpoint.pt").exists()


def test_schedule(monkeypatch):
    """Up over fifty steps, level, and down to nothing over the second half."""
    painter = training.Painter(training.Architecture(("a",), 1), 0.02, 0, torch.device("cpu"))
    rates = []
    for step in range(200):
        painter.optimisers.move(step, 200)
        rates.append([optimiser.param_groups[0]["lr"] for optimiser in painter.optimisers])
    muon, outer, norms = np.array(rates).T
    np.testing.assert_allclose(outer, muon / 20)
    np.testing.assert_allclose(norms, muon / 10)
    np.testing.assert_allclose(muon[:50], np.linspace(0.02 / 50, 0.02, 50))
    np.testing.assert_allclose(muon[50:101], 0.02)
    np.testing.assert_allclose(muon[100:], np.linspace(0.02, 0.0, 101)[:100])


def test_muon_moves_what_is_neither_first_nor_last():
    painter = training.Painter(training.Architecture(("a",), 2), 0.02, 0, torch.device("cpu"))
    names = {id(value): name for name, value in painter.network.named_parameters()}
    muon, outer, rest = ([names[id(value)] for value in optimiser.param_groups[0]["params"]] for optimiser in painter.optimisers)
    assert outer == ["head.0.convolution.weight", "finish.weight"]
    assert all(name.endswith("convolution.weight") for name in muon)
    assert not any(name.endswith("convolution.weight") for name in rest)
    assert len(muon) + len(outer) + len(rest) == len(names)


def test_every_parameter_moves():
    painter = training.Painter(training.Architecture(("a", "b"), 2), 0.02, 0, torch.device("cpu"))
    before = {name: value.clone() for name, value in painter.network.state_dict().items()}
    shares = torch.eye(2)
    painter.network(torch.rand(2, 3, 16, 16), shares).square().sum().backward()
    painter.optimisers.move(60, 200)
    assert all((value != before[name]).any() for name, value in painter.network.state_dict().items())


def test_half_precision(learn, tmp_path):
    for name in ("float32", "bfloat16"):
        learn(name, precision=name, steps=2)
    whole, half = (logged(tmp_path / f"{name}.training")[0] for name in ("float32", "bfloat16"))
    assert half["total"] == pytest.approx(whole["total"], rel=0.02)
    assert half["total"] != whole["total"]
    assert networks.read(tmp_path / "bfloat16.safetensors").settings["precision"] == "bfloat16"


@pytest.mark.parametrize(("asked", "compiled"), [(None, 0), (False, 0), (True, 2)])
def test_compiling(learn, monkeypatch, asked, compiled):
    networks = []
    monkeypatch.setattr(torch, "compile", lambda network: networks.append(network) or network)
    learn(steps=1, compile=asked)
    assert len(networks) == compiled


def test_no_compiler(learn, monkeypatch):
    failure = type("InductorError", (RuntimeError,), {"__module__": "torch._inductor.exc"})

    def broken(*_):
        raise failure("No working C++ compiler found\n\nSet TORCHDYNAMO_VERBOSE=1")

    monkeypatch.setattr(torch, "compile", lambda _: broken)
    with pytest.raises(OptionError, match=r"doesn't work here \(No working C\+\+ compiler found\); give --no-compile"):
        learn(compile=True)


RUN = """
import json, os, signal, sys
from impasto.feedforward import training
training.Record.draw = lambda _: None
training.EACH, training.OUR_LAYERS = 1, training.Layers(("relu1_1", "relu2_1"), ("relu2_2",))
root, output, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])

def stop(progress):
    if progress.step == 4:
        os.kill(os.getpid(), signal.SIGINT)

def learn(**more):
    return training.train([f"{root}/night.png", f"{root}/day.png"], f"{root}/photos", output, **options, **more)

if "RANK" in os.environ:
    training.distributed.init_process_group("gloo")
    print(learn(callback=stop), flush=True)
print(learn(), flush=True)
"""


@posix
@pytest.mark.slow
def test_two_processes(pictures, tmp_path):
    """The very losses and weights that one process has; stopped by a signal that one of the two got, and resumed.

    A photograph that is no use is told by the first process, whichever draws it.
    """
    options = {**SMALL, "steps": 8, "batch": 4, "width": 4, "seed": 24}  # with which the second process draws what is no use
    root = shutil.copytree(pictures, tmp_path / "pictures")
    (root / "photos" / "zbroken.png").write_bytes(b"nothing")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ranks = [
        {},
        *({"RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": f"{port}"} for rank in "01"),
    ]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, root, tmp_path / f"{'two' if rank else 'one'}.safetensors", json.dumps(options)],
            env={**os.environ, "OMP_NUM_THREADS": "1", **rank},  # another number would round otherwise
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ranks
    ]
    try:
        outcomes = [process.communicate(timeout=300) for process in running]
    finally:
        for process in running:
            process.kill()
    for (out, err), expected in zip(outcomes, [[Trained(8, True)], *[[Trained(5, False), Trained(8, True)]] * 2], strict=True):
        assert out.splitlines() == [str(trained) for trained in expected], err
    complaints = [err.count("zbroken.png is not a") for _, err in outcomes]
    assert complaints == [1, 2, 0]  # two trainings, until the signal and after it, each told by the first process
    one, two = logged(tmp_path / "one.training"), logged(tmp_path / "two.training")
    assert len(one) == 8
    assert two == one
    assert same(tmp_path / "one.safetensors", tmp_path / "two.safetensors")
    assert networks.read(tmp_path / "two.safetensors").settings["processes"] == 2


def test_batch_that_cannot_be_shared(learn, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(OptionError, match="a batch of 4 can't be shared among 3 processes; make it 6"):
        learn(batch=4)
