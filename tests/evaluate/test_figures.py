"""The paper's figures: each asks for exactly the paintings it is about, and puts them where they belong."""

import numpy as np
import pytest

from impasto import picture, styles
from impasto.errors import Interrupted, OptionError
from impasto.evaluate import FIGURES, figure

STYLE = styles.path("starry")
COMMON = {"content": "chelsea", "style": "starry", "method": "gatys2016", "fast": True, "size": 240, "seed": 0, "encoder": "pocket"}
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
EXPECTED = {
    "reconstructions": [
        *(
            {"style_weight": 0.0, "content_layers": (layer,), "start": "noise"}
            for layer in ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")
        ),
        *({"content": STYLE, "content_weight": 0.0, "style_layers": STYLE_LAYERS[:count], "start": "noise"} for count in (1, 2, 3, 4, 5)),
    ],
    "tradeoff": [{"trade_off": 1e-4}, {"trade_off": 1e-3}, {"trade_off": 1e-2}, {"trade_off": 1e-1}],
    "layers": [{"content_layers": ("relu2_2",)}, {"content_layers": ("relu4_2",)}],
    "starts": [
        {"start": "content"},
        {"start": "noise", "seed": 0},
        {"start": "noise", "seed": 1},
        {"start": "style"},
        {"start": "noise", "seed": 2},
        {"start": "noise", "seed": 3},
    ],
}
TITLES = {
    "reconstructions": [
        ["Content", *(f"Content at relu{block}_2" for block in range(1, 6))],
        ["Style", *(f"Style up to relu{block}_1" for block in range(1, 6))],
    ],
    "tradeoff": [["Content", "alpha/beta 1e-4", "alpha/beta 1e-3"], ["Style", "alpha/beta 1e-2", "alpha/beta 1e-1"]],
    "layers": [["Content", "Content at relu2_2"], ["Style", "Content at relu4_2"]],
    "starts": [
        ["Content", "From the content", "From noise, seed 0", "From noise, seed 1"],
        ["Style", "From the style", "From noise, seed 2", "From noise, seed 3"],
    ],
}


def drawing(name, **options):
    return figure(name, "chelsea", "starry", **{"size": 240, **options})


@pytest.mark.parametrize("name", FIGURES)
def test_what_is_asked_for(asked, drawn, name):
    sheet = drawing(name)
    assert asked == [COMMON | wish for wish in EXPECTED[name]]
    rows, title, lines = drawn[0]
    assert [[cell.title for cell in row] for row in rows] == TITLES[name]
    assert title == FIGURES[name]
    assert lines == ["gatys2016, our fast schedule, seen through pocket"]
    # Each painting is where its title is: the stand-in paints in the colour of its number.
    painted = [cell.picture for row in rows for cell in row[1:]]
    assert [image.getpixel((0, 0))[0] for image in painted] == list(range(len(asked)))
    assert sheet.width > sum(cell.picture.width for cell in rows[0])


def test_options_reach_every_painting(asked, drawn):
    drawing("starts", method="tutorial", fast=False, encoder="own", seed=7, steps=9, device="cpu")
    expected = {"content": "chelsea", "style": "starry", "method": "tutorial", "fast": False, "size": 240, "steps": 9, "device": "cpu"}
    assert all(wish | expected == wish for wish in asked)
    assert not any("encoder" in wish for wish in asked)
    assert [wish["seed"] for wish in asked] == [7, 7, 8, 7, 9, 10]
    assert drawn[0][2] == ["tutorial, its own schedule, seen through vgg19"]


def test_progress(asked):
    told = []
    drawing("layers", callback=lambda progress, turn: told.append((turn.name, turn.index, turn.count, progress.step)))
    first, second = (("Content at relu2_2", 0, 2), ("Content at relu4_2", 1, 2))
    assert told == [(*first, 1), (*first, 2), (*second, 1), (*second, 2)]


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("nonesuch", {}, "unknown figure nonesuch"),
        ("layers", {"method": "nonesuch"}, "unknown method nonesuch"),
        ("layers", {"method": "texture2015"}, "texture2015 has no content"),
        ("reconstructions", {"method": "impasto"}, "own detail"),
        ("layers", {"size": -1}, "size"),
        ("starts", {"seed": -1}, "seed"),
    ],
)
def test_refusals(asked, name, options, reason):
    with pytest.raises(OptionError, match=reason):
        drawing(name, **options)
    assert not asked


def test_all_paintings_fail(asked):
    asked.fail["gatys2016"] = "no such layer"
    with pytest.raises(OptionError, match="no such layer"):
        drawing("layers")


@pytest.mark.parametrize("before_a_step", [True, False])
def test_interrupt(asked, drawn, before_a_step):
    asked.stop, asked.before_a_step = 2, before_a_step
    with pytest.raises(Interrupted) as caught:
        drawing("tradeoff")
    assert caught.value.step == (2 if before_a_step else 3)
    rows = drawn[0][0]
    assert [[cell.title for cell in row] for row in rows] == TITLES["tradeoff"]
    half, none = rows[1][1:]
    assert list(half.lines) == ["not painted" if before_a_step else "stopped at step 2"]
    assert (half.picture is None) == before_a_step
    assert (none.picture, none.lines) == (None, ("not painted",))


# For real


@pytest.mark.parametrize("name", FIGURES)
def test_figures_paint(drawn, name):
    drawing(name, size=40, steps=3)
    (content, *beside_content), (style, *beside_style) = drawn[0][0]
    assert all(cell.picture is not None and not cell.lines for cell in (*beside_content, *beside_style))
    assert {cell.picture.size for cell in beside_content} == {content.picture.size}
    like = style if name == "reconstructions" else content
    assert {cell.picture.size for cell in beside_style} == {like.picture.size}
    distinct = {cell.picture.tobytes() for cell in (*beside_content, *beside_style)}
    assert len(distinct) == len(EXPECTED[name])


@pytest.mark.slow
def test_shallow_layers_reconstruct_best(drawn):
    """What the figure is there to show: the deeper the layer, the less of the photograph is left."""
    drawing("reconstructions", size=48, steps=40)
    content, *reconstructions = drawn[0][0][0]
    target = picture.read(content.picture).picture
    errors = [float(np.square(picture.read(cell.picture).picture - target).mean()) for cell in reconstructions]
    assert errors[0] < errors[2] < errors[4]
