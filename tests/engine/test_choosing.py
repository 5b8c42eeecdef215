"""Every picture is the best of its candidates, by the discriminator of the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import Discs
from torch import Tensor

from lookalike.engine.load import open_sampler
from lookalike.engine.sampler import BLOCK, Sampler
from lookalike.engine.session import Session
from lookalike.engine.state import drawing_state, restore
from lookalike.engine.trainer import Trainer
from lookalike.errors import RecipeError
from lookalike.parts.latents.candidates import BestOf
from lookalike.parts.latents.priors import Normal
from lookalike.place import Place
from lookalike.recipe import find, make
from lookalike.run import Run


def spread(z: Tensor, labels: Tensor | None) -> Tensor:
    """z itself as a picture of one channel."""
    return z.view(len(z), 1, 1, -1)


def brightness(pictures: Tensor, labels: Tensor | None) -> Tensor:
    return pictures.mean((1, 2, 3))


PLAIN = Sampler(spread, Normal(4), {})
CHOOSING = replace(PLAIN, score=brightness, candidates=3)


def test_each_picture_is_the_brightest_of_its_three_and_the_first_is_the_plain_one() -> None:
    first = PLAIN.raw(5, 0, BLOCK)
    every = [first]
    for candidate in (1, 2):
        z = CHOOSING._rivals(5, 0, None, candidate, BLOCK)
        every.append(spread(z, None))
    stacked = torch.stack(every)
    best = stacked.mean((2, 3, 4)).argmax(0)
    assert len(set(best.tolist())) == 3  # each of the three is the best of some
    wanted = stacked[best, torch.arange(BLOCK)]
    assert torch.equal(CHOOSING.raw(5, 0, BLOCK), wanted)


def test_a_chosen_picture_depends_on_its_seed_and_index_alone() -> None:
    many = CHOOSING.pictures(3, 0, 130)
    for index in (0, 17, 63, 64, 129):
        assert np.array_equal(CHOOSING.pictures(3, index, 1)[0], many[index])


def test_rivals_have_the_label_of_the_first_so_that_no_class_is_preferred() -> None:
    told: list[Tensor] = []

    def generate(z: Tensor, labels: Tensor | None) -> Tensor:
        assert labels is not None
        told.append(labels.clone())
        return z.view(len(z), 1, 1, -1)

    def second_class(pictures: Tensor, labels: Tensor | None) -> Tensor:
        assert labels is not None
        return labels[:, 1] + pictures.mean((1, 2, 3)) / 100

    sampler = Sampler(generate, Normal(4), {}, torch.eye(2), score=second_class, candidates=3)
    sampler.raw(0, 0, BLOCK)
    assert len(told) == 3
    assert torch.equal(told[0], told[1])
    assert torch.equal(told[0], told[2])


def trained(folder: Path, choice: BestOf | None) -> Run:
    frame = {"size": 8, "channels": 3, "labels": 0, "classes": 0}
    recipe = replace(make(find("tiny"), {"images": 64}, frame), choice=choice)
    run = Run(folder)
    with run.writing():
        run.write_recipe(recipe)
        run.write_env({})
        Session(run, Trainer(recipe, Discs(8), Place())).fit()
    return run


def test_a_run_opens_with_its_discriminator_and_gives_pictures_that_it_finds_more_real(
    tmp_path: Path,
) -> None:
    run = trained(tmp_path / "a", BestOf(candidates=4))
    chosen, _, _ = open_sampler(run, Place())
    plain, _, _ = open_sampler(run, Place(), candidates=1)
    assert chosen.candidates == 4
    assert plain.score is None
    assert chosen.score is not None
    scores = [chosen.score(sampler.raw(0, 0, BLOCK), None) for sampler in (plain, chosen)]
    assert (scores[1] >= scores[0]).all()
    assert (scores[1] > scores[0]).sum() > BLOCK / 2


@pytest.mark.parametrize("choice", [None, BestOf(candidates=3), BestOf(candidates=1)])
def test_the_best_state_opens_as_the_last_one_does(tmp_path: Path, choice: BestOf | None) -> None:
    run = trained(tmp_path / "a", choice)
    frame = {"size": 8, "channels": 3, "labels": 0, "classes": 0}
    recipe = replace(make(find("tiny"), {"images": 64}, frame), choice=choice)
    trainer = Trainer(recipe, Discs(8), Place())
    restore(trainer, run.state("last"))
    run.save_best(drawing_state(trainer))
    for candidates in (None, 2) if choice else (None,):
        best, last = (
            open_sampler(run, Place(), which, candidates=candidates)[0].pictures(0, 0, 20)
            for which in ("best", "last")
        )
        assert np.array_equal(best, last)
    assert ("D" in run.state("best")["averages"]) == (choice is not None)


def test_candidates_of_a_recipe_that_cannot_choose_are_refused_in_words(tmp_path: Path) -> None:
    run = trained(tmp_path / "a", None)
    with pytest.raises(RecipeError, match="does not say how to choose among 3"):
        open_sampler(run, Place(), candidates=3)
    assert open_sampler(run, Place(), candidates=1)[0].score is None


def test_looking_with_a_choice_leaves_the_training_as_it_was_and_chooses_as_generate_does(
    tmp_path: Path,
) -> None:
    frame = {"size": 8, "channels": 3, "labels": 0, "classes": 0}
    recipe = replace(make(find("tiny"), {"images": 64}, frame), choice=BestOf(candidates=3))

    def weights(look: bool) -> dict[str, Tensor]:
        trainer = Trainer(recipe, Discs(8), Place())
        for _ in range(2):
            trainer.step()
            if look:
                trainer.sampler(choosing=True).pictures(0, 0, 3)
        return {name: weight.clone() for name, weight in trainer.networks.state_dict().items()}

    once, twice = weights(look=True), weights(look=False)
    assert all(torch.equal(once[name], twice[name]) for name in once)
    trainer = Trainer(recipe, Discs(8), Place())
    run = Run(tmp_path / "a")
    with run.writing():
        run.write_recipe(recipe)
        run.write_env({})
        Session(run, trainer).fit()
    opened, _, _ = open_sampler(run, Place())
    shown = trainer.sampler(choosing=True).pictures(0, 0, 20)
    assert np.array_equal(shown, opened.pictures(0, 0, 20))


@pytest.mark.parametrize("candidates", [1, 3])
def test_a_grid_of_training_is_drawn_in_the_precision_that_generate_draws_in(
    tmp_path: Path, candidates: int
) -> None:
    frame = {"size": 8, "channels": 3, "labels": 0, "classes": 0}
    choice = BestOf(candidates=candidates)
    recipe = replace(make(find("tiny"), {"images": 64}, frame), choice=choice)
    low = {"G": "bf16", "D": "bf16"}
    trainer = Trainer(recipe, Discs(8), Place().decided(low))
    run = Run(tmp_path / "a")
    with run.writing():
        run.write_recipe(recipe)
        run.write_env({"place": {"precision": low}})
        Session(run, trainer).fit()
    opened, _, _ = open_sampler(run, Place(wish="auto"))
    exact, _, _ = open_sampler(run, Place(wish="fp32"))
    shown = trainer.sampler(choosing=True).raw(0, 0, BLOCK)
    assert torch.equal(shown, opened.raw(0, 0, BLOCK))
    assert not torch.equal(shown, exact.raw(0, 0, BLOCK))
