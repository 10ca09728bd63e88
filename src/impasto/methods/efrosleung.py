"""A texture grown pixel by pixel.

Around a seed, each pixel is taken from one of the places in the style whose neighbourhood is most like what is known of its own.
`--patch` is the side of that window: as large as the texture's largest regular feature. Its time grows with the texture's pixels times
the style's, which is why both are small unless you say otherwise.
"""

from impasto.classic.rendering import Rendering

METHOD = Rendering(
    name="efrosleung",
    citation="Efros & Leung, Texture Synthesis by Non-parametric Sampling, ICCV 1999",
    good_at="small textures, faithful to the pixel",
    sources=frozenset({"style"}),
    options={"patch": 15, "size": 192, "style_size": 96},
)
