"""The studies of Gatys, Ecker & Bethge, Image Style Transfer Using Convolutional Neural Networks (CVPR 2016), of any two pictures."""

from typing import Any

from PIL import Image

from impasto.errors import Interrupted, OptionError
from impasto.evaluate.series import Callback, originals, paint, sources
from impasto.evaluate.sheet import Cell, sheet
from impasto.methods import METHODS
from impasto.options import whole
from impasto.picture import Source

FIGURES = {
    "reconstructions": "What each layer knows of the content and of the style; figure 1 of Gatys, Ecker & Bethge 2016",
    "tradeoff": "Content weight over style weight, from 1e-4 to 1e-1; figure 4 of Gatys, Ecker & Bethge 2016",
    "layers": "The content kept at a shallow and at a deep layer; figure 5 of Gatys, Ecker & Bethge 2016",
    "starts": "Begun from the content, from the style and from four seeds of noise; figure 6 of Gatys, Ecker & Bethge 2016",
}
"""What each figure shows, by name."""

CONTENT_LAYERS = ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")  # figure 1, a to e
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

_Wishes = dict[str, dict[str, Any]]  # what a painting is asked for beyond what all are, by its label


def figure(
    name: str,
    content: Source,
    style: Source,
    *,
    method: str = "gatys2016",
    encoder: str = "pocket",
    fast: bool = True,
    size: int = 256,
    seed: int = 0,
    callback: Callback | None = None,
    **options: Any,
) -> Image.Image:
    """Paint one of the paper's figures from two pictures and draw it as a labelled sheet.

    A painting that fails has its error in its place.

    Args:
        name: one of :data:`FIGURES`.
        content: the photograph, as :func:`impasto.stylize` takes it.
        style: the painting, likewise; only one.
        method: whose losses to study, a name out of :data:`impasto.methods.METHODS`.
        encoder: what it sees the pictures through; ``own`` is the method's own, which may have to be downloaded.
        fast: our own solver and schedule, :meth:`impasto.methods.Method.fast`, in place of the method's own.
        size: the paintings' longest side in pixels; 0 is the content's own.
        seed: of all randomness; ``starts`` also takes the three that follow.
        callback: told of every step of every painting.
        options: more options of :func:`impasto.stylize`, for all of the figure's paintings.

    Returns:
        The sheet.

    Raises:
        PictureError: a picture that can't be read.
        OptionError: an unknown name, an impossible value, or a method that can't be studied so.
        ImpastoError: nothing could be painted; the error is the first painting's.
        Interrupted: Ctrl-C; it carries the sheet of what was painted so far, and counts that in paintings, not steps.
    """
    for kind, asked, known in (("figure", name, FIGURES), ("method", method, METHODS)):
        if asked not in known:
            raise OptionError(f"unknown {kind} {asked}; choose one of {', '.join(known)}")
    chosen = METHODS[method].fast() if fast else METHODS[method]
    if chosen.sources != {"content", "style"}:
        raise OptionError(f"{method} has no content and style to weigh; choose another method, such as gatys2016")
    if name == "reconstructions" and chosen.detail:
        raise OptionError(f"{method} adds the content's own detail to what it paints, so it can't reconstruct; choose gatys2016")
    whole("seed", seed, 0)
    pictures = originals(content, style, size)

    own = {} if encoder == "own" else {"encoder": encoder}
    common = {"content": content, "style": style, "method": method, "fast": fast, "size": size, "seed": seed, **own, **options}
    rows = _wishes(name, sources(content, style)[1], seed)
    series, interrupted = paint({label: {**common, **wish} for row in rows for label, wish in row.items()}, callback)
    done = {painted.name: painted.cell() for painted in series}
    seen_through = chosen.encoder if encoder == "own" else encoder
    drawn = sheet(
        [
            [original, *(done.get(label, Cell(None, label, ("not painted",))) for label in row)]
            for original, row in zip(pictures, rows, strict=True)
        ],
        FIGURES[name],
        [f"{method}, {'our fast schedule' if fast else 'its own schedule'}, seen through {seen_through}"],
    )
    if interrupted:
        raise Interrupted(drawn, len(series), None)
    return drawn


def _wishes(name: str, style: Source, seed: int) -> tuple[_Wishes, _Wishes]:
    """The paintings beside the content and those beside the style."""
    if name == "reconstructions":
        noise = {"start": "noise"}
        of_content = {f"Content at {layer}": {"style_weight": 0.0, "content_layers": (layer,), **noise} for layer in CONTENT_LAYERS}
        # The style stands in for the content, which has no weight here, so that its reconstructions have its proportions.
        of_style = {
            f"Style up to {layer}": {"content": style, "content_weight": 0.0, "style_layers": STYLE_LAYERS[: count + 1], **noise}
            for count, layer in enumerate(STYLE_LAYERS)
        }
        return of_content, of_style
    if name == "tradeoff":
        low, middle, high, highest = ({f"alpha/beta {ratio}": {"trade_off": float(ratio)}} for ratio in ("1e-4", "1e-3", "1e-2", "1e-1"))
        return low | middle, high | highest
    if name == "layers":
        shallow, deep = ({f"Content at {layer}": {"content_layers": (layer,)}} for layer in ("relu2_2", "relu4_2"))
        return shallow, deep
    noises = [{f"From noise, seed {number}": {"start": "noise", "seed": number}} for number in range(seed, seed + 4)]
    from_content, from_style = ({f"From the {start}": {"start": start}} for start in ("content", "style"))
    return from_content | noises[0] | noises[1], from_style | noises[2] | noises[3]
