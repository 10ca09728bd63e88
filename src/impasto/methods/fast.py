"""The styles a network was trained for, in one pass.

``impasto train fast`` trains one, and ``--model`` names its file. Its normalisations are those of Ulyanov et al. 2016 (*Instance
Normalization: The Missing Ingredient for Fast Stylization*), conditional on the style where there are several, as in Dumoulin
et al. 2017 (*A Learned Representation for Artistic Style*).
"""

from impasto.feedforward.network import Network

METHOD = Network(
    name="fast",
    citation="Johnson, Alahi & Fei-Fei, Perceptual Losses for Real-Time Style Transfer and Super-Resolution, ECCV 2016",
    good_at="a style of your own, learned once, in milliseconds",
    sources=frozenset({"content"}),
    options={"precision": "auto"},
    named=True,
)
