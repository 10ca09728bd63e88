"""What goes in comes out: every statement here is checked against numpy or an independent decoder."""

import errno
import json
import logging
import os
import stat
import struct
import subprocess
import sys
import warnings
import zlib
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageCms, PngImagePlugin

from impasto.errors import ImpastoError, OptionError, OutputError, PictureError
from impasto.picture import Opened, check_target, fit, read, read_settings, reading, resize, save, scale, to_pil

ORIENTATION = 274


def as_array(values):
    """`[H, W, C]` or `[H, W]` as float64 `[H, W, C]`."""
    return np.atleast_3d(values).astype(np.float64)


def noise(*shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def visible(*shape, dtype=np.uint8):
    """Noise, no pixel of which is so transparent that its colour would count less."""
    values = noise(*shape, dtype=dtype)
    if shape[2:] in ((2,), (4,)):
        values[..., -1] |= 1 << (8 * values.itemsize - 2)
    return values


def smooth(height=24, width=32):
    """A uint8 `[H, W, 3]` that even a lossy codec keeps."""
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return (20 + 200 * np.stack([down, across, 1 - down], axis=-1)).round().astype(np.uint8)


def as_picture(values):
    """Float `[H, W, C]` as float32, `[H, W]` where C is 1."""
    values = np.ascontiguousarray(values, np.float32)
    return values[..., 0] if values.shape[-1] == 1 else values


def random(*shape):
    """Floats in [0, 1)."""
    return np.random.default_rng(0).random(shape, np.float32)


def complaint(act, *arguments, error=PictureError, **options):
    with pytest.raises(error) as caught:
        act(*arguments, **options)
    assert isinstance(caught.value, ImpastoError)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# Reading: formats


@pytest.mark.parametrize("extension", ["png", "bmp", "tif", "webp", "gif"])
def test_lossless_files_are_read_exactly(tmp_path, extension):
    values = noise(7, 5, 3)
    path = tmp_path / f"a.{extension}"
    image = Image.fromarray(values)
    if extension == "gif":
        image = image.quantize(64)
        values = np.asarray(image.convert("RGB"))
    image.save(path, **({"lossless": True} if extension == "webp" else {}))
    opened = read(path)
    assert opened.picture.shape == (7, 5, 3)
    assert opened.size == (5, 7)
    assert opened.picture.dtype == np.float32
    assert opened.picture.flags.c_contiguous
    assert opened.alpha is None
    np.testing.assert_allclose(as_array(opened.picture), values / 255, atol=1e-7)


@pytest.mark.parametrize("extension", ["jpg", "heic", "avif", "webp"])
def test_lossy_files_are_read_nearly(tmp_path, extension):
    path = tmp_path / f"a.{extension}"
    save(as_picture(smooth() / 255), path)
    error = as_array(read(path).picture) - smooth() / 255
    assert np.abs(error).mean() < 0.02
    assert np.abs(error).max() < 0.06


def test_the_content_decides_not_the_extension(tmp_path):
    path = tmp_path / "really-a-png.jpg"
    Image.fromarray(noise(3, 4, 3)).save(path, format="PNG")
    assert to_pil(read(str(path)).picture).tobytes() == noise(3, 4, 3).tobytes()


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="a.gif is a moving picture; only its first frame is painted"):
        opened = read(tmp_path / "a.gif")
    assert as_array(opened.picture)[0, 0].tolist() == [1, 0, 0]


# Reading: orientation


UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.transpose(a, (1, 0, 2)),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.transpose(np.rot90(a, 2), (1, 0, 2)),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", ["png", "tif", "webp"])
def test_orientation(tmp_path, orientation, extension):
    values = visible(4, 6, 4)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"a.{extension}"
    Image.fromarray(values).save(path, exif=exif, **({"lossless": True, "exact": True} if extension == "webp" else {}))
    opened = read(path)
    expected = UPRIGHT[orientation](values) / 255
    np.testing.assert_allclose(as_array(opened.picture), expected[..., :3], atol=1e-7)
    np.testing.assert_allclose(as_array(opened.alpha), expected[..., 3:], atol=1e-7)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_a_sixteen_bit_tiff(tmp_path, orientation):
    values = noise(4, 6, 3, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extratags=[(ORIENTATION, 3, 1, orientation, True)])
    np.testing.assert_allclose(as_array(read(tmp_path / "a.tif").picture), UPRIGHT[orientation](values) / 65535, atol=1e-7)


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("extension", ["jpg", "heic", "avif"])
def test_a_camera_held_sideways(tmp_path, orientation, extension):
    import pillow_heif

    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"a.{extension}"
    Image.fromarray(smooth()).save(path, exif=exif.tobytes(), quality=95)
    assert np.abs(as_array(read(path).picture) - UPRIGHT[orientation](smooth()) / 255).max() < 0.06


def test_damaged_exif_is_ignored(tmp_path):
    Image.fromarray(noise(4, 6, 3)).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\xff\xff\xff\xffgarbage")
    assert read(tmp_path / "a.png").picture.shape == (4, 6, 3)


def test_orientation_of_a_pil_image(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(noise(4, 6, 3)).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(read(image).picture, read(tmp_path / "a.png").picture)
        assert image.size == (6, 4)


# Reading: colour


SRGB_TO_XYZ = np.array([[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]])
ADOBE_TO_XYZ = np.array([[0.6097559, 0.2052401, 0.1492240], [0.3111242, 0.6256560, 0.0632197], [0.0194811, 0.0608902, 0.7448387]])
ADOBE_GAMMA = 563 / 256


def icc_profile(space, gamma, matrix=None):
    """A version-2 display profile: a D50 matrix (RGB) or nothing (grey), and one gamma."""

    def fixed(values):
        return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))

    white = (0.9642, 1.0, 0.8249)
    curve = b"curv" + bytes(4) + struct.pack(">IHH", 1, round(gamma * 256), 0)
    tags = {b"wtpt": b"XYZ " + bytes(4) + fixed(white), b"cprt": b"text" + bytes(4) + b"none\0\0\0\0"}
    tags[b"desc"] = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78) + b"\0"
    if matrix is None:
        tags[b"kTRC"] = curve
    else:
        for name, column in zip("rgb", matrix.T, strict=True):
            tags[f"{name}XYZ".encode()] = b"XYZ " + bytes(4) + fixed(column)
            tags[f"{name}TRC".encode()] = curve
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s", 128 + len(table) + len(body), b"\0\0\0\0", 0x02400000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + fixed(white)
    return header.ljust(128, b"\0") + table + body


def srgb_curve(linear):
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def adobe_to_srgb(values):
    return srgb_curve(values**ADOBE_GAMMA @ (np.linalg.inv(SRGB_TO_XYZ) @ ADOBE_TO_XYZ).T)


@pytest.mark.parametrize("extension", ["png", "tif", "webp"])
def test_a_wide_gamut_profile_is_converted(tmp_path, extension):
    values = noise(16, 16, 3)
    path = tmp_path / f"a.{extension}"
    Image.fromarray(values).save(
        path, icc_profile=icc_profile(b"RGB ", ADOBE_GAMMA, ADOBE_TO_XYZ), **({"lossless": True} if extension == "webp" else {})
    )
    converted = as_array(read(path).picture)
    assert np.abs(converted - values / 255).max() > 0.05
    np.testing.assert_allclose(converted, adobe_to_srgb(values / 255), atol=2.5 / 255)


def test_a_profile_leaves_alpha_alone(tmp_path):
    values = visible(8, 8, 4)
    Image.fromarray(values).save(tmp_path / "a.png", icc_profile=icc_profile(b"RGB ", ADOBE_GAMMA, ADOBE_TO_XYZ))
    opened = read(tmp_path / "a.png")
    np.testing.assert_allclose(as_array(opened.picture), adobe_to_srgb(values[..., :3] / 255), atol=2.5 / 255)
    np.testing.assert_allclose(as_array(opened.alpha)[..., 0], values[..., 3] / 255, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_grey_profile_is_converted(tmp_path, dtype):
    values = noise(8, 8, dtype=dtype)
    Image.fromarray(values).save(tmp_path / "a.png", icc_profile=icc_profile(b"GRAY", 1.5))
    expected = srgb_curve((values[..., None] / np.iinfo(dtype).max) ** 1.5).repeat(3, axis=-1)
    np.testing.assert_allclose(as_array(read(tmp_path / "a.png").picture), expected, atol=2.5 / 255)


def test_an_srgb_profile_changes_nothing(tmp_path):
    values = noise(8, 8, 3)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(values).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_allclose(as_array(read(tmp_path / "a.png").picture), values / 255, atol=1e-7)


@pytest.mark.parametrize("profile", [b"broken", icc_profile(b"RGB ", 2.2, ADOBE_TO_XYZ)[:200], icc_profile(b"GRAY", 1.0)])
def test_a_broken_or_unfitting_profile_is_ignored(tmp_path, profile):
    values = noise(8, 8, 3)
    Image.fromarray(values).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_allclose(as_array(read(tmp_path / "a.png").picture), values / 255, atol=1e-7)


def test_cmyk(tmp_path):
    values = noise(6, 6, 4)
    Image.fromarray(values, "CMYK").save(tmp_path / "a.tif")
    cyan_magenta_yellow, black = values[..., :3] / 255, values[..., 3:] / 255
    opened = read(tmp_path / "a.tif")
    np.testing.assert_allclose(as_array(opened.picture), (1 - cyan_magenta_yellow) * (1 - black), atol=1 / 255)
    assert opened.alpha is None


def test_cmyk_jpeg_is_not_inverted(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=95)
    np.testing.assert_allclose(as_array(read(tmp_path / "red.jpg").picture)[8, 8], [1, 0, 0], atol=0.02)


# Reading: alpha, palettes, depth


def test_palette_with_transparency(tmp_path):
    indices = noise(5, 5) % 3
    palette = np.array([[255, 0, 0], [0, 128, 0], [10, 20, 30]], np.uint8)
    transparency = np.array([0, 100, 255], np.uint8)
    image = Image.fromarray(indices, "P")
    image.putpalette(palette.tobytes())
    image.save(tmp_path / "a.png", transparency=transparency.tobytes())
    opened = read(tmp_path / "a.png")
    seen = indices > 0
    np.testing.assert_allclose(opened.picture[seen], palette[indices][seen] / 255, atol=1e-7)
    np.testing.assert_allclose(as_array(opened.alpha)[..., 0], transparency[indices] / 255, atol=1e-7)


def test_a_transparent_colour(tmp_path):
    values = noise(5, 5, 3)
    Image.fromarray(values).save(tmp_path / "a.png", transparency=tuple(int(value) for value in values[2, 3]))
    alpha = read(tmp_path / "a.png").alpha
    expected = np.ones((5, 5))
    expected[2, 3] = 0
    np.testing.assert_array_equal(as_array(alpha)[..., 0], expected)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "RGBA"])
def test_other_modes(tmp_path, mode):
    values = {"L": noise(5, 7), "LA": visible(5, 7, 2), "1": noise(5, 7) > 127, "RGBA": visible(5, 7, 4)}[mode]
    Image.fromarray(values).save(tmp_path / "a.png")
    opened = read(tmp_path / "a.png")
    unit = values.astype(np.float64) / (1 if mode == "1" else 255)
    colour = unit[..., None] if unit.ndim == 2 else unit[..., :1] if mode == "LA" else unit[..., :3]
    np.testing.assert_allclose(as_array(opened.picture), np.broadcast_to(colour, (5, 7, 3)), atol=1e-7)
    if mode in ("LA", "RGBA"):
        np.testing.assert_allclose(as_array(opened.alpha), unit[..., -1:], atol=1e-7)
    else:
        assert opened.alpha is None


def test_an_opaque_alpha_is_none(tmp_path):
    Image.new("RGBA", (4, 4), (1, 2, 3, 255)).save(tmp_path / "a.png")
    assert read(tmp_path / "a.png").alpha is None


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_sixteen_bit_grey_keeps_its_precision(tmp_path, extension):
    values = noise(9, 9, dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{extension}")
    expected = np.repeat(values[..., None] / 65535, 3, axis=-1)
    np.testing.assert_allclose(as_array(read(tmp_path / f"a.{extension}").picture), expected, atol=1e-7)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "predictor": True}, {"byteorder": ">"}])
def test_sixteen_bit_tiff_keeps_its_precision(tmp_path, channels, options):
    values = visible(9, 11, channels, dtype=np.uint16)
    extra = ["unassalpha"] if channels == 4 else None
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=extra, **options)
    opened = read(tmp_path / "a.tif")
    np.testing.assert_allclose(as_array(opened.picture), values[..., :3] / 65535, atol=1e-7)
    if channels == 4:
        np.testing.assert_allclose(as_array(opened.alpha), values[..., 3:] / 65535, atol=1e-7)


def test_sixteen_bit_tiff_in_another_colour_space(tmp_path):
    values = noise(9, 11, 3, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", iccprofile=icc_profile(b"RGB ", ADOBE_GAMMA, ADOBE_TO_XYZ))
    np.testing.assert_allclose(as_array(read(tmp_path / "a.tif").picture), adobe_to_srgb(values / 65535), atol=5 / 255)


def test_sixteen_bit_colour_png_is_read_to_eight_bits(tmp_path):
    values = noise(9, 9, 3, dtype=np.uint16)
    save(as_picture(values / 65535), tmp_path / "a.png", bits=16)
    np.testing.assert_allclose(as_array(read(tmp_path / "a.png").picture), values / 65535, atol=1 / 255)


@pytest.mark.parametrize(("highest", "top"), [(0.9, 1), (200.0, 255), (60000.0, 65535)])
def test_floating_point_grey_is_scaled(highest, top):
    values = np.linspace(0, highest, 20, dtype=np.float32).reshape(4, 5)
    np.testing.assert_allclose(as_array(read(Image.fromarray(values)).picture)[..., 0], values / top, rtol=1e-6)


@pytest.mark.parametrize("values", [[[-1.0, 0.5]], [[np.nan, 0.5]], [[1e9, 0.5]]])
def test_floating_point_grey_of_an_unknown_scale(values):
    assert "the PIL image" in complaint(read, Image.fromarray(np.array(values, np.float32)))


def test_thirty_two_bit_grey_counts_as_sixteen_bit():
    values = noise(4, 4, dtype=np.uint16).astype(np.int32)
    np.testing.assert_allclose(as_array(read(Image.fromarray(values)).picture)[..., 0], values / 65535, rtol=1e-6)


# Reading: arrays and tensors


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "bool", "float16", "float32", "float64"])
def test_arrays(shape, dtype):
    dtype = np.dtype(dtype)
    values = np.random.default_rng(0).random(shape) * 0.8 + 0.2
    if dtype.kind == "b":
        values = values > 0.6
    elif dtype.kind == "u":
        values = visible(*shape, dtype=dtype.newbyteorder("="))
    top = np.iinfo(dtype).max if dtype.kind == "u" else 1
    values = values.astype(dtype)
    values.flags.writeable = False
    unit = values.astype(np.float64).reshape(4, 5, -1) / top
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = read(values)
    seen = unit[..., 3] > 0 if unit.shape[-1] == 4 else np.ones((4, 5), bool)
    np.testing.assert_allclose(opened.picture[seen], np.broadcast_to(unit[..., :3], (4, 5, 3))[seen], atol=1e-7)
    assert (opened.alpha is None) == (unit.shape[-1] < 4)
    if opened.alpha is not None:
        np.testing.assert_allclose(as_array(opened.alpha), unit[..., 3:], atol=1e-7)


@pytest.mark.parametrize("shape", [(4, 5), (1, 4, 5), (3, 4, 5), (4, 4, 5), (1, 3, 4, 5), (1, 1, 4, 5), (1, 4, 4, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.uint8])
def test_tensors(shape, dtype):
    values = torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.2
    values = (values * 255).to(dtype) if dtype == torch.uint8 else values.to(dtype)
    opened = read(values)
    unit = (values.double() / (255 if dtype == torch.uint8 else 1)).reshape(1, -1, 4, 5)
    np.testing.assert_allclose(opened.picture, unit[0, :3].expand(3, 4, 5).movedim(0, 2), atol=1e-7)
    assert (opened.alpha is None) == (unit.shape[1] < 4)
    if opened.alpha is not None:
        np.testing.assert_allclose(opened.alpha, unit[0, 3], atol=1e-7)
    assert opened.picture.dtype == np.float32
    assert opened.picture.flags.c_contiguous


def test_what_was_read_is_a_copy():
    for source in (torch.rand(1, 3, 4, 5, requires_grad=True), np.random.default_rng(0).random((1, 1, 3), np.float32)):
        opened = read(source)
        before = source.detach().clone() if isinstance(source, torch.Tensor) else source.copy()
        opened.picture[:] = 0
        assert (source == before).all()


def test_what_was_read_already_comes_back_as_it_is():
    opened = read(noise(4, 5, 4))
    assert read(opened) is opened


def test_checksums(tmp_path):
    values = noise(4, 6, 4)
    path = tmp_path / "a.png"
    Image.fromarray(values).save(path)
    assert read(path).checksum == sha256(path.read_bytes()).hexdigest()
    pixels = read(values).checksum
    assert len(pixels) == 64
    assert read(Image.fromarray(values)).checksum == pixels
    assert read(values / 255).checksum == pixels
    others = [values[..., :3], values[::-1], values[:, ::-1], values.reshape(6, 4, 4), 255 - values]
    assert len({pixels, *(read(other).checksum for other in others)}) == 6


def test_a_little_overshoot_is_clamped():
    assert read(np.full((2, 2), 1.05)).picture.max() == 1
    assert read(np.full((2, 2), -0.05)).picture.min() == 0


@pytest.mark.parametrize(
    "source",
    [
        np.zeros((0, 4, 3)),
        np.zeros(4),
        np.zeros((4, 4, 2)),
        np.zeros((1, 4, 4, 3)),
        np.zeros((3, 4, 5)),
        np.zeros((4, 4), np.int64),
        np.zeros((4, 4), complex),
        np.zeros((4, 4), object),
        np.full((4, 4), np.nan),
        np.full((4, 4), np.inf),
        np.full((4, 4), 2.0),
        np.full((4, 4), -1.0),
        torch.zeros(2, 3, 4, 4),
        torch.zeros(4, 5, 6, 3),
        torch.zeros(5, 4, 3),
        torch.zeros(0, 4),
        torch.zeros(()),
        torch.zeros(3, 4, 4, dtype=torch.int64),
        torch.full((3, 4, 4), float("nan")),
        torch.full((3, 4, 4), 255.0),
        torch.full((3, 4, 4), 1e300, dtype=torch.float64),
        Image.new("RGB", (0, 4)),
        None,
        3,
        b"photo.jpg",
        ["photo.jpg"],
    ],
    ids=lambda source: f"{type(source).__name__}{getattr(source, 'shape', '')}{getattr(source, 'dtype', '')}",
)
def test_what_is_no_picture(source):
    assert "give" in (text := complaint(read, source)) or "scale" in text


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4]))))
def test_eight_bits_survive(values):
    opened = read(values)
    image = to_pil(opened.picture, opened.alpha)
    assert image.mode == ("RGB" if opened.alpha is None else "RGBA")
    counts = values[..., 3:] > 25 if image.mode == "RGBA" else np.ones_like(values[..., :1])
    np.testing.assert_array_equal(np.asarray(image)[..., :3] * counts, values[..., :3] * counts)
    if image.mode == "RGBA":
        np.testing.assert_array_equal(np.asarray(image)[..., 3], values[..., 3])


# Reading: what goes wrong


def png_bytes():
    stream = BytesIO()
    Image.fromarray(noise(40, 40, 3)).save(stream, "PNG")
    return stream.getvalue()


def test_files_that_cannot_be_opened(tmp_path):
    assert "doesn't exist" in complaint(read, tmp_path / "no.jpg")
    assert "folder" in complaint(read, tmp_path)
    assert "no.jpg" in complaint(read, "no.jpg\0")
    assert "a" * 50 in complaint(read, "a" * 5000)
    (tmp_path / "file").touch()
    assert "check the path" in complaint(read, tmp_path / "file" / "a.jpg")
    assert "check the path" in complaint(read, tmp_path / "two\nlines.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "regular file" in complaint(read, tmp_path / "pipe.jpg")


def test_a_file_without_permission(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes())

    def denied(*_arguments, **_options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert "permission" in complaint(read, path)


@pytest.mark.parametrize(
    "content", [b"", b"dear diary\n" * 50, b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\0" * 100, b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_files_that_are_no_pictures(tmp_path, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert str(path) in complaint(read, path)


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "tif", "bmp", "gif", "heic", "avif"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_truncated_files(tmp_path, extension, part):
    path = tmp_path / f"a.{extension}"
    if extension == "gif":
        Image.fromarray(noise(40, 40)).save(path)
    else:
        save(as_picture(noise(40, 40, 3) / 255), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    assert str(path) in complaint(read, path)


def test_a_truncated_pil_image():
    with Image.open(BytesIO(png_bytes()[:2000])) as image:
        assert "the PIL image is damaged" in complaint(read, image)


def bomb(path, width, height):
    with path.open("wb") as stream:
        stream.write(b"\x89PNG\r\n\x1a\n")
        PngImagePlugin.putchunk(stream, b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        PngImagePlugin.putchunk(stream, b"IDAT", zlib.compress(bytes(100)))
        PngImagePlugin.putchunk(stream, b"IEND")


@pytest.mark.parametrize("size", [(60_000, 60_000), (20_001, 10_000), (2**31 - 1, 1)])
def test_a_decompression_bomb(tmp_path, size):
    bomb(tmp_path / "bomb.png", *size)
    assert "200 megapixels; scale it down" in complaint(read, tmp_path / "bomb.png")


def test_a_file_too_large_for_a_picture(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(png_bytes())
    monkeypatch.setattr(reading, "PIXELS_AT_MOST", 100)
    assert "more than any picture" in complaint(read, tmp_path / "a.png")


def test_our_pixel_limit_stands_in_for_pillows(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(png_bytes())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read(tmp_path / "a.png").picture.shape == (40, 40, 3)
    assert Image.MAX_IMAGE_PIXELS == 100
    monkeypatch.setattr(reading, "PIXELS_AT_MOST", 1599)
    complaint(read, tmp_path / "a.png")
    assert Image.MAX_IMAGE_PIXELS == 100


def test_decoders_run_quietly(tmp_path, capfd, recwarn):
    image = Image.fromarray(noise(5, 5) % 3, "P")
    image.putpalette(bytes(range(9)))
    image.save(tmp_path / "a.png", transparency=b"\0\1\2")
    read(tmp_path / "a.png")
    Image.fromarray(noise(8, 8, 3)).save(tmp_path / "a.tif")
    (tmp_path / "a.tif").write_bytes(
        (tmp_path / "a.tif").read_bytes().replace(struct.pack("<HHI", 277, 3, 1), struct.pack("<HHI", 277, 3, 9))
    )
    complaint(read, tmp_path / "a.tif")
    logging.getLogger("tifffile").error("a decoder's remark")
    assert capfd.readouterr().err == ""
    assert not recwarn.list


# Size


@given(st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)), st.integers(1, 4096))
def test_fit(size, longest):
    width, height = fit(size, longest)
    assert max(width, height) == longest
    assert min(width, height) >= 1
    exact = longest * min(size) / max(size)
    assert abs(min(width, height) - exact) <= 0.5 or min(width, height) == 1


def test_fit_at_the_edges():
    assert fit((640, 480), 0) == (640, 480)
    assert fit((10_000, 1), 16) == (16, 1)
    complaint(fit, (4, 4), -1, error=OptionError)


def test_fit_without_enlarging():
    assert fit((640, 480), 800, enlarge=False) == (640, 480)
    assert fit((640, 480), 320, enlarge=False) == (320, 240)
    assert fit((640, 480), 0, enlarge=False) == (640, 480)


@pytest.mark.parametrize(("longest", "size", "kept"), [(20, (20, 15), (20, 15)), (80, (80, 60), (40, 30)), (0, (40, 30), (40, 30))])
def test_scale(longest, size, kept):
    original = random(30, 40, 3)
    assert np.array_equal(scale(original, longest), resize(original, size))
    assert np.array_equal(scale(original, longest, enlarge=False), resize(original, kept))
    complaint(scale, original, -1, error=OptionError)


def test_what_was_opened_at_another_size():
    opened = Opened(random(30, 40, 3), random(30, 40), "checksum")
    resized = opened.resized((20, 50))
    assert (resized.size, resized.checksum) == ((20, 50), "checksum")
    assert np.array_equal(Opened(opened.picture, None).resized((20, 50)).picture, resize(opened.picture, (20, 50)))
    np.testing.assert_array_equal(resized.alpha, resize(opened.alpha, (20, 50)))
    assert opened.scaled(20).size == (20, 15)
    assert opened.scaled(80).size == (80, 60)
    assert opened.scaled(80, enlarge=False).size == opened.scaled(0).size == (40, 30)
    assert Opened(opened.picture, None).resized((4, 3)).alpha is None
    complaint(opened.scaled, -1, error=OptionError)


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (64, 40), (200, 31)])
@pytest.mark.parametrize("channels", [(), (1,), (3,), (5,)])
def test_resize_keeps_a_constant_picture_constant(size, channels):
    resized = resize(np.full((30, 40, *channels), 0.3, np.float32), size)
    assert resized.shape == (size[1], size[0], *channels)
    assert resized.dtype == np.float32
    assert resized.flags.c_contiguous
    np.testing.assert_allclose(resized, 0.3, atol=1e-6)


@pytest.mark.parametrize("size", [(300, 250), (1500, 10)])
def test_resize_does_the_channels_of_large_pictures_alike(size):
    values = random(1000, 1001, 4)
    resized = resize(values, size)
    for channel in range(4):
        assert np.array_equal(resized[..., channel], resize(values[..., channel], size))


@pytest.mark.parametrize("size", [(20, 16), (37, 29), (80, 64)])
def test_resize_preserves_the_mean(size):
    values = random(32, 40, 3) * 0.5 + 0.25
    np.testing.assert_allclose(resize(values, size).mean((0, 1)), values.mean((0, 1)), atol=0.01)


def test_resize_is_antialiased():
    stripes = np.zeros((64, 64), np.float32)
    stripes[:, ::2] = 1
    np.testing.assert_allclose(resize(stripes, (16, 16))[:, 2:-2], 0.5, atol=0.02)


def test_resize_does_not_shift():
    ramp = np.linspace(0.1, 0.9, 64)
    expected = ramp.reshape(16, 4).mean(axis=1)
    np.testing.assert_allclose(resize(np.tile(ramp, (8, 1)).astype(np.float32), (16, 2))[0, 2:-2], expected[2:-2], atol=1e-3)


def test_resize_to_the_same_size_is_the_same_array():
    for values in (random(4, 5, 3), random(4, 5)):
        assert resize(values, (5, 4)) is values


def test_resize_stays_in_range():
    edge = np.zeros((1, 8), np.float32)
    edge[:, 4:] = 1
    resized = resize(edge, (50, 1))
    assert resized.min() == 0
    assert resized.max() == 1


def cubic(x, a=-0.5):
    """The kernel of Keys 1981, Cubic convolution interpolation, equation 4."""
    x = np.abs(x)
    return np.where(x < 1, (a + 2) * x**3 - (a + 3) * x**2 + 1, np.where(x < 2, a * (x**3 - 5 * x**2 + 8 * x - 4), 0))


def weights(before, after):
    """`[after, before]`: what each sample after counts of each before, its kernel as wide as the wider of both samples."""
    stretch = max(before / after, 1)
    centres = (np.arange(after)[:, None] + 0.5) * before / after
    found = cubic((np.arange(before) + 0.5 - centres) / stretch)
    return found / found.sum(1, keepdims=True)


@pytest.mark.parametrize("size", [(20, 15), (37, 61), (121, 40), (64, 47), (1, 1)])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_resize_is_the_formula(size, channels):
    values = random(47, 64, *channels)
    expected = np.einsum("yh,hw...,xw->yx...", weights(47, size[1]), values.astype(np.float64), weights(64, size[0]))
    np.testing.assert_allclose(resize(values, size), expected.clip(0, 1), atol=1e-6)


# Writing


EXTENSIONS = ["png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "heic", "avif"]


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("size", [(1, 1), (1, 13), (13, 1), (3, 4), (24, 32)])
def test_every_size_survives_saving(tmp_path, extension, size):
    path = tmp_path / f"a.{extension}"
    save(as_picture(smooth(*size) / 255), path)
    opened = read(path)
    assert opened.picture.shape == (*size, 3)
    assert opened.alpha is None
    exact = extension in ("png", "tif", "tiff", "bmp")
    assert np.abs(as_array(opened.picture) - smooth(*size) / 255).mean() < (1e-6 if exact else 0.15)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_alpha_is_kept_or_laid_on_white(tmp_path, extension):
    path = tmp_path / f"a.{extension}"
    colour, alpha = smooth() / 255, np.linspace(0.2, 1, 24)[:, None, None].repeat(32, 1)
    save(as_picture(colour), path, alpha=as_picture(alpha))
    opened = read(path)
    if extension in ("jpg", "jpeg", "bmp"):
        assert opened.alpha is None
        assert np.abs(as_array(opened.picture) - (colour * alpha + 1 - alpha)).max() < 0.06
    else:
        assert np.abs(as_array(opened.alpha) - alpha).max() < 0.02
        assert np.abs(as_array(opened.picture) - colour).max() < 0.06


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [3, 4])
def test_tiff_bits(tmp_path, bits, channels):
    values = np.random.default_rng(0).random((5, 7, channels), np.float32)
    path = tmp_path / "a.tif"
    save(as_picture(values[..., :3]), path, alpha=as_picture(values[..., 3:]) if channels == 4 else None, bits=bits)
    stored = tifffile.imread(path)
    assert stored.dtype == f"uint{bits}"
    np.testing.assert_array_equal(stored, np.round(values * np.float32(2**bits - 1)))
    assert tifffile.TiffFile(path).pages[0].photometric.name == "RGB"


def decode_png(content):
    """An independent reader of 16-bit RGB(A) PNG: the specification's five filters, one byte at a time."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(content):
        length, name = struct.unpack(">I4s", content[at : at + 8])
        data = content[at + 8 : at + 8 + length]
        assert zlib.crc32(name + data) == int.from_bytes(content[at + 8 + length : at + 12 + length], "big")
        chunks[name] = data
        at += 12 + length
    width, height, depth, colour_type, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, rest) == (16, [0, 0, 0])
    step = {2: 6, 6: 8}[colour_type]
    stride = width * step
    raw, rows = zlib.decompress(chunks[b"IDAT"]), [bytearray(stride)]
    for y in range(height):
        kind, row, above = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)]), rows[-1]
        for x in range(stride):
            left, up, corner = (row[x - step], above[x], above[x - step]) if x >= step else (0, above[x], 0)
            paeth = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
            row[x] = (row[x] + (0, left, up, (left + up) // 2, paeth)[kind]) % 256
        rows.append(row)
    return np.frombuffer(b"".join(rows[1:]), ">u2").reshape(height, width, step // 2), chunks


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size", [(1, 1), (5, 7)])
def test_sixteen_bit_png(tmp_path, channels, size):
    values = np.random.default_rng(0).random((*size, channels), np.float32)
    path = tmp_path / "a.png"
    save(as_picture(values[..., :3]), path, alpha=as_picture(values[..., 3:]) if channels == 4 else None, bits=16, settings={"style": "Öl"})
    stored, chunks = decode_png(path.read_bytes())
    np.testing.assert_array_equal(stored, np.round(values * np.float32(65535)))
    assert list(chunks) == [b"IHDR", b"sRGB", b"iTXt", b"IDAT", b"IEND"]
    assert read_settings(path) == {"style": "Öl"}
    with Image.open(path) as image:
        assert image.size == (size[1], size[0])
        assert image.info["srgb"] == 0


def test_eight_bit_png_declares_srgb(tmp_path):
    save(random(4, 4, 3), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.info == {"srgb": 0}


def test_rounding_not_truncation():
    values = np.array([0.0, 0.4999 / 255, 0.5001 / 255, 254.6 / 255, 1.0, -3.0, 7.0], np.float32).repeat(3).reshape(1, 7, 3)
    assert np.asarray(to_pil(values))[0, :, 0].tolist() == [0, 0, 1, 255, 255, 0, 255]


@pytest.mark.parametrize(("extension", "bits"), [*((extension, 8) for extension in EXTENSIONS), ("png", 16), ("tif", 16)])
def test_the_same_input_gives_the_same_bytes(tmp_path, extension, bits):
    values, settings = as_picture(smooth(60, 80) / 255), {"seed": 0, "style": "oil"}
    for name in ("a", "b"):
        save(values, tmp_path / f"{name}.{extension}", bits=bits, settings=settings)
        settings = dict(reversed(settings.items()))
    assert (tmp_path / f"a.{extension}").read_bytes() == (tmp_path / f"b.{extension}").read_bytes()


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), max_size=5))
def test_settings_survive(tmp_path_factory, settings):
    path = tmp_path_factory.mktemp("settings") / "a.png"
    save(random(2, 2, 3), path, settings=settings)
    assert read_settings(path) == json.loads(json.dumps(settings))


def test_settings_that_are_not_json(tmp_path):
    save(random(2, 2, 3), tmp_path / "a.png", settings={"style": Path("oil.jpg"), "sizes": (64, 128)})
    assert read_settings(tmp_path / "a.png") == {"style": "oil.jpg", "sizes": [64, 128]}


def test_files_without_settings(tmp_path):
    save(random(2, 2, 3), tmp_path / "a.png")
    assert "no settings" in complaint(read_settings, tmp_path / "a.png")
    save(random(2, 2, 3), tmp_path / "a.bmp", settings={"seed": 0})
    assert "no settings" in complaint(read_settings, tmp_path / "a.bmp")
    assert "doesn't exist" in complaint(read_settings, tmp_path / "b.png")
    for text in ("{", "[1]"):
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("impasto", text)
        Image.new("RGB", (2, 2)).save(tmp_path / "c.png", pnginfo=chunks)
        assert "c.png" in complaint(read_settings, tmp_path / "c.png")


# Writing: what goes wrong


def test_targets(tmp_path):
    assert check_target(str(tmp_path / "a.PNG"), bits=16) == tmp_path / "a.PNG"
    assert check_target(tmp_path / "a.jpg") == tmp_path / "a.jpg"
    for name in ("a", "a.gif", "a.txt", "a.png.bak"):
        assert ".png" in complaint(check_target, tmp_path / name, error=OutputError)
    assert "out.png" in complaint(check_target, tmp_path, error=OutputError)
    (tmp_path / "folder.png").mkdir()
    assert "folder" in complaint(check_target, tmp_path / "folder.png", error=OutputError)
    assert check_target(tmp_path / "none" / "too" / "a.png") == tmp_path / "none" / "too" / "a.png"
    (tmp_path / "file").touch()
    assert "no folder" in complaint(check_target, tmp_path / "file" / "none" / "a.png", error=OutputError)
    (tmp_path / "file").unlink()
    for bits in (0, 10, 32):
        assert "8 or 16" in complaint(check_target, tmp_path / "a.png", bits=bits, error=OptionError)
    for extension in ("jpg", "webp", "bmp", "heic", "avif"):
        assert "16 bits" in complaint(check_target, tmp_path / f"a.{extension}", bits=16, error=OptionError)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.png"]


def test_protected_targets(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, _mode: not str(path).endswith("protected.png"))
    check_target(tmp_path / "a.png")
    (tmp_path / "protected.png").touch()
    assert "write-protected" in complaint(check_target, tmp_path / "protected.png", error=OutputError)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "write-protected" in complaint(check_target, tmp_path / "a.png", error=OutputError)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device file")
def test_a_device_is_not_replaced(tmp_path):
    (tmp_path / "a.png").symlink_to("/dev/full")
    assert "regular file" in complaint(save, random(4, 4, 3), tmp_path / "a.png", error=OutputError)
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), RuntimeError("a bug")])
@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, error, moment):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fail(*_arguments):
        raise error

    monkeypatch.setattr(os, moment, fail)
    if isinstance(error, OSError):
        assert "No space left" in complaint(save, random(4, 4, 3), path, error=OutputError)
    else:
        with pytest.raises(type(error)):
            save(random(4, 4, 3), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_the_system_refuses_to_grow(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "a.bmp"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        text = complaint(save, random(100, 100, 3), path, error=OutputError)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "a.bmp can't be written" in text
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("extension", ["jpg", "webp", "avif", "heic"])
def test_a_side_too_long_for_the_format(tmp_path, extension, capfd):
    assert ".png" in complaint(save, random(1, 70_000, 3), tmp_path / f"a.{extension}", error=OutputError)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_permissions_are_those_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        save(random(2, 2, 3), tmp_path / "a.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o640
    (tmp_path / "a.png").chmod(0o604)
    save(random(2, 2, 3), tmp_path / "a.png")
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o604


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "a.png"
    link.symlink_to(tmp_path / "elsewhere" / "b.png")
    save(random(2, 2, 3), link)
    assert link.is_symlink()
    assert read(tmp_path / "elsewhere" / "b.png").picture.shape == (2, 2, 3)


HEAVY = "torch", "scipy", "skimage", "tifffile", "pillow_heif"


def loaded_after(code):
    """Which of the heavy libraries a program has loaded in the end."""
    code += f"; import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_heavy_libraries_are_loaded_when_needed(tmp_path):
    assert loaded_after("import impasto.picture") == []
    save(random(4, 6, 3), tmp_path / "a.png")
    way = "from impasto import picture as p; o = p.read('{0}').scaled(3); p.save(o.picture, '{0}', bits={1}, settings={{}})"
    assert loaded_after(way.format(tmp_path / "a.png", 16) + f"; p.read_settings('{tmp_path / 'a.png'}')") == []
    save(random(4, 6, 3), tmp_path / "a.tif")
    assert loaded_after(way.format(tmp_path / "a.tif", 8)) == ["tifffile"]
