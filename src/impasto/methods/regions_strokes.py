"""Brush strokes that follow the shapes of regions.

The picture is divided into regions, coarser ones for wider brushes. Strokes run beside a region's outline, and along its longer axis
further inside. The paper laid them along the medial axis. They are painted as `strokes` in `oil`.
"""

from impasto.classic.rendering import Rendering

METHOD = Rendering(
    name="regions-strokes",
    citation="after Gooch, Coombe & Shirley, Artistic Vision: Painterly Rendering Using Computer Vision Techniques, NPAR 2002",
    good_at="brush strokes that keep to the shapes of things",
    sources=frozenset({"content"}),
    options={"detail": 0.6, "brush": 1.0, "focus": None},
    strokes=True,
)
