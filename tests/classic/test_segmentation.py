"""Segmentation against analytic pictures."""

import numpy as np
import pytest
from scenes import BLUE, CREAM, GREEN, RED, shapes

from impasto.classic import segmentation
from impasto.classic.segmentation import Level


def segment(picture, detail, focus=None, smallest=30):
    return segmentation.segment(picture, Level(detail=detail, smallest=(smallest, smallest)), focus, 1_000_000)


def same_partition(one, other):
    pairs = set(zip(one.ravel().tolist(), other.ravel().tolist(), strict=True))
    return len(pairs) == len(np.unique(one)) == len(np.unique(other))


def test_flat_shapes_are_recovered():
    picture, labels = shapes()
    found = segment(picture, 0.3)
    assert same_partition(found.labels, labels)
    for label, colour in enumerate((CREAM, RED, BLUE, GREEN)):
        mine = found.labels[labels == label][0]
        assert found.colours[mine] == pytest.approx(colour, abs=1e-5)
        assert np.abs(found.slopes[mine]).max() < 1e-3


def test_slopes_of_a_gradient():
    y, x = np.mgrid[:100, :160] + 0.5
    picture = np.stack([0.5 + 0.1 * (x / 160 - 0.5), 0.5 - 0.2 * (y / 100 - 0.5), 0 * x + 0.5], -1).astype(np.float32)
    found = segmentation.described(np.zeros((100, 160), np.int32), picture)
    assert found.slopes[0] == pytest.approx(np.array([[0.1, 0, 0], [0, -0.2, 0]]), abs=2e-3)
    assert found.centres[0] == pytest.approx([0.5, 0.5], abs=1e-4)


def test_detail_and_focus_keep_regions():
    patches = np.random.default_rng(0).uniform(0.3, 0.7, (12, 16, 3)).astype(np.float32)
    picture = np.tile(np.kron(patches, np.ones((8, 8, 1), np.float32)), (1, 2, 1))
    counts = [len(segment(picture, detail).colours) for detail in (0.0, 0.5, 1.0)]
    assert counts[0] < counts[1] < counts[2]
    focus = np.zeros(picture.shape[:2], np.float32)
    focus[:, 128:] = 1
    labels = segment(picture, 0.3, focus).labels
    assert len(np.unique(labels[:, 128:])) > 2 * len(np.unique(labels[:, :128]))
    labels = segment(picture, 0.3, 1 - focus).labels
    assert len(np.unique(labels[:, :128])) > 2 * len(np.unique(labels[:, 128:]))


def test_structure_keeps_regions(monkeypatch):
    """Among the same faint spots on both sides, those between strong edges stay."""
    generator = np.random.default_rng(0)
    spots = np.kron(generator.uniform(-0.05, 0.05, (8, 8)), np.ones((12, 12)))
    picture = np.full((96, 192, 3), 0.5) + np.tile(spots, (1, 2))[..., None]
    picture[:, 96::24] = 0
    picture = picture.astype(np.float32)
    halves = []
    for structure in (0.0, 2.0):
        monkeypatch.setattr(segmentation, "STRUCTURE", structure)
        labels = segment(picture, 0.4).labels
        halves.append([len(np.unique(half)) for half in (labels[:, :96], labels[:, 96:])])
    assert halves[1][1] / halves[1][0] > 2 * halves[0][1] / halves[0][0]


@pytest.mark.parametrize("size", [(20, 30), (7, 11), (40, 60)])
def test_reduced_is_the_mean_over_areas(size):
    picture = np.random.default_rng(0).random((40, 60, 2), np.float32)
    # Every pixel repeated as often as makes the areas whole ones.
    fine = np.repeat(np.repeat(picture.astype(float), size[0], 0), size[1], 1)
    expected = fine.reshape(size[0], 40, size[1], 60, 2).mean((1, 3))
    assert segmentation.reduced(picture, size) == pytest.approx(expected, abs=1e-5)


def test_areas_are_in_units():
    """A picture twice as large has the same regions."""
    picture, labels = shapes()
    large = picture.repeat(2, 0).repeat(2, 1)
    found = segment(large, 0.3)
    assert same_partition(found.labels, labels.repeat(2, 0).repeat(2, 1))
    # A disc of 10 pixels in radius has an area of about 2600 in units of a picture 352 pixels wide.
    y, x = np.mgrid[:264, :352] + 0.5
    dot = np.where((np.hypot(x - 176, y - 132) < 10)[..., None], np.float32(RED), np.float32(CREAM))
    assert [len(segment(dot, 0.3, smallest=area).colours) for area in (1000, 40_000)] == [2, 1]
