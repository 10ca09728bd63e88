"""Every method against its paper: each loss, the gradient, and the published loop step by step, on the same random weights.

The networks are an eighth as wide as the papers'; at their full width these tests are slow.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import published
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from impasto import encoders
from impasto.encoders.smoothed import Smoothed
from impasto.losses import MRF
from impasto.methods import METHODS
from impasto.optimise import Level, Objective, optimise

CPU = torch.device("cpu")
SIZE = (36, 28)
TWO_LEVELS = (Level((28, 24), 6), Level(SIZE, 6))


def noise(seed, size=SIZE):
    small = torch.from_numpy(np.random.default_rng(seed).random((1, 3, 9, 11)))
    return F.interpolate(small, size[::-1], mode="bicubic", antialias=True).clamp(0, 1)


CONTENT, STYLE, CANVAS = noise(0), noise(1), noise(2)


@dataclass(frozen=True)
class Paper:
    """How a paper sees a picture, what it minimises, and what its solver moves."""

    losses: object
    network: str = "vgg19"
    see: object = None
    history: int = 100
    units: float = 1.0
    clamp: bool = False
    start: str = "content"
    plan: tuple = (Level(SIZE, 12),)


PAPERS = {
    "gatys2016": Paper(published.gatys2016, "normalised", published.caffe, units=255, start="noise"),
    "texture2015": Paper(published.texture2015, "normalised", published.caffe, units=255, history=20, start="noise", clamp=True),
    "inversion2015": Paper(published.inversion2015, "vgg19", published.imagenet, units=255, start="noise"),
    "tutorial": Paper(published.tutorial, "vgg19", published.imagenet, clamp=True),
    "keras": Paper(published.keras, "vgg19", published.caffe, units=255),
    "resnet50": Paper(published.resnet50_style, "resnet50", published.half_caffe),
    "resnet50-swag": Paper(published.swag, "resnet50", published.imagenet),
    "vgg16": Paper(published.vgg16, "vgg16", published.imagenet, units=255),
    "risser2017": Paper(published.risser2017, "vgg19", published.imagenet, units=255, plan=TWO_LEVELS),
    "li2017": Paper(published.li2017, "vgg19", published.caffe, units=255, start="noise"),
    "strotss2019": Paper(published.strotss2019, "vgg16", published.imagenet, start="noise", plan=TWO_LEVELS),
    "nnst2022": Paper(published.nnst2022, "vgg16", published.imagenet, plan=(*TWO_LEVELS, Level(SIZE, 6))),
    "liwand2016": Paper(published.liwand2016, "vgg19", published.caffe, units=255, history=25, plan=TWO_LEVELS),
}


@pytest.fixture(scope="module")
def networks(narrow, tmp_path_factory):
    """By name: a file for our loader, and a plain function of a preprocessed input in float64."""
    folder, made = tmp_path_factory.mktemp("weights"), {}
    for name, full in (("vgg19", published.VGG19), ("vgg16", published.VGG16), ("normalised", published.VGG19)):
        plan = published.narrower(full, narrow)
        pooling = "average" if name == "normalised" else "max"
        state = published.vgg_weights(plan, seed=0)
        file = folder / f"{name}.safetensors"
        save_file(published.literature_names(plan, state) if name == "normalised" else state, file)
        exact = {key: value.double() for key, value in state.items()}
        made[name] = file, partial(lambda exact, plan, pooling, x: published.vgg(exact, plan, x, pooling), exact, plan, pooling)
    state = published.resnet_weights(0, narrow)
    save_file(state, folder / "resnet50.safetensors")
    made["resnet50"] = folder / "resnet50.safetensors", partial(published.resnet50, {key: value.double() for key, value in state.items()})
    return made


at_both_widths = pytest.mark.parametrize(
    "narrow", [pytest.param(8, id="narrow"), pytest.param(1, id="full", marks=pytest.mark.slow)], indirect=True
)


def ours(name):
    """The method without losses that are off; of Li & Wand without the turned and resized copies, which `test_mrf` looks at."""
    method = METHODS[name]
    if method.balance:
        method = replace(method, balance=replace(method.balance, every=4))
    return replace(
        method,
        terms=tuple(
            replace(term, rotations=(0.0,), scales=(1.0,)) if isinstance(term, MRF) else term for term in method.terms if term.weight
        ),
    )


def encoder_of(method, networks, precision=torch.float64):
    file, _ = networks[PAPERS[method.name].network]
    return encoders.load(method.encoder, file, CPU, precision, method.variant).encoder


def plain(paper, networks, content=CONTENT, style=STYLE, start=CANVAS):
    """The paper's weighted losses as a function of the canvas, of a level that begins with ``start``."""
    _, network = networks[paper.network]

    def see(picture):
        return network(paper.see(picture))

    if paper.losses is published.nnst2022:
        return published.nnst2022(see, start, content, style)
    given = {}
    if paper.losses in (published.li2017, published.strotss2019):
        given["photograph"] = content
    if paper.losses is published.strotss2019:
        given["painting"] = style
    seen = see(content), see(style)
    return lambda canvas: paper.losses(canvas, see(canvas), *seen, **given)


def sources(content=CONTENT, style=STYLE):
    return {"content": [(1.0, content)], "style": [(1.0, style)]}


def smoothed(method, encoder):
    return Smoothed(encoder, method.smoothing) if method.smoothing else encoder


def apart(mine, theirs):
    return float((mine.double() - theirs).norm() / theirs.norm())


def test_every_method_is_here():
    assert set(PAPERS) == set(METHODS) - {"impasto"}


@at_both_widths
@pytest.mark.parametrize("name", PAPERS)
def test_losses_and_gradient(name, networks, exactness):
    method, paper = ours(name), PAPERS[name]
    canvas = CANVAS.clone().requires_grad_()
    expected = plain(paper, networks)(canvas)
    gradients = {key: torch.autograd.grad(loss, canvas, retain_graph=True)[0] for key, loss in expected.items()}
    table = exactness.setdefault(name, {})
    for precision in (torch.float64, torch.float32):
        given = {key: [(share, picture.to(precision)) for share, picture in pictures] for key, pictures in sources().items()}
        mine = CANVAS.to(precision).requires_grad_()
        evaluation = Objective(smoothed(method, encoder_of(method, networks, precision)), method.terms, given)(mine)
        assert set(evaluation.terms) == set(expected)
        errors = [abs(evaluation.terms[key].item() / loss.item() - 1) for key, loss in expected.items()]
        slope = apart(torch.autograd.grad(evaluation.total, mine)[0], sum(gradients.values()))
        if precision == torch.float64:
            assert all(loss.item() > 0 for loss in expected.values())
            table |= {"losses": max(errors), "gradient": slope}
            assert max(*errors, slope) < 1e-9
        else:
            table |= {"losses, float32": max(errors), "gradient, float32": slope}
            assert max(*errors, slope) < 1e-4


def start_of(paper):
    return CONTENT if paper.start == "content" else noise(3)


def to_variable(canvas, paper):
    """What the paper's solver moves: its own preprocessed picture, where that runs from 0 to 255."""
    return published.caffe(canvas) if paper.units == 255 else canvas.clone()


def to_canvas(variable, paper):
    if paper.units == 1:
        return variable
    return ((variable + torch.tensor(published.BGR_MEANS, dtype=variable.dtype).view(3, 1, 1)) / 255)[:, [2, 1, 0]]


def resized(picture, size):
    return F.interpolate(picture, size[::-1], mode="bicubic", antialias=True).clamp(0, 1)


def lbfgs_loop(paper, losses, start, steps):
    """`while evaluations < steps: optimiser.step(closure)`, as tutorials and notebooks write it."""
    variable = to_variable(start, paper).contiguous().requires_grad_()
    # Without the tolerances, which would end a call early where a loss is small all over.
    optimiser = torch.optim.LBFGS([variable], max_iter=steps, history_size=paper.history, tolerance_grad=0, tolerance_change=0)
    totals = []

    def closure():
        if paper.clamp:
            with torch.no_grad():
                variable.copy_(to_variable(to_canvas(variable, paper).clamp(0, 1), paper))
        total = sum(losses(to_canvas(variable, paper)).values())
        variable.grad = torch.autograd.grad(total, variable)[0].contiguous()
        totals.append(total.item())
        return total

    while len(totals) < steps:
        optimiser.step(closure)
    return totals, to_canvas(variable.detach(), paper)


def gradient_loop(paper, losses, start, steps, rate, momentum):
    variable, velocity, totals = to_variable(start, paper), 0.0, []
    for step in range(steps):
        variable.requires_grad_()
        total = sum(losses(to_canvas(variable, paper)).values())
        (gradient,) = torch.autograd.grad(total, variable)
        velocity = momentum * velocity + gradient
        variable = (variable - rate(step) * velocity).detach()
        totals.append(total.item())
    return totals, to_canvas(variable, paper)


def balanced_loop(losses, start, steps, method):
    """Risser's: a term whose gradient is longer than its limit weighs less. The paper doesn't say who moves the canvas; ours does."""
    variable, totals, weights, mover = (255 * start).requires_grad_(), [], {}, None

    def closure():
        shares = losses(variable / 255)
        gradients = {name: torch.autograd.grad(share, variable, retain_graph=True)[0] for name, share in shares.items()}
        if len(totals) % method.balance.every == 0:
            limits = {name: 100 if name == "content" else 1 for name in shares}
            weights.update({name: min(1, limits[name] / float(g.square().sum().sqrt())) for name, g in gradients.items()})
        variable.grad = sum(weights[name] * gradient for name, gradient in gradients.items()).contiguous()
        totals.append(sum(shares.values()).item())
        return sum(shares.values())

    for step in range(steps):
        mover = method.solver(variable) if step % method.balance.every == 0 else mover
        mover.step(closure)
    return totals, variable.detach() / 255


@at_both_widths
@pytest.mark.parametrize("name", PAPERS)
def test_published_loop(name, networks, exactness):
    method, paper = ours(name), PAPERS[name]
    canvas, expected = resized(start_of(paper), paper.plan[0].size), []
    for index, level in enumerate(paper.plan):
        canvas = canvas if canvas.shape[2:] == level.size[::-1] else F.interpolate(canvas, level.size[::-1], mode="bicubic")
        near = resized(CONTENT, level.size)
        if (name, index) in (("strotss2019", 0), ("nnst2022", 1)):  # the content's finest detail
            far = resized(CONTENT, paper.plan[0].size) if index else resized(near, (level.size[0] // 2, level.size[1] // 2))
            canvas = canvas + near - F.interpolate(far, level.size[::-1], mode="bicubic")
        losses = plain(paper, networks, near, resized(STYLE, level.size), canvas)
        if name == "keras":
            totals, canvas = gradient_loop(paper, losses, canvas, level.steps, lambda step: 100 * 0.96 ** (step / 100), 0.0)
        elif name == "inversion2015":
            sigma = 69.0**2 * canvas.numel()
            totals, canvas = gradient_loop(paper, losses, canvas, level.steps, lambda step: 0.004 * sigma, 0.9)  # noqa: B023
        elif name == "strotss2019":
            alpha, rate = ((4, 0.002), (2, 0.001))[index]
            factors = {"selfsimilarity": alpha, "earthmover": 1, "cloudmoments": 1, "palette": 1 / max(alpha, 1)}
            weighed = partial(lambda of, factors, canvas: {key: factors[key] * loss for key, loss in of(canvas).items()}, losses, factors)
            totals, canvas = published.pyramid_loop(weighed, canvas, level.steps, 5, partial(torch.optim.RMSprop, lr=rate))
        elif name == "nnst2022":
            stage = "splitting" if index == 2 else "neighbours"
            chosen = partial(lambda of, stage, canvas: {stage: of(canvas)[stage]}, losses, stage)
            totals, canvas = published.pyramid_loop(chosen, canvas, level.steps, 8, partial(torch.optim.Adam, lr=0.002, eps=1e-16))
        elif name == "risser2017":
            totals, canvas = balanced_loop(losses, canvas, level.steps, method)
        else:
            totals, canvas = lbfgs_loop(paper, losses, canvas, level.steps)
        expected += totals
    seen = []
    result = optimise(
        smoothed(method, encoder_of(method, networks)),
        method.terms,
        sources(),
        lambda size: resized(start_of(paper), size),
        paper.plan,
        method.solver,
        finest=method.finest,
        detail=method.detail,
        schedule=method.schedule,
        clamp=method.clamp,
        keep=method.keep,
        balance=method.balance,
        callback=seen.append,
    )
    errors = [abs(progress.total / total - 1) for progress, total in zip(seen, expected, strict=True)]
    far = float((result.canvas - canvas.clamp(0, 1)).abs().max())
    exactness.setdefault(name, {}).update({"loop, totals": max(errors), "loop, pixels": far})
    assert min(expected) < expected[0]
    assert max(*errors, far) < 1e-5
