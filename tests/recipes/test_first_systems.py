"""The recipes of the systems that this package began with hold to their published numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pictures import CLASSES, Discs
from torch import nn

from lookalike import recipe
from lookalike.data.pack.writer import write_pack
from lookalike.engine.trainer import Trainer
from lookalike.errors import RecipeError
from lookalike.parts.networks.base import Frame, Networks
from lookalike.parts.training.schedules import Clock
from lookalike.place import Place
from lookalike.recipe import Recipe
from lookalike.recipes.dcgan_boosted import D_BOOST, D_PLAIN, G_BOOST, G_PLAIN
from lookalike.run import Run
from lookalike.settings.training import TrainSettings
from lookalike.stages.train import plan


def made(name: str, size: int, channels: int = 3, labels: int = 0, **settings: Any) -> Recipe:
    frame = {"size": size, "channels": channels, "labels": labels}
    return recipe.make(recipe.find(name), settings, frame)


def weights(chosen: Recipe) -> dict[str, float]:
    """Millions of weights per player."""
    with torch.device("meta"):
        frame = Frame(chosen.size, chosen.channels, chosen.labels)
        networks = Networks.build(chosen.networks, frame)
    return {n: sum(w.numel() for w in p.parameters()) / 1e6 for n, p in networks.items()}


def small(name: str, size: int, labels: int = 0, **settings: Any) -> Trainer:
    chosen = replace(made(name, size, 1, labels, **settings), batch=6, images=60)
    return Trainer(chosen, Discs(size, 1, labeled=labels > 0), Place())


def test_the_fully_connected_gan_has_its_published_size() -> None:
    assert weights(made("mlp-gan", 64)) == pytest.approx({"G": 14.3, "D": 3.28}, abs=0.05)
    linear = Networks.build(made("mlp-gan", 8).networks, Frame(8, 3)).modules()
    assert not any(isinstance(m, nn.Conv2d | nn.BatchNorm2d) for m in linear)


def test_the_fully_connected_generator_begins_with_pictures_that_differ() -> None:
    z = torch.randn(32, 100, generator=torch.Generator().manual_seed(0))
    apart = {}
    for he in (True, False):
        torch.manual_seed(0)
        plan = replace(made("mlp-gan", 32).networks["G"], he=he)
        pictures = plan.build(Frame(32, 3))(z).detach()
        apart[he] = float(pictures.std(0).mean())
    assert apart[True] > 0.1
    assert apart[False] < 0.02  # torch's own first weights: one picture for all


def test_the_pokemon_networks_have_their_published_size() -> None:
    for name in ("dcgan-monitored", "dcgan-boosted", "wgan"):
        chosen = made(name, 64)
        assert weights(chosen)["G"] == pytest.approx(11.3, abs=0.05)
        assert chosen.batch == 32
        assert chosen.prior.width == 16
    plain = weights(made("dcgan-monitored", 64, minibatch=0))["D"]
    layer = weights(made("dcgan-monitored", 64))["D"] - plain
    read = 2 * 256 * 16 / 1e6  # the next layer reads two maps more
    assert layer == pytest.approx(0.399 + read, abs=0.002)
    assert weights(made("wgan", 256))["D"] < 20


def test_the_logo_networks_have_their_published_size() -> None:
    chosen = made("wgan-logos", 128)
    assert weights(chosen) == pytest.approx({"G": 5.2, "D": 4.3}, abs=0.06)
    assert chosen.batch == 5 * 64


def test_the_narrow_face_networks_begin_without_a_stride() -> None:
    chosen = made("hr-dcgan", 256, channels=1)
    networks = Networks.build(chosen.networks, Frame(256, 1))
    sides: list[int] = []
    for module in networks["G"].modules():
        if isinstance(module, nn.ConvTranspose2d):
            module.register_forward_hook(lambda m, i, o: sides.append(i[0].shape[2]))
    networks["G"](torch.randn(2, 100))
    assert sides == [8, 8, 32, 128]
    assert any(isinstance(m, nn.ELU) for m in networks.modules())
    assert not any(isinstance(m, nn.ReLU | nn.LeakyReLU) for m in networks.modules())


@pytest.mark.parametrize(
    ("words", "targets"),
    [("none", (1, 0, 1)), ("one-sided", (0.9, 0, 1)), ("two-sided", (0.95, 0.05, 0.95))],
)
def test_smoothing_is_chosen_by_its_name(words: str, targets: tuple[float, ...]) -> None:
    rule: Any = made("dcgan-monitored", 32, smoothing=words).objective
    assert (rule.rule.real_low, rule.rule.fake_high, rule.rule.maker_target) == targets
    with pytest.raises(RecipeError, match="smoothing"):
        made("dcgan-monitored", 32, smoothing="softly")


def test_a_clipped_critic_stays_within_its_limit_and_g_plays_every_third_step() -> None:
    trainer = small("wgan", 32, width=4)
    players = []
    for _ in range(4):
        tally = trainer.step()
        players.append(set(tally.totals))
        weights_now = [w.detach().abs().max() for w in trainer.networks["D"].parameters()]
        assert float(torch.stack(weights_now).max()) <= 0.01 + 1e-9
    assert players == [{"D", "G"}, {"D"}, {"D"}, {"D", "G"}]


def test_boosted_blocks_are_played_as_the_rule_says() -> None:
    trainer = small("dcgan-boosted", 32, width=4)
    turns = [phase.turn for phase in trainer.phases]

    def playing(code: int) -> list[int]:
        return [i for i, turn in enumerate(turns) if turn.plays(_moment(code))]

    assert playing(D_PLAIN + G_PLAIN) == [1, 4]
    assert playing(D_BOOST) == [0]
    assert playing(D_PLAIN + G_BOOST) == [1, 3]
    trainer.states["play"] = {"k": 0.5, "boost": "D", "played": 3}
    before = {n: w.detach().clone() for n, w in trainer.networks.named_parameters()}
    assert set(trainer.step().totals) == {"D"}
    moved = {n[0] for n, w in trainer.networks.named_parameters() if not w.equal(before[n])}
    assert moved == {"D"}


def _moment(code: int) -> Any:
    from lookalike.parts.training.triggers import Moment

    return Moment(Clock(), {"play": float(code)}, {})


@pytest.mark.slow
def test_simultaneous_players_move_from_one_state() -> None:
    """G's step must not depend on D's rate when both compute from the same state."""

    def after(rate: float, together: bool) -> torch.Tensor:
        trainer = small("hr-dcgan", 28, together=together, **{"optimizers.D.rate": rate})
        trainer.step()
        return torch.cat([w.detach().flatten() for w in trainer.networks["G"].parameters()])

    assert torch.equal(after(1e-3, True), after(1e-1, True))
    assert not torch.equal(after(1e-3, False), after(1e-1, False))


def test_explicit_turns_let_the_lagging_player_play_alone() -> None:
    trainer = small("hr-dcgan", 28, explicit=True)
    assert set(trainer.step().totals) == {"D", "G"}
    trainer.states["side"] = {**trainer.states["side"], "who": 2, "alone": 2}
    assert [set(trainer.step().totals) for _ in range(3)] == [{"G"}, {"G"}, {"D", "G"}]


def test_an_autoencoder_learns_first_and_is_then_left_alone() -> None:
    trainer = small("degan", 28, width=8, pretrain=0.2)

    def state(part: str) -> torch.Tensor:
        named = trainer.networks["G"].named_parameters()
        return torch.cat([w.detach().flatten().clone() for n, w in named if n.startswith(part)])

    learner, body = ("encoder", "begin", "decoder"), state("body")
    at_first = state("encoder")
    trainer.step(), trainer.step()  # 12 of 60 images: 0.2 of the budget
    assert not torch.equal(state("encoder"), at_first)
    assert torch.equal(state("body"), body)
    frozen = [state(part) for part in learner]
    trainer.step()
    assert all(torch.equal(state(p), f) for p, f in zip(learner, frozen, strict=True))
    assert not torch.equal(state("body"), body)


def test_codes_of_an_autoencoder_that_has_not_learned_still_give_different_pictures() -> None:
    trainer = small("degan", 28, width=8, pretrain=0.0)
    g = trainer.networks["G"].train()
    z = torch.randn(64, trainer.recipe.prior.width)
    codes, _ = g.encode(torch.tanh(g.decode(z) / 2))
    assert float(codes.detach().std(0).mean()) < 0.1
    told = g.scale(codes)
    assert torch.allclose(told.std(0, correction=0), torch.ones(told.shape[1]), atol=0.2)


def test_a_conditional_recipe_draws_the_class_that_is_asked_for() -> None:
    trainer = small("acgan", 28, CLASSES, width=8)
    trainer.step()
    asked = torch.eye(CLASSES)
    first, second = (trainer.sampler().raw(1, 0, 4, label) for label in asked[:2])
    assert float((first - second).abs().max()) > 1e-4
    with pytest.raises(RecipeError, match="acgan learns to draw labels"):
        made("acgan", 28)
    with pytest.raises(RecipeError, match="ssgan learns to name classes"):
        made("ssgan", 28, labels=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dcgan-monitored", "mlp-gan-improved", "sngan"])
def test_noise_on_what_d_sees_changes_the_step(name: str) -> None:
    size = 8 if name.startswith("mlp") else 32

    def told(**settings: Any) -> dict[str, float]:
        return dict(small(name, size, **settings).step().totals)

    assert told(instance_noise=0.2) != told()


@pytest.mark.parametrize(
    "settings",
    [
        {"smoothing": 0.9},
        {"flips": 0.5},
        {"instance_noise": 0.2},
        {"minibatch": 2},
        {"deviation": True},
        {"dropout": 0.3},
        {"lecam": 0.5},
        {"matching": 1.0},
        {"networks.D.spectral": True},
        {"networks.D.normed": False},
        {"objective.rule.maker_target": 0.9},
    ],
)
def test_every_trick_changes_what_the_classic_recipe_does(settings: dict[str, Any]) -> None:
    plain, changed = small("dcgan", 32, width=4), small("dcgan", 32, width=4, **settings)
    told = [[trainer.step() for _ in range(2)][-1].terms for trainer in (plain, changed)]
    assert told[0] != told[1]
    assert all(torch.isfinite(torch.tensor(list(terms.values()))).all() for terms in told)


def test_critic_steps_and_noisy_labels_are_settings_too() -> None:
    trainer = small("dcgan", 32, width=4, critic_steps=2, noisy=1.0)
    assert [set(trainer.step().totals) for _ in range(2)] == [{"D", "G"}, {"D"}]
    assert trainer.now()["swap"] == 1.0


def test_acgan_takes_the_classes_of_the_frame_and_attributes_as_they_are() -> None:
    frame = {"size": 32, "channels": 1, "labels": 5}
    found = recipe.find("acgan")
    for classes in (0, 3, 5):
        chosen = recipe.make(found, {}, {**frame, "classes": classes})
        assert chosen.objective.classes == classes
    assert recipe.make(found, {}, frame).objective.classes == 5
    assert recipe.make(found, {"classes": "2"}, {**frame, "classes": 3}).objective.classes == 2


@pytest.mark.slow
@pytest.mark.parametrize("classes", [0, 3])
def test_ssgan_refuses_attributes_with_the_recipes_that_take_them(classes: int) -> None:
    frame = {"size": 32, "channels": 1, "labels": 5, "classes": classes}
    told = rf"of the 5 label columns {5 - classes} are attributes.*takes attributes: acgan, .*dcgan"
    with pytest.raises(RecipeError, match=told) as found:
        recipe.make(recipe.find("ssgan"), {}, frame)
    able = str(found.value).rpartition(": ")[2].strip(".").split(", ")
    assert "ssgan" not in able
    for name in able:
        assert recipe.make(recipe.find(name), {}, frame).labels == 5
    assert recipe.make(recipe.find("ssgan"), {}, {**frame, "classes": 5}).labels == 5


@pytest.mark.parametrize(
    "settings", [{"smoothing": "0.9"}, {"flips": "0.5"}, {"noisy": "1"}, {"fake_smoothing": "0.2"}]
)
def test_infogan_takes_the_tricks_of_labels(settings: dict[str, str]) -> None:
    plain = small("infogan", 28, width=4, alike=False)
    changed = small("infogan", 28, width=4, alike=False, **settings)
    told = [trainer.step().terms for trainer in (plain, changed)]
    assert told[0]["D/real"] + told[0]["D/fake"] != told[1]["D/real"] + told[1]["D/fake"]
    assert torch.isfinite(torch.tensor(list(told[1].values()))).all()


def test_a_size_that_a_recipe_does_not_make_is_refused_with_those_that_do(tmp_path: Path) -> None:
    pictures = np.zeros((4, 512, 512, 3), np.uint8)
    pack = write_pack(tmp_path / "pack", pictures, holdout=0.0)
    with pytest.raises(RecipeError, match=r"--size 256.* make 512 px: hr-dcgan"):
        plan(pack, Run(tmp_path / "run"), TrainSettings(recipe="dcgan"), Place())
