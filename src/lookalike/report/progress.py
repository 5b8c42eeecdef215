"""How a training goes, in words for somebody who is no expert: a light, how near, what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from lookalike.durations import words
from lookalike.metrics.scores.health_verdict import FEW
from lookalike.report.facts import RunFacts

AGO = 3600.0
"""Now is compared with an hour ago, or with the middle of a shorter training."""


def nearness(facts: RunFacts) -> str:
    """How near the pictures are to real ones that were never seen, and whether that has changed.

    Distances are kernel distances (KID); only a change beyond their intervals is called one.
    """
    scores = [line for line in facts.stats if _has(line, "score/kid", "score/kid_high")]
    if not scores:
        return ""
    now = scores[-1]
    return f"{_how_near(now)}{_change(now, _earlier(facts, scores))}."


def _how_near(now: Mapping[str, Any]) -> str:
    """In the unit of the light; runs of before have the interval of the floor alone."""
    old = max(float(now.get("score/floor_high", 0.0)), float(now.get("score/floor", 0.0)))
    times = float(now["score/kid"]) / max(float(now.get("score/chance", old)), 1e-6)
    if times <= 1:
        return "As near to your pictures as some of these are to the others"
    if times < 3:
        return "Close to your pictures, and still to be told from them"
    return f"{_round(times)} times as far from your pictures as {FEW} of these are by chance"


def _round(times: float) -> str:
    return f"{times:.0f}" if times < 20 else f"{round(times, -1):,.0f}"


def _change(now: Mapping[str, Any], before: tuple[float, Mapping[str, Any]] | None) -> str:
    if before is None:
        return ""
    seconds, then = before
    ago = "an hour ago" if seconds >= 0.9 * AGO else f"{words(seconds)} ago"
    if now["score/kid_high"] < then["score/kid"]:
        return f": nearer than {ago}"
    if then["score/kid_high"] < now["score/kid"]:
        return f": farther than {ago}"
    return f": about as near as {ago}"


def _earlier(
    facts: RunFacts, scores: Sequence[Mapping[str, Any]]
) -> tuple[float, Mapping[str, Any]] | None:
    """Seconds since an earlier score, and that score; grids tell when which image was seen."""
    if len(scores) < 2:
        return None
    moments = [(seen, path.stat().st_mtime) for seen, path in facts.grids if path.is_file()]
    if len(moments) < 2:
        return None
    end = _moment(moments, int(scores[-1]["images"]))
    begun = _moment(moments, int(scores[0]["images"]))
    wanted = max(end - AGO, (begun + end) / 2)
    dated = [(_moment(moments, int(line["images"])), line) for line in scores[:-1]]
    when, line = min(dated, key=lambda score: abs(score[0] - wanted))
    return (end - when, line) if end - when > 20 else None


def _moment(moments: Sequence[tuple[int, float]], images: int) -> float:
    """When so many images had been seen, between the two grids around that."""
    for (low, before), (high, after) in pairwise(moments):
        if images <= high:
            share = (images - low) / max(1, high - low)
            return before + share * (after - before)
    return moments[-1][1]


def _has(line: Mapping[str, Any], *names: str) -> bool:
    return all(isinstance(line.get(name), int | float) for name in names)
