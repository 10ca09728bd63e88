"""The network that paints in one pass, against its formulas written with other functions."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from impasto.feedforward import models
from impasto.feedforward.fast import Architecture, ConditionalNorm, Fast, Stage, pad


def network(styles=("a", "b"), width=3, blocks=2, seed=0):
    """A network whose styles differ."""
    torch.manual_seed(seed)
    made = Fast(Architecture(styles, width, blocks)).double()
    for part in made.modules():
        if isinstance(part, ConditionalNorm):
            torch.nn.init.normal_(part.scale, 1, 0.3)
            torch.nn.init.normal_(part.shift, 0, 0.3)
    return made.requires_grad_(False)


def picture(height=16, width=20, count=1, seed=0):
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
    told = (torch.from_numpy(mean), torch.from_numpy(variance)) if given else None
    found = norm(torch.from_numpy(x), torch.from_numpy(shares), told)
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-10, atol=1e-12)


def test_network_is_johnsons():
    made, content = network(), picture()
    state = made.state_dict()

    def stage(x, name, stride=1, relu=True):
        weight = state[f"{name}.convolution.weight"]
        x = functional.pad(x, (weight.shape[2] // 2,) * 4, mode="reflect")
        x = functional.instance_norm(functional.conv2d(x, weight, stride=stride))
        x = x * state[f"{name}.norm.scale"][1].view(1, -1, 1, 1) + state[f"{name}.norm.shift"][1].view(1, -1, 1, 1)
        return x.clamp_min(0) if relu else x

    x = stage(content, "head.0")
    x = stage(stage(x, "head.1", 2), "head.2", 2)
    assert x.shape == (1, 12, 4, 5)
    for n in range(2):
        x = x + stage(stage(x, f"blocks.{n}.first"), f"blocks.{n}.second", relu=False)
    for n in range(2):
        x = stage(x.repeat_interleave(2, 2).repeat_interleave(2, 3), f"tail.{n}")
    x = functional.conv2d(functional.pad(x, (4,) * 4, mode="reflect"), state["finish.convolution.weight"], state["finish.convolution.bias"])
    expected = 0.5 + 0.6 * (1 - 2 / (torch.exp(2 * x) + 1))
    torch.testing.assert_close(made(content, torch.tensor([[0.0, 1.0]], dtype=torch.float64)), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (3, 30), (17, 22)])
def test_every_size(size):
    content = picture(*size, count=2)
    painted = network()(content)
    assert painted.shape == content.shape
    assert painted.isfinite().all()
    assert -0.1 <= painted.min() <= painted.max() <= 1.1


def test_size_is_padded_by_repetition():
    made, content = network(), picture(14, 19)
    rows, columns = [*range(14), 13, 13], [*range(19), 18]
    torch.testing.assert_close(made(content), made(content[:, :, rows][:, :, :, columns])[:, :, :14, :19])


def test_first_style_alone_is_the_default():
    made, content = network(), picture()
    assert torch.equal(made(content), made(content, torch.tensor([[1.0, 0.0]], dtype=torch.float64)))
    assert not torch.allclose(made(content), made(content, torch.tensor([[0.0, 1.0]], dtype=torch.float64)))


def test_every_picture_has_its_own_shares():
    made, content = network(), picture(count=3)
    shares = torch.tensor([[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]], dtype=torch.float64)
    alone = torch.cat([made(content[n : n + 1], shares[n : n + 1]) for n in range(3)])
    torch.testing.assert_close(made(content, shares), alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rectified", [True, False])
def test_stage_in_two_halves(rectified):
    """A tile of what was convolved, completed by the whole's statistics, is that tile of the outcome."""
    stage = Stage(3, 4, 1, upsampling=2, rectified=rectified).double()
    x, shares = picture(), torch.ones(1, 1, dtype=torch.float64)
    convolved = stage.convolve(x)
    assert convolved.shape == (1, 4, 32, 40)
    statistics = convolved.mean((2, 3)), convolved.var((2, 3), correction=0)
    tile = stage.complete(convolved[:, :, 3:9, 5:11], shares, statistics)
    torch.testing.assert_close(tile, stage(x, shares)[:, :, 3:9, 5:11], rtol=1e-9, atol=1e-9)
    assert (tile.min() >= 0) == rectified


def test_short_sides_are_repeated():
    x = torch.arange(6.0).view(1, 1, 2, 3)
    assert pad(x, 1)[0, 0].tolist() == [[4, 3, 4, 5, 4], [1, 0, 1, 2, 1], [4, 3, 4, 5, 4], [1, 0, 1, 2, 1]]
    assert pad(x, 2)[0, 0, 2].tolist() == [0, 0, 0, 1, 2, 2, 2]


def test_half_precision_keeps_statistics():
    """Under autocast a mean of thousands of values is as exact as in float32, and the painting isn't rounded to 8 bits."""
    made, content = network().float(), picture(64, 64).float()
    with torch.autocast("cpu", torch.bfloat16):
        painted = made(content)
    assert painted.dtype == torch.float32
    assert (painted - made(content)).abs().mean() < 0.02


def test_model_file(tmp_path):
    made = network(styles=("night", "day")).float()
    models.write(made, tmp_path / "m.safetensors", {"steps": 3})
    model = models.read(tmp_path / "m.safetensors", "fast")
    assert model.network.architecture == made.architecture
    assert model.network.architecture.styles == ("night", "day")
    assert model.settings == {"steps": 3}
    assert torch.equal(model.network(picture().float()), made(picture().float()))
