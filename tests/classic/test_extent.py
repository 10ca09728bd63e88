"""What marks are in proportion to, and that a long thin picture costs no more than a square one of as many pixels."""

import numpy as np
import pytest

from impasto.classic import painter, quilting
from impasto.classic.extent import extent
from impasto.classic.segmentation import Level, segment

ORDINARY = [(224, 224), (300, 400), (1024, 256), (150, 600), (1, 4)]
THIN = [(10, 5000), (5000, 10), (1, 50_000)]


@pytest.mark.parametrize("size", ORDINARY)
def test_ordinary_pictures_go_by_their_longest_side(size):
    assert extent(size) == max(size)
    assert extent((*size, 3)) == max(size)


@pytest.mark.parametrize(("size", "expected"), [((10, 5000), 40), ((5000, 10), 40), ((1, 50_000), 4), ((100, 401), 400)])
def test_thin_pictures_go_by_their_shortest_side(size, expected):
    assert extent(size) == expected


def task(size, **options):
    content = np.random.default_rng(0).random((*size, 3), np.float32)
    return painter.Task(
        size=size, options=options, seed=0, callback=lambda *_: None, content=content, style=None, pair=None, focus=None, frames=32
    )


def asked_of_kuwahara(size, monkeypatch):
    asked = []
    monkeypatch.setattr(painter, "kuwahara", lambda picture, *lengths, callback: asked.append(lengths) or picture)
    painter.RENDERERS["kuwahara"](task(size, brush=1.0))
    return asked[0]


@pytest.mark.parametrize("size", ORDINARY)
def test_kuwahara_of_ordinary_pictures(size, monkeypatch):
    assert asked_of_kuwahara(size, monkeypatch) == (5 * max(size) / 512, 2 * max(size) / 512)


@pytest.mark.parametrize("size", THIN)
def test_kuwahara_visits_no_more_of_a_thin_picture(size, monkeypatch):
    """An ellipse of the radius' square for every pixel, and two passes of the directions' Gaussian."""
    (radius, smoothing), (of_square, smoothing_of_square) = (asked_of_kuwahara(each, monkeypatch) for each in (size, (224, 224)))
    pixels = size[0] * size[1]
    assert pixels * radius**2 <= 224**2 * of_square**2
    assert pixels * smoothing <= 224**2 * smoothing_of_square


@pytest.mark.parametrize("size", [(10, 500), (500, 10)])
def test_regions_of_a_thin_picture_are_smaller_than_it_is_wide(size):
    stripes = np.repeat(np.arange(500) // 5 % 2, 10).reshape(500, 10).astype(np.float32)
    stripes = stripes if size[0] == 500 else stripes.T
    regions = segment(0.2 + 0.6 * np.repeat(stripes[..., None], 3, -1), Level(detail=1.0, smallest=(20, 20)), None, 1_000_000)
    assert regions.unit == 40 / 1024
    assert len(regions.colours) == 100


@pytest.mark.parametrize("size", [(10, 500), (500, 10)])
def test_quilting_lays_no_more_than_a_thin_picture_needs(size, monkeypatch):
    laid = []
    lay = quilting._lay
    monkeypatch.setattr(quilting, "_lay", lambda canvas, block, *rest: laid.append(block.shape[:2]) or lay(canvas, block, *rest))
    source = np.random.default_rng(0).random((64, 64, 3), np.float32)
    quilting.transferred(source, task(size).content, seed=0, iterations=1)
    assert sum(height * width for height, width in laid) < 3 * size[0] * size[1]
