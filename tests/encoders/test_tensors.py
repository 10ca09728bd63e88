"""Pictures cross over to networks and back without a loss."""

import numpy as np
import pytest
import torch

from impasto import picture
from impasto.encoders import tensors
from impasto.errors import OptionError


def random(*shape):
    return np.random.default_rng(0).random(shape, np.float32)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3)])
def test_there_and_back(shape):
    values = random(*shape)
    values.flags.writeable = False
    found = tensors.tensor(values)
    assert found.shape == (1, shape[2] if len(shape) == 3 else 1, 4, 5)
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    assert found[0, 0, 3, 1] == values.reshape(4, 5, -1)[3, 1, 0]
    back = tensors.array(found)
    assert back.flags.c_contiguous
    assert np.array_equal(back, values.reshape(4, 5, -1))
    found.zero_()
    assert np.array_equal(back, values.reshape(4, 5, -1))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_an_array_is_a_copy(layout):
    for channels in (1, 3):
        canvas = torch.rand(1, channels, 4, 5, requires_grad=True).contiguous(memory_format=layout)
        found = tensors.array(canvas)
        assert found.shape == (4, 5, channels)
        assert found.flags.c_contiguous
        found[:] = 7
        assert canvas.max() < 1


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float64])
def test_other_precisions(precision):
    canvas = torch.rand(1, 3, 4, 5).to(precision)
    found = tensors.array(canvas)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, canvas[0].movedim(0, 2).float())


def test_flipped_arrays():
    values = random(4, 5, 3)[::-1, ::-1]
    assert np.array_equal(tensors.array(tensors.tensor(values)), values)


@pytest.mark.parametrize("size", [(20, 15), (37, 61), (121, 90), (512, 40), (64, 47), (1, 1)])
def test_the_filter_is_the_pictures(size):
    values = random(47, 64, 3)
    resized = tensors.resize(tensors.tensor(values), size)
    np.testing.assert_allclose(tensors.array(resized), picture.resize(values, size), atol=1e-5)
    alpha = tensors.resize(tensors.tensor(values[..., 0]), size)
    np.testing.assert_allclose(tensors.array(alpha)[..., 0], picture.resize(values[..., 0], size), atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (64, 40), (200, 31)])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_resize_keeps_a_constant_picture_constant(size, channels):
    resized = tensors.resize(torch.full((2, channels, 30, 40), 0.3), size)
    assert resized.shape == (2, channels, size[1], size[0])
    assert torch.allclose(resized, torch.tensor(0.3), atol=1e-6)


def test_resize_to_the_same_size_is_the_same_tensor():
    values = torch.rand(1, 3, 4, 5)
    assert tensors.resize(values, (5, 4)) is values


@pytest.mark.parametrize(("longest", "size", "kept"), [(20, (20, 15), (20, 15)), (80, (80, 60), (40, 30)), (0, (40, 30), (40, 30))])
def test_scale(longest, size, kept):
    original = torch.rand(1, 3, 30, 40, generator=torch.Generator().manual_seed(0))
    assert torch.equal(tensors.scale(original, longest), tensors.resize(original, size))
    assert torch.equal(tensors.scale(original, longest, enlarge=False), tensors.resize(original, kept))
    with pytest.raises(OptionError, match="longest side"):
        tensors.scale(original, -1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(("n", "m", "channels"), [(7, 5, 3), (1, 1, 1), (64, 300, 33), (2, 3, 0), (0, 4, 2)])
def test_products_are_those_of_all_rows(dtype, ordered, n, m, channels):
    random = torch.Generator().manual_seed(0)
    rows, others = (torch.randn(channels, count, generator=random, dtype=torch.float64) for count in (n, m))
    given = [x.mT.contiguous() if ordered else x.mT for x in (rows.to(dtype), others.to(dtype))]
    expected = np.einsum("cn,cm->nm", *(x.to(dtype).double().numpy() for x in (rows, others)))
    close = {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 0.1}[dtype]
    found = tensors.products(*given)
    assert found.shape == (n, m)
    np.testing.assert_allclose(found.double().numpy(), expected, atol=close * max(1, channels))


def test_products_have_gradients():
    rows, others = (torch.randn(count, 6, dtype=torch.float32, requires_grad=True) for count in (4, 9))
    weights = torch.randn(4, 9)
    found = torch.autograd.grad((tensors.products(rows, others) * weights).sum(), (rows, others))
    np.testing.assert_allclose(found[0], (weights @ others).detach(), atol=1e-5)
    np.testing.assert_allclose(found[1], (weights.T @ rows).detach(), atol=1e-5)
