"""Players and how to build them: a plan is frozen settings, a network is a torch module.

The conventions that every network keeps:

* a generator: ``forward(z [N, Z], labels [N, L] | None) -> [N, C, H, W]`` in [-1, 1];
* a discriminator: ``forward(x [N, C, H, W], labels) -> logits [N]`` or ``[N, heads]``; where it
  also has a parameter ``describe``, True gives ``(logits, features [N, F], ...)``;
* an encoder: ``forward(x, labels) -> (mean [N, Z], log variance [N, Z])``;
* a frozen network keeps its weights in non-persistent buffers: it has no parameters and no state.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn

from lookalike.sizes import shape_of


@dataclass(frozen=True)
class Frame:
    """What a network must fit: pictures ``[C, H, W]`` of this size and labels ``[labels]``."""

    size: int
    channels: int = 3
    labels: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return shape_of(self.size)


class NetworkPlan(ABC):
    """Frozen settings that know how to build one network. Final classes are frozen dataclasses."""

    @abstractmethod
    def build(self, frame: Frame) -> nn.Module:
        """A new network with fresh weights drawn from torch's global generator.

        Raises:
            RecipeError: the frame is one that this network cannot serve.
        """


class Invertible(ABC):
    """The plan of a player that tells from which z a picture would be drawn."""

    @abstractmethod
    def read(self, network: nn.Module, pictures: Tensor, labels: Tensor | None) -> Tensor:
        """Pictures ``[N, C, S, S]`` in [-1, 1] -> z ``[N, Z]``.

        Where fewer columns are given they are the last ones of z, its codes as the network tells
        them: logits of every category, then values.
        """


class InnerLatent(ABC):
    """The plan of a generator whose pictures are edited in a latent inside of it, not in z.

    What :class:`Invertible` reads is then this latent.
    """

    @abstractmethod
    def latent(self, network: nn.Module, z: Tensor, labels: Tensor | None) -> Tensor:
        """z ``[N, Z]`` -> the latent ``[N, W]``."""

    @abstractmethod
    def draw(self, network: nn.Module, latent: Tensor, labels: Tensor | None) -> Tensor:
        """The latent ``[N, W]`` -> pictures ``[N, C, S, S]``."""


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


def describes(network: nn.Module) -> bool:
    """Whether the forward pass has a parameter ``describe``, behind wrappers of one network."""
    while isinstance(inside := getattr(network, "network", None), nn.Module):
        network = inside
    return "describe" in inspect.signature(network.forward).parameters


def sees_colors_only(network: nn.Module) -> bool:
    """Whether what it is given loses its alpha, if it has any; the network says so itself."""
    return bool(getattr(network, "colors_only", False))


def weighted_layers(network: nn.Module) -> list[nn.Module]:
    """The layers that hold trained weights (not norms), in the order of their registration."""
    layers = []
    for module in network.modules():
        weight = getattr(module, "weight", None)
        direct = "weight" in module._parameters or hasattr(module, "parametrizations")
        if direct and isinstance(weight, Tensor) and weight.ndim > 1:
            layers.append(module)
    return layers


@contextmanager
def last_layer_inputs(network: nn.Module) -> Iterator[list[Tensor]]:
    """Inside, each pass of ``network`` leaves what its last layer is given, ``[N, F]``.

    Maps are averaged over their places.
    """
    last: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        last[:] = [inputs[0].mean((2, 3)) if inputs[0].ndim == 4 else inputs[0].flatten(1)]

    hooks = [layer.register_forward_pre_hook(keep) for layer in weighted_layers(network)]
    try:
        yield last
    finally:
        for hook in hooks:
            hook.remove()
