"""``impasto classify`` and ``impasto evaluate``: what pictures are taken for, and how good paintings are."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli.progress import Bar
from impasto.cli.shell import STOPPED, say

if TYPE_CHECKING:
    from impasto.evaluate import Turn
    from impasto.evaluate.measures import Scored
    from impasto.evaluate.scoring import Critic
    from impasto.family import Progress

ENDINGS = (".html", ".csv", ".json", ".png")
WIDE = 120  # columns, of a table where there is no terminal to fit into


@click.command()
@click.argument("pictures", metavar="PICTURE...", nargs=-1, required=True)
@click.option("--model", required=True, metavar="FILE", help="What `impasto train classifier` wrote.")
@click.option("--encoder-weights", metavar="FILE", help="That its encoder's weights came from, if they weren't the encoder's own.")
@click.option("--top", type=click.IntRange(1), default=3, show_default=True, help="How many classes to print.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every class.")
@click.option("--labelled", is_flag=True, help="PICTURE is a folder with a subfolder for each class: print how many are named rightly.")
@click.option("--confusion", metavar="OUT.png", help="With --labelled: draw what each class was taken for.")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda|mps", help="Where to compute.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def classify(
    pictures: tuple[str, ...],
    model: str,
    encoder_weights: str | None,
    top: int,
    as_json: bool,
    labelled: bool,
    confusion: str | None,
    device: str,
    quiet: bool,
) -> None:
    """Say which class each PICTURE is of, and how likely.

    PICTURE is a picture file, the name of an example photograph, or a folder: then all pictures in it and in its folders.
    """
    import json

    from impasto import picture
    from impasto.evaluate import classifier
    from impasto.evaluate.folders import labelled as find
    from impasto.evaluate.scoring import photographs

    if labelled and len(pictures) > 1:
        raise click.UsageError(f"--labelled takes one folder, not {len(pictures)}.")
    if confusion is not None and not labelled:
        raise click.UsageError("--confusion compares with the right classes; say --labelled, too, and name a folder with one for each.")
    if confusion is not None:
        picture.check_place(confusion)
    with Bar(quiet) as bar:
        ready = classifier.read(model, device=device, encoder_weights=encoder_weights, fetching=bar.fetching)
        known = find(pictures[0], classes=ready.architecture.classes) if labelled else None
        chosen = list(known.files) if known else photographs(pictures)
        answers = classifier.classify(chosen, ready, callback=lambda done, count: bar.counted("pictures", done, count))
    if known:
        matrix = classifier.confusion([answer.best for answer in answers], [known.classes[label] for label in known.labels], known.classes)
        rate = classifier.accuracy(matrix)
        if confusion is not None:
            picture.write(confusion, classifier.draw_confusion(matrix, known.classes))
        if as_json:
            click.echo(json.dumps({"accuracy": rate, "pictures": len(answers), "classes": known.classes, "confusion": matrix.tolist()}))
        else:
            click.echo(f"{rate:.1%} of {len(answers)} pictures named rightly")
        return
    if as_json:
        click.echo(json.dumps([{"picture": answer.picture, "probabilities": answer.probabilities} for answer in answers], indent=1))
        return
    for answer in answers:
        likely = list(answer.probabilities.items())[:top]
        click.echo(f"{answer.picture}: {', '.join(f'{name} {share:.1%}' for name, share in likely)}")


@click.command()
@click.argument("results", metavar="[RESULT...]", nargs=-1)
@click.option(
    "--contents", "--content", required=True, multiple=True, metavar="PLACE", help="Photographs: a file, a folder, or an example."
)
@click.option(
    "--styles", "--style", required=True, multiple=True, metavar="PLACE", help="Paintings: a file, a folder, or a packaged style."
)
@click.option("--methods", metavar="NAME,NAME", help="Paint with these first; `all` is all that use a content and a style.")
@click.option("--to", metavar="FOLDER", help="Where to keep what --methods painted, the scores and a report.  [default: evaluation]")
@click.option("-o", "--output", "outputs", multiple=True, metavar="OUT", help="A report, .html; the scores, .csv or .json; a plot, .png.")
@click.option("--sort", metavar="MEASURE", help="The table's order, such as style, content, ssim, deception.")
@click.option("--paintings", is_flag=True, help="A row for each painting in the table, in place of one for each method.")
@click.option(
    "--encoder", default="pocket", show_default=True, help="The network that compares; all but pocket are downloaded on first use."
)
@click.option("--encoder-weights", metavar="FILE", help="A file in place of that network's own weights.")
@click.option(
    "--classifier", metavar="FILE", help="What `impasto train classifier` wrote, with artists for classes: adds the deception rate."
)
@click.option("--artist", metavar="CLASS", help="What paintings should be taken for.  [default: the style's folder's or file's name]")
@click.option(
    "--size", type=int, default=512, show_default=True, help="Longest side at which pictures are painted and compared; 0 is their own."
)
@click.option("--full", is_flag=True, help="With --methods: each one's own solver and schedule, in place of our quick one.")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda|mps", help="Where to compute.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def evaluate(
    results: tuple[str, ...],
    contents: tuple[str, ...],
    styles: tuple[str, ...],
    methods: str | None,
    to: str | None,
    outputs: tuple[str, ...],
    sort: str | None,
    paintings: bool,
    size: int,
    full: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Score paintings: how near they are to their style, and to their content.

    RESULT is a painting or a folder of them, called CONTENT-STYLE after what they were painted from; with one content and one
    style any name will do. With --methods there is no RESULT: every content is painted in every style by every method first,
    and the same command goes on where it was stopped.
    """
    from rich.console import Console

    from impasto import picture
    from impasto.evaluate import report
    from impasto.evaluate.measures import MEASURES
    from impasto.evaluate.scoring import Critic, score

    if bool(results) == (methods is not None):
        raise click.UsageError("name either paintings to score, or --methods to paint them with.")
    if methods is None and (to is not None or full):
        raise click.UsageError(f"{'--to' if to is not None else '--full'} goes with --methods; leave it out, or use -o for a report.")
    for file in outputs:
        if picture.check_place(file).suffix.lower() not in ENDINGS:
            raise click.UsageError(f"{file} is no kind of report; choose an ending out of {', '.join(ENDINGS)}.")
    if sort is not None and sort not in MEASURES:
        raise click.UsageError(f"unknown measure {sort}; sort by one of {', '.join(MEASURES)}.")
    with Bar(quiet) as bar:
        critic = Critic(size=size, fetching=bar.fetching, **options)
        if methods is None:
            scored, stopped = score(results, contents, styles, critic, callback=lambda done, count: bar.counted("paintings", done, count))
        else:
            scored, stopped = _paint(methods, contents, styles, to or "evaluation", critic, bar, size, full, options["device"])
    if scored:
        if methods is not None:
            outputs = (*outputs, *(str(Path(to or "evaluation") / f"report{ending}") for ending in ENDINGS))
        for file in outputs:
            _write(file, scored)
        console = Console()
        if not console.is_terminal and "COLUMNS" not in os.environ:
            console.width = WIDE
        console.print(report.table(scored, paintings=paintings, by=sort))
        for file in outputs:
            click.echo(file)
    if stopped:
        goes_on = "" if methods is None else "; the same command goes on from there"
        say(f"Stopped after {len(scored)} paintings{goes_on}", error=True)
        raise click.exceptions.Exit(STOPPED)


def _paint(
    methods: str,
    contents: tuple[str, ...],
    styles: tuple[str, ...],
    folder: str,
    critic: "Critic",
    bar: Bar,
    size: int,
    full: bool,
    device: str,
) -> "tuple[list[Scored], bool]":
    """Paint a grid, and say how far it is."""
    from impasto.evaluate.grid import grid

    def show(progress: "Progress", turn: "Turn") -> None:
        bar.show(progress, f"{turn.index + 1}/{turn.count} {turn.name}")

    names = None if methods == "all" else [name.strip() for name in methods.split(",")]
    return grid(names, contents, styles, folder, critic, size=size, fast=not full, device=device, callback=show, fetching=bar.fetching)


def _write(file: str, scored: "list[Scored]") -> None:
    """Write a report of the kind that the file's name asks for."""
    from impasto import picture
    from impasto.evaluate import report

    ending = Path(file).suffix.lower()
    if ending == ".html":
        plot = report.pareto(scored) if len(scored) > 1 else None
        content = report.html(scored, "Paintings compared", pareto=plot, folder=Path(file).parent).encode()
    elif ending == ".png":
        content = report.pareto(scored)
    else:
        content = (report.as_csv if ending == ".csv" else report.as_json)(scored).encode()
    picture.write(file, content)
