"""Scoring paintings that are there against their contents and styles."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from impasto import encoders, packaged, picture
from impasto.encoders.devices import choose_device
from impasto.encoders.tensors import resize, scale, tensor
from impasto.errors import OptionError, PictureError
from impasto.evaluate import classifier as classifiers
from impasto.evaluate.measures import MEASURES, Judge, Scored
from impasto.feedforward.photos import pictures
from impasto.options import whole
from impasto.picture import Source

Place = str | os.PathLike[str]  # a picture file, a folder of them, or the name of a packaged one


class Critic:
    """Reads paintings with their contents and styles, and scores them.

    Attributes:
        key: tells two critics apart that may score the same painting differently.
    """

    def __init__(
        self,
        *,
        encoder: str = "pocket",
        encoder_weights: str | os.PathLike[str] | None = None,
        size: int = 512,
        classifier: str | os.PathLike[str] | None = None,
        artist: str | None = None,
        device: str = "auto",
        fetching: Callable[[int, int | None], None] | None = None,
    ) -> None:
        """Load what looks at the pictures.

        Args:
            encoder: a name out of :data:`impasto.encoders.NAMES`.
            encoder_weights: a file to use in place of that encoder's own weights.
            size: longest side in pixels at which pictures are compared; 0 is each painting's own. None is enlarged.
            classifier: a file that ``impasto train classifier`` wrote, whose classes are artists; without it there is no
                deception rate.
            artist: the class a painting has to be taken for; None is the style's own: the one its folder or its file is called by.
            device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``mps``.
            fetching: called with the bytes fetched and, if known, to fetch, while an encoder's weights are downloaded.

        Raises:
            OptionError: an unknown name or impossible value, or an artist the classifier doesn't know.
            EncoderError: weights that can't be used or fetched.
            ModelError: a classifier that can't be used.
        """
        whole("size", size, 0)
        where = choose_device(device)
        weights = Path(encoder_weights) if encoder_weights else None
        loaded = encoders.load(encoder, weights, where, torch.float32, progress=fetching)
        self.judge = Judge(loaded.encoder)
        self.size, self.artist = size, artist
        self.classifier = None if classifier is None else classifiers.read(classifier, device=device, fetching=fetching)
        self.model = "" if classifier is None else os.fspath(classifier)
        if artist is not None:
            if self.classifier is None:
                raise OptionError("an artist is what a classifier takes paintings for; name a classifier, too")
            self._check(artist)
        seen = "" if classifier is None else sha256(Path(classifier).read_bytes()).hexdigest()
        self.key = f"{loaded.checksum} {size} {seen} {artist or ''}"
        self._read = lru_cache(maxsize=32)(_scaled)

    def __call__(self, painting: Scored) -> Scored:
        """The ``painting`` with its scores; those that it has already and that aren't ours, such as ``seconds``, stay.

        Raises:
            PictureError: a file that can't be read, or a painting of other proportions than its content.
            OptionError: a style of an artist that the classifier doesn't know.
        """
        found = tensor(picture.read(painting.result).picture)
        height, width = found.shape[2:]
        longest = min(self.size, max(height, width)) if self.size else max(height, width)
        original = tensor(picture.read(painting.content).picture)
        _same_proportions(painting, (width, height), (original.shape[3], original.shape[2]))
        size = picture.fit((width, height), longest)
        result, content = resize(found, size), resize(original, size)
        scores = {**painting.scores, **self.judge(result, content, self._read(painting.style, longest))}
        taken_for = ""
        if self.classifier is not None:
            artist = self.artist or self._artist(painting.style)
            likely = self.classifier.probabilities(found)
            taken_for = max(likely, key=lambda name: likely[name])
            scores["deception"] = float(taken_for == artist)
        return replace(painting, scores={name: scores[name] for name in MEASURES if name in scores}, taken_for=taken_for)

    def _artist(self, style: Path) -> str:
        for name in (style.parent.name, style.stem):
            if self.classifier is not None and name in self.classifier.architecture.classes:
                return name
        return self._check(style.stem)

    def _check(self, artist: str) -> str:
        assert self.classifier is not None
        classes = self.classifier.architecture.classes
        if artist not in classes:
            raise OptionError(f"{self.model} knows no class {artist}, only {', '.join(classes)}; name the style's with --artist")
        return artist


def score(
    results: Sequence[Place],
    contents: Sequence[Place],
    styles: Sequence[Place],
    critic: Critic,
    *,
    callback: Callable[[int, int], None] | None = None,
) -> tuple[list[Scored], bool]:
    """Score paintings that are there.

    Args:
        results: the paintings: files, and folders of them. What a painting was made of is told by its name, CONTENT-STYLE
            without the endings; with one content and one style there is nothing to tell. What painted it is told by
            its folder, if that is not one of the ``results`` itself, or by the settings that our PNG files carry.
        contents: files, folders, or names of examples.
        styles: files, folders, or names of packaged styles.
        critic: scores them.
        callback: called after each painting with how many are done, and of how many.

    Returns:
        The paintings with their scores, and whether Ctrl-C ended the work before all had them.

    Raises:
        PictureError: a file that can't be read, a painting of other proportions than its content, or none that has a name as above.
        OptionError: a name that is not ours, or a style of an artist that the critic's classifier doesn't know.
    """
    paintings = match(results, photographs(contents), painted(styles))
    scored: list[Scored] = []
    try:
        for painting in paintings:
            scored.append(critic(painting))
            if callback:
                callback(len(scored), len(paintings))
    except KeyboardInterrupt:
        return scored, True
    return scored, False


def photographs(places: Sequence[Place]) -> list[Path]:
    """The files of contents, in their order.

    Args:
        places: files, folders and the folders in them, or names of examples.

    Raises:
        PictureError: a folder without pictures.
        OptionError: a name that is not ours.
    """
    return [file for place in places for file in files(packaged.photograph(place))]


def painted(places: Sequence[Place]) -> list[Path]:
    """The files of styles, in their order.

    Args:
        places: files, folders and the folders in them, or names of packaged styles.

    Raises:
        PictureError: a folder without pictures.
        OptionError: a name that is not ours.
    """
    return [file for place in places for file in files(packaged.style(place))]


def match(results: Sequence[Place], contents: Sequence[Path], paintings: Sequence[Path]) -> list[Scored]:
    """Find out what each result was painted from, and by what; see :func:`score`.

    Args:
        results: files, and folders of them.
        contents: files.
        paintings: the styles' files.

    Returns:
        The results without scores. One whose name says nothing is passed over with a warning.

    Raises:
        PictureError: no result has a name that says what it was painted from.
    """
    pairs = {f"{content.stem}-{style.stem}": (content, style) for content in contents for style in paintings}
    only = next(iter(pairs.values())) if len(contents) == len(paintings) == 1 else None
    found = []
    strangers = []
    for place in results:
        for file in files(place):
            pair = only or pairs.get(file.stem)
            if pair is None:
                strangers.append(file)
            else:
                found.append(Scored(file, *pair, _method(file, Path(place)), {}))
    if not found:
        raise PictureError(
            f"{strangers[0]} is not called CONTENT-STYLE after any content and style given; rename it, or give one content and one style"
        )
    for file in strangers:
        warnings.warn(f"{file} is called after no content and style, and was left out", stacklevel=3)
    return found


def _method(file: Path, root: Path) -> str:
    if root.is_dir() and file.parent != root:
        return file.parent.relative_to(root).as_posix()
    try:
        settings: Mapping[str, object] = picture.read_settings(file)
    except PictureError:
        return ""
    return str(settings.get("method", ""))


def files(place: Source) -> list[Path]:
    """The picture files at a ``place``: itself, or those in a folder and its folders.

    Raises:
        PictureError: a folder without pictures.
    """
    assert isinstance(place, str | os.PathLike)
    path = Path(place)
    if not path.is_dir():
        return [path]
    found = pictures(path)
    if not found:
        raise PictureError(f"{path} holds no pictures; name another folder, or a picture")
    return found


def _scaled(file: Path, longest: int) -> Tensor:
    return scale(tensor(picture.read(file).picture), longest, enlarge=False)


def _same_proportions(painting: Scored, size: tuple[int, int], content: tuple[int, int]) -> None:
    """Raise a PictureError where a ``size`` is not the content's, nor that with its longest side brought to another length."""
    expected = picture.fit(content, max(size))
    if any(abs(side - other) > 1 for side, other in zip(size, expected, strict=True)):
        shapes = f"is {size[0]} x {size[1]} pixels, and {painting.content} is {content[0]} x {content[1]}"
        raise PictureError(f"{painting.result} {shapes}, of other proportions; name the content it was painted from")
