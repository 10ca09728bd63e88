"""Train `pocket`, the encoder that ships with Impasto, by feature distillation from VGG19.

    python training/pocket.py train --images IMAGES --teachers WEIGHTS --run runs/pocket
    python training/pocket.py export --images IMAGES --run runs/pocket --to src/impasto/encoders/pocket.safetensors

`train` goes on from the run's last checkpoint where there is one. training/README.md says what was tried.
"""

import json
import time
from dataclasses import asdict, replace
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from impasto.encoders.vgg import VGG, Architecture
from impasto.feedforward.muon import Muon, Optimisers

ARCHITECTURE = Architecture(channels=((32, 32), (64, 64), (128, 96, 96), (160, 160), (160,)))
# What each layer of ours learns to predict: the teacher's layer, and its width.
TARGETS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu4_2": 128, "relu5_1": 512}
# The content's layer ships with its adapter: content distances then are the teacher's.
EMBEDDED = "relu4_2"
# Shallow layers are compared at every n-th position, which is plenty and saves a third of a step.
STRIDES = {"relu1_1": 4, "relu2_1": 2}
FOLDERS = ("imagenet_sample", "pacs/art_painting", "pacs/photo")
CROP, BATCH = 160, 8


class Teacher:
    """True VGG19 down to relu3_1, and Wang et al.'s compressed VGG19 mapped onto VGG19's channels below."""

    def __init__(self, folder: Path, precision: torch.dtype = torch.bfloat16) -> None:
        self.precision = precision
        self.shallow = self._load(folder / "vgg19_normalised_to_conv3_1.safetensors")
        self.deep = self._load(folder / "vgg19_16x_to_conv5_1.safetensors")

    def _load(self, file: Path) -> dict[str, Tensor]:
        # The preprocessing works on 0 ... 255, where bfloat16 is too coarse.
        return {name: value if name.startswith("preprocess") else value.to(self.precision) for name, value in load_file(file).items()}

    @torch.no_grad()
    def __call__(self, picture: Tensor) -> dict[str, Tensor]:
        """The features of a picture ``[N, 3, H, W]`` that the student is to predict, by layer, at the sampled positions."""
        shallow = self.relus(self.shallow, picture, "3_1")
        deep = self.relus(self.deep, picture, "5_1")
        targets = {f"relu{n}": shallow[n] for n in ("1_1", "2_1", "3_1")}
        for n in ("4_1", "5_1"):
            targets[f"relu{n}"] = functional.conv2d(deep[n], self.deep[f"conv{n}_to_vgg19.weight"], self.deep[f"conv{n}_to_vgg19.bias"])
        targets["relu4_2"] = deep["4_2"]
        return {layer: sample(layer, target) for layer, target in targets.items()}

    def relus(self, weights: dict[str, Tensor], picture: Tensor, last: str) -> dict[str, Tensor]:
        """The features after every rectifier of one of its two networks, down to ``last``, by names such as ``3_1``."""
        x = functional.conv2d(picture, weights["preprocess.weight"], weights["preprocess.bias"]).to(self.precision)
        found: dict[str, Tensor] = {}
        for name in sorted(n[4:7] for n in weights if n.endswith(".weight") and "_to_" not in n and n != "preprocess.weight"):
            if name[0] != "1" and name[2] == "1":
                x = functional.max_pool2d(x, 2)
            x = functional.pad(x, (1, 1, 1, 1), "reflect")
            x = functional.relu(functional.conv2d(x, weights[f"conv{name}.weight"], weights[f"conv{name}.bias"]))
            found[name] = x
            if name == last:
                break
        return found


class Student(nn.Module):
    """The encoder and the 1x1 adapters that carry its features onto the teacher's; only the encoder ships."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.encoder = VGG(architecture)
        widths = {f"relu{b}_{c}": n for b, block in enumerate(architecture.channels, 1) for c, n in enumerate(block, 1)}
        self.adapters = nn.ModuleDict({layer: nn.Conv2d(widths[layer], out, 1, bias=False) for layer, out in TARGETS.items()})
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu" if module.kernel_size == (3, 3) else "linear")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, picture: Tensor) -> dict[str, Tensor]:
        """The teacher's features as this student sees them."""
        return {layer: self.adapters[layer](sample(layer, x)) for layer, x in self.encoder(picture, tuple(TARGETS)).items()}


def sample(layer: str, features: Tensor) -> Tensor:
    """The positions at which a layer is compared."""
    stride = STRIDES.get(layer, 1)
    return features[:, :, ::stride, ::stride]


def losses(predicted: dict[str, Tensor], target: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Relative squared errors per layer, of the features and of their Gram matrices."""
    features, grams = [], []
    for layer in TARGETS:
        p, t = predicted[layer].float(), target[layer].float()
        features.append((p - t).square().sum() / t.square().sum())
        p, t = predicted[layer].flatten(2), target[layer].flatten(2)
        gp, gt = (p @ p.mT).float(), (t @ t.mT).float()
        grams.append(((gp - gt).square().sum((1, 2)) / gt.square().sum((1, 2))).mean())
    return torch.stack(features), torch.stack(grams)


class Crops:
    """Random crops of all pictures: any scale, mirrored, some blended, tinted or grainy, as canvases on their way are."""

    def __init__(self, folder: Path) -> None:
        self.groups = []
        for name in FOLDERS:
            files = sorted((folder / name).rglob("*.jpg"))
            if not files:
                raise click.UsageError(f"no .jpg in {folder / name}")
            self.groups.append([np.asarray(Image.open(file).convert("RGB")).copy() for file in files])

    def __call__(self, generator: np.random.Generator, count: int = BATCH, side: int = CROP) -> Tensor:
        """Random canvases ``[count, 3, side, side]``."""
        return torch.stack([self._canvas(generator, side) for _ in range(count)]).contiguous(memory_format=torch.channels_last)

    def _canvas(self, generator: np.random.Generator, side: int) -> Tensor:
        crop = self._crop(generator, side)
        if generator.random() < 0.2:
            crop = torch.lerp(crop, self._crop(generator, side), float(generator.uniform(0, 1)))
        if generator.random() < 0.2:
            mean = crop.mean((1, 2), keepdim=True)
            crop = mean + (crop - mean) * float(generator.uniform(0.4, 1.8)) + torch.from_numpy(generator.normal(0, 0.1, (3, 1, 1)))
        if generator.random() < 0.2:
            crop = crop + torch.from_numpy(generator.normal(0, generator.uniform(0.01, 0.12), crop.shape))
        return crop.float().clamp(-0.05, 1.05)

    def _crop(self, generator: np.random.Generator, side: int) -> Tensor:
        group = self.groups[generator.choice(len(self.groups), p=(0.4, 0.4, 0.2))]
        picture = group[generator.integers(len(group))]
        height, width = picture.shape[:2]
        window = min(round(side * 2 ** generator.uniform(-0.5, 1.2)), height, width)
        y, x = generator.integers(height - window + 1), generator.integers(width - window + 1)
        crop = torch.from_numpy(picture[y : y + window, x : x + window]).permute(2, 0, 1)[None].float() / 255
        crop = functional.interpolate(crop, size=(side, side), mode="bilinear", antialias=True, align_corners=False)[0]
        return crop.flip(2) if generator.random() < 0.5 else crop


@click.group()
def main() -> None:
    """Train and export the packaged encoder."""


FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@main.command()
@click.option("--images", type=FOLDER, required=True, help="Folder that holds " + ", ".join(FOLDERS) + ".")
@click.option("--teachers", type=FOLDER, required=True, help="Folder of the two VGG19 files.")
@click.option("--run", type=click.Path(path_type=Path), required=True, help="Checkpoints and log go here.")
@click.option("--steps", default=14_000, show_default=True)
@click.option("--rate", default=0.02, show_default=True, help="Muon's highest learning rate.")
@click.option("--gram", default=0.2, show_default=True, help="Weight of the Gram errors beside the feature errors.")
@click.option("--pooling", type=click.Choice(["max", "average"]), default="average", show_default=True)
@click.option("--stop", type=int, help="Stop here, to go on later.")
def train(images: Path, teachers: Path, run: Path, steps: int, rate: float, gram: float, pooling: str, stop: int | None) -> None:
    """Distil, going on from the run's last checkpoint."""
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    student = Student(Architecture(ARCHITECTURE.channels, pooling=pooling)).to(memory_format=torch.channels_last)  # type: ignore[arg-type]
    teacher, crops = Teacher(teachers), Crops(images)
    convolutions = [p for p in student.parameters() if p.ndim == 4]
    biases = [p for p in student.parameters() if p.ndim == 1]
    optimisers = Optimisers((Muon(convolutions, lr=rate), torch.optim.AdamW(biases, lr=rate / 4)))
    first, checkpoint = 0, run / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        first = state["step"]
        student.load_state_dict(state["student"])
        optimisers.restore(state["optimisers"])
    start = time.perf_counter()
    recent: list[Tensor] = []
    for step in range(first, min(steps, stop or steps)):
        # The crops depend on the step alone, so a resumed run sees what an uninterrupted one would have.
        picture = crops(np.random.default_rng((0, step)))
        with torch.autocast("cpu", torch.bfloat16):
            predicted = student(picture)
        features, grams = losses(predicted, teacher(picture))
        student.zero_grad()
        (features.sum() + gram * grams.sum()).backward()
        optimisers.move(step, steps)
        recent.append(torch.cat([features, grams]).detach())
        if (step + 1) % 100 == 0:
            mean = torch.stack(recent).mean(0).tolist()
            recent.clear()
            row = {
                "step": step + 1,
                "seconds": round(time.perf_counter() - start, 1),
                "features": dict(zip(TARGETS, (round(v, 4) for v in mean), strict=False)),
                "grams": dict(zip(TARGETS, (round(v, 4) for v in mean[len(TARGETS) :]), strict=False)),
            }
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
        if (step + 1) % 500 == 0 or step + 1 == min(steps, stop or steps):
            state = {
                "step": step + 1,
                "student": student.state_dict(),
                "optimisers": optimisers.state(),
                "pooling": pooling,
            }
            torch.save(state, run / "checkpoint.tmp")
            (run / "checkpoint.tmp").replace(checkpoint)


@main.command()
@click.option("--images", type=FOLDER, required=True, help="The same folder as for training.")
@click.option("--run", type=FOLDER, required=True, help="The run to export.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The safetensors file to write.")
@torch.no_grad()
def export(images: Path, run: Path, to: Path) -> None:
    """Write the weights in half precision, every layer's mean activation brought to 1.

    Gatys et al. 2016, section 2, do so for every channel; that lets channels which seldom fire rule our Gram matrices, and
    the judge's style distance rises from 0.035 to 0.136.
    """
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    weights = state["student"]
    encoder = VGG(Architecture(ARCHITECTURE.channels, pooling=state["pooling"]))
    encoder.load_state_dict({name.removeprefix("encoder."): value for name, value in weights.items() if name.startswith("encoder.")})
    architecture = replace(encoder.architecture, embedded={EMBEDDED: TARGETS[EMBEDDED]})
    relus = [layer for layer in architecture.layers if layer.startswith("relu")]
    crops = Crops(images)
    features = [encoder(crops(np.random.default_rng((1, batch))), relus) for batch in range(32)]
    incoming = torch.ones(())
    for layer in relus:
        mean = torch.stack([batch[layer].mean() for batch in features]).mean()
        convolution = encoder.get_submodule(layer.replace("relu", "conv"))
        convolution.weight.mul_(incoming / mean)
        convolution.bias.div_(mean)
        if layer == EMBEDDED:
            embedding = weights[f"adapters.{layer}.weight"] * mean
        incoming = mean
    metadata = {"architecture": json.dumps(asdict(architecture)), "trained": f"{state['step']} steps", "licence": "Apache-2.0"}
    shipped = {**encoder.state_dict(), EMBEDDED.replace("relu", "embed") + ".weight": embedding}
    save_file({name: value.half().contiguous() for name, value in shipped.items()}, to, metadata)


if __name__ == "__main__":
    main()
