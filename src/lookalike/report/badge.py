"""The light on top of a run's page: the one verdict of the run as a colored box."""

from __future__ import annotations

from html import escape

from lookalike.metrics.scores.health_verdict import LIGHTS, shown
from lookalike.report.facts import RunFacts


def light(facts: RunFacts) -> str:
    """What is said of the run, with its sentence; nothing where nothing is known."""
    finding = shown(facts.health, facts.evaluation)
    if finding is None:
        return ""
    return (
        f'<div class="light {finding.light}" role="status"><i></i><div>'
        f"<b>{LIGHTS[finding.light]}</b><p>{escape(finding.sentence)}</p></div></div>"
    )
