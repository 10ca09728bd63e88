"""Where networks compute, and in what precision."""

import torch

from impasto.errors import OptionError

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose_device(name: str) -> torch.device:
    """The device of a ``name`` out of :data:`DEVICES`; ``auto`` is a GPU if there is one.

    Raises:
        OptionError: an unknown name, or this machine has no such device.
    """
    if name not in DEVICES:
        raise OptionError(f"unknown device {name}; choose one of {', '.join(DEVICES)}")
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(device for device in ("cuda", "mps", "cpu") if available[device]))
    if not available[name]:
        raise OptionError(f"this machine has no {name} device that torch {torch.__version__} can use; choose --device cpu or auto")
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> str:
    """``name`` itself, or for ``auto`` bfloat16 where the ``device`` is fast at it, else float32."""
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    capabilities = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return "bfloat16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "float32"
