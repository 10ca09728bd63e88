"""The styles that are woven and dyed: kilim and batik."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from studio import (
    FINE,
    Array,
    clouds,
    curve,
    depth,
    dice,
    grid,
    ink,
    inks,
    lay,
    light,
    linen,
    ribbon,
    shapes,
    shrink,
    smoothstep,
    spread,
    swelling,
)


def weave() -> Array:
    """A kilim of serrated lozenges, one within the other, in thick wool whose threads show over and under."""
    rng = dice("weave")
    width, height = 640, 512
    x, y = grid(width, height)
    size = x.shape
    # Fewer warps than picks of the weft, as in every tapestry, and neither quite straight.
    u = x / 7.0 + 0.12 * clouds(size, 70, rng, 2) + 0.03 * clouds(size, 8, rng, 1)
    v = y / 4.9 + 0.22 * clouds(size, 90, rng, 2) + 0.06 * clouds(size, 8, rng, 1)
    column, row = np.floor(u).astype(np.intp), np.floor(v).astype(np.intp)
    across_it, along_it = u - column - 0.5, v - row - 0.5
    wools = inks("b32a20 1d3a7a eda92f f4e6c6 1f8a80 241819")
    cream, dark = wools[3], wools[5]
    wool = wools[_kilim(np.arange(-3, 97), np.arange(-3, 111))]
    # No dye bath is like the last: each pick of the weft differs a little, and drifts along its way.
    wool = wool * (1 + rng.normal(0, 0.08, (wool.shape[0], 1, 1)) + rng.normal(0, 0.04, (*wool.shape[:2], 1)))
    weft = wool[row + 3, column + 3].astype(np.float32)
    over = np.where((row + column) % 2 == 0, 1.0, -1.0)
    wave = np.cos(across_it * np.pi) ** 1.2 * over
    weft_height = np.sqrt(np.clip(1 - (along_it / 0.53) ** 2, 0, 1)) * (0.72 + 0.42 * wave)
    warp_height = np.sqrt(np.clip(1 - (across_it / 0.40) ** 2, 0, 1)) * (0.52 - 0.40 * np.cos(along_it * np.pi) ** 0.8 * over)
    # The yarn's twist runs aslant over each thread.
    warp_over = warp_height > weft_height
    twist = np.sin(np.where(warp_over, v * 2.4 + across_it * 1.5, u * 2.2 + along_it * 1.5) * 2 * np.pi)
    warp = dark * 0.55 + cream * 0.35
    top = np.maximum(weft_height, warp_height)
    picture = np.where(warp_over[..., None], 0.5 * warp + 0.5 * weft, weft)
    picture = picture * (0.34 + 0.74 * smoothstep(0.05, 0.95, top) + 0.07 * twist)[..., None]
    picture = picture + (0.02 * clouds(size, 1.2, rng, 1))[..., None]
    return shrink(light(np.clip(picture, 0, 1), (top * 2.1 + 0.16 * twist).astype(np.float32), 0.34, 0.08, 1.0))


def _kilim(columns: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.intp]:
    """The pattern, as the number of the wool at each crossing of the given warps and wefts."""
    red, blue, gold, cream, teal, dark = range(6)
    i, j = np.meshgrid(columns, rows)
    wide, tall = 46, 66
    # Two lattices of lozenges, half a step apart, fill the plane.
    i0, j0 = i - 23, j - 34
    first = np.abs(np.mod(i0 + wide / 2, wide) - wide / 2) * 2 / wide + np.abs(np.mod(j0 + tall / 2, tall) - tall / 2) * 2 / tall < 1
    shift = np.where(first, 0, 1)
    di = np.mod(i0 + wide / 2 - shift * wide / 2, wide) - wide / 2
    dj = np.mod(j0 + tall / 2 - shift * tall / 2, tall) - tall / 2
    repeat = np.floor((i0 + wide / 2 - shift * wide / 2) / wide) + np.floor((j0 + tall / 2 - shift * tall / 2) / tall)
    number = np.mod(repeat, 2) + 2 * shift  # which set of wools
    # How far out: along stairs of two picks, with teeth as sharp as the warps allow.
    out = np.abs(di) * 2 / wide + np.abs(2 * np.floor(dj / 2) + 1) * 2 / tall
    tooth = np.abs(np.mod(dj, 8) - 3.5) / 4
    reaches = (0.13, 0.22, 0.36, 0.45, 0.56, 0.66, 0.75, 0.84, 0.92, 2.0)
    sets = [
        (cream, dark, gold, red, cream, blue, teal, gold, dark, red),
        (red, cream, teal, dark, gold, red, cream, blue, dark, red),
        (gold, red, cream, dark, teal, gold, red, cream, dark, blue),
        (cream, red, blue, gold, dark, red, gold, teal, dark, blue),
    ]
    pattern = np.zeros(i.shape, np.intp)
    for kind, wools in enumerate(sets):
        ring = np.full(i.shape, wools[-1])
        for k in range(len(wools) - 2, -1, -1):
            ring = np.where(out + (0.085 * tooth - 0.04 if k % 2 else 0) < reaches[k], wools[k], ring)
        pattern = np.where(number == kind, ring, pattern)
    cross = (np.abs(di + 0.5) < 1) & (np.abs(dj + 0.5) < 5) | (np.abs(di + 0.5) < 3) & (np.abs(dj + 0.5) < 2)
    return np.where(cross, np.array([red, gold, blue, red])[number.astype(np.intp)], pattern)


def batik() -> Array:
    """Curling tendrils with leaves and flowers in wax-resist: indigo, ochre and brown, pale outlines, and the wax's cracks."""
    rng = dice("batik")
    width, height = 640, 512
    size = (height * FINE, width * FINE)
    cream, indigo, sky, ochre, brown, rust = inks("f6e8c6 161f4c 5f8cba e0a23a 43200f a64e1c")
    x, y = grid(width, height)
    hearts: list[Array] = []
    scrolls: list[tuple[Array, Array, list[tuple[Array, Array]]]] = []
    for n, row in enumerate(np.arange(-1, 5)):
        for m, column in enumerate(np.arange(-1, 6)):
            way = 1 if (m + n) % 2 else -1
            cx, cy = column * 166.0 + 83 * (n % 2) - 14 + rng.normal(0, 4), row * 143.0 - 2 + rng.normal(0, 4)
            turns = np.linspace(0, 1, 100)
            theta = rng.uniform(0, 2 * np.pi) + way * turns * 2 * np.pi * 1.4
            r = 53 * (1 - turns) ** 0.85 + 15
            spiral = np.stack([cx + r * np.cos(theta), cy + r * np.sin(theta)], 1).astype(np.float32)
            run = np.gradient(spiral, axis=0)
            leaves = []
            for k in range(0, 80, 5):
                out = np.array([spiral[k, 0] - cx, spiral[k, 1] - cy])
                out = out / np.hypot(*out)
                ahead = -run[k] / np.hypot(*run[k])  # the leaves sweep back along the stem
                long = (62 if k % 10 else 48) * (1 - k / 100)
                middle = spiral[k] + long * (0.55 * out + 0.12 * ahead)
                tip = spiral[k] + long * (0.80 * out + 0.75 * ahead)
                line = curve([spiral[k], middle, tip], 24)
                leaves.append((ribbon(line, swelling(24, 0.5, 0.55, long * 0.23)), ribbon(line[2:-7], swelling(15, 0.2, 0.9, long * 0.05))))
            hearts.append(spiral[:73])
            stem = ribbon(spiral, np.linspace(3.0, 6.5, 100))
            scrolls.append((np.array([cx, cy]), stem, leaves))
    everything = [outline for _, stem, leaves in scrolls for outline in (stem, *(leaf for leaf, _ in leaves))]
    blooms = np.min([np.hypot(x - middle[0], y - middle[1]) for middle, _, _ in scrolls], 0)
    away = np.minimum(-depth(shapes(size, everything)), blooms - 22)
    picture = np.broadcast_to(indigo, (*size, 3)) * (1 + 0.16 * clouds(size, 50, rng, 3))[..., None]
    heart = shapes(size, hearts)
    lay(picture, heart, ink("74260f"))
    # The ground: bands that echo the forms, one within the other, and dots only where there's room left.
    band = np.mod(away - 4.5, 10.5)
    lay(picture, smoothstep(-0.4, 0.4, 2.0 - np.abs(band - 4.0)) * (away > 5) * (away < 24), np.where(heart[..., None] > 0.5, ochre, sky))
    far, _ = cKDTree(spread(width, height, 11, rng)).query(np.stack([x.ravel(), y.ravel()], 1))
    lay(picture, smoothstep(3.2, 2.4, far.reshape(size).astype(np.float32)) * (away > 22), cream)

    def wax(outline: Array, colour: Array, mark: Array | None = None, marked: Array | None = None) -> None:
        """A form with its pale outline, and a dark one around it; `mark` is drawn on it in the second colour."""
        low = np.maximum(np.floor(outline.min(0) - 6).astype(int), 0)
        high = np.minimum(np.ceil(outline.max(0) + 6).astype(int), (width, height))
        if (high - low).min() < 4:
            return
        window = np.s_[low[1] * FINE : high[1] * FINE, low[0] * FINE : high[0] * FINE]
        part = picture[window]
        inside = depth(shapes(part.shape[:2], [outline - low]))
        lay(part, smoothstep(-2.6, -1.8, inside), brown)
        lay(part, smoothstep(-0.9, -0.2, inside), cream)
        lay(part, smoothstep(1.5, 2.2, inside), colour)
        if mark is not None and marked is not None:
            lay(part, shapes(part.shape[:2], [mark - low]), marked)

    for number, (_, stem, leaves) in enumerate(scrolls):
        tones = [(ochre, brown), (rust, cream), (sky, indigo)]
        for k, (leaf, vein) in enumerate(leaves):
            colour, marked = tones[(k + number) % 2 if k % 5 else 2]
            wax(leaf, colour, vein, marked)
        wax(stem, ochre if number % 2 else cream)
    for middle, _, _ in scrolls:
        left, top, right, bottom = (max(int(w) * FINE, 0) for w in (*(middle - 32), *(middle + 32)))
        near = np.s_[top:bottom, left:right]
        part, px, py = picture[near], x[near] - middle[0], y[near] - middle[1]
        r, theta = np.hypot(px, py), np.arctan2(py, px)
        petals = 18 + 4.5 * np.abs(np.cos(4 * theta + middle[0])) ** 0.7
        stripes = smoothstep(0.2, 0.5, np.abs(np.cos(8 * theta + 2 * middle[0])))
        lay(part, smoothstep(2.6, 1.8, r - petals), brown)
        lay(part, smoothstep(0.5, -0.3, r - petals), cream)
        lay(part, smoothstep(-2.2, -3.0, r - petals), rust)
        lay(part, smoothstep(-2.2, -3.0, r - petals) * stripes * (r > 8), ochre)
        lay(part, smoothstep(9.2, 8.4, r), cream)
        lay(part, smoothstep(6.4, 5.6, r), indigo)
        lay(part, smoothstep(2.4, 1.6, r), cream)
    # Cracks: where the wax broke, the dark dye ran in.
    bend_x, bend_y = 5 * clouds(size, 34, rng, 2), 5 * clouds(size, 34, rng, 2)
    cracks = np.zeros(size, np.float32)
    for spacing, thick, share in ((44, 1.3, 0.1), (20, 0.7, 0.7)):
        shards = spread(width + 80, height + 80, spacing, rng) - 40
        two, _ = cKDTree(shards).query(np.stack([(x + bend_x).ravel(), (y + bend_y).ravel()], 1), k=2)
        gap = ((two[:, 1] - two[:, 0]) / 2).reshape(size)
        broken = smoothstep(share - 0.5, share + 0.3, clouds(size, 40, rng, 3))
        cracks = np.maximum(cracks, smoothstep(thick + 0.55, thick - 0.35, gap.astype(np.float32)) * broken)
    bright = smoothstep(0.16, 0.5, picture.mean(-1))
    stain = ndimage.gaussian_filter(cracks, 2.5) * 0.3
    lay(picture, np.clip(cracks * 0.85 + stain, 0, 1) * bright, indigo * 0.6 + brown * 0.3)
    lay(picture, cracks * (1 - bright) * 0.4, sky)
    cloth = (linen(size, rng, 1.9) - 0.5) * 0.05 + 0.03 * clouds(size, 34, rng, 3) + 0.012 * clouds(size, 1.4, rng, 1)
    # The pen that drew with the wax trembled.
    shake = [np.arange(n, dtype=np.float32) for n in size]
    rows, columns = np.meshgrid(*shake, indexing="ij")
    at = [rows + 0.9 * clouds(size, 12, rng, 2), columns + 0.9 * clouds(size, 12, rng, 2)]
    drawn = np.stack([ndimage.map_coordinates(picture[..., k], at, order=1, mode="nearest") for k in range(3)], -1)
    return shrink(np.clip(drawn * (1 + cloth[..., None]), 0, 1))
