"""Weights to begin with: what fits is taken exactly, what does not stays as it was drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pictures import discs
from safetensors.torch import load_file

from lookalike import recipe
from lookalike.errors import RecipeError
from lookalike.parts.networks.base import Frame, Networks
from lookalike.parts.training.warm_start import FOLDER, WarmStart, file_of, fitted, put
from lookalike.recipes.swift.networks import SwiftEncoderPlan, SwiftGeneratorPlan
from lookalike.sizes import Rectangle

SMALL = {"latent": 6, "width": 4, "widest": 16}
FILES = sorted(FOLDER.glob("*.safetensors"))


def ones(*shape: int) -> torch.Tensor:
    return torch.ones(*shape)


def test_colours_become_grey_by_sum_of_inputs_and_mean_of_outputs() -> None:
    held = torch.arange(24.0).view(2, 3, 2, 2)
    found = fitted(held, torch.zeros(2, 1, 2, 2))
    assert found is not None
    torch.testing.assert_close(found[0, 0], torch.tensor([[12.0, 15], [18, 21]]))
    found = fitted(torch.tensor([1.0, 2, 6]), torch.zeros(1))
    assert found is not None
    assert found.tolist() == [3.0]


def test_a_layer_keeps_its_own_weights_for_the_labels_behind_z() -> None:
    found = fitted(ones(4, 2), torch.zeros(4, 5))
    assert found is not None
    assert found.tolist() == [[1, 1, 0, 0, 0]] * 4


@pytest.mark.parametrize(
    ("held", "own"),
    [((4, 2), (5, 2)), ((4, 5), (4, 2)), ((4,), (4, 2)), ((8, 4, 3, 3), (8, 5, 3, 3))],
)
def test_what_does_not_fit_is_left(held: tuple[int, ...], own: tuple[int, ...]) -> None:
    assert fitted(ones(*held), torch.zeros(*own)) is None


def test_numbers_come_in_the_precision_of_the_network() -> None:
    found = fitted(ones(2, 2).half(), torch.zeros(2, 2))
    assert found is not None
    assert found.dtype == torch.float32


@pytest.mark.parametrize("size", [Rectangle(64, 96), Rectangle(64, 48)])
def test_rectangles_begin_with_the_weights_of_the_square_that_doubles_as_often(size: int) -> None:
    made = recipe.make(recipe.find("swift"), {}, {"size": size, "channels": 3, "labels": 2})
    assert made.warm is not None
    networks = Networks.build(made.networks, Frame(size, 3, 2)).eval()
    taken = made.warm.put(networks, Frame(size, 3, 2))
    assert taken["D"] == 1
    assert min(taken.values()) > 0.99, "all but the columns of the labels"
    pictures, labels = discs(8, size, 3), torch.zeros(8, 2)
    with torch.no_grad():
        again = networks["G"](networks["E"](pictures, labels)[0], labels)
    alike = torch.corrcoef(torch.stack([pictures.flatten(), again.flatten()]))
    assert alike[0, 1] > 0.8, "it draws what it sees, before it has learned anything"


def test_a_rectangle_takes_its_own_weights_as_they_are() -> None:
    one, other = (SwiftGeneratorPlan(**SMALL).build(Frame(Rectangle(64, 96))) for _ in range(2))
    assert put(one.state_dict(), other) == 1.0
    assert torch.equal(one.start.weight, other.start.weight)


def test_a_network_of_the_same_shape_becomes_the_held_one() -> None:
    teacher = SwiftGeneratorPlan(**SMALL).build(Frame(64)).eval()
    pupil = SwiftGeneratorPlan(**SMALL).build(Frame(64)).eval()
    assert put(teacher.state_dict(), pupil) == 1.0
    z = torch.randn(2, 6)
    assert torch.equal(teacher(z), pupil(z))


def test_a_grey_encoder_sees_what_the_colour_one_saw_of_grey_pictures() -> None:
    colour = SwiftEncoderPlan(**SMALL).build(Frame(32)).eval()
    grey = SwiftEncoderPlan(**SMALL).build(Frame(32, 1)).eval()
    put(colour.state_dict(), grey)
    x = torch.rand(3, 1, 32, 32) * 2 - 1
    torch.testing.assert_close(grey(x)[0], colour(x.expand(-1, 3, -1, -1))[0])


def test_a_player_that_is_wanted_whole_is_left_when_a_part_does_not_fit() -> None:
    held = SwiftGeneratorPlan(**SMALL).build(Frame(32)).state_dict()
    larger = SwiftGeneratorPlan(**SMALL).build(Frame(64))
    before = larger.start.weight.clone()
    assert put(held, larger, whole=True) == 0
    assert torch.equal(larger.start.weight, before)
    assert put(held, SwiftGeneratorPlan(**SMALL).build(Frame(32)), whole=True) == 1


def test_a_larger_side_takes_over_the_coarse_stages() -> None:
    held = SwiftGeneratorPlan(**SMALL).build(Frame(32)).state_dict()
    larger = SwiftGeneratorPlan(**SMALL).build(Frame(64))
    share = put(held, larger)
    assert 0 < share < 1
    assert torch.equal(larger.start.weight, held["start.weight"])


def test_unknown_weights_are_refused_with_the_names_there_are() -> None:
    with pytest.raises(RecipeError, match="drawings"):
        WarmStart(name="photographs")


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("labels", [0, 3])
@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_swift_begins_with_the_weights_of_the_package(
    size: int, labels: int, channels: int
) -> None:
    frame = {"size": size, "channels": channels, "labels": labels, "classes": 0}
    made = recipe.make(recipe.find("swift"), {"warm": "drawings"}, frame)
    assert made.warm is not None
    drawn = Frame(size, channels, labels)
    plans = {player: made.networks[player] for player in made.warm.players}
    shares = made.warm.put(Networks.build(plans, drawn), drawn)
    own = size in {32, 64}
    assert shares["D"] == own
    least = 0.9 if own else 0.4
    assert min(shares["G"], shares["E"]) > least


@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_swift_begins_warm_where_there_are_weights_for_the_side(size: int) -> None:
    frame = {"size": size, "channels": 3, "labels": 0, "classes": 0}
    assert (recipe.make(recipe.find("swift"), {}, frame).warm is not None) == (size <= 64)


def test_none_begins_with_random_weights() -> None:
    frame = {"size": 64, "channels": 3, "labels": 0, "classes": 0}
    assert recipe.make(recipe.find("swift"), {"warm": "none"}, frame).warm is None


def test_a_side_takes_the_file_of_its_own_or_of_the_next_smaller_side() -> None:
    names = {side: file_of("drawings", side) for side in (16, 32, 64, 128, 256)}
    assert names[16] is None
    assert [str(names[side]).rpartition("-")[2] for side in (32, 64, 128, 256)] == [
        "32.safetensors",
        "64.safetensors",
        "64.safetensors",
        "64.safetensors",
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_weights_are_finite_small_and_explained(file: Path) -> None:
    held = load_file(file)
    assert all(bool(torch.isfinite(weight).all()) for weight in held.values())
    assert file.stat().st_size < 4_000_000
    assert f"`{file.name}`" in (FOLDER / "README.md").read_text("utf-8")


@pytest.mark.parametrize("player", ["G", "E", "D"])
@pytest.mark.parametrize("size", [32, 64])
def test_the_weights_have_the_scale_of_fresh_ones(size: int, player: str) -> None:
    """Grown weights learn slowly, since steps of orthogonal momentum have a fixed size."""
    frame = {"size": size, "channels": 3, "labels": 0, "classes": 0}
    made = recipe.make(recipe.find("swift"), {"warm": "none"}, frame)
    held = load_file(FOLDER / f"drawings-{size}.safetensors")
    fresh = made.networks[player].build(Frame(size)).state_dict()
    for name, weight in fresh.items():
        if weight.ndim > 1 and "modulation" not in name:
            grown = held[f"{player}.{name}"].float().norm() / weight.norm()
            assert 0.2 < grown < 4, name


def test_a_recipe_without_a_warm_start_is_read_as_before() -> None:
    frame = {"size": 64, "channels": 3, "labels": 0, "classes": 0}
    made = recipe.make(recipe.find("swift"), {"warm": "drawings"}, frame)
    old = replace(made, warm=None).dumps().replace('"warm": null,\n', "")
    assert '"warm"' not in old
    assert recipe.loads(old) == replace(made, warm=None)


def test_colors_that_get_alpha_keep_their_weights_and_alpha_begins_with_its_own() -> None:
    saved, own = torch.rand(3, 8, 3, 3), torch.rand(4, 8, 3, 3)
    last = fitted(saved, own)
    assert last is not None
    assert torch.equal(last[:3], saved)
    assert torch.equal(last[3:], own[3:])
    saved, own = torch.rand(8, 3, 3, 3), torch.rand(8, 4, 3, 3)
    first = fitted(saved, own)
    assert first is not None
    assert torch.equal(first[:, :3], saved)
    assert not first[:, 3:].any()
