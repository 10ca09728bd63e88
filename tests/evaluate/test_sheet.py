"""Sheets: pictures where they belong, pixel for pixel, and text that is wrapped, never cut."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from impasto.evaluate import Cell, sheet

WHITE = np.array([255, 255, 255])


def noise(width, height, seed=0):
    # No value is that of the paper, the frames or the letters.
    return Image.fromarray(np.random.default_rng(seed).integers(100, 200, (height, width, 3), np.uint8))


def spots(drawn, picture):
    """Where a picture lies on a sheet, as left and top, each place found by every pixel."""
    paper, values = np.asarray(drawn), np.asarray(picture)
    rows, columns = np.nonzero((paper == values[0, 0]).all(-1))
    height, width = values.shape[:2]
    return [(int(x), int(y)) for x, y in zip(columns, rows, strict=True) if np.array_equal(paper[y : y + height, x : x + width], values)]


@pytest.fixture
def written(monkeypatch):
    """Every piece of text that is drawn: its words, and the box around its ink."""
    pieces = []
    draw = ImageDraw.ImageDraw.text

    def text(self, xy, text, *arguments, font, **options):
        pieces.append((text, self.textbbox(xy, text, font=font)))
        draw(self, xy, text, *arguments, font=font, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    return pieces


def overlap(one, two):
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


@pytest.mark.parametrize(
    "sizes",
    [
        [[(320, 240)]],
        [[(320, 240), (320, 240)], [(320, 240), (320, 240)]],
        [[(211, 97), (1, 1), (64, 333)], [(5, 301)]],
        [[(1, 1)], [(700, 2), (3, 500)]],
    ],
)
def test_geometry(sizes, written):
    """Everything is on the sheet, pixel for pixel, and nothing lies on anything else."""
    pictures = [[noise(*size, seed=10 * i + j) for j, size in enumerate(row)] for i, row in enumerate(sizes)]
    drawn = sheet(
        [
            [Cell(picture, f"Title of {i} {j}", ("a line", "another line")) for j, picture in enumerate(row)]
            for i, row in enumerate(pictures)
        ],
        "The title",
        ["what it is about"],
    )
    assert drawn.mode == "RGB"
    boxes = [box for _, box in written]
    for picture in (picture for row in pictures for picture in row):
        found = spots(drawn, picture)
        assert found
        if picture.size != (1, 1):
            assert len(found) == 1
            x, y = found[0]
            boxes.append((x, y, x + picture.width, y + picture.height))
    for index, box in enumerate(boxes):
        assert box[0] >= 0
        assert box[1] >= 0
        assert box[2] <= drawn.width
        assert box[3] <= drawn.height
        assert not any(overlap(box, other) for other in boxes[:index])


def test_a_grid_is_regular():
    """The gaps between pictures of one size are the same, and their row stands on one line."""
    pictures = [[noise(320, 200, seed=10 * i + j) for j in range(3)] for i in range(2)]
    drawn = sheet([[Cell(picture, "name") for picture in row] for row in pictures])
    (left, top), *_ = [spots(drawn, picture)[0] for picture in pictures[0]]
    assert (left, top) == (16, 16)
    assert drawn.width == 3 * 336 + 16
    for i, row in enumerate(pictures):
        for j, picture in enumerate(row):
            assert spots(drawn, picture) == [(16 + 336 * j, 16 + 250 * i)]
    tall = sheet([[Cell(pictures[0][0]), Cell(noise(320, 100, seed=9))]])
    assert spots(tall, noise(320, 100, seed=9)) == [(352, 116)]


def test_text_is_wrapped_and_whole(written):
    words = "Gatys Ecker Bethge style transfer " * 12
    endless = "x" * 90 + "Y" * 90
    sheet([[Cell(noise(240, 100), words, (endless, words))]], words, [endless])
    whole = "".join(text for text, _ in written).replace(" ", "")
    assert whole.count(words.replace(" ", "")) == 3
    assert whole.count(endless) == 2
    drawn_width = 240 + 2 * 12
    assert all(box[2] <= drawn_width - 12 + 1 for _, box in written)


def test_words_are_not_broken_without_need(written):
    sentence = "keeping lines and faces where other methods smear them"
    sheet([[Cell(noise(240, 100), "", (sentence,))]])
    assert len(written) > 1
    assert " ".join(text for text, _ in written) == sentence


def test_text_that_the_font_lacks(written):
    sheet([[Cell(noise(240, 100), "Édouard\nMañé", ("", " "))]])
    assert [text for text, _ in written] == ["Edouard Mane"]


def test_an_empty_frame(written):
    beside = noise(320, 210)
    drawn = sheet([[Cell(beside), Cell(None, "failed", ("why it did",))]])
    frame = np.asarray(drawn)[16:226, 352 : 352 + 200]
    assert len(np.unique(frame)) == 1
    assert (frame != WHITE).all()
    assert [text for text, _ in written] == ["failed", "why it did"]
    alone = np.asarray(sheet([[Cell(None)]]))
    assert (alone != WHITE).any()


def test_transparency_shows_the_paper():
    picture = noise(210, 100)
    picture.putalpha(Image.fromarray(np.repeat(np.uint8([0, 255]), (105, 105))[None].repeat(100, 0)))
    drawn = np.asarray(sheet([[Cell(picture)]]))
    gap = (drawn.shape[1] - 210) // 2
    inside = drawn[gap : gap + 100, gap : gap + 210]
    assert (inside[:, :105] == WHITE).all()
    assert np.array_equal(inside[:, 105:], np.asarray(picture)[:, 105:, :3])


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "LA"])
def test_modes(mode):
    picture = noise(210, 100).convert(mode)
    drawn = np.asarray(sheet([[Cell(picture)]]))
    assert np.array_equal(drawn[10:110, 10:220], np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("rows", [[], [[]], [[], [Cell(None, "a")]]])
def test_little_to_show(rows):
    assert min(sheet(rows).size) > 0


def test_it_is_the_same_every_time():
    rows = [[Cell(noise(240, 100), "title", ("line",))]]
    assert sheet(rows, "t").tobytes() == sheet(rows, "t").tobytes()
