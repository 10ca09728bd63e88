"""What a file says of its picture besides the pixels: description, dates, camera, resolution, and how it was painted."""

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from PIL import ExifTags, Image, TiffImagePlugin

Tags = Mapping[int, Any]

SETTINGS = "impasto"  # the keyword of PNG's iTXt chunk, and the key in EXIF's UserComment
_ASCII = b"ASCII\0\0\0"  # what a UserComment begins with
_Base, _IFD = ExifTags.Base, ExifTags.IFD
_LONGEST = 8192  # bytes of a tag; in JPEG, all of them share 64 KiB
_INCH, _CENTIMETRE = 2, 3
_SRGB, _UNCALIBRATED = 1, 65535

# What the whitelists don't name stays behind: thumbnails, offsets, serial numbers, makers' notes.
_DESCRIBING = (
    *(_Base.ImageDescription, _Base.Make, _Base.Model, _Base.DateTime, _Base.Artist, _Base.Copyright),
    *(_Base.XPTitle, _Base.XPComment, _Base.XPAuthor, _Base.XPKeywords, _Base.XPSubject),
)
_DETAILS = (
    *(_Base.ExposureTime, _Base.FNumber, _Base.ExposureProgram, _Base.ISOSpeedRatings, _Base.SensitivityType),
    *(_Base.RecommendedExposureIndex, _Base.ISOSpeed, _Base.DateTimeOriginal, _Base.DateTimeDigitized),
    *(_Base.OffsetTime, _Base.OffsetTimeOriginal, _Base.OffsetTimeDigitized),
    *(_Base.SubsecTime, _Base.SubsecTimeOriginal, _Base.SubsecTimeDigitized),
    *(_Base.ShutterSpeedValue, _Base.ApertureValue, _Base.BrightnessValue, _Base.ExposureBiasValue, _Base.MaxApertureValue),
    *(_Base.SubjectDistance, _Base.MeteringMode, _Base.LightSource, _Base.Flash, _Base.FocalLength),
    *(_Base.ExposureMode, _Base.WhiteBalance, _Base.DigitalZoomRatio, _Base.FocalLengthIn35mmFilm, _Base.SceneCaptureType),
    *(_Base.GainControl, _Base.Contrast, _Base.Saturation, _Base.Sharpness, _Base.SubjectDistanceRange),
    *(_Base.CameraOwnerName, _Base.LensSpecification, _Base.LensMake, _Base.LensModel),
)


@dataclass(frozen=True)
class About:
    """What a photograph's file says of it.

    Attributes:
        tags: EXIF's main directory, by number: description, author, copyright, camera, date.
        details: EXIF's own directory: lens, exposure, dates.
        position: EXIF's GPS directory.
        density: Pixels per inch, across and down; None where it isn't said.
        profile: The ICC profile of an RGB space other than sRGB, in which the file's colours are; None for all else.
    """

    tags: Tags = field(default_factory=dict)
    details: Tags = field(default_factory=dict)
    position: Tags = field(default_factory=dict)
    density: tuple[float, float] | None = None
    profile: bytes | None = None


def about(exif: Image.Exif, info: Mapping[Any, Any], profile: bytes | None, *, turned: bool) -> About:
    """What is known of a picture.

    Args:
        exif: The file's; what is damaged in it is left out.
        info: Pillow's.
        profile: See :attr:`About.profile`.
        turned: Whether orientation swaps the sides.
    """
    position = {} if _IFD.GPSInfo not in exif else _sound(_directory(exif, _IFD.GPSInfo), range(32), _IFD.GPSInfo)
    # Some writers put the dates of EXIF's own directory into the main one.
    tags = _sound(exif, (*_DESCRIBING, *_DETAILS), None)
    return About(tags, _sound(_directory(exif, _IFD.Exif), _DETAILS, _IFD.Exif), position, _density(exif, info, turned), profile)


def directory_value(exif: Image.Exif, directory: int, tag: int) -> Any:
    """The value of a `tag` in one `directory` of some `exif`; None where it isn't or is damaged."""
    with suppress(Exception):
        return _directory(exif, directory).get(tag)
    return None


def _directory(exif: Image.Exif, number: int) -> Tags:
    with suppress(Exception):
        return exif.get_ifd(number)
    return {}


def _sound(tags: Any, wanted: Iterable[int], group: int | None) -> dict[int, Any]:
    """Those of the ``wanted`` tags that can be read and written again."""
    found = {}
    for tag in wanted:
        with suppress(Exception):
            value = tags[tag]
            if isinstance(value, bytes) and group == _IFD.Exif:
                value = (bytearray(value),)  # which Pillow writes as of type UNDEFINED, and bytes as BYTE
            directory = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\x08\0\0\0", group=group)
            directory[tag] = value
            if value not in ("", b"", ()) and len(directory.tobytes(8)) < _LONGEST:
                found[int(tag)] = value
    return found


def _density(exif: Image.Exif, info: Mapping[Any, Any], turned: bool) -> tuple[float, float] | None:
    across, down = info.get("dpi") or (None, None)
    with suppress(Exception):
        if across is None and (unit := exif.get(_Base.ResolutionUnit, _INCH)) in (_INCH, _CENTIMETRE):
            across, down = (float(exif[tag]) * (2.54 if unit == _CENTIMETRE else 1) for tag in (_Base.XResolution, _Base.YResolution))
    with suppress(Exception):
        found = _whole(float(across)), _whole(float(down))  # type: ignore[arg-type]
        if all(math.isfinite(one) and 1 < one <= 65535 for one in found):
            return found[::-1] if turned else found
    return None


def _whole(density: float) -> float:
    """A density that a file counts by the metre, as PNG does: 300 come back as 299.9994."""
    return float(round(density)) if abs(density - round(density)) < 0.02 else density


def exif_of(said: About, size: tuple[int, int], kept: str, settings: str | None, *, srgb: bool) -> Image.Exif | None:
    """The EXIF of a painting.

    Args:
        said: Of the photograph.
        size: The painting's width and height in pixels.
        kept: `keep` leaves the position out; `all` keeps it, too; `none` says nothing of the photograph.
        settings: JSON of how it was painted.
        srgb: Whether it is in sRGB.

    Returns:
        Little-endian EXIF; None where there is nothing to say.
    """
    exif = Image.Exif()
    exif.endian = "<"
    details: dict[int, Any] = {}
    if kept != "none":
        for tag, value in said.tags.items():
            exif[tag] = value
        details.update(said.details)
        if kept == "all" and said.position:
            exif[_IFD.GPSInfo] = dict(said.position)
        if said.density:
            exif[_Base.XResolution], exif[_Base.YResolution] = said.density
            exif[_Base.ResolutionUnit] = _INCH
    if settings is not None:
        details[_Base.UserComment] = (bytearray(_ASCII + json.dumps({SETTINGS: json.loads(settings)}, sort_keys=True).encode()),)
    if not exif and not details:
        return None
    exif[_Base.Orientation] = 1
    details[_Base.ExifVersion] = (bytearray(b"0232"),)
    details[_Base.ColorSpace] = _SRGB if srgb else _UNCALIBRATED
    details[_Base.ExifImageWidth], details[_Base.ExifImageHeight] = size
    exif[_IFD.Exif] = details
    return exif


def settings_in(image: Image.Image) -> dict[str, Any] | None:
    """The settings of a painting, an `image` that was just opened; None where it carries none.

    Raises:
        ValueError: They are damaged.
    """
    text = image.info.get(SETTINGS)
    if isinstance(text, str):
        settings = json.loads(text)
    else:
        comment = directory_value(image.getexif(), _IFD.Exif, _Base.UserComment)
        if not isinstance(comment, bytes) or not comment.startswith(_ASCII + b'{"' + SETTINGS.encode()):
            return None
        settings = json.loads(comment.removeprefix(_ASCII))[SETTINGS]
    return settings if isinstance(settings, dict) else None
