"""Pictures to files of every format we write."""

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from impasto.errors import OptionError, OutputError
from impasto.picture.files import check_place, one_line, reason, write

SETTINGS = "impasto"  # the keyword of the iTXt chunk

_WRITABLE = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".heic": "HEIF",
    ".avif": "AVIF",
}
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
    "HEIF": {"quality": 90},
    "AVIF": {"quality": 90},
}
_LONGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383}
_WITHOUT_ALPHA = ("JPEG", "BMP")
_DEEP = ("PNG", "TIFF")
_BAND = 1_000_000  # pixels rounded at a time, so that no second copy of a large picture in floats is ever needed
_PERCEPTUAL = b"\0"  # the rendering intent the sRGB chunk names


def to_pil(picture: NDArray[np.floating], alpha: NDArray[np.floating] | None = None) -> Image.Image:
    """Round a picture to 8 bits.

    Args:
        picture: Floats `[H, W, 3]`, sRGB; values outside [0, 1] are clamped.
        alpha: `[H, W]`, or None for an opaque picture.

    Returns:
        A PIL image of mode RGB, or RGBA where there is an alpha.
    """
    return Image.fromarray(_integers(picture, alpha, bits=8, on_white=False))


def check_target(path: str | os.PathLike[str], *, bits: int = 8) -> Path:
    """Find out before any work is done whether `save` will be able to write there.

    Args:
        path: The file to write; its extension chooses the format.
        bits: Bits per channel, 8 or 16.

    Returns:
        The path.

    Raises:
        OutputError: If the extension is unknown, or the place can't be written to, as for `check_place`.
        OptionError: If `bits` is neither 8 nor 16, or is 16 for a format other than PNG and TIFF.
    """
    target = check_place(path)
    name = one_line(path)
    if target.suffix.lower() not in _WRITABLE:
        raise OutputError(f"{name} has no extension we can write; use one of {', '.join(_WRITABLE)}")
    if bits not in (8, 16):
        raise OptionError(f"{bits} bits per channel are impossible; choose 8 or 16")
    if bits == 16 and _WRITABLE[target.suffix.lower()] not in _DEEP:
        raise OptionError(f"{name} can't hold 16 bits per channel; save as .png or .tif, or choose 8 bits")
    return target


def save(
    picture: NDArray[np.floating],
    path: str | os.PathLike[str],
    *,
    alpha: NDArray[np.floating] | None = None,
    bits: int = 8,
    settings: Mapping[str, object] | None = None,
) -> None:
    """Write a picture into a file, whole or not at all; the same input gives the same bytes.

    Args:
        picture: Floats `[H, W, 3]`, sRGB; values outside [0, 1] are clamped.
        path: The file; `.png`, `.jpg`, `.jpeg`, `.webp`, `.tif`, `.tiff`, `.bmp`, `.heic` or `.avif`.
        alpha: `[H, W]` in [0, 1]; JPEG and BMP get the picture laid on white instead.
        bits: Bits per channel: 8, or 16 for PNG and TIFF.
        settings: How the picture was made; kept in PNG files, as JSON, for `read_settings`. Values that JSON doesn't
            know are kept as text.

    Raises:
        OutputError: If the file can't be written, for the reasons `check_target` names or for lack of space.
        OptionError: If `bits` doesn't suit the format.
    """
    target = check_target(path, bits=bits)
    file_format = _WRITABLE[target.suffix.lower()]
    values = _integers(picture, alpha, bits, on_white=file_format in _WITHOUT_ALPHA)
    text = None if settings is None else json.dumps(dict(settings), sort_keys=True, default=str)
    try:
        encoded = _encode(values, file_format, text)
    except Exception as error:
        raise OutputError(f"{one_line(path)} can't be encoded ({reason(error)}); save as .png instead") from error
    write(target, encoded)


def _integers(picture: NDArray[np.floating], alpha: NDArray[np.floating] | None, bits: int, *, on_white: bool) -> NDArray[Any]:
    """Round to uint8 or uint16 `[H, W, 3 or 4]`; or `[H, W, 3]`, laid on white where there is an alpha."""
    height, width = picture.shape[:2]
    values = np.empty((height, width, 3 if alpha is None or on_white else 4), np.uint8 if bits == 8 else np.uint16)
    for rows in _bands(height, width):
        band = picture[rows]
        if alpha is not None:
            opacity = alpha[rows, :, None]
            band = band * opacity + (1 - opacity) if on_white else np.concatenate([band, opacity], axis=2)
        values[rows] = np.rint(band.clip(0, 1) * np.float32(2**bits - 1))
    return values


def _bands(height: int, width: int) -> Iterator[slice]:
    """A picture's rows, as many at a time as make up a band."""
    step = max(1, _BAND // width)
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


def _encode(values: NDArray[Any], file_format: str, text: str | None) -> bytes:
    longest = max(values.shape)
    if longest > _LONGEST_SIDE.get(file_format, longest):
        raise ValueError(f"its sides are limited to {_LONGEST_SIDE[file_format]} pixels")
    if file_format == "TIFF":
        return _tiff(values)
    if file_format == "PNG" and values.dtype == np.uint16:
        return _sixteen_bit_png(values, text)
    options = _SAVE_OPTIONS.get(file_format, {})
    if file_format == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add(b"sRGB", _PERCEPTUAL)
        if text is not None:
            chunks.add_itxt(SETTINGS, text)
        options = {"pnginfo": chunks}
    if file_format == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    stream = BytesIO()
    Image.fromarray(values).save(stream, file_format, **options)
    return stream.getvalue()


def _sixteen_bit_png(values: NDArray[np.uint16], text: str | None) -> bytes:
    """The chunks of a 16-bit RGB or RGBA PNG, which Pillow doesn't write (PNG specification, sections 9 and 11)."""
    height, width, channels = values.shape
    compressor, compressed = zlib.compressobj(), BytesIO()
    above = np.zeros((1, width * channels * 2), np.uint8)
    for rows in _bands(height, width):
        bytewise = values[rows].astype(">u2").view(np.uint8).reshape(-1, above.shape[1])
        filtered = np.full((len(bytewise), 1 + bytewise.shape[1]), 2, np.uint8)  # filter type 2, "Up": the difference to the row above
        filtered[:, 1:] = np.diff(bytewise, axis=0, prepend=above)
        compressed.write(compressor.compress(filtered.tobytes()))
        above = bytewise[-1:]
    compressed.write(compressor.flush())
    colour_type = {3: 2, 4: 6}[channels]
    stream = BytesIO()
    stream.write(b"\x89PNG\r\n\x1a\n")
    PngImagePlugin.putchunk(stream, b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))
    PngImagePlugin.putchunk(stream, b"sRGB", _PERCEPTUAL)
    if text is not None:
        PngImagePlugin.putchunk(stream, b"iTXt", SETTINGS.encode() + b"\0\0\0\0\0" + text.encode())
    PngImagePlugin.putchunk(stream, b"IDAT", compressed.getvalue())
    PngImagePlugin.putchunk(stream, b"IEND")
    return stream.getvalue()


def _tiff(values: NDArray[Any]) -> bytes:
    import tifffile

    stream = BytesIO()
    tifffile.imwrite(
        stream,
        values,
        photometric="rgb",
        planarconfig="contig",
        extrasamples=["unassalpha"] if values.shape[2] == 4 else None,
        compression="zlib",
        predictor=True,
        byteorder="<",
        software="impasto",
        metadata=None,
    )
    return stream.getvalue()
