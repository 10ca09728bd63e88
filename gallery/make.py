"""Paint the galleries of README and of the pages about one pass: `python gallery/make.py`.

Example photographs in packaged styles, with default settings but for the size. The single paintings are kept, so that a second run
paints only what is missing.
"""

import io
from pathlib import Path

import click
from PIL import Image, ImageDraw, ImageOps

import impasto
from impasto import examples, styles

# By file in docs: who paints, and what in which style.
WALLS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "gallery.jpg": (
        "impasto",
        (
            ("astronaut", "starry"),
            ("chelsea", "knife"),
            ("coffee", "mosaic"),
            ("rocket", "waves"),
            ("chelsea", "stainedglass"),
            ("astronaut", "fauve"),
            ("rocket", "inkwash"),
            ("coffee", "watercolour"),
        ),
    ),
    "onepass.jpg": ("fast", (("chelsea", "woodcut"), ("rocket", "poster"), ("astronaut", "comic"), ("coffee", "batik"))),
    "methods/fast.jpg": (
        "fast",
        (
            ("chelsea", "starry"),
            ("astronaut", "woodcut"),
            ("rocket", "poster"),
            ("coffee", "papercut"),
            ("chelsea", "calligraphy"),
            ("coffee", "batik"),
            ("rocket", "waves"),
            ("astronaut", "weave"),
        ),
    ),
    "methods/arbitrary.jpg": (
        "arbitrary",
        (
            ("astronaut", "starry"),
            ("chelsea", "knife"),
            ("rocket", "waves"),
            ("coffee", "fauve"),
            ("chelsea", "woodcut"),
            ("astronaut", "watercolour"),
            ("coffee", "pointillism"),
            ("rocket", "weave"),
        ),
    ),
}
# Where the middle of a photograph's crop lies, from 0 (left, top) to 1 (right, bottom).
MIDDLES = {"astronaut": (0.5, 0.1), "chelsea": (0.45, 0.5), "coffee": (0.5, 0.5), "rocket": (0.5, 0.6)}
COLUMNS = 2
PAINTING = (520, 390)
# Two thumbnails, the photograph above the style, are as high as the painting beside them.
NARROW, WIDE = 10, 30
THUMBNAIL = ((PAINTING[1] - NARROW) // 2,) * 2
PAPER, EDGE = (250, 248, 244), (214, 208, 198)
LARGEST = 600_000


def tile(content: Image.Image, style: Image.Image, painting: Image.Image, middle: tuple[float, float]) -> Image.Image:
    """The photograph above the style, both small, and the painting beside them."""
    sheet = Image.new("RGB", (THUMBNAIL[0] + NARROW + PAINTING[0], PAINTING[1]), PAPER)
    draw = ImageDraw.Draw(sheet)
    beside, below = THUMBNAIL[0] + NARROW, THUMBNAIL[1] + NARROW
    for picture, size, corner, centre in (
        (content, THUMBNAIL, (0, 0), middle),
        (style, THUMBNAIL, (0, below), (0.5, 0.5)),
        (painting, PAINTING, (beside, 0), middle),
    ):
        sheet.paste(ImageOps.fit(picture.convert("RGB"), size, Image.Resampling.LANCZOS, centering=centre), corner)
        draw.rectangle((*corner, corner[0] + size[0] - 1, corner[1] + size[1] - 1), outline=EDGE)
    return sheet


def wall(tiles: list[Image.Image]) -> Image.Image:
    """The tiles in rows, on one sheet."""
    width, height = tiles[0].size
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (width + WIDE) + WIDE, rows * (height + WIDE) + WIDE), PAPER)
    for index, picture in enumerate(tiles):
        sheet.paste(picture, (WIDE + index % COLUMNS * (width + WIDE), WIDE + index // COLUMNS * (height + WIDE)))
    return sheet


def packed(sheet: Image.Image) -> bytes:
    """The sheet as JPEG, in the best quality that fits in `LARGEST` bytes."""
    for quality in range(92, 40, -2):
        buffer = io.BytesIO()
        sheet.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        if buffer.tell() <= LARGEST:
            break
    return buffer.getvalue()


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(WALLS)), metavar="[NAME]...")
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), default=Path("docs"), show_default=True)
@click.option("--paintings", type=click.Path(file_okay=False, path_type=Path), default=Path("runs/gallery"), show_default=True)
@click.option("--size", default=640, show_default=True, help="Longest side of each painting, in pixels.")
def main(names: tuple[str, ...], to: Path, paintings: Path, size: int) -> None:
    """Paint what is missing in the folder PAINTINGS, and lay it all out in the pictures with these NAMEs, or in all."""
    for name in names or WALLS:
        method, pairs = WALLS[name]
        tiles = []
        for content, style in pairs:
            file = paintings / method / f"{content}-{style}.png"
            if not file.exists():
                click.echo(f"{method} paints {content} in the style {style}")
                impasto.stylize(content, style, output=file, size=size, method=method)
            photograph, model, painting = (Image.open(path) for path in (examples.path(content), styles.path(style), file))
            tiles.append(tile(photograph, model, painting, MIDDLES[content]))
        data = packed(wall(tiles))
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).write_bytes(data)
        click.echo(f"{to / name} {len(data) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
