"""A trained run, opened to draw from it: the averaged generator with its prior, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lookalike.engine.sampler import Sampler, sampler_of
from lookalike.errors import RecipeError
from lookalike.parts.latents.candidates import BestOf
from lookalike.parts.losses.game import Game
from lookalike.parts.networks.base import Frame, Networks
from lookalike.place import Place
from lookalike.recipe import Drawing, load_drawing
from lookalike.run import Run


def open_sampler(
    run: Run,
    place: Place,
    which: str = "auto",
    trusted: tuple[str, ...] = (),
    candidates: int | None = None,
) -> tuple[Sampler, Drawing, int]:
    """A sampler over the averaged generator of a run, what it draws, and the images it had seen.

    Players compute in the precision of their training, unless the place asks for one: a file then
    depends on the run, the seed and the index, and not on a measurement of the moment. Each picture
    is the best of this many ``candidates``, or of as many as the run measured at its end to be
    nearest to held-out pictures, or of as many as the recipe's choice says.

    Raises:
        RecipeError: candidates are asked for, and the recipe does not say how to choose.
    """
    path = run.path / "recipe.json"
    chosen = load_drawing(path, trusted)
    choice = _choice(chosen, run.candidates() if candidates is None else candidates)
    if choice and choice.players:
        chosen = load_drawing(path, trusted, ("G", *choice.players))
    state = run.state(which)
    networks = Networks.build(chosen.plans, Frame(chosen.size, chosen.channels, chosen.labels))
    _load(networks, state)
    for network in networks.values():
        place.settle(network.eval().requires_grad_(False))
    trained = run.env().get("place", {}).get("precision", {})
    wishes = {name: trained.get(name, "fp32") for name in networks}
    here = place.decided(wishes if place.wish == "auto" else dict.fromkeys(networks, place.wish))
    game = Game(networks, {}, autocast=here.autocast)
    held = (chosen.prior, state["prior"], state["labels"])
    sampler = sampler_of(game, held, place.device, chosen.size, choice)
    return sampler, chosen, int(state["clock"][0])


def _choice(chosen: Drawing, candidates: int | None) -> BestOf | None:
    if candidates is None or (candidates == 1 and chosen.choice is None):
        return chosen.choice
    if chosen.choice is None:
        raise RecipeError(
            f"The recipe {chosen.name!r} does not say how to choose among {candidates} candidates, "
            "so every picture is taken as it is drawn. Leave --candidates out, or train swift."
        )
    return replace(chosen.choice, candidates=candidates)


def _load(networks: Networks, state: Mapping[str, Any]) -> None:
    """The averaged weights of each player, or its own where no average is kept."""
    for name, network in networks.items():
        own = state["averages"].get(name)
        if own is None:
            start = f"{name}."
            every = state["networks"].items()
            own = {key[len(start) :]: value for key, value in every if key.startswith(start)}
        network.load_state_dict(own)
