"""Training a decoder, the offline inverse of a VGG-like encoder, on a folder of photographs."""

import math
import os
import platform
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from impasto import encoders
from impasto.encoders import VGG
from impasto.encoders.devices import choose_device
from impasto.errors import EncoderError, ModelError, OptionError
from impasto.feedforward import networks
from impasto.feedforward.decoder import Architecture, Decoder, Stage
from impasto.feedforward.muon import Muon, Optimisers
from impasto.feedforward.photos import Photos, batches, collate
from impasto.feedforward.record import Record
from impasto.feedforward.training import EACH, Progress, Trained, stopping

_FLOOR = 1e-6  # under a root, whose slope has no bound at 0
TERMS = ("pixels", "seen", "guessed")  # of the loss
RIDGE = 1e-4  # of a regression, beside the mean square of what it regresses on
POSITIONS = 256  # of a crop that a regression looks at
FIRST_LOOK = 128  # crops that the weights are first found with


def train(
    photos: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    encoder: str = "pocket",
    encoder_weights: str | os.PathLike[str] | None = None,
    steps: int = 2000,
    batch: int = 5,
    crop: int = 128,
    rate: float = 0.004,
    seed: int = 0,
    device: str = "auto",
    checkpoint_every: int = 250,
    callback: Callable[[Progress], None] | None = None,
    fetching: Callable[[int, int | None], None] | None = None,
) -> Trained:
    """Train the inverse of an encoder.

    Beside ``output`` a folder, called like it with ``.training`` at the end, holds ``log.jsonl``, ``loss.png`` and
    ``checkpoint.pt``. Where that exists, the training goes on from it, and on a CPU ends with the very weights it would have
    had without the interruption. ``device`` may change in between, and ``steps`` may be raised; all else must be as it was.

    Args:
        photos: a folder of photographs, of which all pictures in it and in its folders are used.
        output: the model file to write.
        encoder: what is inverted, a VGG-like one out of :data:`impasto.encoders.NAMES`.
        encoder_weights: a file to use in place of that encoder's own weights.
        steps: of the optimisers, at least 1.
        batch: crops at each step, each decoded from one layer; at least as many as the encoder has blocks.
        crop: side of the crops in pixels, a multiple of what the deepest layer is smaller by.
        rate: Muon's highest learning rate, above 0; see :class:`Pupil`.
        seed: of all randomness, at least 0.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``mps``.
        checkpoint_every: steps between two checkpoints.
        callback: called after every step.
        fetching: called with the bytes fetched and, if known, to fetch, while the encoder's weights are downloaded.

    Returns:
        The last step taken, and whether all were. Ctrl-C and SIGTERM end the training after the step at hand, with a
        checkpoint and a model file of what there is so far.

    Raises:
        OptionError: an impossible value, or an encoder that isn't VGG-like.
        PictureError: too few photographs.
        EncoderError: weights that can't be used or fetched, or that end before the last block.
        ModelError: a checkpoint that is damaged or of other options, or losses that grow without limit.
        OutputError: something can't be written; the last checkpoint stays as it is.
    """
    for name, number, least in (("steps", steps, 1), ("seed", seed, 0), ("crop", crop, 1), ("checkpoint_every", checkpoint_every, 1)):
        if not least <= number < 2**63:
            raise OptionError(f"{name} {number} is impossible; give a whole number of at least {least}")
    if not (math.isfinite(rate) and rate > 0):
        raise OptionError(f"rate {rate} is impossible; give a number above 0")
    record = Record(output)
    where = choose_device(device)
    loaded = encoders.load(encoder, Path(encoder_weights) if encoder_weights else None, where, torch.float32, progress=fetching)
    inverted = loaded.encoder
    if not isinstance(inverted, VGG):
        raise OptionError(f"{encoder} is not VGG-like, so no chain of blocks mirrors it; choose pocket, vgg16 or vgg19")
    channels = inverted.architecture.channels
    deepest = f"relu{len(channels)}_1"
    if deepest not in inverted.layers:
        raise EncoderError(f"{inverted.lack}, which {deepest} needs; name a file that holds more of the network")
    multiple = 2 ** (len(channels) - 1)
    if crop % multiple:
        raise OptionError(f"crop {crop} can't be halved {len(channels) - 1} times; give a multiple of {multiple}")
    if not len(channels) <= batch < 2**63:
        raise OptionError(f"a batch of {batch} is too small, since each layer needs a crop; give at least {len(channels)}")
    photographs = Photos(photos, crop, seed)
    matters = {
        "encoder_sha256": loaded.checksum,
        "photos_sha256": photographs.digest,
        "batch": batch,
        "crop": crop,
        "rate": rate,
        "seed": seed,
    }
    state = record.resume(matters, steps)
    first = [photographs[0, index][0][None].to(where) for index in range(FIRST_LOOK)]
    pupil = Pupil(Architecture(encoder, channels, scales(inverted, first)), rate, seed, where)
    if state is None:
        regress(pupil.decoder, inverted, first, seed)
    else:
        pupil.restore(state)
    run = _Run(
        pupil=pupil,
        lesson=Lesson(inverted),
        photographs=photographs,
        record=record,
        matters=matters,
        steps=steps,
        batch=batch,
        checkpoint_every=checkpoint_every,
        callback=callback or (lambda _: None),
    )
    trained = run(state)
    settings = {
        **matters,
        "steps": steps,
        "step": trained.step,
        "photos": Path(photos).resolve().name,
        "device": where.type,
        "versions": {"impasto": version("impasto"), "python": platform.python_version(), "torch": torch.__version__},
    }
    networks.write(pupil.decoder, output, settings)
    return trained


@torch.no_grad()
def scales(encoder: VGG, crops: Sequence[Tensor]) -> tuple[float, ...]:
    """The mean activation of the first layer of each of the encoder's blocks.

    Args:
        encoder: whose layers they are.
        crops: each ``[1, 3, H, W]`` in [0, 1], of pictures like those to come.
    """
    layers = tuple(f"relu{block}_1" for block in range(1, len(encoder.architecture.channels) + 1))
    means = torch.tensor([[float(x.mean()) for x in encoder(crop, layers).values()] for crop in crops]).mean(0)
    # A layer that is dead on these pictures has no scale of its own.
    return tuple(float(mean) or 1.0 for mean in means)


@torch.no_grad()
def regress(decoder: Decoder, encoder: VGG, crops: Sequence[Tensor], seed: int) -> None:
    """Find the first weights in closed form: each convolution of the chain by least squares, one after another.

    The chain mirrors the encoder, so the encoder itself has what each of them should answer with: the pooling before a
    block, then the block's layers from the last but one to the first, and at last the picture.

    Args:
        decoder: whose weights are replaced.
        encoder: what it inverts.
        crops: each ``[1, 3, H, W]`` in [0, 1], with sides that all its scales divide.
        seed: of the choice of positions.
    """
    generator = torch.Generator().manual_seed(seed)
    channels, scale = encoder.architecture.channels, decoder.architecture.scales
    nn.init.dirac_(decoder.last.weight)
    nn.init.zeros_(decoder.last.bias)  # type: ignore[arg-type]
    seen = [encoder(crop, ("relu1_1",))["relu1_1"] / scale[0] for crop in crops]
    _fit(decoder.finish, [functional.relu(decoder.last(x)) for x in seen], crops, generator)
    for block, stage in enumerate(decoder.stages, start=1):
        assert isinstance(stage, Stage)
        wanted = [f"relu{block}_{number}" for number in range(len(channels[block - 1]) - 1, 0, -1)]
        layers = (f"relu{block + 1}_1", f"pool{block}", *wanted)
        # All of a block's layers go by its first layer's scale: what is between two scales has none of its own.
        features = [encoder(crop, layers) for crop in crops]
        x = [found[layers[0]] / scale[block] for found in features]
        _fit(stage.narrow, x, [found[layers[1]] / scale[block - 1] for found in features], generator)
        x = [stage.enlarge(one) for one in x]
        for convolution, layer in zip(stage.refine, wanted, strict=True):
            assert isinstance(convolution, nn.Conv2d)
            _fit(convolution, x, [found[layer] / scale[block - 1] for found in features], generator)
            x = [functional.relu(convolution(one)) for one in x]


def _fit(convolution: nn.Conv2d, given: Sequence[Tensor], wanted: Sequence[Tensor], generator: torch.Generator) -> None:
    """The weights of a 3x3 ``convolution`` of ``given`` that come nearest to ``wanted``, both ``[1, C, h, w]``, with a little ridge."""
    into = convolution.in_channels * 9 + 1
    square = torch.zeros(into, into, dtype=torch.float64)
    product = torch.zeros(into, convolution.out_channels, dtype=torch.float64)
    for x, y in zip(given, wanted, strict=True):
        chosen = torch.randperm(x.shape[2] * x.shape[3], generator=generator)[:POSITIONS].to(x.device)
        rows = functional.unfold(x, 3, padding=1)[0][:, chosen].T
        rows = torch.cat([rows, torch.ones_like(rows[:, :1])], 1)
        square += (rows.T @ rows).cpu()
        product += (rows.T @ y.flatten(2)[0][:, chosen].T).cpu()
    square.diagonal().add_(RIDGE * square.trace() / into)
    solved = torch.linalg.solve(square, product).to(convolution.weight)
    convolution.weight.copy_(solved[:-1].T.reshape(convolution.weight.shape))
    assert convolution.bias is not None
    convolution.bias.copy_(solved[-1])


class Lesson:
    """How wrong a decoder is about some pictures: the loss it is trained with.

    The root mean square error of the pixels; the relative errors of the features that the encoder finds in the decoded
    picture, as Dosovitskiy & Brox 2016 (*Generating Images with Perceptual Similarity Metrics*, equation 2) add them; and
    those of the guesses at shallower layers. Roots let shallow layers, whose errors are a hundredth of the deep ones', count.

    Args:
        encoder: what is inverted.
        seen, guessed: weights of the second and third term, beside the root mean square error over 0.25.
    """

    def __init__(self, encoder: VGG, seen: float = 0.3, guessed: float = 0.5) -> None:
        self.encoder, self.seen, self.guessed = encoder, seen, guessed

    def __call__(self, decoder: Decoder, picture: Tensor) -> tuple[Tensor, dict[str, float]]:
        """The loss of pictures ``[N, 3, H, W]`` in [0, 1], each decoded from one layer, and its parts.

        Args:
            decoder: the network in training.
            picture: at least as many as the decoder has layers, with sides that all its scales divide.

        Returns:
            The loss; and the mean peak signal-to-noise ratio by layer, in dB, with the three terms.
        """
        layers = decoder.architecture.layers
        with torch.no_grad():
            features = self.encoder(picture, layers)
        # As even as it gets, the first and so the deepest layers never with fewer.
        bounds = [-(-index * len(picture) // len(layers)) for index in range(len(layers) + 1)]
        spans = dict(zip(reversed(layers), pairwise(bounds), strict=True))
        decoded, guesses = decoder.chain({layer: features[layer][begin:end] for layer, (begin, end) in spans.items()})
        error = (decoded - picture).square().mean((1, 2, 3))
        # It is pictures from deep layers that blur without the second term, and it costs as much as all the rest.
        deep = -(-len(picture) // 2)
        found = self.encoder(decoded[:deep].clamp(0, 1), layers)
        seen = torch.stack([_relative(found[layer], features[layer][:deep]) for layer in layers])
        scales = dict(zip(layers, decoder.architecture.scales, strict=True))
        guessed = torch.cat([_relative(guess, features[layer][: len(guess)] / scales[layer]) for layer, guess in guesses.items()])
        values = ((error + _FLOOR).sqrt().mean() * 4, seen.mean() * self.seen, guessed.mean() * self.guessed)
        terms = dict(zip(TERMS, values, strict=True))
        decibels = -10 * (error.detach() + 1e-10).log10()
        parts = {layer: float(decibels[begin:end].mean()) for layer, (begin, end) in reversed(spans.items())}
        return torch.stack(list(terms.values())).sum(), parts | {name: float(term.detach()) for name, term in terms.items()}


class Pupil:
    """A decoder and what moves its weights.

    Muon moves the convolutions. The last two are left to AdamW: with orthogonal updates the whole picture would flicker.

    Attributes:
        decoder: the network.
        optimisers: of its stages' convolutions, of their biases, and of the last two convolutions.
    """

    def __init__(self, architecture: Architecture, rate: float, seed: int, device: torch.device) -> None:
        """Draw the weights.

        Args:
            architecture: of the decoder.
            rate: Muon's highest learning rate; AdamW's are a twentieth of it, and a hundredth for the last two convolutions.
            seed: of the weights.
            device: where it is.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            decoder = Decoder(architecture)
        self.decoder = decoder.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        hidden: list[nn.Parameter] = list(self.decoder.stages.parameters())
        outer: list[nn.Parameter] = [*self.decoder.last.parameters(), *self.decoder.finish.parameters()]
        self.optimisers = Optimisers(
            (
                Muon([p for p in hidden if p.ndim == 4], lr=rate),
                torch.optim.AdamW([p for p in hidden if p.ndim == 1], lr=rate / 20, weight_decay=0),
                torch.optim.AdamW(outer, lr=rate / 100, weight_decay=0),
            )
        )

    def learn(self, loss: Tensor, step: int, steps: int) -> None:
        """Move down a ``loss`` at a ``step``, counted from 0, of ``steps``."""
        self.decoder.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers.move(step, steps)

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs."""
        return {"decoder": self.decoder.state_dict(), "optimisers": self.optimisers.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Be as when ``state`` was taken."""
        self.decoder.load_state_dict(state["decoder"])
        self.optimisers.restore(state["optimisers"])


@dataclass(frozen=True, kw_only=True)
class _Run:
    """A training, all prepared."""

    pupil: Pupil
    lesson: Lesson
    photographs: Photos
    record: Record
    matters: Mapping[str, Any]
    steps: int
    batch: int
    checkpoint_every: int
    callback: Callable[[Progress], None]

    def __call__(self, state: Mapping[str, Any] | None) -> Trained:
        """Take the steps that are left after a checkpoint's ``state``."""
        record = self.record
        where = next(self.pupil.decoder.parameters()).device
        first, recent = (int(state["step"]), list(state["recent"])) if state else (0, [])
        record.begin(first)
        said: set[str] = set()
        latest: dict[str, float] = {}
        speed, line, began = 0.0, first, time.perf_counter()
        with stopping() as stop:
            for step, drawn in enumerate(batches(first, self.steps, self.batch, 0, 1), first + 1):
                crops, _ = collate([self.photographs[one] for one in drawn])
                for complaint in set(self.photographs.bad.values()) - said:
                    warnings.warn(complaint, stacklevel=3)
                    said.add(complaint)
                loss, parts = self.lesson(self.pupil.decoder, crops.to(where))
                self.pupil.learn(loss, step - 1, self.steps)
                recent.append(parts)
                stopped = stop.is_set()
                at_line = step in (1, self.steps) or step % EACH == 0
                at_checkpoint = step == self.steps or step % self.checkpoint_every == 0 or stopped
                if at_line or at_checkpoint:
                    latest = {name: sum(row[name] for row in recent) / len(recent) for name in parts}
                    if not all(map(math.isfinite, latest.values())):
                        raise ModelError(f"the losses have grown without limit by step {step}; remove {record.folder}, and lower the rate")
                if at_line:
                    now = time.perf_counter()
                    speed, line, began = (step - line) * self.batch / (now - began), step, now
                    record.log({"step": step, **latest, "pictures_per_second": round(speed, 3)})
                    recent = []
                if at_checkpoint:
                    record.save({**self.pupil.state(), "step": step, "recent": recent}, self.matters)
                    record.draw()
                self.callback(Progress(step, self.steps, latest, speed))
                if stopped:
                    return Trained(step, step == self.steps)
        return Trained(self.steps, True)


def _relative(found: Tensor, wanted: Tensor) -> Tensor:
    """|found - wanted| / |wanted| of each of ``[N, C, h, w]``."""
    wrong = (found - wanted).square().sum((1, 2, 3)) / (wanted.square().sum((1, 2, 3)) + _FLOOR)
    return (wrong + _FLOOR).sqrt()
