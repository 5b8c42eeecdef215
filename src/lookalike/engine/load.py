"""A trained run, opened to draw from it: the averaged generator with its prior, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lookalike.engine.sampler import Sampler, block_of, choosing_by
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
        CheckpointError: there is no whole state, or it is another recipe's.
    """
    candidates = run.candidates() if candidates is None else candidates
    drawing = load_drawing(run.path / "recipe.json", trusted, candidates)
    state = run.state(which)
    networks = Networks.build(drawing.plans, Frame(drawing.size, drawing.channels, drawing.labels))
    _load(networks, state)
    for network in networks.values():
        place.settle(network.eval().requires_grad_(False))
    game = Game(networks, {}, autocast=_as_trained(run, place, networks).autocast)
    latent = (drawing.prior, state["prior"], state["labels"])
    plain = Sampler(game.generate, *latent, place.device, block_of(drawing.size))
    return choosing_by(drawing.choice, game, plain), drawing, int(state["clock"][0])


def _as_trained(run: Run, place: Place, networks: Networks) -> Place:
    """The place in the precision that each player was trained in, unless it asks for one."""
    if place.wish != "auto":
        return place.decided(dict.fromkeys(networks, place.wish))
    precision = run.env().get("place", {}).get("precision", {})
    return place.decided({name: precision.get(name, "fp32") for name in networks})


def _load(networks: Networks, state: Mapping[str, Any]) -> None:
    """The averaged weights of each player, or its own where no average is kept."""
    for name, network in networks.items():
        own = state["averages"].get(name)
        if own is None:
            start = f"{name}."
            every = state["networks"].items()
            own = {key[len(start) :]: value for key, value in every if key.startswith(start)}
        network.load_state_dict(own)
