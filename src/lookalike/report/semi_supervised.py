"""The report's section of a semi-supervised run: accuracies beside the baseline's."""

from __future__ import annotations

from lookalike.report.facts import RunFacts
from lookalike.report.sections import section
from lookalike.watch.class_accuracy import class_accuracy_of


def named(facts: RunFacts) -> str:
    """A table of two accuracies with their intervals; empty for other runs."""
    told = class_accuracy_of(facts.run)
    if not told:
        return ""
    rows = "".join(
        f"<tr><th>{name}</th><td>{100 * told[key]:.1f} % <small>{100 * told[f'{key}_low']:.1f} to "
        f"{100 * told[f'{key}_high']:.1f}</small></td></tr>"
        for key, name in (
            ("accuracy", "This run: few labels, many pictures"),
            ("baseline", "The same network on the labelled pictures alone"),
        )
    )
    note = (
        f"{told['labelled']} labels a class; {told['count']:,} held-out pictures that neither "
        "network saw; 95 % intervals."
    )
    return section("Pictures named rightly", f'<table class="scores">{rows}</table>', note)
