"""The styles a network was trained for, in one pass.

The network that comes with the package knows every packaged style; ``impasto train fast`` trains one of your own, and ``--model`` names
its file. Its normalisations are those of Ulyanov et al. 2016 (*Instance Normalization: The Missing Ingredient for Fast Stylization*),
conditional on the style, as in Dumoulin et al. 2017 (*A Learned Representation for Artistic Style*), so that ``--blend`` paints between
styles. ``impasto.feedforward.fast`` has the layers, and the network's model card beside it how it was trained and how good it is.

Where it fails: a style's marks have one size, at all sizes of the picture, so what is smaller than they are is lost, as the face is in the
weave above; a larger ``--size`` gives it more of them.
"""

from impasto.feedforward.network import Network

METHOD = Network(
    name="fast",
    citation="after Johnson, Alahi & Fei-Fei, Perceptual Losses for Real-Time Style Transfer and Super-Resolution, ECCV 2016",
    good_at="the packaged styles at once, or a style of your own, learned once",
    sources=frozenset({"content"}),
    options={"precision": "auto"},
    named=True,
)
