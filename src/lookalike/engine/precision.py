"""bf16 or fp32 for each player, by a measurement of a moment and not by the processor's name."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lookalike.engine.trainer import Trainer
from lookalike.sizes import shape_of

GAIN = 1.15
"""bf16 must be faster by this factor to be worth its rounding."""
LEAST = 3
"""Passes in each precision, the warm-up among them, unless bf16 has lost before."""
LOST = 1.5
"""bf16 that is slower by this factor in its first pass after the warm-up needs no third one."""


def decide(trainer: Trainer, seconds: float = 1.5) -> dict[str, str]:
    """A precision for every player of this trainer; the trainer's weights are not moved.

    It is measured on one thread: threads that wait for each other beside a busy program use the
    processor too, and what they use says nothing of either precision.

    Only players with convolutions over pictures are candidates; what cannot be run alone (it takes
    feature maps, say) stays in fp32.
    """
    wish = trainer.place.wish
    candidates = list(trainer.networks)
    if wish != "auto":
        return {player: wish for player in candidates}
    each = seconds / max(len(candidates), 1)
    chosen = {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for player in candidates:
            times = _times(trainer, player, each)
            better = times is not None and times["fp32"] > GAIN * times["bf16"]
            chosen[player] = "bf16" if better else "fp32"
    finally:
        torch.set_num_threads(threads)
    return chosen


def _times(trainer: Trainer, player: str, seconds: float) -> Mapping[str, float] | None:
    """Seconds per forward and backward pass in both precisions, or None where it cannot be run."""
    before = {n: v.clone() for n, v in trainer.networks[player].state_dict().items()}
    try:
        for inputs in (_pictures, _maps):
            try:
                return _compare(trainer, player, inputs(trainer, player), seconds)
            except (RuntimeError, TypeError, ValueError, AttributeError, IndexError, KeyError):
                continue
        return None
    finally:
        trainer.networks[player].load_state_dict(before)
        trainer.networks[player].zero_grad(set_to_none=True)


def _compare(
    trainer: Trainer, player: str, inputs: list[Any], seconds: float
) -> Mapping[str, float]:
    """The best of several passes in turn, three at least; the first pass of each is warm-up."""
    best = {"fp32": float("inf"), "bf16": float("inf")}
    begun, rounds = time.perf_counter(), 0
    while rounds < LEAST or (time.perf_counter() - begun < seconds and rounds < 6):
        for precision in best:
            spent = _once(trainer, player, precision, inputs)
            if rounds:
                best[precision] = min(best[precision], spent)
        rounds += 1
        if rounds > 1 and best["bf16"] > LOST * best["fp32"]:
            break
    return best


def _pictures(trainer: Trainer, player: str) -> list[Any]:
    """What a player of this name takes: z for G, pictures for everyone else, and labels."""
    recipe, device = trainer.recipe, trainer.place.device
    count = min(recipe.batch // recipe.micro_batches, 32)
    labels = torch.zeros(count, recipe.labels, device=device) if recipe.labels else None
    if player == "G":
        z = recipe.prior.draw(torch.Generator().manual_seed(0), count, {})
        return [z.to(device), labels]
    pictures = torch.zeros(count, recipe.channels, *shape_of(recipe.size), device=device)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    return [pictures.requires_grad_(True)] if player == "F" else [pictures, labels]


def _maps(trainer: Trainer, player: str) -> list[Any]:
    """For a player that judges feature maps: those of the frozen network F."""
    maps = trainer.networks["F"](*_pictures(trainer, "F"))
    return [[part.detach() for part in maps]]


def _once(trainer: Trainer, player: str, precision: str, inputs: list[Any]) -> float:
    # On a processor its own time counts: other work on the machine then does not decide.
    on_cpu = trainer.place.device == "cpu"
    clock = time.process_time if on_cpu else time.perf_counter
    begun = clock()
    with trainer.place.decided({player: precision}).autocast(player):
        out = trainer.networks[player](*inputs)
    total = sum((part.float().sum() for part in _tensors(out)), torch.zeros(()))
    if total.requires_grad:
        total.backward()  # type: ignore[no-untyped-call]
    if not on_cpu:  # it is only asked so far: a card works while Python goes on
        torch.accelerator.synchronize()
    return clock() - begun


def _tensors(value: object) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, list | tuple):
        return [tensor for item in value for tensor in _tensors(item)]
    return []
