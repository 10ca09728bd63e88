"""The Gram matrix, the style loss and their gradients against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import Gram, gram

LAYERS = ("relu1_1", "relu3_1")
SHAPES = [(1, 5, 7, 3), (1, 8, 1, 11), (1, 3, 13, 1), (1, 4, 1, 1)]
LAYOUTS = [torch.contiguous_format, torch.channels_last]
PIXELS = torch.zeros(1, 3, 20, 17)


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


def target(term, style):
    return term.target(PIXELS, lambda picture, layers: {layer: style[layer] for layer in layers})


# What the sum of squares is multiplied by, of A, the number of channels N, of positions M and of the picture's pixels, where
# G = F Fᵀ sums over positions.
SCALES = {
    "relative": lambda a, n, m, pixels: 1 / (a**2).sum(),
    "gatys": lambda a, n, m, pixels: 1 / (4 * n**2 * m**2),
    "tutorial": lambda a, n, m, pixels: 1 / (n * m) ** 2 / n**2,
    "keras": lambda a, n, m, pixels: 1 / (4 * 3**2 * pixels**2),
    "mean": lambda a, n, m, pixels: 1 / n**2,
}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("sizes", [((9, 7), (4, 3)), ((1, 9), (1, 4)), ((1, 1), (1, 1))])
@pytest.mark.parametrize(("given", "weights"), [((), (0.5, 0.5)), ((2.0, 0.25), (2.0, 0.25))])
@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-11)])
def test_style_loss(scale, layout, sizes, given, weights, precision, tolerance):
    """The style is larger, and counts as if it had the canvas's number of positions."""
    term = Gram(layers=LAYERS, layer_weights=given, scale=scale)
    shapes = [(1, channels, *size) for channels, size in zip((6, 4), sizes, strict=True)]
    canvas = {layer: noise(shape, 0, precision, layout).requires_grad_() for layer, shape in zip(LAYERS, shapes, strict=True)}
    style = {layer: noise((1, shape[1], 11, 8), 1, precision, layout) for layer, shape in zip(LAYERS, shapes, strict=True)}
    loss = term(PIXELS, canvas, target(term, style))
    loss.backward()
    value = 0.0
    for weight, layer, shape in zip(weights, LAYERS, shapes, strict=True):
        x, m = canvas[layer].detach().double().numpy(), shape[2] * shape[3]
        g, a = matrix(x) * m, matrix(style[layer].double().numpy()) * m
        factor = weight * SCALES[scale](a, shape[1], m, PIXELS.shape[2] * PIXELS.shape[3])
        value += factor * ((g - a) ** 2).sum()
        # Gatys et al. 2016, equation 6, without its own factor.
        assert far(canvas[layer].grad, 4 * factor * np.einsum("ij,njyx->niyx", g - a, x)) <= tolerance
    assert loss.shape == ()
    assert loss.dtype == precision
    assert loss.item() == pytest.approx(value, rel=tolerance)


def test_targets_are_gram_matrices():
    term = Gram(layers=("relu1_1",))
    style = {"relu1_1": noise((1, 4, 6, 5), 0)}
    assert target(term, style)["relu1_1"].shape == (1, 4, 4)
    assert term(PIXELS, style, target(term, style)).item() == 0
    assert term(PIXELS, {"relu1_1": torch.zeros(1, 4, 6, 5)}, target(term, style)).item() == pytest.approx(1)
    assert (Gram.source, Gram.name, Gram.role) == ("style", "style", "style")


def test_an_empty_style():
    term = Gram(layers=("relu1_1",))
    canvas = {"relu1_1": torch.zeros(1, 4, 6, 5, requires_grad=True)}
    loss = term(PIXELS, canvas, target(term, canvas))
    loss.backward()
    assert loss.item() == 0
    assert not canvas["relu1_1"].grad.any()
