"""Times as people write them: 90s, 10m, 2h, 1h30m."""

from __future__ import annotations

import re

from lookalike.errors import LookalikeError

LAST = 45.0
"""Seconds before the end from which on time left is told as a bound."""

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(time: str | float) -> float:
    """The number of seconds in "90s", "10m", "2h", "1h30m" or a plain number of seconds.

    Raises:
        LookalikeError: it cannot be read, or is not above 0.
    """
    text = str(time)
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip().lower())
    whole = "".join(number + unit for number, unit in parts)
    total = sum(float(number) * _UNITS[unit or "s"] for number, unit in parts)
    if whole != re.sub(r"\s+", "", text.lower()) or total <= 0:
        raise LookalikeError(f"{time!r} is not a time. Write it like 90s, 10m, 2h or 1h30m.")
    return total


def left(duration: float) -> str:
    """The time left, for a person: "3 min 20 s left", and near the end "less than a minute left".

    What comes last takes some seconds more or less than planned, which is a large share of what is
    left then; the bound stays true.
    """
    return "less than a minute left" if duration < LAST else f"{words(duration)} left"


def words(duration: float) -> str:
    """A number of seconds for a person: "42 s", "3 min 20 s", "1 h 40 min"."""
    if duration < 90:
        return f"{duration:.0f} s"
    if duration < 3600:
        minutes, rest = divmod(round(duration), 60)
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, rest = divmod(round(duration / 60), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
