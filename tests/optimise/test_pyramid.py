"""The pyramid: its sizes and steps, and the engine that climbs it."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch

from impasto.encoders.tensors import resize, tensor
from impasto.family import Progress
from impasto.losses import Content, Gamut, Gram
from impasto.optimise import SGD, SOLVERS, Balance, Level, Objective, TorchLBFGS, levels, optimise

STEPS, RATIO = (100, 60, 40, 20), 1.75
CONTENT = Content(layers=("pixels",))


def pixels(picture, layers):
    """An encoder that sees the pixels themselves."""
    return dict.fromkeys(layers, picture)


def noise(width, height, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).random((1, 3, height, width)).astype(np.float32))


def smooth(width, height):
    return resize(noise(8, 6), (width, height))


# levels()


def test_sizes():
    plan = levels((512, 384), STEPS, 2.0)
    assert [level.size for level in plan] == [(64, 48), (128, 96), (256, 192), (512, 384)]
    assert [level.steps for level in plan] == list(STEPS)


@pytest.mark.parametrize("size", [(512, 340), (333, 512), (1000, 77), (129, 511)])
def test_proportions(size):
    plan = levels(size, STEPS, RATIO)
    assert plan[-1].size == size
    for coarse, fine in pairwise(plan):
        for small, large in zip(coarse.size, fine.size, strict=True):
            assert abs(small - large / RATIO) <= 1  # half a pixel each, from rounding


@pytest.mark.parametrize("size", [(512, 384), (100, 60), (48, 48), (30, 20), (1, 1), (1, 300), (300, 5), (3, 2), (20_000, 3)])
@pytest.mark.parametrize("total", [1, 2, 3, 5, 7, 10, 11, 99, 219, 220, 221, 777, 12_345])
def test_total_is_exact(size, total):
    plan = levels(size, STEPS, RATIO, total)
    assert sum(level.steps for level in plan) == total
    assert all(level.steps >= 1 and min(level.size) >= 1 for level in plan)
    assert plan[-1].size == size
    assert [max(level.size) for level in plan] == sorted({max(level.size) for level in plan})


def test_every_total_is_exact():
    for total in range(1, 600):
        assert sum(level.steps for level in levels((512, 384), STEPS, RATIO, total)) == total


def test_total_keeps_the_proportions():
    assert [level.steps for level in levels((512, 384), STEPS, RATIO, 440)] == [200, 120, 80, 40]
    for total in (10, 57, 333, 1000):
        for level, count in zip(levels((512, 384), STEPS, RATIO, total)[:-1], STEPS, strict=False):
            assert abs(level.steps - total * count / sum(STEPS)) <= 1


def test_large_pictures_begin_as_small_as_others():
    for side in (512, 1000, 2000, 8000):
        plan = levels((side, side // 2), STEPS, RATIO)
        assert 95 <= max(plan[0].size) < 96 * RATIO
        assert [level.steps for level in plan] == [100] * (len(plan) - 4) + list(STEPS)
    assert levels((8000, 4000), (300,), RATIO) == (Level((8000, 4000), 300),)


def test_small_pictures_have_fewer_levels():
    counts = [len(levels((side, side), STEPS, RATIO)) for side in (1, 30, 90, 160, 300, 600)]
    assert counts == [1, 1, 2, 3, 4, 4]
    assert levels((30, 20), STEPS, RATIO) == (Level((30, 20), STEPS[-1]),)
    # Without a total, what is left keeps its own steps; with one, they are spread over what is left.
    assert [level.steps for level in levels((90, 60), STEPS, RATIO)] == [40, 20]
    assert [level.steps for level in levels((90, 60), STEPS, RATIO, 30)] == [20, 10]


def test_steps_again_are_one_more_level_of_the_finest_size():
    plan = levels((512, 384), STEPS, RATIO, again=30)
    assert plan == (*levels((512, 384), STEPS, RATIO), Level((512, 384), 30))
    assert [level.steps for level in levels((512, 384), STEPS, RATIO, 500, again=30)] == [200, 120, 80, 40, 60]
    assert levels((512, 384), (200,), RATIO, again=30) == (Level((512, 384), 200), Level((512, 384), 30))
    for total in range(1, 60):
        assert sum(level.steps for level in levels((512, 384), STEPS, RATIO, total, again=30)) == total


# optimise()


def black(size):
    return torch.zeros(1, 3, size[1], size[0])


def run(plan, callback=None, solver=SOLVERS["lbfgs"], encoder=pixels, terms=(CONTENT,), start=black, **options):
    finest = plan[-1].size
    sources = {"content": [(1.0, smooth(*finest))], "style": [(1.0, smooth(24, 18))]}
    return optimise(encoder, terms, sources, start, plan, solver, callback=callback, **options)


PLAN = (Level((16, 12), 12), Level((28, 21), 8), Level((48, 36), 5))


@pytest.mark.parametrize("solver", SOLVERS)
def test_follows_the_objective(solver):
    seen = []
    result = run((Level((32, 24), 60),), seen.append, SOLVERS[solver])
    assert result.finished
    assert result.step == 60
    assert result.canvas.shape == (1, 3, 24, 32)
    assert seen[0].total == pytest.approx(1)  # a black canvas
    # Plain gradient descent's rate is made for steeper objectives.
    assert min(progress.total for progress in seen) < (1 if solver == "sgd" else 0.1) * seen[0].total


def test_finds_the_content():
    result = run((Level((32, 24), 60),))
    assert (result.canvas - smooth(32, 24)).abs().max() < 1e-3


def test_callback_sees_every_step_once():
    seen: list[Progress] = []
    run(PLAN, seen.append)
    assert [progress.step for progress in seen] == list(range(1, 26))
    assert {progress.steps for progress in seen} == {25}
    assert {progress.levels for progress in seen} == {3}
    assert [progress.level for progress in seen] == [0] * 12 + [1] * 8 + [2] * 5
    assert all(progress.size == PLAN[progress.level].size for progress in seen)
    assert all(progress.canvas.shape == (*progress.size[::-1], 3) for progress in seen)
    assert all(before.seconds <= after.seconds for before, after in pairwise(seen))
    assert all(progress.total == pytest.approx(sum(progress.terms.values()), rel=1e-5) for progress in seen)


def test_one_evaluation_a_step():
    evaluated = []

    def counting(picture, layers):
        if picture.requires_grad:
            evaluated.append(picture.shape)
        return pixels(picture, layers)

    run(PLAN, encoder=counting)
    assert [shape[3] for shape in evaluated] == [16] * 12 + [28] * 8 + [48] * 5


class Straying:
    """Gradient descent that leaps away at every third step."""

    units = 1.0

    def __init__(self, canvas):
        self.canvas, self.steps = canvas, 0

    def step(self, closure):
        loss = closure()
        self.steps += 1
        with torch.no_grad():
            self.canvas -= 0.05 * self.canvas.numel() * self.canvas.grad
            if self.steps % 3 == 0:
                self.canvas += 0.3
        return loss


def test_best_never_gets_worse():
    """The canvas that a callback is shown is the one of the lowest total so far, even when the solver strays."""
    seen: list[Progress] = []
    plan = (Level((16, 12), 10), Level((32, 24), 10))
    result = run(plan, seen.append, Straying)
    assert any(after.total > before.total for before, after in pairwise(seen)), "the solver was to stray"
    content = smooth(32, 24)
    for index, level in enumerate(plan):
        objective = Objective(pixels, (CONTENT,), {"content": [(1.0, resize(content, level.size))]})
        lowest = math.inf
        for progress in (each for each in seen if each.level == index):
            lowest = min(lowest, progress.total)
            assert objective(tensor(progress.canvas)).total.item() == pytest.approx(lowest, rel=1e-4)
    assert torch.equal(result.canvas, tensor(seen[-1].canvas).clamp(0, 1))


def test_levels_begin_where_the_last_one_ended():
    seen: list[Progress] = []
    run(PLAN, seen.append)
    ends = {progress.level: tensor(progress.canvas) for progress in seen}
    for index in (1, 2):
        first = next(progress for progress in seen if progress.level == index)
        width, height = PLAN[index].size
        grown = torch.nn.functional.interpolate(ends[index - 1], (height, width), mode="bicubic", align_corners=False)
        torch.testing.assert_close(tensor(first.canvas), grown)


@pytest.mark.parametrize("detail", [0.0, 0.5, 1.0])
def test_levels_begin_with_some_of_the_contents_detail(detail):
    """Where nothing moves the canvas, it is the content seen through the coarse level, and its share of what was lost there."""
    content, coarse = noise(48, 36), (16, 12)
    plan = (Level(coarse, 1), Level((48, 36), 1))
    blurred = resize(content, coarse)
    result = optimise(pixels, (Gamut(),), {"content": [(1.0, content)]}, lambda size: blurred, plan, SOLVERS["lbfgs"], detail=detail)
    grown = torch.nn.functional.interpolate(blurred, (36, 48), mode="bicubic", align_corners=False)
    torch.testing.assert_close(result.canvas, (grown + detail * (content - grown)).clamp(0, 1))


def unmoved(count, **changes):
    """What is seen at levels of a flat content where nothing moves the canvas, unless a finest solver does."""
    plan, seen = tuple(Level((8 + 2 * n, 6 + 2 * n), 1) for n in range(count)), []
    content = {"content": [(1.0, torch.full((1, 3, *plan[-1].size[::-1]), 0.25))]}
    result = optimise(
        pixels, (CONTENT,), content, lambda size: torch.full((1, 3, *size[::-1]), 0.5), plan, SGD(rate=0), callback=seen.append, **changes
    )
    return result, [progress.terms["content"] for progress in seen]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_schedules_end_at_the_finest_level(count):
    """The first value holds for all levels before those it names, too, and for a single one."""
    (_, plain), (_, weighed) = unmoved(count), unmoved(count, schedule={"content": (4.0, 2.0)})
    expected = {1: [4], 2: [4, 2], 3: [4, 4, 2], 4: [4, 4, 4, 2]}[count]
    np.testing.assert_allclose(np.array(weighed) / plain, expected, rtol=1e-5)


def test_another_solver_at_the_finest_level():
    still, moved = (unmoved(3, keep="last", **changes)[0].canvas for changes in ({}, {"finest": SOLVERS["adam"]}))
    assert (still - 0.5).abs().max() < 1e-6
    assert (still - moved).min() > 0.01
    assert unmoved(3, finest=SOLVERS["adam"])[1][:2] == unmoved(3)[1][:2]


def test_every_level_may_have_its_own_share_of_detail():
    """The first level's is what is lost at half its size."""
    content, plan = noise(48, 36), (Level((24, 18), 1), Level((48, 36), 1))
    start = smooth(24, 18)
    result = optimise(pixels, (Gamut(),), {"content": [(1.0, content)]}, lambda _: start, plan, SGD(rate=0), detail=(0.5, 0.0))
    coarse = resize(content, (24, 18))
    lost = coarse - torch.nn.functional.interpolate(resize(coarse, (12, 9)), (18, 24), mode="bicubic", align_corners=False)
    expected = torch.nn.functional.interpolate(start + 0.5 * lost, (36, 48), mode="bicubic", align_corners=False)
    torch.testing.assert_close(result.canvas, expected.clamp(0, 1))


def test_sources_are_brought_to_every_level():
    shapes = []

    def recording(picture, layers):
        if not picture.requires_grad:
            shapes.append(tuple(picture.shape[:1:-1]))
        return pixels(picture, layers)

    run(PLAN, encoder=recording, terms=(CONTENT, Gram(layers=("pixels",))))
    # The style of 24 x 18 keeps its own proportions and the scale it has beside the content.
    assert shapes == [(16, 12), (8, 6), (28, 21), (14, 10), (48, 36), (24, 18)]


@pytest.mark.parametrize("stop", [1, 5, 12, 13, 24])
def test_interrupt_returns_the_best_canvas(stop):
    seen: list[Progress] = []

    def callback(progress):
        seen.append(progress)
        if progress.step == stop:
            raise KeyboardInterrupt

    result = run(PLAN, callback)
    assert not result.finished
    assert result.step == stop
    assert len(seen) == stop
    width, height = PLAN[-1].size
    best = tensor(seen[-1].canvas)
    if best.shape[2:] != (height, width):
        best = torch.nn.functional.interpolate(best, (height, width), mode="bicubic", align_corners=False)
    torch.testing.assert_close(result.canvas, best.clamp(0, 1))


def test_interrupt_inside_an_evaluation():
    calls = []

    def stopping(picture, layers):
        calls.append(picture.requires_grad)
        if sum(calls) == 15:
            raise KeyboardInterrupt
        return pixels(picture, layers)

    result = run(PLAN, encoder=stopping)
    assert not result.finished
    assert result.step == 14
    assert result.canvas.shape == (1, 3, 36, 48)
    assert result.canvas.isfinite().all()


class Runaway:
    """Gradient descent that, the first time it is made, throws the canvas away at its third step."""

    made = 0
    units = 1.0

    def __init__(self, canvas, thrown):
        type(self).made += 1
        self.canvas, self.thrown, self.steps = canvas, thrown if type(self).made == 1 else None, 0

    def step(self, closure):
        loss = closure()
        self.steps += 1
        with torch.no_grad():
            self.canvas -= 0.2 * self.canvas.numel() * self.canvas.grad
            if self.thrown is not None and self.steps == 3:
                self.canvas.fill_(self.thrown)
        return loss


@dataclass
class Throwing:
    """Makes solvers that run away."""

    thrown: float
    units = 1.0

    def __call__(self, canvas):
        return Runaway(canvas, self.thrown)


@pytest.mark.parametrize("thrown", [math.nan, math.inf, 1e30])
def test_recovers_from_a_solver_that_runs_away(thrown):
    Runaway.made = 0
    seen: list[Progress] = []
    result = run((Level((32, 24), 40),), seen.append, Throwing(thrown))
    assert not math.isfinite(seen[3].total)
    assert Runaway.made == 2, "what the solver had learned leads astray"
    assert seen[4].total == pytest.approx(seen[2].total)  # back at the best canvas
    assert all(math.isfinite(progress.total) for progress in seen[4:])
    assert all(np.isfinite(progress.canvas).all() for progress in seen)
    assert seen[-1].total < 0.5 * seen[2].total
    assert result.canvas.isfinite().all()


def test_runs_away_at_the_first_step_of_a_level():
    """Nothing of the finest level is finite: what is left is the level before, at the finest size."""

    def failing(picture, layers):
        return dict.fromkeys(layers, picture * (math.nan if picture.requires_grad and picture.shape[3] == 48 else 1))

    result = run(PLAN, encoder=failing)
    assert result.finished
    assert result.canvas.shape == (1, 3, 36, 48)
    assert (result.canvas - smooth(48, 36)).abs().mean() < 0.05


def test_result_lies_in_the_colour_space():
    start = torch.full((1, 3, 24, 32), 1.5)
    result = run((Level((32, 24), 1),), terms=(Gamut(),), start=lambda size: start)
    assert torch.equal(result.canvas, torch.ones(1, 3, 24, 32))
    assert torch.equal(start, torch.full((1, 3, 24, 32), 1.5)), "the start belongs to the caller"


# What the published methods ask of it.


@pytest.mark.parametrize("units", [1.0, 255.0])
def test_units_are_the_solvers(units):
    """In the variable's units a rate means what it means in the paper; the canvas stays in [0, 1]."""
    seen: list[Progress] = []
    step = SGD(rate=0.5, momentum=0.0, per_value=False, units=units)
    run((Level((8, 6), 3),), seen.append, step, keep="last", start=lambda size: torch.full((1, 3, 6, 8), 0.5))
    before, after = tensor(seen[0].canvas), tensor(seen[1].canvas)
    content = smooth(8, 6)
    # The gradient with respect to the variable is 1 / units of that to the canvas, and so is its move in the canvas.
    expected = before - 0.5 / units**2 * 2 * (before - content) / content.square().sum()
    torch.testing.assert_close(after, expected)


def test_clamped_before_every_evaluation():
    evaluated = []

    def recording(picture, layers):
        if picture.requires_grad:
            evaluated.append(picture.detach().clone())
        return pixels(picture, layers)

    class Leaping:
        units = 1.0

        def __init__(self, canvas):
            self.canvas = canvas

        def step(self, closure):
            closure()
            with torch.no_grad():
                self.canvas += 0.7

    for clamp in (False, True):
        evaluated.clear()
        result = run((Level((8, 6), 4),), solver=Leaping, encoder=recording, clamp=clamp, keep="last")
        assert all(canvas.max() <= 1 for canvas in evaluated) is clamp
        assert result.canvas.max() == 1


def test_the_last_canvas_is_kept():
    """The one after the last move, which no evaluation has seen; at the start of the next level, too."""
    seen: list[Progress] = []
    result = run((Level((16, 12), 9),), seen.append, Straying, keep="last")
    content, last = smooth(16, 12), tensor(seen[-1].canvas)
    moved = last - 0.05 * last.numel() * 2 * (last - content) / content.square().sum() + 0.3
    torch.testing.assert_close(result.canvas, moved.clamp(0, 1))
    assert any(after.total > before.total for before, after in pairwise(seen))


def test_a_source_of_the_contents_size_keeps_it():
    shapes = []

    def recording(picture, layers):
        if not picture.requires_grad:
            shapes.append(tuple(picture.shape[:1:-1]))
        return pixels(picture, layers)

    sources = {"content": [(1.0, smooth(49, 37))]}
    plan = (Level((25, 18), 1), Level((49, 37), 1))
    optimise(recording, (CONTENT,), sources, black, plan, SOLVERS["lbfgs"])
    assert shapes == [(25, 18), (49, 37)]


# Balance


def test_weights_against_their_formula():
    random = np.random.default_rng(0)
    gradients = {name: torch.from_numpy(scale * random.normal(size=(2, 3))) for name, scale in (("a", 10), ("b", 0.01), ("c", 100))}
    lengths = {name: np.sqrt((gradient.numpy() ** 2).sum()) for name, gradient in gradients.items()}
    expected = {"a": 1 / lengths["a"], "b": 1.0, "c": 50 / lengths["c"]}
    assert Balance(limits={"c": 50.0}).weights(gradients) == pytest.approx(expected)


def test_relative_limits_are_multiples_of_the_shortest():
    gradients = {"a": torch.tensor([30.0, 40.0]), "b": torch.tensor([0.0, 2.0]), "none": torch.zeros(2)}
    assert Balance(limits={"a": 3.0}, relative=True).weights(gradients) == pytest.approx({"a": 6 / 50, "b": 1.0, "none": 1.0})


def test_balanced_descent():
    """Of two terms a thousandfold apart neither drowns the other, and the weights are found anew every other step."""
    seen: list[Progress] = []
    heavy, light = Content(layers=("pixels",), weight=1000.0), Gamut(weight=1.0)
    step = SGD(rate=0.1, momentum=0.0, per_value=False)
    start = torch.full((1, 3, 6, 8), 1.5, dtype=torch.float64)
    balance = Balance(relative=True, every=2)
    run((Level((8, 6), 5),), seen.append, step, terms=(heavy, light), start=lambda size: start, balance=balance, keep="last")
    content, canvas, weights = smooth(8, 6).double(), start, (1.0, 1.0)
    for taken, progress in enumerate(seen):
        torch.testing.assert_close(tensor(progress.canvas).double(), canvas, rtol=1e-5, atol=1e-6)
        gradients = 2000 * (canvas - content) / content.square().sum(), 2 * (canvas - canvas.clamp(0, 1)) / canvas.numel()
        if taken % 2 == 0:
            shortest = min(gradient.norm() for gradient in gradients)
            weights = tuple(shortest / gradient.norm() for gradient in gradients)
        canvas = canvas - 0.1 * (weights[0] * gradients[0] + weights[1] * gradients[1])


def test_torch_lbfgs_through_the_engine():
    result = run((Level((32, 24), 60),), solver=TorchLBFGS(), keep="last")
    assert (result.canvas - smooth(32, 24)).abs().max() < 1e-3
