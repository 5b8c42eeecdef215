"""A list that is fetched in parts is the collection of one machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from case_tools import contents

import lookalike as package
from lookalike.errors import DataError
from lookalike.settings.collect import Manners


@pytest.mark.slow
def test_a_list_fetched_in_parts_is_the_collection_of_one_machine(
    site, quick: Manners, tmp_path: Path
) -> None:
    rows = ["url,label"]
    for number in range(40):
        site.picture(f"/{number}.png", number % 33)  # the last seven are copies of the first
        rows.append(f"{site.url(f'/{number}.png')},{'ab'[number % 2]}")
    rows += [f"{site.url('/3.png')},a", f"{site.url('/none.png')},a", "ftp://x/y.png,b", ",b"]
    (tmp_path / "list.csv").write_text("\n".join(rows))
    words = {"way": "urls", "manners": replace(quick, together=1)}
    whole = package.collect(tmp_path / "list.csv", to=tmp_path / "a", **words)
    asked = len(site.asked)
    for number in (3, 1, 2):
        part = package.collect(
            tmp_path / "list.csv", to=tmp_path / "b", part=f"{number}/3", **words
        )
        assert part.next_step.startswith(f"lookalike merge {tmp_path / 'b'} ")
    assert len(site.asked) <= 2 * asked + 4  # nothing twice, robots.txt aside
    done = package.merge(tmp_path / "b")
    names = ("added", "same", "known", "holds", "refused", "licenses", "sources", "notes")
    assert [getattr(done, n) for n in names] == [getattr(whole, n) for n in names]
    assert done.same == 7
    first, second = contents(tmp_path / "a"), contents(tmp_path / "b")
    assert list(first) == list(second)
    for name in first:
        lines = [
            sorted(str({**json.loads(line), "time": ""}) for line in one[name].splitlines())
            if name.endswith(".jsonl")
            else one[name]
            for one in (first, second)
        ]
        assert lines[0] == lines[1], name
    with pytest.raises(DataError, match="--count and --total-mb"):
        package.collect(tmp_path / "list.csv", to=tmp_path / "c", count=3, part="1/3", **words)
