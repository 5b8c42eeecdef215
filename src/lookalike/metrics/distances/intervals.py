"""A value with its 95 % interval, and the interval of a share."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def share_interval(share: float, count: int, z: float = 1.96) -> Interval:
    """The score interval of a share of ``count`` (Wilson 1927); within [0, 1], 95 % for z = 1.96.

    Unlike a bootstrap it has a width even where nothing, or everything, was counted.
    """
    square = z * z / count
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))
