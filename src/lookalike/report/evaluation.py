"""What 'evaluate' found, on the page of a run: light, conclusions, scores, classes, pairs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from lookalike import images
from lookalike.images import Pixels
from lookalike.metrics.scores.scores import LEAST
from lookalike.report import pictures
from lookalike.report.facts import RunFacts
from lookalike.report.page import row, section
from lookalike.sizes import shape_of

PAIRS, SHEET = "evaluation-pairs.png", "evaluation-classes.png"
"""Sheets that an evaluation leaves in its run: a row a class, and ``COUPLES`` pairs a row."""
COUPLES, GAP = 4, 2

ROWS = (
    ("kid", "Distance to unseen pictures (KID)", "lower is better"),
    ("frechet", "Fréchet distance", "lower is better"),
    ("precision", "Realistic samples (precision)", "higher is better"),
    ("density", "Crowding around real pictures (density)", "1 is best"),
    ("recall", "Real pictures resembled (recall)", "higher is better"),
    ("coverage", "Real pictures reached (coverage)", "higher is better"),
    ("near_duplicates", "Near duplicates among samples", "near the floor is best"),
    ("excess", "Copies of training pictures (copy excess)", "up to 1 is best"),
)
SHARES = ("precision", "recall", "coverage", "near_duplicates")
COLUMNS = (
    ("samples", "samples"),
    ("kid", "distance (KID)"),
    ("coverage", "coverage"),
    ("near_duplicates", "near duplicates"),
    ("copies", "copies"),
    ("recognized", "recognized"),
)


def verdict(facts: RunFacts) -> str:
    """The sentences of the evaluation, and what to be careful of."""
    sentences = _texts(facts, "sentences")
    body = "".join(f"<p>{escape(text)}</p>" for text in sentences)
    body += "".join(f'<p class="note">Careful: {escape(text)}.</p>' for text in _careful(facts))
    return section("What may be concluded", body if sentences else "")


def measured(facts: RunFacts) -> str:
    """The table of scores, each beside its floor."""
    scores = dict(facts.evaluation)
    copies = scores.get("copies")
    excess = copies.get("excess") if isinstance(copies, Mapping) else None
    if isinstance(excess, Mapping):
        scores["excess"] = {**excess, "floor": 1.0}
    rows = "".join(
        row(
            f"{name}<small>{better}</small>",
            _measure(key, scores[key]),
            _number(key, scores[key]["floor"]),
        )
        for key, name, better in ROWS
        if isinstance(scores.get(key), Mapping)
    )
    if not rows:
        return ""
    count = scores.get("samples")
    note = (
        "Each score beside its floor: what real training pictures get against the same unseen "
        f"pictures. Judge: {escape(str(scores.get('features', '')))}"
        f"{f', {count:,} samples' if isinstance(count, int) else ''}."
    )
    head = row("", "generated", "real (floor)")
    return section("Scores", f'<table class="scores">{head}{rows}</table>', note)


def classes(facts: RunFacts) -> str:
    """A table with a row for every class, and the first samples of each."""
    by_class = facts.evaluation.get("classes")
    rows: Sequence[Mapping[str, Any]] = (
        by_class.get("rows", ()) if isinstance(by_class, Mapping) else ()
    )
    if not rows:
        return ""
    head = row("", *(title for _, title in COLUMNS))
    names = [str(scores.get("name")) for scores in rows]
    body = "".join(
        row(escape(name), *(_cell(key, scores.get(key)) for key, _ in COLUMNS))
        for name, scores in zip(names, rows, strict=True)
    )
    table = f'<table class="scores">{head}{body}</table>'
    strips = _strips(facts, names)
    note = (
        "Small numbers are the floor: what real pictures of the class get. Recognized is the share "
        "of samples that a classifier, trained on the real pictures only, takes for their class. "
        f"A dash stands where fewer than {LEAST} samples, training or held-out pictures are there."
    )
    return section("Class by class", f'<div class="wide">{table}</div>{strips}', note)


def nearest(facts: RunFacts) -> str:
    """The samples that came nearest to training pictures, beside those."""
    copies = facts.evaluation.get("copies")
    share = copies.get("share") if isinstance(copies, Mapping) else None
    couples = "".join(
        f"<figure>{_img(pair, f'Sample {i + 1} and its most similar training picture')}</figure>"
        for i, pair in enumerate(_couples(facts))
    )
    many = f" {share:.1%} of all samples count as copies." if isinstance(share, float) else ""
    note = (
        "Of all samples that were judged, these came nearest to a training picture. Each pair is a "
        f"sample and, to its right, the training picture.{many}"
    )
    return section(
        "The nearest pairs", f'<div class="couples">{couples}</div>' if couples else "", note
    )


def _texts(facts: RunFacts, key: str) -> list[str]:
    texts = facts.evaluation.get(key)
    return [str(text) for text in texts] if isinstance(texts, list | tuple) else []


def _careful(facts: RunFacts) -> list[str]:
    return _texts(facts, "cautions") or _texts(facts, "warnings")


def _measure(key: str, score: Mapping[str, Any]) -> str:
    shown = _number(key, score["value"])
    if score.get("low") is None or score.get("high") is None:
        return shown
    return f"{shown} <small>{_number(key, score['low'])} to {_number(key, score['high'])}</small>"


def _number(key: str, value: Any) -> str:
    if not isinstance(value, float | int):
        return "–"
    if key in SHARES:
        return f"{value:.1%}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _cell(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        shown, floor = value.get("value"), value.get("floor")
        if not isinstance(shown, float | int) or not isinstance(floor, float | int):
            return "–"
        share = key != "kid"
        words = [f"{n:.0%}" if share else f"{n:.2f}" for n in (shown, floor)]
        return f"{words[0]} <small>{words[1]}</small>"
    if isinstance(value, float):
        return f"{value:.1%}"
    return "–" if value is None else f"{value:,}"


def _strips(facts: RunFacts, names: Sequence[str]) -> str:
    """The first samples of every class under its name; nothing where the sheet is of another."""
    sheet = _read(facts, SHEET)
    if sheet is None or (sheet.shape[0] + GAP) % len(names):
        return ""
    step = (sheet.shape[0] + GAP) // len(names)
    return "".join(
        f'<figure class="strip"><figcaption>{escape(name)}</figcaption>'
        f"{_img(sheet[i * step : (i + 1) * step - GAP], f'Samples of {name}')}</figure>"
        for i, name in enumerate(names)
    )


def _couples(facts: RunFacts) -> list[Pixels]:
    """The pairs of the sheet, each a sample and its training picture side by side."""
    sheet = _read(facts, PAIRS)
    if sheet is None or (sheet.shape[1] + GAP) % (2 * COUPLES):
        return []
    wide = (sheet.shape[1] + GAP) // (2 * COUPLES)
    height, width = shape_of(facts.size or 1)
    high = (wide - GAP) * height // width + GAP
    pairs = [
        sheet[top : top + high - GAP, left : left + 2 * wide - GAP]
        for top in range(0, sheet.shape[0], high)
        for left in range(0, sheet.shape[1], 2 * wide)
    ]
    return [pair for pair in pairs if (pair < 255).any()]


def _img(sheet: Pixels, alt: str) -> str:
    address = pictures.uri(sheet, most=sheet.shape[1])
    return f'<img src="{address}" alt="{escape(alt)}" style="max-width:{sheet.shape[1]}px">'


def _read(facts: RunFacts, name: str) -> Pixels | None:
    with contextlib.suppress(OSError):
        return images.read(facts.run.path / name)
    return None
