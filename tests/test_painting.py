"""The library's one door: what it takes, what it refuses, what it writes, and that it paints."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto import encoders, examples, packaged, picture, styles
from impasto.encoders import tensors
from impasto.errors import EncoderError, ImpastoError, Interrupted, OptionError, OutputError, PictureError
from impasto.family import Progress
from impasto.losses import CONTENT_LOSSES, STYLE_LOSSES, Content, Gram
from impasto.methods import METHODS, concerned, uses
from impasto.optimise import SOLVERS, levels
from impasto.optimise.recipe import recipe
from impasto.options import complete

QUICK = {"size": 48, "steps": 3}
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


def noise(height, width, channels=3, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (9, 12, channels), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


CONTENT, STYLE = noise(36, 48), noise(40, 30, seed=1)


def paint(content=CONTENT, style=STYLE, **options):
    return impasto.stylize(content, style, **{**QUICK, **options})


def asked(method, **options):
    """A method as the options change it."""
    return recipe(METHODS[method], complete(options, uses(method), concerned))


def same(one, two):
    return one.mode == two.mode and one.size == two.size and one.tobytes() == two.tobytes()


def complaint(error=OptionError, **options):
    with pytest.raises(error) as caught:
        paint(**options)
    assert isinstance(caught.value, ImpastoError)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# Sources


def test_kinds_of_source(tmp_path):
    paths = []
    for name, values in (("content", CONTENT), ("style", STYLE)):
        paths.append(tmp_path / f"{name}.png")
        Image.fromarray(values).save(paths[-1])
    expected = paint(*paths)
    assert (expected.mode, expected.size) == ("RGB", (48, 36))
    assert same(paint(*map(str, paths)), expected)
    assert same(paint(Image.fromarray(CONTENT), Image.fromarray(STYLE)), expected)
    assert same(paint(CONTENT, STYLE), expected)
    floats = [values.astype(np.float32) / np.float32(255) for values in (CONTENT, STYLE)]
    assert same(paint(*floats), expected)
    assert same(paint(*(torch.from_numpy(values).permute(2, 0, 1)[None] for values in floats)), expected)


def test_sources_are_left_alone():
    content, style = (torch.from_numpy(values / 255).permute(2, 0, 1)[None].float() for values in (CONTENT, STYLE))
    before = content.clone(), style.clone()
    paint(content, style)
    assert torch.equal(content, before[0])
    assert torch.equal(style, before[1])


@pytest.mark.parametrize("name", styles.STYLES)
def test_packaged_styles(name):
    assert paint(style=name, steps=1).size == (48, 36)


def test_example_photographs():
    assert max(paint(content="chelsea").size) == 48
    assert same(paint(content="chelsea"), paint(content=examples.path("chelsea")))


def test_a_file_goes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(STYLE).save("starry", "PNG")
    assert same(paint(style="starry"), paint())
    assert not same(paint(style="starry"), paint(style=styles.path("starry")))


@pytest.mark.parametrize("which", ["content", "style"])
def test_unknown_names(which):
    said = complaint(**{which: "nonesuch"})
    assert "nonesuch" in said
    assert ("starry" if which == "style" else "chelsea") in said


@pytest.mark.parametrize("name", ["a" * 300, "/" + "a" * 300 + ".jpg", "nowhere/none.jpg", "a\nb.jpg", "nul\0.jpg", ""])
@pytest.mark.parametrize("which", ["content", "style"])
def test_paths_that_lead_nowhere(which, name):
    complaint(error=(PictureError, OptionError), **{which: name})


# Options


@pytest.mark.parametrize("name", ["method", "encoder", "solver", "device", "precision"])
@pytest.mark.parametrize("value", ["nonesuch", "", "LBFGS"])
def test_unknown_option_names(name, value):
    said = complaint(**{name: value})
    assert f"unknown {name}" in said


@pytest.mark.parametrize("name", ["size", "steps", "seed"])
@pytest.mark.parametrize("value", [-1, 2**63, 1.5, math.nan, math.inf, "12", True])
def test_impossible_whole_numbers(name, value):
    assert name in complaint(**{name: value})


def test_no_steps():
    assert "steps" in complaint(steps=0)


@pytest.mark.parametrize("name", ["content_weight", "style_weight", "tv_weight"])
@pytest.mark.parametrize("value", [-1, -1e-9, math.nan, math.inf, -math.inf, "12"])
def test_impossible_weights(name, value):
    assert name in complaint(**{name: value})


def test_no_weight_at_all():
    assert "both 0" in complaint(content_weight=0, style_weight=0)


@pytest.mark.parametrize("value", [0, -3, 1.5, math.nan, True])
def test_impossible_previews(tmp_path, value):
    assert "preview" in complaint(preview=value, output=tmp_path / "out.png")


def test_preview_without_an_output():
    assert "preview" in complaint(preview=1)


@pytest.mark.parametrize("bits", [0, 7, -8, 32, 8.5])
@pytest.mark.parametrize("output", [None, "out.png"])
def test_impossible_bits(tmp_path, bits, output):
    assert "bits" in complaint(bits=bits, output=output and tmp_path / output)


def test_bits_that_the_format_lacks(tmp_path):
    assert "16 bits" in complaint(bits=16, output=tmp_path / "out.jpg")
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_no_cuda():
    assert "cuda" in complaint(device="cuda")


def test_start_that_is_missing():
    assert "doesn't exist" in complaint(error=PictureError, start="none.png")


def test_refused_before_any_work(tmp_path):
    """Whatever is wrong is said before a step is taken or a file is made."""
    output = {"output": tmp_path / "out.png"}
    complaint(**output, log=tmp_path / "log.jsonl", solver="nonesuch")
    complaint(error=OutputError, output=tmp_path / "out.xyz", log=tmp_path / "nowhere" / "log.jsonl")
    complaint(error=OutputError, output=tmp_path, callback=pytest.fail)
    complaint(error=OutputError, **output, log="nul\0.jsonl", callback=pytest.fail)
    complaint(error=PictureError, **output, content="none.png", log=tmp_path / "log.jsonl")
    complaint(error=PictureError, **output, like=tmp_path / "none.png", log=tmp_path / "log.jsonl")
    assert not any(tmp_path.iterdir())


# Sizes and alpha


@pytest.mark.parametrize(
    ("height", "width", "size", "expected"),
    [
        (40, 30, 0, (30, 40)),
        (40, 30, 48, (36, 48)),
        (300, 1, 0, (1, 300)),
        (1, 300, 60, (60, 1)),
        (2, 3, 0, (3, 2)),
        (2, 3, 48, (48, 32)),
        (5, 300, 0, (300, 5)),
        (1, 1, 0, (1, 1)),
        (33, 47, 64, (64, 45)),
        (48, 48, 1, (1, 1)),
    ],
)
def test_sizes(height, width, size, expected):
    content = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    painted = paint(content, size=size)
    assert painted.size == expected
    assert painted.mode == "RGB"


@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (1, 1), (2, 3)])
def test_odd_styles(shape):
    assert paint(style=np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)).size == (48, 36)


@pytest.mark.parametrize("size", [0, 24])
def test_alpha_of_the_content_is_kept(tmp_path, size):
    clear = CONTENT.copy()
    opacity = np.linspace(0, 255, 36 * 48).reshape(36, 48).round().astype(np.uint8)
    content = Image.fromarray(np.dstack([clear, opacity]))
    painted = paint(content, size=size, output=tmp_path / "out.png")
    assert painted.mode == "RGBA"
    expected = np.asarray(Image.fromarray(opacity).resize(painted.size, Image.Resampling.BICUBIC), np.int16)
    assert np.abs(np.asarray(painted)[..., 3] - expected).max() <= (0 if size == 0 else 3)
    with Image.open(tmp_path / "out.png") as saved:
        assert same(saved, painted)


def test_alpha_of_the_style_is_not():
    assert paint(style=np.dstack([STYLE, STYLE[..., :1]])).mode == "RGB"


# The same again


@pytest.mark.parametrize("start", ["content", "noise"])
def test_same_call_same_bytes(tmp_path, start):
    files = [tmp_path / f"{n}.png" for n in range(2)]
    for file in files:
        paint(start=start, output=file)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_seed():
    assert not same(paint(start="noise", seed=0), paint(start="noise", seed=1))
    assert same(paint(start="noise"), paint(start="noise", seed=0))


def test_nothing_depends_on_the_generator_of_torch():
    torch.manual_seed(1)
    first = paint(start="noise")
    torch.manual_seed(2)
    assert same(paint(start="noise"), first)


def test_settings_in_the_png(tmp_path):
    painted = paint(output=tmp_path / "out.png", content_weight=0.5, solver="adam", seed=7)
    settings = picture.read_settings(tmp_path / "out.png")
    assert json.loads(painted.info["impasto"]) == settings
    expected = {"method": "impasto", "size": 48, "steps": 3, "solver": "adam", "seed": 7, "content_weight": 0.5, "bits": 8}
    assert expected.items() <= settings.items()
    assert settings["device"] in ("cpu", "cuda", "mps")
    assert settings["precision"] in ("float32", "bfloat16")
    assert settings["versions"]["impasto"] == impasto.__version__
    assert settings["threads"] == torch.get_num_threads()
    checksums = [settings["content_sha256"], settings["encoder_sha256"], *settings["style_sha256"]]
    assert len(checksums) == 3
    assert all(len(checksum) == 64 for checksum in checksums)
    assert len(set(checksums)) == 3


def test_like(tmp_path):
    first, again, other = (tmp_path / f"{name}.png" for name in ("first", "again", "other"))
    paint(output=first, start="noise", seed=5, solver="adam", tv_weight=0.1, style_weight=3)
    impasto.stylize(CONTENT, STYLE, like=first, output=again)
    assert again.read_bytes() == first.read_bytes()
    impasto.stylize(CONTENT, STYLE, like=first, output=other, seed=6, size=32)
    changed, settings = picture.read_settings(other), picture.read_settings(first)
    assert {name for name in settings if settings[name] != changed[name]} == {"seed", "size"}
    with Image.open(other) as image:
        assert image.size == (32, 24)


def test_like_with_a_start_of_ones_own(tmp_path):
    Image.fromarray(noise(10, 10, seed=3)).save(tmp_path / "start.png")
    paint(output=tmp_path / "first.png", start=tmp_path / "start.png")
    impasto.stylize(CONTENT, STYLE, like=tmp_path / "first.png", output=tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "first.png").read_bytes()


def test_like_a_picture_of_someone_elses(tmp_path):
    Image.fromarray(STYLE).save(tmp_path / "other.png")
    assert "settings" in complaint(error=PictureError, like=tmp_path / "other.png")


def test_like_with_other_weights(tmp_path):
    paint(output=tmp_path / "first.png")
    settings = picture.read_settings(tmp_path / "first.png") | {"encoder_sha256": "0" * 64}
    picture.save(np.zeros((2, 2, 3)), tmp_path / "other.png", settings=settings)
    assert "other weights" in complaint(like=tmp_path / "other.png")


# Log, previews, progress


def test_log(tmp_path):
    seen: list[Progress] = []
    paint(size=100, steps=23, log=tmp_path / "log.jsonl", callback=seen.append)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 10, 20, 23]
    told = {progress.step: progress for progress in seen}
    for line in lines:
        assert list(line) == ["step", "level", "size", "seconds", "total", "terms"]
        progress = told[line["step"]]
        assert line["level"] == progress.level
        assert line["size"] == list(progress.size)
        assert line["seconds"] == pytest.approx(progress.seconds, abs=1e-3)
        assert line["total"] == progress.total
        assert line["terms"] == progress.terms
        assert sum(line["terms"].values()) == pytest.approx(line["total"], rel=1e-5)
        assert {"style", "content", "tv"} <= set(line["terms"])
    assert lines[-1]["size"] == [100, 75]
    assert lines[0]["level"] == 0 < lines[-1]["level"]


@pytest.mark.parametrize("steps", [1, 10, 11])
def test_log_has_no_step_twice(tmp_path, steps):
    paint(steps=steps, log=tmp_path / "log.jsonl")
    logged = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert logged == sorted({1, *range(10, steps + 1, 10), steps})


def test_previews(tmp_path):
    seen: list[Progress] = []
    paint(size=100, steps=12, preview=5, output=tmp_path / "out.jpg", callback=seen.append)
    assert {file.name for file in tmp_path.iterdir()} == {"out.jpg", "out-0005.png", "out-0010.png"}
    for step in (5, 10):
        with Image.open(tmp_path / f"out-{step:04d}.png") as preview:
            assert preview.size == (100, 75)
            expected = picture.to_pil(picture.resize(seen[step - 1].canvas.clip(0, 1), (100, 75)))
            assert same(preview, expected)
        assert picture.read_settings(tmp_path / f"out-{step:04d}.png")["stopped"] == step


def test_callback():
    seen: list[Progress] = []
    paint(size=100, steps=9, callback=seen.append)
    assert [progress.step for progress in seen] == list(range(1, 10))


# Interrupts


def interrupting(step):
    def callback(progress):
        if progress.step == step:
            raise KeyboardInterrupt

    return callback


@pytest.mark.parametrize("step", [1, 6, 11])
def test_interrupt_saves_the_best(tmp_path, step):
    seen: list[Progress] = []

    def callback(progress):
        seen.append(progress)
        interrupting(step)(progress)

    output = tmp_path / "out.png"
    with pytest.raises(Interrupted) as caught:
        paint(size=100, steps=12, output=output, callback=callback)
    assert caught.value.step == step
    assert caught.value.saved == output
    assert caught.value.picture.size == (100, 75)
    assert [file.name for file in tmp_path.iterdir()] == ["out.png"]
    with Image.open(output) as saved:
        assert same(saved, caught.value.picture)
    assert picture.read_settings(output)["stopped"] == step
    best = tensors.tensor(seen[-1].canvas)
    if best.shape[2:] != (75, 100):
        best = torch.nn.functional.interpolate(best, (75, 100), mode="bicubic", align_corners=False)
    assert same(picture.to_pil(tensors.array(best)), caught.value.picture)


def test_interrupt_without_an_output():
    with pytest.raises(KeyboardInterrupt) as caught:
        paint(callback=interrupting(2))
    assert caught.value.saved is None
    assert caught.value.picture.size == (48, 36)


def test_interrupted_painting_serves_as_like(tmp_path):
    with pytest.raises(Interrupted):
        paint(steps=6, output=tmp_path / "stopped.png", callback=interrupting(3))
    finished = impasto.stylize(CONTENT, STYLE, like=tmp_path / "stopped.png")
    assert same(finished, paint(steps=6))


# Painting


def first_canvas(**options):
    """The canvas optimisation begins from, as it is on a one-level pyramid."""
    seen: list[Progress] = []
    paint(callback=seen.append, **{"steps": 1, **options})
    return tensors.tensor(seen[0].canvas)


def test_starts(tmp_path):
    own = noise(20, 20, seed=4)
    Image.fromarray(own).save(tmp_path / "start.png")
    begins = {"content": CONTENT, "style": STYLE, str(tmp_path / "start.png"): own}
    for start, values in begins.items():
        expected = torch.from_numpy(values / 255).permute(2, 0, 1)[None].float()
        assert (first_canvas(start=start) - tensors.resize(expected, (48, 36))).abs().mean() < 0.02, start
    uniform = first_canvas(start="noise").flatten()
    assert abs(uniform.mean() - 0.5) < 0.02
    assert abs(uniform.std() - 12**-0.5) < 0.02
    assert 0 <= uniform.min() <= uniform.max() <= 1


def test_default_starts_from_a_painting_in_one_pass():
    assert torch.equal(first_canvas(), first_canvas(start="arbitrary"))
    assert not torch.equal(first_canvas(), first_canvas(start="content"))


def test_default_starts_from_the_content_where_a_style_is_too_flat_for_one_pass():
    style = np.full((40, 50, 3), 90, np.uint8)
    assert torch.equal(first_canvas(style=style), first_canvas(style=style, start="content"))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("start", ["content", "noise"])
def test_every_solver_lowers_the_loss(solver, start):
    seen: list[Progress] = []
    paint("chelsea", "starry", size=40, steps=25, solver=solver, start=start, callback=seen.append)
    assert {progress.level for progress in seen} == {0}
    assert min(progress.total for progress in seen[-5:]) < 0.9 * seen[0].total


def encoded(image, layers):
    pixels = tensors.tensor(picture.read(image).picture) if not isinstance(image, torch.Tensor) else image
    return encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder(pixels, layers)


def test_it_paints():
    """The painting's Gram matrices come close to the style's, and its deep features stay near the photograph's."""
    size = 128
    painted = impasto.stylize("chelsea", "starry", size=size, steps=60)
    photograph = examples.path("chelsea")
    resized = tensors.tensor(picture.read(photograph).resized(painted.size).picture)
    style = tensors.tensor(picture.read(styles.path("starry")).scaled(size).picture)

    gram, content = Gram(layers=LAYERS), Content(layers=("relu4_2",))
    wanted, kept = gram.target(style, encoded), content.target(resized, encoded)

    def distance(term, pixels, target):
        return term(pixels, encoded(pixels, term.layers), target).item()

    mine = tensors.tensor(picture.read(painted).picture)
    assert distance(gram, mine, wanted) < 0.3 * distance(gram, resized, wanted)
    assert distance(content, mine, kept) < 0.8 * distance(content, tensors.resize(style, painted.size), kept)


def test_weights_do_what_they_say():
    def rest(**options):
        seen: list[Progress] = []
        painted = paint("chelsea", "starry", size=64, steps=20, callback=seen.append, **{"start": "content", **options})
        pixels = picture.read(painted).picture
        photograph = picture.resize(picture.read(examples.path("chelsea")).picture, painted.size)
        roughness = np.square(np.diff(pixels, axis=0)).mean() + np.square(np.diff(pixels, axis=1)).mean()
        return np.square(pixels - photograph).mean(), roughness, seen[-1].terms

    usual, faithful, smooth = rest(), rest(content_weight=100), rest(tv_weight=100)
    assert faithful[0] < 0.5 * usual[0]
    assert smooth[1] < 0.5 * usual[1]
    assert smooth[2]["tv"] > 0
    assert rest(content_weight=0)[2]["content"] == 0
    assert rest(tones_weight=10)[2]["tones"] / 10 < 0.5 * usual[2]["tones"] / 0.1
    assert rest(style_weight=0, start="noise")[2]["style"] == 0


def test_other_encoder_weights(tmp_path):
    from safetensors.torch import load_file, save_file

    packaged = Path(encoders.__file__).with_name("pocket.safetensors")
    (tmp_path / "same.safetensors").write_bytes(packaged.read_bytes())
    assert same(paint(encoder_weights=tmp_path / "same.safetensors"), paint())
    save_file({name: values.flip(0).contiguous() for name, values in load_file(packaged).items()}, tmp_path / "own.safetensors")
    assert not same(paint(encoder_weights=tmp_path / "own.safetensors"), paint())
    assert "doesn't exist" in complaint(error=impasto.errors.EncoderError, encoder_weights=tmp_path / "none.safetensors")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_precision(precision):
    painted = paint(precision=precision)
    assert json.loads(painted.info["impasto"])["precision"] == precision


def test_sixteen_bits(tmp_path):
    painted = paint(bits=16, output=tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as saved:
        assert saved.size == painted.size
    assert (tmp_path / "out.png").read_bytes()[24] == 16  # the header's bit depth
    assert np.abs(np.asarray(picture.to_pil(picture.read(tmp_path / "out.png").picture), np.int16) - np.asarray(painted)).max() <= 1


def test_the_whole_pyramid_runs():
    """Without `steps`, the method's own are taken."""
    seen: list[Progress] = []
    impasto.stylize(CONTENT, STYLE, size=24, callback=seen.append)
    method = METHODS["impasto"]
    assert seen[-1].step == seen[-1].steps == sum(level.steps for level in levels((24, 18), method.steps, method.ratio))


def test_like_says_when_the_bytes_may_differ(tmp_path: Path) -> None:
    first = tmp_path / "first.png"
    impasto.stylize("chelsea", "waves", size=32, steps=1, output=first, precision="float32")
    opened = picture.read(first)
    picture.save(opened.picture, first, settings=picture.read_settings(first) | {"threads": 0})
    with pytest.warns(UserWarning, match="threads; the bytes may differ"):
        impasto.stylize("chelsea", "waves", like=first)


def test_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    impasto.stylize("chelsea", "waves", size=32, steps=1, start="noise")
    assert torch.equal(before, torch.get_rng_state())


# Methods


def losses(content=CONTENT, style=STYLE, **options):
    """What every step's terms were, by name."""
    seen: list[Progress] = []
    painted = paint(content, style, callback=seen.append, **options)
    return painted, [progress.terms for progress in seen]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_paints_with_pocket(method):
    needs = METHODS[method].sources
    content, style = (CONTENT if "content" in needs else None), (STYLE if "style" in needs else None)
    painted, terms = losses(content, style, method=method, encoder="pocket", steps=4)
    assert max(painted.size) == 48
    assert all(math.isfinite(value) for step in terms for value in step.values())
    assert set(terms[0]) == {term.name for term in METHODS[method].terms}
    assert np.asarray(painted).std() > 5


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.sources == {"content", "style"}])
def test_the_quick_way_lowers_the_loss(method):
    """Of every method's own losses, from the second level's start to its end."""
    seen: list[Progress] = []
    paint(method=method, encoder="pocket", fast=True, steps=30, start="noise", size=40, callback=seen.append)
    assert min(progress.total for progress in seen) < 0.5 * seen[0].total


@pytest.mark.parametrize("which", ["content", "style"])
def test_methods_say_which_picture_they_need(which):
    with pytest.raises(OptionError, match=f"impasto needs a {which}"):
        impasto.stylize(**{"content": CONTENT, "style": STYLE, which: None})


def test_textures_have_any_size(tmp_path):
    for size, expected in ((48, (36, 48)), ((64, 30), (64, 30))):
        painted = impasto.stylize(None, STYLE, method="texture2015", encoder="pocket", size=size, steps=2, output=tmp_path / "out.png")
        assert painted.size == expected
    again = impasto.stylize(None, STYLE, like=tmp_path / "out.png")
    assert same(again, painted)
    with pytest.raises(OptionError, match="texture2015, which has no content"):
        impasto.stylize(None, STYLE, method="texture2015", encoder="pocket", start="content")
    with pytest.raises(OptionError, match="64x30 is impossible for impasto"):
        paint(size=(64, 30))


def test_the_style_is_stretched_where_the_method_says_so():
    """As if the user had stretched it."""
    stretched = picture.to_pil(picture.resize(picture.read(STYLE).picture, (48, 36)))
    options = {"method": "tutorial", "encoder": "pocket"}
    difference = np.abs(np.asarray(paint(**options), np.int16) - np.asarray(paint(style=stretched, **options)))
    assert difference.mean() < 2  # the stretched one was rounded to 8 bits on the way
    smaller = picture.to_pil(picture.resize(picture.read(STYLE).picture, (15, 20)))
    assert np.abs(np.asarray(paint(style_size=20), np.int16) - np.asarray(paint(style=smaller, size=48))).mean() > 2


def test_blend():
    """Shares are relative; a style with none is as if it weren't there; one between two styles is between their losses."""
    other = noise(30, 30, seed=2)
    assert same(paint(style=[STYLE, other], blend=[3, 0]), paint())
    assert same(paint(style=[STYLE, other], blend=[1, 2]), paint(style=[STYLE, other], blend=[10, 20]))
    assert same(paint(style=(STYLE, other)), paint(style=[STYLE, other], blend=[1, 1]))
    assert same(paint(style=(STYLE, other)), paint(style=[STYLE, other], blend=[1e308, 1e308]))
    alone = [losses(style=style, steps=1, start="content")[1][0]["style"] for style in (STYLE, other)]
    between = losses(style=[STYLE, other], blend=[3, 7], steps=1, start="content")[1][0]["style"]
    assert between == pytest.approx(0.3 * alone[0] + 0.7 * alone[1], rel=1e-3)


@pytest.mark.parametrize("loss", STYLE_LOSSES)
def test_blend_of_every_style_loss(loss):
    other = noise(30, 30, seed=2)
    names = set(losses(style=[STYLE, other], blend=[3, 7], style_loss=loss)[1][0])
    assert names == {STYLE_LOSSES[loss].name, "content", "tones", "tv", "gamut"}


@pytest.mark.parametrize(("shares", "words"), [([1, 2, 3], "3 numbers for 2 styles"), ([1], "1 numbers for 2 styles")])
def test_blends_that_do_not_fit(shares, words):
    assert words in complaint(style=[STYLE, STYLE], blend=shares)


@pytest.mark.parametrize("shares", [[0, 0], [-1, 2], [math.nan, 1], ["a", 1], [True, 1]])
def test_impossible_blends(shares):
    assert "blend" in complaint(style=[STYLE, STYLE], blend=shares)


@pytest.mark.parametrize("loss", STYLE_LOSSES)
@pytest.mark.parametrize("method", ["impasto", *(pytest.param(each, marks=pytest.mark.slow) for each in ("gatys2016", "risser2017"))])
def test_an_exchanged_style_loss_has_the_same_say(method, loss):
    """On a grey canvas it is as large as the loss it replaces, whatever that loss's units."""
    grey = np.full((32, 40, 3), 128, np.uint8)
    options = {
        "method": method,
        "encoder": "pocket",
        "start": "content",
        "precision": "float32",
        "size": 128,
        "style_size": 128,
        "steps": 1,
    }
    own, other = (losses(grey, STYLE, **options, **exchanged)[1][0] for exchanged in ({}, {"style_loss": loss}))
    assert set(other) - {STYLE_LOSSES[loss].name} == {term.name for term in METHODS[method].terms if term.role != "style"}
    first = next(term for term in METHODS[method].terms if term.role == "style")
    every = sum(own[term.name] if term is first else 0 for term in METHODS[method].terms)
    weights = [term.weight for term in METHODS[method].terms if term.role == "style"]
    assert other[STYLE_LOSSES[loss].name] == pytest.approx(every * sum(weights) / weights[0], rel=0.2)


@pytest.mark.parametrize("loss", CONTENT_LOSSES)
def test_an_exchanged_content_loss_has_the_same_say(loss, tmp_path):
    """On a grey canvas, which has nothing of the content, it is as large as the loss it replaces."""
    picture.save(np.full((85, 128, 3), 0.5, np.float32), grey := tmp_path / "grey.png")
    options = {"start": grey, "precision": "float32", "size": 128, "style_size": 128, "steps": 1}
    own, other = (losses("chelsea", STYLE, **options, **exchanged)[1][0] for exchanged in ({}, {"content_loss": loss}))
    assert other[CONTENT_LOSSES[loss].name] == pytest.approx(own["content"], rel=0.2)
    assert set(other) - {CONTENT_LOSSES[loss].name} == set(own) - {"content"}


def test_methods_without_a_style_loss_have_none_to_exchange():
    with pytest.raises(OptionError, match="no style loss"):
        impasto.stylize(CONTENT, None, method="inversion2015", encoder="pocket", style_loss="mrf")


def test_trade_off():
    """α/β of the method's own weights; with another encoder, whose weights differ, relative to those."""

    def weights(**options):
        terms = asked(method="gatys2016", **options).terms
        return {term.name: term.weight for term in terms}

    assert weights(trade_off=8e-4) == pytest.approx({"content": 0.8, "style": 1e3})
    assert weights(encoder="pocket", trade_off=1e-3) == pytest.approx(weights(encoder="pocket"))
    assert weights(encoder="pocket", trade_off=1e-2)["content"] == pytest.approx(10 * weights(encoder="pocket")["content"])
    assert weights(trade_off=0.5, style_weight=10) == pytest.approx({"content": 5, "style": 10})
    with pytest.raises(OptionError, match="no content and style to trade off"):
        impasto.stylize(None, STYLE, method="texture2015", encoder="pocket", trade_off=1e-3)
    with pytest.raises(OptionError, match="nothing to paint"):
        impasto.stylize(CONTENT, STYLE, trade_off=1e-3, style_weight=0)
    assert weights(style_weight=10, content_weight=3) == pytest.approx({"content": 3, "style": 10})


@pytest.mark.parametrize("method", METHODS)
def test_efforts_multiply_the_steps(method):
    normal, draft, best = (asked(method=method, effort=effort) for effort in ("normal", "draft", "best"))
    assert normal == asked(method=method)
    assert sum(best.steps) + best.again == 3 * (sum(normal.steps) + normal.again)
    assert abs(sum(draft.steps) + draft.again - (sum(normal.steps) + normal.again) / 3) < len(normal.steps)
    assert min(draft.steps) >= 1


def test_the_default_is_quick_already():
    assert asked(method="impasto", fast=True) == asked(method="impasto")


def test_steps_or_an_effort():
    assert "steps and effort both say" in complaint(effort="best", steps=10)
    assert paint(effort="normal").size == paint().size


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("encoder", encoders.NAMES)
def test_methods_through_other_encoders(method, encoder):
    """A relative of the method's network is changed as the method says; weights for pocket are pocket's alone."""
    changed, own = asked(method=method, encoder=encoder), METHODS[method]
    related = encoder == own.encoder or {encoder, own.encoder} == {"vgg16", "vgg19"}
    assert changed.variant == (own.variant if related else encoders.Variant())
    elsewhere = own.elsewhere.terms if encoder == "pocket" else {}
    assert changed.terms == tuple(replace(term, **elsewhere.get(term.name, {})) for term in own.terms)
    by_the_user = asked(method=method, encoder=encoder, pooling="l2")
    assert by_the_user.variant.pooling == "l2"


def test_several_terms_share_a_weight():
    terms = {term.name: term.weight for term in asked(method="risser2017", style_weight=11.0).terms}
    own = {term.name: term.weight for term in METHODS["risser2017"].terms}
    assert terms["style"] + terms["histogram"] == pytest.approx(11)
    assert terms["style"] / terms["histogram"] == pytest.approx(own["style"] / own["histogram"])


def test_layers_of_ones_own():
    shallow, deep = (losses(content_layers=layers, steps=2)[1][-1]["content"] for layers in ("relu1_1", ["relu4_2"]))
    assert shallow != deep
    assert losses(style_layers=["relu1_1"], steps=1)[1][0]["style"] != losses(steps=1)[1][0]["style"]
    assert "unknown layer relu9_9" in complaint(style_layers=["relu1_1", "relu9_9"])
    assert "empty" in complaint(content_layers=[])


def test_settings_of_methods_are_kept(tmp_path):
    options = {"method": "gatys2016", "encoder": "pocket", "style_loss": "moments", "trade_off": 1e-2, "fast": True, "balance": "gradients"}
    first = paint(style=[STYLE, CONTENT], blend=[1, 3], content_layers="relu3_1", output=tmp_path / "one.png", **options)
    again = impasto.stylize(CONTENT, [STYLE, CONTENT], like=tmp_path / "one.png")
    assert same(first, again)
    assert options.items() <= picture.read_settings(tmp_path / "one.png").items()


@pytest.mark.parametrize(
    "variant", [{"pooling": "max"}, {"pooling": "l2"}, {"padding": "reflect"}, {"padding": "replicate"}, {"convention": "caffe"}]
)
def test_encoders_as_the_user_wants_them(variant):
    assert not same(paint(**variant), paint())


def test_own_encoders_without_a_network(tmp_path, monkeypatch):
    """One line that says which file to put where."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path))
    monkeypatch.setenv("IMPASTO_WEIGHTS_URL", "http://127.0.0.1:9/")
    message = complaint(EncoderError, method="gatys2016")
    assert "vgg19-dcbb9e9d.pth" in message
    assert str(tmp_path) in message


def test_a_mistyped_name_is_guessed():
    with pytest.raises(OptionError, match=r"did you mean starry\?.*or choose batik") as caught:
        packaged.style("starrry")
    assert "\n" not in str(caught.value)
    with pytest.raises(OptionError, match="that name; check the path"):
        packaged.photograph("zzz")


def test_a_folder_does_not_hide_a_packaged_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = paint(content="chelsea", style="starry")
    for name in ("chelsea", "starry"):
        (tmp_path / name).mkdir()
    assert same(paint(content="chelsea", style="starry"), expected)
