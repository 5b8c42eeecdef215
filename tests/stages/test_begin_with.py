"""A run begins with the weights of another one, on other pictures or on a set that has grown."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from case_tools import QUICK, fill, lookalike
from safetensors.torch import load_file

from lookalike import api
from lookalike.api.results import Trained
from lookalike.data.decode.previous_pack import known_sides
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.engine.load import beginning, open_sampler, sides_seen
from lookalike.engine.trainer import Trainer
from lookalike.errors import CheckpointError, RecipeError, RunError
from lookalike.parts.training.schedules import Tally
from lookalike.place import Place
from lookalike.run import SEEN, Run
from lookalike.settings.device import Device
from lookalike.settings.training import TrainSettings

HERE = Device(precision="fp32", threads=1)
WORDS = {"width": "2", "batch": "16"}


def pack_at(
    to: Path, first: int = 0, count: int = 60, size: int = 8, classes: str = "", **row: Any
) -> Pack:
    """Pictures ``first`` to ``first + count``, the last fifth held out; a class a letter."""
    with PackWriter(to, size=size) as writer:
        for number in range(first, first + count):
            label = {"class": classes[number % len(classes)]} if classes else {}
            writer.append(pixels_of(number, size), {"source": str(number), **label, **row})
        return writer.finish(holdout=np.arange(count) >= count - count // 5)


def pixels_of(number: int, size: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (size, size, 3), np.uint8)


def asked(begin_with: Path | None = None, images: int = 32, **words: Any) -> TrainSettings:
    settings = {"recipe": "tiny", "labels": None, **words}
    changes = {**WORDS, "images": str(images), **settings.pop("changes", {})}
    return TrainSettings(begin_with=begin_with, changes=changes, device=HERE, **settings)


def train(pack: Pack, into: Path, settings: TrainSettings, stop_at: int | None = None) -> Trained:
    """Train; ``stop_at`` asks for an end after so many images as Ctrl-C does."""
    play = Trainer.step

    def step(self: Trainer) -> Tally:
        tally = play(self)
        if self.clock.images == stop_at:
            os.kill(os.getpid(), signal.SIGINT)
        return tally

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "step", step)
        return api.train(pack.path, into, settings)


class KilledError(Exception):
    """As if the process had ended here."""


def killed(*_: object, **__: object) -> None:
    raise KilledError


def begun(pack: Pack, into: Path, settings: TrainSettings, before: str = "step") -> Run:
    """A run that was killed before its first step, or ``before`` something else of a session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer if before == "step" else Run, before, killed)
        with pytest.raises(KilledError):
            api.train(pack.path, into, settings)
    return Run(into)


def pictures(run: Run) -> np.ndarray:
    return open_sampler(run, Place(), "last")[0].pictures(3, 0, 8)


def state(run: Run) -> dict[str, torch.Tensor]:
    return load_file(sorted(run.checkpoints.glob("0*.safetensors"))[-1])


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.fixture
def old(tmp_path: Path) -> Run:
    """A finished run on pictures 0 to 60."""
    train(pack_at(tmp_path / "old-pack"), tmp_path / "old", asked(images=64))
    return Run(tmp_path / "old")


@pytest.fixture
def other(tmp_path: Path) -> Pack:
    """Pictures that the run never saw."""
    return pack_at(tmp_path / "other-pack", 100)


# ---- what is taken over ----------------------------------------------------------------------


@pytest.mark.slow
def test_before_the_first_step_it_draws_what_the_old_run_draws(
    old: Run, other: Pack, tmp_path: Path
) -> None:
    new = begun(other, tmp_path / "new", asked(old.path, changes={"seed": "7"}))
    assert np.array_equal(pictures(new), pictures(old))
    before, after = old.state("last"), new.state("last")
    assert same(before["networks"], after["networks"])
    assert same(before["averages"]["G"], after["averages"]["G"])
    assert after["clock"] == [0, 0]
    assert before["optimizers"]["G"]["state"]
    assert not after["optimizers"]["G"]["state"]
    anew = begun(other, tmp_path / "anew", asked(changes={"seed": "7"}))
    assert not anew.saved


@pytest.mark.slow
def test_it_continues_bit_for_bit_without_the_old_run(
    old: Run, other: Pack, tmp_path: Path
) -> None:
    whole = train(other, tmp_path / "a", asked(old.path, 96))
    stopped = train(other, tmp_path / "b", asked(old.path, 96), stop_at=48)
    assert (whole.finished, stopped.finished, stopped.images) == (True, False, 48)
    shutil.rmtree(old.path)
    shutil.rmtree(tmp_path / "old-pack")
    assert train(other, tmp_path / "b", asked(old.path, 96)).resumed_at == 48
    assert same(state(Run(tmp_path / "a")), state(Run(tmp_path / "b")))
    assert Run(tmp_path / "a").begun_with == Run(tmp_path / "b").begun_with
    again = lookalike(*shlex.split(stopped.continue_with)[1:], "--threads", "1", "--json")
    assert json.loads(again.out)["images"] == 96


@pytest.mark.slow
def test_a_run_that_was_killed_before_it_took_over_does_so_when_it_is_asked_again(
    old: Run, other: Pack, tmp_path: Path
) -> None:
    whole = train(other, tmp_path / "a", asked(old.path))
    for before in ("write_recipe", "write_seen", "save"):
        new = begun(other, tmp_path / before, asked(old.path), before)
        assert not new.saved
        if new.exists:
            with pytest.raises(RunError, match="stopped before it had taken over the weights of"):
                train(other, new.path, asked())
        assert train(other, new.path, asked(old.path)).begun_with == whole.begun_with
        assert same(state(new), state(Run(tmp_path / "a")))
        assert np.array_equal(new.seen(), Run(tmp_path / "a").seen())


@pytest.mark.slow
def test_a_begun_run_that_never_came_to_be_leaves_nothing_to_a_run_from_nothing(
    old: Run, other: Pack, tmp_path: Path
) -> None:
    begun(other, tmp_path / "new", asked(old.path), "write_recipe")
    assert train(other, tmp_path / "new", asked()).begun_with is None
    train(other, tmp_path / "fresh", asked())
    assert same(state(Run(tmp_path / "new")), state(Run(tmp_path / "fresh")))


@pytest.mark.slow
def test_a_saved_recipe_says_that_weights_belong_to_it_and_repeats_with_them(
    old: Run, other: Pack, tmp_path: Path
) -> None:
    first = train(other, tmp_path / "a", asked(old.path))
    saved = TrainSettings(recipe=str(first.run / "recipe.json"), device=HERE)
    without = train(other, tmp_path / "b", saved)
    assert any("begun with the weights of old, which --begin-with" in n for n in without.notes)
    saved = TrainSettings(recipe=saved.recipe, begin_with=old.path, device=HERE)
    train(other, tmp_path / "c", saved)
    assert same(state(Run(tmp_path / "a")), state(Run(tmp_path / "c")))
    assert not same(state(Run(tmp_path / "a")), state(Run(tmp_path / "b")))


@pytest.mark.slow
def test_players_that_are_other_networks_begin_anew_and_are_named(
    old: Run, other: Pack, tmp_path: Path
) -> None:
    deviation = {"deviation": "true"}
    new = begun(other, tmp_path / "new", asked(old.path, changes=deviation))
    record = new.begun_with
    assert (record["players"], record["anew"]) == (["G"], ["D"])
    assert np.array_equal(pictures(new), pictures(old))
    assert "D begins anew (D." in (new.path / "log.txt").read_text()


@pytest.mark.slow
def test_the_newest_state_is_taken_where_the_best_keeps_no_networks_and_it_is_said(
    old: Run, other: Pack, tmp_path: Path
) -> None:
    old.save_best({**old.state("last"), "networks": {}})
    (old.path / "scores.json").write_text('{"take": "best"}')
    told = train(other, tmp_path / "new", asked(old.path))
    assert any("its best state keeps none to train on" in note for note in told.notes)
    assert told.begun_with is not None
    assert told.begun_with["images"] == 64


# ---- what is refused ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            {"recipe": "mlp-gan"},
            r"its recipe is tiny, and here it is mlp-gan\. Ask for --recipe tiny",
        ),
        ({"changes": {"width": "3"}}, r"generator of .* is another network \(G\.\S+: \("),
    ],
)
def test_other_networks_are_refused_before_anything_is_written(
    words: dict[str, Any], said: str, old: Run, other: Pack, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=said):
        train(other, tmp_path / "new", asked(old.path, **words))
    assert not (tmp_path / "new" / "recipe.json").exists()


@pytest.mark.slow
def test_another_size_and_other_labels_are_refused_with_the_option_that_helps(
    old: Run, tmp_path: Path
) -> None:
    large = pack_at(tmp_path / "large", 100, size=16)
    with pytest.raises(RecipeError, match=r"size is 8, and here it is 16.*--size 8"):
        train(large, tmp_path / "new", asked(old.path))
    sorted_ones = pack_at(tmp_path / "ab", 200, classes="ab")
    with pytest.raises(RecipeError, match=r"label columns is 0, and here it is 2.*--no-labels"):
        train(sorted_ones, tmp_path / "new", asked(old.path))
    assert train(sorted_ones, tmp_path / "plain", asked(old.path, labels=False)).finished
    train(sorted_ones, tmp_path / "labeled", asked())
    others = pack_at(tmp_path / "ac", 300, classes="ac")
    with pytest.raises(RecipeError, match=r"other labels than .*class=b, class=c"):
        train(others, tmp_path / "new", asked(tmp_path / "labeled"))
    same_ones = pack_at(tmp_path / "ab-again", 400, classes="ab")
    assert train(same_ones, tmp_path / "new", asked(tmp_path / "labeled")).begun_with


@pytest.mark.slow
@pytest.mark.parametrize(
    ("channels", "here", "option"),
    [
        (1, 3, "with --grey"),
        (3, 1, "without --grey"),
        (3, 4, "without --alpha"),
        (4, 3, "with --alpha"),
        (4, 1, "with --alpha"),
    ],
)
def test_other_channels_are_refused_with_the_option_that_prepares_them(
    old: Run, other: Pack, tmp_path: Path, channels: int, here: int, option: str
) -> None:
    values = json.loads((old.path / "recipe.json").read_text())
    values["recipe"]["channels"] = channels
    (old.path / "recipe.json").write_text(json.dumps(values))
    made = replace(old.recipe(), channels=here)
    with pytest.raises(RecipeError, match=rf"here it is {here}\. Prepare the pictures {option},"):
        beginning(old, other, made)


@pytest.mark.slow
def test_a_run_without_a_state_to_train_on_is_refused(
    old: Run, other: Pack, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="does not exist"):
        train(other, tmp_path / "new", asked(tmp_path / "nowhere"))
    shutil.copytree(old.path, tmp_path / "shared")
    shutil.copy(sorted(old.checkpoints.glob("0*"))[-1], tmp_path / "shared" / "model.safetensors")
    with pytest.raises(RunError, match="is a shared model"):
        train(other, tmp_path / "new", asked(tmp_path / "shared"))
    for checkpoint in old.checkpoints.glob("*.safetensors"):
        checkpoint.write_bytes(checkpoint.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match="holds no whole checkpoint"):
        train(other, tmp_path / "new", asked(old.path))


@pytest.mark.slow
def test_no_code_of_the_old_run_is_run(
    other: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path(api.__file__).parents[1].joinpath("recipes", "tiny.py").read_text("utf-8")
    (tmp_path / "mine.py").write_text(text.replace('name="tiny"', 'name="mine"'))
    monkeypatch.chdir(tmp_path)
    train(pack_at(tmp_path / "old-pack"), tmp_path / "old", asked(recipe="mine.py"))
    trap = tmp_path / "trap"
    (tmp_path / "mine.py").write_text(f"open({str(trap)!r}, 'w')\n{text}")
    with pytest.raises(RecipeError, match="its recipe is mine"):
        train(other, tmp_path / "new", asked(tmp_path / "old"))
    assert not trap.exists()


@pytest.mark.slow
def test_a_run_that_goes_on_is_held_to_what_it_was_begun_with(
    old: Run, other: Pack, tmp_path: Path
) -> None:
    train(other, tmp_path / "new", asked(old.path))
    with pytest.raises(RunError, match="begun with the weights of old, not with those of"):
        train(other, tmp_path / "new", asked(tmp_path / "another"))
    with pytest.raises(RunError, match="was begun with no other run"):
        train(Pack.open(tmp_path / "old-pack"), old.path, asked(old.path, 64))
    assert train(other, tmp_path / "new", asked(images=64)).begun_with is not None


# ---- held-out pictures -------------------------------------------------------------------------


@pytest.mark.slow
def test_a_pack_that_holds_out_what_the_run_was_trained_on_is_refused(
    old: Run, tmp_path: Path
) -> None:
    """It was trained on 0 to 48. One pack holds out 78 to 90, the other 40 to 50."""
    assert train(pack_at(tmp_path / "a", 30), tmp_path / "new", asked(old.path)).finished
    overlapping = pack_at(tmp_path / "b", 0, 50)
    with pytest.raises(RunError, match=r"trained on 8 of the 10 pictures that .* holds out"):
        train(overlapping, tmp_path / "kind", asked(old.path))
    assert not (tmp_path / "kind" / "recipe.json").exists()


@pytest.mark.slow
def test_a_file_is_known_again_when_it_was_cut_in_another_way(old: Run, tmp_path: Path) -> None:
    known = pack_at(tmp_path / "cut", 0, 20, sha256="ab" * 32)
    train(known, tmp_path / "of-cut", asked())
    recut = pack_at(tmp_path / "recut", 500, 20, sha256="ab" * 32)
    with pytest.raises(RunError, match="trained on 4 of the 4 pictures"):
        train(recut, tmp_path / "new", asked(tmp_path / "of-cut"))


@pytest.mark.slow
def test_a_run_whose_pack_is_gone_is_refused(old: Run, other: Pack, tmp_path: Path) -> None:
    (tmp_path / "old-pack").rename(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=r"not known which pictures .* was trained on"):
        train(other, tmp_path / "new", asked(old.path))


@pytest.mark.slow
def test_what_the_runs_before_were_trained_on_is_remembered_when_they_are_gone(
    old: Run, other: Pack, tmp_path: Path
) -> None:
    train(other, tmp_path / "second", asked(old.path))
    shutil.rmtree(old.path)
    shutil.rmtree(tmp_path / "old-pack")
    overlapping = pack_at(tmp_path / "b", 0, 50)
    with pytest.raises(RunError, match="trained on 8 of the 10 pictures"):
        train(overlapping, tmp_path / "third", asked(tmp_path / "second"))
    third = pack_at(tmp_path / "c", 300)
    train(third, tmp_path / "third", asked(tmp_path / "second"))
    trained = {key for key, side in sides_seen(Run(tmp_path / "third")).items() if side == "train"}
    assert len(trained) == 3 * 48
    (tmp_path / "third" / SEEN).unlink()
    with pytest.raises(RunError, match=r"seen\.npy cannot be read"):
        train(pack_at(tmp_path / "d", 400), tmp_path / "4", asked(tmp_path / "third"))


# ---- a folder that has grown -------------------------------------------------------------------


@pytest.mark.slow
def test_a_grown_folder_keeps_its_sides_under_other_names(tmp_path: Path) -> None:
    fill(tmp_path / "in", 60)
    words = (*QUICK, "--size", "16")
    assert lookalike("start", tmp_path / "in", *words, "--into", tmp_path / "r").status == 0
    for number, path in enumerate(sorted((tmp_path / "in").iterdir())):
        path.rename(path.with_name(f"renamed-{(number * 7) % 60:03d}.png"))
    fill(tmp_path / "in", 180, 500)
    into = ("--into", tmp_path / "r-2", "--begin-with", tmp_path / "r")
    ended = lookalike("start", tmp_path / "in", *QUICK, *into, "--json")
    assert ended.status == 0, ended.err
    told = json.loads(ended.out)
    assert (told["choice"]["size"], told["trained"]["begun_with"]["name"]) == (16, "r")
    before, after = (known_sides(Pack.open(tmp_path / name / "pack")) for name in ("r", "r-2"))
    assert len(after) > len(before) == 2 * 60
    assert {key: after[key] for key in before} == before
    assert "holdout" in {after[key] for key in after if key not in before}
    again = lookalike("start", tmp_path / "in", *QUICK, *into, "--json")
    assert json.loads(again.out)["prepared"]["unchanged"]


@pytest.mark.slow
def test_a_folder_that_train_prepares_keeps_its_sides_as_well(tmp_path: Path) -> None:
    fill(tmp_path / "in", 60)
    train = ("train", tmp_path / "in", *QUICK, "--into")
    assert lookalike(*train, tmp_path / "r").status == 0
    fill(tmp_path / "in", 40, 500)
    ended = lookalike(*train, tmp_path / "r-2", "--begin-with", tmp_path / "r")
    assert ended.status == 0, ended.err
    before, after = (known_sides(Pack.open(tmp_path / name / "pack")) for name in ("r", "r-2"))
    assert {key: after[key] for key in before} == before


# ---- what is said of it ------------------------------------------------------------------------


@pytest.mark.slow
def test_show_report_and_card_say_what_it_began_with(old: Run, other: Pack, tmp_path: Path) -> None:
    train(other, tmp_path / "new", asked(old.path))
    sentence = "G, D began with the weights of old (64 images shown, 48 pictures trained on)."
    shown = api.show(tmp_path / "new")
    assert shown["begun_with"]["sentence"] == sentence
    assert len(shown["begun_with"]["digest"]) == 64
    assert "begun_with" not in shown["environment"]
    assert sentence in str(shown)
    assert sentence in (tmp_path / "new" / "report.html").read_text()
    api.share(tmp_path / "new", tmp_path / "given")
    assert sentence in (tmp_path / "given" / "README.md").read_text()
    assert "with the weights of" not in (old.path / "report.html").read_text()


@pytest.mark.slow
def test_a_dry_run_says_it_and_writes_nothing(old: Run, other: Pack, tmp_path: Path) -> None:
    planned = api.plan(other.path, tmp_path / "new", asked(old.path))
    assert any("began with the weights of old" in note for note in planned.notes)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_what_does_not_fit_is_refused_before_a_folder_is_prepared(tmp_path: Path) -> None:
    fill(tmp_path / "in", 20)
    start = ("start", tmp_path / "in", *QUICK, "--size", "16", "--into")
    assert lookalike(*start, tmp_path / "r").status == 0
    for words in (("--size", "32"), ("--recipe", "mlp-gan")):
        new = tmp_path / "-".join(words)
        again = (*QUICK[2:], *words, "--into", new, "--begin-with", tmp_path / "r")
        ended = lookalike("start", tmp_path / "in", *again)
        assert ended.status == 1, words
        assert "at 16 px with the recipe tiny, and its weights fit nothing else" in ended.err
        assert not new.exists()
    missing = lookalike("start", tmp_path / "no", "--begin-with", tmp_path / "r")
    assert "does not exist. Name a folder or a zip" in missing.err


@pytest.mark.slow
def test_a_folder_that_got_classes_is_trained_without_them_as_the_run_before(
    tmp_path: Path,
) -> None:
    fill(tmp_path / "in" / "a", 20)
    words = ("--recipe", "tiny", "--size", "16", "--set", "images=32", "width=2", "batch=16")
    for name, more in (("r", ()), ("r-2", ("--begin-with", tmp_path / "r"))):
        ended = lookalike("start", tmp_path / "in", *words, "--into", tmp_path / name, *more)
        assert ended.status == 0, ended.err
        fill(tmp_path / "in" / name, 20, 900)
    pack = Pack.open(tmp_path / "r-2" / "pack")
    assert len(pack.columns) == 2
    assert Run(tmp_path / "r-2").recipe_values()["labels"] == 0
