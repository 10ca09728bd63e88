"""The documentation says what the code says."""

import importlib.util
import re
import shlex
from pathlib import Path

import click
import pytest
from PIL import Image

from impasto.cli import main
from impasto.evaluate.measures import MEASURES
from impasto.losses import TotalVariation
from impasto.methods import METHODS, NETWORKS, RENDERINGS

DOCS = Path(__file__).parents[1] / "docs"
TEXTS = sorted([*DOCS.glob("*.md"), *DOCS.glob("methods/*.md")])


@pytest.fixture(scope="module")
def make():
    spec = importlib.util.spec_from_file_location("make_docs", DOCS / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def understood(command: click.Command, verb: str, arguments: list[str]) -> dict[str, object]:
    """What the command line makes of a command; within the whole, since a command keeps the help option of its first context."""
    with click.Context(main, **main.context_settings) as whole, command.make_context(verb, arguments, whole) as context:
        return context.params


def test_pages_are_fresh(make) -> None:
    """They are what `python docs/make.py` writes."""
    pages = make.pages()
    assert {DOCS / file for file in pages} == {*DOCS.glob("methods/*.md"), DOCS / "options.md"}
    for file, text in pages.items():
        assert (DOCS / file).read_text(encoding="utf-8") == text, f"{file} is stale; run python docs/make.py"


@pytest.mark.parametrize("name", METHODS)
def test_method_has_page_and_picture(name: str) -> None:
    assert (DOCS / "methods" / f"{name}.md").exists()
    with Image.open(DOCS / "methods" / f"{name}.jpg") as picture:
        assert max(picture.size) == 384


@pytest.mark.parametrize("name", METHODS)
def test_page_carries_the_method(name: str) -> None:
    """What a reader comes for is there: who published it, every weight and layer, and what it costs."""
    method, text = METHODS[name], (DOCS / "methods" / f"{name}.md").read_text(encoding="utf-8")
    assert method.citation in text
    for term in method.terms:
        assert (term.formula in text) == (term.weight != 0)
        assert all(f"`{layer}`" in text for layer in term.layers)
    assert "share of the roofline" in text


@pytest.mark.parametrize("name", METHODS)
def test_command_is_one(name: str) -> None:
    """The command that paints the example is one that the command line understands."""
    block = re.search(r"```sh\n(.+)\n```", (DOCS / "methods" / f"{name}.md").read_text(encoding="utf-8"))
    assert block
    program, verb, *arguments = shlex.split(block[1])
    assert program == "impasto"
    assert understood(main.commands[verb], verb, arguments)["method"] == name


@pytest.mark.parametrize("name", NETWORKS)
def test_commands_of_networks(name: str) -> None:
    text = (DOCS / "methods" / f"{name}.md").read_text(encoding="utf-8")
    assert NETWORKS[name].citation in text
    with Image.open(DOCS / "methods" / f"{name}.jpg") as picture:
        assert picture.width > 600
    block = re.search(r"```sh\n(.+?)\n```", text, re.DOTALL)
    assert block
    for line in block[1].splitlines():
        _, *arguments = shlex.split(line)
        verb = arguments.pop(0) if arguments[0] in main.commands else "stylize"
        command = main.commands[verb]
        if verb == "train":
            command, arguments = command.commands[arguments[0]], arguments[1:]
        given = understood(command, verb, arguments)
        assert verb == "train" or given["method"] == name or given["model"]


@pytest.mark.parametrize("name", RENDERINGS)
def test_pages_of_renderings(name: str) -> None:
    """Each has its gallery, its citation, and commands that the command line understands."""
    method, text = RENDERINGS[name], (DOCS / "methods" / f"{name}.md").read_text(encoding="utf-8")
    assert method.citation in text
    assert all(f"`{preset}`" in text for preset in method.presets)
    with Image.open(DOCS / "methods" / f"{name}.jpg") as picture:
        assert picture.width > 600
    block = re.search(r"```sh\n(.+?)\n```", text, re.DOTALL)
    assert block
    asked = []
    for line in block[1].splitlines():
        _, verb, *arguments = shlex.split(line)
        asked.append(understood(main.commands[verb], verb, arguments)["method"])
    assert name in asked


@pytest.mark.parametrize(("text", "count"), [("transfer", 6), ("evaluation", 5)])
def test_commands_of_guides(text: str, count: int) -> None:
    """The command line understands them."""
    blocks = re.findall(r"```sh\n(.+?)\n```", (DOCS / f"{text}.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    assert len(lines) == count
    for _, verb, *arguments in lines:
        command = main.commands[verb]
        if verb == "train":
            command, arguments = command.commands[arguments[0]], arguments[1:]
        assert understood(command, verb, arguments)


def test_guide_has_every_measure() -> None:
    text = (DOCS / "evaluation.md").read_text(encoding="utf-8")
    assert all(f"| {measure.title} |" in text for measure in MEASURES.values())


@pytest.mark.parametrize("text", TEXTS, ids=[str(text.relative_to(DOCS)) for text in TEXTS])
def test_links_lead_somewhere(text: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", text.read_text(encoding="utf-8")):
        if not re.match(r"\w+:", link):
            assert (text.parent / link.partition("#")[0]).exists(), link


def test_pictures_stay_small() -> None:
    assert sum(file.stat().st_size for file in [*DOCS.glob("methods/*.jpg"), DOCS / "photorealism.jpg"]) < 5_500_000


@pytest.mark.parametrize(
    ("weight", "expected"), [(1.0, ""), (1e17, r"10^{17} \cdot "), (2.5e-8, r"2.5 \cdot 10^{-8} \cdot "), (20.0, r"20 \cdot ")]
)
def test_weights_in_formulas(make, weight: float, expected: str) -> None:
    term = TotalVariation(weight=weight)
    method = make.METHODS["impasto"]
    written = make.formula(type(method)(**{**vars(method), "terms": (term,)}))
    assert rf"={{}}& {expected}{term.formula}" in written
