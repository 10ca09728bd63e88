"""What a layer knows of a photograph, shown by inverting it: by a network that learnt to, and by optimisation.

The offline inverse is :mod:`impasto.feedforward.decoder`, after Dosovitskiy & Brox (CVPR 2016); the online one is
``inversion2015``, after Mahendran & Vedaldi (CVPR 2015), with our own solver.
"""

import math
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from impasto import encoders, packaged, picture
from impasto.encoders import tensors
from impasto.encoders.devices import choose_device
from impasto.errors import Interrupted, ModelError, OptionError
from impasto.evaluate.sheet import Cell, sheet
from impasto.family import Progress
from impasto.feedforward import models, networks
from impasto.feedforward.decoder import Decoder
from impasto.methods.inversion2015 import SIGMA
from impasto.options import whole
from impasto.painting import stylize
from impasto.picture import Source

WAYS = ("network", "optimisation")
SMOOTHNESS = {1: 0.5, 2: 0.5, 5: 50.0}
"""What total variation weighs by block, times σ², where that isn't as in ``inversion2015``, whose weight suits middle depth."""


@dataclass(frozen=True)
class Inverse:
    """A picture made of nothing but a layer's features.

    Attributes:
        by: one of :data:`WAYS`.
        picture: RGB.
        psnr: against the photograph, in dB; see :func:`psnr`.
        seconds: from the features to the picture, without reading files.
    """

    by: str
    picture: Image.Image
    psnr: float
    seconds: float


@dataclass(frozen=True)
class Reconstruction:
    """A photograph and its inverses.

    Attributes:
        photograph: as the encoder saw it, RGB.
        encoder: the encoder's name.
        layer: whose features were inverted.
        inverses: one for each way that was asked for.
    """

    photograph: Image.Image
    encoder: str
    layer: str
    inverses: tuple[Inverse, ...]

    def sheet(self) -> Image.Image:
        """The photograph and its inverses side by side, each with its layer, PSNR and seconds."""
        cells = [Cell(self.photograph, "Photograph")]
        for inverse in self.inverses:
            lines = (self.layer, f"PSNR {inverse.psnr:.2f} dB", f"{inverse.seconds:.2f} s")
            cells.append(Cell(inverse.picture, f"By {inverse.by}", lines))
        return sheet([cells], f"What {self.encoder} knows at {self.layer}")


def psnr(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    """Peak signal-to-noise ratio, 10 log₁₀(1 / mean (found - wanted)²).

    Args:
        found: a picture in [0, 1].
        wanted: another of the same shape.

    Returns:
        Decibels; infinitely many for equal pictures.
    """
    error = float(np.mean((found.astype(np.float64) - wanted) ** 2))
    return 10 * math.log10(1 / error) if error else math.inf


def reconstruct(
    photograph: Source,
    layer: str = "relu3_1",
    by: str | None = None,
    *,
    encoder: str | None = None,
    encoder_weights: str | os.PathLike[str] | None = None,
    model: str | os.PathLike[str] | None = None,
    size: int = 512,
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    callback: Callable[[Progress], None] | None = None,
    fetching: Callable[[int, int | None], None] | None = None,
) -> Reconstruction:
    """Invert a layer of an encoder.

    Args:
        photograph: a path or the name of an example, or anything :func:`impasto.picture.read` takes.
        layer: the layer whose features are all that is kept of it. A network has one layer of each block, such as
            ``relu3_1``; optimisation takes any of the encoder's.
        by: one of :data:`WAYS`, or None for both.
        encoder: the encoder's name; by default the one that ``model`` inverts, and without that ``pocket``.
        encoder_weights: a file to use in place of that encoder's own weights; see :func:`impasto.encoders.load`.
        model: the file of a decoder, in place of the packaged one, which inverts ``pocket``.
        size: the longest side in pixels; 0 is the photograph's own.
        steps: of the optimisation, in place of the method's own.
        seed: of the noise that the optimisation begins from.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        callback: told of every step of the optimisation.
        fetching: called with the bytes fetched and, if known, to fetch, while the encoder's weights are downloaded.

    Returns:
        The photograph and its inverses, of one size.

    Raises:
        PictureError: a photograph that can't be read.
        OptionError: an unknown name, an impossible value, or a layer that can't be inverted so.
        EncoderError: encoder weights that can't be used or fetched.
        ModelError: a model file that is missing, damaged, no decoder, or that of another encoder.
        Interrupted: Ctrl-C during the optimisation; it carries the sheet so far.
    """
    if by is not None and by not in WAYS:
        raise OptionError(f"by {by} is impossible; choose one of {', '.join(WAYS)}, or leave it out for both")
    ways = WAYS if by is None else (by,)
    whole("size", size, 0)
    whole("seed", seed, 0)
    if steps is not None:
        whole("steps", steps, 1)
    where = choose_device(device)
    decoder = _decoder(model, encoder, layer) if "network" in ways else None
    name = decoder.name if decoder else encoder or "pocket"

    original = picture.scale(picture.read(packaged.photograph(photograph)).picture, size)
    shown = picture.to_pil(original)
    inverses: list[Inverse] = []

    def keep(way: str, found: Image.Image, seconds: float) -> Reconstruction:
        # Both are compared as they are seen, in 8 bits.
        ratio = psnr(np.asarray(found.convert("RGB")) / 255, np.asarray(shown) / 255)
        inverses.append(Inverse(way, found.convert("RGB"), ratio, seconds))
        return Reconstruction(shown, name, layer, tuple(inverses))

    if decoder is not None:
        loaded = encoders.load(name, Path(encoder_weights) if encoder_weights else None, where, torch.float32, progress=fetching)
        if decoder.inverted != loaded.checksum:
            raise ModelError(f"{decoder.file} inverts other weights of {name}; name theirs as its encoder's, or another decoder")
        found, seconds = _decoded(decoder.network.to(where), loaded.encoder, tensors.tensor(original).to(where), layer)
        keep("network", picture.to_pil(tensors.array(found)), seconds)
    if "optimisation" in ways:
        last: list[Progress] = []

        def listen(progress: Progress) -> None:
            last[:] = [progress]
            if callback:
                callback(progress)

        try:
            painted = stylize(
                original,
                None,
                method="inversion2015",
                fast=True,
                content_layers=(layer,),
                tv_weight=_smoothness(layer),
                encoder=cast(Any, name),
                encoder_weights=encoder_weights,
                size=0,
                steps=steps,
                seed=seed,
                device=cast(Any, device),
                callback=listen,
                fetching=fetching,
            )
        except Interrupted as interrupted:
            so_far = keep("optimisation", interrupted.picture, last[0].seconds)
            raise Interrupted(so_far.sheet(), interrupted.step, None) from interrupted
        keep("optimisation", painted, last[0].seconds)
    return Reconstruction(shown, name, layer, tuple(inverses))


def _smoothness(layer: str) -> float | None:
    """The weight of total variation that the paper's authors give a layer, or None for the method's own."""
    block = re.match(r"(?:conv|relu)(\d)_", layer)
    weight = SMOOTHNESS.get(int(block[1])) if block else None
    return None if weight is None else weight / SIGMA**2


@dataclass(frozen=True)
class _Ready:
    """A decoder, its file, and the name and the SHA-256 of the encoder that it inverts."""

    network: Decoder
    file: Path
    name: str
    inverted: str


def _decoder(model: str | os.PathLike[str] | None, encoder: str | None, layer: str) -> _Ready:
    """The decoder that is asked for, if it has the layer."""
    if model is None and encoder not in (None, "pocket"):
        if encoder not in encoders.NAMES:
            raise OptionError(f"unknown encoder {encoder}; choose one of {', '.join(encoders.NAMES)}")
        raise OptionError(f"the packaged decoder inverts pocket, not {encoder}; name another with --model, or choose --by optimisation")
    file = models.packaged("decoder") if model is None else Path(model)
    found = networks.read(file, "decoder")
    assert isinstance(found.network, Decoder)
    architecture = found.network.architecture
    if encoder not in (None, architecture.encoder):
        raise ModelError(f"{file} inverts {architecture.encoder}, not {encoder}; leave the encoder out, or name another model")
    if layer not in architecture.layers:
        raise OptionError(f"the decoder has no layer {layer}, only {', '.join(architecture.layers)}; choose one, or --by optimisation")
    return _Ready(found.network, file, architecture.encoder, str(found.settings.get("encoder_sha256")))


@torch.no_grad()
def _decoded(network: Decoder, encoder: encoders.Encoder, photograph: Tensor, layer: str) -> tuple[Tensor, float]:
    """The network's inverse ``[1, 3, H, W]`` of the photograph's features, and the seconds it took."""
    height, width = photograph.shape[2:]
    # The encoder halves and forgets a last odd row; so none is odd.
    multiple = 2 ** (len(network.architecture.channels) - 1)
    padded = functional.pad(photograph, (0, -width % multiple, 0, -height % multiple), "replicate")
    features = encoder(padded, (layer,))[layer]
    start = time.perf_counter()
    # To the CPU within the time, which is when a GPU is known to be done.
    found = network(features, layer)[:, :, :height, :width].cpu()
    return found, time.perf_counter() - start
