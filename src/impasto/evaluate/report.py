"""Scored paintings as people look at them: tables, a plot, a page to open in a browser, and files for other programs."""

import base64
import csv
import json
import math
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO, StringIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

from PIL import Image

from impasto import picture
from impasto.errors import OptionError
from impasto.evaluate.measures import MEASURES, Scored

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from rich.table import Table

THUMBNAIL = 200  # pixels, the longest side
UNKNOWN = "unknown"  # what a method without a name is called beside others
INK, FAINT = "#26221d", "#8a8378"


def summary(scored: Sequence[Scored]) -> dict[str, dict[str, float]]:
    """What each method does as a rule: its medians, of ``deception`` its mean, which is a rate.

    Args:
        scored: the paintings.

    Returns:
        By method, in the order in which they appear, the measures that its paintings were scored by. A painting whose
        score is NaN doesn't count; where that goes for all, so is the median.
    """
    paintings: dict[str, list[Scored]] = {}
    for each in scored:
        paintings.setdefault(each.method, []).append(each)
    return {method: {name: _middle(name, mine) for name in _present(mine)} for method, mine in paintings.items()}


def as_csv(scored: Sequence[Scored]) -> str:
    """One line for each painting, under a line of names.

    Args:
        scored: the paintings.

    Returns:
        The text; a score that is missing, NaN or infinite is an empty cell.
    """
    names = _present(scored)
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["method", "result", "content", "style", "taken_for", *names])
    for each in scored:
        words = [_readable(str(word)) for word in (each.method, each.result, each.content, each.style, each.taken_for)]
        writer.writerow([*words, *(_finite(each.scores.get(name)) for name in names)])
    return stream.getvalue()


def as_json(scored: Sequence[Scored]) -> str:
    """Everything that is known: the measures, the medians by method, and each painting.

    Args:
        scored: the paintings.

    Returns:
        The text; a score that is NaN or infinite is null.
    """
    whole = {
        "measures": {name: asdict(MEASURES[name]) for name in _present(scored)},
        "summary": {method: _all_finite(medians) for method, medians in summary(scored).items()},
        "paintings": [
            {
                "method": each.method,
                "result": str(each.result),
                "content": str(each.content),
                "style": str(each.style),
                "taken_for": each.taken_for,
                "scores": _all_finite({name: each.scores[name] for name in _present([each])}),
            }
            for each in scored
        ],
    }
    return json.dumps(whole, indent=2, allow_nan=False) + "\n"


def table(scored: Sequence[Scored], *, paintings: bool = False, by: str | None = None) -> "Table":
    """The scores for a terminal, with the best of each column in bold.

    Args:
        scored: the paintings.
        paintings: whether each has a row of its own; otherwise each method has one, unless there is but one painting.
        by: the measure whose column the rows are sorted by, nearest to its ideal first; without it they stay in order.

    Returns:
        The table.

    Raises:
        OptionError: ``by`` is no measure that was asked for.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    names = _present(scored)
    if by is not None and by not in names:
        choices = f"choose one of {', '.join(names)}" if names else "nothing was measured"
        raise OptionError(f"the table can't be sorted by {by}; {choices}")

    many = len(names) > 6  # too many for wide gaps in a terminal of 80 columns
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 0 if many else 1))
    methods = summary(scored)
    with_method = with_class = False
    rows: list[list[str]]
    if paintings or len(scored) < 2:
        with_method, with_class = any(methods), any(each.taken_for for each in scored)
        labels = _labels(each.result for each in scored)
        rows = [[*([each.method or UNKNOWN] if with_method else []), labels[each.result]] for each in scored]
        scores: list[Mapping[str, float]] = [each.scores for each in scored]
        headings = [*(["method"] if with_method else []), "painting"]
    else:
        rows = [[method or (UNKNOWN if len(methods) > 1 else f"{len(scored)} paintings")] for method in methods]
        scores = list(methods.values())
        headings = ["method" if any(methods) else "median of"]
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for name in names:
        table.add_column(MEASURES[name].title.replace(" ", "\n"), justify="right", vertical="bottom", no_wrap=True)
    if with_class:
        table.add_column("taken for", overflow="fold")

    order = list(range(len(rows)))
    if by is not None:
        order.sort(key=lambda index: _distance(by, scores[index].get(by)))
    entries = _entries(names, scores)
    for index in order:
        words = [Text(_readable(word)) for word in rows[index]]
        numbers = [Text(entry.text, "bold" if entry.best else "") for entry in entries[index]]
        table.add_row(*words, *numbers, *([Text(_readable(scored[index].taken_for))] if with_class else []))
    return table


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The Pareto front, where both coordinates are to be low.

    Args:
        points: pairs of numbers; one with a NaN is never on the front.

    Returns:
        The indices of the points for which no other is at least as low in both coordinates and lower in one, sorted by
        the first coordinate. Of points in one place all are on it, or none.
    """
    comparable = [index for index, point in enumerate(points) if not any(map(math.isnan, point))]
    chosen: list[int] = []
    for index in sorted(comparable, key=lambda index: points[index]):
        if not chosen or points[index][1] < points[chosen[-1]][1] or points[index] == points[chosen[-1]]:
            chosen.append(index)
    return chosen


def pareto(scored: Sequence[Scored]) -> bytes:
    """A plot of how near the paintings are to their style, and how near to their content.

    Args:
        scored: the paintings, each a dot; the median of each method is a large mark, and the front of these is a line.

    Returns:
        A PNG file.

    Raises:
        OptionError: no painting has both distances.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    dots = [(each.method, *spot) for each in scored if (spot := _spot(each.scores))]
    if not dots:
        raise OptionError("the plot needs the style and the content distance of each painting; ask for both measures")
    marks = {method: spot for method, medians in summary(scored).items() if (spot := _spot(medians))}
    best = [list(marks)[index] for index in front(list(marks.values()))] if len(marks) > 1 else []
    colours = dict(zip(marks, _colours(len(marks)), strict=True))

    figure = Figure(figsize=(10, 6.4), dpi=160, layout="constrained")
    axes = figure.subplots()
    for axis, scale, distances in (
        (axes.xaxis, axes.set_xscale, [style for _, style, _ in dots]),
        (axes.yaxis, axes.set_yscale, [content for _, _, content in dots]),
    ):
        if min(distances) > 0 and max(distances) > 10 * min(distances):
            scale("log")
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
    axes.margins(0.07)

    fading = max(0.18, 0.6 - len(dots) / 1000)
    for method, mark in marks.items():
        mine = [dot for dot in dots if dot[0] == method]
        styles, contents = [style for _, style, _ in mine], [content for _, _, content in mine]
        axes.scatter(styles, contents, s=12, color=colours[method], alpha=fading, linewidths=0, zorder=2)
        size, edge = (130, INK) if method in best else (75, "white")
        axes.scatter(mark[0], mark[1], s=size, color=colours[method], edgecolors=edge, linewidths=1.3, zorder=4)
    handles: list[Artist] = [
        axes.scatter([], [], s=12, color=FAINT, alpha=0.6, linewidths=0, label="a painting"),
        axes.scatter([], [], s=75, color=FAINT, edgecolors="white", label="the median of a method" if len(marks) > 1 else "the median"),
    ]
    if best:
        styles, contents = [marks[method][0] for method in best], [marks[method][1] for method in best]
        label = "the front, in bold: no other method is nearer to both"
        handles += axes.plot(styles, contents, drawstyle="steps-post", color=INK, linewidth=1.2, label=label)
    axes.set_xlabel(f"←  closer to the style        {MEASURES['style'].title}", color=INK)
    axes.set_ylabel(f"←  closer to the content        {MEASURES['content'].title}", color=INK)
    axes.grid(visible=True, alpha=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=9, labelcolor=INK)
    names = {method: _readable(method) or (UNKNOWN if len(marks) > 1 else "") for method in marks}
    _name_marks(axes, {names[method]: mark for method, mark in marks.items()}, [names[method] for method in best])

    stream = BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def html(scored: Sequence[Scored], title: str, *, pareto: bytes | None = None, folder: str | os.PathLike[str] | None = None) -> str:
    """A page that shows the paintings beside what they were painted from, and lets one sort them by any score.

    It needs no other file and no network, so it can be opened by a double click, sent and kept.

    Args:
        scored: the paintings.
        title: the page's heading.
        pareto: the plot that :func:`pareto` draws, to be shown on the page.
        folder: where the page will lie, for links from the small pictures to the paintings' files; without it there are none.

    Returns:
        The page.

    Raises:
        PictureError: one of the pictures can't be read any more.
    """
    from jinja2 import Environment, StrictUndefined

    names, medians = _present(scored), summary(scored)
    thumbnails, places = _thumbnails(path for each in scored for path in (each.content, each.result, each.style))
    shown = [_labels(paths) for paths in zip(*((each.content, each.result, each.style) for each in scored), strict=True)]
    numbers = {method: number for number, method in enumerate(medians, 1)}

    def show(kind: str, path: Path, labels: Mapping[Path, str], link: str | None = None) -> _Shown:
        return _Shown(kind, _readable(labels[path]), places[path], link)

    rows = [
        {
            "pictures": [
                show("content", each.content, shown[0]),
                show("result", each.result, shown[1], None if folder is None else _link(each.result, Path(folder))),
                show("style", each.style, shown[2]),
            ],
            "method": _readable(each.method) or UNKNOWN,
            "method_number": numbers[each.method],
            "entries": entries,
            "taken_for": _readable(each.taken_for),
        }
        for each, entries in zip(scored, _entries(names, [each.scores for each in scored]), strict=True)
    ]
    counts = {method: sum(each.method == method for each in scored) for method in medians}
    methods = [
        {"name": _readable(method) or UNKNOWN, "paintings": _counted(counts[method], "painting"), "entries": entries}
        for method, entries in zip(medians, _entries(names, list(medians.values())), strict=True)
    ]
    about = _counted(len(scored), "painting") + (f" by {len(methods)} methods" if len(methods) > 1 else "")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return page.from_string(Path(__file__).with_name("report.html").read_text(encoding="utf-8")).render(
        title=_readable(title),
        about=about,
        measures=[MEASURES[name] for name in names],
        rate=MEASURES["deception"].title if "deception" in names else None,
        thumbnails=thumbnails,
        plot=None if pareto is None else base64.b64encode(pareto).decode(),
        methods=methods,
        with_method=any(medians),
        with_class=any(each.taken_for for each in scored),
        rows=rows,
    )


@dataclass(frozen=True)
class _Entry:
    """A number in a table: what is read, what is sorted by (None comes last), and whether it is the best of its column."""

    text: str
    value: float | None
    best: bool


@dataclass(frozen=True)
class _Thumbnail:
    """A small picture: its sides as parts of the longest, and a JPEG file in base 64."""

    width: float
    height: float
    jpeg: str


@dataclass(frozen=True)
class _Shown:
    """A small picture in a row: what it is, its name, which thumbnail, and where it leads."""

    kind: str
    name: str
    place: int
    link: str | None


def _present(scored: Iterable[Scored]) -> list[str]:
    """The measures that any of the paintings was scored by, in the order of tables."""
    asked = {name for each in scored for name in each.scores}
    return [name for name in MEASURES if name in asked]


def _middle(name: str, scored: Sequence[Scored]) -> float:
    values = [value for each in scored if not math.isnan(value := float(each.scores.get(name, math.nan)))]
    if not values:
        return math.nan
    return statistics.fmean(values) if name == "deception" else statistics.median(values)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _all_finite(scores: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _finite(value) for name, value in scores.items()}


def _distance(name: str, value: float | None) -> float:
    """From the ideal; infinite for what isn't known."""
    return math.inf if value is None or math.isnan(value) else abs(value - MEASURES[name].ideal)


def _entries(names: Sequence[str], scores: Sequence[Mapping[str, float]]) -> list[list[_Entry]]:
    """The numbers of each row. Those that read like the best are as good; where all do, none stands out."""
    columns = []
    for name in names:
        values = [row.get(name) for row in scores]
        texts = [_number(value) for value in values]
        nearest = min((_distance(name, value) for value in values), default=math.inf)
        best = {text for text, value in zip(texts, values, strict=True) if math.isfinite(nearest) and _distance(name, value) == nearest}
        if best >= set(texts):
            best = set()
        columns.append([_Entry(text, _finite(value), text in best) for text, value in zip(texts, values, strict=True)])
    return [[column[index] for column in columns] for index in range(len(scores))]


def _number(value: float | None) -> str:
    """Three significant digits."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    rounded = float(f"{value:.2e}")
    magnitude = math.floor(math.log10(abs(rounded))) if rounded else 0
    if not -4 <= magnitude < 6:
        return f"{value:.2e}"
    return f"{rounded:.{max(0, 2 - magnitude)}f}" if rounded else "0"


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _readable(text: str) -> str:
    """The text without what UTF-8 can't hold: file names may be any bytes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _labels(paths: Iterable[Path]) -> dict[Path, str]:
    """What files are called beside each other: by their names, or from their common folder on where two share a name."""
    distinct = {path: path.absolute() for path in paths}
    if len({path.name for path in distinct.values()}) == len(set(distinct.values())):
        return {path: path.name for path in distinct}
    try:
        common = os.path.commonpath(list(distinct.values()))
    except ValueError:  # on two drives
        return {path: str(path) for path in distinct}
    return {path: whole.relative_to(common).as_posix() for path, whole in distinct.items()}


def _link(file: Path, folder: Path) -> str:
    try:
        relative = os.path.relpath(file.absolute(), folder.absolute())
    except ValueError:  # on another drive
        return file.absolute().as_uri()
    return quote_from_bytes(os.fsencode(Path(relative).as_posix()))


def _thumbnails(paths: Iterable[Path]) -> tuple[list[_Thumbnail], dict[Path, int]]:
    """Every distinct picture once, and which of them each path is."""
    found: dict[_Thumbnail, int] = {}
    places: dict[Path, int] = {}
    for path in paths:
        if path not in places:
            places[path] = found.setdefault(_thumbnail(path), len(found))
    return list(found), places


def _thumbnail(path: Path) -> _Thumbnail:
    opened = picture.read(path).scaled(THUMBNAIL, enlarge=False)
    small = opened.picture
    if opened.alpha is not None:
        alpha = opened.alpha[..., None]
        small = small * alpha + (1 - alpha)  # on white paper
    image: Image.Image = picture.to_pil(small)
    stream = BytesIO()
    image.save(stream, "JPEG", quality=70, optimize=True)
    longest = max(image.size)
    return _Thumbnail(round(image.width / longest, 4), round(image.height / longest, 4), base64.b64encode(stream.getvalue()).decode())


def _spot(scores: Mapping[str, float]) -> tuple[float, float] | None:
    style, content = _finite(scores.get("style")), _finite(scores.get("content"))
    return None if style is None or content is None else (style, content)


def _colours(count: int) -> list[tuple[float, ...]]:
    """Colours that differ, the strong ones first."""
    from matplotlib import colormaps

    pairs = colormaps["tab20"]
    every = [tuple(pairs(index)) for index in (*range(0, 20, 2), *range(1, 20, 2))]
    return [every[index % len(every)] for index in range(count)]


_Box = tuple[float, float, float, float]  # left, bottom, right, top


def _name_marks(axes: "Axes", marks: Mapping[str, tuple[float, float]], best: Sequence[str]) -> None:
    """Write a name beside each mark, where it covers no other name, no mark and nothing of the front, if there is such a place."""
    from matplotlib.patheffects import withStroke

    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # settles where the marks are
    dpi = figure.dpi
    frame: _Box = axes.bbox.extents
    spots = {method: tuple(axes.transData.transform(mark)) for method, mark in marks.items()}
    reach, thin = 7 * dpi / 72, 2 * dpi / 72
    taken: list[_Box] = [(x - reach, y - reach, x + reach, y + reach) for x, y in spots.values()]
    for (left, top), (right, bottom) in pairwise(spots[method] for method in best):  # the steps of the line
        taken += [(left, top - thin, right, top + thin), (right - thin, bottom, right + thin, top)]
    for method in sorted(marks, key=lambda method: (method not in best, spots[method])):
        label = axes.annotate(
            method,
            marks[method],
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9,
            fontweight="bold" if method in best else "normal",
            color=INK,
            zorder=5,
            path_effects=[withStroke(linewidth=2.5, foreground="white", alpha=0.85)],
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4},
            parse_math=False,
        )
        label.set_in_layout(False)
        extent = label.get_window_extent()
        half = extent.width / 2 + 2, extent.height / 2 + 1

        def box(place: tuple[float, float], spot: tuple[float, ...] = spots[method], half: tuple[float, float] = half) -> _Box:
            x, y = spot[0] + place[0], spot[1] + place[1]
            return x - half[0], y - half[1], x + half[0], y + half[1]

        places = [
            ((reach + away + half[0]) * math.cos(angle), (reach + away + half[1]) * math.sin(angle))
            for away in (0, 12, 28, 48, 72, 100, 140)
            for angle in (math.pi * step / 8 for step in (0, 8, 4, 12, 2, 14, 6, 10, 1, 15, 7, 9, 3, 5, 11, 13))
        ]
        cost = {
            place: 20 * sum(_shared(box(place), other) for other in taken)
            + 100 * (4 * half[0] * half[1] - _shared(box(place), frame))
            + 8 * math.hypot(*place)
            for place in places
        }
        chosen = min(places, key=cost.__getitem__)
        taken.append(box(chosen))
        label.set_position((chosen[0] * 72 / dpi, chosen[1] * 72 / dpi))
        if label.arrow_patch is not None and math.hypot(*chosen) < reach + 12 + math.hypot(*half) / 2:
            label.arrow_patch.set_visible(False)


def _shared(one: _Box, other: _Box) -> float:
    """The area that two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)
