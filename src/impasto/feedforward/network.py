"""A method of model optimisation: a network is trained once, and then paints in one pass."""

from dataclasses import dataclass

from impasto.family import Page


@dataclass(frozen=True, kw_only=True)
class Network(Page):
    """A method whose name is also the kind of its model files, :data:`impasto.feedforward.networks.KINDS`."""
