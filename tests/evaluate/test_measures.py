"""Scores: each figure against the same formula written another way, what it is for equal pictures, and that it ranks as an eye does."""

import itertools
import math

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view

from impasto import encoders, examples, picture, styles
from impasto.encoders.tensors import scale, tensor
from impasto.errors import PictureError
from impasto.evaluate import measures
from impasto.evaluate.measures import (
    CONTENT_LAYER,
    MEASURES,
    SIFID_LAYER,
    STYLE_LAYERS,
    Judge,
    colour_distance,
    content_distance,
    edge_ssim,
    grain,
    luminance,
    sifid,
    ssim,
    style_distance,
)

SIDE = 96


@pytest.fixture(scope="module")
def encoder():
    return encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder


@pytest.fixture(scope="module")
def judge(encoder):
    return Judge(encoder)


@pytest.fixture(scope="module")
def content():
    """A square of a photograph."""
    return scale(tensor(picture.read(examples.path("chelsea")).picture), SIDE * 3 // 2)[..., :SIDE, :SIDE]


def painted(name):
    """A square of a style picture."""
    return scale(tensor(picture.read(styles.path(name)).picture), SIDE * 3 // 2)[..., :SIDE, :SIDE]


def noise(*shape, seed=0, precision=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=precision)


def flat(level, height=24, width=32):
    return torch.full((1, 3, height, width), level)


def rises(values):
    return all(after > before for before, after in itertools.pairwise(values))


# The formulas, once more.


def grey(x):
    red, green, blue = x[0].double().numpy()
    return 0.299 * red + 0.587 * green + 0.114 * blue


def lab(x):
    """CIELAB of sRGB under D65 by IEC 61966-2-1 and CIE 15, ``[n, 3]``."""
    values = x[0].double().flatten(1).numpy().T
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratios = linear @ to_xyz.T / [0.95047, 1.0, 1.08883]
    x, y, z = np.where(ratios > (6 / 29) ** 3, np.cbrt(ratios), ratios / (3 * (6 / 29) ** 2) + 4 / 29).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def sliced(one, other, directions):
    """The mean of W₁ = ∫ |F⁻¹ - G⁻¹|, by inverse distribution functions of as many steps each."""
    distances = []
    for line in directions:
        f, g = np.sort(one @ line).repeat(len(other)), np.sort(other @ line).repeat(len(one))
        distances.append(np.abs(f - g).mean())
    return np.mean(distances)


def anywhere(count):
    directions = np.random.default_rng(5).normal(size=(count, 3))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def similarity(one, other, values):
    c1, c2 = (0.01 * values) ** 2, (0.03 * values) ** 2
    scores = []
    for a, b in zip(*(sliding_window_view(x, (7, 7)).reshape(-1, 49) for x in (one, other)), strict=True):
        (aa, ab), (_, bb) = np.cov(a, b)
        scores.append((2 * a.mean() * b.mean() + c1) * (2 * ab + c2) / ((a.mean() ** 2 + b.mean() ** 2 + c1) * (aa + bb + c2)))
    return np.mean(scores)


SOBEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]]) / 4


def steepness(x):
    windows = sliding_window_view(np.pad(x, 1, "symmetric"), (3, 3))
    return np.sqrt(((windows * SOBEL).sum((2, 3)) ** 2 + (windows * SOBEL.T).sum((2, 3)) ** 2) / 2)


def test_style_distance():
    shapes = {"relu1_1": (3, (8, 9), (5, 4)), "relu2_1": (6, (4, 4), (2, 1))}
    result = {layer: noise(1, n, *size, precision=torch.float64) for layer, (n, size, _) in shapes.items()}
    style = {layer: noise(1, n, *size, seed=1, precision=torch.float64) - 0.3 for layer, (n, _, size) in shapes.items()}

    def matrix(features):
        return np.einsum("ihw,jhw->ij", features[0], features[0]) / features[0, 0].numel()

    expected = [
        np.linalg.norm(matrix(result[layer]) - matrix(style[layer])) ** 2 / np.linalg.norm(matrix(style[layer])) ** 2 for layer in style
    ]
    assert expected[0] != pytest.approx(expected[1], rel=0.1)
    assert style_distance(result, style) == pytest.approx(np.mean(expected), rel=1e-9)
    assert style_distance({layer: 0 * x for layer, x in result.items()}, style) == pytest.approx(1)


def test_style_distance_knows_no_place_and_no_size():
    style = {"relu1_1": noise(1, 5, 6, 8)}
    shuffled = style["relu1_1"].flatten(2)[..., torch.randperm(48, generator=torch.Generator().manual_seed(0))].view(1, 5, 6, 8)
    assert style_distance({"relu1_1": shuffled}, style) == pytest.approx(0, abs=1e-10)
    assert style_distance({"relu1_1": shuffled.repeat(1, 1, 2, 1)}, style) == pytest.approx(0, abs=1e-10)


def test_content_distance():
    result, target = noise(1, 4, 5, 6), noise(1, 4, 5, 6, seed=1)
    f, p = result.double().numpy().ravel(), target.double().numpy().ravel()
    assert content_distance(result, target) == pytest.approx((f - p) @ (f - p) / (p @ p), rel=1e-5)
    assert content_distance(0 * result, target) == pytest.approx(1)
    assert content_distance(3 * target, target) == pytest.approx(4)


@pytest.mark.parametrize("positions", [((9, 10), (8, 7)), ((3, 2), (9, 9)), ((2, 2), (3, 1))])
def test_sifid(positions):
    """With the eigenvalues of the covariances' product, and with fewer positions than the 8 channels, too."""
    mixing = noise(8, 8, seed=3, precision=torch.float64)
    one, other = (
        torch.einsum("ij,njhw->nihw", mixing, noise(1, 8, *size, seed=i, precision=torch.float64)) for i, size in enumerate(positions)
    )
    other = other * 1.5 + 0.2
    a, b = (x[0].flatten(1).numpy() for x in (one, other))
    c1, c2 = np.cov(a), np.cov(b)
    roots = np.sqrt(np.linalg.eigvals(c1 @ c2).real.clip(0))
    expected = ((a.mean(1) - b.mean(1)) ** 2).sum() + np.trace(c1) + np.trace(c2) - 2 * roots.sum()
    assert sifid(one, other) == pytest.approx(expected, rel=1e-6)
    assert sifid(other, one) == pytest.approx(expected, rel=1e-6)


def test_sifid_of_known_distributions():
    """Moving all features by v costs |v|²; making them s times as large, about their mean, costs (1 - s)² tr C."""
    one = noise(1, 6, 12, 12, precision=torch.float64)
    mean = one.mean((2, 3), keepdim=True)
    assert sifid(one + 2, one) == pytest.approx(6 * 2**2)
    assert sifid((one - mean) * 3 + mean, one) == pytest.approx(4 * one.flatten(2).var(2).sum().item())


@pytest.mark.parametrize("shape", [(1, 40, 9, 9), (1, 40, 2, 3), (1, 40, 1, 1)])
def test_sifid_of_equal_features(shape):
    features = 1e3 * noise(*shape)
    assert 0 <= sifid(features, features) < 1e-6
    assert sifid(features.expand(1, 40, *shape[2:]), 0 * features) > 0


def test_sifid_of_one_position():
    """It has a mean and no covariance."""
    point, many = noise(1, 5, 1, 1), noise(1, 5, 6, 6, seed=1)
    rows = many[0].flatten(1).double().numpy()
    expected = ((point.flatten().double().numpy() - rows.mean(1)) ** 2).sum() + rows.var(1, ddof=1).sum()
    assert sifid(point, many) == pytest.approx(expected)


def test_colour_distance():
    """Near to that along a great many lines."""
    one, other = noise(1, 3, 6, 7), noise(1, 3, 5, 8, seed=1) ** 2 * torch.tensor([1.0, 0.6, 0.3])[:, None, None]
    assert colour_distance(one, other) == pytest.approx(sliced(lab(one), lab(other), anywhere(2000)), rel=0.04)


def test_colour_distance_of_flat_pictures():
    """Half of how far apart they are: the mean of |cos| over a sphere."""
    one, other = (torch.tensor(rgb).view(1, 3, 1, 1).expand(1, 3, 4, 5) for rgb in ((0.8, 0.3, 0.2), (0.2, 0.5, 0.3)))
    assert colour_distance(one, other) == pytest.approx(np.linalg.norm(lab(one)[0] - lab(other)[0]) / 2, rel=0.04)
    assert colour_distance(flat(0.7), flat(0.2)) == pytest.approx((lab(flat(0.7)) - lab(flat(0.2)))[0, 0] / 2, rel=1e-3)


def test_colour_distance_knows_no_place():
    one = noise(1, 3, 9, 8)
    assert colour_distance(one.flip(2), one) == pytest.approx(0, abs=1e-9)
    assert colour_distance(one.repeat(1, 1, 2, 3), one) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("period", [2, 3, 4, 8])
@pytest.mark.parametrize("axis", [2, 3])
def test_colour_distance_of_large_pictures(period, axis):
    """Of more pixels than are looked at, a fair share is, even of stripes as fine as a grid would be."""
    stripes = torch.zeros(1, 3, 256, 384)
    stripes.index_fill_(axis, torch.arange(0, stripes.shape[axis], period), 1.0)
    assert stripes[0, 0].numel() > measures.COLOURS
    few = torch.zeros(1, 3, 1, period)
    few[..., 0] = 1
    assert colour_distance(stripes, few) == pytest.approx(0, abs=0.5)  # of 50 between black and white


def test_colour_distance_of_a_sample(monkeypatch):
    """A sample's figure is that of all pixels, to a hundredth."""
    one, other = (scale(tensor(picture.read(styles.path(name)).picture), 256) for name in ("starry", "fauve"))
    assert one[0, 0].numel() > measures.COLOURS
    sampled = colour_distance(one, other)
    monkeypatch.setattr(measures, "COLOURS", one[0, 0].numel() + other[0, 0].numel())
    assert sampled == pytest.approx(colour_distance(one, other), rel=0.01)


def test_grain():
    one, other = noise(1, 3, 9, 12), noise(1, 3, 7, 7, seed=1) * 0.3

    def mean(x):
        y = np.pad(grey(x), 1, "edge")
        return np.abs(y[:-2, 1:-1] + y[2:, 1:-1] + y[1:-1, :-2] + y[1:-1, 2:] - 4 * y[1:-1, 1:-1]).mean()

    assert grain(one, other) == pytest.approx(mean(one) / mean(other))


def test_grain_of_flat_pictures():
    assert grain(flat(0.5), flat(0.1)) == 1
    assert grain(flat(0.5), noise(1, 3, 20, 20)) < 1e-3
    assert 100 < grain(noise(1, 3, 20, 20), flat(0.5)) < 1e5


def test_ssim():
    one = noise(1, 3, 13, 17)
    other = (0.6 * one + 0.4 * noise(1, 3, 13, 17, seed=1)) * 0.7
    assert ssim(one, other) == pytest.approx(similarity(grey(one), grey(other), 1.0), rel=1e-6)


def test_edge_ssim():
    one = noise(1, 3, 13, 17)
    other = (0.6 * one + 0.4 * noise(1, 3, 13, 17, seed=1)) * 0.7
    assert edge_ssim(one, other) == pytest.approx(similarity(steepness(grey(one)), steepness(grey(other)), math.sqrt(5 / 8)), rel=1e-6)


def test_the_steepest_edge():
    """Of all windows of black and white; steepness is convex, so that none between is steeper."""
    windows = np.array(list(itertools.product((0.0, 1.0), repeat=9))).reshape(-1, 3, 3)
    steepest = max(np.sqrt(((window * SOBEL).sum() ** 2 + (window * SOBEL.T).sum() ** 2) / 2) for window in windows)
    assert steepest == pytest.approx(measures.STEEPEST)


def test_edges_have_no_sign(content):
    """A negative has the same edges."""
    assert edge_ssim(1 - content, content) == pytest.approx(1)
    assert ssim(1 - content, content) < 0


def test_luminance():
    x = noise(1, 3, 4, 5)
    assert luminance(x).shape == (4, 5)
    np.testing.assert_allclose(luminance(x), grey(x), rtol=1e-12)


@pytest.mark.parametrize("size", [(6, 20), (20, 6), (1, 1)])
@pytest.mark.parametrize("figure", [ssim, edge_ssim])
def test_too_small(figure, size):
    height, width = size
    with pytest.raises(PictureError, match=f"{width} x {height} pixels is too small.*at least 7 x 7"):
        figure(noise(1, 3, *size), noise(1, 3, *size))


def test_judge_names_its_scores(judge, content):
    scores = judge(content, content, painted("waves"))
    assert list(scores) == [name for name in MEASURES if name not in ("deception", "seconds")]
    assert all(type(score) is float for score in scores.values())


@pytest.mark.parametrize("size", [(64, 80), (33, 47), (7, 7)])
def test_equal_pictures(judge, content, size):
    same = content[..., : size[0], : size[1]]
    scores = judge(same, same, same)
    assert scores == pytest.approx({name: MEASURES[name].ideal for name in scores}, abs=1e-6)
    assert all(scores[name] >= 0 for name in ("style", "sifid", "colour", "content"))


def test_judge_compares_what_it_should(encoder, content):
    """With each picture and layer in its place."""
    style, result = painted("fauve")[..., :70, :], 0.5 * content + 0.5 * painted("waves")
    layers = (*STYLE_LAYERS, CONTENT_LAYER, SIFID_LAYER)
    f, p, s = (encoder(x, layers) for x in (result, content, style))
    expected = {
        "style": np.mean([style_distance({layer: f[layer]}, {layer: s[layer]}) for layer in STYLE_LAYERS]),
        "sifid": sifid(f["relu3_1"], s["relu3_1"]),
        "colour": colour_distance(result, style),
        "grain": grain(result, style),
        "content": content_distance(f["relu4_2"], p["relu4_2"]),
        "ssim": ssim(result, content),
        "edges": edge_ssim(result, content),
    }
    assert Judge(encoder)(result, content, style) == pytest.approx(expected, rel=1e-4)


def test_judge_takes_other_layers(encoder, content):
    style = painted("fauve")
    found = Judge(encoder, style_layers=("relu2_1",), content_layer="relu1_1", sifid_layer="relu2_2")(1 - content, content, style)
    layers = ("relu1_1", "relu2_1", "relu2_2")
    f, p, s = (encoder(x, layers) for x in (1 - content, content, style))
    assert found["style"] == pytest.approx(style_distance({"relu2_1": f["relu2_1"]}, {"relu2_1": s["relu2_1"]}), rel=1e-4)
    assert found["content"] == pytest.approx(content_distance(f["relu1_1"], p["relu1_1"]), rel=1e-4)
    assert found["sifid"] == pytest.approx(sifid(f["relu2_2"], s["relu2_2"]), rel=1e-4)


def test_judging_twice_is_judging_once(judge, content):
    style = painted("mosaic")
    assert judge(content, content, style) == judge(content.clone(), content.clone(), style.clone())


@pytest.mark.parametrize("levels", list(itertools.product((0.0, 0.5), repeat=3)))
def test_flat_pictures(judge, levels):
    scores = judge(*map(flat, levels))
    assert all(math.isfinite(score) for score in scores.values())
    assert scores["grain"] == 1


def test_flat_pictures_among_others(judge, content):
    for trio in itertools.product((content, 0 * content), repeat=3):
        assert all(math.isfinite(score) for score in judge(*trio).values())


def test_features_of_nothing():
    """Divided by no 0, not even where the network sees nothing."""
    some, none = noise(1, 4, 3, 3), torch.zeros(1, 4, 3, 3)
    assert content_distance(none, none) == style_distance({"a": none}, {"a": none}) == sifid(none, none) == 0
    assert math.isfinite(content_distance(1e9 * some, none))
    assert math.isfinite(style_distance({"a": 1e5 * some}, {"a": none}))


@pytest.mark.parametrize("style", ["waves", "inkwash"])
def test_more_and_more_noise(judge, content, style):
    """The further from the content, the worse."""
    wild = torch.randn(content.shape, generator=torch.Generator().manual_seed(0))
    series = [judge((content + amount * wild).clamp(0, 1), content, painted(style)) for amount in (0, 0.02, 0.05, 0.1, 0.2, 0.4)]
    assert rises([scores["content"] for scores in series])
    assert rises([1 - scores["ssim"] for scores in series])
    assert rises([1 - scores["edges"] for scores in series])
    assert rises([scores["grain"] for scores in series])


@pytest.mark.parametrize("style", ["waves", "starry", "fauve"])
@pytest.mark.parametrize("way", ["glaze", "patches"])
def test_more_and_more_style(judge, content, style, way):
    """The more of the style lies over the content, or replaces it in patches, the better."""
    wanted = painted(style)
    squares = noise(1, 1, 8, 8, seed=2).flatten().argsort().argsort().view(1, 1, 8, 8)
    rank = squares.repeat_interleave(SIDE // 8, 2).repeat_interleave(SIDE // 8, 3) + 0.5
    series = []
    # A glaze thinner than the first only takes contrast from the content, which is no style.
    for share in (0.2, 0.4, 0.6, 0.8, 1):
        cover = torch.full_like(rank, share) if way == "glaze" else (rank < 64 * share).float()
        series.append(judge(content * (1 - cover) + wanted * cover, content, wanted))
    for name in ("style", "sifid", "colour"):
        values = [scores[name] for scores in series]
        assert rises(values[::-1]), (name, values)
        assert values[-1] == pytest.approx(0, abs=1e-4)
