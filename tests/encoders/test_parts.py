"""Encoders in parts, and encoders that were never trained."""

import numpy as np
import pytest
import torch

from impasto import encoders
from impasto.errors import EncoderError, OptionError

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=encoders.NAMES)
def encoder(request):
    return encoders.untrained(request.param, 3)


def test_going_on_is_going_all_the_way(encoder):
    """From each layer that isn't embedded to the deepest, with what it went on from left as it was."""
    last = "layer4" if "layer4" in encoder.layers else encoder.layers[-1]
    between = encoder.layers[1 : encoder.layers.index(last)]
    pixels = torch.rand(1, 3, 32, 40)
    embedded = () if "layer4" in encoder.layers else encoder.architecture.embedded
    with torch.no_grad():
        whole = encoder(pixels, (*between, last))
        for layer in between:
            if layer in embedded:
                continue
            kept = whole[layer].clone()
            deeper = (*between[between.index(layer) + 1 :], last)
            onward = encoder.onward(whole[layer], layer, deeper)
            assert tuple(onward) == deeper
            assert torch.equal(whole[layer], kept)
            assert all(torch.equal(onward[name], whole[name]) for name in deeper)


def test_going_on_past_the_weights(files):
    encoder = encoders.load("vgg19", files["vgg19"], CPU, torch.float32).encoder
    encoder.layers, encoder.lack = encoder.layers[:5], "the file has no more"
    with pytest.raises(EncoderError, match="has no more, which conv3_1 needs"):
        encoder.onward(torch.zeros(1, 64, 8, 8), "pool1", ("conv3_1",))


def test_untrained_weights_keep_the_size_of_activations(encoder):
    """As He et al. 2015 derive: the mean square after a rectifier is about that of the picture the network sees."""
    rectified = [layer for layer in encoder.layers if layer.startswith(("relu", "layer"))]
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        sizes = {layer: x.square().mean().item() for layer, x in encoder(pixels, rectified).items() if x.shape[1] > 3}
    assert all(0.05 < size < 20 for size in sizes.values()), sizes


def test_untrained_weights_are_drawn_by_the_seed():
    one, same, other = (encoders.untrained("pocket", seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["conv1_1.weight"], other["conv1_1.weight"])
    drawn = one["conv3_2.weight"].numpy()
    assert np.std(drawn) == pytest.approx((2 / drawn[0].size) ** 0.5, rel=0.05)
    assert not one["conv3_2.bias"].any()


def test_residual_blocks_begin_as_identities():
    encoder = encoders.untrained("resnet50")
    block = encoder.get_submodule("layer2.1")
    x = torch.rand(1, 512, 6, 6)
    assert torch.equal(block(x), x)


def test_an_unknown_name():
    with pytest.raises(OptionError, match="unknown encoder nosuch"):
        encoders.untrained("nosuch")
