"""What 'evaluate' found, on the page of a run: conclusions, classes, and the nearest pairs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from lookalike import images
from lookalike.images import Pixels
from lookalike.report import pictures
from lookalike.report.facts import Facts
from lookalike.report.sections import section

PAIRS, SHEET = "evaluation-pairs.png", "evaluation-classes.png"
"""Sheets that an evaluation leaves in its run."""

COLUMNS = (
    ("samples", "samples"),
    ("kid", "distance (KID)"),
    ("coverage", "coverage"),
    ("near_duplicates", "near duplicates"),
    ("copies", "copies"),
    ("recognized", "recognized"),
)


def verdict(facts: Facts) -> str:
    """The sentences of the evaluation, and what to be careful of."""
    told = _texts(facts, "sentences")
    body = "".join(f"<p>{escape(text)}</p>" for text in told)
    body += "".join(f'<p class="note">Careful: {escape(text)}.</p>' for text in _careful(facts))
    return section("What may be concluded", body if told else "")


def classes(facts: Facts) -> str:
    """A table with a row for every class, and the first samples of each."""
    held = facts.evaluation.get("classes")
    rows: Sequence[Mapping[str, Any]] = held.get("rows", ()) if isinstance(held, Mapping) else ()
    if not rows:
        return ""
    head = "".join(f"<td>{title}</td>" for _, title in COLUMNS)
    body = "".join(
        f"<tr><th>{escape(str(row.get('name')))}</th>"
        f"{''.join(f'<td>{_cell(key, row.get(key))}</td>' for key, _ in COLUMNS)}</tr>"
        for row in rows
    )
    table = f'<table class="scores"><tr><th></th>{head}</tr>{body}</table>'
    names = ", ".join(str(row.get("name")) for row in rows[:20])
    sheet = _sheet(facts, SHEET, f"The first samples of every class, a row each: {names}")
    note = (
        "Small numbers are the floor: what real pictures of the class get. Recognized is the share "
        "of samples that a classifier, trained on the real pictures only, takes for their class."
    )
    return section("Class by class", table + sheet, note)


def nearest(facts: Facts) -> str:
    """The samples that came nearest to training pictures, beside those."""
    copies = facts.evaluation.get("copies")
    share = copies.get("share") if isinstance(copies, Mapping) else None
    sheet = _sheet(facts, PAIRS, "Samples, each beside its most similar training picture")
    many = f" {share:.1%} of all samples count as copies." if isinstance(share, float) else ""
    note = (
        "Of all samples that were judged, these came nearest to a training picture. Each pair is a "
        f"sample and, to its right, the training picture.{many}"
    )
    return section("The nearest pairs", sheet, note)


def _texts(facts: Facts, key: str) -> list[str]:
    held = facts.evaluation.get(key)
    return [str(text) for text in held] if isinstance(held, list | tuple) else []


def _careful(facts: Facts) -> list[str]:
    return _texts(facts, "cautions") or _texts(facts, "warnings")


def _cell(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        shown, floor = value.get("value"), value.get("floor")
        if not isinstance(shown, float | int) or not isinstance(floor, float | int):
            return "–"
        share = key != "kid"
        words = [f"{one:.0%}" if share else f"{one:.2f}" for one in (shown, floor)]
        return f"{words[0]} <small>{words[1]}</small>"
    if isinstance(value, float):
        return f"{value:.1%}"
    return "–" if value is None else f"{value:,}"


def _sheet(facts: Facts, name: str, alt: str) -> str:
    sheet = _read(facts, name)
    if sheet is None:
        return ""
    address = pictures.uri(sheet, most=sheet.shape[1])
    return f'<p><img src="{address}" alt="{escape(alt)}" style="max-width:{sheet.shape[1]}px"></p>'


def _read(facts: Facts, name: str) -> Pixels | None:
    with contextlib.suppress(OSError):
        return images.read(facts.run.path / name)
    return None
