"""TIFF beyond what Pillow makes of it: planes, 16 and 32 bits, floats; and camera raws, which only look like it."""

import struct
from contextlib import suppress
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from impasto.picture.depth import inverted, known, unit

ORIENTATION, PROFILE, SAMPLE_FORMAT = 274, 34675, 339
_SUBFILE, _BITS, _PHOTOMETRIC, _PLANES, _SUBDIRECTORIES, _DNG = 254, 258, 262, 284, 330, 50706
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_MOSAIC, _LINEAR_RAW = 32803, 34892  # what a camera's sensor gives
_SEPARATE = 2
_ASSOCIATED, _UNASSOCIATED = 1, 2
_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BYTES_AT_MOST = 16 * 200_000_000  # of pixels

RAW = frozenset(
    (
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw"),
        *(".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".srw", ".x3f"),
    )
)
"""Endings of camera raws."""


def is_tiff(content: bytes) -> bool:
    """Whether the `content` of a file is a TIFF, by its first bytes."""
    return content[:4] in _MAGIC


def is_raw(content: bytes) -> bool:
    """Whether the `content` of a file is a camera raw in the manner of TIFF, whose first picture is only a thumbnail."""
    if not is_tiff(content):
        return False
    if content[8:10] == b"CR":  # Canon's CR2
        return True
    with suppress(Exception):  # damaged
        stream = BytesIO(content)
        first = _directory(stream, None)
        if first.get(_SUBFILE, 0) & 1 or _DNG in first:
            return True
        below = first.get(_SUBDIRECTORIES, ())
        directories = [first, *(_directory(stream, at) for at in (below if isinstance(below, tuple) else (below,))[:16])]
        return any(one.get(_PHOTOMETRIC) in (_MOSAIC, _LINEAR_RAW) for one in directories)
    return False


def _directory(stream: BytesIO, at: int | None) -> TiffImagePlugin.ImageFileDirectory_v2:
    """The directory at an offset, or the first."""
    stream.seek(0)
    found = TiffImagePlugin.ImageFileDirectory_v2(stream.read(16)[: 16 if stream.getvalue()[2:4] in (b"+\0", b"\0+") else 8])
    stream.seek(found.next if at is None else at)
    found.load(stream)
    return found


def is_deep(image: Image.Image) -> bool:
    """Whether an `image` is a TIFF that has more than Pillow makes of it, which keeps 8 bits of RGB and misreads planes of 16."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    return set(image.tag_v2.get(_BITS, ())) == {16} and image.mode in ("RGB", "RGBA", "RGBX", "RGBa")


def is_planar(image: Image.Image) -> bool:
    """Whether an `image` is a TIFF that keeps its channels apart."""
    return isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_PLANES) == _SEPARATE


def white_is_zero(image: Image.Image) -> bool:
    """Whether 0 is white in a deep grey `image`, which Pillow doesn't mind in a TIFF."""
    return isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def wide(image: Image.Image, values: NDArray[Any]) -> NDArray[Any]:
    """The `values` of an `image`: a TIFF's 32-bit integers Pillow takes for signed ones even if they aren't."""
    unsigned = isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(SAMPLE_FORMAT, (1,)) == (1,)
    return values.view(np.uint32) if unsigned and values.dtype == np.int32 else values


def samples(content: bytes, remarks: list[str]) -> tuple[NDArray[Any], NDArray[np.float32] | None] | None:
    """The values of a grey or RGB TIFF of any depth, not yet upright.

    Args:
        content: The file.
        remarks: Gets what the user should know.

    Returns:
        `[H, W]` or `[H, W, 3]`, as `unit` knows them, and the alpha `[H, W]`, if there is one. None for a file of another kind, or
        one that is damaged or compressed in a way that we lack.

    Raises:
        PictureError: If the values are of an unknown scale.
    """
    values: NDArray[Any] | None = None
    with suppress(Exception):
        import tifffile

        with tifffile.TiffFile(BytesIO(content)) as file:
            page = file.pages.first
            assert isinstance(page, tifffile.TiffPage)
            channels = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3}[int(page.photometric)]
            height, width, count = page.imagelength, page.imagewidth, page.samplesperpixel
            if channels <= count <= 5 and height * width * count * page.bitspersample <= 8 * _BYTES_AT_MOST:
                values, extra = page.asarray(), page.extrasamples
                if values.shape == (count, height, width) and int(page.planarconfig) == _SEPARATE:
                    values = np.moveaxis(values, 0, -1)
                values = values.reshape(height, width, count)
                inverse = int(page.photometric) == _WHITE_IS_ZERO
    if values is None or 0 in values.shape:
        return None
    values = known(values, remarks)
    colours = values[..., :channels] if channels > 1 else values[..., 0]
    colours = inverted(colours) if inverse else colours
    kind = int(extra[0]) if extra else 0
    if kind not in (_ASSOCIATED, _UNASSOCIATED):
        return colours, None
    alpha = unit(values[..., channels], (height, width))
    if kind == _ASSOCIATED:
        shown = alpha if channels == 1 else alpha[..., None]
        colours = unit(colours, colours.shape) / np.maximum(shown, np.finfo(np.float32).tiny)
    return colours, alpha


def with_tags(content: bytes, exif: Image.Exif) -> bytes:
    """A little-endian TIFF with EXIF added, of which only tags that it doesn't have count.

    Args:
        content: The file.
        exif: Little-endian, too.
    """
    content += bytes(len(content) % 2)
    added = exif.tobytes(len(content))[len(b"Exif\0\0") + 8 :]
    (at,) = struct.unpack_from("<I", content, 4)
    entries = {entry[:2]: entry for entry in (*_entries(added, 0), *_entries(content, at))}
    content = b"".join([content, added, bytes(len(added) % 2)])
    ordered = sorted(entries.values(), key=lambda entry: int.from_bytes(entry[:2], "little"))
    directory = struct.pack("<H", len(ordered)) + b"".join(ordered) + bytes(4)
    return b"".join([content[:4], struct.pack("<I", len(content)), content[8:], directory])


def _entries(content: bytes, at: int) -> list[bytes]:
    (count,) = struct.unpack_from("<H", content, at)
    return [content[place : place + 12] for place in range(at + 2, at + 2 + 12 * count, 12)]
