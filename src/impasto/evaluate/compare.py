"""One sheet of methods: the same two pictures painted by each, with time, losses and what its authors say it is good at."""

import re
from collections.abc import Sequence
from typing import Any

from PIL import Image

from impasto.errors import Interrupted, OptionError
from impasto.evaluate.series import Callback, Painted, able, originals, paint, wish
from impasto.evaluate.sheet import sheet
from impasto.methods import ALL, METHODS, NETWORKS, RENDERINGS
from impasto.picture import Source

COLUMNS = 4  # at most


def compare(
    content: Source,
    style: Source,
    methods: Sequence[str] | None = None,
    *,
    encoder: str = "pocket",
    fast: bool = True,
    size: int = 384,
    callback: Callback | None = None,
    **options: Any,
) -> tuple[Image.Image, list[Painted]]:
    """Paint the same pictures by several methods and draw the results side by side.

    A method that fails has its error in place of its painting.

    Args:
        content: the photograph, as :func:`impasto.stylize` takes it.
        style: the painting, likewise; only one.
        methods: names out of :data:`impasto.methods.ALL`; default: all that make use of a content and a style.
        encoder: what all that optimise see the pictures through; ``own`` is the one each was published with, which may have
            to be downloaded.
        fast: our own solver and schedule for all that optimise, :meth:`impasto.methods.Method.fast`, in place of each one's
            own.
        size: the paintings' longest side in pixels; 0 is the content's own.
        callback: told of every step of every painting.
        options: more options of :func:`impasto.stylize`, for all that have a use for them.

    Returns:
        The sheet, and what came of each method.

    Raises:
        PictureError: a picture that can't be read.
        OptionError: an unknown name or impossible value.
        ImpastoError: no method could paint, or none that optimises for the options' sake; the error is the first one's.
        Interrupted: Ctrl-C; it carries the sheet of what was painted so far, and counts that in paintings, not steps.
    """
    names = able(methods)
    pictures = originals(content, style, size)
    own = {} if encoder == "own" else {"encoder": encoder}
    common = {"fast": fast, "size": size, **own, **options}
    series, interrupted = paint({name: wish(name, content, style, common) for name in names}, callback)
    optimised = [painted for painted in series if painted.name in METHODS]
    # What is wrong with an option is no less wrong where a network, which has no use for it, painted all the same.
    if optimised and all(isinstance(painted.error, OptionError) for painted in optimised):
        raise next(painted.error for painted in optimised if painted.error)
    cells = [*pictures, *(painted.cell(_lines(painted)) for painted in series)]
    rows = -(-len(cells) // COLUMNS)
    columns = -(-len(cells) // rows)
    drawn = sheet(
        [cells[first : first + columns] for first in range(0, len(cells), columns)],
        "Methods compared",
        [f"{'our fast schedule' if fast else 'their own schedules'}, seen through {'their own encoders' if encoder == 'own' else encoder}"],
    )
    if interrupted:
        raise Interrupted(drawn, len(series), None)
    return drawn, series


def _lines(painted: Painted) -> list[str]:
    method = ALL[painted.name]
    if painted.name in RENDERINGS:
        return [_short(method.citation), f"{painted.seconds:.1f} s, no network", f"Good at {method.good_at}"]
    if painted.name in NETWORKS:
        return [_short(method.citation), f"{painted.seconds:.2f} s, one pass", f"Good at {method.good_at}"]
    losses = ", ".join(f"{name} {value:.3g}" for name, value in painted.losses.items() if value)
    return [_short(method.citation), f"{painted.seconds:.1f} s, {painted.steps} steps", losses, f"Good at {method.good_at}"]


def _short(citation: str) -> str:
    """The authors and the year."""
    authors = re.match(r"[^&]*& [\w-]+|[^,]*", citation)
    year = re.findall(r"\b(?:19|20)\d\d\b", citation)
    return " ".join([authors[0] if authors else "", *year[-1:]])
