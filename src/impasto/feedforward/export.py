"""Networks for use outside Python: two ONNX files each, one that looks at a picture as a whole and one that paints."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from impasto import __version__, picture
from impasto.errors import ModelError, OutputError
from impasto.feedforward import models
from impasto.feedforward.sessions import filled

PARTS = ("look", "paint")


@dataclass(frozen=True)
class Exported:
    """What came of an export: the files, the one that looks first."""

    files: tuple[Path, Path]


def export(model: str | os.PathLike[str], output: str | os.PathLike[str]) -> Exported:
    """Write a model as two ONNX files with the weights inside, for pictures of any size.

    ``docs/onnx.md`` describes the inputs. The files carry the model's kind, architecture and settings as JSON in their
    metadata, under ``impasto``.

    Args:
        model: a model file, or ``arbitrary`` or ``fast`` for the packaged networks.
        output: what the files are called, ``.onnx``, to which ``-look`` and ``-paint`` are added.

    Raises:
        ModelError: a model that is missing, damaged or can't be exported.
        OutputError: the output has another extension, or can't be written.
    """
    target = Path(output)
    if target.suffix.lower() != ".onnx":
        raise OutputError(f"{output} doesn't end in .onnx; give the exported model a name such as {target.stem or 'model'}.onnx")
    files = tuple(picture.check_place(file) for file in beside(target))
    content = models.held(models.packaged(str(model)) if model in models.PACKAGED else model)
    if content.kind not in ("arbitrary", "fast"):
        raise ModelError(f"{model} is a {content.kind}, which paints from no picture alone; export a fast or an arbitrary model")
    described = {
        "kind": content.kind,
        "architecture": dict(content.architecture),
        "settings": dict(content.settings),
        "checksum": content.checksum,
        "version": __version__,
    }
    try:
        said = ({models.KEY: json.dumps({**described, "part": part}, sort_keys=True)} for part in PARTS)
        data = [filled(part, content.kind, content.weights, of_part) for part, of_part in zip(PARTS, said, strict=True)]
    except KeyError as error:
        raise models.damaged(model) from error
    try:
        picture.replace_all(dict(zip(files, data, strict=True)))
    except OSError as error:
        raise OutputError(f"{target} can't be written ({error.strerror}); free some space or choose another folder") from error
    return Exported((files[0], files[1]))


def beside(file: Path) -> tuple[Path, Path]:
    """Both files of an exported model, of which ``file`` is one, or which are called like it."""
    stem = file.stem
    for part in PARTS:
        stem = stem.removesuffix(f"-{part}")
    look, paint = (file.with_name(f"{stem}-{part}{file.suffix}") for part in PARTS)
    return look, paint
