"""Tiles cover a picture, and a picture painted in tiles is the one painted at once."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from small import any_style, few_styles, modules, picture, sessions

from impasto.feedforward import onepass, tiles
from impasto.feedforward.arbitrary import Pieces, within
from impasto.feedforward.names import CARRIED, COLOUR, GRAINS, LEAST, MARGIN, NOISE, REACH, SIGHT, STRIDE
from impasto.feedforward.onepass import AnyStyle, FewStyles
from impasto.feedforward.statistics import moments
from impasto.feedforward.tiles import cut, put, sides

STEP = 1 / 255
SIDES = [1, 15, 16, 17, 64, 100, 487, 488, 489, 1000, 1025, 3000]


# Where they are


@pytest.mark.parametrize("size", [(1, 1), (33, 8), (40, 300), (1021, 64)], ids=str)
def test_sides(size):
    for side, found in zip(size, sides(np.zeros((*size, 3), np.float32)), strict=True):
        assert found % STRIDE == 0
        assert max(side + 2 * MARGIN, LEAST) <= found < max(side + 2 * MARGIN, LEAST) + STRIDE


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("tile", "reach"), [(64, MARGIN), (64, REACH), (100, REACH), (1024, REACH)])
def test_tiles_cover_the_picture_once(side, tile, reach):
    whole = sides(np.empty((side, 40, 3), np.float32))
    spans = sorted({rows for rows, _ in tiles.tiles(whole, tile, reach)})
    assert spans[0].begin == spans[0].first == 0
    assert spans[-1].end == spans[-1].last == whole[0]
    assert all(before.end == after.begin for before, after in pairwise(spans))
    assert (len(spans) == 1) == (whole[0] <= tile + 2 * MARGIN)
    for span in spans:
        assert len(spans) == 1 or MARGIN < span.end - span.begin < tile + STRIDE  # what is cut off leaves something
        assert (span.first, span.last) == (max(0, span.begin - reach), min(whole[0], span.end + reach))
        assert all(place % STRIDE == 0 for place in span)


def test_every_row_of_tiles_has_every_column():
    found = tiles.tiles((200, 400), 64, REACH)
    assert len(found) == len(set(found)) == 4 * 7


SIZES = [(1, 1), (3, 90), (90, 5), (130, 70), (17, 300)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_what_is_cut_repeats_the_edge(size):
    content = picture(*size)
    height, width = sides(content)
    padded = np.pad(content, ((MARGIN, height - size[0] - MARGIN), (MARGIN, width - size[1] - MARGIN), (0, 0)), "edge")
    for rows, columns in tiles.tiles((height, width), 64, 24):
        found = cut(content, (rows, columns))
        assert found.flags["C_CONTIGUOUS"]
        expected = padded[rows.first : rows.last, columns.first : columns.last].transpose(2, 0, 1)[None]
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_what_is_put_together_is_what_was_cut(size):
    content = picture(*size)
    painting = np.full_like(content, np.nan)
    for one in tiles.tiles(sides(content), 64, 24):
        put(painting, cut(content, one), one)
    np.testing.assert_array_equal(painting, content)


def test_ticking():
    calls = []
    tick = tiles.ticking(lambda *told: calls.append(told), 3)
    for _ in range(3):
        tick()
    assert calls == [(1, 3), (2, 3), (3, 3)]
    tiles.ticking(None, 1)()


# The same painting


class Watched:
    """An engine that remembers the sizes of what it is given, and may paint without noise."""

    def __init__(self, engine, silent=False):
        self.engine, self.silent, self.seen = engine, silent, []

    def __call__(self, part, given):
        self.seen.append((part, given["picture"].shape[2:]))
        if self.silent:
            given = {name: np.zeros_like(x) if name in NOISE else x for name, x in given.items()}
        return self.engine(part, given)


def any_painter(engine=sessions, seed=0, silent=False):
    return AnyStyle(Watched(engine(any_style(seed)), silent), [(0.7, picture(60, 80, 5)), (0.3, picture(90, 40, 6))], seed)


def few_painter(engine=sessions, width=4, seed=0):
    return FewStyles(Watched(engine(few_styles(width=width, seed=seed))), [0.3, 0.7])


BOTH = pytest.mark.parametrize("made", [any_painter, few_painter])
MANY = pytest.mark.parametrize(("size", "tile"), [((150, 230), 64), ((33, 300), 104), ((300, 9), 64)], ids=str)


@BOTH
@MANY
def test_tiles_leave_no_seam(made, size, tile):
    """By a frozen look they are what is painted at once."""
    painter, content = made(), picture(*size)
    before, own = content.copy(), painter.look(content)
    found, whole = painter.paint(content, own, tile=tile), painter.paint(content, own)
    assert len(painter.engine.seen) > 4
    assert np.ptp(whole) > 0.3
    assert np.abs(found - whole).max() < STEP / 8
    np.testing.assert_array_equal(content, before)


@BOTH
def test_tiles_of_torch_leave_no_seam(made):
    painter, content = made(modules), picture(150, 230)
    own = painter.look(content)
    assert np.abs(painter.paint(content, own, tile=104) - painter.paint(content, own)).max() < STEP / 8


@BOTH
def test_a_painting_at_once_is_that_by_its_own_look(made):
    painter, content = made(), picture(70, 90)
    assert np.abs(painter.paint(content, painter.look(content)) - painter.paint(content)).max() < STEP / 8


def test_a_look_in_tiles_is_one_at_the_whole():
    """But for relu4_1, which sees a little further than the margin."""
    painter, content = any_painter(), picture(300, 420)
    whole, swept = painter.look(content), painter.look(content, tile=128)
    assert whole.moments.keys() == swept.moments.keys()
    for name, known in whole.moments.items():
        for one, other in zip(known, swept.moments[name], strict=True):
            assert np.abs(one - other).max() < (5e-3 if name == "relu4_1" else 1e-5) * np.abs(one).max()
    assert np.abs(painter.paint(content, tile=128) - painter.paint(content)).max() < STEP


def test_a_look_at_the_whole_is_the_tiles_together():
    """Their moments and pieces, against all positions at once."""
    painter, content = any_painter(), picture(150, 230)
    look = painter.look(content, tile=64)
    height, width = (-(-side // 8) * 8 for side in content.shape[:2])
    padded = np.pad(content, ((0, height - 150), (0, width - 230), (0, 0)), "edge").reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(look.moments[COLOUR][0][0], padded.mean(0), rtol=1e-5)
    np.testing.assert_allclose(look.moments[COLOUR][1][0], np.cov(padded.T, bias=True), atol=1e-6)
    assert look.deep.shape[:2] == look.detail.shape[:2] == look.bias.shape == (1, height // 8 * width // 8)
    np.testing.assert_allclose(look.deep[0].mean(0), look.moments["relu4_1"][0][0], rtol=1e-3, atol=1e-4)
    fine = look.detail[0].reshape(-1, 128, 4).transpose(0, 2, 1).reshape(-1, 128)
    np.testing.assert_allclose(np.cov(fine.T, bias=True), look.moments["relu3_1"][1][0], atol=1e-3 * fine.var())


@pytest.mark.parametrize("made", [lambda: any_painter(silent=True), few_painter], ids=["any", "few"])
def test_a_frozen_look_paints_any_part_the_same(made):
    """Without noise, which belongs to the place: up to where the part's edges are seen."""
    painter, content = made(), picture(24, 480)
    own = painter.look(content)
    whole = painter.paint(content, own)
    for begin, end in ((0, 480), (0, 264), (96, 376), (232, 480)):
        found = painter.paint(content[:, begin:end], own)
        first, last = (begin + REACH if begin else 0), (end - REACH if end < 480 else 480)
        assert last - first >= 40
        assert np.abs(found[:, first - begin : last - begin] - whole[:, first:last]).max() < STEP / 8


@BOTH
def test_parts_have_no_look_of_their_own(made):
    """What the tests of sameness are worth: painted on their own they are far from the painting."""
    painter, content = made(), picture(64, 256)
    parts = np.concatenate([painter.paint(part) for part in np.split(content, 2, 1)], 1)
    assert np.abs(parts - painter.paint(content))[:, 16:112].mean() > 3 * STEP


@BOTH
def test_tiles_see_as_far_as_they_must(monkeypatch, made):
    painter, content = made(), picture(150, 230)
    own = painter.look(content)
    whole = painter.paint(content, own)
    monkeypatch.setattr(onepass, "REACH", 16)
    assert np.abs(painter.paint(content, own, tile=64) - whole).max() > STEP


@BOTH
def test_no_part_is_larger_than_a_tile_and_what_it_sees(made):
    painter = made()
    painter.engine.seen.clear()
    painter.paint(picture(40, 600), tile=64)
    assert len(painter.engine.seen) > 8
    painted = [size for part, size in painter.engine.seen if part == "paint" or made is any_painter]
    assert max(max(size) for size in painted) < 64 + STRIDE + 2 * (REACH + SIGHT)


@BOTH
def test_small_tiles_paint_the_same(made):
    """As long as the whole is looked at as it is."""
    painter, content = made(), picture(150, 230)
    assert np.abs(painter.paint(content, tile=64) - painter.paint(content, tile=1024)).max() < STEP


@BOTH
@pytest.mark.parametrize("size", [(90, 256), (1, 1), (64, 7)], ids=str)
def test_what_fits_into_a_tile_is_painted_at_once(made, size):
    painter, calls = made(), []
    painter.engine.seen.clear()
    painter.paint(picture(*size), tile=256, callback=lambda *told: calls.append(told))
    assert {part for part, _ in painter.engine.seen} == ({"look", "paint"} if made is any_painter else {"look"})
    assert len({size for part, size in painter.engine.seen}) == len({part for part, _ in painter.engine.seen})
    assert calls == [(1, 1)]


@pytest.mark.parametrize(("made", "looks"), [(any_painter, 8), (few_painter, 1)])
def test_callback(made, looks):
    """Every tile that is looked at and painted, and only the latter where the look is known."""
    painter, content, calls = made(), picture(90, 200), []
    painter.paint(content, tile=64, callback=lambda *told: calls.append(told))
    assert calls == [(done, 8 + looks) for done in range(1, 9 + looks)]
    calls.clear()
    painter.paint(content, painter.look(content), tile=64, callback=lambda *told: calls.append(told))
    assert calls == [(done, 8) for done in range(1, 9)]


@BOTH
def test_half_precision(made):
    """Tiles may round differently, by as much as half precision rounds anyway."""
    content = picture(90, 200)
    exact, own = made(modules).paint(content), made(modules).look(content)
    rough = made(lambda network: modules(network, torch.bfloat16))
    found, rounded = rough.paint(content, own, tile=104), rough.paint(content, own)
    error = np.abs(rounded - exact).mean()
    assert 0 < error < 2 * STEP
    assert np.abs(found - rounded).mean() < 2 * error


# What a pixel depends on


def reach(gradient, begin, end):
    """How many pixels before and after those asked for count, along the width."""
    counting = gradient.abs().sum((0, 1, 2)).nonzero()[:, 0]
    return begin - int(counting[0]), int(counting[-1]) + 1 - end


@pytest.mark.parametrize("kind", ["any", "few"])
@pytest.mark.parametrize("turned", [False, True])
def test_receptive_fields(kind, turned):
    """With the whole's statistics given, of eight pixels side by side, as is the stride."""
    begin, end = 200, 208
    content = torch.from_numpy(picture(16, 408)).permute(2, 0, 1)[None].requires_grad_()
    upright = content.mT if turned else content
    if kind == "few":
        network = few_styles()
        shares = torch.tensor([[0.5, 0.5]])
        _, found = network.look(upright.detach(), shares)
        painted = network(upright, shares, found)
    else:
        network, encoder = any_style(), modules(any_style()).parts["look"].encoder
        beyond = torch.nn.functional.pad(upright, (SIGHT,) * 4, "replicate")
        seen = {layer: within(x, layer, SIGHT) for layer, x in encoder(beyond, onepass.SEEN).items()}
        known = {COLOUR: moments(upright.detach()), **{layer: moments(x.detach()) for layer, x in seen.items()}}
        features = {layer: seen[layer] for layer in CARRIED}
        middle, deep = (x.detach() for x in features.values())
        pieces = Pieces(deep.flatten(2).mT, torch.nn.functional.pixel_unshuffle(middle, 2).flatten(2).mT)
        told = network.told(known, known, pieces, torch.zeros(pieces.deep.shape[:2]))
        noise = [torch.zeros(1, GRAINS, upright.shape[2] // scale, upright.shape[3] // scale) for scale in NOISE.values()]
        painted = network(upright, features, told, noise)
    made = painted.mT if turned else painted
    (gradient,) = torch.autograd.grad(made[..., begin:end].square().sum(), content)
    assert 80 < max(reach(gradient, begin, end)) <= REACH
