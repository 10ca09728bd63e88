"""Paint the gallery that README opens with: `python gallery/make.py`.

Example photographs in packaged styles, with default settings but for the size. The single paintings are kept, so that a second run
paints only what is missing.
"""

import io
from pathlib import Path

import click
from PIL import Image, ImageDraw, ImageOps

import impasto
from impasto import examples, styles

PAIRS = (
    ("astronaut", "starry"),
    ("chelsea", "knife"),
    ("coffee", "mosaic"),
    ("rocket", "waves"),
    ("chelsea", "stainedglass"),
    ("astronaut", "fauve"),
    ("rocket", "inkwash"),
    ("coffee", "watercolour"),
)
# Where the middle of a photograph's crop lies, from 0 (left, top) to 1 (right, bottom).
MIDDLES = {"astronaut": (0.5, 0.1), "chelsea": (0.45, 0.5), "coffee": (0.5, 0.5), "rocket": (0.5, 0.6)}
COLUMNS = 2
PAINTING = (520, 390)
# Two thumbnails, the photograph above the style, are as high as the painting beside them.
NARROW, WIDE = 10, 30
THUMBNAIL = ((PAINTING[1] - NARROW) // 2,) * 2
PAPER, EDGE = (250, 248, 244), (214, 208, 198)
LARGEST = 950_000


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
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), default=Path("docs/gallery.jpg"), show_default=True)
@click.option("--paintings", type=click.Path(file_okay=False, path_type=Path), default=Path("runs/gallery"), show_default=True)
@click.option("--size", default=640, show_default=True, help="Longest side of each painting, in pixels.")
@click.option("--steps", type=int, help="For a quick look; the default is the method's own.")
def main(to: Path, paintings: Path, size: int, steps: int | None) -> None:
    """Paint what is missing in the folder PAINTINGS, and lay it all out in the picture TO."""
    paintings.mkdir(parents=True, exist_ok=True)
    tiles = []
    for content, style in PAIRS:
        file = paintings / f"{content}-{style}.png"
        if not file.exists():
            click.echo(f"painting {content} in the style {style}")
            impasto.stylize(content, style, output=file, size=size, steps=steps)
        photograph, model, painting = (Image.open(path) for path in (examples.path(content), styles.path(style), file))
        tiles.append(tile(photograph, model, painting, MIDDLES[content]))
    data = packed(wall(tiles))
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(data)
    click.echo(f"{to} {len(data) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
