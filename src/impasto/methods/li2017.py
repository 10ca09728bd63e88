"""Laplacian-Steered Neural Style Transfer (Li, Xu, Nie & Chua, ACM Multimedia 2017).

- Section 3: the Laplacian of the pooled picture, summed over colours, is to stay the content's:
  Σ (D(x_c) - D(x))², which keeps the drawing that deep content layers let go of.
- The authors' code, and section 4: average pooling of 4 x 4 pixels with weight 100; content at relu4_2 with 20 and style at
  relu1_1 … relu5_1 with 100, mean squared errors with Gram matrices divided by their layer's number of values; total
  variation ½ Σ d² with 1e-3. Pixels run from 0 to 255, from noise, by L-BFGS, 1,000 iterations. Their other setting pools
  by 4 and by 16, with weights 100 and 1600.
"""

from impasto.encoders import Variant
from impasto.losses import Content, Gram, Laplacian, TotalVariation
from impasto.optimise import TorchLBFGS
from impasto.optimise.method import Elsewhere, Method

METHOD = Method(
    name="li2017",
    citation="Li, Xu, Nie & Chua, Laplacian-Steered Neural Style Transfer, ACM Multimedia 2017",
    good_at="keeping lines and faces where other methods smear them",
    encoder="vgg19",
    variant=Variant(convention="caffe"),
    terms=(
        Content(layers=("relu4_2",), scale="mean", weight=20.0),
        Gram(
            layers=("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
            scale="tutorial",
            layer_weights=(1, 1, 1, 1, 1),
            weight=100.0,
        ),
        Laplacian(pools=(4,), pool_weights=(100.0,), units=255, mean=True),
        TotalVariation(units=255, mean=False, weight=0.5e-3),
    ),
    elsewhere=Elsewhere(
        terms={"content": {"weight": 200.0}, "style": {"weight": 1e6}, "laplacian": {"weight": 1e-2}, "tv": {"weight": 1e-5}}
    ),
    start="noise",
    solver=TorchLBFGS(units=255),
    steps=(1000,),
    style_size="content",
)
