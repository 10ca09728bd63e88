"""Our own default: the Gram matrices of Gatys et al., coarse to fine, through an encoder small enough for a laptop.

What differs from the paper:

- every layer's Gram error is relative to the style's energy and the content error to the content's, so the weights are
  plain numbers near 1 that hold at any size;
- painting begins from what `arbitrary` paints in one pass, and goes on coarse to fine, as Gatys et al. 2017 (*Controlling
  Perceptual Factors*, section 6) do, which brings large strokes within reach of the receptive fields; each level begins with that
  painting's own fine detail, which the coarser one couldn't hold;
- a content error beyond 0.48 counts for more and more, so that no photograph is lost to a style far from it;
- light, shade and colours, at half of the resolution, are drawn to those of the photograph recoloured in the style's palette:
  no bright rims around dark towers, no hills in skies, and faces that stay faces;
- values outside [0, 1] are discouraged instead of cut off.
"""

from impasto.losses import Content, Gamut, Gram, Tones, TotalVariation
from impasto.optimise import LBFGS
from impasto.optimise.method import Method

METHOD = Method(
    name="impasto",
    citation="after Gatys, Ecker & Bethge, Image Style Transfer Using Convolutional Neural Networks, CVPR 2016",
    good_at="a good-looking picture of any pair in seconds, without a download",
    encoder="pocket",
    terms=(
        Gram(layers=("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")),
        Content(layers=("relu4_2",), weight=0.075, bound=0.48),
        Tones(weight=0.075, reduced=2),
        TotalVariation(weight=0.0),
        Gamut(weight=10.0),
    ),
    start="arbitrary",
    solver=LBFGS(),
    steps=(15, 15, 30, 26),
    ratio=2.0,
    detail=1.0,
    keep="best",
    precision="auto",
)
