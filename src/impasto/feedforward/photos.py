"""A folder of photographs as an endless supply of crops to train on."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from impasto import picture
from impasto.encoders.tensors import resize, tensor
from impasto.errors import PictureError

AT_LEAST = 8
"""Photographs there must be: with fewer, a network soon knows them by heart and paints nothing else well."""
SHOWN = 3
ENLARGED = 4  # a photograph whose shorter side would have to grow by more than this has nothing left to teach


class Photos(Dataset[tuple[Tensor, list[str]]]):
    """Random crops of the photographs in a folder and the folders in it.

    Which crop belongs to a step and an index depends on the seed and on the names of the files alone, so it doesn't matter
    how many processes draw crops, or where a run was interrupted. One photograph at a time is in memory.

    Attributes:
        files: every file that may hold a picture, by its ending.
        bad: why a file is no use, one line for each that has been found out.
        digest: SHA-256 of the files' names.
        shown: the middle of the first three photographs, ``[3, 3, crop, crop]``, to show what a network can do.
    """

    def __init__(self, folder: str | os.PathLike[str], crop: int, seed: int) -> None:
        """Find the photographs, and open as many as it takes to know that there are enough.

        Args:
            folder: where they are, however deep.
            crop: side of the crops in pixels.
            seed: of all randomness.

        Raises:
            PictureError: the folder is missing, or holds fewer than :data:`AT_LEAST` photographs that can be used.
        """
        root = Path(folder)
        if not root.is_dir():
            raise PictureError(f"{folder} is no folder; name the one your photographs are in")
        names = sorted(file.relative_to(root).as_posix() for file in pictures(root))
        self.files = [root / name for name in names]
        self.digest = hashlib.sha256("\n".join(names).encode(errors="surrogateescape")).hexdigest()
        self.crop, self.seed = crop, seed
        self.bad: dict[Path, str] = {}
        shown: list[Tensor] = []
        usable = 0
        for file in self.files:
            if usable == AT_LEAST:
                break
            if (photograph := self._read(file)) is None:
                continue
            usable += 1
            if len(shown) < SHOWN:
                shown.append(middle(photograph, crop))
        if usable < AT_LEAST:
            raise PictureError(f"{folder} holds {usable or 'no'} pictures to train on, and {AT_LEAST} are the least; add some photographs")
        self.shown = torch.cat(shown)

    def __getitem__(self, drawn: tuple[int, int]) -> tuple[Tensor, list[str]]:
        """A crop.

        Args:
            drawn: the step, counted from 0, and the index in that step's batch.

        Returns:
            ``[3, crop, crop]`` in [0, 1], and why the files that were drawn before this one were passed over.

        Raises:
            PictureError: no file can be read any more.
        """
        generator = np.random.default_rng((self.seed, *drawn))
        passed: list[str] = []
        while True:
            file = self.files[generator.integers(len(self.files))]
            if (photograph := self._read(file)) is not None:
                break
            passed.append(self.bad[file])
            if len(self.bad) == len(self.files):
                raise PictureError(f"none of the {len(self.files)} photographs can be read any more; look after their folder")
        height, width = photograph.shape[2:]
        shorter = min(height, width)
        # From what is seen at full resolution to as much as fits, every scale as likely as another.
        window = round(shorter * min(1.0, self.crop / shorter) ** generator.random())
        y, x = generator.integers(height - window + 1), generator.integers(width - window + 1)
        crop = resize(photograph[:, :, y : y + window, x : x + window], (self.crop, self.crop))[0]
        return crop.flip(2) if generator.random() < 0.5 else crop.clone(), passed

    def _read(self, file: Path) -> Tensor | None:
        """The photograph ``[1, 3, H, W]``, or None where it is no use."""
        if file in self.bad:
            return None
        try:
            photograph = tensor(picture.read(file).picture)
        except PictureError as error:
            self.bad[file] = str(error)
            return None
        height, width = photograph.shape[2:]
        if min(height, width) * ENLARGED < self.crop:
            self.bad[file] = f"{file} has {width} x {height} pixels, too few for crops of {self.crop}; leave it out or lower --crop"
            return None
        return photograph


def pictures(folder: Path) -> list[Path]:
    """The files in a ``folder`` and the folders in it that may hold a picture, by their endings, sorted; none that is hidden."""
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in picture.ENDINGS and not file.name.startswith("."))


def middle(photograph: Tensor, side: int) -> Tensor:
    """The largest square in the middle of a picture ``photograph`` ``[1, 3, H, W]``, brought to ``[1, 3, side, side]``."""
    height, width = photograph.shape[2:]
    window = min(height, width)
    y, x = (height - window) // 2, (width - window) // 2
    return resize(photograph[:, :, y : y + window, x : x + window], (side, side))


def batches(first: int, steps: int, batch: int, rank: int, count: int) -> Iterator[list[tuple[int, int]]]:
    """What a process draws at each step from ``first`` to the last of ``steps``: its share of every ``batch``.

    Args:
        first: counted from 0.
        steps: of the whole training.
        batch: crops at each step, over all processes.
        rank: of this process.
        count: of processes.
    """
    share = batch // count
    for step in range(first, steps):
        yield [(step, index) for index in range(rank * share, (rank + 1) * share)]


def collate(samples: list[tuple[Tensor, list[str]]]) -> tuple[Tensor, list[str]]:
    """``samples`` of :class:`Photos` as one picture ``[N, 3, crop, crop]``, and all that was passed over."""
    crops, passed = zip(*samples, strict=True)
    return torch.stack(crops).contiguous(memory_format=torch.channels_last), [line for lines in passed for line in lines]
