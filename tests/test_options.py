"""Options are declared once: what follows from a declaration, and that nothing else is needed."""

import inspect
import json
import math
import os
import shutil
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pytest

import impasto
from impasto import encoders, losses, optimise
from impasto.encoders import devices
from impasto.errors import OptionError
from impasto.methods import ALL, FAMILIES, METHODS, concerned, family, uses
from impasto.options import DECLARED, EACH, EVERYWHERE, GROUPS, Each, Kept, Options, complete, schema

SCHEMA = schema([uses(name) for name in ALL])


def completed(method="impasto", **options):
    return complete(options, uses(method), concerned)


@pytest.mark.parametrize("name", DECLARED)
def test_declarations_are_whole(name):
    option = DECLARED[name]
    assert option.group in GROUPS
    assert option.help[0].isupper() or option.help.startswith("κ")
    assert option.help.endswith(".")
    assert "\n" not in option.help
    assert concerned(name), "no method has a use for it"
    if option.default is not None:
        assert option.checked(name, option.default) == option.default


def test_names_are_those_of_the_rooms():
    """The choices that a declaration names are what the code below knows."""
    assert DECLARED["encoder"].choices == encoders.NAMES
    assert DECLARED["solver"].choices == tuple(optimise.SOLVERS)
    assert DECLARED["style_loss"].choices == tuple(losses.STYLE_LOSSES)
    assert DECLARED["content_loss"].choices == tuple(losses.CONTENT_LOSSES)
    assert DECLARED["device"].choices == devices.DEVICES
    assert set(DECLARED["precision"].choices) == {*devices.PRECISIONS, "auto"}
    for name, kind in (("pooling", encoders.Pooling), ("padding", encoders.Padding), ("convention", encoders.Convention)):
        assert DECLARED[name].choices == typing.get_args(kind)


def test_uses_are_declared():
    for name in ALL:
        its = uses(name)
        assert set(its.options) <= set(DECLARED)
        for option, default in its.options.items():
            if default is not None:
                assert its.declared()[option].checked(option, default) == default
        for option, choices in its.choices.items():
            assert its.declared()[option].choices == choices
    assert set(EVERYWHERE) <= set(DECLARED)
    assert sorted(name for one in FAMILIES for name in one.methods) == sorted(ALL)
    assert all(family(name).name == "optimisation" for name in METHODS)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *[(name, value) for name in ("size", "steps", "seed", "style_size") for value in (-1, 1.5, math.nan, "12", True, 2**63)],
        *[(name, value) for name in ("content_weight", "trade_off") for value in (-1, math.nan, math.inf, "1", True)],
        ("size", (0, 5)),
        ("size", (5, 5, 5)),
        ("solver", "nonesuch"),
        ("solver", 3),
        ("bits", 12),
        ("bits", True),
        ("quality", 101),
        ("fast", 1),
        ("encoder_weights", 3),
        ("style_layers", []),
        ("style_layers", 3),
        ("blend", [0, 0]),
        ("blend", ["a"]),
    ],
)
def test_impossible_values(option, value):
    with pytest.raises(OptionError, match=option.replace("_", "[_ ]")) as caught:
        completed(**{option: value})
    assert len(str(caught.value).splitlines()) == 1


def test_options_that_mean_nothing_to_the_method():
    with pytest.raises(OptionError, match="preset means nothing to impasto; leave it out, or choose strokes or regions or analogy"):
        completed(preset="oil")
    with pytest.raises(
        OptionError, match="steps means nothing to strokes; leave it out, or choose one that has it, such as impasto, with method"
    ):
        completed("strokes", steps=3)
    with pytest.raises(TypeError, match="no option nonesuch"):
        completed(nonesuch=3)


def test_defaults():
    """None is the same as leaving it out, and a method's own default goes before the declared one."""
    assert completed(size=None, seed=None) == completed()
    assert completed()["size"] == 512
    assert completed("efrosleung")["size"] == 192
    assert completed("strokes")["preset"] == "oil"
    assert completed("strokes")["steps"] is None
    assert not {"log", "focus", "like", "pair"} & set(completed())
    assert completed(log="x")["log"] == "x"


def test_numbers_of_numpy():
    """They are numbers, and kept as JSON knows them."""
    given = completed(size=np.int64(40), content_weight=np.float32(0.5), blend=[np.float64(1), np.int32(3)], trade_off=np.int16(2))
    assert json.loads(json.dumps(given))["size"] == 40
    assert [given[name] for name in ("content_weight", "blend", "trade_off")] == [0.5, (1.0, 3), 2]


def test_keywords():
    """What editors and type checkers see."""
    assert set(typing.get_type_hints(Options)) == set(DECLARED)
    assert set(typing.get_type_hints(Each)) == EACH
    for function, of in ((impasto.stylize, Options), (impasto.Painter.__init__, Kept), (impasto.Painter.__call__, Each)):
        catching = [one for one in inspect.signature(function).parameters.values() if one.kind is one.VAR_KEYWORD]
        assert [one.annotation for one in catching] == [typing.Unpack[of]]


# The JSON schema


def allowed(instance):
    """Whether an object suits the schema, as far as it goes: a reader of the keywords that ours has."""

    def suits(value, rule):
        if "enum" in rule and value not in rule["enum"]:
            return False
        if "const" in rule and value != rule["const"]:
            return False
        if "not" in rule and suits(value, rule["not"]):
            return False
        if "anyOf" in rule and not any(suits(value, one) for one in rule["anyOf"]):
            return False
        types = {"integer": int, "number": (int, float), "string": str, "boolean": bool, "array": list, "object": dict}
        if (kind := rule.get("type")) and (not isinstance(value, types[kind]) or (isinstance(value, bool) and kind != "boolean")):
            return False
        if isinstance(value, list):
            fits = rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", math.inf)
            return fits and all(suits(one, rule.get("items", {})) for one in value)
        if isinstance(value, dict):
            known = rule.get("properties", {})
            names = rule.get("propertyNames", {}).get("enum", value)
            return (
                set(rule.get("required", ())) <= set(value) <= set(names)
                and (rule.get("additionalProperties", True) or set(value) <= set(known))
                and all(suits(value[name], known[name]) for name in value if name in known)
                and all(suits(value, one["then"]) for one in rule.get("allOf", ()) if suits(value, one["if"]))
            )
        return not isinstance(value, int | float) or rule.get("minimum", -math.inf) <= value <= rule.get("maximum", math.inf)

    return suits(instance, SCHEMA)


@pytest.mark.parametrize(
    ("instance", "right"),
    [
        ({}, True),
        ({"size": 800, "seed": 3}, True),
        ({"size": [640, 400]}, True),
        ({"size": -1}, False),
        ({"nonesuch": 1}, False),
        ({"preset": "oil"}, False),
        ({"method": "strokes", "preset": "oil", "brush": 2.5}, True),
        ({"method": "strokes", "preset": "mosaic"}, False),
        ({"method": "regions", "preset": "mosaic"}, True),
        ({"method": "strokes", "steps": 3}, False),
        ({"method": "strokes", "brush": 11}, False),
        ({"solver": "adam", "style_layers": ["relu1_1"]}, True),
        ({"solver": "nonesuch"}, False),
        ({"method": "nonesuch"}, False),
        ({"method": "fast", "model": "mine.safetensors"}, True),
    ],
)
def test_schema_says_what_the_checks_say(instance, right):
    assert allowed(instance) == right
    try:
        completed(instance.get("method", "impasto"), **{name: value for name, value in instance.items() if name != "method"})
    except (OptionError, TypeError):
        assert not right
    else:
        assert right


@pytest.mark.parametrize("instance", [{"model": "mine.safetensors", "strength": 0.5}, {"like": "one.png", "preset": "oil"}])
def test_schema_leaves_open_what_a_file_says(instance):
    """Which method a model is for, or a painting was painted by."""
    assert allowed(instance)


def test_schema_has_every_declaration():
    properties = SCHEMA["properties"]
    assert list(properties) == list(DECLARED)
    for name, option in DECLARED.items():
        assert properties[name]["description"] == option.help
        assert properties[name]["group"] == option.group
        assert properties[name].get("default") == option.default
    assert properties["method"]["enum"] == list(ALL)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    strokes = next(one["then"] for one in SCHEMA["allOf"] if one["if"]["properties"]["method"]["const"] == "strokes")
    assert strokes["properties"]["preset"] == {"enum": list(uses("strokes").choices["preset"]), "default": "oil"}


# A new option


DECLARATION = """    toy: Annotated[int | None, Whole("look", "How much a toy toys.", unit="toys", least=1, most=9)]
    bits:"""
PAGE = '''"""A toy."""

from impasto.classic.rendering import Rendering

METHOD = Rendering(
    name="toy", citation="Nobody, Nowhere, 2026", good_at="toying", sources=frozenset({"content"}), options={"toy": 3}
)
'''
USE = """

def _toy(task: Task) -> Rendered:
    assert task.content is not None
    return Rendered(task.content * 0 + task.options["toy"] / 10)


RENDERERS["toy"] = _toy
"""
TYPES = """import impasto

impasto.stylize("x.png", toy=3)
impasto.Painter(toy=3)
impasto.stylize("x.png", toy="three")
"""


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    """A copy of the package with one option more: its declaration, and a method that uses it."""
    root = tmp_path_factory.mktemp("toys")
    source = Path(impasto.__file__).parent
    shutil.copytree(source, root / "impasto", ignore=shutil.ignore_patterns("__pycache__"))

    def change(file, old, new):
        text = (root / "impasto" / file).read_text(encoding="utf-8")
        assert old in text
        (root / "impasto" / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    change("options.py", "    bits:", DECLARATION)
    change("methods/__init__.py", 'methods=("strokes",', 'methods=("toy", "strokes",')
    (root / "impasto" / "methods" / "toy.py").write_text(PAGE, encoding="utf-8")
    with (root / "impasto" / "classic" / "painter.py").open("a", encoding="utf-8") as file:
        file.write(USE)
    return root


def run(toys, *arguments, code=None):
    command = [sys.executable, *(["-c", code] if code else ["-m", "impasto"]), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(toys), "COLUMNS": "100"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=toys, check=False)


def test_a_new_option_is_everywhere(toys):
    """One declaration and one use: the checks, the settings, the command line, its help, the schema, and the documentation."""
    np.save(toys / "content.npy", np.full((8, 8, 3), 200, np.uint8))
    code = (
        "import json, sys, numpy, impasto\nfrom impasto import picture\n"
        "painted = impasto.stylize(numpy.load('content.npy'), method='toy', toy=7, output='out.png')\n"
        "again = impasto.stylize(numpy.load('content.npy'), like='out.png')\n"
        "own = impasto.stylize(numpy.load('content.npy'), method='toy')\n"
        "errors = []\n"
        "for wrong in ({'method': 'toy', 'toy': 10}, {'method': 'kuwahara', 'toy': 1}):\n"
        "    try: impasto.stylize(numpy.load('content.npy'), **wrong)\n"
        "    except impasto.ImpastoError as error: errors.append(str(error))\n"
        "print(json.dumps([painted.getpixel((0, 0))[0], again.getpixel((0, 0))[0], own.getpixel((0, 0))[0], errors,"
        " picture.read_settings('out.png')['toy'], 'torch' in sys.modules]))"
    )
    shown = run(toys, code=code)
    assert shown.returncode == 0, shown.stderr
    painted, again, own, errors, kept, torch = json.loads(shown.stdout)
    assert (painted, again, own, kept) == (round(0.7 * 255), round(0.7 * 255), round(0.3 * 255), 7)
    assert errors[0] == "toy 10 is impossible; give a whole number from 1 to 9"
    assert errors[1].startswith("toy means nothing to kuwahara; leave it out, or choose toy")
    assert not torch


def test_a_new_option_at_the_command_line(toys):
    from PIL import Image

    Image.new("RGB", (8, 8)).save(toys / "photo.png")
    asked = run(toys, "stylize", "--method", "toy", "--help")
    assert "--toy" in asked.stdout
    assert "How much a toy toys." in asked.stdout
    assert "3 toys" in asked.stdout
    assert "--toy" not in run(toys, "stylize", "--method", "kuwahara", "--help").stdout
    painted = run(toys, "stylize", "photo.png", "--method", "toy", "--toy", "4", "-o", "painted.png")
    assert painted.returncode == 0, painted.stderr
    assert Image.open(toys / "painted.png").getpixel((0, 0)) == (102, 102, 102)
    refused = run(toys, "stylize", "photo.png", "--method", "toy", "--toy", "0", "-o", "painted.png")
    assert (refused.returncode, refused.stderr) == (2, "impasto: --toy 0 is impossible; give a whole number from 1 to 9\n")
    found = json.loads(run(toys, "options", "--json").stdout)["properties"]["toy"]
    assert found == {"type": "integer", "minimum": 1, "maximum": 9, "description": "How much a toy toys.", "group": "look", "unit": "toys"}


def test_a_new_option_in_the_documentation(toys):
    make = Path(__file__).parents[1] / "docs" / "make.py"
    shown = run(toys, code=f"import runpy; print(runpy.run_path({str(make)!r})['options_page']())")
    assert "| `toy` | `N` toys, 1 … 9 | the method's own (3: toy) | How much a toy toys. | `toy` |" in shown.stdout


@pytest.mark.slow
def test_a_new_option_is_typed(toys):
    (toys / "typed.py").write_text(TYPES, encoding="utf-8")
    checked = run(toys, "--follow-imports=silent", "typed.py", code="from mypy.__main__ import console_entry; console_entry()")
    assert "typed.py:5: error" in checked.stdout
    assert checked.stdout.count("error") == 2, checked.stdout  # the line, and the summary
