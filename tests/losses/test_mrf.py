"""The MRF loss, its matches and its gradient against numpy."""

import math

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from impasto.losses import MRF, mrf

PIXELS = torch.zeros(1, 3, 12, 12)
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def noise(shape, seed, precision=torch.float32, layout=torch.contiguous_format):
    return torch.from_numpy(np.random.default_rng(seed).normal(0.5, 1, shape)).to(precision, memory_format=layout)


def target(term, style):
    return term.target(PIXELS, lambda picture, layers: {layer: style[layer] for layer in layers})


def patches(x, size, stride):
    """Where each patch begins, and the patch; a map too small for one is extended."""
    missing = [max(0, size - side) for side in x.shape[2:]]
    x = np.pad(x, [(0, 0), (0, 0), (0, missing[0]), (0, missing[1])], mode="edge")[0]
    starts = [(y, c) for y in range(0, x.shape[1] - size + 1, stride) for c in range(0, x.shape[2] - size + 1, stride)]
    return [(y, c, x[:, y : y + size, c : c + size]) for y, c in starts]


def formula(canvas, copies, size, stride, scale):
    """The loss, its gradient with the matches held fixed, and how clearly the closest choice was made."""
    styles = [patch for copy in copies for _, _, patch in patches(copy, size, stride)]
    mine = patches(canvas, size, stride)
    factor = 1 / (len(mine) * np.mean([(patch**2).sum() for patch in styles])) if scale == "relative" else 1
    total, gradient = 0.0, np.zeros((canvas.shape[1], *(max(size, side) for side in canvas.shape[2:])))
    for y, c, patch in mine:
        likeness = [(patch * style).sum() / math.sqrt((patch**2).sum() * (style**2).sum()) for style in styles]
        difference = patch - styles[int(np.argmax(likeness))]
        total += factor * (difference**2).sum()
        gradient[:, y : y + size, c : c + size] += 2 * factor * difference
    # What was added by extending the map belongs to its border.
    height, width = canvas.shape[2:]
    gradient[:, height - 1] += gradient[:, height:].sum(axis=1)
    gradient[:, :, width - 1] += gradient[:, :, width:].sum(axis=2)
    return total, gradient[None, :, :height, :width]


@pytest.mark.parametrize("scale", ["relative", "sum"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("sizes", "size", "stride"),
    [
        (((9, 7), (6, 8)), 3, 1),
        (((9, 8), (10, 7)), 3, 2),
        (((9, 9), (7, 7)), 2, 3),
        (((8, 9), (9, 8)), 5, 2),
        (((4, 5), (6, 3)), 1, 1),
        (((1, 1), (6, 5)), 3, 1),
        (((6, 5), (1, 1)), 3, 1),
        (((2, 7), (5, 2)), 3, 1),
        (((1, 1), (1, 1)), 3, 2),
    ],
)
@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("block", [1, 1500, 2**21])
def test_value_and_gradient(monkeypatch, scale, layout, sizes, size, stride, precision, tolerance, block):
    """Whatever the parts are that the matches are looked for in."""
    monkeypatch.setattr(mrf, "_BLOCK", block)
    layers, widths, weights = ("relu3_1", "relu4_1"), (4, 2), (2.0, 0.25)
    term = MRF(layers=layers, layer_weights=weights, size=size, stride=stride, scale=scale)
    canvas = {layer: noise((1, width, *sizes[0]), 0, precision, layout) for layer, width in zip(layers, widths, strict=True)}
    style = {layer: noise((1, width, *sizes[1]), 1, precision, layout) for layer, width in zip(layers, widths, strict=True)}
    for x in canvas.values():
        x.requires_grad_()
    loss = term(PIXELS, canvas, target(term, style))
    loss.backward()
    total = 0.0
    for weight, layer in zip(weights, layers, strict=True):
        value, gradient = formula(canvas[layer].detach().double().numpy(), [style[layer].double().numpy()], size, stride, scale)
        total += weight * value
        error = np.linalg.norm(canvas[layer].grad.double().numpy() - weight * gradient)
        assert error <= tolerance * np.linalg.norm(weight * gradient)
    assert loss.shape == ()
    assert loss.dtype == precision
    assert loss.item() == pytest.approx(total, rel=tolerance)


@pytest.mark.parametrize("stride", [1, 2])
def test_copies_of_several_sizes(stride):
    """A copy's features are told apart by its picture's size."""
    term = MRF(layers=("relu3_1",), stride=stride, scales=(0.75, 1.0, 1.25))
    copies = {side: noise((1, 4, side // 2, side // 3), side, torch.float64) for side in (9, 12, 15)}
    canvas = noise((1, 4, 8, 7), 0, torch.float64).requires_grad_()
    found = term.target(PIXELS, lambda picture, layers: {layers[0]: copies[picture.shape[2]]})
    loss = term(PIXELS, {"relu3_1": canvas}, found)
    loss.backward()
    value, gradient = formula(canvas.detach().numpy(), [copy.numpy() for copy in copies.values()], 3, stride, "relative")
    assert loss.item() == pytest.approx(value, rel=1e-12)
    assert np.linalg.norm(canvas.grad.numpy() - gradient) <= 1e-12 * np.linalg.norm(gradient)


def colours(picture, layers):
    """The picture itself as every layer's features."""
    return dict.fromkeys(layers, picture)


def test_the_plain_copy_is_the_picture():
    picture = noise((1, 3, 9, 7), 0)
    found = MRF(layers=("relu3_1",)).target(picture, colours)
    assert torch.equal(found["relu3_1"].view(9, 7, 3).permute(2, 0, 1), picture[0])
    assert found["relu3_1 sizes"].tolist() == [[9, 7]]
    assert found["relu3_1 norms"].shape == (7 * 5,)


@pytest.mark.parametrize(("degrees", "quarters"), [(90.0, 1), (-90.0, 3), (180.0, 2), (270.0, 3), (360.0, 0)])
@pytest.mark.parametrize("size", [(9, 7), (8, 8), (1, 5)])
def test_quarter_turns(degrees, quarters, size):
    picture = torch.rand((1, 3, *size), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    turned, inside = mrf._turned(picture, degrees)
    torch.testing.assert_close(turned, torch.rot90(picture, quarters, (2, 3)), rtol=0, atol=1e-9)
    assert inside.all()


def test_finds_the_patches_of_a_turned_style():
    style = torch.rand((1, 3, 9, 12), generator=torch.Generator().manual_seed(0))
    canvas = torch.rot90(style, 1, (2, 3))
    plain, turning = MRF(layers=("relu3_1",)), MRF(layers=("relu3_1",), rotations=(0.0, 90.0))
    losses = [term(canvas, colours(canvas, term.layers), term.target(style, colours)).item() for term in (plain, turning)]
    assert losses[0] > 0.05
    assert losses[1] == pytest.approx(0, abs=1e-8)


def test_a_turn_keeps_the_picture_whole_and_in_proportion():
    """A slope's value tells where a pixel came from, to a tenth of a pixel: bicubic resampling bends slopes a little."""
    height, width = 30, 40
    down, right = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    turned, inside = mrf._turned(torch.stack([down, right, 0 * down])[None].double(), 30)
    sine, cosine = math.sin(math.pi / 6), math.cos(math.pi / 6)
    assert turned.shape[2:] == (round(height * cosine + width * sine), round(height * sine + width * cosine))
    assert inside.sum().item() == pytest.approx(height * width, rel=0.02)
    for row, column in inside[0, 0].nonzero().tolist():
        # Counterclockwise on a screen, where the second axis points down.
        y, x = row + 0.5 - turned.shape[2] / 2, column + 0.5 - turned.shape[3] / 2
        y, x = y * cosine + x * sine + height / 2 - 0.5, x * cosine - y * sine + width / 2 - 0.5
        if 2 <= y <= height - 3 and 2 <= x <= width - 3:
            assert turned[0, :2, row, column].tolist() == pytest.approx([y / (height - 1), x / (width - 1)], abs=0.1 / height)


def test_patches_outside_of_a_turned_style_dont_count():
    style = torch.rand((1, 3, 24, 24), generator=torch.Generator().manual_seed(0))
    term = MRF(layers=("relu3_1",), rotations=(45.0,))
    found = term.target(style, colours)
    height, width = found["relu3_1 sizes"][0].tolist()
    counts = found["relu3_1 norms"].view(height - 2, width - 2).isfinite()
    copy = found["relu3_1"].view(height, width, 3).permute(2, 0, 1)[None]
    assert not counts[0, 0]
    assert counts[height // 2, width // 2]
    # The canvas is the whole copy: the patches in its corners have to do with those inside, which find themselves.
    first, widths = term._matches(copy[0].permute(1, 2, 0), found["relu3_1"], found["relu3_1 norms"], [[height, width]])
    assert counts[first // width, first % width].all()
    itself = torch.arange(height * width).view(height, width)[:-2, :-2]
    assert torch.equal(first[counts], itself[counts])
    assert (first != itself)[~counts].all()
    assert (widths == width).all()


def test_a_turned_picture_too_small_for_a_patch_gives_all_it_has():
    style = torch.rand((1, 3, 2, 2), generator=torch.Generator().manual_seed(0))
    term = MRF(layers=("relu3_1",), rotations=(45.0,))
    found = term.target(style, colours)
    assert found["relu3_1 norms"].isfinite().all()
    assert term(style, colours(style, term.layers), found).isfinite()


def test_negative_likeness():
    """Before a ReLU even the best patch may point away; patches that don't count still must not be preferred."""
    style = torch.rand((1, 3, 24, 24), generator=torch.Generator().manual_seed(0))
    term = MRF(layers=("conv3_1",), rotations=(45.0,))
    found = term.target(style, colours)
    first, _ = term._matches(-style[0].permute(1, 2, 0), found["conv3_1"], found["conv3_1 norms"], found["conv3_1 sizes"].tolist())
    height, width = found["conv3_1 sizes"][0].tolist()
    assert found["conv3_1 norms"].view(height - 2, width - 2)[first // width, first % width].isfinite().all()


def test_the_style_itself_is_free():
    term = MRF(layers=("relu3_1",), rotations=(-15.0, 0.0, 15.0), scales=(0.8, 1.0))
    style = torch.rand((1, 3, 16, 14), generator=torch.Generator().manual_seed(0))
    assert term(style, colours(style, term.layers), term.target(style, colours)).item() == 0
    empty = torch.zeros_like(style)
    flat = torch.ones_like(style)
    assert term(empty, colours(empty, term.layers), term.target(flat, colours)).item() == pytest.approx(1)


@pytest.mark.parametrize("value", [0.0, 2.5])
@pytest.mark.parametrize("size", [(1, 1), (6, 5)])
def test_constant_features(value, size):
    term = MRF(layers=("relu1_1",))
    for style in (torch.full((1, 4, *size), value), noise((1, 4, 5, 5), 1)):
        canvas = {"relu1_1": torch.full((1, 4, *size), value, requires_grad=True)}
        loss = term(PIXELS, canvas, target(term, {"relu1_1": style}))
        loss.backward()
        assert loss.isfinite()
        assert canvas["relu1_1"].grad.isfinite().all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_half_precision_features_are_compared_in_float32(layout):
    """The style is made of the canvas's own patches, so that rounding doesn't change the matches."""
    term = MRF(layers=("relu1_1",), scale="sum")
    style = noise((1, 16, 9, 7), 0, torch.bfloat16, layout)
    canvas = (style + 0.1 * noise(style.shape, 1)).bfloat16().to(memory_format=layout).requires_grad_()
    loss = term(PIXELS, {"relu1_1": canvas}, target(term, {"relu1_1": style}))
    loss.backward()
    value, gradient = formula(canvas.detach().double().numpy(), [style.double().numpy()], 3, 1, "sum")
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(value, rel=1e-5)
    assert canvas.grad.dtype == torch.bfloat16
    assert np.linalg.norm(canvas.grad.double().numpy() - gradient) <= 2**-8 * np.linalg.norm(gradient)


def test_a_canvas_that_ran_away():
    term = MRF(layers=("relu1_1",))
    style = {"relu1_1": noise((1, 4, 5, 4), 1)}
    assert not term(PIXELS, {"relu1_1": torch.full((1, 4, 6, 5), float("nan"))}, target(term, style)).isfinite()


class Largest(TorchDispatchMode):
    """Remembers the number of values of the largest tensor made."""

    values = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for x in result if isinstance(result, tuple | list) else (result,):
            if isinstance(x, torch.Tensor):
                self.values = max(self.values, x.numel())
        return result


def test_memory_is_bounded(monkeypatch):
    """Neither all patches nor the table of all pairs are ever there at once."""
    monkeypatch.setattr(mrf, "_BLOCK", 2**17)
    term = MRF(layers=("relu3_1",))
    canvas, style = {"relu3_1": noise((1, 16, 48, 48), 0).requires_grad_()}, {"relu3_1": noise((1, 16, 48, 48), 1)}
    with Largest() as largest:
        term(PIXELS, canvas, target(term, style)).backward()
    assert largest.values <= 2**17  # all patches are 46² · 9 · 16 values, 300 thousand, and all pairs 46⁴, 4 million


def test_stands_for_the_style():
    assert (MRF.source, MRF.name, MRF.role) == ("style", "mrf", "style")
