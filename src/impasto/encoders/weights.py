"""Where weights come from: the package, the cache folder, and torchvision's official files, fetched on first use.

An official file is downloaded once, checked, cut down to the layers that an encoder uses, and deleted. What is kept lies
in the cache folder as ``vgg19.safetensors`` and so on.
"""

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from impasto.encoders import resnet
from impasto.encoders.download import Progress, download
from impasto.encoders.stored import Parameter, Stored, opened, stream, write
from impasto.encoders.vgg import VGG16, VGG19
from impasto.errors import EncoderError, OptionError

PACKAGED = ("pocket",)
"""Encoders whose weights ship with the package."""

_PATIENCE = 2.0  # seconds to wait for another process without a word
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Official:
    """A file of torchvision's, as it is published.

    Attributes:
        file: its name, which carries the first eight digits of its SHA-256.
        megabytes: its size, for people.
        parameters: what is kept of it.
    """

    file: str
    megabytes: int
    parameters: Sequence[Parameter]

    @property
    def digits(self) -> str:
        """The beginning of its SHA-256."""
        return Path(self.file).stem.rpartition("-")[2]

    @property
    def url(self) -> str:
        """Where to download it; the environment variable ``IMPASTO_WEIGHTS_URL`` names a mirror's folder."""
        mirror = os.environ.get("IMPASTO_WEIGHTS_URL") or "https://download.pytorch.org/models"
        return f"{mirror.rstrip('/')}/{self.file}"


OFFICIAL: Mapping[str, Official] = {
    "vgg19": Official("vgg19-dcbb9e9d.pth", 575, VGG19.parameters),
    "vgg16": Official("vgg16-397923af.pth", 553, VGG16.parameters),
    "resnet50": Official("resnet50-0676ba61.pth", 103, resnet.PARAMETERS),
}


def packaged(name: str) -> Path:
    """The weights file of an encoder out of :data:`PACKAGED`, by its name."""
    return Path(__file__).with_name(f"{name}.safetensors")


def folder() -> Path:
    """The cache folder: the environment variable ``IMPASTO_CACHE``, or where this platform keeps such things."""
    return Path(os.environ.get("IMPASTO_CACHE") or platformdirs.user_cache_dir("impasto", appauthor=False))


def kept(name: str) -> Path:
    """The file in the cache folder with the weights of an encoder out of :data:`OFFICIAL`, by its name; it may not exist yet."""
    return folder() / f"{name}.safetensors"


def fetch(name: str, progress: Progress | None = None) -> Path:
    """The weights of an encoder, downloaded and cut down if they aren't kept yet.

    Args:
        name: an encoder out of :data:`OFFICIAL`.
        progress: called with the bytes there are and, if it is known, how many there will be.

    Returns:
        Its file in the cache folder.

    Raises:
        EncoderError: the file can't be had, isn't what it should be, or can't be kept.
    """
    target, official = kept(name), OFFICIAL[name]
    if target.exists():
        return target
    whole = folder() / official.file
    with _locked(name):
        if target.exists():
            return target
        if whole.exists():  # put there by hand, or by a process that ended before it had cut it
            _verify(whole, official)
        else:
            _download(official, whole, progress)
        _cut(whole, name)
        whole.unlink()
    return target


def add(file: Path, name: str | None = None) -> Path:
    """Keep the weights in a file for later, in place of what was kept of that encoder before.

    Args:
        file: an official file, whose checksum must be right, or any other that :func:`impasto.encoders.load` takes.
        name: the encoder, out of :data:`OFFICIAL`; without it the file's name or its layout decides.

    Returns:
        The file in the cache folder; ``file`` stays where it is.

    Raises:
        EncoderError: the file is missing, damaged or of another network, or can't be kept.
        OptionError: more than one network can have such a file, or it is another network's.
    """
    published = next((each for each, official in OFFICIAL.items() if official.file == file.name), None)
    if published is not None:
        _verify(file, OFFICIAL[published])
    with opened(file) as stored:
        possible = [published] if published is not None else _recognised(stored)
    if name is None and len(possible) > 1:
        raise OptionError(f"{file} can be of {' or '.join(possible)}; say which: impasto weights add {file} {possible[0]}")
    if name is None:
        name = possible[0]
    elif name not in possible:
        raise OptionError(f"{file} holds the weights of {' or '.join(possible)}, not of {name}")
    with _locked(name):
        _cut(file, name)
    return kept(name)


def _recognised(stored: Stored) -> list[str]:
    """The encoders of whose beginning a file holds most, and nothing of others."""
    depths = {
        name: 0 if stored.foreign(official.parameters) else len(stored.beginning(official.parameters))
        for name, official in OFFICIAL.items()
    }
    if not any(depths.values()):
        raise EncoderError(f"{stored.file} holds no weights of {', '.join(OFFICIAL)}; choose a file in torchvision's layout")
    return [name for name, depth in depths.items() if depth == max(depths.values())]


def _cut(file: Path, name: str) -> None:
    """Keep the layers that an encoder uses."""
    with opened(file) as stored:
        present = {stored.key(parameter): parameter for parameter in stored.beginning(OFFICIAL[name].parameters)}
        try:
            write(
                kept(name),
                {key: parameter.shape for key, parameter in present.items()},
                lambda key: stored.read(present[key]),
                {**stored.metadata, "source": file.name},
            )
        except OSError as error:
            raise EncoderError(_no_room(error)) from error


def _download(official: Official, whole: Path, progress: Progress | None) -> None:
    advice = f"put {official.file} into {folder()}, or run `impasto weights add {official.file}` on a copy you have"
    part = whole.with_name(f"{whole.name}.part")
    try:
        download(official.url, part, advice, progress)
    except OSError as error:
        raise EncoderError(_no_room(error)) from error
    try:
        _verify(part, official)
    except EncoderError as error:
        part.unlink()
        raise EncoderError(f"{official.url} is not the file it should be and was deleted; run again, or {advice}") from error
    part.replace(whole)


def _verify(file: Path, official: Official) -> None:
    with stream(file) as source:
        found = hashlib.file_digest(source, hashlib.sha256).hexdigest()
    if not found.startswith(official.digits):
        raise EncoderError(f"{file} is damaged: its SHA-256 begins with {found[:8]}, not {official.digits}; get a fresh copy")


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """Keep other processes from the same weights."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder() / f"{name}.lock")
        try:
            lock.acquire(timeout=_PATIENCE)
        except Timeout:
            _log.warning("waiting for another process that is fetching %s", name)
            lock.acquire()
    except OSError as error:
        raise EncoderError(_no_room(error)) from error
    try:
        yield
    finally:
        lock.release()


def _no_room(error: OSError) -> str:
    return f"{folder()} can't keep weights ({error.strerror or error}); mend that, or set IMPASTO_CACHE to another folder"
