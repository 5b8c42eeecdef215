"""How near a run is to its pictures, in words for somebody who is no expert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from lookalike.metrics.scores import health_verdict
from lookalike.metrics.scores.health_verdict import ScoreLook
from lookalike.report.facts import RunFacts


def nearness(facts: RunFacts) -> str:
    """How near the pictures are to real ones that were never seen, and whether that has changed.

    Distances are kernel distances (KID).
    """
    scores = [_score(line) for line in facts.stats if _has(line, "score/kid", "score/kid_high")]
    if not scores:
        return ""
    change = health_verdict.nearness(_timed(facts, scores))
    return f"{_how_near(scores[-1])}{f': {change}' if change else ''}."


def _score(line: Mapping[str, Any]) -> ScoreLook:
    """In the unit of the light; runs of before have the interval of the floor alone."""
    old = max(float(line.get("score/floor_high", 0.0)), float(line.get("score/floor", 0.0)), 1e-6)
    return ScoreLook.of({"score/chance": old, **line})


def _how_near(now: ScoreLook) -> str:
    if now.times <= 1:
        return "As near to your pictures as some of these are to the others"
    if now.times < 3:
        return "Close to your pictures, and still to be told from them"
    return f"{_round(now.times)} times as far from your pictures as some of these are from others"


def _round(times: float) -> str:
    return f"{times:.0f}" if times < 20 else f"{round(times, -1):,.0f}"


def _timed(facts: RunFacts, scores: Sequence[ScoreLook]) -> list[tuple[float, ScoreLook]]:
    """Scores with the second of each; grids tell when which image was seen."""
    moments = [(seen, path.stat().st_mtime) for seen, path in facts.grids if path.is_file()]
    if len(moments) < 2:
        return []
    return [(_moment(moments, score.images), score) for score in scores]


def _moment(moments: Sequence[tuple[int, float]], images: int) -> float:
    """When so many images had been seen, between the two grids around that."""
    for (low, before), (high, after) in pairwise(moments):
        if images <= high:
            share = (images - low) / max(1, high - low)
            return before + share * (after - before)
    return moments[-1][1]


def _has(line: Mapping[str, Any], *names: str) -> bool:
    return all(isinstance(line.get(name), int | float) for name in names)
