"""One large file over HTTP, through connections that stall and break, and servers that don't do as they are told."""

import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import TypeAlias
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from impasto import __version__
from impasto.errors import EncoderError

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes there are and, if it is known, how many there will be."""

STALL = 30.0  # seconds without a byte after which a connection counts as broken
TRIES = 4  # in a row that bring nothing new
PAUSE = 1.0  # seconds before the second of them, and twice as long before each further one
_CHUNK = 1 << 18
_PARTIAL = 206
_NOTHING_LEFT = 416  # the range asked for begins at the file's end


def download(url: str, part: Path, advice: str, progress: Progress | None = None) -> None:
    """Bring a file here, going on from what an earlier call left of it.

    What arrived stays in ``part`` whatever happens, so that the next call can go on. Whether the file is the right one is
    for the caller to check.

    Args:
        url: where it is.
        part: where to collect it.
        advice: for messages: how to do without the download.
        progress: called with the bytes there are and, if it is known, how many there will be.

    Raises:
        EncoderError: the file isn't there, or the connection fails for good.
        OSError: the disk is full or the folder can't be written.
    """
    begun = most = _size(part)
    failures = 0
    while True:
        try:
            _attempt(url, part, advice, progress)
            _tag(part).unlink(missing_ok=True)
            return
        except _BrokenOffError as broken:
            size = _size(part)
            failures = 0 if size > most else failures + 1
            most = max(most, size)
            if failures == TRIES or (broken.unreachable and most == begun):
                if size:
                    kept = f"broke off at {size / 1e6:.1f} MB ({broken}), which are kept: run again to go on from there"
                    raise EncoderError(f"{url} {kept}, or {advice}") from broken
                raise EncoderError(f"{url} can't be had ({broken}); {advice}") from broken
        time.sleep(PAUSE * 2 ** (failures - 1) if failures else 0)


class _BrokenOffError(Exception):
    """A transfer that ended before the file did; ``unreachable`` where it never began."""

    def __init__(self, error: BaseException | str, *, unreachable: bool = False) -> None:
        super().__init__(getattr(error, "strerror", None) or str(error) or type(error).__name__)
        self.unreachable = unreachable


def _attempt(url: str, part: Path, advice: str, progress: Progress | None) -> None:
    """Transfer what is missing."""
    have = _size(part)
    headers = {"User-Agent": f"impasto/{__version__}"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if _tag(part).exists():
            headers["If-Range"] = _tag(part).read_text(encoding="ascii")
    try:
        response = urlopen(Request(url, headers=headers), timeout=STALL)
    except HTTPError as error:
        if error.code == _NOTHING_LEFT and have:
            return
        if error.code < 500:
            raise EncoderError(f"{url} can't be had (HTTP {error.code}); {advice}") from error
        raise _BrokenOffError(f"HTTP {error.code}") from error
    except ValueError as error:
        raise EncoderError(f"{url} is no address; mend IMPASTO_WEIGHTS_URL, or {advice}") from error
    except URLError as error:
        raise _BrokenOffError(error.reason, unreachable=True) from error
    except (OSError, HTTPException) as error:
        raise _BrokenOffError(error) from error
    with response:
        going_on = response.status == _PARTIAL
        if going_on and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            part.unlink()
            raise _BrokenOffError("the server sent another part than it was asked for")
        if not going_on:
            have = 0
            _remember(response.headers.get("ETag", ""), part)
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        # Unbuffered: what arrived is on the disk at once, and a full disk says so here, not when the file is closed.
        with part.open("ab" if going_on else "wb", buffering=0) as target:
            while have != total:
                try:
                    chunk = response.read1(_CHUNK if total is None else min(_CHUNK, total - have))
                except (OSError, HTTPException) as error:
                    raise _BrokenOffError(error) from error
                if not chunk:
                    break
                rest = memoryview(chunk)
                while rest:
                    rest = rest[target.write(rest) :]
                have += len(chunk)
                if progress is not None:
                    progress(have, total)
    if total is not None and have < total:
        raise _BrokenOffError("the connection was cut")


def _remember(tag: str, part: Path) -> None:
    """Keep the name of the version whose beginning is here; a weak one doesn't vouch for every byte."""
    _tag(part).unlink(missing_ok=True)
    if tag.startswith('"') and tag.isascii():
        _tag(part).write_text(tag, encoding="ascii")


def _tag(part: Path) -> Path:
    return part.with_suffix(".etag")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
