"""Model files: a network's weights as safetensors, and in the metadata what it is and how it was made."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from impasto.errors import ModelError, OutputError
from impasto.feedforward import arbitrary, decoder, fast
from impasto.picture import replace

# By kind: what its architecture is written in, and what makes a network of it.
KINDS: Mapping[str, tuple[Any, Any]] = {
    "fast": (fast.Architecture, fast.Fast),
    "arbitrary": (arbitrary.Architecture, arbitrary.Arbitrary),
    "decoder": (decoder.Architecture, decoder.Decoder),
}
PACKAGED = {"arbitrary": "arbitrary.safetensors", "decoder": "decoder.safetensors"}
PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))  # their first bytes
_KEY = "impasto"


@dataclass(frozen=True)
class Model:
    """A network ready for use.

    Attributes:
        kind: one of :data:`KINDS`.
        network: in float32, for computing only.
        settings: how it was made, as JSON keeps it.
        checksum: SHA-256 of its file.
    """

    kind: str
    network: nn.Module
    settings: Mapping[str, Any]
    checksum: str


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
    weights: Mapping[str, Tensor]
    settings: Mapping[str, Any]
    checksum: str


def write(network: nn.Module, path: str | os.PathLike[str], settings: Mapping[str, Any], *, precision: torch.dtype = torch.float32) -> None:
    """Write a model file, whole or not at all.

    Args:
        network: of one of :data:`KINDS`.
        path: the file to write.
        settings: how it was made; kept as JSON.
        precision: of the weights in the file.

    Raises:
        OutputError: the file can't be written.
    """
    kind = next(kind for kind, (_, made) in KINDS.items() if isinstance(network, made))
    weights = {name: value.to(precision) for name, value in network.state_dict().items()}
    store(path, kind, asdict(network.architecture), weights, settings)  # type: ignore[call-overload]


def store(
    path: str | os.PathLike[str], kind: str, architecture: Mapping[str, Any], weights: Mapping[str, Tensor], settings: Mapping[str, Any]
) -> None:
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
    plain = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    try:
        replace(path, save(plain, {_KEY: json.dumps(described, sort_keys=True)}))
    except OSError as error:
        raise OutputError(f"{path} can't be written ({error.strerror}); free some space or choose another folder") from error


def read(path: str | os.PathLike[str], *kinds: str) -> Model:
    """Read a model file.

    Args:
        path: the file.
        kinds: those that will do; without any, all of :data:`KINDS`.

    Returns:
        The network, for computing only, and what its file says of it.

    Raises:
        ModelError: the file is missing, damaged, or no model of these kinds.
    """
    content = held(path, *kinds)
    try:
        architecture, made = KINDS[content.kind]
        with torch.device("meta"):
            network = made(architecture(**content.architecture))
        network.load_state_dict(content.weights, assign=True)
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(_damaged(path)) from error
    return Model(content.kind, network.requires_grad_(False).eval(), content.settings, content.checksum)


def held(path: str | os.PathLike[str], *kinds: str) -> Content:
    """Read what a model file holds, without building a network of it.

    Args:
        path: the file.
        kinds: those that will do; without any, all.

    Raises:
        ModelError: the file is missing, damaged, or no model of these kinds.
    """
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # a name that no file can have raises the latter
        said = getattr(error, "strerror", None) or error
        raise ModelError(f"{path} can't be read ({said}); name a model file, as `impasto train` writes them") from error
    if content[:2] in (b"PK", *PICKLES) and content[8:9] != b"{":
        raise ModelError(f"{path} holds a pickle, which could run any program; only safetensors files of ours are read")
    try:
        weights = {name: value.float() for name, value in load(content).items()}
        size = int.from_bytes(content[:8], "little")
        described = json.loads(json.loads(content[8 : 8 + size])["__metadata__"][_KEY])
        kind, architecture, settings = (described[name] for name in ("kind", "architecture", "settings"))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelError(_damaged(path)) from error
    if kinds and kind not in kinds:
        raise ModelError(f"{path} holds a model of kind {kind}, and {' or '.join(kinds)} is needed here; name another file")
    return Content(kind, architecture, weights, settings, sha256(content).hexdigest())


def _damaged(path: str | os.PathLike[str]) -> str:
    return f"{path} is damaged or no model of ours; `impasto train` makes them"


def packaged(kind: str) -> Path:
    """The file of the model of a ``kind`` that comes with the package."""
    return Path(__file__).with_name(PACKAGED[kind])
