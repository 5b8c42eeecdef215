"""The laws of docs and architecture about every recipe; adding one needs no edit here.

Every recipe is made at its smallest declared size with its smallest widths, and the expensive part
(a few steps, a resume) is played once per recipe and shared by the laws.
"""

from __future__ import annotations

import ast
import copy
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from pictures import CLASSES, differences
from smallest import BATCH, EVERY, FILES, STEPS, Alone, frame_of, made, small, trainer_of
from torch import Tensor, nn

from lookalike import checkpoints, recipe
from lookalike.engine.state import restore, training_state
from lookalike.engine.trainer import Trainer
from lookalike.errors import MissingExtraError
from lookalike.parts.losses.base import Terms
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Networks
from lookalike.parts.training.schedules import Tally
from lookalike.recipe import Recipe, RecipeFile
from lookalike.sizes import Rectangle

RANDOM = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)
PARAMETERS = 150_000_000
"""No recipe at any size may have more weights in all (the heaviest original had 201 million)."""


@dataclass
class Story:
    """Four steps in one go, and the same four interrupted in the middle."""

    tallies: list[Tally]
    state: dict[str, Any]
    middle: dict[str, Any]
    pictures: bytes
    resumed_pictures: bytes
    resumed_tallies: list[Tally]
    resumed_state: dict[str, Any]
    shown: Tensor
    lagging: list[str]


@cache
def story(name: str, channels: int = 3, rectangle: bool = False) -> Story:
    path = Path(folder()) / f"{name}-{channels}-{rectangle}.safetensors"
    whole = trainer_of(small(name, channels, rectangle))
    tallies = [whole.step() for _ in range(2)]
    checkpoints.write(path, training_state(whole))
    torch.manual_seed(1)
    pictures = whole.sampler().pictures(7, 3, 2).tobytes()
    tallies += [whole.step() for _ in range(2)]

    torch.manual_seed(2)  # nothing may depend on what was drawn before
    resumed = trainer_of(small(name, channels, rectangle))
    torch.manual_seed(3)
    middle = checkpoints.read(path)
    restore(resumed, middle)
    resumed_pictures = resumed.sampler().pictures(7, 3, 2).tobytes()
    resumed_tallies = [resumed.step() for _ in range(2)]
    return Story(
        tallies=tallies,
        state=copy.deepcopy(training_state(whole)),
        middle=middle,
        pictures=pictures,
        resumed_pictures=resumed_pictures,
        resumed_tallies=resumed_tallies,
        resumed_state=training_state(resumed),
        shown=whole.sampler().raw(0, 0, 16),
        lagging=_lagging(whole),
    )


def _lagging(trainer: Trainer) -> list[str]:
    """Entries of an average that do not follow when it is told to become the network."""
    found = []
    for player, average in trainer.averages.items():
        average.follow(1e-9, BATCH, 10**9)
        own = trainer.networks[player].state_dict()
        found += [
            f"{player}.{n}"
            for n, v in average.network.state_dict().items()
            if not torch.equal(v, own[n])
        ]
    return found


@cache
def folder() -> str:
    import tempfile

    return tempfile.mkdtemp(prefix="recipes-")


# ---- what the file says ---------------------------------------------------------------------


@EVERY
def test_a_recipe_file_names_itself_its_source_and_what_it_can_do(name: str) -> None:
    file = FILES[name]
    text = ast.get_docstring(ast.parse(file.path.read_text("utf-8"))) or ""
    assert re.search(r"\b(19|20)\d\d\b", text), f"{file.path.name} names no source with a year"
    assert file.about
    assert len(file.about) <= 100
    assert file.sizes
    assert set(file.channels) <= {1, 3, 4}
    assert file.labels in {"none", "optional", "required"}
    labels = {"labels": CLASSES} if file.labels == "required" else {}
    assert file.function()(**labels).name == name


@EVERY
def test_a_recipe_survives_json(name: str) -> None:
    chosen = small(name)
    again = recipe.loads(chosen.dumps())
    assert again == chosen
    assert again.dumps() == chosen.dumps()


# ---- building -------------------------------------------------------------------------------


COUNTS = {"none": (0,), "optional": (0, CLASSES), "required": (CLASSES,)}


@pytest.mark.slow
@EVERY
def test_a_recipe_builds_with_every_channel_count_and_labels_that_it_declares(name: str) -> None:
    file = FILES[name]
    counts = COUNTS[file.labels]
    for channels, labels in {(c, counts[0]) for c in file.channels} | {(1, counts[-1])}:
        if channels in file.channels:
            _check_shapes(file, min(file.sizes), channels, labels)


@pytest.mark.slow
@EVERY
def test_a_recipe_builds_at_every_size_that_it_declares(name: str) -> None:
    file = FILES[name]
    for size in file.sizes:
        _check_shapes(file, size, max({1, 3} & set(file.channels)), COUNTS[file.labels][0])


def _check_shapes(file: RecipeFile, size: int, channels: int, labels: int) -> None:
    """Build without memory (torch's meta device, where a recipe can): only shapes and counts."""
    try:
        chosen = made(file, size, channels, labels)
        try:
            with torch.device("meta"):
                networks, pictures = _built(chosen)
        except RuntimeError:  # pretrained features are real numbers
            networks, pictures = _built(chosen)
    except MissingExtraError as missing:
        pytest.skip(str(missing))
    assert pictures.shape == (2, channels, size, size)
    assert sum(w.numel() for w in networks.parameters()) < PARAMETERS
    assert set(chosen.optimizers) <= set(networks)
    assert set(chosen.average) <= set(networks)


def _built(chosen: Recipe) -> tuple[Networks, Tensor]:
    networks = Networks.build(chosen.networks, frame_of(chosen)).train()
    labels = torch.zeros(2, chosen.labels) if chosen.labels else None
    with torch.no_grad():
        return networks, networks["G"](torch.zeros(2, chosen.prior.width), labels)


@pytest.mark.slow
@EVERY
def test_the_generator_gives_pictures_between_minus_one_and_one(name: str) -> None:
    chosen = small(name)
    fresh, later = trainer_of(chosen), story(name).shown
    for pictures in (fresh.sampler().raw(0, 0, 16), later):
        assert pictures.shape == (16, chosen.channels, chosen.size, chosen.size)
        assert pictures.dtype == torch.float32
        assert -1.0001 <= float(pictures.min()) <= float(pictures.max()) <= 1.0001
    assert float(later.std(0).max()) > 0, "sixteen z give one picture"


# ---- phases ---------------------------------------------------------------------------------


@pytest.mark.slow
@EVERY
def test_each_phase_moves_its_players_alone_and_gives_one_finite_number_per_sample(
    name: str,
) -> None:
    chosen = small(name)
    phases = chosen.objective.phases()
    assert {player for phase in phases for player in phase.players} == set(chosen.optimizers)
    for index, phase in enumerate(phases):
        heard: list[Terms] = []
        alone = Alone(chosen.objective, index, lambda game, batch, terms, h=heard: h.append(terms))
        trainer = trainer_of(chosen, objective=alone)
        before = {n: w.detach().clone() for n, w in trainer.networks.named_parameters()}
        trainer.step()
        moved = {
            n.partition(".")[0]
            for n, w in trainer.networks.named_parameters()
            if not torch.equal(w, before[n])
        }
        assert moved == set(phase.players), f"phase {index}"
        for term_name, term in heard[0].items():
            assert term.shape == (BATCH,), f"phase {index}: {term_name} is {tuple(term.shape)}"
            assert torch.isfinite(term).all(), f"phase {index}: {term_name}"


@pytest.mark.slow
@EVERY
def test_the_average_follows_every_number_of_its_network(name: str) -> None:
    assert story(name).lagging == []


# ---- saving and continuing ------------------------------------------------------------------


@EVERY
def test_saved_and_loaded_a_recipe_generates_the_same_bytes(name: str) -> None:
    assert story(name).pictures == story(name).resumed_pictures


@EVERY
def test_four_steps_are_two_a_resume_and_two_bit_for_bit(name: str) -> None:
    told = story(name)
    assert told.state["clock"] == [STEPS * BATCH, STEPS]
    assert differences(told.state, told.resumed_state) == []
    assert told.tallies[2:] == told.resumed_tallies
    assert differences(told.middle["networks"], told.state["networks"]), "four steps moved nothing"


@pytest.mark.slow
@EVERY
def test_the_same_holds_for_pictures_with_alpha_where_a_recipe_makes_them(name: str) -> None:
    if 4 not in FILES[name].channels:
        pytest.skip("this recipe makes no transparent pictures")
    told = story(name, 4)
    assert told.shown.shape[1] == 4
    assert -1.0001 <= float(told.shown.min()) <= float(told.shown.max()) <= 1.0001
    assert float(told.shown[:, 3].std(0).max()) > 0, "sixteen z give one alpha"
    assert told.lagging == []
    assert told.pictures == told.resumed_pictures
    assert told.tallies[2:] == told.resumed_tallies
    assert differences(told.state, told.resumed_state) == []


@pytest.mark.slow
@EVERY
def test_the_same_holds_for_rectangles_where_a_recipe_makes_them(name: str) -> None:
    if not FILES[name].rectangles:
        assert not FILES[name].serves(Rectangle(64, 96))
        pytest.skip("this recipe makes squares alone")
    chosen = small(name, rectangle=True)
    assert FILES[name].serves(chosen.size)
    assert recipe.loads(chosen.dumps()) == chosen
    side = min(FILES[name].sizes)
    told = story(name, rectangle=True)
    assert told.shown.shape == (16, chosen.channels, side * 3 // 2, side)
    assert -1.0001 <= float(told.shown.min()) <= float(told.shown.max()) <= 1.0001
    assert float(told.shown.std(0).max()) > 0, "sixteen z give one picture"
    assert told.lagging == []
    assert told.pictures == told.resumed_pictures
    assert told.tallies[2:] == told.resumed_tallies
    assert differences(told.state, told.resumed_state) == []


# ---- micro-batches --------------------------------------------------------------------------


@pytest.mark.slow
@EVERY
def test_the_gradient_over_micro_batches_is_that_of_the_whole_batch(name: str) -> None:
    chosen = replace(small(name), augment=None)
    why = {index: _coupled(chosen, index) for index in range(len(chosen.objective.phases()))}
    if all(why.values()):
        pytest.skip(f"does not hold for this recipe: {'; '.join(sorted(set(why.values())))}")
    for index in (index for index, reason in why.items() if not reason):
        whole = _gradients(chosen, index, 1)
        parts = _gradients(chosen, index, 2)
        assert whole.keys() == parts.keys()
        for weight, gradient in whole.items():
            limit = 1e-4 * float(gradient.abs().max()) + 1e-7
            assert float((parts[weight] - gradient).abs().max()) <= limit, f"{index}: {weight}"


def _gradients(chosen: Recipe, index: int, micro_batches: int) -> dict[str, Tensor]:
    alone = Alone(chosen.objective, index)
    trainer = trainer_of(chosen, objective=alone, micro_batches=micro_batches)
    trainer.step()
    return {n: w.grad for n, w in trainer.networks.named_parameters() if w.grad is not None}


def _coupled(chosen: Recipe, index: int) -> str:
    """Why the terms of one sample may depend on its neighbors here; "" when they do not.

    Asked of the loss itself with half of the very same batch, before the trainer slices anything.
    """
    found: list[str] = []

    def hear(game: Game, batch: Batch, terms: Terms) -> None:
        given: list[tuple[torch.Generator, Tensor]] = []

        def noise(purpose: str) -> torch.Generator:
            given.append((batch.noise(purpose), batch.noise(purpose).get_state()))
            return given[-1][0]

        half = Batch(
            batch.images[:2],
            batch.z[:2],
            None if batch.labels is None else batch.labels[:2],
            None if batch.known is None else batch.known[:2],
            lambda purpose: batch.fresh(purpose)[:2],
            noise,
        )
        torch.manual_seed(0)
        again = chosen.objective.phases()[index].loss(Game(game.networks, game.now), half)
        if any(not torch.equal(drawn.get_state(), fresh) for drawn, fresh in given):
            found.append("it draws noise by position")
        elif any(isinstance(m, RANDOM) for m in game.networks.modules()):
            found.append("it has batch statistics or dropout")
        elif any(not torch.allclose(again[n], terms[n][:2], rtol=1e-5, atol=1e-6) for n in terms):
            found.append("its terms look at the whole batch")

    trainer_of(chosen, objective=Alone(chosen.objective, index, hear)).step()
    return found[0] if found else ""
