"""Who listens to a painting: a log of its losses, previews beside it, and a film."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from impasto import picture
from impasto.encoders.tensors import array
from impasto.errors import OutputError
from impasto.film import RATE, Film
from impasto.optimise import Progress

Listener = Callable[[Progress], None]
FRAMES = 6 * RATE  # of a film, at most about


def logging(path: str | os.PathLike[str]) -> Listener:
    """Writes a line of JSON for the first, every tenth and the last step.

    Args:
        path: the file; what is there already is replaced at once.

    Raises:
        OutputError: it can't be written.
    """
    file = Path(path)

    def put(mode: str, text: str) -> None:
        try:
            with file.open(mode, encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise OutputError(f"the log {file} can't be written ({error.strerror}); choose another file") from error

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


def previewing(target: Path, every: int, size: tuple[int, int], settings: Mapping[str, Any]) -> Listener:
    """Writes the canvas beside a painting.

    Args:
        target: the painting's file.
        every: so many steps.
        size: the painting's width and height.
        settings: the painting's.
    """

    def write(progress: Progress) -> None:
        if progress.step % every == 0:
            file = target.with_name(f"{target.stem}-{progress.step:04d}.png")
            canvas = picture.resize(array(progress.canvas).clip(0, 1), size)
            picture.save(canvas, file, settings={**settings, "stopped": progress.step})

    return write


def filming(film: Film) -> Listener:
    """Adds the canvas to a ``film``, often enough for ``FRAMES`` frames where there are so many steps."""

    def add(progress: Progress) -> None:
        if progress.step % max(1, progress.steps // FRAMES) == 0:
            film.add(array(progress.canvas))

    return add
