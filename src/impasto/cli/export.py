"""``impasto export``: a model for use outside Python."""

import click

from impasto.cli.shell import say


@click.command()
@click.argument("model")
@click.argument("output", metavar="OUT.onnx")
def export(model: str, output: str) -> None:
    """Write MODEL as ONNX, for pictures of any size: OUT-look.onnx, which looks at a picture as a whole, and OUT-paint.onnx.

    MODEL is a file that `impasto train fast` wrote, or `arbitrary` or `fast` for the packaged networks.
    """
    from impasto.feedforward.export import export as write

    for file in write(model, output).files:
        say(str(file))
