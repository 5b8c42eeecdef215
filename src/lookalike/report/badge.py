"""The light on top of a run's page: the one verdict of the run as a colored box."""

from __future__ import annotations

from html import escape

from lookalike.report.facts import RunFacts


def light(facts: RunFacts) -> str:
    """What is said of the run, with its sentence; nothing where nothing is known."""
    finding = facts.light
    if finding is None:
        return ""
    return (
        f'<div class="light {finding.light}" role="status"><i></i><div>'
        f"<b>{finding.title}</b><p>{escape(finding.sentence)}</p></div></div>"
    )
