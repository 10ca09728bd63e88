"""Model files: a network's weights as safetensors, and in the metadata what it is and how it was made. Nothing here needs PyTorch."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from impasto.errors import ModelError, OutputError
from impasto.picture import replace

Arrays = Mapping[str, NDArray[Any]]

PACKAGED = {"arbitrary": "arbitrary.safetensors", "fast": "fast.safetensors", "decoder": "decoder.safetensors"}
PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))  # their first bytes
KEY = "impasto"  # of our metadata


@dataclass(frozen=True)
class Content:
    """What a model file holds.

    Attributes:
        kind: of model.
        architecture: what its network is built from, as JSON keeps it.
        weights: its state dict, in float32.
        settings: how it was made, as JSON keeps it.
        checksum: SHA-256 of the file.
    """

    kind: str
    architecture: Mapping[str, Any]
    weights: Mapping[str, NDArray[np.float32]]
    settings: Mapping[str, Any]
    checksum: str


def store(path: str | os.PathLike[str], kind: str, architecture: Mapping[str, Any], weights: Arrays, settings: Mapping[str, Any]) -> None:
    """Write a model file of any ``kind``, whole or not at all.

    Args:
        path: the file to write.
        kind: of model.
        architecture: what its network is built from; kept as JSON.
        weights: its state dict.
        settings: how it was made; kept as JSON.

    Raises:
        OutputError: the file can't be written.
    """
    described = {"kind": kind, "architecture": dict(architecture), "settings": dict(settings)}
    plain = {name: np.ascontiguousarray(value) for name, value in weights.items()}
    try:
        replace(path, save(plain, {KEY: json.dumps(described, sort_keys=True)}))
    except OSError as error:
        raise OutputError(f"{path} can't be written ({error.strerror}); free some space or choose another folder") from error


def held(path: str | os.PathLike[str], *kinds: str) -> Content:
    """Read what a model file holds, without building a network of it.

    Args:
        path: the file.
        kinds: those that will do; without any, all.

    Raises:
        ModelError: the file is missing, damaged, or no model of these kinds.
    """
    content = contents(path)
    if content[:2] in (b"PK", *PICKLES) and content[8:9] != b"{":
        raise ModelError(f"{path} holds a pickle, which could run any program; only safetensors files of ours are read")
    try:
        weights = {name: value.astype(np.float32) for name, value in load(content).items()}
        size = int.from_bytes(content[:8], "little")
        described = json.loads(json.loads(content[8 : 8 + size])["__metadata__"][KEY])
        kind, architecture, settings = described["kind"], dict(described["architecture"]), described["settings"]
        styles(architecture)
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(path) from error
    if not all(np.isfinite(value).all() for value in weights.values()):
        raise damaged(path)
    if kinds and kind not in kinds:
        raise unfit(path, kind, kinds)
    return Content(kind, architecture, weights, settings, sha256(content).hexdigest())


def styles(architecture: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the styles that a model of some ``architecture`` was trained for; none where it paints in any style.

    Raises:
        ValueError: they are no names.
    """
    found = architecture.get("styles", ())
    if not isinstance(found, list | tuple) or not all(isinstance(name, str) for name in found):
        raise ValueError(found)
    return tuple(found)


def contents(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a model file, ``path``.

    Raises:
        ModelError: it can't be read.
    """
    try:
        if (file := Path(path)).exists() and not file.is_file():
            raise OSError("it is no file")
        return file.read_bytes()
    except (OSError, ValueError) as error:  # a name that no file can have raises the latter
        said = getattr(error, "strerror", None) or error
        raise ModelError(f"{path} can't be read ({said}); name a model file, as `impasto train` writes them") from error


def damaged(path: str | os.PathLike[str]) -> ModelError:
    """What to raise of a file, ``path``, that is no model."""
    return ModelError(f"{path} is damaged or no model of ours; `impasto train` makes them")


def unfit(path: str | os.PathLike[str], kind: str, kinds: Sequence[str]) -> ModelError:
    """What to raise of a file, ``path``, with a model of a ``kind`` that isn't one of the ``kinds`` that will do."""
    return ModelError(f"{path} holds a model of kind {kind}, and {' or '.join(kinds)} is needed here; name another file")


def packaged(kind: str) -> Path:
    """The file of the model of a ``kind`` that comes with the package."""
    return Path(__file__).with_name(PACKAGED[kind])


def encoder() -> dict[str, NDArray[np.float32]]:
    """The weights of `pocket`, which networks for any style look at pictures with, in float32."""
    file = Path(__file__).parents[1] / "encoders" / "pocket.safetensors"
    return {name: value.astype(np.float32) for name, value in load(file.read_bytes()).items()}
