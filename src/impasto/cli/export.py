"""``impasto export``: a model for use outside Python."""

import click


@click.command()
@click.argument("model")
@click.argument("output", metavar="OUT.onnx")
def export(model: str, output: str) -> None:
    """Write MODEL as an ONNX file that paints pictures of any size.

    MODEL is a file that `impasto train fast` wrote, or `arbitrary` for the packaged network that paints in any style. The
    file is kept only if ONNX Runtime paints with it as we do.
    """
    from rich.console import Console

    from impasto.feedforward.export import export as write

    with Console(stderr=True).status("Exporting, and painting with it to check"):
        done = write(model, output)
    click.echo(done.path)
    differences = done.differences.values()
    size = done.path.stat().st_size / 1e6
    click.echo(f"{size:.1f} MB; at most {max(differences):.1g} from our own paintings at {len(differences)} sizes", err=True)
