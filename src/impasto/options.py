"""Options: each is declared once, here, and everything else that knows of it follows from that.

A declaration is a line of :class:`Kept` or :class:`Each`: the name, the type that editors and type checkers see, and an
:class:`Option` with its group, one line of help, its range or choices, its unit and its default. From these follow the checks
(:func:`complete`), the keywords of :func:`impasto.stylize` and :class:`impasto.Painter`, the command line, the documentation, what a
painting's settings say, and the JSON schema (:func:`schema`). Which options a method has a use for, the method and its family say.
"""

import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypedDict, get_args, get_origin, get_type_hints

from impasto.errors import OptionError

if TYPE_CHECKING:
    from impasto.picture import Source
else:
    Source = Any  # what it stands for would take a tenth of a second to import, and nothing here asks

File: TypeAlias = str | os.PathLike[str]

GROUPS = {
    "picture": "Picture",
    "look": "Look",
    "optimisation": "Methods that optimise",
    "one pass": "Methods that paint in one pass",
    "by hand": "Methods without a network",
    "output": "Output",
    "machine": "Machine",
}
"""The title of every group of options, in the order in which they are shown."""

LARGEST = 2**63 - 1  # of whole numbers
LONGEST = 1_000_000  # pixels, of any side


@dataclass(frozen=True)
class Option:
    """What is declared of an option besides its name and type.

    Attributes:
        group: one of :data:`GROUPS`.
        help: what it does, in one line.
        default: what it is where nobody says anything; None leaves that to the method, or leaves it out.
        otherwise: in words, what None stands for.
        unit: of a number.
        setting: whether it is part of a painting's settings, which its file carries.
        choices: the names or numbers to choose from, where there are such.
    """

    group: str
    help: str
    default: Any = None
    otherwise: str = "the method's own"
    unit: str = ""
    setting: bool = True
    choices: tuple[Any, ...] = ()

    def checked(self, name: str, value: Any) -> Any:
        """The ``value`` given for the option called ``name``, as it is kept.

        Raises:
            OptionError: it is impossible.
        """
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """What JSON may hold for it, as JSON Schema says it."""
        raise NotImplementedError

    @property
    def words(self) -> str:
        """What stands for its value in help: ``NUMBER``, or its choices."""
        return "VALUE"


@dataclass(frozen=True)
class Flag(Option):
    """True or False."""

    otherwise: str = "no"

    def checked(self, name: str, value: Any) -> bool:
        """See :meth:`Option.checked`."""
        if not isinstance(value, bool) and type(value).__name__ != "bool":  # numpy has one of its own
            raise OptionError(f"{name} {value!r} is impossible; give True or False")
        return bool(value)

    def schema(self) -> dict[str, Any]:
        """See :meth:`Option.schema`."""
        return {"type": "boolean"}

    @property
    def words(self) -> str:
        """See :attr:`Option.words`."""
        return "yes|no"


@dataclass(frozen=True)
class Whole(Option):
    """A whole number from ``least`` to ``most``."""

    least: int = 0
    most: int = LARGEST

    def checked(self, name: str, value: Any) -> int:
        """See :meth:`Option.checked`."""
        if not isinstance(value, Integral) or isinstance(value, bool) or not self.least <= int(value) <= self.most:
            allowed = f"of at least {self.least}" if self.most == LARGEST else f"from {self.least} to {self.most}"
            raise OptionError(f"{name} {value!r} is impossible; give a whole number {allowed}")
        return int(value)  # numpy's are none that JSON knows

    def schema(self) -> dict[str, Any]:
        """See :meth:`Option.schema`."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    @property
    def words(self) -> str:
        """See :attr:`Option.words`."""
        return "N"


@dataclass(frozen=True)
class Number(Option):
    """A number from ``least`` to ``most``."""

    least: float = 0
    most: float = math.inf

    def checked(self, name: str, value: Any) -> float:
        """See :meth:`Option.checked`."""
        if not (_is_number(value) and self.least <= value <= self.most):
            allowed = f"of at least {self.least}" if self.most == math.inf else f"from {self.least} to {self.most}"
            raise OptionError(f"{name} {value!r} is impossible; give a number {allowed}")
        return int(value) if isinstance(value, Integral) else float(value)

    def schema(self) -> dict[str, Any]:
        """See :meth:`Option.schema`."""
        return {"type": "number", "minimum": self.least, **({} if self.most == math.inf else {"maximum": self.most})}

    @property
    def words(self) -> str:
        """See :attr:`Option.words`."""
        return "NUMBER"


@dataclass(frozen=True)
class Choice(Option):
    """One of some ``choices``; without any, that is left to who looks the name up."""

    def checked(self, name: str, value: Any) -> Any:
        """See :meth:`Option.checked`."""
        if not self.choices:
            return value
        known = isinstance(value, str | Real) and not isinstance(value, bool)
        if not known or value not in self.choices:
            if not isinstance(self.choices[0], str):
                raise OptionError(f"{name} {value!r} is impossible; choose {' or '.join(map(str, self.choices))}")
            raise unknown(name.replace("_", " "), value, self.choices)
        return self.choices[self.choices.index(value)]

    def schema(self) -> dict[str, Any]:
        """See :meth:`Option.schema`."""
        return {"enum": list(self.choices)} if self.choices else {"type": "string"}

    @property
    def words(self) -> str:
        """See :attr:`Option.words`."""
        return "|".join(map(str, self.choices)) or "NAME"


@dataclass(frozen=True)
class Path(Option):
    """A file, or one of some ``choices`` that stand for something else."""

    def checked(self, name: str, value: Any) -> str:
        """See :meth:`Option.checked`."""
        if not isinstance(value, str | os.PathLike):
            raise OptionError(f"{name} {value!r} is impossible; name a file")
        return os.path.expanduser(os.fspath(value))  # noqa: PTH111 - what is no file stays as it is

    def schema(self) -> dict[str, Any]:
        """See :meth:`Option.schema`."""
        return {"type": "string", **({"examples": list(self.choices)} if self.choices else {})}

    @property
    def words(self) -> str:
        """See :attr:`Option.words`."""
        return "|".join([*self.choices, "FILE"])


@dataclass(frozen=True)
class Pictures(Option):
    """So many pictures: files, names of packaged ones, or whatever else holds pixels."""

    count: int = 1

    def checked(self, name: str, value: Any) -> Any:
        """See :meth:`Option.checked`."""
        if self.count > 1 and not (isinstance(value, list | tuple) and len(value) == self.count):
            raise OptionError(f"{name} {value!r} is impossible; give {self.count} pictures")
        return value

    def schema(self) -> dict[str, Any]:
        """See :meth:`Option.schema`."""
        one = {"type": "string"}
        return one if self.count == 1 else {"type": "array", "items": one, "minItems": self.count, "maxItems": self.count}

    @property
    def words(self) -> str:
        """See :attr:`Option.words`."""
        return " ".join(["FILE"] * self.count)


@dataclass(frozen=True)
class Names(Option):
    """Some names, at least one."""

    def checked(self, name: str, value: Any) -> tuple[str, ...]:
        """See :meth:`Option.checked`."""
        names = (value,) if isinstance(value, str) else tuple(map(str, value)) if isinstance(value, Sequence) else ()
        if not names:
            raise OptionError(f"{name} is empty; give at least one name")
        return names

    def schema(self) -> dict[str, Any]:
        """See :meth:`Option.schema`."""
        return {"type": "array", "items": {"type": "string"}, "minItems": 1}

    @property
    def words(self) -> str:
        """See :attr:`Option.words`."""
        return "NAME,NAME"


@dataclass(frozen=True)
class Shares(Option):
    """Numbers of at least 0, not all 0."""

    def checked(self, name: str, value: Any) -> tuple[float, ...]:
        """See :meth:`Option.checked`."""
        shares = tuple(value) if isinstance(value, list | tuple) else (value,)
        if not all(_is_number(share) and share >= 0 for share in shares) or not sum(shares):
            said = " ".join(map(str, shares))
            raise OptionError(f"{name} {said} is impossible; give a number of at least 0 for each style, not all 0")
        return tuple(int(share) if isinstance(share, Integral) else float(share) for share in shares)

    def schema(self) -> dict[str, Any]:
        """See :meth:`Option.schema`."""
        return {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 1}

    @property
    def words(self) -> str:
        """See :attr:`Option.words`."""
        return "N N ..."


@dataclass(frozen=True)
class Side(Option):
    """The longest side in pixels, 0 for a picture's own, or a width and a height."""

    def checked(self, name: str, value: Any) -> int | tuple[int, int]:
        """See :meth:`Option.checked`."""
        if isinstance(value, list | tuple) and len(value) == 2:
            width, height = (Whole.checked(replace(_SIDE, least=1), name, side) for side in value)
            return width, height
        return _SIDE.checked(name, value)

    def schema(self) -> dict[str, Any]:
        """See :meth:`Option.schema`."""
        sides = {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2}
        return {"anyOf": [_SIDE.schema(), sides]}

    @property
    def words(self) -> str:
        """See :attr:`Option.words`."""
        return "N"


_SIDE = Whole("", "", most=LONGEST)


class Kept(TypedDict, total=False):
    """The options that a painter keeps from picture to picture."""

    method: Annotated[str | None, Choice("picture", "The algorithm; `impasto methods` lists them.", "impasto")]
    size: Annotated[
        int | tuple[int, int] | None,
        Side("picture", "Longest side of the painting; 0 keeps the photograph's own size.", 512, unit="pixels"),
    ]
    crop: Annotated[Literal["square"] | None, Choice("picture", "Paint only the middle of the pictures.", otherwise="all of them")]
    blend: Annotated[Sequence[float] | None, Shares("picture", "The shares of several styles, one for each.", otherwise="equal")]
    style_size: Annotated[
        int | None, Whole("picture", "The style's longest side; smaller has smaller strokes.", unit="pixels", least=1, most=LONGEST)
    ]
    seed: Annotated[int | None, Whole("picture", "Of all randomness.", 0)]
    like: Annotated[
        File | None,
        Path("picture", "A painting of ours whose settings to use for all that isn't given.", otherwise="", setting=False),
    ]

    effort: Annotated[
        Literal["draft", "normal", "best"] | None,
        Choice("look", "A draft takes a third of the time; the best takes three times as long.", "normal"),
    ]
    content_weight: Annotated[float | None, Number("look", "More keeps more of the photograph.")]
    style_weight: Annotated[float | None, Number("look", "More takes on more of the style.")]
    tones_weight: Annotated[
        float | None, Number("look", "More keeps light, shade and colours, in the style's palette, where the photograph has them.")
    ]
    tv_weight: Annotated[float | None, Number("look", "More is smoother.")]
    trade_off: Annotated[float | None, Number("look", "Content weight over style weight, α/β, in place of the content weight.")]
    preset: Annotated[str | None, Choice("look", "The manner of a method without a network.")]
    strength: Annotated[float | None, Number("look", "How much of a painting in one pass: 0 is the photograph.", 1.0, most=1)]

    fast: Annotated[bool | None, Flag("optimisation", "The method's losses with our own quick solver and schedule.")]
    steps: Annotated[int | None, Whole("optimisation", "Evaluations in all; fewer is faster and rougher.", least=1)]
    start: Annotated[
        Literal["content", "style", "noise", "mean", "arbitrary"] | File | None,
        Path("optimisation", "What to begin from; mean is the style's mean colour, arbitrary a painting in one pass."),
    ]
    solver: Annotated[
        Literal["lbfgs", "torch-lbfgs", "adam", "sgd", "rmsprop"] | None, Choice("optimisation", "How the canvas follows its gradient.")
    ]
    balance: Annotated[Literal["gradients"] | None, Choice("optimisation", "Weigh the losses by the size of their gradients.")]
    style_loss: Annotated[
        Literal["gram", "moments", "histogram", "mrf", "neighbours", "earthmover"] | None,
        Choice("optimisation", "Another one, with the same say."),
    ]
    content_loss: Annotated[
        Literal["features", "structure", "selfsimilarity"] | None,
        Choice("optimisation", "Another content loss, with the same say; the last two let all colours change."),
    ]
    content_layers: Annotated[Sequence[str] | None, Names("optimisation", "Where the content loss looks, such as relu3_1.")]
    style_layers: Annotated[Sequence[str] | None, Names("optimisation", "Where the style loss looks.")]
    encoder: Annotated[
        Literal["pocket", "vgg19", "vgg16", "resnet50"] | None,
        Choice("optimisation", "The network that sees the pictures; all but pocket are fetched once."),
    ]
    encoder_weights: Annotated[File | None, Path("optimisation", "Other weights for that network.", otherwise="its own")]
    pooling: Annotated[Literal["max", "average", "l2"] | None, Choice("optimisation", "Of the encoder.")]
    padding: Annotated[Literal["zeros", "reflect", "replicate"] | None, Choice("optimisation", "Of the encoder.")]
    convention: Annotated[
        Literal["torchvision", "caffe", "unit"] | None, Choice("optimisation", "What the encoder's weights expect of a picture.")
    ]

    model: Annotated[File | None, Path("one pass", "A model of yours; `impasto train` makes them.", otherwise="the packaged one")]
    tile: Annotated[
        int | None,
        Whole("one pass", "A side of the tiles that are painted; less needs less memory.", 1024, unit="pixels", least=64, most=LONGEST),
    ]

    brush: Annotated[float | None, Number("by hand", "How wide brushes are, over the usual width.", 1.0, least=0.1, most=10)]
    detail: Annotated[float | None, Number("by hand", "Of regions, from 0, a few, to 1, many.", 0.6, most=1)]
    pair: Annotated[
        tuple[Source, Source] | None,
        Pictures("by hand", "In place of a style: a picture, and what it became.", otherwise="", setting=False, count=2),
    ]
    coherence: Annotated[float | None, Number("by hand", "κ of an analogy; more copies longer runs.", otherwise="the preset's")]
    patch: Annotated[int | None, Whole("by hand", "A side of the patches that textures are made of.", unit="pixels", least=3)]

    format: Annotated[
        Literal["png", "jpg", "webp", "tif", "bmp", "avif", "heic", "svg"] | None,
        Choice("output", "Of the output, where its name doesn't say.", otherwise="png", setting=False),
    ]
    bits: Annotated[Literal[8, 16] | None, Choice("output", "Per channel; 16 is for PNG and TIFF.", 8)]
    quality: Annotated[int | None, Whole("output", "Of JPEG, WebP, AVIF and HEIC, up to 100.", otherwise="the format's", least=1, most=100)]
    lossless: Annotated[bool | None, Flag("output", "Keep every pixel as it is, where the format can.")]
    exif: Annotated[
        Literal["keep", "all", "none"] | None,
        Choice("output", "What the output says of the photograph: description, dates and camera; all adds the position.", "keep"),
    ]
    profile: Annotated[
        Literal["srgb", "keep"] | None, Choice("output", "The output's colours; keep is the photograph's own space.", "srgb")
    ]

    device: Annotated[Literal["auto", "cpu", "cuda", "mps"] | None, Choice("machine", "Where to compute.", "auto")]
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"] | None, Choice("machine", "Of the networks; auto is what the device is fastest at.")
    ]


class Each(TypedDict, total=False):
    """The options that belong to one painting."""

    focus: Annotated[
        Source | None,
        Pictures("by hand", "A mask of the photograph's size: light where regions keep detail.", otherwise="", setting=False),
    ]
    timelapse: Annotated[File | None, Path("output", "Film the painting as it grows, .mp4 or .gif.", otherwise="", setting=False)]
    log: Annotated[File | None, Path("output", "Write losses here, a line of JSON for every tenth step.", otherwise="", setting=False)]
    preview: Annotated[
        int | None,
        Whole("output", "Write the canvas beside the output every so many steps.", otherwise="", setting=False, unit="steps", least=1),
    ]


class Options(Kept, Each, total=False):
    """All options, as keywords of :func:`impasto.stylize`. None is the same as leaving it out."""


def _declared(of: type) -> dict[str, Option]:
    """The declarations of a class, with the choices that their types name."""
    found = {}
    for name, hint in get_type_hints(of, include_extras=True).items():
        option, types = hint.__metadata__[0], [hint.__origin__, *get_args(hint.__origin__)]
        choices = tuple(choice for one in types if get_origin(one) is Literal for choice in get_args(one))
        found[name] = replace(option, choices=choices) if choices else option
    return found


DECLARED: dict[str, Option] = _declared(Options)
"""Every option by its name, in the order of its declaration."""
EACH: frozenset[str] = frozenset(_declared(Each))
"""Those that belong to one painting."""
EVERYWHERE = ("method", "size", "crop", "seed", "like", "format", "bits", "quality", "lossless", "exif", "profile")
"""Those that every method has a use for."""


@dataclass(frozen=True)
class Uses:
    """What a method has a use for.

    Attributes:
        method: its name.
        options: the options besides :data:`EVERYWHERE`, each with the method's own default; None stands for the declared one.
        choices: what it offers for an option whose declaration leaves that to the method.
    """

    method: str
    options: Mapping[str, Any]
    choices: Mapping[str, tuple[str, ...]]

    def declared(self) -> dict[str, Option]:
        """The declarations of what it has a use for, with its own defaults and choices, in order."""
        found = {}
        for name, option in DECLARED.items():
            if name in self.options and self.options[name] is not None:
                option = replace(option, default=self.options[name])
            if name in self.choices:
                option = replace(option, choices=self.choices[name])
            if name in EVERYWHERE or name in self.options:
                found[name] = option
        return found


def complete(given: Mapping[str, Any], uses: Uses, concerned: Callable[[str], Sequence[str]]) -> dict[str, Any]:
    """Check the options of a painting, and fill in the defaults.

    Args:
        given: options by name; None counts as not given.
        uses: what the method that paints has a use for.
        concerned: gives the methods that have a use for an option.

    Returns:
        A value for every option that is a setting, and for others that were given; one that stays None leaves the method as it is.

    Raises:
        OptionError: an unknown option, one that the method has no use for, or an impossible value.
    """
    declared = uses.declared()
    completed: dict[str, Any] = {name: None for name, option in DECLARED.items() if option.setting}
    completed |= {name: option.default for name, option in declared.items() if option.setting}
    for name, value in given.items():
        if name not in DECLARED:
            raise TypeError(f"there is no option {name}; choose out of {', '.join(DECLARED)}")
        if value is None:
            continue
        if name not in declared:
            able = concerned(name)
            instead = " or ".join(able) if len(able) < 5 else f"one that has it, such as {able[0]},"
            raise OptionError(f"{name} means nothing to {uses.method}; leave it out, or choose {instead} with method")
        completed[name] = declared[name].checked(name, value)
    return {**completed, "method": uses.method}


def whole(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number of at least ``least``; ``value`` is what was given for ``name``.

    Raises:
        OptionError: it isn't.
    """
    Whole("", "", least=least).checked(name, value)


def unknown(kind: str, name: object, known: Collection[str]) -> OptionError:
    """What to raise where a ``name`` of some ``kind`` is not among those ``known``."""
    return OptionError(f"unknown {kind} {name}; choose one of {', '.join(map(str, known))}")


UNSAID = {"not": {"anyOf": [{"required": ["model"]}, {"required": ["like"]}]}}


def schema(methods: Sequence[Uses]) -> dict[str, Any]:
    """The options as a JSON schema (draft 2020-12), from which a front end can build its form.

    Beside the standard keywords an option has a ``group`` and, where it is a quantity, a ``unit``. For each method a condition says which
    options it has a use for, with its own defaults and choices.

    Args:
        methods: all there are.
    """
    names = [uses.method for uses in methods]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Options of a painting",
        "type": "object",
        "properties": {name: {**_described(option), **({"enum": names} if name == "method" else {})} for name, option in DECLARED.items()},
        "additionalProperties": False,
        "allOf": [
            {
                "if": {
                    "properties": {"method": {"const": uses.method}},
                    # Without a method it is the default one, where no model and no painting to be like say which.
                    "anyOf": [{"required": ["method"]}, *([UNSAID] if uses.method == DECLARED["method"].default else [])],
                },
                "then": {
                    "propertyNames": {"enum": list(uses.declared())},
                    "properties": {
                        name: {key: value for key, value in _described(option).items() if key in ("default", "enum")}
                        for name, option in uses.declared().items()
                        if option != DECLARED[name]
                    },
                },
            }
            for uses in methods
        ],
    }


def _described(option: Option) -> dict[str, Any]:
    found = {**option.schema(), "description": option.help, "group": option.group}
    if option.default is not None:
        found["default"] = option.default
    if option.unit:
        found["unit"] = option.unit
    return found


def _is_number(value: object) -> bool:
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
