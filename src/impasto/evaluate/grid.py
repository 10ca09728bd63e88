"""A grid: every content painted in every style by every method, and scored; it goes on where it was stopped."""

import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

from impasto import picture
from impasto.errors import ImpastoError, OptionError, OutputError, PictureError
from impasto.evaluate.measures import Scored
from impasto.evaluate.scoring import Critic, Place, painted, photographs
from impasto.evaluate.series import Callback, Turn, able, attempt, wish

SCORES, SETTINGS = "scores.jsonl", "settings.json"  # files in the folder


def grid(
    methods: Sequence[str] | None,
    contents: Sequence[Place],
    styles: Sequence[Place],
    folder: str | os.PathLike[str],
    critic: Critic,
    *,
    size: int = 512,
    encoder: str = "pocket",
    fast: bool = True,
    device: str = "auto",
    callback: Callback | None = None,
    fetching: Callable[[int, int | None], None] | None = None,
    **options: Any,
) -> tuple[list[Scored], bool]:
    """Paint and score every content in every style by every method.

    The paintings are ``METHOD/CONTENT-STYLE.png`` in the folder, which may be there already: what is painted and scored in
    it is not done again, so that methods, contents and styles can also be added later. A method that fails says so in a
    warning, and its painting is left out.

    Args:
        methods: names out of :data:`impasto.methods.ALL`; None is all that make use of a content and a style.
        contents: files, folders, or names of examples.
        styles: files, folders, or names of packaged styles.
        folder: where to keep paintings and scores; it is made if it isn't there.
        critic: scores the paintings.
        size: the paintings' longest side in pixels; 0 is the content's own.
        encoder: what all that optimise see the pictures through; ``own`` is the one each was published with.
        fast: our own solver and schedule for all that optimise, :meth:`impasto.methods.Method.fast`, in place of each one's own.
        device: where to paint: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``mps``.
        callback: told of every step of every painting.
        fetching: called with the bytes fetched and, if known, to fetch, while an encoder's weights are downloaded.
        options: more options of :func:`impasto.stylize`, for all that have a use for them.

    Returns:
        The paintings with their scores and seconds, and whether Ctrl-C ended the work before all were there.

    Raises:
        PictureError: a picture that can't be read.
        OptionError: an unknown name or impossible value, two pictures of one name, or a folder with paintings of other options.
        OutputError: the folder can't be written.
        ImpastoError: no method could paint; the error is the first one's.
    """
    names = able(methods)
    pairs = list(product(_distinct(photographs(contents)), _distinct(painted(styles))))
    root = Path(folder)
    own = {} if encoder == "own" else {"encoder": encoder}
    common = {"fast": fast, "size": size, "device": device, "fetching": fetching, **own, **options}
    _begin(root, {"fast": fast, "size": size, "encoder": encoder, **options})
    known = _known(root)
    scored: list[Scored] = []
    errors: list[ImpastoError] = []
    turns = list(product(names, pairs))
    for index, (name, (content, style)) in enumerate(turns):
        file = root / name / f"{content.stem}-{style.stem}.png"
        entry = known.get(_key(file, root), {})
        try:
            if not file.exists():
                done = attempt({**wish(name, content, style, common), "output": _place(file)}, Turn(name, index, len(turns)), callback)
                if isinstance(done.error, PictureError | OutputError):
                    raise done.error
                if done.error:
                    errors.append(done.error)
                    warnings.warn(f"{name} can't paint {file.stem}: {done.error}", stacklevel=2)
                    continue
                if not done.finished:
                    file.unlink(missing_ok=True)
                    return scored, True
                entry = {"seconds": done.seconds}
            checksum = sha256(file.read_bytes()).hexdigest()
            painting = Scored(file, content, style, name, {"seconds": entry["seconds"]} if "seconds" in entry else {})
            if (entry.get("painting"), entry.get("critic")) == (checksum, critic.key):
                painting = replace(painting, scores=entry["scores"], taken_for=entry["taken_for"])
            else:
                painting = critic(painting)
                kept = {"scores": dict(painting.scores), "taken_for": painting.taken_for}
                _log(root, {"file": _key(file, root), **entry, "painting": checksum, "critic": critic.key, **kept})
        except KeyboardInterrupt:
            return scored, True
        scored.append(painting)
    if not scored:
        raise errors[0]
    return scored, False


def _distinct(files: list[Path]) -> list[Path]:
    """The files, whose names without their endings tell their paintings apart."""
    seen: dict[str, Path] = {}
    for file in files:
        if other := seen.get(file.stem):
            raise OptionError(f"{other} and {file} would have paintings of the same name; rename one of them")
        seen[file.stem] = file
    return files


def _begin(root: Path, settings: Mapping[str, Any]) -> None:
    """Make the folder, or see that what is in it was painted with the same settings."""
    wanted = json.loads(json.dumps(settings, default=os.fspath))
    file = root / SETTINGS
    try:
        root.mkdir(exist_ok=True)
        before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    except (OSError, ValueError) as error:
        raise OutputError(f"{file} can't be read or its folder made ({error}); choose another folder with --to") from error
    if before is None:
        picture.write(file, json.dumps(wanted, sort_keys=True).encode())
    elif changed := sorted(name for name in {*before, *wanted} if before.get(name) != wanted.get(name)):
        raise OptionError(f"{root} holds paintings of another {', '.join(changed)}; give what it was, or another folder with --to")


def _place(file: Path) -> Path:
    """The file, in a folder that is there."""
    try:
        file.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{file.parent} can't be made ({error.strerror}); choose another folder with --to") from error
    return file


def _key(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


def _known(root: Path) -> dict[str, Any]:
    """What was said last of each painting; a line that was cut off is left out."""
    lines = (root / SCORES).read_text(encoding="utf-8", errors="replace").splitlines() if (root / SCORES).exists() else []
    known: dict[str, Any] = {}
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            entry = json.loads(line)
            known[entry["file"]] = entry
    return known


def _log(root: Path, entry: Mapping[str, Any]) -> None:
    try:
        with (root / SCORES).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
    except OSError as error:
        raise OutputError(f"{root / SCORES} can't be written ({error.strerror}); free some space, and run again to go on") from error
