"""A picture too large to be painted at once: `python benchmarks/anysize.py`.

Paints a made-up photograph of 48 megapixels, file to file, in a process of its own, and prints the seconds it took and the
most memory it held. Then a small one, in tiles and at once, and prints by how much the two differ at most.
"""

import os
import tempfile
from importlib.metadata import version
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from process import IMPASTO, run  # type: ignore[import-not-found]

from impasto import picture, styles
from impasto.encoders.devices import PRECISIONS, choose_precision
from impasto.encoders.tensors import tensor
from impasto.feedforward import models
from impasto.feedforward.models import Model
from impasto.feedforward.onepass import OnePass

BAND = 64


def photograph(width: int, height: int) -> Image.Image:
    """Hills under a sky, with grain: smooth areas, edges and texture at every scale, and halves that differ."""
    generator = np.random.default_rng(0)
    across = np.linspace(0, 1, width, dtype=np.float32)
    ridges = [0.35 + 0.17 * row + 0.06 * np.sin(across * (9 + 5 * row) + row) + 0.01 * np.sin(across * 190 + row) for row in range(4)]
    colours = np.array([[0.55, 0.7, 0.9], [0.45, 0.5, 0.6], [0.3, 0.42, 0.3], [0.5, 0.4, 0.2], [0.12, 0.16, 0.08]], np.float32)
    image = Image.new("RGB", (width, height))
    for top in range(0, height, BAND):
        down = np.arange(top, min(top + BAND, height), dtype=np.float32)[:, None] / height
        layer = np.sum([down > ridge for ridge in ridges], 0)
        texture = 0.06 * layer * np.sin(across * 700 + 40 * np.sin(down * 90)) * np.sin(down * 500)
        light = 0.6 + 0.4 * across + texture + generator.normal(0, 0.03, layer.shape)
        pixels = (255 * colours[layer] * light[:, :, None]).clip(0, 255).astype(np.uint8)
        image.paste(Image.fromarray(pixels), (0, top))
    return image


@click.command()
@click.option("--width", default=8000, show_default=True, help="In pixels.")
@click.option("--height", default=6000, show_default=True, help="In pixels.")
@click.option("--model", metavar="FILE", help="In place of the packaged one for any style.")
@click.option("--style", default="starry", show_default=True, type=click.Choice(sorted(styles.STYLES)), help="For a model that takes any.")
@click.option("--tile", type=int, help="Pixels a side.  [default: the library's]")
@click.option("--small", nargs=3, default=(1200, 900, 256), show_default=True, help="Width, height and tile where both ways are compared.")
def main(width: int, height: int, model: str | None, style: str, tile: int | None, small: tuple[int, int, int]) -> None:
    """Measure on the CPU."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "photograph.jpg"), Path(folder, "painted.png")
        photograph(width, height).save(source, quality=92)
        trained = models.read(model or models.packaged("arbitrary"), "arbitrary", "fast")
        taking_any = trained.kind == "arbitrary"
        options = [style] if taking_any else []
        options += ["--device", "cpu", "--method", trained.kind, *(["--model", model] if model else [])]
        options += ["--tile", str(tile)] if tile else []
        click.echo(
            f"{model or 'the packaged model'} ({trained.kind}); {os.cpu_count()} cores, "
            f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}, torch {version('torch')}"
        )
        seconds, peak = run([IMPASTO, "stylize", str(source), *options, "-o", str(target), "--size", "0", "--quiet"])
    click.echo(f"{width} x {height}, file to file: {seconds:.1f} s, {width * height / seconds / 1e6:.2f} Mpx/s, peak memory {peak:.0f} MB")
    compare(trained, style if taking_any else None, *small)


def compare(trained: Model, style: str | None, width: int, height: int, tile: int) -> None:
    """Print how far a painting in tiles is from one made at once."""
    content = tensor(picture.read(photograph(width, height)).picture)
    default = PRECISIONS[choose_precision("auto", torch.device("cpu"))]
    for precision in dict.fromkeys((torch.float32, default)):
        painter = OnePass(trained, torch.device("cpu"), precision)
        told = [1.0, *[0.0] * (len(painter.styles) - 1)] if style is None else [(1.0, tensor(picture.read(styles.path(style)).picture))]
        at_once, tiled = (painter.paint(content, told, tile=side) for side in (max(width, height), tile))
        click.echo(
            f"{width} x {height}, tiles of {tile} against one, {str(precision).removeprefix('torch.')}: "
            f"largest difference {float((tiled - at_once).abs().max()):.1e} (1/255 is {1 / 255:.1e})"
        )


if __name__ == "__main__":
    main()
