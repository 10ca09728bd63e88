"""What moves a network's weights: Muon, which trains small networks several times faster than Adam, and a schedule."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

WARM_UP = 50  # steps until rates are at their highest


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


class Optimisers(tuple[torch.optim.Optimizer, ...]):
    """Optimisers that move together, each from 0 to the rate it was made with, where it stays, and down to 0 again."""

    __slots__ = ()

    def move(self, step: int, steps: int, *, fall: float = 0.5) -> None:
        """Follow the gradients.

        Args:
            step: which, counted from 0.
            steps: of the whole training.
            fall: the share of them over which rates fall.
        """
        share = min(1, (step + 1) / WARM_UP, (1 - step / steps) / fall)
        for optimiser in self:
            optimiser.param_groups[0]["lr"] = optimiser.defaults["lr"] * share
            optimiser.step()

    def state(self) -> list[dict[str, Any]]:
        """All that :meth:`restore` needs."""
        return [optimiser.state_dict() for optimiser in self]

    def restore(self, state: Sequence[dict[str, Any]]) -> None:
        """Be as when ``state`` was taken."""
        for optimiser, saved in zip(self, state, strict=True):
            optimiser.load_state_dict(saved)
