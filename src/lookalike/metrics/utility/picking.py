"""Picking pictures of a class from candidates, batch by batch, so that a stop loses one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lookalike.data.expanded.partial_results import Arrays, Unfinished
from lookalike.images import Pixels
from lookalike.metrics.utility.selection import SelectedPictures
from lookalike.progress import Tell

Make = Callable[[int, int, int], Pixels]
"""Pictures ``first .. first + count`` of a class: ``make(class number, first, count)``."""

BATCH, LEAST_TRIES, HOPELESS = 64, 64, 256


@dataclass(frozen=True)
class PickedPicture:
    """A candidate that passed, uint8 ``[S, S, C]``: its index among them, and its scores."""

    picture: Pixels
    index: int
    scores: dict[str, float]


def pick(
    make: Make, chosen: SelectedPictures, wanted: int, tries: int, work: Unfinished, tell: Tell
) -> Iterator[PickedPicture]:
    """The candidates that pass, in the order of their index, until enough or too many were tried.

    At most ``tries`` candidates for each wanted picture are looked at (at least 64), and 256 when
    none of them passes; fewer where ``make`` gives no more. What ``work`` holds already is taken
    from there.
    """
    most, first = max(LEAST_TRIES, tries * wanted), 0
    while chosen.taken < wanted and first < most and chosen.tried == first:
        if first >= HOPELESS and not chosen.taken:
            return
        count = min(BATCH, most - first)
        name = f"{chosen.number}-{first}"
        done = work.load(name)
        if done is None:
            yield from _look(make, chosen, wanted, (first, count), work)
        else:
            counts, arrays = done
            chosen.recall(arrays["vectors"], counts["tried"], counts["rejected"])
            for picture, (index, scores) in zip(arrays["pictures"], counts["taken"], strict=True):
                yield PickedPicture(picture, index, scores)
        first += count
        tell(f"class {chosen.number + 1}: pictures that pass", chosen.taken, wanted)


def _look(
    make: Make, chosen: SelectedPictures, wanted: int, span: tuple[int, int], work: Unfinished
) -> list[PickedPicture]:
    """Ask for these candidates one by one, and keep the answers."""
    first, count = span
    pictures = make(chosen.number, first, count)
    if not len(pictures):
        return []
    look = chosen.sieve.look(pictures)
    tried, rejected, rows, passed = chosen.tried, chosen.rejected.copy(), [], []
    for row, picture in enumerate(pictures):
        if chosen.taken == wanted:
            break
        reason, scores = chosen.ask(look, row)
        if reason is None:
            rows.append(row)
            rounded = {name: round(value, 4) for name, value in scores.items()}
            passed.append(PickedPicture(picture, first + row, rounded))
    counts = {
        "tried": chosen.tried - tried,
        "rejected": dict(chosen.rejected - rejected),
        "taken": [(picked.index, picked.scores) for picked in passed],
    }
    arrays: Arrays = {"pictures": pictures[rows], "vectors": look.vectors[rows]}
    work.save(f"{chosen.number}-{first}", counts, arrays)
    return passed
