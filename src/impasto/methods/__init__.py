"""One short file per algorithm, as data, and which family runs it.

A family is known by its entry in :data:`FAMILIES`, a method by its name there. Nothing of either is imported before it is asked for: a
page when it is looked up in :data:`METHODS`, :data:`NETWORKS`, :data:`RENDERINGS` or :data:`ALL`, a family's room by :func:`room`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, cast

from impasto.options import DECLARED, EVERYWHERE, Uses, unknown

if TYPE_CHECKING:
    from impasto.classic.rendering import Rendering
    from impasto.family import Page, Room
    from impasto.feedforward.network import Network
    from impasto.optimise.method import Method

P = TypeVar("P")


@dataclass(frozen=True)
class Family:
    """Methods that are run by one room.

    Attributes:
        name: what it is called.
        room: the module that prepares its painters, see :class:`impasto.family.Room`.
        methods: their names.
        options: what all of them have a use for, besides :data:`impasto.options.EVERYWHERE`.
        various: whether its methods have a use for further options, which their pages say.
        implied: an option that means a method of this family where none is named; the room's ``implied`` says which.
    """

    name: str
    room: str
    methods: tuple[str, ...]
    options: tuple[str, ...]
    various: bool = False
    implied: str | None = None


OPTIMISATION = Family(
    name="optimisation",
    room="impasto.optimise.painter",
    methods=(
        "impasto",
        "gatys2016",
        "texture2015",
        "inversion2015",
        "tutorial",
        "keras",
        "resnet50",
        "resnet50-swag",
        "strotss2019",
        "nnst2022",
        "vgg16",
        "risser2017",
        "li2017",
        "liwand2016",
    ),
    options=(
        *("blend", "style_size", "effort", "content_weight", "style_weight", "tones_weight", "tv_weight", "trade_off"),
        *(name for name, option in DECLARED.items() if option.group == "optimisation"),
        *("timelapse", "log", "preview", "device", "precision"),
    ),
)
ONE_PASS = Family(
    name="one pass",
    room="impasto.feedforward.painter",
    methods=("arbitrary", "fast"),
    options=("blend", "model", "strength", "tile", "device", "precision"),
    various=True,
    implied="model",
)
BY_HAND = Family(
    name="by hand",
    room="impasto.classic.painter",
    methods=("strokes", "regions", "regions-strokes", "kuwahara", "analogy", "quilting", "efrosleung"),
    options=("timelapse", "preview"),
    various=True,
)
FAMILIES = (OPTIMISATION, ONE_PASS, BY_HAND)


class Pages(Mapping[str, P]):
    """The pages of some methods by name, each imported when it is looked up first."""

    def __init__(self, *families: Family) -> None:
        self.names = tuple(name for family in families for name in family.methods)

    def __getitem__(self, name: str) -> P:
        """The page of the method called ``name``.

        Raises:
            OptionError: there is none among these.
        """
        if name not in self.names:
            raise unknown("method", name, self.names)
        if name not in _pages:
            _pages[name] = import_module(f"impasto.methods.{name.replace('-', '_')}").METHOD
        return cast(P, _pages[name])

    def __setitem__(self, name: str, page: P) -> None:
        """Take another ``page`` for the method called ``name``."""
        _pages[name] = page

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


_pages: dict[str, Any] = {}
METHODS: "Pages[Method]" = Pages(OPTIMISATION)
NETWORKS: "Pages[Network]" = Pages(ONE_PASS)
RENDERINGS: "Pages[Rendering]" = Pages(BY_HAND)
ALL: "Pages[Page]" = Pages(*FAMILIES)


def family(method: str) -> Family:
    """The family of a ``method``.

    Raises:
        OptionError: there is no such method.
    """
    for one in FAMILIES:
        if isinstance(method, str) and method in one.methods:
            return one
    raise unknown("method", method, tuple(ALL))


def room(of: Family) -> "Room":
    """The module that prepares painters of a family, ``of``."""
    return cast("Room", import_module(of.room))


def uses(method: str) -> Uses:
    """What a ``method`` has a use for. Its page is imported only where its family's methods differ in that.

    Raises:
        OptionError: there is no such method.
    """
    its = family(method)
    common = dict.fromkeys(its.options)
    return Uses(method, {**common, **ALL[method].options}, ALL[method].choices) if its.various else Uses(method, common, {})


def concerned(option: str) -> list[str]:
    """The methods that have a use for an ``option``."""
    return [name for name in ALL if option in EVERYWHERE or option in uses(name).options]
