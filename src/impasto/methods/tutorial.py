"""Neural Transfer Using PyTorch (Jacq, PyTorch's tutorial).

- VGG19 as torchvision trained it, on ImageNet-normalised input; losses look straight after a convolution, before its
  rectifier: content at the fourth convolution, style at the first five.
- Content: the mean squared error of features. Style: the mean squared error of Gram matrices divided by a·b·c·d, the
  number of their layer's values; the layers' errors are added up. Style weighs 1e6, content 1.
- From the content, by PyTorch's L-BFGS with its defaults; the canvas is cut off at 0 and 1 before every evaluation and at
  the end. 300 evaluations; the published loop looks at its counter once in 20 and so makes 320.

Its published run prints style 4.354980 and content 4.266018 at 50 evaluations, 0.266456 and 2.350118 at 300.
"""

from impasto.losses import Content, Gram
from impasto.optimise import TorchLBFGS
from impasto.optimise.method import Elsewhere, Method

METHOD = Method(
    name="tutorial",
    citation="Jacq, Neural Transfer Using PyTorch, PyTorch tutorials, 2017",
    good_at="being short; its shallow layers take on colours and small textures and keep the photograph's drawing",
    encoder="vgg19",
    terms=(
        Content(layers=("conv2_2",), scale="mean", weight=1.0),
        Gram(
            layers=("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"),
            scale="tutorial",
            layer_weights=(1, 1, 1, 1, 1),
            weight=1e6,
        ),
    ),
    elsewhere=Elsewhere(terms={"style": {"weight": 3e4}}),
    start="content",
    solver=TorchLBFGS(),
    steps=(300,),
    clamp=True,
    style_size="content",
)
