"""Total variation and its gradient against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import TotalVariation

SHAPES = [(1, 3, 7, 5), (1, 3, 1, 9), (1, 3, 9, 1), (1, 3, 2, 2)]


def formula(x, beta=2.0, units=1.0, mean=True, border=True):
    x = x * units
    _, _, height, width = x.shape
    total = 0.0
    for y in range(height if border else height - 1):
        for column in range(width if border else width - 1):
            square = np.zeros(x.shape[:2])
            if y + 1 < height:
                square += (x[:, :, y + 1, column] - x[:, :, y, column]) ** 2
            if column + 1 < width:
                square += (x[:, :, y, column + 1] - x[:, :, y, column]) ** 2
            total += (square ** (beta / 2)).sum()
    return total / x.size if mean else total


def slopes(x, step=1e-5, **settings):
    """The gradient by central differences."""
    result = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[at] += step
        down[at] -= step
        result[at] = (formula(up, **settings) - formula(down, **settings)) / (2 * step)
    return result


SETTINGS = [
    {},
    {"beta": 2.5, "units": 255.0, "mean": False, "border": False},  # Keras' example
    {"beta": 2.0, "units": 120.0, "mean": False},  # Mahendran & Vedaldi
    {"beta": 3.0, "mean": False},
    {"beta": 1.0},
    {"beta": 2.0, "border": False},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-8)])
def test_value_and_gradient(settings, shape, layout, precision, tolerance):
    pixels = np.random.default_rng(0).random(shape)
    canvas = torch.from_numpy(pixels).to(precision, memory_format=layout).requires_grad_()
    loss = TotalVariation(**settings)(canvas, {}, {})
    loss.backward()
    exact = canvas.detach().double().numpy()
    expected = slopes(exact, **settings)
    assert loss.shape == ()
    # Below an exponent of 1 flat places count as if they weren't quite flat.
    flat = 1e-6 if settings.get("beta", 2) < 2 else 0
    assert loss.item() == pytest.approx(formula(exact, **settings), rel=tolerance, abs=flat)
    assert np.linalg.norm(canvas.grad.double().numpy() - expected) <= tolerance * np.linalg.norm(expected)


@pytest.mark.parametrize("beta", [1.0, 2.0, 2.5])
@pytest.mark.parametrize("border", [True, False])
@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (1, 3, 6, 4)])
def test_flat_pictures_have_no_slope(beta, border, shape):
    canvas = torch.full(shape, 0.25, requires_grad=True)
    loss = TotalVariation(beta=beta, border=border)(canvas, {}, {})
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert not canvas.grad.any()


def test_needs_no_source():
    assert TotalVariation.source is None
    assert TotalVariation().layers == ()
    assert (TotalVariation.name, TotalVariation.role) == ("tv", "tv")


@pytest.mark.parametrize("precision", [torch.float64, torch.bfloat16])
def test_of_features(precision):
    """Where the term names layers, neighbouring features are to differ little."""
    random = np.random.default_rng(0)
    features = {
        layer: torch.from_numpy(random.normal(size=shape)).to(precision) for layer, shape in (("a", (1, 5, 4, 6)), ("b", (1, 2, 3, 3)))
    }
    term = TotalVariation(layers=("a", "b"), layer_weights=(0.5, 2.0))
    loss = term(torch.zeros(1, 3, 8, 8), features, {})
    expected = 0.5 * formula(features["a"].double().numpy()) + 2 * formula(features["b"].double().numpy())
    assert loss.dtype == (torch.float64 if precision == torch.float64 else torch.float32)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
