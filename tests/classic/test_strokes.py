"""Strokes against analytic pictures and plain numpy, and whole paintings."""

from dataclasses import replace

import numba
import numpy as np
import pytest

from impasto.classic.easel import measured, moments, painted
from impasto.classic.presets import PRESETS
from impasto.classic.strokes import LUMA, WIDE, Brushwork, blurred, directions, divided, jittered, layer

SIZE = 96


def generator():
    return np.random.default_rng(0)


def grey(light):
    return np.repeat(np.asarray(light, np.float32)[..., None], 3, -1)


def disc():
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    return grey(1 / (1 + np.exp((np.hypot(x, y) - 28) / 5)))


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2, 2.0])
@pytest.mark.parametrize("smoothing", [0.0, 1.0])
def test_strokes_run_along_a_straight_edge(angle, smoothing):
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    picture = grey(1 / (1 + np.exp((np.cos(angle) * x + np.sin(angle) * y) / 16)))
    strokes = layer(picture, None, 4, Brushwork(smoothing=smoothing), generator())
    near = (np.abs(strokes.points[:, 0] - SIZE / 2) < 20).all(1) & (strokes.counts > 3)
    assert near.sum() > 20
    ahead = strokes.points[near, 2] - strokes.points[near, 0]
    assert np.abs(ahead @ [np.cos(angle), np.sin(angle)]).max() < 0.02 * 8


def test_strokes_go_round_a_disc():
    strokes = layer(disc(), None, 3, Brushwork(), generator())
    radius = np.hypot(*(strokes.points - (SIZE - 1) / 2).transpose(2, 0, 1))
    near = (np.abs(radius[:, 0] - 28) < 6) & (strokes.counts > 4)
    assert near.sum() > 20
    # Steps along the tangent leave a circle by their square over its diameter, each.
    assert np.abs(radius[near, 4] - radius[near, 0]).max() < 1.5 * 4 * 9 / 44


def test_lengths():
    noise = np.random.default_rng(1).random((SIZE, SIZE, 3), np.float32)
    strokes = layer(noise, None, 3, Brushwork(shortest=2, longest=5), generator())
    ends = np.take_along_axis(strokes.points, strokes.counts[:, None, None] - 1, 1)[:, 0]
    inside = ((ends > 3) & (ends < SIZE - 4)).all(1)
    assert inside.sum() > 100
    # With nothing on the canvas, only the picture's border ends a stroke before its time.
    assert (strokes.counts[inside] == 6).all()
    same = layer(noise, blurred(noise, 1.5) + np.float32(0.05), 3, Brushwork(shortest=2, longest=5, threshold=0), generator())
    ends = np.take_along_axis(same.points, same.counts[:, None, None] - 1, 1)[:, 0]
    inside = ((ends > 3) & (ends < SIZE - 4)).all(1)
    assert same.counts[inside].min() == 3
    steps = np.hypot(*np.diff(strokes.points, axis=1).transpose(2, 0, 1))[np.arange(5) < strokes.counts[:, None] - 1]
    np.testing.assert_allclose(steps, 3, rtol=1e-4)


def test_strokes_start_where_the_difference_is_largest():
    random = np.random.default_rng(2)
    picture, canvas = random.random((2, 50, 43, 3), np.float32)
    brushwork = Brushwork(threshold=0.48 * 255, grid=2)
    strokes = layer(picture, canvas, 4, brushwork, generator())
    distance = np.sqrt(((blurred(picture, 2).astype(float) - canvas) ** 2).sum(-1))
    wanted = set()
    for top in range(0, 50, 8):
        for left in range(0, 43, 8):
            cell = distance[top : top + 8, left : left + 8]
            if cell.mean() > 0.48:
                row, column = np.unravel_index(cell.argmax(), cell.shape)
                wanted.add((left + column, top + row))
    assert 5 < len(wanted) < 42
    assert set(map(tuple, strokes.points[:, 0].astype(int).tolist())) == wanted
    order = [tuple(point) for point in strokes.points[:, 0].astype(int).tolist()]
    assert order != sorted(order, key=lambda point: (point[1], point[0]))


@pytest.mark.parametrize("curvature", [0.0, 0.3, 1.0])
def test_curvature_filter(curvature):
    """Hertzmann 1998, figure 5: (dx, dy) = f_c (dx, dy) + (1 - f_c) (dx', dy'), normalised."""
    brushwork = Brushwork(curvature=curvature)
    picture = disc()
    strokes = layer(picture, None, 3, brushwork, generator())
    cosine, sine = directions(blurred(picture, 1.5), 3, brushwork)
    checked = 0
    for points, count in zip(strokes.points.astype(float), strokes.counts, strict=True):
        for step in range(1, count - 1):
            column, row = (points[step].astype(np.float32) + np.float32(0.5)).astype(int)
            angle = 0.5 * np.arctan2(float(sine[row, column]), float(cosine[row, column])) + np.pi / 2
            before = (points[step] - points[step - 1]) / 3
            turned = np.array([np.cos(angle), np.sin(angle)])
            turned *= -1 if before @ turned < 0 else 1
            wanted = curvature * turned + (1 - curvature) * before
            np.testing.assert_allclose(points[step + 1] - points[step], 3 * wanted / np.linalg.norm(wanted), atol=2e-4)
            checked += 1
    assert checked > 1000


def test_hatching_fills_what_has_no_direction():
    strokes = layer(np.full((SIZE, SIZE, 3), 0.5, np.float32), None, 2, Brushwork(hatching=-0.7), generator())
    long = strokes.counts > 2
    assert long.mean() > 0.8
    ahead = strokes.points[long, 1] - strokes.points[long, 0]
    np.testing.assert_allclose(np.abs(ahead @ [np.cos(-0.7), np.sin(-0.7)]), 2, rtol=1e-4)
    assert 0.3 < (ahead[:, 0] > 0).mean() < 0.7  # to either side


@pytest.mark.parametrize("deviation", [1.5, WIDE, WIDE + 1, 12.3, 20])
def test_blur_is_nearly_a_gaussian(deviation):
    impulse = np.zeros((257, 257), np.float32)
    impulse[128, 128] = 1
    found = blurred(impulse, deviation).astype(float)
    offset = np.arange(-128, 129)
    line = np.exp(-(offset**2) / (2 * deviation**2))
    wanted = np.outer(line, line) / line.sum() ** 2
    # Three boxes of n pixels peak at 3/4 n along a line, a Gaussian of their variance, n²/4, at 2/√(2π) n. Steps of two pixels in one
    # box leave an error of n/6 in the variance at most, which lowers the peak by as large a share.
    tolerance = 0.02 if deviation <= WIDE else 1 - 9 / 16 * np.pi / 2 + 1 / (3 * deviation)
    assert found.sum() == pytest.approx(1, abs=1e-4)
    assert found.sum(0) @ offset**2 == pytest.approx(deviation**2, rel=max(0.03, 1 / (3 * deviation)))
    assert np.abs(found - wanted).max() < tolerance * wanted.max()


def test_an_even_difference_has_no_grid():
    strokes = layer(np.full((SIZE, SIZE, 3), 0.5, np.float32), None, 4, Brushwork(), generator())
    x, y = strokes.points[:, 0].T
    cells = set(zip(x.astype(int) // 4, y.astype(int) // 4, strict=True))
    assert len(cells) == len(x) == (SIZE // 4) ** 2
    for within in (x % 4, y % 4):
        assert within.mean() == pytest.approx(1.5, abs=0.2)


def test_colours_mix_in_the_eye():
    grid = (np.mgrid[:SIZE, :SIZE].sum(0) % 2).astype(np.float32)
    flat = np.full((SIZE, SIZE, 3), 0.5, np.float32)
    assert len(layer(flat, grey(grid), 4, Brushwork(threshold=50), generator()).counts) == (SIZE // 4) ** 2
    assert len(layer(flat, grey(grid), 4, Brushwork(threshold=50, mixing=1), generator()).counts) == 0


def test_square_strokes_are_upright_or_level():
    noise = blurred(np.random.default_rng(1).random((SIZE, SIZE, 3), np.float32), 3)
    ahead = np.diff(layer(noise, None, 3, Brushwork(square=1, shortest=4, longest=4), generator()).points, axis=1)
    ahead = ahead[np.abs(ahead).sum((1, 2)) > 11]
    ahead = ahead[(np.hypot(*ahead.transpose(2, 0, 1)) < 3.01).all(1)]  # whole strokes
    assert len(ahead) > 100
    np.testing.assert_allclose(np.abs(ahead).min(-1), 0, atol=1e-4)


def test_faint_places_follow_strong_ones_and_swirl_about_them():
    y, x = np.mgrid[:128, :128]
    # A strong edge at an angle, and faint ones at right angles to it where that is far.
    across, along = np.cos(0.5) * (x - 64) + np.sin(0.5) * (y - 64), np.cos(0.5) * (y - 64) - np.sin(0.5) * (x - 64)
    picture = grey(0.5 + 0.4 * np.tanh(across / 2) + 1e-4 * np.sin(along))
    angle = [
        np.arctan2(*directions(picture, 4, Brushwork(smoothing=1, swirl=swirl), generator())[::-1])[np.abs(across) < 25] / 2
        for swirl in (0, 0.5)
    ]
    np.testing.assert_allclose(np.cos(2 * (angle[0] - 0.5)), 1, atol=0.02)  # the border turns it a little
    wander = np.angle(np.exp(2j * (angle[1] - 0.5))) / 2
    assert 0.1 < wander[np.abs(across[np.abs(across) < 25]) > 15].std() < 0.7
    assert np.abs(wander[np.abs(across[np.abs(across) < 25]) < 3]).max() < 0.1


def test_division_keeps_lightness_and_mixes_to_what_was():
    colours = np.full((20_000, 3), (0.5, 0.45, 0.55), np.float32)
    found = divided(colours, 0.4, generator())
    np.testing.assert_allclose(found @ LUMA, colours @ LUMA, atol=1e-6)
    np.testing.assert_allclose(found.mean(0), colours[0], atol=5e-3)
    assert found.std(0).min() > 0.03
    assert divided(colours, 0, generator()) is colours


def test_jitter_stays_within_its_range():
    colours = np.full((5000, 3), 0.5, np.float32)
    found = jittered(colours, (0, 0, 0, 0.4, 0.2, 0), generator())
    low, high = found.min(0), found.max(0)
    np.testing.assert_allclose(low, [0.3, 0.4, 0.5], atol=2e-3)
    np.testing.assert_allclose(high, [0.7, 0.6, 0.5], atol=2e-3)
    np.testing.assert_allclose(jittered(colours, (0.5, 0.9, 0, 0, 0, 0), generator()), colours, atol=1e-6)  # grey has no hue
    value = jittered(colours, (0, 0, 0.6, 0, 0, 0), generator())
    assert np.ptp(value, axis=1).max() < 1e-6
    np.testing.assert_allclose([value.min(), value.max()], [0.2, 0.8], atol=2e-3)


PICTURE = np.random.default_rng(3).random((4, 5, 3), np.float32).repeat(20, 0).repeat(20, 1)


@pytest.mark.parametrize("name", PRESETS)
def test_paintings_look_like_their_pictures(name):
    preset = PRESETS[name]
    found = painted(PICTURE, preset, seed=1)
    assert found.shape == PICTURE.shape
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    np.testing.assert_array_equal(found, painted(PICTURE, preset, seed=1))
    assert (found != painted(PICTURE, preset, seed=2)).any()
    if preset.saturation > 0:
        means = [x.reshape(4, 20, 5, 20, 3).mean((1, 3)).ravel() for x in (found, PICTURE)]
        assert np.corrcoef(*means)[0, 1] > 0.6
    else:
        paper = np.array(preset.ground)
        tint = (found.reshape(-1, 3) - found.reshape(-1, 3).mean(1, keepdims=True)) @ (paper - paper.mean())
        assert np.abs(np.ptp(found, axis=-1)).max() < np.ptp(paper) + 0.02
        assert tint.min() > -1e-3  # grey, or the paper's own colour


def test_threads_make_no_difference():
    threads = numba.get_num_threads()
    found = painted(PICTURE, PRESETS["oil"], seed=1)
    try:
        for count in {1, numba.config.NUMBA_NUM_THREADS} - {threads}:
            numba.set_num_threads(count)
            np.testing.assert_array_equal(found, painted(PICTURE, PRESETS["oil"], seed=1))
    finally:
        numba.set_num_threads(threads)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (33, 2)])
def test_one_colour_and_any_shape(name, shape):
    preset = PRESETS[name]
    preset = replace(
        preset, brushwork=replace(preset.brushwork, jitter=(0,) * 6, division=0), bristles=replace(preset.bristles, streak=0, rim=0)
    )
    found = painted(np.full((*shape, 3), 0.4, np.float32), replace(preset, relief=0, shine=0), seed=0)
    assert np.isfinite(found).all()
    if preset.ground is None:
        np.testing.assert_allclose(found, 0.4, atol=1e-5)
    else:
        assert (found >= 0.4 + np.minimum(0, preset.thinned) * (np.array(preset.ground) - 0.4) - 1e-3).all()
        assert (found <= max(preset.ground) + 1e-6).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 4), (8, 8), (5, 300)])
def test_small_pictures_and_plain_styles(name, shape):
    picture = np.random.default_rng(0).random((*shape, 3), np.float32)
    for style in (None, picture[:1, :1], np.full((30, 20, 3), 0.3, np.float32), np.random.default_rng(1).random((3, 2, 3), np.float32)):
        found = painted(picture, PRESETS[name], seed=0, style=style)
        assert found.shape == picture.shape
        assert 0 <= found.min() <= found.max() <= 1  # which is not so if there is a NaN


def test_callback_sees_the_painting_grow():
    seen = []
    canvas = painted(
        PICTURE, PRESETS["oil"], seed=0, parts=5, callback=lambda moment: seen.append((moment.done, moment.total, moment.easel.look()))
    )
    layers = len(PRESETS["oil"].brushwork.radii)
    assert [done for done, _, _ in seen] == list(range(1, layers * 5 + 1))
    assert {total for _, total, _ in seen} == {layers * 5}
    errors = [np.abs(look - PICTURE).mean() for _, _, look in seen]
    assert errors[0] > errors[4] > errors[-1]
    np.testing.assert_array_equal(canvas, seen[-1][2])
    np.testing.assert_array_equal(canvas, painted(PICTURE, PRESETS["oil"], seed=0, parts=40))


def test_the_ground_is_the_papers_or_the_mean_colour():
    oil, pencil = (next(moments(PICTURE, PRESETS[name], seed=0)).easel.ground for name in ("oil", "pencil"))
    np.testing.assert_allclose(oil, PICTURE.mean((0, 1)), atol=1e-4)
    assert pencil == PRESETS["pencil"].ground


def test_hatching_turns_from_layer_to_layer():
    pencil = PRESETS["pencil"]
    steps = [
        moment.strokes.points[:, 1] - moment.strokes.points[:, 0]
        for moment in moments(np.full((300, 300, 3), 0.2, np.float32), pencil, seed=0, parts=1)
    ]
    assert len(steps[0]) > 50
    assert len(steps[1]) > 50
    for number, ahead in enumerate(steps[:2]):
        angle = pencil.brushwork.hatching + number * pencil.turned
        along = np.abs(ahead @ [np.cos(angle), np.sin(angle)]) / np.hypot(*ahead.T)
        assert np.median(along) > 0.999


def test_brushes_grow_with_the_picture():
    radii = {
        side: [moment.strokes.radius for moment in moments(np.zeros((side, 8, 3), np.float32), PRESETS["oil"], seed=0)]
        for side in (64, 128)
    }
    np.testing.assert_allclose(radii[128], 2 * np.array(radii[64]))
    assert radii[128][0] == PRESETS["oil"].brushwork.radii[0] * 128 / 512


def test_measured():
    random = np.random.default_rng(5)
    brushwork = PRESETS["oil"].brushwork
    stripes = grey(np.tile(0.5 + 0.4 * np.sin(np.arange(512) / 3), (400, 1)))
    rough = blurred(random.random((400, 512, 3), np.float32), 2)
    assert measured(stripes, brushwork).curvature == pytest.approx(0.25, abs=0.02)
    assert measured(rough, brushwork).curvature > 0.8
    fine, coarse = (random.random((512 // side, 512 // side, 3), np.float32).repeat(side, 0).repeat(side, 1) for side in (4, 64))
    assert measured(fine, brushwork).radii[0] < brushwork.radii[0] < measured(coarse, brushwork).radii[0]
    # Colours of single pixels that differ by a range make strokes' differ by a quarter of it.
    noise = np.float32(0.5) + 0.4 * (random.random((512, 512, 3), np.float32) - np.float32(0.5))
    grain = grey(noise[..., 0])
    assert measured(grain, brushwork).jitter[2] == pytest.approx(0.1, rel=0.05)
    assert max(measured(grain, brushwork).jitter[3:]) < 1e-3
    assert min(measured(noise, brushwork).jitter[3:]) > 0.05
    # Stripes and their crossings are upright and level; turned by an eighth, they are neither.
    turned = grey(0.5 + 0.4 * np.sin(np.mgrid[:400, :512].sum(0) / 3))
    assert measured(stripes, brushwork).square == pytest.approx(1)
    assert measured(turned, brushwork).square == measured(rough, brushwork).square == 0
    assert measured(rough, brushwork).swirl > 0.7 > 0.1 > measured(turned, brushwork).swirl
    flat = np.full((20, 30, 3), 0.5, np.float32)
    assert measured(flat, brushwork).radii == brushwork.radii
    assert measured(flat, brushwork).jitter[2:] == pytest.approx((0, 0, 0, 0), abs=1e-6)


def test_graphite_stays_grey_whatever_the_style():
    preset = replace(PRESETS["graphite"], ground=(1, 1, 1))
    assert np.ptp(painted(PICTURE, preset, seed=0, style=PICTURE[::-1].copy()), axis=-1).max() < 1e-3


def test_a_style_gives_its_colours():
    red = np.float32([0.7, 0.2, 0.1]) + 0.2 * (PICTURE[..., :1] - np.float32(0.5))
    preset = replace(PRESETS["oil"], relief=0, shine=0)
    found = painted(PICTURE, preset, seed=0, style=red)
    np.testing.assert_allclose(found.mean((0, 1)), red.mean((0, 1)), atol=0.05)
    assert np.abs(painted(PICTURE, preset, seed=0).mean((0, 1)) - red.mean((0, 1))).max() > 0.1
