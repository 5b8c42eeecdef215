"""bf16 or fp32 for each player, by a measurement of a moment and not by the processor's name."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor

from lookalike.engine.trainer import Trainer
from lookalike.place import Place
from lookalike.recipe import Recipe

GAIN = 1.15
"""bf16 must be faster by this factor to be worth its rounding."""


def decide(trainer: Trainer, seconds: float = 1.5) -> dict[str, str]:
    """A precision for every player of this trainer; the trainer's weights are not moved.

    Only players with convolutions over pictures are candidates; what cannot be run alone (it takes
    feature maps, say) stays in fp32.
    """
    wish = trainer.place.wish
    candidates = list(trainer.networks)
    if wish != "auto":
        return {player: wish for player in candidates}
    each = seconds / max(len(candidates), 1)
    chosen = {}
    for player in candidates:
        times = _times(trainer, player, each)
        better = times is not None and times["fp32"] > GAIN * times["bf16"]
        chosen[player] = "bf16" if better else "fp32"
    return chosen


def _times(trainer: Trainer, player: str, seconds: float) -> Mapping[str, float] | None:
    """Seconds per forward and backward pass in both precisions, or None where it cannot be run."""
    inputs = _inputs(trainer.recipe, player, trainer.place)
    best = {"fp32": float("inf"), "bf16": float("inf")}
    begun = time.perf_counter()
    kept = {n: v.clone() for n, v in trainer.networks[player].state_dict().items()}
    rounds = 0
    try:
        while rounds < 2 or (time.perf_counter() - begun < seconds and rounds < 6):
            for precision in best:
                spent = _once(trainer, player, precision, inputs)
                if rounds:
                    best[precision] = min(best[precision], spent)
            rounds += 1
    except (RuntimeError, TypeError, ValueError, AttributeError, IndexError):
        return None
    finally:
        trainer.networks[player].load_state_dict(kept)
        trainer.networks[player].zero_grad(set_to_none=True)
    return best


def _inputs(recipe: Recipe, player: str, place: Place) -> list[Tensor | None]:
    count = min(recipe.batch, 32)
    labels = torch.zeros(count, recipe.labels) if recipe.labels else None
    if player == "G":
        first = recipe.prior.draw(torch.Generator().manual_seed(0), count, {})
    else:
        first = torch.zeros(count, recipe.channels, recipe.size, recipe.size)
        first = first.contiguous(memory_format=torch.channels_last)
    if player == "F":
        first.requires_grad_(True)
        return [first.to(place.device)]
    return [first.to(place.device), None if labels is None else labels.to(place.device)]


def _once(trainer: Trainer, player: str, precision: str, inputs: list[Tensor | None]) -> float:
    begun = time.perf_counter()
    with trainer.place.decided({player: precision}).autocast(player):
        out = trainer.networks[player](*inputs)
    total = sum((part.float().sum() for part in _tensors(out)), torch.zeros(()))
    if total.requires_grad:
        total.backward()  # type: ignore[no-untyped-call]
    return time.perf_counter() - begun


def _tensors(value: object) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, list | tuple):
        return [tensor for item in value for tensor in _tensors(item)]
    return []
