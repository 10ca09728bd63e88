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


EVERYTHING = [
    pytest.param(node, id=f"{name}:{qualified}") for file, name in zip(FILES, NAMES, strict=True) for qualified, node in public(file)
]
FUNCTIONS = [parameter for parameter in EVERYTHING if isinstance(parameter.values[0], ast.FunctionDef)]


def is_command(node: ast.FunctionDef) -> bool:
    """Whether a function is a command, whose docstring is its help text; its options explain themselves."""
    return any("command" in ast.unparse(decorator) or "group" in ast.unparse(decorator) for decorator in node.decorator_list)


def documented(node: ast.AST) -> str:
    return ast.get_docstring(node) or ""  # type: ignore[arg-type]


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_modules_have_docstrings(file: Path) -> None:
    assert documented(ast.parse(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("node", EVERYTHING)
def test_docstrings(node: ast.FunctionDef | ast.ClassDef) -> None:
    assert documented(node)


@pytest.mark.parametrize("node", FUNCTIONS)
def test_parameters_are_explained(node: ast.FunctionDef) -> None:
    """Under Args, or by name in the text; one that only does what a base class says may refer to it."""
    text = documented(node)
    if is_command(node) or text.startswith("See :meth:"):
        return
    parameters = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    for name in set(parameters) - {"self", "cls"}:
        assert re.search(rf"\b{name}\b", text), f"{node.name} doesn't explain {name}"


@pytest.mark.parametrize("node", FUNCTIONS)
def test_errors_are_announced(node: ast.FunctionDef) -> None:
    text = documented(node)
    if text.startswith("See :meth:"):
        return
    raised = {
        call.func.id
        for statement in ast.walk(node)
        if isinstance(statement, ast.Raise) and isinstance(call := statement.exc, ast.Call) and isinstance(call.func, ast.Name)
    }
    for name in raised & ERRORS:
        assert re.search(rf"Raises:\n(.*\n)*.*\b{name}\b", text), f"{node.name} doesn't announce {name}"


def test_the_rules_are_applied() -> None:
    """The walks above find what they are meant for."""
    names = {parameter.id for parameter in EVERYTHING}
    assert {"painting.py:stylize", "picture/reading.py:read", "losses/gram.py:Gram.target", "optimise/pyramid.py:levels"} <= names
    assert {"PictureError", "OptionError", "EncoderError", "OutputError"} <= ERRORS
