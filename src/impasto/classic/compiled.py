"""Numba's compiler. What it has compiled is kept on disk where there is a place for that, and is compiled anew where there is none."""

from collections.abc import Callable
from contextlib import suppress
from pickle import UnpicklingError
from typing import Any

import numba
from numba.core.caching import FunctionCache

BROKEN = (OSError, EOFError, UnpicklingError)  # how a full disk, a folder that can't be used any more, and half a file show


class _Cache(FunctionCache):
    """Numba's cache of a function, but what can't be read isn't there, and what can't be written isn't kept."""

    def load_overload(self, *arguments: Any) -> Any:
        try:
            return super().load_overload(*arguments)  # type: ignore[no-untyped-call]
        except BROKEN:
            return None

    def save_overload(self, *arguments: Any) -> None:
        with suppress(*BROKEN):
            super().save_overload(*arguments)  # type: ignore[no-untyped-call]


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function when it is first called, and keep the result: beside its source, or in Numba's own folder for the user.

    Containers and clusters may let neither be written. Numba's ``cache=True`` raises an error there.

    Args:
        options: of :func:`numba.njit`, but for ``cache``.
    """

    def decorated(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(**options)(function)
        with suppress(RuntimeError):  # no folder can be written, and NUMBA_CACHE_DIR names no other
            dispatcher._cache = _Cache(function)  # type: ignore[no-untyped-call]
        return dispatcher

    return decorated
