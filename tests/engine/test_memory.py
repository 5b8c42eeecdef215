"""What a training needs is seen in a dry step, which changes no bit, and fits what is given."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import players
import pytest
import torch
from pictures import Discs, differences
from players import critic, maker
from smallest import small

from lookalike.engine.batches import BatchSource
from lookalike.engine.memory import DryStep, Halved, largest_within, parts_of, shortage, within
from lookalike.engine.state import copied, training_state
from lookalike.engine.trainer import Trainer
from lookalike.errors import TrainingError
from lookalike.parts.losses.base import Phase
from lookalike.parts.training.triggers import Between, Every
from lookalike.place import Place
from lookalike.recipe import Recipe

MB = 1 << 20


@dataclass(frozen=True)
class Told(DryStep):
    """A dry step that says what it is told to, and remembers what it was asked."""

    needs: Callable[[int], int | None] = lambda pictures: pictures * MB
    asked: tuple[list[int], ...] = ([],)

    def need(self, recipe: Recipe, pictures: int = 0) -> int | None:
        size = pictures or recipe.batch // recipe.micro_batches
        self.asked[0].append(size)
        return self.needs(size)


def told(needs: Callable[[int], int | None]) -> Told:
    return Told(Discs(8), Place(), None, needs, ([],))


def dry(source: BatchSource, look: Callable[[Trainer], None] | None = None) -> DryStep:
    return DryStep(source, Place(), look)


# ---- the dry step ----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny", "dcgan", "stylegan2", "swift"])
def test_a_training_after_a_dry_step_has_the_bits_of_one_without(name: str) -> None:
    made = small(name)
    source = Discs(made.size, made.channels)

    def state(first: Callable[[], Any]) -> Any:
        first()
        trainer = Trainer(made, source, Place())
        trainer.step()
        trainer.step()
        return copied(training_state(trainer)), torch.rand(2)

    looked: list[Trainer] = []

    def look(trainer: Trainer) -> None:
        looked.append(trainer)
        trainer.sampler(choosing=True).pictures(0, 0, 8)

    step = DryStep(source, Place(), look)
    without, with_it = state(lambda: None), state(lambda: step.need(made))
    assert differences(without, with_it) == []
    assert len(looked) == 1


@pytest.mark.slow
def test_every_phase_plays_with_moments_in_its_optimizer() -> None:
    early, late, rare = players.Heard(critic), players.Heard(maker), players.Heard(critic)
    recipe = players.recipe(
        Phase(("D",), early, turn=Between(0.0, 0.5)),
        Phase(("G",), late, turn=Between(0.5)),
        Phase(("D",), rare, turn=Every(16)),
    )
    dry(Discs(8)).need(recipe)
    assert [len(heard.batches) for heard in (early, late, rare)] == [2, 2, 4]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells")
def test_what_is_held_for_a_moment_counts_and_what_was_held_before_does_not() -> None:
    before = torch.ones(64 * MB, dtype=torch.uint8)
    del before
    plain = dry(Discs(8)).need(players.recipe())
    hungry = dry(Discs(8), lambda trainer: torch.ones(300 * MB, dtype=torch.uint8))
    more = hungry.need(players.recipe())
    assert plain is not None
    assert more is not None
    assert 290 * MB < more - plain < 330 * MB
    assert abs((dry(Discs(8)).need(players.recipe()) or 0) - plain) < 30 * MB


@pytest.mark.slow
def test_a_pack_that_is_mapped_is_not_counted(tmp_path: Path) -> None:
    import numpy as np

    file = tmp_path / "shard"
    file.write_bytes(bytes(200 * MB))
    mapped = np.memmap(file, np.uint8, "r")

    def look(trainer: Trainer) -> None:
        assert int(mapped.sum()) == 0

    plain = dry(Discs(8)).need(players.recipe())
    assert abs((dry(Discs(8), look).need(players.recipe()) or 0) - (plain or 0)) < 50 * MB


def test_where_the_machine_has_less_it_is_said() -> None:
    assert shortage(4 * MB, 5 * MB) == shortage(None, 5 * MB) == shortage(4 * MB, None) == ""
    words = shortage(6 * MB, 5 * MB)
    assert "need 6 MB, and 5 MB are free here" in words
    assert "--memory" in words


# ---- what fits -------------------------------------------------------------------------------


def of_batch(batch: int, micro_batches: int = 1) -> Recipe:
    return players.recipe(batch=batch, micro_batches=micro_batches)


@pytest.mark.parametrize(
    ("batch", "micro_batches", "sizes"),
    [(16, 1, [4, 8, 16]), (16, 4, [4]), (62, 1, [31, 62]), (7, 1, [7]), (2, 1, [2])],
)
def test_a_batch_is_divided_into_equal_parts_of_four_at_least(
    batch: int, micro_batches: int, sizes: list[int]
) -> None:
    assert parts_of(of_batch(batch, micro_batches)) == sizes


@pytest.mark.parametrize(
    ("limit", "pictures", "asked"),
    [
        (500, 64, [4, 8, 64]),
        (164, 64, [4, 8, 64]),
        (163, 32, [4, 8, 32]),
        (104, 4, [4, 8]),
        (99, 4, [4]),
    ],
)
def test_the_fewest_are_tried_first_and_nothing_beyond_the_limit(
    limit: int, pictures: int, asked: list[int]
) -> None:
    step = told(lambda n: (100 + n) * MB)
    recipe = of_batch(64)
    use = largest_within(limit * MB, parts_of(recipe), recipe, step)
    assert use is not None
    assert (use.pictures, use.needed) == (pictures, (100 + pictures) * MB)
    assert step.asked[0] == asked
    assert use.whole == (164 if len(asked) > 1 else 104) * MB


@pytest.mark.slow
def test_one_look_is_enough_whatever_a_step_has_at_a_time() -> None:
    looks: list[int] = []
    step = dry(Discs(8), lambda trainer: looks.append(trainer.recipe.batch))
    use = largest_within(1 << 40, [4, 8, 16], of_batch(16), step)
    assert use is not None
    assert use.pictures == 16
    assert looks == [4]


def test_what_needs_more_than_the_line_says_is_divided_further() -> None:
    step = told(lambda n: (100 + n + (n > 16) * 500) * MB)
    use = largest_within(200 * MB, [4, 8, 16, 32, 64], of_batch(64), step)
    assert use is not None
    assert use.pictures == 16
    assert step.asked[0] == [4, 8, 64, 32, 16]


def test_a_recipe_that_fits_stays_as_it_is() -> None:
    recipe = of_batch(16)
    fitted = within(200 * MB, recipe, told(lambda n: (100 + n) * MB), ())
    assert fitted.recipe == recipe
    assert fitted.record == {"allowed": 200 * MB, "needed": 116 * MB}
    assert "116 MB of the 200 MB" in fitted.words


def test_what_is_made_smaller_is_said_and_kept() -> None:
    fitted = within(110 * MB, of_batch(16), told(lambda n: (100 + n) * MB), ())
    assert fitted.recipe == of_batch(16, 2)
    assert fitted.record == {"allowed": 110 * MB, "needed": 108 * MB, "micro_batches": 2}
    for words in ("parts of 8 of their 16", "micro_batches=2", "whole ones need about 116 MB"):
        assert words in fitted.words


def test_what_cannot_fit_is_refused_with_what_would() -> None:
    others = [("--set width=4", of_batch(8), Discs(8)), ("--set width=2", of_batch(4), Discs(8))]
    step = told(lambda n: {8: 101, 4: 104}[n] * MB)
    with pytest.raises(TrainingError, match=r"needs 101 MB with 8.*allows 90 MB") as refused:
        within(90 * MB, replace(of_batch(8), micro_batches=1), step, None)
    assert "begin a new run" in str(refused.value)
    with pytest.raises(TrainingError, match=r"too much as well: --set width=4 \(104 MB\), --set"):
        within(90 * MB, of_batch(8), step, others)
    calls = iter([104, 80, 95])
    lighter = told(lambda n: next(calls) * MB)
    with pytest.raises(TrainingError, match=r"What fits.*: --set width=4 \(80 MB\)\. Or allow"):
        within(90 * MB, of_batch(8), lighter, others)


def test_where_nobody_tells_a_limit_is_refused() -> None:
    with pytest.raises(TrainingError, match="is not told here"):
        within(90 * MB, of_batch(8), told(lambda n: None), ())


def test_pictures_at_half_their_side_keep_their_labels() -> None:
    whole, half = Discs(8, labeled=True), Halved(Discs(8, labeled=True))
    assert half.take(3, 4).images.shape == (4, 3, 4, 4)
    assert torch.equal(half.take(3, 4).labels, whole.take(3, 4).labels)  # type: ignore[arg-type]
    assert len(half) == len(whole)
    assert half.some(2).images.shape == (2, 3, 4, 4)


# ---- nothing grows ---------------------------------------------------------------------------

TRAINS = """
import json, re, sys
from pathlib import Path

import numpy as np

from lookalike import place, recipe
from lookalike.data.pack.writer import write_pack
from lookalike.engine.batches import SplitBatches
from lookalike.engine.session import Session
from lookalike.engine.trainer import Trainer
from lookalike.engine.watcher import Request, Watcher
from lookalike.metrics.features.features import RandomConv
from lookalike.run import Run
from lookalike.watch.health import Health
from lookalike.watch.samples import SampleGrids
from lookalike.watch.scores import ScoreWatcher
from lookalike.watch.watchdog import Watchdog

class Holding(Watcher):
    name = "holding"

    def after(self, scene, tally):
        if scene.trainer.clock.step % 2 == 0:
            status = Path("/proc/self/status").read_text()
            told.append(int(re.search(r"RssAnon:\\s+(\\d+) kB", status)[1]) << 10)

class Keeping(Watchdog):  # a state is kept at every look, whatever it thinks of it
    def asks(self, scene):
        super().asks(scene)
        return None if scene.trainer.clock.step % self.every else Request()

told, folder = [], Path(sys.argv[1])
pixels = np.random.default_rng(0).integers(0, 256, (300, 16, 16, 3), np.uint8)
pack = write_pack(folder / "pack", pixels, holdout=0.4)
made = recipe.make(recipe.find("tiny"), {"width": 8, "images": 960},
                   {"size": 16, "channels": 3, "labels": 0})
trainer = Trainer(made, SplitBatches(pack.train, 0), place.choose("cpu", "fp32", 1))
scores = ScoreWatcher(pack, RandomConv(), share=1.0, gap=0.0)
watchers = [scores, Health(seconds=0.0, share=1.0), SampleGrids(), Keeping(every=4), Holding()]
run = Run(folder / "run")
with run.writing():
    run.write_recipe(made)
    Session(run, trainer, watchers, save_every=0.2).fit()
print(json.dumps(told))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")
def test_what_is_held_does_not_grow_from_look_to_look(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TRAINS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert len(told) >= 30
    late = 2 * len(told) // 3  # looks come by the clock: on a busy machine the first one late
    growth = max(told[late:]) - max(told[:late])
    assert growth < 16 * MB, "MB: " + " ".join(str(count >> 20) for count in told)
