"""Quilts: which blocks are chosen and how they are blended, against plain float64 numpy."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from impasto.feedforward import quilt
from impasto.feedforward.quilt import CELL, CELLS, HOP, KEYS, LEVELS, WHIM, WHIMS, Places, cells, cut, framed, placed, sewn


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def smooth(height, width, seed=0):
    """Colours that change slowly, so that blocks differ in what is compared."""
    return torch.nn.functional.interpolate(random(1, 3, 5, 6, seed=seed), (height, width), mode="bicubic").clamp(0, 1)


def means_of_cells(picture):
    _, height, width = picture.shape
    blocks = picture[:, : height // 8 * 8, : width // 8 * 8].astype(np.float64).reshape(3, height // 8, 8, width // 8, 8)
    return blocks.mean((2, 4))


def whims(rows, columns):
    """What every comparison is off by, in Python's own whole numbers."""

    def scrambled(number):
        for turn in (1, 2, 3):
            number %= 2**31 - 1
            number = number * number + turn * 668265263
        return number % (2**31 - 1) % (2 * WHIM + 1) - WHIM

    def vectors(numbers):
        return np.array([[scrambled(number * WHIMS + one) for one in range(WHIMS)] for number in numbers])

    places = [row * 73856093 + column * 19349663 + (2**31 - 1) // 3 for row in range(rows) for column in range(columns)]
    return vectors(places) @ vectors(range(KEYS**2)).T


def test_cells():
    picture = random(1, 3, 24, 40)
    found = cells(picture)
    assert found.dtype == torch.float64
    assert_allclose(found[0], means_of_cells(picture[0].numpy()), rtol=1e-12)


@pytest.mark.parametrize(("rows", "columns", "style_size"), [(2, 3, (32, 32)), (3, 2, (75, 130)), (4, 1, (601, 90))])
def test_places_are_those_of_an_exhaustive_search(rows, columns, style_size):
    content, style = smooth(16 * rows, 16 * columns), smooth(*style_size, seed=1)
    found = placed(cells(content), cut(style))
    assert found.corners.shape == (1, rows + 1, columns + 1)
    seen = means_of_cells(style[0].numpy())
    starts = [[key * (seen.shape[axis] - CELLS + 1) // KEYS for key in range(KEYS)] for axis in (1, 2)]
    keys = [(y, x) for y in starts[0] for x in starts[1]]
    coded = np.array([np.round(LEVELS * seen[:, y : y + CELLS, x : x + CELLS]) for y, x in keys])
    wanted = np.pad(means_of_cells(content[0].numpy()), ((0, 0), (2, 2), (2, 2)), "edge")
    off = whims(rows + 1, columns + 1)
    for place, (row, column) in enumerate(np.ndindex(rows + 1, columns + 1)):
        asked = np.round(LEVELS * wanted[:, 2 * row : 2 * row + CELLS, 2 * column : 2 * column + CELLS])
        distances = ((coded - asked) ** 2).sum((1, 2, 3)) + off[place]
        y, x = keys[int(distances.argmin())]
        assert divmod(int(found.corners[0, row, column]), seen.shape[2]) == (y, x)
        assert_allclose(found.means[0, row, column], seen[:, y : y + CELLS, x : x + CELLS].mean((1, 2)), rtol=1e-6)


def test_places_do_not_depend_on_how_many_are_found_at_a_time(monkeypatch):
    content, style = smooth(160, 240), smooth(128, 96, seed=1)
    whole = placed(cells(content), cut(style))
    monkeypatch.setattr(quilt, "CHUNK", 7)
    assert torch.equal(placed(cells(content), cut(style)).corners, whole.corners)


def test_flat_regions_have_many_blocks():
    """Every block of a flat style is as good as any other."""
    found = placed(cells(torch.full((1, 3, 320, 320), 0.5)), cut(torch.full((1, 3, 512, 512), 0.5)))
    corners, counts = found.corners.unique(return_counts=True)
    assert len(corners) > 0.6 * found.corners.numel()
    assert counts.max() <= 10


def test_quilts_keep_means_and_what_is_fine():
    """By the formula: means are blended by weights, what differs from them by the weights over the root of their squares' sum."""
    style = random(2, 3, 75, 61).double()
    lattice = np.random.default_rng(0).integers(0, (6, 4), (2, 3, 4, 2))
    corners = torch.from_numpy(lattice[..., 0] * 7 + lattice[..., 1])
    blocks = [[[style[n, :, y : y + 32, x : x + 32].numpy() for y, x in CELL * row] for row in lattice[n]] for n in range(2)]
    means = torch.tensor(np.array([[[block.mean((1, 2)) for block in row] for row in one] for one in blocks]))
    found = sewn(cut(style), Places(corners, means))
    ramp = np.sin(np.pi * (np.arange(32) + 0.5) / 32) ** 2
    window = ramp[:, None] * ramp
    for n in range(2):
        weights, smooth_part, fine, energy = (np.zeros((3, 64, 80)) for _ in range(4))
        for row in range(3):
            for column in range(4):
                area = (slice(None), slice(HOP * row, HOP * row + 32), slice(HOP * column, HOP * column + 32))
                block = blocks[n][row][column]
                mean = block.mean((1, 2))[:, None, None]
                weights[area] += window
                energy[area] += window**2
                smooth_part[area] += window * mean
                fine[area] += window * (block - mean)
        inside = (slice(None), slice(HOP, -HOP), slice(HOP, -HOP))
        assert_allclose(weights[inside], 1)
        assert_allclose(found[n], (smooth_part + fine / np.sqrt(energy))[inside], atol=1e-6)


def test_a_quilt_of_the_content_s_own_blocks_looks_like_it():
    picture = smooth(96, 128)
    found = sewn(cut(picture), placed(cells(picture), cut(picture)))
    assert found.shape == picture.shape
    assert (found - picture).abs().mean() < 0.5 * (picture - picture.mean((2, 3), keepdim=True)).abs().mean()


def test_windows():
    """A part of a quilt is the part's quilt."""
    style = random(1, 3, 64, 64)
    whole = placed(cells(smooth(96, 80)), cut(style))
    assert_allclose(sewn(cut(style), whole)[:, :, 32:80, 16:64], sewn(cut(style), whole.window(slice(2, 6), slice(1, 5))), atol=1e-6)


@pytest.mark.parametrize(("size", "expected"), [((5, 90), (32, 90)), ((40, 16), (40, 32)), ((1, 1), (32, 32)), ((33, 64), (33, 64))])
def test_framed(size, expected):
    style = random(1, 3, *size)
    found = framed(style)
    assert found.shape[2:] == expected
    assert torch.equal(
        found, style[:, :, torch.arange(expected[0]).clamp(max=size[0] - 1)][..., torch.arange(expected[1]).clamp(max=size[1] - 1)]
    )
