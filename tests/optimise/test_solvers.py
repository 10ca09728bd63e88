"""Every solver on a quadratic whose minimum is known, and L-BFGS against its formula."""

import numpy as np
import pytest
import torch

from impasto.optimise import SOLVERS


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


@pytest.mark.parametrize(("name", "steps", "worst"), [("lbfgs", 60, 1e-3), ("adam", 400, 1e-2), ("sgd", 200, 1e-3)])
def test_reaches_the_minimum(name, steps, worst):
    bowl = Bowl()
    assert bowl.distance() > 0.4
    solver = SOLVERS[name](bowl.canvas)
    if name == "sgd":
        bowl.curvature /= solver.param_groups[0]["lr"]  # its rate is made for another steepness
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
    assert bowl.distance() < 1e-6


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
        pairs = list(zip(steps[:k], changes[:k], strict=True))[-solver.HISTORY :]
        newest, change = pairs[-1]
        inverse = np.eye(points.shape[1]) * (newest @ change) / (change @ change)
        for step, change in pairs:
            share = 1 / (step @ change)
            left = np.eye(points.shape[1]) - share * np.outer(step, change)
            inverse = left @ inverse @ left.T + share * np.outer(step, step)
        expected = -inverse @ gradients[k]
        length = np.sqrt((expected**2).mean())
        expected *= min(1, solver.LONGEST / length)
        assert np.linalg.norm(steps[k] - expected) <= 1e-6 * np.linalg.norm(expected), k


def test_lbfgs_takes_no_long_steps():
    bowl = Bowl()
    with torch.no_grad():
        bowl.canvas += 100
    solver = SOLVERS["lbfgs"](bowl.canvas)
    for _ in range(20):
        solver.step(bowl)
    lengths = [np.sqrt(((after - before) ** 2).mean()) for (before, _), (after, _) in zip(bowl.seen, bowl.seen[1:], strict=False)]
    assert lengths[0] == pytest.approx(solver.FIRST, rel=1e-3)
    assert max(lengths) == pytest.approx(solver.LONGEST, rel=1e-3)


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


def test_names():
    assert list(SOLVERS) == ["lbfgs", "adam", "sgd"]
