"""Files and arrays to pictures and back: orientation, colour profile, alpha, bit depth, size, atomic saving.

A picture is a float32 array `[H, W, 3]`, sRGB, with values in [0, 1], and beside it an alpha `[H, W]`. `read` makes one of
anything that holds pixels, and keeps what the file says about it; `resize` brings it to size, and `save` puts it into a file that
is either whole or not there.
Every fault a user can mend, a damaged file included, is a one-line `PictureError` or `OutputError`. Nothing here needs torch.
"""

from impasto.picture.about import About
from impasto.picture.files import check_place, check_stream, check_unread, expanded, named, replace, replace_all, same, write
from impasto.picture.palettes import recoloured, with_chroma
from impasto.picture.reading import ENDINGS, PIXELS_AT_MOST, Opened, Source, checksum, read, read_settings
from impasto.picture.sizes import fit, resize, scale
from impasto.picture.writing import check_form, check_size, check_target, form, save, to_pil

__all__ = [
    "ENDINGS",
    "PIXELS_AT_MOST",
    "About",
    "Opened",
    "Source",
    "check_form",
    "check_place",
    "check_size",
    "check_stream",
    "check_target",
    "check_unread",
    "checksum",
    "expanded",
    "fit",
    "form",
    "named",
    "read",
    "read_settings",
    "recoloured",
    "replace",
    "replace_all",
    "resize",
    "same",
    "save",
    "scale",
    "to_pil",
    "with_chroma",
    "write",
]
