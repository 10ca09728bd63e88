"""Texture Synthesis Using Convolutional Neural Networks (Gatys, Ecker & Bethge, NIPS 2015).

- Section 2: VGG19 with normalised weights and average pooling.
- Section 3, equations 2 to 4: Gram matrices at conv1_1 and pool1 … pool4, Σ (G - Ĝ)² / 4N²M², added up with equal
  weights; from white noise, by L-BFGS. The authors' code gives every layer 1e9 and 2,000 iterations, keeps pixels
  within their range, and scales the exemplar to the area of 256 x 256 pixels.

The texture may have any size. Gram matrices are then compared per position, as in the authors' code.
"""

from impasto.encoders import Variant
from impasto.losses import Gram
from impasto.optimise import TorchLBFGS
from impasto.optimise.method import Method

METHOD = Method(
    name="texture2015",
    citation="Gatys, Ecker & Bethge, Texture Synthesis Using Convolutional Neural Networks, NIPS 2015",
    good_at="more of the same: a new picture of any size with a texture's look and no content",
    encoder="vgg19",
    variant=Variant(pooling="average", normalised=True),
    terms=(Gram(layers=("relu1_1", "pool1", "pool2", "pool3", "pool4"), scale="gatys", layer_weights=(1, 1, 1, 1, 1), weight=1e9),),
    start="noise",
    solver=TorchLBFGS(history=20, units=255),
    steps=(2000,),
    clamp=True,
    style_size=256,
)
