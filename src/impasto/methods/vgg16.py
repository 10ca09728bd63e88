"""Gatys et al. 2016 through VGG16, at the layers that Johnson et al. 2016 made the usual ones.

- Content, ½ Σ (F - P)², at relu3_3; style, Σ (G - A)² / 4N²M² at relu1_2, relu2_2, relu3_3 and relu4_3, added up with
  w_l = 1/4 each.
- Johnson, Alahi & Fei-Fei, *Perceptual Losses for Real-Time Style Transfer and Super-Resolution*, ECCV 2016, section 4.1,
  whose baseline this is: L-BFGS for 500 iterations.
"""

from impasto.losses import Content, Gram
from impasto.optimise import TorchLBFGS
from impasto.optimise.method import Elsewhere, Method

METHOD = Method(
    name="vgg16",
    citation="Gatys, Ecker & Bethge 2016 with the layers of Johnson, Alahi & Fei-Fei, Perceptual Losses, ECCV 2016",
    good_at="being what feed-forward networks are trained towards; its content layer is shallow and keeps edges",
    encoder="vgg16",
    terms=(
        Content(layers=("relu3_3",), scale="half", weight=1.0),
        Gram(layers=("relu1_2", "relu2_2", "relu3_3", "relu4_3"), scale="gatys", weight=1e5),
    ),
    elsewhere=Elsewhere(terms={"content": {"weight": 1e-2}}),
    start="content",
    solver=TorchLBFGS(units=255),
    steps=(500,),
    style_size="content",
)
