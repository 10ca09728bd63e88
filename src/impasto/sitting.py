"""A painting under way: what is to be written of it, who listens, and how it ends."""

import base64
import io
import json
import os
import re
import secrets
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from impasto import picture
from impasto.errors import Interrupted, OptionError, OutputError
from impasto.family import Floats, Listener, Painted, Progress, Size
from impasto.film import RATE, Film, check_film
from impasto.picture import Opened

Output = str | os.PathLike[str] | BinaryIO | None
FRAMES = 6 * RATE  # of a film, at most about
HOW = ("bits", "quality", "lossless", "exif", "profile")  # the options of an output, besides its format


@dataclass(frozen=True)
class Targets:
    """What is to be written of a painting, each where it can be.

    Attributes:
        output: the painting's file, or where else its bytes go; None for nowhere.
        form: the output's format, ``svg`` or one that :func:`impasto.picture.form` knows.
        how: the options of :func:`impasto.picture.save`, of the output.
        film: of the painting as it grows.
        log: of the losses.
        preview: steps from one preview beside the output to the next.
    """

    output: Path | BinaryIO | None
    form: str
    how: Mapping[str, Any]
    film: Path | None
    log: Path | None
    preview: int | None

    @classmethod
    def checked(cls, output: Output, given: Mapping[str, Any], inputs: Iterable[Any]) -> "Targets":
        """Find out before any work is done whether all of it can be written.

        Args:
            output: the painting's file, whose extension chooses the format, or where else its bytes go.
            given: the options.
            inputs: what is painted from; files among them aren't written over.

        Raises:
            OutputError: a place that can't be written to, a file that is painted from, or a format that isn't the file's.
            OptionError: previews without an output to write beside, or bits or the like that the format lacks.
        """
        named = [getattr(one, "filename", None) if isinstance(one, Image.Image) else one for one in inputs]
        read = [picture.expanded(one) for one in named if isinstance(one, str | os.PathLike)]
        places = {name: file for name in ("timelapse", "log") if (file := given.get(name)) is not None}
        if isinstance(output, str | os.PathLike):
            places["output"] = output
        for name, file in places.items():
            picture.check_unread(file, read, name)
        if len({os.path.abspath(picture.expanded(file)) for file in places.values()}) < len(places):  # noqa: PTH100 - takes any name
            raise OutputError(f"{' and '.join(places)} are one file; name another for each")
        if not (output is None or isinstance(output, str | os.PathLike)):
            picture.check_stream(output)
        form = "png" if output is None else picture.form(output, given.get("format"))
        how = {name: given[name] for name in HOW if given.get(name) is not None}
        target = picture.check_place(output) if isinstance(output, str | os.PathLike) else output
        if output is not None and form != "svg":
            picture.check_form(picture.named(output), form, **{name: how[name] for name in ("bits", "lossless", "profile") if name in how})
        preview, log, film = given.get("preview"), given.get("log"), given.get("timelapse")
        if preview is not None:
            if not isinstance(target, Path):
                raise OptionError("preview needs an output to write beside; name one")
            beside = re.compile(rf"{re.escape(target.stem)}-\d{{4,}}\.png")
            for one in read:
                if beside.fullmatch(one.name) and picture.same(one.parent, target.parent):
                    raise OutputError(f"a preview could take the place of {one}, which is read; name another output")
        return cls(target, form, how, None if film is None else check_film(film), None if log is None else picture.expanded(log), preview)


class Sitting:
    """Tells those who listen to a painting how it goes, and finishes it."""

    def __init__(
        self, targets: Targets, size: Size, photograph: Opened | None, settings: Mapping[str, Any], callback: Listener | None
    ) -> None:
        """Let everyone listen who is to.

        Args:
            targets: what is to be written.
            size: the painting's width and height.
            photograph: the content, whose alpha the painting has, too, and of which its file says what the photograph's did.
            settings: the painting's.
            callback: one more listener.

        Raises:
            OutputError: the output can't hold that size, or the log can't be written.
        """
        if targets.output is not None:
            picture.check_size(picture.named(targets.output), targets.form, size)
        self.targets, self.size, self.settings = targets, size, settings
        self.alpha = None if photograph is None or photograph.alpha is None else picture.resize(photograph.alpha, size)
        self.about = None if photograph is None else photograph.about
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
            OutputError: it can't be written; the message says where it is kept instead.
            Interrupted: Ctrl-C ended it; everything is saved.
        """
        output, settings = self.targets.output, {**self.settings, **({} if painted.stopped is None else {"stopped": painted.stopped})}
        saved, failed = output if isinstance(output, Path) else None, None
        if output is not None:
            try:
                self._write(output, painted, settings)
            except OutputError as error:
                saved = self._rescue(painted, settings)
                failed = OutputError(f"{error}; the painting is kept as {saved}") if saved else error
        if self.film is not None:
            try:
                self.film.save(self._shown(painted.picture))
            except OutputError as error:
                failed = failed or error
        image = picture.to_pil(painted.picture, self.alpha)
        image.info["impasto"] = json.dumps(settings, sort_keys=True)
        if painted.stopped is not None:
            if failed is not None:
                warnings.warn(str(failed), stacklevel=3)
            raise Interrupted(image, painted.stopped, saved)
        if failed is not None:
            raise failed
        return image

    def _write(self, output: Path | BinaryIO, painted: Painted, settings: Mapping[str, Any]) -> None:
        if self.targets.form != "svg":
            form, how = self.targets.form, self.targets.how
            picture.save(painted.picture, output, alpha=self.alpha, settings=settings, about=self.about, format=form, **how)
            return
        assert painted.drawing is not None
        text = painted.drawing() if self.alpha is None else masked(painted.drawing(), self.alpha)
        picture.write(output, text.encode())

    def _rescue(self, painted: Painted, settings: Mapping[str, Any]) -> Path | None:
        """Keep what can't be written where it should be: beside that, or else among temporary files."""
        output, name = self.targets.output, f"impasto-{secrets.token_hex(4)}.png"
        folders = [*([output.parent] if isinstance(output, Path) and output.parent.is_dir() else []), Path(tempfile.gettempdir())]
        for folder in folders:
            with suppress(OutputError):
                picture.save(painted.picture, folder / name, alpha=self.alpha, settings=settings, about=self.about)
                return folder / name
        return None

    def _preview(self, progress: Progress) -> None:
        assert isinstance(self.targets.output, Path)
        assert self.targets.preview is not None
        if progress.step % self.targets.preview == 0:
            file = self.targets.output.with_name(f"{self.targets.output.stem}-{progress.step:04d}.png")
            canvas = picture.resize(progress.canvas.clip(0, 1), self.size)
            try:
                picture.save(canvas, file, alpha=self.alpha, settings={**self.settings, "stopped": progress.step})
            except OutputError as error:  # no reason to lose the painting
                warnings.warn(str(error), stacklevel=2)

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


def masked(drawing: str, alpha: Floats) -> str:
    """A ``drawing``, the text of an SVG file, that is seen where ``alpha``, ``[H, W]`` in [0, 1], says so."""
    height, width = alpha.shape
    stream = io.BytesIO()
    picture.to_pil(np.repeat(alpha[..., None], 3, 2)).convert("L").save(stream, "PNG")
    image = f'<image width="{width}" height="{height}" href="data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"/>'
    begin = drawing.index(">") + 1
    end = drawing.rindex("</svg>")
    return f'{drawing[:begin]}\n<mask id="alpha">{image}</mask>\n<g mask="url(#alpha)">{drawing[begin:end]}</g>\n{drawing[end:]}'


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
        except (OSError, ValueError) as error:  # a name that no file can have raises the latter
            said = getattr(error, "strerror", None) or error
            raise OutputError(f"the log {file} can't be written ({said}); choose another file") from error

    with suppress(OSError):  # which opening the file says better
        file.parent.mkdir(parents=True, exist_ok=True)
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
