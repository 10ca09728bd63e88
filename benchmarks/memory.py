"""Peak memory of one painting: `python benchmarks/memory.py`.

This program stays small on purpose: a child's peak counts from its parent's.
"""

import tempfile

import click
from process import IMPASTO, run  # type: ignore[import-not-found]


@click.command()
@click.argument("content", default="astronaut")
@click.argument("style", default="starry")
@click.option("--size", default=512, show_default=True, help="Longest side, in pixels.")
@click.option("--steps", type=int, help="For a quick look; the peak needs the last level of the pyramid.")
def main(content: str, style: str, size: int, steps: int | None) -> None:
    """Paint CONTENT in the style STYLE in a process of its own, and print the most memory it held at once."""
    with tempfile.TemporaryDirectory() as folder:
        command = [IMPASTO, "stylize", content, style, "-o", f"{folder}/out.png", "--size", str(size), "--quiet"]
        _, peak = run(command + ([] if steps is None else ["--steps", str(steps)]))
    click.echo(f"{content} in the style {style}, longest side {size}: peak resident memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
