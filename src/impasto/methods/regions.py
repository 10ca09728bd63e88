"""Regions of one colour: an illustration, stained glass, a mosaic or cut paper.

Superpixels (SLIC) are merged along a region adjacency graph while that costs little by the functional of Mumford & Shah, as in
Koepfler, Lopez & Morel 1994 (*A Multiscale Algorithm for Image Segmentation by Variational Method*). More detail stays where the
picture has structure, or where `--focus` is white, as in the paper, where that was where people looked.

- `abstraction`: smooth outlines, simplified colours, and lines by an extended difference of Gaussians along the picture's own
  directions (Winnemöller, Kyprianidis & Olsen 2012; Kang, Lee & Chui 2007).
- `stainedglass`: pieces of glass between leads.
- `mosaic`: tiles that follow the regions' outlines, after Hausner 2001 (*Simulating Decorative Mosaics*).
- `papercut`: layers of coloured paper, from light to dark, with shadows.
"""

from impasto.classic.rendering import Rendering

METHOD = Rendering(
    name="regions",
    citation="after DeCarlo & Santella, Stylization and Abstraction of Photographs, SIGGRAPH 2002",
    good_at="calm shapes of few colours, with detail where you want it",
    sources=frozenset({"content"}),
    choices={"preset": ("abstraction", "stainedglass", "mosaic", "papercut")},
    options={"preset": "abstraction", "detail": 0.6, "focus": None},
)
