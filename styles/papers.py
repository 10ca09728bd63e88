"""The styles on paper: watercolour, ink wash, calligraphy, charcoal with chalk, and cut paper."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from studio import (
    FINE,
    Array,
    Brush,
    Canvas,
    Mask,
    Points,
    across,
    clouds,
    curve,
    depth,
    dice,
    fibres,
    grid,
    hatching,
    ink,
    inks,
    lay,
    paper,
    pick,
    ramp,
    ribbon,
    shape,
    shapes,
    shrink,
    skyline,
    smoothstep,
    spread,
    trace,
)


class Sheet:
    """Paper that takes transparent colour: every wash darkens what lies below it."""

    def __init__(self, width: int, height: int, tint: Array, rng: np.random.Generator) -> None:
        self.width, self.height, self.rng = width, height, rng
        size = (height * FINE, width * FINE)
        self.colour: Array = np.broadcast_to(tint, (*size, 3)).astype(np.float32).copy()
        self.tooth = paper(size, rng, 2.4)
        self.wobble = clouds(size, 9, rng, 3)
        self._bloom = clouds(size, 30, rng, 4)
        self._fringe = clouds(size, 5, rng, 2)

    def wash(
        self,
        outline: Points,
        colour: Array,
        density: float = 0.7,
        *,
        rim: float = 0.5,
        wobble: float = 1.6,
        soft: float = 0.7,
        fade: float = 0.0,
        second: Array | None = None,
    ) -> None:
        """One wash inside the outline, darker along its rim where the pigment dries, lighter where water pushed it away.

        Args:
            outline: The wash's outline.
            colour: The pigment, as it looks on white paper at full strength.
            density: How much pigment.
            rim: How dark the dried edge is.
            wobble: How far the edge strays from the outline.
            soft: The edge's softness; large for wet on wet.
            fade: How much the wash thins towards the outline's first point.
            second: A second pigment that runs in from one side.
        """
        points = np.asarray(outline, np.float32)
        room = 6 + 3 * soft
        x0, y0 = np.maximum(np.floor(points.min(0) - room), 0).astype(int) * FINE
        x1, y1 = np.minimum(np.ceil(points.max(0) + room), (self.width, self.height)).astype(int) * FINE
        if x1 <= x0 + 4 or y1 <= y0 + 4:
            return
        window = np.s_[y0:y1, x0:x1]
        inside = shape((y1 - y0, x1 - x0), points - np.array([x0, y0], np.float32) / FINE) > 0.5
        if not inside.any():
            return
        depth = (ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)).astype(np.float32) / FINE
        depth = depth + wobble * self.wobble[window]
        mask = smoothstep(-soft, soft, depth)
        dried = rim * np.exp(-np.clip(depth, 0, None) / 2.2) + 0.3 * rim * np.exp(-np.clip(depth, 0, None) / 9)
        bloom = self._bloom[window]
        # A backrun: water flows back into the damp wash and leaves a frilled edge.
        front = np.exp(-(((bloom - 0.95 + 0.12 * self._fringe[window]) / 0.10) ** 2)) * 0.3 - 0.28 * smoothstep(
            0.95, 1.15, bloom + 0.12 * self._fringe[window]
        )
        amount = 0.72 + 0.16 * bloom + front + dried + 0.30 * (0.5 - self.tooth[window])
        y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32) / FINE
        reach = np.hypot(x - points[0, 0], y - points[0, 1])
        reach = reach / max(float(reach[inside].max()), 1.0)
        amount = amount * (1 - fade + fade * reach)
        pigment: Array = np.broadcast_to(colour, (*mask.shape, 3))
        if second is not None:
            part = smoothstep(0.25, 0.85, reach + 0.16 * bloom)[..., None]
            pigment = colour * (1 - part) + second * part
        strength = np.clip(mask * amount * density, 0, 1.6)[..., None]
        self.colour[window] *= np.clip(pigment, 0.02, 1) ** strength

    def finished(self, depth: float = 0.05) -> Array:
        """The sheet with the shadows of its own grain."""
        gy, gx = np.gradient(self.tooth)
        return np.clip(self.colour * (1 + np.clip(gx + gy, -0.2, 0.2)[..., None] * depth * 8), 0, 1).astype(np.float32)


def petal(at: tuple[float, float], turn: float, long: float, wide: float, rng: np.random.Generator, frill: float = 0.08) -> Array:
    """A petal's outline: starts at the flower's heart, broad and frilled at the far end."""
    t = np.linspace(0, 1, 36)
    bow = np.sin(np.pi * t**0.62) ** 0.8 * wide * 0.5
    ripple = frill * long * np.sin(t * rng.uniform(14, 22) + rng.uniform(0, 6)) * t
    right = np.stack([t * long + ripple * 0.4, bow + ripple], 1)
    left = np.stack([t * long - ripple * 0.4, -bow + ripple * 0.6], 1)[::-1]
    c, s = np.cos(turn), np.sin(turn)
    return (np.concatenate([right, left]) @ np.array([[c, s], [-s, c]]) + at).astype(np.float32)


def blot(at: tuple[float, float], wide: float, tall: float, rng: np.random.Generator) -> Array:
    """An irregular round outline."""
    theta = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = 1 + np.sum([rng.normal(0, 0.16 / k) * np.sin(k * theta + rng.uniform(0, 6)) for k in range(1, 7)], axis=0)
    return np.stack([at[0] + wide * radius * np.cos(theta), at[1] + tall * radius * np.sin(theta)], 1).astype(np.float32)


def watercolour() -> Array:
    """A garden of poppies and cornflowers: wet washes, dried edges, blooms and splashes."""
    rng = dice("watercolour")
    width, height = 640, 512
    x, y = grid(width, height)
    sheet = Sheet(width, height, ink("fbf6ea"), rng)
    # First the wet ground, colour running into colour.
    ground = inks("9fd0d8 f3c9a0 c7d68a b9b4e0 f2b8c0 8fc4a8")
    for point in spread(width, height, 105, rng, margin=20):
        sheet.wash(blot((point[0], point[1]), 92, 74, rng), ground[rng.integers(6)], 0.62, rim=0.14, soft=14, wobble=9)
    greens = inks("3f7a3a 7a9a2f 1f5f5a 9fb040 2f6f7a 4a6a2a")
    for _ in range(44):
        foot = (rng.uniform(0, width), height + 10)
        lean, tall = rng.normal(0, 0.25), rng.uniform(120, 420)
        line = curve([foot, (foot[0] + tall * lean * 0.2, height - tall * 0.5), (foot[0] + tall * lean, height - tall)], 24)
        thick = np.linspace(4.5, 1.2, 24)[:, None] * np.array([[1.0, 0.0]])
        sheet.wash(np.concatenate([line + thick, (line - thick)[::-1]]), greens[rng.integers(6)], 0.55, wobble=0.7, rim=0.4)
    for _ in range(70):
        at = (rng.uniform(-10, width + 10), rng.uniform(150, height + 20))
        long = rng.uniform(50, 120)
        turn = rng.uniform(-2.9, -0.25)
        sheet.wash(
            petal(at, turn, long, long * rng.uniform(0.2, 0.36), rng, 0.02),
            greens[rng.integers(6)],
            rng.uniform(0.3, 0.7),
            rim=0.7,
            fade=0.35,
            second=greens[rng.integers(6)],
        )
    reds, blues = inks("e0301f f0642a d81f4a f58a3a c2183a"), inks("2f4fc0 5a5ad0 3f86d8 6a3fb0")
    flowers = [
        (148, 150, 84),
        (452, 118, 92),
        (300, 262, 88),
        (560, 284, 78),
        (70, 330, 76),
        (430, 388, 82),
        (204, 410, 74),
        (610, 440, 60),
        (292, 76, 58),
        (22, 82, 56),
        (620, 60, 54),
        (330, 478, 50),
    ]
    for number, (cx, cy, size) in enumerate(flowers):
        tones = reds if number % 3 != 1 else inks("f2a0b4 e8608a f7c0a0 d84f8f")
        start = rng.uniform(0, 6)
        # The painter leaves the flower's place bare, with a rim of white paper here and there.
        spot = np.hypot(x - cx, y - cy) + 5 * sheet.wobble
        lay(sheet.colour, smoothstep(size * 0.9, size * 0.8, spot) * 0.93, ink("fbf6ea"))
        for layer, (count, reach, strength) in enumerate([(5, 1.0, 0.5), (5, 0.7, 0.42)]):
            for k in range(count):
                turn = start + layer * 0.6 + k * 2 * np.pi / count + rng.normal(0, 0.12)
                outline = petal((cx, cy), turn, size * reach * rng.uniform(0.85, 1.1), size * reach * rng.uniform(0.95, 1.25), rng, 0.05)
                sheet.wash(outline, tones[rng.integers(len(tones))], strength, rim=0.8, fade=0.25, second=tones[rng.integers(len(tones))])
        sheet.wash(blot((cx, cy), size * 0.17, size * 0.15, rng), ink("2a2440"), 0.9, soft=2.5, wobble=2.5)
        for _ in range(22):
            turn, reach = rng.uniform(0, 2 * np.pi), size * rng.uniform(0.2, 0.38)
            sheet.wash(blot((cx + reach * np.cos(turn), cy + reach * np.sin(turn)), 2.4, 2.2, rng), ink("241a30"), 1.0, wobble=0.4)
    for point in spread(width, height, 118, rng):
        if min(np.hypot(point[0] - cx, point[1] - cy) - size for cx, cy, size in flowers) < -14:
            continue
        start = rng.uniform(0, 6)
        for k in range(9):
            outline = petal((point[0], point[1]), start + k * 2 * np.pi / 9, rng.uniform(24, 38), rng.uniform(12, 18), rng, 0.06)
            sheet.wash(outline, blues[rng.integers(4)], 0.6, rim=0.7, wobble=0.8, fade=0.4)
        sheet.wash(blot((point[0], point[1]), 6, 6, rng), ink("3a1f6a"), 0.9, wobble=1)
    for _ in range(170):  # splashes off the brush
        at = (rng.uniform(0, width), rng.uniform(0, height))
        drop = float(rng.gamma(1.6, 1.5)) + 0.8
        sheet.wash(blot(at, drop, drop, rng), np.concatenate([reds, blues, greens])[rng.integers(15)], 0.8, wobble=0.4)
    return shrink(sheet.finished())


def inkwash() -> Array:
    """Peaks in the mist behind a stand of bamboo: brush and ink on rice paper, with one red seal."""
    rng = dice("inkwash")
    width, height = 512, 640
    x, y = grid(width, height)
    sheet = Sheet(width, height, ink("efe6d0"), rng)
    sheet.colour *= 1 - 0.05 * clouds(x.shape, 90, rng, 3)[..., None] * ink("304050")
    lay(sheet.colour, fibres(x.shape, rng, 900) * 0.28, ink("b79a68"))
    sun = np.hypot(x - 150, y - 118)
    sheet.colour *= ink("d8593a") ** (smoothstep(46, 44, sun) * (0.8 + 0.1 * clouds(x.shape, 20, rng, 3)))[..., None]
    for cx, cy, wide, tall in [(360, 80, 190, 46), (60, 200, 120, 40), (250, 330, 260, 36), (120, 470, 200, 40)]:
        sheet.wash(blot((cx, cy), wide, tall, rng), ink("8f9aa0"), 0.45, soft=18, wobble=8, rim=0.1)
    ink_black, grey = ink("14161c"), ink("5f6b76")
    ranges = [(210, 84, 230, 0.5, 150), (300, 92, 300, 0.75, 130), (400, 62, 240, 0.95, 110)]
    canvas = Canvas(width, height, ink("ffffff"), rng)
    for number, (base, rise, span, strength, fall) in enumerate(ranges):
        line = skyline(x, base, rise, span, rng, 5) + 4 * clouds(x.shape, 30, rng, 2)[:1]
        depth = y - line
        mask = smoothstep(-0.7, 0.7, depth)
        mist = np.exp(-np.clip(depth, 0, None) / fall * 2.0) * smoothstep(fall * 1.4, fall * 0.3, depth)
        amount = mask * strength * (mist + 0.5 * np.exp(-np.clip(depth, 0, None) / 3)) * (1 + 0.22 * clouds(x.shape, 26, rng, 4))
        # Each nearer range hides the one behind, as far as its own mist lets it.
        lay(sheet.colour, mask * smoothstep(fall * 1.3, 0, depth) * 0.75, ink("ebe2cd"))
        sheet.colour *= np.clip(grey * (1.1 - 0.15 * number), 0, 1) ** np.clip(amount * 1.4, 0, 2)[..., None]
        # Texture strokes down the slopes, with a nearly dry brush.
        for _ in range(150 + 90 * number):
            px = rng.uniform(-10, width)
            ridge = float(pick(line, np.array([[px, 5.0]]))[0])
            py = ridge + abs(rng.normal(0, fall * 0.28))
            slope = float(pick(line, np.array([[px + 9, 5.0]]))[0] - pick(line, np.array([[px - 9, 5.0]]))[0]) / 18
            heading = np.arctan(slope) + (0.9 if slope > 0 else np.pi - 0.9)
            long = rng.uniform(16, 46)
            bend = rng.normal(0, 0.4)
            path = curve(
                [
                    (px, py),
                    (px + long * 0.5 * np.cos(heading), py + long * 0.5 * np.sin(heading)),
                    (px + long * np.cos(heading + bend), py + long * np.sin(heading + bend)),
                ],
                12,
            )
            canvas.stroke(
                path,
                rng.uniform(4, 10),
                ink_black,
                Brush(dry=rng.uniform(0.5, 0.95), opacity=0.16 + 0.2 * number * rng.uniform(0.4, 1), taper=0.7, tip=0.1, streak=0.02),
            )
        for _ in range(26):  # pines along the ridge, a few dabs each
            px = rng.uniform(0, width)
            py = float(pick(line, np.array([[px, 5.0]]))[0])
            size = (7 + 5 * number) * rng.uniform(0.6, 1.2)
            canvas.stroke(
                [(px, py + 3), (px + rng.normal(0, 2), py - size * 1.6)], 2.2, ink_black, Brush(dry=0.2, opacity=0.4 + 0.2 * number)
            )
            for k in range(4):
                reach = size * (0.35 + 0.22 * k)
                canvas.stroke(
                    [
                        (px - reach, py - size * (1.5 - 0.4 * k) + 1),
                        (px, py - size * (1.6 - 0.4 * k)),
                        (px + reach, py - size * (1.5 - 0.4 * k) + 1),
                    ],
                    3.4,
                    ink_black,
                    Brush(dry=0.4, opacity=0.35 + 0.2 * number, taper=0.5, tip=0.2),
                )
    sheet.colour *= canvas.colour
    rocks = Canvas(width, height, ink("ffffff"), rng)
    for cx, cy, wide, tall in [(70, 600, 120, 62), (190, 640, 110, 46), (-10, 540, 70, 50)]:
        sheet.wash(blot((cx, cy), wide, tall, rng), ink("4a5058"), 0.85, wobble=4, rim=0.4)
        for _ in range(70):
            px, py = cx + rng.normal(0, wide * 0.5), cy + rng.normal(0, tall * 0.5)
            turn = rng.normal(0.7, 0.5)
            rocks.stroke(
                [(px, py), (px + 26 * np.cos(turn), py + 26 * np.sin(turn))],
                rng.uniform(6, 15),
                ink_black,
                Brush(dry=0.8, opacity=0.6, taper=0.4),
            )
    _bamboo(rocks, rng)
    # The ink bleeds a little into the paper.
    sheet.colour *= 0.35 * ndimage.gaussian_filter(rocks.colour, (3, 3, 0)) + 0.65 * rocks.colour
    seal = (np.abs(x - 56) < 17) & (np.abs(y - 452) < 20)
    marks = (np.abs(((x - 40) % 11) - 5) < 1.6) & (np.abs(y - 452) < 15) | (np.abs(((y - 434) % 12) - 6) < 1.5) & (np.abs(x - 56) < 12)
    worn = seal & ~marks & (clouds(x.shape, 2.5, rng, 1) > -1.6)
    lay(sheet.colour, ndimage.gaussian_filter(worn.astype(np.float32), 0.8) * 0.92, ink("b8281f"))
    return shrink(sheet.finished(0.03))


def _bamboo(canvas: Canvas, rng: np.random.Generator) -> None:
    """Stalks in joints, each one pull of a broad brush, and leaves in quick pressed strokes."""
    black = ink("101318")
    for root, wide, lean, shade in [(350, 20, 26, 0.55), (430, 28, -18, 0.9), (486, 17, 10, 0.7), (300, 11, 50, 0.35), (392, 10, -60, 0.4)]:
        y, k = 660.0, 0
        while y > -40:
            joint = 74 + 8 * k * (k < 6)
            x0, x1 = root + lean * (660 - y) / 500, root + lean * (660 - y + joint) / 500
            canvas.stroke(
                [(x0, y), (x0 + (x1 - x0) * 0.5 + 0.6, y - joint / 2), (x1, y - joint + 7)],
                wide,
                black,
                Brush(dry=0.52, opacity=shade, taper=0.02, tip=0.95, streak=0.05, hairs=1.5),
                second=ink("7f8a92"),
            )
            canvas.stroke(
                [(x1 - wide * 0.62, y - joint + 5), (x1, y - joint + 2), (x1 + wide * 0.62, y - joint + 6)],
                5,
                black,
                Brush(dry=0.1, opacity=min(shade + 0.2, 1), taper=0.4),
            )
            if k and rng.random() < 0.95:
                way = 1 if rng.random() < 0.5 else -1
                tip = (x1 + way * rng.uniform(50, 100), y - joint - rng.uniform(15, 60))
                canvas.stroke(
                    curve([(x1, y - joint + 4), ((x1 + tip[0]) / 2, y - joint - 4), tip], 14), 3.4, black, Brush(dry=0.3, opacity=shade)
                )
                for _ in range(int(rng.integers(5, 9))):
                    part = rng.uniform(0.3, 1.05)
                    _leaf(
                        canvas,
                        x1 + (tip[0] - x1) * part,
                        y - joint + 4 + (tip[1] - y + joint) * part,
                        rng,
                        min(shade + rng.uniform(-0.3, 0.15), 1),
                    )
            y, k = y - joint, k + 1
    for cx, cy in [(250, 60), (330, 30), (480, 90), (240, 560), (300, 600), (470, 430), (190, 40)]:
        for _ in range(7):
            _leaf(canvas, cx + rng.normal(0, 16), cy + rng.normal(0, 12), rng, rng.uniform(0.35, 1))


def _leaf(canvas: Canvas, x: float, y: float, rng: np.random.Generator, shade: float) -> None:
    """One bamboo leaf, hanging."""
    turn, long = rng.normal(np.pi / 2, 0.75), rng.uniform(40, 84)
    bend = rng.normal(0, 0.25)
    middle = (x + long * 0.5 * np.cos(turn), y + long * 0.5 * np.sin(turn))
    canvas.stroke(
        curve([(x, y), middle, (x + long * np.cos(turn + bend), y + long * np.sin(turn + bend))], 16),
        rng.uniform(9, 15),
        ink("101318"),
        Brush(dry=0.3, opacity=max(shade, 0.2), taper=0.85, tip=0.02, streak=0.03),
    )


def charcoal() -> Array:
    """Wind-bent trees under a storm, in charcoal, red chalk and white on buff paper."""
    rng = dice("charcoal")
    width, height = 640, 512
    x, y = grid(width, height)
    flow = y + 34 * np.sin(x / 92 + 0.5) + 16 * np.sin(x / 38 + y / 47)
    for cx, cy, size, force in [(170, 110, 60, 95), (430, 80, 70, -110), (560, 190, 46, 70), (310, 190, 40, -50)]:
        flow += force * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * size**2))
    gy, gx = np.gradient(flow)
    angle = np.arctan2(gx, -gy).astype(np.float32)
    cloud = 0.5 + 0.5 * np.sin(flow / 19 + 0.8 * clouds(x.shape, 60, rng, 2))
    tone = 0.36 + 0.62 * cloud - 0.2 * smoothstep(150, 0, y) * (1 - cloud)
    ground = skyline(x, 352, 26, 420, rng, 3) + 20 * smoothstep(250, 640, x)
    field = y - ground
    tone = np.where(field > 0, 0.30 + 0.34 * np.sin(field / 15 + x / 70) + 0.2 * np.sin(x / 37 - field / 22), tone)
    road = np.abs(x - 330 - 90 * np.sin(field / 62 + 0.4)) - 7 - field * 0.26
    tone = np.where((field > 2) & (road < 0), 0.92 - 0.25 * np.sin(field / 7) ** 2, tone)
    angle = np.where(field > 0, np.arctan2(np.gradient(ground, axis=1) * FINE, 1.0) + 0.25 + 0.3 * np.sin(x / 60), angle).astype(np.float32)
    buff = ink("cdb48c")
    canvas = Canvas(width, height, buff, rng)
    greys = ramp(inks("15130f 3a332b 6f5f4a b39a72 d8c6a0 f4ecd8"), np.clip(tone, 0, 1))
    canvas.cover(greys, angle, 20, 70, Brush(dry=0.75, body=0.4, streak=0.1, hairs=1.4), spacing=15, stop=0.45, value=0.04, hue=0.005)
    canvas.cover(greys, angle + 0.12, 8, 48, Brush(dry=0.7, body=0.4, streak=0.1), spacing=9, stop=0.3, value=0.07, hue=0.008)
    # Hatching: black in the shadows, white chalk in the lights, a little red between.
    black, white, red = (np.broadcast_to(ink(code), greys.shape) for code in ("100e0b", "fbf6e8", "9a3f22"))
    canvas.cover(
        black, angle - 0.55, 3.6, 34, Brush(dry=0.6, taper=0.6), spacing=6, where=smoothstep(0.46, 0.16, tone), value=0.03, hue=0.005
    )
    canvas.cover(
        white, angle + 0.1, 5.5, 40, Brush(dry=0.62, taper=0.6), spacing=8, where=0.75 * smoothstep(0.74, 0.95, tone), value=0.03, hue=0.005
    )
    canvas.cover(
        red,
        angle + 0.5,
        4.2,
        32,
        Brush(dry=0.62, taper=0.6),
        spacing=8,
        where=0.75 * np.exp(-(((tone - 0.48) / 0.12) ** 2)),
        value=0.08,
        hue=0.02,
    )
    for root, grown, lean in [(118, 1.25, 0.55), (228, 0.72, 0.5), (520, 1.05, 0.6), (598, 0.66, 0.45), (404, 0.42, 0.5)]:
        foot = float(pick(ground, np.array([[root, 5.0]]))[0]) + 16 * grown
        _bent_tree(canvas, (root, foot), -np.pi / 2 + lean * 0.35, 70 * grown, 21 * grown, lean, rng, 6)
    for _ in range(260):  # grass along the ground, blown the same way
        at = (rng.uniform(-10, width), rng.uniform(380, 520))
        if float(pick(road, np.array([at], np.float32))[0]) < 4:
            continue
        long = rng.uniform(14, 40)
        tone_here = ink("100e0b") if rng.random() < 0.74 else ink("f4ecd8") if rng.random() < 0.35 else ink("9a3f22")
        canvas.stroke(
            curve([at, (at[0] + long * 0.3, at[1] - long * 0.6), (at[0] + long * 0.9, at[1] - long * 0.75)], 10),
            rng.uniform(2.5, 5),
            tone_here,
            Brush(dry=0.5, taper=0.8, tip=0.05),
        )
    # Chalk only catches on the paper's hills.
    tooth = paper(canvas.relief.shape, rng, 2.6)
    bare = smoothstep(0.36, 0.12, tooth)[..., None] * 0.5
    result = canvas.colour + bare * (buff * 0.97 - canvas.colour)
    return shrink(np.clip(result, 0, 1))


def _bent_tree(
    canvas: Canvas, at: tuple[float, float], turn: float, long: float, wide: float, lean: float, rng: np.random.Generator, depth: int
) -> None:
    """A tree whose boughs all yield to the wind, drawn bough by bough."""
    bend = lean * 0.32 + rng.normal(0, 0.12)
    middle = (at[0] + long * 0.5 * np.cos(turn), at[1] + long * 0.5 * np.sin(turn))
    tip = (middle[0] + long * 0.5 * np.cos(turn + bend), middle[1] + long * 0.5 * np.sin(turn + bend))
    canvas.stroke(curve([at, middle, tip], 14), max(wide, 2.4), ink("0c0a08"), Brush(dry=0.2, taper=1.0, tip=0.66, streak=0.12))
    if wide > 7:
        canvas.stroke(
            curve([(at[0] - wide * 0.25, at[1]), (middle[0] - wide * 0.22, middle[1]), (tip[0] - wide * 0.15, tip[1])], 14),
            wide * 0.2,
            ink("e8dcc0"),
            Brush(dry=0.75),
        )
    if depth == 0:
        for _ in range(2):
            way = rng.normal(0.2, 0.35)
            canvas.stroke(
                [tip, (tip[0] + 20 * np.cos(way), tip[1] + 12 * np.sin(way))], rng.uniform(5, 10), ink("14110d"), Brush(dry=0.6, taper=0.7)
            )
        return
    for k in range(2 if depth > 4 else int(rng.integers(2, 4))):
        _bent_tree(
            canvas,
            tip,
            turn + bend + (k - 0.6) * rng.uniform(0.4, 0.75) + lean * 0.06,
            long * rng.uniform(0.66, 0.86),
            wide * 0.64,
            lean,
            rng,
            depth - 1,
        )


def calligraphy() -> Array:
    """Gestures of a loaded brush over one another, wet and dry, pale and black, with red seals on rice paper."""
    rng = dice("calligraphy")
    width, height = 640, 512
    x, y = grid(width, height)
    size = x.shape
    tooth = paper(size, rng, 1.6)
    pale, black, red = (np.zeros(size, np.float32) for _ in range(3))
    # All strokes run with a few whirls, so that they make one movement.
    flow = 0.55 * x + 0.9 * y
    for cx, cy, reach, force in [(168, 150, 104, 330), (452, 226, 112, -400), (226, 412, 84, -230), (600, 470, 84, 260)]:
        flow = flow + force * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * reach**2))
    angle = across(flow) + 0.34 + 0.1 * clouds(size, 120, rng, 1)  # spirals, not rings
    for line in hatching(angle, 74, 420, rng, step=6):
        pull(pale, _pressed(line, rng.uniform(26, 46), rng), rng.uniform(0.25, 0.5), 0.34, tooth, rng)
    for spacing, wide, reach, dry in ((46, 35, 560, 0.85), (38, 17, 330, 0.7), (27, 6, 170, 0.5)):
        free = ndimage.gaussian_filter(black, spacing * 0.22) < 0.12
        for line in hatching(angle, spacing, reach, rng, where=free, step=5):
            pull(black, _pressed(line, wide * rng.uniform(0.6, 1.2), rng), rng.uniform(0.93, 1.0), dry * rng.uniform(0.5, 1.3), tooth, rng)
    for at in spread(width, height, 150, rng):  # some go against it
        turn = float(pick(angle, at)) + rng.choice((-1, 1)) * rng.uniform(0.5, 1.0)
        t = np.linspace(0, rng.uniform(40, 110), 12)
        bend = turn + t / 110 * rng.choice((-1, 1)) * rng.uniform(0.8, 1.8)
        line = at + np.stack([t * np.cos(bend), t * np.sin(bend)], 1)
        pull(black, _pressed(line.astype(np.float32), rng.uniform(5, 17), rng), 0.97, 0.45, tooth, rng)
    drops = [blot((rng.uniform(0, width), rng.uniform(0, height)), d, d * rng.uniform(0.7, 1), rng) for d in 0.6 + rng.gamma(1.1, 1.3, 130)]
    black = np.maximum(black, shapes(size, drops))
    # Red goes where the black left most room: strokes first, then seals.
    crowd = ndimage.gaussian_filter(black, 26)
    places = spread(width - 60, height - 60, 74, rng) + 30
    places = places[np.argsort(pick(crowd, places))]
    chosen = [places[0]]
    for place in places:
        if len(chosen) < 17 and min(np.hypot(*(place - other)) for other in chosen) > 78:
            chosen.append(place)
    starts = np.array(chosen[::2], np.float32)
    for line in trace(angle + 0.15, starts, rng.uniform(60, 130, len(starts)).astype(np.float32)):
        pull(red, _pressed(line, rng.uniform(11, 19), rng), 0.95, 0.4, tooth, rng)
    for cx, cy in chosen[1::2]:
        red = np.maximum(red, _seal(x, y, cx, cy, rng.uniform(13, 17), rng))
    sheet = np.broadcast_to(ink("f0e2c4"), (*size, 3)) * (1 + 0.03 * clouds(size, 90, rng, 3) + 0.05 * (tooth - 0.5))[..., None]
    sheet = sheet - fibres(size, rng, 900)[..., None] * np.array([0.05, 0.07, 0.10], np.float32)
    lay(sheet, 0.35 * pale + 0.5 * ndimage.gaussian_filter(pale, 5) * pale, ink("3a3f48"))
    # Wet ink creeps a little way into the paper.
    creep = np.maximum(black, 0.55 * smoothstep(0.45, 0.9, ndimage.gaussian_filter(black, 3.2) + 0.12 * (tooth - 0.5)))
    lay(sheet, ndimage.gaussian_filter(creep, 0.5) * 0.97, ink("15130f"))
    lay(sheet, ndimage.gaussian_filter(red, 0.6) * 0.95, ink("c22a1c"))
    pool = smoothstep(0.8, 1.0, ndimage.gaussian_filter(black, 5)) * clouds(size, 24, rng, 3)
    return shrink(np.clip(sheet + 0.025 * np.maximum(pool, 0)[..., None], 0, 1))


def _pressed(line: Array, wide: float, rng: np.random.Generator) -> Array:
    """The line with the brush's width at each point: set down, pressed once or twice on the way, and lifted."""
    t = np.linspace(0, 1, len(line))
    press = 0.72 + 0.28 * np.cos(t * rng.uniform(5, 11) + rng.uniform(-0.6, 0.6))
    return np.concatenate([line, (wide * press * np.minimum(1, (1.03 - t) / rng.uniform(0.25, 0.5)) ** 0.8)[:, None]], 1)


def pull(sheet: Array, points: Array, strength: float, dry: float, tooth: Array, rng: np.random.Generator) -> None:
    """One pull of a big soft brush, in place: how much ink lies where.

    Args:
        sheet: The ink so far, 0 to 1.
        points: x, y and the stroke's width at the points that it goes through.
        strength: How black the ink is.
        dry: How soon the bristles run dry, so that the paper flashes through: 0 never, 1 at once.
        tooth: The paper's hills, which take the ink first.
        rng: For the bristles.
    """
    line = curve(points, 12 * len(points)) * FINE
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line[:, :2], axis=0).T))])
    u = np.linspace(0, 1, max(int(along[-1] / 0.6), 8))
    px, py, wide = (np.interp(u * along[-1], along, line[:, k]) for k in range(3))
    tx, ty = np.gradient(px), np.gradient(py)
    norm = np.hypot(tx, ty) + 1e-6
    v = np.linspace(-1, 1, max(int(wide.max() / 0.6), 6))
    run = u * along[-1]
    # The brush is set down slanting, and its sides are never quite smooth.
    landing = np.sqrt(np.clip((run[:, None] + 0.25 * wide[:, None] * v) / (0.45 * wide.max()), 0, 1))
    waver = ndimage.gaussian_filter1d(rng.standard_normal(len(u)), 14) * 0.09 * np.sqrt(14)
    half = wide[:, None] / 2 * landing * (1 + waver[:, None] * np.sign(v))
    x, y = px[:, None] - (ty / norm)[:, None] * half * v, py[:, None] + (tx / norm)[:, None] * half * v
    hairs = (
        ndimage.gaussian_filter1d(rng.standard_normal(len(v)), 2.2) * 2.8 + ndimage.gaussian_filter1d(rng.standard_normal(len(v)), 9) * 3.6
    )
    streaks = ndimage.gaussian_filter(rng.standard_normal((len(u), len(v))), (50, 1.6))
    streaks /= streaks.std() + 1e-9
    xi, yi = np.rint(x).astype(np.intp), np.rint(y).astype(np.intp)
    inside = (xi >= 0) & (xi < sheet.shape[1]) & (yi >= 0) & (yi < sheet.shape[0])
    grip = np.zeros(x.shape)
    grip[inside] = tooth[yi[inside], xi[inside]] - 0.5
    # A fast, late part of the stroke is dry; where the brush is pressed less, less ink flows.
    gone = dry * (0.25 + 3.4 * u**1.5)
    contact = 1.75 + 0.62 * hairs + 0.55 * streaks + 1.3 * grip - gone[:, None] * (0.8 + 0.6 * v**2)
    amount = smoothstep(-0.2, 0.35, contact) * strength
    np.maximum.at(sheet, (yi[inside], xi[inside]), amount[inside].astype(np.float32))


def _seal(x: Array, y: Array, cx: float, cy: float, half: float, rng: np.random.Generator) -> Array:
    """A red seal with a maze cut into it, pressed unevenly."""
    turn = rng.normal(0, 0.05)
    u, v = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn), (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
    block = np.maximum(np.abs(u), np.abs(v) * 0.94)
    cells = rng.integers(0, 2, (4, 4))
    step = half * 0.42
    row, column = (np.clip(((w + 2 * step) / step).astype(np.intp), 0, 3) for w in (v, u))
    upright = cells[row, column] == 1
    stripe = np.where(upright, np.mod(u + 2 * step, step), np.mod(v + 2 * step, step))
    maze = (np.abs(stripe - step / 2) < step * 0.2) & (np.maximum(np.abs(u), np.abs(v)) < step * 1.95)
    frame = np.abs(block - half * 0.9) < 0.9
    return np.asarray((block < half) & ~maze & ~frame & (clouds(x.shape, 2.2, rng, 1) > -1.7), np.float32)


def papercut() -> Array:
    """Leaves, corals and seaweed cut with scissors from painted paper, pasted over each other."""
    rng = dice("papercut")
    width, height = 640, 512
    size = (height * FINE, width * FINE)
    blue, green, pink, orange, yellow, dark, white = inks("2340a8 0f8a5c df4a7e f0702a f7c331 1e1a24 f8f1e0")
    flat = clouds(size, 9, rng, 3, stretch=9)
    upright = clouds((size[1], size[0]), 9, rng, 3, stretch=9).T
    grain = clouds(size, 1.2, rng, 1)
    picture = np.broadcast_to(white, (*size, 3)).copy()

    def paste(mask: Array | Mask, colour: Array, lift: float = 2.4) -> None:
        """Lay a sheet down: its soft shadow first, then the paper, painted with a broad brush."""
        near, far = (ndimage.gaussian_filter(np.asarray(mask, np.float32), lift * FINE * k) for k in (0.35, 1.2))
        shift = int(lift * FINE * 0.7)
        shadow = np.maximum(np.roll(near, (shift // 2, shift // 2), (0, 1)) * 0.34, np.roll(far, (shift, shift), (0, 1)) * 0.44)
        picture[:] = picture * (1 - shadow[..., None] * np.array([0.9, 0.9, 0.8], np.float32))
        streaks = (flat if rng.random() < 0.5 else upright) * 0.02 + grain * 0.012
        painted = np.clip(colour + streaks[..., None] * (0.5 + 0.7 * colour), 0, 1)
        lay(picture, mask, painted.astype(np.float32))

    # Sheets side by side, each cut by hand, so that no edge is straight.
    x, y = grid(width, height)
    sheets = [[blue, yellow, pink, green], [orange, dark, white, blue], [green, pink, yellow, orange]]
    tiles = [(row, column) for row in range(3) for column in range(4)]
    for row, column in rng.permutation(tiles):
        left, top = column * 160 + 26 * ((row % 2) - 0.5), row * 171
        u, v = x - left + 5 * np.sin(y / 41 + column + row), y - top + 5 * np.sin(x / 47 + 2 * row + column)
        reach = np.minimum(np.minimum(u + 3 + 30 * (column == 0), 164 + 30 * (column == 3) - u), np.minimum(v + 3, 175 - v))
        paste(smoothstep(-0.4, 0.4, reach), sheets[row][column], 1.6)
    plan = [
        [(white, "weed"), (blue, "coral"), (yellow, "weed"), (pink, "leaf")],
        [(dark, "coral"), (pink, "leaf"), (green, "weed"), (white, "coral")],
        [(yellow, "leaf"), (white, "weed"), (blue, "coral"), (dark, "weed")],
    ]
    for row, column in rng.permutation(tiles):
        colour, kind = plan[row][column]
        at = (column * 160 + 80 + 26 * ((row % 2) - 0.5), row * 171 + 85)
        paste(_frond(size, kind, at, -np.pi / 2 + rng.uniform(-0.6, 0.6) + np.pi * (rng.random() < 0.3), 180, rng), colour, 3.4)
    palette, last = [orange, white, green, yellow, dark, pink, blue], -1
    places = [(160, 168), (322, 176), (484, 164), (166, 342), (318, 350), (486, 344), (636, 176), (4, 336), (640, 350), (4, 176)]
    places += [(310, 4), (140, 8), (150, 506), (480, 508), (470, 6), (330, 512)]
    for number, (cx, cy) in enumerate(places):
        mask = _frond(size, ("leaf", "coral", "weed")[number % 3], (cx, cy), rng.uniform(0, 2 * np.pi), rng.uniform(104, 126), rng)
        below = picture[mask > 0.5][::7]
        # Whatever lies below, this paper must stand out from it.
        apart = [np.percentile(np.abs(below - colour).sum(1), 25) * rng.uniform(0.7, 1) * (k != last) for k, colour in enumerate(palette)]
        last = int(np.argmax(apart))
        paste(mask, palette[last], 3.0)
    tooth = clouds(size, 2, rng, 2) * 0.012
    return shrink(np.clip(picture * (1 + tooth[..., None]), 0, 1))


def _frond(size: tuple[int, int], kind: str, middle: tuple[float, float], turn: float, long: float, rng: np.random.Generator) -> Array:
    """A leaf, coral or seaweed as scissors would cut it: fingers off a bent stem, and every inner corner rounded."""
    sway = rng.uniform(0.05, 0.11) * rng.choice((-1, 1))
    t = np.linspace(-0.5, 0.5, 60)
    run = np.array([np.cos(turn), np.sin(turn)])
    side = np.array([-run[1], run[0]])
    spine = np.array(middle) + long * (t[:, None] * run + (sway * np.cos(t * 5.5))[:, None] * side)
    parts: list[Array] = []
    holes: list[Array] = []
    if kind == "leaf":
        belly = long * 0.23 * np.sin(np.pi * np.linspace(0.03, 0.985, 60) ** 0.85) ** 0.8
        parts.append(ribbon(spine, belly))
        for k in range(8, 52, 6):
            for way in (-1, 1):
                foot = spine[k] + side * way * belly[k] * 0.2
                tip = spine[min(k + 7, 59)] + side * way * (belly[k] * 1.25 + 4)
                slit = curve([foot, (foot + tip) / 2 + run * 3, tip], 14)
                holes.append(ribbon(slit, np.linspace(0.4, long * 0.021, 14)))
        parts.append(ribbon(spine[:10] - run * long * 0.1, long * 0.022))
    else:
        weed = kind == "weed"
        parts.append(ribbon(spine, np.linspace(long * 0.046, long * 0.03, 60)))
        count = 6 if weed else 4
        for k in range(count):
            for way in (-1, 1):
                at = int(4 + 50 * (k + 0.4 * (way > 0)) / count)
                reach = long * (0.30 if weed else 0.27) * (0.66 + 0.5 * np.sin(np.pi * (k + 1) / (count + 0.6))) * rng.uniform(0.94, 1.06)
                foot, rise = spine[at], (0.42 if weed else 0.5) + 0.09 * k
                end = foot + reach * (run * rise * 1.25 + side * way)
                finger = curve([foot, foot + reach * 0.5 * (run * rise * 0.6 + side * way * 1.12), end], 24)
                club = np.linspace(long * 0.046, long * 0.036, 24)
                tips = [(finger, club)]
                if not weed:  # a coral's fingers fork
                    heading = np.arctan2(*(finger[-1] - finger[-6])[::-1])
                    for spreading in (-0.62, 0.62):
                        away = np.array([np.cos(heading + spreading), np.sin(heading + spreading)])
                        fork = curve([end, end + away * long * 0.06 + 1, end + away * long * 0.115], 12)
                        tips.append((fork, np.full(12, long * 0.029)))
                for tip_line, thick in tips:
                    knob = float(thick[-1]) * 1.1
                    parts += [ribbon(tip_line, thick), blot((float(tip_line[-1, 0]), float(tip_line[-1, 1])), knob, knob, rng)]
        tip = spine[-1]
        parts.append(blot((float(tip[0]), float(tip[1])), long * 0.04, long * 0.04, rng))
    mask = shapes(size, parts)
    if holes:
        mask = mask * (1 - shapes(size, holes))
    rounded = ndimage.gaussian_filter(mask, long * 0.013 * FINE)
    return smoothstep(-0.5, 0.5, depth(rounded > 0.46))
