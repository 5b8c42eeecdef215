"""Rules with a memory: followed by hand, simulated over 10^5 steps, and through JSON."""

import json
import math

import pytest

from lookalike import seeds
from lookalike.parts.training.adaptive import (
    Chance,
    Explicit,
    MovingAverage,
    NoiseController,
    tricks,
)
from lookalike.parts.training.schedules import Clock, State, Tally, Value
from lookalike.parts.training.triggers import Moment
from lookalike.recipes.dcgan_boosted import (
    D_BOOST,
    D_PLAIN,
    D_SWAPPED,
    G_BOOST,
    G_PLAIN,
    Boost,
    flagged,
)

STEPS = 100_000
Z = 3.2905  # 99.9 % of a normal, two-sided
NOTHING = Tally({}, {}, {})


def bounds(trials: float, chance: float) -> tuple[float, float]:
    half = Z * math.sqrt(trials * chance * (1 - chance)) + 0.5
    return trials * chance - half, trials * chance + half


def played(rule: Value, draws: list[float]) -> list[int]:
    """The numbers of the steps; the first step has no draw."""
    state, found = rule.start(), []
    for draw in [*draws, 0.5]:
        found.append(int(rule.at(Clock(), state)))
        state = rule.after(Clock(), state, NOTHING, draw)
    return found


def addressed(name: str, count: int = STEPS) -> list[float]:
    """The draws that the trainer would make."""
    return [seeds.number(0, f"value/{name}", step) / 2**63 for step in range(count)]


def test_outside_boosts_clean_or_swapped_labels_then_g() -> None:
    assert played(Boost(), [0.5, 0.929, 0.931, 0.999]) == [
        D_PLAIN + G_PLAIN,
        D_PLAIN + G_PLAIN,
        D_PLAIN + G_PLAIN,
        D_SWAPPED + G_PLAIN,
        D_SWAPPED + G_PLAIN,
    ]


def test_a_boost_of_d_is_a_hundred_updates_and_its_last_step_plays_the_rest_too() -> None:
    steps = played(Boost(), [0.0005, *[0.5] * 98, 0.95, 0.5])
    assert steps[1:100] == [D_BOOST] * 99
    assert steps[100] == D_BOOST + D_SWAPPED + G_PLAIN
    assert steps[101] == D_PLAIN + G_PLAIN


def test_a_boost_of_g_begins_behind_d_and_ends_with_one_more_g() -> None:
    steps = played(Boost(), [0.00005, *[0.5] * 99, 0.5])
    assert steps[1] == D_PLAIN + G_BOOST
    assert steps[2:100] == [G_BOOST] * 98
    assert steps[100] == G_BOOST + G_PLAIN
    assert steps[101] == D_PLAIN + G_PLAIN


def test_triggers_during_a_boost_are_ignored_but_hold_back_the_plain_g() -> None:
    steps = played(Boost(), [0.0005, *[0.00005] * 98, 0.0005, 0.5])
    assert steps[1:100] == [D_BOOST] * 99
    assert steps[100] == D_BOOST + D_PLAIN  # k = 0.0005 is below 0.001: no plain G
    assert steps[101] == D_PLAIN + G_PLAIN


@pytest.mark.slow
def test_over_many_steps_boosts_and_noisy_labels_come_with_their_chances() -> None:
    rule, state = Boost(), Boost().start()
    free = begun_d = begun_g = noisy = 0
    for draw in addressed("play"):
        before = str(state["boost"])
        state = rule.after(Clock(), state, NOTHING, draw)
        begins = not before or int(state["played"]) == 0
        if begins:
            free += 1
            begun_d += state["boost"] == "D"
            begun_g += state["boost"] == "G"
            noisy += not state["boost"] and int(rule.at(Clock(), state)) & D_SWAPPED > 0
    assert free < STEPS
    for count, chance in ((begun_d, 0.0009), (begun_g, 0.0001), (noisy, 0.07)):
        low, high = bounds(free, chance)
        assert low <= count <= high
    assert begun_d > 0


@pytest.mark.slow
def test_noisy_labels_come_with_their_chance_and_differ_by_address() -> None:
    steps = played(Chance(chance=0.07), addressed("swap"))
    low, high = bounds(STEPS, 0.07)
    assert low <= sum(steps) <= high
    assert set(steps) == {0, 1}
    assert steps != played(Chance(chance=0.07), addressed("other"))


def test_the_turns_of_a_boost_read_its_blocks() -> None:
    def at(code: int) -> Moment:
        return Moment(Clock(), {"play": float(code)}, {})

    assert flagged("play", D_SWAPPED).plays(at(D_BOOST + D_SWAPPED + G_PLAIN))
    assert not flagged("play", D_PLAIN).plays(at(D_BOOST + D_SWAPPED + G_PLAIN))
    assert flagged("play", G_BOOST, G_PLAIN).plays(at(D_PLAIN + G_BOOST))


def test_the_first_step_draws_like_every_other() -> None:
    assert Boost().at(Clock(), Boost().opening(0.95)) == D_SWAPPED + G_PLAIN
    assert Boost().at(Clock(), Boost().opening(0.0005)) == D_BOOST
    assert Boost().at(Clock(), Boost().opening(0.00005)) == D_PLAIN + G_BOOST
    assert Chance(chance=0.07).at(Clock(), Chance(chance=0.07).opening(0.06)) == 1.0
    assert Chance(chance=0.07).at(Clock(), Chance(chance=0.07).opening(0.08)) == 0.0


def test_explicit_training_lets_the_lagging_player_catch_up_alone() -> None:
    rule = Explicit(block=2, window=2, alone=3)

    def run(losses: list[tuple[float, float]]) -> list[int]:
        state, found = rule.start(), []
        for d, g in losses:
            found.append(int(rule.at(Clock(), state)))
            state = rule.after(Clock(), state, Tally({"D": d, "G": g}, {}, {}), 0.5)
        return found

    level = [(1.0, 1.0)] * 2
    assert run(level + [(2.0, 0.5)] * 2 + [(1.0, 1.0)] * 4) == [0, 0, 0, 0, 1, 1, 1, 0]
    assert run(level + [(0.5, 2.0)] * 2 + [(1.0, 1.0)] * 4) == [0, 0, 0, 0, 2, 2, 2, 0]
    assert run(level + [(2.0, 2.0)] * 2 + [(1.0, 1.0)]) == [0, 0, 0, 0, 0]  # both lag: both play
    forgotten = [(9.0, 1.0)] * 2 + [(1.0, 0.9)] * 2 + [(1.5, 0.8)] * 2 + [(1.6, 0.7)] * 2
    assert run([*forgotten, (1.0, 1.0)])[-1] == 1  # the 9 has left the window of 2


def test_a_followed_fact_is_its_exponential_average() -> None:
    rule, state = MovingAverage(fact="x", keep=0.9), MovingAverage(fact="x", keep=0.9).start()
    assert rule.at(Clock(), state) == 0.0
    for told in ({"x": 1.0}, {}, {"x": 2.0}):
        state = rule.after(Clock(), state, Tally({}, {}, told), 0.5)
    assert rule.at(Clock(), state) == pytest.approx(0.9 * 1 + 0.1 * 2)


def test_answering_noise_grows_while_d_is_sure_and_shrinks_while_it_is_not() -> None:
    rule = NoiseController(first=0.1, wanted=0.5, speed=0.01, most=0.12)
    state: State = rule.start()
    for _ in range(5):
        state = rule.after(Clock(), state, Tally({}, {}, {"D(real)": 0.9, "D(fake)": 0.1}), 0.5)
    assert rule.at(Clock(), state) == pytest.approx(0.12)
    for _ in range(40):
        state = rule.after(Clock(), state, Tally({}, {}, {"D(real)": 0.5, "D(fake)": 0.5}), 0.5)
    assert rule.at(Clock(), state) == 0.0


@pytest.mark.parametrize(
    "rule",
    [
        Boost(length=3, d_chance=0.3, g_chance=0.2),
        Chance(chance=0.3),
        Explicit(block=2, alone=2),
        MovingAverage(fact="x"),
        NoiseController(),
    ],
)
def test_a_rule_goes_on_from_its_state_in_json(rule: Value) -> None:
    def tally(step: int) -> Tally:
        told = {"x": step / 7, "D(real)": 0.9, "D(fake)": step % 3 / 2}
        return Tally({"D": step % 5, "G": step % 3}, {}, told)

    whole, halted, numbers = rule.start(), rule.start(), []
    for step, draw in enumerate(addressed("json", 200)):
        numbers.append(rule.at(Clock(), whole))
        assert rule.at(Clock(), halted) == numbers[-1]
        whole = rule.after(Clock(), whole, tally(step), draw)
        halted = json.loads(json.dumps(rule.after(Clock(), halted, tally(step), draw)))
    assert len(set(numbers)) > 1


def test_tricks_give_the_values_that_they_need() -> None:
    assert tricks() == {}
    found = tricks(instance_noise=0.1, noisy=0.07, lecam=True)
    assert set(found) == {"instance_noise", "swap", "lecam/real", "lecam/fake"}
    assert found["instance_noise"].at(Clock(50, 1, 100), {}) == pytest.approx(0.05)
