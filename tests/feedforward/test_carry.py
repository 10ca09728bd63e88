"""Statistics of a picture, and the linear map that carries one distribution onto another, against formulas with eigenvectors."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from impasto.feedforward.carry import COLOURS, FEATURES, monge, roots, turn
from impasto.feedforward.statistics import moments

CHANNELS = pytest.mark.parametrize("channels", [3, 24])


def features(channels, seed=0, count=400):
    """Correlated channels ``[1, C, 20, 20]`` of unlike sizes."""
    generator = np.random.default_rng(seed)
    mixed = generator.standard_normal((channels, channels)) * np.geomspace(0.02, 0.4, channels)
    values = mixed @ generator.random((channels, count)) + generator.random((channels, 1))
    return torch.from_numpy(values.reshape(1, channels, 20, -1)).float()


def blurred(covariance):
    """What the map is made from, in float64."""
    n = len(covariance)
    return covariance + np.eye(n) * (COLOURS if n == 3 else FEATURES * np.trace(covariance) / n + 1e-6)


def power(matrix, exponent):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values**exponent) @ vectors.T


def published(content, style):
    """Pitié & Kokaram 2007, equation 6, of ``[C, n]``."""
    own, aim = (blurred(np.cov(x, bias=True)) for x in (content, style))
    root, inverse = power(own, 0.5), power(own, -0.5)
    return inverse @ power(root @ aim @ root, 0.5) @ inverse


def rows(x):
    return x[0].flatten(1).double().numpy()


# Statistics


def test_moments():
    x = torch.cat([features(5), features(5, 1)])
    mean, covariance = moments(x)
    for n in range(2):
        assert_allclose(mean[n], rows(x[n : n + 1]).mean(1), rtol=1e-6)
        assert_allclose(covariance[n], np.cov(rows(x[n : n + 1]), bias=True), atol=1e-6)


def test_moments_of_a_large_grey_picture_are_exact():
    """Rounding alone would make its covariance indefinite, and a map out of it worthless."""
    generator = torch.Generator().manual_seed(0)
    grey = 0.85 + 0.1 * torch.rand(1, 1, 900, 1200, generator=generator)
    x = (grey + 1e-3 * torch.rand(1, 3, 900, 1200, generator=generator)).contiguous(memory_format=torch.channels_last)
    mean, covariance = moments(x)
    assert_allclose(mean[0], rows(x).mean(1), rtol=1e-6)
    assert_allclose(covariance[0], np.cov(rows(x), bias=True), rtol=1e-3)
    assert np.linalg.eigvalsh(covariance[0].double()).min() > 0


def test_moments_of_half_precision_are_of_float32():
    x = features(4).bfloat16()
    mean, covariance = moments(x)
    assert mean.dtype == covariance.dtype == torch.float32
    assert_allclose(covariance[0], np.cov(rows(x), bias=True), atol=1e-6)


# Roots


@pytest.mark.parametrize("smallest", [1e-4, 1e-2, 1.0])
def test_roots(smallest):
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))[0]
    matrix = 7.0 * (basis * np.geomspace(smallest, 1, 12)) @ basis.T
    root, inverse = (x[0].double().numpy() for x in roots(torch.from_numpy(matrix).float()[None]))
    assert_allclose(root, power(matrix, 0.5), atol=1e-4)
    assert_allclose(inverse @ root, np.eye(12), atol=2e-3)


@pytest.mark.parametrize("smallest", [1e-4, 1e-2, 1.0])
def test_turn_is_the_polar_factor(smallest):
    generator = np.random.default_rng(0)
    u, v = (np.linalg.qr(generator.normal(size=(12, 12)))[0] for _ in range(2))
    matrix = torch.from_numpy(7.0 * (u * np.geomspace(smallest, 1, 12)) @ v.T).float()[None]
    assert_allclose(turn(matrix)[0], u @ v.T, atol=2e-3)


# The map


@CHANNELS
def test_map_is_the_published_formula(channels):
    content, style = features(channels), features(channels, 1)
    matrix, offset = monge(moments(content), moments(style))
    expected = published(rows(content), rows(style))
    assert_allclose(matrix[0], expected, atol=2e-4 * np.abs(expected).max())
    assert_allclose(offset[0], rows(style).mean(1) - matrix[0].double().numpy() @ rows(content).mean(1), atol=1e-4)


@CHANNELS
def test_it_carries_mean_and_covariance(channels):
    """Up to what counts as noise in either."""
    content, style = features(channels), features(channels, 1)
    (matrix, offset), own = monge(moments(content), moments(style)), np.cov(rows(content), bias=True)
    carried = matrix[0].double().numpy() @ rows(content) + offset[0].double().numpy()[:, None]
    assert_allclose(carried.mean(1), rows(style).mean(1), atol=1e-4)
    noise = matrix[0].double().numpy() @ (blurred(own) - own) @ matrix[0].double().numpy().T
    wanted = blurred(np.cov(rows(style), bias=True))
    assert_allclose(np.cov(carried, bias=True) + noise, wanted, atol=3e-3 * np.abs(wanted).max())


@CHANNELS
def test_it_is_symmetric_and_positive(channels):
    """Which makes it the one that moves things least."""
    found = monge(moments(features(channels)), moments(features(channels, 1)))[0][0].double().numpy()
    assert_allclose(found, found.T, atol=5e-4 * np.abs(found).max())
    assert np.linalg.eigvalsh((found + found.T) / 2).min() > 0


@CHANNELS
def test_equal_moments_stay(channels):
    known = moments(features(channels))
    matrix, offset = monge(known, known)
    assert_allclose(matrix[0], np.eye(channels), atol=1e-3)
    assert_allclose(offset[0], np.zeros(channels), atol=1e-3)


def test_fewer_positions_than_channels():
    """Of a small picture, carried onto itself and onto others: what covariances say is lost in float32 where they are multiplied."""
    few, others = features(160, count=60), features(160, 1, count=60)
    for content, style in ((few, few), (few, others), (few, 0.1 * others), (0.01 * few, others)):
        matrix = monge(moments(content), moments(style))[0][0]
        expected = published(rows(content), rows(style))
        assert_allclose(matrix, expected, atol=2e-3 * np.abs(expected).max())


@CHANNELS
def test_a_batch_is_carried_one_by_one(channels):
    content, style = (torch.cat([features(channels, seed), features(channels, seed + 5)]) for seed in (0, 1))
    together = monge(moments(content), moments(style))
    for n in range(2):
        alone = monge(moments(content[n : n + 1]), moments(style[n : n + 1]))
        for whole, one in zip(together, alone, strict=True):
            assert_allclose(whole[n], one[0], atol=1e-4)


@pytest.mark.parametrize("flat", ["content", "style", "both"])
@CHANNELS
def test_flat_and_grey_pictures_do_not_blow_up(channels, flat):
    """Nothing is amplified beyond the style's largest deviation over what is noise."""
    full, plain = features(channels), torch.full((1, channels, 20, 20), 0.7)
    grey = plain + 0.2 * torch.linspace(-1, 1, 20)  # all channels alike
    for content, style in {"content": [(plain, full), (grey, full)], "style": [(full, plain)], "both": [(plain, plain)]}[flat]:
        matrix, offset = monge(moments(content), moments(style))
        own, aim = (blurred(np.cov(rows(x), bias=True)) for x in (content, style))
        most = np.sqrt(np.linalg.eigvalsh(aim).max() / np.linalg.eigvalsh(own).min())
        assert np.linalg.norm(matrix[0].double().numpy(), 2) < 1.1 * most
        carried = matrix[0] @ content[0].flatten(1) + offset[0][:, None]
        assert_allclose(carried.mean(1), style[0].flatten(1).mean(1), atol=1e-3)
