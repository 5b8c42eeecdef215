"""How often changes succeed: on held-out pictures, by the judge that did not choose them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike import images, seeds
from lookalike.data.pack.pack import Split
from lookalike.editing.attributes import EditableAttribute
from lookalike.editing.editor import Editor, MeasuredChange
from lookalike.editing.exchange import Exchanged, Subject, WantedChange, exchange
from lookalike.editing.helpers import SHIFTS, agreed
from lookalike.editing.inversion import InversionSettings, invert
from lookalike.progress import Tell, silent

COUNT = 16
"""Held-out pictures that each attribute is changed on."""
QUICK = InversionSettings(steps=0)
"""Pictures are taken as they are read: the figure is a little low, and there in a minute."""


def subject_of(
    editor: Editor, square: Tensor, settings: InversionSettings | None = None
) -> Subject:
    """A picture ``[1, C, S, S]`` found again, with the values that it shows.

    What a player reads for a generator that takes labels is not refined, unless ``settings`` say
    so: latents that fit a picture better obey its labels less.
    """
    values = editor.read(square) if editor.changeable else {}
    labels = editor.condition(editor.row(values))
    if settings is None and labels is not None and editor.generator.reads:
        settings = QUICK
    return Subject(square, invert(editor.generator, square, labels, settings), values)


def measured(editor: Editor, holdout: Split, names: Collection[str], tell: Tell = silent) -> Editor:
    """The same editor, knowing how often changes of these attributes succeed; known ones stay."""
    missing = [name for name in names if name not in editor.measured]
    work = [(n, one) for n, one in enumerate(editor.attributes) if one.name in missing]
    if editor.judge is None or not len(holdout) or not work:
        return editor
    found = dict(editor.measured)
    for step, (number, one) in enumerate(work):
        tell("measuring changes", step, len(work))
        found[one.name] = _counted(editor, holdout, number, list(_changes(editor, holdout, one)))
    tell("measuring changes", len(work), len(work))
    return replace(editor, measured=found)


def _changes(
    editor: Editor, holdout: Split, one: EditableAttribute
) -> Iterator[tuple[Subject, int, Exchanged]]:
    """Held-out pictures, each with another value of this attribute, drawn by address."""
    random = seeds.array_generator(0, f"editing/measure/{one.name}")
    for row in random.permutation(len(holdout))[:COUNT]:
        square = images.to_network(holdout.images([row]))
        subject = subject_of(editor, square, _quick(editor))
        others = [v for v in range(len(one.values)) if v != subject.values[one.name]]
        value = int(random.choice(others))
        yield subject, value, exchange(editor, subject, WantedChange({one.name: value}))


def _quick(editor: Editor) -> InversionSettings:
    """No steps where a player reads pictures; some where none does."""
    return QUICK if editor.generator.reads else replace(QUICK, steps=60)


@torch.no_grad()
def judged(editor: Editor, pictures: Tensor) -> NDArray[np.int64]:
    """What the judge takes the pack's attributes for, ``[N, A]``."""
    assert editor.judge is not None
    shares = agreed([[editor.judge]], editor.generator.features, pictures, SHIFTS[:1])
    return torch.stack([share.argmax(1) for share in shares], 1).numpy()


def _counted(
    editor: Editor,
    holdout: Split,
    number: int,
    changes: Sequence[tuple[Subject, int, Exchanged]],
) -> MeasuredChange:
    after = judged(editor, torch.cat([change.edit.shown for _, _, change in changes]))
    before = judged(editor, torch.cat([subject.square for subject, _, _ in changes]))
    wanted = np.array([value for _, value, _ in changes])
    same = np.delete(after == before, number, 1)
    rows = np.arange(min(len(holdout), 256))
    truth = editor.attributes[number].read(holdout.labels(rows))
    named = judged(editor, images.to_network(holdout.images(rows)))[:, number]
    return MeasuredChange(
        success=float((after[:, number] == wanted).mean()),
        kept=float(same.mean()) if same.size else 1.0,
        accuracy=float((named == truth)[truth >= 0].mean()) if (truth >= 0).any() else 0.0,
        count=len(changes),
    )
