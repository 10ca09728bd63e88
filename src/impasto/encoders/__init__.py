"""Networks that turn a picture into named features, and where their weights come from."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from impasto.encoders.vgg import VGG, Architecture
from impasto.errors import EncoderError, OptionError

# Encoders that ship with the package: their files lie beside this one.
PACKAGED = ("pocket",)
ARCHITECTURE = "architecture"  # the key of the weights file's metadata


@dataclass(frozen=True)
class Loaded:
    """An encoder ready for use, and the SHA-256 of the file its weights came from."""

    encoder: VGG
    checksum: str


def load(name: str, weights: str | Path | None, device: torch.device, precision: torch.dtype) -> Loaded:
    """Build an encoder and fill in its weights.

    Args:
        name: one of :data:`PACKAGED`.
        weights: a safetensors file of the same architecture to use in place of the packaged one.
        device: where it will compute.
        precision: what it will compute in; features come in this precision.

    Raises:
        OptionError: an unknown name.
        EncoderError: a weights file that is missing, damaged or of another network; the message names the first layer missing.
    """
    if name not in PACKAGED:
        raise OptionError(f"unknown encoder {name}; choose one of {', '.join(PACKAGED)}")
    packaged = Path(__file__).with_name(f"{name}.safetensors")
    file = Path(weights) if weights is not None else packaged
    try:
        checksum = hashlib.sha256(file.read_bytes()).hexdigest()
        state = load_file(file)
    except FileNotFoundError as error:
        raise EncoderError(f"{file} doesn't exist; check the path of the encoder's weights") from error
    except OSError as error:
        raise EncoderError(f"{file} can't be read ({error.strerror}); name a safetensors file with the encoder's weights") from error
    except (SafetensorError, ValueError) as error:
        raise EncoderError(f"{file} is not a whole safetensors file; get a fresh copy of the encoder's weights") from error
    with safe_open(packaged, framework="pt") as opened, torch.random.fork_rng(devices=[]):
        # A new network draws random weights, which are replaced; the caller's random state is not ours to advance.
        encoder = VGG(Architecture(**json.loads(opened.metadata()[ARCHITECTURE])))
    for layer, expected in encoder.state_dict().items():
        if layer not in state:
            raise EncoderError(f"{file} has no {layer}; it holds the weights of another network than {name}")
        if state[layer].shape != expected.shape:
            shapes = f"is {list(state[layer].shape)}, not {list(expected.shape)}"
            raise EncoderError(f"{file}: {layer} {shapes}; it holds the weights of another network than {name}")
    encoder.load_state_dict({layer: state[layer].float() for layer in encoder.state_dict()})
    encoder.requires_grad_(False)
    for module in encoder.modules():
        if isinstance(module, nn.Conv2d):
            module.to(precision)
    # Channels last is what convolutions are fastest in, on every device.
    return Loaded(encoder.to(device=device, memory_format=torch.channels_last).eval(), checksum)  # type: ignore[call-overload]


__all__ = ["PACKAGED", "VGG", "Architecture", "Loaded", "load"]
