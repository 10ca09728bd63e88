import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from impasto.feedforward.arbitrary import Arbitrary, Architecture, Modulated, Style, blend, places, quilted
from impasto.feedforward.muon import Muon
from impasto.feedforward.quilt import cells, cut, placed, sewn
from impasto.feedforward.recolour import NOISE, monge, recolour, roots
from impasto.feedforward.statistics import COLOUR, colours, covariance, mixed, moments

SEEN = {"relu1_1": 4, "relu2_1": 6}


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def told(count=1, seed=0):
    """Statistics of random colours and features."""
    found = {COLOUR: moments(random(count, 3, 9, 9, seed=seed))}
    return found | {layer: moments(2 * random(count, channels, 9, 9, seed=seed + channels)) for layer, channels in SEEN.items()}


def style(count=1, seed=0, size=(40, 56)):
    return Style(told(count, seed), ((1.0, cut(random(count, 3, *size, seed=seed + 1))),))


@pytest.fixture
def network():
    torch.manual_seed(0)
    small = Arbitrary(Architecture(SEEN, projections=3, widths=(8, 8, 16, 16), hidden=16, code=8)).eval()
    nn.init.constant_(small.gain, 1.0)  # what it changes shows
    return small


def spread(colours):
    """The covariance of [C, n] in float64."""
    return np.cov(colours.astype(np.float64), bias=True)


# Statistics and colours


def test_moments_and_covariance():
    features = random(2, 5, 7, 6)
    mean, second = moments(features)
    for one, m, s, c in zip(features.numpy(), mean, second, covariance(mean, second), strict=True):
        rows = one.reshape(5, -1).astype(np.float64)
        assert_allclose(m, rows.mean(1), rtol=1e-6)
        assert_allclose(s, rows @ rows.T / 42, rtol=1e-5)
        assert_allclose(c, spread(rows), atol=1e-6)


def test_colours_of_a_grey_picture_are_exact():
    """Rounding alone would make its covariance indefinite, and a map out of it worthless."""
    grey = 0.85 + 0.1 * random(1, 1, 900, 1200)
    picture = (grey + 1e-3 * random(1, 3, 900, 1200, seed=1)).contiguous(memory_format=torch.channels_last)
    mean, second = colours(picture)
    rows = picture[0].flatten(1).double().numpy()
    assert_allclose(mean[0], rows.mean(1), rtol=1e-6)
    assert_allclose(covariance(mean, second)[0], np.cov(rows, bias=True), atol=1e-6)


def test_mixed_statistics_are_those_of_all_pixels_together():
    one, two = random(1, 3, 4, 5), random(1, 3, 8, 5, seed=1)
    mean, second = mixed([(1 / 3, {"x": moments(one)}), (2 / 3, {"x": moments(two)})])["x"]
    rows = torch.cat([one, two], 2)[0].flatten(1).double().numpy()
    assert_allclose(mean[0], rows.mean(1), rtol=1e-5)
    assert_allclose(second[0], rows @ rows.T / rows.shape[1], rtol=1e-5)


def test_shares_may_differ_within_a_batch():
    shares = torch.tensor([0.0, 1.0])
    one, two = told(2), told(2, seed=50)
    found = mixed([(1 - shares, one), (shares, two)])
    for name, (mean, second) in found.items():
        for row, source in enumerate((one, two)):
            assert torch.equal(mean[row], source[name][0][row])
            assert torch.equal(second[row], source[name][1][row])


@pytest.mark.parametrize("smallest", [1e-4, 1e-2, 1.0])
def test_roots(smallest):
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    values = np.array([1.0, 0.3, 1.0]) * [1, 1, smallest]
    matrix = torch.from_numpy((basis * values) @ basis.T).float()[None]
    root, inverse = roots(matrix)
    assert_allclose(root[0], (basis * np.sqrt(values)) @ basis.T, atol=2e-4)
    assert_allclose(inverse[0], (basis / np.sqrt(values)) @ basis.T, rtol=1e-2, atol=1e-2)


def test_recolouring_takes_over_mean_and_covariance():
    content, style = random(1, 3, 20, 30), random(1, 3, 10, 10, seed=1) * torch.tensor([1.0, 0.5, 0.8]).view(1, 3, 1, 1)
    recoloured = recolour(content, *monge(moments(content), moments(style)))[0].flatten(1).numpy()
    assert_allclose(recoloured.mean(1), style[0].flatten(1).mean(1), atol=1e-5)
    assert_allclose(spread(recoloured), spread(style[0].flatten(1).numpy()), atol=5 * NOISE)


def test_monge_is_the_published_formula():
    content, style = moments(random(1, 3, 9, 9)), moments(random(1, 3, 9, 9, seed=1))
    before, after = (covariance(*pair)[0].double().numpy() + NOISE * np.eye(3) for pair in (content, style))

    def power(matrix, exponent):
        values, vectors = np.linalg.eigh(matrix)
        return (vectors * values**exponent) @ vectors.T

    middle = power(power(before, 0.5) @ after @ power(before, 0.5), 0.5)
    matrix, offset = monge(content, style)
    assert_allclose(matrix[0], power(before, -0.5) @ middle @ power(before, -0.5), atol=1e-4)
    assert_allclose(offset[0], style[0][0] - matrix[0] @ content[0][0], atol=1e-5)


@pytest.mark.parametrize("flat", ["content", "style", "both"])
def test_flat_pictures_are_recoloured(flat):
    content = torch.full((1, 3, 8, 8), 0.9) if flat != "style" else random(1, 3, 8, 8)
    style = torch.full((1, 3, 8, 8), 0.1) if flat != "content" else random(1, 3, 8, 8)
    recoloured = recolour(content, *monge(moments(content), moments(style)))
    assert recoloured.isfinite().all()
    assert_allclose(recoloured.mean((2, 3)), style.mean((2, 3)), atol=1e-4)


# The network


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_modulated_convolution(count, repeated):
    torch.manual_seed(1)
    layer = Modulated(4, 5, code=6, repeated=repeated)
    x, code = torch.randn(count, 4, 7, 6), torch.randn(count, 6)
    found = layer(x, code).detach()
    weight = layer.weight.detach().double().numpy()
    for row in range(count):
        scale = 1 + (layer.scale.weight.double() @ code[row].double() + layer.scale.bias).detach().numpy()
        shift = (layer.shift.weight.double() @ code[row].double() + layer.shift.bias).detach().numpy()
        modulated = weight * scale[None, :, None, None]
        modulated /= np.sqrt((modulated**2).sum((1, 2, 3), keepdims=True) + 1e-6)
        padded = np.pad(x[row].double().numpy(), ((0, 0), (1, 1), (1, 1)), "edge" if repeated else "constant")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
        assert_allclose(found[row], np.einsum("oikl,ihwkl->ohw", modulated, windows) + shift[:, None, None], atol=1e-5)


@pytest.mark.parametrize("size", [(16, 16), (33, 50), (1, 1), (7, 90)])
def test_any_size(network, size):
    with torch.no_grad():
        painting = network(random(1, 3, *size), style())
    assert painting.shape == (1, 3, *size)
    assert painting.isfinite().all()


def test_without_gradients_it_computes_the_same_in_less_memory(network):
    content, known = random(1, 3, 40, 33), style()
    with torch.no_grad():
        kept = content.clone()
        quick = network(content, known)
    assert torch.equal(content, kept)
    assert_allclose(quick, network(content, known).detach(), atol=1e-6)


def test_a_batch_is_painted_one_by_one(network):
    content, known = random(2, 3, 32, 48), style(2)
    with torch.no_grad():
        together = network(content, known)
        for row in range(2):
            own = {name: (m[row : row + 1], s[row : row + 1]) for name, (m, s) in known.statistics.items()}
            alone = network(content[row : row + 1], Style(own, ((1.0, cut(random(2, 3, 40, 56, seed=1)[row : row + 1])),)))
            assert_allclose(together[row], alone[0], atol=1e-4)


def test_the_style_decides(network):
    content = random(1, 3, 32, 32)
    with torch.no_grad():
        first, second = style(), style(seed=9)
        painting = network(content, first)
        assert (painting - network(content, second)).abs().max() > 0.05
        assert (painting - network(content, Style(first.statistics, second.swatches))).abs().max() > 1e-3


def test_what_the_network_adds_has_no_checkerboard(network):
    both, mean = random(1, 3, 64, 64).repeat(1, 2, 1, 1), torch.zeros(1, 3)
    with torch.no_grad():
        seen = network.look(both)
        deepest = network.deepest(seen[-1])
        code = network.code(told(), network.summary(deepest))
        plan = network.plan(deepest, code)
        added = network.paint(both, mean, seen, plan, code)
        network.gain.zero_()
        added -= network.paint(both, mean, seen, plan, code)
    inside = added[0, :, 1:-1, 1:-1].double().numpy()
    assert np.abs(inside).mean() > 0.05
    sign = (-1.0) ** np.arange(62)
    for pattern in (sign[:, None] * sign[None], np.broadcast_to(sign[:, None], (62, 62)), np.broadcast_to(sign[None], (62, 62))):
        # Up to what two missing rows at the border leave.
        assert np.abs((inside * pattern).mean((1, 2))).max() < 0.05 * np.abs(inside).mean()


def doubled(rows, times):
    """Rows of cells brought to twice as many, so often, by the weights of bilinear interpolation."""
    places = ((np.arange(times * len(rows)) + 0.5) / times - 0.5).clip(0, len(rows) - 1)
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, len(rows) - 1)
    share = (places - before).reshape(-1, *(1,) * (rows.ndim - 1))
    return (1 - share) * rows[before] + share * rows[after]


def larger(picture, times):
    """A picture [3, h, w] so many times as large."""
    return doubled(doubled(picture.swapaxes(0, 1), times).swapaxes(0, 2), times).swapaxes(0, 2).swapaxes(0, 1)


@pytest.mark.parametrize("shares", [(1, 0, 1, 0, 1, 0), (0, 1, 0, 1, 0, 1), (0, 0, 0, 0, 0, 0), (0.9, 0.3, 0.2, -0.4, 0.5, 1.5)], ids=str)
def test_octaves_of_picture_and_quilt_are_mixed_as_asked(network, shares):
    base, quilt, mean = random(1, 3, 64, 48), random(1, 3, 64, 48, seed=1), random(1, 3, seed=2)
    with torch.no_grad():
        network.gain.zero_()
        network.mix.bias.copy_(torch.tensor(shares))
        both = torch.cat([base, quilt], 1)
        found = network.paint(both, mean, network.look(both), torch.zeros(1, 16, 4, 3), network.code(told(), torch.ones(1, 32)))
    expected = mean[0].double().numpy()[:, None, None] + np.zeros((3, 64, 48))
    for column, picture in enumerate((base, quilt)):
        fine = picture[0].double().numpy()
        half, eighth = (fine.reshape(3, 64 // side, side, 48 // side, side).mean((2, 4)) for side in (2, 8))
        half = larger(half, 2)
        # An eighth is brought to a half first, and then to the whole, like the half.
        eighth = larger(larger(fine.reshape(3, 8, 8, 6, 8).mean((2, 4)), 4), 2)
        octaves = (fine - half, half - eighth, eighth - mean[0].double().numpy()[:, None, None])
        expected += sum(share * octave for share, octave in zip(shares[column::2], octaves, strict=True))
    assert_allclose(found[0], expected, atol=2e-6)


def test_quilts_of_several_pictures():
    """Beside the picture; each is placed on its own; what the shares leave is the content's, and they may differ within a batch."""
    content, first, second = random(2, 3, 32, 48), random(2, 3, 40, 56, seed=1), random(2, 3, 64, 33, seed=2)
    matrix, offset = torch.eye(3).expand(2, 3, 3) * 0.5, torch.full((2, 3), 0.25)
    base = recolour(content, matrix, offset)
    shares = torch.tensor([0.5, 0.25])
    known = Style(told(2), ((shares, cut(first)), (0.25, cut(second))))
    picture, found = quilted(base, known, places(cells(content), matrix, offset, known)).chunk(2, 1)
    assert torch.equal(picture, base)
    one, two = (sewn(cut(pixels), placed(cells(base), cut(pixels))) for pixels in (first, second))
    assert_allclose(found[0], 0.5 * one[0] + 0.25 * two[0] + 0.25 * base[0], atol=1e-5)
    assert_allclose(found[1], 0.25 * one[1] + 0.25 * two[1] + 0.5 * base[1], atol=1e-5)
    assert torch.equal(quilted(base, Style(told(2)), []), base.repeat(1, 2, 1, 1))


def test_blends():
    first, second = style(), style(seed=3, size=(64, 33))
    found = blend([(0.25, first), (0.75, second)])
    assert_allclose(found.statistics[COLOUR][0], 0.25 * first.statistics[COLOUR][0] + 0.75 * second.statistics[COLOUR][0], rtol=1e-6)
    assert [share for share, _ in found.swatches] == [0.25, 0.75]
    assert [swatches for _, swatches in found.swatches] == [first.swatches[0][1], second.swatches[0][1]]
    assert [share for share, _ in blend([(0.5, found), (0.5, Style(told(seed=7)))]).swatches] == [0.125, 0.375]


def test_bfloat16_convolutions_paint_nearly_the_same(network):
    content = random(1, 3, 48, 48)
    with torch.no_grad():
        exact = network(content, style())
        network.precision = torch.bfloat16
        rough = network(content, style())
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().mean() < 0.03 * (exact - content).abs().mean()


# Training


@pytest.mark.parametrize("shape", [(6, 10), (10, 6), (4, 2, 3, 3)])
def test_muon_orthogonalises_its_updates(shape):
    parameter = nn.Parameter(torch.zeros(shape))
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    optimiser = Muon([parameter], lr=0.5, momentum=0.9)
    parameter.grad = gradient.clone()
    optimiser.step()
    u, _, vh = np.linalg.svd(gradient.flatten(1).double().numpy(), full_matrices=False)
    rows, columns = gradient.flatten(1).shape
    update = -parameter.detach().flatten(1).double().numpy() / (0.5 * max(1, rows / columns) ** 0.5)
    # Five iterations bring singular values near 1, not onto it.
    strengths = np.diag(u.T @ update @ vh.T)
    assert_allclose(update, (u * strengths) @ vh, atol=1e-3)
    assert strengths.min() > 0.6
    assert strengths.max() < 1.3
