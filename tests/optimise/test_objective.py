"""What an objective adds up, and how often it asks the encoder."""

import numpy as np
import pytest
import torch

from impasto.losses import Content, Gamut, Gram, TotalVariation
from impasto.optimise import Objective


class Recorder:
    """An encoder whose layer `n` is the picture times n + 1; it remembers every call."""

    def __init__(self):
        self.calls = []

    def __call__(self, picture, layers):
        self.calls.append((picture, tuple(layers)))
        return {layer: picture * (int(layer) + 1) for layer in layers}


def noise(height, width, seed):
    return torch.from_numpy(np.random.default_rng(seed).normal(0.5, 0.5, (1, 3, height, width)).astype(np.float32))


CONTENT, STYLE = noise(6, 5, 0), noise(4, 7, 1)
SOURCES = {"content": [(1.0, CONTENT)], "style": [(1.0, STYLE)]}


def times(picture, layers):
    """What the recorder answers."""
    return {layer: picture * (int(layer) + 1) for layer in layers}


def test_targets_are_computed_once():
    encoder = Recorder()
    objective = Objective(encoder, (Gram(layers=("1", "2")), Content(layers=("3",))), SOURCES)
    assert {layers: picture.shape for picture, layers in encoder.calls if layers} == {
        ("3",): CONTENT.shape,
        ("1", "2"): STYLE.shape,
    }
    encoder.calls.clear()
    canvas = noise(6, 5, 2)
    for evaluations in range(1, 4):
        objective(canvas)
        assert len(encoder.calls) == evaluations
        picture, layers = encoder.calls[-1]
        assert picture is canvas
        assert sorted(layers) == ["1", "2", "3"]


def test_terms_are_told_what_a_level_begins_with_and_nothing_after():
    """And of the photograph, seen through the same encoder."""
    told = []

    class Begun(Gram):
        def begun(self, target, canvas, content, encode):
            told.append((canvas, content, encode(canvas, ("9",))["9"].requires_grad))
            return {name: 2 * tensor for name, tensor in target.items()}

    canvas = noise(6, 5, 2).requires_grad_()
    term = Begun(layers=("1",))
    objective = Objective(Recorder(), (term,), SOURCES)
    first = objective(canvas).total
    objective(noise(6, 5, 3))
    assert [(one is canvas, content is CONTENT, traced) for one, content, traced in told] == [(True, True, False)]
    target = {name: 2 * tensor for name, tensor in term.target(STYLE, times).items()}
    assert first.item() == pytest.approx(term(canvas, times(canvas, ("1",)), target).item())
    told.clear()
    Objective(Recorder(), (term,), {"style": SOURCES["style"]})(canvas)
    assert told[0][1] is None


def test_weighted_sum():
    style, content = Gram(layers=("1", "2"), weight=3.0), Content(layers=("2",), weight=0.25)
    tv, gamut = TotalVariation(weight=7.0), Gamut(weight=10.0)
    canvas = noise(6, 5, 2)
    evaluation = Objective(Recorder(), (style, content, tv, gamut), SOURCES)(canvas)
    mine = times(canvas, ("1", "2"))
    expected = {
        "style": 3.0 * style(canvas, mine, style.target(STYLE, times)),
        "content": 0.25 * content(canvas, mine, content.target(CONTENT, times)),
        "tv": 7.0 * tv(canvas, {}, {}),
        "gamut": 10.0 * gamut(canvas, {}, {}),
    }
    assert {name: share.item() for name, share in evaluation.terms.items()} == pytest.approx(
        {name: share.item() for name, share in expected.items()}, rel=1e-6
    )
    assert all(share.item() > 0 for share in expected.values())
    assert evaluation.total.item() == pytest.approx(sum(share.item() for share in expected.values()), rel=1e-6)


def test_terms_of_one_name_are_added():
    canvas = noise(6, 5, 2)
    shallow, deep = Content(layers=("1",), weight=2.0), Content(layers=("3",), weight=5.0)
    apart = [Objective(Recorder(), (term,), SOURCES)(canvas).total.item() for term in (shallow, deep)]
    together = Objective(Recorder(), (shallow, deep), SOURCES)(canvas)
    assert list(together.terms) == ["content"]
    assert together.terms["content"].item() == pytest.approx(sum(apart))
    assert together.total.item() == pytest.approx(sum(apart))


def test_terms_of_weight_zero_are_not_computed():
    encoder = Recorder()
    terms = (Gram(layers=("5",), weight=0.0), Content(layers=("1",)), TotalVariation(weight=0.0))
    evaluation = Objective(encoder, terms, SOURCES)(noise(6, 5, 2))
    assert {name: float(share) for name, share in evaluation.terms.items() if float(share) == 0} == {"style": 0.0, "tv": 0.0}
    assert all("5" not in layers for _, layers in encoder.calls)
    # No layer is asked of the style, whose only term is gone.
    assert all(not layers for picture, layers in encoder.calls if picture.shape == STYLE.shape)


def test_pixels_alone_need_no_encoder():
    encoder = Recorder()
    objective = Objective(encoder, (TotalVariation(),), SOURCES)
    encoder.calls.clear()
    assert objective(noise(6, 5, 2)).total.item() > 0
    assert encoder.calls == []


def test_gradients_reach_the_canvas_and_nothing_else():
    sources = {name: [(1.0, source.clone().requires_grad_())] for name, ((_, source),) in SOURCES.items()}
    canvas = noise(6, 5, 2).requires_grad_()
    objective = Objective(Recorder(), (Gram(layers=("1",)), Content(layers=("2",))), sources)
    objective(canvas).total.backward()
    assert canvas.grad is not None
    assert canvas.grad.abs().sum() > 0
    assert all(source.grad is None for ((_, source),) in sources.values())


def test_between_two_styles():
    """Shares of the losses against each; for Gram matrices that is the slope of aiming between them."""
    other, shares = noise(5, 5, 3), (0.3, 0.7)
    term = Gram(layers=("1",), scale="gatys", weight=2.0)
    canvas = noise(6, 5, 2).requires_grad_()
    blended = Objective(Recorder(), (term,), {"style": list(zip(shares, (STYLE, other), strict=True))})(canvas).total
    alone = [Objective(Recorder(), (term,), {"style": [(1.0, style)]})(canvas).total for style in (STYLE, other)]
    assert blended.item() == pytest.approx(0.3 * alone[0].item() + 0.7 * alone[1].item())
    targets = [term.target(style, times)["1"] for style in (STYLE, other)]
    between = 2.0 * term(canvas, times(canvas, ("1",)), {"1": 0.3 * targets[0] + 0.7 * targets[1]})
    mine, expected = (torch.autograd.grad(loss, canvas)[0] for loss in (blended, between))
    torch.testing.assert_close(mine, expected)


def test_a_style_without_a_share_is_not_looked_at():
    encoder = Recorder()
    Objective(encoder, (Gram(layers=("1",)),), {"style": [(1.0, STYLE), (0.0, noise(9, 9, 3))]})
    assert [picture.shape for picture, _ in encoder.calls] == [STYLE.shape]


def test_nothing_at_all():
    evaluation = Objective(Recorder(), (), SOURCES)(noise(6, 5, 2))
    assert evaluation.total.item() == 0
    assert evaluation.terms == {}
