"""Networks that turn a picture into named features, and where their weights come from."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from impasto.encoders import resnet
from impasto.encoders.download import Progress
from impasto.encoders.encoder import CONVENTIONS, IMAGENET, Convention, Encoder, Padding, Pooling, filled
from impasto.encoders.layers import nearest
from impasto.encoders.normalise import normalised
from impasto.encoders.resnet import ResNet
from impasto.encoders.stored import Parameter, Stored, opened, stream
from impasto.encoders.vgg import VGG, VGG16, VGG19, Architecture
from impasto.encoders.weights import OFFICIAL, PACKAGED, fetch, packaged
from impasto.errors import EncoderError, OptionError

NAMES = (*PACKAGED, *OFFICIAL)
ARCHITECTURE = "architecture"  # the key of a packaged file's metadata
NORMALISED = "normalised"  # the key of a weights file's metadata, "true" where its activations are normalised already


@dataclass(frozen=True, kw_only=True)
class Variant:
    """How a method, or a user, wants a network to differ from how it was trained; None is as trained.

    Attributes:
        pooling: ``max``, ``average`` or ``l2``.
        padding: what convolutions see beyond the border: ``zeros``, ``reflect`` or ``replicate``.
        convention: what the network sees of a picture: ``torchvision`` is RGB, centred and scaled by ImageNet's
            statistics; ``caffe`` is BGR of 0 … 255 less its mean, which Gatys' weights were trained with; ``unit`` is RGB
            in [0, 1] less (0.40760392, 0.45795686, 0.48501961). Under ``caffe`` a VGG's official weights go on seeing what
            they were trained with, and answer with activations of Caffe's size.
        normalised: rescale a VGG's weights so that every channel's mean activation is one (Gatys et al. 2016).
    """

    pooling: Pooling | None = None
    padding: Padding | None = None
    convention: Convention | None = None
    normalised: bool = False


@dataclass(frozen=True)
class Loaded:
    """An encoder ready for use, and the SHA-256 of the file its weights came from."""

    encoder: VGG | ResNet
    checksum: str


AS_TRAINED = Variant()


def load(
    name: str,
    weights: str | Path | None,
    device: torch.device,
    precision: torch.dtype,
    variant: Variant = AS_TRAINED,
    progress: Progress | None = None,
) -> Loaded:
    """Build an encoder and fill in its weights, downloading them where they are neither packaged nor fetched yet.

    Args:
        name: one of :data:`NAMES`.
        weights: a file to use in place of the encoder's own: safetensors or a state dict saved by torch, in torchvision's
            layout or with our layer names. It may end before the network does: ``encoder.layers`` then does, too. A VGG
            with our layer names is taken for one like Gatys' published network: in Caffe's convention, and already
            normalised.
        device: where it will compute.
        precision: what it will compute in, float32, bfloat16 or float64; features come in this precision.
        variant: how it is to differ from how it was trained.
        progress: called during a download with the bytes there are and, if it is known, how many there will be.

    Raises:
        OptionError: an unknown name, or a variant that the network can't have.
        EncoderError: weights that can't be downloaded; a file that is missing, damaged or of another network. The message
            names the first layer missing.
    """
    if name not in NAMES:
        raise OptionError(f"unknown encoder {name}; choose one of {', '.join(NAMES)}")
    if variant.normalised and name == "resnet50":
        raise OptionError("resnet50 can't be normalised, since its blocks add up; choose vgg19, vgg16 or pocket")
    official = weights is None and name in OFFICIAL
    if weights is None:
        weights = fetch(name, progress) if official else packaged(name)
    file = Path(weights)
    with stream(file) as source:
        checksum = hashlib.file_digest(source, hashlib.sha256).hexdigest()
    encoder = _resnet(file, precision, variant) if name == "resnet50" else _vgg(name, file, precision, variant, official)
    # Channels last is what convolutions are fastest in, on every device.
    return Loaded(encoder.to(device=device, memory_format=torch.channels_last), checksum)  # type: ignore[call-overload]


def untrained(name: str, seed: int = 0) -> VGG | ResNet:
    """Build an encoder with random weights, for training from nothing.

    Convolutions are drawn as in He et al. 2015, *Delving Deep into Rectifiers*, which keeps the size of activations from
    layer to layer. The last of each residual block is 0, so that the blocks begin as identities (Goyal et al. 2017).

    Args:
        name: one of :data:`NAMES`.
        seed: of the weights.

    Returns:
        The encoder, in float32 on the CPU.

    Raises:
        OptionError: an unknown name.
    """
    if name not in NAMES:
        raise OptionError(f"unknown encoder {name}; choose one of {', '.join(NAMES)}")
    encoder = ResNet() if name == "resnet50" else VGG(_architecture(name))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, value in encoder.named_parameters():
            if value.ndim == 4 and not ("." in key.removesuffix(".weight") and key.endswith("conv3.weight")):
                value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
            else:
                value.fill_(1.0 if key == "bn1.weight" else 0.0)
    return encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _vgg(name: str, file: Path, precision: torch.dtype, variant: Variant, official: bool) -> VGG:
    architecture = _architecture(name)
    with opened(file) as stored:
        held = _held(stored, name, architecture.parameters, architecture.layers, precision)
        ours = stored.is_ours(architecture.parameters)
        even = ours or stored.metadata.get(NORMALISED) == "true"
    state = held.state
    convention = variant.convention or ("caffe" if ours and name not in PACKAGED else None)
    if convention == "caffe" and official:
        state, convention = _as_large_as_caffes(state), None
    if convention is not None:
        mean, deviation = CONVENTIONS[convention]
        architecture = replace(architecture, mean=mean, deviation=deviation)
    if convention == "caffe":
        state["conv1_1.weight"] = state["conv1_1.weight"].flip(1)
    architecture = replace(architecture, pooling=variant.pooling or architecture.pooling, padding=variant.padding or architecture.padding)
    if variant.normalised and not even:
        state = normalised(filled(lambda: VGG(architecture), {key: value.float() for key, value in state.items()}, held.layers), state)
    return filled(lambda: VGG(architecture, precision), {key: value.to(precision) for key, value in state.items()}, held.layers, held.lack)


def _as_large_as_caffes(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Torchvision's weights, whose activations are as large as those of a network that sees pixels from 0 to 255.

    They were trained on RGB and go on seeing that: in Caffe's order they would take red for blue. But losses published
    for Caffe's networks count on the size of their activations. A VGG's grow with its first weights and all its biases.
    """
    size = 255 * sum(IMAGENET[1]) / 3
    return {key: value * size if key == "conv1_1.weight" or key.endswith(".bias") else value for key, value in state.items()}


def _resnet(file: Path, precision: torch.dtype, variant: Variant) -> ResNet:
    with opened(file) as stored:
        held = _held(stored, "resnet50", resnet.PARAMETERS, resnet.LAYERS, precision)
    mean, deviation = CONVENTIONS[variant.convention or "torchvision"]
    if variant.convention == "caffe":
        held.state["conv1.weight"] = held.state["conv1.weight"].flip(1)
    state = {key: value.to(precision) for key, value in resnet.folded(held.state).items()}
    pooling, padding = variant.pooling or "max", variant.padding or "zeros"
    return filled(lambda: ResNet(pooling, padding, mean, deviation, precision), state, held.layers, held.lack)


def _architecture(name: str) -> Architecture:
    if published := {"vgg19": VGG19, "vgg16": VGG16}.get(name):
        return published
    with safe_open(packaged(name), framework="pt") as stored:
        return Architecture(**json.loads(stored.metadata()[ARCHITECTURE]))


@dataclass(frozen=True)
class _Held:
    """What a weights file holds of a network: its state dict, the layers that makes, and what to say of the others."""

    state: dict[str, Tensor]
    layers: tuple[str, ...]
    lack: str


def _held(stored: Stored, name: str, parameters: Sequence[Parameter], whole: tuple[str, ...], precision: torch.dtype) -> _Held:
    """The weights of a network in at least float32, as far as ``stored`` holds them."""
    present = stored.beginning(parameters)
    layers, lack = whole, ""
    if len(present) < len(parameters):
        absent = parameters[len(present)]
        layers = whole[: whole.index(absent.layer)]
        lack = f"{stored.file} has no {absent.name if stored.is_ours(parameters) else f'{absent.layer} ({absent.torchvision})'}"
    if not layers:
        raise EncoderError(f"{lack}; it holds the weights of another network than {name}")
    if foreign := stored.foreign(parameters):
        raise EncoderError(f"{stored.file} has a {foreign}; it holds the weights of another network than {name}")
    exact = torch.promote_types(precision, torch.float32)
    # Copied, since what is read may be a view of the file, which somebody may write to.
    state = {parameter.name: stored.read(parameter).to(exact, copy=True) for parameter in present if parameter.layer in layers}
    return _Held(state, layers, lack)


__all__ = [
    "NAMES",
    "PACKAGED",
    "VGG",
    "Architecture",
    "Convention",
    "Encoder",
    "Loaded",
    "Padding",
    "Pooling",
    "ResNet",
    "Variant",
    "load",
    "nearest",
    "untrained",
]
