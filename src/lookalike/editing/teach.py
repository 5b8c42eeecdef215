"""Teaching: some pictures that show a thing and some that do not become a slider."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from lookalike import images, seeds
from lookalike.editing.editor import Editor, Slider
from lookalike.editing.exchange import WantedChange, exchange
from lookalike.editing.helpers import (
    AttributeExamples,
    Helper,
    example_maps,
    fit_helper,
    pooled_maps,
)
from lookalike.editing.measure import QUICK, subject_of
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.metrics.distances.intervals import ReaderRates, corrected_share
from lookalike.progress import Tell, silent

LEAST = 8
"""Pictures of each kind that are needed."""
APART = 0.6
"""The difference of two shares from which on an attribute is part of what is taught."""
JUDGED = 20
"""Pictures of the pack that each half of the lesson is tried on."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """Pictures with it and without: latents ``[N, W]``, maps ``[N, 2, D]``, yes ``[N]``.

    ``labels`` ``[N, L]`` are what helpers read, for a generator that takes labels.
    """

    latents: Tensor
    maps: Tensor
    fine: int
    yes: Tensor
    labels: Tensor | None = None

    def take(self, rows: Tensor) -> Lesson:
        """These rows."""
        return replace(
            self,
            latents=self.latents[rows],
            maps=self.maps[rows],
            yes=self.yes[rows],
            labels=None if self.labels is None else self.labels[rows],
        )


def lesson_of(editor: Editor, yes: Pixels, no: Pixels) -> Lesson:
    """Look at pictures uint8 ``[N, S, S, C]`` of both kinds.

    Raises:
        DataError: there are too few of one kind.
    """
    if min(len(yes), len(no)) < LEAST:
        raise DataError(
            f"A slider needs {LEAST} pictures of each kind, better 20; found {len(yes)} that show "
            f"it and {len(no)} that do not."
        )
    pictures = np.concatenate([yes, no])
    maps, fine = example_maps(editor.generator.features, pictures)
    found = [subject_of(editor, images.to_network(one[None]), QUICK).found for one in pictures]
    latents = torch.cat([one.latent for one in found])
    known = [one.labels for one in found if one.labels is not None]
    shows = torch.cat([torch.ones(len(yes)), torch.zeros(len(no))])
    return Lesson(latents, maps.float(), fine, shows, torch.cat(known) if known else None)


def taught(
    editor: Editor, name: str, lesson: Lesson, others: Pixels, tell: Tell = silent
) -> Slider:
    """A slider of this lesson; its success is cross-validated on ``others``, pictures of the pack.

    One half of the lesson gives a direction and its readers, the other half the judge of what they
    did to pictures of which it says no; then the halves change places. Each judge is tried on the
    half that it has not seen, and what it says is corrected for the errors that it made there.
    """
    order = torch.randperm(len(lesson.yes), generator=seeds.generator(0, "teach/halves"))
    groups = [order[lesson.yes[order] == kind] for kind in (0, 1)]
    halves = [lesson.take(torch.cat([group[start::2] for group in groups])) for start in (0, 1)]
    judges, rates = _judges(editor, halves)
    shares = []
    for number, (mine, judge) in enumerate(zip(halves, judges, strict=True)):
        slider = _slider(editor, name, mine)
        shares += _tried(replace(editor, sliders=(slider,)), slider, judge, others[number::2])
        tell("trying what was taught", number + 1, 2)
    if not shares:
        raise DataError(
            f"Every picture of the run's pack shows {name!r} already, in the eyes of what was "
            "taught, so nothing can be measured. Choose pictures that differ in this alone."
        )
    found = corrected_share(float(np.mean(shares)), len(shares), rates)
    slider = _slider(editor, name, lesson)
    return replace(slider, success=found.value, count=len(shares), low=found.low, high=found.high)


Judge = Callable[[Tensor], Tensor]
"""Maps ``[N, D]`` -> whether each shows what is taught, bool ``[N]``."""


def _judges(editor: Editor, halves: Sequence[Lesson]) -> tuple[list[Judge], ReaderRates]:
    """For each half the judge that the other half taught, and how they did on what they judge.

    Of the kinds of judges the one with fewer errors on halves that it has not seen is taken.
    """
    kinds: list[Callable[[Lesson], Judge]] = [_by_maps]
    if editor.judge is not None:
        kinds.insert(0, partial(_by_values, editor.judge))
    yes = torch.cat([half.yes for half in halves]) > 0.5
    found = []
    for kind in kinds:
        judges = [kind(half) for half in reversed(halves)]
        asked = zip(judges, halves, strict=True)
        says = torch.cat([judge(half.maps[:, 0]) for judge, half in asked])
        told, spared = float(says[yes].float().mean()), float((~says[~yes]).float().mean())
        found.append((judges, ReaderRates(told, spared, int(yes.sum()), int((~yes).sum()))))
    return max(found, key=lambda one: one[1].accuracy)


def _by_maps(lesson: Lesson) -> Judge:
    """A reader of the maps themselves."""
    helper = reader(lesson, (0, lesson.maps.shape[2]))
    return lambda maps: helper.logits(maps)[0].argmax(1) == 1


def _by_values(known: Helper, lesson: Lesson) -> Judge:
    """Nearer to the mean of yes than to that of no, in what the run's own judge reads.

    It learned the pack's attributes from thousands of pictures, so a few say more in its words.
    """

    def values(maps: Tensor) -> Tensor:
        return torch.cat([part.softmax(1) for part in known.logits(maps)], 1)

    seen, yes = values(lesson.maps[:, 0]), lesson.yes > 0.5
    means = torch.stack([seen[~yes].mean(0), seen[yes].mean(0)])
    return lambda maps: torch.cdist(values(maps), means).argmin(1) == 1


def _slider(editor: Editor, name: str, lesson: Lesson) -> Slider:
    halves = [(0, lesson.fine), (lesson.fine, lesson.maps.shape[2])]
    panel = tuple(reader(lesson, columns) for columns in halves)
    labels = moved_labels(lesson, [one.columns for one in editor.attributes])
    return Slider(name, direction_of(lesson), panel, 0.0, 0, labels)


def moved_labels(lesson: Lesson, attributes: Sequence[tuple[int, ...]]) -> Tensor | None:
    """The label columns in which pictures differ, and their means of no and of yes, ``[3, L]``.

    A generator that obeys labels would take back what latents alone change of them. An attribute
    is moved whole where one of its columns differs by :data:`APART`; None where none does.
    """
    if lesson.labels is None:
        return None
    yes = lesson.yes > 0.5
    means = torch.stack([lesson.labels[~yes].mean(0), lesson.labels[yes].mean(0)])
    moved = torch.zeros(1, means.shape[1])
    for columns in map(list, attributes):
        apart = float((means[1, columns] - means[0, columns]).abs().max())
        moved[:, columns] = float(apart >= APART)
    return torch.cat([moved, means]) if bool(moved.any()) else None


def direction_of(lesson: Lesson) -> Tensor:
    """The difference of the two means of latents, ``[W]``."""
    yes = lesson.yes > 0.5
    return lesson.latents[yes].mean(0) - lesson.latents[~yes].mean(0)


def reader(lesson: Lesson, columns: tuple[int, int]) -> Helper:
    """A calibrated reader of yes and no on these columns of the maps."""
    values = lesson.yes.long().numpy()[:, None]
    return fit_helper(AttributeExamples(lesson.maps, values, (2,)), columns)


def _tried(editor: Editor, slider: Slider, judge: Judge, others: Pixels) -> list[float]:
    """For pictures without it: whether the judge says yes once the slider has moved them."""
    found: list[float] = []
    for picture in others:
        if len(found) == JUDGED:
            break
        square = images.to_network(picture[None])
        if _says(editor, judge, square):
            continue
        subject = subject_of(editor, square, QUICK)
        if subject.values[slider.name]:
            continue
        change = exchange(editor, subject, WantedChange({slider.name: 1}))
        found.append(float(_says(editor, judge, change.edit.shown)))
    return found


@torch.no_grad()
def _says(editor: Editor, judge: Judge, picture: Tensor) -> bool:
    return bool(judge(pooled_maps(editor.generator.features, picture)[0])[0])
