"""Colour spaces to sRGB and back."""

import struct
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from impasto.errors import PictureError
from impasto.picture.depth import is_deep_grey

Curve = tuple[float, ...]
"""From values to light: an exponent g, or g, a, b, c and d of (a x + b)^g from d on and c x below (ICC.1:2022, table 68)."""
Chromaticities = tuple[float, ...]
"""x and y of white, red, green and blue."""

SRGB: Curve = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BROADCAST: Curve = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_D65 = (0.3127, 0.329)
BT709: Chromaticities = (*_D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
ADOBE: Chromaticities = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
# By the numbers of ITU-T H.273, which PNG's cICP chunk takes over.
_PRIMARIES: dict[int, Chromaticities] = {
    1: BT709,
    5: (*_D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06),
    6: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    9: (*_D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*_D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
_TRANSFERS: dict[int, Curve] = {
    1: _BROADCAST,
    4: (2.2,),
    5: (2.8,),
    6: _BROADCAST,
    8: (1.0,),
    13: SRGB,
    14: _BROADCAST,
    15: _BROADCAST,
}
_HDR = {16: "PQ", 18: "HLG"}
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])  # what profiles refer to
_SRGB_GAMMA = 0.45455  # what writers of PNG put there for sRGB
_UNCALIBRATED, _ADOBE_RGB = (2, 65535), "R03"


def found(image: Image.Image, content: bytes | None, space: object, interoperability: object) -> bytes | None:
    """The ICC profile of an `image`: the one it holds, or one made of what else it says of its colours.

    A PNG's chunks count in the order of the PNG specification, third edition, section 4.3: cICP, iCCP, sRGB, gAMA and cHRM.

    Args:
        image: As it was opened.
        content: The file, where there is one.
        space: EXIF's ColorSpace.
        interoperability: EXIF's InteroperabilityIndex; R03 means Adobe RGB (DCF 2.0).

    Returns:
        The profile; None where nothing is said, or that it is sRGB.

    Raises:
        PictureError: If the colours are of high dynamic range.
    """
    if content is not None and (code := _coding(content)) is not None:
        if code[1] in _HDR:
            raise PictureError(f"its colours are of high dynamic range ({_HDR[code[1]]}); convert it to sRGB or Display P3 first")
        if code[0] in _PRIMARIES and code[1] in _TRANSFERS:
            return made(_PRIMARIES[code[0]], _TRANSFERS[code[1]])
    if image.info.get("icc_profile"):
        return bytes(image.info["icc_profile"])
    with suppress(Exception):  # chromaticities that are none
        if "srgb" not in image.info and ("gamma" in image.info or "chromaticity" in image.info):
            gamma = image.info.get("gamma", _SRGB_GAMMA)
            if 0.1 <= gamma <= 10:
                curve = SRGB if abs(gamma / _SRGB_GAMMA - 1) < 0.01 else (1 / gamma,)
                return made(image.info.get("chromaticity", BT709), curve)
    if space in _UNCALIBRATED and str(interoperability).strip("\0 ") == _ADOBE_RGB:
        return made(ADOBE, (563 / 256,))
    return None


def _coding(content: bytes) -> tuple[int, int] | None:
    """The primaries and the transfer that a PNG's cICP chunk names; None in any other file."""
    at = 8
    while content[:4] == b"\x89PNG" and (name := content[at + 4 : at + 8]) not in (b"IDAT", b""):
        if name == b"cICP" and len(content) >= at + 12:
            return content[at + 8], content[at + 9]
        at += 12 + int.from_bytes(content[at : at + 4], "big")
    return None


def made(chromaticities: Sequence[float], curve: Curve) -> bytes | None:
    """An ICC profile (ICC.1:2022) of a matrix and a curve; None for sRGB's own.

    Args:
        chromaticities: See :data:`Chromaticities`.
        curve: See :data:`Curve`, of all three channels.

    Raises:
        numpy.linalg.LinAlgError: If the chromaticities span no space.
    """
    if curve == SRGB and np.allclose(chromaticities, BT709, atol=0.002):
        return None
    x, y = np.reshape(chromaticities, (4, 2)).T
    white, *primaries = np.stack([x / y, np.ones(4), (1 - x - y) / y], 1)
    matrix = np.stack(primaries, 1)
    matrix = matrix * np.linalg.solve(matrix, white)
    matrix = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white)) @ _BRADFORD @ matrix

    def fixed(values: Sequence[float] | NDArray[np.float64]) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))

    words = "Impasto".encode("utf-16-be")
    text = b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(words), 28) + words
    tags = {b"desc": text, b"cprt": text, b"wtpt": b"XYZ " + bytes(4) + fixed(_D50)}
    for name, column in zip((b"r", b"g", b"b"), matrix.T, strict=True):
        tags[name + b"XYZ"] = b"XYZ " + bytes(4) + fixed(column)
        tags[name + b"TRC"] = b"para" + bytes(4) + struct.pack(">HH", 3 if len(curve) > 1 else 0, 0) + fixed(curve)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s", 128 + len(table) + len(body), bytes(4), 0x04200000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + fixed(_D50)
    return header.ljust(128, b"\0") + table + body


def transform_to_srgb(profile: bytes | None, image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """The way from a `profile` of an `image` to sRGB; None without a profile, or with a broken, unfitting or sRGB one."""
    if profile is None:
        return None
    with suppress(Exception):
        opened = ImageCms.ImageCmsProfile(BytesIO(profile))
        space = opened.profile.xcolor_space.strip()
        if image.mode == "CMYK":
            fitting = {"CMYK": "CMYK"}
        elif is_deep_grey(image) or image.mode in ("1", "L", "LA"):
            fitting = {"GRAY": "L", "RGB": "RGB"}
        else:
            fitting = {"RGB": "RGB"}
        transform = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), fitting[space], "RGB")
        return None if _changes_nothing(transform) else transform
    return None


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether the colours of a coarse cube stay within one 8-bit step: an sRGB profile must not cost precision."""
    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(17, -1, 3)
    before = Image.fromarray(cube).convert(transform.input_mode)
    after = np.asarray(transform.apply(before), np.int16)
    return bool(np.abs(after - np.asarray(before.convert("RGB"))).max() <= 1)


def from_srgb(values: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8] | None:
    """SRGB in the colours of a profile.

    Args:
        values: `[H, W, 3 or 4]`, of which a fourth channel stays as it is.
        profile: Of an RGB space.

    Returns:
        As the values; None where the profile can't be written to.
    """
    with suppress(Exception):
        opened = ImageCms.ImageCmsProfile(BytesIO(profile))
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), opened, "RGB", "RGB", intent)
        colours = np.asarray(transform.apply(Image.fromarray(np.ascontiguousarray(values[..., :3]))))
        return np.concatenate([colours, values[..., 3:]], axis=2)
    return None
