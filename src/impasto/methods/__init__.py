"""One short file per algorithm, as data; :data:`METHODS` is the list."""

from impasto.methods import impasto
from impasto.methods.method import Method

METHODS: dict[str, Method] = {method.name: method for method in (impasto.METHOD,)}

__all__ = ["METHODS", "Method"]
