"""Players and how to build them: a plan is frozen settings, a network is a torch module.

The conventions that every network keeps:

* a generator: ``forward(z [N, Z], labels [N, L] | None) -> [N, C, S, S]`` in [-1, 1];
* a discriminator: ``forward(x [N, C, S, S], labels) -> logits [N]`` or ``[N, heads]``;
* an encoder: ``forward(x, labels) -> (mean [N, Z], log variance [N, Z])``;
* a frozen network keeps its weights in non-persistent buffers: it has no parameters and no state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Frame:
    """What a network must fit: pictures ``[C, size, size]`` and label vectors ``[labels]``."""

    size: int
    channels: int = 3
    labels: int = 0


class NetworkPlan(ABC):
    """Frozen settings that know how to build one network. Final classes are frozen dataclasses."""

    @abstractmethod
    def build(self, frame: Frame) -> nn.Module:
        """A new network with fresh weights drawn from torch's global generator.

        Raises:
            RecipeError: the frame is one that this network cannot serve.
        """


class Networks(nn.ModuleDict):
    """The players of one game by name: always "G"; "D", "E", "N" ... as the variant needs."""

    @classmethod
    def build(cls, plans: Mapping[str, NetworkPlan], frame: Frame) -> Networks:
        """Build every player, in the order in which the recipe names them."""
        return cls({player: plan.build(frame) for player, plan in plans.items()})

    @contextmanager
    def only(self, *players: str) -> Iterator[None]:
        """Gradients reach the weights of these players alone; what was set before is restored."""
        before = [(weight, weight.requires_grad) for weight in self.parameters()]
        for name, network in self.items():
            for weight in network.parameters():
                weight.requires_grad_(name in players)
        try:
            yield
        finally:
            for weight, wanted in before:
                weight.requires_grad_(wanted)
