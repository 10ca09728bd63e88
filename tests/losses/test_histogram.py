"""The histogram loss and its gradient against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import Histogram, histogram

PIXELS = torch.zeros(1, 3, 2, 2)
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def noise(shape, seed, precision=torch.float32, layout=torch.contiguous_format):
    return torch.from_numpy(np.random.default_rng(seed).normal(0.5, 1, shape)).to(precision, memory_format=layout)


def target(term, style):
    return term.target(PIXELS, lambda picture, layers: {layer: style[layer] for layer in layers})


def matched(canvas, style):
    """R(O), value by value: what has a share q of the channel below it becomes the style's quantile q."""
    result = np.zeros_like(canvas)
    for channel in range(canvas.shape[1]):
        values, quantiles = canvas[0, channel].flatten(), np.sort(style[0, channel].flatten())
        places = np.zeros(len(values), dtype=int)
        places[np.argsort(values, kind="stable")] = np.arange(len(values))
        shares = (places + 0.5) / len(values)
        result[0, channel] = np.interp(shares * len(quantiles) - 0.5, np.arange(len(quantiles)), quantiles).reshape(canvas.shape[2:])
    return result


@pytest.mark.parametrize("scale", ["relative", "sum"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("sizes", [((9, 7), (9, 7)), ((9, 7), (5, 4)), ((3, 5), (8, 11)), ((1, 1), (4, 4)), ((4, 4), (1, 1))])
@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("block", [1, 70, 2**18])
def test_value_and_gradient(monkeypatch, scale, layout, sizes, precision, tolerance, block):
    monkeypatch.setattr(histogram, "_BLOCK", block)
    layers, widths, weights = ("relu1_1", "relu4_1"), (5, 3), (2.0, 0.25)
    term = Histogram(layers=layers, layer_weights=weights, scale=scale)
    canvas = {layer: noise((1, width, *sizes[0]), 0, precision, layout) for layer, width in zip(layers, widths, strict=True)}
    style = {layer: noise((1, width, *sizes[1]), 1, precision, layout) for layer, width in zip(layers, widths, strict=True)}
    for x in canvas.values():
        x.requires_grad_()
    loss = term(PIXELS, canvas, target(term, style))
    loss.backward()
    value = 0.0
    for weight, layer in zip(weights, layers, strict=True):
        o, s = canvas[layer].detach().double().numpy(), style[layer].double().numpy()
        difference = o - matched(o, s)
        factor = weight * (o.shape[1] / o.size / ((s**2).sum() * s.shape[1] / s.size) if scale == "relative" else 1)
        value += factor * (difference**2).sum()
        gradient = 2 * factor * difference
        assert np.linalg.norm(canvas[layer].grad.double().numpy() - gradient) <= tolerance * np.linalg.norm(gradient)
    assert loss.shape == ()
    assert loss.dtype == precision
    assert loss.item() == pytest.approx(value, rel=tolerance)


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_sorts_as_torch_does(precision):
    """Equal values in reading order, infinities at the ends, negative values below the positive ones."""
    rows, style = noise((6, 400), 0, precision), noise((6, 400), 1, precision).sort(dim=1).values
    rows[1].relu_()
    rows[2] = rows[2].round()
    rows[3] *= 1e-40
    rows[4, 7], rows[4, 70] = float("inf"), -float("inf")
    rows[5] = 3
    order = rows.sort(dim=1, stable=True).indices
    expected = torch.empty_like(rows).scatter_(1, order, 2 * (rows.gather(1, order) - style))
    for found in (histogram._in_order, histogram._in_bits)[: 2 if precision == torch.float32 else 1]:
        error, gradient = found(rows, style)
        assert torch.equal(gradient, expected)
        assert not error.isfinite()
        error, gradient = found(rows[:4], style[:4])
        assert error.item() == pytest.approx((expected[:4].double() / 2).square().sum().item(), rel=1e-5)


def test_a_level_is_begun_with_as_many_values():
    term = Histogram(layers=("relu1_1",))
    style, canvas = {"relu1_1": noise((1, 4, 9, 9), 1)}, {"relu1_1": noise((1, 4, 6, 5), 0)}
    fresh = target(term, style)
    begun = term.begun(fresh, PIXELS, None, lambda picture, layers: canvas)
    assert begun["relu1_1"].shape == (4, 30)
    assert term(PIXELS, canvas, begun).item() == pytest.approx(term(PIXELS, canvas, fresh).item(), rel=1e-6)


def test_does_not_depend_on_where():
    term = Histogram(layers=("relu1_1",))
    x, style = noise((1, 4, 6, 5), 0, torch.float64), {"relu1_1": noise((1, 4, 9, 9), 1, torch.float64)}
    shuffled = x.flatten(2)[:, :, torch.randperm(30, generator=torch.Generator().manual_seed(0))].view(x.shape)
    losses = [term(PIXELS, {"relu1_1": canvas}, target(term, style)).item() for canvas in (x, shuffled)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)
    own = {"relu1_1": shuffled}
    assert term(PIXELS, {"relu1_1": x}, target(term, own)).item() == 0


def test_an_empty_canvas_costs_1():
    term = Histogram(layers=("relu1_1",))
    canvas, style = {"relu1_1": torch.zeros(1, 4, 6, 5)}, {"relu1_1": noise((1, 4, 6, 5), 1)}
    assert term(PIXELS, canvas, target(term, style)).item() == pytest.approx(1)


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_constant_features(value):
    term = Histogram(layers=("relu1_1",))
    for style in (torch.full((1, 4, 3, 3), value), noise((1, 4, 5, 5), 1)):
        canvas = {"relu1_1": torch.full((1, 4, 6, 5), value, requires_grad=True)}
        loss = term(PIXELS, canvas, target(term, {"relu1_1": style}))
        loss.backward()
        assert loss.isfinite()
        assert canvas["relu1_1"].grad.isfinite().all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_half_precision_features_are_compared_in_float32(layout):
    term = Histogram(layers=("relu1_1",), scale="sum")
    canvas = noise((1, 4, 9, 7), 0, torch.bfloat16, layout).requires_grad_()
    style = noise((1, 4, 5, 4), 1, torch.bfloat16, layout)
    loss = term(PIXELS, {"relu1_1": canvas}, target(term, {"relu1_1": style}))
    loss.backward()
    o = canvas.detach().double().numpy()
    difference = o - matched(o, style.double().numpy())
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx((difference**2).sum(), rel=1e-5)
    assert canvas.grad.dtype == torch.bfloat16
    assert np.linalg.norm(canvas.grad.double().numpy() - 2 * difference) <= 2**-8 * np.linalg.norm(2 * difference)


def test_a_canvas_that_ran_away():
    term = Histogram(layers=("relu1_1",))
    style = {"relu1_1": noise((1, 4, 5, 4), 1)}
    assert not term(PIXELS, {"relu1_1": torch.full((1, 4, 6, 5), float("nan"))}, target(term, style)).isfinite()


def test_stands_for_the_style():
    assert (Histogram.source, Histogram.name, Histogram.role) == ("style", "histogram", "style")
