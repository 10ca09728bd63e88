"""Flat touches of colour along the picture's own directions.

Every pixel becomes the mean of those sectors of an ellipse around it that vary least; the ellipse lies along the smoothed structure
tensor's minor eigenvector. `--brush` makes it larger or smaller.
"""

from impasto.classic.rendering import Rendering

METHOD = Rendering(
    name="kuwahara",
    citation="Kyprianidis, Kang & Döllner, Image and Video Abstraction by Anisotropic Kuwahara Filtering, Computer Graphics Forum 2009",
    good_at="a painterly smoothness that keeps edges",
    sources=frozenset({"content"}),
    options={"brush": 1.0},
)
