"""The style pictures that come with Impasto, all painted by code (`styles/make.py` in the repository)."""

from __future__ import annotations

from pathlib import Path

from impasto.errors import OptionError

STYLES: dict[str, str] = {
    "batik": "Curling tendrils and flowers dyed in indigo, ochre and brown, with the cracks of the wax.",
    "calligraphy": "Sweeping strokes of a loaded brush, wet and dry, with red seals on rice paper.",
    "charcoal": "Wind-bent trees under a storm, hatched in charcoal, red chalk and white on buff paper.",
    "comic": "Planets, rockets and rolling smoke in comic ink, flat colour and printed dots.",
    "cubist": "A guitar, a bottle and a glass, broken into facets of ochre, umber and grey.",
    "fauve": "A southern harbour in flat, wild colours and loose strokes.",
    "inkwash": "Misty peaks behind bamboo, brush and ink on rice paper.",
    "knife": "An autumn birch wood in thick slabs of paint from a palette knife.",
    "mosaic": "Two carp in turning water, in glass and stone tesserae.",
    "papercut": "Leaves and seaweed cut from painted paper, laid over each other with soft shadows.",
    "pointillism": "A river at dusk, in dots of pure colour.",
    "poster": "Sunrise over a mountain lake as a travel poster: six flat inks, crisp edges, crayon grain.",
    "stainedglass": "The sun over hills and flowers, in leaded jewel-coloured glass.",
    "starry": "Night over a lake, the sky in thick swirls of oil paint.",
    "watercolour": "Poppies and cornflowers in wet washes with dried edges and splashes.",
    "waves": "Storm waves cut in wood: Prussian blue, cream foam and a red sun.",
    "weave": "Serrated lozenges, one within the other, woven from thick wool.",
    "woodcut": "Crooked houses and bare trees under a red sun, gouged out of a black block.",
}
"""What each style picture shows, by name."""


def path(name: str) -> Path:
    """The file of a style picture.

    Raises:
        OptionError: No style has this name.
    """
    if name not in STYLES:
        raise OptionError(f"No style is called {name!r}; choose one of {', '.join(STYLES)}.")
    return Path(__file__).with_name(f"{name}.jpg")
