"""The literature's layer names, and which layer stands in where a network doesn't have the one that was asked for.

VGG's names are ``conv{b}_{c}``, ``relu{b}_{c}`` and ``pool{b}``. A residual network's are ``conv1``, ``relu1``, ``maxpool``
and ``layer1`` … ``layer4``. What the older literature calls a residual network's ``pool1`` is its ``maxpool``; here
``pool1`` is always VGG's. `docs/encoders.md` has the whole table.
"""

from collections.abc import Sequence

# Convolutions per block of the deepest network, VGG19: no network has a layer whose name isn't among these or below.
_CONVOLUTIONS = (2, 2, 4, 4, 4)
_BLOCK = {
    **{f"{kind}{b}_{c}": b for b, count in enumerate(_CONVOLUTIONS, 1) for c in range(1, count + 1) for kind in ("conv", "relu")},
    **{f"pool{b}": b for b in range(1, len(_CONVOLUTIONS) + 1)},
}
# The residual network's six depths. The first five stand for VGG's five blocks. In scale they are a factor of two apart in
# the first two and equal from there on, so that five of VGG's layers never fall together.
_DEPTHS = ("relu1", "maxpool", "layer1", "layer2", "layer3", "layer4")
_TO_VGG = {"conv1": "relu1_1", **{depth: f"relu{min(b, len(_CONVOLUTIONS))}_1" for b, depth in enumerate(_DEPTHS, 1)}}


def nearest(layer: str, available: Sequence[str]) -> str:
    """The layer of one network that stands for ``layer`` of another.

    Between VGG-like networks that is the layer of the same kind in the same block with the nearest number. From VGG to a
    residual network it is the depth at the block's scale, and a pooling is where the next block begins. The other way
    round it is the first rectifier of the block.

    Args:
        layer: a name of VGG19, VGG16 or ResNet-50.
        available: the names of the network that is to compute it.

    Returns:
        ``layer`` itself where it is available, else its stand-in among ``available``.

    Raises:
        KeyError: a name that no network has, or nothing to stand for it.
    """
    if layer in available:
        return layer
    name = _TO_VGG.get(layer, layer)
    candidates = [other for other in available if name in _BLOCK and _stands_for(other, name)]
    if not candidates:
        raise KeyError(f"no layer {layer}; this encoder has {', '.join(available)}")
    return min(candidates, key=lambda other: abs(_number(other) - _number(name)))


def _stands_for(other: str, name: str) -> bool:
    if other in _BLOCK:
        return _BLOCK[other] == _BLOCK[name] and other[:4] == name[:4]
    if name.startswith("pool"):
        return other == _DEPTHS[_BLOCK[name]]
    if name.startswith("conv1_"):
        return other == "conv1"
    return other == _DEPTHS[_BLOCK[name] - 1]


def _number(name: str) -> int:
    """A convolution's number in its block; 0 for what isn't counted."""
    return int(name.partition("_")[2] or 0)
