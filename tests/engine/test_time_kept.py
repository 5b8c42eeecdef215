"""A time is kept beside other programs: threads and budgets follow a machine of the imagination."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import Discs, differences

from lookalike.engine import session
from lookalike.engine.budget import CLOSING, SAMPLES, Speed, TimeBudget
from lookalike.engine.session import Leg, Planner, Session
from lookalike.engine.state import training_state
from lookalike.engine.threads import WINDOW, StepTime, ThreadTrials, settle
from lookalike.engine.trainer import Trainer
from lookalike.errors import RunError
from lookalike.parts.training.schedules import Clock, Cosine
from lookalike.place import Place
from lookalike.recipe import Recipe, find, make
from lookalike.run import Run

BATCH = 8
ONE, TWO = 17.0, 24.0
"""Images a second of the reference machine on one thread and on two."""
Busy = Callable[[float], int]
"""Programs that compute beside the training at this moment."""


def quiet(now: float) -> int:
    return 0


@dataclass
class Machine:
    """Two cores. Steps on two threads wait for the other program hundreds of times."""

    busy: Busy = quiet
    now: float = 0.0
    threads: int = 2
    counts: list[int] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def step(self, work: float = 1.0) -> StepTime:
        others = self.busy(self.now)
        if self.threads == 2:
            wall, used = (BATCH / TWO, 0.95) if not others else (BATCH / (4.0 / others), 0.4)
        else:
            share = min(1.0, 2 / (1 + others))
            wall, used = BATCH / ONE / share, share
        wall *= work
        self.now += wall
        self.counts.append(self.threads)
        return StepTime(BATCH, wall, wall * used * self.threads)


def trained(machine: Machine, seconds: float) -> float:
    """Steps with trials for so long; images a second."""
    trials, images, begun = ThreadTrials(2, 2), 0, machine.now
    while machine.now < begun + seconds:
        machine.threads = trials.after(machine.step())
        images += BATCH
    return images / (machine.now - begun)


def test_on_a_quiet_machine_nothing_is_tried() -> None:
    machine = Machine()
    assert trained(machine, 300) == pytest.approx(TWO)
    assert set(machine.counts) == {2}


def test_beside_a_busy_program_one_thread_is_kept_and_most_of_the_speed() -> None:
    machine = Machine(lambda now: int(now > 60))
    trained(machine, 60)
    assert trained(machine, 120) > 0.6 * TWO
    assert machine.counts[-1] == 1


def test_when_the_program_ends_all_threads_come_back() -> None:
    machine = Machine(lambda now: int(60 < now < 200))
    trained(machine, 500)
    assert machine.counts[-1] == 2


def test_threads_that_won_by_a_lucky_moment_are_given_up_at_once() -> None:
    lucky = Machine(lambda now: int(now > 6), threads=1)
    trials = ThreadTrials(2, 1)
    while trials.threads == 1:
        lucky.threads = trials.after(lucky.step())
    assert lucky.now < 6
    lucky.counts.clear()
    while lucky.now < 60:
        lucky.threads = trials.after(lucky.step())
    assert trials.threads == 1
    assert lucky.counts.count(2) < 3 + WINDOW


def test_trying_costs_a_few_hundredths_of_the_time() -> None:
    alone = Machine(lambda now: 1)
    assert trained(alone, 1000) > 0.93 * ONE


def test_threads_that_only_wait_are_given_up_where_one_is_as_fast() -> None:
    trials = ThreadTrials(16, 16)
    threads, steps = 16, 0

    def step(threads: int) -> StepTime:  # a small network: more than four only wait
        wall = 0.1 / min(threads, 4) + 0.01 * threads
        return StepTime(BATCH, wall, 0.1 + 0.002 * threads)

    while steps < 400:
        threads = trials.after(step(threads))
        steps += 1
    assert trials.threads in {2, 3, 4}


def test_a_benchmark_beside_a_busy_program_begins_with_one_thread() -> None:
    machine = Machine(lambda now: 1)

    def play(threads: int) -> StepTime:
        machine.threads = threads
        return machine.step()

    assert settle(play, 2, 5.0) == 1
    machine.busy = quiet
    machine.counts.clear()
    assert settle(play, 2, 5.0) == 2
    assert machine.counts == [2, 2]


# ---- a time is kept ----------------------------------------------------------------------------


@dataclass
class Story:
    """A training of the imagination, through the real planner."""

    machine: Machine
    seconds: float = 300.0
    end: float = 20.0
    late: float = 1.0
    nap: tuple[float, float] = (1e9, 0.0)
    legs: list[Leg] = field(default_factory=list)
    shown: list[tuple[float, float]] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    def play(self, monkeypatch: pytest.MonkeyPatch) -> float:
        """Seconds until everything is written."""
        machine = self.machine
        torch = SimpleNamespace(
            get_num_threads=lambda: machine.threads,
            set_num_threads=lambda n: setattr(machine, "threads", n),
        )
        monkeypatch.setattr(session, "torch", torch)
        at = ((0.02, TWO), (0.3, TWO), (0.6, TWO / self.late), (0.97, TWO / self.late))
        mean = len(at) / sum(1 / rate for _, rate in at)
        work = ((0.0, 0.95 * 2 / TWO), (0.5, 0.95 * 2 / TWO * self.late))
        speed = Speed(mean, at, 0.06, looks=self.end, threads=2, work=work)
        time = TimeBudget(self.seconds, speed, clock=machine)
        images = speed.images(self.seconds, BATCH)
        trainer = SimpleNamespace(
            clock=Clock(budget=images),
            recipe=SimpleNamespace(batch=BATCH),
            place=Place(),
            setbacks=(),
        )
        trainer.plan = lambda clock: setattr(trainer, "clock", clock)
        run = SimpleNamespace(
            say=lambda words: None, write_plan=lambda plan: None, write_budget=lambda recipe: None
        )
        planner = Planner(
            cast(Run, run), cast(Trainer, trainer), (Leg(0, images, threads=2),), time
        )
        while not planner.over():
            step = machine.step(self.late if trainer.clock.done > 0.5 else 1.0)
            when, length = self.nap
            if machine.now > when:  # the lid was closed in this step; some clocks go on then
                machine.now += length
                step, self.nap = StepTime(BATCH, step.wall + length, step.processor), (1e9, 0.0)
            trainer.clock = trainer.clock.plus(BATCH)
            self.shares.append(trainer.clock.done)
            planner.after(step)
            self.shown.append((machine.now, time.left(trainer.clock)))
        slow = 1 + machine.busy(machine.now) * (ONE / TWO)
        shorter = min(max(trainer.clock.budget / SAMPLES, 0.25), 1.0)
        machine.now += (self.end * shorter + CLOSING) * slow
        self.legs = planner.legs
        return machine.now


@pytest.mark.parametrize(
    "busy",
    [
        quiet,
        lambda now: int(now > 150),
        lambda now: 1,
        lambda now: int(now < 100),
        lambda now: 4 * int(now > 100),
        lambda now: int(now // 40 % 2),
    ],
    ids=["alone", "from the middle", "beside", "at first", "four from a third", "on and off"],
)
def test_five_minutes_end_within_a_tenth(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(Machine(busy))
    assert story.play(monkeypatch) == pytest.approx(300, rel=0.1)


def test_phases_that_begin_late_were_measured_and_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story(Machine(), late=2.0)
    assert story.play(monkeypatch) == pytest.approx(300, rel=0.05)


def test_a_computer_that_sleeps_gives_no_time_away(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(Machine(), nap=(100.0, 3600.0))
    assert story.play(monkeypatch) == pytest.approx(3900, rel=0.01)


def test_shares_of_the_budget_only_rise_and_end_at_one(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(Machine(lambda now: int(now // 40 % 2)))
    story.play(monkeypatch)
    assert len(story.legs) > 2
    assert story.shares == sorted(story.shares)
    assert story.shares[-1] == 1.0
    steps = [b - a for a, b in zip(story.shares, story.shares[1:], strict=False)]
    assert max(steps) < 0.03, "no schedule jumps"


@pytest.mark.parametrize("busy", [quiet, lambda now: 1], ids=["alone", "beside"])
def test_the_time_left_that_is_shown_is_never_off_by_a_quarter(
    busy: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(Machine(busy))
    ended = story.play(monkeypatch)
    for now, left in story.shown:
        if now > 60:
            assert left == pytest.approx(ended - now, rel=0.25)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    slow=st.lists(st.floats(0.6, 5.0), min_size=1, max_size=6),
    seconds=st.sampled_from([150.0, 300.0, 3600.0]),
)
def test_whatever_the_machine_does_the_time_is_kept(slow: list[float], seconds: float) -> None:
    class Moody(Machine):
        def step(self, work: float = 1.0) -> StepTime:
            piece = int(self.now / (0.85 * seconds) * len(slow))
            return super().step(slow[min(piece, len(slow) - 1)] * work)

    with pytest.MonkeyPatch.context() as patch:
        ended = Story(Moody(), seconds=seconds, end=0.02 * seconds).play(patch)
    assert ended == pytest.approx(seconds, rel=0.1)


# ---- what is kept is followed -------------------------------------------------------------------


class Slowing:
    """A clock that moves by each look at it, slower and slower."""

    def __init__(self) -> None:
        self.now, self.each = 0.0, 0.01

    def __call__(self) -> float:
        self.each *= 1.01
        self.now += self.each
        return self.now


def recipe_of(images: int) -> Recipe:
    frame = {"size": 8, "channels": 3, "labels": 0, "classes": 0}
    made = make(find("tiny"), {"images": images, "batch": 8, "width": 4}, frame)
    falling = {n: replace(plan, rate=Cosine(peak=1e-2)) for n, plan in made.optimizers.items()}
    return replace(made, optimizers=falling)


def session_of(run: Run, legs: tuple[Leg, ...], time: TimeBudget | None = None) -> Session:
    trainer = Trainer(recipe_of(legs[0].budget), Discs(8), Place(threads=1))
    planner = Planner(run, trainer, legs, time)
    return Session(run, trainer, planner=planner)


def played(run: Run, legs: tuple[Leg, ...], time: TimeBudget | None = None) -> dict[str, Any]:
    """The state at the end of these legs, and of those that the time brings."""
    with run.writing():
        run.write_recipe(recipe_of(legs[0].budget))
        run.write_env({"budgets": [legs[0].budget]})
        session = session_of(run, legs, time)
        session.fit()
        return training_state(session.trainer)


def timed() -> TimeBudget:
    return TimeBudget(30.0, Speed(100.0, ()), clock=Slowing())


@pytest.mark.slow
def test_a_plan_that_is_followed_from_the_start_gives_the_same_bits(tmp_path: Path) -> None:
    first, again = Run(tmp_path / "a"), Run(tmp_path / "b")
    state = played(first, (Leg(0, 2400),), timed())
    legs = Leg.read(first.plan())
    assert len(legs) > 2, "it was planned anew"
    assert legs[-1].budget == first.recipe().images == first.env()["budgets"][-1]
    assert state["clock"][0] == legs[-1].budget < 2400
    assert differences(state, played(again, legs)) == []
    other = played(Run(tmp_path / "c"), (Leg(0, legs[-1].budget),))
    assert differences(state, other), "in one piece it is another run"


@pytest.mark.slow
def test_a_run_that_was_killed_plays_its_legs_again(tmp_path: Path) -> None:
    run = Run(tmp_path / "a")
    whole = played(run, (Leg(0, 2400),), timed())
    legs = Leg.read(run.plan())
    killed = Run(tmp_path / "b")
    with killed.writing():
        killed.write_recipe(recipe_of(legs[0].budget))
        session = session_of(killed, legs)
        while session.trainer.clock.images < legs[1].images:
            session.planner.over()
            session.trainer.step()
        session.save()  # the last one before the process is killed, some legs later
    with killed.writing():
        late = session_of(killed, Leg.read(killed.plan()))
        late.fit()
    assert differences(whole, training_state(late.trainer)) == []


@pytest.mark.parametrize("legs", ["x", [1], [{"images": 0}], [{"images": 0, "since": 3}]])
def test_a_plan_of_another_kind_is_refused_in_words(legs: Any) -> None:
    with pytest.raises(RunError, match=r"plan\.json"):
        Leg.read({"legs": legs})


def test_a_time_is_read_as_it_was_kept(tmp_path: Path) -> None:
    time = timed()
    time.speed = Speed(10.0, ((0.5, 10.0),), 0.1, 2.0, 0.05, 2, ((0.5, 0.2),))
    run = Run(tmp_path)
    planner = session_of(run, (Leg(0, 80, threads=2),), time).planner
    planner.save()
    kept = TimeBudget.read(run.plan())
    assert kept is not None
    assert (kept.seconds, kept.speed) == (30.0, time.speed)
    assert kept.spent == pytest.approx(time.elapsed, abs=0.5)
    assert TimeBudget.read({}) is None
