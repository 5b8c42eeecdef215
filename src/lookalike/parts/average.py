"""The moving average of a network, with a half-life in images.

Float buffers (batch statistics) are averaged like weights; integer buffers are copied, since the
average of a counter means nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Average:
    """A second copy of a network that follows the first one slowly.

    ``ramp`` shortens the half-life early in a run to this share of the images seen, so that the
    average forgets the noise of the first steps (Karras et al. 2020, EMA ramp-up).
    """

    def __init__(self, network: nn.Module, ramp: float = 0.05) -> None:
        self.ramp = ramp
        self.state: dict[str, Tensor] = {
            name: value.detach().clone() for name, value in network.state_dict().items()
        }

    @torch.no_grad()
    def follow(self, network: nn.Module, half_life: float, images: int, seen: int) -> None:
        """Move towards the network after a step of ``images`` pictures; ``seen`` counts them all."""
        half = min(half_life, self.ramp * seen) if self.ramp > 0 else half_life
        keep = 0.5 ** (images / max(half, 1e-8))
        mine, theirs = [], []
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                mine.append(self.state[name])
                theirs.append(value.detach())
            else:
                self.state[name].copy_(value)
        torch._foreach_lerp_(mine, theirs, 1 - keep)

    def load(self, state: dict[str, Tensor]) -> None:
        """Take over a saved average, in place."""
        for name, value in self.state.items():
            value.copy_(state[name])
