"""A training that goes wrong goes back to its last good state; one that does not is left alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from pictures import Discs, differences

from lookalike.engine.batches import SourceBatch, SplitBatches
from lookalike.engine.session import MOST_SETBACKS, Session
from lookalike.engine.state import training_state
from lookalike.engine.trainer import Setback, Trainer
from lookalike.engine.watcher import Request, Scene, Watcher
from lookalike.errors import NotFiniteError, TrainingError
from lookalike.metrics.scores.sample_stats import RealStats, SampleStats
from lookalike.parts.training.schedules import Tally
from lookalike.place import Place
from lookalike.recipe import find, make
from lookalike.run import GOOD, Run
from lookalike.watch.health import Health
from lookalike.watch.numbers import Numbers
from lookalike.watch.watchdog import Watchdog, alarm, exploded, good, won

SURE = {"D(real)": 0.999, "D(fake)": 0.001}
WELL = SampleStats(variety=0.9, twins=0.0, distance=1.2, roughness=2.0)
BATCH = 8


@dataclass
class Nods(Watcher):
    """Finds every fourth state good, and one step bad as often as it is told."""

    bad: int = 30
    often: int = 1
    name: str = "nods"

    def after(self, scene: Scene, tally: Tally) -> None:
        """Nothing."""

    def asks(self, scene: Scene) -> Request | None:
        step, setbacks = scene.trainer.clock.step, len(scene.trainer.setbacks)
        if step == self.bad and setbacks < self.often:
            return Request(back="somebody said so")
        return None if step % 4 else Request()


@dataclass
class Poison(Watcher):
    """A weight becomes NaN at a step, once or always."""

    step: int
    always: bool = False
    name: str = "poison"

    def after(self, scene: Scene, tally: Tally) -> None:
        trainer = scene.trainer
        if trainer.clock.step == self.step and (self.always or not trainer.setbacks):
            with torch.no_grad():
                next(trainer.networks["D"].parameters())[0] = float("nan")


def trainer_of(steps: int = 40) -> Trainer:
    frame = {"size": 8, "channels": 3, "labels": 0}
    changes = {"images": steps * BATCH, "batch": BATCH, "width": 4}
    return Trainer(make(find("tiny"), changes, frame), Discs(8), Place(threads=1))


def session_of(run: Run, watchers: Sequence[Watcher], steps: int = 40) -> Session:
    return Session(run, trainer_of(steps), watchers, save_every=1e9)


def played(run: Run, watchers: Sequence[Watcher]) -> dict[str, Any]:
    """The state at the end."""
    with run.writing():
        session = session_of(run, watchers)
        session.fit()
    return training_state(session.trainer)


@pytest.mark.slow
def test_it_goes_back_with_its_optimizers_and_on_at_half_the_rate(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    with run.writing():
        session = session_of(run, [Numbers(), Nods()])
        rates = []
        step = session.trainer.step

        def watched() -> Tally:
            tally = step()
            rates.append(session.trainer.optimizers["G"].param_groups[0]["lr"])
            return tally

        session.trainer.step = watched  # type: ignore[method-assign]
        session.fit()
    assert session.trainer.setbacks == (Setback(30 * BATCH, 28 * BATCH, "somebody said so"),)
    assert rates == [1e-3] * 30 + [5e-4] * 12

    by_hand = trainer_of()
    for _ in range(28):
        by_hand.step()
    by_hand.setbacks = session.trainer.setbacks
    for _ in range(12):
        by_hand.step()
    assert differences(training_state(session.trainer), training_state(by_hand)) == []
    log = (run.path / "log.txt").read_text()
    assert log.count("went wrong") == 1
    assert "240 images: somebody said so" in log
    images = [line["images"] for line in run.stats()]
    assert images == sorted(set(images)), "numbers of what went wrong are gone"


@pytest.mark.slow
def test_a_run_that_went_back_repeats_and_continues_bit_for_bit(tmp_path: Path) -> None:
    whole = played(Run(tmp_path / "a"), [Nods()])
    assert differences(whole, played(Run(tmp_path / "b"), [Nods()])) == []
    for stopped in (10, 29, 31, 35):  # steps, before and after it went back
        run = Run(tmp_path / f"stopped-{stopped}")
        with run.writing():
            session = session_of(run, [Nods()])
            step, count = session.trainer.step, iter(range(stopped))

            def counted(step: Any = step, count: Any = count, session: Session = session) -> Tally:
                session.stop.asked = next(count, None) is None or session.stop.asked
                tally: Tally = step()
                return tally

            session.trainer.step = counted  # type: ignore[method-assign]
            session.fit()
        assert differences(whole, played(run, [Nods()])) == []


@pytest.mark.slow
def test_the_setbacks_stand_in_the_plan_and_in_every_checkpoint(tmp_path: Path) -> None:
    from lookalike.engine.session import Leg, Planner

    run = Run(tmp_path / "run")
    with run.writing():
        trainer = trainer_of()
        planner = Planner(run, trainer, (Leg(0, trainer.recipe.images),))
        Session(run, trainer, [Nods()], save_every=1e9, planner=planner).fit()
    setbacks = [asdict(setback) for setback in trainer.setbacks]
    assert run.plan()["setbacks"] == setbacks
    assert run.state("last")["setbacks"] == setbacks
    assert (run.checkpoints / GOOD).is_file()
    assert run.good(39 * BATCH) is None, "it is from after these images"


@pytest.mark.slow
def test_a_number_that_is_none_is_gone_back_from_and_stops_where_nobody_looks(
    tmp_path: Path,
) -> None:
    run = Run(tmp_path / "watched")
    played(run, [Nods(bad=-1), Poison(18)])
    (setback,) = run.state("last")["setbacks"]
    assert (setback["found"], setback["back"]) == (18 * BATCH, 16 * BATCH)
    assert "NaN" in setback["why"]
    with pytest.raises(NotFiniteError):
        played(Run(tmp_path / "alone"), [Poison(18)])


def test_several_processes_do_not_go_back_since_one_of_them_alone_would(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    with run.writing():
        session = session_of(run, [Nods()])
        session.trainer.place = replace(session.trainer.place, world=2)
        assert session.fit().finished
    assert session.trainer.setbacks == ()
    assert not (run.checkpoints / GOOD).exists()
    with Run(tmp_path / "poisoned").writing() as poisoned:
        session = session_of(poisoned, [Nods(bad=-1), Poison(18)])
        session.trainer.place = replace(session.trainer.place, world=2)
        with pytest.raises(NotFiniteError):
            session.fit()


@pytest.mark.slow
def test_the_good_state_is_a_checkpoint_however_many_there_are_behind_it(tmp_path: Path) -> None:
    whole = played(Run(tmp_path / "whole"), [Nods()])
    run = Run(tmp_path / "run")
    with run.writing():
        session = session_of(run, [Nods()])
        step = session.trainer.step

        def saving() -> Tally:
            if session.trainer.clock.step == 30:  # it went back to 28 before this step is played
                raise AssertionError("it did not go back")
            if session.trainer.setbacks:
                session.stop.asked = True
            tally = step()
            if session.trainer.clock.step == 29 and not session.trainer.setbacks:
                for images in (29 * BATCH, 29 * BATCH + 1):
                    run.save(images, {"clock": [images, 29]})
            return tally

        session.trainer.step = saving  # type: ignore[method-assign]
        rewind = run.rewind

        def rewound(images: int) -> None:
            rewind(images)
            assert run.newest()[0] is not None, "a kill at this moment costs the whole training"
            assert [int(path.stem) for path in run._numbered()] == [28 * BATCH]

        run.rewind = rewound  # type: ignore[method-assign]
        session.fit()
    assert len(session.trainer.setbacks) == 1
    assert differences(whole, played(run, [Nods()])) == []


def test_what_goes_wrong_again_and_again_ends_with_a_sentence_and_its_last_good_state(
    tmp_path: Path,
) -> None:
    run = Run(tmp_path / "run")
    with pytest.raises(TrainingError, match=r"went wrong at 144 images.*last good state \(128 im"):
        played(run, [Nods(bad=-1), Poison(18, always=True)])
    state = run.state("last")
    assert state["clock"][0] == 16 * BATCH
    assert len(state["setbacks"]) == MOST_SETBACKS
    assert all(bool(torch.isfinite(value).all()) for value in state["networks"].values())


@pytest.mark.slow
def test_a_kill_between_the_new_checkpoint_and_the_end_of_the_old_ones_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = played(Run(tmp_path / "whole"), [Nods()])
    run = Run(tmp_path / "killed")
    with run.writing():
        session = session_of(run, [Nods()])
        step = session.trainer.step

        def saving() -> Tally:
            if session.trainer.clock.step == 29:
                session.save()
            return step()

        session.trainer.step = saving  # type: ignore[method-assign]
        with monkeypatch.context() as patch:
            patch.setattr(Run, "rewind", _killed)
            with pytest.raises(KeyboardInterrupt):
                session.fit()
    assert len(list(run.checkpoints.glob("0*.safetensors"))) == 2
    assert differences(whole, played(run, [Nods()])) == []


def _killed(run: Run, images: int) -> None:
    raise KeyboardInterrupt


# ---- what it looks for -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (replace(WELL, variety=0.01), "same picture"),
        (replace(WELL, variety=0.2), "20% of the variety"),
        (replace(WELL, twins=0.8), "near twin"),
        (replace(WELL, distance=6.0), "6 times as far"),
    ],
)
def test_samples_that_went_wrong_are_named(look: SampleStats, words: str) -> None:
    assert words in alarm(look)
    assert not good(look)
    assert alarm(WELL) == ""
    assert good(WELL)


def test_samples_in_between_are_neither_good_nor_alarming() -> None:
    look = replace(WELL, variety=0.4)
    assert not good(look)
    assert alarm(look) == ""


def test_noise_is_told_by_what_the_run_itself_was() -> None:
    assert "as rough" in alarm(replace(WELL, roughness=9.0), rough=True)
    assert alarm(replace(WELL, roughness=9.0)) == ""
    assert "as far" not in alarm(replace(WELL, roughness=9.0), rough=True)


def test_blurs_that_become_as_sharp_as_the_real_pictures_are_no_noise(
    trainer: Trainer, run: Run
) -> None:
    class Reality:
        roughness = 0.1

        def look(self, samples: Any) -> SampleStats:
            return replace(WELL, roughness=self.roughness)

    scene, dog, reality = Scene(trainer, run), Watchdog(every=1), Reality()
    dog._real = cast(RealStats, reality)
    assert dog.asks(scene) == Request()
    for roughness in (0.5, 0.95):
        dog._largest["roughness"], reality.roughness = 0.1, roughness
        assert dog.asks(scene) == Request()
    dog._largest["roughness"], reality.roughness = 0.1, 1.5
    request = dog.asks(scene)
    assert request is not None
    assert "1.5 times as rough as the real pictures" in request.back


def test_a_loss_has_exploded_beside_those_of_good_states() -> None:
    assert exploded({"loss D": 500.0}, {"loss D": 2.0})
    assert exploded({"loss D": 150.0}, {"loss D": 2.0}) == ""
    assert exploded({"loss D": 9.0}, {"loss D": 0.0001}) == "", "losses that are nearly nothing"
    assert exploded({"loss D": 5e9}, {}) == "", "nothing is known of good states"


def test_d_has_won_by_its_probabilities_or_beyond_its_margin() -> None:
    assert won({"D(real)": 0.99, "D(fake)": 0.01})
    assert won({"D(settled)": 1.0})
    for even in ({"D(real)": 0.99, "D(fake)": 0.1}, {"D(settled)": 0.9}, {}):
        assert won(even) == ""


def test_nothing_is_asked_before_samples_were_good(trainer: Trainer, run: Run) -> None:
    scene, dog = Scene(trainer, run), Watchdog(every=1)
    dog.begin(scene)
    for _ in range(3):  # one picture, from the first step on
        dog.after(scene, trainer.step())
        assert dog.asks(scene) is None
    dog.was_good = True
    with torch.no_grad():
        [w for w in trainer.networks["G"].parameters() if w.ndim > 1][-1].zero_()
    request = dog.asks(scene)
    assert request is not None
    assert "same picture" in request.back
    again = Watchdog(every=1)
    again.load(json.loads(json.dumps(dog.state())))
    assert again.state() == dog.state()


def test_a_sure_d_has_won_where_g_loses_by_it(trainer: Trainer, run: Run) -> None:
    class Reality:
        seen = WELL

        def look(self, samples: Any) -> SampleStats:
            return self.seen

    def asked(loss: float, seen: SampleStats = WELL, fake: float = 0.001) -> Request | None:
        dog._means.add({**SURE, "D(fake)": fake, "loss G": loss})
        reality.seen = seen
        return dog.asks(scene)

    scene, dog, reality = Scene(trainer, run), Watchdog(every=1), Reality()
    dog._real = cast(RealStats, reality)
    assert asked(9.0) is None, "sure from the start on: no state is good"
    assert asked(1.0, fake=0.4) == Request()
    assert asked(1.4) is None, "sure, but G draws as before and loses little more"
    poor = replace(WELL, variety=0.4)
    for request in (asked(1.6), asked(1.0, poor)):
        assert request is not None
        assert "discriminator" in request.back
    trainer.setbacks = (Setback(2, 1, "won"),) * MOST_SETBACKS
    assert asked(9.0) is None, "samples are well, so the light says it and nothing is ended"


def test_a_loss_is_a_mean_over_the_steps_that_its_player_played(trainer: Trainer, run: Run) -> None:
    class Reality:
        def look(self, samples: Any) -> SampleStats:
            return WELL

    dog = Watchdog(every=1)
    dog._real = cast(RealStats, Reality())
    for totals in ({"D": 1.0}, {"D": 3.0, "G": -4.0}):
        dog.after(Scene(trainer, run), Tally(totals, {}, {}))
    assert dog.asks(Scene(trainer, run)) == Request()
    assert dog._largest == {"loss D": 2.0, "loss G": 4.0, "roughness": WELL.roughness}


def test_a_checkpoint_that_counted_steps_is_gone_on_from_without_its_losses() -> None:
    dog = Watchdog()
    kept = {"sums": {"loss G": 9.0}, "steps": 3, "calm": [0.2], "good": True, "lost": 1}
    dog.load({**kept, "largest": {"loss G": 0.2, "roughness": 0.9}})
    assert dog.state() == {
        **Watchdog().state(),
        "largest": {"roughness": 0.9},
        "good": True,
        "lost": 1,
    }


def test_the_real_pictures_are_read_once_for_the_light_and_the_watchdog(
    trainer: Trainer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    some, read = SplitBatches.some, []

    def counted(source: SplitBatches, count: int, first: int = 0) -> SourceBatch:
        batch = some(source, count, first)
        read.extend(range(first, first + len(batch.images)))
        return batch

    monkeypatch.setattr(SplitBatches, "some", counted)
    scene, dog, health = Scene(trainer, run), Watchdog(), Health()
    for watcher in (dog, health):
        watcher.begin(scene)
    assert read == list(range(len(trainer.source)))
    assert dog._real is health._real is not None


def test_looking_leaves_the_training_as_it_is(trainer: Trainer, run: Run) -> None:
    frame = trainer_of()
    watched, alone = trainer_of(), frame
    dog, scene = Watchdog(every=1), Scene(watched, run)
    dog.begin(scene)
    for _ in range(5):
        dog.after(scene, watched.step())
        dog.asks(scene)
        alone.step()
    assert differences(training_state(watched), training_state(alone)) == []
