"""A trained network with all it needs to paint: what it computes in, and the encoder that describes styles to it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from impasto import encoders
from impasto.encoders.encoder import Encoder
from impasto.encoders.tensors import scale
from impasto.errors import ModelError, PictureError
from impasto.feedforward import tiles
from impasto.feedforward.arbitrary import STRIDE, Arbitrary, Style, blend
from impasto.feedforward.fast import Fast
from impasto.feedforward.models import Model
from impasto.feedforward.quilt import cut, framed
from impasto.feedforward.statistics import Statistics, statistics

OWN = 512  # pixels, the longest side at which a content is described as if it were a style


class OnePass:
    """A network that paints in one pass."""

    def __init__(self, model: Model, device: torch.device, precision: torch.dtype) -> None:
        """Make a network ready.

        Args:
            model: of kind ``arbitrary`` or ``fast``.
            device: where it computes.
            precision: what its convolutions compute in, float32 or bfloat16.

        Raises:
            ModelError: a model of another kind.
        """
        network = model.network
        if not isinstance(network, Arbitrary | Fast):
            raise ModelError(f"a model of kind {model.kind} doesn't paint; name one of kind arbitrary or fast")
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.device, self.precision = device, precision
        if isinstance(network, Arbitrary):
            network.precision = precision
        self._encoder: Encoder | None = None

    @property
    def styles(self) -> tuple[str, ...]:
        """The styles it was trained for; none if it takes any."""
        return self.network.architecture.styles if isinstance(self.network, Fast) else ()

    @torch.no_grad()
    def describe(self, style: Tensor) -> Style:
        """What a network for any style is told of a ``style`` picture ``[1, 3, H, W]`` in [0, 1].

        Raises:
            PictureError: a style smaller than what the network sees at once.
        """
        assert isinstance(self.network, Arbitrary)
        height, width = style.shape[2:]
        if min(height, width) < STRIDE:
            raise PictureError(f"a style of {width} x {height} pixels is too small; give one of at least {STRIDE} x {STRIDE}")
        return Style(self._statistics(style), ((1.0, cut(framed(style.to(self.device)))),))

    @torch.no_grad()
    def _statistics(self, picture: Tensor) -> Statistics:
        if self._encoder is None:
            self._encoder = encoders.load("pocket", None, self.device, torch.float32).encoder
        return statistics(picture.to(self.device), self._encoder)

    def paint(
        self,
        content: Tensor,
        style: Sequence[tuple[float, Tensor]] | Sequence[tuple[float, Style]] | Sequence[float],
        *,
        strength: float = 1.0,
        tile: int = tiles.TILE,
        callback: Callable[[int, int], None] | None = None,
    ) -> Tensor:
        """Paint a picture of any size.

        Args:
            content: ``[1, 3, H, W]`` in [0, 1].
            style: the styles' shares, which add up to 1: of pictures ``[1, 3, H, W]`` in [0, 1] for a network that takes any
                style, or of what :meth:`describe` made of them; else of :attr:`styles`.
            strength: 0 leaves the content as it is, 1 paints it wholly. In between, a network for any style paints in a style
                that lies between the content's own and the style; another's painting is mixed with the content.
            tile: pixels a side of the tiles it works in.
            callback: called after every tile with the number of those done and of all.

        Returns:
            ``[1, 3, H, W]`` in [0, 1], on the content's device.

        Raises:
            PictureError: a style smaller than what the network sees at once.
        """
        if strength == 0:
            return content.clone()
        if isinstance(self.network, Fast):
            shares = torch.tensor([style], dtype=torch.float32)
            with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
                painting = tiles.paint(self.network, content, shares, tile=tile, callback=callback).clamp_(0, 1)
            return painting if strength == 1 else torch.lerp(content, painting, strength, out=painting)
        parts = [(strength * share, one if isinstance(one, Style) else self.describe(one)) for share, one in style]  # type: ignore[misc]
        if strength < 1:
            parts.append((1 - strength, Style(self._statistics(scale(content, OWN, enlarge=False)))))
        return tiles.paint(self.network, content, blend(parts), tile=tile, callback=callback).clamp_(0, 1)
