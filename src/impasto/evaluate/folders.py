"""Folders of labelled pictures: one subfolder for each class."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from impasto import picture
from impasto.encoders.tensors import resize, tensor
from impasto.errors import OptionError, PictureError
from impasto.feedforward.photos import pictures

MARGIN = 8 / 7  # a picture's shorter side over the side of the squares that are seen of it, as is usual for 256 and 224
SMALLEST = 0.35  # share of a picture's largest square that a random crop may come down to
_STORE = 2**30  # bytes of shrunk pictures that are kept in memory


@dataclass(frozen=True)
class Labelled:
    """The pictures of a folder and their classes.

    Attributes:
        classes: the subfolders' names, sorted.
        files: every picture, class by class.
        labels: each one's class, by its index.
    """

    classes: tuple[str, ...]
    files: tuple[Path, ...]
    labels: tuple[int, ...]

    def digest(self, root: Path) -> str:
        """SHA-256 of the files' names below ``root``, their sizes and their classes."""
        lines = (f"{file.relative_to(root).as_posix()} {file.stat().st_size}" for file in self.files)
        return hashlib.sha256("\n".join([*self.classes, *lines]).encode(errors="surrogateescape")).hexdigest()


def labelled(folder: str | os.PathLike[str], *, least: int = 1, classes: Sequence[str] | None = None) -> Labelled:
    """Find the pictures of a folder with one subfolder for each class, however deep they are in that.

    Args:
        folder: the folder; what lies beside its subfolders is no matter.
        least: pictures that each class must have.
        classes: those of a model, in its order, which the subfolders must be among; without it the subfolders say.

    Raises:
        PictureError: no such folder, fewer than two classes, or a class with too few pictures.
        OptionError: a subfolder that is none of the ``classes``.
    """
    root = Path(folder)
    if not root.is_dir():
        raise PictureError(f"{folder} is no folder; name one that holds a subfolder of pictures for each class")
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        raise PictureError(f"{folder} holds no subfolders; make one for each class and put its pictures there")
    if classes is None and len(names) < 2:
        raise PictureError(f"{folder} holds only the class {names[0]}; a second one is needed to tell it from")
    known = tuple(names) if classes is None else tuple(classes)
    if strangers := [name for name in names if name not in known]:
        raise OptionError(f"{folder} has a class {strangers[0]}, and the model knows {', '.join(known)}; choose a model for these classes")
    files: list[Path] = []
    labels: list[int] = []
    for name in names:
        found = pictures(root / name)
        if len(found) < least:
            some = f"only {len(found)} of the {least}" if found else "none of the"
            raise PictureError(f"{root / name} holds {some} pictures that a class needs; add some, or remove the folder")
        files += found
        labels += [known.index(name)] * len(found)
    return Labelled(known, tuple(files), tuple(labels))


@dataclass(frozen=True)
class Split:
    """Indices of pictures to learn from, to choose the best epoch by, and to score the model by, which are seen by neither."""

    training: tuple[int, ...]
    validation: tuple[int, ...]
    held_out: tuple[int, ...]


def split(labels: Sequence[int], held_out: float, seed: int) -> Split:
    """Divide pictures at random so that each part has the same share of every class, and of each at least one picture.

    Args:
        labels: the class of each picture; of each at least three.
        held_out: the share to score by, above 0 and below 0.5; half as many are for validation.
        seed: of the choice.
    """
    generator = np.random.default_rng(seed)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for label in sorted(set(labels)):
        members = generator.permutation([index for index, one in enumerate(labels) if one == label]).tolist()
        scored, chosen = (max(1, round(len(members) * share)) for share in (held_out, held_out / 2))
        for part, some in zip(parts, (members[scored + chosen :], members[scored : scored + chosen], members[:scored]), strict=True):
            part += some
    training, validation, tested = (tuple(sorted(part)) for part in parts)
    return Split(training, validation, tested)


class Squares:
    """Squares of pictures, as a classifier sees them.

    A picture is shrunk once, to what its squares are cut from, and then kept in memory as long as there is room.

    Attributes:
        files: the pictures.
        side: of the squares, in pixels.
    """

    def __init__(self, files: Sequence[Path], side: int) -> None:
        """Nothing is read yet.

        Args:
            files: the pictures.
            side: of the squares, in pixels.
        """
        self.files, self.side = files, side
        self._shrunk: dict[int, Tensor] = {}
        self._room = _STORE

    def middle(self, index: int) -> Tensor:
        """The square ``[3, side, side]`` in the middle of the picture of an ``index``.

        Raises:
            PictureError: it can't be read.
        """
        return _middle(self._picture(index), self.side)

    def random(self, index: int, generator: np.random.Generator) -> Tensor:
        """A square ``[3, side, side]`` from anywhere in a picture, of any size down to 35 % of the area, or its mirror image.

        Args:
            index: of the picture.
            generator: of the choice.

        Raises:
            PictureError: it can't be read.
        """
        whole = self._picture(index)
        height, width = whole.shape[2:]
        window = max(1, round(min(height, width) * generator.uniform(SMALLEST, 1) ** 0.5))
        y, x = generator.integers(height - window + 1), generator.integers(width - window + 1)
        square = resize(whole[:, :, y : y + window, x : x + window], (self.side, self.side))[0]
        return square.flip(2) if generator.random() < 0.5 else square

    def _picture(self, index: int) -> Tensor:
        """The shrunk picture ``[1, 3, H, W]``."""
        if index in self._shrunk:
            return self._shrunk[index].float() / 255
        shrunk = _shrunk(tensor(picture.read(self.files[index]).picture), self.side)
        rounded = (shrunk * 255).round().to(torch.uint8)
        if rounded.numel() <= self._room:
            self._room -= rounded.numel()
            self._shrunk[index] = rounded
        return rounded.float() / 255


def square(pixels: Tensor, side: int) -> Tensor:
    """What a classifier sees of a picture: the square in its middle.

    Args:
        pixels: ``[1, 3, H, W]``.
        side: of the square, in pixels; the picture's shorter side becomes an eighth longer first.

    Returns:
        ``[1, 3, side, side]``.
    """
    return _middle(_shrunk(pixels, side), side)[None]


def _shrunk(pixels: Tensor, side: int) -> Tensor:
    height, width = pixels.shape[2:]
    ratio = round(MARGIN * side) / min(height, width)
    return resize(pixels, (max(side, round(width * ratio)), max(side, round(height * ratio))))


def _middle(shrunk: Tensor, side: int) -> Tensor:
    y, x = ((length - side) // 2 for length in shrunk.shape[2:])
    return shrunk[0, :, y : y + side, x : x + side]
