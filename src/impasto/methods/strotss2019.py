"""Style Transfer by Relaxed Optimal Transport and Self-Similarity (Kolkin, Salavon & Shakhnarovich, CVPR 2019).

- Section 2.1: a place is described by its colour and by all of ReLU 1_1, 1_2, 2_1, 2_2, 3_1, 3_2, 3_3, 4_3 and 5_3 of VGG-16, resampled
  there: 2,179 numbers.
- Section 2.2: style is the relaxed earth mover's distance (equation 5) of 1,024 places of the canvas from 5,000 of the style, beside
  the difference of mean and covariance (equation 6), and the same distance of the colours alone. Section 2.3: content is self-similarity
  (equation 8).
- Section 2.5: longest sides of 64, 128, 256 and 512. α is 16 at first and halved at every scale; the total is
  ``(α ℓ_C + ℓ_m + ℓ_r + ℓ_p / α) / (2 + α)``, whose denominator makes no difference to the solver. Places are drawn by lot at every step.
- It begins with the style's mean colour and the content's finest detail. RMSprop moves a Laplacian pyramid of five levels, 250 steps at
  each scale with a rate of 0.002, and of 0.001 at the last, which is given no detail; both as in the authors' code.

Places lie where pixels' centres do on every layer; the code takes the corners of the deeper ones.
"""

from impasto.encoders import Variant
from impasto.losses import CloudMoments, EarthMover, Palette, SelfSimilarity
from impasto.optimise import RMSprop
from impasto.optimise.method import Elsewhere, Method

LAYERS = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu4_3", "relu5_3")

METHOD = Method(
    name="strotss2019",
    citation="Kolkin, Salavon & Shakhnarovich, Style Transfer by Relaxed Optimal Transport and Self-Similarity, CVPR 2019",
    good_at="large strokes and shapes of the style, held together by what is alike in the photograph, whatever its colours",
    encoder="vgg16",
    variant=Variant(convention="torchvision"),
    terms=(
        SelfSimilarity(layers=LAYERS, colours=True, lots=True),
        EarthMover(layers=LAYERS, colours=True, lots=True),
        CloudMoments(layers=LAYERS, colours=True, lots=True),
        Palette(lots=True),
    ),
    schedule={"selfsimilarity": (16, 8, 4, 2), "palette": (1 / 16, 1 / 8, 1 / 4, 1 / 2)},
    elsewhere=Elsewhere(steps=(150, 150, 150, 100)),
    start="mean",
    solver=RMSprop(rate=0.002),
    finest=RMSprop(rate=0.001),
    steps=(250, 250, 250, 250),
    ratio=2.0,
    detail=(1.0, 1.0, 1.0, 0.0),
)
