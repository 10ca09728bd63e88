"""The structure loss and its gradient against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import Structure

LAYERS = ("relu4_1", "relu3_1")
PIXELS = torch.zeros(1, 3, 2, 2)


def features(seed, scale=1.0):
    random = np.random.default_rng(seed)
    return {layer: torch.from_numpy(scale * random.normal(size=(1, 4, 5 + n, 3))) for n, layer in enumerate(LAYERS)}


def standard(x):
    """Every channel by its own mean and deviation, in numpy."""
    flat = x.reshape(x.shape[1], -1)
    return (flat - flat.mean(1, keepdims=True)) / (np.sqrt(flat.var(1, keepdims=True) + 1e-8) + 0.05)


def value(canvas, content):
    return float(np.mean([((standard(canvas[layer]) - standard(content[layer])) ** 2).mean() for layer in LAYERS]))


def test_value_and_gradient():
    term = Structure(layers=LAYERS)
    canvas, content = features(0), features(1, 2.0)
    for x in canvas.values():
        x.requires_grad_()
    loss = term(PIXELS, canvas, content)
    loss.backward()
    mine, his = ({layer: x.detach().numpy() for layer, x in one.items()} for one in (canvas, content))
    assert loss.shape == ()
    assert loss.item() == pytest.approx(value(mine, his), rel=1e-12)
    layer, step = LAYERS[0], 1e-6
    for place in ((0, 1, 2, 1), (0, 3, 0, 0)):
        moved = {name: x.copy() for name, x in mine.items()}
        moved[layer][place] += step
        slope = (value(moved, his) - value(mine, his)) / step
        assert canvas[layer].grad[place].item() == pytest.approx(slope, rel=1e-4, abs=1e-9)


def test_the_style_may_change_means_and_contrasts():
    term, content = Structure(layers=LAYERS), features(2, 100.0)
    assert term(PIXELS, {layer: 3 * x + 7 for layer, x in content.items()}, content) < 1e-6


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32])
def test_a_silent_channel_costs_nothing(precision):
    term = Structure(layers=("relu4_1",))
    silent = {"relu4_1": torch.zeros(1, 2, 3, 3, dtype=precision, requires_grad=True)}
    loss = term(PIXELS, silent, {"relu4_1": torch.ones(1, 2, 3, 3)})
    loss.backward()
    assert loss.item() == 0
    assert silent["relu4_1"].grad.abs().max() == 0
