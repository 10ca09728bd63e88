"""Train `arbitrary`, the network that paints in any style in one pass.

    python training/painted.py --images IMAGES --to runs/painted
    python training/arbitrary.py --images IMAGES --painted runs/painted --teachers TEACHERS -o runs/arbitrary/arbitrary.safetensors

It goes on from the last checkpoint beside the model file, or without one from the packaged weights. training/README.md says what was tried.
"""

import copy
import time
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from pocket import Crops, Teacher
from torch import Tensor
from torch.nn import functional

from impasto import encoders, picture, styles
from impasto.encoders import VGG, tensors
from impasto.feedforward import models, networks
from impasto.feedforward.arbitrary import Arbitrary, Architecture, Pieces, carried, inside, within
from impasto.feedforward.muon import Muon, Optimisers
from impasto.feedforward.names import CARRIED, COLOUR, GRAINS, MARGIN, NOISE, SEEN, SIGHT
from impasto.feedforward.record import Record
from impasto.feedforward.statistics import Statistics, moments
from impasto.feedforward.training import stopping
from impasto.losses.gram import gram

LAYERS = (*SEEN, "relu5_1")
SIDE, STYLE_SIDE = 208, 256
EACH, SAVED = 50, 250  # steps between two lines of the log, and two checkpoints
KEPT = 0.998  # of the weights' moving average at each step, which is what is shipped: rates needn't fall for it to be steady


class Pictures:
    """Random crops of the pictures in some folders."""

    def __init__(self, folders: list[tuple[list[Path], float]], side: int, zoom: tuple[float, float]) -> None:
        self.side, self.zoom = side, zoom
        self.groups = [[np.asarray(Image.open(file).convert("RGB")).copy() for file in files] for files, _ in folders]
        self.shares = np.array([share for _, share in folders]) / sum(share for _, share in folders)

    def __call__(self, generator: np.random.Generator, *, tint: bool) -> Tensor:
        """A crop ``[1, 3, side, side]``."""
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
        if generator.random() < (0.3 if tint else 0.15):
            mean = crop.mean((2, 3), keepdim=True)
            shift = torch.from_numpy(generator.normal(0, 0.06, (1, 3, 1, 1))).float()
            crop = (mean + (crop - mean) * float(generator.uniform(0.6, 1.5)) + shift).clamp(0, 1)
        return crop


def files(folder: Path) -> list[Path]:
    """The pictures in a folder."""
    found = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".jpg", ".jpeg"))
    if not found:
        raise click.UsageError(f"no pictures in {folder}")
    return found


class Lesson:
    """One step's pictures, and how wrong the network is about them."""

    def __init__(self, images: Path, painted: Path, encoder: VGG, metrics: dict[str, Tensor], weights: Mapping[str, float]) -> None:
        photographs, pacs, art = (files(images / name) for name in ("imagenet_sample", "pacs/photo", "pacs/art_painting"))
        self.contents = Pictures([(photographs, 0.75), (pacs, 0.2), (art, 0.05)], SIDE, (-0.9, 0.3))
        packaged = [styles.path(name) for name in styles.STYLES]
        self.styles = Pictures([(files(painted), 0.45), (packaged, 0.12), (art, 0.35), (photographs, 0.08)], STYLE_SIDE, (-0.9, 0.2))
        self.encoder, self.metrics, self.weights = encoder, metrics, weights
        self.device = next(encoder.parameters()).device

    def see(self, picture: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The features of a picture, in half precision."""
        with torch.autocast(self.device.type, torch.bfloat16):
            return self.encoder(picture, layers)

    def look(self, picture: Tensor) -> dict[str, Tensor]:
        """The features of a picture with the margin that it is painted with."""
        seen = self.see(functional.pad(picture, (SIGHT + MARGIN,) * 4, "replicate"), LAYERS)
        return {layer: within(x.float(), layer, SIGHT) for layer, x in seen.items()}

    def __call__(self, network: Arbitrary, step: int, batch: int) -> tuple[Tensor, dict[str, float], tuple[Tensor, ...]]:
        """The loss at a step, and its parts."""
        generator = np.random.default_rng((11, step))
        content = torch.cat([self.contents(generator, tint=False) for _ in range(batch)]).to(self.device)
        pictures = torch.cat([self.styles(generator, tint=True) for _ in range(batch)]).to(self.device)
        padded = functional.pad(content, (MARGIN,) * 4, "replicate")
        kind = generator.random(batch)
        # Most targets are one style, some lie between two, or between a style and the content, and some are the content itself.
        share = np.where(kind < 0.24, generator.random(batch), 1.0)
        share = np.where(kind > 0.92, 0.0, share)
        to_content = (kind < 0.12) | (kind > 0.92)
        share, to_content = (torch.from_numpy(x).to(self.device) for x in (share.astype(np.float32), to_content))
        with torch.no_grad():
            seen = self.look(content)
            inner = {layer: within(x, layer, MARGIN) for layer, x in seen.items()}
            looked = {layer: within(x, layer, MARGIN) for layer, x in self.look(pictures).items()}
            own: Statistics = {COLOUR: moments(content), **{layer: moments(x) for layer, x in inner.items()}}
            first: Statistics = {COLOUR: moments(pictures), **{layer: moments(x) for layer, x in looked.items()}}

            def either(a: Tensor, b: Tensor) -> Tensor:
                """The content's, or the style's of the neighbour in the batch."""
                return torch.where(to_content.view(-1, *(1,) * (a.ndim - 1)), a, b.roll(1, 0))

            other = {name: tuple(either(a, b) for a, b in zip(own[name], first[name], strict=True)) for name in own}
            target = mixed(share, first, other)
            theirs, mine = pieces(looked), pieces(inner)
            lacking = theirs.deep.shape[1] - mine.deep.shape[1]
            mine = Pieces(*(torch.cat([x, x[:, :lacking]], 1) for x in mine))
            both = Pieces(*(torch.cat([a, either(b, a)], 1) for a, b in zip(theirs, mine, strict=True)))
            count = theirs.deep.shape[1]
            bias = torch.cat([s[:, None].expand(-1, count) for s in (share, 1 - share)], 1).clamp_min(1e-6).log()
            told = network.told(own, {name: target[name] for name in (COLOUR, *SEEN)}, both, bias)
        with torch.autocast(self.device.type, torch.bfloat16):
            told = told._replace(code=network.code({name: target[name] for name in (COLOUR, *SEEN)}))
            height = padded.shape[2]
            seeds = torch.Generator().manual_seed(step)
            noise = [torch.randn(batch, GRAINS, height // n, height // n, generator=seeds).to(self.device) for n in NOISE.values()]
            painting = inside(network(padded, {layer: seen[layer] for layer in CARRIED}, told, noise), MARGIN)
        shown = painting.clamp(0, 1)
        features = self.see(shown, LAYERS)
        half = self.see(functional.avg_pool2d(shown, 2), LAYERS[:4])
        with torch.no_grad():
            small = self.see(functional.avg_pool2d(pictures, 2), LAYERS[:4])
            alone = {layer: gram(x) for layer, x in small.items()}
        errors = torch.stack([error(gram(features[layer]), second(target[layer]), metric) for layer, metric in self.metrics.items()])
        pure = (share == 1).float()
        coarse = torch.stack([error(gram(half[layer]), alone[layer], self.metrics[layer]) for layer in alone]).mean(0)
        by_style = (errors.mean(0) + 1e-3).sqrt()
        by_coarse = (coarse + 1e-3).sqrt() * pure
        likeness = torch.stack([emd(features[layer], looked[layer], generator) for layer in CARRIED]).mean(0) * pure
        by_content = torch.stack([standard(features[layer], inner[layer]) for layer in ("relu4_1",)]).mean(0)
        by_edges = edges(shown, content)
        by_colours = colours(shown, carried(content, told.maps[COLOUR]))
        by_mesh = mesh(shown)
        identity = (painting - content).abs().mean((1, 2, 3)) * (share == 0)
        outside = (painting - shown).square().mean()
        w = self.weights
        # A painting in a share of a style may keep as much more of the content.
        keep = 1 + 2 * (1 - share) * to_content
        loss = (
            by_style.mean()
            + w["coarse"] * by_coarse.mean()
            + w["likeness"] * likeness.mean()
            + w["structure"] * (keep * by_content).mean()
            + w["edges"] * (keep * by_edges).mean()
            + w["colours"] * by_colours.mean()
            + w["mesh"] * by_mesh.mean()
            + 4 * identity.mean()
            + 10 * outside
        )
        mask = share == 1

        def pick(x: Tensor) -> float:
            return float(x.detach()[mask].median()) if bool(mask.any()) else float("nan")

        parts = {f"style {layer[4:]}": pick(e) for layer, e in zip(LAYERS, errors, strict=True)}
        parts |= {"style": pick(errors.mean(0)), "coarse": pick(coarse), "likeness": pick(likeness), "structure": pick(by_content)}
        parts |= {"edges": pick(1 - by_edges), "colours": pick(by_colours), "mesh": pick(by_mesh), "loss": float(loss.detach())}
        return loss, parts, (content, pictures, shown.detach())


def second(moment: tuple[Tensor, Tensor]) -> Tensor:
    """The second moment ``[N, C, C]`` out of mean and covariance: the Gram matrix over positions."""
    mean, covariance = moment
    return covariance + mean[:, :, None] * mean[:, None, :]


def mixed(share: Tensor, one: Statistics, other: Statistics) -> Statistics:
    """The statistics of two pictures' pixels taken together, in shares ``[N]``."""

    def mix(a: Tensor, b: Tensor) -> Tensor:
        part = share.view(-1, *(1,) * (a.ndim - 1))
        return part * a + (1 - part) * b

    found = {}
    for name in one:
        mean = mix(one[name][0], other[name][0])
        found[name] = (mean, mix(second(one[name]), second(other[name])) - mean[:, :, None] * mean[:, None, :])
    return found


def pieces(features: Mapping[str, Tensor]) -> Pieces:
    """All pieces of a style with these ``features``."""
    middle, deep = (features[layer] for layer in CARRIED)
    return Pieces(*(x.flatten(2).mT.float() for x in (deep, functional.pixel_unshuffle(middle, 2))))


def error(found: Tensor, wanted: Tensor, metric: Tensor) -> Tensor:
    """The relative errors ``[N]`` of Gram matrices ``G``, seen through an adapter ``A``: ``|A (G - W) Aᵀ|² / |A W Aᵀ|²``.

    Args:
        found: G, ``[N, C, C]``.
        wanted: W, likewise.
        metric: ``AᵀA``, ``[C, C]``.
    """

    def energy(matrix: Tensor) -> Tensor:
        product = metric @ matrix.float()
        return (product * product.mT).sum((1, 2))

    return energy(found - wanted) / energy(wanted)


def emd(found: Tensor, style: Tensor, generator: np.random.Generator, count: int = 700) -> Tensor:
    """The relaxed earth mover's distance ``[N]`` of some features, by their cosine distance (Kolkin et al. 2019, equation 5)."""

    def some(x: Tensor) -> Tensor:
        flat = x.flatten(2)
        chosen = torch.from_numpy(generator.permutation(flat.shape[2])[:count]).to(x.device)
        return flat[:, :, chosen].float()

    a, b = some(found), some(style)
    centre = b.mean(2, keepdim=True)
    distance = 1 - functional.normalize(a - centre, dim=1).mT @ functional.normalize(b - centre, dim=1)
    return torch.maximum(distance.amin(2).mean(1), distance.amin(1).mean(1))


def standard(found: Tensor, content: Tensor) -> Tensor:
    """Mean square difference ``[N]`` of features, every channel of both brought to mean 0 and deviation 1."""

    def one(x: Tensor) -> Tensor:
        x = x.float()
        return (x - x.mean((2, 3), keepdim=True)) / (x.std((2, 3), keepdim=True) + 0.05)

    return (one(found) - one(content)).square().mean((1, 2, 3))


def edges(found: Tensor, content: Tensor) -> Tensor:
    """1 less the correlation ``[N]`` of the gradients' magnitudes, at a scale of two pixels."""
    places = torch.arange(-6.0, 7.0, device=found.device)
    smooth = torch.exp(-places.square() / 8)
    smooth = smooth / smooth.sum()
    slope = smooth * places / 4

    def magnitude(x: Tensor) -> Tensor:
        grey = (x * torch.tensor([0.299, 0.587, 0.114], device=x.device)[:, None, None]).sum(1, keepdim=True)
        grey = functional.pad(grey, (6,) * 4, "reflect")
        along = functional.conv2d(functional.conv2d(grey, slope.view(1, 1, 1, -1)), smooth.view(1, 1, -1, 1))
        down = functional.conv2d(functional.conv2d(grey, smooth.view(1, 1, 1, -1)), slope.view(1, 1, -1, 1))
        m = (along.square() + down.square() + 1e-6).sqrt().flatten(1)
        m = m - m.mean(1, keepdim=True)
        return m / (m.norm(dim=1, keepdim=True) + 1e-3)

    return 1 - (magnitude(found) * magnitude(content)).sum(1)


def colours(found: Tensor, carried: Tensor) -> Tensor:
    """Mean square difference ``[N]`` of a painting from the content with its colours ``carried`` onto the style's, at a quarter of the
    resolution, relative to the latter's variance: light beside a dark tower, or a brown sky, that neither picture has.
    """
    found, carried = (functional.avg_pool2d(x, 4) for x in (found, carried.clamp(0, 1)))
    return (found - carried).square().mean((1, 2, 3)) / (carried.var((2, 3)).mean(1) + 1e-3)


def mesh(found: Tensor, period: int = 4, window: int = 52) -> Tensor:
    """What share ``[N]`` of a painting's detail, and of its strength, repeats with a ``period`` of pixels in each ``window``: convolutions
    after enlarging paint differently on and between the places that were enlarged.
    """
    detail = found - functional.avg_pool2d(functional.pad(found, (2,) * 4, "reflect"), 5, 1)
    count, channels, height, width = detail.shape
    cells = detail.reshape(count, channels, height // window, window // period, period, width // window, window // period, period)
    energy = cells.square()
    strength = energy.mean((3, 4, 6, 7)) + 1e-4
    repeats = cells.mean((3, 6)).square().mean((3, 5)) / strength
    beats = energy.mean((3, 6)).var((3, 5)) / strength.square()
    return (repeats + beats).mean((1, 2, 3))


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


@click.command()
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--painted", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="From training/painted.py.")
@click.option("--teachers", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="As for pocket.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The model file.")
@click.option("--steps", default=60000, show_default=True)
@click.option("--batch", default=6, show_default=True)
@click.option("--rate", default=0.01, show_default=True, help="Muon's highest learning rate.")
@click.option("--structure", default=0.05, show_default=True)
@click.option("--edges", "edge", default=0.12, show_default=True)
@click.option("--likeness", default=0.5, show_default=True)
@click.option("--coarse", default=0.8, show_default=True)
@click.option("--colours", "colour", default=0.3, show_default=True)
@click.option("--mesh", "woven", default=1.0, show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option("--new", is_flag=True, help="Begin with random weights, not with the packaged ones.")
def main(
    images: Path,
    painted: Path,
    teachers: Path,
    output: Path,
    steps: int,
    batch: int,
    rate: float,
    structure: float,
    edge: float,
    likeness: float,
    coarse: float,
    colour: float,
    woven: float,
    device: str,
    new: bool,
) -> None:
    """Train, going on from the last checkpoint beside the model file, or without one from the packaged weights."""
    output.parent.mkdir(parents=True, exist_ok=True)
    record = Record(output)
    torch.manual_seed(0)
    encoder = encoders.load("pocket", None, torch.device("cpu"), torch.float32).encoder
    assert isinstance(encoder, VGG)
    widths = {layer: encoder.get_submodule(layer.replace("relu", "conv")).weight.shape[0] for layer in SEEN}
    network = Arbitrary(Architecture(widths)).to(device, memory_format=torch.channels_last)
    # The last convolution paints pixels, and the gain a whole channel, which Muon's updates would make flicker.
    vectors = [p for name, p in network.named_parameters() if p.ndim < 2 or name in ("gain", "finish.weight")]
    known = {id(p) for p in vectors}
    matrices = [p for p in network.parameters() if id(p) not in known]
    optimisers = Optimisers((Muon(matrices, lr=rate), torch.optim.AdamW(vectors, lr=rate / 10, weight_decay=0)))
    state = record.resume({}, steps)
    first = int(state["step"]) if state else 0
    if state:
        network.load_state_dict(state["network"])
        optimisers.restore(state["optimisers"])
    elif not new:
        network.load_state_dict(networks.read(models.packaged("arbitrary")).network.state_dict())
    shipped = copy.deepcopy(network)
    if state and "average" in state:
        shipped.load_state_dict(state["average"])
    record.begin(first)
    metrics = {layer: metric.to(device) for layer, metric in fitted(images, teachers, encoder).items()}
    weights = {"structure": structure, "edges": edge, "likeness": likeness, "coarse": coarse, "colours": colour, "mesh": woven}
    lesson = Lesson(images, painted, encoder.to(device), metrics, weights)
    began, recent = time.perf_counter(), []
    with stopping() as stop:
        for step in range(first + 1, steps + 1):
            loss, parts, shown = lesson(network, step, batch)
            network.zero_grad()
            loss.backward()
            # Muon's momentum would remember one bad batch for hundreds of steps.
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimisers.move(step - 1, steps, fall=0.7)
            with torch.no_grad():
                for average, weight in zip(shipped.parameters(), network.parameters(), strict=True):
                    average.lerp_(weight, 1 - KEPT)
            recent.append(parts)
            if step % EACH == 0:
                mean = {name: float(np.nanmean([row[name] for row in recent])) for name in parts}
                record.log({"step": step, **mean, "seconds": round(time.perf_counter() - began, 1)})
                recent = []
            if step % SAVED == 0 or step == steps or stop.is_set():
                both = {"network": network.state_dict(), "average": shipped.state_dict()}
                record.save({"step": step, **both, "optimisers": optimisers.state()}, {})
                record.draw()
                rows = [torch.cat(list(functional.interpolate(x, size=(SIDE, SIDE))), 2) for x in shown]
                picture.save(tensors.array(torch.cat(rows, 1)[None]), record.folder / f"samples-{step:06d}.png")
                networks.write(shipped, output, {"steps": step, "licence": "Apache-2.0"}, precision=torch.float16)
            if stop.is_set():
                break


if __name__ == "__main__":
    main()
