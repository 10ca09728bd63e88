"""Options: what a call asks for, checked before any work is done, and the method as the options change it."""

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, get_args

from impasto import encoders
from impasto.encoders import Convention, Padding, Pooling, Variant
from impasto.encoders.devices import DEVICES, PRECISIONS
from impasto.encoders.vgg import VGG19
from impasto.errors import OptionError
from impasto.feedforward.tiles import TILE
from impasto.losses import STYLE_LOSSES, Term
from impasto.methods import ALL, METHODS, NETWORKS, RENDERINGS, Elsewhere, Method, Network, Rendering
from impasto.optimise import SOLVERS, Balance

STARTS = ("content", "style", "noise", "arbitrary")
DEFAULTS: dict[str, Any] = {"method": "impasto", "size": 512, "seed": 0, "device": "auto", "precision": None, "bits": 8}
BRUSHES = (0.1, 10)  # widths, over the usual ones
WEIGHTS = ("content_weight", "style_weight", "tv_weight")
# What networks that paint in one pass are asked, besides what is asked of every method.
ONE_PASS = {"model": None, "strength": 1.0, "tile": TILE}
# What only methods without a network are asked.
BY_HAND = ("preset", "brush", "detail", "coherence", "patch")
COMMON = ("method", "size", "seed", "bits")
BY_NETWORK = ("blend", "style_size", "device", "precision")


def concerns(option: str, method: str) -> bool:
    """Whether a method has a use for an option."""
    if option in COMMON:
        return True
    if method in RENDERINGS:
        return option in RENDERINGS[method].options
    if option in BY_HAND:
        return False
    return option in BY_NETWORK or (option in ONE_PASS) == (method in NETWORKS)


def complete(options: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the defaults and what the method decides, and check every name and number.

    Args:
        options: those of :func:`impasto.stylize` that are part of a painting's settings; None counts as not given.

    Returns:
        Every option; one that stays None leaves the method as it is.

    Raises:
        OptionError: an unknown name or impossible value.
    """
    given = {name: value for name, value in options.items() if value is not None}
    name = given.get("method", DEFAULTS["method"])
    method = ALL.get(name) or _unknown("method", name, ALL)
    for option in given:
        if not concerns(option, name):
            able = [other for other in ALL if concerns(option, other)]
            others = " or ".join(able) if len(able) < 5 else "a method that optimises"
            raise OptionError(f"{option} means nothing to {name}; leave it out, or choose {others} with method")
    own: dict[str, Any]
    if isinstance(method, Rendering):
        own = {"device": None, **method.options}
    elif isinstance(method, Network):
        own = {**ONE_PASS, "precision": "auto", "style_size": method.style_size}
    else:
        own = {"encoder": method.encoder, "start": method.start}
    completed = {**dict.fromkeys((*ONE_PASS, *BY_HAND)), **dict.fromkeys(options), **DEFAULTS, **own, **given}
    for name, choices in (
        ("encoder", encoders.NAMES),
        ("solver", SOLVERS),
        ("device", DEVICES),
        ("precision", (*PRECISIONS, "auto")),
        ("style_loss", STYLE_LOSSES),
        ("pooling", get_args(Pooling)),
        ("padding", get_args(Padding)),
        ("convention", get_args(Convention)),
        ("balance", ("gradients",)),
        ("preset", method.presets if isinstance(method, Rendering) else ()),
    ):
        if completed[name] is not None and completed[name] not in choices:
            _unknown(name.replace("_", " "), completed[name], choices)
    for name, least in (("steps", 1), ("seed", 0), ("style_size", 1), ("tile", 64), ("patch", 3)):
        if completed[name] is not None:
            whole(name, completed[name], least)
    completed["size"] = _size(completed["size"], method)
    if completed["bits"] not in (8, 16):
        raise OptionError(f"bits {completed['bits']!r} are impossible; choose 8 or 16")
    for name in ("strength", "detail"):
        if (share := completed[name]) is not None and not (_amount(share) and share <= 1):
            raise OptionError(f"{name} {share!r} is impossible; give a number from 0 to 1")
    if (brush := completed["brush"]) is not None and not (_amount(brush) and BRUSHES[0] <= brush <= BRUSHES[1]):
        raise OptionError(f"brush {brush!r} is impossible; give a number from {BRUSHES[0]} to {BRUSHES[1]}, 1 being the usual width")
    for name in (*WEIGHTS, "trade_off", "coherence"):
        if (value := completed[name]) is not None and not _amount(value):
            raise OptionError(f"{name} {value!r} is impossible; give a number of at least 0")
    for name in ("content_layers", "style_layers"):
        if (layers := completed[name]) is not None:
            completed[name] = _layers(name, layers)
    if (shares := completed["blend"]) is not None:
        shares = tuple(shares) if isinstance(shares, list | tuple) else (shares,)
        if not all(_amount(share) for share in shares) or not sum(shares):
            raise OptionError(f"blend {' '.join(map(str, shares))} is impossible; give a number of at least 0 for each style, not all 0")
        completed["blend"] = shares
    return completed


def recipe(options: Mapping[str, Any]) -> Method:
    """The method, with what the options change about it; a style loss that is exchanged keeps the weight of the one it replaces.

    Args:
        options: from :func:`complete`.

    Raises:
        OptionError: options that leave nothing to paint.
    """
    method = METHODS[options["method"]]
    if options["fast"]:
        method = method.fast()
    terms = method.terms
    if options["encoder"] in encoders.PACKAGED and method.encoder not in encoders.PACKAGED:
        terms = tuple(_elsewhere(term, method.elsewhere) for term in terms)
        method = replace(method, smoothing=method.elsewhere.smoothing or method.smoothing)
    before = terms
    if options["style_loss"] is not None:
        terms = _with_style_loss(terms, STYLE_LOSSES[options["style_loss"]])
    for role in ("content", "style"):
        if (layers := options[f"{role}_layers"]) is not None:
            terms = tuple(replace(term, layers=layers, layer_weights=()) if term.role == role else term for term in terms)
    for name in WEIGHTS:
        if (weight := options[name]) is not None:
            terms = _weighted(terms, name.removesuffix("_weight"), float(weight))
    if options["trade_off"] is not None:
        terms = _weighted(terms, "content", options["trade_off"] * _share(terms, "style") * _units(METHODS[method.name].terms, before))
    if not any(term.weight for term in terms if term.source):
        raise OptionError("content_weight and style_weight are both 0, which leaves nothing to paint; make one of them positive")
    # How a method changes its network suits that network's relatives too, and no other; what the user asks for holds for all.
    related = options["encoder"] == method.encoder or all(name.startswith("vgg") for name in (options["encoder"], method.encoder))
    return replace(
        method,
        terms=terms,
        encoder=options["encoder"],
        variant=replace(
            method.variant if related else Variant(),
            **{name: options[name] for name in ("pooling", "padding", "convention") if options[name] is not None},
        ),
        solver=SOLVERS[options["solver"]] if options["solver"] else method.solver,
        balance=method.balance or (Balance(relative=True) if options["balance"] else None),
        precision=options["precision"] or method.precision,
        style_size=options["style_size"] or method.style_size,
    )


def whole(name: str, value: object, least: int) -> None:
    """Refuse an option that is no whole number of at least ``least``; ``value`` is the option called ``name``.

    Raises:
        OptionError: it isn't.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**63:
        raise OptionError(f"{name} {value!r} is impossible; give a whole number of at least {least}")


def _unknown(kind: str, name: object, known: Collection[str]) -> Any:
    raise OptionError(f"unknown {kind} {name}; choose one of {', '.join(known)}")


def _amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _size(size: Any, method: Method | Network | Rendering) -> Any:
    """The longest side, or width and height where no content says how they relate."""
    if isinstance(size, list | tuple) and len(size) == 2:
        if "content" in method.sources:
            raise OptionError(
                f"size {size[0]}x{size[1]} is impossible for {method.name}; give the longest side, the content has the proportions"
            )
        for side in size:
            whole("size", side, 1)
        return tuple(size)
    whole("size", size, 0)
    return size


def _layers(name: str, layers: Any) -> tuple[str, ...]:
    names = (layers,) if isinstance(layers, str) else tuple(map(str, layers))
    if not names:
        raise OptionError(f"{name} is empty; name at least one layer, such as relu4_2")
    for layer in names:
        try:
            encoders.nearest(layer, VGG19.layers)
        except KeyError as error:
            raise OptionError(f"unknown layer {layer}; choose one like conv1_1, relu4_2, pool4, or a residual network's layer1") from error
    return names


def _elsewhere(term: Term, changes: Elsewhere) -> Term:
    """The term as another encoder than the method's own needs it."""
    weight = changes.weights.get(term.name, term.weight)
    return replace(term, weight=weight, layer_weights=changes.layer_weights.get(term.name, term.layer_weights))


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


def _with_style_loss(terms: tuple[Term, ...], loss: type[Term]) -> tuple[Term, ...]:
    """The terms with one style loss in place of all they have, at the first one's layers."""
    styles = [term for term in terms if term.role == "style"]
    if not styles:
        raise OptionError("this method has no style loss that another could replace; leave style_loss out")
    replaced = loss(layers=styles[0].layers, weight=sum(term.weight for term in styles))
    return (replaced, *(term for term in terms if term.role != "style"))


def _weighted(terms: tuple[Term, ...], role: str, weight: float) -> tuple[Term, ...]:
    """The terms with those of a role weighing ``weight`` in all, in their own proportions."""
    total = _share(terms, role)
    count = sum(term.role == role for term in terms)
    return tuple(
        replace(term, weight=weight * term.weight / total if total else weight / count) if term.role == role else term for term in terms
    )
