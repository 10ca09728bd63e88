"""The textbook loop of neural style transfer, with nothing added: `python benchmarks/textbook.py CONTENT STYLE -o OUT`.

Gatys, Ecker & Bethge 2016 as tutorials write it: VGG19 down to conv5_1 in float32, a content layer, five style layers,
L-BFGS at full size from the photograph. The weights are random, because a step costs the same whatever they are; so this
measures time, and the picture is worth nothing. It imports nothing of Impasto.

The last line it prints is JSON: the evaluations made and the seconds spent in the loop alone, without import and load.
"""

import json
import time
from collections.abc import Sequence
from functools import cache

import click
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

BLOCKS = ((64, 64), (128, 128), (256, 256, 256, 256), (512, 512, 512, 512), (512,))
STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT = "conv4_2"


def network() -> dict[str, nn.Module]:
    """VGG19's layers in order, with random weights that keep the activations' size."""
    layers: dict[str, nn.Module] = {}
    width = 3
    for block, widths in enumerate(BLOCKS, start=1):
        if block > 1:
            layers[f"pool{block - 1}"] = nn.MaxPool2d(2)
        for convolution, out in enumerate(widths, start=1):
            layer = nn.Conv2d(width, out, 3, padding=1)
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            layers[f"conv{block}_{convolution}"] = layer.requires_grad_(False)
            layers[f"relu{block}_{convolution}"] = nn.ReLU(inplace=False)
            width = out
    return layers


@cache
def moments(device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and deviation of VGG19's pictures, `[1, 3, 1, 1]`, once: to copy them to a GPU at every evaluation would hold it up."""
    mean, deviation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return torch.tensor(mean, device=device).view(1, 3, 1, 1), torch.tensor(deviation, device=device).view(1, 3, 1, 1)


def features(layers: dict[str, nn.Module], picture: Tensor, wanted: Sequence[str]) -> dict[str, Tensor]:
    """The activations `[1, C, h, w]` of a picture `[1, 3, H, W]` at the wanted layers, of which the last is the deepest."""
    mean, deviation = moments(picture.device)
    x, found = (picture - mean) / deviation, {}
    for name, layer in layers.items():
        x = layer(x)
        if name in wanted:
            found[name] = x
        if name == wanted[-1]:
            break
    return found


def gram(x: Tensor) -> Tensor:
    """The Gram matrix `[C, C]` of features `[1, C, h, w]`, over the number of values."""
    rows = x.view(x.shape[1], -1)
    return rows @ rows.t() / x.numel()


def read(path: str, size: int) -> Tensor:
    """A picture file as `[1, 3, H, W]` in [0, 1], its longest side `size` pixels."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    scale = size / max(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.asarray(image, np.float32) / 255).permute(2, 0, 1)[None].contiguous()


def loop(
    layers: dict[str, nn.Module],
    photograph: Tensor,
    painting: Tensor,
    evaluations: int,
    *,
    content: str = CONTENT,
    style: Sequence[str] = STYLE,
) -> tuple[Tensor, list[Tensor]]:
    """The loop, where the pictures are: the canvas that it ends with, and the losses of its evaluations, 20 to a step of the optimiser."""
    wanted = (content, *style)
    with torch.no_grad():
        wanted_content = features(layers, photograph, wanted)[content]
        wanted_style = {name: gram(x) for name, x in features(layers, painting, wanted).items() if name in style}
    canvas = photograph.clone().requires_grad_()
    # An optimiser step is 20 evaluations, its default.
    optimiser = torch.optim.LBFGS([canvas], max_iter=min(20, evaluations))
    losses: list[Tensor] = []
    while len(losses) < evaluations:

        def closure() -> Tensor:
            with torch.no_grad():
                canvas.clamp_(0, 1)
            optimiser.zero_grad()
            found = features(layers, canvas, wanted)
            loss = functional.mse_loss(found[content], wanted_content)
            for name in style:
                loss = loss + 1e6 * functional.mse_loss(gram(found[name]), wanted_style[name])
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
            return loss

        optimiser.step(closure)  # type: ignore[no-untyped-call]
    return canvas.detach().clamp(0, 1), losses


@click.command()
@click.argument("content")
@click.argument("style")
@click.option("-o", "--output", required=True)
@click.option("--size", default=512, show_default=True)
@click.option("--evaluations", default=300, show_default=True)
def main(content: str, style: str, output: str, size: int, evaluations: int) -> None:
    """Run the loop on the files CONTENT and STYLE."""
    torch.manual_seed(0)
    layers = network()
    photograph, painting = read(content, size), read(style, size)
    began = time.perf_counter()
    canvas, losses = loop(layers, photograph, painting, evaluations)
    seconds = time.perf_counter() - began
    pixels = canvas[0].permute(1, 2, 0).nan_to_num().mul(255).round().byte().numpy()
    Image.fromarray(pixels).save(output)
    click.echo(json.dumps({"evaluations": len(losses), "seconds": round(seconds, 3)}))


if __name__ == "__main__":
    main()
