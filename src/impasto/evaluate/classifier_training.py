"""Training a classifier on a folder of labelled pictures: transfer learning from a pretrained encoder."""

import math
import os
import platform
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from impasto import encoders
from impasto.encoders.devices import choose_device
from impasto.errors import EncoderError, ModelError, OptionError, PictureError
from impasto.evaluate import classifier as classifiers
from impasto.evaluate.classifier import Architecture, Classifier, accuracy, confusion, deepest, draw_confusion, png, unfrozen
from impasto.evaluate.folders import Split, Squares, labelled, split
from impasto.feedforward.record import Record
from impasto.feedforward.training import REDRAWN, stopping
from impasto.options import whole

AUTO = "auto"
LEAST = 3  # pictures of a class: one to learn from, one to choose the best epoch by, one to score
SIDES: Mapping[str, int] = {"pocket": 160}  # pixels, that a network was taught at
SIDE = 224  # of all others
LOOK = 16  # pictures that go through the frozen part at once
GENTLER = 0.1  # the rate of pretrained weights over that of the head, which starts at random
_CACHE = 2**31  # bytes of features that are kept


@dataclass(frozen=True)
class Progress:
    """What a callback is told.

    Attributes:
        stage: ``looking``, while the frozen part computes its features, or ``training``.
        done: pictures so far, in this stage.
        count: pictures in all, in this stage; early stopping may leave some out.
        figures: of the last epoch: ``loss`` and ``accuracy`` of what is learnt from and, with ``validation`` before them, of
            what is not.
        speed: pictures per second.
    """

    stage: str
    done: int
    count: int
    figures: Mapping[str, float]
    speed: float


@dataclass(frozen=True)
class Trained:
    """How a training ended.

    Attributes:
        epoch: the last one.
        best: the one whose weights were kept, by the validation loss.
        finished: whether all epochs were taken, or as many as helped; not so where somebody stopped it.
        encoder: the encoder that was used.
        classes: their names.
        confusion: of the pictures held out: how many of each class, by row, were taken for each class, by column.
    """

    epoch: int
    best: int
    finished: bool
    encoder: str
    classes: tuple[str, ...]
    confusion: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """The share of the pictures held out that were named rightly."""
        return accuracy(self.confusion)


def train(
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    encoder: str = AUTO,
    encoder_weights: str | os.PathLike[str] | None = None,
    unfreeze: Sequence[str] = (),
    scratch: bool = False,
    augment: bool | None = None,
    size: int | None = None,
    epochs: int = 60,
    patience: int = 12,
    batch: int = 32,
    rate: float = 3e-4,
    held_out: float = 0.2,
    seed: int = 0,
    device: str = "auto",
    callback: Callable[[Progress], None] | None = None,
    fetching: Callable[[int, int | None], None] | None = None,
) -> Trained:
    """Teach a pretrained encoder the classes of one's own pictures (Donahue et al. 2014, *DeCAF*).

    The encoder stays as it is, but for the layers to ``unfreeze``; a new head is trained on top. The pictures are divided at
    random, class by class: most are learnt from; some, validation, say which epoch was the best, and when there is no more
    to gain; the rest is held out, and scored once at the end.

    Beside ``output`` a folder, called like it with ``.training`` at the end, holds what is there to watch: ``log.jsonl``,
    ``curves.png`` and at the end ``confusion.png``; and ``checkpoint.pt`` of the last epoch. Where that exists, the training
    goes on from it, and on a CPU ends with the very weights it would have had without the interruption. ``device`` may
    change in between, and ``epochs`` and ``patience`` may be raised; all else must be as it was.

    Args:
        folder: with one subfolder of pictures for each class, named after it.
        output: the model file to write.
        encoder: a name out of :data:`impasto.encoders.NAMES`; ``auto`` is resnet50, or pocket where resnet50's weights aren't
            here and can't be fetched.
        encoder_weights: a file to use in place of that encoder's own weights.
        unfreeze: layers of the encoder to train along with the head, such as ``layer4`` or ``conv5_1``; ``all`` is all.
        scratch: begin with random weights and train all layers, to see what the transfer is worth.
        augment: see another random crop or its mirror image of each picture in each epoch; None is where layers are trained.
            Without it the frozen part's features are computed once, and kept.
        size: side in pixels of the squares that are seen of the pictures; None is what the encoder was taught at.
        epochs: at most.
        patience: epochs without a lower validation loss after which there is no more to gain.
        batch: pictures at each step, at least 2.
        rate: AdamW's for the head, falling to 0 along a cosine; pretrained layers have a tenth of it.
        held_out: the share of each class to score by, above 0 and below 0.5; half as many are for validation.
        seed: of all randomness, at least 0.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``mps``.
        callback: told of the progress, after every batch.
        fetching: called with the bytes fetched and, if known, to fetch, while an encoder's weights are downloaded.

    Returns:
        How it ended. Ctrl-C and SIGTERM end it at once, with the best model so far; the epoch at hand is lost.

    Raises:
        OptionError: an impossible value or an unknown name.
        PictureError: too few classes or pictures, or a picture that can't be read.
        EncoderError: weights that can't be used or fetched.
        ModelError: a checkpoint that is damaged or of other options, or a loss that grows without limit.
        OutputError: something can't be written; the last checkpoint stays as it is.
        KeyboardInterrupt: Ctrl-C before the first epoch was over.
    """
    for name, number, least in (("epochs", epochs, 1), ("patience", patience, 1), ("batch", batch, 2), ("seed", seed, 0)):
        whole(name, number, least)
    if size is not None:
        whole("size", size, 32)
    if not (math.isfinite(rate) and rate > 0):
        raise OptionError(f"rate {rate} is impossible; give a number above 0")
    if not 0 < held_out < 0.5:
        raise OptionError(f"held_out {held_out} is impossible; give a share above 0 and below 0.5")
    if scratch and (unfreeze or encoder_weights is not None):
        raise OptionError("from scratch all layers are trained, from random weights; leave unfreeze and encoder_weights out")
    where = choose_device(device)
    record = Record(output, "epoch")
    pictures = labelled(folder, least=LEAST)
    eye = _eye(encoder, encoder_weights, scratch, seed, where, fetching)
    chosen = unfrozen(eye.network, ("all",) if scratch else unfreeze)
    side = size or SIDES.get(eye.name, SIDE)
    last = deepest(eye.network)
    with torch.no_grad():
        width = eye.network(torch.zeros(1, 3, 64, 64, device=where), (last,))[last].shape[1]
    augmented = bool(chosen) if augment is None else augment
    matters: dict[str, Any] = {
        "folder": pictures.digest(Path(folder)),
        "encoder": eye.name,
        "encoder_sha256": eye.checksum,
        "unfreeze": list(chosen),
        "scratch": scratch,
        "augment": augmented,
        "size": side,
        "batch": batch,
        "rate": rate,
        "held_out": held_out,
        "seed": seed,
    }
    state = record.resume(matters, epochs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Classifier(Architecture(eye.name, last, width, pictures.classes, side, chosen), eye.network).to(where)
    parts = split(pictures.labels, held_out, seed)
    if len(parts.training) < batch:
        batch = max(2, len(parts.training))
    squares = Squares(pictures.files, side)
    told = callback or (lambda _: None)
    run = _Run(network, squares, torch.tensor(pictures.labels), parts, record, matters, epochs, patience, batch, augmented, told)
    return run(state, output, {**matters, "versions": {"python": platform.python_version(), "torch": version("torch")}})


@dataclass(frozen=True)
class _Eye:
    """An encoder, its name, and the SHA-256 of its file; "" where it has none."""

    network: encoders.VGG | encoders.ResNet
    name: str
    checksum: str


def _eye(
    name: str,
    weights: str | os.PathLike[str] | None,
    scratch: bool,
    seed: int,
    where: torch.device,
    fetching: Callable[[int, int | None], None] | None,
) -> _Eye:
    """The encoder that is asked for."""
    if name == AUTO and weights is not None:
        raise OptionError("encoder_weights needs to know whose they are; name the encoder")
    first = "resnet50" if name == AUTO else name
    if scratch:
        return _Eye(encoders.untrained(first, seed).to(where), first, "")
    try:
        loaded = encoders.load(first, Path(weights) if weights else None, where, torch.float32, progress=fetching)
    except EncoderError as error:
        if name != AUTO:
            raise
        warnings.warn(f"pocket looks at the pictures in place of resnet50: {error}", stacklevel=3)
        first = "pocket"
        loaded = encoders.load(first, None, where, torch.float32)
    return _Eye(loaded.encoder, first, loaded.checksum)


@dataclass(frozen=True)
class _Run:
    """A training, all prepared."""

    network: Classifier
    squares: Squares
    labels: Tensor
    parts: Split
    record: Record
    matters: Mapping[str, Any]
    epochs: int
    patience: int
    batch: int
    augment: bool
    callback: Callable[[Progress], None]

    def __call__(self, state: Mapping[str, Any] | None, output: str | os.PathLike[str], settings: Mapping[str, Any]) -> Trained:
        """Take the epochs that are left after a checkpoint's ``state``, and write the model."""
        network, record = self.network, self.record
        head = list(network.head.parameters())
        inner = [weights for weights in network.encoder.parameters() if weights.requires_grad]
        rate = float(self.matters["rate"])
        groups = [{"params": head, "lr": rate}]
        if inner:
            groups.append({"params": inner, "lr": rate * (1 if self.matters["scratch"] else GENTLER)})
        optimiser = torch.optim.AdamW(groups)
        rates = [group["lr"] for group in optimiser.param_groups]
        first, best, lowest, kept = 0, 0, math.inf, network.trained()
        if state is not None:
            first, best, lowest, kept = int(state["epoch"]), int(state["best"]), float(state["lowest"]), state["kept"]
            network.restore(state["network"])
            optimiser.load_state_dict(state["optimiser"])

        begun = self._look()
        record.begin(first)
        epoch, stopped, drawn = first, False, time.perf_counter()
        figures: dict[str, float] = {}
        with stopping() as stop:
            while epoch < self.epochs and epoch - best < self.patience and not stopped:
                began = time.perf_counter()
                for group, full in zip(optimiser.param_groups, rates, strict=True):
                    group["lr"] = full * (1 + math.cos(math.pi * epoch / self.epochs)) / 2
                learnt = self._learn(epoch, optimiser, begun, stop.is_set, figures)
                if learnt is None:
                    stopped = True
                    break
                epoch += 1
                loss, share = self._score(self.parts.validation, begun)
                if not all(map(math.isfinite, (*learnt, loss))):
                    raise ModelError(f"the loss has grown without limit by epoch {epoch}; remove {record.folder}, and lower the rate")
                if loss < lowest:
                    best, lowest, kept = epoch, loss, {name: value.detach().clone() for name, value in network.trained().items()}
                figures = {"loss": learnt[0], "accuracy": learnt[1], "validation loss": loss, "validation accuracy": share}
                record.log({"epoch": epoch, **figures, "seconds": round(time.perf_counter() - began, 3)})
                taken = {"epoch": epoch, "best": best, "lowest": lowest, "kept": kept}
                record.save({**taken, "network": network.trained(), "optimiser": optimiser.state_dict()}, self.matters)
                if time.perf_counter() - drawn > REDRAWN:
                    self._draw(best)
                    drawn = time.perf_counter()
                stopped = stop.is_set()
        if best == 0:
            raise KeyboardInterrupt
        network.restore(kept)
        self._draw(best)
        found = self._confusion(begun)
        record.keep(record.folder / "confusion.png", draw_confusion(found, network.architecture.classes))
        ended = Trained(epoch, best, not stopped, network.architecture.encoder, network.architecture.classes, found)
        outcome = {"epoch": epoch, "best": best, "accuracy": ended.accuracy, "confusion": found.tolist()}
        classifiers.write(network, output, {**settings, **outcome})
        return ended

    def _draw(self, best: int) -> None:
        self.record.keep(self.record.folder / "curves.png", draw_curves(self.record.lines(), best))

    def _confusion(self, begun: "_Begun") -> NDArray[np.int64]:
        """What the pictures that are held out are taken for."""
        names, held_out = self.network.architecture.classes, self.parts.held_out
        answers = self._answers(held_out, begun).argmax(1).tolist()
        return confusion([names[answer] for answer in answers], [names[self.labels[index]] for index in held_out], names)

    def _look(self) -> "_Begun":
        """Read every picture once, and compute what the frozen part makes of those that are always seen alike."""
        begun = _Begun(self.network, self.squares)
        alike = {*self.parts.validation, *self.parts.held_out, *(() if self.augment else self.parts.training)}
        count = len(self.squares.files)
        bad: list[str] = []
        began = time.perf_counter()
        for done in range(0, count, LOOK):
            indices = range(done, min(done + LOOK, count))
            readable = [index for index in indices if self._is_readable(index, bad)]
            if not bad:
                begun.keep([index for index in readable if index in alike])
            seen = indices.stop
            self.callback(Progress("looking", seen, count, {}, seen / (time.perf_counter() - began)))
        if bad:
            others = f" (and {len(bad) - 1} more like it)" if bad[1:] else ""
            raise PictureError(f"{bad[0]}; mend or remove it{others}")
        return begun

    def _is_readable(self, index: int, bad: list[str]) -> bool:
        try:
            self.squares.middle(index)
        except PictureError as error:
            bad.append(str(error))
            return False
        return True

    def _learn(
        self, epoch: int, optimiser: torch.optim.Optimizer, begun: "_Begun", stop: Callable[[], bool], figures: Mapping[str, float]
    ) -> tuple[float, float] | None:
        """One epoch, counted from 0: the mean loss and the share of right answers; None where it was stopped half-way."""
        network, training = self.network, self.parts.training
        where = next(network.parameters()).device
        order = np.random.default_rng((self.matters["seed"], epoch)).permutation(training)
        # A last batch of one has no variance to normalise by.
        batches = [part for part in np.split(order, range(self.batch, len(order), self.batch)) if len(part) > 1]
        network.head.train()
        loss_sum, right, done = 0.0, 0, 0
        began = time.perf_counter()
        for part in batches:
            if stop():
                return None
            indices = part.tolist()
            if self.augment:
                crops = [self.squares.random(index, np.random.default_rng((self.matters["seed"], epoch, index))) for index in indices]
                started = network.begin(torch.stack(crops).to(where))
            else:
                started = begun(indices)
            answers = network.finish(started)
            wanted = self.labels[indices].to(where)
            loss = functional.cross_entropy(answers, wanted)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            loss_sum += loss.item() * len(indices)
            right += int((answers.argmax(1) == wanted).sum())
            done += len(indices)
            self.callback(self._progress(epoch * len(training) + done, figures, done / (time.perf_counter() - began)))
        return loss_sum / done, right / done

    def _progress(self, done: int, figures: Mapping[str, float], speed: float) -> Progress:
        return Progress("training", done, self.epochs * len(self.parts.training), figures, speed)

    @torch.no_grad()
    def _answers(self, indices: Sequence[int], begun: "_Begun") -> Tensor:
        """The logits of pictures, ``[N, classes]``, on the CPU."""
        self.network.head.eval()
        return torch.cat([self.network.finish(begun(indices[n : n + LOOK])).cpu() for n in range(0, len(indices), LOOK)])

    def _score(self, indices: Sequence[int], begun: "_Begun") -> tuple[float, float]:
        """The mean loss and the share of right answers."""
        answers, wanted = self._answers(indices, begun), self.labels[list(indices)]
        return functional.cross_entropy(answers, wanted).item(), float((answers.argmax(1) == wanted).float().mean())


class _Begun:
    """What the frozen part of a classifier makes of the middle squares of pictures, kept as long as there is room."""

    def __init__(self, network: Classifier, squares: Squares) -> None:
        self.network, self.squares = network, squares
        self.where = next(network.parameters()).device
        self._kept: dict[int, Tensor] = {}
        self._room = _CACHE if network.boundary else 0

    def keep(self, indices: Sequence[int]) -> None:
        """Compute the features of pictures by their ``indices``, and keep them if there is room."""
        if not indices or self._room <= 0:
            return
        for index, features in zip(indices, self._compute(indices), strict=True):
            self._room -= features.numel() * features.element_size()
            if self._room > 0:
                self._kept[index] = features.clone()

    def __call__(self, indices: Sequence[int]) -> Tensor:
        """The features of pictures by their ``indices``."""
        if all(index in self._kept for index in indices):
            return torch.stack([self._kept[index] for index in indices])
        return self._compute(indices)

    def _compute(self, indices: Sequence[int]) -> Tensor:
        return self.network.begin(torch.stack([self.squares.middle(index) for index in indices]).to(self.where))


def draw_curves(lines: Sequence[Mapping[str, float]], best: int) -> bytes:
    """Draw loss and accuracy over the epochs.

    Args:
        lines: of the log, one for each epoch.
        best: the epoch whose weights were kept.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, label in ((name, "learnt from"), (f"validation {name}", "validation")):
            axes.plot([line["epoch"] for line in lines], [line[key] for line in lines], label=label, marker=".", markersize=4)
        axes.axvline(best, color="#888888", linewidth=1, linestyle="--", label=f"kept: epoch {best}")
        axes.set(xlabel="epoch", ylabel="cross entropy" if name == "loss" else "share named rightly")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=True, alpha=0.25)
        axes.legend()
    return png(figure)
