"""How close a painting is to its content and to its style, in figures."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import linalg, ndimage
from scipy.stats import qmc, wasserstein_distance
from skimage import color, filters
from skimage.metrics import structural_similarity
from torch import Tensor

from impasto.encoders import Encoder
from impasto.errors import PictureError
from impasto.losses.gram import gram
from impasto.losses.term import energy, squared_error

# As in Gatys et al. 2016, section 3, and in our default method.
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"
SIFID_LAYER = "relu3_1"  # ours: strokes, rather than pixels or objects

LUMA = np.array([0.299, 0.587, 0.114])  # Rec. 601
DIRECTIONS = 32  # along which colours are compared
COLOURS = 2**14  # pixels whose colours are compared, at most; see colour_distance
FLAT = 1e-4  # a fortieth of a step of 8 bits: the mean |Laplacian| below which a picture has no grain
WINDOW = 7  # of SSIM, in pixels
STEEPEST = math.sqrt(5 / 8)  # scikit-image's Sobel magnitude where one column is white, one black, and the one between half of each

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """A figure that a painting is scored by.

    Attributes:
        title: what a table calls it.
        meaning: one line about what it compares.
        ideal: what it is for a perfect result; the nearer, the better.
    """

    title: str
    meaning: str
    ideal: float


MEASURES: Mapping[str, Measure] = {
    "style": Measure("style distance", "Gram matrices against the style's, relative squared error, mean over layers", 0),
    "sifid": Measure("SIFID", "Fréchet distance of the features at one layer from the style's (Shaham et al. 2019)", 0),
    "colour": Measure("colour distance", "sliced Wasserstein distance of the colours from the style's, in CIELAB units", 0),
    "grain": Measure("grain", "mean |Laplacian| of the luminance over the style's", 1),
    "content": Measure("content distance", "features against the content's, relative squared error", 0),
    "ssim": Measure("SSIM", "structural similarity of the luminance to the content's", 1),
    "edges": Measure("SSIM of edges", "structural similarity of the luminance's gradients to the content's", 1),
    "deception": Measure("deception rate", "how often a classifier takes the painting for the artist's (Sanakoyeu et al. 2018)", 1),
    "seconds": Measure("seconds", "to paint it, without reading files and weights", 0),
}
"""Every figure by its name, in the order of tables. The first four look at the style, the next three at the content."""


@dataclass(frozen=True)
class Scored:
    """A painting and its scores.

    Attributes:
        result: the painting's file.
        content, style: what it was painted from.
        method: what painted it; "" where that isn't known.
        scores: by names out of :data:`MEASURES`, in their order; those that weren't asked for are left out.
        taken_for: the class a classifier took it for; "" without one.
    """

    result: Path
    content: Path
    style: Path
    method: str
    scores: Mapping[str, float]
    taken_for: str = ""


def style_distance(result: Mapping[str, Tensor], style: Mapping[str, Tensor]) -> float:
    """``mean over layers of Σ (G - A)² / Σ A²``, of the Gram matrices G and A (after Gatys et al. 2016, equations 3 to 5).

    The matrices are averaged over positions, and every layer counts the same, however strong its activations are.

    Args:
        result: the result's features, ``{layer: [1, C, h, w]}``.
        style: the style's at the same layers, of any height and width.

    Returns:
        0 and above: 0 for equal matrices, 1 for a result without any features. Finite, if large, for a style without any.
    """
    errors = []
    for layer, features in style.items():
        target = gram(features)
        errors.append(float(squared_error(gram(result[layer]), target)) / float(energy(target)))
    return sum(errors) / len(errors)


def content_distance(result: Tensor, content: Tensor) -> float:
    """``|F - P|² / |P|²``, of the features F and P at one layer (after Gatys et al. 2016, equation 1).

    Args:
        result: F, ``[1, C, h, w]``.
        content: P, of the same shape.

    Returns:
        0 and above: 0 for equal features, 1 for a result without any. Finite, if large, for a content without any.
    """
    return float(squared_error(result, content)) / float(energy(content))


def sifid(result: Tensor, style: Tensor) -> float:
    """``|μ₁ - μ₂|² + tr(C₁ + C₂ - 2 (C₁ C₂)^½)``: the Fréchet distance of two pictures' features at one layer.

    Heusel et al. 2017 (*GANs Trained by a Two Time-Scale Update Rule*, equation 6) compare two sets of pictures; Shaham et al.
    2019 (*SinGAN*) compare the positions of one picture with those of another, whose means are μ and whose
    covariances C. They look at a layer of Inception; figures from another network's layer are on another scale.

    Args:
        result: its features, ``[1, C, h, w]``.
        style: the style's at the same layer, of any height and width, even with fewer positions than channels.

    Returns:
        0 and above, in the features' unit squared.
    """
    (mean, root), (other_mean, other_root) = _spread(result), _spread(style)
    # With C = Rᵀ R, the singular values of R₁ R₂ᵀ are the roots of the eigenvalues of C₁ C₂. No matrix needs a root, and
    # none need have full rank.
    common = np.linalg.norm(root @ other_root.T, "nuc")
    distance = np.square(mean - other_mean).sum() + np.square(root).sum() + np.square(other_root).sum() - 2 * common
    return max(0.0, float(distance))


def colour_distance(result: Tensor, style: Tensor) -> float:
    """``mean over directions θ of W₁(θ · colours, θ · style's colours)``: the sliced Wasserstein distance, in CIELAB.

    That is how far colours have to move to become the style's, along an average line (Rabin et al. 2011, *Wasserstein Barycenter
    and its Application to Texture Mixing*; Bonneel et al. 2015). Where all have to go the same way, it is half that way, to 4 %.
    The lines are always the same, evenly spread. Of a picture with more than 2¹⁴ pixels, that many are looked at: those that the
    points of a Halton sequence fall on, which are as evenly spread as a grid's, but fall in with no pattern. Pixels are never
    averaged, as that would make new colours.

    Args:
        result: ``[1, 3, H, W]``, sRGB in [0, 1].
        style: the same, of any height and width.

    Returns:
        0 and above, in units of CIELAB.
    """
    colours, wanted = _colours(result), _colours(style)
    return float(np.mean([wasserstein_distance(colours @ line, wanted @ line) for line in _directions(DIRECTIONS)]))


def grain(result: Tensor, style: Tensor) -> float:
    """``mean |ΔY| / mean |ΔY| of the style``, Δ being the Laplacian of four neighbours and Y the luminance.

    Well above 1 is noise from pixel to pixel that the style doesn't have; below 1 is a result smoother than the style. Beyond
    the border, pixels repeat. A mean below :data:`FLAT` counts as :data:`FLAT`.

    Args:
        result: ``[1, 3, H, W]``, sRGB in [0, 1].
        style: the same, of any height and width.

    Returns:
        From 0 up: 1 for two flat pictures; finite, if large, for a style that alone is flat.
    """
    found, wanted = (max(FLAT, float(np.abs(ndimage.laplace(luminance(picture), mode="nearest")).mean())) for picture in (result, style))
    return found / wanted


def ssim(result: Tensor, content: Tensor) -> float:
    """``mean of (2 μ₁μ₂ + c₁) (2 σ₁₂ + c₂) / ((μ₁² + μ₂² + c₁) (σ₁² + σ₂² + c₂))`` over windows of the luminance.

    Structural similarity (Wang et al. 2004, *Image Quality Assessment*, equation 13), by scikit-image: flat windows of 7 × 7
    pixels, ``c₁ = 0.01²``, ``c₂ = 0.03²``.

    Args:
        result: ``[1, 3, H, W]``, sRGB in [0, 1].
        content: the same, of the same height and width.

    Returns:
        -1 … 1, 1 for equal luminance.

    Raises:
        PictureError: pictures smaller than a window.
    """
    return _similarity(luminance(result), luminance(content), 1.0)


def edge_ssim(result: Tensor, content: Tensor) -> float:
    """:func:`ssim` of how steep the luminance is, ``√((S_x² + S_y²) / 2)`` by Sobel, in place of the luminance itself.

    It looks for the content's edges, whichever side of them is bright now (after Chen et al. 2006, *Gradient-based Structural
    Similarity*). ``c₁ = (0.01 L)²`` and ``c₂ = (0.03 L)²``, where L = √(5/8) is as steep as a picture can be: a range taken from
    the content would make the figures of two contents hard to compare, and would be 0 for a flat one.

    Args:
        result: ``[1, 3, H, W]``, sRGB in [0, 1].
        content: the same, of the same height and width.

    Returns:
        -1 … 1, 1 for equal edges.

    Raises:
        PictureError: pictures smaller than a window.
    """
    return _similarity(filters.sobel(luminance(result)), filters.sobel(luminance(content)), STEEPEST)  # type: ignore[no-untyped-call]


def luminance(picture: Tensor) -> Floats:
    """Rec. 601's luma, ``0.299 R + 0.587 G + 0.114 B``, of a picture ``[1, 3, H, W]``: ``[H, W]`` in [0, 1]."""
    values: Floats = np.tensordot(LUMA, _numbers(picture)[0], axes=1)
    return values


class Judge:
    """Scores paintings by all of :data:`MEASURES` that need nothing but an encoder and the pictures.

    Scores by one encoder are comparable with each other, not with another's. A painting that was optimised against the very
    network that judges it scores too well.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        style_layers: tuple[str, ...] = STYLE_LAYERS,
        content_layer: str = CONTENT_LAYER,
        sifid_layer: str = SIFID_LAYER,
    ) -> None:
        """Choose what to look at.

        Args:
            encoder: whose features are compared, on whichever device it is.
            style_layers: the layers of :func:`style_distance`, at least one.
            content_layer: the layer of :func:`content_distance`.
            sifid_layer: the layer of :func:`sifid`.
        """
        self.encoder = encoder
        self.style_layers, self.content_layer, self.sifid_layer = style_layers, content_layer, sifid_layer

    @torch.no_grad()
    def __call__(self, result: Tensor, content: Tensor, style: Tensor) -> dict[str, float]:
        """Score one painting.

        Args:
            result: float32 ``[1, 3, H, W]``, sRGB in [0, 1].
            content: the same, of the same height and width.
            style: the same, of any height and width.

        Returns:
            Finite scores by names out of :data:`MEASURES`, in their order, without ``deception`` and ``seconds``.

        Raises:
            PictureError: a result smaller than 7 x 7 pixels.
            EncoderError: an encoder that ends before one of the layers.
        """
        of_style = {*self.style_layers, self.sifid_layer}
        painted = self._features(result, of_style | {self.content_layer})
        wanted = self._features(style, of_style)
        return {
            "style": style_distance(painted, {layer: wanted[layer] for layer in self.style_layers}),
            "sifid": sifid(painted[self.sifid_layer], wanted[self.sifid_layer]),
            "colour": colour_distance(result, style),
            "grain": grain(result, style),
            "content": content_distance(painted[self.content_layer], self._features(content, {self.content_layer})[self.content_layer]),
            "ssim": ssim(result, content),
            "edges": edge_ssim(result, content),
        }

    def _features(self, picture: Tensor, layers: set[str]) -> dict[str, Tensor]:
        features: dict[str, Tensor] = self.encoder(picture.to(self.encoder.mean.device), layers)
        return features


def _numbers(values: Tensor) -> Floats:
    """The same in float64, on the CPU."""
    numbers: Floats = values.detach().cpu().double().numpy()
    return numbers


def _spread(features: Tensor) -> tuple[Floats, Floats]:
    """The mean μ ``[C]`` of features over positions, and an R ``[at most C, C]`` with ``Rᵀ R`` their covariance."""
    rows = _numbers(features)[0].reshape(features.shape[1], -1).T
    mean: Floats = rows.mean(axis=0)
    # Of one position alone the covariance is 0.
    (root,) = linalg.qr((rows - mean) / math.sqrt(max(1, len(rows) - 1)), mode="r")
    return mean, root[: len(mean)]


def _colours(picture: Tensor) -> Floats:
    """The CIELAB colours ``[n, 3]`` of all pixels, or of :data:`COLOURS` evenly spread ones."""
    pixels = np.moveaxis(_numbers(picture)[0], 0, -1)
    height, width = pixels.shape[:2]
    if height * width <= COLOURS:
        chosen = pixels.reshape(-1, 3)
    else:
        rows, columns = (qmc.Halton(2, scramble=False).random(COLOURS) * (height, width)).astype(int).T
        chosen = pixels[rows, columns]
    colours: Floats = color.rgb2lab(chosen)
    return colours


def _directions(count: int) -> Floats:
    """``[count, 3]`` unit vectors, evenly spread over half a sphere, lightness upward: a Fibonacci lattice."""
    up = (np.arange(count) + 0.5) / count
    across, angle = np.sqrt(1 - up**2), np.arange(count) * math.pi * (3 - math.sqrt(5))
    return np.stack([up, across * np.cos(angle), across * np.sin(angle)], axis=1)


def _similarity(found: Floats, wanted: Floats, values: float) -> float:
    """SSIM of two ``[H, W]`` with a range of ``values``."""
    height, width = wanted.shape
    if min(height, width) < WINDOW:
        raise PictureError(f"a picture of {width} x {height} pixels is too small to compare; give one of at least {WINDOW} x {WINDOW}")
    return float(structural_similarity(found, wanted, win_size=WINDOW, data_range=values))  # type: ignore[no-untyped-call]
