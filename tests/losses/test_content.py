"""The content loss and its gradient against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import Content

LAYERS = ("relu4_2", "relu3_1")
SHAPES = [{"relu4_2": (1, 5, 7, 3), "relu3_1": (1, 3, 15, 6)}, {"relu4_2": (1, 4, 1, 9), "relu3_1": (1, 2, 1, 19)}]


def features(shapes, seed, precision=torch.float32, layout=torch.contiguous_format):
    random = np.random.default_rng(seed)
    return {layer: torch.from_numpy(random.normal(size=shape)).to(precision, memory_format=layout) for layer, shape in shapes.items()}


def as_double(features):
    return {layer: x.detach().double().numpy() for layer, x in features.items()}


def formula(canvas, target):
    return np.mean([((canvas[layer] - target[layer]) ** 2).sum() / (target[layer] ** 2).sum() for layer in LAYERS])


def gradient(canvas, target, layer):
    return 2 * (canvas[layer] - target[layer]) / (target[layer] ** 2).sum() / len(LAYERS)


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_value_and_gradient(shapes, layout, precision, tolerance):
    term = Content(layers=LAYERS)
    canvas, content = features(shapes, 0, precision, layout), features(shapes, 1, precision, layout)
    for x in canvas.values():
        x.requires_grad_()
    loss = term(torch.zeros(1, 3, 2, 2), canvas, term.target(content))
    loss.backward()
    mine, his = as_double(canvas), as_double(content)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(formula(mine, his), rel=tolerance)
    for layer in LAYERS:
        expected = gradient(mine, his, layer)
        assert np.linalg.norm(canvas[layer].grad.double().numpy() - expected) <= tolerance * np.linalg.norm(expected)


def test_scale():
    term = Content(layers=LAYERS)
    content = features(SHAPES[0], 0)
    nothing = {layer: torch.zeros_like(x) for layer, x in content.items()}
    pixels = torch.zeros(1, 3, 2, 2)
    assert term(pixels, content, term.target(content)).item() == 0
    assert term(pixels, nothing, term.target(content)).item() == pytest.approx(1)
    assert term(pixels, nothing, nothing).item() == 0  # a black content divides nothing by nothing


def test_half_precision_features_are_summed_in_float32():
    term = Content(layers=LAYERS)
    canvas, content = features(SHAPES[0], 0, torch.bfloat16), features(SHAPES[0], 1, torch.bfloat16)
    loss = term(torch.zeros(1, 3, 2, 2), canvas, term.target(content))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(formula(as_double(canvas), as_double(content)), rel=1e-5)


def test_looks_at_the_content():
    assert (Content.source, Content.name) == ("content", "content")
