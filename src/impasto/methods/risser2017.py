"""Stable and Controllable Neural Texture Synthesis and Style Transfer Using Histogram Losses (Risser, Wilmot & Barnes 2017).

- Section 4: beside the Gram matrices at relu1_1 … relu4_1, the activations of each channel are to have the
  style's histogram, Σ (O - R(O))² where R remaps them, at relu1_1 and relu4_1. Gram matrices alone leave the variance
  free, which shows as washed-out or unstable textures.
- Content at relu4_1, and total variation on the first convolution alone.
- Weights are automatic, by limits to the length of each term's gradient: 1, and 100 for the content's. We weigh anew every
  20 steps.
- Coarse to fine with a ratio of 2.

The coefficients that the limits act on, the solver and the number of steps per level are ours: we found none published.
"""

from impasto.losses import Content, Gram, Histogram, TotalVariation
from impasto.optimise import LBFGS, Balance
from impasto.optimise.method import Elsewhere, Method

METHOD = Method(
    name="risser2017",
    citation="Risser, Wilmot & Barnes, Stable and Controllable Neural Texture Synthesis and Style Transfer, arXiv 1701.08893, 2017",
    good_at="stable contrast and colours, where Gram matrices wash out or drift",
    encoder="vgg19",
    terms=(
        Content(layers=("relu4_1",), scale="half", weight=1.0),
        Gram(layers=("relu1_1", "relu2_1", "relu3_1", "relu4_1"), scale="gatys", weight=1e6),
        Histogram(layers=("relu1_1", "relu4_1"), scale="sum", weight=1.0),
        TotalVariation(layers=("conv1_1",), mean=False, weight=1.0),
    ),
    balance=Balance(limits={"content": 100.0}),
    elsewhere=Elsewhere(terms={"content": {"weight": 1e-2}, "tv": {"weight": 1e-3}}),
    start="content",
    solver=LBFGS(first=2.55, longest=25.5, units=255),
    steps=(100, 100, 100),
    ratio=2.0,
)
