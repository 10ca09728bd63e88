"""Impasto paints one picture in the manner of another.

    import impasto
    impasto.stylize("photo.jpg", "painting.jpg").save("painted.png")

``impasto.stylize`` is the library's one door, and ``impasto.Painter`` the same for many pictures in one style. The rooms behind it are
described in each package's docstring.
"""

from typing import TYPE_CHECKING, Any

from impasto.errors import ImpastoError, Interrupted

if TYPE_CHECKING:
    from impasto.painting import Painter, stylize

__version__ = "0.1.0"
__all__ = ["ImpastoError", "Interrupted", "Painter", "__version__", "stylize"]


def __getattr__(name: str) -> Any:
    # torch takes a second to import: whoever only wants the version or the help text doesn't pay for it.
    if name in ("Painter", "stylize"):
        from impasto import painting

        return getattr(painting, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
