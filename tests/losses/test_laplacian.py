"""The Laplacian loss and its gradient against numpy."""

import numpy as np
import pytest
import torch

from impasto.losses import Laplacian

KERNEL = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])


def laplacian(x, pool):
    """D_p: the Laplacians of all channels of the averaged picture `[3, H, W]`, added up."""
    _, height, width = (side // pool if axis else side for axis, side in enumerate(x.shape))
    averages = np.zeros((3, height, width))
    for channel, row, column in np.ndindex(averages.shape):
        averages[channel, row, column] = x[channel, row * pool : (row + 1) * pool, column * pool : (column + 1) * pool].mean()
    result = np.zeros((max(0, height - 2), max(0, width - 2)))
    for row, column in np.ndindex(result.shape):
        result[row, column] = (averages[:, row : row + 3, column : column + 3] * KERNEL).sum()
    return result


def formula(canvas, content, pools, weights, units, mean):
    """The loss and its gradient, which spreads each error over the cells it was made of, and each cell over its pixels."""
    total, gradient = 0.0, np.zeros_like(canvas)
    for pool, weight in zip(pools, weights, strict=True):
        errors = units * (laplacian(canvas[0], pool) - laplacian(content[0], pool))
        factor = weight / max(1, errors.size) if mean else weight
        total += factor * (errors**2).sum()
        for (row, column), error in np.ndenumerate(errors):
            pixels = gradient[0, :, row * pool : (row + 3) * pool, column * pool : (column + 3) * pool]
            pixels += 2 * factor * error * units * np.kron(KERNEL, np.full((pool, pool), 1 / pool**2))
    return total, gradient


@pytest.mark.parametrize(("pools", "given", "weights"), [((1,), (), (1.0,)), ((4, 2), (), (0.5, 0.5)), ((2, 4, 16), (3, 2, 9), (3, 2, 9))])
@pytest.mark.parametrize(("units", "mean"), [(1.0, True), (255.0, False)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_value_and_gradient(pools, given, weights, units, mean, layout, precision, tolerance):
    random = np.random.default_rng(0)
    canvas, content = (torch.from_numpy(random.random((1, 3, 14, 13))).to(precision, memory_format=layout) for _ in range(2))
    canvas.requires_grad_()
    term = Laplacian(pools=pools, pool_weights=given, units=units, mean=mean)
    loss = term(canvas, {}, term.target(content, None))
    loss.backward()
    value, expected = formula(canvas.detach().double().numpy(), content.double().numpy(), pools, weights, units, mean)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(value, rel=tolerance)
    assert np.linalg.norm(canvas.grad.double().numpy() - expected) <= tolerance * np.linalg.norm(expected)


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (1, 3, 3, 40), (1, 3, 11, 11), (1, 3, 12, 11)])
def test_too_small_for_a_laplacian(shape):
    canvas = torch.rand(shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    term = Laplacian()
    loss = term(canvas, {}, term.target(torch.zeros(shape), None))
    loss.backward()
    assert loss.item() == 0
    assert not canvas.grad.any()


def test_brightness_is_free():
    """A Laplacian doesn't see constants, nor slopes."""
    content = torch.rand(1, 3, 20, 24, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    term = Laplacian(pools=(1, 4))
    target = term.target(content, None)
    assert term(content + 0.25 + torch.linspace(0, 1, 24, dtype=torch.float64), {}, target).item() == pytest.approx(0, abs=1e-28)


def test_looks_at_the_content():
    assert Laplacian.source == "content"
    assert Laplacian().layers == ()
    assert (Laplacian.name, Laplacian.role) == ("laplacian", "laplacian")
