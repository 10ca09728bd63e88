"""Strokes of several brushes, from the widest to the narrowest.

A layer's strokes are laid where the canvas is furthest from the picture as blurred as the brush is wide (section 2.1). They follow the
normals of its gradient, bent by a curvature filter, until the colour no longer suits (section 2.2).

- The presets `impressionist`, `expressionist`, `colourist` and `pointillist` are named after those of section 3; `oil`, `watercolour`,
  `pencil` and `graphite` are ours. All numbers were set by eye.
- Strokes carry the marks of bristles and a thickness, which is lit from the upper left: an impasto.
- Ours too: directions are smoothed, as doubled angles, and flat places take those of the strong edges around them; strokes set out to
  either side.
- A STYLE gives the colours' mean and covariance and a palette, and from it are measured how straight strokes are or how they swirl, how
  wide they are, and how much their colours vary.

`--brush` makes all brushes wider or narrower. An output that ends in `.svg` holds the strokes themselves, sharp at any size, without
the marks of bristles; `--timelapse` films how they are laid.
"""

from impasto.classic.rendering import Rendering

METHOD = Rendering(
    name="strokes",
    citation="Hertzmann, Painterly Rendering with Curved Brush Strokes of Multiple Sizes, SIGGRAPH 1998",
    good_at="paint that stands up from the canvas, at any size, stroke by stroke",
    sources=frozenset({"content"}),
    optional=frozenset({"style"}),
    choices={"preset": ("oil", "impressionist", "expressionist", "colourist", "pointillist", "watercolour", "pencil", "graphite")},
    options={"preset": "oil", "brush": 1.0},
    strokes=True,
)
