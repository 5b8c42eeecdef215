"""A value with its 95 % interval, and the interval of a share."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.96
"""Standard deviations of a normal distribution beyond which 5 % lie."""


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def share_interval(share: float, count: int) -> Interval:
    """The score interval of a share of ``count`` (Wilson 1927); within [0, 1].

    Unlike a bootstrap it has a width even where nothing, or everything, was counted.
    """
    square = Z * Z / count
    middle = (share + square / 2) / (1 + square)
    half = Z * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True)
class ReaderRates:
    """How a reader of yes and no did on ``yes`` pictures that show a thing and ``no`` that do not.

    ``sensitivity`` is the share of the first that it calls yes, ``specificity`` the share of the
    others that it calls no.
    """

    sensitivity: float
    specificity: float
    yes: int
    no: int

    @property
    def accuracy(self) -> float:
        """The mean of the two: 0.5 for one who guesses."""
        return (self.sensitivity + self.specificity) / 2


def corrected_share(share: float, count: int, reader: ReaderRates) -> Interval:
    """The true share of yes where an imperfect reader called ``share`` of ``count`` pictures yes.

    (share + specificity - 1) / (sensitivity + specificity - 1) (Rogan & Gladen 1978), with the
    interval of Lang & Reiczigel (2014, "Confidence limits for prevalence of disease adjusted for
    estimated sensitivity and specificity"), which also holds that the reader was tried on few. Of
    a reader that does no better than one who guesses nothing follows: anything from 0 to 1.
    """
    square = Z * Z
    seen = (count * share + square / 2) / (count + square)
    told = (reader.yes * reader.sensitivity + 1) / (reader.yes + 2)
    spared = (reader.no * reader.specificity + 1) / (reader.no + 2)
    able, apart = reader.sensitivity + reader.specificity - 1, told + spared - 1
    if able <= 0 or apart <= 0:
        return Interval(share, 0.0, 1.0)
    middle = (seen + spared - 1) / apart
    first = told * (1 - told) / (reader.yes + 2)
    second = spared * (1 - spared) / (reader.no + 2)
    lean = 2 * square * (middle * first - (1 - middle) * second)
    spread = seen * (1 - seen) / (count + square)
    spread += middle * middle * first + (1 - middle) ** 2 * second
    half = Z * math.sqrt(spread) / apart
    value, low, high = (
        min(1.0, max(0.0, one))
        for one in (
            (share + reader.specificity - 1) / able,
            middle + lean - half,
            middle + lean + half,
        )
    )
    return Interval(value, min(low, value), max(high, value))
