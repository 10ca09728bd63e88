"""Pictures for people at a terminal: thumbnails in coloured half blocks, and a contact sheet."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from rich.color import Color
from rich.style import Style
from rich.text import Text


def thumbnail(path: Path, columns: int) -> Text:
    """The picture at ``path`` as text, ``columns`` wide: each character is two pixels, the upper half block over its background."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    rows = max(1, round(columns * image.height / image.width / 2))
    image = image.resize((columns, 2 * rows), Image.Resampling.LANCZOS)
    text = Text()
    for y in range(0, 2 * rows, 2):
        for x in range(columns):
            upper, lower = (Color.from_rgb(*_rgb(image, x, y + below)) for below in (0, 1))
            text.append("▀", Style(color=upper, bgcolor=lower))
        text.append("\n")
    return text


def contact_sheet(pictures: Mapping[str, Path], target: Path, columns: int = 4, side: int = 320) -> None:
    """Write one picture that shows all of ``pictures``, each with its name.

    Args:
        pictures: file by caption.
        target: the picture to write, in any format Pillow writes.
        columns: pictures in a row.
        side: width and height of each, in pixels; they are cropped to a square.

    Raises:
        OutputError: the target can't be written.
    """
    from impasto import picture

    gap, caption = 16, 34
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (side + gap) + gap, rows * (side + gap + caption) + gap), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(22)
    for index, (name, path) in enumerate(pictures.items()):
        x, y = gap + index % columns * (side + gap), gap + index // columns * (side + gap + caption)
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        edge = min(image.size)
        left, top = (image.width - edge) // 2, (image.height - edge) // 2
        sheet.paste(image.crop((left, top, left + edge, top + edge)).resize((side, side), Image.Resampling.LANCZOS), (x, y))
        draw.text((x, y + side + 4), name, fill="black", font=font)
    picture.save(picture.read(sheet).picture, target)


def _rgb(image: Image.Image, x: int, y: int) -> tuple[int, int, int]:
    red, green, blue = image.getpixel((x, y))  # type: ignore[misc]
    return int(red), int(green), int(blue)
