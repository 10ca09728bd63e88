"""The Gram matrix, the style loss and their gradients against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import Gram, gram

LAYERS = ("relu1_1", "relu3_1")
SHAPES = [(1, 5, 7, 3), (1, 8, 1, 11), (1, 3, 13, 1), (1, 4, 1, 1)]
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def noise(shape, seed, precision=torch.float32, layout=torch.contiguous_format):
    return torch.from_numpy(np.random.default_rng(seed).normal(0.5, 1, shape)).to(precision, memory_format=layout)


def matrix(x):
    """`G[i, j] = mean over positions of F[i] F[j]`, written as the sum it is."""
    _, channels, height, width = x.shape
    result = np.zeros((channels, channels))
    for y in range(height):
        for column in range(width):
            result += np.outer(x[0, :, y, column], x[0, :, y, column])
    return result / (height * width)


def formula(canvas, style):
    errors = []
    for layer in LAYERS:
        mine, his = matrix(canvas[layer]), matrix(style[layer])
        errors.append(((mine - his) ** 2).sum() / (his**2).sum())
    return np.mean(errors)


def gradient(canvas, style, layer):
    """Of `|G - A|² / |A|²` with respect to F: `4 (G - A) F / M |A|²`, as in Gatys et al. 2016, equation 6."""
    x, his = canvas[layer], matrix(style[layer])
    positions = x.shape[2] * x.shape[3]
    inner = 4 * np.einsum("ij,njyx->niyx", matrix(x) - his, x) / positions
    return inner / (his**2).sum() / len(LAYERS)


def far(value, expected):
    """The distance of a tensor from an array, relative to the array."""
    return np.linalg.norm(value.detach().double().numpy() - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_gram(shape, layout, precision, tolerance):
    x = noise(shape, 0, precision, layout).requires_grad_()
    value = gram(x)
    assert value.dtype == precision
    assert far(value[0], matrix(x.detach().double().numpy())) <= tolerance
    # An asymmetric gradient, as a loss that weighs G[i, j] and G[j, i] differently would send.
    sent = noise(value.shape, 1, precision)
    value.backward(sent)
    back = sent.double().numpy()[0]
    expected = np.einsum("ij,njyx->niyx", back + back.T, x.detach().double().numpy()) / (shape[2] * shape[3])
    assert far(x.grad, expected) <= tolerance
    assert x.grad.shape == x.shape


def test_several_pictures_at_once():
    x = noise((3, 4, 5, 6), 0)
    for one, value in zip(x, gram(x), strict=True):
        assert far(value, matrix(one[None].double().numpy())) <= 1e-5


def test_does_not_depend_on_where_or_how_large():
    x = noise((1, 4, 6, 5), 0, torch.float64)
    shuffled = x.flatten(2)[:, :, torch.randperm(30, generator=torch.Generator().manual_seed(0))].view(x.shape)
    torch.testing.assert_close(gram(x), gram(shuffled))
    torch.testing.assert_close(gram(x), gram(torch.cat([x, x], dim=3)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bfloat16(layout):
    x = (noise((1, 16, 40, 30), 0).bfloat16()).to(memory_format=layout).requires_grad_()
    value = gram(x)
    assert value.dtype == torch.float32
    # Sums over 1200 positions in bfloat16 would be off by tens of percent; rounding once costs 2⁻⁸ at most.
    assert far(value[0], matrix(x.detach().double().numpy())) < 2**-8
    sent = noise(value.shape, 1)
    value.backward(sent)
    back = sent.double().numpy()[0]
    assert x.grad.dtype == torch.bfloat16
    assert far(x.grad, np.einsum("ij,njyx->niyx", back + back.T, x.detach().double().numpy()) / 1200) < 2**-6


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("sizes", [((9, 7), (4, 3)), ((1, 9), (1, 4)), ((1, 1), (1, 1))])
def test_style_loss(layout, sizes):
    term = Gram(layers=LAYERS)
    widths = (6, 4)
    canvas = {n: noise((1, c, *s), 0, layout=layout).requires_grad_() for n, c, s in zip(LAYERS, widths, sizes, strict=True)}
    style = {n: noise((1, c, 8, 5), 1, layout=layout) for n, c in zip(LAYERS, widths, strict=True)}
    loss = term(torch.zeros(1, 3, 2, 2), canvas, term.target(style))
    loss.backward()
    mine, his = ({n: x.detach().double().numpy() for n, x in features.items()} for features in (canvas, style))
    assert loss.shape == ()
    assert loss.item() == pytest.approx(formula(mine, his), rel=1e-5)
    for layer in LAYERS:
        assert far(canvas[layer].grad, gradient(mine, his, layer)) <= 1e-5


def test_targets_are_gram_matrices():
    term = Gram(layers=("relu1_1",))
    style = noise((1, 4, 6, 5), 0)
    target = term.target({"relu1_1": style})
    assert target["relu1_1"].shape == (1, 4, 4)
    assert term(torch.zeros(1, 3, 2, 2), {"relu1_1": style}, target).item() == 0
    assert term(torch.zeros(1, 3, 2, 2), {"relu1_1": torch.zeros_like(style)}, target).item() == pytest.approx(1)
    assert (Gram.source, Gram.name) == ("style", "style")
