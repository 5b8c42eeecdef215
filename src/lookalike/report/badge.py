"""The light on top of a run's page: what the training saw, or what 'evaluate' found if worse."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from lookalike.report.facts import RunFacts

LIGHTS = {
    "green": "All is well",
    "amber": "Worth a look",
    "red": "Something is wrong",
}
LOW = {
    "precision": "only {} of the samples look like real pictures",
    "coverage": "the samples reach only {} of the real pictures' neighborhoods",
}
HALF = 0.5
REPEATS = 0.2


def light(facts: RunFacts) -> str:
    """The worse of the two, as a colored box with its sentence; nothing where nothing is known."""
    seen = str(facts.health.get("light"))
    measured = measured_light(facts.evaluation)
    if measured is not None and _worse(measured[0], seen):
        color, sentence = measured
    elif seen in LIGHTS:
        color, sentence = seen, str(facts.health.get("sentence", ""))
    else:
        return ""
    return (
        f'<div class="light {color}" role="status"><i></i><div><b>{LIGHTS[color]}</b>'
        f"<p>{escape(sentence)}</p></div></div>"
    )


def measured_light(evaluation: Mapping[str, Any]) -> tuple[str, str] | None:
    """Red or amber with the reason, where an evaluation found something wrong; else None."""
    copies, twins = evaluation.get("copies"), _pair(evaluation, "near_duplicates")
    level = copies.get("level") if isinstance(copies, Mapping) else None
    if level == "block":
        return "red", "'evaluate' found many copies of training pictures among the samples."
    if twins and twins[0] > max(REPEATS, 3 * twins[1]):
        color = "red" if twins[0] > HALF else "amber"
        return color, (
            f"'evaluate' found that {twins[0]:.0%} of the samples have a near-duplicate among them "
            f"(real pictures: {twins[1]:.0%}): the generator repeats itself."
        )
    if level == "warn":
        return "amber", ("'evaluate' found more copies of training pictures than chance explains.")
    for name, words in LOW.items():
        share = _pair(evaluation, name)
        if share and share[0] < HALF * share[1]:
            what = words.format(f"{share[0]:.0%}")
            return "amber", f"'evaluate' found that {what} (real pictures: {share[1]:.0%})."
    return None


def _pair(evaluation: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    measure = evaluation.get(name)
    if not isinstance(measure, Mapping):
        return None
    value, floor = measure.get("value"), measure.get("floor")
    if not isinstance(value, float | int) or not isinstance(floor, float | int):
        return None
    return float(value), float(floor)


def _worse(color: str, than: str) -> bool:
    order = list(LIGHTS)
    return than not in order or order.index(color) > order.index(than)
