"""Square blocks of a texture, cut where they differ least and sewn together.

Each block is one of those that fit best what is already laid, within a tenth (section 2). Without a content that is a texture of any
size. With one, blocks must also be as light as the content (section 3), which is painted four times, with ever smaller blocks. For the
sake of faces, the agreement of blocks weighs less than in the paper: α ends at 0.4. `--patch` is the blocks' side.
"""

from impasto.classic.rendering import Rendering

METHOD = Rendering(
    name="quilting",
    citation="Efros & Freeman, Image Quilting for Texture Synthesis and Transfer, SIGGRAPH 2001",
    good_at="textures with structure, at any size, in seconds; pictures made of a texture",
    sources=frozenset({"style"}),
    optional=frozenset({"content"}),
    options={"patch": None, "style_size": 256},
)
