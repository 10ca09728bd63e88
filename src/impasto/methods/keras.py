"""Neural style transfer (Chollet, Keras' code examples).

- VGG19 with Caffe's preprocessing: BGR, mean-subtracted, 0 to 255; every layer after its rectifier.
- Content: Σ (C - F)² at block5_conv2, weight 2.5e-8. Style: Σ (S - G)² / (4 · 3² · (H·W)²) with the picture's own height
  and width, at block1_conv1 … block5_conv1, each divided by 5, weight 1e-6. Total variation: Σ (a + b)^1.25, without the
  last row and column, weight 1e-6.
- From the content, by gradient descent at rate 100, decaying by 0.96 every 100 steps, continuously; 5,000 steps, without
  any limit to pixel values. ``--fast`` is the practical way to the same losses.
- As published elsewhere: keras.io's page, last modified in 2020, and chapter 12 of Deep Learning with Python's second edition
  have all of this, 400 pixels high, and stop after 4,000 steps, as does ``--steps 4000``. The first edition, section 8.3,
  weighs content 0.025, style 1 and total variation 1e-4, and has SciPy's L-BFGS, 20 times up to 20 evaluations.
"""

from impasto.encoders import Variant
from impasto.losses import Content, Gram, TotalVariation
from impasto.optimise import SGD
from impasto.optimise.method import Elsewhere, Method

METHOD = Method(
    name="keras",
    citation="Chollet, Neural style transfer, Keras code examples, 2016",
    good_at="keeping the photograph legible, as its content layer is deep and its start the photograph",
    encoder="vgg19",
    variant=Variant(convention="caffe"),
    terms=(
        Content(layers=("relu5_2",), scale="sum", weight=2.5e-8),
        Gram(layers=("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), scale="keras", weight=1e-6),
        TotalVariation(beta=2.5, units=255, mean=False, border=False, weight=1e-6),
    ),
    elsewhere=Elsewhere(terms={"content": {"weight": 1e-3}, "style": {"weight": 38.0}, "tv": {"weight": 1e-7}}),
    start="content",
    solver=SGD(rate=100, momentum=0, decay=0.96, every=100, per_value=False, units=255),
    steps=(5000,),
    style_size="content",
)
