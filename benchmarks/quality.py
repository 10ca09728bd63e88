"""Paint a benchmark's pairs and score them: `python benchmarks/quality.py --images IMAGES --judge JUDGE.py --to FOLDER`.

IMAGES/benchmark.txt names the pairs: a line `contents: NAME NAME …` and a line `styles: NAME NAME …`, each led by the
folder in IMAGES that holds these pictures; every picture of the first is painted with every one of the second. JUDGE.py
defines a class `Judge` with `score(content, style, output) -> (style, content, ssim, grain, …)`. Paintings that are in FOLDER
already are not painted again, so an interrupted run goes on; use another folder for other settings.
"""

import csv
import importlib.util
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from impasto.cli.show import contact_sheet

IMPASTO = Path(sys.executable).with_name("impasto")
FIGURES = ("style_distance", "content_distance", "grain")


def listed(images: Path) -> tuple[list[Path], list[Path]]:
    """The picture files that benchmark.txt names: contents and styles."""
    lines = [line for line in (images / "benchmark.txt").read_text().splitlines() if line.strip() and not line.startswith("#")]
    found: list[list[Path]] = []
    for line in lines[:2]:
        folder, names = line.split(":")
        found.append([next(file for file in sorted((images / folder.strip()).iterdir()) if file.stem == name) for name in names.split()])
    return found[0], found[1]


def judge_of(file: Path) -> Any:
    """The judge, from its file."""
    spec = importlib.util.spec_from_file_location("judge", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Judge()


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="Holds benchmark.txt.")
@click.option("--judge", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True, help="Scores the paintings.")
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), required=True, help="For paintings, scores.csv and sheet.png.")
@click.option("--pairs", type=int, help="Only this many, for a quick look.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def main(images: Path, judge: Path, to: Path, pairs: int | None, options: tuple[str, ...]) -> None:
    """Paint and score every pair; other OPTIONS go to `impasto stylize`, whose defaults are what is measured without any."""
    contents, styles = listed(images)
    score = judge_of(judge).score
    to.mkdir(parents=True, exist_ok=True)
    names: list[tuple[str, str]] = []
    scores: list[tuple[float, float, float]] = []
    sheet = {style.stem: style for style in styles}
    click.echo(f"{'content':<12}{'style':<26}{FIGURES[0]:>15}{FIGURES[1]:>18}{FIGURES[2]:>8}")
    for content, style in [(content, style) for content in contents for style in styles][:pairs]:
        painting = to / f"{content.stem}-{style.stem}.png"
        if not painting.exists():
            subprocess.run([IMPASTO, "stylize", content, style, "-o", painting, "--quiet", *options], check=True, stdout=subprocess.DEVNULL)
        by_style, by_content, _, grain, *_ = score(content, style, painting)
        names.append((content.stem, style.stem))
        scores.append((by_style, by_content, grain))
        sheet[f"{len(names)} {content.stem} {by_style:.3f} {by_content:.2f} {grain:.2f}"] = painting
        click.echo(f"{content.stem:<12}{style.stem:<26}{by_style:15.4f}{by_content:18.3f}{grain:8.2f}")
    medians = [statistics.median(column) for column in zip(*scores, strict=True)]
    click.echo(f"{f'median of {len(names)}':<38}{medians[0]:15.4f}{medians[1]:18.3f}{medians[2]:8.2f}")
    with (to / "scores.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("content", "style", *FIGURES), *(pair + scored for pair, scored in zip(names, scores, strict=True))])
    contact_sheet(sheet, to / "sheet.png", columns=len(styles))


if __name__ == "__main__":
    main()
