"""The house's rules: imports point one way, and whatever is public says what it does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import impasto
from impasto import errors

PACKAGE = Path(impasto.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [file.relative_to(PACKAGE).as_posix() for file in FILES]

# From the ground up: a room may use what is below it, never what is above or beside it.
FLOORS = (
    {"picture"},
    {"options", "packaged", "film", "family", "encoders"},
    {"losses", "sitting"},
    {"optimise", "feedforward", "classic"},
    {"methods"},
    {"plan"},
    {"painting"},
    {"evaluate"},
    {"cli", "web", "cluster"},
)
WITHOUT_NETWORKS = {"picture", "film", "options", "packaged", "family", "sitting", "classic", "methods", "plan", "painting"}
OPEN_TO_ALL = {"errors", "examples", "styles"}
ERRORS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.ImpastoError)}


def room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor(name: str) -> int:
    return next(height for height, rooms in enumerate(FLOORS) if name in rooms)


def imported(source: str, package: tuple[str, ...]) -> set[str]:
    """The rooms that a module of `package` imports, wherever in the module that is."""
    return {module.split(".")[1] for module in modules(source, package) if module.startswith("impasto.")} - {"__version__"}


def modules(source: str, package: tuple[str, ...]) -> set[str]:
    """All that it imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join((*package[: len(package) + 1 - node.level], *filter(None, [node.module]))) if node.level else node.module or ""
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_imports_point_one_way(file: Path) -> None:
    mine = room(file)
    if mine in ("__init__", "__main__"):  # the front doors
        return
    package = ("impasto", *file.relative_to(PACKAGE).parts[:-1])
    theirs = imported(file.read_text(encoding="utf-8"), package) - {mine}
    if mine in OPEN_TO_ALL:
        assert theirs <= OPEN_TO_ALL
        return
    for name in theirs - OPEN_TO_ALL:
        assert floor(name) < floor(mine), f"{mine} imports {name}"


@pytest.mark.parametrize("name", sorted(WITHOUT_NETWORKS))
def test_pictures_need_no_networks(name: str) -> None:
    """Not even for their types."""
    mine = [file for file in FILES if room(file) == name]
    assert mine
    for file in mine:
        packages = {module.split(".")[0] for module in modules(file.read_text(encoding="utf-8"), ("impasto", name))}
        assert not packages & {"torch", "onnxruntime"}


def test_imports_are_found() -> None:
    code = "import json, impasto.cli.main\nfrom impasto import losses, __version__\ndef f():\n    from impasto.painting import stylize"
    assert imported(code, ("impasto",)) == {"cli", "losses", "painting"}
    relative = "from ..methods import METHODS\nfrom . import term\nfrom .. import web"
    assert imported(relative, ("impasto", "losses")) == {"methods", "losses", "web"}


def public(file: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """Public functions, classes and methods of a module, by name."""

    def walk(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                yield f"{prefix}{node.name}", node
                if isinstance(node, ast.ClassDef):
                    yield from walk(node.body, f"{prefix}{node.name}.")

    yield from walk(ast.parse(file.read_text(encoding="utf-8")).body, "")


EVERYTHING = {name: list(public(file)) for file, name in zip(FILES, NAMES, strict=True)}
in_every_file = pytest.mark.parametrize("name", NAMES)


def functions(name: str) -> list[tuple[str, ast.FunctionDef]]:
    return [(qualified, node) for qualified, node in EVERYTHING[name] if isinstance(node, ast.FunctionDef)]


def is_command(node: ast.FunctionDef) -> bool:
    """Whether a function is a command, whose docstring is its help text; its options explain themselves."""
    return any("command" in ast.unparse(decorator) or "group" in ast.unparse(decorator) for decorator in node.decorator_list)


def documented(node: ast.AST) -> str:
    return ast.get_docstring(node) or ""  # type: ignore[arg-type]


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_modules_have_docstrings(file: Path) -> None:
    assert documented(ast.parse(file.read_text(encoding="utf-8")))


@in_every_file
def test_docstrings(name: str) -> None:
    assert [qualified for qualified, node in EVERYTHING[name] if not documented(node)] == []


@in_every_file
def test_parameters_are_explained(name: str) -> None:
    """Under Args, or by name in the text; one that only does what a base class says may refer to it."""
    for qualified, node in functions(name):
        text = documented(node)
        if is_command(node) or text.startswith("See :meth:"):
            continue
        parameters = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        unexplained = {each for each in {*parameters} - {"self", "cls"} if not re.search(rf"\b{each}\b", text)}
        assert not unexplained, f"{qualified} doesn't explain {unexplained}"


@in_every_file
def test_errors_are_announced(name: str) -> None:
    for qualified, node in functions(name):
        if documented(node).startswith("See :meth:"):
            continue
        raised = {
            call.func.id
            for statement in ast.walk(node)
            if isinstance(statement, ast.Raise) and isinstance(call := statement.exc, ast.Call) and isinstance(call.func, ast.Name)
        }
        unannounced = {each for each in raised & ERRORS if not re.search(rf"Raises:\n(.*\n)*.*\b{each}\b", documented(node))}
        assert not unannounced, f"{qualified} doesn't announce {unannounced}"


def test_the_rules_are_applied() -> None:
    """The walks above find what they are meant for."""
    names = {f"{name}:{qualified}" for name, found in EVERYTHING.items() for qualified, _ in found}
    assert {"painting.py:stylize", "picture/reading.py:read", "losses/gram.py:Gram.target", "optimise/pyramid.py:levels"} <= names
    assert {"PictureError", "OptionError", "EncoderError", "OutputError"} <= ERRORS
