"""``impasto reconstruct``: what a layer knows of a photograph, by network and by optimisation; and that network's training."""

from typing import Any

import click

from impasto.cli.progress import Bar
from impasto.cli.shell import STOPPED, say
from impasto.cli.train import train
from impasto.errors import Interrupted


@click.command()
@click.argument("photograph")
@click.option("-o", "--output", metavar="OUT", help="The sheet, in any picture format.  [default: reconstruct-LAYER.png]")
@click.option("--layer", default="relu3_1", show_default=True, help="The layer whose features are all that is kept of the photograph.")
@click.option("--by", metavar="network|optimisation", help="How to invert it.  [default: both]")
@click.option("--size", type=int, default=512, show_default=True, help="Longest side in pixels; 0 is the photograph's own.")
@click.option("--steps", type=int, help="Of the optimisation.  [default: the method's own]")
@click.option("--encoder", help="The network that sees the photograph.  [default: the one the model inverts, or pocket]")
@click.option("--encoder-weights", metavar="FILE", help="A file in place of the encoder's own weights.")
@click.option("--model", metavar="FILE", help="Another encoder's decoder, in place of the packaged one; `impasto train decoder` makes it.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the noise that the optimisation begins from.")
@click.option("--device", default="auto", metavar="auto|cpu|cuda|mps", show_default=True, help="Where to compute.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def reconstruct(photograph: str, output: str | None, layer: str, quiet: bool, **options: Any) -> None:
    """Make PHOTOGRAPH again out of nothing but one layer's features, and show both on one sheet.

    A network that learnt to invert the encoder does so at once; optimisation searches for a picture with these features.
    Printed are each one's peak signal-to-noise ratio against the photograph, and its time. PHOTOGRAPH is a picture file or the
    name of an example photograph.
    """
    from impasto import picture
    from impasto.evaluate.reconstruct import reconstruct as invert

    output = output or f"reconstruct-{layer}.png"
    picture.check_target(output)
    with Bar(quiet) as bar:
        try:
            found = invert(photograph, layer, callback=bar.show, fetching=bar.fetching, **options)
        except Interrupted as interrupted:
            bar.close()
            picture.save(picture.read(interrupted.picture).picture, output)
            say(f"Stopped at step {interrupted.step}; the sheet so far is in {output}", error=True)
            raise click.exceptions.Exit(STOPPED) from interrupted
    picture.save(picture.read(found.sheet()).picture, output)
    for inverse in found.inverses:
        say(f"{inverse.by:12}  {layer}  {inverse.psnr:5.2f} dB  {inverse.seconds:.2f} s")
    say(output)


@train.command()
@click.option("--photos", required=True, metavar="FOLDER", help="Photographs to learn from: all pictures in it and its folders.")
@click.option("-o", "--output", required=True, metavar="OUT", help="The model file, such as decoder.safetensors.")
@click.option("--encoder", default="pocket", show_default=True, help="The network to invert: pocket, vgg16 or vgg19.")
@click.option("--encoder-weights", metavar="FILE", help="A file in place of the encoder's own weights.")
@click.option("--steps", type=int, default=2000, show_default=True, help="Of the training.")
@click.option("--batch", type=int, default=5, show_default=True, help="Crops at each step, at least one for each layer.")
@click.option("--crop", type=int, default=128, show_default=True, help="What is seen of a photograph at once, in pixels.")
@click.option("--rate", type=float, default=0.004, show_default=True, help="The highest learning rate.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all randomness.")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda|mps", help="Where to compute.")
@click.option("--checkpoint-every", type=int, default=250, show_default=True, metavar="N", help="Steps between two checkpoints.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def decoder(photos: str, output: str, quiet: bool, **options: Any) -> None:
    """Train the inverse of an encoder, for `impasto reconstruct --model`.

    Beside OUT a folder fills with a log, a plot of the losses and of the PSNR of each layer, and a checkpoint: the same
    command again goes on from it.
    """
    from impasto.feedforward.decoder_training import TERMS
    from impasto.feedforward.decoder_training import train as learn
    from impasto.feedforward.training import Progress

    with Bar(quiet) as bar:

        def show(progress: Progress) -> None:
            losses = {name: progress.losses[name] for name in TERMS if name in progress.losses}
            bar.trained(progress.step, progress.steps, losses, progress.speed)

        trained = learn(photos, output, callback=show, fetching=bar.fetching, **options)
    if not trained.finished:
        say(f"Stopped at step {trained.step}; the model so far is in {output}, and the same command goes on from there", error=True)
        raise click.exceptions.Exit(STOPPED)
    say(output)
