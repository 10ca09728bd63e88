"""Memory for large tensors, kept from one step to the next.

What glibc is asked for beyond 32 MiB it takes from the system and gives back each time, and the system clears every page of it anew. A step
of a painting at 512 pixels does that with dozens of tensors, which is a third of its time.
"""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Of glibc's mallopt(3): the parameters, and what they become of themselves in a process that has held much.
_TRIM, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_NORMAL = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 32 << 20, _TRIM: 64 << 20}
_KEPT = {_MMAP_MAX: 0, _TRIM: -1}

_lock, _within = threading.Lock(), 0


@contextmanager
def kept() -> Iterator[None]:
    """Within, what is freed stays with the process; at the end it is given back. Where the C library isn't glibc, nothing changes."""
    global _within  # it is the process's memory, too
    with _lock:
        _within += 1
        if _within == 1:
            _ask(_KEPT)
    try:
        yield
    finally:
        with _lock:
            _within -= 1
            if _within == 0:
                _ask(_NORMAL)


def _ask(parameters: dict[int, int]) -> None:
    try:
        library = ctypes.CDLL(None)
        mallopt, trim = library.mallopt, library.malloc_trim
    except (OSError, AttributeError, TypeError):
        return
    for parameter, value in parameters.items():
        mallopt(parameter, value)
    if parameters is _NORMAL:
        trim(0)
