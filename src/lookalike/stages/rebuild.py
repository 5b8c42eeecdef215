"""Rebuild: how well a run's generator can draw a photo, by each loss, beside held-out pictures."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lookalike import checkpoints, images
from lookalike.editing.inversion import Inversion, InversionSettings, weights_of
from lookalike.editing.measure import subject_of
from lookalike.editing.open import open_editor
from lookalike.editing.photos import REBUILT, open_photo, refuse_original
from lookalike.place import Place
from lookalike.progress import Tell, silent
from lookalike.recipe import trust
from lookalike.results import Result, table
from lookalike.run import Run
from lookalike.settings.editing import RebuildSettings


@dataclass(frozen=True)
class RebuiltBy:
    """What a photo and (``beside``) held-out pictures, in the middle, are like when sought by this.

    Errors by the name of the loss, and "psnr" in dB, of which more is better.
    """

    losses: str
    photo: dict[str, float]
    beside: dict[str, float]


@dataclass(frozen=True)
class Rebuilt(Result):
    """The photo as each loss found it: errors, and the picture with one row a loss."""

    run: Path
    photo: Path
    reads: bool
    rows: tuple[RebuiltBy, ...]
    file: Path
    verdict: str
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """A table of losses, and what it says."""
        names = list(self.rows[0].photo)
        cells = [
            [
                f"{who}, by {row.losses}",
                *(f"{errors.get(name, float('nan')):.4g}" for name in names),
            ]
            for row in self.rows
            for who, errors in (("photo", row.photo), ("held out", row.beside))
            if errors
        ]
        how = "read by the run, then refined" if self.reads else "sought by descent from draws"
        return [
            *table(cells, ["", *names]),
            f"Latents were {how}. {self.verdict}",
            *self.notes,
            f"  picture  {self.file}",
        ]

    @property
    def next_step(self) -> str:
        """To see what can be changed."""
        return f"lookalike directions {shlex.quote(str(self.run))}"


def rebuild(
    run: Run,
    photo: Path,
    to: Path | None,
    settings: RebuildSettings,
    place: Place,
    tell: Tell = silent,
) -> Rebuilt:
    """Find a photo again by each loss; the picture shows the photo, then what was found.

    Raises:
        DataError: the photo cannot be read, the picture is to be no PNG, or would be written over
            another one.
        RecipeError: there is no such loss.
    """
    check = partial(open_photo, photo)
    target = to or photo.with_name(f"{photo.stem}-rebuilt.png")
    refuse_original(target, "The picture of what was found again is a PNG")
    opened = open_editor(run, place, trust(settings.recipe), tell, check)
    squares = [open_photo(photo, opened.squares).square]
    if opened.pack is not None:
        holdout = opened.pack.holdout
        squares += list(holdout.images(np.arange(min(settings.beside, len(holdout)))))
    pictures = [images.to_network(square[None]) for square in squares]
    rows, shown = [], [torch.cat(pictures)]
    for names in settings.losses:
        how = InversionSettings(losses=weights_of(names), steps=settings.steps)
        inversions: list[Inversion] = []
        for number, picture in enumerate(pictures, 1):
            inversions.append(subject_of(opened.editor, picture, how).found)
            tell(f"rebuilding by {names}", number, len(pictures))
        beside = _rounded([inversion.losses for inversion in inversions[1:]])
        rows.append(RebuiltBy(names, _rounded([inversions[0].losses]), beside))
        shown.append(torch.cat([inversion.drawn for inversion in inversions]))
    _write(target, photo, torch.cat(shown), len(pictures))
    reads = opened.editor.generator.reads
    return Rebuilt(run.path, photo, reads, tuple(rows), target, _verdict(rows), opened.notes)


def _write(target: Path, photo: Path, pictures: Tensor, columns: int) -> None:
    sheet = images.grid(images.enlarge(images.to_pixels(pictures), 128), columns)
    checkpoints.write_whole(target, images.encode_png(sheet, {REBUILT: photo.name}))


def _rounded(losses: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each, to four digits; empty where there is none."""
    if not losses:
        return {}
    return {
        name: float(f"{statistics.median(each[name] for each in losses):.4g}") for name in losses[0]
    }


def _verdict(rows: Sequence[RebuiltBy]) -> str:
    """Whether the photo is drawn as well as held-out pictures, in words."""
    first = rows[0]
    if not first.beside:
        return "The run's pack is gone, so there is nothing to compare with."
    lost = first.beside["psnr"] - first.photo["psnr"]
    if lost < 1:
        return "The photo is drawn as well as held-out pictures of the pack."
    if lost < 4:
        return f"The photo is drawn {lost:.1f} dB worse than held-out pictures of the pack."
    return (
        f"The photo is drawn {lost:.1f} dB worse than held-out pictures: it is unlike the pack. "
        "Edits of it may miss; train on pictures that are more like it."
    )
