"""Painting in one pass through `impasto.stylize`, the painter behind it, and what computes its networks."""

import json
import os
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image
from small import any_style, few_styles, modules, sessions

import impasto
from impasto import picture
from impasto.encoders.tensors import resize, tensor
from impasto.errors import ImpastoError, ModelError, OptionError, PictureError
from impasto.feedforward import models, networks, onepass, painter
from impasto.feedforward.decoder import Architecture as DecoderArchitecture
from impasto.feedforward.decoder import Decoder
from impasto.feedforward.names import COLOUR, NOISE, SEEN, SHARES, SIGHT
from impasto.feedforward.onepass import AnyStyle, FewStyles
from impasto.feedforward.tiles import Span
from impasto.styles import STYLES

STEP = 1 / 255


def noise(height, width, seed):
    small = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


CONTENT, STYLE, OTHER = noise(50, 70, 0), noise(60, 40, 1), noise(40, 40, 2)


def unit(values):
    return picture.read(values).picture


@pytest.fixture(scope="module")
def arbitrary(tmp_path_factory):
    """A small network of chance for any style."""
    file = tmp_path_factory.mktemp("models") / "any.safetensors"
    networks.write(any_style(), file, {})
    return file


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    """One for two styles."""
    file = tmp_path_factory.mktemp("models") / "mine.safetensors"
    networks.write(few_styles(("waves", "knife")), file, {})
    return file


made_ready = cache(painter.made_ready)


@pytest.fixture(autouse=True)
def ready(monkeypatch):
    """Models are made ready once, which takes longer than painting such small pictures."""
    monkeypatch.setattr(painter, "made_ready", made_ready)


@pytest.fixture(scope="module")
def engine():
    return sessions(any_style())


def paint(*styles, content=CONTENT, **options):
    painting = impasto.stylize(content, list(styles) or None, **{"size": 64, "device": "cpu", **options})
    return np.asarray(painting).astype(float) / 255


def complaint(*styles, error=OptionError, **options):
    with pytest.raises(error) as caught:
        paint(*styles, **options)
    assert isinstance(caught.value, ImpastoError)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# Any style


def test_arbitrary_paints_and_says_how():
    image = impasto.stylize(CONTENT, STYLE, method="arbitrary", size=64, device="cpu")
    settings = json.loads(image.info["impasto"])
    assert image.size == (64, 46)
    assert (settings["method"], settings["strength"], settings["style_size"]) == ("arbitrary", 1.0, 512)
    assert settings["model_sha256"] == models.held(models.packaged("arbitrary")).checksum
    assert (settings["device"], settings["precision"]) == ("cpu", "float32")
    assert settings["versions"].keys() == {"impasto", "python", "numpy", "onnxruntime"}
    assert len(settings["style_sha256"]) == 1


def test_it_is_the_network_on_the_style_s_look(arbitrary, engine):
    content = picture.read(CONTENT).resized((64, 46)).picture
    expected = AnyStyle(engine, [(1.0, unit(STYLE))]).paint(content)  # a style as large as it is, which is less than the network asks for
    assert_allclose(paint(STYLE, model=arbitrary), expected, atol=0.51 * STEP)


def test_a_look_is_what_there_is_in_the_features(engine):
    """A style's pieces and moments, as the encoder sees it."""
    look = AnyStyle(engine, []).look(unit(STYLE))
    padded = np.pad(unit(STYLE), ((32, 36), (32, 32), (0, 0)), "edge").transpose(2, 0, 1)[None].copy()
    encoder = modules(any_style()).parts["look"].encoder
    features = {layer: x[0].double().numpy() for layer, x in encoder(torch.from_numpy(padded), SEEN).items()}
    features = {layer: x[:, margin:-margin, margin:-margin] for (layer, x), margin in zip(features.items(), (32, 16, 8, 4), strict=True)}
    for layer, x in {COLOUR: padded[0, :, 32:-32, 32:-32], **features}.items():
        mean, covariance = look.moments[layer]
        rows = x.reshape(len(x), -1)
        assert_allclose(mean[0], rows.mean(1), atol=1e-4)
        assert_allclose(covariance[0], np.cov(rows, bias=True), atol=1e-4 * rows.var())
    deep, middle = features["relu4_1"], features["relu3_1"]
    assert look.deep.shape == (1, 8 * 5, len(deep))
    for place, (row, column) in {0: (0, 0), 7: (1, 2), 39: (7, 4)}.items():
        assert_allclose(look.deep[0, place], deep[:, row, column], atol=1e-4)
        assert_allclose(look.detail[0, place], middle[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].reshape(-1), atol=1e-4)
    assert_allclose(np.exp(look.bias).sum(), 1, rtol=1e-5)


def test_pieces_of_a_large_style_are_spread_over_it(engine):
    look = AnyStyle(engine, []).look(unit(noise(400, 300, 3)))
    assert 500 < look.deep.shape[1] <= onepass.PIECES
    assert_allclose(look.deep[0].mean(0), look.moments["relu4_1"][0][0], atol=0.05 * np.abs(look.deep).max())


def test_strength(engine):
    content = unit(CONTENT)
    every = AnyStyle(engine, [(1.0, unit(STYLE))])
    assert_allclose(every.paint(content, strength=0), content, atol=0)
    whole, half, tenth = (every.paint(content, strength=strength) for strength in (1.0, 0.5, 0.1))
    between = AnyStyle(engine, [(0.5, unit(STYLE)), (0.5, content)])
    assert_allclose(half, between.paint(content), atol=STEP / 4)
    assert np.abs(every.paint(content, strength=1 - 1e-7) - whole).max() < STEP / 4
    own = AnyStyle(engine, [(1.0, content)]).paint(content)
    distances = [np.abs(painting - own).mean() for painting in (whole, half, tenth)]
    assert distances == sorted(distances, reverse=True)


def test_strength_0_is_the_content(arbitrary):
    content = picture.read(CONTENT).resized((64, 46)).picture
    assert_allclose(paint(STYLE, model=arbitrary, strength=0), content, atol=0.51 * STEP)


@pytest.mark.parametrize("content", [noise(4, 5, 0), np.full((40, 60, 3), 200, np.uint8)], ids=["tiny", "flat"])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_contents_with_little_in_them(arbitrary, content, strength):
    """Which may be less than a style needs, at less than all strength as well."""
    painted = paint(STYLE, model=arbitrary, content=content, strength=strength, size=0)
    assert painted.shape == content.shape
    assert np.isfinite(painted).all()


@pytest.mark.parametrize("style", ["starry", "mosaic"])
def test_a_content_of_one_colour_is_painted_the_same_all_over(style):
    """Of what the edges and the last bits leave in its features nothing is amplified."""
    flat = np.full((192, 256, 3), (30, 80, 200), np.uint8)
    painted = unit(impasto.stylize(flat, style, method="arbitrary", size=0))
    inside, whole = painted[64:-64, 64:-64].mean((0, 1)), painted.mean((0, 1))
    assert abs(inside - whole).max() < 0.05
    columns = painted.mean(0)
    assert abs(columns - inside).max() < 0.25


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(value, tmp_path):
    network = few_styles(("waves", "knife"))
    networks.write(network, file := tmp_path / "mine.safetensors", {})
    weights = {name: weight.detach().numpy().copy() for name, weight in network.state_dict().items()}
    next(iter(weights.values())).flat[0] = value
    models.store(file, "fast", models.held(file).architecture, weights, {})
    with pytest.raises(ModelError, match="damaged"):
        impasto.stylize(CONTENT, None, model=file, size=0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_paintings_that_are_no_numbers(value):
    def lost(part, given):
        return {"painting": np.full_like(given["picture"], value)}

    with pytest.raises(ModelError, match="no numbers"):
        FewStyles(lost, [1.0]).paint(unit(CONTENT))


def test_blends_lie_between(engine, arbitrary):
    content, one, two = unit(CONTENT), unit(STYLE), unit(OTHER)

    def blended(*styles):
        return AnyStyle(engine, styles).paint(content)

    alone, other = blended((1.0, one)), blended((1.0, two))
    assert np.abs(alone - other).max() > 0.05
    assert_allclose(blended((1.0, one), (0.0, two)), alone, atol=0)
    assert_allclose(blended((0.0, one), (1.0, two)), other, atol=0)
    assert_allclose(blended((0.3, one), (0.7, one)), alone, atol=STEP / 4)
    towards = [np.abs(blended((1 - share, one), (share, two)) - alone).mean() for share in (0.1, 0.5, 0.9)]
    assert towards == sorted(towards)
    assert_allclose(paint(STYLE, OTHER, model=arbitrary, blend=[3, 7]), paint(OTHER, STYLE, model=arbitrary, blend=[7, 3]), atol=1.1 * STEP)


def test_moments_of_a_blend_are_those_of_all_positions_together(engine):
    """Where either picture has its share of them."""
    every = AnyStyle(engine, [])
    one, two = (every.look(unit(noise(32, width, seed))) for seed, width in enumerate((32, 96)))
    told = onepass._told(one.moments, [(0.25, one), (0.75, two)])
    pixels = np.concatenate([unit(noise(32, width, seed)).reshape(-1, 3) for seed, width in enumerate((32, 96))]).astype(np.float64)
    assert_allclose(told["style.colour.mean"][0], pixels.mean(0), rtol=1e-5)
    assert_allclose(told["style.colour.covariance"][0], np.cov(pixels.T, bias=True), rtol=1e-4)
    assert_allclose(np.exp(told["bias"][0, :16]).sum(), 0.25, rtol=1e-4)
    assert_allclose(np.exp(told["bias"][0, 16:]).sum(), 0.75, rtol=1e-4)
    assert told["deep"].shape[1] == told["detail"].shape[1] == told["bias"].shape[1] == 4 * 4 + 4 * 12


def test_style_size_changes_what_it_is_told(arbitrary):
    assert np.abs(paint(STYLE, model=arbitrary, style_size=24) - paint(STYLE, model=arbitrary)).max() > 0.01


def test_seed_is_of_what_flat_regions_are_painted_from(arbitrary):
    first, again, other = (paint(STYLE, model=arbitrary, seed=seed) for seed in (0, 0, 1))
    assert_allclose(first, again, atol=0)
    assert np.abs(first - other).max() > STEP


def test_tiles_are_steps(arbitrary):
    told = []
    paint(STYLE, model=arbitrary, size=200, tile=96, callback=told.append, content=noise(200, 150, 3))
    assert [progress.step for progress in told] == list(range(1, told[-1].steps + 1))
    assert len(told) > 4
    assert {(progress.levels, progress.size) for progress in told} == {(1, (150, 200))}


def test_alpha_is_kept(arbitrary):
    alpha = np.full((50, 70, 1), 128, np.uint8)
    image = impasto.stylize(np.concatenate([CONTENT, alpha], 2), STYLE, model=arbitrary, size=64, device="cpu")
    assert image.mode == "RGBA"
    assert set(np.asarray(image)[:, :, 3].ravel()) == {128}


def test_optimisation_may_start_from_it(monkeypatch, arbitrary, engine):
    monkeypatch.setattr(models, "packaged", lambda _: arbitrary)
    monkeypatch.setattr(painter, "made_ready", made_ready.__wrapped__)
    begun = []
    paint(STYLE, start="arbitrary", steps=1, callback=begun.append)
    assert begun[0].size == (64, 46) or begun[0].levels > 1
    content, style = (picture.read(values).resized(size).picture for values, size in ((CONTENT, (64, 46)), (STYLE, (43, 64))))
    start = resize(tensor(AnyStyle(engine, [(1.0, style)]).paint(content)), begun[0].size)
    # The first step has moved it by little.
    seen = tensor(begun[0].canvas)
    assert (seen - start).abs().mean() < (seen - resize(tensor(content), begun[0].size)).abs().mean()


def test_like_uses_the_same_settings(arbitrary, tmp_path):
    first, again = tmp_path / "first.png", tmp_path / "again.png"
    paint(STYLE, model=arbitrary, strength=0.4, output=first)
    impasto.stylize(CONTENT, STYLE, like=first, output=again)
    assert first.read_bytes() == again.read_bytes()


def test_like_an_optimised_painting_takes_over_what_it_can(arbitrary, tmp_path):
    paint(STYLE, steps=2, content_weight=0.3, size=40, output=tmp_path / "first.png")
    with pytest.warns(UserWarning, match="other .*versions"):  # another library's
        image = impasto.stylize(CONTENT, STYLE, like=tmp_path / "first.png", model=arbitrary)
    assert max(image.size) == 40


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 3},
        {"content_weight": 1.0},
        {"start": "noise"},
        {"encoder": "pocket"},
        {"solver": "adam"},
        {"fast": True},
    ],
)
def test_what_means_nothing_to_it_is_refused(options):
    assert f"{next(iter(options))} means nothing to arbitrary" in complaint(STYLE, method="arbitrary", **options)


@pytest.mark.parametrize("options", [{"strength": 0.5}, {"tile": 512}])
def test_what_means_nothing_to_others_is_refused(options):
    assert f"{next(iter(options))} means nothing to impasto; leave it out, or choose arbitrary or fast" in complaint(STYLE, **options)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan"), "much"])
def test_impossible_strengths(strength):
    assert "strength" in complaint(STYLE, method="arbitrary", strength=strength)


def test_impossible_requests(tmp_path):
    assert "tile" in complaint(STYLE, method="arbitrary", tile=10)
    assert "needs a style" in complaint(method="arbitrary")
    assert "log means nothing" in complaint(STYLE, method="arbitrary", log=tmp_path / "log.jsonl")
    assert "preview means nothing" in complaint(STYLE, method="arbitrary", preview=1, output=tmp_path / "out.png")
    assert "blend has 2 numbers for 1" in complaint(STYLE, method="arbitrary", blend=[1, 2])
    assert "start arbitrary is impossible" in complaint(STYLE, method="texture2015", encoder="pocket", start="arbitrary", content=None)


@pytest.mark.parametrize("size", [(15, 60), (60, 15)])
def test_styles_that_are_too_small(arbitrary, size):
    assert "too small" in complaint(noise(*size, 1), model=arbitrary, error=PictureError)


def test_styles_are_not_made_smaller_than_that(arbitrary):
    assert paint(noise(60, 40, 1), model=arbitrary, style_size=20).size


@pytest.mark.parametrize("flat", ["black", "nearly", "transparent"])
def test_styles_with_nothing_in_them(arbitrary, flat):
    style = np.zeros((40, 50, 3), np.uint8)
    if flat == "nearly":
        style[:20] = 1
    elif flat == "transparent":
        style = np.concatenate([noise(40, 50, 1), np.zeros((40, 50, 1), np.uint8)], 2)
    assert "one colour" in complaint(style, model=arbitrary, error=PictureError)
    assert "one colour" in complaint(STYLE, style, model=arbitrary, error=PictureError)
    style[:8, :8, :3], style[:8, :8, 3:] = noise(8, 8, 2), 255
    assert np.isfinite(paint(style, model=arbitrary)).all()


# A model of one's own


def test_a_model_says_which_method_it_is_for(fast):
    image = impasto.stylize(CONTENT, None, model=fast, size=64, device="cpu")
    assert json.loads(image.info["impasto"])["method"] == "fast"
    padded = np.pad(picture.read(CONTENT).resized((64, 46)).picture, ((16, 18), (16, 16), (0, 0)), "edge")
    painted = few_styles(("waves", "knife"))(torch.from_numpy(padded.transpose(2, 0, 1)[None].copy()), torch.tensor([[1.0, 0.0]]))
    expected = painted[0, :, 16:-18, 16:-16].clamp(0, 1).permute(1, 2, 0)
    assert_allclose(np.asarray(image) / 255, expected, atol=0.5 * STEP + 1e-4)


def test_of_the_packaged_styles_one_is_named():
    assert "18 styles; name one of batik" in complaint(method="fast")
    assert "arbitrary for one of your own" in complaint("nonesuch", method="fast")
    assert paint(method="fast", blend=[1, 2]).size


def test_its_styles_have_names(fast):
    first, second = paint("waves", model=fast), paint("knife", model=fast)
    assert_allclose(paint(model=fast), first)
    assert np.abs(first - second).max() > 0.01
    assert_allclose(paint("knife", "waves", model=fast, blend=[1, 0]), second)
    assert_allclose(paint(model=fast, blend=[0, 1]), second)
    towards = [np.abs(paint("waves", "knife", model=fast, blend=[1 - share, share]) - first).mean() for share in (0.1, 0.5, 0.9)]
    assert towards == sorted(towards)


def test_the_packaged_one_paints_packaged_styles():
    first, second = paint("starry", method="fast"), paint("waves", method="fast")
    assert np.abs(first - second).max() > 0.05
    assert "no style nonesuch" in complaint("nonesuch", method="fast")
    assert all(name in complaint("nonesuch", method="fast") for name in STYLES)


def test_strength_mixes_its_painting_with_the_content(fast):
    content = picture.read(CONTENT).resized((64, 46)).picture
    assert_allclose(paint(model=fast, strength=0), content, atol=0.51 * STEP)
    assert_allclose(paint(model=fast, strength=0.25), 0.75 * content + 0.25 * paint(model=fast), atol=1.1 * STEP)


@pytest.mark.parametrize("size", [(50, 70), (1, 1), (33, 8), (61, 99)], ids=str)
def test_pictures_of_any_size(fast, size):
    """Sides that the network can't halve, and all less than it sees."""
    assert paint(model=fast, content=noise(*size, 0), size=0).shape == (*size, 3)


def test_models_that_do_not_fit(fast, tmp_path):
    assert "no style nonesuch" in complaint("nonesuch", model=fast)
    assert "kind fast" in complaint(STYLE, model=fast, method="arbitrary", error=ModelError)
    assert "means nothing to impasto" in complaint(STYLE, model=fast, method="impasto")
    networks.write(Decoder(DecoderArchitecture("pocket", ((4,), (4,), (4,), (4,), (4,)))), tmp_path / "decoder.safetensors", {})
    assert "kind decoder, and arbitrary or fast" in complaint(STYLE, model=tmp_path / "decoder.safetensors", error=ModelError)


def test_like_another_model_is_refused(fast, tmp_path):
    paint(model=fast, output=tmp_path / "first.png")
    mine = tmp_path / "mine.safetensors"
    networks.write(few_styles(("waves", "knife"), seed=5), mine, {})
    settings = picture.read_settings(tmp_path / "first.png")
    picture.save(picture.read(CONTENT).picture, tmp_path / "forged.png", settings={**settings, "model": str(mine)})
    with pytest.raises(OptionError, match="other weights"):
        impasto.stylize(CONTENT, None, like=tmp_path / "forged.png")


# What computes it


def test_onnx_and_torch_paint_any_style_the_same():
    """With the packaged weights."""
    network = networks.read(models.packaged("arbitrary")).network
    styles = [(0.6, unit(STYLE)), (0.4, unit(noise(150, 90, 4)))]
    ours, theirs = (AnyStyle(engine(network), styles) for engine in (sessions, modules))
    content = unit(noise(90, 130, 5))
    for options in ({}, {"strength": 0.5}, {"tile": 64}):
        assert np.abs(ours.paint(content, **options) - theirs.paint(content, **options)).max() < STEP


@pytest.mark.parametrize(("styles", "width"), [(("a",), 3), (("a", "b", "c"), 20)])
def test_onnx_and_torch_paint_a_few_styles_the_same(styles, width):
    """Of other numbers and widths than the packaged graph was traced with."""
    network, content = few_styles(styles, width), unit(noise(90, 130, 5))
    ours, theirs = (FewStyles(engine(network), [1 / len(styles)] * len(styles)) for engine in (sessions, modules))
    for tile in (1024, 64):
        assert np.abs(ours.paint(content, tile=tile) - theirs.paint(content, tile=tile)).max() < STEP


@pytest.mark.parametrize("network", [any_style(), few_styles(width=2)])
def test_both_take_and_give_the_same(network):
    """By the names and shapes of `docs/onnx.md`."""
    ours, theirs = sessions(network), modules(network)
    picture = np.random.default_rng(0).random((1, 3, 96, 112), np.float32)
    given = {"picture": picture, SHARES: np.array([[0.3, 0.7]], np.float32)}
    for part in ("look", "paint"):
        session = ours._begun(part).result()
        assert [one.name for one in session.get_inputs()] == list(theirs.parts[part].inputs)
        assert [one.name for one in session.get_outputs()] == list(theirs.parts[part].outputs)
        if part == "paint" and "relu3_1" in given:
            told = onepass._told(onepass._moments(given), [(1.0, AnyStyle(ours, []).look(unit(STYLE)))])
            given |= told | {"picture": picture[:, :, SIGHT:-SIGHT, SIGHT:-SIGHT].copy()}
            tile = ((0, 64, 0, 64), (0, 80, 0, 80))
            given |= {name: onepass._noise([Span(*span) for span in tile], step, 80, 0) for name, step in NOISE.items()}
        one, other = (engine(part, given) for engine in (ours, theirs))
        assert one.keys() == other.keys()
        for name, x in one.items():
            assert x.dtype == other[name].dtype == np.float32
            assert_allclose(x, other[name], atol=1e-3 * max(1, np.abs(x).max()))
        given |= one


def test_half_precision_is_torch_s(arbitrary, fast):
    for model, style in ((arbitrary, [STYLE]), (fast, ["waves"])):
        exact, rough = paint(*style, model=model), paint(*style, model=model, precision="bfloat16")
        assert 0 < np.abs(exact - rough).mean() < 2 * STEP


@pytest.mark.parametrize(("said", "expected"), [("1", 1), ("100000", None), ("many", None)])
def test_threads(monkeypatch, fast, said, expected):
    """As many as are asked for, and no more than there are processors."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr(painter, "made_ready", made_ready.__wrapped__)
    image = impasto.stylize(CONTENT, None, model=fast, size=32, device="cpu")
    assert json.loads(image.info["impasto"])["threads"] == (expected or available)


def test_what_runs_out_of_memory_is_said(monkeypatch, fast):
    from impasto.errors import SpaceError

    class Session:
        def get_inputs(self):
            return []

        get_outputs = get_inputs

        def run(self, *_):
            raise RuntimeError("Failed to allocate memory for requested buffer of size 1")

    monkeypatch.setattr(painter, "made_ready", made_ready.__wrapped__)
    monkeypatch.setattr("impasto.feedforward.sessions.Sessions._session", lambda *_: Session())
    assert "tile" in complaint(model=fast, error=SpaceError)


ALONE = """
import sys
import impasto
content, style, model, method, out = sys.argv[1:]
options = {"model": model} if model else {"method": method}
impasto.stylize(content, style or None, size=48, device="cpu", output=out, **options)
assert "onnxruntime" in sys.modules
assert not {"torch", "torchvision", "numba"} & sys.modules.keys(), sorted(sys.modules)
"""
COMMAND = """
import sys
from impasto.cli import main
content, style, model, method, out = sys.argv[1:]
try:
    by = ["--model", model] if model else ["--method", method]
    main([content, style, *by, "-o", out, "--size", "48", "--device", "cpu"])
except SystemExit as ended:
    assert not ended.code, ended.code
assert "onnxruntime" in sys.modules
assert not {"torch", "torchvision", "numba"} & sys.modules.keys(), sorted(sys.modules)
"""


@pytest.mark.parametrize(
    ("program", "kind", "packaged"),
    [(ALONE, "arbitrary", False), (ALONE, "fast", False), (COMMAND, "fast", False), (COMMAND, "arbitrary", True), (ALONE, "fast", True)],
    ids=["arbitrary", "fast", "fast from the shell", "packaged arbitrary from the shell", "packaged fast"],
)
def test_painting_in_one_pass_never_imports_torch(tmp_path, arbitrary, fast, program, kind, packaged):
    Image.fromarray(CONTENT).save(tmp_path / "content.png")
    Image.fromarray(STYLE).save(tmp_path / "style.png")
    style = str(tmp_path / "style.png") if kind == "arbitrary" else "waves"
    model = "" if packaged else str({"arbitrary": arbitrary, "fast": fast}[kind])
    arguments = [str(tmp_path / "content.png"), style, model, kind, str(tmp_path / "out.png")]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    with Image.open(tmp_path / "out.png") as painted:
        assert painted.size == (48, 34)


def test_a_gpu_is_torch_s(monkeypatch, fast, tmp_path):
    """Where there is a driver of NVIDIA's, torch is asked, which says whether there is a GPU."""
    monkeypatch.setattr(painter, "NVIDIA", (tmp_path,))
    assert isinstance(made_ready.__wrapped__("fast", fast, "auto", "auto").engine, type(modules(few_styles())))
    monkeypatch.setattr(painter, "NVIDIA", (tmp_path / "none",))
    assert isinstance(made_ready.__wrapped__("fast", fast, "auto", "auto").engine, type(sessions(few_styles())))
