"""``impasto``: the commands."""

import warnings
from glob import has_magic
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from impasto import __version__
from impasto.cli import complete
from impasto.cli.declared import INPUT, JSON, described
from impasto.cli.evaluate import classify, evaluate
from impasto.cli.export import export
from impasto.cli.outputs import PIPE, Outcome
from impasto.cli.reconstruct import reconstruct
from impasto.cli.sheets import compare, figure, invert, sheet, texture
from impasto.cli.shell import STOPPED, say, secure, signals, warn
from impasto.cli.stylize import stylize
from impasto.cli.train import train
from impasto.cli.weights import weights
from impasto.errors import ImpastoError
from impasto.examples import EXAMPLES
from impasto.options import DECLARED, GROUPS
from impasto.styles import STYLES

PAINTS = "stylize"
"""The command that is meant where none is named."""


class _Commands(click.Group):
    """A group that paints where no command is named, prints the errors a user can mend as one line, and exits with 2."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        ours = {name for parameter in self.get_params(context) for name in parameter.opts}
        begins = args[0].partition("=")[0] if args else ""
        return super().parse_args(context, [PAINTS, *args] if begins.startswith("-") and begins not in ours else args)

    def resolve_command(self, context: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in self.commands:
            return super().resolve_command(context, args)
        if not (context.resilient_parsing or _is_picture(args[0])):
            raise click.UsageError(_mistyped(args[0], [*self.commands, *EXAMPLES]), context)
        return PAINTS, self.commands[PAINTS], args

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        if incomplete.startswith("-"):
            return [*super().shell_complete(context, incomplete), *self.commands[PAINTS].shell_complete(context, incomplete)]
        return [*super().shell_complete(context, incomplete), *complete.photographs(context, None, incomplete)]

    def invoke(self, context: click.Context) -> Any:
        secure()
        warnings.showwarning = warn
        with signals() as ending:
            try:
                return super().invoke(context)
            except ImpastoError as error:
                raise _complaint(str(error), context) from error
            except click.UsageError as error:
                command = error.ctx.command_path if error.ctx else "impasto"
                raise _complaint(f"{error.format_message()} Try `{command} --help`.", context) from error
            except KeyboardInterrupt as error:
                say("Stopped before there was anything to keep", error=True)
                raise click.exceptions.Exit(ending.code) from error
            except click.exceptions.Exit as done:
                raise click.exceptions.Exit(ending.code if done.exit_code == STOPPED else done.exit_code) from done


def _complaint(message: str, context: click.Context) -> click.exceptions.Exit:
    Outcome(context.meta.get(INPUT), "", error=" ".join(message.splitlines())).tell(as_json=JSON in context.meta)
    return click.exceptions.Exit(2)


def _is_picture(place: str) -> bool:
    """Whether a ``place`` may be meant for one, be it there or not."""
    path = Path(place)
    try:
        return place in (PIPE, *EXAMPLES) or bool(path.suffix) or path.name != place or has_magic(place) or path.exists()
    except (OSError, ValueError):  # no name that a file can have
        return True


def _mistyped(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, 2)
    meant = f"; did you mean {' or '.join(close)}?" if close else ";"
    return f"There is no command {name} and no photograph of that name{meant} Name a command, or PHOTO STYLE to paint."


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "--version", message="impasto %(version)s")
def main() -> None:
    """Paint one picture in the manner of another: `impasto PHOTO STYLE` is `impasto stylize PHOTO STYLE`."""


@main.command()
def methods() -> None:
    """List the methods, who published them and what they are good at."""
    from rich.console import Console

    from impasto.methods import ALL

    console = Console(highlight=False)
    for method in ALL.values():
        console.print(f"[bold]{method.name}[/bold]  {method.citation}", soft_wrap=True)
        console.print(f"    {method.good_at}", soft_wrap=True)
        if presets := method.choices.get("preset"):
            console.print(f"    presets: {', '.join(presets)}", soft_wrap=True)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON schema.")
def options(as_json: bool) -> None:
    """List the options of a painting, which the library and the command line share."""
    import json

    from impasto.methods import ALL, uses
    from impasto.options import schema

    if as_json:
        click.echo(json.dumps(schema([uses(name) for name in ALL]), indent=1))
        return
    formatter = click.get_current_context().make_formatter()
    for group, title in GROUPS.items():
        with formatter.section(title):
            formatter.write_dl(
                [(f"{name}  {option.words}", described(option)) for name, option in DECLARED.items() if option.group == group]
            )
    click.echo(formatter.getvalue().strip())


@main.command()
@click.option("--sheet", metavar="OUT.png", help="Write a contact sheet of all styles to this picture.")
def styles(sheet: str | None) -> None:
    """List the packaged styles, and show them where the terminal has colours."""
    from rich.console import Console

    from impasto.cli.show import contact_sheet, thumbnail
    from impasto.styles import path

    console = Console(highlight=False)
    if sheet is not None:
        contact_sheet({name: path(name) for name in STYLES}, Path(sheet))
        click.echo(sheet)
        return
    for name, description in STYLES.items():
        console.print(f"[bold]{name}[/bold]  {description}", soft_wrap=True)
        if console.is_terminal and console.color_system == "truecolor":
            console.print(thumbnail(path(name), columns=min(48, console.width)))
    console.print(f"\nExample photographs: {', '.join(EXAMPLES)}", soft_wrap=True)


for _command in (classify, compare, evaluate, export, figure, invert, reconstruct, sheet, stylize, texture, train, weights):
    main.add_command(_command)
