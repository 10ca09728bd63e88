"""What all losses have in common."""

import pytest
import torch

from impasto import losses
from impasto.losses import STYLE_LOSSES, Features, Gram, Term

TERMS = [value for value in vars(losses).values() if isinstance(value, type) and issubclass(value, Term) and value is not Term]


def encode(picture: torch.Tensor, layers: tuple[str, ...]) -> Features:
    return dict.fromkeys(layers, picture)


def test_all_terms_are_public():
    assert {term.__name__ for term in TERMS} <= set(losses.__all__)
    assert len({term.name for term in TERMS}) == len(TERMS)


@pytest.mark.parametrize("term", TERMS)
def test_roles(term):
    kept = term.name in ("content", "structure", "selfsimilarity")
    assert term.role == ("content" if kept else term.source if term.source == "style" else term.name)


@pytest.mark.parametrize("term", TERMS)
def test_formulas_are_tex(term):
    formula = term(layers=("relu1_1",)).formula
    assert formula.count("{") == formula.count("}") > 0
    assert formula.count(r"\left") == formula.count(r"\right")


@pytest.mark.parametrize("loss", STYLE_LOSSES)
def test_style_losses_stand_in_for_each_other(loss):
    """Each takes a method's layers and weight, and is near 1 for a canvas without anything in it."""
    term = STYLE_LOSSES[loss](layers=("relu1_1", "relu2_1"), weight=3.0)
    style = torch.rand(1, 3, 20, 24, generator=torch.Generator().manual_seed(0))
    canvas = torch.zeros(1, 3, 16, 12, requires_grad=True)
    value = term(canvas, encode(canvas, term.layers), term.target(style, encode))
    value.backward()
    assert (term.role, term.source, term.weight) == ("style", "style", 3.0)
    assert 0.5 < value.item() < 1.5
    assert canvas.grad.isfinite().all()
    assert term(style, encode(style, term.layers), term.target(style, encode)).item() == pytest.approx(0, abs=1e-5)


def test_the_default_style_loss_is_the_gram_matrix():
    assert next(iter(STYLE_LOSSES)) == "gram"
    assert STYLE_LOSSES["gram"] is Gram
