"""The styles that are printed in a few flat inks: travel poster, woodcut, comic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from scipy import ndimage
from studio import (
    FINE,
    Array,
    Mask,
    clouds,
    curve,
    depth,
    dice,
    edges,
    grid,
    hatching,
    ink,
    inks,
    lay,
    pick,
    ribbon,
    shape,
    shapes,
    shrink,
    smoothstep,
    speckle,
    swelling,
)


def poster() -> Array:
    """A travel poster: sunrise over a mountain lake with sails and cypresses, in six inks with crayon grain."""
    rng = dice("poster")
    width, height = 512, 640
    x, y = grid(width, height)
    size = x.shape
    navy, teal, aqua, cream, gold, red = inks("132444 14686e 79bfae fbe9c0 f6b23c d8432a")
    picture = np.broadcast_to(gold, (*size, 3)).copy()
    # Sky: broad rays from the sun, each fading into the next ink in grain.
    sx, sy = 318.0, 236.0
    r, theta = np.hypot(x - sx, y - sy), np.arctan2(y - sy, x - sx)
    ray = np.mod(theta * 13 / np.pi + 0.35, 2)
    first = smoothstep(-0.012, 0.012, np.minimum(ray, 1 - ray) * r * np.pi / 1300)
    lay(picture, speckle(smoothstep(90, 430, r) * 0.98, rng, 0.9), red)
    lay(picture, first, cream)
    lay(picture, first * speckle(smoothstep(110, 400, r) * 0.95, rng, 0.9), gold)
    for ring, colour in ((92, red), (78, cream), (66, red)):
        lay(picture, smoothstep(ring + 0.5, ring - 0.5, r), colour)
    lay(picture, smoothstep(66, 65, r) * speckle(smoothstep(sy - 40, sy + 60, y), rng, 0.9), gold)
    _streamlined_clouds(picture, x, y, rng)
    _ranges(picture, rng)
    # Lake: flat bands that swell under the sun and thin out to the sides.
    lake = smoothstep(371.5, 372.5, y)
    lay(picture, lake, teal)
    lay(picture, lake * speckle(smoothstep(372, 470, y) * 0.9, rng, 0.9), navy)
    for k, top in enumerate(np.cumsum(np.linspace(7, 17, 10)) + 368):
        for n in range(5):
            cx = (n * 137 + k * 71) % 640 - 60 + rng.uniform(-20, 20)
            lens = 1 - ((x - cx) / rng.uniform(60, 110)) ** 2
            lay(picture, smoothstep(-0.35, 0.35, lens * (2.0 + 0.36 * k) - np.abs(y - top)), aqua)
        lens = 1 - ((x - sx - 9 * (-1) ** k) / (34 + 7 * k)) ** 2
        lay(picture, smoothstep(-0.35, 0.35, lens * (2.8 + 0.4 * k) - np.abs(y - top)), cream if k % 2 else gold)
    for bx, by, tall in [(196, 432, 104), (424, 404, 66), (258, 396, 40)]:
        _sail(picture, bx, by, tall, (red, cream, navy))
    _vineyards(picture, x, y, rng)
    for tx, ty, tall in [(58, 650, 400), (112, 660, 262), (20, 660, 240), (470, 662, 300), (424, 668, 176)]:
        _cypress(picture, (tx, ty), tall, rng)
    # Stone lithography: a slight tooth in every ink, and inks that lie unevenly.
    tooth = clouds(size, 1.1, rng, 1) * 0.018 + clouds(size, 60, rng, 3) * 0.012
    return shrink(np.clip(picture + tooth[..., None], 0, 1))


def _streamlined_clouds(picture: Array, x: Array, y: Array, rng: np.random.Generator) -> None:
    """Banks of long clouds with round ends, as if drawn in the wind."""
    cream, aqua, teal = inks("fbe9c0 79bfae 14686e")
    bars = [
        (-30, 150, 58, 13), (-40, 214, 82, 15), (-30, 120, 108, 11), (330, 560, 42, 14), (384, 580, 66, 12), (300, 560, 92, 15),
        (420, 560, 118, 10), (-20, 92, 268, 12), (-20, 150, 290, 13), (404, 540, 274, 12), (440, 560, 296, 12), (150, 262, 138, 9),
    ]  # fmt: skip
    for left, right, level, half in sorted(bars, key=lambda bar: -bar[2]):
        away = np.hypot(np.maximum(np.abs(x - (left + right) / 2) - (right - left) / 2 + half, 0), y - level) - half
        lay(picture, smoothstep(3.0, 2.0, away), teal)
        lay(picture, smoothstep(0.5, -0.5, away), cream)
        lay(picture, smoothstep(0.5, -0.5, away + 1) * speckle(0.95 * smoothstep(-half * 0.5, half * 1.1, y - level), rng, 0.9), aqua)


def _ranges(picture: Array, rng: np.random.Generator) -> None:
    """Mountains cut into facets, lit on the side towards the sun."""
    navy, teal, aqua, cream, gold, red = inks("132444 14686e 79bfae fbe9c0 f6b23c d8432a")
    size = picture.shape[:2]
    peaks = [
        (92, 176, 190, aqua, teal), (232, 268, 120, aqua, teal), (452, 188, 170, aqua, teal), (330, 292, 110, gold, red),
        (-6, 244, 150, gold, red), (166, 258, 130, cream, navy), (398, 262, 120, cream, navy), (528, 262, 110, gold, red),
        (60, 300, 110, cream, navy), (262, 318, 90, aqua, navy), (470, 306, 100, aqua, navy),
    ]  # fmt: skip
    for ax, ay, half, lit, dark in peaks:
        tall = 380 - ay
        way = 1 if ax < 318 else -1  # where the sun is
        steps = np.array([0, 0.16, 0.3, 0.5, 0.68, 1.0])
        zig = np.array([0, 0.10, -0.03, 0.13, 0.02, 0.2]) * half * -way + rng.normal(0, 2, 6)
        ridge = np.stack([ax + zig, ay + steps * tall], 1)
        flank = [(ax - half, 382.0), (ax - half * 0.56, ay + tall * 0.5), (ax - half * 0.4, ay + tall * 0.44)]
        other = [(ax + half * 0.36, ay + tall * 0.4), (ax + half * 0.52, ay + tall * 0.47), (ax + half, 382.0)]
        body = [*flank, (ax, ay), *other]
        whole = shapes(size, [body])
        lay(picture, whole, dark)
        bright = [(ax, ay), *ridge[1:], *(other[::-1] if way > 0 else flank)]
        face = shapes(size, [bright])
        lay(picture, face, lit)
        # Gullies: shards of shade in the light, and of light in the shade.
        for k in range(4):
            top = ridge[1 + k]
            long = tall * rng.uniform(0.3, 0.5)
            reach = half * rng.uniform(0.16, 0.3)
            for sign, mask, colour in ((way, face, dark), (-way, (1 - face) * whole, lit)):
                shard = top + np.array([(0, 0), (sign * reach, long * 0.5), (sign * reach * 1.4, long), (sign * reach * 0.5, long * 0.68)])
                lay(picture, shapes(size, [shard]) * mask, colour)


def _sail(picture: Array, x: float, y: float, tall: float, tones: tuple[Array, Array, Array]) -> None:
    """A boat under two full sails."""
    first, second, dark = tones
    size = picture.shape[:2]
    main = np.concatenate(
        [curve([(x, y - tall), (x + tall * 0.34, y - tall * 0.45), (x + tall * 0.42, y - tall * 0.06)], 20), [(x, y - 4)]]
    )
    jib = curve([(x - 3, y - tall * 0.92), (x - tall * 0.3, y - tall * 0.4), (x - tall * 0.36, y - tall * 0.07)], 20)
    lay(picture, shapes(size, [main]), second)
    fold = [(x, y - tall), *curve([(x, y - tall), (x + tall * 0.2, y - tall * 0.45), (x + tall * 0.2, y - tall * 0.05)], 20), (x, y - 4)]
    lay(picture, shapes(size, [fold]), first)
    lay(picture, shapes(size, [np.concatenate([jib, [(x - 3, y - tall * 0.05)]])]), second)
    hull = [
        (x - tall * 0.42, y - tall * 0.03),
        (x + tall * 0.46, y - tall * 0.03),
        (x + tall * 0.3, y + tall * 0.09),
        (x - tall * 0.3, y + tall * 0.09),
    ]
    lay(picture, shapes(size, [hull, [(x - 3, y), (x - 3, y - tall), (x, y - tall * 1.06), (x + 1, y)]]), dark)


def _vineyards(picture: Array, x: Array, y: Array, rng: np.random.Generator) -> None:
    """Terraced hills in the foreground, their rows running to and fro."""
    navy, teal, aqua, cream, gold, red = inks("132444 14686e 79bfae fbe9c0 f6b23c d8432a")
    hills = [
        (474 - 34 * np.exp(-(((x - 500) / 150) ** 2)) - 10 * np.sin(x / 60), (560, 420), teal, gold, 23.0),
        (508 + 46 * smoothstep(60, 300, x) - 30 * smoothstep(300, 520, x), (96, 420), red, gold, 17.0),
        (560 - 26 * np.sin(x / 84 + 0.4), (390, 500), teal, aqua, 15.0),
        (604 + 20 * np.sin(x / 66 + 1.0), (210, 520), navy, red, 11.0),
    ]
    for top, (px, py), one, two, fine in hills:
        hill = smoothstep(-0.5, 0.5, y - top)
        lay(picture, hill, one)
        turn = np.arctan2(x - px, y - py + 20)
        row = np.mod(turn * fine + 0.05 * np.sin((y - top) / 12), 1)
        bow = (np.hypot(x - px, y - py)) * 6.28 / fine / 6.28
        lay(picture, hill * smoothstep(-0.5, 0.5, (0.25 - np.abs(row - 0.5)) * bow * 2), two)
        lay(picture, hill * speckle(0.75 * smoothstep(46, 0, y - top), rng, 0.9) * (y - top > 3), one)
        lay(picture, smoothstep(2.6, 1.8, np.abs(y - top - 1)), cream)
    for hx, hy, w, h in [(300, 512, 30, 26), (332, 502, 24, 38), (262, 520, 26, 20), (360, 508, 26, 22)]:
        lay(picture, shape(x.shape, [(hx, hy), (hx + w, hy), (hx + w, hy - h), (hx, hy - h)]), cream)
        lay(picture, shape(x.shape, [(hx, hy), (hx + w * 0.4, hy), (hx + w * 0.4, hy - h), (hx, hy - h)]), navy)
        lay(picture, shape(x.shape, [(hx - 3, hy - h), (hx + w * 0.4, hy - h - 12), (hx + w + 3, hy - h)]), red)


def _cypress(picture: Array, foot: tuple[float, float], tall: float, rng: np.random.Generator) -> None:
    """A cypress as a flame: dark, with licks of lighter green along its lit side."""
    navy, teal, aqua = inks("132444 14686e 79bfae")
    size = picture.shape[:2]
    spine = curve([foot, (foot[0] + 4, foot[1] - tall * 0.5), (foot[0] - 2, foot[1] - tall)], 60)
    part = np.linspace(0, 1, 60)
    half = tall * 0.095 * np.sin(np.pi * np.clip(part * 0.9 + 0.1, 0, 1) ** 0.8) ** 0.8
    outline = ribbon(spine, half)
    lay(picture, shapes(size, [outline]), navy)
    for number in range(9):
        at = int(4 + number * 5.6)
        way = 1 if foot[0] < 318 else -1
        base = spine[at] + (way * half[at] * 0.1, 0)
        tip = spine[min(at + 16, 59)] + (way * half[min(at + 16, 59)] * 0.7, 0)
        middle = (base + tip) / 2 + (way * half[at] * 0.62, 4)
        lick = curve([base, middle, tip], 16)
        lay(picture, shapes(size, [ribbon(lick, swelling(16, 0.5, 0.5, half[at] * 0.24 + 0.6))]), teal if number % 2 else aqua)


def woodcut() -> Array:
    """Crooked houses and bent trees under a red sun, cut out of a black block with a broad gouge."""
    rng = dice("woodcut")
    width, height = 640, 512
    x, y = grid(width, height)
    size = x.shape
    labels = np.zeros(size, np.int64)
    tone, tint = np.zeros(size, np.float32), np.zeros(size, np.int64)
    angle = np.zeros(size, np.float32)

    def form(mask: Array | Mask, along: Array | float, how_light: Array | float, colour: Array | int = 0) -> None:
        """A thing in the picture: which way the gouge goes over it, how much it takes away, and the ink that shows there."""
        inside = np.asarray(mask, np.float32) > 0.5
        labels[inside] = labels.max() + 1
        for field, value in ((angle, along), (tone, how_light), (tint, colour)):
            field[inside] = np.broadcast_to(np.asarray(value), size)[inside]

    sx, sy = 236.0, 128.0
    r, theta = np.hypot(x - sx, y - sy), np.arctan2(y - sy, x - sx)
    # Sky: rays cut outwards, in wedges of light and dark, with clouds rolling across.
    wedge = np.mod(theta * 9 / np.pi + 0.2 * np.sin(r / 40), 2) - 1
    form(np.ones(size), theta + 0.25 * np.sin(r / 36), np.clip(0.46 + 0.46 * np.sin(wedge * np.pi), 0.08, 0.9))
    form(r < 84, theta + np.pi / 2, 0.9, 2)
    form(r < 56, theta + np.pi / 2 + 0.35, 0.97, 1)
    for cx, cy, reach in [(70, 60, 96), (424, 52, 108), (590, 130, 104)]:
        puff = np.hypot((x - cx) / 1.7, y - cy + 9 * np.sin(x / 17)) - reach * 0.33
        roll = np.arctan2(y - cy, (x - cx) / 1.7) + np.pi / 2 - 0.55
        form(puff < 0, roll, 0.3 + 0.6 * smoothstep(14, -26, y - cy + (x - cx) * 0.2), np.where(y > cy - 4, 2, 0))
    # Mountains: the gouge runs down from the ridge, one side of each peak lit.
    for cx, top, half in [(70, 150, 190), (330, 176, 150), (520, 140, 200), (200, 206, 120), (430, 220, 110)]:
        jag = top + np.abs(x - cx) * (330 - top) / half + 7 * np.sin(x / 7.5) * smoothstep(0, 40, np.abs(x - cx))
        spine = x - cx - 13 * np.sin((y - top) / 15)
        form((y > jag) & (y < 340) & (spine < 0), 2.25 + 0.3 * np.sin(y / 30), 0.98 - 0.3 * smoothstep(0, 170, y - top))
        form((y > jag) & (y < 340) & (spine >= 0), 0.9 + 0.3 * np.sin(y / 26), 0.07 + 0.24 * smoothstep(20, 190, y - top))
    # Fields: furrows fan out from far points, light and dark by turns.
    for base, rise, px, colour, light in [(300, 14, 520, 0, 0.6), (338, 20, 90, 2, 0.9), (392, 26, 480, 0, 0.7), (452, 22, 200, 0, 0.8)]:
        ridge = base - rise * np.sin(x / 97 + base) - rise * 0.4 * np.sin(x / 41)
        fan = np.arctan2(y - ridge + 24, (x - px) * 0.55)
        furrow = np.sin(fan * 15 + 0.6 * np.sin(y / 13))
        form(
            y > ridge,
            fan + 0.12 * np.sin(x / 30),
            np.clip(light * 0.75 + 0.45 * furrow, 0.07, 0.95),
            np.where((np.sin(fan * 7.5) > 0.35) & (base > 380), 1, colour),
        )
    for hx, foot, w, h, lean in [
        (300, 352, 62, 58, 0.1),
        (372, 346, 50, 84, -0.12),
        (430, 360, 74, 52, 0.14),
        (232, 356, 52, 44, -0.1),
        (516, 364, 56, 72, 0.08),
        (168, 366, 44, 58, 0.12),
    ]:
        _house(form, size, (hx, foot), w, h, lean)
    for root, turn, long, wide, levels in [((58, 540), -1.40, 165, 34, 5), ((584, 550), -1.46, 150, 30, 5)]:
        boughs = _boughs(root, turn, long, wide, rng, levels)
        whole = shapes(size, [ribbon(line, thick) for line, thick in boughs])
        form(depth(whole) > -5.6, 0.0, 1.0)
        form(whole, 0.0, 0.0)
        for line, thick in boughs:
            if thick[0] > 5:  # bark: the lit side is cut along the bough
                run = line[-1] - line[0]
                form(
                    shape(size, ribbon(line + np.array([thick[0] * 0.25, 0]), thick * 0.62)), float(np.arctan2(run[1], run[0])) + 0.15, 0.62
                )
    rim = edges(labels, 2.6)
    carved = np.where(tone >= 1, 1 - rim, 0).astype(np.float32)
    for spacing, low, high in ((6.5, 0.0, 0.45), (7.5, 0.45, 1.0)):
        where = (rim < 0.5) & (tone > 0.06) & (tone >= low) & (tone < high)
        marks = []
        for line in hatching(angle, spacing, 110, rng, labels=labels, where=where):
            clear = pick(tone, line)
            clearing = swelling(len(line), 0.14, 0.5) ** (1.1 - 0.75 * clear) * spacing * (0.13 + 0.37 * clear) + 0.3
            marks.append(ribbon(line + rng.normal(0, 0.2, line.shape).astype(np.float32), clearing))
        carved = np.maximum(carved, shapes(size, marks) * (1 - 0.999 * (rim > 0.5)))
    cream, red, ochre, black = inks("f2e6cb c8331f dd9a35 17130f")
    paper_tone = np.broadcast_to(cream, (*size, 3)).copy()
    for number, colour in ((1, red), (2, ochre)):
        # The second block never lies quite where the first did.
        lay(paper_tone, ndimage.gaussian_filter(np.roll(tint == number, (2, 1), (0, 1)).astype(np.float32), 0.7), colour)
    grain = np.sin((y + 6 * clouds(size, 60, rng, 2, stretch=4)) * 1.3 + 2 * clouds(size, 12, rng, 2, stretch=12))
    worn = smoothstep(1.7, 2.3, clouds(size, 2.2, rng, 2, stretch=4) + 0.5 * grain)
    pressed = (1 - carved) * (1 - 0.75 * worn)
    lay(paper_tone, pressed, black)
    shade = 0.02 * clouds(size, 40, rng, 3) + 0.02 * grain * (pressed > 0.5)
    return shrink(np.clip(paper_tone + shade[..., None], 0, 1))


class Form(Protocol):
    """What takes the things in a woodcut: see `woodcut`."""

    def __call__(self, mask: Array | Mask, along: Array | float, how_light: Array | float, colour: Array | int = 0) -> None:
        """Put the thing in front of what's there."""


def _house(form: Form, size: tuple[int, int], foot: tuple[float, float], w: float, h: float, lean: float) -> None:
    """A crooked house: a lit front, a dark side, a red roof, and windows with a light in them."""
    x, y = foot
    dx = lean * h
    front = [(x, y), (x + w * 0.6, y + 3), (x + w * 0.6 + dx, y - h), (x + w * 0.3 + dx * 1.5, y - h * 1.5), (x + dx, y - h)]
    side = [(x + w * 0.6, y + 3), (x + w, y - 4), (x + w + dx, y - h + 2), (x + w * 0.6 + dx, y - h)]
    roof = [
        (x + w * 0.66 + dx, y - h + 5),
        (x + w * 1.06 + dx, y - h + 6),
        (x + w * 0.76 + dx * 1.5, y - h * 1.52),
        (x + w * 0.28 + dx * 1.5, y - h * 1.56),
    ]
    form(shape(size, side), 1.1 + lean, 0.3)
    form(shape(size, front), np.pi / 2 + lean, 1.0)
    form(shape(size, roof), 1.0 + lean, 0.97, 1)
    eave = np.array([(x - 5 + dx, y - h + 6), (x + w * 0.28 + dx * 1.5, y - h * 1.54)])
    form(shape(size, ribbon(eave, 4.0)), -1.0, 1.0, 1)
    for row in range(max(int(h / 26), 1)):
        for column in range(2):
            u, v = x + w * (0.12 + 0.24 * column) + dx * (row + 0.6) * 26 / h, y - 10 - row * 26
            form(shape(size, [(u - 3, v + 3), (u + w * 0.14 + 3, v + 3), (u + w * 0.14 + 3, v - 15), (u - 3, v - 15)]), 0.0, 0.0)
            form(shape(size, [(u, v), (u + w * 0.14, v), (u + w * 0.14, v - 12), (u, v - 12)]), 0.0, 1.0, 2)


def _boughs(
    at: tuple[float, float], turn: float, long: float, wide: float, rng: np.random.Generator, levels: int
) -> list[tuple[Array, Array]]:
    """A bare tree, as each bough's line and half its width along it."""
    bend = rng.normal(0, 0.4)
    middle = (at[0] + long * 0.5 * np.cos(turn), at[1] + long * 0.5 * np.sin(turn))
    tip = (middle[0] + long * 0.5 * np.cos(turn + bend), middle[1] + long * 0.5 * np.sin(turn + bend))
    found: list[tuple[Array, Array]] = [(curve([at, middle, tip], 24), np.linspace(wide, wide * (0.62 if levels else 0.1), 24) / 2)]
    for k in range(2 if levels else 0):
        way = float(np.clip(turn + bend + (k - 0.5) * rng.uniform(0.8, 1.3), -2.25, -0.9))
        found += _boughs(tip, way, long * rng.uniform(0.55, 0.8), wide * 0.62, rng, levels - 1)
    return found


def halftone(tone: Array, x: Array, y: Array, pitch: float, turn: float) -> Array:
    """The tone, 0 to 1, as a screen of printed dots."""
    u, v = (x * np.cos(turn) + y * np.sin(turn)) / pitch, (y * np.cos(turn) - x * np.sin(turn)) / pitch
    away = np.hypot(u - np.round(u), v - np.round(v)) * pitch
    size = pitch * np.sqrt(np.clip(tone, 0, 1) / np.pi)
    return smoothstep(0.45, -0.45, away - size) * (tone > 0.02)


class Page:
    """A comic's page: forms with swelling outlines, flat inks and dots."""

    def __init__(self, width: int, height: int, ground: Array) -> None:
        self.width, self.height = width, height
        self.x, self.y = grid(width, height)
        self.picture: Array = np.broadcast_to(ground, (*self.x.shape, 3)).astype(np.float32).copy()

    def form(self, parts: list[Array], colour: Array, line: float = 1.7, weight: float = 2.6) -> tuple[tuple[slice, slice], Array]:
        """Fill the parts, as one form, and outline it: fine where the light comes from, heavy on the other side.

        Returns:
            The window that the form lies in, and the form's mask in it.
        """
        points = np.concatenate(parts)
        low = np.clip(np.floor(points.min(0) - 9), 0, (self.width - 8, self.height - 8)).astype(int)
        high = np.clip(np.ceil(points.max(0) + 9), low + 8, (self.width, self.height)).astype(int)
        window = np.s_[low[1] * FINE : high[1] * FINE, low[0] * FINE : high[0] * FINE]
        part = self.picture[window]
        mask = shapes(part.shape[:2], [outline - low for outline in parts])
        heavy = shapes(part.shape[:2], [outline - low + weight * 0.7 for outline in parts])
        black = ink("16131a")
        lay(part, smoothstep(-line - 0.4, -line + 0.4, depth(mask)), black)
        lay(part, smoothstep(-line - 0.4, -line + 0.4, depth(heavy)), black)
        lay(part, mask, colour)
        return window, mask

    def dots(self, window: tuple[slice, slice], where: Array, tone: Array, colour: Array, pitch: float = 7.0, turn: float = 0.4) -> None:
        """Print a tone in dots of one ink where the mask is 1."""
        lay(self.picture[window], where * halftone(tone, self.x[window], self.y[window], pitch, turn), colour)

    def marks(
        self, lines: Iterable[tuple[Array, Array]], colour: Array, window: tuple[slice, slice] | None = None, where: Array | None = None
    ) -> None:
        """Strokes of the pen, each a line and half its width along it, on the whole page or inside a form."""
        window = window or np.s_[0 : self.x.shape[0], 0 : self.x.shape[1]]
        corner = np.array([window[1].start, window[0].start]) / FINE
        drawn = shapes(self.picture[window].shape[:2], [ribbon(line - corner, thick) for line, thick in lines])
        lay(self.picture[window], drawn if where is None else drawn * where, colour)


def comic() -> Array:
    """A rocket leaves a moon on rolling smoke, past ringed worlds: brush ink, flat inks and printed dots."""
    rng = dice("comic")
    width, height = 640, 512
    white, yellow, red, cyan, blue, black = inks("fdf8ea ffd21f e5301f 35aee2 1c3f9c 16131a")
    page = Page(width, height, blue)
    x, y = page.x, page.y
    whole = np.s_[0 : x.shape[0], 0 : x.shape[1]]
    everywhere = np.ones(x.shape, np.float32)
    # Sky: dots that grow towards the horizon, and great sweeps of light across it.
    page.dots(whole, everywhere, 0.10 + 0.62 * smoothstep(-120, 520, y + 0.35 * x), cyan, 9.0, 0.5)
    sweep = np.hypot(x - 20, y - 640)
    for near, far, colour in ((404, 432, cyan), (452, 470, white), (560, 600, cyan), (620, 630, white)):
        band = smoothstep(near - 0.5, near + 0.5, sweep) * smoothstep(far + 0.5, far - 0.5, sweep)
        lay(page.picture, smoothstep(3, 2, np.maximum(near - sweep, sweep - far)), black)
        lay(page.picture, band, colour)
    for cx, cy, reach in [
        (38, 214, 22),
        (196, 36, 26),
        (300, 108, 15),
        (140, 128, 13),
        (604, 268, 20),
        (356, 30, 14),
        (262, 216, 12),
        (612, 30, 18),
        (24, 24, 14),
        (420, 300, 16),
    ]:
        theta = np.linspace(0, 2 * np.pi, 17)[:-1] + 0.2
        r = np.where(np.arange(16) % 2, 0.3, np.where(np.arange(16) % 4, 0.62, 1.0)) * reach
        page.form([np.stack([cx + r * np.cos(theta), cy + r * np.sin(theta)], 1)], white if reach < 18 else yellow, 1.5, 2)
    _world(page, (86, 92), 58, yellow, red, red, rng, craters=True)
    _world(page, (466, 150), 104, red, yellow, ink("8c1420"), rng, ring=(white, yellow))
    _world(page, (578, 396), 44, cyan, white, blue, rng)
    # Smoke, from the farthest puff to the nearest; close to the flame it glows.
    trail = curve([(286, 272), (250, 316), (210, 350), (120, 392), (20, 430)], 26)
    puffs = []
    for k, at in enumerate(trail):
        for _ in range(2 if k < 12 else 3):
            spreading = 15 + k * 2.5
            puffs.append((k, at + rng.normal(0, spreading * 0.55, 2), spreading * rng.uniform(0.62, 1.1)))
    puffs += [(25, np.array([rng.uniform(-10, 330), rng.uniform(452, 520)]), rng.uniform(34, 58)) for _ in range(12)]
    for k, at, radius in sorted(puffs, key=lambda puff: -puff[0] + 0.02 * puff[1][1] + 40 * (puff[1][1] > 452) * (puff[0] == 25)):
        _puff(page, at, radius, (yellow, red) if k < 8 else (white, red) if k < 12 else (white, cyan), rng)
    _rocket(page, (330, 206), -0.98, 128, rng)
    _rocks(page, rng)
    paper_tone = 1 + 0.012 * clouds(x.shape, 1.2, rng, 1) + 0.012 * clouds(x.shape, 50, rng, 2)
    return shrink(np.clip(page.picture * paper_tone[..., None], 0, 1))


def _round(at: Array | tuple[float, float], rx: float, ry: float | None = None, turn: float = 0.0) -> Array:
    """The outline of a circle, or of an ellipse."""
    t = np.linspace(0, 2 * np.pi, 90)
    px, py = rx * np.cos(t), (ry or rx) * np.sin(t)
    return np.stack([at[0] + px * np.cos(turn) - py * np.sin(turn), at[1] + px * np.sin(turn) + py * np.cos(turn)], 1).astype(np.float32)


def _world(
    page: Page,
    at: tuple[float, float],
    radius: float,
    colour: Array,
    second: Array,
    dark: Array,
    rng: np.random.Generator,
    *,
    craters: bool = False,
    ring: tuple[Array, Array] | None = None,
) -> None:
    """A planet: bands or craters, dots towards the dark side, and a black crescent that the brush feathers into the light."""
    black = ink("16131a")
    cx, cy = at
    window, mask = page.form([_round(at, radius)], colour, 2.0, 4)
    part, px, py = page.picture[window], (page.x[window] - cx) / radius, (page.y[window] - cy) / radius
    if craters:
        for turn, reach, size in [
            (-2.6, 0.5, 0.25),
            (-1.2, 0.62, 0.16),
            (2.2, 0.55, 0.2),
            (0.3, 0.1, 0.17),
            (-1.9, 0.86, 0.11),
            (1.2, 0.5, 0.13),
        ]:
            place = (cx + reach * radius * np.cos(turn), cy + reach * radius * np.sin(turn))
            page.form([_round(place, size * radius, size * radius * 0.8)], second, 1.2, 2)
            page.form(
                [_round((place[0] + size * radius * 0.22, place[1] + size * radius * 0.2), size * radius * 0.74, size * radius * 0.56)],
                colour,
                0.2,
                0,
            )
    else:
        level = py * 0.94 - px * 0.34 + 0.05 * np.sin(px * 6) + 0.25 * px**2
        for low, high in ((-0.78, -0.6), (-0.36, -0.04), (0.2, 0.3), (0.46, 0.8)):
            lay(part, mask * smoothstep(0.02, 0.0, np.maximum(low - level, level - high) - 1.9 / radius), black)
            lay(part, mask * smoothstep(0.01, -0.01, np.maximum(low - level, level - high)), second)
    shade = smoothstep(-0.35, 0.95, px * 0.75 + py * 0.66)
    page.dots(window, mask, shade * 0.62, dark, 6.5, 0.3)
    lit = np.hypot(px + 0.30, py + 0.26)
    lay(part, mask * smoothstep(1.02, 1.04, lit), black)
    feathers = []
    for t in np.linspace(-0.72, 2.28, int(radius * 0.42) + 6):
        start = np.array([cx, cy]) + radius * np.array([np.cos(t), np.sin(t)])
        inner = 1.0 - (0.2 + 0.42 * max(np.cos(t - 0.78), 0.0)) * rng.uniform(0.85, 1.25)
        end = np.array([cx, cy]) + radius * inner * np.array([np.cos(t + 0.10), np.sin(t + 0.10)])
        middle = (start + end) / 2 + radius * 0.03 * np.array([np.sin(t), -np.cos(t)])
        feathers.append((curve(np.array([start, middle, end]), 12), np.linspace(2.9, 0.2, 12)))
    page.marks(feathers, black, window, mask)
    shine = [curve([(cx + radius * 0.8 * np.cos(a), cy + radius * 0.8 * np.sin(a)) for a in np.linspace(-2.75, -1.95, 5)], 20)]
    page.marks([(line, swelling(20, 0.4, 0.4, radius * 0.045 + 0.6)) for line in shine], ink("fdf8ea"), window, mask)
    if ring:
        t = np.linspace(-0.42, np.pi + 0.42, 70)
        for reach, wide, tone in ((1.62, 0.085, ring[0]), (1.34, 0.10, ring[1])):
            u, v = radius * reach * np.cos(t), radius * reach * 0.27 * np.sin(t)
            band = np.stack([cx + u * np.cos(-0.34) - v * np.sin(-0.34), cy + u * np.sin(-0.34) + v * np.cos(-0.34)], 1)
            thick = radius * wide * (0.12 + 0.88 * smoothstep(-0.4, 0.6, np.sin(t)))
            page.form([ribbon(band, thick)], tone, 1.6, 1.6)
            page.marks([(band[8:-8] + thick[8:-8, None] * np.array([0.0, 0.1]), 0.22 * thick[8:-8])], black)


def _puff(page: Page, at: Array, radius: float, tones: tuple[Array, Array], rng: np.random.Generator) -> None:
    """One ball of smoke: scalloped, dotted below, with a curl of the pen inside."""
    t = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    lobes = rng.integers(4, 7)
    r = radius * (0.86 + 0.16 * np.abs(np.sin(t * lobes / 2 + rng.uniform(0, 6))))
    outline = np.stack([at[0] + r * np.cos(t), at[1] + r * np.sin(t)], 1).astype(np.float32)
    window, mask = page.form([outline], tones[0], 1.5, 3.2)
    px, py = (page.x[window] - at[0]) / radius, (page.y[window] - at[1]) / radius
    page.dots(window, mask, 0.78 * smoothstep(-0.5, 0.95, px * 0.6 + py * 0.75), tones[1], 7.0, 0.75)
    lay(page.picture[window], mask * smoothstep(1.06, 1.10, np.hypot(px + 0.22, py + 0.26)), ink("16131a"))
    for _ in range(2):
        start, reach = rng.uniform(-0.4, 2.2), rng.uniform(0.42, 0.7)
        turns = np.linspace(0, rng.uniform(1.6, 2.8), 22)
        away = radius * reach * (1 - 0.16 * turns)
        curl = np.stack([at[0] + away * np.cos(start - turns), at[1] + away * np.sin(start - turns)], 1).astype(np.float32)
        page.marks([(curl, swelling(22, 0.25, 0.7, 1.1 + radius * 0.05))], ink("16131a"), window, mask)


def _rocket(page: Page, foot: tuple[float, float], turn: float, long: float, rng: np.random.Generator) -> None:
    """The rocket, its nose along `turn`: white, red fins, and a black shadow down one side."""
    white, yellow, red, cyan, black = inks("fdf8ea ffd21f e5301f 35aee2 16131a")
    run, side = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])

    def place(points: Array | list[tuple[float, float]]) -> Array:
        """From along and across the rocket, in its lengths, to the page."""
        p = np.asarray(points, np.float32) * long
        return np.asarray(np.array(foot) + p[:, :1] * run + p[:, 1:] * side, np.float32)

    for reach, wide, tone in ((-0.8, 0.17, red), (-0.6, 0.12, yellow), (-0.36, 0.06, white)):
        flame = [(reach * (1.0 if k % 2 else 0.5) * (1 - abs(k - 3) * 0.16), wide * (k - 3) / 3) for k in range(7)]
        page.form([place([(0.06, -wide), *flame, (0.06, wide)])], tone, 1.5, 1.5)
    for way in (-1, 1):
        fin = np.concatenate(
            [
                curve([(0.34, 0.10 * way), (0.2, 0.26 * way), (-0.14, 0.3 * way)], 16),
                curve([(-0.14, 0.3 * way), (0.0, 0.2 * way), (0.04, 0.1 * way)], 10),
            ]
        )
        page.form([place(fin)], red, 2.0, 2.5)
    t = np.linspace(0, 1, 40)
    belly = 0.155 * np.sin(np.pi * (0.22 + 0.78 * t)) ** 0.75 + 0.002
    hull = np.concatenate([np.stack([t, belly], 1), np.stack([t, -belly], 1)[::-1]])
    window, mask = page.form([place(hull)], white, 2.0, 3.0)
    dark = np.concatenate([np.stack([t, belly], 1), np.stack([t, belly * (0.30 + 0.12 * np.sin(t * 40))], 1)[::-1]])
    inner = place(dark)
    corner = np.array([window[1].start, window[0].start]) / FINE
    across_it = ((page.x[window] - foot[0]) * side[0] + (page.y[window] - foot[1]) * side[1]) / long
    page.dots(window, mask, 0.55 * smoothstep(-0.06, 0.10, across_it), cyan, 5.5, 0.2)
    lay(page.picture[window], shapes(mask.shape, [inner - corner]) * mask, black)
    nose = t > 0.74
    page.form([place(np.concatenate([np.stack([t, belly], 1)[nose], np.stack([t, -belly], 1)[nose][::-1]]))], red, 1.6, 1.6)
    page.form([place([(0.76, -0.1), (0.94, -0.03), (0.8, -0.06)])], white, 0.0, 0)
    for at, tone in ((0.56, cyan), (0.34, yellow)):
        spot = place([(at, -0.012)])[0]
        page.form([_round(spot, long * 0.068)], white, 1.6, 2)
        page.form([_round(spot, long * 0.044)], tone, 1.2, 1)
    page.form(
        [
            place(curve([(0.26, 0.0), (0.06, 0.006), (-0.16, 0.0)], 12)),
            place([(0.26, -0.012), (-0.16, -0.02), (-0.16, 0.02), (0.26, 0.012)]),
        ],
        red,
        1.6,
        1.6,
    )
    speed = []
    for k in range(9):
        off = (k - 4) * 0.16 + rng.normal(0, 0.02)
        if abs(off) > 0.2:
            first = 0.5 - abs(off) * 0.5 + rng.uniform(-0.1, 0.1)
            speed.append((place([(first - 0.5 * s, off) for s in np.linspace(0, 1, 12)]), swelling(12, 0.2, 0.8, 2.4)))
    page.marks(speed, white)


def _rocks(page: Page, rng: np.random.Generator) -> None:
    """The moon's rocks in front: crags with one black side, hatched where it meets the light, and craters on the ground."""
    white, yellow, red, black = inks("fdf8ea ffd21f e5301f 16131a")
    orange = ink("f78f1e")
    ground = np.concatenate([curve([(236, 530), (330, 470), (450, 452), (560, 462), (660, 440)], 40), [(660, 530)]])
    window, mask = page.form([ground], yellow, 2.2, 3)
    page.dots(window, mask, 0.6 * smoothstep(440, 540, page.y[window]), red, 7.0, 0.6)
    for cx, cy, reach in [(412, 484, 34), (520, 496, 40), (602, 470, 24), (330, 502, 20)]:
        page.form([_round((cx, cy), reach, reach * 0.32)], orange, 1.8, 2)
        page.form([_round((cx + reach * 0.12, cy + reach * 0.07), reach * 0.78, reach * 0.2)], black, 0.2, 0)
    for foot, base, tall, half, lean in [
        (470, 462, 96, 40, 0.2),
        (520, 468, 66, 30, -0.1),
        (392, 468, 58, 26, 0.1),
        (640, 462, 150, 52, -0.3),
        (300, 500, 50, 30, 0.2),
        (584, 476, 40, 22, 0.2),
    ]:
        top = np.array([foot + lean * half, base - tall])
        left = [
            np.array([foot - half * (0.35 + 0.65 * s) + rng.normal(0, 3), base - tall * (1 - s) * 0.94])
            for s in (0.12, 0.34, 0.5, 0.74, 1.0)
        ]
        right = [
            np.array([foot + half * (0.3 + 0.7 * s) + rng.normal(0, 3), base - tall * (1 - s) * 0.92]) for s in (0.15, 0.3, 0.55, 0.8, 1.0)
        ]
        crag = np.array([top, *right, *left[::-1]], np.float32)
        window, mask = page.form([crag], orange, 2.0, 3)
        part = np.linspace(0, 1, 5)
        ridge = top + np.stack([lean * half * -0.3 * part + rng.normal(0, 3, 5), tall * part], 1)
        corner = np.array([window[1].start, window[0].start]) / FINE
        dark = np.array([*ridge, *right[::-1]], np.float32)
        page.dots(window, mask, np.full(mask.shape, 0.34), red, 6.0, 0.4)
        lay(page.picture[window], shapes(mask.shape, [dark - corner]) * mask, black)
        hatch = []
        for level in np.linspace(0.1, 0.96, int(tall / 6)):
            start = np.array([np.interp(level, part, ridge[:, 0]) + 2, np.interp(level, part, ridge[:, 1])])
            line = start + half * rng.uniform(0.25, 0.6) * np.array([(0, 0), (-0.5, 0.16), (-1, 0.5)])
            hatch.append((curve(line, 10), np.linspace(2.0, 0.2, 10)))
        page.marks(hatch, black, window, mask)
        gleam = np.array([top, left[1], left[2]]) + np.array([(-2, 8), (7, 0), (6, 0)])
        page.marks([(gleam, np.array([0.4, 1.6, 0.3]))], white, window, mask)
