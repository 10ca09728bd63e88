"""``stylize``: the library's one door, from two pictures and a method to a painting."""

import json
import math
import os
import platform
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from impasto import encoders, examples, picture, styles
from impasto.errors import EncoderError, Interrupted, OptionError, OutputError
from impasto.methods import METHODS, Method
from impasto.optimise import SOLVERS, Progress, levels, optimise
from impasto.picture import Source

STARTS = ("content", "style", "noise")
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
DEFAULTS: dict[str, Any] = {"method": "impasto", "size": 512, "seed": 0, "device": "auto", "precision": "auto", "bits": 8}


def stylize(
    content: Source,
    style: Source,
    *,
    output: str | os.PathLike[str] | None = None,
    method: str | None = None,
    size: int | None = None,
    encoder: str | None = None,
    encoder_weights: str | os.PathLike[str] | None = None,
    steps: int | None = None,
    start: str | os.PathLike[str] | None = None,
    solver: str | None = None,
    content_weight: float | None = None,
    style_weight: float | None = None,
    tv_weight: float | None = None,
    seed: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    bits: int | None = None,
    log: str | os.PathLike[str] | None = None,
    preview: int | None = None,
    like: str | os.PathLike[str] | None = None,
    callback: Callable[[Progress], None] | None = None,
) -> Image.Image:
    """Paint ``content`` in the manner of ``style``.

    The same pictures, options, device, thread count and versions give the same bytes. An option that is None takes its
    value from ``like``, and without that its default, where one is named, or the method's own.

    Args:
        content: the photograph: a path or the name of an example, a PIL picture, a numpy array ``[H, W, 3]`` or a tensor
            ``[1, 3, H, W]``, both in [0, 1] or uint8; see :func:`impasto.picture.read`.
        style: the painting, likewise, or the name of a packaged style.
        output: also save the painting here, whole or not at all, with an alpha channel if the content has one; a PNG
            carries the full settings.
        method: the algorithm, a name out of :data:`impasto.methods.METHODS`; default ``impasto``.
        size: the painting's longest side in pixels, default 512; 0 is the content's own.
        encoder: the network that sees the pictures, a name out of :data:`impasto.encoders.PACKAGED`.
        encoder_weights: a safetensors file to use in place of that encoder's own weights.
        steps: evaluations of the objective, at least 1, spread over the pyramid in the method's proportions.
        start: what to begin from: ``content``, ``style``, ``noise``, or a picture file.
        solver: ``lbfgs``, ``adam`` or ``sgd``.
        content_weight: in place of the method's own weight; at least 0. More keeps more of the photograph.
        style_weight: in place of the method's own weight; at least 0.
        tv_weight: in place of the method's own weight; at least 0. More is smoother.
        seed: of all randomness, 0 … 2⁶³ - 1, default 0.
        device: ``auto`` (default: a GPU if there is one), ``cpu``, ``cuda`` or ``mps``.
        precision: of the encoder: ``float32``, ``bfloat16`` or ``auto`` (default: bfloat16 where the device is fast at it).
        bits: per channel in ``output``: 8 (default), or 16 for PNG and TIFF.
        log: write a line of JSON here for the first, every tenth and the last step.
        preview: write the canvas beside ``output`` every so many steps.
        like: a PNG of ours whose settings to use for every option not given here.
        callback: called after every step with :class:`impasto.optimise.Progress`.

    Returns:
        The painting, RGB, or RGBA where the content has an alpha; ``info["impasto"]`` holds the settings as JSON.

    Raises:
        PictureError: a picture that can't be read.
        OptionError: an unknown name or impossible value.
        EncoderError: weights that can't be used.
        OutputError: an output or log that can't be written.
        Interrupted: Ctrl-C; it carries the best canvas so far, which is also saved to ``output``.
    """
    given = {
        "method": method,
        "size": size,
        "encoder": encoder,
        "encoder_weights": encoder_weights,
        "steps": steps,
        "start": start,
        "solver": solver,
        "content_weight": content_weight,
        "style_weight": style_weight,
        "tv_weight": tv_weight,
        "seed": seed,
        "device": device,
        "precision": precision,
        "bits": bits,
    }
    before = picture.read_settings(like) if like is not None else {}
    options = _options({**DEFAULTS, **{k: before[k] for k in given if k in before}, **{k: v for k, v in given.items() if v is not None}})
    if preview is not None and (output is None or not _whole(preview) or preview < 1):
        raise OptionError(f"preview {preview!r} is impossible; give a whole number of steps of at least 1, and an output to write beside")
    target = picture.check_target(output, bits=options["bits"]) if output is not None else None

    recipe = _with_weights(METHODS[options["method"]], options)
    content_file, style_file = _named(content, examples.EXAMPLES, examples.path), _named(style, styles.STYLES, styles.path)
    opened, painted = picture.read(content_file), picture.read(style_file)
    begin = options["start"] if options["start"] in STARTS else picture.read(options["start"])
    where = _device(options["device"])
    precise = _precision(options["precision"], where)
    loaded = encoders.load(options["encoder"], options["encoder_weights"], where, PRECISIONS[precise])
    if "encoder_sha256" in before and encoder is None and encoder_weights is None and before["encoder_sha256"] != loaded.checksum:
        raise EncoderError(f"{like} was painted with other weights of {options['encoder']}; name their file with encoder_weights")

    height, width = opened.picture.shape[2:]
    finest = picture.fit((width, height), options["size"])
    sources = {
        "content": picture.resize(opened.picture, finest).to(where),
        "style": picture.resize(painted.picture, _size_of_style(painted.picture, finest)).to(where),
    }
    generator = torch.Generator().manual_seed(options["seed"])

    def starting(level: tuple[int, int]) -> Tensor:
        if begin == "noise":
            return torch.rand(1, 3, level[1], level[0], generator=generator).to(where)
        return picture.resize(sources[begin] if isinstance(begin, str) else begin.picture.to(where), level)

    settings: dict[str, Any] = {
        **{name: os.fspath(value) if isinstance(value, os.PathLike) else value for name, value in options.items()},
        "device": where.type,
        "precision": precise,
        "encoder_sha256": loaded.checksum,
        "content_sha256": _checksum(opened.picture),
        "style_sha256": _checksum(painted.picture),
        "threads": torch.get_num_threads(),
        "versions": {"impasto": version("impasto"), "python": platform.python_version(), "torch": torch.__version__},
    }
    if changed := [name for name in ("device", "precision", "threads", "versions") if name in before and before[name] != settings[name]]:
        warnings.warn(f"{like} was painted with other {', '.join(changed)}; the bytes may differ", stacklevel=2)
    alpha = None if opened.alpha is None else picture.resize(opened.alpha, finest)
    plan = levels(finest, recipe.steps, recipe.ratio, options["steps"])
    listeners = [callback] if callback else []
    if log is not None:
        listeners.append(_logger(Path(log)))
    if preview is not None and target is not None:
        listeners.append(_previewer(target, preview, finest, settings))

    def tell(progress: Progress) -> None:
        for listener in listeners:
            listener(progress)

    result = optimise(loaded.encoder, recipe.terms, sources, starting, plan, SOLVERS[recipe.solver], recipe.detail, tell)
    if result.step == 0 and not result.finished:
        raise KeyboardInterrupt
    canvas = result.canvas.cpu()
    if not result.finished:
        settings["stopped"] = result.step
    if target is not None:
        picture.save(canvas, target, alpha=alpha, bits=options["bits"], settings=settings)
    image = picture.to_pil(canvas, alpha)
    image.info["impasto"] = json.dumps(settings, sort_keys=True)
    if not result.finished:
        raise Interrupted(image, result.step, target)
    return image


def _options(options: dict[str, Any]) -> dict[str, Any]:
    """Fill in what the method decides, and check every name and number before any work is done."""
    method = METHODS.get(options["method"]) or _unknown("method", options["method"], METHODS)
    options = {"encoder": method.encoder, "encoder_weights": None, "steps": None, "start": method.start, "solver": method.solver, **options}
    for name, known in (
        ("encoder", encoders.PACKAGED),
        ("solver", SOLVERS),
        ("device", DEVICES),
        ("precision", (*PRECISIONS, "auto")),
    ):
        if options[name] not in known:
            _unknown(name, options[name], known)
    for name, least in (("size", 0), ("steps", 1), ("seed", 0)):
        value = options[name]
        if not (name == "steps" and value is None) and not (_whole(value) and least <= value < 2**63):
            raise OptionError(f"{name} {value!r} is impossible; give a whole number of at least {least}")
    if options["bits"] not in (8, 16):
        raise OptionError(f"bits {options['bits']!r} are impossible; choose 8 or 16")
    for name in ("content_weight", "style_weight", "tv_weight"):
        value = options.get(name)
        if value is not None and not (isinstance(value, int | float) and math.isfinite(value) and value >= 0):
            raise OptionError(f"{name} {value!r} is impossible; give a number of at least 0")
    return options


def _unknown(kind: str, name: object, known: Mapping[str, object] | tuple[str, ...]) -> Any:
    raise OptionError(f"unknown {kind} {name}; choose one of {', '.join(known)}")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _with_weights(method: Method, options: Mapping[str, Any]) -> Method:
    """The method with the solver and the weights the user asked for in place of its own."""
    terms = tuple(
        term if (weight := options.get(f"{term.name}_weight")) is None else replace(term, weight=float(weight)) for term in method.terms
    )
    if not any(term.weight for term in terms if term.source):
        raise OptionError("content_weight and style_weight are both 0, which leaves nothing to paint; make one of them positive")
    return replace(method, solver=options["solver"], terms=terms)


def _named(source: Source, names: Mapping[str, str], path: Callable[[str], Path]) -> Source:
    """A file, or what the package calls by that name; a file of the same name in this folder goes first."""
    if not isinstance(source, str) or os.path.exists(source):  # noqa: PTH110 - Path.exists raises where a name is too long
        return source
    if source in names:
        return path(source)
    if not Path(source).suffix and Path(source).name == source:
        raise OptionError(f"there is no file {source} and nothing packaged by that name; check the path or choose {', '.join(names)}")
    return source


def _size_of_style(style: Tensor, finest: tuple[int, int]) -> tuple[int, int]:
    height, width = style.shape[2:]
    return picture.fit((width, height), max(finest))


def _checksum(pixels: Tensor) -> str:
    return sha256(pixels.numpy().tobytes()).hexdigest()


def _device(name: str) -> torch.device:
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(device for device in ("cuda", "mps", "cpu") if available[device]))
    if not available[name]:
        raise OptionError(f"this machine has no {name} device that torch {torch.__version__} can use; choose --device cpu or auto")
    return torch.device(name)


def _precision(name: str, device: torch.device) -> str:
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    capabilities = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return "bfloat16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "float32"


def _logger(path: Path) -> Callable[[Progress], None]:
    def put(mode: str, text: str) -> None:
        try:
            with path.open(mode, encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise OutputError(f"the log {path} can't be written ({error.strerror}); choose another file") from error

    put("w", "")

    def write(progress: Progress) -> None:
        if progress.step in (1, progress.steps) or progress.step % 10 == 0:
            line = {
                "step": progress.step,
                "level": progress.level,
                "size": progress.size,
                "seconds": round(progress.seconds, 3),
                "total": progress.total,
                "terms": progress.terms,
            }
            put("a", json.dumps(line) + "\n")

    return write


def _previewer(target: Path, every: int, size: tuple[int, int], settings: Mapping[str, Any]) -> Callable[[Progress], None]:
    def write(progress: Progress) -> None:
        if progress.step % every == 0:
            file = target.with_name(f"{target.stem}-{progress.step:04d}.png")
            canvas = picture.resize(progress.canvas.cpu().clamp(0, 1), size)
            picture.save(canvas, file, settings={**settings, "stopped": progress.step})

    return write
