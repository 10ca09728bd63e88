"""What the networks' two parts, to look and to paint, are given and give, by name: the same in PyTorch, in an ONNX graph and in a browser.

To *look* at a picture is to find out what painting takes from it as a whole; to *paint* takes that, and any part of the picture.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Arrays = Mapping[str, Floats]

PICTURE, PAINTING, SHARES = "picture", "painting", "shares"
STATISTICS = "statistics"  # with a number: mean and variance of one normalisation of a fast network, [1, C, 2, 1]
# Of a network for any style: what it sees of a picture, how its layers are carried, and how it tells a style.
COLOUR = "colour"
SEEN = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
CARRIED = ("relu3_1", "relu4_1")
OF, CONTENT, STYLE = "of", "content", "style"  # whose moments they are
DEEP, DETAIL, BIAS = "deep", "detail", "bias"  # pieces of a style
NOISE = {"noise2": 2, "noise4": 4, "noise8": 8}  # by name, the pixels between its positions
GRAINS = 2  # channels of each noise
STRIDE = 8  # sides of what is looked at and painted are multiples of this
MARGIN = 16  # pixels around a picture, which repeat its edge and are cut off again: there convolutions see zeros outside
SIGHT = 16  # as many again that a network for any style looks at: so far the zeros outside show in an encoder's features
LEAST = 64  # pixels a side that a picture with its margin has at least
REACH = 112  # pixels that a painted pixel depends on at most, in every direction


class Engine(Protocol):
    """A network that is ready to compute."""

    def __call__(self, part: str, given: Arrays) -> dict[str, Floats]:
        """Run its ``part``, ``look`` or ``paint``, on arrays by name."""


def moments(whose: str, *layers: str) -> list[str]:
    """The names of the mean ``[1, C]`` and the covariance ``[1, C, C]`` of each of some ``layers`` of ``whose`` picture."""
    return [f"{whose}.{layer}.{moment}" for layer in layers for moment in ("mean", "covariance")]
