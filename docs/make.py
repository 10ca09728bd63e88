"""Make the pages about methods out of the methods themselves: `python docs/make.py`.

What a page says of a method is read off its data, so that it can't go stale; a test compares the pages with what this
program writes. Costs are those of docs/costs.json, which `python benchmarks/methods.py --json docs/costs.json` measures.
With `--paint` the pictures are painted anew, too, which takes minutes.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from inspect import getdoc
from pathlib import Path
from typing import Any

import click
from PIL import Image

from impasto import examples, picture, stylize
from impasto.classic.rendering import Rendering
from impasto.evaluate import Cell, compare, sheet
from impasto.feedforward import models
from impasto.feedforward.network import Network
from impasto.losses import Term
from impasto.methods import ALL, FAMILIES, METHODS, NETWORKS, RENDERINGS, concerned, uses
from impasto.optimise.method import Method
from impasto.options import DECLARED, GROUPS, LARGEST, Option, Pictures

DOCS = Path(__file__).parent
CONTENT, STYLE = "astronaut", "starry"
ENCODER, SIZE, QUALITY = "pocket", 384, 88
# Painted with their own schedules. The others' take minutes each.
QUICK = ("impasto", "strotss2019", "nnst2022")
# Photograph by photograph, as in figure 7 of Gatys et al. 2016. The second lends its manner.
PHOTOGRAPHS = (("chelsea", "coffee"), ("astronaut", "rocket"))
TRADE_OFF = 1e-2
# What methods without a network paint: a row of examples for each preset, and what else they can do.
CONTENTS = ("astronaut", "chelsea", "coffee", "rocket")
STYLES = ("starry", "knife", "waves", "mosaic")
GALLERY = 320  # pixels, the longest side of each painting
HEAVIEST = 700_000  # bytes of a gallery

INDEX = r"""# Methods

{table}

The costs are those at {pixels} pixels through {encoder}, on {machine}.
`python benchmarks/methods.py --json docs/costs.json` measures them. Each page has its method's formula, settings and cost, and
`python docs/make.py` writes it out of the method's own data in `src/impasto/methods/`.

These paint in one pass, by a network that was trained before:

{networks}

`python benchmarks/onepass.py` measures how fast they are.

These need no network at all; `python benchmarks/renderings.py` measures them:

{renderings}

## One pair by all of them

![The same two pictures painted by every method that needs both](compare.jpg)

Those that optimise are painted the quick way and through pocket, so that they differ in their losses and in where they begin:
`impasto compare {content} {style}`. With `--full` each keeps its own solver and schedule, with `--encoder own` its own network.

## Symbols

$x$ is the canvas and $x_c$ the content, with $H$ rows, $W$ columns and three channels. Pixels run from 0 to 1, or to what a
term's settings call units. $F^l$ holds the canvas's features at layer $l$, with a row for each of $N_l$ channels and a column for
each of $M_l$ positions. $P^l$ are the content's features. $S^l$ are the style's, at $M'_l$ positions. $w_l$ are the weights of the
layers.

- $G^l = F^l (F^l)^\top$ is the canvas's Gram matrix and $A^l$ the style's, as if the style had as many positions.
- $R(O^l)$ is $O^l = F^l$ with the values of each channel exchanged for those that the style has there, rank by rank.
- $D_{{ij}}$ is how far apart places $i$ and $j$ are: of the canvas and of the style, or twice of one picture, of the content as $\hat D$.
- $\Psi_i$ is the patch of features around position $i$, and $NN(i)$ the style's patch that is most like it.
- $D_p$ is the Laplacian of a picture whose cells of $p \times p$ pixels were averaged.
"""

PAGE = """# {name}

{title}

**Good at** {good_at}.

**Citation:** {citation}.

![{subject} painted by {name}]({name}.jpg)

```sh
{command}
```

## Objective

{formula}

The [symbols](README.md#symbols) are explained with the list of methods.

{terms}

{elsewhere}## Settings

{choices}

## Notes

{notes}

## Cost

{cost}
"""

NETWORK_PAGE = """# {name}

{title}

**Good at** {good_at}.

**Citation:** {citation}.

![Eight photographs and styles, and what {name} paints of them]({name}.jpg)

`python gallery/make.py methods/{name}.jpg` paints these at 640 pixels. The last of them fails; the notes say why.

```sh
{commands}
```

## Settings

{choices}

## Notes

{notes}
"""


RENDERING_PAGE = """# {name}

{title}

**Good at** {good_at}.

**Citation:** {citation}.

![Paintings by {name}]({name}.jpg)

```sh
{commands}
```

## Settings

{choices}

## Notes

{notes}
"""


OPTIONS_PAGE = """# Options

At the command line they are written `--content-weight 0.2`, in Python `content_weight=0.2`. Those of a painting may be given to
`impasto.stylize`, `impasto.Painter` and `impasto stylize` alike. What stands in parentheses behind a default is another method's own.
`impasto stylize --method strokes --help` shows what concerns one method, and `impasto options --json` is the same as a JSON schema, from
which a program can build a form. This page is written by `python docs/make.py` from the declarations in `src/impasto/options.py`.
{groups}"""


def short(value: float) -> tuple[str, str]:
    """A number's digits and its exponent, which is empty for one of ordinary size."""
    digits, _, exponent = f"{value:.4g}".partition("e")
    return digits, str(int(exponent)) if exponent else ""


def plain(value: Any) -> str:
    """A setting's value as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "e".join(filter(None, short(value)))
    if isinstance(value, tuple):
        return ", ".join(map(plain, value))
    return str(value)


def named(values: dict[str, Any]) -> str:
    """Settings by name as text."""
    return ", ".join(f"{name.replace('_', ' ')} {plain(value)}" for name, value in values.items())


def settings(data: Any, *known: str) -> dict[str, Any]:
    """The fields of a dataclass, but for those ``known`` and those left empty."""
    values = {field.name: getattr(data, field.name) for field in fields(data) if field.name not in known}
    return {name: value for name, value in values.items() if value not in (None, ())}


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


def duration(seconds: float) -> str:
    """A time as people say it."""
    return f"{seconds:.2g} s" if seconds < 99.5 else f"{seconds / 60:.2g} min"


def formula(method: Method) -> str:
    """The objective in TeX, a line to each term that weighs anything."""
    lines = []
    for term in method.terms:
        digits, exponent = short(term.weight)
        over = r"\sum_l w_l " if term.layers and term.apart else ""
        factors = (digits if digits != "1" else "", f"10^{{{exponent}}}" if exponent else "", over + term.formula)
        if term.weight:
            lines.append(r" \cdot ".join(filter(None, factors)) + rf" && \text{{{term.name}}}")
    # A fence spares TeX what Markdown makes of its underscores and backslashes.
    return "\n".join(["```math", r"\begin{aligned}", r"\mathcal{L} ={}& " + " \\\\\n&{}+ ".join(lines), r"\end{aligned}", "```"])


def terms(method: Method) -> str:
    """The table of a method's losses."""
    common = [*(field.name for field in fields(Term)), "turn"]
    rows = []
    for term in method.terms:
        apart = term.layers if term.apart else ()
        weights = term.layer_weights or tuple(1 / len(apart) for _ in apart)
        layers = ", ".join(f"`{layer}`" for layer in term.layers) or "the pixels themselves"
        of_each = f"{plain(float(weights[0]))} each" if len(weights) > 1 and len(set(weights)) == 1 else plain(weights)
        rows.append((term.name, layers, plain(term.weight), of_each, named(settings(term, *common))))
    return table(("term", "layers", "weight", "$w_l$", "settings"), rows)


def elsewhere(method: Method) -> str:
    """What a packaged encoder changes, as a paragraph, or nothing."""
    of_terms = {f"{kind} of {term}": value for term, values in method.elsewhere.terms.items() for kind, value in values.items()}
    changes = [named({kind: value}) for kind, value in {**of_terms, **settings(method.elsewhere, "terms")}.items()]
    return f"Through a packaged encoder: {'; '.join(changes)}.\n\n" if changes else ""


def choices(method: Method) -> str:
    """The table of how a method paints."""
    variant = named(settings(method.variant, "normalised")) + (", mean activations of one" if method.variant.normalised else "")
    finer = "that painting in one pass" if method.start in NETWORKS else "the content"
    sizes = {"content": "stretched to the content's size", "longest": "as long as the content on its longest side"}
    rows = {
        "encoder": f"{method.encoder}, {variant}" if variant else method.encoder,
        "features": f"through a softmax at temperature {plain(method.smoothing)}" if method.smoothing else "",
        "begins from": "the style's mean colour" if method.start == "mean" else method.start,
        "solver": f"`{type(method.solver).__name__}`, {named(settings(method.solver, 'units'))}",
        "at the finest level": f"`{type(method.finest).__name__}`, {named(settings(method.finest, 'units'))}" if method.finest else "",
        "in units of": f"pixels from 0 to {plain(float(method.solver.units))}",
        "steps": plain(method.steps),
        "levels": f"coarse to fine, each {plain(method.ratio)} times as large as the one before" if len(method.steps) > 1 else "",
        "detail": f"{plain(method.detail)} times the fine detail of {finer} is added when a level begins" if method.detail else "",
        "schedule": "; ".join(f"{name} weighs {plain(factors)} times as much" for name, factors in method.schedule.items()),
        "limits": "the canvas is cut off at black and white before every evaluation" if method.clamp else "",
        "again": f"{method.again} more steps at the finest level, as if it were another" if method.again else "",
        "colours": "the chroma is the content's, carried to the style's" if method.chroma else "",
        "keeps": f"the {method.keep} canvas of a level",
        "size of the style": sizes.get(str(method.style_size), f"{method.style_size} pixels") if "style" in method.sources else "",
        "trade-offs": f"{plain(method.trade_offs)}, content to style weight, the default first" if method.trade_offs else "",
        "balance": balance(method),
        "precision": method.precision,
    }
    return table(("", ""), [row for row in rows.items() if row[1]])


def balance(method: Method) -> str:
    """How a method weighs its terms by their gradients, if it does."""
    if method.balance is None:
        return ""
    limits = ", ".join(f"{plain(limit)} for {name}" for name, limit in method.balance.limits.items())
    return f"gradients no longer than {limits} and 1 for every other term, weighed anew every {method.balance.every} steps"


def example(method: Method) -> dict[str, Any]:
    """How the page's picture is painted, as :func:`impasto.stylize` takes it."""
    return {
        "content": CONTENT if "content" in method.sources else None,
        "style": STYLE if "style" in method.sources else None,
        "method": method.name,
        "encoder": ENCODER,
        "fast": method.name not in QUICK,
        "size": SIZE,
    }


def command(method: Method) -> str:
    """The same at the command line."""
    asked = example(method)
    if None in (asked["content"], asked["style"]):
        verb = f"texture {STYLE}" if asked["style"] else f"invert {CONTENT}"
    else:
        verb = f"stylize {CONTENT} {STYLE}"
    fast = " --fast" if asked["fast"] else ""
    return f"impasto {verb} --method {method.name} --encoder {ENCODER} --size {SIZE}{fast} -o painted.png"


def cost(method: Method, costs: dict[str, Any]) -> str:
    """What a method costs, as a table."""
    if method.name not in costs["methods"]:
        return "Not measured yet: `python benchmarks/methods.py --json docs/costs.json`."
    found = costs["methods"][method.name]
    rows = [
        ("a step", duration(found["seconds"])),
        ("share of the roofline", f"{found['share']:.0%}, of {found['gigaflops']:.0f} GFLOP/s in {found['precision']}"),
        ("memory, at most", f"{found['megabytes']:.0f} MB"),
        (f"its own schedule, {found['steps']} steps", duration(found["own"])),
        ("`--fast`", duration(found["fast"])),
    ]
    pixels = "{} x {}".format(*found["size"])
    return (
        f"At {pixels} pixels through {costs['encoder']}, on {machine(costs)}.\n"
        f"`python benchmarks/methods.py --method {method.name}` measures it, and its first lines say how.\n\n{table(('', ''), rows)}"
    )


def machine(costs: dict[str, Any]) -> str:
    """What the costs were measured on."""
    about = costs["machine"]
    return f"{about['threads']} of {about['cores']} {about['processor']} cores with PyTorch {about['torch']}"


def described(method: Method | Network | Rendering) -> dict[str, str]:
    """What the pages of all methods have in common."""
    title, _, notes = (getdoc(sys.modules[f"impasto.methods.{method.name.replace('-', '_')}"]) or "").partition("\n\n")
    return {
        "name": method.name,
        "title": title,
        "good_at": method.good_at,
        "citation": method.citation,
        "notes": notes.replace("``", "`"),
    }


def page(method: Method, costs: dict[str, Any]) -> str:
    """The page of a method."""
    return PAGE.format(
        **described(method),
        subject=" in the style ".join(subject for subject in (example(method)["content"], example(method)["style"]) if subject),
        command=command(method),
        formula=formula(method),
        terms=terms(method),
        elsewhere=elsewhere(method),
        choices=choices(method),
        cost=cost(method, costs),
    )


def network_page(method: Network) -> str:
    """The page of a network."""
    file = models.packaged(method.name)
    weights = sum(value.size for value in models.held(file).weights.values())
    rows = {"model": f"comes with the package: {weights / 1e6:.2f} million parameters in {file.stat().st_size / 1e6:.1f} MB"}
    commands = [f"impasto {CONTENT} {STYLE} --method {method.name} -o painted.png"]
    if "style" in method.sources:
        rows["size of the style"] = f"{method.options['style_size']} pixels"
    else:
        rows["styles"] = ", ".join(models.held(file).architecture["styles"]) + "; or those of a model of yours, `--model FILE`"
        commands += [
            f"impasto {CONTENT} --style {STYLE} --style waves --blend 3 7 --method {method.name} -o between.png",
            f"impasto train {method.name} painting.jpg --photos PHOTOS -o mine.safetensors",
            f"impasto {CONTENT} --model mine.safetensors -o mine.png",
        ]
    return NETWORK_PAGE.format(**described(method), commands="\n".join(commands), choices=table(("", ""), list(rows.items())))


def rendering_examples(method: Rendering) -> dict[str, list[dict[str, Any]]]:
    """What a gallery shows, row by row, as :func:`impasto.stylize` takes it."""
    common: dict[str, Any] = {"method": method.name}
    size = (GALLERY, GALLERY * 3 // 4)
    styled = [{**common, "content": content, "style": style} for content, style in zip(CONTENTS, STYLES, strict=True)]
    quick = (size[0] // 2, size[1] // 2) if method.name == "efrosleung" else size
    textures = [{**common, "content": None, "style": style, "size": quick} for style in STYLES]
    if method.name == "analogy":
        # The same photograph before and after, for a filter to be learned from.
        pair = ("astronaut", stylize("astronaut", None, method="strokes", preset="watercolour"))
        return {
            "patches of a style": styled,
            "after a pair": [{**common, "content": one, "style": None, "pair": pair} for one in CONTENTS[1:]],
        }
    rows: dict[str, list[dict[str, Any]]] = {}
    if "content" in method.sources:
        for preset in method.presets or (None,):
            rows[preset or method.name] = [{**common, "content": content, "style": None, "preset": preset} for content in CONTENTS]
    if "style" in method.sources:
        rows["textures"] = textures
    if {"content", "style"} & method.optional:
        rows["in a style"] = styled
    return rows


def rendering_commands(method: Rendering) -> list[str]:
    """The same at the command line, an example of each kind."""
    paint = f"--method {method.name}"
    if method.name == "analogy":
        made = f"impasto stylize {CONTENT} --method strokes --preset watercolour --size 0 -o watercolour.png"
        return [
            f"impasto stylize {CONTENT} {STYLE} {paint} -o painted.png",
            made,
            f"impasto stylize chelsea {paint} --pair {CONTENT} watercolour.png -o painted.png",
        ]
    commands = []
    if "content" in method.sources:
        commands += [f"impasto stylize {CONTENT} {paint} --preset {preset} -o painted.png" for preset in method.presets[:2]]
        commands += [] if commands else [f"impasto stylize {CONTENT} {paint} -o painted.png"]
    if "style" in method.sources:
        commands.append(f"impasto texture {STYLE} {paint} -o painted.png")
    if {"content", "style"} & method.optional:
        commands.append(f"impasto stylize {CONTENT} {STYLE} {paint} -o painted.png")
    if method.strokes:
        commands.append(f"impasto stylize {CONTENT} {paint} --timelapse painted.mp4 -o painted.svg")
    return commands


def rendering_page(method: Rendering) -> str:
    """The page of a method without a network."""
    further = [name for name in method.options if isinstance(DECLARED[name], Pictures)]
    own = {name: value for name, value in method.options.items() if name not in further}
    rows = {
        "pictures": ", ".join([*sorted(method.sources), *(f"{kind} if there is one" for kind in sorted([*method.optional, *further]))]),
        "presets": ", ".join(f"`{preset}`" for preset in method.presets),
        **{f"`--{name.replace('_', '-')}`": "what suits" if value is None else plain(value) for name, value in own.items()},
        "writes": "pictures, and strokes as SVG" if method.strokes else "pictures",
    }
    return RENDERING_PAGE.format(
        **described(method),
        commands="\n".join(rendering_commands(method)),
        choices=table(("", ""), [row for row in rows.items() if row[1]]),
    )


def gallery(method: Rendering, size: int) -> Image.Image:
    """What a method without a network paints, on one sheet."""
    rows = []
    for title, wishes in rendering_examples(method).items():
        rows.append(
            [Cell(stylize(**{"size": size, **wish}).convert("RGB"), title, tuple(filter(None, (wish["style"],)))) for wish in wishes]
        )
    return sheet(rows)


def index(costs: dict[str, Any]) -> str:
    """The list of methods."""
    rows = []
    for name, method in METHODS.items():
        found = costs["methods"].get(name)
        figures = (duration(found["own"]), duration(found["fast"]), f"{found['megabytes']:.0f} MB") if found else ("",) * 3
        rows.append((f"[{name}]({name}.md)", method.good_at, plain(method.steps), *figures))
    networks = [(f"[{name}]({name}.md)", network.good_at) for name, network in NETWORKS.items()]
    renderings = [(f"[{name}]({name}.md)", rendering.good_at) for name, rendering in RENDERINGS.items()]
    return INDEX.format(
        renderings=table(("method", "good at"), renderings),
        networks=table(("method", "good at"), networks),
        table=table(("method", "good at", "steps", "takes", "`--fast`", "memory"), rows),
        pixels=costs["size"],
        encoder=costs["encoder"],
        machine=machine(costs),
        content=CONTENT,
        style=STYLE,
    )


def pages() -> dict[str, str]:
    """The text of every page, by its file in docs."""
    costs = json.loads((DOCS / "costs.json").read_text(encoding="utf-8"))
    return {
        "options.md": options_page(),
        "methods/README.md": index(costs),
        **{f"methods/{name}.md": page(method, costs) for name, method in METHODS.items()},
        **{f"methods/{name}.md": network_page(method) for name, method in NETWORKS.items()},
        **{f"methods/{name}.md": rendering_page(method) for name, method in RENDERINGS.items()},
    }


def paint(to: Path, size: int) -> None:
    """Paint every picture of the pages into the folder ``to``, their longest side ``size`` pixels."""
    drawn, series = compare(CONTENT, STYLE, encoder="pocket", fast=True, size=size)
    save(drawn, to / "methods" / "compare.jpg")
    paintings = {painted.name: painted.picture for painted in series}
    for name, method in METHODS.items():
        asked: dict[str, Any] = {**example(method), "size": size}
        # The sheet's paintings are painted as the examples are, if quickly.
        painting = paintings.get(name) if asked["fast"] else None
        save(painting or stylize(**asked), to / "methods" / f"{name}.jpg")
    save(photorealism(size), to / "photorealism.jpg")


def photorealism(size: int) -> Image.Image:
    """Photographs in the manner of other photographs, on one sheet."""
    ways: dict[str, dict[str, Any]] = {
        f"gatys2016, alpha/beta {plain(TRADE_OFF)}": {"method": "gatys2016", "trade_off": TRADE_OFF, "start": "content", "fast": True},
        "impasto, the default": {},
    }
    rows = []
    for content, style in PHOTOGRAPHS:
        paintings = {way: stylize(content, examples.path(style), encoder="pocket", size=size, **options) for way, options in ways.items()}
        rows.append(
            [
                Cell(shown(content, size), "Content", (content,)),
                Cell(shown(style, size), "Style", (style,)),
                *(Cell(painting, way, (f"{content} in the manner of {style}",)) for way, painting in paintings.items()),
            ]
        )
    return sheet(rows, "Photographs in the manner of photographs", ["after figure 7 of Gatys, Ecker & Bethge 2016"])


def shown(name: str, size: int) -> Image.Image:
    """An example photograph, its longest side ``size`` pixels."""
    return picture.to_pil(picture.scale(picture.read(examples.path(name)).picture, size))


def save(image: Image.Image, file: Path) -> None:
    """Write a JPEG, in the best quality up to `QUALITY` that isn't too heavy for a page."""
    for quality in range(QUALITY, 50, -4):
        image.convert("RGB").save(file, quality=quality, optimize=True, progressive=True)
        if file.stat().st_size <= HEAVIEST:
            break
    click.echo(f"{file} {file.stat().st_size / 1000:.0f} kB")


def options_page() -> str:
    """The page of all options."""
    parts = []
    for group, title in GROUPS.items():
        rows = []
        for name, option in DECLARED.items():
            if option.group == group:
                rows.append((f"`{name}`", values(option), default(name, option), option.help, whom(name)))
        parts.append(f"\n## {title}\n\n{table(('option', 'value', 'default', 'what it does', 'of'), rows)}\n")
    return OPTIONS_PAGE.format(groups="".join(parts))


def values(option: Option) -> str:
    """What an option may be."""
    words = f"`{option.words}`".replace("|", "\\|")
    least, most = getattr(option, "least", None), getattr(option, "most", None)
    bounds = (
        "" if least is None else f", at least {plain(least)}" if most in (LARGEST, float("inf")) else f", {plain(least)} … {plain(most)}"
    )
    return words + (f" {option.unit}" if option.unit else "") + bounds


def default(name: str, option: Option) -> str:
    """What an option is where nobody says anything, and what some methods have instead."""
    own: dict[str, list[str]] = {}
    for method in concerned(name):
        declared = uses(method).declared()[name]
        if declared.default != option.default:
            own.setdefault(plain(declared.default), []).append(method)
    said = option.otherwise if option.default is None else plain(option.default)
    others = "; ".join(f"{value}: {', '.join(methods)}" for value, methods in own.items())
    return f"{said} ({others})" if said and others else said or others


def whom(name: str) -> str:
    """Which methods have a use for an option."""
    able = concerned(name)
    if len(able) == len(ALL):
        return "all"
    found = [family.name for family in FAMILIES if set(family.methods) <= set(able)]
    rest = [method for method in able if not any(method in family.methods for family in FAMILIES if family.name in found)]
    return ", ".join([*found, *(f"`{method}`" for method in rest)])


@click.command()
@click.option("--paint", "painting", is_flag=True, help="Paint the pictures anew, too.")
@click.option("--renderings", is_flag=True, help="Paint only those without a network anew.")
@click.option("--size", default=SIZE, hidden=True, help="Of the pictures, for a quick look.")
@click.option("--to", default=DOCS, type=click.Path(file_okay=False, path_type=Path), show_default=True, help="The folder for it all.")
def main(painting: bool, renderings: bool, size: int, to: Path) -> None:
    """Write the pages about methods."""
    (to / "methods").mkdir(parents=True, exist_ok=True)
    for file, text in pages().items():
        (to / file).write_text(text, encoding="utf-8")
    if painting:
        paint(to, size)
    if painting or renderings:
        for name, rendering in RENDERINGS.items():
            save(gallery(rendering, min(size, GALLERY)), to / "methods" / f"{name}.jpg")


if __name__ == "__main__":
    main()
