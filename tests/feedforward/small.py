"""Small networks of chance, and what computes them."""

import numpy as np
import torch

from impasto.feedforward.arbitrary import Arbitrary, Architecture
from impasto.feedforward.fast import Architecture as FastArchitecture
from impasto.feedforward.fast import ConditionalNorm, Fast
from impasto.feedforward.models import encoder
from impasto.feedforward.names import SEEN
from impasto.feedforward.parts import Modules
from impasto.feedforward.sessions import Sessions, filled

WIDTHS = {layer: len(encoder()[f"{layer.replace('relu', 'conv')}.weight"]) for layer in SEEN}
CPU = torch.device("cpu")


def any_style(seed=0, gain=0.3):
    """A network for any style, narrower than the packaged one; what it paints shows."""
    torch.manual_seed(seed)
    network = Arbitrary(Architecture(WIDTHS, widths=(12, 10, 8, 6), hidden=16, code=8))
    torch.nn.init.constant_(network.gain, gain)
    return network.requires_grad_(False).eval()


def few_styles(styles=("dawn", "dusk"), width=4, seed=0):
    """A network for a few styles, which differ."""
    torch.manual_seed(seed)
    network = Fast(FastArchitecture(styles, width))
    for part in network.modules():
        if isinstance(part, ConditionalNorm):
            torch.nn.init.normal_(part.scale, 1, 0.3)
            torch.nn.init.normal_(part.shift, 0, 0.3)
    return network.requires_grad_(False).eval()


def sessions(network):
    """Computed by ONNX Runtime, out of the packaged graphs."""
    kind = "fast" if isinstance(network, Fast) else "arbitrary"
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    return Sessions(lambda part: filled(part, kind, weights), "a network of chance")


def modules(network, precision=torch.float32):
    """Computed by PyTorch."""
    return Modules(network, CPU, precision)


def picture(height, width, seed=0):
    """Soft blots ``[H, W, 3]``, dark and grey at the left and bright and blue at the right: no part has the statistics of the whole."""
    generator = np.random.default_rng(seed)
    coarse = torch.from_numpy(generator.random((1, 3, height // 6 + 2, width // 6 + 2), np.float32))
    blots = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0].permute(1, 2, 0).numpy()
    noise = generator.random((height, width, 3), np.float32)
    across = np.linspace(0, 1, width, dtype=np.float32)[:, None]
    tint = np.array([0.2, 0.3, 0.6], np.float32) * across
    return np.clip(0.3 * blots[..., :1] * (1 - across) + 0.35 * blots * across + 0.05 * noise + tint, 0, 1)
