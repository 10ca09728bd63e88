"""Painting in one pass through `impasto.stylize`, and the painter behind it."""

import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image

import impasto
from impasto import encoders, picture
from impasto.encoders.tensors import resize, tensor
from impasto.errors import ImpastoError, ModelError, OptionError, PictureError
from impasto.feedforward import models
from impasto.feedforward.arbitrary import Style
from impasto.feedforward.decoder import Architecture as DecoderArchitecture
from impasto.feedforward.decoder import Decoder
from impasto.feedforward.fast import Architecture, Fast
from impasto.feedforward.onepass import OnePass
from impasto.feedforward.quilt import cut, framed
from impasto.feedforward.statistics import LAYERS, mixed, statistics

CPU = torch.device("cpu")


def noise(height, width, seed):
    small = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


CONTENT, STYLE, OTHER = noise(50, 70, 0), noise(60, 40, 1), noise(40, 40, 2)


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    torch.manual_seed(0)
    network = Fast(Architecture(("waves", "knife"), width=4, blocks=1)).eval()
    torch.nn.init.normal_(network.head[0].norm.scale)
    file = tmp_path_factory.mktemp("models") / "mine.safetensors"
    models.write(network, file, {})
    return file


@pytest.fixture(scope="module")
def painter():
    return OnePass(models.read(models.packaged("arbitrary")), CPU, torch.float32)


def paint(*styles, content=CONTENT, **options):
    painting = impasto.stylize(content, list(styles) or None, **{"size": 64, "device": "cpu", **options})
    return np.asarray(painting).astype(float) / 255


def complaint(*styles, error=OptionError, **options):
    with pytest.raises(error) as caught:
        paint(*styles, **options)
    assert isinstance(caught.value, ImpastoError)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def unit(values):
    return tensor(picture.read(values).picture)


# Any style


def test_arbitrary_paints_and_says_how():
    image = impasto.stylize(CONTENT, STYLE, method="arbitrary", size=64, device="cpu")
    settings = json.loads(image.info["impasto"])
    assert image.size == (64, 46)
    assert (settings["method"], settings["strength"], settings["style_size"]) == ("arbitrary", 1.0, 512)
    assert settings["model_sha256"] == models.read(models.packaged("arbitrary")).checksum
    assert len(settings["style_sha256"]) == 1


def test_it_is_the_network_on_the_style_s_statistics(painter):
    encoder = encoders.load("pocket", None, CPU, torch.float32).encoder
    style = unit(STYLE)  # as large as it is, which is less than the network asks for
    with torch.no_grad():
        known = Style(statistics(style, encoder), ((1.0, cut(framed(style))),))
        expected = painter.network(resize(unit(CONTENT), (64, 46)), known).clamp(0, 1)
    assert_allclose(paint(STYLE, method="arbitrary"), expected[0].movedim(0, 2), atol=0.5 / 255 + 1e-4)


def test_strength(painter):
    content = unit(CONTENT)
    shares = [(1.0, unit(STYLE))]
    assert torch.equal(painter.paint(content, shares, strength=0), content)
    whole, half = (painter.paint(content, shares, strength=strength) for strength in (1.0, 0.5))
    with torch.no_grad():
        style, own = painter.describe(unit(STYLE)), painter.describe(content).statistics
        between = Style(mixed([(0.5, style.statistics), (0.5, own)]), ((0.5, cut(framed(unit(STYLE)))),))
        assert_allclose(half, painter.network(content, between).clamp(0, 1), atol=1e-4)
    assert 0 < (half - content).abs().mean() < (whole - content).abs().mean()


def test_blends_lie_between(painter):
    content, one, two = unit(CONTENT), unit(STYLE), unit(OTHER)
    alone = painter.paint(content, [(1.0, one)])
    assert_allclose(painter.paint(content, [(1.0, one), (0.0, two)]), alone, atol=1e-4)
    assert_allclose(painter.paint(content, [(0.3, one), (0.7, one)]), alone, atol=1e-4)
    assert_allclose(
        paint(STYLE, OTHER, method="arbitrary", blend=[3, 7]), paint(OTHER, STYLE, method="arbitrary", blend=[7, 3]), atol=1.1 / 255
    )
    assert np.abs(paint(STYLE, OTHER, method="arbitrary", blend=[1, 9]) - paint(STYLE, method="arbitrary")).max() > 0.01


def test_style_size_changes_what_it_is_told():
    assert np.abs(paint(STYLE, method="arbitrary", style_size=24) - paint(STYLE, method="arbitrary")).max() > 0.01


def test_tiles_are_steps():
    told = []
    paint(STYLE, method="arbitrary", size=200, tile=96, callback=told.append, content=noise(200, 150, 3))
    assert [progress.step for progress in told] == list(range(1, told[-1].steps + 1))
    assert len(told) > 4
    assert {(progress.levels, progress.size) for progress in told} == {(1, (150, 200))}


def test_alpha_is_kept():
    alpha = np.full((50, 70, 1), 128, np.uint8)
    image = impasto.stylize(np.concatenate([CONTENT, alpha], 2), STYLE, method="arbitrary", size=64, device="cpu")
    assert image.mode == "RGBA"
    assert set(np.asarray(image)[:, :, 3].ravel()) == {128}


def test_optimisation_may_start_from_it(painter):
    begun = []
    paint(STYLE, start="arbitrary", steps=1, callback=begun.append)
    assert begun[0].size == (64, 46) or begun[0].levels > 1
    canvas = painter.paint(resize(unit(CONTENT), (64, 46)), [(1.0, resize(unit(STYLE), (43, 64)))])
    start = resize(canvas, begun[0].size)
    # The first step has moved it by little.
    seen = tensor(begun[0].canvas)
    assert (seen - start).abs().mean() < (seen - resize(unit(CONTENT), begun[0].size)).abs().mean()


def test_like_uses_the_same_settings(tmp_path):
    first, again = tmp_path / "first.png", tmp_path / "again.png"
    paint(STYLE, method="arbitrary", strength=0.4, output=first)
    impasto.stylize(CONTENT, STYLE, like=first, output=again)
    assert first.read_bytes() == again.read_bytes()


def test_like_an_optimised_painting_takes_over_what_it_can(tmp_path):
    paint(STYLE, steps=2, content_weight=0.3, size=40, output=tmp_path / "first.png")
    image = impasto.stylize(CONTENT, STYLE, like=tmp_path / "first.png", method="arbitrary")
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
def test_styles_smaller_than_the_network_s_reach(size):
    assert "too small" in complaint(noise(*size, 1), method="arbitrary", error=PictureError)


def test_styles_are_not_made_smaller_than_that():
    assert paint(noise(60, 40, 1), method="arbitrary", style_size=20).size


# A model of one's own


def test_a_model_says_which_method_it_is_for(fast):
    image = impasto.stylize(CONTENT, None, model=fast, size=64, device="cpu")
    assert json.loads(image.info["impasto"])["method"] == "fast"
    network = models.read(fast).network
    with torch.no_grad():
        expected = network(resize(unit(CONTENT), (64, 46))).clamp(0, 1)
    assert_allclose(np.asarray(image) / 255, expected[0].movedim(0, 2), atol=0.5 / 255 + 1e-4)


def test_its_styles_have_names(fast):
    first, second = paint("waves", model=fast), paint("knife", model=fast)
    assert_allclose(paint(model=fast), first)
    assert np.abs(first - second).max() > 0.01
    assert_allclose(paint("knife", "waves", model=fast, blend=[1, 0]), second)
    assert_allclose(paint(model=fast, blend=[0, 1]), second)


def test_strength_mixes_its_painting_with_the_content(fast):
    content = resize(unit(CONTENT), (64, 46))[0].movedim(0, 2).numpy()
    assert_allclose(paint(model=fast, strength=0), content, atol=0.51 / 255)
    assert_allclose(paint(model=fast, strength=0.25), 0.75 * content + 0.25 * paint(model=fast), atol=1.1 / 255)


def test_models_that_do_not_fit(fast, tmp_path):
    assert "no style nonesuch" in complaint("nonesuch", model=fast)
    assert "kind fast" in complaint(STYLE, model=fast, method="arbitrary", error=ModelError)
    assert "means nothing to impasto" in complaint(STYLE, model=fast, method="impasto")
    assert "impasto train fast" in complaint(method="fast")
    models.write(Decoder(DecoderArchitecture("pocket", ((4,), (4,), (4,), (4,), (4,)))), tmp_path / "decoder.safetensors", {})
    assert "kind decoder, and arbitrary or fast" in complaint(STYLE, model=tmp_path / "decoder.safetensors", error=ModelError)


def test_like_another_model_is_refused(fast, tmp_path):
    paint(model=fast, output=tmp_path / "first.png")
    torch.manual_seed(5)
    mine = tmp_path / "mine.safetensors"
    models.write(Fast(Architecture(("waves", "knife"), width=4, blocks=1)), mine, {})
    settings = picture.read_settings(tmp_path / "first.png")
    picture.save(picture.read(CONTENT).picture, tmp_path / "forged.png", settings={**settings, "model": str(mine)})
    with pytest.raises(OptionError, match="other weights"):
        impasto.stylize(CONTENT, None, like=tmp_path / "forged.png")


def test_every_layer_of_a_style_is_described(painter):
    assert set(painter.describe(unit(STYLE)).statistics) == {"colour", *LAYERS}
