"""Pictures by name: example photographs and packaged styles, which a file of the same name goes before."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from impasto import examples, styles
from impasto.errors import OptionError
from impasto.picture import Source


def photograph(source: Source) -> Source:
    """A ``source``, or the file of the example photograph that it names.

    Raises:
        OptionError: neither a file nor a name.
    """
    return _named(source, examples.EXAMPLES, examples.path)


def style(source: Source) -> Source:
    """A ``source``, or the file of the packaged style that it names.

    Raises:
        OptionError: neither a file nor a name.
    """
    return _named(source, styles.STYLES, styles.path)


def _named(source: Source, names: Mapping[str, str], path: Callable[[str], Path]) -> Source:
    # A folder that is called like a name doesn't hide it. os.path, since Path.exists raises where a name is too long.
    if not isinstance(source, str) or os.path.isfile(source):  # noqa: PTH113
        return source
    if source in names:
        return path(source)
    if not os.path.exists(source) and not Path(source).suffix and Path(source).name == source:  # noqa: PTH110
        from difflib import get_close_matches  # takes longer to import than all else here

        close = get_close_matches(source, names, 2)
        meant = f"did you mean {' or '.join(close)}? Otherwise check" if close else "check"
        raise OptionError(f"there is no file {source} and nothing packaged by that name; {meant} the path or choose {', '.join(names)}")
    return source
