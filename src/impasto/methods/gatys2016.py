"""Image Style Transfer Using Convolutional Neural Networks (Gatys, Ecker & Bethge, CVPR 2016).

- Section 2: VGG19 with weights normalised so that the mean activation of every filter over pictures and positions is
  one, and average pooling in place of maximum pooling.
- Section 2.1, equation 1: content, ½ Σ (F - P)², at conv4_2 (section 3), after its rectifier as in their network.
- Section 2.2, equations 3 to 5: style, Σ (G - A)² / 4N²M² with w_l = 1/5 at conv1_1 … conv5_1.
- Section 2.3, equation 7: α times content plus β times style, by L-BFGS; the style picture has the size of the content.
- Section 3: α/β is 1e-3, and 8e-4, 5e-3 and 5e-4 in figure 3; the canvas begins as white noise, or (figure 6) as the
  content or the style.

The paper names no number of iterations; 500 is that of the authors' own notebook. Pixels run from 0 to 255.
"""

from impasto.encoders import Variant
from impasto.losses import Content, Gram
from impasto.optimise import TorchLBFGS
from impasto.optimise.method import Elsewhere, Method

METHOD = Method(
    name="gatys2016",
    citation="Gatys, Ecker & Bethge, Image Style Transfer Using Convolutional Neural Networks, CVPR 2016",
    good_at="separating what is painted from how, with one number to trade the one for the other",
    encoder="vgg19",
    variant=Variant(pooling="average", normalised=True),
    terms=(
        Content(layers=("relu4_2",), scale="half", weight=1.0),
        Gram(layers=("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), scale="gatys", weight=1e3),
    ),
    elsewhere=Elsewhere(terms={"content": {"weight": 2e-3}}),
    trade_offs=(1e-3, 8e-4, 5e-3, 5e-4),
    start="noise",
    solver=TorchLBFGS(units=255),
    steps=(500,),
    style_size="content",
)
