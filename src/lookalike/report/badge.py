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
    told = measured_light(facts.evaluation)
    if told is not None and _worse(told[0], seen):
        color, sentence = told
    elif seen in LIGHTS:
        color, sentence = seen, str(facts.health.get("sentence", ""))
    else:
        return ""
    return (
        f'<div class="light {color}" role="status"><i></i><div><b>{LIGHTS[color]}</b>'
        f"<p>{escape(sentence)}</p></div></div>"
    )


def measured_light(held: Mapping[str, Any]) -> tuple[str, str] | None:
    """Red or amber with the reason, where an evaluation found something wrong; else None."""
    copies, twins = held.get("copies"), _pair(held, "near_duplicates")
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
        found = _pair(held, name)
        if found and found[0] < HALF * found[1]:
            what = words.format(f"{found[0]:.0%}")
            return "amber", f"'evaluate' found that {what} (real pictures: {found[1]:.0%})."
    return None


def _pair(held: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    one = held.get(name)
    if not isinstance(one, Mapping):
        return None
    value, floor = one.get("value"), one.get("floor")
    if not isinstance(value, float | int) or not isinstance(floor, float | int):
        return None
    return float(value), float(floor)


def _worse(one: str, other: str) -> bool:
    order = list(LIGHTS)
    return other not in order or order.index(one) > order.index(other)
