"""What a shell expects of a command: streams may be closed, and a signal ends work in good order."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import click

STOPPED = 130
"""The exit code of what Ctrl-C ended, 128 and the signal's number, as shells have it."""


def say(text: str, *, error: bool = False) -> None:
    """Print a line of ``text``, on stderr if it is of an ``error``; that nobody can read it is no reason to stop."""
    try:
        try:
            click.echo(text, err=error)
        except UnicodeEncodeError:  # the name of a file that isn't text, or a terminal that knows few letters
            click.echo(text.encode("ascii", "backslashreplace").decode(), err=error)
    except OSError:
        # What is still in the buffer would fail again when Python ends, and change the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2 if error else 1)


def warn(message: Warning | str, *_: object, **__: object) -> None:
    """Say a warning's ``message`` in one line, in place of :func:`warnings.showwarning`."""
    say(f"impasto: {message}", error=True)


def secure() -> None:
    """Open those standard streams on nothing that are closed: the next file would take the number, and get what is said."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


@dataclass
class Ending:
    """How a command ends where a signal stops it.

    Attributes:
        code: its exit code.
    """

    code: int = STOPPED


@contextmanager
def signals() -> Iterator[Ending]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does. One that is ignored, as under ``nohup``, stays so."""
    ending = Ending()

    def stop(number: int, frame: FrameType | None) -> None:
        # A terminal that closes sends several, and the second must not end the saving.
        for other in before:
            signal.signal(other, signal.SIG_IGN)
        ending.code = 128 + number
        raise KeyboardInterrupt

    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    main = threading.current_thread() is threading.main_thread()
    before = {number: handler for number in known if main and (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, stop)
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def terminal(stream: object) -> bool:
    """Whether a standard ``stream``, which may be closed, is a terminal."""
    try:
        return stream is not None and stream.isatty()  # type: ignore[attr-defined]
    except (OSError, ValueError):
        return False


def piped() -> bytes:
    """All that comes from standard input.

    Raises:
        PictureError: nothing comes.
    """
    from impasto.errors import PictureError

    if sys.stdin is None or terminal(sys.stdin):
        raise PictureError("- is standard input, and nothing is piped into it; name a file, or pipe a picture")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise PictureError(f"standard input can't be read ({error.strerror}); name a file") from error


def pipe(content: bytes) -> None:
    """Write ``content`` to standard output.

    Raises:
        OutputError: it can't be written.
    """
    from impasto.errors import OutputError

    if sys.stdout is None:
        raise OutputError("standard output is closed; name a file with -o")
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise OutputError(f"standard output can't be written ({error.strerror}); name a file with -o") from error
