"""Anything that holds pixels to a picture: upright, in sRGB, its alpha beside it."""

import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.ExifTags import IFD, Base, Interop

from impasto.errors import PictureError
from impasto.picture import colour, hidden, tiff
from impasto.picture.about import About, about, directory_value, settings_in
from impasto.picture.depth import checked, inverted, is_deep_grey, known, remark_dark, unit
from impasto.picture.files import expanded, one_line, reason
from impasto.picture.sizes import fit, resize

PIXELS_AT_MOST = 200_000_000
"""The largest picture `read` decodes: the biggest phone sensors still fit, a decompression bomb doesn't."""

ENDINGS = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif", ".avif"})
"""The extensions by which pictures are known among a folder's files; a file that is named is known by what is in it."""

_READABLE: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
_READABLE_IN_WORDS = "JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC or AVIF"
_BYTES_A_PIXEL = 16  # of the largest there are, four floats
_MOVING = ("GIF", "WEBP", "PNG", "AVIF")
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap the sides
_PNG_DEPTH = 24  # where a PNG says how many bits
_JPEG_BEGIN, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_NOTHING_SAID = About()

# Pillow's pixel limit and Python's warning filters belong to the whole process, so one thread at a time changes them.
_process_wide = threading.Lock()

# Decoders log what they dislike in a file; without a handler Python would print that to stderr.
for _decoder_log in ("PIL", "tifffile"):
    logging.getLogger(_decoder_log).addHandler(logging.NullHandler())


@runtime_checkable
class Tensor(Protocol):
    """What `read` needs of a torch tensor, so that nobody has to import torch who has none."""

    def detach(self) -> Any:
        """The values without their history."""

    def is_floating_point(self) -> bool:
        """Whether they are floats."""


@dataclass(frozen=True, eq=False)
class Opened:
    """What `read` found in a source.

    Attributes:
        picture: float32 `[H, W, 3]`, sRGB in [0, 1].
        alpha: float32 `[H, W]` in [0, 1], where 1 is opaque and colours aren't premultiplied; None when the source has no
            transparency or uses none. What it hides has the colours of what is visible around.
        checksum: SHA-256, in hexadecimal, of the file's bytes; where there was no file, of the picture and its alpha.
        about: What the file says of it besides.
    """

    picture: NDArray[np.float32]
    alpha: NDArray[np.float32] | None
    checksum: str = ""
    about: About = _NOTHING_SAID

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.picture.shape[:2]
        return width, height

    def resized(self, size: tuple[int, int]) -> "Opened":
        """The same picture and alpha at another `size`, width and height in pixels; see `resize`.

        Where there is an alpha, every colour counts by what is seen of it.
        """
        if self.alpha is None or size == self.size:
            return replace(self, picture=resize(self.picture, size))
        picture, alpha = hidden.resize(self.picture, self.alpha, size)
        return replace(self, picture=picture, alpha=alpha)

    def cropped(self) -> "Opened":
        """The middle of the same picture and alpha, as large a square as fits."""
        width, height = self.size
        side = min(width, height)
        rows, columns = (slice(begin, begin + side) for begin in ((height - side) // 2, (width - side) // 2))
        return replace(self, picture=self.picture[rows, columns], alpha=None if self.alpha is None else self.alpha[rows, columns])

    def scaled(self, longest: int, *, enlarge: bool = True) -> "Opened":
        """The same picture and alpha with another longest side.

        Args:
            longest: That side in pixels; 0 leaves both as they are.
            enlarge: Whether a picture that is smaller becomes larger.

        Raises:
            OptionError: If `longest` is negative.
        """
        return self.resized(fit(self.size, longest, enlarge=enlarge))


Source: TypeAlias = str | os.PathLike[str] | Image.Image | NDArray[Any] | Opened | Tensor


def read(source: Source) -> Opened:
    """Make a picture of a file, a PIL image, a numpy array or a tensor.

    Files may be JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC or AVIF, recognised by their content. They come back upright (EXIF orientation)
    and in sRGB, from an embedded ICC profile, a PNG's cICP, gAMA and cHRM chunks, or EXIF that says Adobe RGB; what is broken of these is
    ignored. 16-bit greyscale and TIFF of 16 or 32 bits or floats keep their precision unless the colours are other than sRGB, which are
    converted at 8 bits; all else is decoded to 8 bits. 32-bit integers of up to 65535 count as 16-bit data; floats are scaled by the
    smallest of 1, 255 and 65535 that holds the largest, except that values from 1 to 16 are cut off at 1. Colours under an alpha of 0
    give way to those of what is visible around, and under one of less than 0.1 in proportion.

    What is read but may not be what was meant is a warning: a moving picture, of which this is the first frame; values that are cut off
    or all but black; a JPEG without its end.

    Args:
        source: A path, whose leading ~ is expanded; a PIL image of any mode; an array `[H, W]`, `[H, W, 1]`, `[H, W, 3]` or
            `[H, W, 4]`; a tensor `[H, W]`, `[C, H, W]` or `[1, C, H, W]` with C of 1, 3 or 4; or what was read before, which comes back
            as it is.
            Arrays and tensors hold uint8, uint16, bool, or floats in [0, 1]; floats up to 0.1 outside, such as a resampling
            filter leaves, are clamped.

    Returns:
        The picture and its alpha, sharing no memory with the source.

    Raises:
        PictureError: If the source is missing, unreadable, damaged, larger than `PIXELS_AT_MOST`, of high dynamic range (PQ or HLG), a
            camera raw, or not a picture.
    """
    if isinstance(source, Opened):
        return source
    if isinstance(source, str | os.PathLike):
        content = _content(expanded(source))
        with _decoder(one_line(source)) as remarks:
            opened = _decode_file(content, remarks)
        return replace(opened, checksum=sha256(content).hexdigest())
    if isinstance(source, np.ndarray):
        opened = _from_array(source)
    elif isinstance(source, Image.Image):
        with _decoder("the PIL image") as remarks:
            opened = _decode(source, None, remarks)
    elif isinstance(source, Tensor):
        opened = _from_tensor(source)
    else:
        raise PictureError(f"can't read a picture from {type(source).__name__}; give a path, a PIL image, a numpy array or a tensor")
    return replace(opened, checksum=_checksum(opened))


def checksum(source: Source) -> str:
    """The checksum that `read` gives a picture. A file isn't decoded for that.

    Args:
        source: As for `read`.

    Raises:
        PictureError: If the source is missing or unreadable.
    """
    return sha256(_content(expanded(source))).hexdigest() if isinstance(source, str | os.PathLike) else read(source).checksum


def read_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read back the settings that `save` put into a file.

    Args:
        path: A painting of ours, of any format but BMP.

    Returns:
        The settings, as JSON keeps them.

    Raises:
        PictureError: If the file is missing, unreadable, or carries no settings.
    """
    content = _content(expanded(path))
    if expanded(path).suffix.lower() == ".svg":
        raise PictureError(f"{one_line(path)} carries no settings; only paintings that Impasto saved do, except as BMP and SVG")
    with _decoder(one_line(path)):
        settings = settings_in(_open(content))
        if settings is None:
            raise PictureError("the file carries no settings; only paintings that Impasto saved do, except as BMP and SVG")
        return settings


def _content(path: Path) -> bytes:
    name = one_line(path)
    try:
        if path.is_dir():
            raise PictureError(f"{name} is a folder; name a picture in it")
        if path.exists() and not path.is_file():
            raise PictureError(f"{name} is not a regular file; save the picture to one first")
        with path.open("rb") as stream:
            if (size := path.stat().st_size) > _BYTES_A_PIXEL * PIXELS_AT_MOST:
                raise PictureError(f"{name} has {size / 2**30:.1f} GiB, more than any picture we read; scale it down first")
            return stream.read()
    except FileNotFoundError as error:
        raise PictureError(f"{name} doesn't exist; check the path") from error
    except PermissionError as error:
        raise PictureError(f"{name} may not be read; give yourself permission to read it") from error
    except MemoryError as error:
        raise PictureError(f"{name} doesn't fit into memory; scale it down first") from error
    except (OSError, ValueError) as error:
        raise PictureError(f"{name} can't be opened ({reason(error)}); check the path") from error


class _RawError(UnidentifiedImageError):
    """A camera raw."""


@contextmanager
def _decoder(name: str) -> Iterator[list[str]]:
    """Decode without noise, and say in one line what is wrong with the source called `name`.

    Remarks that are put into what it gives become warnings.
    """
    remarks: list[str] = []
    with _process_wide, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, PIXELS_AT_MOST
        try:
            yield remarks
        except PictureError as error:
            raise PictureError(f"{name}: {error}") from error
        except UnidentifiedImageError as error:
            if isinstance(error, _RawError) or Path(name).suffix.lower() in tiff.RAW:
                raise PictureError(f"{name} is a camera raw; develop it first, and save it as TIFF or JPEG") from error
            raise PictureError(f"{name} is not a {_READABLE_IN_WORDS} picture, or is damaged; convert it to PNG") from error
        except Image.DecompressionBombError as error:
            raise PictureError(f"{name} has more than {PIXELS_AT_MOST // 1_000_000} megapixels; scale it down first") from error
        except MemoryError as error:
            raise PictureError(f"{name} doesn't fit into memory; scale it down first") from error
        except Exception as error:  # a damaged file can make a decoder throw anything at all
            raise PictureError(f"{name} is damaged or cut off ({reason(error)}); get a fresh copy of it") from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    for remark in remarks:
        warnings.warn(f"{name} {remark}", stacklevel=4)  # where `read` is called


def _open(content: bytes) -> Image.Image:
    if not content:
        raise PictureError("the file is empty; get a fresh copy of it")
    formats = _READABLE
    if content[4:8] == b"ftyp":
        import pillow_heif

        pillow_heif.register_heif_opener()
        formats += ("HEIF",)
    image = Image.open(BytesIO(content), formats=formats)
    if image.width * image.height > PIXELS_AT_MOST:
        raise Image.DecompressionBombError
    return image


def _decode_file(content: bytes, remarks: list[str]) -> Opened:
    if tiff.is_raw(content):
        raise _RawError
    try:
        image = _open(content)
    except UnidentifiedImageError:
        if (opened := _samples(content, remarks)) is None:
            raise
        return opened
    if tiff.is_planar(image) or tiff.is_deep(image):
        if (opened := _samples(content, remarks)) is not None:
            return opened
        if tiff.is_planar(image) and tiff.is_deep(image):
            raise PictureError("it keeps 16-bit channels apart and compressed in a way we can't read; save it uncompressed, or as PNG")
    try:
        image.load()
    except OSError:
        whole = _without_end_marker(content)
        if whole is None:
            raise
        remarks.append("lacks its end and may be cut off; it is painted as far as it goes")
        image = whole
    opened = _decode(image, content, remarks)
    with suppress(Exception):  # a second frame that is damaged doesn't matter
        if image.format in _MOVING and getattr(_open(content), "is_animated", False):
            remarks.append("is a moving picture; only its first frame is painted")
    return opened


def _without_end_marker(content: bytes) -> Image.Image | None:
    """The image of a JPEG whose pixels are all there; None if some are missing."""
    if content[:2] != _JPEG_BEGIN:
        return None
    content = content.removesuffix(b"\xff")
    # Where pixels are missing, the decoder makes some of whatever follows.
    images = [_open(content + filling + _JPEG_END) for filling in (b"", b"\x5a" * 4096)]
    for image in images:
        image.load()
    return images[0] if images[0].tobytes() == images[1].tobytes() else None


def _decode(image: Image.Image, content: bytes | None, remarks: list[str]) -> Opened:
    if 0 in image.size:
        raise PictureError(f"a picture of {image.width} x {image.height} pixels is empty; give one with at least one pixel")
    image.load()
    exif = _exif(image)
    profile = colour.found(
        image, content, *(directory_value(exif, *place) for place in ((IFD.Exif, Base.ColorSpace), (IFD.Interop, Interop.InteropIndex)))
    )
    to_srgb = colour.transform_to_srgb(profile, image)
    orientation = exif.get(tiff.ORIENTATION)
    alpha = _alpha(image, content)
    said = about(exif, image.info, profile if to_srgb is not None and to_srgb.input_mode == "RGB" else None, turned=orientation in _TURNED)
    return _opened(_upright(_colour(image, to_srgb, remarks), orientation), None if alpha is None else _upright(alpha, orientation), said)


def _samples(content: bytes, remarks: list[str]) -> Opened | None:
    """What is in a TIFF that Pillow keeps only a part of; None where that has to do."""
    if not tiff.is_tiff(content) or (found := tiff.samples(content, remarks)) is None:
        return None
    values, alpha = found
    remark_dark(values, remarks)
    exif = Image.Exif()
    exif.load(content)
    profile = exif.get(tiff.PROFILE)
    kind = "RGB" if values.ndim == 3 else "L"
    to_srgb = colour.transform_to_srgb(profile, Image.new(kind, (1, 1)))
    if to_srgb is not None:
        values = np.asarray(to_srgb.apply(_in_mode(_eight_bits(values), to_srgb.input_mode)))
    orientation = exif.get(tiff.ORIENTATION)
    said = about(exif, {}, profile if to_srgb is not None and to_srgb.input_mode == "RGB" else None, turned=orientation in _TURNED)
    return _opened(_upright(values, orientation), None if alpha is None else _upright(alpha, orientation), said)


def _exif(image: Image.Image) -> Image.Exif:
    with suppress(Exception):  # damaged EXIF is no reason to refuse the pixels
        return image.getexif()
    return Image.Exif()


def _upright(values: NDArray[Any], orientation: object) -> NDArray[Any]:
    """Turn `[H, W, ...]` the way the EXIF orientation asks."""
    if orientation in _TURNED:
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values


def _alpha(image: Image.Image, content: bytes | None) -> NDArray[np.uint8] | None:
    if not image.has_transparency_data:
        return None
    clear = image.info.get("transparency")
    if is_deep_grey(image):
        return np.where(np.asarray(image) == clear, 0, 255).astype(np.uint8) if isinstance(clear, int) else None
    if image.format == "PNG" and content is not None and clear is not None:
        # It is compared with pixels, which Pillow scales to 8 bits and leaves it as it is.
        depth = content[_PNG_DEPTH]
        if isinstance(clear, tuple) and depth == 16:
            image.info["transparency"] = tuple(value >> 8 for value in clear)
        elif isinstance(clear, int) and image.mode == "L" and depth < 8:
            image.info["transparency"] = clear * 255 // (2**depth - 1)
    return np.asarray(_in_mode(image, "RGBA").getchannel("A"))


def _colour(image: Image.Image, to_srgb: ImageCms.ImageCmsTransform | None, remarks: list[str]) -> NDArray[Any]:
    """The sRGB of an image as `[H, W]` or `[H, W, 3]`."""
    if is_deep_grey(image):
        grey = known(tiff.wide(image, np.asarray(image)), remarks)
        grey = inverted(grey) if tiff.white_is_zero(image) else grey
        remark_dark(grey, remarks)
        if to_srgb is None:
            return grey
        image = _eight_bits(grey)
    if to_srgb is None:
        return np.asarray(_in_mode(image, "RGB"))
    return np.asarray(to_srgb.apply(_in_mode(image, to_srgb.input_mode)))


def _eight_bits(values: NDArray[Any]) -> Image.Image:
    return Image.fromarray(np.round(unit(values, values.shape) * 255).astype(np.uint8))


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)


def _from_tensor(values: Tensor) -> Opened:
    pixels = values.detach().cpu()
    if values.is_floating_point():
        pixels = pixels.float()  # numpy has no bfloat16
    array: NDArray[Any] = pixels.numpy()
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[0] not in (1, 3, 4) or array.size == 0:
        raise PictureError(f"a tensor of shape {list(pixels.shape)} is no picture; give [3, H, W] or [1, 3, H, W], or 1 or 4 channels")
    return _opened(checked(np.moveaxis(array, 0, -1)))


def _from_array(values: NDArray[Any]) -> Opened:
    if values.ndim not in (2, 3) or values.shape[2:] not in ((), (1,), (3,), (4,)) or values.size == 0:
        raise PictureError(f"an array of shape {list(values.shape)} is no picture; give [H, W], [H, W, 1], [H, W, 3] or [H, W, 4]")
    return _opened(checked(values))


def _opened(values: NDArray[Any], alpha: NDArray[Any] | None = None, said: About = _NOTHING_SAID) -> Opened:
    """Bring `[H, W]` or `[H, W, 1, 3 or 4]`, whose fourth channel is an alpha, into the shapes and the range of a picture."""
    height, width = values.shape[:2]
    if height * width > PIXELS_AT_MOST:
        raise PictureError(f"a picture of {width} x {height} pixels is larger than any we read; scale it down first")
    channels = values[..., None] if values.ndim == 2 else values
    picture = unit(channels[..., :3], (height, width, 3))
    if alpha is None and channels.shape[2] < 4:
        return Opened(picture, None, about=said)
    opacity = unit(channels[..., 3] if alpha is None else alpha, (height, width))
    if bool((opacity >= 1).all()):
        return Opened(picture, None, about=said)
    hidden.fill(picture, opacity)
    return Opened(picture, opacity, about=said)


def _checksum(opened: Opened) -> str:
    found = sha256(str(opened.size).encode())
    found.update(opened.picture.data)
    if opened.alpha is not None:
        found.update(opened.alpha.data)
    return found.hexdigest()
