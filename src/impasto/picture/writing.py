"""Pictures to files of every format we write."""

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from impasto.errors import OptionError, OutputError
from impasto.picture import tiff
from impasto.picture.about import SETTINGS, About, exif_of
from impasto.picture.colour import from_srgb
from impasto.picture.files import check_place, named, one_line, reason, write

_ENDINGS = {
    ".png": "png",
    ".jpg": "jpg",
    ".jpeg": "jpg",
    ".jfif": "jpg",
    ".webp": "webp",
    ".tif": "tif",
    ".tiff": "tif",
    ".bmp": "bmp",
    ".heic": "heic",
    ".avif": "avif",
}
_PILLOWS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "tif": "TIFF", "bmp": "BMP", "heic": "HEIF", "avif": "AVIF"}
_QUALITY = {"jpg": 95, "webp": 95, "heic": 90, "avif": 90}
_LOSSLESS: dict[str, dict[str, Any]] = {
    "webp": {"lossless": True, "exact": True},
    "heic": {"quality": -1, "chroma": 444, "matrix_coefficients": 0},  # RGB as it is
}
_LOSSY = ("jpg", "avif")  # AVIF's encoder here turns RGB into luma and chroma, which rounds
# Of the encoders: libjpeg-turbo, libwebp and x265; what is larger libavif writes, but doesn't read.
_LONGEST_SIDE = {"jpg": 65_500, "webp": 16_383, "heic": 65_528, "avif": 32_768}
_WITHOUT_ALPHA = ("jpg", "bmp")
_DEEP = ("png", "tif")
_BAND = 1_000_000  # pixels rounded at a time, so that no second copy of a large picture in floats is ever needed
_PERCEPTUAL = b"\0"  # the rendering intent the sRGB chunk names
_INCH = 0.0254  # metres
_JPEG_EXIF = 65_533  # bytes that a segment holds; where a photograph says more, JPEG leaves that out


def to_pil(picture: NDArray[np.floating], alpha: NDArray[np.floating] | None = None) -> Image.Image:
    """Round a picture to 8 bits.

    Args:
        picture: Floats `[H, W, 3]`, sRGB; values outside [0, 1] are clamped.
        alpha: `[H, W]`, or None for an opaque picture.

    Returns:
        A PIL image of mode RGB, or RGBA where there is an alpha.
    """
    return Image.fromarray(_integers(picture, alpha, bits=8, on_white=False))


def form(target: str | os.PathLike[str] | BinaryIO, wanted: str | None = None) -> str:
    """The format in which a picture is written.

    Args:
        target: A file, or a binary stream.
        wanted: One of `png`, `jpg`, `webp`, `tif`, `bmp`, `heic`, `avif` and `svg`. A stream that wants nothing gets PNG.

    Returns:
        One of these.

    Raises:
        OutputError: If the file's extension means another format, or none and nothing is wanted.
    """
    if not isinstance(target, str | os.PathLike):
        return wanted or "png"
    suffix = Path(target).suffix.lower()
    meant = "svg" if suffix == ".svg" else _ENDINGS.get(suffix)
    if meant is None and wanted is None:
        raise OutputError(f"{one_line(target)} has no extension we can write; use one of {', '.join(_ENDINGS)}")
    if meant is not None and wanted not in (None, meant):
        raise OutputError(f"{one_line(target)} is named as {meant}, but {wanted} is the format; name it .{wanted}, or leave format out")
    return wanted or str(meant)


def check_form(name: str, kind: str, *, bits: int = 8, lossless: bool | None = False, profile: str = "srgb") -> None:
    """Find out before any work is done whether a format holds what it is to.

    Args:
        name: The output's, for messages.
        kind: See :func:`form`.
        bits: Bits per channel, 8 or 16.
        lossless: Whether every pixel must stay as it is.
        profile: `keep` for colours other than sRGB.

    Raises:
        OptionError: If it doesn't.
    """
    if bits not in (8, 16):
        raise OptionError(f"{bits} bits per channel are impossible; choose 8 or 16")
    if bits == 16 and kind not in _DEEP:
        raise OptionError(f"{name} can't hold 16 bits per channel; save as .png or .tif, or choose 8 bits")
    if bits == 16 and profile == "keep":
        raise OptionError("16 bits per channel are written in sRGB only; choose 8 bits, or the profile srgb")
    if lossless and kind in _LOSSY:
        raise OptionError(f"{name} can't be written lossless; save as .png, .webp, .heic or .tif, or leave lossless out")


def check_size(name: str, kind: str, size: tuple[int, int]) -> None:
    """Find out before any work is done whether a format holds pictures of a size.

    Args:
        name: The output's, for messages.
        kind: See :func:`form`.
        size: Width and height in pixels.

    Raises:
        OutputError: If it doesn't.
    """
    longest = _LONGEST_SIDE.get(kind)
    if longest is not None and max(size) > longest:
        sides = "{} x {}".format(*size)
        raise OutputError(f"{name} can't hold {sides} pixels, since its sides end at {longest}; save as .png, or choose a smaller size")


def check_target(
    path: str | os.PathLike[str], *, bits: int = 8, format: str | None = None, lossless: bool | None = False, profile: str = "srgb"
) -> Path:
    """Find out before any work is done whether `save` will be able to write there.

    Args:
        path: The file to write.
        bits: Bits per channel, 8 or 16.
        format: See :func:`form`; the extension chooses where it is None.
        lossless: Whether every pixel must stay as it is.
        profile: As for `save`.

    Returns:
        The path, a leading ~ expanded.

    Raises:
        OutputError: If the extension is unknown, or the place can't be written to, as for `check_place`.
        OptionError: If the format doesn't hold what it is to, as for `check_form`.
    """
    target = check_place(path)
    check_form(one_line(path), form(path, format), bits=bits, lossless=lossless, profile=profile)
    return target


def save(
    picture: NDArray[np.floating],
    target: str | os.PathLike[str] | BinaryIO,
    *,
    alpha: NDArray[np.floating] | None = None,
    bits: int = 8,
    settings: Mapping[str, object] | None = None,
    format: str | None = None,
    quality: int | None = None,
    lossless: bool | None = False,
    about: About | None = None,
    exif: str = "keep",
    profile: str = "srgb",
) -> None:
    """Write a picture into a file, whole or not at all; the same input gives the same bytes.

    Args:
        picture: Floats `[H, W, 3]`, sRGB; values outside [0, 1] are clamped.
        target: The file; `.png`, `.jpg`, `.jpeg`, `.jfif`, `.webp`, `.tif`, `.tiff`, `.bmp`, `.heic` or `.avif`. Its folder is
            created if need be. Or a binary stream.
        alpha: `[H, W]` in [0, 1]; JPEG and BMP get the picture laid on white instead.
        bits: Bits per channel: 8, or 16 for PNG and TIFF.
        settings: How the picture was made; kept as JSON for `read_settings`, in PNG's iTXt or EXIF's UserComment, in all formats but
            BMP. Values that JSON doesn't know are kept as text.
        format: See :func:`form`; without it, the extension chooses.
        quality: Of JPEG, WebP, AVIF and HEIC, from 1 to 100; None is 95, or 90 for the last two.
        lossless: Whether WebP and HEIC keep every pixel as it is, as PNG, TIFF and BMP do anyway.
        about: What the photograph's file says besides its pixels, from `read`.
        exif: `keep` writes that, without the position; `all` with it; `none` nothing of it, not even the resolution.
        profile: `srgb`, or `keep` for the photograph's own RGB space, if it has one: the picture's colours, all of them within
            sRGB, are converted into that space, whose profile is embedded. Colours beyond sRGB were lost at reading, and none are
            invented.

    Raises:
        OutputError: If the file can't be written, for the reasons `check_target` and `check_size` name or for lack of space.
        OptionError: If the format doesn't hold what it is to.
    """
    name = named(target)
    if isinstance(target, str | os.PathLike):
        check_place(target)
    kind = form(target, format)
    if kind not in _PILLOWS:
        raise OutputError(f"{name} can't hold a picture of pixels; save as .png")
    check_form(name, kind, bits=bits, lossless=lossless, profile=profile)
    height, width = picture.shape[:2]
    check_size(name, kind, (width, height))
    values = _integers(picture, alpha, bits, on_white=kind in _WITHOUT_ALPHA)
    text = None if settings is None else json.dumps(dict(settings), sort_keys=True, default=str)
    said = about or About()
    wide = from_srgb(values, said.profile) if profile == "keep" and said.profile is not None and kind != "bmp" else None
    tags = exif_of(said, (width, height), exif, None if kind == "png" else text, srgb=wide is None)
    if kind == "jpg" and tags is not None and len(tags.tobytes()) > _JPEG_EXIF:
        tags = exif_of(About(), (width, height), exif, text, srgb=wide is None)
    extras = _Extras(
        text=text,
        exif=tags,
        density=None if exif == "none" else said.density,
        profile=None if wide is None else said.profile,
    )
    try:
        encoded = _encode(values if wide is None else wide, kind, _options(kind, quality, lossless), extras)
    except Exception as error:
        raise OutputError(f"{name} can't be encoded ({reason(error)}); save as .png instead") from error
    write(target, encoded)


@dataclass(frozen=True)
class _Extras:
    """What a file holds besides the pixels: settings as JSON, EXIF, pixels per inch, and a profile."""

    text: str | None
    exif: Image.Exif | None
    density: tuple[float, float] | None
    profile: bytes | None


def _options(kind: str, quality: int | None, lossless: bool | None) -> dict[str, Any]:
    """Pillow's options."""
    if lossless and kind in _LOSSLESS:
        return _LOSSLESS[kind]
    if kind not in _QUALITY:
        return {}
    return {"quality": quality or _QUALITY[kind], **({"subsampling": 0} if kind == "jpg" else {})}


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


def _encode(values: NDArray[Any], kind: str, options: dict[str, Any], extras: _Extras) -> bytes:
    if kind == "tif":
        return _tiff(values, extras)
    if kind == "png" and values.dtype == np.uint16:
        return _sixteen_bit_png(values, extras)
    if kind == "png":
        chunks = PngImagePlugin.PngInfo()
        if extras.profile is None:
            chunks.add(b"sRGB", _PERCEPTUAL)
        if extras.text is not None:
            chunks.add_itxt(SETTINGS, extras.text)
        options = {"pnginfo": chunks}
    if kind == "heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    if extras.exif is not None and kind != "bmp":
        options = {**options, "exif": extras.exif.tobytes()}
    if extras.profile is not None:
        options = {**options, "icc_profile": extras.profile}
    if extras.density is not None and kind in ("png", "jpg", "bmp"):
        options = {**options, "dpi": extras.density}
    stream = BytesIO()
    Image.fromarray(values).save(stream, _PILLOWS[kind], **options)
    return stream.getvalue()


def _sixteen_bit_png(values: NDArray[np.uint16], extras: _Extras) -> bytes:
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
    if extras.density is not None:
        PngImagePlugin.putchunk(stream, b"pHYs", struct.pack(">IIB", *(round(one / _INCH) for one in extras.density), 1))
    if extras.text is not None:
        PngImagePlugin.putchunk(stream, b"iTXt", SETTINGS.encode() + b"\0\0\0\0\0" + extras.text.encode())
    if extras.exif is not None:
        PngImagePlugin.putchunk(stream, b"eXIf", extras.exif.tobytes().removeprefix(b"Exif\0\0"))
    PngImagePlugin.putchunk(stream, b"IDAT", compressed.getvalue())
    PngImagePlugin.putchunk(stream, b"IEND")
    return stream.getvalue()


def _tiff(values: NDArray[Any], extras: _Extras) -> bytes:
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
        iccprofile=extras.profile,
        **({} if extras.density is None else {"resolution": extras.density, "resolutionunit": "INCH"}),  # type: ignore[arg-type]
    )
    return stream.getvalue() if extras.exif is None else tiff.with_tags(stream.getvalue(), extras.exif)
