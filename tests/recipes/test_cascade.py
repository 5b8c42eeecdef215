"""A base that draws small, an upsampler that learns on patches: who learns when, and what of."""

from __future__ import annotations

from functools import cache
from typing import cast

import pytest
import torch
from pictures import Discs
from torch import Tensor, nn

from lookalike import recipe
from lookalike.engine.trainer import Trainer
from lookalike.errors import RecipeError
from lookalike.parts.losses.base import Terms
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Frame, Networks
from lookalike.place import Place
from lookalike.recipes.cascade.networks import (
    CascadeGenerator,
    ShrunkEncoderPlan,
    resting,
    shrunk,
    times_of,
)
from lookalike.recipes.cascade.objective import CascadeObjective, PatchPlan, cut, drawn_places
from lookalike.recipes.swift.networks import SwiftEncoderPlan

SMALL = {
    "width": 4,
    "widest": 8,
    "sharp_width": 4,
    "warm": "none",
    "batch": 4,
    "images": 16,
    "share": 0.5,
}


def trainer_of(labels: int = 0, **settings: object) -> Trainer:
    frame = {"size": 128, "channels": 3, "labels": labels}
    chosen = recipe.make(recipe.find("cascade"), {**SMALL, **settings}, frame)
    return Trainer(chosen, Discs(128, 3, labeled=labels > 0), Place(threads=1))


def numbers(network: nn.Module) -> list[Tensor]:
    """Weights and statistics."""
    return [value.detach().clone() for value in network.state_dict().values()]


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def coordinates(count: int, side: int) -> Tensor:
    """Pictures whose two channels are the row and the column of each pixel."""
    ticks = torch.arange(side).float()
    rows, columns = torch.meshgrid(ticks, ticks, indexing="ij")
    return torch.stack([rows, columns]).expand(count, 2, side, side)


# ---- who learns when ------------------------------------------------------------------------


@cache
def story() -> tuple[Trainer, list[dict[str, list[Tensor]]], list[set[str]]]:
    """Four steps, two of each part: all numbers before and after each, and who played."""
    trainer = trainer_of(labels=3)
    generator = cast(CascadeGenerator, trainer.networks["G"])
    players = {**trainer.networks, "base": generator.base, "upsampler": generator.upsampler}
    states, played = [{name: numbers(network) for name, network in players.items()}], []
    for _ in range(4):
        played.append(set(trainer.step().totals))
        states.append({name: numbers(network) for name, network in players.items()})
    return trainer, states, played


@pytest.mark.slow
def test_the_base_learns_first_and_the_upsampler_behind_it() -> None:
    _, states, played = story()
    assert played == [{"G", "E"}, {"G", "E", "D"}, {"G", "P"}, {"G", "P"}]
    begun, middle, *_, end = states
    assert same(begun["upsampler"], states[2]["upsampler"])
    assert not same(begun["base"], middle["base"])
    assert not same(states[2]["upsampler"], end["upsampler"])


@pytest.mark.slow
def test_while_the_upsampler_learns_the_base_and_its_statistics_rest() -> None:
    _, states, _ = story()
    for player in ("base", "E", "D"):
        assert same(states[2][player], states[4][player]), player


def test_before_the_upsampler_has_learned_the_picture_is_the_bases_enlarged() -> None:
    generator = cast(CascadeGenerator, trainer_of().networks["G"].eval())
    z = torch.randn(2, 64)
    wanted = nn.functional.interpolate(generator.base(z), scale_factor=2.0, mode="bilinear")
    torch.testing.assert_close(generator(z), wanted)


def test_resting_networks_learn_nothing_and_go_on_as_they_were() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    before = numbers(network)
    with resting(network):
        assert not network(torch.randn(4, 1, 3, 3)).requires_grad
    assert same(before, numbers(network))
    assert network.training


def test_weights_to_begin_with_reach_the_networks_inside() -> None:
    chosen = recipe.make(
        recipe.find("cascade"), {"warm": "drawings"}, {"size": 128, "channels": 3, "labels": 0}
    )
    assert chosen.warm is not None
    networks = Networks.build(chosen.networks, Frame(128))
    taken = chosen.warm.put(networks, Frame(128))
    assert taken["G"] == taken["E"] == 1.0


# ---- patches --------------------------------------------------------------------------------


def test_patches_begin_anywhere_and_their_windows_show_a_margin_but_at_the_edges() -> None:
    places = drawn_places(torch.zeros(500, 3, 64, 64), 16, 1, torch.Generator().manual_seed(0))
    assert (int(places.min()), int(places.max())) == (0, 64 - 16)
    plan = PatchPlan.around(places, 64, 16, 3)
    assert plan.window == 22
    assert torch.equal(plan.windows + plan.inside, places)
    assert (int(plan.windows.min()), int(plan.windows.max())) == (0, 64 - 22)
    inner = (plan.windows > 0) & (plan.windows < 64 - 22)
    assert bool((plan.inside[inner] == 3).all())
    assert bool(((plan.inside >= 3) | (plan.windows == 0)).all())
    assert bool(((plan.inside <= 3) | (plan.windows == 64 - 22)).all())


def test_of_two_places_the_one_with_the_most_in_it_is_taken() -> None:
    pictures = torch.ones(400, 1, 64, 64)
    pictures[:, :, 32:, 32:] = torch.randn(400, 1, 32, 32)
    shares = []
    for tries in (1, 2, 4):
        places = drawn_places(pictures, 16, tries, torch.Generator().manual_seed(0))
        shares.append(float((places > 16).all(1).float().mean()))
    assert shares[0] == pytest.approx((32 / 49) ** 2, abs=0.06)
    assert shares[1] == pytest.approx(1 - (1 - shares[0]) ** 2, abs=0.06)
    assert shares[2] > shares[1]


def test_a_patch_as_large_as_the_picture_is_the_picture() -> None:
    plan = PatchPlan.around(
        drawn_places(torch.zeros(3, 1, 64, 64), 64, 2, torch.Generator()), 64, 64, 3
    )
    assert plan.window == 64
    assert plan.windows.tolist() == plan.inside.tolist() == [[0, 0]] * 3


def test_a_cut_begins_at_its_corner() -> None:
    squares = cut(coordinates(2, 8), torch.tensor([[1, 2], [5, 0]]), 3)
    assert squares.shape == (2, 2, 3, 3)
    assert squares[:, :, 0, 0].tolist() == [[1, 2], [5, 0]]
    assert squares[:, :, 2, 2].tolist() == [[3, 4], [7, 2]]


@pytest.mark.parametrize("base", [32, 64])
def test_f_sees_patches_as_they_are_whatever_the_base_is(base: int) -> None:
    trainer = trainer_of(base=base, share=0.0)
    seen: list[int] = []
    features = trainer.networks["F"].base
    features.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-1]))
    patches: list[int] = []
    network = trainer.networks["F"]
    network.register_forward_pre_hook(lambda _, given: patches.append(given[0].shape[-1]))
    assert trainer.step().totals.keys() == {"G", "P"}
    assert set(patches) == set(seen) == {base}


class Enlarging(nn.Module):
    """Every pixel four times, and the row of means of the code told by the first pixel."""

    def forward(self, small: Tensor, code: Tensor) -> Tensor:
        return nn.functional.interpolate(small, scale_factor=2.0, mode="nearest")


class Told(nn.Module):
    """What is given back whatever comes in: mean and log variance, or the last pictures."""

    def __init__(self, *values: Tensor) -> None:
        super().__init__()
        self.values = values

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.values if len(self.values) > 1 else self.values[0][-len(inputs[0]) :]


class Flat(nn.Module):
    def forward(self, pictures: Tensor) -> list[Tensor]:
        return [pictures]


class Mean(nn.Module):
    def forward(self, maps: list[Tensor]) -> Tensor:
        return maps[0].mean((1, 2, 3))[:, None]


def enlarged_terms(clean: float, drawn: Tensor) -> Terms:
    """The terms of two pictures of squares of 2 x 2, of which the base makes ``drawn``."""
    real = nn.functional.interpolate(torch.rand(2, 3, 64, 64) * 2 - 1, scale_factor=2.0)
    generator = CascadeGenerator(Told(drawn), cast("CascadeGenerator", Enlarging()))  # type: ignore[arg-type]
    players = {
        "G": generator,
        "E": Told(torch.zeros(2, 4), torch.zeros(2, 4)),
        "F": Flat(),
        "P": Mean(),
    }
    game = Game(Networks(players), {"adversarial": 1.0})
    objective = CascadeObjective(base=CascadeObjective(base=None), clean=clean)  # type: ignore[arg-type]
    batch = Batch(real, torch.zeros(2, 4), noise=lambda purpose: torch.Generator().manual_seed(0))
    return objective.enlarge(game, batch)


def test_a_patch_is_compared_with_that_of_the_original_at_its_place() -> None:
    terms = enlarged_terms(1.0, torch.full((2, 3, 64, 64), 9.0))
    assert terms["pixel"].tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    assert terms["feature"].tolist() == pytest.approx([0.0, 0.0], abs=1e-6)


def test_the_upsampler_sees_what_the_base_makes_but_for_the_clean_share() -> None:
    terms = enlarged_terms(0.5, torch.full((2, 3, 64, 64), 9.0))
    assert terms["pixel"][0] == pytest.approx(0.0, abs=1e-6)
    assert terms["pixel"][1] > 4.0 * 8.0


@pytest.mark.slow
@pytest.mark.parametrize(("clean", "rows"), [(0.0, [4]), (0.5, [2]), (1.0, [])])
def test_the_base_draws_only_what_is_shown_of_it(clean: float, rows: list[int]) -> None:
    trainer = trainer_of(labels=3, share=0.0, clean=clean)
    drawn: list[int] = []
    base = cast(CascadeGenerator, trainer.networks["G"]).base
    base.register_forward_pre_hook(lambda _, given: drawn.append(len(given[0])))
    trainer.step()
    assert drawn == rows


# ---- small views of large pictures ----------------------------------------------------------


def test_shrinking_is_the_mean_of_an_area_and_leaves_small_pictures() -> None:
    assert shrunk(coordinates(1, 8), 4)[0, 0, :, 0].tolist() == [0.5, 2.5, 4.5, 6.5]
    small = torch.randn(2, 3, 4, 4)
    assert shrunk(small, 4) is small


def test_the_encoder_reads_a_large_picture_as_the_small_one() -> None:
    plan = ShrunkEncoderPlan(base=SwiftEncoderPlan(latent=6, width=4, widest=8))
    network = plan.build(Frame(256)).eval()
    large = torch.randn(2, 3, 256, 256)
    small = plan.read(network, shrunk(large, 64), None)
    torch.testing.assert_close(plan.read(network, large, None), small)
    torch.testing.assert_close(network(large)[0], small)


def test_another_size_is_refused_with_those_that_can_be_had() -> None:
    assert times_of(256, 64) == 4
    with pytest.raises(RecipeError, match="128 or 256"):
        times_of(64, 64)
    with pytest.raises(RecipeError, match="128 or 256"):
        times_of(192, 64)


# ---- it learns ------------------------------------------------------------------------------


@pytest.mark.slow
def test_originals_shrunk_become_as_sharp_as_they_were() -> None:
    trainer = trainer_of(
        share=0.05, clean=1.0, sharp_width=16, sharp_rate=2e-2, adversarial=0.0, images=4 * 60
    )
    pixels: list[float] = []
    while trainer.clock.done < 1:
        told = trainer.step().terms.get("G+P/pixel")
        pixels += [] if told is None else [told]
    assert sum(pixels[-10:]) < 0.5 * sum(pixels[:10])
