"""Files and arrays to pictures and back: orientation, colour profile, alpha, bit depth, size, atomic saving.

A picture is a float32 tensor `[1, 3, H, W]`, sRGB, with values in [0, 1]. `read` makes one of anything that holds
pixels, `resize` brings it to size, and `save` puts it into a file that is either whole or not there. Every fault a user
can mend, a damaged file included, is a one-line `PictureError` or `OutputError`.
"""

import json
import logging
import os
import secrets
import shutil
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin, UnidentifiedImageError
from torch import Tensor

from impasto.errors import OptionError, OutputError, PictureError

Source: TypeAlias = str | os.PathLike[str] | Image.Image | NDArray[Any] | Tensor

PIXELS_AT_MOST = 200_000_000
"""The largest picture `read` decodes: the biggest phone sensors still fit, a decompression bomb doesn't."""

_READABLE: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
_READABLE_IN_WORDS = "JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC or AVIF"
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
_ORIENTATION, _BITS_PER_SAMPLE, _EXTRA_SAMPLES = 274, 258, 338
_UNASSOCIATED_ALPHA = 2
_OVERSHOOT = 0.1
_BAND = 1_000_000  # pixels converted at a time, so that no second copy of a large picture in floats is ever needed
_SETTINGS = "impasto"  # the keyword of the iTXt chunk
_PERCEPTUAL = b"\0"  # the rendering intent the sRGB chunk names

# Pillow's pixel limit and Python's warning filters belong to the whole process, so one thread at a time changes them.
_process_wide = threading.Lock()

# Decoders log what they dislike in a file; without a handler Python would print that to stderr.
for _decoder_log in ("PIL", "tifffile"):
    logging.getLogger(_decoder_log).addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Opened:
    """What `read` found in a source.

    Attributes:
        picture: float32 `[1, 3, H, W]`, sRGB in [0, 1].
        alpha: float32 `[1, 1, H, W]` in [0, 1], where 1 is opaque and colours aren't premultiplied; None when the
            source has no transparency or uses none.
    """

    picture: Tensor
    alpha: Tensor | None


def read(source: Source) -> Opened:
    """Make a picture of a file, a PIL image, a numpy array or a tensor.

    Files may be JPEG, PNG, WebP, TIFF, BMP, GIF (first frame), HEIC or AVIF, recognised by their content. They come
    back upright (EXIF orientation) and in sRGB (embedded ICC profile; a broken one is ignored). 16-bit greyscale and
    16-bit RGB TIFF keep their precision unless an ICC profile other than sRGB has to be applied, which happens at 8
    bits; all else is decoded to 8 bits. A 32-bit integer image counts as 16-bit data; a floating-point image is scaled
    by the smallest of 1, 255 and 65535 that holds its largest value.

    Args:
        source: A path; a PIL image of any mode; an array `[H, W]`, `[H, W, 1]`, `[H, W, 3]` or `[H, W, 4]`; or a tensor
            `[H, W]`, `[C, H, W]` or `[1, C, H, W]` with C of 1, 3 or 4. Arrays and tensors hold uint8, uint16, bool,
            or floats in [0, 1]; floats up to 0.1 outside, such as a resampling filter leaves, are clamped.

    Returns:
        The picture and its alpha, on the CPU, sharing no memory with the source.

    Raises:
        PictureError: If the source is missing, unreadable, damaged, larger than `PIXELS_AT_MOST`, or not a picture.
    """
    if isinstance(source, Tensor):
        return _from_tensor(source)
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        with _decoder("the PIL image"):
            return _decode(source)
    if isinstance(source, str | os.PathLike):
        with _file(Path(source)) as stream, _decoder(_one_line(source)):
            return _decode(_open(stream), stream)
    raise PictureError(f"can't read a picture from {type(source).__name__}; give a path, a PIL image, a numpy array or a tensor")


def fit(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Scale a size so that its longest side is `longest`.

    Args:
        size: Width and height in pixels, both at least 1.
        longest: The longest side in pixels; 0 leaves the size as it is.

    Returns:
        Width and height, of the same aspect ratio up to rounding, neither below 1.

    Raises:
        OptionError: If `longest` is negative.
    """
    if longest < 0:
        raise OptionError(f"a longest side of {longest} pixels is impossible; give a positive number, or 0 to keep the size")
    if longest == 0:
        return size
    width, height = (max(1, round(side * longest / max(size))) for side in size)
    return width, height


def resize(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Resample to a size, bicubic and antialiased, so that shrinking neither aliases nor shifts the picture.

    Args:
        picture: float32 `[N, C, H, W]` in [0, 1], with any number of channels.
        size: Width and height in pixels.

    Returns:
        float32 `[N, C, height, width]`, clamped to [0, 1]; `picture` itself if it has that size already.
    """
    width, height = size
    if picture.shape[-2:] == (height, width):
        return picture
    resampled = torch.nn.functional.interpolate(picture, (height, width), mode="bicubic", align_corners=False, antialias=True)
    return resampled.clamp(0, 1)


def scale(picture: Tensor, longest: int, *, enlarge: bool = True) -> Tensor:
    """Resample as `resize` does, to a longest side.

    Args:
        picture: float32 `[N, C, H, W]` in [0, 1].
        longest: The longest side in pixels; 0 leaves the picture as it is.
        enlarge: Whether a picture that is smaller becomes larger.

    Returns:
        float32 `[N, C, h, w]`, of the same aspect ratio up to rounding.

    Raises:
        OptionError: If `longest` is negative.
    """
    height, width = picture.shape[-2:]
    return resize(picture, fit((width, height), longest if enlarge else min(longest, max(width, height))))


def to_pil(picture: Tensor, alpha: Tensor | None = None) -> Image.Image:
    """Round a picture to 8 bits.

    Args:
        picture: `[1, 3, H, W]`, sRGB; values outside [0, 1] are clamped.
        alpha: `[1, 1, H, W]`, or None for an opaque picture.

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
    name = _one_line(path)
    if target.suffix.lower() not in _WRITABLE:
        raise OutputError(f"{name} has no extension we can write; use one of {', '.join(_WRITABLE)}")
    if bits not in (8, 16):
        raise OptionError(f"{bits} bits per channel are impossible; choose 8 or 16")
    if bits == 16 and _WRITABLE[target.suffix.lower()] not in _DEEP:
        raise OptionError(f"{name} can't hold 16 bits per channel; save as .png or .tif, or choose 8 bits")
    return target


def check_place(path: str | os.PathLike[str]) -> Path:
    """Find out before any work is done whether `replace` will be able to write a file.

    Args:
        path: The file to write.

    Returns:
        The path.

    Raises:
        OutputError: If the folder is missing or write-protected, or something stands in the way that isn't a file we
            may replace.
    """
    target = Path(path)
    name = _one_line(path)
    try:
        # A symbolic link stays one: what it points to is replaced.
        real = Path(os.path.realpath(target))
        folder = real.is_dir()
    except (OSError, ValueError) as error:
        raise OutputError(f"{name} can't be written ({_reason(error)}); choose another name") from error
    if folder:
        raise OutputError(f"{name} is a folder; add a file name such as {Path(name) / 'out.png'}")
    if not real.parent.is_dir():
        raise OutputError(f"{name} can't be written, because the folder {_one_line(real.parent)} doesn't exist; create it first")
    if not os.access(real.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{name} can't be written, because the folder {_one_line(real.parent)} is write-protected; choose another")
    if real.exists() and not (real.is_file() and os.access(real, os.W_OK)):
        raise OutputError(f"{name} is write-protected or not a regular file; choose another name")
    return target


def save(
    picture: Tensor,
    path: str | os.PathLike[str],
    *,
    alpha: Tensor | None = None,
    bits: int = 8,
    settings: Mapping[str, object] | None = None,
) -> None:
    """Write a picture into a file, whole or not at all; the same input gives the same bytes.

    Args:
        picture: `[1, 3, H, W]`, sRGB; values outside [0, 1] are clamped.
        path: The file; `.png`, `.jpg`, `.jpeg`, `.webp`, `.tif`, `.tiff`, `.bmp`, `.heic` or `.avif`.
        alpha: `[1, 1, H, W]` in [0, 1]; JPEG and BMP get the picture laid on white instead.
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
        raise OutputError(f"{_one_line(path)} can't be encoded ({_reason(error)}); save as .png instead") from error
    write(target, encoded)


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file as `replace` does.

    Args:
        path: The file.
        content: All of it.

    Raises:
        OutputError: If it can't be written; what was there before is as it was.
    """
    try:
        replace(path, content)
    except OSError as error:
        raise OutputError(f"{_one_line(path)} can't be written ({_reason(error)}); free some space or choose another folder") from error


def replace(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file, whole or not at all.

    It is written beside its target under another name, brought to the disk, and then takes the target's place. A symbolic
    link stays one, and a file that is there leaves its permissions.

    Args:
        path: The file.
        content: All of it.

    Raises:
        OSError: If it can't be written; what was there before is as it was.
    """
    real = Path(os.path.realpath(path))
    temporary = real.with_name(f".impasto-{secrets.token_hex(8)}.part")
    try:
        temporary.write_bytes(content)
        with temporary.open("r+b") as stream:
            os.fsync(stream.fileno())
        if real.exists():
            shutil.copymode(real, temporary)
        temporary.replace(real)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read back the settings that `save` put into a PNG file.

    Args:
        path: A PNG file of ours.

    Returns:
        The settings, as JSON keeps them.

    Raises:
        PictureError: If the file is missing, unreadable, or carries no settings.
    """
    with _file(Path(path)) as stream, _decoder(_one_line(path)):
        text = _open(stream).info.get(_SETTINGS)
        settings = json.loads(text) if isinstance(text, str) else None
        if not isinstance(settings, dict):
            raise PictureError("the file carries no settings; only PNG files that Impasto saved do")
        return settings


@contextmanager
def _file(path: Path) -> Iterator[BinaryIO]:
    name = _one_line(path)
    try:
        if path.is_dir():
            raise PictureError(f"{name} is a folder; name a picture in it")
        if path.exists() and not path.is_file():
            raise PictureError(f"{name} is not a regular file; save the picture to one first")
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise PictureError(f"{name} doesn't exist; check the path") from error
    except PermissionError as error:
        raise PictureError(f"{name} may not be read; give yourself permission to read it") from error
    except (OSError, ValueError) as error:
        raise PictureError(f"{name} can't be opened ({_reason(error)}); check the path") from error
    with stream:
        yield stream


@contextmanager
def _decoder(name: str) -> Iterator[None]:
    """Decode without noise, and say in one line what is wrong with the source called `name`."""
    with _process_wide, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, PIXELS_AT_MOST
        try:
            yield
        except PictureError as error:
            raise PictureError(f"{name}: {error}") from error
        except UnidentifiedImageError as error:
            raise PictureError(f"{name} is not a {_READABLE_IN_WORDS} picture, or is damaged; convert it to PNG") from error
        except Image.DecompressionBombError as error:
            raise PictureError(f"{name} has more than {PIXELS_AT_MOST // 1_000_000} megapixels; scale it down first") from error
        except MemoryError as error:
            raise PictureError(f"{name} doesn't fit into memory; scale it down first") from error
        except Exception as error:  # a damaged file can make a decoder throw anything at all
            raise PictureError(f"{name} is damaged or cut off ({_reason(error)}); get a fresh copy of it") from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _open(stream: BinaryIO) -> Image.Image:
    header = stream.read(12)
    if not header:
        raise PictureError("the file is empty; get a fresh copy of it")
    formats = _READABLE
    if header[4:8] == b"ftyp":
        import pillow_heif

        pillow_heif.register_heif_opener()
        formats += ("HEIF",)
    image = Image.open(stream, formats=formats)
    if image.width * image.height > PIXELS_AT_MOST:
        raise Image.DecompressionBombError
    return image


def _decode(image: Image.Image, stream: BinaryIO | None = None) -> Opened:
    if 0 in image.size:
        raise PictureError(f"a picture of {image.width} x {image.height} pixels is empty; give one with at least one pixel")
    image.load()
    to_srgb = _transform_to_srgb(image)
    if stream is not None and to_srgb is None and (deep := _sixteen_bit_rgb(image, stream)) is not None:
        return _opened(deep)
    orientation = _orientation(image)
    alpha = _alpha(image)
    return _opened(_upright(_colour(image, to_srgb), orientation), None if alpha is None else _upright(alpha, orientation))


def _orientation(image: Image.Image) -> object:
    with suppress(Exception):  # damaged EXIF is no reason to refuse the pixels
        return image.getexif().get(_ORIENTATION)
    return None


def _upright(values: NDArray[Any], orientation: object) -> NDArray[Any]:
    """Turn `[H, W, ...]` the way the EXIF orientation asks, where 5 to 8 swap the axes."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values


def _transform_to_srgb(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """The way from the embedded profile to sRGB; None without a profile, or with a broken, unfitting or sRGB one."""
    with suppress(Exception):
        profile = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
        space = profile.profile.xcolor_space.strip()
        if image.mode == "CMYK":
            fitting = {"CMYK": "CMYK"}
        elif _is_deep_grey(image) or image.mode in ("1", "L", "LA"):
            fitting = {"GRAY": "L", "RGB": "RGB"}
        else:
            fitting = {"RGB": "RGB"}
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), fitting[space], "RGB")
        return None if _changes_nothing(transform) else transform
    return None


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether the colours of a coarse cube stay within one 8-bit step: an sRGB profile must not cost precision."""
    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(17, -1, 3)
    before = Image.fromarray(cube).convert(transform.input_mode)
    after = np.asarray(transform.apply(before), np.int16)
    return bool(np.abs(after - np.asarray(before.convert("RGB"))).max() <= 1)


def _sixteen_bit_rgb(image: Image.Image, stream: BinaryIO) -> NDArray[Any] | None:
    """The upright `[H, W, 3 or 4]` of a 16-bit RGB TIFF, of which Pillow keeps 8 bits; None where those have to do."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or set(image.tag_v2.get(_BITS_PER_SAMPLE, ())) != {16}:
        return None
    if image.mode not in ("RGB", "RGBA") or image.tag_v2.get(_EXTRA_SAMPLES, (_UNASSOCIATED_ALPHA,)) != (_UNASSOCIATED_ALPHA,):
        return None
    with suppress(Exception):  # a compression that tifffile lacks
        import tifffile

        stream.seek(0)
        with tifffile.TiffFile(stream) as tiff:
            page = tiff.pages.first
            values = page.asarray()
            if values.shape == (page.imagelength, page.imagewidth, len(image.mode)):
                return _upright(_checked(values), page.tags.valueof(_ORIENTATION))
    return None


def _is_deep_grey(image: Image.Image) -> bool:
    return image.mode.startswith(("I", "F"))


def _alpha(image: Image.Image) -> NDArray[np.uint8] | None:
    if _is_deep_grey(image) or not image.has_transparency_data:
        return None
    return np.asarray(_in_mode(image, "RGBA").getchannel("A"))


def _colour(image: Image.Image, to_srgb: ImageCms.ImageCmsTransform | None) -> NDArray[Any]:
    """The sRGB of an image as `[H, W]` or `[H, W, 3]`."""
    if _is_deep_grey(image):
        grey = _deep_grey(np.asarray(image))
        if to_srgb is None:
            return grey
        image = Image.fromarray(np.round(_unit(grey) * 255).astype(np.uint8))
    if to_srgb is None:
        return np.asarray(_in_mode(image, "RGB"))
    return np.asarray(to_srgb.apply(_in_mode(image, to_srgb.input_mode)))


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)


def _deep_grey(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind == "u":
        return values
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 65535):  # false for NaN too
        raise PictureError(f"the grey values run from {low:.4g} to {high:.4g}; save it with 8 or 16 bits per channel")
    top = next(top for top in (1, 255, 65535) if high <= top) if values.dtype.kind == "f" else 65535
    return values.astype(np.float32) / np.float32(top)


def _from_tensor(values: Tensor) -> Opened:
    pixels = values.detach().cpu()
    if pixels.ndim == 4 and pixels.shape[0] == 1:
        pixels = pixels[0]
    if pixels.ndim == 2:
        pixels = pixels[None]
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3, 4) or pixels.numel() == 0:
        raise PictureError(f"a tensor of shape {list(values.shape)} is no picture; give [3, H, W] or [1, 3, H, W], or 1 or 4 channels")
    if pixels.is_floating_point():
        pixels = pixels.float()  # numpy has no bfloat16
    return _opened(_checked(pixels.movedim(0, -1).numpy()))


def _from_array(values: NDArray[Any]) -> Opened:
    if values.ndim not in (2, 3) or values.shape[2:] not in ((), (1,), (3,), (4,)) or values.size == 0:
        raise PictureError(f"an array of shape {list(values.shape)} is no picture; give [H, W], [H, W, 1], [H, W, 3] or [H, W, 4]")
    return _opened(_checked(values))


def _checked(values: NDArray[Any]) -> NDArray[Any]:
    """The values themselves, if `_unit` knows what they mean."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "b" or (kind == "u" and size <= 2):
        return values
    if kind != "f":
        raise PictureError(f"the values are {values.dtype}; give uint8, uint16, bool, or floats in [0, 1]")
    low, high = float(values.min()), float(values.max())
    if not (low >= -_OVERSHOOT and high <= 1 + _OVERSHOOT):  # false for NaN too
        raise PictureError(f"the values run from {low:.4g} to {high:.4g}; scale floats to [0, 1], without NaN or infinity")
    return values


def _unit(values: NDArray[Any]) -> NDArray[np.float32]:
    """A float32 copy in [0, 1]."""
    if values.dtype.kind == "u":
        return values.astype(np.float32) / np.float32(256**values.dtype.itemsize - 1)
    return values.astype(np.float32).clip(0, 1)


def _opened(values: NDArray[Any], alpha: NDArray[np.uint8] | None = None) -> Opened:
    """Bring `[H, W]` or `[H, W, 1, 3 or 4]`, whose fourth channel is an alpha, into the shapes and the range of a picture."""
    height, width = values.shape[:2]
    channels = values.reshape(height, width, -1)
    picture = torch.empty(1, 3, height, width)
    for rows in _bands(height, width):
        picture[0, :, rows] = _channels_first(channels[rows, :, :3])
    if alpha is None and channels.shape[2] < 4:
        return Opened(picture, None)
    opacity = torch.empty(1, 1, height, width)
    for rows in _bands(height, width):
        opacity[0, :, rows] = _channels_first(channels[rows, :, 3:] if alpha is None else alpha[rows, :, None])
    return Opened(picture, None if bool((opacity >= 1).all()) else opacity)


def _channels_first(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(_unit(values))).movedim(2, 0)


def _integers(picture: Tensor, alpha: Tensor | None, bits: int, *, on_white: bool) -> NDArray[Any]:
    """Round to uint8 or uint16 `[H, W, 3 or 4]`; or `[H, W, 3]`, laid on white where there is an alpha."""
    height, width = picture.shape[-2:]
    values = np.empty((height, width, 3 if alpha is None or on_white else 4), np.uint8 if bits == 8 else np.uint16)
    for rows in _bands(height, width):
        band = picture.detach()[..., rows, :]
        if alpha is not None:
            opacity = alpha.detach()[..., rows, :]
            band = band * opacity + (1 - opacity) if on_white else torch.cat([band, opacity], dim=1)
        values[rows] = band.squeeze(0).movedim(0, -1).float().clamp(0, 1).mul(2**bits - 1).round().cpu().numpy()
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
            chunks.add_itxt(_SETTINGS, text)
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
        PngImagePlugin.putchunk(stream, b"iTXt", _SETTINGS.encode() + b"\0\0\0\0\0" + text.encode())
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


def _reason(error: BaseException) -> str:
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return _one_line(words)[:120] or type(error).__name__


def _one_line(text: str | os.PathLike[str]) -> str:
    return " ".join(os.fspath(text).splitlines())
