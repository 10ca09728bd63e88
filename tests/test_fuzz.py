"""Damaged files by the hundred: each one is painted whole or refused in one line, and nothing else ever happens."""

import faulthandler
import struct
import zlib
from io import BytesIO

import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image, ImageCms

import impasto
from impasto import picture
from impasto.errors import ImpastoError

FORMATS = ["jpeg", "png", "webp", "tiff", "bmp", "gif", "heic", "avif"]
HANGS_AFTER = 30
TELLING = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


def samples(file_format):
    """Small sound files of one format, of the kinds that take different ways through its decoder."""
    random = np.random.default_rng(0)
    colour = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8)).resize((48, 36), Image.Resampling.BICUBIC)
    clear = colour.copy()
    clear.putalpha(colour.getchannel(0))
    exif = Image.Exif()
    exif[274] = 6
    extras = {"exif": exif.tobytes(), "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}
    deep = random.integers(0, 65536, (12, 16, 3), np.uint16)

    def saved(image, **options):
        stream = BytesIO()
        image.save(stream, {"heic": "HEIF"}.get(file_format, file_format), **options)
        return stream.getvalue()

    def tiff(**options):
        stream = BytesIO()
        tifffile.imwrite(stream, deep, photometric="rgb", metadata=None, **options)
        return stream.getvalue()

    match file_format:
        case "jpeg":
            return [saved(colour, **extras), saved(colour, progressive=True), saved(colour.convert("CMYK")), saved(colour.convert("L"))]
        case "png":
            grey = Image.fromarray(deep[..., 0])
            return [saved(clear, **extras), saved(colour.quantize(16), transparency=b"\0\x80"), saved(grey), saved(colour.convert("1"))]
        case "webp":
            return [saved(clear, **extras), saved(colour), saved(clear, lossless=True), saved(colour, save_all=True, append_images=[clear])]
        case "tiff":
            compressed = [saved(colour, compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")]
            return [saved(clear, **extras), tiff(), tiff(compression="zlib", tile=(16, 16)), *compressed]
        case "bmp":
            return [saved(colour), saved(clear), saved(colour.quantize(16)), saved(colour.convert("1"))]
        case "gif":
            return [saved(colour), saved(clear), saved(colour, save_all=True, append_images=[clear], duration=9)]
        case "heic" | "avif":
            return [saved(clear, **extras), saved(colour, quality=30), saved(colour.convert("L"))]


def mutant(sound, random):
    """One of `sound`, damaged in one of six ways; every other PNG gets its checksums mended, to reach past them."""
    content = bytearray(sound[random.integers(len(sound))])
    end = len(content)
    # Headers are short and decide most, so half of all damage goes there.
    at = int(random.integers(min(end, 160) if random.random() < 0.5 else end))
    match random.integers(6):
        case 0:  # bit flips
            for place in {at, *random.integers(end, size=random.integers(4))}:
                content[place] ^= 1 << int(random.integers(8))
        case 1:  # truncation
            del content[at:]
        case 2:  # a piece twice, or gone
            piece = content[at : at + int(random.integers(1, 64))]
            content[at : at + len(piece) * int(random.integers(2))] = piece * int(random.integers(3))
        case 3:  # a header field of a telling value
            code = str(random.choice(["<H", ">H", "<I", ">I", "B"]))
            value = int(random.choice(TELLING)) & (256 ** struct.calcsize(code) - 1)
            content[at : at + struct.calcsize(code)] = struct.pack(code, value)
        case 4:  # the halves of two files
            other = sound[random.integers(len(sound))]
            content[at:] = other[min(at, len(other)) :]
        case _:  # noise
            content[at : at + 16] = random.bytes(16)
    return with_checksums(bytes(content)) if random.random() < 0.5 else bytes(content)


def with_checksums(content):
    if content[:8] != b"\x89PNG\r\n\x1a\n":
        return content
    mended, at = content[:8], 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        body = content[at + 4 : at + 8 + length]
        mended += content[at : at + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        at += 12 + length
    return mended


@pytest.mark.parametrize("count", [30, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("file_format", FORMATS)
def test_damaged_files(tmp_path, monkeypatch, capfd, recwarn, file_format, count):
    pillow_heif.register_heif_opener()
    # Damage can turn 48 pixels into 48,000; those pictures are sound, but painting them all would take minutes.
    monkeypatch.setattr(picture.reading, "PIXELS_AT_MOST", 1_000_000)
    style = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
    random = np.random.default_rng(FORMATS.index(file_format))
    sound = samples(file_format)
    path = tmp_path / f"damaged.{file_format}"
    painted, refusals = 0, []
    for _ in range(count):
        path.write_bytes(mutant(sound, random))
        faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)
        try:
            result = impasto.stylize(path, style, steps=1, size=64, seed=0)
        except ImpastoError as error:
            refusals.append(str(error))
        else:
            painted += 1
            assert max(result.size) == 64
            assert len(result.tobytes()) == result.width * result.height * len(result.mode)
        finally:
            faulthandler.cancel_dump_traceback_later()
    assert all(len(text.splitlines()) == 1 and str(path) in text for text in refusals), refusals
    assert min(painted, len(refusals)) > count // 30
    assert all("\n" not in str(one.message) and str(path) in str(one.message) for one in recwarn.list)
    if file_format != "tiff":  # libtiff prints its own remarks, past Python
        assert capfd.readouterr().err == ""


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_samples_are_sound(tmp_path, file_format):
    pillow_heif.register_heif_opener()
    for content in samples(file_format):
        (tmp_path / "sound").write_bytes(content)
        assert min(picture.read(tmp_path / "sound").picture.shape) > 0
