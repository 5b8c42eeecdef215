"""Charts as inline SVG: curves, bars and intervals; colors come from the page's style."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from lookalike.metrics.distances.intervals import Interval

WIDTH, HEIGHT = 420, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 12, 34
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class ChartLine:
    """A curve. ``tone`` is one of the page's colors a, b, c, d; ``low`` and ``high`` make a band.

    A band around a single point would have no width: it is an upright bar. A
    ``smooth`` curve is drawn over its own faint raw values.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    tone: str = "a"
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    smooth: bool = False
    dots: bool = False


@dataclass(frozen=True)
class Level:
    """A horizontal line, with a band around it where ``low`` and ``high`` differ."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Axes:
    """From data to places in the drawing."""

    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, value: float) -> float:
        """Pixels from the left."""
        share = (value - self.x[0]) / (self.x[1] - self.x[0])
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def down(self, value: float) -> float:
        """Pixels from the top; values outside are held at the edge."""
        share = min(1.0, max(0.0, (value - self.y[0]) / (self.y[1] - self.y[0])))
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def path(self, x: Sequence[float], y: Sequence[float]) -> str:
        """SVG path data."""
        steps = [f"{self.across(a):.1f} {self.down(b):.1f}" for a, b in zip(x, y, strict=True)]
        return "M" + "L".join(steps)


def chart(
    title: str,
    lines: Sequence[ChartLine],
    levels: Sequence[Level] = (),
    *,
    zero: bool = False,
    over: str = "images seen",
) -> str:
    """Curves with a legend; nothing when there is none to draw.

    ``zero`` lets the vertical axis begin at 0 at the latest; ``over`` names the horizontal one.
    """
    lines = [line for line in lines if len(line.x) > 1 or (line.dots and len(line.x))]
    if not lines:
        return ""
    axes = Axes(_x_range(lines), _y_range(lines, levels, zero))
    parts = [_frame(axes, over)]
    parts += [_level(axes, level) for level in levels]
    parts += [_line(axes, line) for line in lines]
    drawn = _svg(title, (WIDTH, HEIGHT), parts)
    keys = "".join(f'<span class="key {line.tone}">{escape(line.name)}</span>' for line in lines)
    keys += "".join(f'<span class="key level">{escape(level.name)}</span>' for level in levels)
    return f'{drawn}<div class="keys">{keys}</div>'


def histogram(title: str, bars: Mapping[str, int]) -> str:
    """Bars with their labels below and their counts above."""
    width, height, tallest = 300, 90, max([*bars.values(), 1])
    step = width / max(1, len(bars))
    parts = []
    for index, (label, count) in enumerate(bars.items()):
        tall = max(1.0 if count else 0.0, 64 * count / tallest)
        middle = (index + 0.5) * step
        parts.append(
            f'<rect class="b" x="{index * step + 1:.1f}" y="{76 - tall:.1f}" rx="1" '
            f'width="{max(1.0, step - 2):.1f}" height="{tall:.1f}">'
            f"<title>{escape(label)}: {count:,}</title></rect>"
        )
        parts.append(_text(middle, 87, label, "middle", "small"))
        if count:
            parts.append(_text(middle, 73 - tall, f"{count:,}", "middle", "small"))
    return _svg(title, (width, height), parts)


def forest(title: str, rows: Sequence[tuple[str, Interval, str]]) -> str:
    """Named intervals of shares around a line at 0, in points, each with a note.

    Green lies above 0, red below, blue across.
    """
    width, row, left, right, top = 760, 24, 250, 150, 30
    ends = [100 * end for _, gain, _ in rows for end in (gain.low, gain.high)]
    reach = max(1.0, *map(abs, ends)) if ends else 1.0
    middle, unit = (left + width - right) / 2, (width - left - right) / 2 / (1.08 * reach)
    height = top + row * len(rows) + 8
    parts = [f'<path class="axis" d="M{middle:.1f} {top - 8}V{height}"/>']
    for value, words in ((0.0, "0"), (-reach, f"{-reach:+.1f}"), (reach, f"{reach:+.1f}")):
        parts.append(_text(middle + value * unit, 14, words, "middle"))
    for number, (name, gain, note) in enumerate(rows):
        y = top + row * number + 6
        tone = "green" if gain.low > 0 else "red" if gain.high < 0 else "b"
        low, value, high = (middle + 100 * x * unit for x in (gain.low, gain.value, gain.high))
        parts.append(_text(left - 12, y + 5, name, "end"))
        parts.append(f'<path class="line {tone}" d="M{low:.1f} {y}H{high:.1f}"/>')
        parts.append(f'<circle class="{tone}" cx="{value:.1f}" cy="{y}" r="5"/>')
        words = f"{100 * gain.value:+.1f}" + (f"   ({note})" if note else "")
        parts.append(_text(width - right + 14, y + 5, words, "start"))
    return _svg(title, (width, height), parts)


def smoothed(y: Sequence[float], share: float = 0.03) -> Numbers:
    """A moving average with Gaussian weights, ``share`` of the length wide; ends are not pulled."""
    values = np.asarray(y, np.float64)
    sigma = share * len(values)
    if sigma < 1:
        return values
    reach = min(len(values) - 1, math.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    # Where the kernel hangs over the ends, the weights that are left are divided out.
    total = np.convolve(values, kernel)[reach : reach + len(values)]
    weight = np.convolve(np.ones_like(values), kernel)[reach : reach + len(values)]
    mean: Numbers = total / weight
    return mean


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers within [low, high], 1, 2 or 5 times a power of ten apart."""
    raw = (high - low) / max(1, count)
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def short(value: float) -> str:
    """A number for an axis: 0.05, 12, 250k, 1.5M."""
    for unit, sign in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:.4g}{sign}"
    return f"{value:.4g}"


def _x_range(lines: Sequence[ChartLine]) -> tuple[float, float]:
    high = max(max(line.x) for line in lines)
    return 0.0, high if high > 0 else 1.0


def _y_range(
    lines: Sequence[ChartLine], levels: Sequence[Level], zero: bool
) -> tuple[float, float]:
    """Of curves as drawn: single spikes of the raw values may leave the drawing."""
    ends: list[float] = []
    for line in lines:
        ends += smoothed(line.y).tolist() if line.smooth else list(line.y)
        if line.smooth and len(line.y) > 20:
            ends += np.quantile(line.y, [0.02, 0.98]).tolist()
        ends += [*line.low, *line.high]
    ends += [v for level in levels for v in (level.value, level.low, level.high) if v is not None]
    low, high = min(ends), max(ends)
    if zero:
        low = min(low, 0.0)
    room = 0.06 * (high - low) or max(abs(high), 1.0) * 0.1
    return low - (0 if zero and low == 0 else room), high + room


def _frame(axes: Axes, over: str) -> str:
    parts = []
    for value in ticks(*axes.y):
        y = axes.down(value)
        parts.append(_across("grid", y))
        parts.append(_text(LEFT - 7, y + 4, short(value), "end"))
    base = HEIGHT - BOTTOM
    for value in ticks(*axes.x):
        x = axes.across(value)
        where = "end" if x > WIDTH - RIGHT - 12 else "middle"
        parts.append(_text(x, base + 17, short(value), where))
    parts.append(_across("axis", base))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 3, over, "middle"))
    return "".join(parts)


def _across(kind: str, y: float) -> str:
    return f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    look = f' class="{kind}"' if kind else ""
    return f'<text{look} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(title: str, size: tuple[int, int], parts: Sequence[str]) -> str:
    box = f'viewBox="0 0 {size[0]} {size[1]}"'
    label = f'role="img" aria-label="{escape(title, quote=True)}"'
    return f"<svg {box} {label}>{''.join(parts)}</svg>"


def _level(axes: Axes, level: Level) -> str:
    y = axes.down(level.value)
    band = ""
    if level.low is not None and level.high is not None:
        top, bottom = axes.down(level.high), axes.down(level.low)
        band = (
            f'<rect class="band level" x="{LEFT}" width="{WIDTH - LEFT - RIGHT}" '
            f'y="{top:.1f}" height="{max(0.0, bottom - top):.1f}"/>'
        )
    return band + _across("level", y)


def _line(axes: Axes, line: ChartLine) -> str:
    parts = []
    if len(line.low) == len(line.x) and line.x:
        there = axes.path(line.x, line.high)
        back = axes.path(list(reversed(line.x)), list(reversed(line.low)))
        kind, end = ("band", "Z") if len(line.x) > 1 else ("bar", "")
        parts.append(f'<path class="{kind} {line.tone}" d="{there}L{back[1:]}{end}"/>')
    y: Sequence[float] = line.y
    if line.smooth:
        parts.append(f'<path class="raw {line.tone}" d="{axes.path(line.x, line.y)}"/>')
        y = smoothed(line.y).tolist()
    parts.append(f'<path class="line {line.tone}" d="{axes.path(line.x, y)}"/>')
    if line.dots:
        for a, b in zip(line.x, y, strict=True):
            at = f'cx="{axes.across(a):.1f}" cy="{axes.down(b):.1f}"'
            parts.append(f'<circle class="{line.tone}" {at} r="2.6"/>')
    return "".join(parts)
