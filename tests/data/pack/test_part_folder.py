"""The folder of a part: what it keeps, what a kill leaves of it, and what is refused as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.data.pack.part_folder import (
    ARRAYS,
    INFO,
    RECORDS,
    AllParts,
    Asking,
    OnePart,
    Work,
    open_parts,
    parts_in,
)
from lookalike.errors import DataError, RunLockedError
from lookalike.settings.machines import Part, part_of


@dataclass(frozen=True)
class Seen:
    word: str
    numbers: np.ndarray


def work(folder: Path, **settings: int) -> Work:
    return Work("prepare", ("photos",), {"size": 64, **settings}, str(folder / "a"))


def seen(name: str) -> Seen:
    return Seen(name.upper(), np.frombuffer(name.encode(), np.uint8))


def asking(asked: list[str] | None = None, lost: tuple[str, ...] = ()) -> Asking[str, Seen]:
    refused: list[tuple[str, str]] = []

    def ask(names: list[str]) -> Iterator[tuple[str, Seen]]:
        for name in names:
            if asked is not None:
                asked.append(name)
            if name in lost:
                refused.append((name, "is lost"))
            else:
                yield name, seen(name)

    return Asking(ask, lambda name: (name, len(name)), (Seen,), refused)


def merged(folder: Path, names: list[str], how: Asking[str, Seen] | None = None) -> list[tuple]:
    _, folders = open_parts(parts_in(folder / "a-parts"))
    found = AllParts(folders).answers(names, how or asking())
    return [(name, one.word, one.numbers.tolist()) for name, one in found]


NAMES = [f"{n:03d}.png" for n in range(40)]


@given(st.sets(st.text(min_size=1)), st.integers(1, 9))
def test_every_name_and_number_belongs_to_exactly_one_part(names: set[str], of: int) -> None:
    for key in [*names, *range(20)]:
        assert [Part(n, of).owns(key) for n in range(1, of + 1)].count(True) == 1
        assert 1 <= part_of(key, of) <= of


def test_membership_is_frozen() -> None:
    """Parts of two versions of the program have to fit together."""
    assert [part_of(name, 7) for name in ("a.png", "b/ä.jpg", "\udcff")] == [5, 3, 4]
    assert [part_of(number, 3) for number in range(4)] == [1, 2, 3, 1]


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "-1/2", ""])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="takes i/N"):
        Part.read(text)


@pytest.mark.parametrize("of", [1, 2, 5])
def test_all_parts_give_the_answers_in_the_order_of_the_whole(tmp_path: Path, of: int) -> None:
    for number in reversed(range(1, of + 1)):
        OnePart(work(tmp_path), Part(number, of)).run(NAMES, asking(), "looking")
    wanted = [(name, one.word, one.numbers.tolist()) for name in NAMES for one in [seen(name)]]
    assert merged(tmp_path, NAMES) == wanted


def test_what_a_source_cannot_give_is_refused_in_the_order_of_the_whole(tmp_path: Path) -> None:
    lost = ("003.png", "017.png", "039.png")
    for number in (2, 1, 3):
        OnePart(work(tmp_path), Part(number, 3)).run(NAMES, asking(None, lost), "looking")
    how = asking()
    assert [row[0] for row in merged(tmp_path, NAMES, how)] == [n for n in NAMES if n not in lost]
    assert how.refused == [(name, "is lost") for name in lost]


@pytest.mark.parametrize("kept", [0, 1, 300, 1000, 2000])
def test_a_part_that_was_killed_goes_on_behind_its_last_whole_line(
    tmp_path: Path, kept: int
) -> None:
    whole = OnePart(work(tmp_path), Part(1, 1))
    whole.run(NAMES, asking(), "looking")
    before = {name: (whole.folder / name).read_bytes() for name in (RECORDS, ARRAYS, INFO)}
    for name in (RECORDS, ARRAYS):
        (whole.folder / name).write_bytes(before[name][:kept])
    asked: list[str] = []
    OnePart(work(tmp_path), Part(1, 1)).run(NAMES, asking(asked), "looking")
    assert len(asked) == 40 if not kept else 40 - len(asked) <= kept
    assert asked == NAMES[40 - len(asked) :]
    assert {name: (whole.folder / name).read_bytes() for name in before} == before


def test_the_same_part_again_asks_nothing_and_other_settings_begin_anew(tmp_path: Path) -> None:
    asked: list[str] = []
    for settings in ({}, {}, {"seed": 1}):
        OnePart(work(tmp_path, **settings), Part(1, 2)).run(NAMES, asking(asked), "looking")
    assert len(asked) == 2 * len(set(asked))


def test_missing_unfinished_damaged_and_foreign_parts_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no parts"):
        open_parts([])
    first = OnePart(work(tmp_path), Part(1, 3))
    first.run(NAMES, asking(), "looking")
    with OnePart(work(tmp_path), Part(2, 3)):
        pass
    with pytest.raises(DataError, match=r"1 of 3 parts are whole; .*: 2, 3\..*--part 2/3"):
        merged(tmp_path, NAMES)
    for number in (2, 3):
        OnePart(work(tmp_path), Part(number, 3)).run(NAMES, asking(), "looking")
    assert len(merged(tmp_path, NAMES)) == 40
    with pytest.raises(DataError, match="the source changed"):
        merged(tmp_path, NAMES[:-1])
    with pytest.raises(DataError, match=r"zz\.png is not as"):
        merged(tmp_path, [*NAMES, "zz.png"])
    data = first.folder / ARRAYS
    data.write_bytes(data.read_bytes()[:-1] + b"?")
    with pytest.raises(DataError, match="is damaged"):
        merged(tmp_path, NAMES)
    OnePart(work(tmp_path, seed=1), Part(1, 3)).run(NAMES, asking(), "looking")
    with pytest.raises(DataError, match="they differ in seed"):
        merged(tmp_path, NAMES)


def test_two_processes_do_not_work_on_one_part(tmp_path: Path) -> None:
    with OnePart(work(tmp_path), Part(1, 2)):
        with OnePart(work(tmp_path), Part(2, 2)):
            pass
        with pytest.raises(RunLockedError, match="Another process"):
            OnePart(work(tmp_path), Part(1, 2)).__enter__()


def test_the_folder_says_what_it_is_a_part_of(tmp_path: Path) -> None:
    done = OnePart(work(tmp_path), Part(2, 3)).run(NAMES, asking(), "looking")
    assert done.next_step.startswith(f"lookalike merge {tmp_path / 'a'} ")
    assert json.loads((done.folder / INFO).read_text())["work"]["settings"] == {"size": 64}


def test_a_part_that_was_killed_asks_for_nothing_that_was_refused_before(tmp_path: Path) -> None:
    lost = ("003.png", "017.png")
    whole = OnePart(work(tmp_path), Part(1, 1))
    whole.run(NAMES, asking(None, lost), "looking")
    records = whole.folder / RECORDS
    lines = records.read_bytes().splitlines(keepends=True)
    records.write_bytes(b"".join(lines[:30]))
    asked: list[str] = []
    OnePart(work(tmp_path), Part(1, 1)).run(NAMES, asking(asked, lost), "looking")
    assert asked == NAMES[30:]
    how = asking()
    assert len(merged(tmp_path, NAMES, how)) == 38
    assert how.refused == [(name, "is lost") for name in lost]


def test_batches_keep_what_was_asked_before_the_first_that_changed(tmp_path: Path) -> None:
    counts: list[tuple[int, int]] = []

    def run(*batches: list[str]) -> list[str]:
        asked: list[str] = []
        part = OnePart(work(tmp_path), Part(1, 1))
        part.run_batches(batches, asking(asked), lambda *count: counts.append(count))
        return asked

    assert run(NAMES[:10], NAMES[10:20], NAMES[20:]) == NAMES
    assert counts[9] == (10, 10)
    assert counts[10] == (11, 20)
    changed = ["new.png", *NAMES[11:20]]
    assert run(NAMES[:10], changed, NAMES[20:]) == [*changed, *NAMES[20:]]
    assert [row[0] for row in merged(tmp_path, [*NAMES[:10], *changed, *NAMES[20:]])]
    assert run(NAMES[:10]) == []
    assert [row[0] for row in merged(tmp_path, NAMES[:10])] == NAMES[:10]


def test_items_belong_to_the_part_of_their_division(tmp_path: Path) -> None:
    names = [f"{stem}/{name}" for stem in "abc" for name in NAMES[:4]]
    how = replace(asking(), division=lambda name: name[0])
    for number in (1, 2):
        asked: list[str] = []
        part = OnePart(work(tmp_path), Part(number, 2))
        part.run(names, replace(asking(asked), division=how.division), "looking")
        assert asked == [name for name in names if part_of(name[0], 2) == number]
    assert [row[0] for row in merged(tmp_path, names, how)] == names


def test_what_is_optional_may_have_been_asked_for_or_not(tmp_path: Path) -> None:
    OnePart(work(tmp_path), Part(1, 1)).run(NAMES[:-1], asking(), "looking")
    how = replace(asking(), optional={NAMES[3], NAMES[-1]})
    assert [row[0] for row in merged(tmp_path, NAMES, how)] == NAMES[:-1]
    with pytest.raises(DataError, match="the source changed"):
        merged(tmp_path, NAMES[1:], how)


@pytest.mark.parametrize(
    "text", ["[]", "7", "{}", '{"work": 3, "part": [1, 1]}', '{"work": {}, "part": [1, 1]}', "{"]
)
def test_what_says_something_strange_of_itself_is_no_part(tmp_path: Path, text: str) -> None:
    done = OnePart(work(tmp_path), Part(1, 1)).run(NAMES, asking(), "looking")
    (done.folder / INFO).write_text(text)
    with pytest.raises(DataError):
        merged(tmp_path, NAMES)
    asked: list[str] = []
    OnePart(work(tmp_path), Part(1, 1)).run(NAMES, asking(asked), "looking")
    assert asked == NAMES
