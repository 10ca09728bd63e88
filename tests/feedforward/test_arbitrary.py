"""The network that paints in any style, against its formulas written with other functions."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from small import WIDTHS, any_style
from torch import nn
from torch.nn import functional

from impasto import encoders
from impasto.feedforward import networks
from impasto.feedforward.arbitrary import Architecture, Modulated, Pieces, carried, look
from impasto.feedforward.carry import monge
from impasto.feedforward.muon import Muon
from impasto.feedforward.names import CARRIED, COLOUR, MARGIN, SEEN, SIGHT
from impasto.feedforward.statistics import moments

DEEP, MIDDLE = WIDTHS["relu4_1"], WIDTHS["relu3_1"]


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def known(count=1, seed=0):
    """Statistics of random colours and features."""
    return {name: moments(2 * random(count, n, 9, 9, seed=seed + n)) for name, n in {COLOUR: 3, **WIDTHS}.items()}


def pieces(count=1, number=7, seed=0):
    return Pieces(2 * random(count, number, DEEP, seed=seed), 2 * random(count, number, 4 * MIDDLE, seed=seed + 1))


def given(count=1, height=48, width=40, seed=0):
    """A picture, its features and the noise."""
    features = {"relu3_1": 2 * random(count, MIDDLE, height // 4, width // 4), "relu4_1": 2 * random(count, DEEP, height // 8, width // 8)}
    generator = torch.Generator().manual_seed(seed)
    noise = [torch.randn(count, 2, height // scale, width // scale, generator=generator) for scale in (2, 4, 8)]
    return random(count, 3, height, width, seed=seed), features, noise


def painted(network, count=1, own=0, style=50, of=70, size=(48, 40), noise=0, half=False):
    """What is painted of a random content with statistics, style and pieces of these seeds."""
    picture, features, grains = given(count, *size)
    told = network.told(known(count, own), known(count, style), pieces(count, seed=of), torch.zeros(count, 7))
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        return network(picture, features, told, [noise + grain for grain in grains])


def smooth(noise):
    """Means of three, twice, along both sides, with zeros beyond, and as strong as before."""
    for axis in (1, 1, 2, 2):
        wide = np.pad(noise, [(int(n == axis),) * 2 for n in range(3)])
        noise = sum(np.roll(wide, shift, axis) for shift in (-1, 0, 1)).take(range(1, wide.shape[axis] - 1), axis) / 3
    return noise * 81 / 19


@pytest.fixture(scope="module")
def network():
    return any_style()


def rectified(x):
    return np.where(x > 0, x, 0.2 * x)


def modulated(layer, code):
    """A layer's weights and bias for a code ``[K]``, in float64."""
    weight = layer.weight.double().numpy()
    scale = 1 + (layer.scale.weight.double() @ code + layer.scale.bias).numpy()
    weight = weight * scale[None, :, None, None]
    weight = weight / np.sqrt((weight**2).sum((1, 2, 3), keepdims=True) + 1e-6)
    return weight, (layer.shift.weight.double() @ code + layer.shift.bias).numpy()


def convolved(x, layer, code):
    """``x`` ``[C, h, w]`` through a modulated convolution, in float64."""
    weight, shift = modulated(layer, code)
    reach = weight.shape[2] // 2
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach)), "edge" if layer.repeated else "constant")
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], (1, 2))
    return np.einsum("oikl,ihwkl->ohw", weight, windows, optimize=True) + shift[:, None, None]


def twice(x):
    """Twice as large along both sides, as the weights of bilinear interpolation say."""
    for axis in (1, 2):
        x = np.moveaxis(x, axis, 0)
        before, after = np.concatenate([x[:1], x[:-1]]), np.concatenate([x[1:], x[-1:]])
        x = np.moveaxis(np.stack([0.25 * before + 0.75 * x, 0.75 * x + 0.25 * after], 1).reshape(-1, *x.shape[1:]), 0, axis)
    return x


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_modulated_convolution(count, repeated):
    torch.manual_seed(1)
    layer = Modulated(4, 5, code=6, repeated=repeated).requires_grad_(False)
    x, code = torch.randn(count, 4, 7, 6), torch.randn(count, 6)
    found = layer(x, code)
    for row in range(count):
        assert_allclose(found[row], convolved(x[row].double().numpy(), layer, code[row].double()), atol=1e-5)


def test_code_is_the_formula(network):
    style = known()
    described = []
    for name, (mean, covariance) in style.items():
        m, c = mean[0].double().numpy(), covariance[0].double().numpy()
        if name == COLOUR:
            described += [2 * m - 1, [10 * c[i, j] for i in range(3) for j in range(i, 3)]]
            continue
        directions = network.projections[name].double().numpy()
        rows = [[a @ c @ b for b in directions] for a in directions]
        pairs = [rows[i][j] for i in range(len(rows)) for j in range(i, len(rows))]
        described += [np.log(np.maximum(m, 0) + 0.05), np.log(np.sqrt(np.diag(c)) + 0.05), np.arcsinh(pairs)]
    x = np.concatenate(described)
    for layer in (network.describe, network.encode):
        x = rectified(layer.weight.double().numpy() @ x + layer.bias.double().numpy())
    assert_allclose(network.code(style)[0], x, rtol=1e-4, atol=1e-5)


def recalled(network, deep, centre, style, bias):
    """Chen & Schmidt's swap of every place of ``[C, h, w]``, made soft."""
    places = deep.reshape(len(deep), -1).T - centre
    keys = style.deep[0].double().numpy() - centre
    likeness = (places / np.linalg.norm(places, axis=1, keepdims=True)) @ (keys / np.linalg.norm(keys, axis=1, keepdims=True)).T
    weights = np.exp(np.exp(float(network.sharpness)) * likeness) * np.exp(bias)
    weights /= weights.sum(1, keepdims=True)
    detail = style.detail[0].double().numpy() @ network.detail.weight.double().numpy().T + network.detail.bias.double().numpy()
    found = weights @ np.concatenate([style.deep[0].double().numpy(), detail], 1)
    return found.T.reshape(-1, *deep.shape[1:])


def test_recall_is_the_formula(network):
    style, deep, bias = pieces(), 2 * random(1, DEEP, 5, 6, seed=9), torch.tensor([[0.0, -1, 2, 0, 0, 1, -3]])
    told = network.told(known(), known(seed=50), style, bias)
    centre = known(seed=50)["relu4_1"][0][0].double().numpy()
    expected = recalled(network, deep[0].double().numpy(), centre, style, bias[0].double().numpy())
    assert_allclose(network.recall(deep, told)[0], expected, atol=1e-4)


def test_painting_is_the_formula(network):
    """Coarse to fine, by convolutions written with other functions."""
    (picture, features, noise), own, style, its = given(), known(), known(seed=50), pieces(seed=70)
    code = network.code(style)[0].double()
    colour, middle, deep = (
        np.einsum("ij,jhw->ihw", matrix[0].double().numpy(), x[0].double().numpy()) + offset[0].double().numpy()[:, None, None]
        for x, (matrix, offset) in zip(
            (picture, *features.values()), (monge(own[name], style[name]) for name in (COLOUR, *CARRIED)), strict=True
        )
    )
    fine, *grains = [x[0].double().numpy() for x in noise]
    grains = [smooth(x) for x in grains]

    def blocks(x, among):
        for block in among:
            x = x + convolved(rectified(convolved(rectified(x), block.first, code)), block.second, code)
        return x

    def risen(x, layer):
        return convolved(twice(rectified(x)), layer, code)

    centre = style["relu4_1"][0][0].double().numpy()
    entering = np.concatenate([deep, recalled(network, deep, centre, its, np.zeros(7)), grains[1]])
    x = blocks(convolved(entering, network.enter8, code), network.blocks8)
    x = blocks(risen(x, network.rise4) + convolved(np.concatenate([middle, grains[0]]), network.enter4, code), network.blocks4)
    _, height, width = colour.shape
    halves = (2 * colour - 1).reshape(3, height // 2, 2, width // 2, 2).transpose(0, 2, 4, 1, 3).reshape(12, height // 2, -1)
    x = blocks(risen(x, network.rise2) + convolved(np.concatenate([halves, fine]), network.enter2, code), network.blocks2)
    x = convolved(rectified(risen(x, network.rise1)), network.finish, code)
    expected = 0.5 + network.gain[0].double().numpy() * x
    found = painted(network)[0].numpy()
    assert np.ptp(found) > 0.5
    assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("changed", [{"own": 3}, {"style": 9}, {"of": 11}, {"noise": 0.5}], ids=str)
def test_all_that_it_is_told_counts(network, changed):
    assert (painted(network) - painted(network, **changed)).abs().max() > 0.01


@pytest.mark.parametrize("size", [(8, 8), (16, 72), (80, 24)])
def test_any_size(network, size):
    found = painted(network, size=size)
    assert found.shape == (1, 3, *size)
    assert found.isfinite().all()


def test_a_batch_is_painted_one_by_one(network):
    """The way it is trained against the way it paints."""
    (picture, features, noise), own, style, its = given(2), known(2), known(2, 50), pieces(2, seed=70)
    together = painted(network, 2)
    for n in range(2):
        one = slice(n, n + 1)
        statistics = [{name: (mean[one], covariance[one]) for name, (mean, covariance) in which.items()} for which in (own, style)]
        told = network.told(*statistics, Pieces(its.deep[one], its.detail[one]), torch.zeros(1, 7))
        alone = network(picture[one], {name: x[one] for name, x in features.items()}, told, [x[one] for x in noise])
        assert_allclose(together[n], alone[0], atol=1e-3)


def test_pieces_that_are_said_to_be_unlikely_are_not_recalled(network):
    both = pieces(number=8)
    first = Pieces(both.deep[:, :3], both.detail[:, :3])
    own, style, deep = known(), known(seed=50), 2 * random(1, DEEP, 4, 4)
    bias = torch.cat([torch.zeros(1, 3), torch.full((1, 5), -1e4)], 1)
    found = network.recall(deep, network.told(own, style, both, bias))
    assert_allclose(found, network.recall(deep, network.told(own, style, first, torch.zeros(1, 3))), atol=1e-5)


def test_half_precision_paints_nearly_the_same(network):
    exact, rough = painted(network), painted(network, half=True)
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().mean() < 0.1 * (exact - 0.5).abs().mean()


def test_look_keeps_the_margin_of_features_and_leaves_it_out_of_statistics():
    encoder = encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder
    picture = functional.pad(random(1, 3, 40, 56), (MARGIN + SIGHT,) * 4, "replicate")
    seen = encoder(picture, SEEN)
    features, found = look(picture, seen)
    assert list(found) == [COLOUR, *SEEN]
    assert {layer: x.shape[2:] for layer, x in features.items()} == {"relu3_1": (18, 22), "relu4_1": (9, 11)}
    for name, margin, x in zip(found, (32, 32, 16, 8, 4), (picture, *seen.values()), strict=True):
        rows = x[0, :, margin:-margin, margin:-margin].flatten(1).double().numpy()
        assert_allclose(found[name][0][0], rows.mean(1), atol=1e-5)
        assert_allclose(found[name][1][0], np.cov(rows, bias=True), atol=1e-4)
    for layer, beyond in zip(CARRIED, (4, 2), strict=True):
        assert torch.equal(features[layer], seen[layer][:, :, beyond:-beyond, beyond:-beyond])


def test_carried():
    x, matrix, offset = random(2, 4, 5, 3), random(2, 4, 4, seed=1), random(2, 4, seed=2)
    expected = np.einsum("nij,njhw->nihw", matrix, x) + offset.numpy()[:, :, None, None]
    assert_allclose(carried(x, (matrix, offset)), expected, rtol=1e-5)
    assert carried(x.bfloat16(), (matrix, offset)).dtype == torch.bfloat16


def test_model_file(tmp_path, network):
    networks.write(network, tmp_path / "m.safetensors", {"steps": 3}, precision=torch.float16)
    model = networks.read(tmp_path / "m.safetensors", "arbitrary")
    assert model.network.architecture == Architecture(WIDTHS, widths=[12, 10, 8, 6], hidden=16, code=8)
    assert_allclose(painted(model.network), painted(network), atol=0.02)


# Training


@pytest.mark.parametrize("shape", [(6, 10), (10, 6), (4, 2, 3, 3)])
def test_muon_orthogonalises_its_updates(shape):
    parameter = nn.Parameter(torch.zeros(shape))
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    optimiser = Muon([parameter], lr=0.5, momentum=0.9)
    parameter.grad = gradient.clone()
    optimiser.step()
    u, _, vh = np.linalg.svd(gradient.flatten(1).double().numpy(), full_matrices=False)
    rows, columns = gradient.flatten(1).shape
    update = -parameter.detach().flatten(1).double().numpy() / (0.5 * max(1, rows / columns) ** 0.5)
    # Five iterations bring singular values near 1, not onto it.
    strengths = np.diag(u.T @ update @ vh.T)
    assert_allclose(update, (u * strengths) @ vh, atol=1e-3)
    assert strengths.min() > 0.6
    assert strengths.max() < 1.3
