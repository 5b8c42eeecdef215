"""The moving average of a network, with a half-life in images.

Float buffers (batch statistics) are averaged like weights; integer buffers are copied, since the
average of a counter means nothing.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class WeightAverage:
    """A second copy of a network (``.network``, in evaluation mode) that follows the first slowly.

    ``ramp`` shortens the half-life early in a run to this share of the images seen, so that the
    average forgets the noise of the first steps (Karras et al. 2020, EMA ramp-up).
    """

    def __init__(self, network: nn.Module, ramp: float = 0.05) -> None:
        self.ramp = ramp
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        pairs = list(zip(self._state(self.network), self._state(network), strict=True))
        self._moving = [(mine, own) for mine, own in pairs if mine.dtype.is_floating_point]
        self._copied = [(mine, own) for mine, own in pairs if not mine.dtype.is_floating_point]

    @staticmethod
    def _state(network: nn.Module) -> list[Tensor]:
        return [value.detach() for value in network.state_dict().values()]

    @torch.no_grad()
    def follow(self, half_life: float, images: int, seen: int) -> None:
        """Move after a step of ``images`` pictures; ``seen`` counts all of the run's so far.

        The weights are looked up once, so the networks must be updated in place (optimizers and
        ``load_state_dict`` are).
        """
        half = min(half_life, self.ramp * seen) if self.ramp > 0 else half_life
        keep = 0.5 ** (images / max(half, 1e-8))
        torch._foreach_lerp_(
            [mine for mine, _ in self._moving], [own for _, own in self._moving], 1 - keep
        )
        for mine, own in self._copied:
            mine.copy_(own)
