"""The network that paints in one pass, against its formulas written with other functions."""

import numpy as np
import pytest
import torch
from small import few_styles
from torch.nn import functional

from impasto.feedforward import networks
from impasto.feedforward.fast import ConditionalNorm, Norms

FIRST, SECOND = (torch.tensor([row], dtype=torch.float64) for row in ([1.0, 0.0], [0.0, 1.0]))
NORMS = 2 + 1 + 2 * 5 + 1 + 2 + 2  # head, descent, blocks, ascent, contours and tail


@pytest.fixture(scope="module")
def network():
    return few_styles(width=3).double()


def picture(height=24, width=32, count=1, seed=0):
    return torch.rand(count, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("given", [False, True])
def test_conditional_norm(given):
    generator = np.random.default_rng(0)
    x, shares = generator.normal(2, 3, (2, 4, 5, 6)), generator.random((2, 3))
    norm = ConditionalNorm(4, 3).double()
    with torch.no_grad():
        norm.scale.copy_(torch.from_numpy(generator.normal(size=(3, 4))))
        norm.shift.copy_(torch.from_numpy(generator.normal(size=(3, 4))))
    mean, variance = (generator.random((2, 4)), generator.random((2, 4))) if given else (x.mean((2, 3)), x.var((2, 3)))
    expected = np.empty_like(x)
    for n in range(2):
        for c in range(4):
            scale = sum(shares[n, s] * norm.scale[s, c].item() for s in range(3))
            shift = sum(shares[n, s] * norm.shift[s, c].item() for s in range(3))
            expected[n, c] = scale * (x[n, c] - mean[n, c]) / np.sqrt(variance[n, c] + 1e-5) + shift
    known = [tuple(torch.from_numpy(moment)[:, :, None, None] for moment in (mean, variance))]
    norms = Norms(torch.from_numpy(shares), known if given else None)
    found = norm(torch.from_numpy(x), norms)
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-10, atol=1e-12)
    ((its_mean, its_variance),) = norms.found
    np.testing.assert_allclose(its_mean[:, :, 0, 0], mean, rtol=1e-12)
    np.testing.assert_allclose(its_variance[:, :, 0, 0], variance, rtol=1e-12)


def test_painting_is_the_formula(network):
    """Johnson et al.'s, an octave deeper, and with contours on the way back."""
    content, state = picture(), network.state_dict()

    def stage(x, name, stride=1, relu=True):
        weight = state[f"{name}.convolution.weight"]
        x = functional.instance_norm(functional.conv2d(functional.pad(x, (weight.shape[2] // 2,) * 4), weight, stride=stride))
        x = x * state[f"{name}.norm.scale"][1].view(1, -1, 1, 1) + state[f"{name}.norm.shift"][1].view(1, -1, 1, 1)
        return x.clamp_min(0) if relu else x

    def residual(x, name):
        return x + stage(stage(x, f"{name}.first"), f"{name}.second", relu=False)

    def twice(x):
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)

    contours = stage(stage(2 * content - 1, "head.0", 2), "head.1", 2)
    assert contours.shape == (1, 12, 6, 8)
    x = stage(contours, "descent", 2)
    assert x.shape == (1, 18, 3, 4)
    for n in range(5):
        x = residual(x, f"blocks.{n}")
    x = residual(stage(twice(x), "ascent", relu=False) + contours, "contours")
    for n in range(2):
        x = stage(twice(x), f"tail.{n}")
    x = functional.conv2d(x, state["finish.weight"], state["finish.bias"], padding=2)
    expected = 0.5 + 0.6 * (1 - 2 / (torch.exp(2 * x) + 1))
    torch.testing.assert_close(network(content, SECOND), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [(8, 16), (64, 64), (16, 120)])
def test_every_size(network, size):
    content = picture(*size, count=2)
    painted = network(content, FIRST)
    assert painted.shape == content.shape
    assert painted.isfinite().all()
    assert -0.1 <= painted.min() <= painted.max() <= 1.1


def test_every_picture_has_its_own_shares(network):
    content, shares = picture(count=3), torch.tensor([[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]], dtype=torch.float64)
    alone = torch.cat([network(content[n : n + 1], shares[n : n + 1]) for n in range(3)])
    torch.testing.assert_close(network(content, shares), alone, rtol=1e-9, atol=1e-9)
    same = picture().repeat(3, 1, 1, 1)
    first, between, second = network(same, shares)
    assert (first - second).abs().max() > 0.1
    assert min((first - between).abs().max(), (second - between).abs().max()) > 0.01


def test_look_paints_and_finds_every_statistic(network):
    content = picture()
    painted, found = network.look(content, SECOND)
    assert torch.equal(painted, network(content, SECOND))
    assert len(found) == NORMS
    head = functional.conv2d(functional.pad(2 * content - 1, (2,) * 4), network.head[0].convolution.weight, stride=2)[0].numpy()
    np.testing.assert_allclose(found[0][0][0, :, 0, 0], head.mean((1, 2)), rtol=1e-9)
    np.testing.assert_allclose(found[0][1][0, :, 0, 0], head.var((1, 2)), rtol=1e-9)


def test_painting_goes_by_the_statistics_that_are_given(network):
    content = picture()
    _, own = network.look(content, FIRST)
    _, others = network.look(1 - picture(seed=1) ** 2, FIRST)
    assert torch.equal(network(content, FIRST, own), network(content, FIRST))
    assert (network(content, FIRST, others) - network(content, FIRST)).abs().max() > 0.01


def test_half_precision_keeps_statistics():
    """Under autocast a mean of thousands of values is as exact as in float32, and the painting isn't rounded to 8 bits."""
    network, content, shares = few_styles(width=3), picture(64, 64).float(), FIRST.float()
    with torch.autocast("cpu", torch.bfloat16):
        painted, found = network.look(content, shares)
    assert painted.dtype == torch.float32
    assert {x.dtype for pair in found for x in pair} == {torch.float32}
    assert (painted - network(content, shares)).abs().mean() < 0.02


def test_model_file(tmp_path):
    network = few_styles(("night", "day"), width=3)
    networks.write(network, tmp_path / "m.safetensors", {"steps": 3})
    model = networks.read(tmp_path / "m.safetensors", "fast")
    assert model.network.architecture == network.architecture
    assert model.network.architecture.styles == ("night", "day")
    assert model.settings == {"steps": 3}
    assert torch.equal(model.network(picture().float(), FIRST.float()), network(picture().float(), FIRST.float()))
