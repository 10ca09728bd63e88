"""The method as the options change it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from impasto import encoders
from impasto.encoders import Variant
from impasto.encoders.vgg import VGG19
from impasto.errors import OptionError
from impasto.losses import CONTENT_LOSSES, STYLE_LOSSES, Term
from impasto.optimise.balance import Balance
from impasto.optimise.method import Method
from impasto.optimise.solvers import SOLVERS

EFFORTS = {"draft": 1 / 3, "normal": 1.0, "best": 3.0}
"""By what an effort multiplies the steps of a level."""
WEIGHTS = ("content_weight", "style_weight", "tones_weight", "tv_weight")


def recipe(published: Method, options: Mapping[str, Any]) -> Method:
    """The method, with what the options change about it; a loss that is exchanged keeps the weight of the one it replaces.

    Args:
        published: the method as it is.
        options: from :func:`impasto.options.complete`.

    Raises:
        OptionError: options that leave nothing to paint.
    """
    method = published.fast() if options["fast"] else published
    encoder = options["encoder"] or method.encoder
    if encoder in encoders.PACKAGED and method.encoder not in encoders.PACKAGED:
        method = method.adapted()
    effort = EFFORTS[options["effort"]]
    if effort != 1 and options["steps"] is not None:
        raise OptionError("steps and effort both say how long to paint; leave one of them out")
    before = terms = method.terms
    for role, losses in (("content", CONTENT_LOSSES), ("style", STYLE_LOSSES)):
        if (loss := options[f"{role}_loss"]) is not None:
            terms = _with_loss(terms, role, losses[loss])
    for role in ("content", "style"):
        if (layers := options[f"{role}_layers"]) is not None:
            _known(layers)
            terms = tuple(replace(term, layers=layers, layer_weights=()) if term.role == role and term.layers else term for term in terms)
    for name in WEIGHTS:
        if (weight := options[name]) is not None:
            terms = _weighted(terms, name.removesuffix("_weight"), float(weight))
    if options["trade_off"] is not None:
        terms = _weighted(terms, "content", options["trade_off"] * _share(terms, "style") * _units(published.terms, before))
    if not any(term.weight for term in terms if term.source in ("content", "style")):
        raise OptionError("content_weight and style_weight are both 0, which leaves nothing to paint; make one of them positive")
    # How a method changes its network suits that network's relatives too, and no other; what the user asks for holds for all.
    related = encoder == method.encoder or all(name.startswith("vgg") for name in (encoder, method.encoder))
    return replace(
        method,
        terms=terms,
        steps=tuple(max(1, round(effort * steps)) for steps in method.steps),
        again=round(effort * method.again),
        encoder=encoder,
        variant=replace(
            method.variant if related else Variant(),
            **{name: options[name] for name in ("pooling", "padding", "convention") if options[name] is not None},
        ),
        solver=SOLVERS[options["solver"]] if options["solver"] else method.solver,
        finest=None if options["solver"] else method.finest,
        balance=method.balance or (Balance(relative=True) if options["balance"] else None),
        precision=options["precision"] or method.precision,
        style_size=options["style_size"] or method.style_size,
    )


def _known(layers: tuple[str, ...]) -> None:
    """Refuse ``layers`` that no encoder has."""
    for layer in layers:
        try:
            encoders.nearest(layer, VGG19.layers)
        except KeyError as error:
            raise OptionError(f"unknown layer {layer}; choose one like conv1_1, relu4_2, pool4, or a residual network's layer1") from error


def _share(terms: tuple[Term, ...], role: str) -> float:
    """What the terms of a role weigh in all."""
    return sum(term.weight for term in terms if term.role == role)


def _units(published: tuple[Term, ...], present: tuple[Term, ...]) -> float:
    """What a published trade-off of 1 is with the weights that another encoder needs."""
    ratios = []
    for terms in (published, present):
        if not (_share(terms, "content") and _share(terms, "style")):
            raise OptionError("this method has no content and style to trade off; leave trade_off out")
        ratios.append(_share(terms, "content") / _share(terms, "style"))
    return ratios[1] / ratios[0]


def _with_loss(terms: tuple[Term, ...], role: str, loss: type[Term]) -> tuple[Term, ...]:
    """The terms with one ``loss`` in place of all that they have in a role, at the first one's layers."""
    before = [term for term in terms if term.role == role]
    if not before:
        raise OptionError(f"this method has no {role} loss that another could replace; leave {role}_loss out")
    replaced = loss(layers=before[0].layers, weight=sum(term.weight for term in before))
    return (replaced, *(term for term in terms if term.role != role))


def _weighted(terms: tuple[Term, ...], role: str, weight: float) -> tuple[Term, ...]:
    """The terms with those of a role weighing ``weight`` in all, in their own proportions."""
    total = _share(terms, role)
    count = sum(term.role == role for term in terms)
    return tuple(
        replace(term, weight=weight * term.weight / total if total else weight / count) if term.role == role else term for term in terms
    )
