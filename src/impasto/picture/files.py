"""Files that are either whole or not there."""

import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from impasto.errors import OutputError


def expanded(path: str | os.PathLike[str]) -> Path:
    """A `path` whose leading ~ stands for somebody's home."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 -- Path.expanduser raises where there is nobody of that name


def check_place(path: str | os.PathLike[str]) -> Path:
    """Find out before any work is done whether `replace` will be able to write a file.

    Args:
        path: The file to write. Its folder need not exist.

    Returns:
        The path, a leading ~ expanded.

    Raises:
        OutputError: If the folder is write-protected or can't be created, or something stands in the way that isn't a file we
            may replace.
    """
    target = expanded(path)
    name = one_line(path)
    try:
        # A symbolic link stays one: what it points to is replaced.
        real = Path(os.path.realpath(target))
        is_folder = real.is_dir()
        above = next(folder for folder in real.parents if folder.exists())
    except (OSError, ValueError) as error:
        raise OutputError(f"{name} can't be written ({reason(error)}); choose another name") from error
    if is_folder:
        raise OutputError(f"{name} is a folder; add a file name such as {Path(name) / 'out.png'}")
    if not above.is_dir():
        raise OutputError(f"{name} can't be written, because {one_line(above)} is no folder; choose another")
    if not os.access(above, os.W_OK | os.X_OK):
        raise OutputError(f"{name} can't be written, because the folder {one_line(above)} is write-protected; choose another")
    if real.exists() and not (real.is_file() and os.access(real, os.W_OK)):
        raise OutputError(f"{name} is write-protected or not a regular file; choose another name")
    return target


def check_unread(path: str | os.PathLike[str], read: Iterable[str | os.PathLike[str]], name: str = "output") -> None:
    """Find out before any work is done that a file to be written is none of those that are read, by whatever path.

    Args:
        path: The file to write.
        read: The files; those that aren't there don't matter.
        name: What to call the file to write.

    Raises:
        OutputError: If it is one of them.
    """
    if any(same(expanded(path), expanded(one)) for one in read):
        raise OutputError(f"the {name} {path} is one of the pictures that are read; name another file")


def same(one: Path, other: Path) -> bool:
    """Whether two paths, ``one`` and the ``other``, lead to one file."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # one isn't there
        return False


def write(target: str | os.PathLike[str] | BinaryIO, content: bytes) -> None:
    """Write a file as `replace` does, or into a binary stream.

    Args:
        target: The file or stream.
        content: All of it.

    Raises:
        OutputError: If it can't be written; what was there before is as it was.
    """
    try:
        if isinstance(target, str | os.PathLike):
            replace(target, content)
        else:
            _pour(target, content)
    except (OSError, ValueError) as error:  # a stream that is closed raises the latter
        raise OutputError(f"{named(target)} can't be written ({reason(error)}); free some space or choose another folder") from error


def check_stream(stream: BinaryIO) -> None:
    """Find out before any work is done whether a `stream` takes bytes.

    Raises:
        OutputError: If it doesn't.
    """
    try:
        with suppress(OSError):  # what is wrong with where it leads shows when there is something to write
            stream.write(b"")
    except (AttributeError, TypeError, ValueError) as error:
        raise OutputError(f"the output takes no bytes ({reason(error)}); give a path or a binary stream") from error


def _pour(stream: BinaryIO, content: bytes) -> None:
    """All of some content into a stream, which may take less at a time."""
    left = memoryview(content)
    while left:
        taken = stream.write(left)
        if not taken:
            raise OSError("the stream takes no more")
        left = left[taken:]
    if hasattr(stream, "flush"):
        stream.flush()


def named(target: str | os.PathLike[str] | BinaryIO) -> str:
    """What a message calls a `target`, a file or stream, on one line."""
    return one_line(target) if isinstance(target, str | os.PathLike) else "the output"


def replace(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file, whole or not at all; see `replace_all`.

    Args:
        path: The file.
        content: All of it.

    Raises:
        OSError: If it can't be written; what was there before is as it was.
    """
    replace_all({path: content})


def replace_all(contents: Mapping[str | os.PathLike[str], bytes]) -> None:
    """Write files, all of them whole or none at all.

    Each is written beside its target under another name and brought to the disk; when all are, they take the targets' places. A
    symbolic link stays one, a file that is there leaves its permissions, and a folder that isn't there is created.

    Args:
        contents: By file, all of it.

    Raises:
        OSError: If one can't be written; what was there before is as it was.
    """
    written = {Path(os.path.realpath(expanded(path))): content for path, content in contents.items()}
    temporary = {real: real.with_name(f".impasto-{secrets.token_hex(8)}.part") for real in written}
    missing = [folder for real in written for folder in real.parents if not folder.exists()]
    try:
        for real, content in written.items():
            real.parent.mkdir(parents=True, exist_ok=True)
            temporary[real].write_bytes(content)
            with temporary[real].open("r+b") as stream:
                os.fsync(stream.fileno())
            if real.exists():
                shutil.copymode(real, temporary[real])
        for real, file in temporary.items():
            file.replace(real)
    finally:
        for file in temporary.values():
            with suppress(OSError):
                file.unlink(missing_ok=True)
        with suppress(OSError):  # one that holds the file now isn't empty
            for folder in missing:
                folder.rmdir()


def reason(error: BaseException) -> str:
    """Why something failed, on one line: the system's words where the `error` has them, or its own, or else its name."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return one_line(words)[:120] or type(error).__name__


def one_line(text: str | os.PathLike[str]) -> str:
    """A `text`, or a path, without line breaks, as a message has it."""
    return " ".join(os.fspath(text).splitlines())
