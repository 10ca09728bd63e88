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
from PIL import Image
from process import IMPASTO, run  # type: ignore[import-not-found]

from impasto import picture, styles
from impasto.feedforward.onepass import AnyStyle, FewStyles
from impasto.feedforward.painter import implied, made_ready

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
@click.option("--method", default="arbitrary", show_default=True, type=click.Choice(["arbitrary", "fast"]), help="Of the packaged ones.")
@click.option("--model", metavar="FILE", help="In place of a packaged one.")
@click.option("--style", default="starry", show_default=True, type=click.Choice(sorted(styles.STYLES)), help="A packaged one.")
@click.option("--tile", type=int, help="Pixels a side.  [default: the library's]")
@click.option("--small", nargs=3, default=(1200, 900, 256), show_default=True, help="Width, height and tile where both ways are compared.")
def main(width: int, height: int, method: str, model: str | None, style: str, tile: int | None, small: tuple[int, int, int]) -> None:
    """Measure on the CPU."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "photograph.jpg"), Path(folder, "painted.png")
        photograph(width, height).save(source, quality=92)
        kind = implied(model) if model else method
        options = [] if model and kind == "fast" else [style]
        options += ["--device", "cpu", "--method", kind, *(["--model", model] if model else [])]
        options += ["--tile", str(tile)] if tile else []
        click.echo(f"{model or 'the packaged model'} ({kind}); {os.cpu_count()} cores, onnxruntime {version('onnxruntime')}")
        seconds, peak = run([IMPASTO, "stylize", str(source), *options, "-o", str(target), "--size", "0", "--quiet"])
    click.echo(f"{width} x {height}, file to file: {seconds:.1f} s, {width * height / seconds / 1e6:.2f} Mpx/s, peak memory {peak:.0f} MB")
    compare(kind, model, style, *small)


def compare(kind: str, model: str | None, style: str, width: int, height: int, tile: int) -> None:
    """Print how far a painting in tiles is from one made at once, with the same look at the whole."""
    content = np.asarray(photograph(width, height), np.float32) / np.float32(255)
    ready, whole = made_ready(kind, model, "cpu", "float32"), max(width, height)
    if kind == "fast":
        few = FewStyles(ready.engine, [1.0, *[0.0] * (len(ready.styles) - 1)])
        seen = few.look(content, tile=whole)
        at_once, tiled = (few.paint(content, seen, tile=side) for side in (whole, tile))
    else:
        every = AnyStyle(ready.engine, [(1.0, picture.read(styles.path(style)).picture)])
        own = every.look(content, tile=whole)
        at_once, tiled = (every.paint(content, own, tile=side) for side in (whole, tile))
    difference = float(np.abs(tiled - at_once).max())
    click.echo(f"{width} x {height}, tiles of {tile} against one: largest difference {difference:.1e} (1/255 is {1 / 255:.1e})")


if __name__ == "__main__":
    main()
