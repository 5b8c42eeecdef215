"""What a person may say with --set, and what is answered when it does not fit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Say = Callable[..., tuple[int, str, str]]


@pytest.mark.slow
def test_tricks_train_are_written_down_and_continue(say: Say, pack: Path, tmp_path: Path) -> None:
    tricks = ("deviation=true", "lecam=0.3", "matching=0.5", "augment=adaptive", "critic_steps=2")
    words = ("train", pack, "--recipe", "tiny", "--set", "images=64", *tricks,
             "--into", tmp_path / "r")  # fmt: skip
    assert say(*words)[0] == 0
    held = json.loads((tmp_path / "r" / "recipe.json").read_text())["recipe"]
    assert held["objective"]["part"] == "RegularizedObjective"
    assert (held["objective"]["lecam"], held["objective"]["critic_steps"]) == (0.3, 2)
    assert held["networks"]["D"]["deviation"] is True
    assert say(*words)[0] == 0  # the same command finds its run
    assert say("generate", tmp_path / "r", "-n", "2", "--to", tmp_path / "o")[0] == 0
    assert len(list((tmp_path / "o").glob("*.png"))) == 2


def test_a_trick_without_meaning_is_answered_with_those_that_take_it(
    say: Say, pack: Path, tmp_path: Path
) -> None:
    words = ("train", pack, "--recipe", "mlp-gan", "--into", tmp_path / "r")
    status, _, err = say(*words, "--set", "flips=2", "smothing=0.9")
    assert status == 1
    assert "flips: 2 was found; it should lie in 0 to 1" in err
    assert "smothing: there is no such setting" in err


@pytest.mark.slow
def test_a_recipe_that_needs_labels_says_so_and_names_others(
    say: Say, folder: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    for number, picture in enumerate(sorted(folder.rglob("[0-9]*.png"))[:20]):
        shutil.copy(picture, plain / f"{number}.png")
    assert say("prepare", plain, "--to", tmp_path / "p", "--size", "32")[0] == 0
    for name in ("acgan", "ssgan"):
        status, _, err = say("train", tmp_path / "p", "--recipe", name, "--into", tmp_path / name)
        assert status == 1
        assert f"The recipe '{name}' needs labels" in err
        assert "use one of: " in err
        assert "dcgan" in err
