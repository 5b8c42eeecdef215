"""The charts of a run: score, losses, the discriminator's answers, variety."""

from __future__ import annotations

from html import escape

from lookalike.report.charts import ChartLine, Level, chart
from lookalike.report.facts import RunFacts
from lookalike.report.page import figure, section

TONES = "abcd"
PLAYERS = {"G": "generator", "D": "discriminator", "E": "encoder"}


def curves(facts: RunFacts) -> str:
    """All charts for which there are numbers, each with a sentence on how to read it."""
    figures = "".join((_score(facts), _losses(facts), _answers(facts), _variety(facts)))
    return section("Curves", f'<div class="charts">{figures}</div>' if figures else "")


def _score(facts: RunFacts) -> str:
    x, y = facts.series("score/kid")
    if not x:
        return ""
    _, low = facts.series("score/kid_low")
    _, high = facts.series("score/kid_high")
    banded = len(low) == len(high) == len(x)
    line = ChartLine(
        "generated", x, y, "a", low if banded else (), high if banded else (), dots=True
    )
    _, floors = facts.series("score/floor")
    levels = []
    if floors:
        floor = facts.scores.get("floor", {})
        bounds = floor.get("low"), floor.get("high")
        levels = [Level("floor: real pictures", floors[-1], *bounds)]
    scores = facts.scores
    against = (
        f"{scores['samples']} samples against {scores['real']} real pictures"
        if {"samples", "real"} <= set(scores)
        else "Samples against real pictures"
    )
    alone = scores.get("holdout_only", True)
    partly = "" if alone else " (few were held out, so training ones helped)"
    reading = (
        f"Lower is better; the dashed line is what real pictures get. {against}{partly}, "
        f"the {'band' if len(x) > 1 else 'bar'} is the 95 % interval. "
        f"Judge: {escape(str(scores.get('judge', 'unknown')))}."
    )
    drawn = chart("Distance to unseen real pictures over time", [line], levels, zero=True)
    return figure("Distance to unseen pictures (KID)", drawn, reading)


def _losses(facts: RunFacts) -> str:
    shared: dict[tuple[tuple[float, ...], ...], list[str]] = {}
    for key in facts.keys("loss/"):
        player = key.removeprefix("loss/")
        x, y = facts.series(key)
        # Players that move in one phase have one loss: one curve with both names.
        shared.setdefault((tuple(x), tuple(y)), []).append(PLAYERS.get(player, player))
    lines = [
        ChartLine(" and ".join(names), x, y, tone, smooth=True)
        for tone, ((x, y), names) in zip(TONES, shared.items(), strict=False)
    ]
    reading = (
        "What each network tries to make small. In a contest of two networks these need not fall: "
        "level curves mean that neither has won."
    )
    return figure("Losses", chart("Losses over time", lines), reading)


def _answers(facts: RunFacts) -> str:
    names = {"fact/D(real)": "on real pictures", "fact/D(fake)": "on generated ones"}
    lines = [
        ChartLine(name, *facts.series(key), tone, smooth=True)
        for tone, (key, name) in zip("ba", names.items(), strict=True)
    ]
    drawn = chart("Answers of the discriminator", lines, [Level("a tie", 0.5)], zero=True)
    reading = (
        "How sure the discriminator is that a picture is real, from 0 to 1. "
        "At 1 and 0 it has won, and the generator learns little."
    )
    return figure("The discriminator's answers", drawn, reading)


def _variety(facts: RunFacts) -> str:
    history = [line for line in facts.health.get("history", []) if "variety" in line]
    x = [float(line["images"]) for line in history]
    lines = [
        ChartLine(
            "variety", x, [float(line["variety"]) for line in history], "c", dots=len(x) < 40
        ),
        ChartLine(
            "near twins", x, [float(line["twins"]) for line in history], "d", dots=len(x) < 40
        ),
    ]
    drawn = chart("Variety of the samples", lines, [Level("your pictures", 1.0)], zero=True)
    reading = (
        "How different the samples are from each other, where 1 is as different as your pictures, "
        "and the share that has a near twin among 64. Low variety and many twins mean collapse."
    )
    return figure("Variety", drawn, reading)
