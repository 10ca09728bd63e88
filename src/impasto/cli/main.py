"""``impasto``: the commands."""

from pathlib import Path
from typing import Any

import click

from impasto import __version__
from impasto.cli.evaluate import classify, evaluate
from impasto.cli.export import export
from impasto.cli.progress import Bar
from impasto.cli.reconstruct import reconstruct
from impasto.cli.sheets import compare, figure, invert, texture
from impasto.cli.train import train
from impasto.cli.weights import weights
from impasto.errors import ImpastoError, Interrupted
from impasto.examples import EXAMPLES
from impasto.styles import STYLES


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


class _Blending(click.Command):
    """A command whose ``--blend`` takes as many numbers as follow it."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        gathered: list[str] = []
        numbers = False  # whether the last of what is gathered is the option's value, which further numbers belong to
        for before, argument in zip(("", *args), args, strict=False):
            if numbers and _is_number(argument):
                gathered[-1] += f" {argument}"
            else:
                gathered.append(argument)
                numbers = before == "--blend"
        return super().parse_args(context, gathered)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    """Numbers with spaces or commas between them."""
    if value is None:
        return None
    parts = value.replace(",", " ").split()
    if not parts or not all(map(_is_number, parts)):
        raise click.BadParameter("give a number for each style, such as --blend 3 7.")
    return tuple(map(float, parts))


def _names(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Names with commas between them."""
    return None if value is None else tuple(name.strip() for name in value.split(","))


@main.command(cls=_Blending)
@click.argument("content")
@click.argument("style", nargs=-1)
@click.option(
    "-o", "--output", required=True, metavar="OUT", help="The painting: .png, .jpg, .webp, .tif, .bmp, .avif or .heic; .svg for strokes."
)
@click.option("--size", type=int, help="Longest side in pixels; 0 is the content's own.  [default: 512]")
@click.option("--method", help="The algorithm; `impasto methods` lists them.  [default: impasto]")
@click.option("--fast", is_flag=True, default=None, help="The method's losses with our own quick solver and schedule.")
@click.option("--blend", callback=_numbers, metavar="N N ...", help="The styles' shares, one for each.  [default: equal]")
@click.option("--style-weight", type=float, help="In place of the method's own.")
@click.option("--content-weight", type=float, help="In place of the method's own; higher keeps more of the photograph.")
@click.option("--tv-weight", type=float, help="In place of the method's own; higher is smoother.")
@click.option("--trade-off", type=float, metavar="RATIO", help="Content weight over style weight, in place of --content-weight.")
@click.option("--balance", metavar="gradients", help="Weigh the losses by the size of their gradients.")
@click.option("--style-loss", metavar="gram|moments|histogram|mrf", help="In place of the method's own, with the same say.")
@click.option("--content-layers", callback=_names, metavar="NAME,NAME", help="Where the content loss looks, such as relu3_1.")
@click.option("--style-layers", callback=_names, metavar="NAME,NAME", help="Where the style loss looks.")
@click.option("--style-size", type=int, help="The style picture's longest side; a smaller one has smaller strokes.")
@click.option("--steps", type=int, help="Evaluations of the objective, over all levels.")
@click.option("--start", metavar="content|style|noise|arbitrary|FILE", help="What to begin from.")
@click.option("--solver", metavar="lbfgs|torch-lbfgs|adam|sgd", help="How the canvas follows its gradient.")
@click.option("--encoder", help="The network that sees the pictures; all but pocket are downloaded on first use.")
@click.option("--encoder-weights", metavar="FILE", help="A file in place of the encoder's own weights.")
@click.option("--pooling", metavar="max|average|l2", help="Of the encoder.")
@click.option("--padding", metavar="zeros|reflect|replicate", help="Of the encoder.")
@click.option("--convention", metavar="torchvision|caffe|unit", help="What the encoder's weights expect of a picture.")
@click.option("--seed", type=int, help="Of all randomness.  [default: 0]")
@click.option("--device", metavar="auto|cpu|cuda|mps", help="Where to compute.  [default: auto]")
@click.option("--precision", metavar="auto|float32|bfloat16", help="Of the encoder; auto is what the device is fastest at.")
@click.option("--bits", type=int, help="Per channel: 8, or 16 for PNG and TIFF.  [default: 8]")
@click.option("--model", metavar="FILE", help="A model of yours to paint with in one pass; `impasto train` makes them.")
@click.option("--strength", type=float, help="Of a painting in one pass, from 0 to 1.  [default: 1]")
@click.option("--tile", type=int, help="Pixels a side of the tiles that one pass is painted in; fewer need less memory.  [default: 1024]")
@click.option("--preset", metavar="NAME", help="The manner of a method without a network; `impasto methods` lists them.")
@click.option("--brush", type=float, metavar="WIDTH", help="How wide brushes are, over the usual width.  [default: 1]")
@click.option("--detail", type=float, help="Of regions, from 0, a few, to 1, many.  [default: 0.6]")
@click.option("--focus", metavar="FILE", help="A picture of CONTENT's size: light where regions keep detail, dark where not.")
@click.option("--pair", nargs=2, metavar="A A2", help="For analogy, without a STYLE: a picture, and what it became.")
@click.option("--coherence", type=float, metavar="KAPPA", help="Of an analogy; higher copies longer runs.")
@click.option("--patch", type=int, help="Pixels a side of quilting's blocks and efrosleung's windows.")
@click.option("--timelapse", metavar="OUT.mp4|gif", help="Film the painting as it grows.")
@click.option("--log", metavar="FILE.jsonl", help="Write losses here, a line of JSON every ten steps.")
@click.option("--preview", type=int, metavar="N", help="Write the canvas beside OUT every N steps.")
@click.option("--like", metavar="OUT.png", help="Use the settings a painting of ours carries, for all that isn't given here.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def stylize(content: str, style: tuple[str, ...], output: str, quiet: bool, **options: Any) -> None:
    """Paint CONTENT in the manner of STYLE, or of several styles at once; some methods need no STYLE.

    CONTENT is a picture file or the name of an example photograph; STYLE is a picture file or the name of a packaged
    style (`impasto styles` shows them). With a model of your own, STYLE is the name of one that it was trained for.
    """
    import warnings

    from impasto.painting import stylize as paint

    warnings.showwarning = lambda message, *_, **__: click.echo(f"impasto: {message}", err=True)
    with Bar(quiet) as bar:
        try:
            paint(content, style or None, output=output, callback=bar.show, fetching=bar.fetching, **options)
        except Interrupted as interrupted:
            bar.close()
            click.echo(f"Stopped at step {interrupted.step}; the canvas so far is in {interrupted.saved}", err=True)
            raise click.exceptions.Exit(130) from interrupted
    click.echo(output)


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


for _command in (classify, compare, evaluate, export, figure, texture, invert, reconstruct, train, weights):
    main.add_command(_command)
