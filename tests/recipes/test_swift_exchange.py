"""Labels exchanged while swift trains: what is exchanged, and what stays as it was."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import CLASSES, Discs

from lookalike import api, recipe
from lookalike.data.pack.classes import column_groups
from lookalike.data.pack.writer import write_pack
from lookalike.engine.state import restore, training_state
from lookalike.engine.trainer import Trainer
from lookalike.errors import RunError
from lookalike.place import Place
from lookalike.recipe import Recipe
from lookalike.recipes.swift.exchange import LabelExchange
from lookalike.recipes.swift.objective import SwiftObjective
from lookalike.run import Run
from lookalike.settings.training import TrainSettings


def swift(**settings: object) -> Recipe:
    frame = {"size": 32, "channels": 3, "labels": CLASSES, "groups": (CLASSES,)}
    small = {"width": 8, "widest": 16, "latent": 8, "warm": "none", **settings}
    made = recipe.make(recipe.find("swift"), small, frame)
    return replace(made, batch=8, images=64)


def trainer(made: Recipe) -> Trainer:
    return Trainer(made, Discs(32, 3, labeled=True), Place())


def test_one_attribute_of_another_row_takes_the_place_of_ones_own() -> None:
    exchange = LabelExchange(groups=(3, 1, 2), chance=0.0)
    generator = torch.Generator().manual_seed(0)
    labels = torch.rand(200, 6, generator=generator)
    changed = exchange.exchanged(labels, generator)
    blocks = [slice(0, 3), slice(3, 4), slice(4, 6)]
    moved = torch.stack([(changed[:, b] != labels[:, b]).any(1) for b in blocks], 1)
    assert (moved.sum(1) <= 1).all()
    assert moved.float().mean(0).min() > 0.2
    for row in range(5):
        for block in blocks:
            assert (labels[:, block] == changed[row, block]).all(1).any()


def test_blends_have_the_labels_of_one_picture_and_exchanged_ones_its_code() -> None:
    exchange = LabelExchange(groups=(2, 2))
    generator = torch.Generator().manual_seed(0)
    z, labels = torch.randn(8, 3, generator=generator), torch.rand(8, 4, generator=generator)
    codes, rows = exchange.codes(z, labels, 4, generator)
    assert torch.equal(codes[:8], z)
    assert torch.equal(rows[:10], torch.cat([labels, labels[:2]]))
    assert (codes[8:10] != z[:2]).any(1).all()
    assert torch.equal(codes[10:], z[:2])
    assert (rows[10:] != labels[:2]).any(1).all()
    assert exchange.gains(8, 4).tolist() == [1.0] * 10 + [3.0] * 2


def test_before_d_joins_most_codes_are_blends_and_the_labels_stay() -> None:
    exchange = LabelExchange(groups=(4,))
    generator = torch.Generator().manual_seed(0)
    z, labels = torch.randn(8, 3, generator=generator), torch.rand(8, 4, generator=generator)
    codes, rows = exchange.codes(z, labels, 0, generator)
    assert torch.equal(rows, labels)
    assert torch.equal(codes[6:], z[6:])
    assert (codes[:6] != z[:6]).any(1).sum() >= 5, "a blend with itself is itself"


def test_the_loss_is_low_where_every_attribute_is_read_rightly() -> None:
    exchange = LabelExchange(groups=(3, 1))
    labels = torch.tensor([[0.0, 1, 0, 0.5], [0, 0, 0, 0.5]])
    right = torch.tensor([[-20.0, 20, -20, 0.5], [1, 2, 3, 0.5]])
    assert exchange.loss(right, labels).max() < 1e-4, "a row without a choice asks for nothing"
    assert exchange.loss(-right, labels)[0] > 5


def test_groups_of_columns_are_those_of_the_pack(tmp_path: Path) -> None:
    rows = [
        {"class": "ab"[i % 2], "attributes": {"hair": "xyz"[i % 3], "smile": "yn"[i % 2], "age": i}}
        for i in range(24)
    ]
    pixels = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3)).astype(np.uint8)
    pack = write_pack(tmp_path / "pack", pixels, rows=rows)
    assert column_groups(pack) == (2, 3, 1, 1)
    assert sum(column_groups(pack)) == len(pack.columns)


def test_without_groups_or_with_weight_zero_the_recipe_is_the_one_of_before() -> None:
    plain = swift(exchange=0.0)
    assert "H" not in plain.networks
    assert plain.objective.exchange is None  # type: ignore[attr-defined]
    frame = {"size": 32, "channels": 3, "labels": CLASSES}
    small = {"width": 8, "widest": 16, "latent": 8, "warm": "none"}
    before = recipe.make(recipe.find("swift"), small, frame)
    assert replace(before, batch=8, images=64) == plain


def test_classes_alone_are_exchanged_where_that_is_asked_for() -> None:
    def obeyed(groups: tuple[int, ...], **settings: object) -> bool:
        frame = {"size": 32, "channels": 3, "labels": sum(groups), "classes": CLASSES}
        made = recipe.make(recipe.find("swift"), settings, {**frame, "groups": groups})
        assert ("H" in made.networks) == (made.objective.exchange is not None)  # type: ignore[attr-defined]
        return "H" in made.networks

    assert not obeyed((CLASSES,))
    assert obeyed((CLASSES,), exchange=0.1)
    assert obeyed((CLASSES, 2))
    assert not obeyed((CLASSES, 2), exchange=0.0)


@pytest.mark.slow
def test_a_run_that_began_while_classes_were_exchanged_goes_on(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3)).astype(np.uint8)
    pack = write_pack(tmp_path / "pack", pixels, rows=[{"class": "ab"[i % 2]} for i in range(40)])
    small = {"width": "8", "widest": "16", "latent": "8", "warm": "none", "batch": "4"}
    begun = {**small, "images": "8", "exchange": "0.1", "networks.G.limit": "0"}
    api.train(pack.path, tmp_path / "run", TrainSettings(changes=begun))
    same = TrainSettings(changes={**small, "images": "12"})
    assert api.train(pack.path, tmp_path / "run", same).images == 12
    assert "H" in Run.open(tmp_path / "run").recipe().networks
    other = TrainSettings(changes={**small, "images": "12", "exchange": "0"})
    with pytest.raises(RunError, match="other settings"):
        api.train(pack.path, tmp_path / "run", other)


@pytest.mark.slow
def test_the_head_learns_from_real_pictures_and_the_drawn_ones_move_the_generator_alone() -> None:
    made = swift(begin=0.0)
    heard = trainer(made)
    before = {n: w.detach().clone() for n, w in heard.networks["H"].named_parameters()}
    told = heard.step()
    assert {"G+E+D+H/labels_real", "G+E+D+H/labels_fake"} <= set(told.terms)
    assert any(not torch.equal(w, before[n]) for n, w in heard.networks["H"].named_parameters())
    objective = made.objective
    assert isinstance(objective, SwiftObjective)
    assert objective.exchange is not None
    light = replace(objective, exchange=replace(objective.exchange, weight=1e-9))
    weightless = replace(made, objective=light)
    other = trainer(weightless)
    other.step()
    first, second = (dict(t.networks["H"].named_parameters()) for t in (heard, other))
    assert all(torch.equal(first[n], second[n]) for n in first), "fakes never teach the head"


@pytest.mark.slow
def test_four_steps_are_two_a_resume_and_two_bit_for_bit() -> None:
    whole = trainer(swift())
    for _ in range(2):
        whole.step()
    state = copy.deepcopy(training_state(whole))
    resumed = trainer(swift())
    restore(resumed, state)
    for one in (whole, resumed):
        for _ in range(2):
            one.step()
    for name, weight in whole.networks.state_dict().items():
        assert torch.equal(weight, resumed.networks.state_dict()[name])


@pytest.mark.slow
def test_the_head_comes_to_read_the_labels_of_real_pictures() -> None:
    made = replace(swift(), images=4_000)
    learning = trainer(made)
    terms = [learning.step().terms for _ in range(60)]
    reads = [next(v for k, v in t.items() if k.endswith("labels_real")) for t in terms]
    assert sum(reads[-5:]) < 0.5 * sum(reads[:5])


@pytest.mark.slow
@pytest.mark.parametrize("precision", [{"F": "bf16"}, {"H": "bf16"}, {"F": "bf16", "H": "bf16"}])
def test_the_head_reads_maps_of_either_precision(precision: dict[str, str]) -> None:
    place = Place(precision=precision)
    learning = Trainer(swift(begin=0.0), Discs(32, 3, labeled=True), place)
    assert all(value == value for value in learning.step().terms.values())
