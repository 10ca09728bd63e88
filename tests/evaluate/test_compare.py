"""Comparing methods: each paints as it should, and neither a fault nor Ctrl-C loses what is painted."""

import numpy as np
import pytest
from PIL import Image

from impasto import encoders, examples, picture
from impasto.errors import Interrupted, OptionError, PictureError
from impasto.evaluate import compare
from impasto.evaluate.compare import _short
from impasto.methods import ALL, METHODS, NETWORKS, RENDERINGS

OPTIMISING = [name for name, method in METHODS.items() if method.sources == {"content", "style"}]
BY_HAND = [name for name, method in RENDERINGS.items() if method.sources | method.optional >= {"content", "style"}]
BOTH = [*OPTIMISING, "arbitrary", *BY_HAND]


def compared(methods=None, **options):
    return compare("chelsea", "starry", methods, **{"size": 240, **options})


def shows(sheet, picture):
    """Whether a picture of one colour is on a sheet."""
    return (np.asarray(sheet) == picture.getpixel((0, 0))).all(-1).sum() >= picture.width * picture.height


# What is asked for


def test_every_method_that_needs_both_pictures(asked):
    _, series = compared()
    assert [wish["method"] for wish in asked] == [painted.name for painted in series] == BOTH
    assert not {"texture2015", "inversion2015"} & set(BOTH)
    expected = {"content": "chelsea", "style": "starry", "size": 240}
    optimising = {**expected, "fast": True, "encoder": "pocket"}
    assert asked == [{**optimising, "method": name} for name in OPTIMISING] + [
        {**expected, "method": name} for name in ("arbitrary", *BY_HAND)
    ]
    assert BY_HAND == ["strokes", "analogy", "quilting"]


def test_a_network_is_asked_what_concerns_it(asked, drawn):
    compared(["arbitrary"], fast=False, encoder="vgg19", steps=7, seed=3, precision="float32", strength=0.5)
    assert asked == [
        {"content": "chelsea", "style": "starry", "method": "arbitrary", "size": 240, "seed": 3, "precision": "float32", "strength": 0.5}
    ]
    ((_, _, cell),), *_ = drawn[0]
    assert list(cell.lines) == ["after Mroueh 2020", "1.00 s, one pass", f"Good at {NETWORKS['arbitrary'].good_at}"]


def test_a_method_without_a_network_is_asked_what_concerns_it(asked, drawn):
    compared(["kuwahara", "efrosleung"], encoder="vgg19", steps=7, seed=3, brush=2.0)
    assert asked == [
        {"content": "chelsea", "style": None, "method": "kuwahara", "size": 240, "seed": 3, "brush": 2.0},
        {"content": None, "style": "starry", "method": "efrosleung", "size": 240, "seed": 3},
    ]
    _, _, cell, _ = drawn[0][0][0]
    assert list(cell.lines) == ["Kyprianidis, Kang & Döllner 2009", "1.0 s, no network", f"Good at {RENDERINGS['kuwahara'].good_at}"]


def test_methods_that_are_named(asked):
    _, series = compared(["tutorial", "impasto", "texture2015", "tutorial"], fast=False, encoder="own", steps=7, seed=3)
    assert [painted.name for painted in series] == ["tutorial", "impasto", "texture2015"]
    expected = {"content": "chelsea", "style": "starry", "size": 240, "fast": False, "steps": 7, "seed": 3}
    contents = {"texture2015": None}
    assert asked == [
        {**expected, "content": contents.get(name, "chelsea"), "method": name} for name in ("tutorial", "impasto", "texture2015")
    ]


def test_progress(asked):
    told = []
    compared(["tutorial", "impasto"], callback=lambda progress, turn: told.append((turn.name, turn.index, turn.count, progress.step)))
    assert told == [("tutorial", 0, 2, 1), ("tutorial", 0, 2, 2), ("impasto", 1, 2, 1), ("impasto", 1, 2, 2)]


# What is drawn


def test_what_came_of_it(asked, drawn):
    sheet, (painted,) = compared(["gatys2016"])
    assert (painted.steps, painted.seconds, painted.finished, painted.error) == (2, 1.0, True, None)
    assert painted.losses == {"content": 3.0, "style": 20000.0, "tv": 0.0}
    ((content, style, cell),), title, lines = drawn[0]
    assert (content.title, content.lines, style.title, style.lines) == ("Content", ("chelsea",), "Style", ("starry",))
    assert cell.picture is painted.picture
    assert cell.title == "gatys2016"
    assert list(cell.lines) == [
        "Gatys, Ecker & Bethge 2016",
        "1.0 s, 2 steps",
        "content 3, style 2e+04",
        "Good at separating what is painted from how, with one number to trade the one for the other",
    ]
    assert (title, lines) == ("Methods compared", ["our fast schedule, seen through pocket"])
    assert shows(sheet, painted.picture)


def test_originals(asked, drawn):
    photograph = Image.open(examples.path("chelsea"))
    array = np.random.default_rng(0).integers(0, 256, (50, 100, 3), np.uint8)
    for size, expected in ((240, ((240, 160), (240, 120))), (0, ((451, 300), (451, 226)))):
        compare(photograph, array, ["impasto"], size=size)
        content, style, *_ = drawn.pop()[0][0]
        assert (content.picture.size, style.picture.size) == expected
        assert not content.lines
        shown = picture.to_pil(picture.resize(picture.read(photograph).picture, expected[0]))
        assert content.picture.tobytes() == shown.tobytes()


@pytest.mark.parametrize(("count", "shape"), [(1, [3]), (2, [4]), (3, [3, 2]), (4, [3, 3]), (6, [4, 4]), (9, [4, 4, 3])])
def test_rows(asked, drawn, count, shape):
    compared(BOTH[:count])
    assert [len(row) for row in drawn[0][0]] == shape


def test_citations():
    """Each is its authors and year, and so fits a line or two."""
    short = {name: _short(method.citation) for name, method in ALL.items()}
    assert short["liwand2016"] == "Li & Wand 2016"
    assert short["impasto"] == "after Gatys, Ecker & Bethge 2016"
    assert short["tutorial"] == "Jacq 2017"
    assert short["fast"] == "after Johnson, Alahi & Fei-Fei 2016"
    assert short["arbitrary"] == "after Mroueh 2020"
    assert short["risser2017"] == "Risser, Wilmot & Barnes 2017"
    assert all(len(text) < 50 and text[-4:].isdigit() for text in short.values())


# What goes wrong


@pytest.mark.parametrize("methods", [["impasto", "nonesuch"], [""], []])
def test_unknown_methods(asked, methods):
    with pytest.raises(OptionError, match="gatys2016"):
        compared(methods)
    assert not asked


@pytest.mark.parametrize(("content", "style"), [("nonesuch", "starry"), ("chelsea", "nonesuch")])
def test_unknown_pictures(asked, content, style):
    with pytest.raises(OptionError, match="nonesuch"):
        compare(content, style)
    with pytest.raises(PictureError):
        compare(*(f"{name}.png" if name == "nonesuch" else name for name in (content, style)))
    assert not asked


@pytest.mark.parametrize("size", [-1, 1.5])
def test_impossible_sizes(asked, size):
    with pytest.raises(OptionError, match="size"):
        compared(size=size)
    assert not asked


def test_a_method_that_fails(asked, drawn):
    asked.fail["tutorial"] = "no weights; get some"
    _, series = compared(["impasto", "tutorial", "gatys2016"])
    assert [painted.picture is None for painted in series] == [False, True, False]
    assert str(series[1].error) == "no weights; get some"
    cell = drawn[0][0][1][0]
    assert (cell.picture, cell.title, cell.lines) == (None, "tutorial", ("no weights; get some",))


def test_all_methods_fail(asked):
    asked.fail |= {"impasto": "the first", "tutorial": "the second"}
    with pytest.raises(OptionError, match="the first"):
        compared(["impasto", "tutorial"])


def test_an_option_that_is_wrong_for_all():
    with pytest.raises(OptionError, match="unknown encoder"):
        compare("chelsea", "starry", encoder="nonesuch", size=40)


def test_a_bug_is_not_hidden(monkeypatch):
    def broken(**wish):
        raise RuntimeError("a bug")

    monkeypatch.setattr("impasto.evaluate.series.stylize", broken)
    with pytest.raises(RuntimeError):
        compared()


@pytest.mark.parametrize("before_a_step", [True, False])
def test_interrupt(asked, drawn, before_a_step):
    asked.stop, asked.before_a_step = 1, before_a_step
    with pytest.raises(Interrupted) as caught:
        compared(["tutorial", "impasto", "gatys2016"])
    assert len(asked) == 2
    _, _, *cells = [cell for row in drawn[0][0] for cell in row]
    assert [cell.title for cell in cells] == ["tutorial"] + ["impasto"] * (not before_a_step)
    assert all("stopped at step 2" in cell.lines for cell in cells[1:])
    assert "stopped at step 2" not in cells[0].lines
    assert caught.value.step == len(cells)
    assert caught.value.saved is None
    assert shows(caught.value.picture, cells[0].picture)


def test_interrupt_before_there_is_anything(asked, drawn):
    asked.stop, asked.before_a_step = 1, True
    asked.fail["tutorial"] = "no weights"
    with pytest.raises(KeyboardInterrupt) as caught:
        compared(["tutorial", "impasto"])
    assert not isinstance(caught.value, Interrupted)
    assert not drawn


# For real


@pytest.mark.slow
def test_all_methods_paint():
    told = []
    drawn, series = compare("chelsea", "starry", size=40, steps=3, callback=lambda progress, turn: told.append(turn.name))
    assert [painted.name for painted in series] == BOTH
    assert drawn.mode == "RGB"
    for painted in series:
        assert painted.error is None
        assert painted.picture.size == (40, 27)
        assert painted.steps == told.count(painted.name)
        assert painted.steps == {**dict.fromkeys(METHODS, 3), "arbitrary": 1}.get(painted.name, painted.steps)
        assert bool(painted.losses) == (painted.name in METHODS)
        assert painted.picture.info["impasto"]


def test_a_network_that_is_not_there(monkeypatch, tmp_path):
    """Whoever asks for each method's own network and is offline still sees what can be painted."""

    def refuse(name, progress):
        raise OptionError(f"{name} can't be fetched")

    monkeypatch.setattr(encoders, "fetch", refuse)
    _, series = compare("chelsea", "starry", ["gatys2016", "impasto"], encoder="own", size=40, steps=2)
    assert [painted.picture is None for painted in series] == [True, False]
    assert "vgg19" in str(series[0].error)
