"""Combining Markov Random Fields and Convolutional Neural Networks for Image Synthesis (Li & Wand, CVPR 2016).

- Section 3.1, equations 2 and 3: every 3x3 patch of features at relu3_1 and relu4_1 is drawn to the style's patch with
  which its normalised cross-correlation is largest, Σ |Ψ_i(Φ(x)) - Ψ_NN(i)(Φ(s))|²; style patches come from several
  rotations and scales of the picture too.
- Section 3.2: content |Φ(x) - Φ(c)|² at relu4_2. Section 3.3: total variation, weight 1e-3.
- Section 4: coarse to fine with a ratio of 2, by L-BFGS. Patches are 3x3 with a stride of 2, rotations 7.5° and scales 5%
  apart, 100 iterations per level and 25 pairs remembered, as in the authors' code; it begins with the content.
"""

from impasto.encoders import Variant
from impasto.losses import MRF, Content, TotalVariation
from impasto.optimise import TorchLBFGS
from impasto.optimise.method import Elsewhere, Method

METHOD = Method(
    name="liwand2016",
    citation="Li & Wand, Combining Markov Random Fields and Convolutional Neural Networks for Image Synthesis, CVPR 2016",
    good_at="building from pieces of the style that keep their inner structure, best when the two pictures show alike things",
    encoder="vgg19",
    variant=Variant(convention="caffe"),
    terms=(
        Content(layers=("relu4_2",), scale="sum", weight=1.0),
        MRF(
            layers=("relu3_1", "relu4_1"),
            layer_weights=(1, 1),
            scale="sum",
            size=3,
            stride=2,
            rotations=(-7.5, 0.0, 7.5),
            scales=(0.95, 1.0, 1.05),
        ),
        TotalVariation(units=255, mean=False, weight=1e-3),
    ),
    elsewhere=Elsewhere(terms={"content": {"weight": 15.0}}),
    start="content",
    solver=TorchLBFGS(history=25, units=255),
    steps=(100, 100, 100),
    ratio=2.0,
)
