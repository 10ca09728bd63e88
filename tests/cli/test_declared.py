"""Options come out of their declarations: into the help of the methods they concern, in groups, and to the library."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from impasto import methods, options
from impasto.cli import main
from impasto.cli.declared import described, parsed
from impasto.methods import ALL, uses
from impasto.options import DECLARED, EVERYWHERE, GROUPS, Choice, Flag, Names, Number, Path, Pictures, Shares, Side, Whole


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], terminal_width=200)


def flags(text):
    """The long options that a help text lists."""
    return set(re.findall(r"^  (?:-\w, )?--([\w-]+)", text.partition("\nPicture")[2], re.MULTILINE))


OWN = {"style", "output", "overwrite", "json", "quiet", "help", "workers"}


def test_all_options():
    said = run("stylize", "--help").stdout
    assert flags(said) == OWN | {name.replace("_", "-") for name in DECLARED}
    assert "(all methods):" in said
    assert "Methods that optimise:" in said  # whom it concerns, its title says
    assert "Methods without a network:" in said


@pytest.mark.parametrize("method", ALL)
def test_options_of_a_method(method):
    said = run("stylize", "--method", method, "--help").stdout
    assert flags(said) == OWN | {name.replace("_", "-") for name in uses(method).declared()}
    titles = [title for title in GROUPS.values() if f"\n{title}:\n" in said]
    shown = {option.group for option in uses(method).declared().values()}
    assert titles == [title for group, title in GROUPS.items() if group in shown | {"picture", "output", "machine"}]
    assert run("stylize", "--help", f"--method={method}").stdout == said


def test_defaults_of_a_method():
    said = run("stylize", "--method", "strokes", "--help").stdout
    assert "--preset oil|impressionist" in said
    assert "[default: oil]" in said
    assert "[default: 512 pixels]" in run("stylize", "--method", "arbitrary", "--help").stdout
    assert "unknown method nonesuch" in run("stylize", "--method", "nonesuch", "--help").stderr


def test_textures_and_inversions():
    said = run("texture", "--help").stdout
    assert "[default: texture2015]" in said
    assert "pocket|vgg19|vgg16|resnet50|own" in said
    assert {name.replace("_", "-") for name in uses("texture2015").declared()} <= flags(said)
    assert "--encoder " not in run("texture", "--method", "quilting", "--help").stdout
    assert "--patch " in run("texture", "--method", "quilting", "--help").stdout
    assert "--layer NAME" in run("invert", "--help").stdout
    assert "--content-layers" not in run("invert", "--help").stdout


def test_an_option_that_is_new(monkeypatch):
    """A declaration and a page that has a use for it are enough."""
    monkeypatch.setitem(options.DECLARED, "shine", Number("by hand", "How much paint shines.", 0.5, unit="suns", most=2))
    page = ALL["kuwahara"]
    monkeypatch.setitem(methods._pages, "kuwahara", replace(page, options={**page.options, "shine": 0.25}))
    main.commands["stylize"].__dict__.pop("declared", None)
    try:
        assert re.search(
            r"--shine NUMBER +How much paint shines\. +\[default: 0.25 suns\]", run("stylize", "--method", "kuwahara", "-h").stdout
        )
        assert "--shine" not in run("stylize", "--method", "strokes", "-h").stdout
        assert "shine 3.0 is impossible; give a number from 0 to 2" in run("chelsea", "--method", "kuwahara", "--shine", "3").stderr
        assert "shine means nothing to strokes" in run("chelsea", "--method", "strokes", "--shine", "1").stderr
    finally:
        main.commands["stylize"].__dict__.pop("declared", None)


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        (Whole("", ""), "12", 12),
        (Whole("", ""), "1.5", "1.5"),
        (Whole("", ""), "9" * 5000, "9" * 5000),
        (Number("", ""), "1e-3", 0.001),
        (Number("", ""), "x", "x"),
        (Side("", ""), "640x480", (640, 480)),
        (Side("", ""), "640", 640),
        (Side("", ""), "640x", "640x"),
        (Shares("", ""), "3, 7", (3.0, 7.0)),
        (Shares("", ""), "3 x", (3.0, "x")),
        (Names("", ""), "a, b", ("a", "b")),
        (Choice("", "", choices=(8, 16)), "16", 16),
        (Choice("", "", choices=("a", "b")), "c", "c"),
        (Path("", ""), "a.png", "a.png"),
        (Pictures("", "", count=2), ("a", "b"), ("a", "b")),
        (Flag("", ""), True, True),
    ],
)
def test_values(option, text, value):
    assert parsed(option, text) == value


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (Whole("", "Help.", 512, unit="pixels"), "Help.  [default: 512 pixels]"),
        (Number("", "Help.", 1.0), "Help.  [default: 1]"),
        (Number("", "Help."), "Help.  [default: the method's own]"),
        (Whole("", "Help.", unit="pixels"), "Help.  [pixels; default: the method's own]"),
        (Whole("", "Help.", unit="steps", otherwise=""), "Help."),
        (Path("", "Help.", otherwise=""), "Help."),
        (Flag("", "Help."), "Help."),
    ],
)
def test_help_of_an_option(option, said):
    assert described(option) == said


def test_options_as_json():
    listed = json.loads(run("options", "--json").stdout)
    assert listed == json.loads(json.dumps(options.schema([uses(name) for name in ALL])))


def test_options_listed():
    said = run("options").stdout
    assert all(f"{title}:" in said for title in GROUPS.values())
    assert all(re.search(rf"^  {name} ", said, re.MULTILINE) for name in DECLARED)
    assert set(EVERYWHERE) <= set(DECLARED)


def test_the_list_of_commands_imports_little():
    code = (
        "import sys\nfrom impasto.cli import main\ntry: main(['--help'])\n"
        "finally: print({'torch', 'numpy', 'PIL', 'rich'} & set(sys.modules), file=sys.stderr)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr == "set()\n"
