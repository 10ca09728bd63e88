"""Strokes as SVG: the curves against the B-spline's formula, the file against its grammar."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from impasto.classic.easel import moments
from impasto.classic.presets import PRESETS
from impasto.classic.strokes import Strokes
from impasto.classic.svg import beziers, svg

NAMESPACE = "{http://www.w3.org/2000/svg}"


def basis(t):
    """The uniform cubic B-spline on its support, [0, 4]."""
    pieces = [t**3, -3 * t**3 + 12 * t**2 - 12 * t + 4, 3 * t**3 - 24 * t**2 + 60 * t - 44, (4 - t) ** 3]
    return np.select([(k <= t) & (t <= k + 1) for k in range(4)], pieces, 0.0) / 6


@pytest.mark.parametrize("count", [2, 3, 9])
def test_beziers_are_the_b_spline(count):
    points = np.random.default_rng(0).random((count, 2)) * 100
    whole = np.concatenate([points[[0, 0]], points, points[[-1, -1]]])
    handles = beziers(points)
    spans = (len(handles) - 1) // 3
    assert len(handles) == 3 * spans + 1
    assert spans == count + 1
    t = np.linspace(0, 1, 11)
    for span in range(spans):
        a, b, c, d = handles[3 * span : 3 * span + 4, None]
        s = t[:, None]
        found = (1 - s) ** 3 * a + 3 * (1 - s) ** 2 * s * b + 3 * (1 - s) * s**2 * c + s**3 * d
        wanted = sum(basis(span + 3 + t - k)[:, None] * point for k, point in enumerate(whole))
        np.testing.assert_allclose(found, wanted, atol=1e-10)


def drawn(path):
    """The handles and ends that a path of the letters that we write stands for, in pixels."""
    start, curve, smooth = re.fullmatch(r"M(-?\d+ -?\d+)(?:h0|c([-\d ]+)s([-\d ]+))", path).groups()
    place = np.array(start.split(), float)
    if curve is None:
        return place[None] / 10
    first, rest = (np.array(re.findall(r"-?\d+", text), float).reshape(-1, 2) for text in (curve, smooth))
    handles = [place, *(place + first)]
    for before, end in rest.reshape(-1, 2, 2):
        place = handles[-1]
        handles += [2 * place - handles[-2], place + before, place + end]
    return np.array(handles) / 10


def test_file():
    points = np.array([[[1.5, 2.25], [4, 8], [9.126, 3]], [[-0.001, 7], [0, 0], [0, 0]]], np.float32)
    strokes = Strokes(2.5, points, np.array([3, 1], np.int32), np.array([[1, 0, 0.5], [1.2, -0.1, 0]], np.float32))
    root = ElementTree.fromstring(svg([strokes], (30, 40), (1, 1, 0), 0.7))
    assert root.tag == NAMESPACE + "svg"
    assert root.get("viewBox") == "0 0 40 30"
    rectangle, group = root
    assert (rectangle.get("width"), rectangle.get("height"), rectangle.get("fill")) == ("40", "30", "#ffff00")
    assert (group.get("transform"), group.get("stroke-opacity"), group.get("stroke-linecap")) == (
        "translate(.5 .5) scale(.1)",
        "0.7",
        "round",
    )
    (layer,) = group
    assert layer.get("stroke-width") == "50"  # tenths
    curve, dab = layer
    assert curve.get("stroke") == "#ff0080"
    assert dab.get("stroke") == "#ff0000"
    np.testing.assert_allclose(drawn(curve.get("d")), beziers(points[0].astype(float)), atol=0.25)
    np.testing.assert_allclose(drawn(curve.get("d"))[::3], beziers(points[0].astype(float))[::3], atol=0.051)
    assert drawn(dab.get("d")).tolist() == [[0, 7]]


@pytest.mark.parametrize(("glaze", "darken"), [(0.0, False), (0.3, False), (0.9, True)])
def test_transparent_paint_darkens(glaze, darken):
    text = svg([], (3, 4), (1, 1, 1), glaze=glaze)
    assert ("mix-blend-mode:darken" in text) == darken
    ElementTree.fromstring(text)


@pytest.mark.parametrize("name", ["oil", "pointillist"])
def test_a_whole_painting(name):
    picture = np.random.default_rng(0).random((4, 5, 3), np.float32).repeat(8, 0).repeat(8, 1)
    layers = [moment.strokes for moment in moments(picture, PRESETS[name], seed=0)]
    root = ElementTree.fromstring(svg(layers, (32, 40), (0.5, 0.5, 0.5)))
    paths = root.findall(f".//{NAMESPACE}path")
    begins = np.concatenate([strokes.points[:, 0] for strokes in layers])
    assert len(paths) == len(begins) > 50
    np.testing.assert_allclose([drawn(path.get("d"))[0] for path in paths], begins, atol=0.051)
