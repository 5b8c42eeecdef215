"""The one guard of everything that judges a run: the pack it was trained on, by fingerprint."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lookalike import recipe
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.engine.load import pretrained_families, training_pack
from lookalike.errors import RunError
from lookalike.run import Run

OLD = Path(__file__).parents[1] / "contract" / "version_0_1" / "runs"


def remember(run: Run, pack: Pack) -> None:
    """As training does."""
    data = {"path": str(pack.path.resolve()), "fingerprint": pack.fingerprint}
    run.write_env({"data": data})


def test_the_pack_at_the_remembered_path_is_taken_when_it_is_the_same(run: Run, pack: Pack) -> None:
    remember(run, pack)
    assert training_pack(run).path == pack.path
    assert training_pack(run, pack) is pack


@pytest.mark.parametrize("place", ["run/pack", "pack", "../pack", "elsewhere/deep/pack"])
def test_a_moved_pack_is_found_in_the_run_and_beside_it(
    run: Run, pack: Pack, tmp_path: Path, place: str
) -> None:
    remember(run, pack)
    home = tmp_path / "moved" / "runs"
    home.mkdir(parents=True)
    shutil.move(run.path, home / "run")
    there = (home / place).resolve()
    there.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(pack.path, there)
    moved = Run(home / "run")
    if "elsewhere" in place:
        with pytest.raises(RunError, match="nor in or beside"):
            training_pack(moved)
        assert training_pack(moved, Pack.open(there)).path == there
    else:
        assert training_pack(moved).path == there


def test_the_same_pictures_split_anew_are_another_pack(run: Run, pack: Pack) -> None:
    remember(run, pack)
    pictures = pack.shards.take(range(pack.count))
    shutil.rmtree(pack.path)
    other = write_pack(pack.path, pictures, holdout=0.2)
    with pytest.raises(RunError, match="has changed since the training"):
        training_pack(run)
    with pytest.raises(RunError, match="may have seen the held-out pictures"):
        training_pack(run, other)


def test_a_changed_pack_at_the_path_does_not_hide_the_right_one_beside_the_run(
    run: Run, pack: Pack, tmp_path: Path
) -> None:
    (tmp_path / "far").mkdir()
    remember(run, pack)
    run.write_env({"data": {**run.env()["data"], "path": str(tmp_path / "far" / "pack")}})
    write_pack(tmp_path / "far" / "pack", pack.shards.take(range(50)), holdout=0.2)
    assert training_pack(run).path == pack.path


def test_a_run_that_says_nothing_of_its_pack_is_refused(run: Run, pack: Pack) -> None:
    with pytest.raises(RunError, match="does not say which pack"):
        training_pack(run)
    with pytest.raises(RunError, match="was not trained on"):
        training_pack(run, pack)


def test_a_damaged_pack_is_not_taken(run: Run, pack: Pack) -> None:
    remember(run, pack)
    (pack.path / "train.npy").write_bytes(b"")
    with pytest.raises(RunError, match="no longer whole at"):
        training_pack(run)


def test_a_run_with_pretrained_features_says_their_families_in_this_and_the_old_version(
    run: Run,
) -> None:
    assert "efficientnet-lite0" in pretrained_families(Run(OLD / "swift"))
    assert pretrained_families(Run(OLD / "tiny")) == ()
    assert pretrained_families(run) == ()
    chosen = recipe.load(OLD / "swift" / "recipe.json")
    run.write_recipe(replace(chosen, images=chosen.images + 64))
    assert "efficientnet-lite0" in pretrained_families(run)
