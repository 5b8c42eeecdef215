"""The players that are opened are those of the state that pictures come from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from smallest import small, trainer_of

from lookalike import checkpoints
from lookalike.editing.explore.explorer import Explorer
from lookalike.engine.load import open_players, open_sampler
from lookalike.engine.session import Session
from lookalike.engine.state import drawing_state
from lookalike.place import Place
from lookalike.run import Run

WHY = "Pictures come from the best state."


def run_of(name: str, folder: Path) -> Run:
    """A run of four steps of a recipe, whose best state, after two of them, is taken."""
    run, trainer = Run(folder), trainer_of(small(name))
    with run.writing():
        run.write_recipe(trainer.recipe)
        run.write_env({})
        for _ in range(2):
            trainer.step()
        run.save_best(drawing_state(trainer))
        Session(run, trainer).fit()
    (run.path / "scores.json").write_text(json.dumps({"take": "best", "why": WHY}))
    return run


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny", "swift", "info-began"])
def test_the_players_of_the_best_state_are_opened_where_pictures_come_from_it(
    tmp_path: Path, name: str
) -> None:
    run = run_of(name, tmp_path / "run")
    best = open_players(run, Place())
    assert (best.which, best.images_seen, best.why) == ("best", 8, WHY)
    sampler, _, seen = open_sampler(run, Place(), candidates=1)
    assert seen == best.images_seen
    z, labels = sampler.draw(0, 0, 2)
    assert torch.equal(best.networks["G"](z, labels), sampler.generate(z, labels))
    last = open_players(run, Place(), which="last")
    assert (last.images_seen, last.why) == (16, "")
    assert set(last.networks) == set(run.recipe().networks)
    assert set(open_players(run, Place(), which="best").networks) == set(best.networks)


def test_a_best_state_that_lacks_who_reads_pictures_is_passed_over_in_words(
    tmp_path: Path,
) -> None:
    run = run_of("infogan", tmp_path / "run")  # its D reads codes, and does not choose
    players = open_players(run, Place())
    assert (players.which, players.images_seen) == ("last", 16)
    assert "D" in players.networks
    assert "last state" in players.why
    assert WHY not in players.why
    assert "--checkpoint best" in open_players(run, Place(), names=True).why
    explorer = Explorer.open(run, Place())
    latents, labels, _ = explorer.sampler.latents(0, 0, 1, None)
    drawn = explorer.sampler.generate(latents, labels)
    assert explorer.images_seen == 16
    assert torch.equal(explorer.generator.draw(latents, labels), drawn)


def test_a_damaged_best_state_is_not_named_as_what_was_opened(tmp_path: Path) -> None:
    run = run_of("tiny", tmp_path / "run")
    (run.checkpoints / "best.safetensors").write_bytes(b"damaged")
    players = open_players(run, Place())
    assert (players.which, players.images_seen, players.why) == ("last", 16, "")


@pytest.mark.slow
def test_a_run_whose_best_state_is_taken_can_be_edited(edited_run: Path, tmp_path: Path) -> None:
    from lookalike import api

    run = Run(Path(shutil.copytree(edited_run / "run", tmp_path / "run")))
    for best in run.bests():
        best.unlink()
    tree = checkpoints.read(max(run.checkpoints.glob("0*.safetensors")))
    averages = {name: dict(tree["averages"].get(name, {})) for name in run.recipe().networks}
    for key, value in tree["networks"].items():
        player, _, weight = key.partition(".")
        if player not in tree["averages"]:
            averages[player][weight] = value
    run.save_best(
        {"clock": [600, 1], "averages": averages, "prior": tree["prior"], "labels": tree["labels"]}
    )
    (run.path / "scores.json").write_text(json.dumps({"take": "best", "why": WHY}))
    told = api.edit(run.path, seed=7, to=tmp_path / "a.png", changes={"1": "+2"})
    row = json.loads((tmp_path / "a.json").read_text())
    assert row["images_seen"] == 600
    assert WHY in told.notes
