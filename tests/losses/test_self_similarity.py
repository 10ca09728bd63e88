"""The self-similarity loss and its gradient against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import SelfSimilarity

LAYERS = ("relu3_1", "relu4_1")


def features(seed):
    """Of 12 x 8 pixels: a layer at half their size, and one at a quarter."""
    random = np.random.default_rng(seed)
    shapes = {"relu3_1": (1, 5, 6, 4), "relu4_1": (1, 7, 3, 2)}
    return {layer: torch.from_numpy(random.random(shape)) for layer, shape in shapes.items()}


def sampled(x, row, column):
    """Bilinear, the border repeated, at a place in [0, 1] of height and width."""
    _, height, width = x.shape
    down, across = np.clip(row * height - 0.5, 0, height - 1), np.clip(column * width - 0.5, 0, width - 1)
    top, left = min(int(down), max(height - 2, 0)), min(int(across), max(width - 2, 0))
    below, right = down - top, across - left
    corner = x[:, top : top + 2, left : left + 2]
    return np.einsum("cij,i,j->c", corner, [1 - below, below], [1 - right, right])


def distances(found, rows, columns):
    places = []
    for row in range(rows):
        for column in range(columns):
            at = [sampled(found[layer][0], (row + 0.5) / rows, (column + 0.5) / columns) for layer in LAYERS]
            places.append(np.concatenate(at))
    places = np.array(places)
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    apart = 1 - unit @ unit.T
    return apart / apart.sum(0)


def value(canvas, content, rows, columns):
    return np.abs(distances(canvas, rows, columns) - distances(content, rows, columns)).sum() / (rows * columns)


@pytest.mark.parametrize(("places", "rows", "columns"), [(96, 12, 8), (24, 6, 4), (30, 6, 4)])
def test_value_and_gradient(places, rows, columns):
    term = SelfSimilarity(layers=LAYERS, places=places)
    pixels, canvas, content = torch.zeros(1, 3, 12, 8, dtype=torch.float64), features(0), features(1)
    for x in canvas.values():
        x.requires_grad_()
    target = term.target(pixels, lambda _, layers: {layer: content[layer] for layer in layers})
    loss = term(pixels, canvas, target)
    loss.backward()
    mine, his = ({layer: x.detach().numpy() for layer, x in one.items()} for one in (canvas, content))
    assert loss.item() == pytest.approx(value(mine, his, rows, columns), rel=1e-10)
    for layer, place in (("relu3_1", (0, 2, 1, 3)), ("relu4_1", (0, 0, 2, 0))):
        step, moved = 1e-7, {name: x.copy() for name, x in mine.items()}
        moved[layer][place] += step
        slope = (value(moved, his, rows, columns) - loss.item()) / step
        assert canvas[layer].grad[place].item() == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_colours_and_textures_may_change():
    """Whatever turns all features alike, and whatever their size."""
    term, content = SelfSimilarity(layers=("relu3_1",), places=24), features(2)
    pixels = torch.zeros(1, 3, 12, 8, dtype=torch.float64)
    turn = torch.from_numpy(np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0])
    turned = {"relu3_1": 3 * torch.einsum("ij,njhw->nihw", turn, content["relu3_1"])}
    target = term.target(pixels, lambda *_: content)
    assert term(pixels, turned, target) < 1e-12
    assert term(pixels, features(3), target) > 0.1


def test_a_flat_canvas():
    """All its places are alike."""
    term, content = SelfSimilarity(layers=LAYERS), features(4)
    pixels = torch.zeros(1, 3, 12, 8, dtype=torch.float64)
    flat = {layer: torch.ones_like(x).requires_grad_() for layer, x in content.items()}
    loss = term(pixels, flat, term.target(pixels, lambda *_: content))
    loss.backward()
    assert loss.item() == pytest.approx(1, abs=1e-6)
    assert all(x.grad.isfinite().all() for x in flat.values())
