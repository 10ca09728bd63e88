"""Any style in one pass, by the network that comes with the package.

The features of the content are carried onto the style's by the linear map that moves them least, as Mroueh 2019 (*Wasserstein Style
Transfer*) and Lu et al. 2019 (*A Closed-form Solution to Universal Style Transfer*) do. What differs: a place then also recalls the
pieces of the style that are most like it, and the network that paints with both is modulated by the style's statistics, as in MicroAST
(Wang, Zhao, Xing & Zhang, AAAI 2023). ``impasto.feedforward.arbitrary`` has the layers and the reasons, and the network's model card
beside it how it was trained and how good it is.

Where it fails: in the last one above, a flat night sky has nothing to hang large shapes on, so the weave's diamonds become a grain.
Shapes that are larger than its strokes don't come at all: the method `fast` has them for the packaged styles.
"""

from impasto.feedforward.network import Network

METHOD = Network(
    name="arbitrary",
    citation="after Mroueh, Wasserstein Style Transfer, AISTATS 2020",
    good_at="any style at once, at any size, on frames of a film",
    sources=frozenset({"content", "style"}),
    options={"style_size": 512, "precision": "auto"},
)
