"""How many synthetic pictures each class of a pack is to get."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike.data.pack.classes import Classes, classes_of
from lookalike.data.pack.pack import Pack
from lookalike.errors import DataError
from lookalike.settings.pictures import ExpandSettings

LEAST = 16
"""Fewer real pictures than this are too few to learn from."""


@dataclass(frozen=True)
class ClassNeed:
    """The real training pictures of a class, and the synthetic ones that are wanted."""

    real: int
    wanted: int


def class_needs(pack: Pack, classes: Classes, settings: ExpandSettings) -> list[ClassNeed]:
    """What every class needs; a pack without classes is one class.

    Raises:
        DataError: there are no classes to balance, or nothing is to be added.
    """
    if not classes.names:
        if settings.balance:
            raise DataError(
                f"{pack.name} has no classes to balance. Sub-folders of pictures become classes in "
                "'lookalike prepare'; an attribute can be named with --attribute; --factor 2 works "
                "without classes."
            )
        counts = [len(pack.train)]
    else:
        numbers = classes.numbers(pack.train)
        counts = np.bincount(numbers[numbers >= 0], minlength=len(classes.names)).tolist()
    if settings.balance:
        needs = [ClassNeed(count, max(counts) - count) for count in counts]
    else:
        needs = [ClassNeed(count, round((settings.times - 1) * count)) for count in counts]
    if classes.names and not any(need.wanted for need in needs):
        raise DataError(
            f"nothing is to be added: every class of {pack.name} has {max(counts)} pictures "
            "already. Use --factor 2 to double all of them."
        )
    return needs


def classes_in_need(pack: Pack, settings: ExpandSettings) -> dict[int, str]:
    """Numbers and names of the classes that are to get pictures from a run of their own.

    Raises:
        DataError: the pack has no classes, nothing is to be added, or one of them has too few real
            pictures to train a generator on.
    """
    classes = classes_of(pack, settings.attribute)
    if not classes.names:
        raise DataError(
            f"{pack.name} has no classes, so there is one run for all its pictures: leave "
            "--run-per-class out, or name an attribute with --attribute."
        )
    needs = class_needs(pack, classes, settings)
    chosen = {number: classes.names[number] for number, need in enumerate(needs) if need.wanted}
    few = [f"{name!r} ({needs[n].real})" for n, name in chosen.items() if needs[n].real < LEAST]
    if few:
        raise DataError(
            f"a run of its own needs {LEAST} training pictures of a class; too few have "
            f"{', '.join(few)}. Leave --run-per-class out: one run with the class as condition "
            "learns from all classes."
        )
    return chosen
