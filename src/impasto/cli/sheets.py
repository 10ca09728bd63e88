"""The commands beside ``stylize``: sheets of several paintings, textures, and pictures out of one layer's features."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from impasto.cli import complete
from impasto.cli.declared import INPUT, Own, Painting
from impasto.cli.outputs import Outcome, stem, unwritten
from impasto.cli.progress import Bar
from impasto.cli.shell import STOPPED, say
from impasto.cli.stylize import ended
from impasto.errors import Interrupted, OptionError
from impasto.options import DECLARED
from impasto.styles import STYLES

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


@click.command()
@click.argument("content", shell_complete=complete.photographs)
@click.argument("style", shell_complete=complete.styles)
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

    _sheet(draw, output, quiet, content, style)


@click.command()
@click.argument("name")
@click.argument("content", shell_complete=complete.photographs)
@click.argument("style", shell_complete=complete.styles)
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

    _sheet(draw, output or f"figure-{name}.png", quiet, content, style)


def _sheet(draw: Callable[..., "Image"], output: str, quiet: bool, *read: str) -> None:
    """Save what ``draw`` returns, over none of the pictures that are ``read``; it is given the callbacks of a progress bar."""
    from impasto import picture

    picture.check_target(output)
    picture.check_unread(output, read)
    with Bar(quiet) as bar:

        def show(progress: "Progress", turn: "Turn") -> None:
            bar.show(progress, f"{turn.index + 1}/{turn.count} {turn.name}")

        try:
            drawn = draw(callback=show, fetching=bar.fetching)
        except Interrupted as interrupted:
            bar.close()
            picture.save(picture.read(interrupted.picture).picture, output)
            say(f"Stopped at painting {interrupted.step}; the sheet so far is in {output}", error=True)
            raise click.exceptions.Exit(STOPPED) from interrupted
    picture.save(picture.read(drawn).picture, output)
    say(output)


_saved = _options(
    click.option(
        "-o",
        "--output",
        cls=Own,
        required=True,
        metavar="OUT",
        shell_complete=complete.files,
        help="The painting; its ending chooses the format.",
    ),
    click.option("--json", "as_json", cls=Own, is_flag=True, help="Print an object with the painting's settings, or with the error."),
    click.option("--quiet", cls=Own, is_flag=True, help="No progress bar."),
)
_seen: dict[str, Any] = {
    "default": "pocket",
    "choices": (*DECLARED["encoder"].choices, "own"),
    "help": "The network that sees the pictures; own is the one the method was published with. All but pocket are fetched once.",
}


@click.command(cls=Painting, method="texture2015", instead={"method": {"default": "texture2015"}, "encoder": _seen})
@click.argument("style", shell_complete=complete.styles)
@_saved
def texture(style: str, output: str, as_json: bool, quiet: bool, **options: Any) -> None:
    """Paint more of STYLE: a new picture with its texture and no content.

    STYLE is a picture file or the name of a packaged style. --size may be both sides, such as 640x480.
    """
    _paint("style", style, "texture2015", output, options, as_json=as_json, quiet=quiet)


@click.command(
    cls=Painting,
    method="inversion2015",
    instead={"method": {"default": "inversion2015"}, "encoder": _seen},
    without=("content_layers",),
)
@click.argument("picture", shell_complete=complete.photographs)
@_saved
@click.option(
    "--layer", cls=Own, group="optimisation", default="relu4_2", show_default=True, metavar="NAME",
    help="The layer whose features are all that is kept of the picture.",
)  # fmt: skip
def invert(picture: str, layer: str, output: str, as_json: bool, quiet: bool, **options: Any) -> None:
    """Paint what one layer of an encoder knows of PICTURE.

    PICTURE is a picture file or the name of an example photograph.
    """
    _paint("content", picture, "inversion2015", output, {**options, "content_layers": (layer,)}, as_json=as_json, quiet=quiet)


def _paint(source: str, place: str, usual: str, output: str, options: dict[str, Any], *, as_json: bool, quiet: bool) -> None:
    """Paint from one picture, a content or a style as ``source`` says, by a method that needs no other."""
    import json
    import time

    from impasto.methods import ALL, METHODS, uses
    from impasto.painting import stylize

    click.get_current_context().meta[INPUT] = place
    if options["like"] is None:
        options["method"] = options["method"] or usual
    method = options["method"]
    able = [name for name, known in ALL.items() if known.sources == {source} and (source == "style" or name in METHODS)]
    if method is not None and method not in able:
        raise OptionError(f"{method} is no method that paints from a {source} alone; choose {' or '.join(able)}")
    if options["encoder"] is None and method is not None and "encoder" in uses(method).options:
        options["encoder"] = "pocket"
    elif options["encoder"] == "own":
        options["encoder"] = None
    begun = time.perf_counter()

    def tell(image: "Image") -> None:
        Outcome(place, output, image.size, json.loads(image.info["impasto"]), time.perf_counter() - begun).tell(as_json=as_json)

    content, style = (place, None) if source == "content" else (None, place)
    with Bar(quiet) as bar:
        try:
            image = stylize(content, style, output=output, callback=bar.show, fetching=bar.fetching, **options)
        except Interrupted as interrupted:
            bar.close()
            if as_json:
                tell(interrupted.picture)
            raise ended(interrupted, output) from interrupted
    tell(image)


@click.command()
@click.argument("photo", shell_complete=complete.photographs)
@click.argument("styles", metavar="[STYLE...]", nargs=-1, shell_complete=complete.styles)
@click.option("-o", "--output", metavar="OUT", help="The sheet, in any picture format.  [default: PHOTO-sheet.png in this folder]")
@click.option("--size", type=int, default=320, show_default=True, help="Each painting's longest side in pixels; 0 is the photograph's own.")
@click.option(
    "--method",
    shell_complete=complete.of("method", DECLARED["method"]),
    help="Who paints.  [default: fast, and arbitrary where a STYLE isn't packaged]",
)
@click.option("--overwrite", is_flag=True, help="Replace a sheet that is there.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def sheet(photo: str, styles: tuple[str, ...], output: str | None, size: int, method: str | None, overwrite: bool, quiet: bool) -> None:
    """Paint PHOTO in every packaged style, or in each STYLE, on one sheet.

    PHOTO and STYLE are picture files or names, as for `impasto stylize`.
    """
    if output is None:
        output = f"{stem(photo)}-sheet.png"
        unwritten(output, overwrite=overwrite)

    def draw(callback: Any, fetching: Any) -> "Image":
        from impasto import packaged, picture
        from impasto.evaluate import Cell
        from impasto.evaluate import sheet as draw_sheet
        from impasto.evaluate.series import paint

        opened = picture.read(packaged.photograph(photo))
        named = method or ("fast" if set(styles) <= set(STYLES) else "arbitrary")
        common = {"content": opened, "size": size, "method": named, "fetching": fetching}
        painted, stopped = paint({name: {"style": place, **common} for name, place in _apart(styles or tuple(STYLES)).items()}, callback)
        for one in painted:
            if one.error:
                say(f"impasto: {one.name}: {one.error}", error=True)
        small = opened.resized(picture.fit(opened.size, size))
        cells = [Cell(picture.to_pil(small.picture, small.alpha), stem(photo)), *(one.cell() for one in painted)]
        columns = round(len(cells) ** 0.5)
        drawn = draw_sheet([cells[first : first + columns] for first in range(0, len(cells), columns)])
        if stopped:
            raise Interrupted(drawn, len(painted), None)
        return drawn

    _sheet(draw, output, quiet, photo, *styles)


def _apart(styles: Sequence[str]) -> dict[str, str]:
    """The ``styles`` by what a sheet calls them: without folder and ending, or in full where two would be called the same."""
    stems = [stem(style) for style in dict.fromkeys(styles)]
    return {style if stems.count(name) > 1 else name: style for style, name in zip(dict.fromkeys(styles), stems, strict=True)}


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
