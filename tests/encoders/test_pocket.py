"""The packaged encoder: what lies in the file, how alike it is to VGG19, and what is said about files that won't do."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn import functional

from impasto import encoders, examples, picture
from impasto.encoders import VGG
from impasto.encoders.tensors import scale, tensor
from impasto.errors import EncoderError, ImpastoError, OptionError

POCKET = Path(encoders.__file__).with_name("pocket.safetensors")
VGG19 = Path(__file__).parents[2].parent / "shared" / "weights" / "vgg19_normalised_to_conv3_1.safetensors"
CPU = torch.device("cpu")


def load(weights=None, precision=torch.float32):
    return encoders.load("pocket", weights, CPU, precision)


def photograph(name, longest):
    return scale(tensor(picture.read(examples.path(name)).picture), longest)


def complaint(weights):
    with pytest.raises(EncoderError) as caught:
        load(weights)
    assert isinstance(caught.value, ImpastoError)
    assert len(str(caught.value).splitlines()) == 1
    assert str(weights) in str(caught.value)
    return str(caught.value)


def test_file():
    assert POCKET.stat().st_size <= 8_000_000
    assert all(values.dtype == torch.float16 and values.isfinite().all() for values in load_file(POCKET).values())
    with safe_open(POCKET, framework="pt") as opened:
        metadata = opened.metadata()
    assert metadata["licence"] == "Apache-2.0"
    assert metadata["trained"]
    assert {"channels", "pooling", "padding", "embedded", "mean", "deviation"} <= set(json.loads(metadata["architecture"]))


def test_load():
    loaded = load()
    names = loaded.encoder.architecture.layers
    assert {"relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"} <= set(names)
    assert not any(weights.requires_grad for weights in loaded.encoder.parameters())
    packaged = load_file(POCKET)
    state = loaded.encoder.state_dict()
    assert set(state) == set(packaged)
    assert all(torch.equal(values, packaged[name].float()) for name, values in state.items())
    assert len(loaded.checksum) == 64
    assert load(POCKET).checksum == loaded.checksum


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_precision(precision):
    features = load(precision=precision).encoder(photograph("chelsea", 64), ("relu1_1", "relu4_2"))
    assert all(values.dtype == precision and values.isfinite().all() for values in features.values())


def test_bfloat16_is_close():
    pixels, layers = photograph("chelsea", 96), ("relu1_1", "relu3_1", "relu4_2", "relu5_1")
    exact, rough = (load(precision=precision).encoder(pixels, layers) for precision in (torch.float32, torch.bfloat16))
    for layer in layers:
        assert (rough[layer].float() - exact[layer]).norm() < 0.05 * exact[layer].norm()


def test_mean_activations_are_about_one():
    """Gatys et al. 2016, section 2: so that no layer's losses drown another's."""
    loaded = load().encoder
    encoder = VGG(replace(loaded.architecture, embedded={})).requires_grad_(False)
    encoder.load_state_dict(loaded.state_dict(), strict=False)
    relus = [layer for layer in encoder.architecture.layers if layer.startswith("relu")]
    features = [encoder(photograph(name, 256), relus) for name in examples.EXAMPLES]
    for layer in relus:
        channels = torch.stack([each[layer].mean((0, 2, 3)) for each in features]).mean(0)
        # Some channels never fire on four photographs.
        firing = channels[channels > 1e-3]
        assert 0.5 < firing.mean() < 2, layer
        assert ((firing > 0.2) & (firing < 5)).float().mean() > 0.4, layer


@pytest.mark.skipif(not VGG19.exists(), reason="the weights of VGG19 aren't in ../shared/weights beside the repository")
def test_predicts_vgg19():
    pixels = photograph("astronaut", 256)
    mine, his = load().encoder(pixels, ("relu1_1", "relu2_1", "relu3_1")), teacher(pixels)
    for layer, worst in (("relu1_1", 0.05), ("relu2_1", 0.1), ("relu3_1", 0.3)):
        inputs, outputs = (features[layer][0].flatten(1).T.double().numpy()[::3] for features in (mine, his))
        mapped = inputs @ np.linalg.lstsq(inputs, outputs, rcond=None)[0]
        error = ((mapped - outputs) ** 2).sum() / (outputs**2).sum()
        assert error < worst, (layer, error)


def teacher(pixels):
    """VGG19 down to relu3_1 as its file's metadata describes it: reflection padding, BGR, max pooling."""
    weights = load_file(VGG19)
    x = functional.conv2d(pixels, weights["preprocess.weight"], weights["preprocess.bias"])
    features = {}
    for layer in ("1_1", "1_2", "2_1", "2_2", "3_1"):
        if layer in ("2_1", "3_1"):
            x = functional.max_pool2d(x, 2, ceil_mode=True)
        padded = functional.pad(x, (1, 1, 1, 1), "reflect")
        x = functional.conv2d(padded, weights[f"conv{layer}.weight"], weights[f"conv{layer}.bias"]).relu()
        features[f"relu{layer}"] = x
    return features


def test_missing_file(tmp_path):
    assert "doesn't exist" in complaint(tmp_path / "none.safetensors")


def test_folder(tmp_path):
    complaint(tmp_path)


@pytest.mark.parametrize("content", [b"", b"these are no weights", POCKET.read_bytes()[:5000], POCKET.read_bytes()[:-1]])
def test_damaged_file(tmp_path, content):
    file = tmp_path / "damaged.safetensors"
    file.write_bytes(content)
    assert "not a whole weights file" in complaint(file)


@pytest.mark.parametrize(
    ("array", "last"), [("conv3_1.weight", "pool2"), ("conv3_2.bias", "relu3_1"), ("embed4_2.weight", "conv4_2"), ("conv5_1.bias", "pool4")]
)
def test_missing_layer(tmp_path, array, last):
    """A file that ends early is as good as a whole one up to there."""
    state = load_file(POCKET)
    del state[array]
    save_file(state, tmp_path / "other.safetensors")
    encoder = load(tmp_path / "other.safetensors").encoder
    assert encoder.layers[-1] == last
    pixels = photograph("chelsea", 48)
    assert torch.equal(encoder(pixels, (last,))[last], load().encoder(pixels, (last,))[last])
    with pytest.raises(EncoderError, match=rf"other.safetensors has no {array}, which relu5_1 needs") as caught:
        encoder(pixels, ("relu1_1", "relu5_1"))
    assert len(str(caught.value).splitlines()) == 1


def test_missing_first_layer(tmp_path):
    state = load_file(POCKET)
    del state["conv1_1.bias"]
    save_file(state, tmp_path / "other.safetensors")
    assert "has no conv1_1.bias" in complaint(tmp_path / "other.safetensors")


def test_wrong_shape(tmp_path):
    state = load_file(POCKET)
    state["conv2_1.weight"] = state["conv2_1.weight"][:-1].contiguous()
    save_file(state, tmp_path / "other.safetensors")
    said = complaint(tmp_path / "other.safetensors")
    assert "conv2_1.weight" in said
    assert str(list(load_file(POCKET)["conv2_1.weight"].shape)) in said


def test_own_weights(tmp_path):
    """Another file of the same architecture, in any precision, takes the packaged one's place."""
    state = {name: values.float() * 0.5 for name, values in load_file(POCKET).items()}
    save_file(state, tmp_path / "own.safetensors")
    loaded = load(tmp_path / "own.safetensors")
    assert all(torch.equal(values, state[name]) for name, values in loaded.encoder.state_dict().items())
    assert loaded.checksum != load().checksum


def test_unknown_encoder():
    with pytest.raises(OptionError, match="pocket") as caught:
        encoders.load("nonesuch", None, CPU, torch.float32)
    assert len(str(caught.value).splitlines()) == 1
