"""``impasto train``: networks of one's own."""

from typing import TYPE_CHECKING, Any

import click

from impasto.cli.progress import Bar
from impasto.cli.shell import STOPPED, say

if TYPE_CHECKING:
    from impasto.evaluate.classifier_training import Progress as Epochs


@click.group()
def train() -> None:
    """Train a network of your own."""


@train.command()
@click.argument("style", nargs=-1, required=True)
@click.option("--photos", required=True, metavar="FOLDER", help="Photographs to learn from: all pictures in it and its folders.")
@click.option("-o", "--output", required=True, metavar="OUT", help="The model file, such as model.safetensors.")
@click.option("--steps", type=int, default=2000, show_default=True, help="Of the training; more paint better, up to a point.")
@click.option("--batch", type=int, default=4, show_default=True, help="Photographs at each step, over all processes.")
@click.option("--crop", type=int, default=256, show_default=True, help="What is seen of a photograph at once, in pixels.")
@click.option("--width", type=int, default=16, show_default=True, help="Of the network; twice as wide is four times as slow.")
@click.option("--style-size", type=int, default=512, show_default=True, help="A style's longest side; a smaller one has smaller strokes.")
@click.option("--content-weight", type=float, default=0.35, show_default=True, help="Higher keeps more of the photograph.")
@click.option("--style-weight", type=float, default=1.0, show_default=True)
@click.option("--tv-weight", type=float, default=0.0, show_default=True, help="Higher is smoother.")
@click.option("--rate", type=float, default=0.02, show_default=True, help="The highest learning rate.")
@click.option("--encoder", default="pocket", show_default=True, help="The network that judges; all but pocket are downloaded on first use.")
@click.option("--encoder-weights", metavar="FILE", help="A file in place of the encoder's own weights.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all randomness.")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda|mps", help="Where to compute.")
@click.option("--precision", default="auto", show_default=True, metavar="auto|float32|bfloat16", help="auto is what the device is fast at.")
@click.option("--compile/--no-compile", default=None, help="Let torch.compile make it faster.  [default: on a GPU only]")
@click.option("--checkpoint-every", type=int, default=250, show_default=True, metavar="N", help="Steps between two checkpoints.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def fast(style: tuple[str, ...], photos: str, output: str, quiet: bool, **options: Any) -> None:
    """Train a network that paints in STYLE, or in several styles, in one pass.

    STYLE is a picture file or the name of a packaged style. Beside OUT a folder fills with a log, a plot of the losses,
    sheets of samples, and a checkpoint: the same command again goes on from it. Several processes share the work under
    `torchrun --nproc-per-node 2 -m impasto train fast ...`.
    """
    import os

    from impasto import packaged
    from impasto.feedforward.training import Progress
    from impasto.feedforward.training import train as learn

    with Bar(quiet or os.environ.get("RANK", "0") != "0") as bar:

        def show(progress: Progress) -> None:
            bar.trained(progress.step, progress.steps, progress.losses, progress.speed)

        files = [str(packaged.style(one)) for one in style]
        trained = learn(files, photos, output, callback=show, fetching=bar.fetching, **options)
    if os.environ.get("RANK", "0") != "0":
        raise click.exceptions.Exit(0 if trained.finished else STOPPED)
    if not trained.finished:
        say(f"Stopped at step {trained.step}; the model so far is in {output}, and the same command goes on from there", error=True)
        raise click.exceptions.Exit(STOPPED)
    say(output)


@train.command()
@click.argument("folder")
@click.option("-o", "--output", required=True, metavar="OUT", help="The model file, such as model.safetensors.")
@click.option(
    "--encoder",
    default="auto",
    show_default=True,
    help="The pretrained network; auto is resnet50, or pocket, which needs no download, where resnet50 can't be fetched.",
)
@click.option("--encoder-weights", metavar="FILE", help="A file in place of the encoder's own weights.")
@click.option("--unfreeze", metavar="LAYER,LAYER", help="Layers of the encoder to train, too, such as layer4; `all` is all.")
@click.option("--scratch", is_flag=True, help="Train all of it from random weights, to see what transfer is worth.")
@click.option("--augment/--no-augment", default=None, help="See random crops and mirror images.  [default: where layers are trained]")
@click.option("--size", type=int, help="Side in pixels of what is seen of a picture.  [default: 224, and 160 for pocket]")
@click.option("--epochs", type=int, default=60, show_default=True, help="At most.")
@click.option("--patience", type=int, default=12, show_default=True, metavar="N", help="Epochs without a gain after which it ends.")
@click.option("--batch", type=int, default=32, show_default=True, help="Pictures at each step.")
@click.option("--rate", type=float, default=3e-4, show_default=True, help="The highest learning rate of the head.")
@click.option("--held-out", type=float, default=0.2, show_default=True, help="The share of each class that is kept back to score by.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all randomness.")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda|mps", help="Where to compute.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def classifier(folder: str, output: str, unfreeze: str | None, quiet: bool, **options: Any) -> None:
    """Teach a pretrained network the classes of your own pictures.

    FOLDER holds a subfolder of pictures for each class, such as an artist. Beside OUT a folder fills with a log, learning
    curves, at the end a confusion matrix, and a checkpoint: the same command again goes on from it.
    """
    from impasto.evaluate.classifier_training import train as learn

    layers = () if unfreeze is None else tuple(name.strip() for name in unfreeze.split(","))
    with Bar(quiet) as bar:

        def show(progress: "Epochs") -> None:
            bar.trained(progress.done, progress.count, progress.figures, progress.speed, progress.stage)

        trained = learn(folder, output, unfreeze=layers, callback=show, fetching=bar.fetching, **options)
    say(
        f"{trained.accuracy:.1%} of {trained.confusion.sum()} held out pictures of {len(trained.classes)} classes named rightly, "
        f"seen through {trained.encoder} after epoch {trained.best} of {trained.epoch}",
        error=True,
    )
    if not trained.finished:
        say(f"Stopped; the best model so far is in {output}, and the same command goes on from there", error=True)
        raise click.exceptions.Exit(STOPPED)
    say(output)
