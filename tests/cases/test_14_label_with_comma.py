"""Labels with commas, quotes and equals signs can be asked for, alone and beside others."""

from __future__ import annotations

import shlex

import pytest
from case_tools import QUICK, lookalike, picture

from lookalike.engine.load import _labels
from lookalike.errors import LookalikeError

AWKWARD = ("tench, Tinca tinca", 'a "b"', "x=y", "it's", "[red]", "-5", " cat ")
COLUMNS = [*(f"class={name}" for name in AWKWARD), "class=tench", "hair=long", "age"]


@pytest.mark.parametrize("name", AWKWARD)
def test_every_name_can_be_asked_for_as_it_is_and_beside_others(name: str) -> None:
    assert _labels(name, COLUMNS) == [(f"class={name}", 1.0)]
    for text in (f"hair=long,{name},age=0.3", f"hair=long, {name}, age=0.3"):
        if name.strip() == name or ", " not in text:
            expected = [("hair=long", 1.0), (f"class={name}", 1.0), ("age", 0.3)]
            assert _labels(text, COLUMNS) == expected


def test_quotes_around_a_name_are_no_part_of_it() -> None:
    for text in ('"tench, Tinca tinca",age=1', "'tench, Tinca tinca',age=1"):
        assert _labels(text, COLUMNS) == [("class=tench, Tinca tinca", 1.0), ("age", 1.0)]
    assert _labels("tench,age=1", COLUMNS) == [("class=tench", 1.0), ("age", 1.0)]


def test_an_unknown_one_is_answered_with_words_that_a_shell_takes() -> None:
    with pytest.raises(LookalikeError, match="There is no label 'dog'") as raised:
        _labels("hair=long,dog", COLUMNS)
    there = str(raised.value).partition("There are: ")[2].rstrip(".")
    for name in AWKWARD:
        assert shlex.quote(name) in there


@pytest.mark.slow
def test_a_run_makes_the_class_with_a_comma(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(24):
        place = tmp_path / "in" / ("tench, Tinca tinca" if number % 2 else "cat")
        place.mkdir(parents=True, exist_ok=True)
        picture(number).save(place / f"{number}.png")
    assert lookalike("prepare", "in", "--to", "my pack", "--size", "16").status == 0
    assert lookalike("train", "my pack", *QUICK, "--into", "r").status == 0
    words = (
        "generate",
        "r",
        "-n",
        "1",
        "--keep-copies",
        "--label",
        "tench, Tinca tinca",
        "--to",
        "o",
    )
    assert lookalike(*words).status == 0
    ended = lookalike("generate", "r", "-n", "1", "--label", "dog", "--to", "o")
    assert "'tench, Tinca tinca'" in ended.err
