"""``lookalike expand`` as a person meets it: what it writes, what it says, what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lookalike.data.pack.pack import Pack
from lookalike.run import Run

pytestmark = pytest.mark.slow

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
        (("--run", "{run}", "--run-per-class"), "Give one of them"),
        (("--run-per-class",), "--for 30m"),
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


def test_a_run_for_each_class_sees_that_class_alone_and_is_named_in_every_file(
    say: Say, pack: Path, tmp_path: Path
) -> None:
    words = ("expand", pack, "--run-per-class", "--for", "1s", "--recipe", "tiny")
    rest = ("--judge", "pixels", "--steps", "20", "--to", tmp_path / "o", "--factor", "1.5")
    status, out, err = say(*words, "--set", "images=64", *rest, "--keep-copies", "--json")
    assert status == 0, err
    told = json.loads(out)
    assert "1 of 2: training a generator of 'cold'" in err
    for number, name in enumerate(("cold", "warm")):
        home = tmp_path / "o-run" / f"{number:03d}-{name}"
        (kept,) = home.glob("pack-*")
        whole, part = Pack.open(pack), Pack.open(kept)
        halves = (whole.train, whole.holdout)
        mine = [half.labels(np.arange(len(half)))[:, number] > 0 for half in halves]
        assert (len(part.train), len(part.holdout)) == tuple(int(m.sum()) for m in mine)
        assert np.array_equal(part.train.all_images(), whole.train.all_images()[mine[0]])
        assert part.columns == ()
        assert Run.open(home / "run").progress() > 0
    card = (tmp_path / "o" / "README.md").read_text("utf-8")
    assert "a run of its own in `o-run`" in card
    lines = (tmp_path / "o" / "manifest.jsonl").read_text("utf-8").splitlines()
    made = [row for row in map(json.loads, lines) if row.get("synthetic")]
    assert len(made) == told["synthetic"]
    for row in made:
        assert row["run"].endswith(row["class"])


def test_the_run_of_a_class_of_other_pictures_is_not_taken_up(
    say: Say, pack: Path, folder: Path, tmp_path: Path
) -> None:
    """The same --to with another pack must not reuse pictures or a run that saw its hold-out."""
    say("prepare", folder, "--to", tmp_path / "p", "--size", "16", "--seed", "5")
    words = ("--run-per-class", "--for", "1s", "--recipe", "tiny", "--set", "images=32")
    rest = ("--judge", "pixels", "--steps", "20", "--tries", "1", "--to", tmp_path / "o")
    assert say("expand", pack, *words, *rest)[0] == 0
    (tmp_path / "o").rename(tmp_path / "first")
    status, _, err = say("expand", tmp_path / "p", *words, *rest)
    assert status == 1
    assert "other pictures" in err
    assert not (tmp_path / "o").exists()


def test_the_folder_one_stands_in_is_refused(
    say: Say, pack: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = say("expand", pack, "--run", run, "--to", ".")
    assert status == 1
    assert "no name of its own" in err
    assert list(tmp_path.iterdir()) == []


def test_a_class_too_small_for_a_run_of_its_own_is_named(
    say: Say, folder: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    for name, count in (("cold", 12), ("warm", 40)):
        (few / name).mkdir(parents=True)
        for one in sorted((folder / name).iterdir())[:count]:
            (few / name / one.name).write_bytes(one.read_bytes())
    say("prepare", few, "--to", tmp_path / "p", "--size", "16")
    words = ("expand", tmp_path / "p", "--to", tmp_path / "o", "--run-per-class", "--for", "1s")
    status, _, err = say(*words)
    assert status == 1
    assert "needs 16 training pictures" in err
    assert "'cold'" in err
    assert not (tmp_path / "o-run").exists()
