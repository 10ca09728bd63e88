"""``stylize``: the library's one door, from pictures and a method to a painting."""

import json
import os
import platform
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from impasto import encoders, examples, picture, styles
from impasto.encoders import tensors
from impasto.encoders.devices import PRECISIONS, choose_device, choose_precision
from impasto.encoders.smoothed import Smoothed
from impasto.errors import EncoderError, Interrupted, ModelError, OptionError
from impasto.feedforward import models
from impasto.feedforward.painter import Painter
from impasto.film import Film, check_film
from impasto.listeners import FRAMES, Listener, filming, logging, previewing
from impasto.losses import Term
from impasto.methods import METHODS, NETWORKS, RENDERINGS, Method, Network, Rendering
from impasto.optimise import Encoder, Objective, Progress, Sources, levels, optimise
from impasto.options import DEFAULTS, STARTS, complete, concerns, recipe, whole
from impasto.picture import Opened, Source

Size = tuple[int, int]
_Floats = NDArray[np.float32]
FIRST_LOOK = 128  # pixels, the longest side that losses are compared at


def stylize(
    content: Source | None,
    style: Source | Sequence[Source] | None,
    *,
    pair: tuple[Source, Source] | None = None,
    focus: Source | None = None,
    output: str | os.PathLike[str] | None = None,
    method: str | None = None,
    fast: bool | None = None,
    size: int | Size | None = None,
    blend: Sequence[float] | None = None,
    content_weight: float | None = None,
    style_weight: float | None = None,
    tv_weight: float | None = None,
    trade_off: float | None = None,
    balance: str | None = None,
    style_loss: str | None = None,
    content_layers: Sequence[str] | None = None,
    style_layers: Sequence[str] | None = None,
    style_size: int | None = None,
    steps: int | None = None,
    start: str | os.PathLike[str] | None = None,
    solver: str | None = None,
    encoder: str | None = None,
    encoder_weights: str | os.PathLike[str] | None = None,
    pooling: str | None = None,
    padding: str | None = None,
    convention: str | None = None,
    seed: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    bits: int | None = None,
    model: str | os.PathLike[str] | None = None,
    strength: float | None = None,
    tile: int | None = None,
    preset: str | None = None,
    brush: float | None = None,
    detail: float | None = None,
    coherence: float | None = None,
    patch: int | None = None,
    log: str | os.PathLike[str] | None = None,
    preview: int | None = None,
    timelapse: str | os.PathLike[str] | None = None,
    like: str | os.PathLike[str] | None = None,
    callback: Callable[[Progress], None] | None = None,
    fetching: Callable[[int, int | None], None] | None = None,
) -> Image.Image:
    """Paint ``content`` in the manner of ``style``.

    The same pictures, options, device, thread count and versions give the same bytes. An option that is None takes its
    value from ``like``, and without that its default, where one is named, or the method's own.

    Args:
        content: the photograph: a path or the name of an example, a PIL picture, a numpy array ``[H, W, 3]`` or a tensor
            ``[1, 3, H, W]``, both in [0, 1] or uint8; see :func:`impasto.picture.read`. None for a method without one,
            such as texture synthesis.
        style: the painting, likewise, or the name of a packaged style; or a list of several, to paint between them. None
            for a method without one, such as feature inversion.
        pair: for ``analogy``, in place of a style: a picture A and what it became, A', both of one size.
        focus: for methods of regions: a picture of the content's size, light where fine detail is to stay and dark where not.
        output: also save the painting here, whole or not at all, with an alpha channel if the content has one; a PNG
            carries the full settings. A painting of strokes may be saved as SVG.
        method: the algorithm, a name out of :data:`impasto.methods.METHODS`, of :data:`impasto.methods.NETWORKS`, which paint
            in one pass, or of :data:`impasto.methods.RENDERINGS`, which need no network; default ``impasto``, or what
            ``model`` is for.
        fast: the method's losses with our own solver, coarse to fine; see :meth:`impasto.methods.Method.fast`.
        size: the painting's longest side in pixels, default 512; 0 is the content's own. Without a content also a width
            and a height.
        blend: the styles' shares, a number of at least 0 for each; default: equal ones.
        content_weight: in place of the method's own weight; at least 0. More keeps more of the photograph.
        style_weight: in place of the method's own weight; at least 0.
        tv_weight: in place of the method's own weight; at least 0. More is smoother.
        trade_off: the content weight over the style weight, α/β in Gatys et al. 2016, in place of ``content_weight``.
        balance: ``gradients`` limits each term's gradient, so that none drowns another; see :class:`impasto.optimise.Balance`.
        style_loss: in place of the method's own: a name out of :data:`impasto.losses.STYLE_LOSSES`. It weighs as much as
            the one it replaces.
        content_layers: where the content loss looks, in place of the method's own layers.
        style_layers: where the style loss looks, likewise.
        style_size: the style picture's longest side in pixels; a smaller one has smaller strokes.
        steps: evaluations of the objective, at least 1, spread over the pyramid in the method's proportions.
        start: what to begin from: ``content``, ``style``, ``noise``, ``arbitrary``, which is what the network for any style
            paints in one pass, or a picture file.
        solver: a name out of :data:`impasto.optimise.SOLVERS`.
        encoder: the network that sees the pictures, a name out of :data:`impasto.encoders.NAMES`.
        encoder_weights: a file to use in place of that encoder's own weights; see :func:`impasto.encoders.load`.
        pooling: of the encoder, ``max``, ``average`` or ``l2``.
        padding: of the encoder, ``zeros``, ``reflect`` or ``replicate``.
        convention: how the encoder is given pictures, ``torchvision``, ``caffe`` or ``unit``.
        seed: of all randomness, 0 … 2⁶³ - 1, default 0.
        device: ``auto`` (default: a GPU if there is one), ``cpu``, ``cuda`` or ``mps``.
        precision: of the encoder: ``float32``, ``bfloat16`` or ``auto`` (bfloat16 where the device is fast at it).
        bits: per channel in ``output``: 8 (default), or 16 for PNG and TIFF.
        model: a model file to paint with in one pass, such as ``impasto train fast`` writes. The styles are those it was
            trained for then, and ``style`` is their names, or None for the first.
        strength: of a painting in one pass, from 0, the content itself, to 1 (default); see
            :meth:`impasto.feedforward.painter.Painter.paint`.
        tile: pixels a side of the tiles that one pass is painted in, at least 64, default 1024. It decides how much memory
            that takes, not what comes out.
        preset: the manner of a method without a network, one of its :attr:`impasto.methods.Rendering.presets`.
        brush: how wide brushes are, over the usual width, from 0.1 to 10.
        detail: of regions, from 0, a few, to 1, many.
        coherence: κ of Image Analogies, at least 0: the more, the longer the runs that are copied from A'.
        patch: pixels a side of quilting's blocks, and of the windows of Efros & Leung.
        log: write a line of JSON here for the first, every tenth and the last step.
        preview: write the canvas beside ``output`` every so many steps.
        timelapse: write a film of the painting as it grows, ``.mp4`` or ``.gif``, six seconds or less and two of the result.
        like: a PNG of ours whose settings to use for every option not given here.
        callback: called after every step with :class:`impasto.optimise.Progress`. A painting in one pass takes its tiles for
            steps, and has no losses; nor has one without a network.
        fetching: called with the bytes fetched and, if known, to fetch, while an encoder's weights are downloaded.

    Returns:
        The painting, RGB, or RGBA where the content has an alpha; ``info["impasto"]`` holds the settings as JSON.

    Raises:
        PictureError: a picture that can't be read.
        OptionError: an unknown name or impossible value.
        EncoderError: weights that can't be used or fetched.
        ModelError: a model that can't be used.
        OutputError: an output, log or film that can't be written.
        Interrupted: Ctrl-C; it carries the best canvas so far, which is also saved to ``output``.
    """
    given = {
        "method": method,
        "fast": fast,
        "size": size,
        "blend": blend,
        "content_weight": content_weight,
        "style_weight": style_weight,
        "tv_weight": tv_weight,
        "trade_off": trade_off,
        "balance": balance,
        "style_loss": style_loss,
        "content_layers": content_layers,
        "style_layers": style_layers,
        "style_size": style_size,
        "steps": steps,
        "start": start,
        "solver": solver,
        "encoder": encoder,
        "encoder_weights": encoder_weights,
        "pooling": pooling,
        "padding": padding,
        "convention": convention,
        "seed": seed,
        "device": device,
        "precision": precision,
        "bits": bits,
        "model": model,
        "strength": strength,
        "tile": tile,
        "preset": preset,
        "brush": brush,
        "detail": detail,
        "coherence": coherence,
        "patch": patch,
    }
    before = picture.read_settings(like) if like is not None else {}
    wanted = method
    if wanted is None:
        wanted = before.get("method", DEFAULTS["method"]) if model is None else models.read(model, *NETWORKS).kind
    known = {name: value for name, value in before.items() if concerns(name, wanted)}
    options = complete({**{name: known.get(name) if value is None else value for name, value in given.items()}, "method": wanted})
    call = _Call(options, before, like, *_targets(options, output, timelapse, log, preview), log, preview, callback)
    name = options["method"]
    for kind, given_too in (("pair", pair), ("focus", focus)):
        if given_too is not None and not (name in RENDERINGS and kind in RENDERINGS[name].optional):
            able = " or ".join(other for other, rendering in RENDERINGS.items() if kind in rendering.optional)
            raise OptionError(f"{kind} means nothing to {name}; leave it out, or choose {able} with method")
    if name in NETWORKS:
        return _paint_in_one_pass(call, content, style)
    if name in RENDERINGS:
        return _render(call, content, style, pair, focus)
    return _optimise(call, content, style, fetching)


def _targets(
    options: Mapping[str, Any],
    output: str | os.PathLike[str] | None,
    timelapse: str | os.PathLike[str] | None,
    log: str | os.PathLike[str] | None,
    preview: int | None,
) -> tuple[Path | None, Path | None]:
    """The files for the painting and for the film, checked, as is what else is to be written."""
    name = options["method"]
    if output is None:
        target = None
    elif Path(output).suffix.lower() == ".svg":
        able = [other for other, rendering in RENDERINGS.items() if rendering.strokes]
        if name not in able:
            raise OptionError(
                f"{output} would hold strokes, which {name} doesn't lay; save as .png, or choose {' or '.join(able)} with method"
            )
        target = picture.check_place(output)
    else:
        target = picture.check_target(output, bits=options["bits"])
    if preview is not None:
        whole("preview", preview, 1)
        if target is None:
            raise OptionError("preview needs an output to write beside; name one")
    if name in NETWORKS and (log, preview, timelapse) != (None, None, None):
        raise OptionError(f"{name} paints in one pass, which leaves nothing to log, preview or film; leave that out")
    if name in RENDERINGS and log is not None:
        raise OptionError(f"{name} has no losses to log; leave log out")
    return target, None if timelapse is None else check_film(timelapse)


@dataclass(frozen=True)
class _Call:
    """What is asked for, checked.

    ``before`` are the settings of the painting ``like``, ``target`` is the file to write, and ``film`` that of the time-lapse.
    """

    options: Mapping[str, Any]
    before: Mapping[str, Any]
    like: str | os.PathLike[str] | None
    target: Path | None
    film: Path | None
    log: str | os.PathLike[str] | None
    preview: int | None
    callback: Listener | None

    def settings(self, **used: Any) -> dict[str, Any]:
        """All settings of the painting, and a warning where they are not those of the one it is to be like."""
        libraries = ("impasto", "torch", "numba") if self.options["method"] in RENDERINGS else ("impasto", "torch")
        settings = {
            **{name: os.fspath(value) if isinstance(value, os.PathLike) else value for name, value in self.options.items()},
            **used,
            "threads": torch.get_num_threads(),
            "versions": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
        }
        kept = ("device", "precision", "threads", "versions")
        if changed := [name for name in kept if name in self.before and self.before[name] != settings[name]]:
            warnings.warn(f"{self.like} was painted with other {', '.join(changed)}; the bytes may differ", stacklevel=5)
        return settings

    def begin(self, size: Size, settings: Mapping[str, Any]) -> "_Sitting":
        """Let everyone listen who is to."""
        listeners = [self.callback] if self.callback else []
        if self.log is not None:
            listeners.append(logging(self.log))
        if self.preview is not None and self.target is not None:
            listeners.append(previewing(self.target, self.preview, size, settings))
        film = None if self.film is None else Film(self.film, size)
        if film is not None:
            listeners.append(filming(film))
        return _Sitting(self, settings, listeners, film)


@dataclass(frozen=True)
class _Sitting:
    """A painting under way: who listens, and how it ends."""

    call: _Call
    settings: Mapping[str, Any]
    listeners: Sequence[Listener]
    film: Film | None

    def tell(self, progress: Progress) -> None:
        """Tell everyone."""
        for listener in self.listeners:
            listener(progress)

    def finish(
        self, canvas: Tensor, photograph: Opened | None, *, drawing: Callable[[], str] | None = None, stopped: int | None = None
    ) -> Image.Image:
        """Save a painting, and make a picture of it.

        Args:
            canvas: ``[1, 3, H, W]``.
            photograph: the content, whose alpha the painting has, too.
            drawing: gives its strokes, as SVG.
            stopped: the step at which Ctrl-C ended it, if so.

        Raises:
            OutputError: it can't be written.
            Interrupted: Ctrl-C ended it; everything is saved.
        """
        target, settings = self.call.target, {**self.settings, **({} if stopped is None else {"stopped": stopped})}
        painted, finest = tensors.array(canvas), (canvas.shape[3], canvas.shape[2])
        alpha = None if photograph is None or photograph.alpha is None else picture.resize(photograph.alpha, finest)
        if target is not None and target.suffix.lower() == ".svg":
            assert drawing is not None
            picture.write(target, drawing().encode())
        elif target is not None:
            picture.save(painted, target, alpha=alpha, bits=self.call.options["bits"], settings=settings)
        if self.film is not None:
            self.film.save(painted)
        image = picture.to_pil(painted, alpha)
        image.info["impasto"] = json.dumps(settings, sort_keys=True)
        if stopped is not None:
            raise Interrupted(image, stopped, target)
        return image


def _optimise(
    call: _Call,
    content: Source | None,
    style: Source | Sequence[Source] | None,
    fetching: Callable[[int, int | None], None] | None,
) -> Image.Image:
    """Paint by optimising a canvas."""
    options, before = call.options, call.before
    asked = recipe(options)
    photograph, paintings = _read(content, style, asked, options["blend"])
    begin = options["start"] if options["start"] in STARTS else picture.read(options["start"])
    needed = {"arbitrary": {"content", "style"}, "content": {"content"}, "style": {"style"}}
    if isinstance(begin, str) and (lacking := sorted(needed.get(begin, set()) - asked.sources)):
        raise OptionError(f"start {begin} is impossible for {asked.name}, which has no {lacking[0]}; choose noise or a picture file")
    where = choose_device(options["device"])
    precise = choose_precision(asked.precision, where)
    loaded = encoders.load(asked.encoder, options["encoder_weights"], where, PRECISIONS[precise], asked.variant, fetching)
    same = before.get("encoder") == options["encoder"] and before.get("encoder_weights") == options["encoder_weights"]
    if same and before.get("encoder_sha256", loaded.checksum) != loaded.checksum:
        raise EncoderError(f"{call.like} was painted with other weights of {options['encoder']}; name their file with encoder_weights")
    seen_through = Smoothed(loaded.encoder, asked.smoothing) if asked.smoothing else loaded.encoder

    finest = _finest(photograph, paintings, options["size"])
    sources = {
        "content": [(1.0, _tensor(photograph.resized(finest)).to(where))] if photograph else [],
        "style": [
            (share, _tensor(painting.resized(_size_of_style(painting, finest, asked.style_size))).to(where))
            for share, painting in paintings
        ],
    }
    generator = torch.Generator().manual_seed(options["seed"])

    def starting(level: Size) -> Tensor:
        if begin == "noise":
            return torch.rand(1, 3, level[1], level[0], generator=generator).to(where)
        if begin == "arbitrary":
            painter = Painter(models.read(models.packaged("arbitrary")), where, PRECISIONS[precise])
            return tensors.resize(painter.paint(sources["content"][0][1], sources["style"]), level)
        return tensors.resize(sources[begin][0][1] if isinstance(begin, str) else _tensor(begin).to(where), level)

    settings = call.settings(
        device=where.type,
        precision=precise,
        encoder_sha256=loaded.checksum,
        content_sha256=photograph.checksum if photograph else None,
        style_sha256=[painting.checksum for _, painting in paintings],
    )
    plan = levels(finest, asked.steps, asked.ratio, options["steps"])
    sitting = call.begin(finest, settings)
    result = optimise(
        seen_through,
        _as_heavy(asked, options, seen_through, sources) if options["style_loss"] else asked.terms,
        sources,
        starting,
        plan,
        asked.solver,
        detail=asked.detail,
        clamp=asked.clamp,
        keep=asked.keep,
        balance=asked.balance,
        callback=sitting.tell,
    )
    if result.step == 0 and not result.finished:
        raise KeyboardInterrupt
    return sitting.finish(result.canvas.cpu(), photograph, stopped=None if result.finished else result.step)


def _paint_in_one_pass(call: _Call, content: Source | None, style: Source | Sequence[Source] | None) -> Image.Image:
    """Paint by a trained network."""
    options, before, method = call.options, call.before, NETWORKS[call.options["method"]]
    if options["model"] is None and method.name not in models.PACKAGED:
        raise OptionError(f"{method.name} paints with a model of yours; make one with `impasto train {method.name}` and name it with model")
    trained = models.read(options["model"] or models.packaged(method.name), method.name)
    if before.get("model") == options["model"] and before.get("model_sha256", trained.checksum) != trained.checksum:
        raise ModelError(f"{call.like} was painted with other weights; name their file with model")
    where = choose_device(options["device"])
    precise = choose_precision(options["precision"], where)
    painter = Painter(trained, where, PRECISIONS[precise])
    given = _listed(style)
    shares: list[float] | list[tuple[float, Tensor]]
    if "style" in method.sources:
        photograph, paintings = _read(content, given, method, options["blend"])
        # Not enlarged, which would leave it without texture.
        shares = [(share, _tensor(painting.scaled(options["style_size"], enlarge=False))) for share, painting in paintings]
        painted = {"style_sha256": [painting.checksum for _, painting in paintings]}
    else:
        photograph, _ = _read(content, None, method, None)
        shares = _shares_of_styles(given, painter.styles, options["blend"])
        painted = {}
    assert photograph is not None
    finest = _finest(photograph, [], options["size"])
    known = {"device": where.type, "precision": precise, "model_sha256": trained.checksum}
    settings = call.settings(**known, content_sha256=photograph.checksum, **painted)
    canvas = _tensor(photograph.resized(finest))
    sitting, begun = call.begin(finest, settings), time.perf_counter()

    def tell(done: int, tiles: int) -> None:
        # A callback may only look at what is painted on.
        sitting.tell(Progress(done, tiles, 0, 1, finest, time.perf_counter() - begun, 0.0, {}, canvas.detach))

    painting = painter.paint(canvas, shares, strength=options["strength"], tile=options["tile"], callback=tell)
    return sitting.finish(painting, photograph)


def _render(
    call: _Call,
    content: Source | None,
    style: Source | Sequence[Source] | None,
    pair: tuple[Source, Source] | None,
    focus: Source | None,
) -> Image.Image:
    """Paint without a network."""
    from impasto.classic.render import Order, render

    options, method = call.options, RENDERINGS[call.options["method"]]
    given = _listed(style)
    for kind, found in (("content", content is not None), ("style", bool(given))):
        if found and kind not in method.sources | method.optional:
            raise OptionError(f"{method.name} takes no {kind}; leave it out")
    if len(given) > 1:
        raise OptionError(f"{method.name} takes one style; {len(given)} are given")
    if "pair" in method.optional and (pair is None) == (not given):
        raise OptionError(f"{method.name} needs either a style or a pair; name one of the two")
    photograph, paintings = _read(content, given, method, None)
    size = options["size"]
    if photograph is not None and isinstance(size, tuple):
        raise OptionError(f"size {size[0]}x{size[1]} is impossible with a content, which has the proportions; give the longest side")
    finest = _finest(photograph, paintings, size)
    longest = options["style_size"] or max(finest)
    a_pair = _pair(pair) if pair is not None else None
    settings = call.settings(
        content_sha256=photograph.checksum if photograph else None,
        style_sha256=[painting.checksum for _, painting in paintings],
        pair_sha256=[one.checksum for one in a_pair or ()],
    )
    sitting, begun, done = call.begin(finest, settings), time.perf_counter(), 0

    def tell(step: int, steps: int, look: Callable[[], _Floats]) -> None:
        nonlocal done
        done = step
        sitting.tell(Progress(step, steps, 0, 1, finest, time.perf_counter() - begun, 0.0, {}, lambda: tensors.tensor(look())))

    def sized(one: Opened) -> _Floats:
        return one.scaled(longest, enlarge=False).picture

    rendered = render(
        method.name,
        Order(
            size=(finest[1], finest[0]),
            options=options,
            seed=options["seed"],
            callback=tell,
            content=photograph.resized(finest).picture if photograph else None,
            style=sized(paintings[0][1]) if paintings else None,
            pair=(sized(a_pair[0]), sized(a_pair[1])) if a_pair else None,
            focus=_focus(focus, photograph, finest) if focus is not None and photograph else None,
            frames=FRAMES if call.film else 32,
        ),
    )
    canvas = tensors.tensor(picture.resize(rendered.picture, finest))
    return sitting.finish(canvas, photograph, drawing=rendered.drawing, stopped=None if rendered.finished else done)


def _pair(pair: tuple[Source, Source]) -> tuple[Opened, Opened]:
    """The two pictures of a pair."""
    first, second = (picture.read(named(one, examples.EXAMPLES, examples.path)) for one in pair)
    if first.size != second.size:
        sizes = " and ".join(f"{one.size[0]} x {one.size[1]}" for one in (first, second))
        raise OptionError(f"the pictures of a pair must be of one size, these are {sizes} pixels; scale or crop one of them")
    return first, second


def _focus(focus: Source, photograph: Opened, finest: Size) -> _Floats:
    """A mask at the painting's size, ``[H, W]``."""
    mask = picture.read(focus)
    if mask.size != photograph.size:
        sizes = [f"{one.size[0]} x {one.size[1]}" for one in (mask, photograph)]
        raise OptionError(f"the focus has {sizes[0]} pixels and the content {sizes[1]}; give a mask of the content's size")
    return picture.resize(mask.picture.mean(2), finest)


def _tensor(opened: Opened) -> Tensor:
    return tensors.tensor(opened.picture)


def _shares_of_styles(given: Sequence[Source], known: Sequence[str], blend: Sequence[float] | None) -> list[float]:
    """The share of each of a model's styles, of which some are ``given`` by name."""
    names = list(given) or list(known[: len(blend) if blend else 1])
    for name in names:
        if name not in known:
            raise OptionError(f"this model has no style {name}; choose out of {', '.join(known)}")
    shares = _shares(len(names), blend)
    return [sum(share for share, name in zip(shares, names, strict=True) if name == one) for one in known]


def _as_heavy(method: Method, options: Mapping[str, Any], encoder: Encoder, sources: Sources) -> tuple[Term, ...]:
    """The method's terms, the style loss it was given scaled to count for as much as the one it replaces.

    What counts is the loss of a flat grey canvas, whose features every style is about equally far from.
    """
    replaced = next(term for term in METHODS[options["method"]].terms if term.role == "style")
    if options["style_layers"]:
        replaced = replace(replaced, layers=options["style_layers"], layer_weights=())
    small = {name: [(share, tensors.scale(source, FIRST_LOOK)) for share, source in given] for name, given in sources.items()}
    canvas = torch.full_like(small["style"][0][1], 0.5)

    def counts(term: Term) -> float:
        return float(Objective(encoder, (replace(term, weight=1.0),), small)(canvas).total)

    def scaled(term: Term) -> Term:
        before, after = counts(replaced), counts(term)
        return replace(term, weight=term.weight * before / after) if before and after else term

    return tuple(scaled(term) if term.role == "style" else term for term in method.terms)


def _read(
    content: Source | None, style: Source | Sequence[Source] | None, method: Method | Network | Rendering, blend: Sequence[float] | None
) -> tuple[Opened | None, list[tuple[float, Opened]]]:
    """The pictures the method needs: the content, and the styles with their shares, which add up to 1."""
    given = _listed(style)
    for source, found in (("content", content is not None), ("style", bool(given))):
        if source in method.sources and not found:
            raise OptionError(f"{method.name} needs a {source}; name a picture")
    photograph = picture.read(named(content, examples.EXAMPLES, examples.path)) if content is not None else None
    paintings = [picture.read(named(one, styles.STYLES, styles.path)) for one in given]
    return photograph, list(zip(_shares(len(given), blend), paintings, strict=True))


def _listed(style: Source | Sequence[Source] | None) -> list[Any]:
    return list(style) if isinstance(style, list | tuple) else [style] if style is not None else []


def _shares(count: int, blend: Sequence[float] | None) -> list[float]:
    """The shares of so many styles, which add up to 1."""
    shares = blend or (1.0,) * count
    if len(shares) != count:
        raise OptionError(f"blend has {len(shares)} numbers for {count} styles; give one for each")
    return [share / sum(shares) for share in shares]


def _finest(photograph: Opened | None, paintings: Sequence[tuple[float, Opened]], size: int | Size) -> Size:
    """The painting's width and height."""
    if isinstance(size, tuple):
        return size
    return picture.fit((photograph or paintings[0][1]).size, size)


def _size_of_style(painting: Opened, finest: Size, rule: str | int) -> Size:
    if rule == "content":
        return finest
    return picture.fit(painting.size, rule if isinstance(rule, int) else max(finest))


def named(source: Source, names: Mapping[str, str], path: Callable[[str], Path]) -> Source:
    """A file, or what the package calls by that name; a file of the same name in this folder goes first.

    Args:
        source: anything :func:`impasto.picture.read` takes, or a name.
        names: what is packaged, by name.
        path: where the file of a name is.

    Raises:
        OptionError: neither a file nor a name.
    """
    if not isinstance(source, str) or os.path.exists(source):  # noqa: PTH110 - Path.exists raises where a name is too long
        return source
    if source in names:
        return path(source)
    if not Path(source).suffix and Path(source).name == source:
        raise OptionError(f"there is no file {source} and nothing packaged by that name; check the path or choose {', '.join(names)}")
    return source
