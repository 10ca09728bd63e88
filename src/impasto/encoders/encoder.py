"""What all encoders have in common: how they see a picture, answer to layer names, pad and pool."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from impasto.encoders.layers import nearest
from impasto.errors import EncoderError

Pooling = Literal["max", "average", "l2"]
Padding = Literal["zeros", "reflect", "replicate"]
Convention = Literal["torchvision", "caffe", "unit"]
RGB = tuple[float, float, float]

IMAGENET: tuple[RGB, RGB] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# What is taken off an RGB picture in [0, 1], and what it is then divided by. Caffe's networks see 255 times that in the
# order BGR; the order is turned round in the weights of the first convolution, which costs nothing when painting.
CONVENTIONS: Mapping[Convention, tuple[RGB, RGB]] = {
    "torchvision": IMAGENET,
    "caffe": ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255, 1 / 255, 1 / 255)),
    "unit": ((0.40760392, 0.45795686, 0.48501961), (1.0, 1.0, 1.0)),
}


class Encoder(nn.Module):
    """A network that turns a picture into named features.

    Attributes:
        layers: the layers it has weights for, in the order of computation.
        whole: the layers of the network when nothing is missing, in the same order.
        lack: where the weights end before the network does: which file has no weights for which layer.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, layers: tuple[str, ...], mean: RGB, deviation: RGB, precision: torch.dtype) -> None:
        super().__init__()
        self.layers = self.whole = layers
        self.lack = ""
        # A picture is brought to half precision only once it is centred.
        exact = torch.promote_types(precision, torch.float32)
        for name, values in (("mean", mean), ("deviation", deviation)):
            self.register_buffer(name, torch.tensor(values, dtype=exact, device="cpu").view(1, 3, 1, 1), persistent=False)

    @property
    def precision(self) -> torch.dtype:
        """What the network computes in, and the precision of its features."""
        return next(self.parameters()).dtype

    def forward(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """The features of ``picture`` at ``layers``, computing nothing deeper than the deepest of them.

        Args:
            picture: float ``[N, 3, H, W]``, sRGB in [0, 1].
            layers: names of VGG19, VGG16 or ResNet-50; those this network doesn't have are answered by the layer that
                :func:`impasto.encoders.nearest` names.

        Returns:
            ``{layer: [N, C, h, w]}`` by the names asked for, in the weights' precision and the order of computation.

        Raises:
            KeyError: a layer no network has.
            EncoderError: a layer that the weights file ends before.
        """
        x = (picture - self.mean) / self.deviation
        return self._answer(x.to(self.precision, memory_format=torch.channels_last), "", layers)

    def onward(self, features: Tensor, after: str, layers: Collection[str]) -> dict[str, Tensor]:
        """Go on from features that were computed before.

        Args:
            features: ``[N, C, h, w]`` of the layer ``after``, as that layer computes them, without an embedding; left as they are.
            after: one of ``self.layers``.
            layers: deeper ones, as for :meth:`forward`.

        Returns:
            What :meth:`forward` returns.

        Raises:
            KeyError: a layer no network has.
            EncoderError: a layer that the weights file ends before.
        """
        return self._answer(features, after, layers)

    def _answer(self, x: Tensor, after: str, layers: Collection[str]) -> dict[str, Tensor]:
        """The features at ``layers``, from what the layer ``after`` computed, or, after no layer, from the centred picture."""
        asked = {layer: nearest(layer, self.whole) for layer in layers}
        wanted = set(asked.values())
        if lacking := [layer for layer in self.whole if layer in wanted and layer not in self.layers]:
            raise EncoderError(f"{self.lack}, which {lacking[0]} needs; name a file that holds more of the network")
        features: dict[str, Tensor] = {}
        before = after
        for layer in self.layers[self.layers.index(after) + 1 :] if after else self.layers:
            if len(features) == len(wanted):
                break
            x = self._compute(layer, x, spare=before not in {*wanted, after})
            if layer in wanted:
                features[layer] = self._report(layer, x)
            before = layer
        order = sorted(asked, key=lambda layer: self.whole.index(asked[layer]))
        return {layer: features[asked[layer]] for layer in order}

    @abstractmethod
    def _compute(self, layer: str, x: Tensor, *, spare: bool) -> Tensor:
        """One layer of the layer before it, ``x``, which may be overwritten where it is ``spare``."""

    def _report(self, layer: str, x: Tensor) -> Tensor:
        """A layer's features out of what the next layer is computed from."""
        return x


Network = TypeVar("Network", bound=Encoder)


def filled(network: Callable[[], Network], state: Mapping[str, Tensor], layers: tuple[str, ...], lack: str = "") -> Network:
    """An encoder for computing only, with as many layers as there are weights for.

    Args:
        network: makes the encoder.
        state: the state dict of ``layers``; its tensors are taken over, not copied.
        layers: the layers it will have.
        lack: what to say when a deeper one is asked for.
    """
    # On the meta device nothing is drawn at random, and nothing is allocated that the weights would replace.
    with torch.device("meta"):
        encoder = network()
    encoder.load_state_dict(state, strict=False, assign=True)
    for name, child in list(encoder.named_children()):
        if any(weights.is_meta for weights in child.parameters()):
            delattr(encoder, name)
    encoder.layers, encoder.lack = layers, lack
    return encoder.requires_grad_(False).eval()


def convolve(x: Tensor, convolution: nn.Conv2d, padding: Padding) -> Tensor:
    """A convolution that keeps the size, up to its stride.

    Args:
        x: ``[N, in, h, w]``, of any size.
        convolution: an odd square kernel; its own padding is ignored.
        padding: what it sees beyond the border. A side too short to mirror is replicated.
    """
    reach = convolution.kernel_size[0] // 2
    if padding == "zeros" or reach == 0:
        return functional.conv2d(x, convolution.weight, convolution.bias, convolution.stride, reach)
    if padding == "reflect" and min(x.shape[2:]) <= reach:
        padding = "replicate"
    return functional.conv2d(functional.pad(x, (reach,) * 4, padding), convolution.weight, convolution.bias, convolution.stride)


def pool(x: Tensor, pooling: Pooling, kernel: tuple[int, int], stride: tuple[int, int], padding: int = 0) -> Tensor:
    """Pool windows of pixels into one.

    ``l2`` is ``sqrt(mean of squares)`` (Hénaff & Simoncelli 2016, *Geodesics of learned representations*, who weight the
    mean with a window of unit sum; ours is flat, as in the other two poolings). Pixels beyond the border never count.

    Args:
        x: ``[N, C, h, w]``.
        pooling: what becomes of a window.
        kernel: the window's height and width.
        stride: from window to window, down and across.
        padding: how far windows reach beyond the border.
    """
    if pooling == "max":
        return functional.max_pool2d(x, kernel, stride, padding)
    if pooling == "average":
        return functional.avg_pool2d(x, kernel, stride, padding, count_include_pad=False)
    squares = functional.avg_pool2d(x.square(), kernel, stride, padding, count_include_pad=False)
    # The root's slope is infinite at 0, where the smallest number above 0 does as well.
    return squares.clamp_min(torch.finfo(x.dtype).tiny).sqrt()
