"""Train `arbitrary`, the network that paints in any style in one pass.

    python training/arbitrary.py train --images IMAGES --run runs/arbitrary
    python training/arbitrary.py export --run runs/arbitrary --to src/impasto/feedforward/arbitrary.safetensors

`train` goes on from the run's last checkpoint where there is one. training/README.md says what was tried.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from pocket import Crops, Teacher
from scipy import ndimage
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn import functional

from impasto import encoders
from impasto.encoders import VGG
from impasto.feedforward import models
from impasto.feedforward.arbitrary import Arbitrary, Architecture, Style
from impasto.feedforward.muon import Muon, Optimisers
from impasto.feedforward.quilt import cut
from impasto.feedforward.statistics import COLOUR, LAYERS, Statistics, colours, mixed, moments, statistics
from impasto.losses.gram import gram

sys.path.append(str(Path(__file__).parents[1] / "styles"))
from crafts import tesserae
from studio import FINE, Brush, Canvas, across, shrink

CONTENT = "relu4_2"
CONTENTS, STYLES, BOLD = 2048, 3072, 512  # different crops
SIDE, STYLE_SIDE = 160, 224


class Pictures:
    """Random crops of the pictures in some folders, and what the encoder sees in them: every crop is looked at once."""

    def __init__(self, folders: list[tuple[Path, float]], side: int, zoom: tuple[float, float], seed: int) -> None:
        self.side, self.zoom, self.seed = side, zoom, seed
        self.shares = [share for _, share in folders]
        self.groups: list[list[np.ndarray]] = []
        for folder, _ in folders:
            files = sorted(folder.rglob("*.jpg"))
            if not files:
                raise click.UsageError(f"no .jpg in {folder}")
            self.groups.append([np.asarray(Image.open(file).convert("RGB")).copy() for file in files])

    def __call__(self, index: int, *, tint: bool, always: Callable[[Tensor, np.random.Generator], Tensor] | None = None) -> Tensor:
        """Crop number ``index``, ``[1, 3, side, side]``; some are tinted and textured where they may be, or all in one way."""
        generator = np.random.default_rng((self.seed, index))
        group = self.groups[generator.choice(len(self.groups), p=self.shares)]
        picture = group[generator.integers(len(group))]
        height, width = picture.shape[:2]
        window = min(round(self.side / 2 ** generator.uniform(*self.zoom)), height, width)
        y, x = generator.integers(height - window + 1), generator.integers(width - window + 1)
        crop = torch.from_numpy(picture[y : y + window, x : x + window]).permute(2, 0, 1)[None].float() / 255
        crop = functional.interpolate(crop, size=(self.side, self.side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
        if generator.random() < 0.5:
            crop = crop.flip(3)
        if tint and generator.random() < 0.25:
            crop = crop[:, generator.permutation(3)]
        if generator.random() < 0.25:
            mean = crop.mean((2, 3), keepdim=True)
            shift = torch.from_numpy(generator.normal(0, 0.08, (1, 3, 1, 1))).float()
            crop = (mean + (crop - mean) * float(generator.uniform(0.5, 1.6)) + shift).clamp(0, 1)
        if always is not None:
            crop = always(crop, generator).clamp(0, 1)
        elif tint and generator.random() < 0.5:
            crop = TEXTURES[generator.integers(len(TEXTURES))](crop, generator).clamp(0, 1)
        return crop.contiguous(memory_format=torch.channels_last)


def field(generator: np.random.Generator, side: int, size: float) -> np.ndarray:
    """A smooth random field with a deviation of 1, whose bumps are about ``size`` pixels wide."""
    smooth = ndimage.gaussian_filter(generator.normal(size=(side, side)), size, mode="wrap")
    return smooth / smooth.std()


def strokes(crop: Tensor, generator: np.random.Generator) -> Tensor:
    """The picture under short strokes, whose direction changes from place to place."""
    side = crop.shape[2]
    width, length = generator.uniform(0.7, 2.5), generator.uniform(4, 18)
    turn = field(generator, side, generator.uniform(15, 60))
    directions, relief = 6, np.zeros((side, side))
    nearest = np.floor(turn * generator.uniform(0.5, 2) * directions / 4).astype(int) % directions
    for direction in range(directions):
        noise = ndimage.gaussian_filter(generator.normal(size=(2 * side, 2 * side)), (width, length))
        turned = ndimage.rotate(noise / noise.std(), 180 * direction / directions, reshape=False, order=1)
        relief[nearest == direction] = turned[side // 2 : side // 2 + side, side // 2 : side // 2 + side][nearest == direction]
    colour = 1 + generator.uniform(-0.7, 0.7, (1, 3, 1, 1))
    smooth = torch.from_numpy(ndimage.gaussian_filter(crop.numpy(), (0, 0, *(generator.uniform(0, 3),) * 2))).float()
    return smooth + torch.from_numpy(colour * generator.uniform(0.05, 0.25) * relief).float()


def cells(crop: Tensor, generator: np.random.Generator) -> Tensor:
    """The picture as cells of one colour, with seams."""
    side = crop.shape[2]
    points = generator.uniform(0, side, (int(generator.uniform(40, 900)), 2))
    places = np.stack(np.mgrid[:side, :side], -1).reshape(-1, 2)
    distances, owners = cKDTree(points).query(places + generator.normal(0, 0.6, places.shape), k=2)
    flat_crop = crop[0].flatten(1).numpy()
    means = np.stack([ndimage.mean(channel, owners[:, 0], np.arange(len(points))) for channel in flat_crop])
    painted = means[:, owners[:, 0]] + generator.normal(0, 0.08, (3, len(points)))[:, owners[:, 0]]
    seam = (distances[:, 1] - distances[:, 0] < generator.uniform(0, 3))[None]
    return torch.from_numpy(np.where(seam, generator.uniform(0, 1, (3, 1)), painted)).float().reshape(crop.shape)


def contours(crop: Tensor, generator: np.random.Generator) -> Tensor:
    """The picture with flowing lines between its lights and its darks."""
    side = crop.shape[2]
    light = ndimage.gaussian_filter(crop.mean(1)[0].numpy(), generator.uniform(1, 5))
    flow = light / (light.std() + 0.02) + generator.uniform(0.2, 1.5) * field(generator, side, generator.uniform(10, 40))
    waves = np.sin(flow * generator.uniform(4, 25))
    if generator.random() < 0.5:
        waves = np.sign(waves) * np.abs(waves) ** 0.3
    colour = generator.normal(0, 1, (1, 3, 1, 1))
    return crop + torch.from_numpy(generator.uniform(0.05, 0.3) * waves * colour / np.abs(colour).max()).float()


def flats(crop: Tensor, generator: np.random.Generator) -> Tensor:
    """The picture in a few flat colours of a palette of its own or at random, perhaps with outlines."""
    smooth = ndimage.gaussian_filter(crop[0].numpy(), (0, *(generator.uniform(0.5, 4),) * 2))
    light = smooth.mean(0)
    steps = int(generator.integers(3, 9))
    bounds = np.quantile(light, np.linspace(0, 1, steps + 1)[1:-1])
    index = np.digitize(light, bounds)
    own = np.stack([ndimage.mean(channel, index, np.arange(steps)) for channel in smooth])
    chosen = generator.uniform(0, 1, (3, steps))
    palette = own if generator.random() < 0.4 else chosen
    painted = palette[:, index]
    if generator.random() < 0.6:
        edges = ndimage.morphological_gradient(index, size=int(generator.integers(2, 5))) > 0
        painted = np.where(edges, generator.choice([0.05, 0.95]), painted)
    return torch.from_numpy(ndimage.gaussian_filter(painted, (0, 0.4, 0.4)))[None].float()


def lively(crop: Tensor, generator: np.random.Generator) -> Tensor:
    """The picture sharper and with stronger colours."""
    soft = torch.from_numpy(ndimage.gaussian_filter(crop.numpy(), (0, 0, *(generator.uniform(0.7, 4),) * 2))).float()
    grey = crop.mean(1, keepdim=True)
    return grey + (crop - grey) * float(generator.uniform(1, 2.5)) + (crop - soft) * float(generator.uniform(0.5, 3))


def brushed(crop: Tensor, generator: np.random.Generator) -> Tensor:
    """The picture painted anew with the brushes that our own style pictures were painted with."""
    side = crop.shape[2]
    fine = functional.interpolate(crop, scale_factor=FINE, mode="bicubic", align_corners=False).clamp(0, 1)
    picture = fine[0].movedim(0, 2).contiguous().numpy()
    canvas = Canvas(side, side, picture.mean((0, 1)), generator)
    if generator.random() < 0.5:
        angle = across(ndimage.gaussian_filter(picture.mean(2), generator.uniform(4, 16)))
    else:
        angle = (np.pi * generator.uniform(0.2, 1) * field(generator, FINE * side, generator.uniform(30, 120))).astype(np.float32)
    width, slender = generator.uniform(4, 12), generator.uniform(1.2, 6)
    brush = Brush(
        dry=generator.uniform(0, 0.5),
        body=generator.uniform(0.5, 2),
        streak=generator.uniform(0.03, 0.12),
        taper=generator.uniform(0, 0.6),
        tip=generator.uniform(0.1, 0.95),
        ridge=generator.uniform(0.2, 1),
        hairs=generator.uniform(1, 2),
    )
    for scale in (1.8, 1.0):
        wide, mixed = scale * width, generator.uniform(0, 0.5)
        canvas.cover(picture, angle, wide, slender * wide, brush, stop=0.35, value=0.08, hue=0.05, mixed=mixed)
    painted = shrink(canvas.finished(generator.uniform(0.2, 0.6), generator.uniform(0.05, 0.2)))
    return torch.from_numpy(painted).float().movedim(2, 0)[None]


def tiled(crop: Tensor, generator: np.random.Generator) -> Tensor:
    """The picture as a mosaic of small tiles."""
    fine = functional.interpolate(crop, scale_factor=FINE, mode="bicubic", align_corners=False).clamp(0, 1)
    picture = fine[0].movedim(0, 2).contiguous().numpy()
    rows = 40 * ndimage.gaussian_filter(picture.mean(2), 8) + 12 * field(generator, len(picture), generator.uniform(20, 60))
    return torch.from_numpy(tesserae(picture, rows.astype(np.float32), generator.uniform(5, 13), generator)).float().movedim(2, 0)[None]


def crisp(crop: Tensor, generator: np.random.Generator) -> Tensor:
    """The picture as full of detail as one of a camera that was made smaller, or as it is."""
    return crop if generator.random() < 0.6 else lively(crop, generator)


def bold(crop: Tensor, generator: np.random.Generator) -> Tensor:
    """The picture in strong colours and in one or two ways more of a style than most."""
    ways = (brushed, brushed, tiled, strokes, cells, contours, flats)
    painted = ways[generator.integers(len(ways))](lively(crop, generator).clamp(0, 1), generator).clamp(0, 1)
    if generator.random() < 0.4:
        painted = (cells, contours, strokes)[generator.integers(3)](painted, generator)
    return painted


# Ways of making a picture more of a style than most paintings of 227 pixels are.
TEXTURES = (strokes, cells, contours, flats, lively)


def looked_at(file: Path, name: str, find: Callable[[int], dict[str, Tensor]], count: int) -> dict[str, Tensor]:
    """What is found at each index up to a ``count``, stacked; kept in a ``file``, since looking takes minutes."""
    if not file.exists():
        with click.progressbar(range(count), label=f"Looking at {name}") as indices:
            rows = [halved(find(index)) for index in indices]
        torch.save({name: torch.cat([row[name] for row in rows]) for name in rows[0]}, file.with_suffix(".tmp"))
        file.with_suffix(".tmp").replace(file)
    found: dict[str, Tensor] = torch.load(file, weights_only=True, mmap=True)
    return found


def halved(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """In half precision, but for colours, which are inverted later on and wouldn't bear it, and what is smaller already."""
    return {name: x if name.startswith(COLOUR) or x.dtype == torch.uint8 else x.half() for name, x in found.items()}


def chosen(found: dict[str, Tensor], indices: np.ndarray, device: torch.device) -> dict[str, Tensor]:
    """Some rows of what was found, pictures from 0 to 1."""
    rows = {name: x[torch.from_numpy(indices)].to(device) for name, x in found.items()}
    return {name: x.float() / 255 if x.dtype == torch.uint8 else x.float() for name, x in rows.items()}


def flat(stats: Statistics) -> dict[str, Tensor]:
    """Statistics as one level of names."""
    return {f"{name} {order}": moment for name, pair in stats.items() for order, moment in enumerate(pair)}


def deep(found: dict[str, Tensor]) -> Statistics:
    """The inverse of :func:`flat`."""
    return {name: (found[f"{name} 0"], found[f"{name} 1"]) for name in (COLOUR, *LAYERS)}


class Lesson:
    """One step's pictures, and how wrong the network is about them."""

    def __init__(self, images: Path, run: Path, encoder: VGG, content_weight: float, metrics: dict[str, Tensor]) -> None:
        photographs = [(images / "imagenet_sample", 0.5), (images / "pacs/photo", 0.3), (images / "pacs/art_painting", 0.2)]
        paintings = [(images / "pacs/art_painting", 0.75), (images / "imagenet_sample", 0.15), (images / "pacs/photo", 0.1)]
        self.photographs = Pictures(photographs, SIDE, (-1.0, 0.8), 1)
        self.paintings = Pictures(paintings, STYLE_SIDE, (-0.2, 1.0), 2)
        self.encoder, self.content_weight, self.metrics = encoder, content_weight, metrics
        self.device = next(encoder.parameters()).device
        self.contents = looked_at(run / "contents.pt", "photographs", self._content, CONTENTS)
        self.styles = looked_at(run / "styles.pt", "paintings", self._style, STYLES)
        self.bold = looked_at(run / "bold.pt", "bold paintings", self._bold, BOLD)

    @torch.no_grad()
    def _content(self, index: int) -> dict[str, Tensor]:
        picture = self.photographs(index, tint=False, always=crisp).to(self.device)
        features = self.encoder(picture, (*LAYERS, CONTENT))
        own = {COLOUR: colours(picture), **{layer: moments(features[layer]) for layer in LAYERS}}
        found = {"picture": (255 * picture).round().byte(), "features": features[CONTENT], **flat(own)}
        return {name: x.cpu() for name, x in found.items()}

    @torch.no_grad()
    def _style(self, index: int) -> dict[str, Tensor]:
        return self._described(self.paintings(index, tint=True).to(self.device))

    @torch.no_grad()
    def _bold(self, index: int) -> dict[str, Tensor]:
        # They take seconds each, so each is looked at in other colours and at another size, too.
        painted = self.paintings(index, tint=True, always=bold).to(self.device)
        smaller = functional.interpolate(painted[:, [1, 2, 0]], scale_factor=0.75, mode="bicubic", antialias=True).clamp(0, 1)
        smaller = functional.pad(smaller, (STYLE_SIDE // 8,) * 4, "reflect")
        seen = [self._described(one) for one in (painted, painted[:, [2, 0, 1]].flip(3), smaller)]
        return {name: torch.cat([found[name] for found in seen]) for name in seen[0]}

    def _described(self, painting: Tensor) -> dict[str, Tensor]:
        found = {"picture": (255 * painting).round().byte(), **flat(statistics(painting, self.encoder))}
        return {name: x.cpu() for name, x in found.items()}

    def __call__(self, network: Arbitrary, step: int, batch: int) -> tuple[Tensor, dict[str, float]]:
        """The loss at a step, and its parts."""
        generator = np.random.default_rng((0, step))
        content = chosen(self.contents, generator.integers(CONTENTS, size=batch), self.device)
        # A third of the targets lie between two styles, or between a style and the content itself.
        kind = generator.random(batch)
        second = generator.integers(STYLES, size=batch)
        boldly = generator.random() < 0.8
        known = self.bold if boldly else self.styles
        style = chosen(known, generator.integers(len(known[f"{COLOUR} 0"]), size=batch), self.device)
        other = chosen(self.styles, second, self.device)
        share = torch.from_numpy(np.where(kind < 0.36, generator.random(batch), 0)).float().to(self.device)
        to_other = torch.from_numpy(kind < 0.16).float().to(self.device)
        shares = (1 - share, share * to_other, share * (1 - to_other))
        target = mixed(list(zip(shares, map(deep, (style, other, content)), strict=True)))
        pictures = tuple((part, cut(known["picture"])) for part, known in zip(shares, (style, other), strict=False))
        painting = network(content["picture"].contiguous(memory_format=torch.channels_last), Style(target, pictures))
        features = self.encoder(painting.clamp(0, 1), (*LAYERS, CONTENT))
        errors = [error(gram(features[layer]), target[layer][1], metric) for layer, metric in self.metrics.items()]
        by_style = torch.stack(errors)
        by_content = (features[CONTENT] - content["features"]).square().sum((1, 2, 3)) / content["features"].square().sum((1, 2, 3))
        outside = (painting - painting.clamp(0, 1)).square().mean()
        # The root lets every pair count alike, whether its style is easy or hard.
        loss = (by_style.mean(0) + 1e-3).sqrt().mean() + self.content_weight * by_content.mean() + 10 * outside
        pure = torch.from_numpy(kind >= 0.36).to(self.device)
        parts = {f"style {layer[4:]}": float(e[pure].median()) for layer, e in zip(LAYERS, by_style.detach(), strict=True)}
        parts["style"] = float(by_style.detach().mean(0)[pure].median())
        parts["content"] = float(by_content.detach()[pure].median())
        parts["loss"] = float(loss.detach())
        return loss, parts


def error(found: Tensor, wanted: Tensor, metric: Tensor) -> Tensor:
    """The relative errors ``[N]`` of Gram matrices ``G``, seen through an adapter ``A``: ``|A (G - W) Aᵀ|² / |A W Aᵀ|²``.

    Args:
        found: G, ``[N, C, C]``.
        wanted: W, likewise.
        metric: ``AᵀA``, ``[C, C]``.
    """

    def energy(matrix: Tensor) -> Tensor:
        product = metric @ matrix
        return (product * product.mT).sum((1, 2))

    return energy(found - wanted) / energy(wanted)


@torch.no_grad()
def fitted(images: Path, teachers: Path, encoder: VGG) -> dict[str, Tensor]:
    """For every layer ``AᵀA`` of the linear adapter ``A`` that carries the encoder's features onto VGG19's best."""
    teacher = Teacher(teachers, torch.float32)
    crops = Crops(images)
    sums: dict[str, tuple[Tensor, Tensor]] = {}
    for batch in range(12):
        picture = crops(np.random.default_rng((2, batch)), 4)
        seen = encoder(picture, LAYERS)
        shallow, deeper = teacher.relus(teacher.shallow, picture, "3_1"), teacher.relus(teacher.deep, picture, "5_1")
        for layer, ours in seen.items():
            theirs = (shallow if layer[4] < "4" else deeper)[layer[4:]]
            x, y = (z.permute(1, 0, 2, 3).flatten(1) for z in (ours, theirs))
            before = sums.get(layer, (0, 0))
            sums[layer] = (before[0] + x @ x.T, before[1] + y @ x.T)
    metrics = {}
    for layer, (xx, yx) in sums.items():
        ridge = 1e-4 * xx.trace() / len(xx) * torch.eye(len(xx))
        adapter = torch.linalg.solve(xx + ridge, yx, left=False)
        metrics[layer] = adapter.T @ adapter
    return metrics


@click.group()
def main() -> None:
    """Train and export the packaged painter."""


@main.command()
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--teachers", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="As for pocket.")
@click.option("--run", type=click.Path(path_type=Path), required=True, help="Checkpoints and log go here.")
@click.option("--steps", default=6000, show_default=True)
@click.option("--batch", default=4, show_default=True)
@click.option("--rate", default=0.007, show_default=True, help="Muon's highest learning rate.")
@click.option("--content-weight", default=0.17, show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option("--stop", type=int, help="Stop here, to go on later.")
def train(
    images: Path,
    teachers: Path,
    run: Path,
    steps: int,
    batch: int,
    rate: float,
    content_weight: float,
    device: str,
    stop: int | None,
) -> None:
    """Train, going on from the run's last checkpoint."""
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    encoder = encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder
    assert isinstance(encoder, VGG)
    widths = {layer: encoder.get_submodule(layer.replace("relu", "conv")).weight.shape[0] for layer in LAYERS}
    metrics_file = run / "metrics.pt"
    if not metrics_file.exists():
        torch.save(fitted(images, teachers, encoder), metrics_file)
    metrics = {layer: metric.to(device) for layer, metric in torch.load(metrics_file, weights_only=True).items()}
    network = Arbitrary(Architecture(widths)).to(device, memory_format=torch.channels_last)
    lesson = Lesson(images, run, encoder.to(device), content_weight, metrics)
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim == 1]
    optimisers = Optimisers((Muon(matrices, lr=rate), torch.optim.AdamW(vectors, lr=rate / 10, weight_decay=0)))
    first, checkpoint = 0, run / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        first = state["step"]
        network.load_state_dict(state["network"])
        optimisers.restore(state["optimisers"])
    start = time.perf_counter()
    recent: list[dict[str, float]] = []
    for step in range(first, min(steps, stop or steps)):
        loss, parts = lesson(network, step, batch)
        network.zero_grad()
        loss.backward()
        # Muon's momentum would remember one bad batch for hundreds of steps.
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimisers.move(step, steps, fall=0.8)
        recent.append(parts)
        if (step + 1) % 50 == 0:
            mean = {name: round(float(np.nanmean([row[name] for row in recent])), 4) for name in parts}
            recent.clear()
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps({"step": step + 1, "seconds": round(time.perf_counter() - start, 1), **mean}) + "\n")
        if (step + 1) % 250 == 0 or step + 1 == min(steps, stop or steps):
            state = {
                "step": step + 1,
                "architecture": asdict(network.architecture),
                "network": network.state_dict(),
                "optimisers": optimisers.state(),
            }
            torch.save(state, run / "checkpoint.tmp")
            (run / "checkpoint.tmp").replace(checkpoint)


@main.command()
@click.option("--run", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="The run to export.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The safetensors file to write.")
@click.option("--other", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A checkpoint kept from before.")
@click.option("--share", default=0.3, show_default=True, help="Of its weights, in an average with the last ones.")
def export(run: Path, to: Path, other: Path | None, share: float) -> None:
    """Write the weights in half precision."""
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    weights = state["network"]
    if other is not None:
        before = torch.load(other, weights_only=True)["network"]
        weights = {name: torch.lerp(weight, before[name], share) for name, weight in weights.items()}
    network = Arbitrary(Architecture(**state["architecture"]))
    network.load_state_dict(weights)
    models.write(network, to, {"steps": state["step"], "licence": "Apache-2.0"}, precision=torch.float16)


if __name__ == "__main__":
    main()
