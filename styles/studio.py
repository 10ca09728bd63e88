"""The studio: canvas, brushes, fields, papers and lighting shared by every style picture.

All positions and sizes are in picture pixels (the finished picture's). The work itself is done on a grid `FINE` times finer in each
direction and shrunk at the end, so that every edge comes out clean.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage, special

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Points = Sequence[tuple[float, float]] | Array

FINE = 2
"""Work pixels per picture pixel, in each direction."""


def dice(name: str) -> np.random.Generator:
    """A random generator that depends on the name only, so that each picture can be remade alone."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def ink(code: str) -> Array:
    """A colour in 0..1 from its hex code such as `1b2a5c`."""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)], np.float32)


def inks(codes: str) -> Array:
    """A palette, one colour per row, from hex codes separated by spaces."""
    return np.stack([ink(code) for code in codes.split()])


def grid(width: int, height: int) -> tuple[Array, Array]:
    """The x and y of every work pixel's centre, in picture pixels."""
    y, x = np.mgrid[0 : height * FINE, 0 : width * FINE].astype(np.float32)
    return (x + 0.5) / FINE, (y + 0.5) / FINE


def smoothstep(low: float | Array, high: float | Array, value: Array) -> Array:
    """0 below low, 1 above high, and a smooth S between them."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def ramp(palette: Array, value: Array) -> Array:
    """The palette read as a scale of colours: 0 gives its first colour, 1 its last."""
    at = np.clip(value, 0, 1) * (len(palette) - 1)
    low = np.minimum(at.astype(np.intp), len(palette) - 2)
    part = (at - low)[..., None].astype(np.float32)
    return palette[low] * (1 - part) + palette[low + 1] * part


def lay(picture: Array, mask: Array | Mask, colour: Array) -> None:
    """Cover the picture, in place, with a colour (or another picture) where the mask is 1."""
    m = np.asarray(mask, np.float32)[..., None]
    picture += m * (colour - picture)


def edges(labels: NDArray[np.int64], thickness: float) -> Array:
    """The distance-based line of the given thickness between areas of different label, as a mask."""
    border = np.zeros(labels.shape, bool)
    border[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    border[1:] |= labels[1:] != labels[:-1]
    return smoothstep(thickness / 2 + 0.5, thickness / 2 - 0.5, (ndimage.distance_transform_edt(~border) / FINE).astype(np.float32))


def ribbon(line: Array, thick: Array | float) -> Array:
    """The outline of a band along the line, `thick` to each side at each of its points."""
    run = np.gradient(line, axis=0)
    normal = np.stack([-run[:, 1], run[:, 0]], 1) / (np.hypot(*run.T)[:, None] + 1e-6)
    out = normal * np.broadcast_to(np.asarray(thick, np.float32), (len(line),))[:, None]
    return np.concatenate([line + out, (line - out)[::-1]]).astype(np.float32)


def swelling(count: int, start: float = 0.3, end: float = 0.6, middle: float = 1.0) -> Array:
    """How wide a tapered mark is at each of its points: it swells over its first part `start` and thins out over its last, `end`."""
    u = np.linspace(0, 1, count, dtype=np.float32)
    return (middle * np.minimum(1, u / max(start, 1e-3)) ** 0.7 * np.minimum(1, (1 - u) / max(end, 1e-3)) ** 0.8).astype(np.float32)


def shapes(size: tuple[int, int], outlines: Iterable[Points]) -> Array:
    """Many filled polygons as one mask, with smooth edges."""
    sheet = Image.new("L", (size[1] * 2, size[0] * 2))
    pen = ImageDraw.Draw(sheet)
    for points in outlines:
        pen.polygon([(float(x) * FINE * 2, float(y) * FINE * 2) for x, y in points], fill=255)
    return np.asarray(sheet.reduce(2), np.float32) / 255


def depth(mask: Array | Mask) -> Array:
    """The distance to the mask's edge in picture pixels: above 0 inside, below 0 outside."""
    inside = np.asarray(mask, np.float32) > 0.5
    return np.asarray((ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)) / FINE, np.float32)


def speckle(value: Array, rng: np.random.Generator, size: float = 0.7) -> Array:
    """A tone in 0..1 as grain: a mask that covers that part of every place in specks of about the given size."""
    noise = ndimage.gaussian_filter(rng.standard_normal(value.shape).astype(np.float32), size * FINE * 0.6)
    share = special.ndtr(noise / noise.std())
    return smoothstep(-0.08, 0.08, np.where(value <= 0, -1, value - share))


def hatching(
    angle: Array,
    spacing: float,
    reach: float,
    rng: np.random.Generator,
    *,
    labels: NDArray[np.int64] | None = None,
    where: Mask | None = None,
    step: float = 2.0,
) -> list[Array]:
    """Lines along the direction field that keep their distance from each other, as a carver's or an engraver's do.

    Args:
        angle: The direction at every work pixel.
        spacing: The distance between lines.
        reach: The longest line.
        rng: For where lines begin and how long each is.
        labels: A line ends where it would leave the area that it began in.
        where: Where there may be lines at all; everywhere by default.
        step: The distance between a line's points.
    """
    rows, columns = angle.shape
    taken = np.zeros(angle.shape, bool) if where is None else ~where
    reach_of = int(spacing * 0.72 * FINE)
    across_it = np.arange(-reach_of, reach_of + 1)
    disc = np.hypot(across_it[:, None], across_it) <= reach_of
    lines: list[Array] = []
    waiting = [tuple(point) for point in spread(columns / FINE, rows / FINE, spacing * 1.5, rng)]
    while waiting:
        first = waiting.pop()
        halves: list[list[tuple[float, float]]] = []
        longest = reach * rng.uniform(0.45, 1.0) / 2
        area = -1
        for way in (1.0, -1.0):
            px, py = first
            half: list[tuple[float, float]] = []
            heading: tuple[float, float] | None = None
            while len(half) * step < longest:
                i, j = int(py * FINE), int(px * FINE)
                if not (0 <= i < rows and 0 <= j < columns) or taken[i, j]:
                    break
                if labels is not None:
                    area = int(labels[i, j]) if area < 0 else area
                    if labels[i, j] != area:
                        break
                half.append((px, py))
                turn = float(angle[i, j])
                dx, dy = np.cos(turn) * way, np.sin(turn) * way
                if heading is not None and dx * heading[0] + dy * heading[1] < 0:
                    dx, dy = -dx, -dy
                if heading is not None and dx * heading[0] + dy * heading[1] < 0.55:
                    break
                heading = (dx, dy)
                px, py = px + dx * step, py + dy * step
            halves.append(half)
        points = halves[1][:0:-1] + halves[0]
        if len(points) * step < spacing * 1.2:
            continue
        line = np.array(points, np.float32)
        for px, py in points:
            i, j = int(py * FINE) - reach_of, int(px * FINE) - reach_of
            window = taken[max(i, 0) : i + 2 * reach_of + 1, max(j, 0) : j + 2 * reach_of + 1]
            window |= disc[max(-i, 0) :, max(-j, 0) :][: window.shape[0], : window.shape[1]]
        lines.append(line if rng.random() < 0.5 else line[::-1])
        # The next lines begin beside this one, so that they come to lie in rows.
        for at in (0.3, 0.7, 0.5):
            k = min(int(at * len(line)), len(line) - 2)
            run = line[k + 1] - line[k]
            run = run / (np.hypot(*run) + 1e-6) * spacing
            waiting += [(line[k, 0] - run[1], line[k, 1] + run[0]), (line[k, 0] + run[1], line[k, 1] - run[0])]
    return lines


def clouds(shape: tuple[int, int], size: float, rng: np.random.Generator, octaves: int = 3, stretch: float = 1.0) -> Array:
    """Smooth noise of about unit spread; its largest blobs are `size` high and `size * stretch` wide."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        cell_y = max(size * FINE / 2**octave, 2.0)
        cell_x = max(cell_y * stretch, 2.0)
        seeds = rng.standard_normal((int(shape[0] / cell_y) + 5, int(shape[1] / cell_x) + 5)).astype(np.float32)
        rows = np.arange(shape[0], dtype=np.float32) / cell_y + 1
        columns = np.arange(shape[1], dtype=np.float32) / cell_x + 1
        # Interpolating one axis after the other is many times faster than both at once.
        tall = ndimage.map_coordinates(seeds, np.meshgrid(rows, np.arange(seeds.shape[1]), indexing="ij"), order=3)
        full = _along_rows(tall, columns)
        total += full / 2**octave
    return (total / max(float(total.std()), 1e-6)).astype(np.float32)


def _along_rows(table: Array, at: Array) -> Array:
    """Each row of the table read at fractional columns, with a cubic (Catmull-Rom) curve."""
    base = at.astype(np.intp)
    t = at - base
    weights = (-t / 2 + t**2 - t**3 / 2, 1 - 2.5 * t**2 + 1.5 * t**3, t / 2 + 2 * t**2 - 1.5 * t**3, (t**3 - t**2) / 2)
    top = table.shape[1] - 1
    result = sum(table[:, np.clip(base + k - 1, 0, top)] * w for k, w in enumerate(weights))
    return np.asarray(result, np.float32)


def skyline(x: Array, base: float, rise: float, span: float, rng: np.random.Generator, octaves: int = 4) -> Array:
    """The height (as y) of a hilly horizon at each x: a sum of random waves, the longest about `span` wide."""
    y = np.full(x.shape, base, np.float32)
    for octave in range(octaves):
        phase, wobble = rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 1.25)
        y -= rise / 1.9**octave * np.sin(x * 2 * np.pi / span * wobble * 2.0**octave + phase)
    return y


def shape(size: tuple[int, int], points: Points) -> Array:
    """A filled polygon as a mask."""
    sheet = Image.new("L", (size[1], size[0]))
    ImageDraw.Draw(sheet).polygon([(float(x) * FINE, float(y) * FINE) for x, y in points], fill=255)
    return np.asarray(sheet, np.float32) / 255


def curve(points: Points, count: int = 40) -> Array:
    """A smooth line through the points (a Catmull-Rom spline), as `count` points."""
    p = np.asarray(points, np.float32)
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    at = np.linspace(0, len(p) - 3, count)
    i = np.minimum(at.astype(np.intp), len(p) - 4)
    t = (at - i)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    line = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return line.astype(np.float32)


def spread(width: float, height: float, spacing: float, rng: np.random.Generator, margin: float = 0.0) -> Array:
    """Points that cover the picture evenly but not regularly, in random order."""
    xs, ys = np.meshgrid(np.arange(-margin, width + margin, spacing), np.arange(-margin, height + margin, spacing * 0.87))
    xs = xs + (np.arange(len(ys)) % 2 * spacing / 2)[:, None]
    points = np.stack([xs.ravel(), ys.ravel()], 1) + rng.uniform(-0.5, 0.5, (xs.size, 2)) * spacing
    return rng.permutation(points).astype(np.float32)


def pick(field: Array, points: Array) -> Array:
    """The field's values at the points (of any leading shape), nearest pixel."""
    x = np.clip((points[..., 0] * FINE).astype(np.intp), 0, field.shape[1] - 1)
    y = np.clip((points[..., 1] * FINE).astype(np.intp), 0, field.shape[0] - 1)
    return field[y, x]


def trace(angle: Array, starts: Array, lengths: Array, steps: int = 12) -> Array:
    """Lines that follow the flow field from each start, both ways: (strokes, points, 2)."""
    halves = []
    for way in (-1.0, 1.0):
        at, line = starts.copy(), [starts]
        heading = pick(angle, at)
        heading = np.stack([np.cos(heading), np.sin(heading)], -1) * way
        for _ in range(steps // 2):
            turn = pick(angle, at)
            new = np.stack([np.cos(turn), np.sin(turn)], -1)
            # A field of directions has no sign: keep going the way we went.
            new *= np.where((new * heading).sum(-1, keepdims=True) < 0, -1, 1)
            heading = new
            at = at + heading * (lengths / steps)[:, None]
            line.append(at)
        halves.append(np.stack(line, 1))
    return np.concatenate([halves[0][:, :0:-1], halves[1]], 1).astype(np.float32)


def across(field: Array) -> Array:
    """The direction along the field's contour lines, as an angle."""
    gy, gx = np.gradient(field)
    return np.arctan2(gx, -gy).astype(np.float32)


def shrink(picture: Array) -> Array:
    """The finished picture from the work picture: one pixel for each FINE x FINE block."""
    height, width = picture.shape[0] // FINE, picture.shape[1] // FINE
    return picture[: height * FINE, : width * FINE].reshape(height, FINE, width, FINE, -1).mean((1, 3))


def light(picture: Array, relief: Array, strength: float = 0.5, gloss: float = 0.12, soften: float = 0.8) -> Array:
    """The picture with its relief lit from the upper left: slopes brighten or darken, and crests glint."""
    smooth = ndimage.gaussian_filter(relief, soften)
    gy, gx = np.gradient(smooth)
    slope = np.tanh((gx + gy) * 1.6) * strength
    glint = np.clip((gx + gy) * 1.6 - 0.25, 0, 0.6)[..., None] * gloss
    shaded = picture * (1 + slope[..., None]) + glint
    return np.clip(shaded, 0, 1).astype(np.float32)


def varied(colours: Array, rng: np.random.Generator, value: float = 0.05, hue: float = 0.04) -> Array:
    """Each colour a little lighter or darker and a little off in hue, as on a palette that's never quite mixed."""
    lightness = rng.normal(0, value, (len(colours), 1))
    tint = rng.normal(0, hue, (len(colours), 3))
    tint -= tint.mean(1, keepdims=True)
    return np.clip(colours * (1 + lightness) + lightness * 0.25 + tint, 0, 1).astype(np.float32)


@dataclass(frozen=True)
class Brush:
    """How a brush leaves its paint."""

    dry: float = 0.25
    """How soon the bristles run out of paint: 0 never, 1 from the start."""
    body: float = 1.0
    """How thick the paint lies."""
    streak: float = 0.08
    """How much the colour varies from bristle to bristle."""
    opacity: float = 1.0
    taper: float = 0.35
    """The part of the stroke over which it narrows to its end."""
    tip: float = 0.25
    """The width left at the narrowed end."""
    ridge: float = 0.7
    """How high the paint is pushed up along the stroke's sides."""
    hairs: float = 1.0
    """How coarse the bristles are."""


class Canvas:
    """A ground that takes paint: its colour, and its relief for lighting afterwards."""

    def __init__(self, width: int, height: int, ground: Array, rng: np.random.Generator) -> None:
        self.width, self.height, self.rng = width, height, rng
        size = (height * FINE, width * FINE)
        self.colour: Array = np.broadcast_to(ground, (*size, 3)).astype(np.float32).copy()
        self.relief: Array = np.zeros(size, np.float32)
        # One sheet of bristle marks, long in one direction; every stroke takes another piece of it.
        fine = ndimage.gaussian_filter(rng.standard_normal((512, 2048)).astype(np.float32), (1.3, 45), mode="wrap")
        wide = ndimage.gaussian_filter(rng.standard_normal((512, 2048)).astype(np.float32), (5, 90), mode="wrap")
        self._bristles = (0.75 * fine / fine.std() + 0.66 * wide / wide.std()).astype(np.float32)

    def stroke(self, path: Points, width: float, colour: Array, brush: Brush, second: Array | None = None) -> None:
        """One brush stroke along the path; `second` is another colour picked up on one side of the brush."""
        line = np.asarray(path, np.float32) * FINE
        pieces = np.hypot(*np.diff(line, axis=0).T)
        length = float(pieces.sum())
        if length < 1:
            return
        wide = width * FINE
        along = np.concatenate([[0], np.cumsum(pieces)])
        u = np.linspace(0, 1, max(int(length / 0.7), 4), dtype=np.float32)
        px, py = np.interp(u * length, along, line[:, 0]), np.interp(u * length, along, line[:, 1])
        tx, ty = np.gradient(px), np.gradient(py)
        norm = np.hypot(tx, ty) + 1e-6
        v = np.linspace(-1, 1, max(int(wide / 0.7), 5), dtype=np.float32)
        # The brush lands round, and lifts off narrowing.
        start = np.sqrt(np.clip(u * length / (wide * 0.4), 0, 1))
        end = brush.tip + (1 - brush.tip) * np.sqrt(np.clip((1 - u) / max(brush.taper, 1e-3), 0, 1))
        half = wide / 2 * start * end
        x = px[:, None] - (ty / norm * half)[:, None] * v
        y = py[:, None] + (tx / norm * half)[:, None] * v
        xi, yi = np.rint(x).astype(np.intp), np.rint(y).astype(np.intp)
        inside = (xi >= 0) & (xi < self.colour.shape[1]) & (yi >= 0) & (yi < self.colour.shape[0])
        if not inside.any():
            return
        rows = (np.arange(len(v)) * 0.7 / brush.hairs + self.rng.integers(512)).astype(np.intp) % 512
        columns = (np.arange(len(u)) * 0.7 + self.rng.integers(2048)).astype(np.intp) % 2048
        marks = self._bristles[np.ix_(rows, columns)].T
        # Ragged sides: the outer bristles reach unevenly far.
        side = (1 - np.abs(v))[None, :] * half[:, None]
        edge = np.clip((side + marks * 0.5) / 1.4, 0, 1)
        left = (3.2 - brush.dry * (1.6 + 4.4 * u))[:, None] + marks
        alpha = (edge * np.clip(left * 1.4, 0, 1) * brush.opacity).astype(np.float32)
        shade = colour + (marks * brush.streak)[..., None] * (0.35 + 0.65 * colour)
        if second is not None:
            part = np.clip(0.5 + v[None, :] * 0.9 + marks * 0.35, 0, 1)[..., None]
            shade = shade + part * (second - colour)
        ridge = np.exp(-(((1 - np.abs(v)) / 0.22) ** 2))[None, :] * brush.ridge + np.exp(-(((1 - u) / 0.06) ** 2))[:, None] * 0.5
        height = brush.body * (0.8 + 0.3 * marks + ridge * 1.6)
        xi, yi, alpha = xi[inside], yi[inside], alpha[inside]
        under = self.colour[yi, xi]
        self.colour[yi, xi] = under + alpha[:, None] * (shade[inside] - under)
        low = self.relief[yi, xi]
        self.relief[yi, xi] = low + alpha * (height[inside] + 0.35 * low - low)

    def cover(
        self,
        picture: Array,
        angle: Array,
        width: float,
        length: float,
        brush: Brush,
        *,
        spacing: float | None = None,
        where: Array | None = None,
        stop: float = 0.22,
        value: float = 0.05,
        hue: float = 0.035,
        mixed: float = 0.0,
    ) -> None:
        """Paint the picture with strokes that follow the angle field, each in the colour it finds under its middle.

        Args:
            picture: What to paint, as a work picture.
            angle: The strokes' direction at every work pixel.
            width: The brush's width.
            length: The strokes' length.
            brush: The brush.
            spacing: Distance between strokes; by default the whole picture gets covered about twice.
            where: Chance of a stroke at each work pixel.
            stop: A stroke ends where the picture's colour differs by more than this from its own.
            value: Spread of lightness between strokes.
            hue: Spread of hue between strokes.
            mixed: Part of the strokes that carry a second colour.
        """
        rng = self.rng
        starts = spread(self.width, self.height, spacing or width * 0.8, rng, margin=width)
        if where is not None:
            starts = starts[rng.random(len(starts)) < pick(where, starts)]
        found = pick(ndimage.gaussian_filter(picture, (width * 0.25, width * 0.25, 0)), starts)
        colours, seconds = varied(found, rng, value, hue), varied(found, rng, value * 2.2, hue * 2.2)
        lengths = length * rng.uniform(0.6, 1.4, len(starts)).astype(np.float32)
        lines = trace(angle, starts, lengths, 16)
        off = np.abs(pick(picture, lines) - found[:, None]).max(-1) > stop
        middle = lines.shape[1] // 2
        for line, stray, colour, second in zip(lines, off, colours, seconds, strict=True):
            before, after = np.flatnonzero(stray[:middle]), np.flatnonzero(stray[middle + 1 :])
            first = before[-1] + 1 if before.size else 0
            last = middle + after[0] if after.size else len(stray) - 1
            part = line[first : last + 1]
            if len(part) < 3:
                part = line[middle - 1 : middle + 2]
            if rng.random() < 0.5:
                part = part[::-1]
            self.stroke(part, width * rng.uniform(0.75, 1.2), colour, brush, second if rng.random() < mixed else None)

    def finished(self, strength: float = 0.5, gloss: float = 0.12, weave: float = 0.0) -> Array:
        """The painting with its relief lit, on a woven cloth if `weave` is above 0."""
        relief = self.relief
        if weave:
            relief = relief + weave * linen(relief.shape, self.rng) / (1 + relief)
        return light(self.colour, relief, strength, gloss)


def linen(size: tuple[int, int], rng: np.random.Generator, pitch: float = 2.6) -> Array:
    """The relief of a woven cloth, threads over and under."""
    x, y = grid(size[1] // FINE, size[0] // FINE)
    drift = clouds(size, 40, rng, 2) * 0.7
    a, b = (x + drift) * np.pi / pitch, (y - drift) * np.pi / pitch
    return np.maximum(np.abs(np.sin(a)) * (np.sin(b) > 0), np.abs(np.sin(b)) * (np.sin(a) <= 0)).astype(np.float32)


def paper(size: tuple[int, int], rng: np.random.Generator, grain: float = 2.2) -> Array:
    """The tooth of rough paper, about 0 in the hollows and 1 on the hills."""
    tooth = clouds(size, grain, rng, 2) + 0.5 * clouds(size, grain * 4, rng, 2)
    return np.clip(0.5 + tooth * 0.25, 0, 1).astype(np.float32)


def fibres(size: tuple[int, int], rng: np.random.Generator, count: int = 700) -> Array:
    """Fine, bent fibres as in handmade paper: 0 for none, 1 on a fibre."""
    sheet = Image.new("L", (size[1], size[0]))
    pen = ImageDraw.Draw(sheet)
    for _ in range(count):
        bend = np.cumsum(rng.normal(0, 0.25, 12)) + rng.uniform(0, 2 * np.pi)
        steps = np.stack([np.cos(bend), np.sin(bend)], 1) * rng.uniform(4, 12)
        line = np.cumsum(steps, 0) + rng.uniform(0, 1, 2) * (size[1], size[0])
        pen.line([(float(x), float(y)) for x, y in line], fill=int(rng.integers(70, 230)), width=int(rng.integers(1, 3)))
    return ndimage.gaussian_filter(np.asarray(sheet, np.float32) / 255, 0.8)


Painter = Callable[[], Array]
"""Makes one style picture: rows x columns x RGB in 0..1."""
