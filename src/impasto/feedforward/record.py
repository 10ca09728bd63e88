"""What a training leaves beside its model file: a checkpoint to go on from, and a log, a plot and sheets to look at."""

import json
import os
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto import picture
from impasto.encoders import tensors
from impasto.errors import ModelError, OutputError

COLUMNS = 8  # paintings side by side on a sheet


class Record:
    """The files of a training.

    Attributes:
        folder: beside the model file, called like it with ``.training`` at the end.
        checkpoint: the file in it that a training goes on from.
        unit: what the training counts itself in.
    """

    def __init__(self, output: str | os.PathLike[str], unit: str = "step") -> None:
        """Find out before any work is done whether there is a place for all files.

        Args:
            output: the model file.
            unit: what the training counts itself in.

        Raises:
            OutputError: there is none.
        """
        target = Path(output)
        self.unit = unit
        self.folder = target.with_name(f"{target.stem}.training")
        self.checkpoint = self.folder / "checkpoint.pt"
        self._log = self.folder / "log.jsonl"
        if target.is_dir():
            raise OutputError(f"{output} is a folder; add a file name such as {target / 'model.safetensors'}")
        if not target.parent.is_dir():
            raise OutputError(f"{output} can't be written, because the folder {target.parent} doesn't exist; create it first")
        for folder in (target.parent, self.folder):
            if folder.exists() and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
                raise OutputError(f"nothing can be written into {folder}; choose another name or folder for the model")

    def resume(self, matters: Mapping[str, Any], count: int) -> dict[str, Any] | None:
        """The state that :meth:`save` kept, or None where there is none.

        Args:
            matters: the options that must be as they were.
            count: of units, such as steps, in the whole training.

        Raises:
            ModelError: a damaged checkpoint, or one of another training.
        """
        if not self.checkpoint.exists():
            return None
        afresh = f"remove {self.folder} to start afresh"
        try:
            with zipfile.ZipFile(self.checkpoint) as parts:  # as PyTorch writes them; it doesn't look at their checksums
                whole = parts.testzip() is None
            state: dict[str, Any] = torch.load(self.checkpoint, map_location="cpu", weights_only=True) if whole else {}
            before, taken = json.loads(state["matters"]), int(state[self.unit])
        except (OSError, RuntimeError, ValueError, TypeError, KeyError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
            raise ModelError(f"{self.checkpoint} is damaged or no checkpoint of ours; {afresh}") from error
        changed = [name for name, value in matters.items() if before.get(name) != value]
        if changed:
            was = [f"{name} ({before[name]})" if isinstance(before.get(name), int | float) else name for name in changed]
            raise ModelError(f"{self.checkpoint} was made with another {', '.join(was)}; give what it was, or {afresh}")
        if taken > count:
            raise ModelError(f"{self.checkpoint} has taken {taken} {self.unit}s already; ask for no fewer, or {afresh}")
        return state

    def begin(self, taken: int) -> None:
        """Make the folder, and forget what the log says of anything after so many units were ``taken``, which will be done again.

        Raises:
            OutputError: it can't be written.
        """
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder} can't be made ({error.strerror}); choose another folder for the model") from error
        kept = [json.dumps(line) for line in self.lines() if line[self.unit] <= taken]
        self.keep(self._log, "".join(f"{line}\n" for line in kept).encode())

    def log(self, line: Mapping[str, float]) -> None:
        """Add a ``line`` to the log.

        Raises:
            OutputError: it can't be written.
        """
        try:
            with self._log.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
        except OSError as error:
            raise self._complaint(self._log, error) from error

    def save(self, state: Mapping[str, Any], matters: Mapping[str, Any]) -> None:
        """Keep a ``state`` of tensors, numbers, and lists and dictionaries of them, and the options that ``matters``.

        Raises:
            OutputError: it can't be written; the checkpoint before it is whole.
        """
        stream = BytesIO()
        torch.save({**state, "matters": json.dumps(matters)}, stream)
        self.keep(self.checkpoint, stream.getvalue())

    def draw(self) -> None:
        """Draw the log's losses over the steps.

        Raises:
            OutputError: the plot can't be written.
        """
        from matplotlib.figure import Figure

        lines = self.lines()
        if not lines:
            return
        figure = Figure(figsize=(9, 5.5), layout="constrained")
        axes = figure.subplots()
        for name in lines[0]:
            if name not in ("step", "seconds", "pictures_per_second"):
                width = 2.0 if name == "total" else 1.2
                axes.plot([line["step"] for line in lines], [line[name] for line in lines], label=name, linewidth=width)
        axes.set(yscale="log", xlabel="step", ylabel="weighted loss", title=self.folder.stem)
        axes.grid(visible=True, which="both", alpha=0.25)
        axes.legend()
        stream = BytesIO()
        figure.savefig(stream, format="png", dpi=110)
        self.keep(self.folder / "loss.png", stream.getvalue())

    def show(self, photographs: Tensor, styles: Sequence[Tensor], paintings: Sequence[Tensor], step: int) -> None:
        """Write a sheet: the photographs in the first column, the styles in the first row, the paintings where they meet.

        Args:
            photographs: ``[N, 3, side, side]``.
            styles: each ``[1, 3, side, side]``.
            paintings: of each style, ``[N, 3, side, side]``.
            step: after which they were painted.

        Raises:
            OutputError: the sheet can't be written.
        """
        columns = [torch.cat([torch.ones_like(photographs[:1]), photographs])]
        columns += [torch.cat([style, painted]) for style, painted in zip(styles, paintings, strict=True)]
        sheet = torch.cat([torch.cat(list(column), 1) for column in columns], 2)
        picture.save(tensors.array(sheet[None]), self.folder / f"samples-{step:06d}.png")

    def lines(self) -> list[dict[str, float]]:
        """What has been logged; a line that was cut off is left out."""
        lines = []
        if self._log.exists():
            for text in self._log.read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError):
                    lines.append(json.loads(text))
        return lines

    def keep(self, file: Path, content: bytes) -> None:
        """Write a ``file`` in the folder, whole or not at all, with all of its ``content``.

        Raises:
            OutputError: it can't be written.
        """
        try:
            picture.replace(file, content)
        except OSError as error:
            raise self._complaint(file, error) from error

    def _complaint(self, file: Path, error: OSError) -> OutputError:
        whole = f"; {self.checkpoint} is whole, and the same command goes on from it" if self.checkpoint.exists() else ""
        return OutputError(f"{file} can't be written ({error.strerror}){whole or '; free some space or choose another folder'}")
