"""The tones loss and its gradient against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import Tones


def reduced(x, side):
    """Means of blocks, those at the right and below of what there is."""
    _, height, width = x.shape
    rows, columns = range(0, height, side), range(0, width, side)
    return np.array([[[channel[y : y + side, x : x + side].mean() for x in columns] for y in rows] for channel in x])


def value(canvas, wanted, side):
    mine, his = reduced(canvas, side), reduced(wanted, side)
    return ((mine - his) ** 2).mean() / (his.var((1, 2)).mean() + 1e-3)


@pytest.mark.parametrize("side", [1, 2, 4])
def test_value_and_gradient(side):
    random = np.random.default_rng(0)
    canvas, wanted = random.random((2, 3, 10, 13))
    term = Tones(reduced=side)
    x = torch.from_numpy(canvas)[None].requires_grad_()
    loss = term(x, {}, term.target(torch.from_numpy(wanted)[None], lambda *_: {}))
    loss.backward()
    assert loss.item() == pytest.approx(value(canvas, wanted, side), rel=1e-12)
    for place in ((0, 0, 0), (1, 9, 12), (2, 5, 3)):
        moved = canvas.copy()
        moved[place] += 1e-6
        slope = (value(moved, wanted, side) - loss.item()) / 1e-6
        assert x.grad[(0, *place)].item() == pytest.approx(slope, rel=1e-3, abs=1e-8)


def test_detail_is_free():
    """Whatever has a mean of nothing in every block; and a single pixel, or a flat content, is no trouble."""
    flat = torch.full((1, 3, 8, 8), 0.5)
    board = flat + 0.3 * (torch.arange(8)[:, None] + torch.arange(8)).remainder(2).sub(0.5)
    term = Tones()
    assert term(board, {}, term.target(flat, lambda *_: {})).item() == pytest.approx(0, abs=1e-10)
    assert term(flat[:, :, :1, :1], {}, term.target(flat[:, :, :1, :1], lambda *_: {})).item() == 0
