"""The Wasserstein-2 distance between Gaussians with the moments of the canvas's and of the style's features."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from impasto.losses.gram import gram
from impasto.losses.term import Encode, Features, Term, promote, squared_error

_DISTANCES = {
    "full": r"|\mu - \mu_s|^2 + \mathrm{tr}\left(\Sigma + \Sigma_s - 2 (\Sigma_s^{1/2} \Sigma \Sigma_s^{1/2})^{1/2}\right)",
    "diagonal": r"|\mu - \mu_s|^2 + |\sigma - \sigma_s|^2",
}


@dataclass(frozen=True, kw_only=True)
class Moments(Term):
    """The squared Wasserstein-2 distance between two Gaussians, with the means μ and covariances Σ of features.

    ``|μ - μ_s|² + tr(Σ + Σ_s - 2 (Σ_s^½ Σ Σ_s^½)^½)`` (Olkin & Pukelsheim 1982, *The Distance between Two Random
    Vectors with Given Dispersion Matrices*; of the features of textures: Vacher et al. 2020, *Texture Interpolation for
    Probing Visual Perception*). It is the least work of moving one cloud of features onto the other, so it grows with the
    square of the features, where a Gram matrix's error grows with the fourth power. Its gradient with respect to Σ is
    ``I - Σ_s^½ (Σ_s^½ Σ Σ_s^½)^-½ Σ_s^½``.

    Attributes:
        covariance: ``full`` is the above; ``diagonal`` takes channels one by one, ``|μ - μ_s|² + |σ - σ_s|²`` with their
            standard deviations σ, which is cheaper (Li et al. 2017, *Demystifying Neural Style Transfer*, on batch
            normalisation).
        scale: ``sum`` is the distance itself; ``relative`` divides it by ``tr(Σ_s) + |μ_s|²``, the mean energy of the
            style's features, so that one weight holds for every layer and encoder.
    """

    covariance: Literal["full", "diagonal"] = "full"
    scale: Literal["relative", "sum"] = "relative"
    name: ClassVar[str] = "moments"
    role: ClassVar[str] = "style"
    source: ClassVar[Literal["content", "style"] | None] = "style"

    @property
    def formula(self) -> str:
        """See :attr:`Term.formula`."""
        distance = _DISTANCES[self.covariance]
        return rf"\frac{{{distance}}}{{\mathrm{{tr}}(\Sigma_s) + |\mu_s|^2}}" if self.scale == "relative" else distance

    def target(self, picture: Tensor, encode: Encode) -> Features:
        """See :meth:`Term.target`: the style's moments.

        Returns:
            For each layer the mean ``{layer + " mean": [1, C, 1, 1]}`` and ``{layer + " root": …}``, the square root
            ``[C, C]`` of the covariance, or where that is diagonal the standard deviations ``[C]``.
        """
        target = {}
        for layer, x in encode(picture, self.layers).items():
            target[f"{layer} mean"], centred = _centred(x)
            if self.covariance == "diagonal":
                target[f"{layer} root"] = _deviation(centred)
            else:
                covariance = double(gram(centred)[0])
                covariance, noise = _blurred(covariance, covariance.trace(), torch.finfo(centred.dtype).eps)
                values, vectors = torch.linalg.eigh(covariance)
                target[f"{layer} root"] = vectors * values.clamp_min(noise).sqrt() @ vectors.mT
        return target

    def __call__(self, canvas: Tensor, features: Features, target: Features) -> Tensor:
        """See :meth:`Term.__call__`."""

        def loss(layer: str) -> Tensor:
            mean, centred = _centred(features[layer])
            style, root = target[f"{layer} mean"], target[f"{layer} root"]
            variance = root.square().sum()
            if self.covariance == "diagonal":
                spread = squared_error(_deviation(centred), root)
            else:
                covariance, noise = _blurred(double(gram(centred)[0]), variance, torch.finfo(mean.dtype).eps)
                # A canvas that ran away is the solver's to notice, in the total; eigenvalues would raise.
                common = torch.linalg.eigvalsh((root @ covariance @ root).nan_to_num(0, 0, 0))
                spread = covariance.trace() + variance - 2 * common.clamp_min(noise.square()).sqrt().sum()
            error = squared_error(mean, style) + spread.to(mean)
            if self.scale == "relative":
                return error / (style.square().sum() + variance.to(mean)).clamp_min(1e-12)
            return error

        return self.over_layers(loss)


def _centred(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean ``[1, C, 1, 1]`` of features ``[1, C, h, w]``, and their distances from it; both in float32 or better."""
    features = features.to(promote(features))
    mean = features.mean(dim=(2, 3), keepdim=True)
    return mean, features - mean


def _deviation(centred: Tensor) -> Tensor:
    """The standard deviations ``[C]`` of features ``[1, C, h, w]`` with mean 0; never 0, where they have no slope."""
    return centred.square().mean(dim=(0, 2, 3)).clamp_min(1e-12).sqrt()


def double(values: Tensor) -> Tensor:
    """The ``values`` in float64, as a product of covariances spans twice as many digits; Apple's GPUs leave that to the processor."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def _blurred(covariance: Tensor, energy: Tensor, rounding: float) -> tuple[Tensor, Tensor]:
    """The covariance with independent noise in each channel, and the noise's variance, the rounding error of ``energy``.

    The distance between two covariances with the same noise is 0 where they agree, as it should be, and has a slope where
    the canvas doesn't vary at all: with fewer positions than channels there are always such directions.
    """
    noise = (energy * rounding).clamp_min(1e-15)
    return covariance + noise * torch.eye(len(covariance)).to(covariance), noise
