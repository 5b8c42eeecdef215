"""lookalike utility."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.cli import show
from lookalike.cli.machine import MACHINE, Machine

if TYPE_CHECKING:
    from lookalike.metrics.kernel import Interval
    from lookalike.stages.utility import Utility


def utility(
    pack: Path,
    /,
    *,
    run: Path,
    seeds: int = 10,
    steps: int = 600,
    attribute: str | None = None,
    seed: int = 0,
    machine: Machine = MACHINE,
    json: show.Json = False,
) -> None:
    """Whether adding a run's pictures makes a classifier better on real held-out pictures.

    Parameters
    ----------
    pack
        A pack with classes or attributes.
    run
        A run trained on this pack's classes (or with its attributes).
    seeds
        Classifiers trained for each arm; below 5 nothing is recommended.
    steps
        Optimizer steps of every classifier, the same for all.
    attribute
        Classify by the values of this attribute instead of by class.
    seed
        Other synthetic pictures, other classifiers.
    """
    from lookalike import api
    from lookalike.stages.utility import UtilitySettings

    wanted = UtilitySettings(seeds=seeds, steps=steps, attribute=attribute, seed=seed)
    with show.screen() as screen:
        found = api.utility(pack, run, wanted, machine.where(), screen.tell)
    show.result(found, json, [] if json else _lines(found))


def _lines(found: Utility) -> list[str]:
    rows = [
        [
            row.arm,
            f"{row.accuracy:.1%} ± {row.deviation:.1%}",
            f"{row.worst_recall:.1%}",
            _points(row.gain),
        ]
        for row in found.verdict.table
    ]
    header = ["trained on", "accuracy on real", "worst class", "gain in points (95 %)"]
    counts = (
        f"{found.training:,} real pictures to train on, {found.test:,} to test on, "
        f"{len(found.classes)} classes, {found.seeds} seeds, {found.steps} steps each"
    )
    lines = [counts, "", *show.table(rows, header), "", found.verdict.sentence]
    return [*lines, *(f"Careful: {text}." for text in found.warnings)]


def _points(gain: Interval) -> str:
    value, low, high = (100 * x for x in (gain.value, gain.low, gain.high))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"
