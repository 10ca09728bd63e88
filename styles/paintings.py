"""The styles painted with a brush or a knife: thick paint in layers from coarse to fine, then lit."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from studio import (
    FINE,
    Array,
    Brush,
    Canvas,
    across,
    clouds,
    curve,
    dice,
    grid,
    ink,
    inks,
    lay,
    pick,
    ramp,
    shape,
    shrink,
    skyline,
    smoothstep,
    spread,
    varied,
)


def starry() -> Array:
    """Night over a lake: the sky turns about its stars in thick strokes."""
    rng = dice("starry")
    width, height = 640, 512
    x, y = grid(width, height)
    # The sky's flow runs along the contours of a height map: a slope with whirls, one hill or hollow each.
    flow = y * 1.0 + 16 * np.sin(x / 88 + 0.6) + 9 * np.sin(x / 41 + y / 60)
    for cx, cy, size, force in [(225, 175, 58, 150), (352, 215, 44, -110), (470, 262, 34, 60), (70, 235, 40, -80)]:
        flow += force * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * size**2))
    angle = across(flow)
    sky = inks("0b1440 152a6e 1d3f93 2a63b4 4d93c8 8cc2cf c9ddc0")
    bands = 0.5 + 0.5 * np.sin(flow / 7.5) + 0.12 * clouds(x.shape, 50, rng)
    picture = ramp(sky, 0.05 + 0.66 * bands * (0.62 + 0.38 * np.sin(flow / 37 + 1.2)) + 0.24 * smoothstep(140, 330, y))
    stars = [
        (540, 88, 47),
        (92, 74, 25),
        (330, 58, 20),
        (425, 135, 15),
        (250, 92, 12),
        (170, 40, 14),
        (610, 232, 17),
        (28, 168, 14),
        (440, 40, 16),
        (140, 150, 11),
    ]
    glow = inks("fff8d2 ffe27a f7bd33 e0a03c 9fb98f 5e9cbf")
    for cx, cy, size in stars:
        r = np.hypot(x - cx, y - cy) * (1 + 0.05 * np.sin(5 * np.arctan2(y - cy, x - cx)))
        ring = r / size + 0.09 * np.sin(r * 2 * np.pi / max(size * 0.32, 7))
        lay(picture, smoothstep(2.0, 1.5, r / size), ramp(glow, ring / 1.9))
        near = np.exp(-((r / (2.2 * size)) ** 2))
        turn = np.arctan2(x - cx, -(y - cy))
        # Directions mix by their doubled angles, since a direction and its opposite are the same.
        angle = 0.5 * np.arctan2(
            (1 - near) * np.sin(2 * angle) + 4 * near * np.sin(2 * turn), (1 - near) * np.cos(2 * angle) + 4 * near * np.cos(2 * turn)
        )
    for base, rise, span, colours in [
        (318, 16, 300, "1c3f7d 24599a 3c7fa8"),
        (344, 13, 210, "0f2a5c 1a4579 2f6a86"),
        (366, 6, 160, "0a1c3f 123559 2b5a5e"),
    ]:
        line = skyline(x, base, rise, span, rng)
        mask = smoothstep(-0.5, 0.5, y - line)
        lay(picture, mask, ramp(inks(colours), 0.5 + 0.5 * np.sin((y - line) / 5 + x / 37)))
        slope = np.arctan2(np.gradient(line, axis=1) * FINE, 1.0)
        angle = np.where(mask > 0.5, slope, angle)
    water = smoothstep(374, 376, y)
    ripple = 0.5 + 0.5 * np.sin(y / 3.1 + 2.2 * np.sin(x / 60 + y / 17))
    lay(picture, water, ramp(inks("11245c 1c4790 2f76b4 6fb4cf"), ripple * 0.85))
    for cx, _, size in stars:
        shimmer = np.exp(-(((x - cx - 5 * np.sin(y / 6)) / (size * 0.42 + (y - 375) * 0.05)) ** 2)) * water * (ripple > 0.42)
        lay(picture, shimmer * smoothstep(520, 380, y), ink("f6c64a"))
    angle = np.where(water > 0.5, 0.1 * np.sin(x / 60 + y / 17), angle)
    for _ in range(26):  # windows of a village on the far shore
        at = rng.uniform(215, 470)
        lay(picture, (np.abs(x - at) < 2.6) & (np.abs(y - rng.uniform(352, 368)) < 3.4), ink("ffc94a"))
    shore = 462 - 66 * np.exp(-(((x - 30) / 150) ** 2)) + 9 * np.sin(x / 30) + 0.05 * x
    bank = smoothstep(-0.5, 0.5, y - shore)
    blades = 0.5 + 0.5 * np.sin(x / 5 + 3 * np.sin(y / 22))
    lay(picture, bank, ramp(inks("071021 0f2c33 1d4a3c 4d7440 a39a3c"), blades * 0.8))
    angle = np.where(bank > 0.5, -1.2 + 0.5 * np.sin(x / 45), angle).astype(np.float32)
    canvas = Canvas(width, height, ink("2b3f6b"), rng)
    canvas.cover(picture, angle, 26, 90, Brush(dry=0.35, body=0.7), stop=0.5, value=0.05)
    canvas.cover(picture, angle, 12, 58, Brush(dry=0.3, body=1.2), stop=0.3, value=0.07, mixed=0.3)
    canvas.cover(picture, angle, 7.5, 40, Brush(dry=0.25, body=1.5), spacing=8, stop=0.2, value=0.09, hue=0.045, mixed=0.35)
    _reeds(canvas, rng)
    detail = np.abs(picture - ndimage.gaussian_filter(picture, (8, 8, 0))).max(-1)
    canvas.cover(
        picture, angle, 6, 24, Brush(dry=0.1, body=2.0), spacing=7, where=smoothstep(0.12, 0.35, detail) * (1 - bank), stop=0.18, mixed=0.2
    )
    return shrink(canvas.finished(0.55, 0.22, weave=0.3))


def _reeds(canvas: Canvas, rng: np.random.Generator) -> None:
    """Tall grass in the foreground, in dark strokes with a few lit ones."""
    greens = inks("060d1c 0b2028 12353a 2b5a44 6f8a45 c0ad52")
    for k in range(120):
        root = np.array([rng.uniform(-10, canvas.width), canvas.height + 8])
        left = np.exp(-(((root[0] - 20) / 130) ** 2)) + 0.55 * np.exp(-(((root[0] - 640) / 90) ** 2))
        tall = 45 + 210 * left * rng.uniform(0.45, 1)
        lean = rng.normal(0.18, 0.16)
        tip = root + np.array([tall * lean, -tall])
        middle = root + np.array([tall * lean * 0.25, -tall * 0.55])
        shade = greens[min(int(rng.integers(0, 3) + (k > 90) * 2), 5)]
        canvas.stroke(
            curve(np.stack([root, middle, tip]), 14),
            rng.uniform(3.5, 7.5),
            varied(shade[None], rng)[0],
            Brush(dry=0.1, body=1.8, taper=0.8, tip=0.1),
        )


def pointillism() -> Array:
    """A river at dusk, in dots of pure colour that mix in the eye."""
    rng = dice("pointillism")
    width, height = 640, 512
    x, y = grid(width, height)
    horizon = 262.0
    drift = clouds(x.shape, 60, rng, 3, stretch=3.5)
    picture = ramp(inks("4a55a8 7f76c0 c58dbb f0a08a fbbf62 ffe08a"), y / horizon + 0.07 * drift)
    sun_x, sun_y = 405, 186
    distance = np.hypot(x - sun_x, y - sun_y)
    lay(picture, np.exp(-((distance / 95) ** 2)) * 0.8, ink("ffd75e"))
    lay(picture, smoothstep(29, 26, distance), ink("fff6c4"))
    for cx, cy, wide, tall in [
        (130, 90, 120, 15),
        (300, 55, 150, 13),
        (520, 120, 130, 13),
        (210, 150, 110, 9),
        (560, 60, 110, 12),
        (60, 180, 90, 8),
    ]:
        cloud = np.exp(-(((x - cx) / wide) ** 2) - ((y - cy - 6 * drift) / tall) ** 2)
        lay(picture, smoothstep(0.3, 0.42, cloud), ramp(inks("d94f7c ff8f6a ffdf9f"), (y - cy) / tall * 0.5 + 0.4))
    for base, rise, span, colours in [(232, 13, 330, "6a5fb5 8d74c4"), (248, 8, 190, "3f4f9e 5e66b4")]:
        line = skyline(x, base, rise, span, rng)
        lay(picture, y > line, ramp(inks(colours), (y - line) / 24))
    far = skyline(x, 250, 5, 90, rng, 5)
    lay(picture, y > far, ramp(inks("2d5a70 3d8060 27406e"), (y - far) / 14))
    mirror = np.clip(2 * horizon - y - (y - horizon) * 0.15, 0, height)
    wave = 2.5 * np.sin(y / 2.6 + 2 * np.sin(x / 41)) * (y - horizon) / 40
    water = pick(picture, np.stack([np.clip(x + wave * 2, 1, width - 1), np.clip(mirror + wave, 1, height)], -1))
    ripple = np.sin(y / 4.5 + 2.5 * np.sin(x / 70 + y / 23))
    water = water * 0.86 + ink("355fae") * 0.16 + 0.07 * ripple[..., None] * ink("ffd0a0")
    lay(picture, y > horizon, water)
    lay(picture, (y > horizon) * np.exp(-(((x - sun_x) / (12 + (y - horizon) * 0.24)) ** 2)) * (ripple > -0.1) * 0.9, ink("ffdf7d"))
    for bx, by, size in [(250, 300, 1.0), (508, 282, 0.6), (300, 283, 0.5)]:
        hull = [(bx - 36 * size, by), (bx + 38 * size, by - 2), (bx + 27 * size, by + 11 * size), (bx - 26 * size, by + 11 * size)]
        lay(picture, shape(x.shape, hull), ink("5a2650"))
        lay(picture, shape(x.shape, [(bx, by - 4), (bx + 4, by - 88 * size), (bx + 36 * size, by - 6)]), ink("fff0cf"))
        lay(picture, shape(x.shape, [(bx - 4, by - 4), (bx, by - 80 * size), (bx - 27 * size, by - 7)]), ink("f09a6c"))
        lay(
            picture,
            shape(x.shape, [(bx - 20 * size, by + 15), (bx + 26 * size, by + 15), (bx + 8 * size, by + 70 * size)])
            * 0.65
            * (ripple > -0.2),
            ink("ffe3bd"),
        )
    bank = 452 + 26 * np.sin(x / 120 + 2.2) - 0.09 * x + 3 * clouds(x.shape, 20, rng)
    lay(picture, y > bank, ramp(inks("d7c64d 7fae45 3b8a5c 2b5a86 4a3f8f"), (y - bank) / 90 + 0.15 * clouds(x.shape, 16, rng, stretch=2)))
    lay(picture, (y > bank) * (clouds(x.shape, 9, rng, 2) > 1.45), ink("f0567a"))
    for trunk, top, lean in [(96, -20, 26), (52, 30, -30)]:
        spine = curve([(trunk, 500), (trunk + lean * 0.3, 330), (trunk + lean * 0.6, 200), (trunk + lean, top)], 40)
        thick = np.linspace(11, 3, 40)
        outline = np.concatenate([spine + np.stack([thick, 0 * thick], 1), (spine - np.stack([thick, 0 * thick], 1))[::-1]])
        lay(picture, shape(x.shape, outline), ramp(inks("ef8a4a 7a3a6c 2c2a66"), (x - trunk) / 30 + 0.5))
    crown = np.zeros_like(x)
    for cx, cy, size in [(70, 60, 78), (150, 30, 62), (24, 130, 56), (128, 118, 46), (200, 66, 34), (30, 10, 70)]:
        crown = np.maximum(crown, 1.25 - np.hypot((x - cx) / 1.15, y - cy) / size)
    leaf = clouds(x.shape, 16, rng, 3)
    crown_mask = smoothstep(0.28, 0.34, crown + 0.13 * leaf)
    lay(picture, crown_mask, ramp(inks("2a2f73 24617a 2f8560 86ab48 f2c14e"), 0.42 + 0.19 * leaf + (x - 90) / 420 - (y - 70) / 520))
    canvas = Canvas(width, height, ink("d9c9b0"), rng)
    # Dots are short dabs; each takes a neighbour on the colour wheel or, now and then, the complement.
    flat = np.where(y > horizon, 0.0, 0.35 * np.sin(x / 80)).astype(np.float32)
    canvas.cover(picture, flat, 15, 16, Brush(dry=0, body=0.6, taper=0.5, tip=0.5), spacing=10, value=0.03, hue=0.03, stop=2)
    for size, gap, hue in [(9.5, 8.2, 0.065), (8, 8.2, 0.075)]:
        _dots(canvas, picture, size, gap, hue)
    return shrink(canvas.finished(0.24, 0.06, weave=0.1))


def _dots(canvas: Canvas, picture: Array, size: float, gap: float, hue: float) -> None:
    """A layer of dots, more saturated than the picture they stand for."""
    rng = canvas.rng
    starts = spread(canvas.width, canvas.height, gap, rng, margin=size)
    colours = pick(ndimage.gaussian_filter(picture, (1.5, 1.5, 0)), starts)
    grey = colours.mean(1, keepdims=True)
    vivid = grey + (colours - grey) * rng.uniform(1.0, 1.55, (len(colours), 1))
    other = rng.random((len(colours), 1)) < 0.07
    vivid = np.where(other, grey * 1.05 - (colours - grey) * 0.9, vivid)
    for start, colour in zip(starts, varied(vivid.astype(np.float32), rng, 0.06, hue), strict=True):
        turn, long = rng.uniform(-0.5, 0.5), size * rng.uniform(0.28, 0.42)
        reach = np.array([np.cos(turn), np.sin(turn)]) * long
        canvas.stroke(
            np.stack([start - reach, start + reach]),
            size * rng.uniform(0.75, 1.15),
            colour,
            Brush(dry=0, body=1.3, streak=0.03, taper=0.5, tip=0.1, ridge=0.3),
        )


def fauve() -> Array:
    """A southern harbour in flat, wild colours, laid side by side with loose strokes and bare ground between."""
    rng = dice("fauve")
    width, height = 640, 512
    x, y = grid(width, height)
    picture = ramp(inks("f4b6c8 f7d36a ffe9a8 8fd4c0"), y / 250 + 0.1 * clouds(x.shape, 60, rng, 2, stretch=2))
    angle = (0.35 * np.sin(x / 70 + y / 40) - 0.35).astype(np.float32)

    def area(mask: Array, colour: Array, turn: Array | float) -> None:
        nonlocal angle
        lay(picture, mask, colour)
        angle = np.where(mask > 0.5, turn, angle).astype(np.float32)

    for cx, cy, wide, tall, tone in [
        (160, 60, 100, 22, "3fa7c4"),
        (380, 40, 110, 20, "e8728e"),
        (520, 105, 90, 20, "49b0c0"),
        (300, 112, 80, 12, "fff3d0"),
    ]:
        area(smoothstep(0.9, 1.0, 1.6 - ((x - cx) / wide) ** 2 - ((y - cy) / tall) ** 2), ink(tone), 0.15)
    hills = [(168, 34, 420, "3b4bb0 5b78d0", 0.5), (205, 22, 260, "8d3f9e c45aa8", -0.35), (232, 13, 200, "1f8a70 58b368", 0.25)]
    for base, rise, span, colours, turn in hills:
        line = skyline(x, base, rise, span, rng, 2)
        area(smoothstep(-0.5, 0.5, y - line), ramp(inks(colours), 0.5 + 0.5 * np.sin(x / 38 + y / 27)), turn)
    sea = smoothstep(246, 247, y)
    area(sea, ramp(inks("0d4fa3 1378c4 22a7c0 7fd6c4"), 0.5 + 0.42 * np.sin(y / 13 + 1.8 * np.sin(x / 75))), 0.06)
    for k in range(46):  # warm reflections, as separate touches
        at = rng.uniform((200, 255), (640, 400))
        area(
            (np.abs(x - at[0]) < rng.uniform(9, 24)) * (np.abs(y - at[1]) < rng.uniform(2.5, 5)) * 1.0,
            inks("ff7a3d f7d14e f4a3b8 fff0cc 12306e")[k % 5],
            0.0,
        )
    houses = [
        (372, 190, 46, 66, "ff8a4a"),
        (418, 170, 40, 84, "ffe08a"),
        (458, 196, 52, 58, "f26a7e"),
        (510, 178, 44, 74, "fff1d6"),
        (554, 200, 60, 54, "f2a03d"),
        (614, 184, 40, 70, "f7c6c9"),
    ]
    for left, top, wide, tall, tone in houses:
        area(shape(x.shape, [(left, top), (left + wide, top), (left + wide, top + tall), (left, top + tall)]), ink(tone), 1.5)
        area(shape(x.shape, [(left - 4, top + 2), (left + wide * 0.5, top - 17), (left + wide + 4, top + 2)]), ink("c8252f"), 0.4)
        area(
            shape(
                x.shape, [(left + wide * 0.7, top + 2), (left + wide, top + 2), (left + wide, top + tall), (left + wide * 0.7, top + tall)]
            ),
            ink("3f6fb8"),
            1.5,
        )
        for wx in (0.16, 0.46):
            for wy in (0.2, 0.58):
                area(
                    shape(
                        x.shape,
                        [(left + wide * (wx + dx), top + tall * (wy + dy)) for dx, dy in [(0, 0), (0.16, 0), (0.16, 0.2), (0, 0.2)]],
                    ),
                    ink("1d3f7c"),
                    1.5,
                )
    for bx, by, size, tone, sail in [
        (330, 318, 1.25, "c8252f", "fff3d6"),
        (500, 300, 0.9, "f2a03d", "f26a7e"),
        (565, 352, 1.2, "1f7a5a", "ffd75e"),
        (262, 282, 0.6, "20307c", "ffb07a"),
    ]:
        area(shape(x.shape, [(bx + 4 * size, by - 4), (bx + 8 * size, by - 96 * size), (bx + 46 * size, by - 8)]), ink(sail), 1.2)
        area(shape(x.shape, [(bx - 2, by - 4), (bx + 4 * size, by - 84 * size), (bx - 30 * size, by - 8)]), ink("ff9a5c"), 1.8)
        area(
            shape(
                x.shape,
                [(bx - 52 * size, by - 5), (bx + 56 * size, by - 5), (bx + 40 * size, by + 17 * size), (bx - 38 * size, by + 17 * size)],
            ),
            ink(tone),
            0.05,
        )
        area(
            shape(x.shape, [(bx - 36 * size, by + 19 * size), (bx + 40 * size, by + 19 * size), (bx + 16 * size, by + 42 * size)]),
            ink("12306e"),
            0.0,
        )
    line = 418 - 0.2 * x + 26 * np.sin(x / 95) + 60 * smoothstep(380, 640, x)
    area(smoothstep(-0.5, 0.5, y - line), ramp(inks("f4c63d ff8a3d f26a7e"), (y - line) / 120), 0.35)
    for k in range(60):  # vines in rows up the slope, each with its violet shadow
        row, place = divmod(k, 10)
        vx = 330 + place * 34 + row * 9 + rng.normal(0, 3)
        vy = 352 + row * 24 + place * 3.5 + rng.normal(0, 2)
        size = 5 + row * 1.5
        area(smoothstep(1.1, 0.9, np.hypot((x - vx - size) / (1.9 * size), (y - vy - size * 0.5) / (0.5 * size))), ink("7a3f9e"), 0.2)
        area(smoothstep(1.1, 0.9, np.hypot((x - vx) / (1.2 * size), (y - vy) / size)), inks("1f8a5a 2fae6a 0f6f6a c8252f")[k * 7 % 4], -0.9)
    path = np.abs(x - 250 - 70 * np.sin((y - 380) / 60)) - (y - 360) * 0.36
    area(smoothstep(3, -3, path) * (y > line), ramp(inks("f7b6c9 ffe2d0"), 0.5 + 0.5 * np.sin(y / 9)), -0.4)
    for cx, cy, wide, tall, tone in [
        (60, 470, 90, 46, "1f9a5c"),
        (170, 500, 70, 34, "0f6f6a"),
        (430, 492, 110, 40, "2aa05a"),
        (560, 460, 80, 30, "7fbf3f"),
        (620, 505, 70, 40, "0f6f6a"),
        (330, 505, 40, 22, "c8252f"),
    ]:
        area(smoothstep(0.9, 1.0, 1.5 - ((x - cx) / wide) ** 2 - ((y - cy) / tall) ** 2), ink(tone), -0.7 + 0.01 * (x - cx))
    for trunk, lean, thick, tone in [(78, 42, 17, "d42b30"), (146, -26, 12, "2b2f8f"), (20, 18, 13, "e8641f")]:
        spine = curve([(trunk, 520), (trunk - lean * 0.2, 380), (trunk + lean * 0.5, 230), (trunk + lean, 30)], 40)
        half = np.stack([np.linspace(thick, thick * 0.4, 40), np.zeros(40)], 1)
        area(shape(x.shape, np.concatenate([spine + half, (spine - half)[::-1]])), ink(tone), 1.5)
    for cx, cy, size, tone in [
        (60, 40, 78, "0f7a5a"),
        (150, 66, 60, "3fae5a"),
        (20, 120, 52, "12508f"),
        (200, 24, 52, "0f7a5a"),
        (232, 84, 28, "3fae5a"),
    ]:
        blob = np.hypot((x - cx) / 1.25, y - cy) / size + 0.1 * np.sin(5 * np.arctan2(y - cy, x - cx) + cx)
        area(smoothstep(1.0, 0.96, blob), ink(tone), 0.7 + 0.9 * np.sin(np.arctan2(y - cy, x - cx)))
    canvas = Canvas(width, height, ink("e9d3b0"), rng)
    canvas.cover(picture, angle, 30, 80, Brush(dry=0.55, body=0.5, streak=0.06), spacing=21, stop=0.3, value=0.05, hue=0.06)
    canvas.cover(picture, angle, 15, 52, Brush(dry=0.45, body=0.9, streak=0.07), spacing=13, stop=0.22, value=0.07, hue=0.07, mixed=0.2)
    detail = smoothstep(0.08, 0.25, np.abs(picture - ndimage.gaussian_filter(picture, (9, 9, 0))).max(-1))
    canvas.cover(picture, angle, 8, 30, Brush(dry=0.2, body=1.2), spacing=7, where=detail, stop=0.14, value=0.05, hue=0.04)
    return shrink(canvas.finished(0.38, 0.08, weave=0.55))


def knife() -> Array:
    """An autumn wood by the water, in slabs of paint set down with a palette knife."""
    rng = dice("knife")
    width, height = 640, 512
    x, y = grid(width, height)
    horizon = 300 + 8 * np.sin(x / 110)
    picture = ramp(inks("7fa8bf b9cfd0 f1e3bd f8c98a"), y / 230 + 0.12 * clouds(x.shape, 50, rng, 3, stretch=1.6))
    wood = clouds(x.shape, 46, rng, 3)
    top = skyline(x, 62, 26, 230, rng, 5)
    leaves = inks("4a1626 8f1f24 c8361f e8641f f29a2e f7c84a fbe7a0")
    lay(picture, smoothstep(-2, 2, y - top), ramp(leaves, 0.62 + 0.2 * wood - (y - top) / 330))
    low = skyline(x, 216, 22, 150, rng, 5)
    lay(
        picture,
        smoothstep(-2, 2, y - low),
        ramp(inks("1d2a3a 274a46 5a6b2f b08a2c e07a24"), 0.75 + 0.22 * clouds(x.shape, 30, rng, 3) - (y - low) / 95),
    )
    glade = np.exp(-(((x - 362 - 14 * np.sin(y / 45)) / 62) ** 2) - ((y - 150) / 150) ** 2)
    lay(
        picture,
        smoothstep(0.55, 0.85, glade + 0.16 * clouds(x.shape, 24, rng, 2)) * 0.9,
        ramp(inks("f0b44c f7dc94 fbefc8 bcd6d6"), 0.95 - y / 330 + 0.2 * wood),
    )
    mirror = np.stack([x, np.clip(2 * horizon - y * 1.05 + 16, 1, height)], -1)
    water = pick(ndimage.gaussian_filter(picture, (14, 2, 0)), mirror) * 0.8 + ink("1d3f5c") * 0.12
    band = np.sin(y / 6 + 2 * np.sin(x / 90))
    lay(picture, y > horizon, water + 0.06 * band[..., None])
    lay(picture, (y > horizon) * (band > 0.72) * smoothstep(300, 480, y) * 0.6, ink("8fb8cc"))
    shore = 470 - 84 * np.exp(-(((x - 600) / 130) ** 2)) - 40 * np.exp(-(((x - 40) / 130) ** 2)) + 5 * np.sin(x / 22)
    lay(
        picture,
        smoothstep(-1, 1, y - shore),
        ramp(inks("f2b63d d9641f 8f2a24 3b2030 20303a"), (y - shore) / 85 + 0.14 * clouds(x.shape, 18, rng, stretch=2)),
    )
    canvas = Canvas(width, height, ink("6b2f24"), rng)
    tilt = np.where(y < top, -0.5 + 0.25 * clouds(x.shape, 70, rng, 2), 1.1 + 0.9 * clouds(x.shape, 70, rng, 2))
    tilt = np.where(y > horizon, 0.04 * np.sin(x / 50), tilt).astype(np.float32)
    slab = Brush(dry=0.3, body=1.8, streak=0.06, taper=0.02, tip=0.92, ridge=1.0, hairs=2.0)
    canvas.cover(picture, tilt, 34, 46, slab, spacing=22, stop=0.5, value=0.06, hue=0.04, mixed=0.5)
    canvas.cover(picture, tilt + 0.4 * (y < horizon), 20, 30, slab, spacing=14, stop=0.35, value=0.09, hue=0.05, mixed=0.6)
    canvas.cover(picture, tilt - 0.5 * (y < horizon), 12, 20, slab, spacing=10, stop=0.3, value=0.11, hue=0.055, mixed=0.5)
    _birches(canvas, horizon, rng)
    reach = np.exp(-(((y - horizon - 14) / 13) ** 2)) * (0.55 + 0.2 * wood)
    canvas.cover(
        np.where((y > horizon - 4)[..., None], ink("8a5a22"), picture),
        tilt * 0 + 1.35,
        9,
        20,
        slab,
        spacing=9,
        where=reach,
        stop=1,
        value=0.2,
        hue=0.08,
        mixed=0.5,
    )
    sparks = smoothstep(0.1, 0.8, wood) * (y > top) * (y < horizon + 10) * 0.5 + 0.35 * (y > shore)
    canvas.cover(
        np.clip(picture * 1.12 + 0.06, 0, 1), tilt + 0.9, 9, 13, slab, spacing=11, where=sparks, stop=1, value=0.12, hue=0.06, mixed=0.4
    )
    return shrink(canvas.finished(0.52, 0.16, weave=0.2))


def _birches(canvas: Canvas, horizon: Array, rng: np.random.Generator) -> None:
    """Pale trunks pulled down with the knife's edge, and their broken mirror images."""
    light_side, dark_side = inks("fbf4e2 f2dfc0 e8e4e6"), inks("6f7f9c 8a6a72 5a6480")
    slab = Brush(dry=0.3, body=2.2, streak=0.1, taper=0.02, tip=0.9, ridge=1.0, hairs=2.0)
    for at, wide, lean in [
        (52, 17, 10),
        (112, 11, -8),
        (178, 14, 6),
        (236, 8, 8),
        (452, 9, -6),
        (500, 15, -12),
        (566, 11, 10),
        (612, 18, 4),
        (292, 6, 4),
        (420, 6, 3),
    ]:
        foot = float(pick(horizon, np.array([[at, 10.0]]))[0]) + wide * 1.5
        tall = foot - rng.uniform(-30, 50) - (110 if wide < 10 else 0)
        for part in range(int(tall / 30) + 1):
            y0, y1 = foot - part * 30, foot - part * 30 - 36
            x0, x1 = at + lean * part * 0.25, at + lean * (part + 1) * 0.25
            k = int(rng.integers(3))
            wide_here = wide * (1 - 0.035 * part)
            canvas.stroke([(x0 + wide_here * 0.3, y0), (x1 + wide_here * 0.3, y1)], wide_here * 0.7, dark_side[k], slab)
            canvas.stroke(
                [(x0 - wide_here * 0.18, y0), (x1 - wide_here * 0.18, y1)],
                wide_here * 0.75,
                light_side[k],
                slab,
                second=light_side[(k + 1) % 3],
            )
            if rng.random() < 0.75:
                mark = rng.uniform(y1, y0)
                canvas.stroke(
                    [(x0 - wide_here * 0.55, mark), (x0 + wide_here * rng.uniform(-0.1, 0.4), mark + 3)],
                    wide * 0.28 + 2,
                    ink("2a1d26"),
                    slab,
                )
        for part in range(int(tall / 34)):
            y0 = foot + 6 + part * 15
            if y0 > 470 or rng.random() < 0.25:
                continue
            shift = rng.normal(0, wide * 0.25) - lean * part * 0.12
            canvas.stroke(
                [(at + shift - wide * 0.8, y0), (at + shift + wide * 0.9, y0 + 1)],
                9,
                light_side[int(rng.integers(3))] * 0.88,
                slab,
                second=dark_side[1],
            )
