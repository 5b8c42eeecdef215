"""The card of an expanded set: what is real in it, what is not, and what was rejected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lookalike.results import listed
from lookalike.sizes import read_size, shape_of


def card_text(card: Mapping[str, Any], by_label: bool) -> str:
    """Markdown from the plain values of ``card.json``.

    ``by_label`` says that a picture can be made again by its class name alone.
    """
    real = card["real"]
    blocks = [
        f"# {card['pack']['name']}, expanded",
        f"**{card['synthetic']:,} of the pictures here are synthetic**: made by a generative "
        "network, not photographed or drawn by anybody. They are named `synthetic-…`, say so in "
        'their PNG text, and are marked `"synthetic": true` in `manifest.jsonl`.',
        f"{real['train']:,} real pictures to train on and {real['holdout']:,} held-out ones are "
        f"beside them, named `real-…`{_form(card)}. Nothing synthetic is held out: test on real "
        "pictures only.",
        *_table(card),
        "## How they were checked",
        f"{_origin(card, card['run'])} The judge is {card['judge']}.",
        _checks(card),
        *_again(card, by_label),
        "## Before you use them",
        "Synthetic pictures carry what the generator learned: its biases, and its mistakes where a "
        "class has few real pictures. Whether they make a classifier better is measured by "
        "`lookalike utility`; passing these checks does not say so.",
    ]
    if card["warnings"]:
        blocks += ["## Careful", listed(*(f"{text}." for text in card["warnings"]))]
    return "\n\n".join(blocks) + "\n"


def _origin(card: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """Which run, or runs, the candidates came from."""
    if not card["runs"]:
        return (
            f"Candidates came from the run `{run['run']}` (recipe {run['recipe']}, "
            f"{run['images_seen']:,} images seen)."
        )
    each = "; ".join(
        f"{name}: `{origin['run']}` ({origin['images_seen']:,} images seen)"
        for name, origin in card["runs"].items()
    )
    return (
        f"Candidates of each class came from a run of its own in `{run['run']}` (recipe "
        f"{run['recipe']}), which saw no other class: {each}."
    )


def _form(card: Mapping[str, Any]) -> str:
    """How the real pictures lie here."""
    if card["settings"]["real"] == "cut":
        return " and cut to the same size"
    how = "links to" if card["settings"]["real"] == "link" else "copies of"
    height, width = shape_of(read_size(card["pack"]["size"]))
    return (
        f": {how} the original files, at their own sizes. Bring all to {width} × {height} px "
        "before you train on them, or a classifier may tell real from synthetic by size"
    )


def _table(card: Mapping[str, Any]) -> list[str]:
    reasons = list(card["reasons"])
    lines = [
        "| class | real | wanted | synthetic | candidates | " + " | ".join(reasons) + " |",
        "|" + "---|" * (5 + len(reasons)),
    ]
    for row in card["classes"]:
        numbers = [row["real"], row["wanted"], row["taken"], row["tried"]]
        numbers += [row["rejected"].get(reason, 0) for reason in reasons]
        cells = [row["name"] or "(all)", *(f"{number:,}" for number in numbers)]
        lines.append("| " + " | ".join(cells) + " |")
    words = "; ".join(f"*{key}*: {why}" for key, why in card["reasons"].items())
    below = f"The last columns say how many candidates were rejected. {words}."
    return ["\n".join(lines), below]


def _checks(card: Mapping[str, Any]) -> str:
    named = ""
    if card["classifier_accuracy"] is not None:
        named = (
            "Of its class in the eyes of a classifier trained on the real training pictures only "
            f"(right for {card['classifier_accuracy']:.1%} of the held-out ones)."
        )
    copies = "Not nearer to a training picture than all but one in a hundred held-out pictures."
    if card["settings"]["keep_copies"]:
        copies = "**Copies of training pictures were kept** (`--keep-copies`)."
    return listed(
        named,
        copies,
        "Not farther from every training picture than all but one in a hundred real pictures.",
        "No twin of a picture that was taken before.",
    )


def _again(card: Mapping[str, Any], by_label: bool) -> list[str]:
    """The command that makes one of the pictures again, where one label says it all."""
    classes = [row for row in card["classes"] if row["taken"]]
    if not by_label or not classes:
        return []
    first = classes[0]
    label = f" --label {first['name']!r}" if first["name"] else ""
    return [
        "Each one can be made again from its seed and index in the manifest, for example:",
        f"    lookalike generate RUN --seed {first['seed']} --first INDEX -n 1 "
        f"--keep-copies{label}",
    ]
