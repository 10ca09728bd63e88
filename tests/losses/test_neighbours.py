"""Neighbours and feature splitting against numpy, gradients by differences."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import impasto.losses.neighbours as module
from impasto.losses import Neighbours, Splitting
from impasto.losses.neighbours import nearest

LAYERS = ("fine", "coarse")


def picture(seed, height=16, width=12):
    return torch.from_numpy(np.random.default_rng(seed).random((1, 3, height, width)))


def encode(x, layers):
    """A layer as large as the picture, of six channels of which three see what is to the right, and one at a half, of three."""
    half = torch.nn.functional.avg_pool2d(x, 2, ceil_mode=True)
    return {layer: {"fine": torch.cat([x, x - 0.5 * x.roll(-1, dims=3)], dim=1), "coarse": half.sin()}[layer] for layer in layers}


def value(term, canvas, target):
    return term(canvas, encode(canvas, term.layers), target)


def cosines(x, s):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)) @ (s / np.linalg.norm(s, axis=1, keepdims=True)).T


def shrunk(x, factor):
    """Bilinear without antialiasing, whose middle of an even number of pixels is the mean of the four around it."""
    middle, height, width = factor // 2, x.shape[1] // factor, x.shape[2] // factor
    rows, columns = (factor * np.arange(count) + middle for count in (height, width))
    corners = [x[:, rows - down][:, :, columns - right] for down in (0, 1) for right in (0, 1)]
    return np.mean(corners, axis=0).reshape(len(x), -1).T


def columns(x):
    """At a quarter of the resolution: of the fine layer every fourth pixel, of the coarse one every second, by their channels."""
    layers = {name: of[0].numpy() for name, of in encode(x, LAYERS).items()}
    return np.hstack([shrunk(layers["fine"], 4) / 6, shrunk(layers["coarse"], 2) / 3])


def slope(loss, canvas, place, step=1e-6):
    """By central differences."""
    moved = [canvas.clone(), canvas.clone()]
    moved[0][place] += step
    moved[1][place] -= step
    return (loss(moved[0]) - loss(moved[1])) / (2 * step)


@pytest.mark.parametrize("turns", [(0,), (0, 1, 2, 3)])
def test_neighbours(turns):
    term, style, begin, content, canvas = Neighbours(layers=LAYERS, turns=turns), picture(0, 16, 20), picture(1), picture(2), picture(3)
    his = np.vstack([columns(torch.rot90(style, turn, (2, 3))) for turn in turns])
    matched = columns(0.75 * content + 0.25 * begin)
    wanted = his[cosines(matched - matched.mean(0), his - his.mean(0)).argmax(1)]

    def exact(x):
        return 1 - np.diag(cosines(columns(x), wanted)).mean()

    target = term.begun(term.target(style, encode), begin, content, encode)
    canvas.requires_grad_()
    loss = value(term, canvas, target)
    loss.backward()
    assert loss.item() == pytest.approx(exact(canvas.detach()), rel=1e-9)
    for place in ((0, 0, 1, 2), (0, 2, 9, 5), (0, 1, 14, 10)):
        assert canvas.grad[place].item() == pytest.approx(slope(exact, canvas.detach(), place), rel=1e-5, abs=1e-9)


def test_neighbours_stay_until_another_level_begins():
    """What is wanted of a canvas doesn't change as it changes, and there is no content where the method has none."""
    term, style, begin = Neighbours(layers=LAYERS), picture(0), picture(1)
    target = term.begun(term.target(style, encode), begin, None, encode)
    assert torch.equal(target["wanted"], term.begun(term.target(style, encode), begin, begin, encode)["wanted"])
    assert value(term, picture(2), target) != value(term, picture(2), term.target(style, encode))
    assert value(term, begin, target).item() == pytest.approx(value(term, begin, term.target(style, encode)).item(), rel=1e-12)


@pytest.mark.parametrize("loss", [Neighbours, Splitting])
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_turned_style_is_the_style(loss, turn):
    """Nearly: the mean of what is turned one way isn't that of all turns."""
    term, style = loss(layers=LAYERS), picture(0)
    canvas = torch.rot90(style, turn, (2, 3))
    upright = replace(term, turns=(0,))
    assert value(term, canvas, term.target(style, encode)) < 0.1 * value(upright, canvas, upright.target(style, encode))
    assert value(upright, style, upright.target(style, encode)).item() == pytest.approx(0, abs=1e-9)


def split(term, x, style, stride, begin):
    """The distances of every layer's features from the nearest, the nearest of ``x`` as it is."""

    def seen(of):
        down, right = begin[0] % of.shape[2], begin[1] % of.shape[3]
        return of[0, :, down::stride, right::stride].reshape(of.shape[1], -1).T.numpy()

    def of_a_layer(layer, at):
        turned = [encode(torch.rot90(style, turn, (2, 3)), (layer,))[layer] for turn in term.turns]
        his = np.vstack([seen(one) for one in turned])
        mine, fixed = (seen(encode(one, (layer,))[layer]) for one in (at, x))
        likeness = cosines(mine - mine.mean(0), his - his.mean(0))
        choice = cosines(fixed - fixed.mean(0), his - his.mean(0)).argmax(1)
        return 1 - likeness[np.arange(len(mine)), choice].mean()

    return lambda at: sum(of_a_layer(layer, at) for layer in term.layers)


@pytest.mark.parametrize("turns", [(0,), (0, 1, 2, 3)])
def test_splitting(turns):
    term = Splitting(layers=LAYERS, layer_weights=(1.0, 1.0), turns=turns)
    style, canvas = picture(0, 10, 14), picture(1).requires_grad_()
    exact = split(term, canvas.detach(), style, 1, (0, 0))
    loss = value(term, canvas, term.target(style, encode))
    loss.backward()
    assert loss.item() == pytest.approx(exact(canvas.detach()), rel=1e-9)
    for place in ((0, 0, 1, 2), (0, 2, 9, 5)):
        assert canvas.grad[place].item() == pytest.approx(slope(exact, canvas.detach(), place), rel=1e-5, abs=1e-9)


def test_a_large_layer_is_seen_at_some_positions_and_in_time_at_all():
    """Of 16 rows and 12 columns every third: some that lots choose, the same at a turn; without lots those of the first."""
    term, style, canvas = Splitting(layers=("fine",), side=5), picture(0, 16, 12), picture(1)
    target = term.target(style, encode)
    possible = [split(term, canvas, style, 3, (down, right))(canvas) for down in range(3) for right in range(3)]
    seen = [value(term.at(turn), canvas, target).item() for turn in range(60)]
    assert len({round(x, 9) for x in seen}) == 9
    assert sorted({round(x, 9) for x in seen}) == pytest.approx(sorted(possible), rel=1e-7)
    assert value(term.at(7), canvas, target).item() == seen[7]
    still = replace(term, lots=False)
    assert {value(still.at(turn), canvas, target).item() for turn in range(5)} == {seen[0]}


@pytest.mark.parametrize("block", [1, 40, 2**25])
def test_nearest_in_blocks(monkeypatch, block):
    monkeypatch.setattr(module, "_BLOCK", block)
    random = np.random.default_rng(0)
    mine, his = random.normal(size=(30, 5)) + 4, random.normal(size=(20, 5)) - 3
    expected = cosines(mine - mine.mean(0), his - his.mean(0)).argmax(1)
    assert nearest(torch.from_numpy(mine), torch.from_numpy(his)).tolist() == expected.tolist()


@pytest.mark.parametrize("loss", [Neighbours, Splitting])
@pytest.mark.parametrize("size", [(16, 12), (3, 2), (1, 1)])
def test_flat_or_tiny_pictures(loss, size):
    term = loss(layers=("fine",))
    canvas = torch.full((1, 3, *size), 0.5, requires_grad=True)
    target = term.target(torch.full((1, 3, *size), 0.2), encode)
    loss = value(term, canvas, term.begun(target, canvas.detach(), canvas.detach(), encode))
    loss.backward()
    assert loss.isfinite()
    assert canvas.grad.isfinite().all()
