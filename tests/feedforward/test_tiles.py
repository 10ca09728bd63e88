"""A picture painted in tiles is the one painted at once."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn import functional

from impasto.feedforward import arbitrary, fast, tiles
from impasto.feedforward.arbitrary import Arbitrary, Style
from impasto.feedforward.fast import ConditionalNorm, Fast
from impasto.feedforward.quilt import cut
from impasto.feedforward.statistics import COLOUR, moments

SEEN = {"relu1_1": 5, "relu2_1": 7}


def any_style(widths=(8, 8, 12, 12), seed=0):
    torch.manual_seed(seed)
    network = Arbitrary(arbitrary.Architecture(seen=SEEN, projections=3, widths=widths, hidden=16, code=12))
    network.gain.data.fill_(0.3)  # what it paints shows
    return network


def style(seed=0):
    generator = torch.Generator().manual_seed(seed)
    known = {name: moments(torch.rand(1, n, 9, 11, generator=generator)) for name, n in {COLOUR: 3, **SEEN}.items()}
    pictures = (torch.rand(1, 3, *size, generator=generator) for size in ((37, 52), (90, 32)))
    return Style(known, tuple((share, cut(picture)) for share, picture in zip((0.75, 0.25), pictures, strict=True)))


def few_styles(styles=2, width=4, blocks=2, seed=0):
    torch.manual_seed(seed)
    network = Fast(fast.Architecture(tuple("abc"[:styles]), width, blocks))
    for part in network.modules():
        if isinstance(part, ConditionalNorm):
            torch.nn.init.normal_(part.scale, 1, 0.3)
            torch.nn.init.normal_(part.shift, 0, 0.3)
    return network


def picture(height, width, seed=0):
    """Noise, dark and grey at the left and bright and blue at the right, so that no part has the statistics of the whole."""
    noise = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
    across = torch.linspace(0, 1, width)
    tint = torch.tensor([0.2, 0.3, 0.6])[:, None, None] * across
    return 0.3 * noise[:, :1] * (1 - across) + 0.4 * noise * across + tint


@torch.no_grad()
def at_once(network, content, told):
    return network(content, told)


SIZES = [(70, 131), (131, 70), (17, 300), (16, 64), (3, 90), (90, 5), (129, 33)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("tile", [32, 48])
def test_any_style(size, tile) -> None:
    network, content = any_style(), picture(*size)
    before = content.clone()
    told = style(tile)
    found = tiles.paint(network, content, told, tile=tile)
    assert_allclose(found, at_once(network, content, told), rtol=0, atol=2e-5)
    assert torch.equal(content, before)
    assert not found.requires_grad


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("tile", [20, 48])
def test_few_styles(size, tile) -> None:
    network, content = few_styles(), picture(*size)
    before = content.clone()
    for shares in (None, torch.tensor([[0.3, 0.7]])):
        found = tiles.paint(network, content, shares, tile=tile)
        assert_allclose(found, at_once(network, content, shares), rtol=0, atol=2e-5)
    assert torch.equal(content, before)
    assert not found.requires_grad


@pytest.mark.parametrize("network", [few_styles(1, 3, 0), few_styles(3, 8, 1), few_styles(1, 16, 3), any_style((16, 8, 4, 20), 1)])
def test_other_architectures(network) -> None:
    content, told = picture(75, 101), style() if isinstance(network, Arbitrary) else None
    assert_allclose(tiles.paint(network, content, told, tile=40), at_once(network, content, told), rtol=0, atol=2e-5)


@pytest.mark.parametrize("network", [any_style(), few_styles()])
def test_half_precision(network) -> None:
    """Tiles may round differently, by as much as half precision rounds anyway."""
    content, told = picture(70, 131), style() if isinstance(network, Arbitrary) else None
    exact = at_once(network, content, told)
    if isinstance(network, Arbitrary):
        network.precision = torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16, enabled=isinstance(network, Fast)):
        found, rounded = tiles.paint(network, content, told, tile=32), at_once(network, content, told)
    network.precision = torch.float32
    assert found.dtype == torch.float32
    error = (rounded - exact).abs()
    assert (found - rounded).abs().mean() < 2 * error.mean()
    assert (found - exact).abs().mean() < 2 * error.mean()


@pytest.mark.parametrize("network", [any_style(), few_styles()])
def test_tiles_have_no_statistics_of_their_own(network) -> None:
    """What the test of sameness is worth: tiles painted on their own are far from the painting."""
    content, told = picture(64, 128), style() if isinstance(network, Arbitrary) else None
    parts = torch.cat([at_once(network, part, told) for part in content.split(64, 3)], 3)
    assert (tiles.paint(network, content, told, tile=64) - parts)[:, :, :, 16:48].abs().mean() > 0.03


@pytest.mark.parametrize(
    ("network", "margin", "less"), [(any_style(), "SEEN", 16), (any_style(), "PAINTED", 32), (few_styles(), "SWEPT", 4)]
)
def test_margins_are_needed(monkeypatch, network, margin, less) -> None:
    content, told = picture(16, 400), style() if isinstance(network, Arbitrary) else None
    expected = at_once(network, content, told).double()
    errors = []
    for width in (getattr(tiles, margin), less):
        monkeypatch.setattr(tiles, margin, width)
        errors.append(float((tiles.paint(network, content, told, tile=160) - expected).abs().max()))
    assert errors[1] > 3 * errors[0]


def reach(gradient, begin, end):
    """How many pixels before and after those asked for count, along the width."""
    counting = gradient.abs().sum((0, 1, 2)).nonzero()[:, 0]
    return begin - int(counting[0]), int(counting[-1]) + 1 - end


@pytest.mark.parametrize("turned", [False, True])
def test_receptive_fields_of_any_style(turned) -> None:
    network, code, begin, end = any_style(), torch.rand(1, 12), 160, 176
    both, plan = picture(16, 336).repeat(1, 2, 1, 1).requires_grad_(), torch.rand(1, 12, 1, 21).requires_grad_()

    def reached(asked, work):
        made = work(both.mT if turned else both, plan.mT if turned else plan)
        made = made.mT if turned else made
        scale = both.shape[3] // made.shape[3]
        (gradient,) = torch.autograd.grad(made[..., begin // scale : end // scale].square().sum(), asked)
        return reach(gradient, begin * asked.shape[3] // both.shape[3], end * asked.shape[3] // both.shape[3])

    deepest = reached(both, lambda both, _: network.deepest(network.look(both)[-1]))
    painted, planned = (
        reached(asked, lambda both, plan: network.paint(both, torch.zeros(1, 3), network.look(both), plan, code)) for asked in (both, plan)
    )
    assert (deepest, painted, planned) == ((24, 10), (56, 50), (3, 3))
    assert max(deepest) <= tiles.SEEN
    assert max(*painted, *(arbitrary.STRIDE * side for side in planned)) <= tiles.PAINTED
    assert tiles.SEEN % arbitrary.STRIDE == tiles.PAINTED % arbitrary.STRIDE == tiles.SWEPT % fast.STRIDE == 0


def test_quilts_belong_to_the_picture() -> None:
    """Of flat grey nothing but the place is left to tell which block lies where."""
    network, content, told = any_style(), torch.full((1, 3, 16, 16 * 30), 0.5), style()
    expected = at_once(network, content, told)
    assert expected[:, :, :, 320:336].sub(expected[:, :, :, 336:352]).abs().max() > 0.05
    assert_allclose(tiles.paint(network, content, told, tile=64), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize(("network", "sweeps"), [(any_style(), 2), (few_styles(blocks=1), 3 + 3 + 3), (few_styles(blocks=4), 3 + 12 + 3)])
@pytest.mark.parametrize(("size", "tile", "count"), [((70, 131), 48, 2 * 3), ((64, 128), 64, 2), ((33, 20), 32, 2)])
def test_callback(network, sweeps, size, tile, count) -> None:
    told = style() if isinstance(network, Arbitrary) else None
    calls = []
    tiles.paint(network, picture(*size), told, tile=tile, callback=lambda *progress: calls.append(progress))
    assert calls == [(done, sweeps * count) for done in range(1, sweeps * count + 1)]


@pytest.mark.parametrize("network", [any_style(), few_styles()])
@pytest.mark.parametrize("size", [(40, 64), (1, 1), (64, 7)])
def test_what_fits_into_a_tile_is_painted_at_once(network, size) -> None:
    content, told = picture(*size), style() if isinstance(network, Arbitrary) else None
    calls = []
    found = tiles.paint(network, content, told, tile=64, callback=lambda *progress: calls.append(progress))
    assert torch.equal(found, at_once(network, content, told))
    assert calls == [(1, 1)]


@pytest.mark.parametrize("network", [any_style(), few_styles()])
def test_no_convolution_sees_more_than_a_tile(network) -> None:
    seen = []
    for part in network.modules():
        if isinstance(part, torch.nn.Conv2d):
            part.register_forward_pre_hook(lambda part, given: seen.append(max(given[0].shape[2:])))
    tiles.paint(network, picture(40, 700), style() if isinstance(network, Arbitrary) else None, tile=64)
    margin = tiles.PAINTED // 2 if isinstance(network, Arbitrary) else tiles.SWEPT + 4
    assert max(seen) <= 64 + 2 * margin


@pytest.mark.parametrize("side", [1, 15, 16, 17, 100, 1000, 1025])
@pytest.mark.parametrize(("tile", "stride", "margin"), [(16, 16, 112), (40, 16, 32), (8, 4, 8), (33, 4, 8), (1, 4, 8)])
def test_tiles_cover_the_picture_once(side, tile, stride, margin) -> None:
    spans = tiles._spans(side, tile, stride, margin)
    assert spans[0].begin == spans[0].first == 0
    assert spans[-1].end == spans[-1].last == side + -side % stride
    assert all(before.end == after.begin for before, after in pairwise(spans))
    for span in spans:
        assert 0 < span.end - span.begin < tile + stride
        assert (span.first, span.last) == (max(0, span.begin - margin), min(spans[-1].end, span.end + margin))
        assert all(place % stride == 0 for place in span)


@pytest.mark.parametrize("pixels", [1, 50, 10_000])
def test_colours(pixels) -> None:
    content = picture(37, 23)
    rows = content[0].flatten(1).numpy().astype(np.float64)
    mean, second = tiles._colours(content, pixels)
    assert_allclose(mean, rows.mean(1)[None], rtol=1e-6)
    assert_allclose(second, (rows @ rows.T / rows.shape[1])[None], rtol=1e-6)


def test_combined_statistics() -> None:
    """Also of parts whose means differ by far more than they deviate."""
    parts = [torch.randn(1, 2, 3, width) * 0.1 + torch.tensor([1000.0, 0.5 * width])[None, :, None, None] for width in (1, 4, 9)]
    mean, variance = tiles._combined([(part[0, 0].numel(), fast.moments(part)) for part in parts])
    whole = torch.cat(parts, 3).numpy().astype(np.float64)
    assert_allclose(mean, whole.mean((2, 3)), rtol=1e-6)
    assert_allclose(variance, whole.var((2, 3)), rtol=1e-4)


def test_padding_is_the_edge() -> None:
    content = picture(18, 21)
    (rows, *_), (*_, columns) = (tiles._spans(side, 16, 16, 16) for side in content.shape[2:])
    padded = functional.pad(content, (0, 11, 0, 14), "replicate")
    assert torch.equal(tiles._cut(content, rows, columns), padded[:, :, rows.first : rows.last, columns.first : columns.last])
