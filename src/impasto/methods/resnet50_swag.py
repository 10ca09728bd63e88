"""Rethinking and Improving the Robustness of Image Style Transfer (Wang, Li & Vasconcelos, CVPR 2021).

- Section 4: the activations of residual networks have large peaks, and their Gram matrices little entropy; a softmax over
  all channels and positions of a layer, σ(F)_ik = exp(F_ik) / Σ_mn exp(F_mn), smooths them, before both losses.
- The authors' code: style after the stem's rectifier and after layer1 … layer4, the mean squared error of Gram matrices
  divided by their layer's number of values, weight 1e17; content at layer3, the mean squared error, weight 1.
- From the content, by PyTorch's L-BFGS; 1,000 evaluations.

The code as released has the softmax switched off and scales the deep layers down instead. This is the paper's softmax.
"""

from impasto.losses import Content, Gram
from impasto.optimise import TorchLBFGS
from impasto.optimise.method import Elsewhere, Method

METHOD = Method(
    name="resnet50-swag",
    citation="Wang, Li & Vasconcelos, Rethinking and Improving the Robustness of Image Style Transfer, CVPR 2021",
    good_at="painting with networks that aren't VGG",
    encoder="resnet50",
    smoothing=1.0,
    terms=(
        Content(layers=("layer3",), scale="mean", weight=1.0),
        Gram(
            layers=("relu1", "layer1", "layer2", "layer3", "layer4"),
            scale="tutorial",
            layer_weights=(1, 1, 1, 1, 1),
            weight=1e17,
        ),
    ),
    # A softmax's values are as small as a layer has many. Pocket's layers shrink faster with depth than a residual network's.
    elsewhere=Elsewhere(
        terms={"content": {"weight": 1e6}, "style": {"weight": 1e22, "layer_weights": (3e5, 2e4, 300, 1, 1)}}, smoothing=20.0
    ),
    start="content",
    solver=TorchLBFGS(),
    steps=(1000,),
    style_size="content",
)
