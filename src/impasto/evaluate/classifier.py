"""A classifier: what a pretrained encoder makes of a picture, and a head that was trained to name it.

Transfer learning as in Donahue et al., *DeCAF: A Deep Convolutional Activation Feature for Generic Visual Recognition*
(ICML 2014), and Yosinski et al., *How transferable are features in deep neural networks?* (NeurIPS 2014).
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from impasto import encoders, picture
from impasto.encoders import Encoder
from impasto.encoders.devices import choose_device
from impasto.encoders.tensors import tensor
from impasto.errors import ModelError, OptionError
from impasto.evaluate.folders import square
from impasto.feedforward import models
from impasto.picture import Source

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KIND = "classifier"  # of model file
HIDDEN = 500  # units between the head's two linear layers
_ENCODER, _HEAD = "encoder.", "head."  # what names in a model file begin with


@dataclass(frozen=True)
class Architecture:
    """What a classifier is built from.

    Attributes:
        encoder: its name, one of :data:`impasto.encoders.NAMES`.
        layer: the encoder's deepest layer that is used.
        width: channels of that layer.
        classes: in the order of the answers.
        side: of the squares it sees, in pixels.
        unfrozen: layers of the encoder that were trained along with the head, in the order of computation.
    """

    encoder: str
    layer: str
    width: int
    classes: tuple[str, ...]
    side: int
    unfrozen: tuple[str, ...] = ()


class Classifier(nn.Module):
    """An encoder without its last layer, and a head: linear, batch normalisation, rectifier, linear.

    The head is given the mean and the standard deviation over positions of every channel of the encoder's deepest layer,
    brought to mean 0 and variance 1 over the training pictures. The mean is what networks like ResNet-50 name pictures by;
    the deviation tells a texture from a flat grey of the same mean, and is worth some percents of accuracy.
    """

    def __init__(self, architecture: Architecture, encoder: Encoder) -> None:
        """A classifier with a head at random.

        Args:
            architecture: what it is built from.
            encoder: that it names; taken over, not copied. Of its weights those that are ``unfrozen`` are set to be trained.
        """
        super().__init__()
        self.architecture = architecture
        self.encoder = encoder.requires_grad_(False)
        layers = encoder.layers[: encoder.layers.index(architecture.layer) + 1]
        for layer in architecture.unfrozen:
            for name in _weights(encoder, layer):
                encoder.get_parameter(name).requires_grad_(True)
        # The layer that the frozen part ends with: "" where there is none, the deepest where all is frozen.
        first = layers.index(architecture.unfrozen[0]) if architecture.unfrozen else len(layers)
        self.boundary = layers[first - 1] if first else ""
        self.head = nn.Sequential(
            nn.BatchNorm1d(2 * architecture.width, affine=False),
            nn.Linear(2 * architecture.width, HIDDEN),
            nn.BatchNorm1d(HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, len(architecture.classes)),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """The logits ``[N, classes]`` of squares of pictures, ``pixels`` ``[N, 3, side, side]`` in [0, 1]."""
        return self.finish(self.begin(pixels))

    @torch.no_grad()
    def begin(self, pixels: Tensor) -> Tensor:
        """The frozen part, for which a gradient is never computed.

        Args:
            pixels: squares of pictures, ``[N, 3, side, side]`` in [0, 1].

        Returns:
            What the head is given, ``[N, 2 width]``; where layers are unfrozen, the features ``[N, C, h, w]`` of the layer
            before the first of them, or the squares themselves where that is the first of all.
        """
        if not self.boundary:
            return pixels
        features = self.encoder(pixels, (self.boundary,))[self.boundary]
        return features if self.architecture.unfrozen else _moments(features)

    def finish(self, begun: Tensor) -> Tensor:
        """The logits ``[N, classes]`` of what the frozen part has ``begun``."""
        if self.architecture.unfrozen:
            layer = self.architecture.layer
            features = self.encoder.onward(begun, self.boundary, (layer,)) if self.boundary else self.encoder(begun, (layer,))
            begun = _moments(features[layer])
        return self.head(begun)  # type: ignore[no-any-return]

    @torch.no_grad()
    def probabilities(self, pixels: Tensor) -> dict[str, float]:
        """How likely each class is for a picture, ``pixels`` ``[1, 3, H, W]`` in [0, 1] of any size; their sum is 1."""
        where = next(self.parameters()).device
        shares = self(square(pixels, self.architecture.side).to(where)).softmax(1)[0].tolist()
        return dict(zip(self.architecture.classes, shares, strict=True))

    def trained(self) -> dict[str, Tensor]:
        """What a model file keeps: the head, and those of the encoder's weights that are unfrozen."""
        weights = {_HEAD + name: value for name, value in self.head.state_dict().items()}
        return weights | {_ENCODER + name: value for name, value in self.encoder.named_parameters() if value.requires_grad}

    def restore(self, weights: Mapping[str, Tensor]) -> None:
        """Be as when :meth:`trained` gave these ``weights``; raises RuntimeError where they are of another classifier."""
        self.head.load_state_dict({name.removeprefix(_HEAD): value for name, value in weights.items() if name.startswith(_HEAD)})
        own = {name: value for name, value in self.encoder.named_parameters() if value.requires_grad}
        given = {name.removeprefix(_ENCODER): value for name, value in weights.items() if name.startswith(_ENCODER)}
        if given.keys() != own.keys() or any(given[name].shape != value.shape for name, value in own.items()):
            raise RuntimeError("the weights are of other layers")
        with torch.no_grad():
            for name, value in own.items():
                value.copy_(given[name])


def deepest(encoder: Encoder) -> str:
    """The last layer of an ``encoder`` that is a rectifier or a group of residual blocks, as far as it has weights."""
    return next(layer for layer in reversed(encoder.layers) if layer.startswith(("relu", "layer")))


def unfreezable(encoder: Encoder) -> tuple[str, ...]:
    """The layers of an ``encoder`` that have weights, up to its deepest one."""
    return tuple(layer for layer in encoder.layers[: encoder.layers.index(deepest(encoder)) + 1] if _weights(encoder, layer))


def unfrozen(encoder: Encoder, asked: Sequence[str]) -> tuple[str, ...]:
    """The layers of an ``encoder`` that are ``asked`` for, in the order of computation; ``all`` is all that have weights.

    Raises:
        OptionError: a layer without weights, or deeper than the last that is used.
    """
    able = unfreezable(encoder)
    for layer in asked:
        if layer not in (*able, "all"):
            raise OptionError(f"{layer} has no weights to unfreeze; choose out of {', '.join(able)}, or all")
    return able if "all" in asked else tuple(layer for layer in able if layer in asked)


def write(classifier: Classifier, path: str | os.PathLike[str], settings: Mapping[str, Any]) -> None:
    """Write a model file, whole or not at all.

    It holds what was trained. Frozen weights stay where the encoder's are; their SHA-256 has to be in the settings.

    Args:
        classifier: what to keep.
        path: the file to write.
        settings: how it was made; kept as JSON.

    Raises:
        OutputError: the file can't be written.
    """
    weights = {name: value.detach().cpu().numpy() for name, value in classifier.trained().items()}
    models.store(path, KIND, asdict(classifier.architecture), weights, settings)


def read(
    path: str | os.PathLike[str],
    *,
    device: str = "auto",
    encoder_weights: str | os.PathLike[str] | None = None,
    fetching: Callable[[int, int | None], None] | None = None,
) -> Classifier:
    """Read a model file that ``impasto train classifier`` wrote.

    Args:
        path: the file.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``mps``.
        encoder_weights: the file that its encoder's weights came from, if they weren't the encoder's own.
        fetching: called with the bytes fetched and, if known, to fetch, while an encoder's weights are downloaded.

    Returns:
        The classifier, for computing only.

    Raises:
        OptionError: an unknown or absent device.
        ModelError: the file is missing, damaged, no classifier, or was trained on other weights of its encoder.
        EncoderError: the encoder's weights can't be used or fetched.
    """
    content = models.held(path, KIND)
    damaged = f"{path} is damaged; train it again with `impasto train classifier`"
    where = choose_device(device)
    with _trouble(damaged):
        described = dict(content.architecture)
        architecture = Architecture(**{**described, **{name: tuple(described[name]) for name in ("classes", "unfrozen")}})
        encoder = _complete(architecture)
    if encoder is None:
        weights = Path(encoder_weights) if encoder_weights else None
        loaded = encoders.load(architecture.encoder, weights, where, torch.float32, progress=fetching)
        if loaded.checksum != content.settings.get("encoder_sha256"):
            raise ModelError(f"{path} was trained on other weights of {architecture.encoder}; name their file with --encoder-weights")
        encoder = loaded.encoder
    with _trouble(damaged):
        classifier = Classifier(architecture, encoder)
        classifier.restore({name: torch.from_numpy(value) for name, value in content.weights.items()})
    return classifier.to(where).requires_grad_(False).eval()


@contextmanager
def _trouble(message: str) -> Iterator[None]:
    """Say that a model file is damaged, whatever that leads to."""
    try:
        yield
    except (ValueError, KeyError, TypeError, RuntimeError, StopIteration) as error:
        raise ModelError(message) from error


def _complete(architecture: Architecture) -> Encoder | None:
    """An encoder for a classifier whose file holds all weights, so that the encoder's own are no matter; else None."""
    if not architecture.unfrozen:
        return None
    blank = encoders.untrained(architecture.encoder)
    whole = set(architecture.unfrozen) == set(unfreezable(blank)) and architecture.layer == deepest(blank)
    return blank if whole else None


@dataclass(frozen=True)
class Answer:
    """What a picture was taken for.

    Attributes:
        picture: its file, or "" where it has none.
        probabilities: of each class, the most likely first; their sum is 1.
    """

    picture: str
    probabilities: Mapping[str, float]

    @property
    def best(self) -> str:
        """The most likely class."""
        return next(iter(self.probabilities))


def classify(
    pictures: Sequence[Source],
    model: str | os.PathLike[str] | Classifier,
    *,
    callback: Callable[[int, int], None] | None = None,
    **options: Any,
) -> list[Answer]:
    """Name pictures.

    Args:
        pictures: paths, or anything :func:`impasto.picture.read` takes.
        model: a file that ``impasto train classifier`` wrote, or a classifier that was read from one.
        callback: called after each picture with how many are done, and of how many.
        options: of :func:`read`, where the model is a file.

    Returns:
        An answer for each picture.

    Raises:
        PictureError: a picture that can't be read.
        ModelError: the model can't be used.
        EncoderError: its encoder's weights can't be used or fetched.
        OptionError: an unknown or absent device.
    """
    ready = model if isinstance(model, Classifier) else read(model, **options)
    answers = []
    for done, source in enumerate(pictures, 1):
        found = ready.probabilities(tensor(picture.read(source).picture))
        name = os.fspath(source) if isinstance(source, str | os.PathLike) else ""
        answers.append(Answer(name, dict(sorted(found.items(), key=lambda item: -item[1]))))
        if callback:
            callback(done, len(pictures))
    return answers


def confusion(answers: Sequence[str], wanted: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    """Count what pictures of each class were taken for.

    Args:
        answers: the class that each picture was taken for.
        wanted: the class it is of.
        classes: all of them.

    Returns:
        ``[classes, classes]``: how many of each class, by row, were taken for each class, by column.
    """
    matrix = np.zeros((len(classes), len(classes)), np.int64)
    places = {name: place for place, name in enumerate(classes)}
    for answer, right in zip(answers, wanted, strict=True):
        matrix[places[right], places[answer]] += 1
    return matrix


def accuracy(matrix: NDArray[np.int64]) -> float:
    """The share of pictures on the diagonal of a confusion ``matrix``."""
    return float(np.trace(matrix) / matrix.sum())


def draw_confusion(matrix: NDArray[np.int64], classes: Sequence[str]) -> bytes:
    """Draw a confusion matrix: shares of each row in colour, numbers of pictures in figures.

    Args:
        matrix: ``[classes, classes]``, see :func:`confusion`.
        classes: their names.
    """
    from matplotlib.figure import Figure

    count = len(classes)
    side = max(4.5, 0.55 * count + 2)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the row", shrink=0.8)
    axes.set_xticks(range(count), classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), classes)
    axes.set(xlabel="taken for", ylabel="is", title=f"{accuracy(matrix):.1%} of {matrix.sum()} pictures named rightly")
    if count <= 30:
        for row, column in np.ndindex(count, count):
            colour = "white" if shares[row, column] > 0.6 else "black"
            axes.text(column, row, str(matrix[row, column]), ha="center", va="center", color=colour)
    return png(figure)


def png(figure: "Figure") -> bytes:
    """A ``figure`` as a PNG file."""
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()


def _weights(encoder: Encoder, layer: str) -> list[str]:
    """The names of a layer's weights."""
    module = "bn1." if layer == "relu1" else f"{layer}."
    return [name for name, _ in encoder.named_parameters() if name.startswith(module)]


def _moments(features: Tensor) -> Tensor:
    """The mean and the standard deviation over positions of features ``[N, C, h, w]``, ``[N, 2 C]``."""
    mean, variance = features.mean((2, 3)), features.var((2, 3), correction=0)
    # Where a channel doesn't vary, a root has no slope.
    return torch.cat([mean, (variance + 1e-8).sqrt()], 1)
