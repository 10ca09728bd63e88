"""A painting under way: what is to be written of it, who listens, and how it ends."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from impasto import picture
from impasto.errors import Interrupted, OptionError, OutputError
from impasto.family import Floats, Listener, Painted, Progress, Size
from impasto.film import RATE, Film, check_film
from impasto.picture import Opened

Output = str | os.PathLike[str] | BinaryIO | None
FRAMES = 6 * RATE  # of a film, at most about


@dataclass(frozen=True)
class Targets:
    """What is to be written of a painting, each where it can be.

    Attributes:
        output: the painting's file, or where else its bytes go; None for nowhere.
        film: of the painting as it grows.
        log: of the losses.
        preview: steps from one preview beside the output to the next.
        bits: per channel, of the output.
    """

    output: Path | BinaryIO | None
    film: Path | None
    log: Path | None
    preview: int | None
    bits: int

    @classmethod
    def checked(cls, output: Output, each: Mapping[str, Any], bits: int, inputs: Iterable[Any]) -> "Targets":
        """Find out before any work is done whether all of it can be written.

        Args:
            output: the painting's file, whose extension chooses the format, or where else its bytes go.
            each: what there is of the options ``timelapse``, ``log`` and ``preview``.
            bits: per channel, of the output.
            inputs: what is painted from; files among them aren't written over.

        Raises:
            OutputError: a place that can't be written to, or a file that is painted from.
            OptionError: previews without an output to write beside, or bits that the format lacks.
        """
        read = [Path(one) for one in inputs if isinstance(one, str | os.PathLike)]
        places = {name: file for name in ("timelapse", "log") if (file := each.get(name)) is not None}
        if isinstance(output, str | os.PathLike):
            places["output"] = output
        for name, file in places.items():
            if any(_same(Path(file), one) for one in read):
                raise OutputError(f"the {name} {file} is one of the pictures that are read; name another file")
        target: Path | BinaryIO | None
        if isinstance(output, str | os.PathLike):
            vector = Path(output).suffix.lower() == ".svg"
            target = picture.check_place(output) if vector else picture.check_target(output, bits=bits)
        else:
            target = output
        preview, log, film = each.get("preview"), each.get("log"), each.get("timelapse")
        if preview is not None and not isinstance(target, Path):
            raise OptionError("preview needs an output to write beside; name one")
        return cls(target, None if film is None else check_film(film), None if log is None else Path(log), preview, bits)


class Sitting:
    """Tells those who listen to a painting how it goes, and finishes it."""

    def __init__(
        self, targets: Targets, size: Size, photograph: Opened | None, settings: Mapping[str, Any], callback: Listener | None
    ) -> None:
        """Let everyone listen who is to.

        Args:
            targets: what is to be written.
            size: the painting's width and height.
            photograph: the content, whose alpha the painting has, too.
            settings: the painting's.
            callback: one more listener.

        Raises:
            OutputError: the log can't be written.
        """
        self.targets, self.size, self.settings = targets, size, settings
        self.alpha = None if photograph is None or photograph.alpha is None else photograph.resized(size).alpha
        self.film = None if targets.film is None else Film(targets.film, size)
        self.frames = 32 if self.film is None else FRAMES
        self.listeners = [callback] if callback else []
        if targets.log is not None:
            self.listeners.append(logging(targets.log))
        if targets.preview is not None:
            self.listeners.append(self._preview)
        if self.film is not None:
            self.listeners.append(self._filmed)

    def tell(self, progress: Progress) -> None:
        """Tell everyone of a ``progress``."""
        for listener in self.listeners:
            listener(progress)

    def finish(self, painted: Painted) -> Image.Image:
        """Save what was ``painted``, and make a picture of it.

        Raises:
            OutputError: it can't be written.
            Interrupted: Ctrl-C ended it; everything is saved.
        """
        output, settings = self.targets.output, {**self.settings, **({} if painted.stopped is None else {"stopped": painted.stopped})}
        if isinstance(output, Path) and output.suffix.lower() == ".svg":
            assert painted.drawing is not None
            picture.write(output, painted.drawing().encode())
        elif output is not None:
            picture.save(painted.picture, output, alpha=self.alpha, bits=self.targets.bits, settings=settings)
        if self.film is not None:
            self.film.save(self._shown(painted.picture))
        image = picture.to_pil(painted.picture, self.alpha)
        image.info["impasto"] = json.dumps(settings, sort_keys=True)
        if painted.stopped is not None:
            raise Interrupted(image, painted.stopped, output if isinstance(output, Path) else None)
        return image

    def _preview(self, progress: Progress) -> None:
        assert isinstance(self.targets.output, Path)
        assert self.targets.preview is not None
        if progress.step % self.targets.preview == 0:
            file = self.targets.output.with_name(f"{self.targets.output.stem}-{progress.step:04d}.png")
            canvas = picture.resize(progress.canvas.clip(0, 1), self.size)
            picture.save(canvas, file, alpha=self.alpha, settings={**self.settings, "stopped": progress.step})

    def _filmed(self, progress: Progress) -> None:
        assert self.film is not None
        # Often enough for FRAMES where there are so many steps.
        if progress.step % max(1, progress.steps // FRAMES) == 0:
            self.film.add(self._shown(progress.canvas))

    def _shown(self, canvas: Floats) -> Floats:
        """A canvas as a film shows it, which has no alpha: on white."""
        if self.alpha is None:
            return canvas
        opacity = picture.resize(self.alpha, (canvas.shape[1], canvas.shape[0]))[..., None]
        return canvas * opacity + (1 - opacity)


def logging(file: Path) -> Callable[[Progress], None]:
    """Writes a line of JSON for the first, every tenth and the last step.

    Args:
        file: what is there already is replaced at once.

    Raises:
        OutputError: it can't be written.
    """

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


def _same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # one isn't there
        return False
