"""The page of ``utility``: gain of every arm with its interval, accuracy by pictures a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lookalike.metrics.distances.intervals import Interval
from lookalike.metrics.utility.verdict import Verdict
from lookalike.report.charts import ChartLine, chart, forest
from lookalike.report.page import header, page, section


@dataclass(frozen=True)
class UtilityPart:
    """The verdict for so many training pictures per class; None for all there are."""

    per_class: int | None
    verdict: Verdict


def render(
    parts: Sequence[UtilityPart], classes: Sequence[str], facts: str, warnings: Sequence[str]
) -> str:
    """A whole HTML document that asks nobody for anything; ``classes`` are those of recalls."""
    careful = "".join(f'<p class="note">Careful: {escape(text)}.</p>' for text in warnings)
    lead = f'<p class="lead">{escape(facts)}</p>'
    head = header("utility", "Does adding synthetic pictures help?", lead)
    sections = [_part(part, classes) for part in parts]
    if len(parts) > 1:
        sections.append(section("Accuracy by pictures per class", sweep(parts)))
    return page("Does it help?", (head, *sections, careful))


def _part(part: UtilityPart, classes: Sequence[str]) -> str:
    verdict, each = part.verdict, part.per_class
    gains = [
        (row.arm, row.gain, f"{row.accuracy:.1%}")
        for row in verdict.table
        if row.arm != verdict.best_without
    ]
    recalls: list[tuple[str, Interval, str]] = [
        (name, gain, "") for name, gain in zip(classes, verdict.recalls, strict=True)
    ]
    over = f"Gain in points over {verdict.best_without}, on all test pictures, 95 %"
    each_class = "Gain in recall of each class, best arm with against without"
    body = (
        f"<h3>{escape(over)}</h3>{forest(over, gains)}"
        f"<h3>{each_class}</h3>{forest(each_class, recalls)}"
    )
    title = "All training pictures" if each is None else f"{each} pictures per class"
    return section(title, body, escape(verdict.sentence))


def sweep(parts: Sequence[UtilityPart]) -> str:
    """Accuracy of the best arm with, the best without, and synthetic only, by pictures a class."""
    x = [float(part.per_class or 0) for part in parts]
    tables = [{row.arm: row.accuracy for row in part.verdict.table} for part in parts]
    with_, without = (
        [table[name] for table, name in zip(tables, names, strict=True)]
        for names in (
            [max((n for n in table if ":1" in n), key=table.__getitem__) for table in tables],
            [part.verdict.best_without for part in parts],
        )
    )
    only = [table["synthetic only"] for table in tables]
    lines = [
        ChartLine("best with synthetic", x, with_, "c", dots=True),
        ChartLine("without synthetic", x, without, "b", dots=True),
        ChartLine("synthetic only", x, only, "a", dots=True),
    ]
    return chart("Accuracy by pictures per class", lines, over="pictures per class")
