"""What a shell offers where somebody presses TAB: names that come with Impasto, and files."""

import os
from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from impasto.examples import EXAMPLES
from impasto.options import Choice, Option, Path, Pictures
from impasto.styles import STYLES

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def photographs(context: click.Context, parameter: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """Example photographs and files that begin with what is ``incomplete``; ``context`` and ``parameter`` are click's."""
    return _offered(EXAMPLES, incomplete, files=True)


def styles(context: click.Context, parameter: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """Packaged styles and files; ``context``, ``parameter`` and ``incomplete`` are as for :func:`photographs`."""
    return _offered(STYLES, incomplete, files=True)


def pictures(context: click.Context, parameter: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """A photograph first, and styles after it; ``context``, ``parameter`` and ``incomplete`` are as for :func:`photographs`."""
    first = not (parameter is not None and parameter.name and context.params.get(parameter.name))
    return (photographs if first else styles)(context, parameter, incomplete)


def files(context: click.Context, parameter: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """Files; ``context``, ``parameter`` and ``incomplete`` are as for :func:`photographs`."""
    return [CompletionItem(incomplete, type="file")]


def of(name: str, option: Option) -> Completion:
    """What completes the value of the ``option`` called ``name``."""

    def complete(context: click.Context, parameter: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
        if isinstance(option, Choice):
            return _offered(_choices(name, option, context.params.get("method")), incomplete, files=False)
        if isinstance(option, Path):
            return _offered(option.choices, incomplete, files=True)
        return photographs(context, parameter, incomplete) if isinstance(option, Pictures) else []

    return complete


def _choices(name: str, option: Choice, method: str | None) -> Iterable[Any]:
    """What there is to choose from, if need be out of all methods."""
    from impasto.methods import ALL, uses

    if name == "method":
        return ALL
    if option.choices:
        return option.choices
    return dict.fromkeys(choice for one in ([method] if method and method in ALL else ALL) for choice in uses(one).choices.get(name, ()))


def _offered(names: Iterable[Any], incomplete: str, *, files: bool) -> list[CompletionItem]:
    """The names that begin so, and the files.

    Shells look for files themselves, but only where there is nothing else to offer, so that beside names they have to be listed.
    """
    known = [str(name) for name in names if str(name).startswith(incomplete)]
    if not files:
        return [CompletionItem(name) for name in known]
    if not known:
        return [CompletionItem(incomplete, type="file")]
    hidden = incomplete.startswith(".")
    with os.scandir() as entries:
        beside = [entry for entry in entries if entry.name.startswith(incomplete) and entry.name.startswith(".") == hidden]
        found = sorted(f"{entry.name}{'/' if entry.is_dir() else ''}" for entry in beside)
    return [CompletionItem(name) for name in [*known, *found]]
