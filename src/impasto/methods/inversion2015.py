"""Understanding Deep Image Representations by Inverting Them (Mahendran & Vedaldi, CVPR 2015).

- Sections 2 and 3: |Φ(x) - Φ₀|² / |Φ₀|² + λ_α R_α(x) + λ_V R_V(x), where R_α is Σ x⁶ of the
  mean-subtracted picture and R_V total variation with β = 2.
- Gradient descent with momentum 0.9; in the authors' code at rate 0.004 for 100 steps, a tenth of it for 200
  and a hundredth for 100, each beginning without momentum, from noise.

The authors' code divides both regularisers by σ², the mean square norm of natural pictures, and multiplies the rate by
it. Here σ² is 69² per value, which follows from their λ, and the regularisers are means, so that they hold at any size:
4e-10 Σ x⁶ / σ² and, for layers of middle depth, 5 Σ d² / σ², with pixels from 0 to 255. The paper inverts AlexNet. The
layer here is a parameter, ``content_layers``; total variation wants 0.5 before the second pooling and 50 at the fifth block.
"""

from impasto.losses import AlphaNorm, Content, TotalVariation
from impasto.optimise import SGD
from impasto.optimise.method import Method

SIGMA = 69.0  # per value

METHOD = Method(
    name="inversion2015",
    citation="Mahendran & Vedaldi, Understanding Deep Image Representations by Inverting Them, CVPR 2015",
    good_at="showing what one layer of a network knows of a picture",
    encoder="vgg19",
    terms=(
        Content(layers=("relu4_2",), scale="relative"),
        AlphaNorm(alpha=6, units=255, mean=True, weight=4e-10 / SIGMA**2),
        TotalVariation(beta=2, units=255, mean=True, weight=5 / SIGMA**2),
    ),
    start="noise",
    solver=SGD(rate=0.004 * SIGMA**2, momentum=0.9, decay=0.1, milestones=(100, 300), per_value=True, units=255),
    steps=(400,),
)
