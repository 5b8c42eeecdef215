"""Teaching: some pictures that show a thing and some that do not become a slider."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lookalike import images, seeds
from lookalike.editing.editor import Editor, Slider
from lookalike.editing.exchange import WantedChange, exchange
from lookalike.editing.helpers import (
    SHIFTS,
    AttributeExamples,
    Helper,
    agreed,
    example_maps,
    fit_helper,
)
from lookalike.editing.inversion import InversionSettings
from lookalike.editing.measure import subject_of
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.progress import Tell, silent

LEAST = 8
"""Pictures of each kind that are needed."""
JUDGED = 12
"""Pictures of the pack that each half of the lesson is tried on."""
QUICK = InversionSettings(steps=0)


@dataclass(frozen=True, eq=False)
class Lesson:
    """Pictures with it and without: latents ``[N, W]``, maps ``[N, 2, D]``, yes ``[N]``."""

    latents: Tensor
    maps: Tensor
    fine: int
    yes: Tensor

    def take(self, rows: Tensor) -> Lesson:
        """These rows."""
        return replace(self, latents=self.latents[rows], maps=self.maps[rows], yes=self.yes[rows])


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
    latents = torch.cat(
        [subject_of(editor, images.to_network(one[None]), QUICK).found.latent for one in pictures]
    )
    shows = torch.cat([torch.ones(len(yes)), torch.zeros(len(no))])
    return Lesson(latents, maps.float(), fine, shows)


def taught(
    editor: Editor, name: str, lesson: Lesson, others: Pixels, tell: Tell = silent
) -> Slider:
    """A slider of this lesson; its success is cross-validated on ``others``, pictures of the pack.

    One half of the lesson gives a direction and its readers, the other half the reader that judges
    what they did to pictures of which it says no; then the halves change places.
    """
    order = torch.randperm(len(lesson.yes), generator=seeds.generator(0, "teach/halves"))
    groups = [order[lesson.yes[order] == kind] for kind in (0, 1)]
    halves = [torch.cat([group[start::2] for group in groups]) for start in (0, 1)]
    shares = []
    for number, (mine, judging) in enumerate([halves, halves[::-1]]):
        slider = _slider(name, lesson.take(mine))
        judge = reader(lesson.take(judging), (0, lesson.maps.shape[2]))
        shares += _tried(replace(editor, sliders=(slider,)), slider, judge, others[number::2])
        tell("trying what was taught", number + 1, 2)
    if not shares:
        raise DataError(
            f"Every picture of the run's pack shows {name!r} already, in the eyes of what was "
            "taught, so nothing can be measured. Choose pictures that differ in this alone."
        )
    slider = _slider(name, lesson)
    return replace(slider, success=float(np.mean(shares)), count=len(shares))


def _slider(name: str, lesson: Lesson) -> Slider:
    halves = [(0, lesson.fine), (lesson.fine, lesson.maps.shape[2])]
    panel = tuple(reader(lesson, columns) for columns in halves)
    return Slider(name, direction_of(lesson), panel, 0.0, 0)


def direction_of(lesson: Lesson) -> Tensor:
    """The difference of the two means of latents, ``[W]``."""
    yes = lesson.yes > 0.5
    return lesson.latents[yes].mean(0) - lesson.latents[~yes].mean(0)


def reader(lesson: Lesson, columns: tuple[int, int]) -> Helper:
    """A calibrated reader of yes and no on these columns of the maps."""
    values = lesson.yes.long().numpy()[:, None]
    return fit_helper(AttributeExamples(lesson.maps, values, (2,)), columns)


def _tried(editor: Editor, slider: Slider, judge: Helper, others: Pixels) -> list[float]:
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
def _says(editor: Editor, judge: Helper, picture: Tensor) -> bool:
    shares = agreed([[judge]], editor.generator.features, picture, SHIFTS[:1])
    return bool(shares[0][0, 1] > 0.5)
