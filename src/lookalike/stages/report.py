"""Report: everything that a run can show of itself, as one page that works from the disk."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np

from lookalike import __version__, checkpoints
from lookalike.data.pack.pack import Pack
from lookalike.images import Pixels
from lookalike.metrics.features.real_features import shuffled
from lookalike.report import evaluation as evaluated
from lookalike.report import pictures, sections
from lookalike.report.curves import curves
from lookalike.report.facts import RunFacts
from lookalike.report.originality import Originality, originality
from lookalike.report.page import page
from lookalike.run import Run

FILE = "report.html"
PAIRS, REAL = 8, 16


def write_report(run: Run, pack: Pack | None = None) -> Path:
    """Write ``report.html`` into the run and return its path."""
    path = run.path / FILE
    checkpoints.write_whole(path, report_page(run, pack).encode())
    return path


def report_page(run: Run, pack: Pack | None = None) -> str:
    """The page of a run, as HTML.

    It holds no link to anything outside itself. Runs that are unfinished, without scores, without
    samples, or whose pack has moved away (``pack`` is None and it is not at the remembered place)
    get the sections for which something is known.
    """
    facts = RunFacts.of(run, pack)
    newest = _samples(facts, facts.grids[-1] if facts.grids else None)
    shown = _samples(facts, facts.shown_grid)
    parts = [
        sections.header(facts),
        sections.beside(facts, _real(facts), shown),
        sections.samples_over_time(facts),
        sections.final(facts, newest, facts.grids[-1][0] if facts.grids else 0),
        sections.copies(_originality(facts, shown)),
        evaluated.verdict(facts),
        evaluated.measured(facts),
        sections.class_accuracy(facts),
        evaluated.classes(facts),
        evaluated.nearest(facts),
        curves(facts),
        sections.next_steps(facts),
        sections.about_data(facts),
        sections.settings(facts),
    ]
    title = f"{facts.name}: a lookalike run"
    footer = (
        f"Written by lookalike {escape(__version__)}. This page is one file and loads nothing from "
        "anywhere. The generated pictures are synthetic: say so when you show them."
    )
    return page(title, parts, footer, script=True)


def _samples(facts: RunFacts, grid: tuple[int, Path] | None) -> Pixels:
    if grid is None or facts.size < 1:
        return np.zeros((0, 1, 1, facts.channels), np.uint8)
    return pictures.tiles(grid[1], facts.size, facts.channels)


def _real(facts: RunFacts) -> Pixels | None:
    if facts.pack is None:
        return None
    return facts.pack.shards.take(shuffled(facts.pack.train)[:REAL])


def _originality(facts: RunFacts, samples: Pixels) -> Originality | None:
    if facts.pack is None or not len(samples):
        return None
    return originality(facts.pack, samples[:PAIRS])
