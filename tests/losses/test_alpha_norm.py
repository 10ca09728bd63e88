"""The α-norm and its gradient against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import AlphaNorm


@pytest.mark.parametrize(("alpha", "centre", "units"), [(6.0, 0.5, 1.0), (6.0, 0.4, 255.0), (3.0, 0.0, 1.0), (1.0, 0.5, 1.0)])
@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("shape", [(1, 3, 7, 5), (1, 3, 1, 1)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_value_and_gradient(alpha, centre, units, mean, shape, layout, precision, tolerance):
    pixels = np.random.default_rng(0).random(shape)
    canvas = torch.from_numpy(pixels).to(precision, memory_format=layout).requires_grad_()
    loss = AlphaNorm(alpha=alpha, centre=centre, units=units, mean=mean)(canvas, {}, {})
    loss.backward()
    distance = (canvas.detach().double().numpy() - centre) * units
    count = distance.size if mean else 1
    gradient = alpha * np.abs(distance) ** (alpha - 1) * np.sign(distance) * units / count
    assert loss.shape == ()
    assert loss.item() == pytest.approx((np.abs(distance) ** alpha).sum() / count, rel=tolerance)
    assert np.linalg.norm(canvas.grad.double().numpy() - gradient) <= tolerance * np.linalg.norm(gradient)


def test_grey_is_free():
    canvas = torch.full((1, 3, 4, 5), 0.5, requires_grad=True)
    loss = AlphaNorm()(canvas, {}, {})
    loss.backward()
    assert loss.item() == 0
    assert not canvas.grad.any()


def test_needs_no_source():
    assert AlphaNorm.source is None
    assert (AlphaNorm.name, AlphaNorm.role) == ("alpha", "alpha")
