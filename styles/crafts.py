"""The styles that are cut, set or leaded rather than painted: waves in wood, mosaic, stained glass, cubist facets."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.measure import find_contours
from studio import (
    FINE,
    Array,
    Brush,
    Canvas,
    Mask,
    across,
    clouds,
    curve,
    dice,
    edges,
    grid,
    ink,
    inks,
    lay,
    light,
    pick,
    ramp,
    shape,
    shrink,
    skyline,
    smoothstep,
    varied,
)


def waves() -> Array:
    """Storm waves as a colour woodcut: Prussian blues, cream foam, and the carver's lines."""
    rng = dice("waves")
    width, height = 640, 512
    x, y = grid(width, height)
    cream, deep = inks("f1e6c8 1f4a7f")
    picture = np.broadcast_to(cream, (*x.shape, 3)).copy()
    # Sky: two inks that fade downwards, opened up by the carver's wind lines.
    lay(picture, smoothstep(175, 0, y) * 0.95, ink("4f86a0"))
    lay(picture, smoothstep(60, 175, y) * 0.75, ink("e9ad78"))
    wind = y + 11 * np.sin(x / 96 + 0.7) + 5 * np.sin(x / 41 - y / 50)
    width_of_cut = 0.62 + 0.3 * np.sin(x / 73 + wind / 15) + 0.12 * clouds(x.shape, 20, rng, 2, stretch=5)
    lay(picture, smoothstep(-0.05, 0.12, np.sin(wind * 2 * np.pi / 11) - width_of_cut) * (y < 230), cream)
    lay(picture, smoothstep(-0.05, 0.12, -np.sin(wind * 2 * np.pi / 11) - 0.35 - width_of_cut) * smoothstep(190, 120, y) * 0.8, deep)
    sun = np.hypot(x - 436, y - 118)
    lay(picture, smoothstep(66, 65, sun), ink("c8452c"))
    lay(
        picture, smoothstep(0.3, 0.42, np.sin((y + 3 * np.sin(x / 31)) * 2 * np.pi / 9) - 1.15 + (y - 70) / 110) * (sun < 62), ink("ee9a5c")
    )
    _scroll_clouds(picture, x, y)
    carve = clouds(x.shape, 14, rng, 2)
    rows = [(196, 20, 152, 0.3), (246, 32, 214, 1.9), (318, 50, 290, 4.4), (418, 66, 380, 0.9)]
    for number, (base, rise, span, phase) in enumerate(rows):
        picture = _wave_row(picture, x, y, (base, rise, span, phase), carve, rng, number)
    # The block's grain shows in the flat inks, and the ink lies unevenly.
    grain = np.sin((y + 5 * clouds(x.shape, 60, rng, 2, stretch=4)) * 1.15 + 2 * clouds(x.shape, 12, rng, 2, stretch=12))
    dark = 1 - picture.mean(-1)
    picture = picture + (smoothstep(0.55, 1.0, grain) * 0.075 * dark)[..., None] + (0.02 * clouds(x.shape, 30, rng, 3))[..., None]
    wear = clouds(x.shape, 3, rng, 2, stretch=3) > 2.3
    lay(picture, wear * 0.5 * (dark > 0.3), cream)
    return shrink(np.clip(picture, 0, 1))


def _scroll_clouds(picture: Array, x: Array, y: Array) -> None:
    """Banks of cloud with round lobes, each filled with lines that echo its outline."""
    banks = [
        ("f1e6c8", "1f4a7f", [(40, 40, 34), (88, 30, 42), (140, 44, 30), (184, 52, 20), (0, 58, 36), (220, 60, 12)]),
        ("e9d3a8", "1f4a7f", [(600, 52, 38), (556, 62, 27), (640, 70, 40), (520, 70, 15), (620, 30, 26)]),
        ("f1e6c8", "1f4a7f", [(262, 128, 24), (296, 120, 30), (332, 130, 22), (234, 136, 14), (358, 138, 12)]),
    ]
    for fill, line, lobes in banks:
        away = np.min([np.hypot((x - cx) / 1.12, y - cy) - radius for cx, cy, radius in lobes], 0).astype(np.float32)
        away = np.maximum(away, y - max(cy for _, cy, _ in lobes) - 12)
        lay(picture, smoothstep(0.5, -0.5, away), ink(fill))
        echo = np.abs(((-away) % 9) - 4.5)
        lay(picture, smoothstep(3.6, 4.2, echo) * (away < 0), ink(line))
        lay(picture, smoothstep(1.9, 1.2, np.abs(away)), ink("0f2447"))


def _wave_row(
    picture: Array, x: Array, y: Array, row: tuple[float, float, float, float], carve: Array, rng: np.random.Generator, number: int
) -> Array:
    """One row of waves over what's behind it: body with carved lines, foam fingers curling at each crest."""
    base, rise, span, phase = row
    cream, pale, mid, deep, line_ink = inks("f3ead0 a9c4c4 4f86a8 1f4a7f 0f2447")
    turn = x * 2 * np.pi / span + phase
    # Steep on one side and long on the other: the wave leans over.
    lean = turn + 0.55 * np.sin(turn)
    top = base - rise * (np.cos(lean) + 0.22 * np.cos(2 * lean))
    depth = y - top
    body = smoothstep(-0.4, 0.4, depth)
    lay(picture, body, deep)
    # Lines run parallel to the back and gather towards the crest, swelling and thinning as a gouge does.
    flow = depth / (1 + 0.35 * np.cos(lean)) + 10 * np.sin(lean + 0.8)
    swell = 0.5 + 0.5 * np.sin(lean + flow / 24)
    stripe = np.sin(flow * 2 * np.pi / (13 + 2.5 * number) + 0.12 * carve)
    lay(picture, body * smoothstep(-0.05, 0.12, stripe - 0.9 + 1.2 * swell), mid)
    lay(picture, body * smoothstep(-0.05, 0.12, stripe - 0.35 - 0.75 * (1 - swell)), pale)
    fine = np.sin(flow * 2 * np.pi / (6.5 + 1.2 * number) + 0.6)
    lay(picture, body * smoothstep(0.8, 0.9, fine) * (swell < 0.55), cream)
    thick = rise * 0.20 * smoothstep(-0.7, 0.9, np.cos(lean)) + 1.2
    lay(picture, smoothstep(thick + 0.5, thick - 0.5, np.abs(depth - thick)), cream)
    lay(picture, smoothstep(1.6, 0.9, np.abs(depth - 2 * thick - 0.8)), line_ink)
    lay(picture, smoothstep(1.9, 1.1, np.abs(depth)), line_ink)
    peaks = [(k * 2 * np.pi - phase) * span / (2 * np.pi) for k in range(-1, 7)]
    for peak in peaks:
        if not -60 < peak < 720:
            continue
        _foam(picture, peak, base - rise * 1.22, rise / 44, rng, top)
    return picture


def _foam(picture: Array, at: float, top: float, scale: float, rng: np.random.Generator, line: Array) -> None:
    """The breaking crest: a cream mass with curled fingers, each edged in dark ink, and spray around it."""
    sheet = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    pen = ImageDraw.Draw(sheet)
    cream, pale, dark = (243, 234, 208), (169, 196, 196), (15, 36, 71)

    def dot(px: float, py: float, radius: float, fill: tuple[int, int, int]) -> None:
        pen.ellipse([(px - radius) * FINE, (py - radius) * FINE, (px + radius) * FINE, (py + radius) * FINE], fill=fill)

    heads = []
    for k in range(11):
        part = k / 10
        px = at + (part - 0.32) * 150 * scale
        py = float(pick(line, np.array([[np.clip(px, 0, 639), 1.0]]))[0]) if 0 <= px < 640 else top + (part - 0.3) ** 2 * 60 * scale
        heads.append((px, py + 3 * scale, (15 - 10 * abs(part - 0.35)) * scale * rng.uniform(0.8, 1.2)))
    fingers = []
    for px, py, radius in heads:
        for _ in range(3):
            bend = rng.uniform(0.9, 1.7)
            heading = rng.uniform(-1.0, 0.55)
            path, thick = [(px, py)], []
            count = 16
            for step in range(count):
                heading += bend * (step / count) * 0.42
                reach = radius * 0.24 * (1 - step / count * 0.55)
                path.append((path[-1][0] + reach * np.cos(heading), path[-1][1] + reach * np.sin(heading)))
                thick.append(radius * (0.30 - 0.24 * step / count) + 0.5)
            fingers.append((path[1:], thick))
    for grow, fill in ((1.5, dark), (0.0, cream)):
        for px, py, radius in heads:
            dot(px, py, radius * 0.62 + grow, fill)
        for path, thick in fingers:
            for (px, py), radius in zip(path, thick, strict=True):
                dot(px, py, radius + grow, fill)
    for px, py, radius in heads:  # shadow curls inside the foam
        for _ in range(2):
            cx, cy, r = px + rng.normal(0, radius * 0.4), py + rng.normal(0, radius * 0.3), radius * rng.uniform(0.22, 0.4)
            start = rng.uniform(0, 360)
            pen.arc(
                [(cx - r) * FINE, (cy - r) * FINE, (cx + r) * FINE, (cy + r) * FINE],
                start,
                start + 230,
                fill=dark if rng.random() < 0.5 else pale,
                width=3,
            )
    for _ in range(34):
        px, py = at + rng.normal(25, 62) * scale, top - abs(rng.normal(0, 24)) * scale + 6
        radius = rng.uniform(0.8, 2.9) * (0.6 + scale * 0.5)
        dot(px, py, radius + 0.9, dark)
        dot(px, py, radius, cream)
    picture[:] = np.asarray(sheet, np.float32) / 255


def mosaic() -> Array:
    """Two golden carp in turning water, in stone and glass tesserae laid along the forms."""
    rng = dice("mosaic")
    width, height = 640, 512
    x, y = grid(width, height)
    # Each form is a signed distance; tesserae follow the contours of the nearest one.
    fish = [_carp(x, y, curve(line, 60), girth) for line, girth in ((CARP_ONE, 50), (CARP_TWO, 46))]
    rings = np.hypot(x - 318, (y - 258) * 1.12)
    swirl = rings + 12 * np.sin(3 * np.arctan2(y - 258, x - 318) + rings / 60)
    water = inks("0f2f5c 14507f 1f7f9c 4fb0ae a9d9c2 eae6c8")
    bands = np.abs((swirl / 46) % 2 - 1)
    picture = ramp(water, bands * 0.85 + 0.08 * clouds(x.shape, 30, rng, 2))
    field = swirl.copy()
    for cx, cy, size in [(86, 92, 74), (560, 424, 82), (586, 68, 46), (60, 440, 52)]:
        away = np.hypot(x - cx, y - cy)
        theta = np.arctan2(y - cy, x - cx)
        petals = size * (0.80 + 0.16 * np.abs(np.sin(theta * 4)))
        inside = away < petals
        lotus = ramp(inks("f6c443 e8793a d64b57 f2b4b8 fbeedd"), away / petals + 0.08 * np.sin(theta * 8))
        lay(picture, away < size * 1.05, ramp(inks("173f3a 2f7a4a 7fb24f"), 0.5 + 0.5 * np.sin(theta * 9)))
        lay(picture, inside, lotus)
        field = np.where(away < size * 1.05, np.where(inside, away / petals * size, away), field)
    for (inside, tail, along, side, distance), tones in zip(
        fish, ("c8321f fff3dc e8551f fff8ea d8401f", "f7b52f ffe08a 2a2438 fbc94f f09a24"), strict=True
    ):
        lay(picture, distance < 8, ink("07142e"))
        # Koi wear broad patches; along the sides a row of scales, on tail and fins rays.
        patch = smoothstep(-0.1, 0.1, np.sin(along * 15 + 1.7 * np.sin(side * 2.2) + 0.6))[..., None]
        first, second, dark, pale, ray = inks(tones)
        scale = 0.5 + 0.5 * np.sin(along * 92) * np.cos(side * 7)
        coat = (first * patch + second * (1 - patch)) * (0.76 + 0.26 * scale + 0.12 * (1 - np.abs(side)))[..., None]
        lay(picture, inside, np.clip(coat, 0, 1))
        lay(picture, inside & (np.abs(side) < 0.16) & (along > 0.25), dark)
        lay(picture, tail, ramp(np.stack([ray, pale, ray]), 0.5 + 0.5 * np.sin(side * 9)))
        field = np.where(distance < 20, distance, field)
    for line in (CARP_ONE, CARP_TWO):
        spine = curve(line, 60)
        heading = spine[8] - spine[0]
        normal = np.array([-heading[1], heading[0]]) / np.hypot(*heading)
        for way in (-1, 1):
            ex, ey = spine[7] + normal * 22 * way
            away = np.hypot(x - ex, y - ey)
            lay(picture, away < 10, ink("fff8e0"))
            lay(picture, away < 6, ink("0a1020"))
            field = np.where(away < 11, away, field)
    border = np.minimum(np.minimum(x, width - x), np.minimum(y, height - y))
    frame = ramp(inks("c99a3a f3d98a"), 0.5 + 0.5 * np.sin((x + y) / 7))
    lay(picture, border < 27, frame)
    lay(picture, border < 18, inks("7a1a1f")[0])
    lay(picture, border < 9, ink("e9dcb8"))
    field = np.where(border < 28, border, field).astype(np.float32)
    return tesserae(picture, field, 9.0, rng)


CARP_ONE = [(112, 268), (132, 206), (196, 146), (286, 112), (372, 112), (442, 142), (492, 196)]
CARP_TWO = [(530, 262), (514, 322), (452, 380), (364, 410), (276, 404), (204, 372), (150, 322)]


def _carp(x: Array, y: Array, spine: Array, girth: float) -> tuple[Mask, Mask, Array, Array, Array]:
    """A fish seen from above: its body, its tail and fins, the place along it and across it (-1..1), and the distance outside it."""
    _, nearest = cKDTree(spine).query(np.stack([x.ravel(), y.ravel()], 1))
    near = nearest.reshape(x.shape)
    along = (near / (len(spine) - 1)).astype(np.float32)
    tangent = np.gradient(spine, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1) / np.hypot(*tangent.T)[:, None]
    part = np.linspace(0, 1, len(spine))
    half = girth * np.interp(part, [0, 0.03, 0.1, 0.2, 0.34, 0.6, 0.8, 0.86], [0.12, 0.42, 0.74, 0.92, 1.0, 0.74, 0.28, 0.22])
    cross = (x - spine[near, 0]) * normal[near, 0] + (y - spine[near, 1]) * normal[near, 1]
    side = (cross / half[near]).astype(np.float32)
    end = int(0.86 * len(spine))
    body = (
        shape(
            x.shape, np.concatenate([spine[:end] + normal[:end] * half[:end, None], (spine[:end] - normal[:end] * half[:end, None])[::-1]])
        )
        > 0.5
    )
    tail = np.zeros(x.shape, bool)
    step = spine[-1] - spine[-8]
    for way in (-1, 1):
        root, tip = spine[end - 3], spine[-1] + step * 0.55 + normal[-1] * girth * 1.05 * way
        lobe = [
            root - normal[end - 3] * 5 * way,
            root + normal[end - 3] * 12 * way,
            (root + tip) / 2 + normal[end] * girth * 0.34 * way,
            tip,
            spine[-1] - step * 0.1,
        ]
        tail |= shape(x.shape, curve(lobe, 40)) > 0.5
        for at, reach in ((int(0.26 * len(spine)), 0.72), (int(0.58 * len(spine)), 0.42)):
            foot, back = spine[at] + normal[at] * half[at] * 0.8 * way, spine[at + 9] + normal[at + 9] * half[at + 9] * 0.8 * way
            out = spine[at + 9] + normal[at + 9] * (half[at + 9] + girth * reach) * way
            tail |= shape(x.shape, curve([foot, (foot + out) / 2 + normal[at] * 5 * way, out, back], 30)) > 0.5
    tail &= ~body
    whole = body | tail
    distance = (ndimage.distance_transform_edt(~whole) - ndimage.distance_transform_edt(whole)) / FINE
    return body, tail, along, side, distance.astype(np.float32)


def tesserae(picture: Array, field: Array, size: float, rng: np.random.Generator) -> Array:
    """The picture in tiles of about the given size, in rows along the field's contour lines."""
    height, width = field.shape[0] / FINE, field.shape[1] / FINE
    smooth = ndimage.gaussian_filter(field, 1.5)
    seeds: list[Array] = []
    for level in np.arange(np.floor(smooth.min() / size) * size + size / 2, smooth.max(), size):
        for line in find_contours(smooth, level):
            line = line[:, ::-1] / FINE
            steps = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
            count = max(int(steps[-1] / (size * 1.08)), 1)
            at = (np.arange(count) + rng.uniform(0.2, 0.8)) * steps[-1] / count
            seeds.append(np.stack([np.interp(at, steps, line[:, 0]), np.interp(at, steps, line[:, 1])], 1))
    points = rng.permutation(np.concatenate(seeds))
    # Where rows of different forms meet, tiles crowd: keep the first of each crowd.
    keep = np.ones(len(points), bool)
    for a, b in sorted(cKDTree(points).query_pairs(size * 0.68)):
        if keep[a]:
            keep[b] = False
    points = (points[keep] + rng.normal(0, 0.35, (int(keep.sum()), 2))).astype(np.float32)
    turn = pick(across(smooth), points) + rng.normal(0, 0.05, len(points)).astype(np.float32)
    x, y = grid(int(width), int(height))
    _, nearest = cKDTree(points).query(np.stack([x.ravel(), y.ravel()], 1), k=6)
    dx, dy = x.ravel()[:, None] - points[nearest, 0], y.ravel()[:, None] - points[nearest, 1]
    c, s = np.cos(turn[nearest]), np.sin(turn[nearest])
    # A square's distance, so that the cells come out as squares turned along the contour.
    reach = np.maximum(np.abs(dx * c + dy * s), np.abs(dy * c - dx * s)).astype(np.float32)
    order = np.argsort(reach, axis=1)[:, :2]
    first, second = np.take_along_axis(reach, order, 1).T
    owner = np.take_along_axis(nearest, order[:, :1], 1).ravel()
    room = np.minimum((second - first) * 0.5, size * 0.62 - first).reshape(x.shape).astype(np.float32)
    colours = varied(pick(ndimage.gaussian_filter(picture, (2, 2, 0)), points), rng, 0.08, 0.03)
    tile = smoothstep(0.45, 1.0, room)
    stone = colours[owner].reshape(*x.shape, 3)
    tilt = rng.normal(0, 1, (len(points), 2)).astype(np.float32)[owner]
    # Each piece is set at a slight angle, so each catches the light differently.
    glance = ((tilt[:, 0] * (x.ravel() - points[owner, 0]) + tilt[:, 1] * (y.ravel() - points[owner, 1])) / size * 0.13).reshape(x.shape)
    stone = stone * (1 + glance[..., None]) + (0.025 * clouds(x.shape, 5, rng, 2))[..., None]
    grout = ink("4a443c") * (1 + 0.10 * clouds(x.shape, 4, rng, 2))[..., None]
    result = grout + tile[..., None] * (stone - grout)
    relief = np.minimum(np.maximum(room, 0), 1.8) * 1.1
    return shrink(light(result, relief, 0.34, 0.3, 1.0))


def stainedglass() -> Array:
    """A leaded window: the sun over hills, a river, and irises, in jewel colours lit from behind."""
    rng = dice("stainedglass")
    width, height = 512, 640
    x, y = grid(width, height)
    labels = np.zeros(x.shape, np.int64)
    tone = np.zeros((*x.shape, 3), np.float32)
    count = 0

    def panes(mask: Mask, cut: Array, palette: str) -> None:
        """Cut the area along the steps of `cut` and give each pane a colour in turn."""
        nonlocal count
        step = np.floor(cut).astype(np.int64)
        step -= step.min()
        colours = inks(palette)
        shades = varied(np.concatenate([colours] * (int(step.max()) // len(colours) + 1)), rng, 0.12, 0.05)
        labels[mask] = count + 1 + step[mask]
        tone[mask] = shades[step[mask]]
        count += int(step.max()) + 1

    def rows(a: Array, b: Array) -> Array:
        """Two families of cuts at once: every pair of steps is a pane of its own."""
        low = np.floor(b)
        return np.floor(a) * 64 + (low - low.min())

    cx, cy = 256.0, 214.0
    r, theta = np.hypot(x - cx, y - cy), np.arctan2(y - cy, x - cx)
    whole = np.ones(x.shape, bool)
    rays = theta * 12 / np.pi + 0.18 * np.sin(r / 38)
    panes(whole, rows((r - 60) / 74 + 0.22 * np.floor(rays % 2), rays), "14327f 2355b5 3f86d0 1b2a6b 5fb4d8 2f3f9c 7f4fa8 183a8f")
    panes((r < 150) & (r >= 92), rays, "f08a24 d9471f f7b733 e8641f")
    panes((r < 92) & (r >= 58), (theta * 6 / np.pi) + 0.5, "fbd04a f7a928 ffe27a")
    panes(r < 58, theta * 3 / np.pi + r / 40, "fff0a8 ffdc5a fff7cf")
    for base, rise, span, palette in [
        (330, 26, 380, "2f7a5a 1f5f5a 5fa04a 17474f"),
        (382, 24, 300, "6fae3f 2f8a4a b4c23f 1f6f4a"),
        (436, 18, 420, "1f6f3a 4f9a3a 12503f 8fb83a"),
    ]:
        line = skyline(x, base, rise, span, rng, 2)
        panes(y > line, rows((y - line) / 44, (x + (y - line) * 0.5) / 82 + base / 10), palette)
    bend = 256 + 95 * np.sin((y - 330) / 62)
    half = 8 + (y - 330) * 0.24
    river = (y > 352) & (np.abs(x - bend) < half)
    panes(river, rows((y - 330 + 10 * np.sin(x / 22)) / 34, (x - bend) / np.maximum(half, 1)), "4fb8d8 bfe8ea 2a86c0 7fd0d8 1f5fb0")
    for fx, fy, size, palette in [
        (92, 470, 62, "6a2fa0 9a4fc8 4a1f86 c07fe0"),
        (418, 452, 66, "b01f4f e0457a 8a1440 f28aa8"),
        (196, 560, 54, "c8321f f0642f 9a1a1f ff9a5a"),
        (340, 574, 50, "6a2fa0 b06fdc 3f1f86 d49af0"),
        (468, 578, 44, "e0a01f f7cf4a c8741f ffe68a"),
        (38, 586, 44, "b01f4f f28aa8 7a1440 e0457a"),
    ]:
        stem = np.abs(x - fx - 10 * np.sin((y - fy) / 40)) < 4.5
        panes(stem & (y > fy), y / 60, "2f9a3f 1f7a3a")
        for sign in (-1, 1):
            leaf = (np.hypot((x - fx - sign * 22) / 11, (y - fy - size - 22) / 48)) < 1
            panes(leaf, (x - fx - sign * 22) / 400 + y / 90, "5fb83f 2f8a3a 9acb4a")
        fr, ft = np.hypot(x - fx, y - fy), np.arctan2(y - fy, x - fx)
        petals = size * (0.62 + 0.38 * np.abs(np.cos(ft * 2.5 + 0.3)))
        panes(fr < petals, rows(fr / (size * 0.55), (ft + 0.12 + np.pi) * 5 / (2 * np.pi)), palette)
        panes(fr < size * 0.24, ft * 0, "ffd23f")
    edge = np.minimum(np.minimum(x, width - x), np.minimum(y, height - y))
    panes(
        edge < 26,
        rows(edge / 14, np.where(np.minimum(x, width - x) < np.minimum(y, height - y), y, x) / 42.7),
        "b01f2f 1f3f9c e8a92f 1f7a5a 7a2f9a",
    )
    # Uneven handmade glass: streaks, bubbles, and light that falls off towards the lead.
    inside = edges(labels, 1.0) < 0.5
    depth = (ndimage.distance_transform_edt(inside) / FINE).astype(np.float32)
    streaks = clouds(x.shape, 16, rng, 3, stretch=2.5) * 0.6 + np.sin((x * 0.3 + y + 14 * clouds(x.shape, 44, rng, 2)) / 4.2) * 0.5
    glow = 0.78 + 0.34 * smoothstep(0, 15, depth) + 0.085 * streaks + 0.12 * np.exp(-((r / 230) ** 2))
    seeds = clouds(x.shape, 3.2, rng, 1) > 2.5
    picture = tone * glow[..., None] + (0.14 * smoothstep(4, 18, depth) * (0.6 + 0.4 * streaks))[..., None] * (tone + 0.25)
    picture = np.clip(picture + 0.18 * ndimage.gaussian_filter(seeds.astype(np.float32), 1)[..., None], 0, 1)
    lead = edges(labels, 5.6)
    came = np.clip(2.8 - depth, 0, 2.8)
    metal = light(
        np.broadcast_to(ink("23242b"), picture.shape).copy() * (1 + 0.12 * clouds(x.shape, 6, rng, 2))[..., None],
        np.sqrt(np.maximum(came, 0)) * 2.4,
        0.7,
        0.5,
        1.0,
    )
    lay(picture, lead, metal)
    return shrink(picture)


def cubist() -> Array:
    """A guitar, a bottle and a glass on a table, broken into facets of ochre, umber and grey."""
    rng = dice("cubist")
    width, height = 512, 640
    x, y = grid(width, height)
    labels = np.zeros(x.shape, np.int64)
    cuts = []

    def cut(side: Array) -> None:
        """Split every facet that the line crosses."""
        cuts.append(side)
        labels[:] = labels * 2 + (side > 0)

    for px, py, turn in [
        (180, 120, 1.05),
        (330, 200, -0.75),
        (250, 320, 0.35),
        (140, 420, -1.15),
        (380, 460, 0.9),
        (260, 560, -0.3),
        (90, 250, 0.2),
        (440, 330, 1.45),
        (300, 90, 0.1),
        (210, 500, 1.35),
    ]:
        cut((x - px) * np.sin(turn) - (y - py) * np.cos(turn))
    for px, py, radius in [(230, 420, 92), (262, 262, 66), (246, 348, 27), (400, 150, 60), (110, 150, 84), (410, 520, 70)]:
        cut(np.hypot(x - px, y - py) - radius)
    # Shorter cuts splinter the middle, where the eye goes, into small facets.
    for px, py, turn in [
        (250, 230, 0.7),
        (300, 150, -1.2),
        (200, 350, 1.3),
        (330, 400, -0.4),
        (160, 260, -0.6),
        (300, 480, 1.1),
        (370, 300, 0.5),
    ]:
        side = (x - px) * np.sin(turn) - (y - py) * np.cos(turn)
        cut(np.where(np.hypot(x - px, y - py) < 105, side, np.inf))
    neck = x - 330 + (y - 90) * 0.36
    cut(np.where(y < 300, np.abs(neck) - 15, 1.0))
    bottle = np.abs(x - 404) - np.interp(y, [60, 130, 165, 215, 420, 421], [15, 15, 26, 46, 46, -500])
    cut(bottle)
    facets, numbers = np.unique(labels, return_inverse=True)
    labels = numbers.reshape(x.shape)
    facets = np.arange(len(facets))
    earth = inks("2a1d16 4a3322 6e4f30 96703f bb9456 d8bd85 efe2bd 8f9a94 5c6a6c 37434a b0653a 7c8a5c")
    picture = np.zeros((*x.shape, 3), np.float32)
    angle = np.zeros(x.shape, np.float32)
    chance = np.array([0.6, 0.8, 1, 1.2, 1.3, 1.3, 1.0, 0.9, 0.9, 0.7, 0.6, 0.4])
    for facet in facets:
        inside = labels == facet
        if inside.sum() < 60:
            continue
        tone = earth[rng.choice(len(earth), p=chance / chance.sum())]
        turn = rng.uniform(0, 2 * np.pi)
        # Each facet fades from a dark edge to a light one, as if lit on its own.
        slope = x * np.cos(turn) + y * np.sin(turn)
        low, high = slope[inside].min(), slope[inside].max()
        part = (slope - low) / max(high - low, 1)
        shaded = tone * (0.42 + 0.92 * part)[..., None] + 0.07 * part[..., None]
        picture[inside] = shaded[inside]
        angle[inside] = turn + np.pi / 2
    canvas = Canvas(width, height, ink("8a6a45"), rng)
    canvas.cover(picture, angle, 22, 50, Brush(dry=0.45, body=0.5), stop=0.2, value=0.05, hue=0.02)
    canvas.cover(picture, angle, 13, 36, Brush(dry=0.35, body=0.8), spacing=10, stop=0.12, value=0.055, hue=0.025)
    canvas.cover(picture, angle + 0.25, 8, 24, Brush(dry=0.35, body=1.1), spacing=10, stop=0.09, value=0.07, hue=0.03)
    # Drawn lines: along some facet edges dark, beside them a light one.
    for number, side in enumerate(cuts):
        finite = np.where(np.isfinite(side), side, 1e3)
        steep = np.hypot(*np.gradient(finite)) * FINE
        # Where a cut breaks off it jumps; no line is drawn there.
        away = np.where(steep < 5, finite / np.maximum(steep, 1e-3), 1e3)
        press = smoothstep(-0.9, 0.6, clouds(x.shape, 60, rng, 2) + 0.3 * clouds(x.shape, 6, rng, 1))
        lay(canvas.colour, smoothstep(2.0, 0.9, np.abs(away)) * press * 0.92, ink("1a120e"))
        if number % 2:
            lay(canvas.colour, smoothstep(1.9, 1.0, np.abs(away - 3.4)) * press * 0.55, ink("f3e8c8"))
    _still_life(canvas, rng)
    return shrink(canvas.finished(0.4, 0.06, weave=0.7))


def _still_life(canvas: Canvas, rng: np.random.Generator) -> None:
    """The few things one can name: strings, sound hole, glass, a newspaper's lines, a fan of cards."""
    dark, pale = ink("1a120e"), ink("f3e8c8")
    pen = Brush(dry=0.15, body=0.9, streak=0.05, taper=0.3, tip=0.5)
    for k in range(5):
        canvas.stroke([(322 + k * 4.5, 70), (226 + k * 8, 400)], 1.9, pale if k % 2 else dark, pen)
    for k in range(7):
        canvas.stroke([(306 - k * 12, 110 + k * 30), (336 - k * 12, 118 + k * 30)], 2.6, dark, pen)
    canvas.stroke([(205, 404), (292, 426)], 8, ink("2a1d16"), pen)
    for k in range(9):
        y0 = 500 + k * 12
        canvas.stroke([(46, y0), (150 + 10 * np.sin(k * 2.1), y0 + 16)], 3.2, dark if k % 3 else ink("6e4f30"), Brush(dry=0.5, body=0.6))
    ring = np.linspace(0, 2 * np.pi, 40)
    for cy, rx, ry in [(470, 46, 14), (560, 30, 9), (500, 40, 11)]:
        canvas.stroke(np.stack([404 + rx * np.cos(ring), cy + ry * np.sin(ring)], 1), 2.8, dark, pen)
        canvas.stroke(np.stack([406 + rx * np.cos(ring[4:16]), cy + 3 + ry * np.sin(ring[4:16])], 1), 2.4, pale, pen)
    canvas.stroke([(359, 472), (374, 560)], 3.0, dark, pen)
    canvas.stroke([(449, 472), (434, 560)], 3.0, dark, pen)
    canvas.stroke(curve([(180, 330), (150, 290), (176, 250), (190, 214), (232, 196)], 30), 4.2, dark, pen)
    canvas.stroke(curve([(330, 440), (350, 380), (312, 340), (326, 290), (318, 226)], 30), 4.2, dark, pen)
