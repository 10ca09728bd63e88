"""Every solver on a quadratic whose minimum is known, and L-BFGS against its formula."""

import numpy as np
import pytest
import torch

from impasto.optimise import LBFGS, SGD, SOLVERS, Adam, RMSprop, TorchLBFGS


class Bowl:
    """`½ Σ c (x - m)²` over a canvas, with given curvatures c; it remembers where it was evaluated."""

    def __init__(self, low=0.1, high=1.0, precision=torch.float32):
        random = np.random.default_rng(0)
        self.minimum = torch.from_numpy(random.random((1, 3, 4, 5))).to(precision)
        self.curvature = torch.from_numpy(np.exp(random.uniform(np.log(low), np.log(high), (1, 3, 4, 5)))).to(precision)
        self.canvas = torch.full_like(self.minimum, 0.5).requires_grad_()
        self.seen = []

    def __call__(self):
        self.canvas.grad = None
        loss = 0.5 * (self.curvature * (self.canvas - self.minimum).square()).sum()
        loss.backward()
        self.seen.append((self.canvas.detach().clone().flatten().numpy(), self.canvas.grad.clone().flatten().numpy()))
        return loss

    def distance(self):
        return (self.canvas - self.minimum).abs().max().item()


@pytest.mark.parametrize(("name", "steps", "worst"), [("lbfgs", 60, 1e-3), ("adam", 400, 1e-2), ("sgd", 200, 1e-3), ("rmsprop", 400, 2e-2)])
def test_reaches_the_minimum(name, steps, worst):
    bowl = Bowl()
    assert bowl.distance() > 0.4
    solver = SOLVERS[name](bowl.canvas)
    if name == "sgd":
        bowl.curvature /= SGD().rate * bowl.canvas.numel()  # its rate is made for another steepness
    for _ in range(steps):
        solver.step(bowl)
    assert bowl.distance() < worst


@pytest.mark.parametrize("name", SOLVERS)
def test_a_step_is_one_evaluation(name):
    bowl = Bowl()
    solver = SOLVERS[name](bowl.canvas)
    for step in range(1, 11):
        before = bowl.canvas.detach().clone()
        loss = solver.step(bowl)
        assert loss.shape == ()
        assert len(bowl.seen) == step
        assert not torch.equal(bowl.canvas, before)


@pytest.mark.parametrize("name", SOLVERS)
def test_stays_at_a_minimum(name):
    bowl = Bowl()
    with torch.no_grad():
        bowl.canvas.copy_(bowl.minimum)
    solver = SOLVERS[name](bowl.canvas)
    for _ in range(5):
        solver.step(bowl)
    # RMSprop takes whole steps along what rounding leaves of a gradient.
    assert bowl.distance() < (0.01 if name == "rmsprop" else 1e-6)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_lbfgs_does_not_mind_the_scale_of_the_loss(scale):
    bowls = [Bowl(), Bowl(scale * 0.1, scale * 1.0)]
    for bowl in bowls:
        solver = SOLVERS["lbfgs"](bowl.canvas)
        for _ in range(15):
            solver.step(bowl)
    assert (bowls[0].canvas - bowls[1].canvas).abs().max() < 0.01


def test_lbfgs_learns_the_curvature():
    """A thousandfold spread of curvatures, where gradient descent would need thousands of steps."""
    bowl = Bowl(1e-3, 1.0)
    solver = SOLVERS["lbfgs"](bowl.canvas)
    for _ in range(150):
        solver.step(bowl)
    assert bowl.distance() < 1e-2


def test_lbfgs_against_its_formula():
    """Every step is minus the inverse Hessian, built up densely (Nocedal & Wright 2006, equation 6.17), times the gradient."""
    bowl = Bowl(0.01, 1.0, torch.float64)
    solver = SOLVERS["lbfgs"](bowl.canvas)
    for _ in range(30):
        solver.step(bowl)
    points, gradients = (np.array(values) for values in zip(*bowl.seen, strict=True))
    steps, changes = np.diff(points, axis=0), np.diff(gradients, axis=0)
    for k in range(1, len(steps)):
        pairs = list(zip(steps[:k], changes[:k], strict=True))[-LBFGS().history :]
        newest, change = pairs[-1]
        inverse = np.eye(points.shape[1]) * (newest @ change) / (change @ change)
        for step, change in pairs:
            share = 1 / (step @ change)
            left = np.eye(points.shape[1]) - share * np.outer(step, change)
            inverse = left @ inverse @ left.T + share * np.outer(step, step)
        expected = -inverse @ gradients[k]
        length = np.sqrt((expected**2).mean())
        expected *= min(1, LBFGS().longest / length)
        assert np.linalg.norm(steps[k] - expected) <= 1e-6 * np.linalg.norm(expected), k


def test_lbfgs_takes_no_long_steps():
    bowl = Bowl()
    with torch.no_grad():
        bowl.canvas += 100
    solver = SOLVERS["lbfgs"](bowl.canvas)
    for _ in range(20):
        solver.step(bowl)
    lengths = [np.sqrt(((after - before) ** 2).mean()) for (before, _), (after, _) in zip(bowl.seen, bowl.seen[1:], strict=False)]
    assert lengths[0] == pytest.approx(LBFGS().first, rel=1e-3)
    assert max(lengths) == pytest.approx(LBFGS().longest, rel=1e-3)


def test_lbfgs_where_the_curvature_is_negative():
    """A ridge, `-½ |x|²` with walls: the curvature there must not turn the direction uphill."""
    canvas = torch.full((1, 3, 4, 5), 0.1, dtype=torch.float64).requires_grad_()
    solver = SOLVERS["lbfgs"](canvas)
    losses = []

    def ridge():
        canvas.grad = None
        loss = (canvas.pow(4) / 4 - canvas.square() / 2).sum()
        loss.backward()
        losses.append(loss.item())
        return loss

    for _ in range(60):
        solver.step(ridge)
    assert losses[-1] == pytest.approx(-canvas.numel() / 4, rel=1e-3)


def test_torch_lbfgs_takes_the_steps_of_the_published_loop():
    """Called once per evaluation, it sees the very canvases that twenty iterations to a call see."""
    bowl, published = Bowl(0.01, 1.0, torch.float64), Bowl(0.01, 1.0, torch.float64)
    solver = TorchLBFGS()(bowl.canvas)
    for _ in range(40):  # beyond, the published loop finds its steps too small and stops
        solver.step(bowl)
    loop = torch.optim.LBFGS([published.canvas])
    while len(published.seen) < 40:
        loop.step(published)
    for (mine, _), (theirs, _) in zip(bowl.seen, published.seen[:40], strict=True):
        assert np.abs(mine - theirs).max() < 1e-12


def test_units():
    """A solver that moves a variable 255 times the canvas takes the steps of a paper whose pixels run to 255."""
    assert TorchLBFGS(units=255).units == 255
    assert all(solver.units == 1 for solver in SOLVERS.values())


@pytest.mark.parametrize(
    ("settings", "rate"),
    [
        ({}, lambda step: 2.0),
        ({"decay": 0.96, "every": 100}, lambda step: 2.0 * 0.96 ** (step / 100)),
        ({"decay": 0.1, "milestones": (3, 7)}, lambda step: 2.0 * (1 if step < 3 else 0.1 if step < 7 else 0.01)),
    ],
)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_against_its_formula(settings, rate, momentum):
    bowl = Bowl(precision=torch.float64)
    solver = SGD(rate=2.0, momentum=momentum, per_value=False, **settings)(bowl.canvas)
    for _ in range(12):
        solver.step(bowl)
    velocity = 0.0
    for step, ((before, gradient), (after, _)) in enumerate(zip(bowl.seen, bowl.seen[1:], strict=False)):
        if step in settings.get("milestones", ()):
            velocity = 0.0
        velocity = momentum * velocity + gradient
        assert np.abs(after - (before - rate(step) * velocity)).max() < 1e-12


def test_sgd_per_value():
    rates = []
    for per_value in (False, True):
        bowl = Bowl()
        SGD(rate=0.01, per_value=per_value)(bowl.canvas).step(bowl)
        rates.append((0.5 - bowl.canvas.detach()).flatten().numpy() / bowl.seen[0][1])
    assert rates[0] == pytest.approx(0.01, rel=1e-2)
    assert rates[1] == pytest.approx(0.01 * bowl.canvas.numel(), rel=1e-2)


@pytest.mark.parametrize("levels", [0, 2])
def test_rmsprop_against_its_formula(levels):
    """Of a picture of 4 x 5 pixels by itself, and with levels below it whose pull reaches all pixels."""
    bowl = Bowl(precision=torch.float64)
    solver = RMSprop(rate=0.01, levels=levels)(bowl.canvas)
    for _ in range(6):
        solver.step(bowl)
    square = 0.0
    for (before, gradient), (after, _) in zip(bowl.seen, bowl.seen[1:], strict=False):
        square = 0.99 * square + 0.01 * gradient**2
        step = before - 0.01 * gradient / (np.sqrt(square) + 1e-8)
        assert (np.abs(after - step).max() < 1e-12) == (levels == 0)


@pytest.mark.parametrize("levels", [1, 3])
def test_adam_of_the_levels_of_a_picture(levels):
    """A first step moves every value of every level by the rate, whose sum can't be further than all of them; and it gets there."""
    bowl = Bowl(precision=torch.float64)
    solver = Adam(rate=0.01, levels=levels)(bowl.canvas)
    for _ in range(400):
        solver.step(bowl)
    (before, _), (after, _) = bowl.seen[:2]
    assert 0.01 < np.abs(after - before).max() <= 0.01 * (levels + 1) + 1e-9
    assert np.abs(bowl.canvas.detach().numpy() - bowl.minimum.numpy()).max() < 0.01


def test_rmsprop_takes_note_of_what_was_cut_off():
    bowl = Bowl()
    bowl.minimum += 2
    solver = SOLVERS["rmsprop"](bowl.canvas)

    def closure():
        with torch.no_grad():
            bowl.canvas.clamp_(0, 1)
        return bowl()

    for _ in range(600):
        solver.step(closure)
    assert all(seen.max() <= 1 for seen, _ in bowl.seen)
    assert (bowl.canvas - 1).abs().max() < 0.05  # a step beyond white at most, however long it has been pulled there


def test_names():
    assert list(SOLVERS) == ["lbfgs", "torch-lbfgs", "adam", "sgd", "rmsprop"]
