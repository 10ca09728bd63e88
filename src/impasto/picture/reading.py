"""Anything that holds pixels to a picture: upright, in sRGB, its alpha beside it."""

import json
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
from PIL import Image, ImageCms, TiffImagePlugin, UnidentifiedImageError

from impasto.errors import PictureError
from impasto.picture.colour import transform_to_srgb
from impasto.picture.depth import checked, deep_grey, is_deep_grey, unit
from impasto.picture.files import one_line, reason
from impasto.picture.sizes import fit, resize
from impasto.picture.writing import SETTINGS

PIXELS_AT_MOST = 200_000_000
"""The largest picture `read` decodes: the biggest phone sensors still fit, a decompression bomb doesn't."""

_READABLE: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
_READABLE_IN_WORDS = "JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC or AVIF"
_BYTES_A_PIXEL = 16  # of the largest there are, four floats
_ORIENTATION, _BITS_PER_SAMPLE, _EXTRA_SAMPLES = 274, 258, 338
_UNASSOCIATED_ALPHA = 2

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
            transparency or uses none.
        checksum: SHA-256, in hexadecimal, of the file's bytes; where there was no file, of the picture and its alpha.
    """

    picture: NDArray[np.float32]
    alpha: NDArray[np.float32] | None
    checksum: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.picture.shape[:2]
        return width, height

    def resized(self, size: tuple[int, int]) -> "Opened":
        """The same picture and alpha at another `size`, width and height in pixels; see `resize`."""
        alpha = None if self.alpha is None else resize(self.alpha, size)
        return replace(self, picture=resize(self.picture, size), alpha=alpha)

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

    Files may be JPEG, PNG, WebP, TIFF, BMP, GIF (first frame), HEIC or AVIF, recognised by their content. They come
    back upright (EXIF orientation) and in sRGB (embedded ICC profile; a broken one is ignored). 16-bit greyscale and
    16-bit RGB TIFF keep their precision unless an ICC profile other than sRGB has to be applied, which happens at 8
    bits; all else is decoded to 8 bits. A 32-bit integer image counts as 16-bit data; a floating-point image is scaled
    by the smallest of 1, 255 and 65535 that holds its largest value.

    Args:
        source: A path; a PIL image of any mode; an array `[H, W]`, `[H, W, 1]`, `[H, W, 3]` or `[H, W, 4]`; a tensor
            `[H, W]`, `[C, H, W]` or `[1, C, H, W]` with C of 1, 3 or 4; or what was read before, which comes back as it is.
            Arrays and tensors hold uint8, uint16, bool, or floats in [0, 1]; floats up to 0.1 outside, such as a resampling
            filter leaves, are clamped.

    Returns:
        The picture and its alpha, sharing no memory with the source.

    Raises:
        PictureError: If the source is missing, unreadable, damaged, larger than `PIXELS_AT_MOST`, or not a picture.
    """
    if isinstance(source, Opened):
        return source
    if isinstance(source, str | os.PathLike):
        content = _content(Path(source))
        with _decoder(one_line(source)):
            opened = _decode(_open(content), content)
        return replace(opened, checksum=sha256(content).hexdigest())
    if isinstance(source, np.ndarray):
        opened = _from_array(source)
    elif isinstance(source, Image.Image):
        with _decoder("the PIL image"):
            opened = _decode(source)
    elif isinstance(source, Tensor):
        opened = _from_tensor(source)
    else:
        raise PictureError(f"can't read a picture from {type(source).__name__}; give a path, a PIL image, a numpy array or a tensor")
    return replace(opened, checksum=_checksum(opened))


def read_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read back the settings that `save` put into a PNG file.

    Args:
        path: A PNG file of ours.

    Returns:
        The settings, as JSON keeps them.

    Raises:
        PictureError: If the file is missing, unreadable, or carries no settings.
    """
    content = _content(Path(path))
    with _decoder(one_line(path)):
        text = _open(content).info.get(SETTINGS)
        settings = json.loads(text) if isinstance(text, str) else None
        if not isinstance(settings, dict):
            raise PictureError("the file carries no settings; only PNG files that Impasto saved do")
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
            raise PictureError(f"{name} is damaged or cut off ({reason(error)}); get a fresh copy of it") from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit


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


def _decode(image: Image.Image, content: bytes | None = None) -> Opened:
    if 0 in image.size:
        raise PictureError(f"a picture of {image.width} x {image.height} pixels is empty; give one with at least one pixel")
    image.load()
    to_srgb = transform_to_srgb(image)
    if content is not None and to_srgb is None and (deep := _sixteen_bit_rgb(image, content)) is not None:
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


def _sixteen_bit_rgb(image: Image.Image, content: bytes) -> NDArray[Any] | None:
    """The upright `[H, W, 3 or 4]` of a 16-bit RGB TIFF, of which Pillow keeps 8 bits; None where those have to do."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or set(image.tag_v2.get(_BITS_PER_SAMPLE, ())) != {16}:
        return None
    if image.mode not in ("RGB", "RGBA") or image.tag_v2.get(_EXTRA_SAMPLES, (_UNASSOCIATED_ALPHA,)) != (_UNASSOCIATED_ALPHA,):
        return None
    with suppress(Exception):  # a compression that tifffile lacks
        import tifffile

        with tifffile.TiffFile(BytesIO(content)) as tiff:
            page = tiff.pages.first
            values = page.asarray()
            if values.shape == (page.imagelength, page.imagewidth, len(image.mode)):
                return _upright(checked(values), page.tags.valueof(_ORIENTATION))
    return None


def _alpha(image: Image.Image) -> NDArray[np.uint8] | None:
    if is_deep_grey(image) or not image.has_transparency_data:
        return None
    return np.asarray(_in_mode(image, "RGBA").getchannel("A"))


def _colour(image: Image.Image, to_srgb: ImageCms.ImageCmsTransform | None) -> NDArray[Any]:
    """The sRGB of an image as `[H, W]` or `[H, W, 3]`."""
    if is_deep_grey(image):
        grey = deep_grey(np.asarray(image))
        if to_srgb is None:
            return grey
        image = Image.fromarray(np.round(unit(grey, grey.shape) * 255).astype(np.uint8))
    if to_srgb is None:
        return np.asarray(_in_mode(image, "RGB"))
    return np.asarray(to_srgb.apply(_in_mode(image, to_srgb.input_mode)))


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


def _opened(values: NDArray[Any], alpha: NDArray[np.uint8] | None = None) -> Opened:
    """Bring `[H, W]` or `[H, W, 1, 3 or 4]`, whose fourth channel is an alpha, into the shapes and the range of a picture."""
    height, width = values.shape[:2]
    channels = values[..., None] if values.ndim == 2 else values
    picture = unit(channels[..., :3], (height, width, 3))
    if alpha is None and channels.shape[2] < 4:
        return Opened(picture, None)
    opacity = unit(channels[..., 3] if alpha is None else alpha, (height, width))
    return Opened(picture, None if bool((opacity >= 1).all()) else opacity)


def _checksum(opened: Opened) -> str:
    found = sha256(str(opened.size).encode())
    found.update(opened.picture.data)
    if opened.alpha is not None:
        found.update(opened.alpha.data)
    return found.hexdigest()
