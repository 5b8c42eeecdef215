"""``lookalike expand`` as a person meets it: what it writes, what it says, what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has hardly learned: its pictures should not pass."""
    from lookalike.cli.main import main

    into = tmp_path_factory.mktemp("runs") / "a"
    words = ["train", str(pack), "--recipe", "tiny", "--set", "images=64", "--into", str(into)]
    main([*words, "--precision", "fp32", "--json"])
    return into


def test_pictures_of_a_run_that_learned_nothing_are_not_added(
    say: Say, pack: Path, run: Path, tmp_path: Path
) -> None:
    words = ("expand", pack, "--run", run, "--to", tmp_path / "o", "--judge", "pixels")
    status, out, _ = say(*words, "--steps", "20", "--tries", "2", "--json")
    told = json.loads(out)
    assert status == 0
    assert {one["name"] for one in told["classes"]} == {"cold", "warm"}
    assert told["synthetic"] < 0.5 * sum(one["wanted"] for one in told["classes"])
    assert any("It was not filled up" in text for text in told["warnings"])
    real = list((tmp_path / "o" / "train").rglob("real-*.png"))
    assert len(real) == told["real"]
    assert (tmp_path / "o" / "README.md").exists()


def test_a_table_says_what_was_rejected_and_where_the_card_is(
    say: Say, pack: Path, run: Path, tmp_path: Path
) -> None:
    words = ("expand", pack, "--run", run, "--to", tmp_path / "o", "--judge", "pixels")
    status, out, err = say(*words, "--steps", "20", "--tries", "1", "--factor", "1.2")
    assert status == 0
    assert "outlier" in out
    assert "README.md" in out
    assert "Careful:" in out
    assert "not filled up" not in err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "--for 10m"),
        (("--balance", "--factor", "2"), "Give one of them"),
        (("--factor", "1"), "adds nothing"),
        (("--run", "{pack}"), "is not a run folder"),
        (("--run", "{run}", "--attribute", "hat"), "no attribute 'hat'"),
        (("--run", "{run}", "--judge", "eyes"), "there is no judge 'eyes'"),
        (("--run", "{run}", "--as", "zip"), "folder, pack"),
        (("--run", "{run}", "--balance"), "nothing is to be added"),
    ],
)
def test_mistakes_get_one_message_and_leave_nothing_behind(
    say: Say, pack: Path, run: Path, tmp_path: Path, words: tuple[str, ...], expected: str
) -> None:
    given = [word.format(pack=pack, run=run) for word in words]
    status, out, err = say("expand", pack, "--to", tmp_path / "o", *given)
    assert (status, out) == (1, "")
    assert expected in err
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_other_pictures_is_refused(
    say: Say, folder: Path, run: Path, tmp_path: Path
) -> None:
    say("prepare", folder, "--to", tmp_path / "p", "--size", "32")
    status, _, err = say("expand", tmp_path / "p", "--run", run, "--to", tmp_path / "o")
    assert status == 1
    assert "was not trained on" in err
