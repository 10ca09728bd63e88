"""Total variation and its gradient against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import TotalVariation

SHAPES = [(1, 3, 7, 5), (1, 3, 1, 9), (1, 3, 9, 1), (1, 3, 2, 2)]


def formula(x):
    total = 0.0
    for y in range(x.shape[2]):
        for column in range(x.shape[3]):
            if y + 1 < x.shape[2]:
                total += ((x[:, :, y + 1, column] - x[:, :, y, column]) ** 2).sum()
            if column + 1 < x.shape[3]:
                total += ((x[:, :, y, column + 1] - x[:, :, y, column]) ** 2).sum()
    return total / x.size


def slopes(x, step=1e-5):
    """The gradient by central differences, which are exact for a quadratic."""
    result = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[at] += step
        down[at] -= step
        result[at] = (formula(up) - formula(down)) / (2 * step)
    return result


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_value_and_gradient(shape, layout, precision):
    pixels = np.random.default_rng(0).random(shape)
    canvas = torch.from_numpy(pixels).to(precision, memory_format=layout).requires_grad_()
    loss = TotalVariation()(canvas, {}, {})
    loss.backward()
    exact = canvas.detach().double().numpy()
    expected = slopes(exact)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(formula(exact), rel=1e-5)
    assert np.linalg.norm(canvas.grad.double().numpy() - expected) <= 1e-5 * np.linalg.norm(expected)


def test_one_pixel_has_no_neighbours():
    canvas = torch.rand(1, 3, 1, 1, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = TotalVariation()(canvas, {}, {})
    loss.backward()
    assert loss.item() == 0
    assert not canvas.grad.any()


def test_needs_no_source():
    assert TotalVariation.source is None
    assert TotalVariation().layers == ()
    assert TotalVariation.name == "tv"
