"""Manners of stroke-based painting, as data.

The first four presets are named after Hertzmann's (1998, section 3); all were tuned by eye.
"""

from dataclasses import dataclass, field, replace
from math import pi

from impasto.classic.brush import Bristles
from impasto.classic.strokes import Brushwork

SIZE = 512  # pixels of the longest side of the picture that presets' radii are for


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A manner of painting.

    Attributes:
        brushwork: how strokes are placed.
        bristles: what they look like.
        relief: how strongly the light shows the paint's thickness, see :func:`impasto.classic.brush.lit`.
        shine: of the paint's highlights.
        ground: the colour of the paper, which shows where nothing is painted; None where every spot is to be painted.
        saturation: of the colours, over the picture's and the style's; 0 is grey.
        thinned: how far colours are moved towards the ground, from 0 to 1; away from it if negative.
        turned: the angle in radians by which hatching turns from layer to layer.
    """

    brushwork: Brushwork
    bristles: Bristles = field(default_factory=Bristles)
    relief: float = 0.5
    shine: float = 0.6
    ground: tuple[float, float, float] | None = None
    saturation: float = 1.0
    thinned: float = 0.0
    turned: float = 0.0


PAPER = (0.98, 0.97, 0.94)
PENCIL = Preset(
    brushwork=Brushwork(
        radii=(1.2, 1, 0.8, 0.6),
        threshold=36,
        curvature=0.3,
        blur=0.7,
        opacity=0.7,
        grid=7,
        shortest=8,
        longest=26,
        jitter=(0.03, 0.2, 0.15, 0, 0, 0),
        smoothing=3,
        hatching=-pi / 4,
        mixing=2.5,
    ),
    bristles=Bristles(streak=0, dry=0, body=0, soft=0.6, grain=0.45, glaze=0.9),
    relief=0,
    shine=0,
    ground=PAPER,
    thinned=-0.05,
    turned=pi / 9,
)

PRESETS = {
    "impressionist": Preset(
        brushwork=Brushwork(radii=(8, 4, 2.2), threshold=45, shortest=2, longest=7, smoothing=1.5, division=0.12),
        bristles=Bristles(streak=0.1, dry=0.3, body=0.4),
        saturation=1.25,
    ),
    "expressionist": Preset(
        brushwork=Brushwork(
            radii=(11, 6, 2.8), threshold=50, curvature=0.4, shortest=6, longest=14, jitter=(0.04, 0.2, 0.3, 0, 0, 0), smoothing=2
        ),
        bristles=Bristles(streak=0.08, dry=0.3, body=0.4, rim=0.15),
        saturation=1.8,
        thinned=-0.1,
    ),
    "colourist": Preset(
        brushwork=Brushwork(radii=(10, 5, 2.5), threshold=60, opacity=0.75, smoothing=2, division=0.3),
        bristles=Bristles(streak=0.04, dry=0.15, body=0.25),
        saturation=1.4,
    ),
    "pointillist": Preset(
        brushwork=Brushwork(
            radii=(5, 3.8, 2.8, 1.8),
            threshold=22,
            blur=0.5,
            grid=1.8,
            shortest=0,
            longest=0,
            jitter=(0, 0, 0.1, 0, 0, 0),
            mixing=2,
            division=0.5,
        ),
        bristles=Bristles(streak=0.03, dry=0, body=0.3),
        saturation=1.5,
    ),
    "oil": Preset(
        brushwork=Brushwork(radii=(16, 8, 4, 2), threshold=35, curvature=0.8, longest=20, jitter=(0.02, 0.1, 0.08, 0, 0, 0), smoothing=1.5),
        bristles=Bristles(streak=0.08, dry=0.3, body=0.4),
    ),
    "watercolour": Preset(
        brushwork=Brushwork(
            radii=(28, 14, 7, 3.5, 1.8),
            threshold=37,
            curvature=0.8,
            opacity=0.8,
            grid=1.8,
            shortest=1,
            longest=6,
            jitter=(0, 0.1, 0.05, 0, 0, 0),
            smoothing=2,
            division=0.1,
        ),
        bristles=Bristles(streak=0, dry=0, body=0, soft=0.35, ragged=0.7, rim=0.14, grain=0.25, glaze=0.7),
        relief=0,
        shine=0,
        ground=PAPER,
        saturation=1.5,
        thinned=0.18,
    ),
    "pencil": PENCIL,
    "graphite": replace(PENCIL, brushwork=replace(PENCIL.brushwork, jitter=(0, 0, 0.15, 0, 0, 0)), saturation=0),
}
