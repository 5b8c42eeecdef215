"""Warm start: weights that networks begin with instead of random ones (transfer learning).

A generator that has learned to draw other pictures needs fewer steps, and fewer pictures, to learn
to draw new ones (Wang et al. 2018, "Transferring GANs"). The package holds weights of small
networks for this; how each file was made, from which pictures and under which licences, is in
``weights/README.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from lookalike.errors import RecipeError
from lookalike.parts.networks.base import Frame, Networks
from lookalike.sizes import square_of

FOLDER = Path(__file__).parents[2] / "weights"


def file_of(name: str, size: int) -> Path | None:
    """The file of this name for this side, or for the largest one below where there is none."""
    paths = FOLDER.glob(f"{name}-*.safetensors")
    files = {int(path.stem.rpartition("-")[2]): path for path in paths}
    fitting = [side for side in files if side <= size]
    return files[max(fitting)] if fitting else None


def fitted(saved: Tensor, own: Tensor) -> Tensor | None:
    """``saved`` in the shape of ``own``, or None where it cannot be brought into it.

    Colors become grey: three inputs are summed, three outputs averaged. Where colors get alpha, a
    fourth input has no weight in the beginning, and a fourth output the weights that it has. A
    layer that also takes labels keeps its own weights for those, which are its last inputs.
    """
    saved = saved.to(own.dtype)
    if saved.shape == own.shape:
        return saved
    if saved.ndim != own.ndim or saved.ndim == 0:
        return None
    if saved.shape[0] == 3 and own.shape[0] == 1 and saved.shape[1:] == own.shape[1:]:
        return saved.mean(0, keepdim=True)
    if saved.shape[0] == 3 and own.shape[0] == 4 and saved.shape[1:] == own.shape[1:]:
        return torch.cat([saved, own[3:]])
    if saved.ndim < 2 or saved.shape[0] != own.shape[0] or saved.shape[2:] != own.shape[2:]:
        return None
    if saved.shape[1] == 3 and own.shape[1] == 1:
        return saved.sum(1, keepdim=True)
    if saved.shape[1] == 3 and own.shape[1] == 4 and saved.ndim == 4:
        return torch.cat([saved, torch.zeros_like(own[:, 3:])], 1)
    if saved.shape[1] < own.shape[1] and saved.ndim == 2:
        return torch.cat([saved, own[:, saved.shape[1] :]], 1)
    return None


@runtime_checkable
class OfSquare(Protocol):
    """A network that may draw or see rectangles, and knows where places of squares lie in them."""

    def of_square(self, name: str, saved: Tensor) -> Tensor:
        """A saved weight of the network for squares as this one has it; its own as it is."""


@dataclass(frozen=True, kw_only=True)
class WarmStart:
    """The named weights of the package, for these players.

    Tensors that fit by name and shape are taken; the others stay as they were drawn. So a generator
    of a larger side takes over its coarse stages, and one of another width little or nothing. The
    players in ``whole`` are taken over entirely or not at all. ``size`` is the side of the networks
    where it is not the frame's, and ``inside`` the name under which a player holds such a network
    as a part of its own; other players are such networks themselves.
    """

    name: str = "drawings"
    players: tuple[str, ...] = ("G", "E", "D")
    whole: tuple[str, ...] = ("D",)
    size: int | None = None
    inside: str = ""

    def __post_init__(self) -> None:
        if not any(FOLDER.glob(f"{self.name}-*.safetensors")):
            known = sorted({path.stem.rpartition("-")[0] for path in FOLDER.glob("*.safetensors")})
            raise RecipeError(
                f"There are no weights {self.name!r} to begin with. There are: {', '.join(known)}. "
                "'none' begins with random weights, 'auto' with what fits the side."
            )

    def complete(self, size: int) -> bool:
        """Whether there are weights of networks for exactly this side, or as many doublings."""
        return (FOLDER / f"{self.name}-{square_of(size)}.safetensors").is_file()

    def put(self, networks: Networks, frame: Frame) -> dict[str, float]:
        """Write the weights into the networks; the share of each player's that was taken."""
        from safetensors.torch import load_file

        file = file_of(self.name, self.size or square_of(frame.size))
        saved = load_file(file) if file else {}
        return {
            player: put(
                saved, self._part(networks[player]), f"{player}.", whole=player in self.whole
            )
            for player in self.players
        }

    def _part(self, network: nn.Module) -> nn.Module:
        part = getattr(network, self.inside, None) if self.inside else None
        return part if isinstance(part, nn.Module) else network


def difference(saved: Mapping[str, Tensor], network: nn.Module, prefix: str = "") -> str:
    """Where saved weights are those of another network, in words; empty where they are of this."""
    own = {prefix + name: tuple(value.shape) for name, value in network.state_dict().items()}
    there = {name: tuple(saved[name].shape) for name in saved if name.startswith(prefix)}
    names = (name for name in {**own, **there} if own.get(name) != there.get(name))
    return next((f"{n}: {there.get(n)} there, {own.get(n)} here" for n in names), "")


@torch.no_grad()
def put(
    saved: Mapping[str, Tensor], network: nn.Module, prefix: str = "", *, whole: bool = False
) -> float:
    """Write what fits into one network; the share of its numbers that was taken.

    With ``whole`` nothing is written unless everything fits.
    """
    own = network.state_dict()
    there = {name: saved[prefix + name] for name in own if prefix + name in saved}
    if isinstance(network, OfSquare):
        there = {name: network.of_square(name, weight) for name, weight in there.items()}
    fitting = {
        name: weight
        for name, value in there.items()
        if (weight := fitted(value, own[name])) is not None
    }
    if whole and len(fitting) < len(own):
        return 0.0
    for name, weight in fitting.items():
        own[name].copy_(weight)
    taken = sum(weight.numel() for weight in fitting.values())
    every = sum(weight.numel() for weight in own.values())
    return float(taken / max(1, every))
