"""The encoder against convolutions, rectifiers and pools written out in numpy."""

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch.overrides import TorchFunctionMode

from impasto.encoders import VGG, Architecture

CHANNELS = ((4, 5), (6, 7), (8,))
LAYERS = (
    *("conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1"),
    *("conv2_1", "relu2_1", "conv2_2", "relu2_2", "pool2"),
    *("conv3_1", "relu3_1", "pool3"),
)
EXACT = 1e-12
POOLS = {
    "max": lambda cells: cells.max((3, 5)),
    "average": lambda cells: cells.mean((3, 5)),
    "l2": lambda cells: np.sqrt(np.square(cells).mean((3, 5))),
}
PADS = {"zeros": "constant", "reflect": "reflect", "replicate": "edge"}


def built(precision=torch.float64, **options):
    """An encoder with random weights."""
    encoder = VGG(Architecture(CHANNELS, **options), precision).requires_grad_(False)
    random = np.random.default_rng(0)
    for weights in encoder.state_dict().values():
        weights.copy_(torch.from_numpy(random.normal(0, 0.3, weights.shape)))
    return encoder


def noise(height, width, count=1, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).random((count, 3, height, width)))


def expected(encoder, picture):
    """All layers of an encoder, in float64."""
    architecture = encoder.architecture
    weights = {name: values.double().numpy() for name, values in encoder.state_dict().items()}
    x = picture.double().numpy()
    x = (x - np.reshape(architecture.mean, (1, 3, 1, 1))) / np.reshape(architecture.deviation, (1, 3, 1, 1))
    features = {}
    for layer in LAYERS:
        if layer.startswith("conv"):
            # A side of one pixel has nothing to mirror.
            mode = "edge" if architecture.padding == "reflect" and min(x.shape[2:]) == 1 else PADS[architecture.padding]
            padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode=mode)
            windows = sliding_window_view(padded, (3, 3), axis=(2, 3))
            x = np.einsum("ncyxij,ocij->noyx", windows, weights[f"{layer}.weight"]) + weights[f"{layer}.bias"][:, None, None]
        elif layer.startswith("relu"):
            x = np.maximum(x, 0)
        else:
            down, across = (min(2, side) for side in x.shape[2:])
            height, width = x.shape[2] // down, x.shape[3] // across
            cells = x[:, :, : height * down, : width * across].reshape(*x.shape[:2], height, down, width, across)
            x = POOLS[architecture.pooling](cells)
        features[layer] = x
        if layer in architecture.embedded:
            features[layer] = np.einsum("ncyx,oc->noyx", x, weights[f"{layer.replace('relu', 'embed')}.weight"][:, :, 0, 0])
    return features


def far(value, expected):
    # A layer may be all zeros.
    return np.linalg.norm(value.double().numpy() - expected) / (np.linalg.norm(expected) or 1)


class Calls(TorchFunctionMode):
    """Counts what is computed."""

    def __init__(self):
        self.names = []

    def __torch_function__(self, function, types, arguments=(), options=None):
        self.names.append(getattr(function, "__name__", ""))
        return function(*arguments, **(options or {}))


@pytest.mark.parametrize("padding", PADS)
@pytest.mark.parametrize("pooling", POOLS)
@pytest.mark.parametrize("size", [(16, 12), (13, 9), (8, 31)])
def test_forward(padding, pooling, size):
    encoder = built(padding=padding, pooling=pooling)
    picture = noise(*size, count=2)
    features = encoder(picture, LAYERS)
    assert tuple(features) == LAYERS
    for layer, values in expected(encoder, picture).items():
        assert features[layer].shape == values.shape
        assert far(features[layer], values) < EXACT, layer


@pytest.mark.parametrize("padding", PADS)
@pytest.mark.parametrize("pooling", POOLS)
@pytest.mark.parametrize("size", [(1, 1), (1, 13), (13, 1), (2, 3)])
def test_no_picture_is_too_small(padding, pooling, size):
    encoder = built(padding=padding, pooling=pooling)
    picture = noise(*size)
    features = encoder(picture, LAYERS)
    for layer, values in expected(encoder, picture).items():
        assert features[layer].shape == values.shape
        assert far(features[layer], values) < EXACT, layer


def test_float32_and_layouts():
    encoder = built(torch.float32)
    picture = noise(17, 10).float()
    values = expected(encoder, picture)
    for layout in (torch.contiguous_format, torch.channels_last):
        features = encoder(picture.to(memory_format=layout), LAYERS)
        assert all(far(features[layer], values[layer]) < 1e-5 for layer in LAYERS)


def test_half_precision_features():
    encoder = built(torch.float32)
    values = expected(encoder, noise(16, 16))
    for name in ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"):
        encoder.get_submodule(name).bfloat16()
    features = encoder(noise(16, 16).float(), LAYERS)
    assert encoder.precision == torch.bfloat16
    assert all(features[layer].dtype == torch.bfloat16 for layer in LAYERS)
    assert all(far(features[layer], values[layer]) < 0.02 for layer in LAYERS)


def test_embedded():
    encoder = built(embedded={"relu2_1": 3, "relu3_1": 11})
    assert encoder.state_dict()["embed2_1.weight"].shape == (3, 6, 1, 1)
    picture = noise(12, 12)
    values = expected(encoder, picture)
    features = encoder(picture, LAYERS)
    assert features["relu2_1"].shape[1] == 3
    assert all(far(features[layer], values[layer]) < EXACT for layer in LAYERS)


@pytest.mark.parametrize("layers", [("relu1_1",), ("conv2_1", "relu1_1"), ("conv1_1", "relu1_1"), ("pool1", "relu2_2"), ("relu3_1",)])
def test_any_choice_of_layers(layers):
    """Rectifying in place must never reach a layer that was asked for."""
    encoder = built()
    picture = noise(11, 14)
    before = picture.clone()
    values, features = expected(encoder, picture), encoder(picture, layers)
    assert set(features) == set(layers)
    assert list(features) == sorted(layers, key=LAYERS.index)
    assert all(far(features[layer], values[layer]) < EXACT for layer in layers)
    assert torch.equal(picture, before)


@pytest.mark.parametrize("deepest", LAYERS)
def test_computes_nothing_deeper(deepest):
    encoder = built()
    needed = LAYERS[: LAYERS.index(deepest) + 1]
    with Calls() as calls:
        encoder(noise(16, 16), (deepest, needed[0]))
    for kind in ("conv2d", "relu", "max_pool2d"):
        prefix = kind[:4].replace("max_", "pool")
        assert calls.names.count(kind) == sum(layer.startswith(prefix) for layer in needed), kind


def test_no_layers():
    with Calls() as calls:
        assert built()(noise(4, 4), ()) == {}
    assert "conv2d" not in calls.names


def test_layer_names():
    assert Architecture(CHANNELS).layers == LAYERS
    assert set(built().state_dict()) == {f"{n}.{kind}" for n in LAYERS if n.startswith("conv") for kind in ("weight", "bias")}


def test_unknown_layer():
    with pytest.raises(KeyError, match=r"relu9_9.*relu3_1"):
        built()(noise(4, 4), ("relu1_1", "relu9_9"))


@pytest.mark.parametrize("pooling", ["average", "l2"])
@pytest.mark.parametrize("padding", PADS)
def test_gradient(padding, pooling):
    encoder = built(padding=padding, pooling=pooling)
    picture = noise(9, 8).requires_grad_()
    weights = {layer: noise(1, 1, seed=n)[0, 0, 0, 0] for n, layer in enumerate(LAYERS)}

    def value(x):
        return sum((weights[layer] * values.square().mean() for layer, values in encoder(x, LAYERS).items()), torch.zeros(()))

    value(picture).backward()
    direction, step = noise(9, 8, seed=5) - 0.5, 1e-6
    with torch.no_grad():
        slope = (value(picture + step * direction) - value(picture - step * direction)) / (2 * step)
    assert (picture.grad * direction).sum().item() == pytest.approx(slope.item(), rel=1e-5)


@pytest.mark.parametrize("precision", [torch.float64, torch.float32, torch.bfloat16])
def test_l2_pooling_has_a_gradient_at_zero(precision):
    encoder = built(precision, pooling="l2")
    for name in ("conv1_2.weight", "conv1_2.bias"):
        encoder.state_dict()[name].zero_()
    picture = noise(8, 8).float().requires_grad_()
    features = encoder(picture, ("conv1_1", "pool1"))
    assert features["pool1"].abs().max() < 1e-18
    sum(values.float().sum() for values in features.values()).backward()
    assert picture.grad.isfinite().all()
    assert picture.grad.any()


def test_one_layer_under_several_names():
    """What the third block lacks is answered by what it has, computed once."""
    picture = noise(16, 16)
    with Calls() as calls:
        features = built()(picture, ("relu3_4", "conv1_1", "relu3_1", "layer1"))
    assert list(features) == ["conv1_1", "relu3_4", "relu3_1", "layer1"]
    assert features["relu3_4"] is features["relu3_1"] is features["layer1"]
    assert calls.names.count("conv2d") == 5


def test_a_block_that_is_not_there():
    with pytest.raises(KeyError, match=r"relu4_1.*relu3_1"):
        built()(noise(4, 4), ("relu4_1",))
