"""Any style in one pass, by the network that comes with the package.

A style is what the first two moments of its features are, as in the paper. What differs: they are whole covariances at five
layers, and modulate a network's weights, as in MicroAST (Wang, Zhao, Xing & Zhang, AAAI 2023), in place of a normalisation;
and colours are carried over in closed form first, and the content quilted out of the style's own blocks, as in Efros &
Freeman's *Image Quilting*, SIGGRAPH 2001. ``impasto.feedforward.arbitrary`` has the reasons, and the network's model
card beside it how it was trained and how good it is.
"""

from impasto.feedforward.network import Network

METHOD = Network(
    name="arbitrary",
    citation="after Huang & Belongie, Arbitrary Style Transfer in Real-Time with Adaptive Instance Normalization, ICCV 2017",
    good_at="any style at once, at any size, on frames of a film",
    sources=frozenset({"content", "style"}),
    options={"style_size": 512, "precision": "auto"},
)
