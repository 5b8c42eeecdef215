"""A tenth of ``bench watchdog``: what is planted is seen within one look, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks.watchdog import HARM, cases, pack_of, report, run_one, seen

from lookalike.data.pack.pack import Pack


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return pack_of(tmp_path_factory.mktemp("watchdog") / "pack")


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", cases(3), ids=lambda case: case["harm"] or f"healthy {case['seed']}"
)
def test_what_is_planted_is_seen_and_acted_upon_once(
    pack: Pack, tmp_path: Path, case: dict[str, Any]
) -> None:
    row = run_one(pack, tmp_path / "run", case)
    assert row["ended"] == "finished"
    assert row["good"]
    assert len(row["setbacks"]) == bool(case["harm"])
    assert seen(row) == bool(case["harm"])


def test_every_kind_is_planted_equally_often_in_every_variant() -> None:
    planted = [case for case in cases(30) if case["harm"]]
    assert {case["harm"] for case in planted} == set(HARM)
    assert len({(case["harm"], case["variant"]) for case in planted}) == 15
    assert all(300 <= case["step"] < 480 for case in planted)


def test_the_report_counts_what_was_seen_and_bounds_what_never_happened() -> None:
    common = {"ended": "finished", "good": True, "every": 60}
    rows = [
        {**common, "harm": "NaN", "since": 100, "setbacks": [[101, 60, "NaN"]]},
        {**common, "harm": "NaN", "since": 100, "setbacks": [[200, 60, "late"]]},
        {**common, "harm": "", "since": 0, "setbacks": []},
        {**common, "harm": "", "since": 0, "setbacks": []},
        {**common, "harm": "", "since": 0, "setbacks": []},
    ]
    text = report(rows)
    assert "| NaN | 2 | 1 | 1 | 2 | 2 |" in text
    assert "False alarms: 0 of 3 (so at most 100% with 95 %)" in text
