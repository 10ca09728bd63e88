"""The Wasserstein-2 distance of moments and its gradient against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import Moments

PIXELS = torch.zeros(1, 3, 2, 2)
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def noise(shape, seed, precision=torch.float32, layout=torch.contiguous_format):
    """Features whose channels have something to do with each other."""
    random = np.random.default_rng(seed)
    mixed = np.einsum("ij,njyx->niyx", random.normal(size=(shape[1],) * 2), random.normal(0.5, 1, shape))
    return torch.from_numpy(mixed).to(precision, memory_format=layout)


def target(term, style):
    return term.target(PIXELS, lambda picture, layers: {layer: style[layer] for layer in layers})


def moments(x):
    rows = x[0].reshape(x.shape[1], -1)
    return rows.mean(axis=1), np.atleast_2d(np.cov(rows, bias=True))


def root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


def full(x, style):
    """The distance by the eigenvalues of the product of both covariances, and its gradient by the optimal map."""
    (mean, covariance), (his_mean, his_covariance) = moments(x), moments(style)
    common = np.sqrt(np.maximum(np.linalg.eigvals(covariance @ his_covariance).real, 0)).sum()
    value = ((mean - his_mean) ** 2).sum() + np.trace(covariance) + np.trace(his_covariance) - 2 * common
    half = root(covariance)
    inverse = np.linalg.inv(half)
    transport = inverse @ root(half @ his_covariance @ half) @ inverse  # moves the canvas's Gaussian onto the style's
    rows = x[0].reshape(x.shape[1], -1)
    slopes = (np.eye(len(mean)) - transport) @ (rows - mean[:, None]) + (mean - his_mean)[:, None]
    return value, (2 / rows.shape[1] * slopes).reshape(x.shape)


def diagonal(x, style):
    """The distance channel by channel; the optimal map is a factor and a shift."""
    value, gradient = 0.0, np.zeros_like(x)
    for channel in range(x.shape[1]):
        values, his = x[0, channel], style[0, channel]
        value += (values.mean() - his.mean()) ** 2 + (values.std() - his.std()) ** 2
        moved = (values - values.mean()) * his.std() / values.std() + his.mean()
        gradient[0, channel] = 2 / values.size * (values - moved)
    return value, gradient


FORMULAS = {"full": full, "diagonal": diagonal}


@pytest.mark.parametrize("covariance", FORMULAS)
@pytest.mark.parametrize("scale", ["relative", "sum"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("sizes", [((9, 7), (9, 7)), ((5, 8), (11, 9)), ((1, 50), (30, 1))])
@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_value_and_gradient(covariance, scale, layout, sizes, precision, tolerance):
    layers, widths, weights = ("relu1_1", "relu4_1"), (5, 3), (2.0, 0.25)
    term = Moments(layers=layers, layer_weights=weights, covariance=covariance, scale=scale)
    canvas = {layer: noise((1, width, *sizes[0]), 0, precision, layout) for layer, width in zip(layers, widths, strict=True)}
    style = {layer: noise((1, width, *sizes[1]), 1, precision, layout) for layer, width in zip(layers, widths, strict=True)}
    for x in canvas.values():
        x.requires_grad_()
    loss = term(PIXELS, canvas, target(term, style))
    loss.backward()
    total = 0.0
    for weight, layer in zip(weights, layers, strict=True):
        x, s = canvas[layer].detach().double().numpy(), style[layer].double().numpy()
        value, gradient = FORMULAS[covariance](x, s)
        factor = weight / ((s**2).mean(axis=(2, 3)).sum() if scale == "relative" else 1)
        total += factor * value
        error = np.linalg.norm(canvas[layer].grad.double().numpy() - factor * gradient)
        assert error <= tolerance * np.linalg.norm(factor * gradient)
    assert loss.shape == ()
    assert loss.dtype == precision
    assert loss.item() == pytest.approx(total, rel=tolerance)


@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 5e-3), (torch.float64, 1e-6)])
@pytest.mark.parametrize("size", [(2, 3), (1, 1)])
def test_fewer_positions_than_channels(precision, tolerance, size):
    """The common part is the sum of the singular values of `Σ_s^½ F`, with the slopes that those have."""
    canvas, style = noise((1, 12, *size), 0, precision).requires_grad_(), noise((1, 12, 6, 6), 1, precision)
    term = Moments(layers=("relu4_1",), scale="sum")
    loss = term(PIXELS, {"relu4_1": canvas}, target(term, {"relu4_1": style}))
    loss.backward()
    rows, (his_mean, his_covariance) = canvas.detach().double().numpy()[0].reshape(12, -1), moments(style.double().numpy())
    positions, mean = rows.shape[1], rows.mean(axis=1, keepdims=True)
    centred, half = rows - mean, root(his_covariance)
    left, values, right = np.linalg.svd(half @ centred, full_matrices=False)
    kept = values > 1e-9
    value = ((mean[:, 0] - his_mean) ** 2).sum() + (centred**2).sum() / positions + np.trace(his_covariance)
    value -= 2 * values.sum() / np.sqrt(positions)
    gradient = 2 / positions * (centred + mean - his_mean[:, None])
    gradient -= 2 / np.sqrt(positions) * half @ left[:, kept] @ right[kept]
    assert loss.item() == pytest.approx(value, rel=tolerance)
    assert np.linalg.norm(canvas.grad.double().numpy()[0].reshape(12, -1) - gradient) <= tolerance * np.linalg.norm(gradient)


@pytest.mark.parametrize("covariance", FORMULAS)
def test_does_not_depend_on_where_or_how_large(covariance):
    term = Moments(layers=("relu1_1",), covariance=covariance)
    x, style = noise((1, 4, 6, 5), 0, torch.float64), {"relu1_1": noise((1, 4, 9, 9), 1, torch.float64)}
    shuffled = x.flatten(2)[:, :, torch.randperm(30, generator=torch.Generator().manual_seed(0))].view(x.shape)
    canvases = (x, shuffled, torch.cat([x, x], dim=3))
    losses = [term(PIXELS, {"relu1_1": canvas}, target(term, style)).item() for canvas in canvases]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-10)
    assert term(PIXELS, {"relu1_1": x}, target(term, {"relu1_1": shuffled})).item() == pytest.approx(0, abs=1e-12)


def test_channels_of_very_different_strength():
    """What varies less than rounding errors of the rest must not cost anything where there is nothing to change."""
    term = Moments(layers=("relu4_1",))
    x = noise((1, 40, 12, 11), 0) * torch.logspace(0, -8, 40).view(1, 40, 1, 1)
    canvas, style = {"relu4_1": x.clone().requires_grad_()}, {"relu4_1": x.flip(3)}
    loss = term(PIXELS, canvas, target(term, style))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-7)
    assert canvas["relu4_1"].grad.abs().max() < 1e-7


@pytest.mark.parametrize("covariance", FORMULAS)
def test_an_empty_canvas_costs_1(covariance):
    term = Moments(layers=("relu1_1",), covariance=covariance)
    canvas, style = {"relu1_1": torch.zeros(1, 4, 6, 5)}, {"relu1_1": noise((1, 4, 6, 5), 1)}
    assert term(PIXELS, canvas, target(term, style)).item() == pytest.approx(1, rel=2e-3)


@pytest.mark.parametrize("covariance", FORMULAS)
@pytest.mark.parametrize("value", [0.0, 2.5])
@pytest.mark.parametrize("size", [(1, 1), (6, 5)])
def test_constant_features(covariance, value, size):
    term = Moments(layers=("relu1_1",), covariance=covariance)
    varied = noise((1, 4, 6, 5), 0)
    varied[:, 1] = value
    constant = torch.full((1, 4, *size), value)
    for x, style in ((constant, constant), (constant, varied), (varied, constant), (varied, varied)):
        canvas = {"relu1_1": x.clone().requires_grad_()}
        loss = term(PIXELS, canvas, target(term, {"relu1_1": style}))
        loss.backward()
        assert loss.isfinite()
        assert canvas["relu1_1"].grad.isfinite().all()


@pytest.mark.parametrize("covariance", FORMULAS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_half_precision_features_are_compared_in_float32(covariance, layout):
    term = Moments(layers=("relu1_1",), covariance=covariance, scale="sum")
    canvas = noise((1, 4, 9, 7), 0, torch.bfloat16, layout).requires_grad_()
    style = noise((1, 4, 5, 8), 1, torch.bfloat16, layout)
    loss = term(PIXELS, {"relu1_1": canvas}, target(term, {"relu1_1": style}))
    loss.backward()
    value, gradient = FORMULAS[covariance](canvas.detach().double().numpy(), style.double().numpy())
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(value, rel=1e-5)
    assert canvas.grad.dtype == torch.bfloat16
    assert np.linalg.norm(canvas.grad.double().numpy() - gradient) <= 2**-6 * np.linalg.norm(gradient)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_a_canvas_that_ran_away(value):
    term = Moments(layers=("relu1_1",))
    canvas = noise((1, 4, 6, 5), 0)
    canvas[0, 0, 0, 0] = value
    assert not term(PIXELS, {"relu1_1": canvas}, target(term, {"relu1_1": noise((1, 4, 5, 4), 1)})).isfinite()


def test_stands_for_the_style():
    assert (Moments.source, Moments.name, Moments.role) == ("style", "moments", "style")
