"""On every accelerator that this machine has, pictures, losses and paintings are those of the processor."""

import numpy as np
import pytest
import torch

import impasto
from impasto import encoders, styles
from impasto.encoders.tensors import tensor
from impasto.losses import gram
from impasto.picture import read, scale

FOUND = [name for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())) if there]
LAYERS = ("relu1_1", "relu3_1", "relu5_1")

pytestmark = pytest.mark.skipif(not FOUND, reason="no accelerator here")
on_each = pytest.mark.parametrize("device", FOUND or ["cuda"])


def small(name="starry", side=96):
    return scale(read(styles.path(name)).picture, side)


def painted(device, **options):
    return np.asarray(impasto.stylize(small("mosaic"), small(), device=device, precision="float32", **options), np.float32) / 255


@on_each
def test_features_and_gram_matrices(device):
    found = []
    for where in ("cpu", device):
        encoder = encoders.load("pocket", None, torch.device(where), torch.float32).encoder
        features = encoder(tensor(small()).to(where), LAYERS)
        found.append({layer: (x.cpu(), gram(x).cpu()) for layer, x in features.items()})
    for layer in LAYERS:
        for here, there in zip(*(one[layer] for one in found), strict=True):
            assert (here - there).norm() <= 1e-2 * here.norm()  # a GPU may round to TF32


@on_each
@pytest.mark.parametrize("method", ["impasto", "gatys2016", "risser2017", "liwand2016", "nnst2022"])
def test_objectives_are_the_processor_s(device, method):
    losses = {}
    for where in ("cpu", device):
        seen = losses[where] = []
        picture = painted(where, method=method, encoder="pocket", size=96, steps=12, callback=lambda p, seen=seen: seen.append(p.total))
        assert np.isfinite(picture).all()
        assert picture.std() > 0.05
    assert losses[device][0] == pytest.approx(losses["cpu"][0], rel=0.02)  # of the first step; what follows may part


@on_each
@pytest.mark.parametrize("method", ["arbitrary", "fast"])
def test_one_pass_paints_what_the_processor_paints(device, method):
    here, there = (
        np.asarray(impasto.stylize(small("mosaic"), "starry", method=method, size=0, device=where, precision="float32"), np.float32)
        for where in ("cpu", device)
    )
    assert np.abs(here - there).mean() < 2


@on_each
def test_half_precision_paints_the_same_picture(device):
    full, half = (
        np.asarray(impasto.stylize(small("mosaic"), small(), device=device, precision=precision, size=96, steps=30), np.float32)
        for precision in ("float32", "bfloat16")
    )
    assert np.abs(full - half).mean() < 12
