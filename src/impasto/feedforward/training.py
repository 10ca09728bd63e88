"""Training a network that paints in one style, or in a few, on a folder of photographs."""

import hashlib
import math
import os
import platform
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from impasto import encoders, picture
from impasto.encoders.devices import DEVICES, PRECISIONS, choose_device, choose_precision
from impasto.encoders.encoder import Encoder
from impasto.encoders.tensors import scale, tensor
from impasto.errors import ModelError, OptionError, PictureError
from impasto.feedforward import networks
from impasto.feedforward.fast import Architecture, Fast
from impasto.feedforward.muon import Muon, Optimisers
from impasto.feedforward.names import MARGIN, STRIDE
from impasto.feedforward.photos import Photos, batches, collate, middle
from impasto.feedforward.record import COLUMNS, Record
from impasto.losses import Gamut, Gram, Structure, Term, TotalVariation

EACH = 10  # steps between two lines of the log
REDRAWN = 20.0  # seconds between two plots of the losses
SCALES = (1, 2)  # how many times smaller styles and paintings are compared, so that large strokes count as well
POSITIONS = 4  # along each side, that the deepest layer must see of a picture to know what it is like


@dataclass(frozen=True)
class Layers:
    """Where the losses look."""

    style: tuple[str, ...]
    content: tuple[str, ...]


# Styles of VGG16 are what Johnson et al. 2016 (section 4.1) take; all other encoders are looked at as in our default method, a
# ResNet at the layers that stand in for those.
LAYERS: Mapping[str, Layers] = {"vgg16": Layers(("relu1_2", "relu2_2", "relu3_3", "relu4_3"), ("relu3_3",))}
OUR_LAYERS = Layers(("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), ("relu4_1",))
HARD = 1e-3  # a style error whose root is taken no lower


@dataclass(frozen=True)
class Progress:
    """What a callback is told after every step.

    Attributes:
        step: steps taken so far, over all runs.
        steps: steps of the whole training.
        losses: every term's weighted share, and their ``total``, averaged over the steps of the log's last line.
        speed: pictures per second, of that line.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    speed: float


@dataclass(frozen=True)
class Trained:
    """How a training ended: after which step, and whether that was the last one or somebody stopped it."""

    step: int
    finished: bool


def train(
    styles: Sequence[str | os.PathLike[str]],
    photos: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    steps: int = 2000,
    batch: int = 4,
    crop: int = 256,
    width: int = 16,
    style_size: int = 512,
    content_weight: float = 0.35,
    style_weight: float = 1.0,
    tv_weight: float = 0.0,
    rate: float = 0.02,
    encoder: str = "pocket",
    encoder_weights: str | os.PathLike[str] | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    compile: bool | None = None,
    checkpoint_every: int = 250,
    callback: Callable[[Progress], None] | None = None,
    fetching: Callable[[int, int | None], None] | None = None,
) -> Trained:
    """Train a network that paints in one pass (Johnson et al. 2016), in one style or, conditionally, in several (Dumoulin et al. 2017).

    Beside ``output`` a folder, called like it with ``.training`` at the end, holds what is there to watch: ``log.jsonl``,
    ``loss.png`` and ``samples-STEP.png``; and ``checkpoint.pt``. Where that exists, the training goes on from it, and on a
    CPU ends with the very weights it would have had without the interruption. Where and how it computes, ``device``,
    ``precision``, ``compile`` and the number of processes, may change in between, and so may the losses' weights, should the
    samples ask for it; ``steps`` may be raised, and then the schedule of the new number holds from there on. All else must be
    as it was.

    Started by ``torchrun``, every process takes its share of each batch; the folders must be the same for all of them. On CPUs
    with as many threads each, the outcome is the very one that a single process has; on GPUs it is within rounding.

    Args:
        styles: picture files; the network calls them by their names without the ending.
        photos: a folder of photographs, of which all pictures in it and in its folders are used.
        output: the model file to write, in half precision.
        steps: of the optimisers, at least 1.
        batch: crops at each step, over all processes. Each is painted in one style; they take turns.
        crop: side of the crops in pixels.
        width: of the network; see :class:`impasto.feedforward.fast.Architecture`.
        style_size: longest side of the style pictures in pixels; they are never enlarged. A smaller one has smaller strokes.
        content_weight: at least 0; more keeps more of the photograph.
        style_weight: at least 0.
        tv_weight: at least 0; more is smoother.
        rate: Muon's highest learning rate, above 0; AdamW's go with it.
        encoder: the network that judges the paintings, a name out of :data:`impasto.encoders.NAMES`.
        encoder_weights: a file to use in place of that encoder's own weights.
        seed: of all randomness, at least 0.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``mps``.
        precision: ``float32``, ``bfloat16`` or ``auto`` (bfloat16 where the device is fast at it); weights and losses always
            are float32.
        compile: let ``torch.compile`` make the networks faster, which takes minutes at first; None is on a GPU only.
        checkpoint_every: steps between two checkpoints, and two sheets of samples.
        callback: called after every step.
        fetching: called with the bytes fetched and, if known, to fetch, while an encoder's weights are downloaded.

    Returns:
        The last step taken, and whether all were. Ctrl-C and SIGTERM end the training after the step at hand, with a
        checkpoint and a model file of what there is so far.

    Raises:
        OptionError: an impossible value, a batch that doesn't divide among the processes, or ``compile`` where it doesn't work.
        PictureError: a style that can't be read or is too small, or too few photographs.
        EncoderError: weights that can't be used or fetched.
        ModelError: a checkpoint that is damaged or of other options, or losses that grow without limit.
        OutputError: something can't be written; the last checkpoint stays as it is.
    """
    for name, number, least in (
        ("steps", steps, 1),
        ("batch", batch, 1),
        ("crop", crop, 1),
        ("width", width, 1),
        ("style_size", style_size, 1),
        ("seed", seed, 0),
        ("checkpoint_every", checkpoint_every, 1),
    ):
        if not least <= number < 2**63:
            raise OptionError(f"{name} {number} is impossible; give a whole number of at least {least}")
    for name, amount in (("content_weight", content_weight), ("style_weight", style_weight), ("tv_weight", tv_weight), ("rate", rate)):
        if not (math.isfinite(amount) and amount >= 0):
            raise OptionError(f"{name} {amount} is impossible; give a number of at least 0")
    if rate == 0:
        raise OptionError("rate 0 is impossible; give a number above 0")
    if content_weight == style_weight == 0:
        raise OptionError("content_weight and style_weight are both 0, which leaves nothing to learn; make one of them positive")
    for name, chosen, known in (("device", device, DEVICES), ("precision", precision, (*PRECISIONS, "auto"))):
        if chosen not in known:
            raise OptionError(f"unknown {name} {chosen}; choose one of {', '.join(known)}")
    if not styles:
        raise OptionError("there is no style to train on; name at least one picture")
    record = Record(output)
    asked = choose_device(device)
    precise = choose_precision(precision, asked)
    with _processes(asked, batch) as group:
        where = group.device
        pictures = {name: _style(file, style_size) for name, file in _named(styles).items()}
        loaded = encoders.load(encoder, Path(encoder_weights) if encoder_weights else None, where, PRECISIONS[precise], progress=fetching)
        looked_at = LAYERS.get(encoder, OUR_LAYERS)
        terms: tuple[Term, ...] = (
            Gram(layers=looked_at.style, weight=style_weight),
            Structure(layers=looked_at.content, weight=content_weight),
            TotalVariation(weight=tv_weight),
            Gamut(weight=10.0),
        )
        lesson = Lesson(loaded.encoder, tuple(term for term in terms if term.weight), crop)
        for name, style in pictures.items():
            lesson.add(name, style.to(where))
        photographs = Photos(photos, crop, seed)
        matters: dict[str, Any] = {
            "styles": {name: hashlib.sha256(style.numpy().tobytes()).hexdigest() for name, style in pictures.items()},
            "photos_sha256": photographs.digest,
            "batch": batch,
            "crop": crop,
            "width": width,
            "style_size": style_size,
            "rate": rate,
            "encoder_sha256": loaded.checksum,
            "seed": seed,
        }
        painter = Painter(Architecture(tuple(pictures), width), rate, seed, where)
        state = record.resume(matters, steps)
        if state is not None:
            painter.restore(state)
        compiled = where.type == "cuda" if compile is None else compile
        if compiled:
            lesson.see = torch.compile(loaded.encoder)
        run = _Run(
            group=group,
            painter=painter,
            paint=torch.compile(painter.network) if compiled else painter.network,
            lesson=lesson,
            photographs=photographs,
            styles=[middle(style, crop) for style in list(pictures.values())[:COLUMNS]],
            record=record,
            matters=matters,
            steps=steps,
            batch=batch,
            precise=precise,
            checkpoint_every=checkpoint_every,
            callback=callback or (lambda _: None),
        )
        try:
            trained = run(state)
        except RuntimeError as error:  # such as that there is no C++ compiler; PyTorch has no public name for it
            if compiled and type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                raise OptionError(f"torch.compile doesn't work here ({str(error).splitlines()[0]}); give --no-compile") from error
            raise
        if group.rank == 0:
            settings = {
                **matters,
                "content_weight": content_weight,
                "style_weight": style_weight,
                "tv_weight": tv_weight,
                "steps": steps,
                "step": trained.step,
                "photos": Path(photos).resolve().name,
                "encoder": encoder,
                "device": where.type,
                "precision": precise,
                "compile": compiled,
                "processes": group.count,
                "versions": {"impasto": version("impasto"), "python": platform.python_version(), "torch": torch.__version__},
            }
            networks.write(painter.network, output, settings, precision=torch.float16)
        group.sum(torch.zeros((), device=where))  # all leave together, once everything is written
        return trained


class Lesson:
    """How wrong paintings are: the loss terms through an encoder, and what they are compared with.

    Styles are compared at all of :data:`SCALES`, and of the mean of these errors the root is taken: so every style counts alike,
    whether it is easy or hard.

    Attributes:
        see: the encoder, or a compiled one.
    """

    def __init__(self, encoder: Encoder, terms: tuple[Term, ...], crop: int) -> None:
        """Find out how large a picture must be for the encoder's deepest layer to make sense of it.

        Args:
            encoder: computes the features.
            terms: of the loss.
            crop: side in pixels of the photographs to come.

        Raises:
            OptionError: they are too small.
            EncoderError: the encoder's weights end before one of the layers.
        """
        self.see: Callable[[Tensor, Sequence[str]], dict[str, Tensor]] = encoder
        self.terms = terms
        self.layers = tuple(dict.fromkeys(layer for term in terms for layer in term.layers))
        self.styles: list[dict[str, list[Mapping[str, Tensor]]]] = []
        probe = torch.zeros(1, 3, 64, 64, device=next(encoder.parameters()).device)
        sides = {layer: x.shape[2] for layer, x in encoder(probe, self.layers).items()}
        self.deepest = min(sides, key=lambda layer: sides[layer], default="")
        self.least = POSITIONS * 64 // sides[self.deepest] if sides else 1
        if crop < self.least:
            raise OptionError(f"crop {crop} is too small for {self.deepest} of the encoder; give at least {self.least}")
        if crop % STRIDE:
            raise OptionError(f"crop {crop} can't be halved as often as the network does; give a multiple of {STRIDE}")

    @torch.no_grad()
    def add(self, name: str, style: Tensor) -> None:
        """Remember one more style.

        Args:
            name: to complain by.
            style: ``[1, 3, H, W]`` in [0, 1].

        Raises:
            PictureError: it is too small.
        """
        height, width = style.shape[2:]
        if min(height, width) < self.least:
            raise PictureError(
                f"the style {name} is {width} x {height} pixels here, and {self.deepest} of the encoder needs {self.least} along "
                "the shorter side; give a larger picture or --style-size"
            )
        shrunk = [functional.avg_pool2d(style, scale) for scale in SCALES]
        self.styles.append({term.name: [term.target(one, self.see) for one in shrunk] for term in self.terms if term.source == "style"})

    def __call__(self, paintings: Tensor, photographs: Tensor, chosen: Sequence[int]) -> dict[str, Tensor]:
        """Each term's weighted share of the loss, averaged over the paintings.

        Args:
            paintings: ``[N, 3, H, W]``.
            photographs: what they were painted from, likewise.
            chosen: the style of each, counted from 0 in the order they were added.

        Returns:
            Scalars by the terms' names; their sum is the loss.
        """
        shrunk = [functional.avg_pool2d(paintings, scale) for scale in SCALES]
        seen = [self.see(one, self.layers) for one in shrunk]
        with torch.no_grad():
            content = {term.name: term.target(photographs, self.see) for term in self.terms if term.source == "content"}

        def part(of: Mapping[str, Tensor], layers: Sequence[str], n: int) -> dict[str, Tensor]:
            return {layer: of[layer][n : n + 1] for layer in layers}

        def loss(term: Term, n: int) -> Tensor:
            if term.source != "style":
                target = part(content[term.name], term.layers, n) if term.source else {}
                return term.weight * term(paintings[n : n + 1], part(seen[0], term.layers, n), target)
            looked = zip(shrunk, seen, self.styles[chosen[n]][term.name], strict=True)
            errors = [term(one[n : n + 1], part(features, term.layers, n), dict(target)) for one, features, target in looked]
            return term.weight * (torch.stack(errors).mean() + HARD).sqrt()

        return {term.name: torch.stack([loss(term, n) for n in range(len(chosen))]).mean() for term in self.terms}


def framed(paint: Callable[[Tensor, Tensor], Tensor], photographs: Tensor, shares: Tensor) -> Tensor:
    """What a network's ``paint`` makes of ``photographs`` ``[N, 3, H, W]`` in ``shares`` of its styles, with the margin that pictures are
    given later, and without it again.
    """
    painted = paint(functional.pad(photographs, (MARGIN,) * 4, "replicate"), shares)
    return painted[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN]


class Painter:
    """The network and what moves its weights.

    Muon moves the convolutions. The first and the last, which see and paint pixels, are left to AdamW: with orthogonal
    updates losses fall more slowly, and colours leave the gamut.
    """

    def __init__(self, architecture: Architecture, rate: float, seed: int, device: torch.device) -> None:
        """A new network.

        Args:
            architecture: of the network.
            rate: Muon's highest; AdamW's are a twentieth of it for convolutions, a tenth for biases, scales and shifts.
            seed: of its weights.
            device: where it is.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Fast(architecture)
        self.network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        parameters: list[nn.Parameter] = list(self.network.parameters())
        first, *inner, last = [p for p in parameters if p.ndim == 4]  # in the order of computation
        self.optimisers = Optimisers(
            (
                Muon(inner, lr=rate),
                torch.optim.AdamW([first, last], lr=rate / 20, weight_decay=0),
                torch.optim.AdamW([p for p in parameters if p.ndim < 4], lr=rate / 10, weight_decay=0),
            )
        )

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs."""
        return {"network": self.network.state_dict(), "optimisers": self.optimisers.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Be as when ``state`` was taken."""
        self.network.load_state_dict(state["network"])
        self.optimisers.restore(state["optimisers"])


@dataclass(frozen=True, kw_only=True)
class _Run:
    """A training, all prepared."""

    group: "_Group"
    painter: Painter
    paint: Callable[[Tensor, Tensor], Tensor]
    lesson: Lesson
    photographs: Photos
    styles: Sequence[Tensor]
    record: Record
    matters: Mapping[str, Any]
    steps: int
    batch: int
    precise: str
    checkpoint_every: int
    callback: Callable[[Progress], None]

    def __call__(self, state: Mapping[str, Any] | None) -> Trained:
        """Take the steps that are left after a checkpoint's ``state``."""
        group, record, where = self.group, self.record, self.group.device
        first, earlier, recent = (int(state["step"]), float(state["seconds"]), list(state["recent"])) if state else (0, 0.0, [])
        if group.sum(torch.tensor(float(first), device=where)).item() != first * group.count:
            raise ModelError(f"the processes don't find the same {record.checkpoint}; put the model on a disk that all of them share")
        leads = group.rank == 0
        told = set(self.photographs.bad.values())  # in every process alike, so that each line is said once
        if leads:
            record.begin(first)
            _warn(told)
        latest: dict[str, float] = {}
        speed, began = 0.0, time.perf_counter()
        line, line_began, drawn = first, began, began
        with stopping() as stop:
            for step, (crops, passed) in enumerate(self._crops(first), first + 1):
                news = set(passed) - told
                names, values, (stopped, any_news) = self._step(step - 1, crops.to(where, non_blocking=True), stop.is_set(), bool(news))
                recent.append(values)
                if any_news:
                    news = group.gather(news) - told
                    told |= news
                    if leads:
                        _warn(news)
                at_line = step in (1, self.steps) or step % EACH == 0
                at_checkpoint = step == self.steps or step % self.checkpoint_every == 0 or stopped
                if at_line or at_checkpoint:
                    mean = torch.stack([row.to(where) for row in recent]).mean(0).tolist()
                    latest = dict(zip(names, mean, strict=True))
                    if not all(map(math.isfinite, mean)):
                        raise ModelError(f"the losses have grown without limit by step {step}; remove {record.folder}, and lower the rate")
                now = time.perf_counter()
                if at_line:
                    speed = (step - line) * self.batch / (now - line_began)
                    line, line_began, recent = step, now, []
                    if leads:
                        spent = {"seconds": round(earlier + now - began, 3), "pictures_per_second": round(speed, 3)}
                        record.log({"step": step, **latest, **spent})
                if leads and at_checkpoint:
                    taken = {"step": step, "seconds": earlier + now - began, "recent": [row.cpu() for row in recent]}
                    record.save({**self.painter.state(), **taken}, self.matters)
                    self._show(step)
                if leads and (at_checkpoint or (at_line and now - drawn > REDRAWN)):
                    record.draw()
                    drawn = now
                if leads:
                    self.callback(Progress(step, self.steps, latest, speed))
                if stopped:
                    return Trained(step, step == self.steps)
        return Trained(self.steps, True)

    def _crops(self, first: int) -> DataLoader[tuple[Tensor, list[str]]]:
        """This process's share of every batch from step ``first`` on."""
        workers = 0 if self.group.device.type == "cpu" else min(8, os.cpu_count() or 1)
        return DataLoader(
            self.photographs,
            batch_sampler=batches(first, self.steps, self.batch, self.group.rank, self.group.count),
            collate_fn=collate,
            num_workers=workers,
            worker_init_fn=_leave_signals,
            pin_memory=self.group.device.type == "cuda",
        )

    def _step(self, step: int, crops: Tensor, *flags: bool) -> tuple[list[str], Tensor, tuple[bool, ...]]:
        """One step, counted from 0: the losses' names, the losses over all processes, and which flags any of them has raised."""
        group, lesson = self.group, self.lesson
        parameters = list(self.painter.network.parameters())
        # On a CPU crops go one by one, which is faster there, and are summed in float64: rounding is then the same however many
        # processes share them. That matters, as Muon makes much of small differences.
        passes, precision = (len(crops), torch.float64) if crops.device.type == "cpu" else (1, torch.float32)
        first = step * self.batch + group.rank * len(crops)
        turns = torch.arange(first, first + len(crops)) % len(lesson.styles)
        every = torch.eye(len(lesson.styles))
        names: list[str] = []
        sums = torch.zeros((), dtype=precision, device=crops.device)
        for part, chosen in zip(crops.chunk(passes), turns.chunk(passes), strict=True):
            with torch.autocast(crops.device.type, torch.bfloat16, enabled=self.precise == "bfloat16"):
                paintings = framed(self.paint, part, every[chosen].to(part))
            losses = lesson(paintings, part, chosen.tolist())
            total = torch.stack(list(losses.values())).sum()
            names = [*losses, "total"]
            # Flags go along with the gradients, so that all processes stop after the same step.
            values = torch.stack([*losses.values(), total, *(torch.full_like(total, float(flag)) for flag in flags)]).detach()
            gradients = torch.autograd.grad(total, parameters)
            sums = sums + torch.cat([values, *(gradient.reshape(-1) for gradient in gradients)]).to(precision)
        sums = group.sum(sums)
        values, raised, *found = torch.split(sums / (passes * group.count), [len(names), len(flags), *(p.numel() for p in parameters)])
        for parameter, gradient in zip(parameters, found, strict=True):
            parameter.grad = gradient.view(parameter.shape).to(parameter.dtype)
        self.painter.optimisers.move(step, self.steps)
        return names, values, flags if group.count == 1 else tuple((raised > 0).tolist())

    @torch.no_grad()
    def _show(self, step: int) -> None:
        """A sheet of samples."""
        photographs = self.photographs.shown
        shares = torch.eye(len(self.lesson.styles), device=self.group.device)[: len(self.styles)]
        paintings = [framed(self.painter.network, photographs.to(self.group.device), share[None]).cpu() for share in shares]
        self.record.show(photographs, self.styles, paintings, step)


@dataclass(frozen=True)
class _Group:
    """The processes that train together."""

    rank: int
    count: int
    device: torch.device

    def sum(self, values: Tensor) -> Tensor:
        """The sum of ``values`` over all processes."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def gather(self, lines: set[str]) -> set[str]:
        """The lines of all processes."""
        if self.count == 1:
            return lines
        everyone: list[set[str]] = [set()] * self.count
        distributed.all_gather_object(everyone, lines)
        return set().union(*everyone)


@contextmanager
def _processes(device: torch.device, batch: int) -> Iterator[_Group]:
    """Join the processes that torchrun has started, if it has, unless the caller did already."""
    joined = distributed.is_initialized()
    count = distributed.get_world_size() if joined else int(os.environ.get("WORLD_SIZE", "1"))
    if batch % count:
        raise OptionError(f"a batch of {batch} can't be shared among {count} processes; make it {math.ceil(batch / count) * count}")
    if count == 1:
        yield _Group(0, 1, device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if not joined:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield _Group(distributed.get_rank(), count, device)
    finally:
        if not joined:
            distributed.destroy_process_group()


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, in place of ending a step half-way."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # which alone may listen
        yield stop
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_signals(_: int) -> None:
    """Let the process that started this one decide what Ctrl-C means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _warn(lines: set[str]) -> None:
    """Say each line."""
    for line in sorted(lines):
        warnings.warn(line, stacklevel=3)


def _named(files: Sequence[str | os.PathLike[str]]) -> dict[str, str | os.PathLike[str]]:
    """Files by their names without the ending, with a number where that isn't enough."""
    named: dict[str, str | os.PathLike[str]] = {}
    for file in files:
        stem = name = Path(file).stem
        number = 1
        while name in named:
            number += 1
            name = f"{stem}-{number}"
        named[name] = file
    return named


def _style(file: str | os.PathLike[str], longest: int) -> Tensor:
    """A style picture ``[1, 3, H, W]`` of at most so many pixels."""
    return scale(tensor(picture.read(file).picture), longest, enlarge=False)
