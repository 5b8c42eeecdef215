"""The state of a training as a tree of tensors and plain values, and back into a trainer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor

from lookalike.engine.sampler import Sampler
from lookalike.engine.trainer import Setback, Trainer
from lookalike.errors import CheckpointError
from lookalike.parts.training import optimizers
from lookalike.parts.training.schedules import Clock
from lookalike.parts.training.warm_start import put


def training_state(trainer: Trainer) -> dict[str, Any]:
    """Everything that decides what comes next."""
    setbacks = [asdict(setback) for setback in trainer.setbacks]
    return {
        **({"setbacks": setbacks} if setbacks else {}),
        "clock": [trainer.clock.images, trainer.clock.step],
        "networks": trainer.networks.state_dict(),
        "averages": {n: a.network.state_dict() for n, a in trainer.averages.items()},
        "optimizers": {n: o.state_dict() for n, o in trainer.optimizers.items()},
        "values": trainer.states,
        "past": trainer.past,
        "prior": trainer.learned,
        "labels": trainer.labels_seen,
    }


def drawing_state(trainer: Trainer) -> dict[str, Any]:
    """What is needed to generate, to choose and to encode, and nothing to train on."""
    shown = {n: a.network.state_dict() for n, a in trainer.averages.items()}
    rest = {n: w.state_dict() for n, w in trainer.networks.items() if n not in shown}
    if trainer.recipe.choice is None:
        rest.pop("D", None)
    return {
        "clock": [trainer.clock.images, trainer.clock.step],
        "averages": {**shown, **rest},
        "prior": trainer.learned,
        "labels": trainer.labels_seen,
    }


def copied(tree: Any) -> Any:
    """A tree whose tensors are copies in main memory, which no later step changes."""
    if isinstance(tree, Tensor):
        return tree.detach().to("cpu", copy=True)
    if isinstance(tree, Mapping):
        return {key: copied(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [copied(value) for value in tree]
    return tree


def moving_sampler(trainer: Trainer) -> Sampler:
    """A sampler over the generator as it moves, not over its average, which hides what goes wrong.

    Its batch statistics are those of the training so far.
    """
    return trainer.sampler_with({"G": trainer.networks["G"].eval()})


def sampler_of(trainer: Trainer, state: Mapping[str, Any], *, choosing: bool = False) -> Sampler:
    """A sampler over a drawing state of this trainer's own recipe; ``choosing`` lets its D pick."""
    choice = trainer.recipe.choice if choosing else None
    players = {}
    for name in ("G", *(choice.players if choice else ())):
        players[name] = deepcopy(trainer.shown(name))
        players[name].load_state_dict(state["averages"][name])
    sampler = trainer.sampler_with(players, choice)
    return replace(sampler, learned=dict(state["prior"]), labels=state["labels"])


def take_over(trainer: Trainer, state: Mapping[str, Any], players: Collection[str]) -> None:
    """Begin with the networks of these players, their averages and the prior of another training.

    Optimizers, values, clock and the other players are as they are. The networks have to be of the
    same shapes.
    """
    for player in players:
        put(state["networks"], trainer.networks[player], f"{player}.", whole=True)
        if player in trainer.averages:
            own = state["averages"].get(player) or trainer.networks[player].state_dict()
            put(own, trainer.averages[player].network, whole=True)
    trainer.learned = dict(state["prior"])


def restore(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Continue from a training state.

    Raises:
        CheckpointError: it belongs to another recipe.
    """
    try:
        trainer.networks.load_state_dict(state["networks"])
        for name, average in trainer.averages.items():
            average.network.load_state_dict(state["averages"][name])
        for name, optimizer in trainer.optimizers.items():
            optimizers.restore(optimizer, state["optimizers"][name])
        trainer.states = {name: dict(state["values"][name]) for name in trainer.recipe.values}
        trainer.past = dict(state["past"])
        trainer.learned = dict(state["prior"])
        trainer.setbacks = tuple(Setback(**setback) for setback in state.get("setbacks", ()))
        images, step = state["clock"]
        trainer.clock = Clock(int(images), int(step), trainer.recipe.images)
    except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as problem:
        raise CheckpointError(
            f"The checkpoint does not fit this recipe: {str(problem).splitlines()[0]}. "
            "Name another folder with --into to begin anew."
        ) from None
    if not all(bool(torch.isfinite(weight).all()) for weight in trainer.networks.parameters()):
        raise CheckpointError(
            "The checkpoint holds weights that are infinite or NaN, so it cannot be trained "
            "further. Delete it to go on from the one before, or begin anew with --into."
        )
