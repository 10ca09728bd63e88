"""Neural style transfer with ResNet-50, a variant of the Gatys et al. notebook that course notes pass on.

- ResNet-50 (He et al. 2016) in place of VGG19, looked at six times: after the first convolution, after the first pooling,
  and after each of the four groups of blocks, with 64, 64, 256, 512, 1024 and 2048 channels.
- Style: the mean squared error of Gram matrices that nothing divides, weighted by 1 / n² for n channels. Content: the mean
  squared error at the second look. Style to content is 1000 : 1.
- Pictures are RGB minus (0.40760392, 0.45795686, 0.48501961), which are the means of BGR: it is published like that.
- From the content, by PyTorch's L-BFGS; 5,000 evaluations on 512 x 512 pixels, which are the middle of each picture:
  ``--crop square --size 512``. ``--fast`` is the practical way to the same losses. Batch normalisation uses its trained statistics.
- As published elsewhere: Choi's notebook (Kind PyTorch Tutorial, 12) has 2,500 evaluations on 256 x 256 pixels, and copies of
  it 5,000 or 250 on as many. All scale both pictures until their shortest side fits, and crop the square in the middle. The
  copies leave batch normalisation in training, so that it takes each picture's own statistics.
"""

from impasto.encoders import Variant
from impasto.losses import Content, Gram
from impasto.optimise import TorchLBFGS
from impasto.optimise.method import Method

METHOD = Method(
    name="resnet50",
    citation="after Gatys, Ecker & Bethge 2016 with He, Zhang, Ren & Sun, Deep Residual Learning, CVPR 2016",
    good_at="showing that a residual network paints worse than VGG, for comparison with resnet50-swag",
    encoder="resnet50",
    variant=Variant(convention="unit"),
    terms=(
        Content(layers=("maxpool",), scale="mean", weight=1.0),
        Gram(
            layers=("conv1", "maxpool", "layer1", "layer2", "layer3", "layer4"),
            scale="mean",
            layer_weights=tuple(1 / n**2 for n in (64, 64, 256, 512, 1024, 2048)),
            weight=1e3,
        ),
    ),
    start="content",
    solver=TorchLBFGS(),
    steps=(5000,),
    style_size="content",
)
