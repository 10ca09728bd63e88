"""``impasto weights``: which encoders' weights are here, and how to get the others."""

from pathlib import Path

import click

from impasto.options import DECLARED

NAMES: tuple[str, ...] = DECLARED["encoder"].choices


@click.group()
def weights() -> None:
    """See, fetch and add the weights of encoders."""


@weights.command("list")
def list_() -> None:
    """List the encoders: name, size, whether the weights are here, licence and source, file."""
    for row in zip(*(_padded(column) for column in zip(*map(_row, NAMES), strict=True)), strict=True):
        click.echo("  ".join(row).rstrip())


@weights.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, type=click.Choice(NAMES))
def fetch(names: tuple[str, ...]) -> None:
    """Download the weights of encoders that aren't here yet, and say where they are."""
    from impasto.cli.progress import Bar
    from impasto.encoders.weights import PACKAGED, packaged
    from impasto.encoders.weights import fetch as download

    for name in names:
        with Bar(quiet=False) as bar:
            file = packaged(name) if name in PACKAGED else download(name, bar.fetching)
        click.echo(file)


@weights.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("name", required=False, type=click.Choice(NAMES[1:]))
def add(file: Path, name: str | None) -> None:
    """Keep the weights in FILE for the encoder NAME.

    FILE is torchvision's own, or any .pth or .safetensors in its layout, also one that ends early. NAME can be left out
    where the file makes it clear.
    """
    from impasto.encoders.weights import add as keep

    click.echo(keep(file, name))


@weights.command()
def where() -> None:
    """Print the folder that weights are kept in; the environment variable IMPASTO_CACHE names another."""
    from impasto.encoders.weights import folder

    click.echo(folder())


def _row(name: str) -> tuple[str, ...]:
    from impasto.encoders.stored import opened
    from impasto.encoders.weights import OFFICIAL, PACKAGED, kept, packaged

    if name in PACKAGED:
        file = packaged(name)
        return name, _megabytes(file), "packaged", "Apache-2.0, Impasto's own", str(file)
    file, published = kept(name), OFFICIAL[name].file
    licence = f"BSD-3-Clause, torchvision's {published}"
    if not file.exists():
        return name, f"{OFFICIAL[name].megabytes} MB", "to fetch", licence, str(file)
    with opened(file) as stored:
        source = stored.metadata.get("source")
    return name, _megabytes(file), "here", licence if source == published else f"added from {source}", str(file)


def _megabytes(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB"


def _padded(column: tuple[str, ...]) -> list[str]:
    return [cell.ljust(max(map(len, column))) for cell in column]
