"""Train `decoder`, the packaged inverse of `pocket`.

    python training/decoder.py train --images IMAGES --run runs/decoder
    python training/decoder.py export --run runs/decoder --to src/impasto/feedforward/decoder.safetensors
    python training/decoder.py measure --images IMAGES

`train` goes on from the run's last checkpoint where there is one. training/README.md says what was tried.
"""

import json
import time
from pathlib import Path

import click
import numpy as np
import torch
from arbitrary import Pictures

from impasto import encoders, picture
from impasto.encoders import VGG
from impasto.encoders.tensors import resize, tensor
from impasto.feedforward import models, networks
from impasto.feedforward.decoder import Architecture, Decoder
from impasto.feedforward.decoder_training import FIRST_LOOK, Lesson, Pupil, regress

FOLDERS = (("imagenet_sample", 0.6), ("pacs/photo", 0.15), ("pacs/art_painting", 0.25))
SIDE = 128
UNSEEN = 10**9  # numbers crops that no step sees


def begun(rate: float) -> tuple[Pupil, VGG, str]:
    """A decoder before any training, the encoder it is to invert, and the SHA-256 of that encoder's file."""
    cpu = torch.device("cpu")
    loaded = encoders.load("pocket", None, cpu, torch.float32)
    assert isinstance(loaded.encoder, VGG)
    # The mean activation of every layer of pocket is 1 already.
    return Pupil(Architecture("pocket", loaded.encoder.architecture.channels), rate, 0, cpu), loaded.encoder, loaded.checksum


def crops(images: Path) -> Pictures:
    """What it learns from: crops of the pictures in a folder."""
    return Pictures([(images / name, share) for name, share in FOLDERS], SIDE, (-0.5, 1.0), 3)


def start(pupil: Pupil, encoder: VGG, pictures: Pictures) -> None:
    """Give a decoder its first weights, in closed form."""
    regress(pupil.decoder, encoder, [pictures(UNSEEN + index, tint=True) for index in range(FIRST_LOOK)], seed=0)


@click.group()
def main() -> None:
    """Train and export the packaged decoder."""


@main.command()
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--run", type=click.Path(path_type=Path), required=True, help="Checkpoints and log go here.")
@click.option("--steps", default=400, show_default=True)
@click.option("--batch", default=5, show_default=True)
@click.option("--rate", default=0.004, show_default=True, help="Muon's highest learning rate.")
@click.option("--stop", type=int, help="Stop here, to go on later.")
def train(images: Path, run: Path, steps: int, batch: int, rate: float, stop: int | None) -> None:
    """Train, going on from the run's last checkpoint."""
    run.mkdir(parents=True, exist_ok=True)
    pupil, encoder, _ = begun(rate)
    lesson = Lesson(encoder)
    pictures = crops(images)
    first, checkpoint = 0, run / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        first = state["step"]
        pupil.restore(state)
    else:
        start(pupil, encoder, pictures)
    began = time.perf_counter()
    recent: list[dict[str, float]] = []
    last = min(steps, stop or steps)
    for step in range(first, last):
        # The crops depend on the step alone, so a resumed run sees what an uninterrupted one would have.
        shown = torch.cat([pictures(index, tint=True) for index in range(step * batch, (step + 1) * batch)])
        loss, parts = lesson(pupil.decoder, shown.contiguous(memory_format=torch.channels_last))
        pupil.learn(loss, step, steps)
        recent.append(parts)
        if (step + 1) % 50 == 0:
            mean = {name: round(float(np.mean([row[name] for row in recent])), 4) for name in parts}
            recent.clear()
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps({"step": step + 1, "seconds": round(time.perf_counter() - began, 1), **mean}) + "\n")
        if (step + 1) % 50 == 0 or step + 1 == last:
            torch.save({"step": step + 1, **pupil.state()}, run / "checkpoint.tmp")
            (run / "checkpoint.tmp").replace(checkpoint)


@main.command()
@click.option("--run", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="The run to export.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The safetensors file to write.")
def export(run: Path, to: Path) -> None:
    """Write the weights in half precision."""
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    pupil, _, inverted = begun(1.0)
    pupil.restore(state)
    settings = {"encoder_sha256": inverted, "step": state["step"], "licence": "Apache-2.0"}
    networks.write(pupil.decoder, to, settings, precision=torch.float16)


@main.command()
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--model", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="In place of the packaged decoder.")
@click.option("--untrained", is_flag=True, help="The closed-form start in place of a model.")
@torch.no_grad()
def measure(images: Path, model: Path | None, untrained: bool) -> None:
    """Print mean PSNRs by layer, of the pictures in IMAGES/benchmark.txt, which no training sees, at a longest side of 256."""
    pupil, encoder, _ = begun(1.0)
    decoder = pupil.decoder
    if untrained:
        start(pupil, encoder, crops(images))
    else:
        read = networks.read(model or models.packaged("decoder"), "decoder").network
        assert isinstance(read, Decoder)
        decoder = read
    layers = decoder.architecture.layers
    click.echo(" " * 10 + "".join(f"{layer:>9}" for layer in layers))
    for line in (images / "benchmark.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        folder, *names = line.replace(":", "").split()
        decibels = []
        for name in names:
            whole = picture.read(images / folder / f"{name}.jpg")
            width, height = picture.fit(whole.size, 256)
            shown = resize(tensor(whole.picture), (width // 16 * 16, height // 16 * 16))
            features = encoder(shown, layers)
            errors = [(decoder(features[layer], layer).clamp(0, 1) - shown).square().mean() for layer in layers]
            decibels.append([-10 * float(error.log10()) for error in errors])
        click.echo(f"{folder:10}" + "".join(f"{value:9.2f}" for value in np.mean(decibels, 0)))


if __name__ == "__main__":
    main()
