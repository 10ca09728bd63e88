"""What painting without a network costs: `python benchmarks/renderings.py`.

Every method and preset paints from file to file in a process of its own, in turns; the seconds are medians, with those that Python and
the libraries take to start told apart, and the memory is the most that was held. The first run of all compiles, and isn't counted
unless `--cold` or `--size` asks for it. Large pictures: `--size 6000`. PatchMatch against a search of everything: `--patchmatch`.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path

import click
import numpy as np
from PIL import Image
from process import IMPASTO, run  # type: ignore[import-not-found]

from impasto import examples, styles
from impasto.methods import RENDERINGS

SIZES = {"strokes": 1024, "regions": 1024, "regions-strokes": 1024, "kuwahara": 1024, "analogy": 512, "quilting": 512, "efrosleung": 128}


def photograph(size: int) -> Image.Image:
    """The example photographs at their own scale, four by three, over and over."""
    width, height = size, size * 2 // 3
    image = Image.new("RGB", (width, height))
    tiles = [Image.open(examples.path(name)).convert("RGB") for name in ("coffee", "chelsea", "rocket", "astronaut")]
    top, row = 0, 0
    while top < height:
        left, column, lowest = 0, row, height
        while left < width:
            tile = tiles[column % len(tiles)]
            image.paste(tile, (left, top))
            left, column, lowest = left + tile.width, column + 1, min(lowest, tile.height)
        top, row = top + lowest, row + 1
    return image


def runs(size: int | None, content: Path, pair: Path) -> dict[str, list[str]]:
    """The arguments of every painting, by its name; textures only where no size is asked for."""
    found: dict[str, list[str]] = {}
    for name, method in RENDERINGS.items():
        common = ["--method", name, "--size", str(size or SIZES[name])]
        if "style" in method.sources:
            if size is None:
                found[name] = ["texture", "starry", *common, *(["--style-size", "128"] if name == "quilting" else [])]
        elif "pair" in method.options:
            if size is None:
                found[f"{name} of a style"] = ["stylize", str(content), "starry", *common]
                found[f"{name} of a pair"] = ["stylize", str(content), *common, "--pair", str(content), str(pair)]
        else:
            for preset in method.presets or (None,):
                chosen = ["--preset", preset] if preset else []
                found[" ".join(filter(None, (name, preset)))] = ["stylize", str(content), *common, *chosen]
    return found


def searched(patches: tuple[int, ...]) -> None:
    """Print PatchMatch's sum of distances over the least possible one."""
    from impasto.classic.patchmatch import patchmatch

    pictures = [
        Image.open(path).convert("RGB").resize((160, 120), Image.Resampling.LANCZOS)
        for path in (examples.path("coffee"), styles.path("knife"))
    ]
    target, source = (np.asarray(picture, np.float32) / np.float32(255) for picture in pictures)
    windows = np.lib.stride_tricks.sliding_window_view
    for patch in patches:
        _, costs = patchmatch(source, target, patch=patch, seed=0)
        ours, theirs = (windows(one.astype(np.float64), (patch, patch), (0, 1)).reshape(-1, 3 * patch * patch) for one in (source, target))
        squares = (ours**2).sum(1)
        least = sum(float(((squares - 2 * part @ ours.T).min(1) + (part**2).sum(1)).sum()) for part in np.array_split(theirs, 16))
        click.echo(f"PatchMatch, patches of {patch} pixels, 160 x 120: {float(costs.sum()) / least:.4f} of the least sum of distances")


@click.command()
@click.option("--method", "only", multiple=True, help="Only paintings whose name begins so; may be repeated.")
@click.option("--size", type=int, help="Longest side in pixels.  [default: 1024 or 512, as the project's goals are]")
@click.option("--repeats", default=3, show_default=True, help="Of every painting.")
@click.option("--cold", is_flag=True, help="Compile anew for every painting.")
@click.option("--patchmatch", "search", is_flag=True, help="Measure PatchMatch's search instead.")
def main(only: tuple[str, ...], size: int | None, repeats: int, cold: bool, search: bool) -> None:
    """Measure on this machine's processor."""
    if search:
        searched((5, 7, 9, 13))
        return
    click.echo(f"{os.cpu_count()} cores, NUMBA_NUM_THREADS={os.environ.get('NUMBA_NUM_THREADS', 'unset')}")
    skipped = 0 if cold or size else 1
    with tempfile.TemporaryDirectory() as folder:
        content, pair, target = Path(folder, "photograph.png"), Path(folder, "pair.png"), Path(folder, "painted.png")
        photograph(size or 1024).save(content)
        wanted = {name: arguments for name, arguments in runs(size, content, pair).items() if not only or name.startswith(only)}
        if any("--pair" in arguments for arguments in wanted.values()):
            run([IMPASTO, "stylize", str(content), "--method", "strokes", "--size", "0", "-o", str(pair)])
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in wanted}
        for turn in range(repeats + skipped):
            for name, arguments in wanted.items():
                fresh = {"NUMBA_CACHE_DIR": str(Path(folder, f"{turn} {name}"))} if cold else {}
                found[name].append(run([IMPASTO, *arguments, "-o", str(target), "--quiet"], {**os.environ, **fresh}))
        start = [sys.executable, "-c", "import impasto.painting, impasto.classic.painter"]
        started = statistics.median(run(start)[0] for _ in range(repeats))
    click.echo(f"starting Python and the libraries: {started:.1f} s, included below")
    for name, results in found.items():
        seconds, megabytes = zip(*results[skipped:], strict=True)
        click.echo(f"{name:28} {statistics.median(seconds):6.1f} s {max(megabytes):6.0f} MB")


if __name__ == "__main__":
    main()
