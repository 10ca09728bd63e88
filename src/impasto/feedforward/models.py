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
from torch import nn

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
    described = {"kind": kind, "architecture": asdict(network.architecture), "settings": dict(settings)}  # type: ignore[call-overload]
    weights = {name: value.detach().cpu().to(precision).contiguous() for name, value in network.state_dict().items()}
    try:
        replace(path, save(weights, {_KEY: json.dumps(described, sort_keys=True)}))
    except OSError as error:
        raise OutputError(f"{path} can't be written ({error.strerror}); free some space or choose another folder") from error


def read(path: str | os.PathLike[str], *kinds: str) -> Model:
    """Read a model file.

    Args:
        path: the file.
        kinds: those that will do; without any, all.

    Returns:
        The network, for computing only, and what its file says of it.

    Raises:
        ModelError: the file is missing, damaged, or no model of these kinds.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{path} can't be read ({error.strerror}); name a model file, as `impasto train` writes them") from error
    if content[:2] in (b"PK", *PICKLES) and content[8:9] != b"{":
        raise ModelError(f"{path} holds a pickle, which could run any program; only safetensors files of ours are read")
    try:
        weights = load(content)
        size = int.from_bytes(content[:8], "little")
        described = json.loads(json.loads(content[8 : 8 + size])["__metadata__"][_KEY])
        kind = described["kind"]
        architecture, made = KINDS[kind]
        with torch.device("meta"):
            network = made(architecture(**described["architecture"]))
        network.load_state_dict({name: value.float() for name, value in weights.items()}, assign=True)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{path} is damaged or no model of ours; train one with `impasto train fast`") from error
    if kinds and kind not in kinds:
        raise ModelError(f"{path} holds a model of kind {kind}, and {' or '.join(kinds)} is needed here; name another file")
    return Model(kind, network.requires_grad_(False).eval(), described["settings"], sha256(content).hexdigest())


def packaged(kind: str) -> Path:
    """The file of the model of a ``kind`` that comes with the package."""
    return Path(__file__).with_name(PACKAGED[kind])
