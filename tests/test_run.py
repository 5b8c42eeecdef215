from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import players
import pytest
import torch
from pictures import Discs, differences

from lookalike import checkpoints
from lookalike import recipe as recipes
from lookalike.engine.session import Session
from lookalike.engine.trainer import Trainer
from lookalike.engine.watcher import Watcher
from lookalike.errors import CheckpointError, RunError, RunLockedError
from lookalike.place import Place
from lookalike.run import Run

SHEET = np.zeros((4, 4, 3), np.uint8)


def tree(images: int) -> dict[str, object]:
    return {"clock": [images, 1], "x": torch.full((2,), float(images))}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "run")
    with run.writing():
        pass
    return run


@pytest.mark.slow
def test_a_second_process_is_refused_and_told_who_writes(run: Run) -> None:
    program = (
        "import sys; from pathlib import Path; from lookalike.run import Run\n"
        "from lookalike.errors import RunLockedError\n"
        "try:\n  with Run(Path(sys.argv[1])).writing(): print('got it')\n"
        "except RunLockedError as told: print(told)\n"
    )
    command = [sys.executable, "-c", program, str(run.path)]
    with run.writing():
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "is being written by process" in told
    assert "Ctrl-C" in told
    assert "--into" in told
    with Run(run.path).writing():
        pass


@pytest.mark.slow
def test_the_lock_holds_inside_one_process_too(run: Run) -> None:
    with run.writing(), pytest.raises(RunLockedError), Run(run.path).writing():
        pass


def test_files_that_a_killed_process_left_half_written_go_away(run: Run) -> None:
    (run.checkpoints / ".0000000010.safetensors.99.part").write_bytes(b"half")
    (run.path / ".stats.jsonl.99.part").write_bytes(b"half")
    with run.writing():
        assert not list(run.path.rglob("*.part"))


def test_two_checkpoints_and_the_best_are_kept(run: Run) -> None:
    run.save_best(tree(5))
    for images in (10, 20, 30):
        run.save(images, tree(images))
    assert sorted(p.name for p in run.checkpoints.iterdir()) == [
        "0000000020.safetensors",
        "0000000030.safetensors",
        "best.safetensors",
    ]
    assert run.state()["clock"] == [5, 1]
    assert run.state("last")["clock"] == [30, 1]


def test_the_best_state_gives_way_to_the_last_where_scores_say_so(run: Run) -> None:
    run.save_best(tree(5))
    run.save(10, tree(10))
    (run.path / "scores.json").write_text('{"take": "last"}')
    assert run.state()["clock"] == [10, 1]
    assert run.state("best")["clock"] == [5, 1]
    (run.path / "scores.json").write_text('{"take": "best"}')
    assert run.state()["clock"] == [5, 1]


def test_states_of_every_rank_move_down_and_a_gap_is_closed(run: Run) -> None:
    for images, rank in ((5, 1), (6, 1), (7, 2), (8, 4)):
        run.save_best(tree(images), rank, keep=4)
    kept = [path.stem for path in run.bests()]
    assert kept == ["best", "best-2", "best-3", "best-4"]
    assert [run.state(name)["clock"][0] for name in kept] == [6, 7, 5, 8]
    run.bests()[1].unlink()  # as if a process was killed between two moves
    run.drop_bests(2)
    assert [run.state(path.stem)["clock"][0] for path in run.bests()] == [6, 5]


def test_a_damaged_best_is_replaced_by_the_last_unless_it_is_asked_for(run: Run) -> None:
    run.save(10, tree(10))
    run.save_best(tree(5)).write_bytes(b"damaged")
    assert run.state()["clock"] == [10, 1]
    with pytest.raises(CheckpointError):
        run.state("best")


def test_a_run_without_a_checkpoint_says_what_to_do(run: Run) -> None:
    with pytest.raises(CheckpointError, match="lookalike train PACK --into"):
        run.state()


def test_what_will_be_played_again_is_forgotten(run: Run) -> None:
    for images in (10, 20, 30):
        run.record({"images": images, "loss": images / 10})
        run.write_sample(images, SHEET)
    run.save(20, tree(20))
    run.save(30, tree(30)).write_bytes(b"damaged")
    with open(run.path / "stats.jsonl", "a", encoding="utf-8") as file:
        file.write('{"images": 40, "lo')  # cut off by a crash
    run.forget_after(20)
    assert [line["images"] for line in run.stats()] == [10, 20]
    assert [images for images, _ in run.sample_grids()] == [10, 20]
    assert sorted(p.name for p in run.checkpoints.iterdir()) == [
        "0000000020.safetensors",
        "0000000030.damaged",
    ]
    assert (run.path / "stats.jsonl").read_text().count("\n") == 2


def test_a_damaged_checkpoint_does_not_take_the_place_of_a_whole_one(run: Run) -> None:
    run.save(10, tree(10))
    run.save(90, tree(90)).write_bytes(b"damaged")
    run.forget_after(10)
    for images in (20, 30):
        run.save(images, tree(images))
    assert [p.stem for p in sorted(run.checkpoints.glob("*.safetensors"))] == [
        "0000000020",
        "0000000030",
    ]


def test_numbers_that_are_not_objects_are_passed_over(run: Run) -> None:
    (run.path / "stats.jsonl").write_text('{"images": 1}\n3\nnonsense\n\n{"images": 2}\n')
    assert [line["images"] for line in run.stats()] == [1, 2]


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"is not a run folder .*lookalike train"):
        Run.open(tmp_path)
    with pytest.raises(RunError, match="does not exist"):
        Run.open(tmp_path / "nothing")


def test_a_disk_that_refuses_words_and_numbers_is_told_as_one_of_our_errors(run: Run) -> None:
    for name in ("log.txt", "stats.jsonl"):
        (run.path / name).mkdir()
    with pytest.raises(RunError, match=r"log.txt could not be written .*Make room"):
        run.say("hello")
    with pytest.raises(RunError, match=r"stats.jsonl could not be written"):
        run.record({"images": 1})


def test_the_recipe_in_the_folder_is_the_one_that_was_given(run: Run) -> None:
    file = recipes.find("tiny")
    chosen = recipes.make(file, {}, {"size": 8})
    run.write_recipe(chosen)
    assert run.recipe() == chosen
    run.write_env({"place": {"precision": {"G": "fp32"}}})
    assert run.env()["place"]["precision"] == {"G": "fp32"}
    (run.path / "env.json").write_text("{broken")
    assert run.env() == {}


# ---- a session in its folder ----------------------------------------------------------------


def session(run: Run, images: int = 64) -> Session:
    trainer = Trainer(players.recipe(images=images), Discs(8), Place())
    return Session(run, trainer, save_every=0.0)


def test_the_same_command_again_has_nothing_to_do(run: Run) -> None:
    first = session(run).fit()
    again = session(run).fit()
    assert (first.images, first.finished, first.resumed_at) == (64, True, 0)
    assert (again.images, again.finished, again.resumed_at) == (64, True, 64)


def test_a_damaged_newest_checkpoint_is_said_and_the_one_before_continued(run: Run) -> None:
    session(run).fit()
    newest = sorted(run.checkpoints.glob("*.safetensors"))[-1]
    whole = checkpoints.read(newest)
    newest.write_bytes(newest.read_bytes()[:100])
    told = session(run).fit()
    assert told.resumed_at == 56
    assert "The checkpoint before it is used." in (run.path / "log.txt").read_text()
    assert differences(checkpoints.read(newest), whole) == [], "the same state, bit for bit"


def test_a_run_whose_checkpoints_are_all_damaged_is_not_begun_anew(run: Run) -> None:
    session(run).fit()
    run.record({"images": 64})
    for path in run.checkpoints.glob("*.safetensors"):
        path.write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match=r"No checkpoint .* can be used.*--into"):
        session(run).fit()
    assert json.loads((run.path / "stats.jsonl").read_text())["images"] == 64


def test_a_last_look_that_fails_does_not_cost_the_last_save(run: Run) -> None:
    made = session(run)
    made.save_every = 1e9

    class Broken(Watcher):
        name = "broken"

        def begin(self, scene: object) -> None: ...

        def after(self, scene: object, tally: object) -> None: ...

        def end(self, scene: object) -> None:
            raise RuntimeError("no room for the last grid")

        def state(self) -> dict[str, object]:
            return {}

    made.watchers = [Broken()]
    with pytest.raises(RuntimeError, match="last grid"):
        made.fit()
    tree, _ = run.newest()
    assert tree is not None
    assert tree["clock"] == [64, 8]
