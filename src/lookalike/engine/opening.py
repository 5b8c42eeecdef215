"""A trained run, opened to draw from it: the averaged generator with its prior, nothing else."""

from __future__ import annotations

from torch import Tensor

from lookalike.engine.sampler import Sampler, block_of
from lookalike.parts.networks import Frame, Networks
from lookalike.place import Place
from lookalike.recipe import Drawing, load_drawing
from lookalike.run import Run


def open_sampler(
    run: Run, place: Place, which: str = "auto", trusted: tuple[str, ...] = ()
) -> tuple[Sampler, Drawing, int]:
    """A sampler over the averaged generator of a run, what it draws, and the images it had seen.

    G computes in the precision of its training, unless the place asks for one: a file then depends
    on the run, the seed and the index, and not on a measurement of the moment.
    """
    chosen = load_drawing(run.path / "recipe.json", trusted)
    state = run.state(which)
    networks = Networks.build(chosen.plans, Frame(chosen.size, chosen.channels, chosen.labels))
    networks["G"].load_state_dict(state["averages"]["G"])
    generator = place.settle(networks["G"].eval().requires_grad_(False))
    trained = run.env().get("place", {}).get("precision", {}).get("G", "fp32")
    here = place.decided({"G": trained if place.wish == "auto" else place.wish})

    def generate(z: Tensor, labels: Tensor | None) -> Tensor:
        with here.autocast("G"):
            pictures: Tensor = generator(z, labels)
        return pictures.float()

    held = (chosen.prior, state["prior"], state["labels"], place.device)
    sampler = Sampler(generate, *held, block_of(chosen.size))
    return sampler, chosen, int(state["clock"][0])
