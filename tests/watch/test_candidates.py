"""Of how many candidates pictures are the best is measured once, and everything draws so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lookalike import api, images
from lookalike.checkpoints import read_json
from lookalike.data.pack.pack import Pack
from lookalike.engine.load import open_sampler
from lookalike.engine.sampler import BLOCK
from lookalike.engine.session import Session
from lookalike.engine.state import drawing_state
from lookalike.engine.trainer import Trainer
from lookalike.engine.watcher import Scene
from lookalike.metrics.distances.kernel import kid
from lookalike.metrics.features.features import Features
from lookalike.parts.latents.candidates import BestOf
from lookalike.place import Place
from lookalike.recipe import trust
from lookalike.report.facts import RunFacts
from lookalike.run import Run
from lookalike.settings.training import TrainSettings
from lookalike.watch.candidates import (
    LEAST,
    SEED,
    SHORT,
    Candidates,
    best_of_each,
    fewest,
    sentence,
)
from lookalike.watch.samples import SampleGrids
from lookalike.watch.scores import sides

Make = Callable[..., Features]


@pytest.fixture
def choosing(trainer: Trainer) -> Trainer:
    """A trainer whose recipe chooses, at the end of a budget that is long enough to measure."""
    made = replace(trainer.recipe, choice=BestOf(candidates=3), images=SHORT)
    found = Trainer(made, trainer.source, trainer.place)
    found.clock = replace(found.clock, images=made.images, budget=made.images)
    return found


class Rising:
    """A stand-in sampler: the best of 1, 2, 3 candidates are these pictures."""

    block = BLOCK

    def __init__(self, *made: Tensor) -> None:
        self.made = made

    def rising(self, seed: int, first: int, count: int) -> Iterator[Tensor]:
        assert seed == SEED
        for pictures in self.made:
            yield pictures[first : first + count]


def told(run: Run) -> dict[str, Any]:
    return read_json(run.path / "candidates.json")


@pytest.mark.parametrize("nearest", [1, 2, 3])
def test_the_number_whose_samples_are_nearest_to_held_out_pictures_is_taken(
    pack: Pack,
    choosing: Trainer,
    run: Run,
    costly: Make,
    monkeypatch: pytest.MonkeyPatch,
    nearest: int,
) -> None:
    real = images.to_network(np.resize(pack.train.all_images(), (LEAST, 8, 8, 3)))
    made = [real if n == nearest else real * 0.5 for n in (1, 2, 3)]
    monkeypatch.setattr(choosing, "sampler", lambda choosing: Rising(*made))
    said: list[str] = []
    Candidates(pack, said.append, costly()).end(Scene(choosing, run))
    held = told(run)
    assert held["take"] == nearest == run.candidates()
    look, rows = costly(), sides(pack).reference
    wanted = [kid(look(images.to_pixels(one)), look(pack.shards.take(rows))) for one in made]
    assert held["kid"] == pytest.approx(wanted, abs=1e-5)
    assert held["samples"] == LEAST
    assert held["real"] == len(rows)
    assert said == [sentence(run)]
    assert said[0] in (run.path / "log.txt").read_text()
    assert ("as they are drawn (KID" in said[0]) == (nearest == 1)
    assert (f"best of {nearest} candidates" in said[0]) == (nearest > 1)


def test_every_way_to_draw_takes_the_measured_number(
    pack: Pack, choosing: Trainer, run: Run, costly: Make
) -> None:
    """The last grid, ``generate`` and the report agree; a person may still ask for another."""
    run.write_recipe(choosing.recipe)
    run.write_env({})
    Session(run, choosing).save()
    before, _, _ = open_sampler(run, Place())
    assert before.candidates == 3
    SampleGrids(count=8).end(Scene(choosing, run))
    assert RunFacts.of(run, None).drawing.startswith("Each is the one of 3 candidates")
    (run.path / "candidates.json").write_text(
        json.dumps({"images": choosing.clock.images, "take": 2, "sentence": "The best of 2."})
    )
    chosen, _, _ = open_sampler(run, Place())
    assert chosen.candidates == 2
    assert open_sampler(run, Place(), candidates=3)[0].candidates == 3
    assert open_sampler(run, Place(), candidates=1)[0].score is None
    scene = Scene(choosing, run)
    Candidates(pack, features=costly()).end(scene)
    assert told(run)["take"] == 2, "the same state is not measured twice"
    SampleGrids(count=8).end(scene)
    shown = images.read(run.sample_grids()[-1][1])
    assert np.array_equal(shown, images.grid(images.enlarge(chosen.pictures(0, 0, 8), 64), 8))
    assert RunFacts.of(run, None).drawing == "The best of 2."


def test_the_number_is_that_of_the_state_which_pictures_come_from(
    pack: Pack, choosing: Trainer, run: Run, costly: Make
) -> None:
    best = Trainer(replace(choosing.recipe, seed=1), choosing.source, choosing.place)
    best.clock = replace(choosing.clock, images=SHORT // 2)
    run.write_recipe(choosing.recipe)
    run.write_env({})
    run.save_best(drawing_state(best), 1, 3)
    Session(run, choosing).save()
    for take, state in (("last", choosing), ("best", best)):
        (run.path / "candidates.json").unlink(missing_ok=True)
        (run.path / "scores.json").write_text(json.dumps({"take": take}))
        assert run.takes_best == (take == "best")
        Candidates(pack, features=costly()).end(Scene(choosing, run))
        sampler, _, images_seen = open_sampler(run, Place(), candidates=3)
        assert images_seen == state.clock.images
        look, real = costly(), costly()(pack.shards.take(sides(pack).reference))
        wanted = [kid(look(sheet), real) for sheet in best_of_each(sampler, LEAST)]
        assert told(run)["kid"] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("kids", "number"),
    [
        ([0.4, 0.3, 0.2], 3),
        ([0.4, 0.3, 0.295], 2),
        ([0.4, 0.39, 0.395], 1),
        ([0.2, 0.3, 0.4], 1),
        ([0.001, -0.01, -0.0101], 2),
        ([0.0, 0.0], 1),
    ],
)
def test_more_candidates_are_taken_only_for_a_nearer_set(kids: list[float], number: int) -> None:
    assert fewest(kids) == number


def test_the_best_of_each_number_is_what_a_sampler_of_that_number_draws(choosing: Trainer) -> None:
    sheets = best_of_each(choosing.sampler(choosing=True), 70)
    assert len(sheets) == 3
    for number, sheet in enumerate(sheets, 1):
        plain = choosing.sampler(choosing=True, candidates=number)
        assert np.array_equal(sheet, plain.pictures(SEED, 0, 70))
    assert not np.array_equal(sheets[0], sheets[2])


def test_looking_leaves_the_weights_and_the_random_numbers_as_they_were(
    pack: Pack, choosing: Trainer, run: Run, costly: Make
) -> None:
    before = {name: weight.clone() for name, weight in choosing.networks.state_dict().items()}
    state = torch.get_rng_state()
    Candidates(pack, features=costly()).end(Scene(choosing, run))
    assert told(run)["take"] in (1, 2, 3)
    after = choosing.networks.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("why", ["stopped", "no choice", "one candidate", "not wanted", "short"])
def test_nothing_is_measured_where_there_is_nothing_to_choose(
    pack: Pack, choosing: Trainer, run: Run, costly: Make, why: str
) -> None:
    if why == "stopped":
        choosing.clock = replace(choosing.clock, images=choosing.recipe.images // 2)
    if why == "no choice":
        choosing.recipe = replace(choosing.recipe, choice=None)
    if why == "one candidate":
        choosing.recipe = replace(choosing.recipe, choice=BestOf(candidates=1))
    if why == "not wanted":
        choice = BestOf(candidates=3, measured=False)
        choosing.recipe = replace(choosing.recipe, choice=choice)
    if why == "short":
        choosing.recipe = replace(choosing.recipe, images=SHORT - 1)
    Candidates(pack, features=costly()).end(Scene(choosing, run))
    assert run.candidates() is None
    assert sentence(run) == ""


@pytest.mark.parametrize("held", ["", "{", '{"take": 0}', '{"take": "two"}', "[]"])
def test_a_damaged_file_decides_nothing(run: Run, held: str) -> None:
    (run.path / "candidates.json").write_text(held)
    assert run.candidates() is None
    assert sentence(run) == ""


OWN = """
from dataclasses import replace
from lookalike.parts.latents.candidates import BestOf
from lookalike.recipes import tiny

SIZES, CHANNELS, LABELS = (8,), (3,), "none"


def recipe(size=8, channels=3, labels=0):
    made = tiny.recipe(size=size, channels=channels)
    return replace(made, name="own", choice=BestOf(candidates=2), images=2048, batch=64)
"""


@pytest.mark.slow
def test_a_training_ends_with_the_measurement_and_its_last_grid_is_drawn_so(
    pack: Pack, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    settings = TrainSettings(recipe=str(tmp_path / "own.py"))
    api.train(pack.path, tmp_path / "run", settings)
    run = Run(tmp_path / "run")
    held = told(run)
    assert (held["images"], held["samples"], len(held["kid"])) == (2048, 128, 2)
    sampler, _, _ = open_sampler(run, Place(), trusted=trust(settings.recipe))
    assert sampler.candidates == held["take"]
    shown = images.read(run.sample_grids()[-1][1])
    pictures = images.enlarge(sampler.pictures(0, 0, 48), 64)
    assert np.array_equal(shown, images.grid(pictures, 8))
    assert held["sentence"] in (run.path / "report.html").read_text()
    assert api.show(run.path)["candidates"] == held
    before = (run.path / "candidates.json").stat().st_mtime_ns
    api.train(pack.path, tmp_path / "run", settings)
    assert (run.path / "candidates.json").stat().st_mtime_ns == before
