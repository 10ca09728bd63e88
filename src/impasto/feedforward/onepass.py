"""Painting in one pass: a picture is looked at as a whole, and what that found is frozen; then it is painted, at once or in tiles."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from impasto.errors import ModelError, PictureError
from impasto.feedforward import names, tiles
from impasto.feedforward.names import (
    BIAS,
    CARRIED,
    COLOUR,
    DEEP,
    DETAIL,
    GRAINS,
    MARGIN,
    NOISE,
    PAINTING,
    PICTURE,
    REACH,
    SEEN,
    SHARES,
    SIGHT,
    STRIDE,
    Arrays,
    Engine,
    Floats,
)
from impasto.feedforward.tiles import TILE, Callback
from impasto.picture import scale

SMALLEST = 16  # pixels a side of a style
PIECES = 1024  # of a style, at most
FLATTEST = 1e-5  # the variance of colours below which a style has nothing to paint with
PLAINEST = 0.05  # the share of a style's mean variance that a content is taken to have at least: it would be mostly noise, amplified
OWN = 512  # pixels, the longest side at which a content is looked at as if it were a style
Moments = Mapping[str, tuple[Floats, Floats]]
"""Mean ``[1, C]`` and covariance ``[1, C, C]`` by layer."""


@dataclass(frozen=True)
class Look:
    """What a network for any style takes from a picture as a whole.

    Attributes:
        moments: of its colours and of the features at every layer.
        deep, detail: its pieces, ``[1, T, C]`` and ``[1, T, 4C']``, where it is a style.
        bias: of each piece's likelihood, ``[1, T]``.
    """

    moments: Moments
    deep: Floats
    detail: Floats
    bias: Floats


@dataclass(frozen=True)
class Seen:
    """What a network for a few styles takes from a picture as a whole: by name, the statistics of its normalisations."""

    statistics: Mapping[str, Floats]


class AnyStyle:
    """A network that paints in any style, and what it has seen of some."""

    def __init__(self, engine: Engine, styles: Sequence[tuple[float, Floats]], seed: int = 0) -> None:
        """Look at the styles.

        Args:
            engine: computes the network.
            styles: pictures ``[H, W, 3]`` in [0, 1], with shares that add up to 1.
            seed: of the noise that flat regions are painted from.

        Raises:
            PictureError: a style that is too small, or of one colour.
        """
        self.engine, self.seed = engine, seed
        for _, style in styles:
            height, width = style.shape[:2]
            if min(height, width) < SMALLEST:
                raise PictureError(f"a style of {width} x {height} pixels is too small; give one of at least {SMALLEST} x {SMALLEST}")
            if float(style.reshape(-1, 3).var(0).max()) < FLATTEST:
                raise PictureError("a style of one colour has nothing to paint with; give a picture with something on it")
        self.styles = [(share, self.look(style)) for share, style in styles]

    def look(self, picture: Floats, *, tile: int = TILE) -> Look:
        """What there is to know of a ``picture`` ``[H, W, 3]`` in [0, 1], a style or a content, looked at in tiles of ``tile`` pixels."""
        step = math.ceil(math.prod((side - 2 * MARGIN) // STRIDE for side in tiles.sides(picture)) / PIECES)
        parts: list[tuple[int, Moments]] = []
        deep: list[Floats] = []
        detail: list[Floats] = []
        for pixels, answer in self._looks(picture, tile):
            parts.append((pixels, _moments(answer)))
            for found, of_tile in zip((deep, detail), _pieces(answer), strict=True):
                found.append(of_tile[:, ::step].copy())
        count = sum(x.shape[1] for x in deep)
        bias = np.full((1, count), -np.log(count), np.float32)
        return Look(_together(parts), np.concatenate(deep, 1), np.concatenate(detail, 1), bias)

    def paint(
        self,
        content: Floats,
        own: Look | None = None,
        *,
        strength: float = 1.0,
        tile: int = TILE,
        callback: Callback = None,
    ) -> Floats:
        """Paint a picture of any size.

        Args:
            content: ``[H, W, 3]`` in [0, 1].
            own: what was seen of the content, or of the whole that it is a part of; None looks at it first.
            strength: 0 leaves the content as it is, 1 paints it wholly; in between it is painted in a style between its own and those.
            tile: pixels a side of the tiles it works in.
            callback: called after every tile with the number of those done and of all.

        Returns:
            ``[H, W, 3]`` in [0, 1].
        """
        if strength == 0:
            return content.copy()
        whole = tiles.sides(content)
        spans = tiles.tiles(whole, tile, REACH)
        features: Arrays | None = None
        if len(spans) == 1:
            tick = tiles.ticking(callback, 1)
            features = self.engine("look", {PICTURE: tiles.cut(content, spans[0], SIGHT)})
            moments = _moments(features) if own is None else own.moments
        elif own is not None:
            tick = tiles.ticking(callback, len(spans))
            moments = own.moments
        else:
            tick = tiles.ticking(callback, len(tiles.tiles(whole, tile, MARGIN)) + len(spans))
            moments = _together([(share, _moments(answer)) for share, answer in self._looks(content, tile, tick)])
        parts = [(strength * share, look) for share, look in self.styles if share]
        if strength < 1:
            parts.append((1 - strength, own or self.look(scale(content, OWN, enlarge=False))))
        told = _told(moments, parts)
        painting = np.empty_like(content)
        for one in spans:
            picture = tiles.cut(content, one)
            seen = self.engine("look", {PICTURE: tiles.cut(content, one, SIGHT)}) if features is None else features
            given = {PICTURE: picture, **{layer: seen[layer] for layer in CARRIED}, **told}
            given |= {name: _noise(one, step, whole[1], self.seed) for name, step in NOISE.items()}
            tiles.put(painting, _numbers(self.engine("paint", given)[PAINTING]), one)
            tick()
        return painting

    def _looks(self, picture: Floats, tile: int, tick: Callable[[], None] = lambda: None) -> Iterator[tuple[int, Arrays]]:
        """What is seen in each tile of a ``picture``, with the tile's number of pixels."""
        for one in tiles.tiles(tiles.sides(picture), tile, MARGIN):
            answer = self.engine("look", {PICTURE: tiles.cut(picture, one, SIGHT)})
            tick()
            # Of a tile as of a picture nothing is known of the margin.
            yield math.prod(span.last - span.first - 2 * MARGIN for span in one), answer


class FewStyles:
    """A network that paints in the styles it was trained for."""

    def __init__(self, engine: Engine, shares: Sequence[float]) -> None:
        """Paint with an ``engine`` in ``shares`` of its styles, which add up to 1."""
        self.engine = engine
        self.shares = np.array([shares], np.float32)

    def look(self, picture: Floats, *, tile: int = TILE) -> Seen:
        """What there is to know of a ``picture`` ``[H, W, 3]`` in [0, 1], which is looked at no larger than a tile, or than it is usual.

        As in URST (Chen et al. 2022, *Towards Ultra-Resolution Neural Style Transfer via Thumbnail Instance Normalization*). Statistics
        of a much smaller picture are others, and paint stripes.
        """
        return self._seen(scale(picture, max(tile, TILE), enlarge=False))[1]

    def paint(
        self,
        content: Floats,
        own: Seen | None = None,
        *,
        strength: float = 1.0,
        tile: int = TILE,
        callback: Callback = None,
    ) -> Floats:
        """Paint a picture of any size.

        Args:
            content: ``[H, W, 3]`` in [0, 1].
            own: what was seen of the content, or of the whole that it is a part of; None looks at it first.
            strength: of the painting, which is mixed with the content: 0 leaves that as it is.
            tile: pixels a side of the tiles it works in.
            callback: called after every tile with the number of those done and of all.

        Returns:
            ``[H, W, 3]`` in [0, 1].
        """
        if strength == 0:
            return content.copy()
        spans = tiles.tiles(tiles.sides(content), tile, REACH)
        tick = tiles.ticking(callback, len(spans) + (len(spans) > 1 and own is None))
        painting = np.empty_like(content)
        if len(spans) == 1 and own is None:
            tiles.put(painting, _numbers(self._seen(content)[0]), spans[0])
            tick()
        else:
            if own is None:
                own = self.look(content, tile=tile)
                tick()
            for one in spans:
                given = {PICTURE: tiles.cut(content, one), SHARES: self.shares, **own.statistics}
                tiles.put(painting, _numbers(self.engine("paint", given)[PAINTING]), one)
                tick()
        return painting if strength == 1 else cast(Floats, content + np.float32(strength) * (painting - content))

    def _seen(self, picture: Floats) -> tuple[Floats, Seen]:
        """The painting ``[1, 3, h, w]`` of a picture that is painted at once, with its margin, and what there was to know of it."""
        (one,) = tiles.tiles(tiles.sides(picture), max(tiles.sides(picture)), REACH)
        found = self.engine("look", {PICTURE: tiles.cut(picture, one), SHARES: self.shares})
        return found.pop(PAINTING), Seen(found)


OnePass = AnyStyle | FewStyles


def _moments(found: Mapping[str, Floats]) -> Moments:
    """What a look gave of each layer."""
    return {name: (found[f"{names.OF}.{name}.mean"], found[f"{names.OF}.{name}.covariance"]) for name in (COLOUR, *SEEN)}


def _pieces(found: Arrays) -> tuple[Floats, Floats]:
    """The features of relu4_1, ``[1, T, C]``, and of relu3_1 four by four, ``[1, T, 4C']``, without the margin."""
    margin = MARGIN // STRIDE
    middle, deep = (found[layer][0, :, edge:-edge, edge:-edge] for layer, edge in zip(CARRIED, (2 * margin, margin), strict=True))
    channels, height, width = middle.shape
    blocks = middle.reshape(channels, height // 2, 2, width // 2, 2).transpose(1, 3, 0, 2, 4)
    return deep.reshape(len(deep), -1).T[None], blocks.reshape(1, height // 2 * (width // 2), -1)


def _together(parts: Sequence[tuple[float, Moments]]) -> Moments:
    """The moments of all positions taken together, of which parts are known with their numbers of positions, or shares.

    Chan, Golub & LeVeque 1983, *Algorithms for computing the sample variance*, equation 2.1, over all parts at once.
    """
    if len(parts) == 1:
        return parts[0][1]
    shares = np.array([share for share, _ in parts], np.float64) / sum(share for share, _ in parts)
    found: dict[str, tuple[Floats, Floats]] = {}
    for name in parts[0][1]:
        means, spreads = (np.stack([moments[name][index][0] for _, moments in parts]).astype(np.float64) for index in (0, 1))
        mean = shares @ means
        away = means - mean
        spread = np.tensordot(shares, spreads, 1) + np.einsum("n,ni,nj->ij", shares, away, away)
        found[name] = (mean[None].astype(np.float32), spread[None].astype(np.float32))
    return found


def _told(own: Moments, styles: Sequence[tuple[float, Look]]) -> dict[str, Floats]:
    """What painting is told of the content as a whole, and of the styles."""
    style = _together([(share, look.moments) for share, look in styles])
    told: dict[str, Floats] = {}
    least = {name: _plainest(own[name], style[name]) for name in CARRIED}
    for whose, moments, layers in ((names.CONTENT, {**own, **least}, (COLOUR, *CARRIED)), (names.STYLE, style, (COLOUR, *SEEN))):
        for layer in layers:
            told |= dict(zip(names.moments(whose, layer), moments[layer], strict=True))
    told[DEEP], told[DETAIL] = (np.concatenate([getattr(look, name) for _, look in styles], 1) for name in ("deep", "detail"))
    told[BIAS] = np.concatenate([look.bias + np.float32(np.log(share)) for share, look in styles], 1)
    return told


def _plainest(own: tuple[Floats, Floats], style: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """The moments of a content's features, its ``own``, with as much variance in all directions as a share of a ``style``'s asks for."""
    mean, spread = own
    channels = spread.shape[1]
    lacking = (PLAINEST * np.trace(style[1][0]) - np.trace(spread[0])) / channels
    return mean, spread + np.float32(max(0.0, lacking)) * np.eye(channels, dtype=np.float32)


def _numbers(painting: Floats) -> Floats:
    """A ``painting``, if it is one.

    Raises:
        ModelError: it is no numbers, as of a model that lost itself in training.
    """
    if not np.isfinite(painting).all():
        raise ModelError("the model paints what are no numbers; export it again, or train it anew")
    return painting


def _noise(tile: tiles.Tile, step: int, width: int, seed: int) -> Floats:
    """The noise of a ``tile`` with ``step`` pixels between its positions, of a picture so wide: each row's is made when it is needed."""
    rows, columns = (slice(span.first // step, span.last // step) for span in tile)
    found = [
        np.random.default_rng((seed, step, row)).standard_normal((GRAINS, width // step), np.float32)
        for row in range(rows.start, rows.stop)
    ]
    return np.stack([row[:, columns] for row in found], 1)[None]
