"""Make the packaged style pictures: `python styles/make.py [NAME ...] --to src/impasto/styles`.

Every picture is composed and painted by the code beside this file, from a fixed seed: no photograph and no existing artwork goes in.
"""

from __future__ import annotations

import io
from pathlib import Path

import click
import cloths
import crafts
import numpy as np
import paintings
import papers
import prints
from PIL import Image
from studio import Array, Painter

PAINTERS: dict[str, Painter] = {
    "batik": cloths.batik,
    "calligraphy": papers.calligraphy,
    "charcoal": papers.charcoal,
    "comic": prints.comic,
    "cubist": crafts.cubist,
    "fauve": paintings.fauve,
    "inkwash": papers.inkwash,
    "knife": paintings.knife,
    "mosaic": crafts.mosaic,
    "papercut": papers.papercut,
    "pointillism": paintings.pointillism,
    "poster": prints.poster,
    "stainedglass": crafts.stainedglass,
    "starry": paintings.starry,
    "watercolour": papers.watercolour,
    "waves": crafts.waves,
    "weave": cloths.weave,
    "woodcut": prints.woodcut,
}
"""The style pictures by name."""

LARGEST = 127_000
"""Bytes a picture may take, so that all of them together stay small in the package."""


def packed(picture: Array) -> bytes:
    """The picture as a JPEG file: quality 90, or as much as fits in `LARGEST` bytes."""
    image = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    data = b""
    for quality in range(90, 70, -2):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        data = buffer.getvalue()
        if len(data) <= LARGEST:
            break
    return data


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(PAINTERS)), metavar="[NAME]...")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the pictures.")
def main(names: tuple[str, ...], folder: Path) -> None:
    """Paint the style pictures with these NAMEs, or all of them, as JPEG files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or sorted(PAINTERS):
        data = packed(PAINTERS[name]())
        (folder / f"{name}.jpg").write_bytes(data)
        click.echo(f"{name}.jpg {len(data) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
