"""Every trick goes with every recipe, or is refused with the recipes that take it."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pictures import Discs, differences
from smallest import EVERY, FILES, small
from torch import nn

from lookalike import recipe
from lookalike.engine.state import restore, training_state
from lookalike.engine.trainer import Trainer
from lookalike.errors import RecipeError
from lookalike.parts.losses.adversarial import LeastSquaresLoss, NonSaturatingLoss
from lookalike.parts.losses.base import Terms
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.losses.wrappers import (
    RegularizedDiscriminator,
    RegularizedObjective,
)
from lookalike.parts.networks.base import Frame, Networks, last_layer_inputs, weighted_layers
from lookalike.parts.networks.dcgan import DCGANDiscriminator
from lookalike.parts.networks.mlp import MLPDiscriminator, MLPGenerator
from lookalike.place import Place
from lookalike.recipe import Recipe
from lookalike.recipe.tricks import TRICKS, NoSuchTrickError

VALUES: dict[str, Any] = {
    "smoothing": "0.9",
    "fake_smoothing": "0..0.1",
    "flips": "0.05",
    "noisy": "0.5",
    "instance_noise": "0.1",
    "minibatch": "2",
    "deviation": "true",
    "dropout": "0.2",
    "matching": "0.5",
    "augment": "adaptive",
    "lecam": "0.3",
    "ema": "2000",
    "critic_steps": "2",
    "maker_steps": "1",
    "critic_rate": "1e-4",
    "generator_rate": "3e-4",
}


def tricked(made: Recipe, **tricks: Any) -> Recipe:
    for name, value in tricks.items():
        made = TRICKS[name](made, value)
    return made


def taken(made: Recipe) -> dict[str, Any]:
    """The tricks that this recipe takes."""
    found = {}
    for name, value in VALUES.items():
        try:
            TRICKS[name](made, value)
        except NoSuchTrickError:
            continue
        found[name] = value
    return found


def trainer(made: Recipe) -> Trainer:
    source = Discs(made.size, made.channels, labeled=made.labels > 0)
    return Trainer(made, source, Place())


def test_every_trick_has_a_value_here() -> None:
    assert set(VALUES) == set(TRICKS)


@pytest.mark.slow
@EVERY
def test_all_the_tricks_that_a_recipe_takes_train_at_once_and_resume(name: str) -> None:
    made = small(name)
    with_tricks = tricked(made, **taken(made))
    assert recipe.loads(with_tricks.dumps()) == with_tricks
    whole = trainer(with_tricks)
    plain = trainer(made)
    plain.step()
    first = whole.step()
    assert torch.isfinite(torch.tensor(list(first.terms.values()))).all()
    assert list(differences(training_state(whole)["networks"], training_state(plain)["networks"]))
    resumed = trainer(with_tricks)
    restore(resumed, copy.deepcopy(training_state(whole)))
    assert whole.step() == resumed.step()
    assert not list(differences(training_state(whole), training_state(resumed)))


@EVERY
def test_a_recipe_of_two_players_takes_what_does_not_need_labels(name: str) -> None:
    found = set(taken(small(name)))
    assert {"ema", "generator_rate", "critic_rate"} <= found
    if name not in {"swift", "cascade", "began", "info-began"}:
        assert {"minibatch", "deviation", "dropout", "matching", "lecam", "critic_steps",
                "instance_noise"} <= found  # fmt: skip


def test_a_trick_without_meaning_is_refused_with_the_recipes_that_take_it() -> None:
    frame = {"size": 32, "channels": 1, "labels": 0}
    with pytest.raises(
        RecipeError, match=r"smoothing: its loss \(WassersteinLoss\).*take it: .*dcgan"
    ):
        recipe.make(FILES["wgan"], {"smoothing": "0.9"}, frame)
    with pytest.raises(RecipeError, match="sign of a Wasserstein critic says nothing") as told:
        recipe.make(FILES["wgan-gp"], {"augment": "adaptive"}, frame)
    assert "wgan" not in str(told.value).partition("take it:")[2]
    with pytest.raises(RecipeError, match="flips: 2 was found; it should lie in 0 to 1"):
        recipe.make(FILES["mlp-gan"], {"flips": "2"}, frame)


def test_a_parameter_of_the_recipe_comes_before_the_trick_of_its_name() -> None:
    frame = {"size": 32, "channels": 1, "labels": 0}
    made = recipe.make(FILES["dcgan"], {"minibatch": "3"}, frame)
    assert made.networks["D"] == DCGANDiscriminator(width=32, minibatch=3)
    words = recipe.make(FILES["dcgan"], {"smoothing": "two-sided"}, frame).objective
    assert isinstance(words, TwoPlayer)
    assert words.rule == NonSaturatingLoss(
        real_low=0.95, real_high=0.95, fake_low=0.05, fake_high=0.05, maker_target=0.95
    )


@EVERY
def test_lecam_brings_its_averages_in_every_recipe_or_is_refused(name: str) -> None:
    file, settings = FILES[name], {"lecam": "0.3"}
    frame = {"size": max(file.sizes), "channels": 3, "labels": 2}
    if not small(name).objective.gives_logits:
        with pytest.raises(RecipeError, match="does not judge pictures by a logit"):
            recipe.make(file, settings, frame)
        return
    made = recipe.make(file, settings, frame)
    assert set(made.objective.reads) == {"lecam/real", "lecam/fake"} <= set(made.values)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("dcgan", "objective.lecam"),
        ("projected", "objective.lecam"),
        ("degan", "objective.game.lecam"),
        ("dcgan-boosted", "objective.game.lecam"),
    ],
)
def test_a_path_to_lecam_alone_is_refused_with_the_trick_that_brings_the_averages(
    name: str, path: str
) -> None:
    frame = {"size": 64, "channels": 3, "labels": 0}
    with pytest.raises(RecipeError, match=r"lecam/real, lecam/fake.*Set lecam=0.3 instead"):
        recipe.make(FILES[name], {path: "0.3"}, frame)
    brought = recipe.make(FILES[name], {"lecam": "0.1"}, frame)
    made = recipe.make(FILES[name], {"lecam": "0.1", "objective.lecam": "0.3"}, frame)
    assert made.objective.lecam == 0.3
    assert made.values == brought.values


def test_a_recipe_file_that_lacks_the_averages_is_opened_and_the_log_says_what_it_lacks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = tmp_path / "without.py"
    own.write_text(
        "from dataclasses import replace\n"
        "from lookalike.recipe import find\n"
        "def recipe(size: int = 32):\n"
        "    made = find('dcgan').function()(size)\n"
        "    return replace(made, objective=replace(made.objective, lecam=0.3))\n"
    )
    recipe.make(recipe.find(str(own)), {}, {"size": 32})
    assert "reads the value 'lecam/real', which it does not have" in caplog.text


def test_features_are_matched_by_every_discriminator_of_two_players() -> None:
    for name in ("projected", "sngan", "lsgan"):
        chosen = small(name)
        objective = replace(chosen.objective, matching=0.5)
        tally = trainer(replace(chosen, objective=objective)).step()
        assert tally.terms["G/matching"] > 0


@pytest.mark.parametrize(
    ("text", "ends"),
    [("0.9", (0.9, 0.9)), ("0.7..1.2", (0.7, 1.2)), ("[0.8, 1]", (0.8, 1.0)), (0.9, (0.9, 0.9))],
)
def test_smoothing_is_a_number_or_an_interval(text: Any, ends: tuple[float, float]) -> None:
    found = TRICKS["smoothing"](small("mlp-gan"), text).objective.rule
    assert (found.real_low, found.real_high) == ends
    assert (found.fake_low, found.maker_target) == (0.0, 1.0)  # one-sided


def test_smoothed_least_squares_have_other_targets_and_no_interval() -> None:
    found = TRICKS["smoothing"](small("lsgan"), "two-sided").objective.rule
    assert found == LeastSquaresLoss(real_target=0.95, fake_target=0.05, maker_target=0.95)
    with pytest.raises(NoSuchTrickError, match="one target a side"):
        TRICKS["smoothing"](small("lsgan"), "0.7..1.2")


@pytest.mark.parametrize("name", ["boosted", "degan"])
def test_labels_are_found_inside_of_other_games(name: str) -> None:
    made = small({"boosted": "dcgan-boosted"}.get(name, name))
    assert TRICKS["flips"](made, "0.25").objective.game.rule.flips == 0.25


# ---- what is put around, by hand --------------------------------------------------------------


def test_what_the_last_layer_is_given_is_what_a_judge_describes_itself_by() -> None:
    for plan in (DCGANDiscriminator(width=4), MLPDiscriminator(widths=(8, 6))):
        torch.manual_seed(0)
        network = plan.build(Frame(16, 1)).eval()
        pictures = torch.randn(3, 1, 16, 16)
        with last_layer_inputs(network) as held:
            network(pictures)
        _, features = network(pictures, None, True)
        assert torch.allclose(held[0], features, atol=1e-6)
        assert not any(layer._forward_pre_hooks for layer in weighted_layers(network))


def _game(objective: RegularizedObjective, now: dict[str, float]) -> tuple[Game, Batch]:
    torch.manual_seed(0)
    frame = Frame(8, 1)
    plans = {"G": MLPGenerator(dims=4, widths=(8,)),
             "D": MLPDiscriminator(widths=(6,))}  # fmt: skip
    return Game(Networks.build(plans, frame), now), Batch(
        torch.randn(5, 1, 8, 8), torch.randn(5, 4)
    )


def _phase(objective: RegularizedObjective, player: str) -> Any:
    return next(phase.loss for phase in objective.phases() if phase.players == (player,))


def test_lecam_is_added_to_the_loss_of_d_and_tells_what_it_follows() -> None:
    objective = RegularizedObjective(of=TwoPlayer(), lecam=2.0, sign=True)
    game, batch = _game(objective, {"lecam/real": 0.3, "lecam/fake": -0.1})
    terms: Terms = _phase(objective, "D")(game, batch)
    on_real, on_fake = game.discriminate(batch.images), game.discriminate(game.fakes(batch))
    wanted = 2 * ((on_real + 0.1).clamp(min=0) ** 2 + (0.3 - on_fake).clamp(min=0) ** 2)
    assert torch.allclose(terms["lecam"], wanted)
    assert game.facts["lecam(real)"] == pytest.approx(float(on_real.detach().mean()))
    assert torch.equal(terms["~sign"], on_real.sign())
    assert set(terms) == {"real", "fake", "lecam", "~sign"}


def test_matching_is_added_to_the_loss_of_g_and_moves_g() -> None:
    objective = RegularizedObjective(of=TwoPlayer(), matching=3.0)
    game, batch = _game(objective, {})
    with game.networks.only("G"):
        terms: Terms = _phase(objective, "G")(game, batch)
        terms["matched"].mean().backward()
    _, real = game.networks["D"](batch.images, None, True)
    _, fake = game.networks["D"](game.fakes(batch), None, True)
    wanted = 3 * (fake.mean(0) - real.mean(0)).square().sum()
    assert terms["matched"].tolist() == pytest.approx([float(wanted.detach())] * 5, rel=1e-5)
    assert all(w.grad is not None and bool(w.grad.any()) for w in game.networks["G"].parameters())
    assert all(w.grad is None for w in game.networks["D"].parameters())


def test_d_and_g_play_as_often_as_they_are_told() -> None:
    made = small("sngan")
    for steps, wanted in (({"critic_steps": 2}, ["DG", "D", "DG"]),
                          ({"maker_steps": 2}, ["DG", "G", "DG"])):  # fmt: skip
        played = trainer(tricked(made, **steps))
        assert ["".join(sorted(played.step().totals)) for _ in range(3)] == wanted


def test_lazy_regularisers_keep_their_own_turns() -> None:
    made = tricked(small("stylegan2"), critic_steps=2)
    turns = [phase.turn for phase in made.objective.phases()]
    inside = [phase.turn for phase in small("stylegan2").objective.phases()]
    assert [a == b for a, b in zip(turns, inside, strict=True)] == [True, True, False, True]


def _alert(**made: Any) -> nn.Module:
    torch.manual_seed(0)
    return RegularizedDiscriminator(of=DCGANDiscriminator(width=4, normed=False), **made).build(
        Frame(16, 3)
    )


@pytest.mark.parametrize("made", [{"deviation": True}, {"minibatch": 2}])
def test_a_judge_that_is_alert_sees_whether_its_batch_is_one_picture(made: dict[str, Any]) -> None:
    judge = _alert(**made)
    one = torch.rand(1, 3, 16, 16)
    others = torch.rand(3, 3, 16, 16)
    alone, among = (
        judge(torch.cat([one, one.expand(3, -1, -1, -1)])),
        judge(torch.cat([one, others])),
    )
    assert alone.shape == (4,)
    assert float((alone[0] - among[0]).detach().abs()) > 1e-6
    plain = _alert()
    assert torch.equal(plain(torch.cat([one, one]))[0], plain(torch.cat([one, others]))[0])


def test_dropout_changes_passes_in_training_only_and_the_first_weights_never() -> None:
    judge, plain = _alert(dropout=0.5), _alert()
    pictures = torch.rand(2, 3, 16, 16)
    assert not torch.equal(judge(pictures), judge(pictures))
    assert torch.equal(judge.eval()(pictures), plain.eval()(pictures))
