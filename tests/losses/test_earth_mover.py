"""The earth mover's losses and their gradients against numpy, and the places that hypercolumns are taken at."""

import numpy as np
import pytest
import torch

from impasto.losses import CloudMoments, EarthMover, Palette
from impasto.losses.hypercolumns import GRID

BASIS = np.array([[0.57735, 0.57735, 0.57735], [-0.57735, 0.788675, -0.211325], [-0.57735, -0.211325, 0.788675]])


def cosine(x, s):
    return 1 - (x / np.linalg.norm(x, axis=1, keepdims=True)) @ (s / np.linalg.norm(s, axis=1, keepdims=True)).T


def relaxed(table):
    return max(table.min(1).mean(), table.min(0).mean())


def earth_mover(x, s):
    return relaxed(cosine(x, s))


def moments(x, s):
    covariances = [np.cov(one.T, bias=True) for one in (x, s)]
    return np.abs(x.mean(0) - s.mean(0)).mean() + np.abs(covariances[0] - covariances[1]).mean()


def palette(x, s):
    x, s = x @ BASIS.T, s @ BASIS.T
    away = np.sqrt(np.clip(((x[:, None] - s) ** 2).sum(2), 1e-5, 1e5) / 3)
    return relaxed(cosine(x, s) + away)


@pytest.mark.parametrize(("loss", "exact", "width"), [(EarthMover, earth_mover, 7), (CloudMoments, moments, 7), (Palette, palette, 3)])
@pytest.mark.parametrize(("mine", "its"), [(30, 8), (8, 30)])
def test_value_and_gradient(loss, exact, width, mine, its):
    """With more places on either side, so that either direction is the dearer one."""
    random = np.random.default_rng(0)
    cloud, style = random.random((mine, width)), random.random((its, width)) * 2
    term, canvas = loss(), torch.from_numpy(cloud).requires_grad_()
    value = term.distance(canvas, term.known(torch.from_numpy(style)))
    assert value.item() == pytest.approx(exact(cloud, style), rel=1e-10)
    (gradient,) = torch.autograd.grad(value, canvas)
    for place in ((0, 0), (3, 2), (7, 1)):
        moved = cloud.copy()
        moved[place] += 1e-7
        slope = (exact(moved, style) - value.item()) / 1e-7
        assert gradient[place].item() == pytest.approx(slope, rel=1e-4, abs=1e-6)


def test_both_directions_happen():
    """A canvas of one of the style's places leaves the others out; one with a place of its own has nowhere to go with it."""
    style = torch.eye(3, dtype=torch.float64)
    term = EarthMover()
    known = term.known(style)
    assert term.distance(style[:1], known).item() == pytest.approx(2 / 3)
    assert term.distance(torch.cat([style, -style[:1]]), known).item() == pytest.approx(1 / 4)


def test_the_earth_mover_does_not_mind_size_but_moments_do():
    style = torch.rand(20, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert EarthMover().distance(3 * style, EarthMover().known(style)).item() == pytest.approx(0, abs=1e-12)
    assert CloudMoments().distance(3 * style, CloudMoments().known(style)) > 0.1


# Places


def coordinates(side):
    """Of every pixel, its number along a side, as a picture."""
    return torch.arange(side, dtype=torch.float64)


def places(term, height, width, count):
    """Row and column of the pixels that it looks at."""
    down, right = torch.meshgrid(coordinates(height), coordinates(width), indexing="ij")
    picture = torch.stack([down, right, torch.zeros_like(down)])[None]
    return term.columns(picture, {}, count)[:, :2]


def test_drawn_places_are_pixels_once_each():
    term = Palette(lots=True)
    found = places(term, 12, 17, 1000)
    assert len({tuple(row) for row in found.round().tolist()}) == len(found) == 12 * 17
    torch.testing.assert_close(found, found.round(), atol=1e-9, rtol=0)


def test_every_turn_draws_others_and_the_same_ones_again():
    term = Palette(lots=True)
    first, second = (places(term.at(turn), 40, 50, 64) for turn in (0, 1))
    assert len(first) == 64
    assert not torch.equal(first, second)
    assert torch.equal(second, places(term.at(1), 40, 50, 64))
    fixed = Palette()
    assert fixed.at(3) is fixed


def test_large_pictures_have_a_grid_that_moves():
    term = Palette(lots=True)
    grids = [places(term.at(turn), 300, 200, 10**9) for turn in (0, 9, 10, 20, 30, 40)]
    assert all(len(grid) <= GRID for grid in grids)
    corners = [tuple(grid.amin(0).round().tolist()) for grid in grids]
    assert corners[0] == corners[1]
    assert len(set(corners)) > 1
    for grid in grids:
        assert set(((grid - grid.amin(0)).round() % 2).flatten().tolist()) == {0.0}


def test_even_places_cover_the_picture():
    found = places(Palette(), 30, 60, 50)
    assert len(found) == 50
    torch.testing.assert_close(found.mean(0), torch.tensor([14.5, 29.5], dtype=torch.float64))


def test_few_pixels():
    for lots in (False, True):
        assert len(places(Palette(lots=lots), 1, 1, 1024)) == 1
        assert len(places(Palette(lots=lots), 1, 3, 1024)) == 3
