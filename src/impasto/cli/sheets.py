"""The commands beside ``stylize``: sheets of several paintings, textures, and pictures out of one layer's features."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from impasto.cli.progress import Bar
from impasto.errors import Interrupted, OptionError

if TYPE_CHECKING:
    from PIL.Image import Image

    from impasto.evaluate import Turn
    from impasto.family import Progress

_Command = TypeVar("_Command", bound=Callable[..., None])


def _options(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    """Several options as one decorator; the first is the first in the help."""

    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_painting = _options(
    click.option("--steps", type=int, help="Evaluations of the objective, for each painting."),
    click.option(
        "--encoder",
        default="pocket",
        show_default=True,
        help="The network that sees the pictures; `own` is the one the method was published with. All but pocket are downloaded "
        "on first use.",
    ),
    click.option("--seed", type=int, help="Of all randomness.  [default: 0]"),
    click.option("--device", metavar="auto|cpu|cuda|mps", help="Where to compute.  [default: auto]"),
    click.option("--precision", metavar="auto|float32|bfloat16", help="Of the encoder.  [default: the method's own]"),
    click.option("--quiet", is_flag=True, help="No progress bar."),
)
_full = click.option("--full", is_flag=True, help="Each method's own solver and schedule, in place of our quick one.")
_output = click.option("-o", "--output", required=True, metavar="OUT", help="The painting: .png, .jpg, .webp, .tif, .bmp, .avif or .heic.")
_single = _options(
    click.option("--fast", is_flag=True, default=None, help="Our quick solver and schedule in place of the method's own."),
    click.option("--solver", metavar="lbfgs|adam|sgd", help="How the canvas follows its gradient."),
    click.option("--encoder-weights", metavar="FILE", help="A file in place of the encoder's own weights."),
    click.option("--bits", type=int, help="Per channel: 8, or 16 for PNG and TIFF.  [default: 8]"),
    click.option("--preview", type=int, metavar="N", help="Write the canvas beside OUT every N steps."),
)


@click.command()
@click.argument("content")
@click.argument("style")
@click.option("-o", "--output", default="compare.png", show_default=True, metavar="OUT", help="The sheet, in any picture format.")
@click.option("--methods", metavar="NAME,NAME", help="Which, and in which order.  [default: all that need both pictures]")
@click.option("--size", type=int, default=384, show_default=True, help="Each painting's longest side in pixels; 0 is the content's own.")
@_full
@_painting
def compare(content: str, style: str, output: str, methods: str | None, full: bool, quiet: bool, **options: Any) -> None:
    """Paint CONTENT in the manner of STYLE by several methods, on one sheet.

    Below each painting are its time, its losses, and what the method's authors say it is good at. CONTENT and STYLE are
    picture files or names, as for `impasto stylize`.
    """

    def draw(**told: Any) -> "Image":
        from impasto.evaluate import compare as paint

        names = None if methods is None else [name.strip() for name in methods.split(",")]
        return paint(content, style, names, fast=not full, **told, **_given(options))[0]

    _sheet(draw, output, quiet)


@click.command()
@click.argument("name")
@click.argument("content")
@click.argument("style")
@click.option("-o", "--output", metavar="OUT", help="The sheet, in any picture format.  [default: figure-NAME.png]")
@click.option("--method", default="gatys2016", show_default=True, help="Whose losses to study.")
@click.option("--size", type=int, default=256, show_default=True, help="Each painting's longest side in pixels; 0 is the content's own.")
@_full
@_painting
def figure(name: str, content: str, style: str, output: str | None, full: bool, quiet: bool, **options: Any) -> None:
    """Draw a study of Gatys et al. 2016 of CONTENT and STYLE, on one sheet.

    NAME is `reconstructions`, what each layer knows of the content and of the style (the paper's figure 1); `tradeoff`,
    content weight over style weight from 1e-4 to 1e-1 (figure 4); `layers`, the content kept at a shallow and at a deep
    layer (figure 5); or `starts`, begun from the content, from the style and from four seeds of noise (figure 6). CONTENT and
    STYLE are picture files or names, as for `impasto stylize`.
    """

    def draw(**told: Any) -> "Image":
        from impasto.evaluate import figure as paint

        return paint(name, content, style, fast=not full, **told, **_given(options))

    _sheet(draw, output or f"figure-{name}.png", quiet)


def _sheet(draw: Callable[..., "Image"], output: str, quiet: bool) -> None:
    """Save what ``draw`` returns; it is given the callbacks of a progress bar."""
    from impasto import picture

    picture.check_target(output)
    with Bar(quiet) as bar:

        def show(progress: "Progress", turn: "Turn") -> None:
            bar.show(progress, f"{turn.index + 1}/{turn.count} {turn.name}")

        try:
            drawn = draw(callback=show, fetching=bar.fetching)
        except Interrupted as interrupted:
            bar.close()
            picture.save(picture.read(interrupted.picture).picture, output)
            click.echo(f"Stopped at painting {interrupted.step}; the sheet so far is in {output}", err=True)
            raise click.exceptions.Exit(130) from interrupted
    picture.save(picture.read(drawn).picture, output)
    click.echo(output)


def _size(context: click.Context, parameter: click.Parameter, value: str | None) -> int | tuple[int, int] | None:
    """A number, or two with an x between them."""
    if value is None:
        return None
    if not (sides := re.fullmatch(r"(\d+)(?:x(\d+))?", value)):
        raise click.BadParameter(f"'{value}' is neither a longest side, such as 512, nor a width and height, such as 640x480.")
    width, height = sides.groups()
    return int(width) if height is None else (int(width), int(height))


@click.command()
@click.argument("style")
@_output
@click.option("--size", callback=_size, help="Longest side in pixels, or width x height, such as 640x480.  [default: 512]")
@click.option("--method", default="texture2015", show_default=True, help="The algorithm, one that needs no content.")
@click.option("--style-size", type=int, help="The style picture's longest side in pixels; smaller is finer.  [default: the method's own]")
@click.option("--patch", type=int, help="Pixels a side of quilting's blocks and efrosleung's windows.")
@_single
@_painting
def texture(style: str, method: str, output: str, quiet: bool, **options: Any) -> None:
    """Paint more of STYLE: a new picture with its texture and no content.

    STYLE is a picture file or the name of a packaged style.
    """
    _paint(None, style, method, output, quiet, options)


@click.command()
@click.argument("picture")
@_output
@click.option("--layer", default="relu4_2", show_default=True, help="The layer whose features are all that is kept of the picture.")
@click.option("--size", type=int, help="Longest side in pixels; 0 is the picture's own.  [default: 512]")
@click.option("--method", default="inversion2015", show_default=True, help="The algorithm, one that needs no style.")
@click.option("--tv-weight", type=float, help="In place of the method's own; higher is smoother.")
@_single
@_painting
def invert(picture: str, layer: str, method: str, output: str, quiet: bool, **options: Any) -> None:
    """Paint what one layer of an encoder knows of PICTURE.

    PICTURE is a picture file or the name of an example photograph.
    """
    _paint(picture, None, method, output, quiet, {**options, "content_layers": (layer,)})


def _paint(content: str | None, style: str | None, method: str, output: str, quiet: bool, options: dict[str, Any]) -> None:
    """Paint from one picture, by a method that needs no other."""
    from impasto.methods import ALL, METHODS
    from impasto.painting import stylize

    source = "style" if content is None else "content"
    able = [name for name, known in ALL.items() if known.sources == {source} and (content is None or name in METHODS)]
    if method not in able:
        raise OptionError(f"{method} is no method that paints from a {source} alone; choose {' or '.join(able)}")
    if options["encoder"] == "own" or method not in METHODS:
        options = {**options, "encoder": None}
    with Bar(quiet) as bar:
        try:
            stylize(content, style, output=output, method=method, callback=bar.show, fetching=bar.fetching, **options)
        except Interrupted as interrupted:
            bar.close()
            click.echo(f"Stopped at step {interrupted.step}; the best canvas so far is in {interrupted.saved}", err=True)
            raise click.exceptions.Exit(130) from interrupted
    click.echo(output)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
