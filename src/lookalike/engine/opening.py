"""A trained run, opened to draw from it: the averaged generator with its prior, nothing else."""

from __future__ import annotations

from torch import Tensor

from lookalike.engine.sampler import Sampler
from lookalike.parts.networks import Frame, Networks
from lookalike.place import Place
from lookalike.recipe import Drawing, load_drawing
from lookalike.run import Run


def open_sampler(
    run: Run, place: Place, which: str = "auto", trusted: tuple[str, ...] = ()
) -> tuple[Sampler, Drawing, int]:
    """A sampler over the averaged generator of a run, what it draws, and the images it had seen."""
    chosen = load_drawing(run.path / "recipe.json", trusted)
    state = run.state(which)
    networks = Networks.build(chosen.plans, Frame(chosen.size, chosen.channels, chosen.labels))
    networks["G"].load_state_dict(state["averages"]["G"])
    generator = place.settle(networks["G"].eval().requires_grad_(False))

    def generate(z: Tensor, labels: Tensor | None) -> Tensor:
        pictures: Tensor = generator(z, labels)
        return pictures

    sampler = Sampler(generate, chosen.prior, state["prior"], state["labels"], place.device)
    return sampler, chosen, int(state["clock"][0])
