"""Muon: momentum whose updates are orthogonalised, which trains small networks several times faster than Adam."""

from collections.abc import Iterable

import torch
from torch import nn


class Muon(torch.optim.Optimizer):
    """Momentum with orthogonal updates, found by Newton-Schulz iterations (Jordan et al. 2024, *Muon*).

    ``torch.optim.Muon`` takes matrices only; here a convolution's weight ``[out, in, h, w]`` is the matrix ``[out, in·h·w]``.
    ``lr`` is the spectral norm of an update of a matrix that isn't higher than wide.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every parameter along its orthogonalised momentum; there is no ``closure``."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                momentum.lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(momentum, group["momentum"]).flatten(1)
                tall = update.shape[0] > update.shape[1]
                x = update.T if tall else update
                x = x / (x.norm() + 1e-12)
                for _ in range(5):
                    a = x @ x.T
                    x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
                update = x.T if tall else x
                parameter.sub_(update.reshape(parameter.shape) * group["lr"] * max(1, update.shape[0] / update.shape[1]) ** 0.5)
