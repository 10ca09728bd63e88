"""Colour profiles to sRGB."""

from contextlib import suppress
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from impasto.picture.depth import is_deep_grey


def transform_to_srgb(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """The way from the profile embedded in an `image` to sRGB; None without a profile, or with a broken, unfitting or sRGB one."""
    with suppress(Exception):
        profile = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
        space = profile.profile.xcolor_space.strip()
        if image.mode == "CMYK":
            fitting = {"CMYK": "CMYK"}
        elif is_deep_grey(image) or image.mode in ("1", "L", "LA"):
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
