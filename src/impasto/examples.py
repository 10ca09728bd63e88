"""Photographs to try things out with, out of scikit-image, which Impasto depends on anyway."""

from importlib.util import find_spec
from pathlib import Path

EXAMPLES = {"astronaut": "astronaut.png", "chelsea": "chelsea.png", "coffee": "coffee.png", "rocket": "rocket.jpg"}


def path(name: str) -> Path:
    """The file of an example photograph, one of :data:`EXAMPLES`; raises KeyError for another name."""
    spec = find_spec("skimage")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("data") / EXAMPLES[name]
