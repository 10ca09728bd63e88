"""Reports: the numbers are those that were given, the best ones stand out, and the page works without anything else."""

import base64
import csv
import json
import math
import shutil
import subprocess
from html.parser import HTMLParser
from io import BytesIO, StringIO
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from matplotlib.text import Text
from PIL import Image
from rich.console import Console

from impasto.errors import OptionError, PictureError
from impasto.evaluate import report
from impasto.evaluate.measures import MEASURES, Scored

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
NASTY = """<b>&"quo'te' é 画.png"""


def scored(method="", name="r.png", taken_for="", **scores):
    return Scored(Path(name), Path("c.png"), Path("s.png"), method, scores, taken_for)


def grid(methods=3, paintings=5, names=tuple(MEASURES), seed=0):
    rng = np.random.default_rng(seed)
    return [
        scored(f"m{i}", f"{i}-{j}.png", **{name: float(rng.integers(2) if name == "deception" else rng.lognormal()) for name in names})
        for i in range(methods)
        for j in range(paintings)
    ]


def drawn(table, width=200):
    stream = StringIO()
    Console(file=stream, width=width, force_terminal=True, color_system=None).print(table)
    return stream.getvalue()


def rows_of(table):
    """The words of each row, and those that are bold."""
    columns = [list(column.cells) for column in table.columns]
    rows = list(zip(*columns, strict=True))
    return [[cell.plain for cell in row] for row in rows], [[cell.plain for cell in row if cell.style == "bold"] for row in rows]


# Numbers


def test_medians_and_rates():
    paintings = grid()
    found = report.summary(paintings)
    assert list(found) == ["m0", "m1", "m2"]
    for method, medians in found.items():
        assert list(medians) == list(MEASURES)
        for name, value in medians.items():
            values = [each.scores[name] for each in paintings if each.method == method]
            assert value == pytest.approx(np.mean(values) if name == "deception" else np.median(values))


def test_a_summary_has_only_what_is_known():
    paintings = [
        scored("b", ssim=0.5, style=math.nan),
        scored("a", ssim=math.nan),
        scored("b", ssim=math.nan, style=3.0),
        scored("b", ssim=0.7, style=math.inf),
        scored("b", style=1.0),
    ]
    found = report.summary(paintings)
    assert list(found) == ["b", "a"]
    assert found["b"] == {"style": 3.0, "ssim": pytest.approx(0.6)}
    assert list(found["a"]) == ["ssim"]
    assert math.isnan(found["a"]["ssim"])
    assert report.summary([]) == {}
    assert report.summary([scored(seconds=2.0), scored(seconds=4.0)]) == {"": {"seconds": 3.0}}


def test_csv():
    paintings = [*grid(2, 2), scored("m,2", NASTY, 'a "b"', sifid=0.1 + 0.2, ssim=math.nan, edges=math.inf)]
    heading, *lines = csv.reader(StringIO(report.as_csv(paintings)))
    assert heading == ["method", "result", "content", "style", "taken_for", *MEASURES]
    assert len(lines) == len(paintings)
    for line, each in zip(lines, paintings, strict=True):
        assert line[:5] == [each.method, str(each.result), str(each.content), str(each.style), each.taken_for]
        for cell, name in zip(line[5:], MEASURES, strict=True):
            value = each.scores.get(name, math.nan)
            assert cell == "" if not math.isfinite(value) else float(cell) == value
    assert next(csv.reader(StringIO(report.as_csv(grid(1, 1, ["ssim", "style"])))))[5:] == ["style", "ssim"]


def refuse(word):
    raise AssertionError(f"{word} is no JSON")


def test_json():
    paintings = [*grid(2, 3, ["style", "ssim"]), scored("m2", NASTY, "Monet", style=math.nan, ssim=-math.inf)]
    whole = json.loads(report.as_json(paintings), parse_constant=refuse)
    assert list(whole) == ["measures", "summary", "paintings"]
    assert whole["measures"]["ssim"] == {"title": "SSIM", "meaning": MEASURES["ssim"].meaning, "ideal": 1}
    assert list(whole["measures"]) == ["style", "ssim"]
    medians = report.summary(paintings)
    assert whole["summary"] == {"m0": medians["m0"], "m1": medians["m1"], "m2": {"style": None, "ssim": None}}
    assert [each["scores"] for each in whole["paintings"][:-1]] == [dict(each.scores) for each in paintings[:-1]]
    assert whole["paintings"][-1] == {
        "method": "m2",
        "result": NASTY,
        "content": "c.png",
        "style": "s.png",
        "taken_for": "Monet",
        "scores": {"style": None, "ssim": None},
    }


def test_file_names_that_are_no_text():
    paintings = [scored("a", b"\xff.png".decode("utf-8", "surrogateescape"), style=1.0)]
    for text in (report.as_csv(paintings), report.as_json(paintings), drawn(report.table(paintings))):
        text.encode()


# The terminal


def test_a_table_of_methods():
    table = report.table(grid())
    assert [column.header.replace("\n", " ") for column in table.columns] == ["method", *(measure.title for measure in MEASURES.values())]
    rows, bold = rows_of(table)
    assert [row[0] for row in rows] == ["m0", "m1", "m2"]
    medians = report.summary(grid())
    for row, (_, values) in zip(rows, medians.items(), strict=True):
        assert [float(word) for word in row[1:]] == pytest.approx(list(values.values()), rel=0.006)
    for index, (name, measure) in enumerate(MEASURES.items(), 1):
        distances = [abs(values[name] - measure.ideal) for values in medians.values()]
        best = int(np.argmin(distances))
        if rows[best][index] not in [row[index] for i, row in enumerate(rows) if i != best]:
            assert [i for i, row in enumerate(rows) if row[index] in bold[i]] == [best]


def test_a_table_of_paintings():
    paintings = [scored("a", "[red]1.png", "Monet", ssim=0.2), scored("", "2.png", ssim=1.1), scored("b", "3.png", "Dalí")]
    table = report.table(paintings, paintings=True, by="ssim")
    rows, bold = rows_of(table)
    assert [column.header for column in table.columns] == ["method", "painting", "SSIM", "taken for"]
    assert rows == [["unknown", "2.png", "1.10", ""], ["a", "[red]1.png", "0.200", "Monet"], ["b", "3.png", "–", "Dalí"]]
    assert bold == [["1.10"], [], []]
    assert "[red]1.png" in drawn(table)
    assert rows_of(report.table(paintings[:1]))[0] == [["a", "[red]1.png", "0.200", "Monet"]]
    assert rows_of(report.table([scored(ssim=0.5), scored("", "q.png", ssim=0.5)]))[0] == [["2 paintings", "0.500"]]


@pytest.mark.parametrize("by", list(MEASURES))
def test_a_table_is_sorted(by):
    rows, _ = rows_of(report.table(grid(7), by=by))
    medians = report.summary(grid(7))
    assert [row[0] for row in rows] == sorted(medians, key=lambda method: abs(medians[method][by] - MEASURES[by].ideal))


def test_a_table_cannot_be_sorted_by_what_is_not_there():
    with pytest.raises(OptionError, match=r"sorted by ssim; choose one of style, grain$"):
        report.table(grid(names=["grain", "style"]), by="ssim")
    with pytest.raises(OptionError, match="nothing was measured"):
        report.table([], by="ssim")


def test_all_numbers_fit_a_terminal():
    text = drawn(report.table([scored("risser2017", **dict.fromkeys(MEASURES, value)) for value in (0.0012, 0.0456)]), 80)
    assert "…" not in text
    assert text.count("0.0234") == len(MEASURES)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1, "1.00"),
        (0.12345, "0.123"),
        (0.99951, "1.00"),
        (99.96, "100"),
        (12345.6, "12300"),
        (0.000123456, "0.000123"),
        (1.23456e-7, "1.23e-07"),
        (-0.0456, "-0.0456"),
        (1.5e9, "1.50e+09"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers_have_three_digits(value, text):
    rows, _ = rows_of(report.table([scored(style=value)]))
    assert rows == [["r.png", text]]


# The front and the plot

COORDINATES = some.sampled_from([0.0, 1.0, 2.0, 3.0, math.inf]) | some.floats(allow_nan=True)


@given(some.lists(some.tuples(COORDINATES, COORDINATES), max_size=30))
def test_the_front_against_every_pair(points):
    def better(one, other):
        return one[0] <= other[0] and one[1] <= other[1] and one != other

    wanted = [i for i, point in enumerate(points) if not any(map(math.isnan, point)) and not any(better(other, point) for other in points)]
    found = report.front(points)
    assert sorted(found) == wanted
    assert [points[index][0] for index in found] == sorted(points[index][0] for index in found)


def test_a_front():
    assert report.front([(3, 1), (1, 3), (2, 2), (2, 3), (1, 3), (4, 1)]) == [1, 4, 2, 0]
    assert report.front([]) == []


@pytest.mark.parametrize(
    "paintings",
    [
        grid(16, 4),
        grid(1, 1),
        [scored("", f"{i}.png", style=i / 7, content=0.5) for i in range(5)],
        [scored("$x_2$", style=0.001, content=1.0), scored(NASTY[:5], style=3.0, content=0.5), scored(style=math.nan, content=1.0)],
        [scored("a", style=1.0, content=1.0), scored("b", style=1.0, content=1.0), scored("c", ssim=1.0)],
    ],
    ids=["many", "one", "without a method", "odd names", "in one place"],
)
def test_a_plot(paintings):
    plot = report.pareto(paintings)
    image = Image.open(BytesIO(plot))
    assert image.format == "PNG"
    assert 1100 <= image.width <= 2400
    assert 0.5 < image.height / image.width < 0.8
    assert 10_000 < len(plot) < 500_000
    assert np.asarray(image.convert("L")).std() > 5


def test_names_in_a_plot_lie_beside_each_other(monkeypatch):
    """Sixteen methods in a small place, each named, and no name on another."""
    boxes = {}

    def look(figure, *_, **__):
        figure.draw_without_rendering()
        # Without the line that leads to the mark.
        boxes.update({text.get_text(): Text.get_window_extent(text) for text in figure.axes[0].texts})

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", look)
    rng = np.random.default_rng(5)
    close = [scored(f"method{i}", style=rng.normal(1, 0.02), content=rng.normal(1, 0.02)) for i in range(15)]
    report.pareto([*close, scored("far", style=2.0, content=2.0)])
    assert len(boxes) == 16
    pairs = [(one, other) for one in boxes for other in boxes if one < other and boxes[one].overlaps(boxes[other])]
    assert not pairs


def test_a_plot_needs_both_distances():
    with pytest.raises(OptionError, match="both measures"):
        report.pareto([scored(style=1.0), scored(content=1.0), scored(style=1.0, content=math.nan)])


# The page


class Page(HTMLParser):
    """What is on a page: its headings, its rows of text by table, its classes of pictures, links and attributes."""

    def __init__(self, text):
        super().__init__()
        self.text, self.tables, self.tags, self.words, self._inside = text, [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._inside.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag in ("meta", "img"):
            self._inside.pop()

    def handle_endtag(self, tag):
        assert self._inside.pop() == tag

    def handle_data(self, data):
        self.words.append((self._inside[-1] if self._inside else "", data))
        if "td" in self._inside or "th" in self._inside:
            self.tables[-1][-1][-1] = f"{self.tables[-1][-1][-1]} {data}".strip()

    def attributes(self, tag, name):
        return [attributes[name] for found, attributes in self.tags if found == tag and name in attributes]

    def text_of(self, tag):
        return [data for inside, data in self.words if inside == tag and data.strip()]


@pytest.fixture
def painted(tmp_path):
    """Two methods by two contents and one style, in files; names repeat in the methods' folders."""
    rng = np.random.default_rng(0)
    every = []
    for name, side in (("c.png", 300), (NASTY, 60), ("s.png", 100)):
        Image.fromarray(rng.integers(0, 255, (side // 2, side, 3), np.uint8)).save(tmp_path / name)
    for method in ("impasto", "<fast>"):
        (tmp_path / method).mkdir()
        for index, content in enumerate(("c.png", NASTY)):
            file = tmp_path / method / f"{index}.png"
            Image.fromarray(rng.integers(0, 255, (90, 60, 3), np.uint8)).save(file)
            scores = {"style": float(rng.random()), "grain": float(2 * rng.random()), "ssim": float(rng.random())}
            every.append(Scored(file, tmp_path / content, tmp_path / "s.png", method, scores, "Mañé & <i>"))
    return every


def test_a_page(painted, tmp_path):
    page = Page(report.html(painted, "Tom & <Jerry>", pareto=report.pareto(grid(2)), folder=tmp_path / "impasto"))
    assert page.text_of("h1") == ["Tom & <Jerry>"]
    assert page.text_of("title") == ["Tom & <Jerry>"]
    methods, paintings = page.tables
    titles = ["style distance", "grain", "SSIM"]
    assert methods[0] == ["method", *titles]
    assert [row[0].split()[0] for row in methods[1:]] == ["impasto", "<fast>"]
    assert paintings[0] == ["content", "result", "style", "method", *titles, "taken for"]
    assert len(paintings) == 1 + len(painted)
    for row, each in zip(paintings[1:], painted, strict=True):
        assert row[:4] == [each.content.name, f"{each.method}/{each.result.name}", "s.png", each.method]
        assert [float(word) for word in row[4:7]] == pytest.approx(list(each.scores.values()), rel=0.006)
        assert row[7] == "Mañé & <i>"
    assert [unquote(link) for link in page.attributes("a", "href")] == ["0.png", "1.png", "../<fast>/0.png", "../<fast>/1.png"]
    assert page.text_of("option") == ["all methods", "impasto", "<fast>"]
    buttons = [tag for tag, _ in page.tags if tag == "button"]
    assert len(buttons) == 4 + 8
    tooltips = page.attributes("th", "title")
    assert all(any(MEASURES[name].meaning in tooltip for tooltip in tooltips) for name in ("style", "grain", "ssim"))


def test_a_page_needs_nothing_else(painted):
    text = report.html(painted, "A", pareto=report.pareto(grid(2)))
    page = Page(text)
    assert "http:" not in text
    assert "https:" not in text
    assert not page.attributes("a", "href")
    assert not [tag for tag, _ in page.tags if tag in ("link", "iframe")]
    assert all(source.startswith("data:image/png;base64,") for source in page.attributes("img", "src"))
    assert not page.attributes("script", "src")


def test_each_picture_is_on_a_page_once(painted, tmp_path):
    shutil.copy(tmp_path / "s.png", tmp_path / "same.png")
    again = [*painted, Scored(painted[0].result, painted[0].content, tmp_path / "same.png", "impasto", {})]
    text = report.html(again, "A")
    assert text.count("data:image/jpeg;base64,") == 4 + 2 + 1
    shown = [words for words in Page(text).attributes("span", "class") if words.startswith("picture")]
    assert len(shown) == 3 * len(again)
    assert len(set(shown)) == 7
    assert shown[2] == shown[-1]
    assert shown[1] == shown[-2]


def test_little_to_show(painted):
    alone = Page(report.html([painted[0]], "A"))
    assert len(alone.tables) == 1
    assert not alone.text_of("option")
    bare = Page(report.html([Scored(painted[0].result, painted[0].content, painted[0].style, "", {"ssim": math.nan})], "A"))
    assert bare.tables == [[["content", "result", "style", "SSIM"], ["c.png", "0.png", "s.png", "–"]]]
    assert Page(report.html([], "A")).tables == [[["content", "result", "style"]]]


def test_transparency_shows_white(painted):
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(painted[0].result)
    thumbnail = report.html([painted[0]], "A").split("data:image/jpeg;base64,")[2].split(")")[0]
    assert np.asarray(Image.open(BytesIO(base64.b64decode(thumbnail)))).min() > 250


def test_a_picture_that_is_gone(painted):
    painted[2].result.unlink()
    with pytest.raises(PictureError):
        report.html(painted, "A")


CLICKS = """
<script>
{
const seen = {}, table = document.querySelector(".paintings");
const names = () => [...table.tBodies[0].rows].filter(row => !row.hidden).map(row => row.cells[1].textContent.trim());
for (const heading of table.tHead.rows[0].cells) {
  const clicks = seen[heading.textContent.trim()] = [];
  for (let click = 0; click < 2; click++) {
    heading.querySelector("button").click();
    const marked = [...table.tHead.rows[0].cells].filter(other => other.hasAttribute("aria-sort"));
    clicks.push([names(), marked.length, marked[0] === heading, heading.getAttribute("aria-sort")]);
  }
}
const choice = document.querySelector("select");
choice.selectedIndex = 2;
choice.dispatchEvent(new Event("change"));
seen.chosen = names();
seen.status = document.getElementById("status").textContent;
const found = document.createElement("pre");
found.id = "seen";
found.textContent = JSON.stringify(seen);
document.body.append(found);
}
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium to click with")
def test_clicks_sort(painted, tmp_path):
    """In a real browser: the first click brings the nearest to the ideal up, the second turns it round; what is missing stays last."""
    folder, (first, *_) = tmp_path, painted
    odd = [
        {"style": 5.0, "grain": 1.1, "ssim": 1.5},
        {"style": math.nan, "grain": 0.05},
        {"style": 1e-9, "grain": 1.93, "ssim": -0.3},
        {"style": 10.0, "grain": 0.97, "ssim": 0.999},
    ]
    for name, scores in zip(("p10.png", "P9.png", "z.png", "é.png"), odd, strict=True):
        shutil.copy(first.result, folder / name)
        painted.append(Scored(folder / name, first.content, first.style, "impasto", scores))
    page = folder / "page.html"
    page.write_text(report.html(painted, "A") + CLICKS, encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri()]
    dumped = subprocess.run(command, capture_output=True, timeout=120, check=True).stdout.decode()
    seen = json.loads(Page(dumped).text_of("pre")[0])

    names = {each.result: each.result.relative_to(folder).as_posix() for each in painted}
    for measure in ("style", "grain", "ssim"):
        ideal = MEASURES[measure].ideal
        known = [each for each in painted if math.isfinite(each.scores.get(measure, math.nan))]
        near = [names[each.result] for each in sorted(known, key=lambda each: abs(each.scores[measure] - ideal))]
        missing = [names[each.result] for each in painted if each not in known]
        first, second = seen[MEASURES[measure].title]
        assert first == [near + missing, 1, True, "ascending"]
        assert second == [near[::-1] + missing, 1, True, "descending"]
    wanted = ["<fast>/0.png", "<fast>/1.png", "é.png", "impasto/0.png", "impasto/1.png", "P9.png", "p10.png", "z.png"]
    assert seen["result"][0][0] == wanted
    assert seen["result"][1][0] == wanted[::-1]
    assert set(seen["chosen"]) == {"<fast>/0.png", "<fast>/1.png"}
    assert seen["status"].startswith("2 of 8 paintings, sorted by taken for")
