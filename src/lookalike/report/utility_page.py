"""The page of ``utility``: gain of every arm with its interval, and accuracy by pictures a class.

The drawings are plain SVG with their own colors, so that each can be taken out of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from lookalike.metrics.distances.intervals import Interval

WIDTH, ROW, LEFT, RIGHT, TOP = 760, 24, 250, 150, 30
INK, SOFT, RULE, GOOD, BAD, PLAIN = "#1f1d1a", "#6b665e", "#e5e1d8", "#3f8f4f", "#cf3a32", "#1d6fa5"


@dataclass(frozen=True)
class Bar:
    """One arm: its accuracy, and its gain over the best arm without synthetic pictures."""

    name: str
    accuracy: float
    gain: Interval
    base: bool = False


def helping_page(
    bars: Mapping[str, Sequence[Bar]],
    recalls: Mapping[str, Sequence[tuple[str, Interval]]],
    sentences: Sequence[str],
    facts: str,
    warnings: Sequence[str],
) -> str:
    """A whole HTML document that asks nobody for anything; keys are pictures per class."""
    parts = ["<h1>Does adding synthetic pictures help?</h1>", f"<p>{escape(facts)}</p>"]
    for (label, arms), sentence in zip(bars.items(), sentences, strict=True):
        title = "All training pictures" if label == "all" else f"{label} pictures per class"
        parts.append(f"<h2>{escape(title)}</h2><p><b>{escape(sentence)}</b></p>")
        best = next((one.name for one in arms if one.base), "the best arm without")
        parts.append(f"<h3>Gain in points over {escape(best)}, on all test pictures, 95 %</h3>")
        rows = [(one.name, one.gain, f"{one.accuracy:.1%}") for one in arms if not one.base]
        parts.append(forest(rows))
        parts.append("<h3>Gain in recall of each class, best arm with against without</h3>")
        parts.append(forest([(name, gain, "") for name, gain in recalls[label]]))
    if len(bars) > 1:
        parts.append("<h2>Accuracy by pictures per class</h2>" + sweep(bars))
    parts += [f"<p class='soft'>Careful: {escape(text)}.</p>" for text in warnings]
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;max-width:860px;margin:40px auto;padding:0 20px;"
        f"color:{INK};background:#faf9f6}}svg{{width:100%;height:auto}}.soft{{color:{SOFT}}}"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>Does it help?</title><style>{style}</style></head><body>"
        + "\n".join(parts)
        + "</body></html>\n"
    )


def forest(rows: Sequence[tuple[str, Interval, str]]) -> str:
    """Named intervals around a line at 0, in points; green above it, red below, blue across."""
    ends = [100 * v for _, gain, _ in rows for v in (gain.low, gain.high)] or [0.0]
    reach = 1.08 * max(1.0, *(abs(v) for v in ends))
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2

    def across(value: float) -> float:
        return middle + 100 * value / reach * (WIDTH - LEFT - RIGHT) / 2

    height = TOP + ROW * len(rows) + 8
    parts = [_line(middle, TOP - 8, middle, height, SOFT), _text(middle, 14, "0", "middle", SOFT)]
    for value in (-reach / 1.08, reach / 1.08):
        parts.append(_text(across(value / 100), 14, f"{value:+.1f}", "middle", SOFT))
    for number, (name, gain, note) in enumerate(rows):
        y = TOP + ROW * number + 6
        tone = GOOD if gain.low > 0 else BAD if gain.high < 0 else PLAIN
        parts.append(_text(LEFT - 12, y + 5, name, "end", INK))
        parts.append(_line(across(gain.low), y, across(gain.high), y, tone, 3))
        parts.append(f'<circle cx="{across(gain.value):.1f}" cy="{y}" r="5" fill="{tone}"/>')
        told = f"{100 * gain.value:+.1f}" + (f"   ({note})" if note else "")
        parts.append(_text(WIDTH - RIGHT + 14, y + 5, told, "start", tone))
    return _svg(WIDTH, height, parts, "gains with intervals")


def sweep(bars: Mapping[str, Sequence[Bar]]) -> str:
    """Accuracy of the best arm with, the best without, and synthetic only, by pictures a class."""
    lines = {"without synthetic": INK, "best with synthetic": GOOD, "synthetic only": BAD}
    points = {name: [_best(arms, name) for arms in bars.values()] for name in lines}
    every = [value for values in points.values() for value in values]
    low, high = min(every), max(every)
    room = max(high - low, 0.02)
    height, base = 300, 260

    def place(number: int, value: float) -> tuple[float, float]:
        x = 70 + number * (WIDTH - 300) / (len(bars) - 1)
        return x, base - 10 - (value - low) / room * (base - 50)

    parts = [_line(50, base, WIDTH - 210, base, RULE)]
    for value in (low, (low + high) / 2, high):
        parts.append(_text(46, place(0, value)[1] + 5, f"{value:.0%}", "end", SOFT))
    for number, label in enumerate(bars):
        parts.append(_text(place(number, low)[0], base + 22, label, "middle", SOFT))
    for place_of_name, (name, tone) in enumerate(lines.items()):
        spots = [place(number, value) for number, value in enumerate(points[name])]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{tone}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{tone}"/>' for x, y in spots]
        parts.append(_text(WIDTH - 195, 40 + 24 * place_of_name, name, "start", tone))
    return _svg(WIDTH, height, parts, "accuracy by pictures per class")


def _best(arms: Sequence[Bar], name: str) -> float:
    """Accuracy of an arm of this kind; the one with synthetic pictures is the best of them."""
    if name == "synthetic only":
        return next(one.accuracy for one in arms if one.name == name)
    if name == "without synthetic":
        return next(one.accuracy for one in arms if one.base)
    return max(one.accuracy for one in arms if ":1" in one.name)


def _svg(width: int, height: int, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{label}" font-family="system-ui, sans-serif" font-size="14">'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>{"".join(parts)}</svg>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, tone: str, width: float = 1) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{tone}" '
        f'stroke-width="{width}"/>'
    )


def _text(x: float, y: float, words: str, anchor: str, tone: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{tone}">{escape(words)}</text>'
    )
