"""The table of which layer stands for which, as the documentation prints it."""

import re
from pathlib import Path

import pytest
import torch

from impasto import encoders
from impasto.encoders import nearest, resnet
from impasto.encoders.vgg import VGG16, VGG19

POCKET = encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder.layers
NETWORKS = {"pocket": POCKET, "vgg19": VGG19.layers, "vgg16": VGG16.layers, "resnet50": resnet.LAYERS}
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "encoders.md"

# asked for: in pocket, VGG16, VGG19, ResNet-50
TABLE = {
    "relu1_1": ("relu1_1", "relu1_1", "relu1_1", "relu1"),
    "conv1_2": ("conv1_2", "conv1_2", "conv1_2", "conv1"),
    "pool1": ("pool1", "pool1", "pool1", "maxpool"),
    "relu2_2": ("relu2_2", "relu2_2", "relu2_2", "maxpool"),
    "pool2": ("pool2", "pool2", "pool2", "layer1"),
    "conv3_4": ("conv3_3", "conv3_3", "conv3_4", "layer1"),
    "relu4_2": ("relu4_2", "relu4_2", "relu4_2", "layer2"),
    "relu4_4": ("relu4_2", "relu4_3", "relu4_4", "layer2"),
    "pool4": ("pool4", "pool4", "pool4", "layer3"),
    "conv5_4": ("conv5_1", "conv5_3", "conv5_4", "layer3"),
    "relu5_2": ("relu5_1", "relu5_2", "relu5_2", "layer3"),
    "pool5": ("pool5", "pool5", "pool5", "layer4"),
    "conv1": ("relu1_1", "relu1_1", "relu1_1", "conv1"),
    "relu1": ("relu1_1", "relu1_1", "relu1_1", "relu1"),
    "maxpool": ("relu2_1", "relu2_1", "relu2_1", "maxpool"),
    "layer1": ("relu3_1", "relu3_1", "relu3_1", "layer1"),
    "layer2": ("relu4_1", "relu4_1", "relu4_1", "layer2"),
    "layer3": ("relu5_1", "relu5_1", "relu5_1", "layer3"),
    "layer4": ("relu5_1", "relu5_1", "relu5_1", "layer4"),
}


@pytest.mark.parametrize("layer", TABLE)
def test_table(layer):
    assert tuple(nearest(layer, NETWORKS[name]) for name in ("pocket", "vgg16", "vgg19", "resnet50")) == TABLE[layer]


@pytest.mark.parametrize("available", NETWORKS.values(), ids=NETWORKS)
def test_every_layer_has_its_place(available):
    """What there is answers for itself; all else keeps its kind, and is no further down than what is asked for later."""
    for layers in NETWORKS.values():
        places = [available.index(nearest(layer, available)) for layer in layers]
        assert all(nearest(layer, available) == layer for layer in layers if layer in available)
        if available != resnet.LAYERS and layers != resnet.LAYERS:
            assert all(nearest(layer, available)[:5] == layer[:5] for layer in layers)
        blocks = [place for place, layer in zip(places, layers, strict=True) if not layer.startswith(("conv", "pool"))]
        assert blocks == sorted(blocks)


@pytest.mark.parametrize(
    "layer", ["relu6_1", "relu1_3", "relu3_5", "pool6", "pool0", "layer5", "bn1", "conv", "", "conv3", "relu3_", "fc6"]
)
@pytest.mark.parametrize("available", NETWORKS.values(), ids=NETWORKS)
def test_no_such_layer(layer, available):
    with pytest.raises(KeyError, match=f"no layer {layer}"):
        nearest(layer, available)


def test_documentation_has_the_table():
    rows = [
        tuple(re.findall(r"`(\w+)`", line)) for line in DOCUMENTATION.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    written = {row[0]: row[1:] for row in rows if row[0] in TABLE}
    assert written
    for layer, stand_ins in written.items():
        assert stand_ins == TABLE[layer], layer
