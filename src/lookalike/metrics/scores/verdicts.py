"""Scores in plain sentences: what a person may conclude, and what not."""

from __future__ import annotations

from collections.abc import Sequence

from lookalike.metrics.scores.per_class import ClassScores
from lookalike.metrics.scores.scores import Measure, Scores


def sentences(scores: Scores) -> tuple[str, ...]:
    """Three or four sentences: how real, how varied, how many copies, and the caveats' place."""
    return (_real(scores), _varied(scores), _copied(scores))


def _real(scores: Scores) -> str:
    kid = scores.kid
    if kid.ratio <= 1:
        return (
            f"{scores.features} cannot tell these pictures from held-out real ones "
            f"(KID {kid.value:.3g}, chance alone gives up to {_chance(scores):.3g})."
        )
    return (
        f"These pictures are {kid.ratio:.3g} times farther from held-out real ones than chance "
        f"explains (KID {kid.value:.3g}, 95 % between {kid.low:.3g} and {kid.high:.3g})."
    )


def _chance(scores: Scores) -> float:
    return scores.kid.value / scores.kid.ratio if scores.kid.ratio > 0 else scores.kid.floor


def _varied(scores: Scores) -> str:
    coverage, twins = scores.coverage, scores.near_duplicates
    reach = (
        f"They reach {coverage.value:.0%} of the real pictures' neighborhoods "
        f"(training pictures reach {coverage.floor:.0%})"
    )
    if twins.value > 3 * max(twins.floor, 0.01):
        return f"{reach}, and {twins.value:.0%} of them have a near-duplicate: they repeat."
    return f"{reach}, and do not repeat themselves more than real pictures do."


def _copied(scores: Scores) -> str:
    copies, excess = scores.copies, scores.copies.excess
    if copies.level == "pass":
        return (
            "Copies of training pictures are not more frequent than chance explains "
            f"(excess {excess.value:.1f}, 95 % between {excess.low:.1f} and {excess.high:.1f})."
        )
    word = "Many" if copies.level == "block" else "More than chance explains"
    return (
        f"{word} of these pictures are copies of training pictures: {copies.share:.1%}, "
        f"{excess.value:.1f} times the held-out level (95 % between {excess.low:.1f} and "
        f"{excess.high:.1f}). Look at the pairs before you share them."
    )


def class_sentence(rows: Sequence[ClassScores], recognized: Measure | None) -> str | None:
    """How well samples keep to the classes they were made for, and which class is the weakest."""
    missing = [row.name for row in rows if not row.samples]
    gone = f" No sample is of: {', '.join(missing)}." if missing else ""
    if recognized is None:
        return gone.strip() or None
    known = [row for row in rows if row.recognized is not None]
    weakest = min(known, key=lambda row: row.recognized.value if row.recognized else 1.0)
    assert weakest.recognized is not None
    return (
        f"A classifier of the real pictures takes {recognized.value:.0%} of the samples for the "
        f"class they were made for (held-out pictures: {recognized.floor:.0%}); the weakest is "
        f"{weakest.name!r} with {weakest.recognized.value:.0%}.{gone}"
    )
