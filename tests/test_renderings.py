"""Painting without a network through the library's one door: what each method takes, refuses and writes."""

import json

import av
import numpy as np
import pytest
from PIL import Image

import impasto
from impasto import examples, film, picture
from impasto.errors import ImpastoError, Interrupted, OptionError, OutputError, PictureError
from impasto.methods import METHODS, NETWORKS, RENDERINGS
from impasto.options import DECLARED


def scene(height, width, seed=0):
    """Shapes with soft edges, a slope and some grain."""
    generator = np.random.default_rng(seed)
    small = generator.integers(0, 256, (5, 7, 3), np.uint8)
    smooth = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC), np.float32)
    grain = generator.normal(0, 8, (height, width, 1))
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


CONTENT, STYLE = scene(60, 80), scene(70, 64, seed=1)
PAIR = (scene(50, 60, seed=2), 255 - scene(50, 60, seed=2))


def asked(name):
    """What a method needs, and its own size as the smallest that it is quick at."""
    method = RENDERINGS[name]
    needs = {"content": CONTENT if "content" in method.sources else None, "style": STYLE if "style" in method.sources else None}
    if "pair" in method.options:
        needs["style"] = STYLE
    quick = {"style_size": 24, "size": (40, 30)} if "content" not in method.sources else {"size": 0}
    return {**needs, **quick, "method": name}


def paint(name, **options):
    wish = {**asked(name), **options}
    return impasto.stylize(wish.pop("content"), wish.pop("style"), **wish)


def same(one, two):
    return one.mode == two.mode and one.size == two.size and one.tobytes() == two.tobytes()


def complaint(name="strokes", error=OptionError, **options):
    with pytest.raises(error) as caught:
        paint(name, **options)
    assert isinstance(caught.value, ImpastoError)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


PRESETS = [(name, preset) for name, method in RENDERINGS.items() for preset in method.presets if name != "analogy"]


# What is painted


@pytest.mark.parametrize("name", RENDERINGS)
def test_paints(name, tmp_path):
    told = []
    painted = paint(
        name, output=tmp_path / "out.png", callback=lambda progress: told.append((progress.step, progress.steps, progress.canvas))
    )
    assert (painted.mode, painted.size) == ("RGB", (40, 30) if name in ("quilting", "efrosleung") else (80, 60))
    assert same(Image.open(tmp_path / "out.png"), painted)
    assert same(paint(name), painted)
    steps = [step for step, _, _ in told]
    assert steps == sorted(steps)
    assert told[-1][0] <= told[-1][1]
    assert all(canvas.shape[2] == 3 and canvas.min() >= 0 and canvas.max() <= 1 for _, _, canvas in told)
    settings = json.loads(painted.info["impasto"])
    assert settings == picture.read_settings(tmp_path / "out.png")
    assert settings["method"] == name
    own = {option: value for option, value in RENDERINGS[name].options.items() if DECLARED[option].setting}
    given = {option: list(value) if isinstance(value, tuple) else value for option, value in asked(name).items() if option in own}
    assert {option: settings[option] for option in own} == {**own, **given}
    assert "numba" in settings["versions"]


@pytest.mark.parametrize("name", ["strokes", "kuwahara"])
def test_ctrl_c_may_come_as_another_error(name):
    """As it does while Numba is at work: an error of the system's, with the interrupt behind it."""

    def stop(progress):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise SystemError("returned a result with an exception set") from interrupt

    with pytest.raises(Interrupted) as caught:
        paint(name, callback=stop)
    assert caught.value.picture.size == (80, 60)

    def fail(progress):
        raise SystemError("a bug")

    with pytest.raises(SystemError, match="a bug"):
        paint(name, callback=fail)


@pytest.mark.parametrize("name", [name for name in RENDERINGS if name not in ("quilting", "efrosleung")])
def test_sources_are_left_alone(name):
    """Where nothing is resampled a painter is given the caller's own arrays."""
    content, style = (picture.read(one) for one in (CONTENT, STYLE))
    before = content.picture.copy(), style.picture.copy()
    paint(name, content=content, **({"style": style} if asked(name).get("style") is not None else {}))
    assert (content.picture == before[0]).all()
    assert (style.picture == before[1]).all()


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_presets_differ(name, preset):
    painted = np.asarray(paint(name, preset=preset), np.float32)
    others = [np.asarray(paint(name, preset=other), np.float32) for _, other in PRESETS if _ == name and other != preset][:2]
    assert all(np.abs(painted - other).mean() > 1 for other in others)
    # It still shows the picture: light where that is light.
    blurred = [
        np.asarray(Image.fromarray(values.astype(np.uint8)).convert("L").resize((8, 6), Image.Resampling.BOX), float)
        for values in (painted, CONTENT)
    ]
    assert np.corrcoef(blurred[0].ravel(), blurred[1].ravel())[0, 1] > 0.5


@pytest.mark.parametrize("name", ["strokes", "regions-strokes", "quilting", "efrosleung"])
def test_another_seed_paints_another_picture(name):
    assert not same(paint(name, seed=1), paint(name))


@pytest.mark.parametrize(("name", "preset"), [*PRESETS, *((name, None) for name in RENDERINGS if name not in ("strokes", "regions"))])
def test_the_largest_seed(name, preset):
    assert paint(name, seed=2**63 - 1, **({"preset": preset} if preset else {}))


def test_presets_are_those_of_the_room():
    from impasto.classic import analogy, painter, presets

    assert set(RENDERINGS) == set(painter.RENDERERS)
    assert set(RENDERINGS["strokes"].presets) == set(presets.PRESETS)
    assert set(RENDERINGS["regions"].presets) == set(painter.REGIONS)
    assert set(RENDERINGS["analogy"].presets) == set(analogy.MANNERS)


def test_a_style_changes_strokes():
    assert not same(paint("strokes", style=STYLE), paint("strokes"))
    plain, warm = CONTENT, np.full((40, 40, 3), (220, 120, 40), np.uint8) + np.random.default_rng(0).integers(0, 30, (40, 40, 3), np.uint8)
    before, after = (np.asarray(paint("strokes", content=plain, style=style), float).mean((0, 1)) for style in (None, warm))
    target = warm.mean((0, 1))
    assert np.abs(after - target).sum() < 0.5 * np.abs(before - target).sum()


def test_a_wider_brush_leaves_less_detail():
    from scipy import ndimage

    def detail(image):
        values = np.asarray(image.convert("L"), float)
        return (values - ndimage.gaussian_filter(values, 2)).std()

    assert detail(paint("kuwahara", brush=4.0)) < detail(paint("kuwahara", brush=0.5))


@pytest.mark.slow  # to compile
def test_an_analogy_learns_its_pair():
    """The pair says: the negative."""
    painted = np.asarray(paint("analogy", style=None, pair=(CONTENT, 255 - CONTENT)).convert("L"), float)
    light = np.asarray(Image.fromarray(CONTENT).convert("L"), float)
    assert np.corrcoef(painted.ravel(), light.ravel())[0, 1] < -0.5
    assert not same(paint("analogy", style=None, pair=PAIR), paint("analogy", style=None, pair=PAIR, coherence=50.0))


@pytest.mark.parametrize("preset", ["abstraction", "papercut"])
def test_a_focus_keeps_detail(preset):
    content = Image.open(examples.path("chelsea")).convert("RGB").resize((180, 120))

    def away(focus):
        """How far the painting is from the picture on the left."""
        painted = paint("regions", content=content, focus=focus, preset=preset, detail=0.4)
        return np.abs(np.asarray(painted.convert("L"), float) - np.asarray(content.convert("L"), float))[:, :80].mean()

    left = np.zeros((120, 180, 3), np.uint8)
    left[:, :90] = 255
    assert away(left) < 0.9 * away(255 - left)


def test_quilting_of_a_content():
    painted = paint("quilting", content=CONTENT, size=0, patch=6)
    assert painted.size == (80, 60)
    light, shown = (np.asarray(one.convert("L").resize((8, 6), Image.Resampling.BOX), float) for one in (painted, Image.fromarray(CONTENT)))
    assert np.corrcoef(light.ravel(), shown.ravel())[0, 1] > 0.5


@pytest.mark.parametrize("name", ["strokes", "regions", "kuwahara"])
def test_alpha_stays(name, tmp_path):
    alpha = np.zeros((60, 80, 1), np.uint8)
    alpha[20:40] = 255
    Image.fromarray(np.concatenate([CONTENT, alpha], -1)).save(tmp_path / "clear.png")
    painted = paint(name, content=tmp_path / "clear.png")
    assert painted.mode == "RGBA"
    assert (np.asarray(painted)[..., 3:] == alpha).all()


def test_like(tmp_path):
    paint("strokes", preset="watercolour", brush=2.0, seed=4, output=tmp_path / "one.png")
    again = impasto.stylize(CONTENT, None, like=tmp_path / "one.png")
    assert same(again, Image.open(tmp_path / "one.png"))


# Strokes as SVG, and films


@pytest.mark.parametrize("name", [name for name, method in RENDERINGS.items() if method.strokes])
def test_svg(name, tmp_path):
    from xml.etree import ElementTree

    painted = paint(name, output=tmp_path / "out.svg")
    root = ElementTree.parse(tmp_path / "out.svg").getroot()
    assert root.attrib["viewBox"] == "0 0 80 60"
    assert len(root.findall(".//{*}path")) > 20
    assert painted.size == (80, 60)


@pytest.mark.parametrize("name", [*(name for name, method in RENDERINGS.items() if not method.strokes), "impasto", "arbitrary"])
def test_no_svg_without_strokes(name, tmp_path):
    with pytest.raises(OptionError, match="strokes"):
        impasto.stylize(CONTENT, STYLE, method=name, output=tmp_path / "out.svg")
    assert not any(tmp_path.iterdir())


def frames(path):
    with av.open(str(path)) as opened:
        return [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]


@pytest.mark.parametrize("extension", ["mp4", pytest.param("gif", marks=pytest.mark.slow)])
def test_timelapse_of_strokes(tmp_path, extension):
    file = tmp_path / f"out.{extension}"
    painted = np.asarray(paint("strokes", timelapse=file, size=128), float)
    shown = frames(file)
    assert len(shown) > 100
    assert shown[0].shape == (96, 128, 3)
    far = [np.abs(frame - painted).mean() for frame in shown]
    assert far[0] > 4 * far[-1]
    assert far[-1] < 10  # what compression costs
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("name", ["regions", "analogy", "quilting", "impasto"])
def test_timelapse_of_others(tmp_path, name):
    file = tmp_path / "out.mp4"
    wish = asked(name) if name in RENDERINGS else {"content": CONTENT, "style": STYLE, "steps": 30, "size": 64, "method": name}
    painted = impasto.stylize(wish.pop("content"), wish.pop("style"), **wish, timelapse=file)
    shown = frames(file)
    assert len(shown) >= film.END
    # Films halve the resolution of colours.
    last, expected = (np.asarray(one.resize((10, 8), Image.Resampling.BOX), float) for one in (Image.fromarray(shown[-1]), painted))
    assert np.abs(last - expected).mean() < 6


@pytest.mark.parametrize("file", ["film.avi", "film", "nowhere/film.avi", "film.png"])
def test_unwritable_films(tmp_path, file):
    complaint("strokes", OutputError, timelapse=tmp_path / file, output=tmp_path / "out.png")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_a_film_takes_canvases_of_any_size(tmp_path, ending):
    """And of any values, which it clamps."""
    growing = film.Film(film.check_film(tmp_path / f"film.{ending}"), (48, 36))
    for height, width, value in ((9, 12, -1), (18, 24, 0.5)):
        growing.add(np.full((height, width, 3), value, np.float32))
    growing.save(np.full((36, 48, 3), 2, np.float32))
    shown = frames(tmp_path / f"film.{ending}")
    assert {frame.shape for frame in shown} == {(36, 48, 3)}
    for frame, value in zip((shown[0], shown[1], shown[-1]), (0, 128, 255), strict=True):
        assert np.abs(frame.astype(int) - value).max() < 4


def test_a_film_is_never_too_large(tmp_path):
    large = film.Film(film.check_film(tmp_path / "film.gif"), (1281, 641))
    assert large.size == (640, 320)
    tiny = film.Film(film.check_film(tmp_path / "film.mp4"), (1, 7))
    assert tiny.size == (2, 6)


# What is refused


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("strokes", {"preset": "cubist"}, "watercolour"),
        ("strokes", {"brush": 0}, "brush"),
        ("strokes", {"brush": float("nan")}, "brush"),
        ("strokes", {"brush": "wide"}, "brush"),
        ("regions", {"detail": 1.5}, "detail"),
        ("regions", {"detail": -0.1}, "detail"),
        ("analogy", {"coherence": -1}, "coherence"),
        ("quilting", {"patch": 2}, "patch"),
        ("quilting", {"patch": 5.5}, "patch"),
        ("efrosleung", {"patch": 4}, "odd"),
        ("strokes", {"detail": 0.5}, "regions"),
        ("strokes", {"steps": 3}, "such as impasto"),
        ("strokes", {"device": "cpu"}, "device"),
        ("strokes", {"strength": 0.5}, "arbitrary"),
        ("strokes", {"style": [STYLE, STYLE]}, "one style"),
        ("strokes", {"content": None}, "needs a content"),
        ("kuwahara", {"style": STYLE}, "takes no style"),
        ("kuwahara", {"preset": "oil"}, "preset"),
        ("efrosleung", {"content": CONTENT}, "takes no content"),
        ("quilting", {"style": None}, "needs a style"),
        ("quilting", {"content": CONTENT}, "longest side"),
        ("analogy", {"style": None}, "a style or a pair"),
        ("analogy", {"pair": PAIR}, "a style or a pair"),
        ("analogy", {"style": None, "pair": (PAIR[0], STYLE)}, "60 x 50 and 64 x 70"),
        ("strokes", {"pair": PAIR}, "analogy"),
        ("strokes", {"focus": CONTENT}, "regions"),
        ("regions", {"focus": STYLE}, "64 x 70"),
        ("strokes", {"log": "log.jsonl"}, "log"),
    ],
)
def test_refusals(name, options, said):
    assert said in complaint(name, **options)


@pytest.mark.parametrize(
    "option", [{"preset": "oil"}, {"brush": 1.0}, {"detail": 0.5}, {"coherence": 1.0}, {"patch": 9}, {"pair": PAIR}, {"focus": CONTENT}]
)
@pytest.mark.parametrize("name", ["impasto", "arbitrary"])
def test_others_refuse_what_is_not_theirs(name, option):
    assert name in {**METHODS, **NETWORKS}
    with pytest.raises(OptionError, match=f"{next(iter(option))} means nothing to {name}"):
        impasto.stylize(CONTENT, STYLE, method=name, **option)


def test_a_film_in_one_pass_is_refused(tmp_path):
    with pytest.raises(OptionError, match="timelapse means nothing to arbitrary"):
        impasto.stylize(CONTENT, STYLE, method="arbitrary", timelapse=tmp_path / "film.mp4")


@pytest.mark.parametrize("name", ["quilting", "efrosleung", "analogy"])
def test_a_style_smaller_than_a_patch(name):
    said = complaint(name, PictureError, style=STYLE[:3, :3], **({} if name == "analogy" else {"patch": 9}))
    assert "too small" in said


@pytest.mark.parametrize(
    ("name", "preset"), [*PRESETS, *((name, None) for name, method in RENDERINGS.items() if not method.presets or name == "analogy")]
)
def test_pictures_of_one_colour(name, preset):
    flat = np.full((40, 40, 3), 120, np.uint8)
    wish = {kind: flat for kind in ("content", "style") if asked(name)[kind] is not None}
    painted = np.asarray(paint(name, **wish, **({"preset": preset} if preset else {})), float)
    assert np.isfinite(painted).all()
    if name in ("kuwahara", "quilting", "efrosleung", "analogy"):
        assert np.abs(painted - 120).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (90, 4)])
@pytest.mark.parametrize(("name", "preset"), [*PRESETS, ("regions-strokes", None), ("kuwahara", None)])
def test_tiny_pictures(name, preset, size):
    tiny = scene(size[1], size[0])
    assert paint(name, content=tiny, **({"preset": preset} if preset else {})).size == size


# Ctrl-C


@pytest.mark.parametrize("name", RENDERINGS)
def test_ctrl_c_keeps_the_canvas(name, tmp_path):
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        paint(name, output=tmp_path / "out.png", timelapse=tmp_path / "out.mp4", callback=stop)
    assert caught.value.saved == tmp_path / "out.png"
    assert same(Image.open(tmp_path / "out.png"), caught.value.picture)
    assert caught.value.picture.size == ((40, 30) if name in ("quilting", "efrosleung") else (80, 60))
    assert picture.read_settings(tmp_path / "out.png")["stopped"] == caught.value.step
    assert frames(tmp_path / "out.mp4")


def test_ctrl_c_keeps_the_strokes(tmp_path):
    def stop(progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        paint("strokes", output=tmp_path / "out.svg", callback=stop)
    text = (tmp_path / "out.svg").read_text()
    assert text.count("<path") > 0
    paint("strokes", output=tmp_path / "whole.svg")
    assert text.count("<path") < (tmp_path / "whole.svg").read_text().count("<path")
