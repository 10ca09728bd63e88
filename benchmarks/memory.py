"""Peak memory of one painting: `python benchmarks/memory.py`.

This program stays small on purpose: a child's peak counts from its parent's.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click


@click.command()
@click.argument("content", default="astronaut")
@click.argument("style", default="starry")
@click.option("--size", default=512, show_default=True, help="Longest side, in pixels.")
@click.option("--steps", type=int, help="For a quick look; the peak needs the last level of the pyramid.")
def main(content: str, style: str, size: int, steps: int | None) -> None:
    """Paint CONTENT in the style STYLE in a process of its own, and print the most memory it held at once."""
    impasto = Path(sys.executable).with_name("impasto")
    with tempfile.TemporaryDirectory() as folder:
        command = [str(impasto), "stylize", content, style, "-o", f"{folder}/out.png", "--size", str(size), "--quiet"]
        if steps is not None:
            command += ["--steps", str(steps)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(process.returncode)
    # Linux counts in units of 1024 bytes, macOS in bytes.
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    click.echo(f"{content} in the style {style}, longest side {size}: peak resident memory {peak / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
