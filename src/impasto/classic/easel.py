"""A canvas on which strokes are painted, layer by layer."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from impasto.classic.brush import lit, paint, tooth
from impasto.classic.colours import LUMA, drawn, mean, palette, saturated
from impasto.classic.presets import SIZE, Preset
from impasto.classic.strokes import Brushwork, Strokes, blurred, directions, layer
from impasto.picture import recoloured

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]
STROKE = 24  # pixels, at SIZE: the deviation over which a style's directions are compared, about half a stroke
OCTAVE = 2.85  # of the scale of most paintings' features, see `measured`


@dataclass(frozen=True)
class Moment:
    """A painting under way.

    Attributes:
        done: parts painted.
        total: parts that there will be.
        strokes: of the part that has just been painted.
        easel: what painting goes on on.
    """

    done: int
    total: int
    strokes: Strokes
    easel: "Easel"


class Easel:
    """A canvas with paint on it.

    Args:
        size: of the canvas, height and width in pixels.
        preset: the manner.
        ground: the colour of the bare canvas, red, green and blue in [0, 1].
        seed: of the marks that bristles and paper leave.
        scale: of the paper's grain, over that of a picture whose longest side is 512.
    """

    def __init__(self, size: tuple[int, int], preset: Preset, ground: Colour, seed: int, scale: float) -> None:
        self.preset, self.ground, self.seed = preset, ground, seed
        self.canvas = np.empty((*size, 3), np.float32)
        self.canvas[:] = ground
        self.height = np.zeros(size, np.float32)  # of the paint, in pixels
        self.paper = tooth(*size, scale, seed) if preset.bristles.grain > 0 else None

    def look(self) -> Floats:
        """The canvas under light, ``[H, W, 3]`` in [0, 1]."""
        return lit(self.canvas, self.height, self.preset.relief, self.preset.shine)

    def paint(self, layers: Iterable[Strokes], count: int, parts: int) -> Iterator[Moment]:
        """Paint layers of strokes, and stop at every part of one.

        Args:
            layers: the next is asked for when the one before is painted.
            count: how many they are.
            parts: in how many every layer is painted.
        """
        for number, strokes in enumerate(layers):
            ends = [len(strokes.counts) * part // parts for part in range(parts + 1)]
            for part in range(parts):
                some = strokes[ends[part] : ends[part + 1]]
                opacity = self.preset.brushwork.opacity
                paint(self.canvas, self.height, some, self.preset.bristles, opacity, self.seed + number, ends[part], self.paper)
                yield Moment(parts * number + part + 1, parts * count, some, self)


def moments(
    picture: Floats, preset: Preset, *, seed: int, style: Floats | None = None, scale: float = 1.0, parts: int = 8
) -> Iterator[Moment]:
    """Paint a picture stroke by stroke, and stop at every part of a layer.

    Args:
        picture: ``[H, W, 3]`` in [0, 1].
        preset: the manner, for instance one of :data:`impasto.classic.presets.PRESETS`.
        seed: of all randomness; the same one gives the same painting.
        style: a picture ``[h, w, 3]`` in [0, 1], whose palette and strokes the painting takes up; or None.
        scale: of the brushes, over what fits the picture's size.
        parts: in how many every layer is painted.
    """
    picture, colours = saturated(picture, preset.saturation), None
    if style is not None:
        style = saturated(style, preset.saturation)
        preset = replace(preset, brushwork=measured(style, preset.brushwork))
        picture, colours = recoloured(picture, style), palette(style)
    scale *= max(picture.shape[:2]) / SIZE
    easel = Easel(picture.shape[:2], preset, preset.ground or mean(picture), seed, scale)
    if preset.thinned:
        picture = picture + np.float32(preset.thinned) * (easel.canvas - picture)
        np.clip(picture, 0, 1, out=picture)
    yield from easel.paint(_layers(picture, easel, scale, colours), len(preset.brushwork.radii), parts)


def _layers(picture: Floats, easel: Easel, scale: float, colours: Floats | None) -> Iterator[Strokes]:
    """The strokes that are still needed with each brush, when its turn has come."""
    preset, brushwork, generator = easel.preset, easel.preset.brushwork, np.random.default_rng(easel.seed)
    for number, radius in enumerate(brushwork.radii):
        bare = number == 0 and preset.ground is None
        strokes = layer(picture, None if bare else easel.canvas, radius * scale, brushwork, generator)
        if brushwork.hatching is not None:
            brushwork = replace(brushwork, hatching=brushwork.hatching + preset.turned)
        yield strokes if colours is None else replace(strokes, colours=drawn(strokes.colours, colours, generator))


def painted(
    picture: Floats,
    preset: Preset,
    *,
    seed: int,
    style: Floats | None = None,
    scale: float = 1.0,
    parts: int = 8,
    callback: Callable[[Moment], None] | None = None,
) -> Floats:
    """Paint a picture stroke by stroke, from coarse to fine.

    Args:
        picture: ``[H, W, 3]`` in [0, 1].
        preset: the manner, for instance one of :data:`impasto.classic.presets.PRESETS`.
        seed: of all randomness; the same one gives the same painting.
        style: a picture ``[h, w, 3]`` in [0, 1], whose palette and strokes the painting takes up; or None.
        scale: of the brushes, over what fits the picture's size.
        parts: in how many every layer is painted.
        callback: called after every part of a layer; what it is given can show the painting so far, for instance in a time-lapse.

    Returns:
        ``[H, W, 3]`` in [0, 1].
    """
    for moment in moments(picture, preset, seed=seed, style=style, scale=scale, parts=parts):
        if callback is not None:
            callback(moment)
    return moment.easel.look()


def measured(style: Floats, brushwork: Brushwork) -> Brushwork:
    """Brushwork as a style has it, as far as that can be measured.

    The smoother its directions are over a stroke's length, the straighter strokes are; the less, the more they swirl. If most are
    upright or level, strokes turn to be that as well. Where features are larger than most paintings', brushes are wider. Colours
    that vary from spot to spot make strokes' colours vary, which mix in the eye.

    Args:
        style: ``[h, w, 3]`` in [0, 1].
        brushwork: what is measured against; its curvature, mixing, swirl, square, radii and jitter change.
    """
    stride = max(1, max(style.shape[:2]) // SIZE)
    style = np.ascontiguousarray(style[: style.shape[0] // stride * stride, : style.shape[1] // stride * stride])
    style = style.reshape(style.shape[0] // stride, stride, style.shape[1] // stride, stride, 3).mean((1, 3), dtype=np.float32)
    unit = max(style.shape[:2]) / SIZE
    cosine, sine = directions(style, 1, Brushwork())
    strength = np.hypot(cosine, sine)
    whole = float(strength.sum())
    smooth = float(np.hypot(blurred(cosine, STROKE * unit), blurred(sine, STROKE * unit)).sum()) / whole if whole > 0 else 1.0
    # The mean cosine of four times the angle, which is 1 for upright and level, and 0 for directions of all kinds.
    upright = float(((cosine**2 - sine**2) / np.maximum(strength, 1e-12)).sum()) / whole if whole > 0 else 0.0
    square = float(np.clip((upright - 0.15) / 0.35, 0, 1))
    scales = [blurred(style, unit * 2**octave) for octave in range(7)]
    energies = np.array([float(((fine - coarse) ** 2).sum()) for fine, coarse in pairwise(scales)])
    octave = float(energies @ np.arange(6) / energies.sum()) if energies.sum() > 0 else OCTAVE
    factor = float(np.clip(2 ** (octave - OCTAVE), 0.8, 2))
    detail = style - scales[2]
    light = detail @ LUMA
    # A uniform distribution is √12 deviations wide; a quarter of that, as most of the detail is drawing.
    tone, colour = (float(np.sqrt(12) / 4 * x.std()) for x in (light, detail - light[..., None]))
    return replace(
        brushwork,
        curvature=1 - 0.75 * min(1.0, max(smooth, square)),
        mixing=max(1.0, brushwork.mixing),
        swirl=(1 - min(1.0, smooth)) * (1 - square),
        square=square,
        radii=tuple(radius * factor for radius in brushwork.radii),
        jitter=(*brushwork.jitter[:2], tone, colour, colour, colour),
    )
