"""Neural Neighbor Style Transfer (Kolkin, Kucera, Paris, Sýkora, Shechtman & Shakhnarovich 2022), NNST-Opt.

- Hypercolumns are of ReLU 1_1, 1_2, 2_1, 2_2, 3_1, 3_2, 3_3, 4_1, 4_2 and 4_3 of VGG-16, each divided by its number of channels, at a
  quarter of the resolution; the style's are of its picture in four quarter turns.
- Longest sides of 64, 128, 256 and 512, or with 1024 one more; 200 steps of Adam with a rate of 0.002 at each, on a Laplacian pyramid of
  eight levels. A scale begins with what the one before has painted and the content's fine detail. Neighbours are found once per scale, of
  three quarters of the content and a quarter of the canvas; at the first the canvas is the content.
- At the end 200 steps of feature splitting: each layer goes to its own nearest features, found anew at every step.
- Chroma is the content's, carried to the style's by mean and covariance.

The authors' code takes layer 3_3 in place of those of block 4 in the last stage at 512 pixels, and sRGB values for linear ones in Oklab;
here are the layers and the colours of the paper. Its further loss, on the distances between the content's colours, is off by default;
here that is self-similarity, off likewise: ``--content-weight 1``.
"""

from impasto.encoders import Variant
from impasto.losses import Neighbours, SelfSimilarity, Splitting
from impasto.optimise import Adam
from impasto.optimise.method import Elsewhere, Method

LAYERS = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu4_1", "relu4_2", "relu4_3")

METHOD = Method(
    name="nnst2022",
    citation="Kolkin, Kucera, Paris & others, Neural Neighbor Style Transfer, arXiv 2203.13215, 2022",
    good_at="clean brushwork that keeps every object, in the photograph's colours as the style would mix them",
    encoder="vgg16",
    variant=Variant(convention="torchvision"),
    terms=(
        Neighbours(layers=LAYERS),
        Splitting(layers=LAYERS, layer_weights=(1.0,) * len(LAYERS)),
        SelfSimilarity(layers=LAYERS, colours=True, lots=True, weight=0.0),
    ),
    schedule={"neighbours": (1, 1, 1, 1, 0), "splitting": (0, 0, 0, 0, 1)},
    elsewhere=Elsewhere(terms={"splitting": {"side": 32}}, steps=(200, 200, 150, 150), again=100),
    start="content",
    solver=Adam(rate=0.002, levels=8),
    steps=(200, 200, 200, 200),
    again=200,
    ratio=2.0,
    detail=1.0,
    chroma=True,
)
