"""The networks' two parts as PyTorch modules, from arrays to arrays: what is exported to ONNX, and what paints on a GPU."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from impasto import encoders
from impasto.encoders.encoder import Encoder
from impasto.feedforward import arbitrary, fast, names
from impasto.feedforward.arbitrary import Pieces
from impasto.feedforward.names import (
    BIAS,
    CARRIED,
    COLOUR,
    DEEP,
    DETAIL,
    NOISE,
    PAINTING,
    PICTURE,
    SEEN,
    SHARES,
    STATISTICS,
    Arrays,
    Floats,
)
from impasto.feedforward.statistics import Statistics


class Part(nn.Module):
    """A part of a network.

    Attributes:
        inputs, outputs: the names of what it takes and gives.
        precision: of convolutions. Statistics, and the maps out of them, are of float32 always: in half precision roots diverge.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    precision = torch.float32

    def convolving(self, device: torch.device) -> AbstractContextManager[None]:
        """What convolutions on a ``device`` are computed within."""
        return nullcontext() if self.precision == torch.float32 else torch.autocast(device.type, self.precision)


class ArbitraryLook(Part):
    """From a picture with its margin and what is seen beyond to its features with the margin, and mean and covariance of its colours and
    of every layer without.
    """

    inputs = (PICTURE,)
    outputs = (*CARRIED, *names.moments(names.OF, COLOUR, *SEEN))

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """What :attr:`inputs` name to what :attr:`outputs` name."""
        (picture,) = given
        with self.convolving(picture.device):
            seen = self.encoder(picture, SEEN)
        features, known = arbitrary.look(picture, seen)
        return (*features.values(), *(moment for pair in known.values() for moment in pair))


class ArbitraryPaint(Part):
    """From a picture with a margin, what was seen of it, and what was seen of the style, to the painting in [0, 1]."""

    inputs = (
        *(PICTURE, *CARRIED),
        *names.moments(names.CONTENT, COLOUR, *CARRIED),
        *names.moments(names.STYLE, COLOUR, *SEEN),
        *(DEEP, DETAIL, BIAS, *NOISE),
    )
    outputs = (PAINTING,)

    def __init__(self, network: arbitrary.Arbitrary) -> None:
        super().__init__()
        self.network = network

    def forward(self, *given: Tensor) -> Tensor:
        """What :attr:`inputs` name to ``[1, 3, H, W]``."""
        known = dict(zip(self.inputs, given, strict=True))
        own = _pairs(known, names.CONTENT, (COLOUR, *CARRIED))
        style = _pairs(known, names.STYLE, (COLOUR, *SEEN))
        told = self.network.told(own, style, Pieces(known[DEEP], known[DETAIL]), known[BIAS])
        noise = [known[name] for name in NOISE]
        with self.convolving(known[PICTURE].device):
            painted: Tensor = self.network(known[PICTURE], {layer: known[layer] for layer in CARRIED}, told, noise)
        return painted.clamp(0, 1)


class FastLook(Part):
    """From a whole picture to its painting in [0, 1], and the statistics of every normalisation."""

    inputs = (PICTURE, SHARES)

    def __init__(self, network: fast.Fast) -> None:
        super().__init__()
        self.network = network
        self.outputs = (PAINTING, *_numbered(network))

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """What :attr:`inputs` name to what :attr:`outputs` name."""
        picture, shares = given
        with self.convolving(picture.device):
            painted, found = self.network.look(picture, shares)
        return (painted.clamp(0, 1), *(torch.cat(pair, 2) for pair in found))


class FastPaint(Part):
    """From a part of a picture, and the statistics of the whole, to the painting in [0, 1]."""

    outputs = (PAINTING,)

    def __init__(self, network: fast.Fast) -> None:
        super().__init__()
        self.network = network
        self.inputs = (PICTURE, SHARES, *_numbered(network))

    def forward(self, *given: Tensor) -> Tensor:
        """What :attr:`inputs` name to ``[1, 3, H, W]``."""
        picture, shares, *statistics = given
        with self.convolving(picture.device):
            painted: Tensor = self.network(picture, shares, [(pair[:, :, :1], pair[:, :, 1:]) for pair in statistics])
        return painted.clamp(0, 1)


def parts(network: nn.Module) -> dict[str, Part]:
    """Both parts of a ``network``, ``look`` and ``paint``; one for any style looks through our own encoder."""
    if isinstance(network, fast.Fast):
        return {"look": FastLook(network).eval(), "paint": FastPaint(network).eval()}
    assert isinstance(network, arbitrary.Arbitrary)
    encoder = encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder
    return {"look": ArbitraryLook(encoder).eval(), "paint": ArbitraryPaint(network).eval()}


class Modules:
    """A network that PyTorch computes, on any device: an :class:`impasto.feedforward.names.Engine`."""

    def __init__(self, network: nn.Module, device: torch.device, precision: torch.dtype) -> None:
        """Make a ``network`` ready to compute on a ``device``, its convolutions in some ``precision``."""
        self.device = device
        self.parts = {name: part.to(device, memory_format=torch.channels_last) for name, part in parts(network).items()}  # type: ignore[call-overload]
        for part in self.parts.values():
            part.precision = precision

    @torch.no_grad()
    def __call__(self, part: str, given: Arrays) -> dict[str, Floats]:
        """See :class:`impasto.feedforward.names.Engine`."""
        module = self.parts[part]
        tensors = [torch.from_numpy(given[name]).to(self.device) for name in module.inputs]
        answer = module(*tensors)
        found = (answer,) if isinstance(answer, Tensor) else answer
        return {name: x.float().cpu().numpy() for name, x in zip(module.outputs, found, strict=True)}


def _pairs(known: Mapping[str, Tensor], whose: str, layers: Sequence[str]) -> Statistics:
    return {layer: (known[f"{whose}.{layer}.mean"], known[f"{whose}.{layer}.covariance"]) for layer in layers}


def _numbered(network: fast.Fast) -> tuple[str, ...]:
    count = sum(isinstance(module, fast.ConditionalNorm) for module in network.modules())
    return tuple(f"{STATISTICS}.{number}" for number in range(count))
