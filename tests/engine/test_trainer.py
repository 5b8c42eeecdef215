from __future__ import annotations

from dataclasses import dataclass, replace

import players
import pytest
import torch
from pictures import Discs, differences
from players import Heard, critic, maker, weights

from lookalike import seeds
from lookalike.engine.checks import check_range, check_weights
from lookalike.engine.state import restore, training_state
from lookalike.engine.trainer import Trainer
from lookalike.errors import CheckpointError, NotFiniteError, RangeError, TrainingError
from lookalike.parts.latents.priors import Fitted
from lookalike.parts.losses.base import Clip, Phase, Terms
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Networks
from lookalike.parts.training.adaptive import Chance
from lookalike.parts.training.optimizers import SGD, Adam, RMSprop
from lookalike.parts.training.schedules import Clock, Constant, Linear, State, Tally, Value
from lookalike.parts.training.triggers import Every, Gate, When
from lookalike.place import Place
from lookalike.recipe import Recipe


def trainer_of(recipe: Recipe, source: Discs | None = None) -> Trainer:
    return Trainer(recipe, source or Discs(8), Place())


def pull(to: float, player: str = "G") -> object:
    """A loss whose gradient moves one weight in a known way: mean of (bias - to)^2 / 2."""

    def loss(game: Game, batch: Batch) -> Terms:
        network = game.networks[player]
        bias = network.layer.bias[0]
        return Terms(pull=((bias - to) ** 2 / 2).expand(len(batch)))

    return loss


def in_range(trainer: Trainer) -> None:
    check_range(trainer.recipe, trainer.source, trainer.sampler())


def bias(trainer: Trainer, player: str = "G") -> float:
    return float(trainer.networks[player].layer.bias[0].detach())


def test_a_step_of_gradient_descent_is_the_one_on_paper() -> None:
    phase = Phase(("G",), pull(3.0))
    trainer = trainer_of(players.recipe(phase, optimizers={"G": SGD(rate=Constant(0.5))}))
    before = bias(trainer)
    tally = trainer.step()
    assert bias(trainer) == pytest.approx(before + 0.5 * (3.0 - before))
    assert tally.totals == {"G": pytest.approx((before - 3.0) ** 2 / 2)}
    assert tally.terms == {"G/pull": tally.totals["G"]}
    assert trainer.clock == Clock(8, 1, 64)


def test_the_rate_is_the_one_of_this_moment() -> None:
    rate = Linear(start_value=0.0, end_value=1.0)
    phase = Phase(("G",), pull(3.0))
    trainer = trainer_of(players.recipe(phase, optimizers={"G": SGD(rate=rate)}, images=16))
    before = bias(trainer)
    trainer.step()
    assert bias(trainer) == before
    trainer.step()  # half of the budget is behind us: the rate is 0.5
    assert bias(trainer) == pytest.approx(before + 0.5 * (3.0 - before))


def test_phases_play_when_their_turn_says_so() -> None:
    heard = Heard(maker)
    phases = Phase(("D",), critic), Phase(("G",), heard, turn=Every(3))
    trainer = trainer_of(players.recipe(*phases))
    moved = []
    for _ in range(7):
        before = weights(trainer.networks["G"])
        trainer.step()
        moved.append(not torch.equal(before, weights(trainer.networks["G"])))
    assert moved == [True, False, False, True, False, False, True]
    assert len(heard.batches) == 3


@dataclass(frozen=True)
class Told(Value):
    """Counts steps in its state; shows it as a number."""

    def start(self) -> State:
        return {"steps": 0}

    def at(self, clock: Clock, state: State) -> float:
        return float(state["steps"])

    def after(self, clock: Clock, state: State, tally: Tally, draw: float) -> State:
        return {"steps": state["steps"] + 1, "draw": draw}


def test_a_value_with_a_memory_moves_once_a_step_and_turns_can_read_it() -> None:
    heard = Heard(maker)
    recipe = players.recipe(
        Phase(("G",), heard, turn=When("told", (1.0, 3.0))), values={"told": Told()}
    )
    trainer = trainer_of(recipe)
    for _ in range(5):
        trainer.step()
    assert len(heard.batches) == 2
    assert trainer.now() == {"told": 5.0}
    assert 0 <= trainer.states["told"]["draw"] < 1
    again = trainer_of(recipe)
    restore(again, training_state(trainer))
    assert again.now() == {"told": 5.0}


def test_the_gate_compares_this_loss_of_d_with_gs_loss_of_the_step_before() -> None:
    told = [(0.1, 1.0), (0.51, 1.0), (0.49, 2.0), (0.75, 0.5), (0.26, 0.5), (0.25, 9.0)]
    now: list[tuple[float, float]] = []

    def fixed(index: int, player: str) -> object:
        def loss(game: Game, batch: Batch) -> Terms:
            weight = next(game.networks[player].parameters()).sum()
            return Terms(x=(weight - weight.detach() + now[-1][index]).expand(len(batch)))

        return loss

    phases = Phase(("D",), fixed(0, "D"), turn=Gate("G", 0.5)), Phase(("G",), fixed(1, "G"))
    trainer = trainer_of(players.recipe(*phases))
    moved = []
    for pair in told:
        now.append(pair)
        weight = next(trainer.networks["D"].parameters())
        before = weight.detach().clone()
        tally = trainer.step()
        assert tally.totals["D"] == pytest.approx(pair[0]), "told also when D rests"
        moved.append(not torch.equal(weight, before))
    # 1: no step before. 2: 0.51 > 0.5 x 1. 3: 0.49 < 0.5 x 1. 4: 0.75 < 0.5 x 2.
    # 5: 0.26 > 0.5 x 0.5. 6: 0.25 is exactly 0.5 x 0.5.
    assert moved == [True, True, False, False, True, False]


def test_a_player_with_two_phases_in_a_step_tells_the_sum_of_both() -> None:
    def fixed(value: float, player: str) -> object:
        def loss(game: Game, batch: Batch) -> Terms:
            weight = next(game.networks[player].parameters()).sum() * 0
            return Terms(x=(weight + value).expand(len(batch)))

        return loss

    phases = [Phase(("D",), fixed(0.5, "D")), Phase(("D",), fixed(0.25, "D"))]
    tally = trainer_of(players.recipe(*phases, Phase(("G",), fixed(2.0, "G")))).step()
    assert tally.totals == pytest.approx({"D": 0.75, "G": 2.0})
    assert tally.terms["D/x"] == pytest.approx(0.75)


def test_values_that_draw_do_so_in_the_first_step_too() -> None:
    made = players.recipe(Phase(("D",), critic))
    first = {
        trainer_of(replace(made, seed=seed, values={"swap": Chance(chance=0.5)})).now()["swap"]
        for seed in range(12)
    }
    assert first == {0.0, 1.0}


def test_phases_that_play_together_see_one_state() -> None:
    def chase(own: str, other: str) -> object:
        def loss(game: Game, batch: Batch) -> Terms:
            mine, theirs = (game.networks[n].layer.bias[0] for n in (own, other))
            return Terms(x=((mine - theirs.detach()) ** 2 / 2).expand(len(batch)))

        return loss

    def meet(together: bool) -> tuple[float, float]:
        d = Phase(("D",), chase("D", "G"), together=together)
        g = Phase(("G",), chase("G", "D"), together=together)
        player = SGD(rate=Constant(1.0))
        trainer = trainer_of(players.recipe(d, g, optimizers={"G": player, "D": player}))
        for name, start in (("G", 1.0), ("D", 0.0)):
            torch.nn.init.constant_(trainer.networks[name].layer.bias, start)
        trainer.step()
        return bias(trainer, "D"), bias(trainer, "G")

    assert meet(together=True) == (1.0, 0.0)  # they swap places
    assert meet(together=False) == (1.0, 1.0)  # D came to G, and G had nowhere to go


@pytest.mark.parametrize("micro_batches", [2, 4, 8])
def test_micro_batches_give_the_whole_step(micro_batches: int) -> None:
    def facts(game: Game, batch: Batch) -> Terms:
        game.facts["level"] = float(batch.images.mean())
        other = game.discriminate(game.generate(batch.fresh("other")))
        return Terms(**critic(game, batch), other=other.square())

    def played(count: int) -> tuple[Trainer, Tally]:
        phases = Phase(("D",), facts), Phase(("G",), maker)
        trainer = trainer_of(players.recipe(*phases, micro_batches=count))
        trainer.step()
        return trainer, trainer.step()

    (whole, told), (parts, told_in_parts) = played(1), played(micro_batches)
    for player in ("G", "D"):
        a, b = weights(whole.networks[player]), weights(parts.networks[player])
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)
    for first, second in (
        (told.terms, told_in_parts.terms),
        (told.totals, told_in_parts.totals),
        (told.facts, told_in_parts.facts),
    ):
        assert first == pytest.approx(second, rel=1e-5)


def test_what_a_step_draws_depends_on_its_address_alone() -> None:
    first, second = Heard(maker), Heard(maker)
    recipe = players.recipe(Phase(("G",), first))
    whole = trainer_of(recipe)
    for _ in range(3):
        whole.step()
    torch.manual_seed(99)
    late = trainer_of(replace(recipe, objective=players.Playing((Phase(("G",), second),))))
    late.clock = Clock(16, 2, 64)
    late.step()
    a, b = first.batches[2], second.batches[0]
    assert torch.equal(a.z, b.z)
    assert torch.equal(a.images, b.images)
    assert torch.equal(a.fresh("x"), b.fresh("x"))
    assert not torch.equal(a.fresh("x"), a.fresh("y"))
    assert not torch.equal(a.z, first.batches[1].z)
    assert a.noise("x").initial_seed() == b.noise("x").initial_seed() != 0
    assert a.noise("x").initial_seed() != a.noise("y").initial_seed()


def test_another_seed_is_another_training() -> None:
    first, second = trainer_of(players.recipe()), trainer_of(players.recipe(seed=1))
    assert not torch.equal(weights(first.networks["G"]), weights(second.networks["G"]))


def test_fakes_computed_once_are_the_fakes_computed_twice() -> None:
    def twice(game: Game, batch: Batch) -> Terms:
        return Terms(
            adversarial=torch.nn.functional.softplus(-game.discriminate(game.generate(batch.z)))
        )

    once = trainer_of(players.recipe())
    again = trainer_of(players.recipe(Phase(("D",), critic), Phase(("G",), twice)))
    for _ in range(3):
        once.step()
        again.step()
    for player in ("G", "D"):
        torch.testing.assert_close(weights(once.networks[player]), weights(again.networks[player]))


def test_fakes_run_the_generator_once_a_step() -> None:
    trainer, calls = trainer_of(players.recipe()), []
    trainer.networks["G"].register_forward_hook(lambda *_: calls.append(1))
    trainer.step()
    assert len(calls) == 1


def test_only_lets_gradients_reach_its_players_and_restores_what_was() -> None:
    networks = trainer_of(players.recipe()).networks
    networks["D"].last.bias.requires_grad_(False)
    with networks.only("G"):
        assert all(w.requires_grad for w in networks["G"].parameters())
        assert not any(w.requires_grad for w in networks["D"].parameters())
        with networks.only("D"):
            assert not any(w.requires_grad for w in networks["G"].parameters())
        assert all(w.requires_grad for w in networks["G"].parameters())
    assert not networks["D"].last.bias.requires_grad
    assert networks["D"].last.weight.requires_grad
    assert isinstance(networks, Networks)


def test_a_constraint_is_applied_after_the_step() -> None:
    trainer = trainer_of(players.recipe(Phase(("D",), critic, after=Clip(0.01))))
    assert float(weights(trainer.networks["D"]).abs().max()) > 0.01
    trainer.step()
    assert float(weights(trainer.networks["D"]).abs().max()) <= 0.01
    assert float(weights(trainer.networks["G"]).abs().max()) > 0.01


def test_terms_that_only_tell_do_not_count() -> None:
    def loss(game: Game, batch: Batch) -> Terms:
        return Terms({**maker(game, batch), "~told": torch.full((len(batch),), 5.0)})

    plain = trainer_of(players.recipe(Phase(("G",), maker)))
    telling = trainer_of(players.recipe(Phase(("G",), loss)))
    assert telling.step().totals == plain.step().totals
    assert telling.step().terms["G/told"] == 5.0
    plain.step()
    assert torch.equal(weights(plain.networks["G"]), weights(telling.networks["G"]))


# ---- range and numbers ----------------------------------------------------------------------


def test_a_sigmoid_generator_is_refused() -> None:
    with pytest.raises(RangeError, match="End it in tanh, not in a sigmoid"):
        in_range(trainer_of(players.recipe(end="sigmoid")))


def test_a_generator_without_a_bound_is_refused() -> None:
    with pytest.raises(RangeError, match=r"must lie in \[-1, 1\]"):
        in_range(trainer_of(players.recipe(end="wide")))


def test_a_linear_generator_that_begins_a_little_above_nothing_passes() -> None:
    trainer = trainer_of(players.recipe(end="plain"))
    shown = trainer.shown("G")
    with torch.no_grad():
        shown.layer.weight.mul_(1e-3)
        shown.layer.bias.fill_(0.05)
    assert float(trainer.sampler().raw(0, 0, 16).min()) > 0
    in_range(trainer)


def test_a_tanh_generator_passes() -> None:
    in_range(trainer_of(players.recipe(end="tanh")))


def test_pictures_of_another_shape_are_refused() -> None:
    with pytest.raises(RangeError, match="Set size and channels"):
        in_range(trainer_of(players.recipe(), Discs(8, channels=1)))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_stops_the_phase_with_who_and_when(number: float) -> None:
    def loss(game: Game, batch: Batch) -> Terms:
        terms = maker(game, batch)
        if int(game.now["told"]) == 1:
            terms["broken"] = terms["adversarial"] * torch.tensor([number] + [1.0] * 7)
        return terms

    trainer = trainer_of(players.recipe(Phase(("G",), loss), values={"told": Told()}))
    trainer.step()
    before = weights(trainer.networks["G"])
    with pytest.raises(NotFiniteError, match=r"'broken' of G .* at step 1 \(8 images\).*rate="):
        trainer.step()
    assert torch.equal(before, weights(trainer.networks["G"])), "the step was not taken"


def test_a_weight_that_is_not_finite_behind_finite_losses_is_found() -> None:
    def loss(game: Game, batch: Batch) -> Terms:
        zero = game.networks["G"].layer.bias[0] * 0  # the root of 0 has no slope: 0 times infinity
        return Terms(x=(zero.sqrt() + 1).expand(len(batch)))

    trainer = trainer_of(players.recipe(Phase(("G",), loss)))
    check_weights(trainer.networks, trainer.clock)
    trainer.step()
    with pytest.raises(NotFiniteError, match="A weight of G"):
        check_weights(trainer.networks, trainer.clock)


# ---- state ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "player",
    [
        Adam(rate=Constant(1e-2)),
        Adam(rate=Constant(1e-2), weight_decay=0.1),
        RMSprop(rate=Constant(1e-3)),
        SGD(rate=Constant(0.1), momentum=0.9),
    ],
    ids=["adam", "adamw", "rmsprop", "sgd"],
)
def test_every_optimizer_continues_bit_for_bit_from_plain_tensors(player: Adam) -> None:
    recipe = players.recipe(optimizers={"G": player, "D": player})
    whole, half = trainer_of(recipe), trainer_of(recipe)
    for _ in range(4):
        whole.step()
    for _ in range(2):
        half.step()
    # What a checkpoint gives back is contiguous, while the weights of D lie channels-last.
    state = training_state(half)
    for held in state["optimizers"].values():
        for row in held["state"].values():
            row.update(
                {n: v.contiguous().clone() for n, v in row.items() if isinstance(v, torch.Tensor)}
            )
    later = trainer_of(recipe)
    restore(later, state)
    for _ in range(2):
        later.step()
    assert differences(training_state(whole), training_state(later)) == []


def test_a_state_of_other_networks_is_refused() -> None:
    state = training_state(trainer_of(players.recipe()))
    for key in ("networks", "values", "optimizers"):
        broken = {**state, key: {}}
        with pytest.raises(CheckpointError, match="does not fit this recipe"):
            restore(trainer_of(players.recipe()), broken)


def test_a_batch_smaller_than_the_team_is_refused() -> None:
    with pytest.raises(TrainingError, match="cannot be shared by 9 processes"):
        Trainer(players.recipe(), Discs(8), Place(rank=0, world=9))


def test_a_learning_prior_is_fitted_when_its_share_of_the_budget_is_passed() -> None:
    class Encoder(torch.nn.Module):
        def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> object:
            mean = x.mean((2, 3)).repeat(1, 2)[:, :4]
            return mean, torch.zeros_like(mean)

    recipe = players.recipe(prior=Fitted(dims=4, components=2), fits=(0.25, 0.5))
    trainer = trainer_of(recipe)
    trainer.networks["E"] = Encoder()
    fitted = []
    for _ in range(5):
        before = trainer.learned
        trainer.step()
        fitted.append(trainer.learned is not before)
    assert fitted == [False, True, False, True, False]
    assert trainer.encodings(50).shape == (48, 4)
    addressed = seeds.generator(0, "fit", 4)
    again = recipe.prior.fit(trainer.encodings(4000), addressed)
    assert differences(dict(again), trainer.learned) == []
