"""Pictures for people at a terminal: thumbnails in coloured half blocks, and a contact sheet."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageOps
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
    from impasto.evaluate import Cell, sheet

    cells = []
    for name, path in pictures.items():
        with Image.open(path) as opened:
            cells.append(Cell(ImageOps.fit(opened.convert("RGB"), (side, side), Image.Resampling.LANCZOS), name))
    drawn = sheet([cells[first : first + columns] for first in range(0, len(cells), columns)])
    picture.save(picture.read(drawn).picture, target)


def _rgb(image: Image.Image, x: int, y: int) -> tuple[int, int, int]:
    red, green, blue = image.getpixel((x, y))  # type: ignore[misc]
    return int(red), int(green), int(blue)
