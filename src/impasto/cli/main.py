"""``impasto``: the commands."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto import __version__
from impasto.errors import ImpastoError, Interrupted
from impasto.examples import EXAMPLES
from impasto.styles import STYLES

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from impasto.optimise import Progress


class _Commands(click.Group):
    """A group that prints the errors a user can mend as one line, and exits with 2."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ImpastoError as error:
            raise click.exceptions.Exit(_complain(str(error))) from error
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "impasto"
            raise click.exceptions.Exit(_complain(f"{error.format_message()} Try `{command} --help`.")) from error


def _complain(message: str) -> int:
    click.echo(f"impasto: {' '.join(message.splitlines())}", err=True)
    return 2


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "--version", message="impasto %(version)s")
def main() -> None:
    """Paint one picture in the manner of another."""


@main.command()
@click.argument("content")
@click.argument("style")
@click.option("-o", "--output", required=True, metavar="OUT", help="The painting: .png, .jpg, .webp, .tif, .bmp, .avif or .heic.")
@click.option("--size", type=int, help="Longest side in pixels; 0 is the content's own.  [default: 512]")
@click.option("--method", help="The algorithm.  [default: impasto]")
@click.option("--style-weight", type=float, help="In place of the method's own.")
@click.option("--content-weight", type=float, help="In place of the method's own; higher keeps more of the photograph.")
@click.option("--tv-weight", type=float, help="In place of the method's own; higher is smoother.")
@click.option("--steps", type=int, help="Evaluations of the objective, over all levels.")
@click.option("--start", metavar="content|style|noise|FILE", help="What to begin from.")
@click.option("--solver", metavar="lbfgs|adam|sgd", help="How the canvas follows its gradient.")
@click.option("--encoder", help="The network that sees the pictures.")
@click.option("--encoder-weights", metavar="FILE", help="A safetensors file in place of the encoder's own weights.")
@click.option("--seed", type=int, help="Of all randomness.  [default: 0]")
@click.option("--device", metavar="auto|cpu|cuda|mps", help="Where to compute.  [default: auto]")
@click.option("--precision", metavar="auto|float32|bfloat16", help="Of the encoder.  [default: auto, what the device is fastest at]")
@click.option("--bits", type=int, help="Per channel: 8, or 16 for PNG and TIFF.  [default: 8]")
@click.option("--log", metavar="FILE.jsonl", help="Write losses here, a line of JSON every ten steps.")
@click.option("--preview", type=int, metavar="N", help="Write the canvas beside OUT every N steps.")
@click.option("--like", metavar="OUT.png", help="Use the settings a painting of ours carries, for all that isn't given here.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def stylize(content: str, style: str, output: str, quiet: bool, **options: Any) -> None:
    """Paint CONTENT in the manner of STYLE.

    CONTENT is a picture file or the name of an example photograph; STYLE is a picture file or the name of a packaged
    style (`impasto styles` shows them).
    """
    import warnings

    from impasto.painting import stylize as paint

    warnings.showwarning = lambda message, *_, **__: click.echo(f"impasto: {message}", err=True)
    with _Progress(quiet) as progress:
        try:
            paint(content, style, output=output, callback=progress.show, **options)
        except Interrupted as interrupted:
            progress.close()
            click.echo(f"Stopped at step {interrupted.step}; the best canvas so far is in {interrupted.saved}", err=True)
            raise click.exceptions.Exit(130) from interrupted
    click.echo(output)


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


class _Progress:
    """A bar that says level, step, losses and time left; silent when asked, or where stderr is no terminal."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet or not sys.stderr.isatty()
        self.bar: Bar | None = None
        self.task: TaskID | None = None

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def show(self, progress: "Progress") -> None:
        if self.quiet:
            return
        if self.bar is None:
            self._open(progress)
        assert self.bar is not None
        assert self.task is not None
        losses = " ".join(f"{name} {value:.3f}" for name, value in progress.terms.items())
        level = f"level {progress.level + 1}/{progress.levels}, {progress.size[0]} x {progress.size[1]}"
        self.bar.update(self.task, completed=progress.step, level=level, losses=losses)

    def _open(self, progress: "Progress") -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar
        from rich.table import Column

        # On a narrow terminal the losses give way first.
        self.bar = Bar(
            TextColumn("{task.fields[level]}", table_column=Column(no_wrap=True, min_width=24)),
            BarColumn(bar_width=10),
            MofNCompleteColumn(table_column=Column(no_wrap=True, min_width=7)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
            TextColumn("{task.fields[losses]}", table_column=Column(no_wrap=True)),
            console=Console(stderr=True),
        )
        self.task = self.bar.add_task("", total=progress.steps, level="", losses="")
        self.bar.start()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
