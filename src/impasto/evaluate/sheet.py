"""Sheets: pictures side by side on white paper, each with a title and lines of text."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from PIL import Image, ImageDraw, ImageFont

NARROWEST = 200  # pixels, of a column: a narrower one has no room for words
PAPER, FRAME, INK, GREY = "white", "#eeeeee", "black", "#555555"


@dataclass(frozen=True)
class Cell:
    """A picture, drawn pixel for pixel, with a title and lines of text below; where it is None, an empty frame."""

    picture: Image.Image | None
    title: str = ""
    lines: Sequence[str] = ()


def sheet(rows: Sequence[Sequence[Cell]], title: str = "", lines: Sequence[str] = ()) -> Image.Image:
    """Draw pictures side by side, with text of a size that suits them.

    The pictures of a row stand on one line. Text is wrapped to the width of its column and never cut. Pillow's own font
    has little beyond ASCII, so accents are left out.

    Args:
        rows: the cells of each row, from the left; one row may be shorter than another.
        title: of the whole sheet.
        lines: of text below that title.

    Returns:
        The sheet, RGB.
    """
    columns = [max([NARROWEST, *(cell.picture.width for cell in column if cell and cell.picture)]) for column in zip_longest(*rows)]
    widest = max(columns, default=NARROWEST)
    unit = widest / 320
    gap, space = round(16 * unit), round(4 * unit)
    heading, name, body = _Type(30 * unit, INK), _Type(22 * unit, INK), _Type(16 * unit, GREY)

    width = gap + sum(column + gap for column in columns)
    head = _wrapped([(title, heading), *((line, body) for line in lines)], width - 2 * gap)
    texts = [
        [_wrapped([(cell.title, name), *((line, body) for line in cell.lines)], column) for cell, column in zip(row, columns, strict=False)]
        for row in rows
    ]
    # A row without any picture has frames three by two.
    shelves = [max((cell.picture.height for cell in row if cell.picture), default=2 * widest // 3) for row in rows]
    heights = [shelf + max((space + _height(text) for text in row if text), default=0) for shelf, row in zip(shelves, texts, strict=True)]

    y = gap + (_height(head) + gap if head else 0)
    paper = Image.new("RGB", (width, y + sum(height + gap for height in heights)), PAPER)
    draw = ImageDraw.Draw(paper)
    _write(draw, (gap, gap), head)
    for row, texts_of_row, shelf, height in zip(rows, texts, shelves, heights, strict=True):
        x = gap
        for cell, text, column in zip(row, texts_of_row, columns, strict=False):
            if cell.picture is None:
                draw.rectangle((x, y, x + column - 1, y + shelf - 1), fill=FRAME)
            else:
                opaque = cell.picture.convert("RGBA")
                paper.paste(opaque, (x, y + shelf - opaque.height), opaque)
            _write(draw, (x, y + shelf + space), text)
            x += column + gap
        y += height + gap
    return paper


class _Type:
    """A size of the font in a colour."""

    def __init__(self, size: float, colour: str) -> None:
        self.font, self.colour, self.leading = ImageFont.load_default(round(size)), colour, round(1.35 * size)


_Text = list[tuple[str, _Type]]  # lines that fit, each in its type


def _wrapped(paragraphs: Iterable[tuple[str, _Type]], width: int) -> _Text:
    return [(line, kind) for text, kind in paragraphs for line in _lines(text, kind, width)]


def _lines(text: str, kind: _Type, width: int) -> list[str]:
    """The text in lines that fit the width; a word that is too long for a line is broken."""
    letters = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    lines: list[str] = []
    for word in letters.split():
        rest = word
        if lines and kind.font.getlength(f"{lines[-1]} {word}") <= width:
            rest = f"{lines.pop()} {word}"
        while kind.font.getlength(rest) > width and len(rest) > 1:
            fitting = max((count for count in range(1, len(rest)) if kind.font.getlength(rest[:count]) <= width), default=1)
            lines.append(rest[:fitting])
            rest = rest[fitting:]
        lines.append(rest)
    return lines


def _height(text: _Text) -> int:
    return sum(kind.leading for _, kind in text)


def _write(draw: ImageDraw.ImageDraw, spot: tuple[int, int], text: _Text) -> None:
    x, y = spot
    for line, kind in text:
        draw.text((x, y), line, fill=kind.colour, font=kind.font)
        y += kind.leading
