"""A policy of transforms in training: in the recipe, seen by training pictures only, resumable."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lookalike import api
from lookalike.data.augment.policy import Policy
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.errors import DataError, RecipeError, RunError
from lookalike.place import Place
from lookalike.recipe import Recipe, find, load, make
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.settings.evaluation import EvaluateSettings
from lookalike.settings.training import TrainSettings
from lookalike.stages.train import plan, source

HERE = Device(precision="fp32", threads=1)
CODES = ("fliph", "rot_90,noise_0.01")


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Sixty pictures of 8 px in three classes, each with its number in one corner."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), np.uint8)
    pixels[:, 0, 0] = np.arange(60)[:, None]
    rows = [{"source": str(index), "class": "abc"[index % 3]} for index in range(60)]
    return write_pack(tmp_path / "pack", pixels, rows=rows, holdout=0.4)


def tiny(**settings: Any) -> Recipe:
    made = make(find("tiny"), {"width": 2}, {"size": 8, "channels": 3, "labels": 0})
    return replace(made, images=64, batch=16, **settings)


def asked(**more: Any) -> TrainSettings:
    words = {"width": "2", "images": "64", "batch": "16"}
    return TrainSettings(recipe="tiny", changes=words, device=HERE, **more)


def test_each_picture_is_shown_as_it_is_or_changed_by_one_chain(pack: Pack) -> None:
    plain, changed = source(pack, tiny()), source(pack, tiny(transforms=CODES))
    count = 30 * len(pack.train)
    one, other = plain.take(0, count).images, changed.take(0, count).images
    same = (one == other).flatten(1).all(1)
    flipped = (one.flip(3) == other).flatten(1).all(1)
    assert same.float().mean() == pytest.approx(1 / 3, abs=0.05)
    assert flipped.float().mean() == pytest.approx(1 / 3, abs=0.05)
    parts = [changed.take(at, 7).images for at in range(0, 700, 7)]
    assert torch.equal(torch.cat(parts), other[:700])
    assert torch.equal(plain.some(20).images, changed.some(20).images)


def test_labels_stay_with_their_pictures_also_when_only_few_are_shown(pack: Pack) -> None:
    labeled = replace(tiny(transforms=("noise",)), labels=3)
    taken, plain = source(pack, labeled).take(5, 50), source(pack, replace(tiny(), labels=3))
    assert taken.labels is not None
    assert torch.equal(taken.labels, plain.take(5, 50).labels)


@pytest.mark.slow
def test_held_out_pictures_and_scores_never_see_the_policy(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []
    apply = Policy.apply

    def spy(self: Policy, pictures: np.ndarray, at: int) -> np.ndarray:
        seen.append(pictures)
        return apply(self, pictures, at)

    monkeypatch.setattr(Policy, "apply", spy)
    api.train(pack.path, tmp_path / "run", asked(augment=CODES))
    numbers = {int(picture[0, 0, 0]) for part in seen for picture in part}
    own = pack.train.pack_rows(np.arange(len(pack.train)))
    assert numbers
    assert numbers <= set(own.tolist())
    monkeypatch.setattr(Policy, "apply", lambda *_: pytest.fail("an evaluation changed pictures"))
    judged = api.evaluate(tmp_path / "run", None, EvaluateSettings(judge="pixels", count=30))
    assert (judged.scores.training, judged.scores.holdout) == (36, 24)


@pytest.mark.slow
def test_the_recipe_holds_the_policy_and_repeats_the_run(pack: Pack, tmp_path: Path) -> None:
    done = api.train(pack.path, tmp_path / "a", asked(augment=CODES))
    saved = tmp_path / "a" / "recipe.json"
    assert load(saved).transforms == CODES
    assert "--augment 'fliph rot_90,noise_0.01'" in done.continue_with
    api.train(pack.path, tmp_path / "b", TrainSettings(recipe=str(saved), device=HERE))
    api.train(pack.path, tmp_path / "c", asked())

    one, again, without = (
        load_file(tmp_path / name / "checkpoints" / "0000000064.safetensors") for name in "abc"
    )
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert not all(torch.equal(one[key], without[key]) for key in one)
    with pytest.raises(RunError, match=r"transforms: .*fliph"):
        plan(pack, Run(tmp_path / "a"), asked(), Place(threads=1))
    assert plan(pack, Run(tmp_path / "a"), asked(augment=CODES), Place(threads=1)).continues


def test_a_policy_can_be_set_and_a_recipe_without_one_is_still_read(
    pack: Pack, tmp_path: Path
) -> None:
    words = {"transforms": '["fliph","blur_1"]'}
    found = plan(
        pack, Run(tmp_path / "r"), TrainSettings(recipe="tiny", changes=words, device=HERE), Place()
    )
    assert found.recipe.transforms == ("fliph", "blur_1")
    old = json.loads(found.recipe.dumps())
    del old["recipe"]["transforms"]
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert load(tmp_path / "old.json").transforms == ()
    wanted = TrainSettings(recipe=str(tmp_path / "old.json"), augment=("fliph",))
    with pytest.raises(RecipeError, match="--augment cannot change it"):
        plan(pack, Run(tmp_path / "r"), wanted, Place())


def test_codes_that_do_not_fit_are_refused_before_training(pack: Pack, tmp_path: Path) -> None:
    for codes, words in ((("spin",), "no code 'spin'"), (("zoom_9_9_20_20",), "of 8 x 8")):
        with pytest.raises(DataError, match=words):
            plan(pack, Run(tmp_path / "r"), asked(augment=codes), Place())
    assert not (tmp_path / "r").exists()
