"""Pictures as people have them: what files say besides pixels, what hides under an alpha, and what each format can hold."""

import base64
import errno
import io
import os
import struct
import warnings
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin

import impasto
from impasto import picture
from impasto.errors import ImpastoError, Interrupted, OptionError, OutputError, PictureError
from impasto.picture import About, check_form, check_size, check_target, colour, fit, form, hidden, read, read_settings, save

BASE = {"description": 270, "make": 271, "orientation": 274, "author": 315, "copyright": 33432, "exif": 34665, "gps": 34853}
DETAILS = {"exposure": 33434, "date": 36867, "maker": 37500, "comment": 37510, "width": 40962, "height": 40963, "lens": 42036}
SPEAKING = ["png", "jpg", "webp", "tif", "avif", "heic"]
QUICK = {"method": "arbitrary", "strength": 0, "size": 48}  # the content itself


def scene(height=40, width=60):
    """A uint8 `[H, W, 3]`, smooth."""
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return (20 + 200 * np.stack([down, across, 1 - down], axis=-1)).round().astype(np.uint8)


def unit(values):
    return np.asarray(values / 255, np.float32)


def complaint(act, *arguments, error=PictureError, **options):
    with pytest.raises(error) as caught:
        act(*arguments, **options)
    assert isinstance(caught.value, ImpastoError)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def remarks(path):
    """What is read, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        opened = read(path)
    said = [str(one.message) for one in caught]
    assert all(text.startswith(str(path)) and "\n" not in text for text in said)
    return opened, said


# What can't be seen


def cutout(path, hidden_colour, side=96, *, striped=False):
    """A disc on a transparent ground, antialiased."""
    down, across = np.mgrid[:side, :side] + 0.5 - side / 2
    alpha = np.clip(side / 3 - np.hypot(down, across), 0, 1)
    values = np.full((side, side, 4), (250, 225, 200, 0), np.uint8)
    if striped:
        values[:, ::8, :3] = (20, 60, 120)
    values[alpha == 0, :3] = hidden_colour
    values[..., 3] = np.rint(alpha * 255)
    Image.fromarray(values).save(path)
    return path


def test_hidden_colours_have_no_effect(tmp_path):
    black, white = (cutout(tmp_path / f"{value}.png", value) for value in (0, 255))
    paintings = [np.asarray(impasto.stylize(path, "starry", method="arbitrary", strength=0, size=64)) for path in (black, white)]
    assert np.array_equal(*paintings)
    shown = paintings[0][paintings[0][..., 3] > 0][:, :3]
    assert np.abs(shown.astype(int) - [250, 225, 200]).max() <= 6
    styles = (cutout(tmp_path / f"style-{value}.png", value, striped=True) for value in (0, 255))
    as_style = [np.asarray(impasto.stylize(unit(scene()), path, method="arbitrary", size=48)) for path in styles]
    assert np.array_equal(*as_style)


def test_what_is_visible_stays_and_hidden_is_filled_smoothly():
    values = np.zeros((64, 96, 4), np.float32)
    values[..., :3] = np.random.default_rng(0).random((64, 96, 3))
    values[:, :32] = (1, 0, 0, 1)
    values[:, 64:] = (0, 0, 1, 1)
    opened = read(values)
    assert np.array_equal(opened.picture[:, :32], values[:, :32, :3])
    assert np.array_equal(opened.picture[:, 64:], values[:, 64:, :3])
    assert np.abs(opened.picture[:, 32] - [1, 0, 0]).max() < 0.3
    assert np.abs(opened.picture[:, 63] - [0, 0, 1]).max() < 0.3
    assert np.abs(np.diff(opened.picture, axis=1)).max() < 0.3
    assert opened.picture[..., 1].max() == 0


def test_nearly_hidden_colours_count_in_proportion():
    def middle(opacity):
        values = np.ones((33, 33, 4), np.float32)
        values[16, 16] = (0, 0, 0, opacity)
        return read(values).picture[16, 16, 0]

    found = [middle(opacity) for opacity in (0, 0.02, 0.05, 0.1, 0.5)]
    assert found[0] > 0.9
    assert found == sorted(found, reverse=True)
    assert found[-1] == found[-2] == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (5, 3), (64, 64)])
def test_wholly_transparent(size):
    for value in (0, 255):
        values = np.full((*size, 4), value, np.uint8)
        values[..., 3] = 0
        opened = read(values)
        np.testing.assert_array_equal(opened.picture, 0.5)
        assert opened.resized((3, 4)).picture.shape == (4, 3, 3)


def test_a_wholly_transparent_picture_is_painted(tmp_path):
    Image.new("RGBA", (40, 30)).save(tmp_path / "clear.png")
    for method in ("arbitrary", "impasto", "strokes"):
        options = {"steps": 1} if method == "impasto" else {}
        painted = impasto.stylize(tmp_path / "clear.png", "starry", method=method, size=32, **options)
        assert painted.getextrema()[3] == (0, 0)


def test_resizing_counts_what_is_seen():
    """A column of red, little of which is seen, beside green."""
    values = np.zeros((64, 64, 4), np.float32)
    values[:, ::2] = (1, 0, 0, 0.2)
    values[:, 1::2] = (0, 1, 0, 1)
    small = read(values).resized((8, 8))
    np.testing.assert_allclose(small.picture[:, 2:-2], np.broadcast_to([1 / 6, 5 / 6, 0], (8, 4, 3)), atol=0.01)
    np.testing.assert_allclose(small.alpha[:, 2:-2], 0.6, atol=0.01)
    flat = np.full((40, 40, 4), 0.3, np.float32)
    flat[..., 3] = np.random.default_rng(0).random((40, 40))
    np.testing.assert_allclose(read(flat).resized((13, 90)).picture, 0.3, atol=1e-5)


def test_filling_is_the_formula():
    """On two levels, by hand."""
    colours, alpha = np.array([[[0.9], [0.1]], [[0.5], [0.3]]], np.float32).repeat(3, 2), np.array([[1, 0], [0.05, 0]], np.float32)
    mean = (0.9 * 1 + 0.5 * 0.5) / 1.5
    hidden.fill(colours, alpha)
    np.testing.assert_allclose(colours[..., 0], [[0.9, mean], [0.5 * 0.5 + 0.5 * mean, mean]], atol=1e-6)


def test_svg_has_the_alpha_as_a_mask(tmp_path):
    path = cutout(tmp_path / "cutout.png", 0)
    impasto.stylize(path, None, tmp_path / "out.svg", method="strokes", size=48)
    root = ElementTree.parse(tmp_path / "out.svg").getroot()
    space = {"s": "http://www.w3.org/2000/svg"}
    image = root.find("s:mask/s:image", space)
    assert root.find("s:g", space).get("mask") == f"url(#{root.find('s:mask', space).get('id')})"
    assert root.findall("s:g//s:path", space)
    with Image.open(io.BytesIO(base64.b64decode(image.get("href").split(",")[1]))) as mask:
        assert mask.mode == "L"
        assert (mask.width, mask.height) == (int(image.get("width")), int(image.get("height"))) == (48, 48)
        assert mask.getpixel((0, 0)) == 0
        assert mask.getpixel((24, 24)) == 255


# EXIF and resolution


def photograph(path, **options):
    """A JPEG with all that cameras and people put into one, and its EXIF."""
    exif = Image.Exif()
    exif[BASE["description"]], exif[BASE["make"]], exif[BASE["orientation"]] = "Holiday", "Maker", 6
    exif[BASE["author"]], exif[BASE["copyright"]] = "Me", "Mine"
    inner = exif.get_ifd(BASE["exif"])
    inner[DETAILS["exposure"]], inner[DETAILS["date"]], inner[DETAILS["lens"]] = 0.01, "2020:01:02 03:04:05", "Fifty"
    inner[DETAILS["maker"]], inner[DETAILS["width"]] = b"secret", 9999
    exif.get_ifd(BASE["gps"])[1] = "N"
    exif.get_ifd(BASE["gps"])[2] = (1.0, 2.0, 3.0)
    Image.fromarray(scene()).save(path, exif=exif, dpi=(300, 300), quality=95, **options)
    return path


def written(path):
    """The EXIF of a file, its own directory, and its GPS."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    with Image.open(path) as image:
        image.load()
        exif = image.getexif()
        return image, dict(exif), dict(exif.get_ifd(BASE["exif"])), dict(exif.get_ifd(BASE["gps"]))


@pytest.mark.parametrize(("ending", "bits"), [*((ending, 8) for ending in SPEAKING), ("png", 16), ("tif", 16)])
def test_what_the_photograph_says_comes_through(tmp_path, ending, bits):
    path = photograph(tmp_path / "photo.jpg")
    out = tmp_path / f"out.{ending}"
    impasto.stylize(path, "starry", out, **QUICK, bits=bits)
    image, exif, details, position = written(out)
    assert image.size == (32, 48)
    assert {name: exif[BASE[name]] for name in ("description", "make", "author", "copyright")} == {
        "description": "Holiday",
        "make": "Maker",
        "author": "Me",
        "copyright": "Mine",
    }
    assert exif.get(BASE["orientation"], 1) == 1
    assert float(details[DETAILS["exposure"]]) == pytest.approx(0.01)
    assert (details[DETAILS["date"]], details[DETAILS["lens"]]) == ("2020:01:02 03:04:05", "Fifty")
    assert (details[DETAILS["width"]], details[DETAILS["height"]]) == image.size
    assert DETAILS["maker"] not in details
    assert not position
    opened = read(out)
    assert opened.about.density == (300, 300)
    assert opened.about.tags[BASE["description"]] == "Holiday"
    assert opened.size == (32, 48)
    if ending in ("png", "jpg", "tif"):
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)


@pytest.mark.parametrize("ending", SPEAKING)
def test_the_position_on_demand_and_nothing_on_demand(tmp_path, ending):
    opened = read(photograph(tmp_path / "photo.jpg"))
    save(opened.picture, tmp_path / f"all.{ending}", about=opened.about, exif="all")
    _, exif, details, position = written(tmp_path / f"all.{ending}")
    assert position[1] == "N"
    assert [float(part) for part in position[2]] == [1, 2, 3]
    assert DETAILS["maker"] not in details
    save(opened.picture, tmp_path / f"none.{ending}", about=opened.about, exif="none", settings={"seed": 3})
    _, exif, details, position = written(tmp_path / f"none.{ending}")
    assert BASE["description"] not in exif
    assert DETAILS["date"] not in details
    assert not position
    assert 300 not in (read(tmp_path / f"none.{ending}").about.density or ())
    assert read_settings(tmp_path / f"none.{ending}") == {"seed": 3}


def test_densities_turn_with_the_picture(tmp_path):
    exif = Image.Exif()
    exif[BASE["orientation"]] = 6
    Image.fromarray(scene()).save(tmp_path / "a.jpg", exif=exif, dpi=(300, 150))
    assert read(tmp_path / "a.jpg").about.density == (150, 300)
    Image.fromarray(scene()).save(tmp_path / "b.png", dpi=(300, 150))
    assert read(tmp_path / "b.png").about.density == (300, 150)
    Image.fromarray(scene()).save(tmp_path / "c.png")
    assert read(tmp_path / "c.png").about == About()


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0MM\0*\xff\xff\xff\xffgarbage", b"Exif\0\0", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x0e\x01\x02\0" * 40]
)
def test_damaged_exif_is_no_reason_to_fail(tmp_path, exif):
    Image.fromarray(scene()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + exif)
    opened, said = remarks(tmp_path / "a.jpg")
    assert not said
    save(opened.picture, tmp_path / "b.jpg", about=opened.about)
    assert read(tmp_path / "b.jpg").size == (60, 40)


def test_a_novel_in_the_exif_stays_behind(tmp_path):
    exif = Image.Exif()
    exif[BASE["description"]], exif[BASE["author"]] = "a" * 50_000, "Me"
    Image.fromarray(scene()).save(tmp_path / "a.webp", exif=exif)
    opened = read(tmp_path / "a.webp")
    assert opened.about.tags == {BASE["author"]: "Me"}


def test_more_than_jpeg_holds_is_left_out(tmp_path):
    exif = Image.Exif()
    for tag in (BASE["description"], BASE["make"], 272, BASE["author"], BASE["copyright"], 40091, 40092, 40093, 40094):
        exif[tag] = b"a" * 8000 if tag > 40000 else "a" * 8000
    Image.fromarray(scene()).save(tmp_path / "a.webp", exif=exif)
    opened = read(tmp_path / "a.webp")
    assert len(opened.about.tags) == 9
    save(opened.picture, tmp_path / "b.jpg", about=opened.about, settings={"seed": 1})
    assert read_settings(tmp_path / "b.jpg") == {"seed": 1}


# Settings


@pytest.mark.parametrize("ending", SPEAKING)
def test_every_format_carries_the_settings(tmp_path, ending):
    settings = {"style": "Öl", "blend": [1, 0.5], "seed": None}
    save(unit(scene()), tmp_path / f"a.{ending}", settings=settings)
    assert read_settings(tmp_path / f"a.{ending}") == settings


def test_like_a_jpeg(tmp_path):
    impasto.stylize(unit(scene()), "starry", tmp_path / "a.jpg", method="arbitrary", size=40, strength=0.25)
    assert impasto.stylize(unit(scene()), "starry", like=tmp_path / "a.jpg").size == (40, 27)
    assert read_settings(tmp_path / "a.jpg")["strength"] == 0.25


def test_comments_of_others_are_no_settings(tmp_path):
    for comment in (b"ASCII\0\0\0hello", b'ASCII\0\0\0{"other": 1}', b'ASCII\0\0\0{"impasto": 1}', b'ASCII\0\0\0{"impasto": '):
        exif = Image.Exif()
        exif.get_ifd(BASE["exif"])[DETAILS["comment"]] = comment
        Image.fromarray(scene()).save(tmp_path / "a.jpg", exif=exif)
        assert "a.jpg" in complaint(read_settings, tmp_path / "a.jpg")


# Profiles


def adobe():
    profile = colour.made(colour.ADOBE, (563 / 256,))
    assert profile is not None
    return profile


@pytest.mark.parametrize("ending", [*SPEAKING, "bmp"])
def test_the_photographs_space_is_kept_on_demand(tmp_path, ending):
    Image.fromarray(scene()).save(tmp_path / "a.png", icc_profile=adobe())
    opened = read(tmp_path / "a.png")
    assert np.abs(opened.picture - unit(scene())).max() > 0.05
    save(opened.picture, tmp_path / f"plain.{ending}", about=opened.about)
    save(opened.picture, tmp_path / f"kept.{ending}", about=opened.about, profile="keep")
    plain, kept = (written(tmp_path / f"{name}.{ending}")[0] for name in ("plain", "kept"))
    assert "icc_profile" not in plain.info
    if ending == "bmp":
        return
    assert kept.info["icc_profile"] == adobe()
    assert "srgb" not in kept.info
    away = 9 if ending in ("jpg", "webp", "avif", "heic") else 2
    inside = (opened.picture > 0.02).all(2) & (opened.picture < 0.98).all(2)  # of sRGB; there is no more to be had
    assert np.abs(np.asarray(kept.convert("RGB"), int) - scene())[inside].max() <= away
    assert np.abs(read(tmp_path / f"kept.{ending}").picture - opened.picture).mean() < 0.02


def test_keeping_sixteen_bits_of_another_space_is_refused_at_once(tmp_path):
    assert "8 bits" in complaint(check_target, tmp_path / "a.tif", bits=16, profile="keep", error=OptionError)


@pytest.mark.parametrize("profile", [None, b"broken", ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()])
def test_without_a_space_of_its_own_it_is_srgb(tmp_path, profile):
    Image.fromarray(scene()).save(tmp_path / "a.png", icc_profile=profile)
    opened = read(tmp_path / "a.png")
    assert opened.about.profile is None
    save(opened.picture, tmp_path / "b.png", about=opened.about, profile="keep")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), scene())


def png(values, chunks, depth=8, colour_type=2):
    """A PNG of rows of bytes, with some chunks."""
    stream = io.BytesIO()
    stream.write(b"\x89PNG\r\n\x1a\n")
    rows = [bytes(row) for row in values]
    width = len(rows[0]) * 8 // (depth * {0: 1, 2: 3}[colour_type])
    PngImagePlugin.putchunk(stream, b"IHDR", struct.pack(">IIBBBBB", width, len(rows), depth, colour_type, 0, 0, 0))
    for name, content in chunks.items():
        PngImagePlugin.putchunk(stream, name.encode(), content)
    PngImagePlugin.putchunk(stream, b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    PngImagePlugin.putchunk(stream, b"IEND")
    return stream.getvalue()


def linear(values):
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def srgb(values):
    values = np.clip(values, 0, 1)
    return np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055)


P3_TO_SRGB = np.array([[1.2249402, -0.2249402, 0], [-0.0420570, 1.0420570, 0], [-0.0196376, -0.0786361, 1.0982735]])  # of linear light
GAMMA = struct.pack(">I", 100_000)


def test_gamma(tmp_path):
    light = np.rint(linear(scene() / 255) * 255).astype(np.uint8)
    (tmp_path / "a.png").write_bytes(png(light.reshape(len(light), -1), {"gAMA": GAMMA}))
    assert np.abs(read(tmp_path / "a.png").picture - unit(scene())).max() <= 3 / 255
    (tmp_path / "b.png").write_bytes(png(scene().reshape(40, -1), {"sRGB": b"\0", "gAMA": GAMMA}))
    (tmp_path / "c.png").write_bytes(png(scene().reshape(40, -1), {"gAMA": struct.pack(">I", 45455)}))
    (tmp_path / "d.png").write_bytes(png(scene().reshape(40, -1), {"gAMA": bytes(4)}))
    (tmp_path / "e.png").write_bytes(png(scene().reshape(40, -1), {"gAMA": struct.pack(">I", 45455), "cHRM": bytes(32)}))
    for name in "bcde":
        np.testing.assert_allclose(read(tmp_path / f"{name}.png").picture, unit(scene()), atol=1e-7)


@pytest.mark.parametrize(
    "chunks",
    [
        {"cICP": bytes([12, 13, 0, 1])},
        {"cICP": bytes([12, 13, 0, 1]), "gAMA": GAMMA, "sRGB": b"\0"},
        {"gAMA": struct.pack(">I", 45455), "cHRM": struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)},
    ],
    ids=["cICP", "cICP goes before", "cHRM"],
)
def test_display_p3(tmp_path, chunks):
    (tmp_path / "a.png").write_bytes(png(scene().reshape(40, -1), chunks))
    opened = read(tmp_path / "a.png")
    np.testing.assert_allclose(opened.picture, srgb(linear(scene() / 255) @ P3_TO_SRGB.T), atol=2.5 / 255)
    assert opened.about.profile is not None


def test_codings_of_srgb_and_of_what_we_do_not_know(tmp_path):
    for coding in ([1, 13, 0, 1], [2, 2, 0, 1]):
        (tmp_path / "a.png").write_bytes(png(scene().reshape(40, -1), {"cICP": bytes(coding)}))
        np.testing.assert_allclose(read(tmp_path / "a.png").picture, unit(scene()), atol=1e-7)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_refused(tmp_path, transfer, name):
    (tmp_path / "a.png").write_bytes(png(scene().reshape(40, -1), {"cICP": bytes([9, transfer, 0, 1])}))
    assert name in complaint(read, tmp_path / "a.png")


def test_adobe_rgb_by_exif_alone(tmp_path):
    exif = Image.Exif()
    exif[BASE["exif"]] = {40961: 65535, 40965: {1: "R03"}}
    Image.fromarray(scene()).save(tmp_path / "exif.jpg", exif=exif, quality=100, subsampling=0)
    Image.fromarray(scene()).save(tmp_path / "icc.jpg", icc_profile=adobe(), quality=100, subsampling=0)
    Image.fromarray(scene()).save(tmp_path / "none.jpg", quality=100, subsampling=0)
    found, expected, plain = (read(tmp_path / f"{name}.jpg").picture for name in ("exif", "icc", "none"))
    assert np.abs(found - expected).max() < 1e-6
    assert np.abs(found - plain).max() > 0.05


@pytest.mark.parametrize(
    ("depth", "colour_type", "row", "transparent", "expected"),
    [
        (16, 0, struct.pack(">4H", 1, 300, 301, 65535), struct.pack(">H", 300), [1, 0, 1, 1]),
        (8, 0, bytes([0, 7, 8, 255]), struct.pack(">H", 7), [1, 0, 1, 1]),
        (4, 0, bytes([0x12, 0x34]), struct.pack(">H", 3), [1, 1, 0, 1]),
        (2, 0, bytes([0b00011011]), struct.pack(">H", 2), [1, 1, 0, 1]),
        (1, 0, bytes([0b01010101]), struct.pack(">H", 1), [1, 0] * 4),
        (16, 2, struct.pack(">6H", 3000, 3000, 3000, 9000, 9000, 9000), struct.pack(">3H", 3000, 3000, 3000), [0, 1]),
    ],
)
def test_transparency_of_any_depth(tmp_path, depth, colour_type, row, transparent, expected):
    (tmp_path / "a.png").write_bytes(png([row], {"tRNS": transparent}, depth, colour_type))
    assert read(tmp_path / "a.png").alpha.tolist() == [expected]


# TIFF and raws


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.float32])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_tiff_of_every_kind(tmp_path, dtype, compression, planes, channels):
    values = unit(scene()).astype(np.float64)
    values = {1: values[..., 0], 3: values, 4: np.dstack([values, np.linspace(0.2, 1, 60)[None].repeat(40, 0)])}[channels]
    stored = values.astype(dtype) if dtype == np.float32 else np.rint(values * np.iinfo(dtype).max).astype(dtype)
    options = {} if channels == 1 else {"planarconfig": "separate" if planes else "contig"}
    stored = np.moveaxis(stored, -1, 0).copy() if planes and channels > 1 else stored
    kind = "minisblack" if channels == 1 else "rgb"
    extra = ["unassalpha"] if channels == 4 else None
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=kind, compression=compression, extrasamples=extra, **options)
    opened, said = remarks(tmp_path / "a.tif")
    assert not said
    grey = values[..., None].repeat(3, 2) if channels == 1 else values[..., :3]
    np.testing.assert_allclose(opened.picture, grey, atol=1e-6 if dtype != np.uint8 else 0.5 / 255 + 1e-6)
    assert (opened.alpha is not None) == (channels == 4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero(tmp_path, dtype):
    ramp = np.linspace(0, np.iinfo(dtype).max, 64).astype(dtype)[None].repeat(8, 0)
    tifffile.imwrite(tmp_path / "a.tif", ramp, photometric="miniswhite")
    np.testing.assert_allclose(read(tmp_path / "a.tif").picture[0, :, 0], 1 - ramp[0] / np.iinfo(dtype).max, atol=1e-6)


def test_associated_alpha_is_divided_out(tmp_path):
    values = np.dstack([unit(scene()), np.linspace(0.2, 1, 60, dtype=np.float32)[None].repeat(40, 0)])
    values[..., :3] *= values[..., 3:]
    tifffile.imwrite(tmp_path / "a.tif", np.rint(values * 65535).astype(np.uint16), photometric="rgb", extrasamples=["assocalpha"])
    np.testing.assert_allclose(read(tmp_path / "a.tif").picture, unit(scene()), atol=1e-3)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_floats_beyond_one_are_cut_off_and_said(tmp_path, channels):
    ramp = np.linspace(0, 3.7, 64, dtype=np.float32)[None].repeat(8, 0)
    ramp = ramp[..., None].repeat(3, 2) if channels else ramp
    tifffile.imwrite(tmp_path / "a.tif", ramp, photometric="rgb" if channels else "minisblack")
    opened, (said,) = remarks(tmp_path / "a.tif")
    assert "3.7" in said
    np.testing.assert_allclose(opened.picture[0, :, 0], np.linspace(0, 3.7, 64).clip(0, 1), atol=1e-6)


def test_twelve_bits_in_sixteen_are_as_they_say(tmp_path):
    ramp = np.linspace(0, 4095, 64).astype(np.uint16)[None].repeat(8, 0)
    for name, values in (("grey", ramp), ("rgb", ramp[..., None].repeat(3, 2))):
        tifffile.imwrite(tmp_path / f"{name}.tif", values, photometric="minisblack" if name == "grey" else "rgb")
        opened, (said,) = remarks(tmp_path / f"{name}.tif")
        assert "very dark" in said
        np.testing.assert_allclose(opened.picture[0, :, 0], ramp[0] / 65535, atol=1e-6)
    black = np.zeros((8, 8), np.uint16)
    tifffile.imwrite(tmp_path / "black.tif", black)
    assert not remarks(tmp_path / "black.tif")[1]


def test_integers_of_thirty_two_bits(tmp_path):
    small = np.linspace(0, 60000, 64).astype(np.uint32)[None].repeat(8, 0)
    tifffile.imwrite(tmp_path / "small.tif", small)
    np.testing.assert_allclose(read(tmp_path / "small.tif").picture[0, :, 0], small[0] / 65535, atol=1e-6)
    tifffile.imwrite(tmp_path / "negative.tif", np.full((8, 8), -5, np.int32))
    assert "-5" in complaint(read, tmp_path / "negative.tif")


def test_a_raw_is_never_its_thumbnail(tmp_path):
    small, large = scene(16, 24), np.random.default_rng(0).integers(0, 4096, (240, 360)).astype(np.uint16)

    def raw(name, subfile, *tags, photometric=32803):
        with tifffile.TiffWriter(tmp_path / name) as file:
            file.write(small, photometric="rgb", subfiletype=subfile, subifds=1, extratags=tags, metadata=None)
            file.write(large, photometric=photometric, metadata=None)
        return complaint(read, tmp_path / name)

    assert "raw.dng is a camera raw; develop it first" in raw("raw.dng", 1, (50706, 1, 4, (1, 4, 0, 0), True))
    assert "develop" in raw("flat.dng", 0, (50706, 1, 4, (1, 4, 0, 0), True), photometric="minisblack")
    assert "develop" in raw("raw.nef", 1, photometric="minisblack")
    assert "develop" in raw("raw.arw", 0)
    tifffile.imwrite(tmp_path / "a.tif", small, photometric="rgb")
    content = bytearray((tmp_path / "a.tif").read_bytes())
    assert read(tmp_path / "a.tif").size == (24, 16)
    content[8:12] = b"CR\2\0"
    (tmp_path / "a.cr2").write_bytes(content)
    assert "develop" in complaint(read, tmp_path / "a.cr2")
    (tmp_path / "b.cr3").write_bytes(b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(100))
    (tmp_path / "b.orf").write_bytes(b"IIRO\x08\0\0\0" + bytes(100))
    for name in ("b.cr3", "b.orf"):
        assert "develop" in complaint(read, tmp_path / name)


# Not quite sound


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_marker(tmp_path, missing, progressive):
    Image.fromarray(scene()).save(tmp_path / "whole.jpg", progressive=progressive)
    (tmp_path / "a.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:-missing])
    opened, (said,) = remarks(tmp_path / "a.jpg")
    assert "lacks its end" in said
    assert np.array_equal(opened.picture, read(tmp_path / "whole.jpg").picture)


@pytest.mark.parametrize("missing", [40, 200])
def test_a_jpeg_without_pixels_is_refused(tmp_path, missing):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-missing])
    assert "cut off" in complaint(read, tmp_path / "a.jpg")


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_of_moving_pictures_the_first_frame_is_painted_and_said(tmp_path, ending):
    frames = [Image.new("RGB", (16, 12), colour) for colour in ("red", "blue", "green")]
    frames[0].save(
        tmp_path / f"a.{ending}", save_all=True, append_images=frames[1:], duration=80, **({"lossless": True} if ending == "webp" else {})
    )
    opened, (said,) = remarks(tmp_path / f"a.{ending}")
    assert "only its first frame" in said
    np.testing.assert_allclose(opened.picture, np.broadcast_to([1, 0, 0], (12, 16, 3)), atol=0.02)
    frames[0].save(tmp_path / f"b.{ending}")
    assert not remarks(tmp_path / f"b.{ending}")[1]


# Formats and their options


def test_form():
    stream = io.BytesIO()
    assert form(stream) == "png"
    assert form(stream, "webp") == "webp"
    assert form("a.JFIF") == form("a.jpeg", "jpg") == "jpg"
    assert form("out", "tif") == form("out.tiff") == "tif"
    assert form("a.svg") == "svg"
    assert "named as jpg" in complaint(form, "a.jpg", "png", error=OutputError)
    assert ".png" in complaint(form, "a", error=OutputError)
    assert ".png" in complaint(form, "a.txt", error=OutputError)


@pytest.mark.parametrize("ending", ["jpg", "webp", "avif", "heic"])
def test_quality(tmp_path, ending):
    values = np.random.default_rng(0).random((64, 64, 3), np.float32)
    sizes = []
    for quality in (10, 50, None, 100):
        save(values, tmp_path / f"a.{ending}", quality=quality)
        sizes.append((tmp_path / f"a.{ending}").stat().st_size)
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("ending", ["webp", "heic", "png", "tif", "bmp"])
@pytest.mark.parametrize("channels", [3, 4])
def test_lossless(tmp_path, ending, channels):
    values = np.random.default_rng(0).integers(0, 256, (33, 47, channels)).astype(np.uint8)
    alpha = unit(values[..., 3]) if channels == 4 and ending != "bmp" else None
    save(unit(values[..., :3]), tmp_path / f"a.{ending}", alpha=alpha, lossless=True, quality=30)
    image = written(tmp_path / f"a.{ending}")[0]
    np.testing.assert_array_equal(np.asarray(image), values if alpha is not None else values[..., :3])


@pytest.mark.parametrize("ending", ["jpg", "jfif", "avif"])
def test_what_cannot_be_lossless_is_refused_before_the_work(tmp_path, ending):
    out = tmp_path / "new" / f"out.{ending}"
    assert "lossless" in complaint(impasto.stylize, "coffee", "starry", out, lossless=True, error=OptionError)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "tif", "bmp", "avif", "heic"])
def test_a_stream_gets_the_format_that_is_asked_for(tmp_path, kind):
    stream = io.BytesIO()
    save(unit(scene()), stream, format=kind, settings={"seed": 1})
    save(unit(scene()), tmp_path / f"a.{kind}", settings={"seed": 1})
    assert stream.getvalue() == (tmp_path / f"a.{kind}").read_bytes()


def test_painting_into_a_stream():
    for options, wanted in (({}, "PNG"), ({"format": "jpg", "quality": 40}, "JPEG"), ({"format": "webp", "lossless": True}, "WEBP")):
        stream = io.BytesIO()
        impasto.stylize(unit(scene()), "starry", stream, **QUICK, **options)
        with Image.open(stream) as image:
            assert (image.format, image.size) == (wanted, (48, 32))
    stream = io.BytesIO()
    impasto.stylize(unit(scene()), None, stream, method="strokes", size=32, format="svg")
    assert ElementTree.fromstring(stream.getvalue()).get("viewBox") == "0 0 32 21"
    assert "strokes" in complaint(impasto.stylize, "coffee", "starry", io.BytesIO(), format="svg", error=OptionError)
    closed = io.BytesIO()
    closed.close()
    assert "can't be written" in complaint(save, unit(scene()), closed, error=OutputError)


def test_the_extension_or_the_format(tmp_path):
    impasto.stylize(unit(scene()), "starry", tmp_path / "out.jfif", **QUICK)
    impasto.stylize(unit(scene()), "starry", tmp_path / "bare", **QUICK, format="webp")
    assert [Image.open(tmp_path / name).format for name in ("out.jfif", "bare")] == ["JPEG", "WEBP"]
    assert read(tmp_path / "out.jfif").size == (48, 32)
    assert "format" in complaint(impasto.stylize, unit(scene()), "starry", tmp_path / "out.jpg", **QUICK, format="png", error=OutputError)


@pytest.mark.parametrize(("kind", "longest"), [("webp", 16_383), ("jpg", 65_500), ("avif", 32_768), ("heic", 65_528)])
def test_sizes_that_formats_hold(tmp_path, kind, longest):
    check_size("a", kind, (longest, 1))
    assert str(longest) in complaint(check_size, "a", kind, (8, longest + 1), error=OutputError)
    check_size("a", "png", (10**6, 1))
    if kind != "avif":
        save(np.zeros((64, longest, 3), np.float32), tmp_path / f"a.{kind}")
        assert read(tmp_path / f"a.{kind}").size == (longest, 64)


def test_a_size_that_the_format_lacks_is_refused_before_the_work(tmp_path):
    told = []
    text = complaint(
        impasto.stylize,
        np.zeros((1, 40, 3), np.float32),
        "starry",
        tmp_path / "new" / "a.webp",
        method="arbitrary",
        size=16_384,
        callback=told.append,
        error=OutputError,
    )
    assert "16384 x 410" in text
    assert "16383" in text
    assert not told
    assert not list(tmp_path.iterdir())


# Places


def test_folders_are_created(tmp_path):
    impasto.stylize(unit(scene()), "starry", tmp_path / "a" / "b" / "out.png", **QUICK)
    assert (tmp_path / "a" / "b" / "out.png").is_file()


def test_a_failed_write_leaves_no_folders(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    complaint(save, unit(scene()), tmp_path / "a" / "b" / "out.png", error=OutputError)
    assert not list(tmp_path.iterdir())


def test_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    Image.fromarray(scene()).save(tmp_path / "in.png")
    impasto.stylize("~/in.png", "starry", "~/new/out.png", **QUICK)
    assert read_settings("~/new/out.png")["size"] == 48
    assert check_target("~/a.png") == tmp_path / "a.png"
    assert "one of the pictures" in complaint(impasto.stylize, "~/in.png", "starry", tmp_path / "in.png", error=OutputError)
    assert "~nobody-of-that-name/a.png" in complaint(read, "~nobody-of-that-name/a.png")


def failing(monkeypatch, *names):
    """Let nothing be written whose file name begins with one of the names."""
    real = Path.replace

    def replace(self, target):
        if Path(target).name.startswith(names):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)


@pytest.mark.parametrize("ending", ["png", "jpg", "svg"])
def test_a_painting_that_cannot_be_written_is_kept(tmp_path, monkeypatch, ending):
    failing(monkeypatch, "out")
    options = {"method": "strokes", "size": 32} if ending == "svg" else {**QUICK, "style": "starry"}
    text = complaint(impasto.stylize, unit(scene()), output=tmp_path / f"out.{ending}", **options, error=OutputError)
    (kept,) = tmp_path.iterdir()
    assert "No space left" in text
    assert text.endswith(f"kept as {kept}")
    assert read(kept).size[0] == options["size"]
    assert read_settings(kept)["method"] == options["method"]


def test_where_nothing_can_be_written_beside_it_is_kept_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    folder = tmp_path / "gone"
    folder.mkdir()

    def remove(_):
        folder.rmdir()
        folder.touch()

    text = complaint(
        impasto.stylize, unit(scene()), "starry", folder / "out.png", method="arbitrary", size=48, callback=remove, error=OutputError
    )
    (kept,) = (tmp_path / "temporary").iterdir()
    assert str(kept) in text


def test_a_film_that_cannot_be_written_either_does_not_hide_where_the_painting_is(tmp_path, monkeypatch):
    failing(monkeypatch, "out")
    options = {"method": "strokes", "size": 32, "timelapse": tmp_path / "out.gif"}
    assert "kept as" in complaint(impasto.stylize, unit(scene()), output=tmp_path / "out.png", **options, error=OutputError)


class Broken(io.BytesIO):
    def write(self, _):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_what_a_stream_does_not_take_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for options in ({**QUICK, "style": "starry"}, {"method": "strokes", "size": 32, "format": "svg"}):
        text = complaint(impasto.stylize, unit(scene()), output=Broken(), **options, error=OutputError)
        kept = text.split()[-1]
        assert read(kept).size[0] == options["size"]
        Path(kept).unlink()


def test_an_interrupted_painting_that_cannot_be_written_is_kept(tmp_path, monkeypatch):
    failing(monkeypatch, "out")

    def callback(progress):
        if progress.step == 2:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="kept as"), pytest.raises(Interrupted) as caught:
        impasto.stylize(unit(scene()), "starry", tmp_path / "out.png", size=48, steps=4, callback=callback)
    (kept,) = tmp_path.iterdir()
    assert caught.value.saved == kept
    assert read_settings(kept)["stopped"] == 2


def test_a_preview_that_cannot_be_written_does_not_end_the_painting(tmp_path, monkeypatch):
    failing(monkeypatch, "out-")
    with pytest.warns(UserWarning, match="No space left"):
        impasto.stylize(unit(scene()), "starry", tmp_path / "out.png", size=48, steps=2, preview=1)
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


# Friezes


def test_fit_leaves_enough_of_the_shortest_side():
    assert fit((900, 24), 64) == (64, 2)
    assert fit((900, 24), 64, least=6) == (225, 6)
    assert fit((900, 24), 64, least=30) == (900, 24)
    assert fit((900, 24), 1800, least=30) == (1800, 48)
    assert fit((64, 48), 32, least=6) == (32, 24)


@pytest.mark.parametrize("method", ["arbitrary", "analogy", "quilting", "efrosleung", "strokes", "impasto"])
def test_a_frieze_is_a_style(tmp_path, method):
    values = np.random.default_rng(0).random((24, 900, 3), np.float32)
    content = None if method in ("quilting", "efrosleung") else unit(scene())
    options = {"steps": 1} if method == "impasto" else {}
    painted = impasto.stylize(content, values, method=method, size=(32, 20) if content is None else 40, **options)
    assert painted.size == ((32, 20) if content is None else (40, 27))


def test_a_message_names_the_size_that_was_given():
    assert "900 x 8 pixels" in complaint(impasto.stylize, unit(scene()), np.zeros((8, 900, 3), np.float32), method="arbitrary")


def test_check_form():
    for bits in (0, 12):
        complaint(check_form, "a", "png", bits=bits, error=OptionError)
    check_form("a", "webp", lossless=True)
    assert picture.check_form("a", "tif", bits=16) is None
