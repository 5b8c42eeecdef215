"""What the files of runs say, read once and again when one of them has changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.run import Run

if TYPE_CHECKING:
    from lookalike.report.facts import RunFacts

READ = (
    "recipe.json",
    "env.json",
    "stats.jsonl",
    "health.json",
    "scores.json",
    "evaluation.json",
    "samples",
)
"""What the facts of a run are read from."""


@dataclass(frozen=True)
class RunLook:
    """The facts of a run, and how near its pictures are in words."""

    facts: RunFacts
    nearness: str


class RunLooks:
    """The last look at every run."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], RunLook]] = {}

    def of(self, run: Run) -> RunLook:
        """What the files of a run say now."""
        changed = tuple(_changed(run.path / name) for name in READ)
        known = self._known.get(run.path)
        if known is None or known[0] != changed:
            known = self._known[run.path] = changed, _look(run)
        return known[1]


def _look(run: Run) -> RunLook:
    from lookalike.report.facts import RunFacts
    from lookalike.report.progress import nearness

    facts = RunFacts.of(run, None)
    return RunLook(facts, nearness(facts))


def _changed(path: Path) -> int:
    """When something was last written, in nanoseconds; 0 where it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
