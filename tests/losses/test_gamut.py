"""The soft border of the colour space and its gradient against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import Gamut


def outside(x):
    """How far each value is from [0, 1]."""
    return np.where(x < 0, x, np.where(x > 1, x - 1, 0.0))


@pytest.mark.parametrize("shape", [(1, 3, 7, 5), (1, 3, 1, 9), (1, 3, 1, 1)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_value_and_gradient(shape, layout):
    pixels = np.random.default_rng(0).normal(0.5, 1, shape)
    canvas = torch.from_numpy(pixels).to(torch.float32, memory_format=layout).requires_grad_()
    loss = Gamut()(canvas, {}, {})
    loss.backward()
    exact = canvas.detach().double().numpy()
    expected = 2 * outside(exact) / exact.size
    assert loss.shape == ()
    assert loss.item() == pytest.approx((outside(exact) ** 2).mean(), rel=1e-5)
    assert np.linalg.norm(canvas.grad.double().numpy() - expected) <= 1e-5 * np.linalg.norm(expected)


def test_inside_is_free():
    canvas = torch.linspace(0, 1, 3 * 4 * 5).view(1, 3, 4, 5).requires_grad_()
    loss = Gamut()(canvas, {}, {})
    loss.backward()
    assert loss.item() == 0
    assert not canvas.grad.any()


def test_needs_no_source():
    assert Gamut.source is None
    assert Gamut().layers == ()
    assert (Gamut.name, Gamut.role) == ("gamut", "gamut")
