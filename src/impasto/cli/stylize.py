"""``impasto stylize``, which is also what ``impasto PHOTO STYLE`` means."""

import os
import sys
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from impasto.cli import complete
from impasto.cli.declared import INPUT, Own, Painting
from impasto.cli.outputs import PIPE, Outcome, named, unwritten
from impasto.cli.photographs import several
from impasto.cli.progress import Bar
from impasto.cli.shell import STOPPED, pipe, piped, say, terminal
from impasto.errors import Interrupted, OptionError, PictureError
from impasto.options import EACH, Each, Kept

if TYPE_CHECKING:
    from impasto.picture import Opened
    from impasto.plan import Plan

SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))  # at its end they make a name a folder's


@click.command(cls=Painting)
@click.argument("pictures", metavar="PHOTO... [STYLE]", nargs=-1, required=True, shell_complete=complete.pictures)
@click.option(
    "--style", "styles", cls=Own, group="picture", multiple=True, metavar="STYLE", shell_complete=complete.styles,
    help="In place of the last argument, for many photographs; again for each of several styles.",
)  # fmt: skip
@click.option(
    "-o", "--output", cls=Own, metavar="OUT", shell_complete=complete.files,
    help="The painting, or the folder it goes to; - is standard output.  [default: PHOTO-STYLE.png in this folder]",
)  # fmt: skip
@click.option("--overwrite", cls=Own, is_flag=True, help="Replace paintings that are there.")
@click.option("--json", "as_json", cls=Own, is_flag=True, help="Print an object for each painting, with its settings, and for each error.")
@click.option("--quiet", cls=Own, is_flag=True, help="No progress bar.")
@click.option(
    "--workers", cls=Own, group="machine", type=click.IntRange(1), default=1, metavar="N",
    help="Processes that share the cores, for many photographs.  [default: 1]",
)  # fmt: skip
def stylize(
    pictures: tuple[str, ...],
    styles: tuple[str, ...],
    output: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    workers: int,
    **options: Any,
) -> None:
    """Paint PHOTO in the manner of STYLE; some methods need no STYLE.

    PHOTO is a picture file or the name of an example photograph, STYLE a picture file or the name of a packaged style
    (`impasto styles` shows them), or of one that a model of yours was trained for; - is standard input.

    Many photographs are painted with --style STYLE: PHOTO may then be files, folders with all in them, and patterns in
    quotes. What is painted already is skipped when the same command runs again. With --blend, several styles may follow one PHOTO.

    With --method NAME this help shows what concerns that method.
    """
    from impasto.plan import Plan

    given = {name: value for name, value in options.items() if value is not None}
    kept = cast(Kept, {name: value for name, value in given.items() if name not in EACH})
    each = cast(Each, {name: value for name, value in given.items() if name in EACH})
    plan = Plan.of(kept)
    photographs, manner = divided(pictures, styles, plan)
    _piped([*photographs, *manner], output, as_json=as_json)
    if len(photographs) > 1 or several(photographs[0]):
        from impasto.cli.many import paint

        with Bar(quiet) as bar:
            paint(photographs, manner, plan, kept, each, folder=output, overwrite=overwrite, workers=workers, as_json=as_json, bar=bar)
        return
    _paint(photographs[0], manner, plan, {**kept, **each}, output=output, overwrite=overwrite, as_json=as_json, quiet=quiet)


def divided(pictures: Sequence[str], styles: Sequence[str], plan: "Plan") -> tuple[list[str], list[str]]:
    """The photographs and the styles among what is named.

    Args:
        pictures: arguments.
        styles: what ``--style`` names.
        plan: says what the method takes.

    Raises:
        OptionError: it isn't clear which are which.
    """
    page = plan.page
    if styles or not (page.named or "style" in page.sources | page.optional):
        return list(pictures), list(styles)
    if len(pictures) > 2 and plan.options.get("blend") is None:
        folder = "" if "style" in page.sources else ", or, without one, their folder"
        raise OptionError(
            f"which of {', '.join(pictures[:4])}{' ...' if len(pictures) > 4 else ''} are styles? For many photographs name the style "
            f"with --style STYLE{folder}, for several styles give their shares with --blend 1 1"
        )
    return [pictures[0]], list(pictures[1:])


def ended(error: Interrupted, saved: object) -> click.exceptions.Exit:
    """Say what became of a painting that was stopped, as ``error`` has it, and where it is ``saved``."""
    say(f"Stopped at step {error.step}; the canvas so far is in {saved}", error=True)
    return click.exceptions.Exit(STOPPED)


def _piped(places: Sequence[str], output: str | None, *, as_json: bool) -> None:
    """Refuse two things in one pipe."""
    if places.count(PIPE) > 1:
        raise OptionError("only one picture can come from standard input; name a file for the others")
    if output == PIPE and terminal(sys.stdout):
        raise OptionError("a terminal can't show a picture; pipe standard output, or name a file with -o")
    if output == PIPE and as_json:
        raise OptionError("--json and the painting can't both go to standard output; name a file with -o")


def _paint(
    photograph: str, styles: list[str], plan: "Plan", options: dict[str, Any], *,
    output: str | None, overwrite: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Paint one photograph."""
    import json

    from impasto import painting

    click.get_current_context().meta[INPUT] = photograph
    begun = time.perf_counter()
    if output is None or os.path.isdir(output) or output.endswith(SEPARATORS):  # noqa: PTH112 - Path.is_dir raises where a name is too long
        name = named(photograph, styles, plan.page.name, options.get("format") or "png")
        output = os.fspath(Path(output or "") / name)
        unwritten(output, overwrite=overwrite)
    if output == PIPE and sys.stdout is None:
        pipe(b"")  # says so before any work
    stream = BytesIO() if output == PIPE else None

    def tell(image: Any) -> None:
        if stream is not None:
            pipe(stream.getvalue())
        Outcome(photograph, output, image.size, json.loads(image.info["impasto"]), time.perf_counter() - begun).tell(as_json=as_json)

    try:
        content: str | Opened = read(photograph) if photograph == PIPE else photograph
        manner = [read(style) if style == PIPE else style for style in styles]
        with Bar(quiet) as bar:
            image = painting.stylize(
                content, manner or None, output=output if stream is None else stream, callback=bar.show, fetching=bar.fetching, **options
            )
    except Interrupted as interrupted:
        if as_json or stream is not None:
            tell(interrupted.picture)
        raise ended(interrupted, "standard output" if stream is not None else output) from interrupted
    tell(image)


def read(place: str) -> "Opened":
    """The picture that comes from standard input, which ``place`` stands for.

    Raises:
        PictureError: it can't be read.
    """
    import tempfile

    from impasto import picture

    content = piped()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "standard input")
        file.write_bytes(content)
        try:
            return picture.read(file)
        except PictureError as error:
            raise PictureError(str(error).replace(f"{os.fspath(folder)}{os.sep}", "")) from error
