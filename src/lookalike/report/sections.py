"""The sections of a run's page, each a function from what is known to HTML, empty when unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from lookalike.data.pack.pack import Pack
from lookalike.data.readers.layout import counted
from lookalike.durations import words
from lookalike.images import Pixels
from lookalike.report import page, pictures
from lookalike.report.facts import RunFacts
from lookalike.report.originality import Originality
from lookalike.report.page import figures, row, section
from lookalike.watch.class_accuracy import class_accuracy_of

SHOWN_REFUSALS = 60


def header(facts: RunFacts) -> str:
    """Title, what was trained on what, the light and its sentence, and the main figures."""
    recipe, size = escape(str(facts.recipe.get("name", "unknown"))), facts.across
    grey = " in grey" if facts.channels == 1 else ""
    count = int(facts.data.get("train", 0))
    learned = f" on {count:,} pictures" if count else ""
    state = "" if facts.finished else " <b>The training is not finished.</b>"
    lead = (
        f'<p class="lead">New pictures at {size} px{grey}, made by a generator that the '
        f"recipe <b>{recipe}</b> trained{learned}.{state}</p>"
    )
    return page.header("report of a training", facts.name, lead, light(facts), _figures(facts))


def light(facts: RunFacts) -> str:
    """What is said of the run, with its sentence; nothing where nothing is known."""
    finding = facts.light
    if finding is None:
        return ""
    return (
        f'<div class="light {finding.light}" role="status"><i></i><div>'
        f"<b>{finding.title}</b><p>{escape(finding.sentence)}</p></div></div>"
    )


def _figures(facts: RunFacts) -> str:
    cards: list[tuple[str, str]] = []
    train = int(facts.data.get("train", 0))
    if train:
        cards.append((f"{train:,}", "pictures learned from"))
    done = f"{min(1.0, facts.seen / facts.budget):.0%} of the plan" if facts.budget else "so far"
    often = f", each shown {facts.seen / train:,.0f} times" if facts.seen > train > 0 else ""
    cards.append((f"{facts.seen:,}", f"images seen: {done}{often}"))
    seconds = facts.health.get("seconds")
    if isinstance(seconds, int | float) and seconds > 0:
        cards.append((words(seconds), "of training"))
    if facts.best:
        floor = facts.scores.get("floor", {})
        value = float(floor.get("value", 0.0))
        real = "about 0" if floor.get("low", 0.0) <= 0 else f"{value:.2f}"
        what = f"best distance to unseen pictures (KID; real ones: {real})"
        cards.append((f"{facts.best['kid']:.2f}", what))
    return figures(cards)


def beside(facts: RunFacts, real: Pixels | None, samples: Pixels) -> str:
    """Real pictures beside generated ones."""
    if not len(samples):
        return ""
    left = '<p class="note">The pack is no longer where it was, so no real pictures are shown.</p>'
    if real is not None and len(real):
        theirs = pictures.gallery(real, "Real", "four")
        left = f"<figure><figcaption>Your pictures</figcaption>{theirs}</figure>"
    ours = pictures.gallery(samples[:16], "Generated", "four")
    made = f'<figure class="made"><figcaption>Generated</figcaption>{ours}</figure>'
    heading = '<h2 class="quiet">Real beside generated</h2>'
    return f'<section class="beside">{heading}{left}{made}</section>'


def samples_over_time(facts: RunFacts) -> str:
    """The same samples at every moment, with a slider."""
    shots = pictures.frames(facts.grids, facts.size, facts.channels) if facts.size else []
    if not shots:
        return ""
    last = len(shots) - 1
    shown = "".join(
        f'<img src="{source}" alt="Samples after {seen:,} images" data-seen="{seen:,}"'
        f"{'' if i == last else ' hidden'}>"
        for i, (seen, source) in enumerate(shots)
    )
    px = " px" if facts.size <= pictures.SHARP else ""
    control = (
        '<div class="control"><button type="button">Play</button>'
        f'<input type="range" min="0" max="{last}" value="{last}" aria-label="Moment of training">'
        f"<output>{shots[-1][0]:,} images</output></div>"
        if last
        else ""
    )
    note = (
        "Each place keeps its random numbers while the generator learns. Recipes that learn how to "
        "draw them at the very end, or that choose among candidates, show other pictures in the "
        "last frame."
    )
    return section("How it learned", f'<div class="player{px}">{shown}{control}</div>', note)


def final(facts: RunFacts, samples: Pixels, seen: int) -> str:
    """The newest samples, all of them, not chosen by anybody."""
    if not len(samples):
        return ""
    note = f"The first {len(samples)} samples after {seen:,} images, not picked by hand."
    if facts.drawing:
        note += f" {facts.drawing}"
    if why := facts.run.why(names=False):
        note += f" {escape(why)}"
    return section("Samples", pictures.gallery(samples, "Sample", "eight"), note)


def copies(search: Originality | None) -> str:
    """Eight samples, each over its nearest training picture."""
    if search is None:
        return ""
    pairs = "".join(
        f"<figure>{pictures.img(ours, f'Sample {i + 1}')}"
        f"{pictures.img(theirs, f'Nearest training picture to sample {i + 1}')}"
        f'<figcaption class="{"near" if copy else ""}">{away:.2f}×</figcaption></figure>'
        for i, (ours, theirs, away, copy) in enumerate(
            zip(search.samples, search.nearest, search.relative, search.copies, strict=True)
        )
    )
    typical = float(np.median(search.relative))
    count = int(search.copies.sum())
    if count:
        many = "One sample has" if count == 1 else f"{count} of the samples have"
        sentence = (
            f"{many} the detail of a training picture and lie nearer to it than unseen real "
            "pictures come: they may be copies. Train on more pictures, or for a shorter time."
        )
    elif typical > 1.3:
        sentence = (
            "No copies among these: the samples are farther from every training picture than "
            "real pictures that the training never saw."
        )
    else:
        sentence = (
            "No copies among these: the samples keep the distance that real pictures keep "
            "that the training never saw."
        )
    note = (
        f"{sentence} Top: a sample. Below: its most similar of {search.searched:,} training "
        "pictures. "
        f"1.00× is the typical distance of {search.compared} real pictures from their most similar "
        "training picture, 0 would be a copy. (Both are moved, cropped and mirrored onto each "
        "other before they are compared; <code>evaluate</code> looks at many more.)"
    )
    return section("Are they copies?", f'<div class="pairs">{pairs}</div>', note)


def class_accuracy(facts: RunFacts) -> str:
    """Two accuracies of a semi-supervised run with their intervals; empty for other runs."""
    result = class_accuracy_of(facts.run)
    if not result:
        return ""
    rows = ""
    for key, name in (
        ("accuracy", "This run: few labels, many pictures"),
        ("baseline", "The same network on the labelled pictures alone"),
    ):
        low, value, high = (100 * result[f"{key}{end}"] for end in ("_low", "", "_high"))
        rows += row(name, f"{value:.1f} % <small>{low:.1f} to {high:.1f}</small>")
    note = (
        f"{result['labelled']} labels a class; {result['count']:,} held-out pictures that neither "
        "network saw; 95 % intervals."
    )
    return section("Pictures named rightly", f'<table class="scores">{rows}</table>', note)


def about_data(facts: RunFacts) -> str:
    """Counts, classes, attributes, and the files that were left out."""
    data, pack = facts.data, facts.pack
    train, unseen = int(data.get("train", 0)), int(data.get("holdout", 0))
    if not train:
        return ""
    body = (
        f"<p>{train + unseen:,} pictures: {train:,} to learn from and {unseen:,} held out, "
        f"which the training never saw and the scores are taken against. All were cut to "
        f"{facts.across} px.</p>"
    )
    if pack is None:
        path = escape(str(data.get("path", "")))
        body += f"<p>The pack is no longer at <code>{path}</code>, or has changed since.</p>"
        return section("The data", body)
    return section("The data", body + _classes(pack) + _attributes(pack) + _refused(pack))


def _classes(pack: Pack) -> str:
    counts: Mapping[str, int] = pack.info.get("class_counts", {})
    if not counts:
        return ""
    most, listed = max(counts.values()), sorted(counts.items(), key=lambda count: -count[1])
    bars = "".join(
        f'<li><span>{escape(name)}</span><i style="width:{100 * count / most:.0f}%"></i>'
        f"<b>{count:,}</b></li>"
        for name, count in listed[:30]
    )
    rest = f"<p>… and {len(listed) - 30} more classes.</p>" if len(listed) > 30 else ""
    return f'<h3>Classes</h3><ul class="bars">{bars}</ul>{rest}'


def _attributes(pack: Pack) -> str:
    attributes = pack.info.get("attributes", [])
    rows = [(str(attribute.get("name")), _values(attribute)) for attribute in attributes]
    return _folded(counted(len(rows), "attribute"), rows) if rows else ""


def _values(attribute: Mapping[str, Any]) -> str:
    values = attribute.get("values")
    if not values:
        return str(attribute.get("kind", "number"))
    more = f" … ({len(values)} in all)" if len(values) > 12 else ""
    return ", ".join(map(str, values[:12])) + more


def _refused(pack: Pack) -> str:
    refused: Sequence[Mapping[str, Any]] = pack.refused()
    if not refused:
        return "<p>Every file could be used.</p>"
    rows = [
        (str(file.get("source", "")), str(file.get("reason", "")))
        for file in refused[:SHOWN_REFUSALS]
    ]
    more = len(refused) - SHOWN_REFUSALS
    rest = f"<p>… and {more:,} more in refused.jsonl of the pack.</p>" if more > 0 else ""
    files = "1 file was" if len(refused) == 1 else f"{len(refused):,} files were"
    return _folded(f"{files} left out", rows, rest)


def next_steps(facts: RunFacts) -> str:
    """The commands to go on with."""
    steps = "".join(
        f'<li><p>{escape(what)}</p><div class="command"><code>{escape(command)}</code>'
        '<button type="button" class="copy">Copy</button></div></li>'
        for what, command in facts.commands()
    )
    return section("What to do next", f'<ul class="steps">{steps}</ul>')


def settings(facts: RunFacts) -> str:
    """Every setting of the recipe, and the machine, collapsed."""
    where = {k: v for k, v in facts.env.items() if k not in {"data", "budgets", "begun_with"}}
    body = _folded("Every setting of the recipe", flat(facts.recipe))
    if where:
        body += _folded("Machine and versions", flat(where))
    return section("How it was made", _begun_with(facts) + _parts(facts) + body + _files(facts))


def _begun_with(facts: RunFacts) -> str:
    """Whose weights the run began with, where it was another run's."""
    sentence = str(facts.env.get("begun_with", {}).get("sentence", ""))
    return f'<p class="note">{escape(sentence)}</p>' if sentence else ""


def _parts(facts: RunFacts) -> str:
    """A run that was trained further repeats with each of its budgets in turn."""
    budgets = [f"{images:,}" for images in facts.env.get("budgets", [])]
    if len(budgets) < 2:
        return ""
    parts = (
        f"Trained in parts: to {', then to '.join(budgets)} images; schedules ran over the whole."
    )
    return f'<p class="note">{escape(parts)}</p>'


def _folded(title: str, rows: Sequence[tuple[str, str]], rest: str = "") -> str:
    name = f"<summary>{escape(title)}</summary>"
    lines = "".join(row(escape(what), escape(value)) for what, value in rows)
    return f"<details>{name}<table>{lines}</table>{rest}</details>"


def _files(facts: RunFacts) -> str:
    files = [
        ("recipe.json", "every setting; trains the same again"),
        ("checkpoints/", "the trained networks, newest and best"),
        ("samples/", "sample grids over time"),
        ("stats.jsonl", "all numbers, one line a report"),
        ("log.txt", "what was said"),
    ]
    there = [(name, what) for name, what in files if (facts.run.path / name).exists()]
    return _folded(f"Files in {facts.place}", there)


def flat(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted name, text) rows; the class of a part stands at its own name."""
    if isinstance(value, Mapping):
        rows: list[tuple[str, str]] = []
        if "part" in value and path:
            rows.append((path, str(value["part"]).rpartition(":")[2]))
        for key, item in value.items():
            if key != "part":
                rows += flat(item, f"{path}.{key}" if path else str(key))
        return rows
    if isinstance(value, list | tuple):
        return [(path, ", ".join(map(str, value)) or "none")]
    return [(path, "none" if value is None else str(value))]
