"""The content loss and its gradient against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import Content

LAYERS = ("relu4_2", "relu3_1")
SHAPES = [{"relu4_2": (1, 5, 7, 3), "relu3_1": (1, 3, 15, 6)}, {"relu4_2": (1, 4, 1, 1), "relu3_1": (1, 2, 1, 19)}]
PIXELS = torch.zeros(1, 3, 2, 2)
WEIGHTS = [((), (0.5, 0.5)), ((2.0, 0.25), (2.0, 0.25))]
# What the sum of squares is multiplied by, of the content's features.
SCALES = {
    "relative": lambda p: 1 / (p**2).sum(),
    "half": lambda p: 0.5,
    "sum": lambda p: 1.0,
    "mean": lambda p: 1 / (p.shape[1] * p.shape[2] * p.shape[3]),
}


def features(shapes, seed, precision=torch.float32, layout=torch.contiguous_format):
    random = np.random.default_rng(seed)
    return {layer: torch.from_numpy(random.normal(size=shape)).to(precision, memory_format=layout) for layer, shape in shapes.items()}


def as_double(features):
    return {layer: x.detach().double().numpy() for layer, x in features.items()}


def target(term, content):
    return term.target(PIXELS, lambda picture, layers: {layer: content[layer] for layer in layers})


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("given", "weights"), WEIGHTS)
@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_value_and_gradient(scale, given, weights, shapes, layout, precision, tolerance):
    term = Content(layers=LAYERS, layer_weights=given, scale=scale)
    canvas, content = features(shapes, 0, precision, layout), features(shapes, 1, precision, layout)
    for x in canvas.values():
        x.requires_grad_()
    loss = term(PIXELS, canvas, target(term, content))
    loss.backward()
    mine, his = as_double(canvas), as_double(content)
    value = 0.0
    for weight, layer in zip(weights, LAYERS, strict=True):
        factor = weight * SCALES[scale](his[layer])
        value += factor * ((mine[layer] - his[layer]) ** 2).sum()
        gradient = 2 * factor * (mine[layer] - his[layer])
        assert np.linalg.norm(canvas[layer].grad.double().numpy() - gradient) <= tolerance * np.linalg.norm(gradient)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(value, rel=tolerance)


@pytest.mark.parametrize("bound", [0.0, 0.7, 5.0])
def test_beyond_a_bound_an_error_weighs_more(bound):
    term = Content(layers=LAYERS, bound=bound, steepness=8.0)
    canvas, content = features(SHAPES[0], 0, torch.float64), features(SHAPES[0], 1, torch.float64)
    for x in canvas.values():
        x.requires_grad_()
    loss = term(PIXELS, canvas, target(term, content))
    loss.backward()
    mine, his, value = as_double(canvas), as_double(content), 0.0
    for layer in LAYERS:
        energy = (his[layer] ** 2).sum()
        error = ((mine[layer] - his[layer]) ** 2).sum() / energy
        assert 0.7 < error < 5
        value += 0.5 * (error + 8 * max(0, error - bound) ** 2)
        slope = 0.5 * (1 + 16 * max(0, error - bound)) * 2 * (mine[layer] - his[layer]) / energy
        np.testing.assert_allclose(canvas[layer].grad.numpy(), slope, rtol=1e-10)
    assert loss.item() == pytest.approx(value, rel=1e-10)


def test_relative():
    term = Content(layers=LAYERS)
    content = features(SHAPES[0], 0)
    nothing = {layer: torch.zeros_like(x) for layer, x in content.items()}
    assert term(PIXELS, content, target(term, content)).item() == 0
    assert term(PIXELS, nothing, target(term, content)).item() == pytest.approx(1)
    assert term(PIXELS, nothing, nothing).item() == 0  # a black content divides nothing by nothing


def test_half_precision_features_are_summed_in_float32():
    term = Content(layers=LAYERS, scale="sum", layer_weights=(1.0, 1.0))
    canvas, content = features(SHAPES[0], 0, torch.bfloat16), features(SHAPES[0], 1, torch.bfloat16)
    loss = term(PIXELS, canvas, target(term, content))
    mine, his = as_double(canvas), as_double(content)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(sum(((mine[layer] - his[layer]) ** 2).sum() for layer in LAYERS), rel=1e-5)


def test_as_many_weights_as_layers():
    content = features(SHAPES[0], 0)
    with pytest.raises(ValueError, match="zip"):
        Content(layers=LAYERS, layer_weights=(1.0,))(PIXELS, content, content)


def test_looks_at_the_content():
    assert (Content.source, Content.name, Content.role) == ("content", "content", "content")
