"""Networks out of model files and into them."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from impasto.feedforward import arbitrary, decoder, fast, models
from impasto.feedforward.models import Content

# By kind: what its architecture is written in, and what makes a network of it.
KINDS: Mapping[str, tuple[Any, Any]] = {
    "fast": (fast.Architecture, fast.Fast),
    "arbitrary": (arbitrary.Architecture, arbitrary.Arbitrary),
    "decoder": (decoder.Architecture, decoder.Decoder),
}


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
    weights = {name: value.detach().to("cpu", precision).numpy() for name, value in network.state_dict().items()}
    models.store(path, kind, asdict(network.architecture), weights, settings)  # type: ignore[call-overload]


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
    return built(models.held(path, *kinds), path)


def built(content: Content, path: str | os.PathLike[str]) -> Model:
    """The network of the ``content`` of a model file, ``path``.

    Raises:
        ModelError: it doesn't hold what its kind and architecture need.
    """
    try:
        architecture, made = KINDS[content.kind]
        with torch.device("meta"):
            network = made(architecture(**content.architecture))
        network.load_state_dict({name: torch.from_numpy(value) for name, value in content.weights.items()}, assign=True)
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise models.damaged(path) from error
    return Model(content.kind, network.requires_grad_(False).eval(), content.settings, content.checksum)
