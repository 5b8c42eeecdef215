"""Charts drawn by hand: known places for known numbers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.report import charts
from lookalike.report.charts import Axes, ChartLine, Level, chart, short, smoothed, ticks


def svg(drawn: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawn[: drawn.index("</svg>") + 6])


def test_the_corners_of_the_data_are_the_corners_of_the_drawing() -> None:
    axes = Axes((0, 10), (0, 1))
    assert (axes.across(0), axes.across(10)) == (charts.LEFT, charts.WIDTH - charts.RIGHT)
    assert (axes.down(0), axes.down(1)) == (charts.HEIGHT - charts.BOTTOM, charts.TOP)


def test_no_curve_draws_nothing_and_one_measured_point_is_a_dot() -> None:
    assert chart("t", []) == ""
    assert chart("t", [ChartLine("a", [1], [2])]) == ""
    assert chart("t", [ChartLine("a", [1], [2], dots=True)]).count("<circle") == 1


def test_the_interval_of_a_single_point_is_an_upright_bar_and_of_several_a_band() -> None:
    one = chart("t", [ChartLine("a", [5], [2], low=[1], high=[3], dots=True)])
    bar = re.search(r'class="bar a" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', one)
    assert bar is not None
    left, top, right, bottom = map(float, bar.groups())
    assert left == right
    assert bottom - top > charts.HEIGHT / 2
    assert 'class="band' not in one
    two = chart("t", [ChartLine("a", [5, 6], [2, 2], low=[1, 1], high=[3, 3], dots=True)])
    assert 'class="band a"' in two
    assert 'class="bar' not in two


@pytest.mark.slow
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40),
    st.booleans(),
    st.one_of(st.none(), st.floats(-1e6, 1e6)),
)
def test_any_finite_numbers_give_whole_svg_inside_its_box(
    y: list[float], smooth: bool, level: float | None
) -> None:
    x = [float(i * 640) for i in range(len(y))]
    levels = [] if level is None else [Level("floor", level)]
    drawn = svg(chart('<odd> & "title"', [ChartLine("loss", x, y, smooth=smooth)], levels))
    for path in drawn.iter("path"):
        for across, down in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.attrib["d"]):
            assert charts.LEFT - 0.1 <= float(across) <= charts.WIDTH
            assert 0 <= float(down) <= charts.HEIGHT


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_few_and_within(low: float, width: float) -> None:
    found = ticks(low, low + width)
    assert 1 <= len(found) <= 6
    slack = 1e-6 * (abs(low) + width)
    assert all(low - slack <= tick <= low + width + slack for tick in found)


def test_ticks_are_round() -> None:
    assert ticks(0, 1) == [0, 0.25, 0.5, 0.75, 1]
    assert ticks(0, 240_000) == [0, 100_000, 200_000]


def test_smoothing_keeps_constants_and_the_mean_of_noise() -> None:
    assert smoothed([3.0] * 200) == pytest.approx([3.0] * 200)
    noise = np.random.default_rng(0).normal(size=400)
    assert smoothed(list(noise)).std() < 0.4 * noise.std()
    assert smoothed([1.0, 2.0]).tolist() == [1.0, 2.0]


def test_axis_numbers_are_short() -> None:
    assert [short(v) for v in (0, 0.05, 12, 250_000, 1.5e6)] == ["0", "0.05", "12", "250k", "1.5M"]
