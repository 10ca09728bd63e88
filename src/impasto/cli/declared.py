"""Options of commands out of their declarations, and help that shows them in groups.

Nothing here names an option: one that is declared in :mod:`impasto.options`, and that a method has a use for, is there.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import click

from impasto.cli import complete
from impasto.errors import OptionError
from impasto.options import DECLARED, GROUPS, Choice, Flag, Names, Number, Option, Pictures, Shares, Side, Whole

INPUT, JSON, METHOD = "impasto.input", "impasto.json", "impasto.method"  # what a context remembers


class Own(click.Option):
    """An option of a command's own, in one of the groups."""

    def __init__(self, *arguments: Any, group: str = "output", **settings: Any) -> None:
        """As :class:`click.Option`.

        Args:
            arguments: click's.
            group: one of :data:`impasto.options.GROUPS`.
            settings: click's.
        """
        self.group = group
        super().__init__(*arguments, **settings)


class Declared(Own):
    """A declared option."""

    def __init__(self, name: str, option: Option) -> None:
        """Make it.

        Args:
            name: the option's.
            option: its declaration.
        """
        self.option = option
        settings: dict[str, Any] = {"is_flag": True} if isinstance(option, Flag) else {"metavar": option.words, "type": str}
        if isinstance(option, Pictures) and option.count > 1:
            settings["nargs"] = option.count
        super().__init__(
            [f"--{name.replace('_', '-')}", name],
            group=option.group,
            default=None,
            callback=_checked,
            shell_complete=complete.of(name, option),
            help=described(option),
            **settings,
        )

    def record(self, option: Option) -> tuple[str, str]:
        """The line in the help of what is declared as ``option`` for some method."""
        words = "" if isinstance(option, Flag) else f" {option.words}"
        return f"{self.opts[0]}{words}", described(option)


class Painting(click.Command):
    """A command that paints: it has all options, and shows those that concern the method that is asked for."""

    def __init__(
        self,
        name: str | None,
        *,
        params: Sequence[click.Parameter],
        method: str | None = None,
        without: Collection[str] = (),
        instead: Mapping[str, Mapping[str, Any]] | None = None,
        **settings: Any,
    ) -> None:
        """As :class:`click.Command`.

        Args:
            name: click's.
            params: options of the command's own, which come first in their groups.
            method: whose options the help shows where none is named; None for all.
            without: names of options that it hasn't got.
            instead: what is declared otherwise, by the option's name.
            settings: click's.
        """
        self.method, self.without, self.instead = method, without, instead or {}
        super().__init__(name, params=list(params), **settings)

    def get_params(self, context: click.Context) -> list[click.Parameter]:
        """Its own parameters and the declared ones; ``context`` is click's."""
        *own, last = super().get_params(context)
        return [*own, *self.declared, last]  # the last is --help

    @cached_property
    def declared(self) -> list[Declared]:
        """The declared options, which take too long to make for a list of commands."""
        return [Declared(name, self._declared(name, option)) for name, option in DECLARED.items() if name not in self.without]

    def _declared(self, name: str, option: Option) -> Option:
        return replace(option, **self.instead[name]) if name in self.instead else option

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Read ``args`` into the ``context``, with as many numbers for ``--blend`` as follow it."""
        several = {parameter.opts[0] for parameter in self.declared if isinstance(parameter.option, Shares)}
        gathered: list[str] = []
        numbers = False  # whether the last of what is gathered is such an option's value, which further numbers belong to
        for before, argument in zip(("", *args), args, strict=False):
            if numbers and _is_number(argument):
                gathered[-1] += f" {argument}"
            else:
                gathered.append(argument)
                numbers = before in several
        # The help, and what is wrong with an option, come before the rest is read, and depend on these two.
        for place, argument in enumerate(gathered):
            option, _, value = argument.partition("=")
            if option == "--method":
                context.meta[METHOD] = value or "".join(gathered[place + 1 : place + 2])
            if option == "--json":
                context.meta[JSON] = True
        return super().parse_args(context, gathered)

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in their groups with the ``formatter``; ``context`` remembers which method is asked for."""
        from impasto.methods import uses

        method = context.meta.get(METHOD, self.method)
        shown = None if method is None else uses(method).declared()
        rows: dict[str, list[tuple[str, str]]] = {group: [] for group in GROUPS}
        concerned: dict[str, set[str]] = {group: set() for group in GROUPS}
        for parameter in self.get_params(context):
            if not isinstance(parameter, click.Option):
                continue
            group = getattr(parameter, "group", "output")  # of --help it is
            if not isinstance(parameter, Declared):
                row = parameter.get_help_record(context)
            elif shown is None:
                row = parameter.get_help_record(context)
                concerned[group] |= set(_concerned(parameter.name or ""))
            else:
                name = parameter.name or ""
                row = parameter.record(self._declared(name, shown[name])) if name in shown else None
            if row:
                rows[group].append(row)
        for group, title in GROUPS.items():
            if rows[group]:
                whom = _whom(group, concerned[group]) if shown is None else ""
                with formatter.section(f"{title} ({whom})" if whom else title):
                    formatter.write_dl(rows[group])


def described(option: Option) -> str:
    """The help of an ``option``, with its unit and its default."""
    if isinstance(option, Flag):
        return option.help
    if option.default is not None:
        default = option.default
        number = f"{default:g}" if isinstance(default, float) else str(default)
        return f"{option.help}  [default: {number}{option.unit and f' {option.unit}'}]"
    if not option.otherwise:
        return option.help
    return f"{option.help}  [{option.unit and f'{option.unit}; '}default: {option.otherwise}]"


def parsed(option: Option, text: Any) -> Any:
    """The value that a ``text`` stands for, as the ``option``'s declaration wants it; the text itself where it is none such."""
    if isinstance(option, Side) and (sides := re.fullmatch(r"(\d{1,30})x(\d{1,30})", text)):
        return tuple(map(int, sides.groups()))
    if isinstance(option, Side | Whole):
        return int(text) if re.fullmatch(r"[+-]?\d{1,30}", text) else text
    if isinstance(option, Number):
        return float(text) if _is_number(text) else text
    if isinstance(option, Shares):
        return tuple(float(part) if _is_number(part) else part for part in text.replace(",", " ").split())
    if isinstance(option, Names):
        return tuple(name.strip() for name in text.split(","))
    if isinstance(option, Choice):
        return next((choice for choice in option.choices if str(choice) == text), text)
    return text


def _checked(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """What is given for an option, as it is kept."""
    assert isinstance(parameter, Declared)
    if value is None or context.resilient_parsing:
        return value
    name, option = parameter.name or "", parameter.option
    try:
        # Of a choice the name is said, of all else the option.
        return option.checked(name if isinstance(option, Choice) else parameter.opts[0], parsed(option, value))
    except OptionError as error:
        if isinstance(option, Side):
            raise OptionError(f"{error}, or, where there is no photograph, a width and height, such as 640x480") from error
        raise


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _concerned(option: str) -> list[str]:
    from impasto.methods import concerned

    return concerned(option)


def _whom(group: str, methods: Collection[str]) -> str:
    """The ``methods`` that a ``group`` of options concerns, in words, where its title doesn't say it already."""
    from impasto.methods import ALL, FAMILIES

    if len(methods) == len(ALL):
        return "all methods"
    names: list[str] = []
    for family in FAMILIES:
        if family.name == group and set(methods) == set(family.methods):
            return ""
        theirs = [name for name in family.methods if name in methods]
        whole = len(theirs) == len(family.methods) and family.name != group
        names += [GROUPS[family.name].lower()] if whole else theirs
    return ", ".join(names)
