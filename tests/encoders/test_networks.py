"""VGG19, VGG16 and ResNet-50 against their definitions, with random weights, and with VGG19's own as far as they are here."""

import math
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from safetensors.torch import load_file, save_file
from torch.nn import functional

from impasto import encoders, examples, picture, styles
from impasto.encoders import VGG, Architecture, Variant
from impasto.encoders.encoder import filled
from impasto.encoders.normalise import SILENT, normalised
from impasto.encoders.tensors import scale, tensor
from impasto.encoders.vgg import VGG19
from impasto.errors import EncoderError, OptionError

CPU = torch.device("cpu")
TRUE = Path(__file__).parents[2].parent / "shared" / "weights" / "vgg19_normalised_to_conv3_1.safetensors"
BLOCKS = {"vgg19": (2, 2, 4, 4, 4), "vgg16": (2, 2, 3, 3, 3)}
DEPTHS = {"layer1": 3, "layer2": 4, "layer3": 6, "layer4": 3}


def load(name, weights, precision=torch.float32, **variant):
    return encoders.load(name, weights, CPU, precision, Variant(**variant)).encoder


def noise(height, width, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).random((1, 3, height, width)))


def photograph(name, longest):
    return scale(tensor(picture.read(examples.path(name)).picture), longest)


def seen(pixels, convention="torchvision"):
    """A picture as a network wants it, in float64."""
    x = pixels.double()
    if convention == "caffe":
        return 255 * x.flip(1) - torch.tensor([103.939, 116.779, 123.68], dtype=torch.float64).view(1, 3, 1, 1)
    if convention == "unit":
        return x - torch.tensor([0.40760392, 0.45795686, 0.48501961], dtype=torch.float64).view(1, 3, 1, 1)
    mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    return (x - torch.tensor(mean, dtype=torch.float64).view(1, 3, 1, 1)) / torch.tensor(deviation, dtype=torch.float64).view(1, 3, 1, 1)


def padded(x, reach, padding):
    mode = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate"}[padding]
    if mode == "reflect" and min(x.shape[2:]) <= reach:
        mode = "replicate"
    return functional.pad(x, (reach,) * 4, mode)


def vgg(name, state, x, padding="zeros", pool=functional.max_pool2d):
    """Every layer, by its name, out of torchvision's numbered layers."""
    features, number = {}, 0
    for block, count in enumerate(BLOCKS[name], start=1):
        for convolution in range(1, count + 1):
            weight, bias = (state[f"features.{number}.{kind}"].double() for kind in ("weight", "bias"))
            features[f"conv{block}_{convolution}"] = functional.conv2d(padded(x, 1, padding), weight, bias)
            features[f"relu{block}_{convolution}"] = x = features[f"conv{block}_{convolution}"].clamp(min=0)
            number += 2
        features[f"pool{block}"] = x = pool(x, (min(2, x.shape[2]), min(2, x.shape[3])))
        number += 1
    return features


def resnet(state, x, padding="zeros", pool=lambda x: functional.max_pool2d(x, 3, 2, 1)):
    def convolution(name, x, stride=1):
        weight = state[f"{name}.weight"].double()
        return functional.conv2d(padded(x, weight.shape[2] // 2, padding), weight, stride=stride)

    def normalisation(name, x):
        kinds = ("running_mean", "running_var", "weight", "bias")
        return functional.batch_norm(x, *(state[f"{name}.{kind}"].double() for kind in kinds), training=False, eps=1e-5)

    features = {"conv1": convolution("conv1", x, 2)}
    features["relu1"] = normalisation("bn1", features["conv1"]).clamp(min=0)
    features["maxpool"] = x = pool(features["relu1"])
    for layer, count in DEPTHS.items():
        for block in range(count):
            name, stride = f"{layer}.{block}", 2 if block == 0 and layer != "layer1" else 1
            y = normalisation(f"{name}.bn1", convolution(f"{name}.conv1", x)).clamp(min=0)
            y = normalisation(f"{name}.bn2", convolution(f"{name}.conv2", y, stride)).clamp(min=0)
            y = normalisation(f"{name}.bn3", convolution(f"{name}.conv3", y))
            if block == 0:
                x = normalisation(f"{name}.downsample.1", convolution(f"{name}.downsample.0", x, stride))
            x = (x + y).clamp(min=0)
        features[layer] = x
    return features


def expected(name, state, x, *options):
    return resnet(state, x, *options) if name == "resnet50" else vgg(name, state, x, *options)


def agree(features, values, exact):
    assert list(features) == list(values)
    for layer, value in values.items():
        assert features[layer].shape == value.shape, layer
        assert (features[layer].double() - value).norm() <= exact * value.norm(), layer


@pytest.mark.parametrize("narrow", [8, pytest.param(1, id="full", marks=pytest.mark.slow)], indirect=True)
@pytest.mark.parametrize(("precision", "exact"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@pytest.mark.parametrize("name", ["vgg19", "vgg16", "resnet50"])
def test_every_layer(name, precision, exact, states, files):
    encoder = load(name, files[name], precision)
    pixels = noise(52, 37)
    values = expected(name, states[name], seen(pixels))
    assert encoder.layers == tuple(values)
    assert encoder.precision == precision
    # A picture of 8 bits per channel, which float32 holds exactly enough for either precision.
    pixels = (pixels * 256).floor() / 256
    agree(encoder(pixels.float(), encoder.layers), expected(name, states[name], seen(pixels)), exact)


@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate"])
@pytest.mark.parametrize("name", ["vgg16", "resnet50"])
def test_padding_and_any_size(name, padding, states, files):
    encoder = load(name, files[name], torch.float64, padding=padding)
    for size in ((1, 1), (1, 9), (3, 2), (7, 7)):
        pixels = noise(*size)
        agree(encoder(pixels, encoder.layers), expected(name, states[name], seen(pixels), padding), 1e-10)


def windows(x):
    """The values in each 3x3 window at every second pixel, those beyond the border being nan."""
    values = np.pad(x.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    return sliding_window_view(values, (3, 3), axis=(2, 3))[:, :, ::2, ::2]


@pytest.mark.parametrize(
    ("pooling", "pool"),
    [
        ("average", lambda x: torch.from_numpy(np.nanmean(windows(x), (4, 5)))),
        ("l2", lambda x: torch.from_numpy(np.sqrt(np.nanmean(windows(x) ** 2, (4, 5))))),
    ],
)
def test_pooling_of_resnet50(pooling, pool, states, files):
    encoder = load("resnet50", files["resnet50"], torch.float64, pooling=pooling)
    for size in ((33, 26), (1, 1)):
        pixels = noise(*size)
        agree(encoder(pixels, encoder.layers), resnet(states["resnet50"], seen(pixels), "zeros", pool), 1e-10)


@pytest.mark.parametrize(("precision", "exact"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("convention", ["torchvision", "caffe", "unit"])
@pytest.mark.parametrize(("name", "first"), [("vgg16", "conv1_1"), ("resnet50", "conv1")])
def test_convention(name, first, convention, precision, exact, states, tmp_path):
    (weight, values), (bias, shift) = list(states[name].items())[:2]
    torch.save({weight: values, bias: shift}, tmp_path / "first.pth")
    pixels = noise(12, 17)
    reach = values.shape[2] // 2
    value = functional.conv2d(
        padded(seen(pixels, convention), reach, "zeros"),
        values.double(),
        shift.double() if name == "vgg16" else None,
        stride=reach // 2 + 1,
    )
    features = load(name, tmp_path / "first.pth", precision, convention=convention)(pixels.to(precision), (first,))[first]
    assert (features.double() - value).norm() < exact * value.norm()


def test_pocket_takes_any_variant():
    pixels = photograph("chelsea", 64)
    as_trained = load("pocket", None)(pixels, ("relu4_1",))["relu4_1"]
    for variant in ({"pooling": "max"}, {"pooling": "l2"}, {"padding": "reflect"}, {"convention": "unit"}, {"convention": "caffe"}):
        features = load("pocket", None, **variant)(pixels, ("relu4_1",))["relu4_1"]
        assert features.isfinite().all()
        assert (features - as_trained).norm() > 0.001 * as_trained.norm()
    assert torch.equal(load("pocket", None, normalised=True)(pixels, ("relu4_1",))["relu4_1"], as_trained)


def test_layers_of_other_networks(files):
    pixels = noise(40, 40).float()
    features = load("resnet50", files["resnet50"])(pixels, ("relu4_2", "relu1_1", "pool1", "layer2"))
    assert list(features) == ["relu1_1", "pool1", "relu4_2", "layer2"]
    assert features["relu4_2"] is features["layer2"]
    pocket = load("pocket", None)
    features = pocket(pixels, ("conv1", "maxpool", "layer1", "layer2", "layer3", "layer4"))
    values = pocket(pixels, ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"))
    assert len(features) == 6
    assert torch.equal(features["layer4"], values["relu5_1"])
    with pytest.raises(KeyError, match="relu9_9"):
        pocket(pixels, ("relu9_9",))


@pytest.mark.parametrize("name", ["vgg16", "resnet50"])
def test_half_precision(name, files):
    pixels = photograph("chelsea", 64)
    layer = {"vgg16": "relu4_2", "resnet50": "layer2"}[name]
    exact, rough = (load(name, files[name], precision)(pixels, (layer,))[layer] for precision in (torch.float32, torch.bfloat16))
    assert rough.dtype == torch.bfloat16
    assert (rough.float() - exact).norm() < 0.05 * exact.norm()


@pytest.mark.parametrize("name", ["vgg16", "resnet50"])
def test_gradient(name, files):
    """Nothing that is rectified or added in place is needed again."""
    encoder = load(name, files[name], torch.float64)
    pixels, direction, step = noise(24, 20).requires_grad_(), noise(24, 20, seed=2) - 0.5, 1e-7

    def value(x):
        return sum(values.square().mean() for values in encoder(x, encoder.layers).values())

    value(pixels).backward()
    with torch.no_grad():
        slope = (value(pixels + step * direction) - value(pixels - step * direction)) / (2 * step)
    assert (pixels.grad * direction).sum().item() == pytest.approx(slope.item(), rel=1e-4)


def test_random_state_is_left_alone(files):
    before = torch.random.get_rng_state()
    load("vgg19", files["vgg19"])
    load("resnet50", files["resnet50"])
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("own_names", [False, True])
@pytest.mark.parametrize("extension", ["pth", "safetensors"])
def test_truncated(extension, own_names, states, files, tmp_path):
    numbers = {0: "conv1_1", 2: "conv1_2", 5: "conv2_1", 7: "conv2_2", 10: "conv3_1"}
    kinds = ("weight", "bias")
    state = {
        f"{layer if own_names else f'features.{number}'}.{kind}": states["vgg19"][f"features.{number}.{kind}"]
        for number, layer in numbers.items()
        for kind in kinds
    }
    file = tmp_path / f"short.{extension}"
    torch.save(state, file) if extension == "pth" else save_file(state, file)
    encoder, whole = load("vgg19", file, convention="torchvision"), load("vgg19", files["vgg19"])
    assert encoder.layers[-1] == "relu3_1"
    assert whole.layers[-1] == "pool5"
    pixels = noise(20, 20).float()
    assert torch.equal(encoder(pixels, ("relu3_1",))["relu3_1"], whole(pixels, ("relu3_1",))["relu3_1"])
    absent = "conv3_2.weight" if own_names else r"conv3_2 \(features.12.weight\)"
    for layers, needs in ((("relu1_1", "relu5_1", "relu4_2"), "relu4_2"), (("layer2",), "relu4_1"), (("pool3",), "pool3")):
        with pytest.raises(EncoderError, match=rf"short.{extension} has no {absent}, which {needs} needs") as caught:
            encoder(pixels, layers)
        assert len(str(caught.value).splitlines()) == 1


def test_truncated_resnet(states, tmp_path):
    names = list(states["resnet50"])
    for first, last in (("bn1.weight", "conv1"), ("layer2.3.conv3.weight", "layer1"), ("layer2.3.bn3.running_var", "layer1")):
        torch.save({name: states["resnet50"][name] for name in names[: names.index(first)]}, tmp_path / "short.pth")
        encoder = load("resnet50", tmp_path / "short.pth")
        assert encoder.layers[-1] == last
        assert encoder(noise(16, 16).float(), (last,))[last].isfinite().all()
        with pytest.raises(EncoderError, match=rf"has no {first}, which layer4 needs"):
            encoder(noise(16, 16).float(), ("layer4",))


@pytest.mark.parametrize(("name", "other", "lacks"), [("vgg19", "resnet50", "features.0.weight"), ("resnet50", "vgg16", "conv1.weight")])
def test_weights_of_another_network(name, other, lacks, files):
    with pytest.raises(EncoderError, match="weights of another network than") as caught:
        load(name, files[other])
    assert lacks in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "extra"), [("resnet50", "layer3.6.conv1.weight"), ("vgg16", "features.1.running_mean"), ("vgg19", "features.17.weight")]
)
def test_weights_of_a_relative(name, extra, states, tmp_path):
    """A network with layers in between, which would seem to fit."""
    torch.save({**states[name], extra: torch.zeros(1)}, tmp_path / "relative.pth")
    with pytest.raises(EncoderError, match=f"has a {extra}; it holds the weights of another network than {name}"):
        load(name, tmp_path / "relative.pth")


def test_the_file_may_change_afterwards(states, tmp_path):
    file = tmp_path / "short.pth"
    torch.save(dict(list(states["vgg19"].items())[:6]), file)
    encoder = load("vgg19", file)
    with file.open("r+b") as target:
        target.write(bytes(file.stat().st_size))
    assert torch.equal(encoder.conv2_1.bias, states["vgg19"]["features.5.bias"])


def test_nothing_deeper_is_computed(files):
    encoder, reached = load("resnet50", files["resnet50"]), []
    for name, module in encoder.named_children():
        module.register_forward_hook(lambda *_, name=name: reached.append(name))
    encoder(noise(16, 16).float(), ("relu3_1",))
    assert reached == ["bn1", "layer1"]  # `conv1` is applied without being called


def test_wrong_shape(states, tmp_path):
    torch.save({**states["vgg16"], "features.2.weight": torch.zeros(8, 6, 3, 3)}, tmp_path / "odd.pth")
    with pytest.raises(EncoderError, match=r"odd.pth: features.2.weight is \[8, 6, 3, 3\], not \[8, 8, 3, 3\]") as caught:
        load("vgg16", tmp_path / "odd.pth")
    assert len(str(caught.value).splitlines()) == 1


def test_names():
    assert encoders.NAMES == ("pocket", "vgg19", "vgg16", "resnet50")
    assert encoders.PACKAGED == ("pocket",)


@pytest.fixture(scope="module")
def calibration():
    """The pictures that a network is normalised on."""
    pictures = []
    for file in (*map(examples.path, examples.EXAMPLES), *map(styles.path, styles.STYLES)):
        pixels = scale(tensor(picture.read(file).picture), 512).double()
        height, width = pixels.shape[2:]
        pictures.append(pixels[:, :, height // 2 - 48 : height // 2 + 48, width // 2 - 48 : width // 2 + 48])
    return pictures


def mean_activations(encoder, pictures):
    relus = [layer for layer in encoder.layers if layer.startswith("relu")]
    features = [encoder(pixels, relus) for pixels in pictures]
    return {layer: torch.stack([each[layer].mean((0, 2, 3)) for each in features]).mean(0) for layer in relus}


def narrow(state, precision, **options):
    """A VGG of narrow layers."""
    architecture = Architecture(((12, 13), (14, 15), (16, 17)), **options)
    weights = {name: values.to(precision) for name, values in state.items()}
    return filled(lambda: VGG(architecture, precision), weights, architecture.layers)


@pytest.mark.parametrize("options", [{}, {"pooling": "average", "padding": "reflect"}, {"pooling": "l2", "padding": "replicate"}])
def test_normalised(options, calibration):
    generator = torch.Generator().manual_seed(0)
    architecture = Architecture(((12, 13), (14, 15), (16, 17)))
    state = {p.name: torch.randn(p.shape, generator=generator).double() * 0.2 for p in architecture.parameters}
    state["conv1_2.bias"][5] = -1e3  # never fires
    state["conv2_1.weight"][7] *= 1e-6  # hardly does
    state["conv2_1.bias"][7] = 1e-6
    as_trained = narrow(state, torch.float64, **options)
    encoder = narrow(normalised(narrow(state, torch.float32, **options), state), torch.float64, **options)
    before, after = mean_activations(as_trained, calibration), mean_activations(encoder, calibration)
    for layer, means in after.items():
        silent = before[layer] < SILENT * before[layer].mean()
        assert silent[{"relu1_2": [5], "relu2_1": [7]}.get(layer, [])].all(), layer
        assert silent.float().mean() < 0.5, layer
        assert (means[~silent] - 1).abs().max() < 1e-5, layer
        assert torch.allclose(means[silent], before[layer][silent] / before[layer].mean(), rtol=1e-5), layer
    # The same function, but for a positive factor per channel.
    pixels = noise(50, 41)
    features, values = encoder(pixels, encoder.layers), as_trained(pixels, encoder.layers)
    for layer in encoder.layers:
        mine, his = features[layer][0].flatten(1), values[layer][0].flatten(1)
        firing = his.norm(dim=1) > 1e-15
        factor = (mine[firing] * his[firing]).sum(1, keepdim=True) / his[firing].square().sum(1, keepdim=True)
        assert (factor > 0).all()
        assert (mine[firing] - factor * his[firing]).norm() < 1e-10 * mine.norm(), layer
        assert mine[~firing].norm() < 1e-15


@pytest.fixture(scope="module")
def short(states, tmp_path_factory):
    """VGG19 down to relu2_1."""
    file = tmp_path_factory.mktemp("normalised") / "short.pth"
    torch.save(dict(list(states["vgg19"].items())[:6]), file)
    return file


def test_normalised_on_loading(short, calibration):
    """In the convention it is asked for, and the same every time."""
    encoders = [load("vgg19", short, normalised=True, convention="caffe") for _ in range(2)]
    assert all(torch.equal(values, encoders[1].state_dict()[name]) for name, values in encoders[0].state_dict().items())
    as_trained = load("vgg19", short, convention="caffe")
    before, after = (mean_activations(encoder, calibration) for encoder in (as_trained, encoders[0]))
    for layer, means in after.items():
        loud = before[layer] > SILENT * before[layer].mean()
        assert loud.float().mean() > 0.9
        assert (means[loud] - 1).abs().max() < 1e-3


def test_normalised_already(short, tmp_path):
    """What is normalised, by its file's word or by its lineage, is taken as it is."""
    state = torch.load(short)
    save_file(state, tmp_path / "said.safetensors", metadata={"normalised": "true"})
    save_file(state, tmp_path / "unsaid.safetensors")
    names = [parameter.name for parameter in VGG19.parameters]
    torch.save(dict(zip(names, state.values(), strict=False)), tmp_path / "vgg_conv.pth")
    first = state["features.0.weight"]
    assert torch.equal(load("vgg19", tmp_path / "said.safetensors", normalised=True).conv1_1.weight, first)
    assert not torch.equal(load("vgg19", tmp_path / "unsaid.safetensors", normalised=True).conv1_1.weight, first)
    gatys = load("vgg19", tmp_path / "vgg_conv.pth", normalised=True)
    pixels = noise(9, 9)
    value = functional.conv2d(padded(seen(pixels, "caffe"), 1, "zeros"), first.double(), state["features.0.bias"].double())
    assert (gatys(pixels.float(), ("conv1_1",))["conv1_1"] - value).norm() < 1e-5 * value.norm()


def test_resnet_is_not_normalised(files):
    with pytest.raises(OptionError, match="normalised") as caught:
        load("resnet50", files["resnet50"], normalised=True)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.skipif(not TRUE.exists(), reason="the weights of VGG19 aren't in ../shared/weights beside the repository")
class TestTrueWeights:
    LAYERS = VGG19.layers[:12]  # to relu3_1
    VARIANT: ClassVar = {"convention": "caffe", "padding": "reflect", "normalised": True}

    def test_mean_activations(self):
        """About one, as they were normalised on other pictures."""
        encoder = load("vgg19", TRUE, **self.VARIANT)
        relus = [layer for layer in self.LAYERS if layer.startswith("relu")]
        features = [encoder(photograph(name, 256), relus) for name in examples.EXAMPLES]
        for layer in relus:
            channels = torch.stack([each[layer].mean((0, 2, 3)) for each in features]).mean(0)
            assert 0.7 < channels.mean() < 1.4, layer
            assert ((channels > 0.3) & (channels < 3)).float().mean() > 0.8, layer

    @pytest.mark.parametrize(("precision", "exact"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
    def test_features(self, precision, exact):
        """Against convolutions written out in numpy."""
        weights = {name: values.double().numpy() for name, values in load_file(TRUE).items()}
        pixels = photograph("astronaut", 64)
        x = (255 * pixels.double().flip(1)).numpy() - np.array([103.939, 116.779, 123.68])[:, None, None]
        features = load("vgg19", TRUE, precision, **self.VARIANT)(pixels, self.LAYERS)
        assert tuple(features) == self.LAYERS
        for layer in self.LAYERS:
            if layer.startswith("conv"):
                cells = sliding_window_view(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect"), (3, 3), axis=(2, 3))
                products = np.tensordot(cells, weights[f"{layer}.weight"], axes=((1, 4, 5), (1, 2, 3)))
                x = np.moveaxis(products, 3, 1) + weights[f"{layer}.bias"][:, None, None]
            elif layer.startswith("relu"):
                x = np.maximum(x, 0)
            else:
                x = sliding_window_view(x, (2, 2), axis=(2, 3))[:, :, ::2, ::2].max((4, 5))
            assert np.linalg.norm(features[layer].double().numpy() - x) < exact * np.linalg.norm(x), layer

    def test_the_input_is_what_the_file_says(self):
        """The file's own first layer turns a picture into what we feed the network."""
        weights = {name: values.double() for name, values in load_file(TRUE).items()}
        pixels = photograph("coffee", 64).double()
        value = functional.conv2d(pixels, weights["preprocess.weight"], weights["preprocess.bias"])
        assert (value - seen(pixels, "caffe")).abs().max() < 1e-3

    def test_they_were_normalised(self, tmp_path):
        """Our normalisation, on other pictures, finds little left to do."""
        numbers = {parameter.name: parameter.torchvision for parameter in VGG19.parameters}
        state = {numbers[name]: values for name, values in load_file(TRUE).items() if name in numbers}
        save_file(state, tmp_path / "torchvision.safetensors")
        encoder = load("vgg19", tmp_path / "torchvision.safetensors", **self.VARIANT)
        factors = encoder.conv1_1.bias / state["features.0.bias"]
        assert 0.5 < factors.median() < 2
        assert ((factors > 0.4) & (factors < 2.5)).float().mean() > 0.8

    def test_real_features_see_the_picture(self):
        """Two views of one photograph are alike, another photograph isn't: random weights can't tell by the same margin."""
        encoder = load("vgg19", TRUE, **self.VARIANT)

        def gram(pixels):
            x = encoder(pixels, ("relu3_1",))["relu3_1"][0].flatten(1)
            return x @ x.T / x.shape[1]

        cat, mirrored, cup = (
            gram(pixels) for pixels in (photograph("chelsea", 192), photograph("chelsea", 192).flip(3), photograph("coffee", 192))
        )
        assert (cat - mirrored).norm() < 0.5 * (cat - cup).norm()

    def test_the_file_ends_early(self):
        encoder = load("vgg19", TRUE, **self.VARIANT)
        assert encoder.layers == self.LAYERS
        with pytest.raises(EncoderError, match=rf"{TRUE.name} has no conv3_2.weight, which relu4_1 needs") as caught:
            encoder(photograph("chelsea", 32), ("relu1_1", "relu4_1"))
        assert len(str(caught.value).splitlines()) == 1
        assert math.isfinite(encoder(photograph("chelsea", 32), ("relu3_1",))["relu3_1"].sum())


def test_official_weights_in_caffes_convention(files, monkeypatch):
    """They see what they were trained with, and answer with activations as large as those of a network of 0 … 255."""
    monkeypatch.setattr(encoders, "fetch", lambda name, progress: files[name])
    trained, caffe = (
        encoders.load("vgg19", None, torch.device("cpu"), torch.float64, encoders.Variant(convention=convention)).encoder
        for convention in (None, "caffe")
    )
    picture = torch.rand(1, 3, 20, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    layers = ("conv1_1", "relu2_2", "pool3", "conv5_2")
    mine, theirs = caffe(picture, layers), trained(picture, layers)
    size = 255 * (0.229 + 0.224 + 0.225) / 3
    for layer in layers:
        torch.testing.assert_close(mine[layer], size * theirs[layer])
