"""What a person asks of editing: edit, rebuild, directions, teach."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lookalike.errors import DataError
from lookalike.settings.device import Device
from lookalike.settings.options import Count, Flag, Names, named_values


def edits(texts: Sequence[str], example: str = "--set hair=bun") -> dict[str, str]:
    """``["hair=bun eyes=wink", ...]`` as a dictionary; words without "=" go on.

    Raises:
        DataError: there is no "=" at all.
    """
    found: dict[str, str] = {}
    last = ""
    for word in (word for text in texts for word in shlex.split(text)):
        name, equals, value = word.partition("=")
        if equals:
            last, found[name] = name, value
        elif last:
            found[last] += f" {word}"
        else:
            option = example.partition(" ")[0]
            raise DataError(f"{option} takes name=value, found {word!r}. Example: {example}")
    return found


def _names(texts: Sequence[str]) -> dict[str, str]:
    return edits(texts, "--name 3=age")


Edits = Annotated[Mapping[str, str], named_values("--set", "NAME=VALUE", edits)]
AxisNames = Annotated[Mapping[str, str], named_values("--name", "NUMBER=NAME", _names)]
LOSSES = ("mse", "msssim", "features")
"""What a photo can be sought by; the room of editing has them."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class EditSettings:
    """What is changed, how strongly, and what is written."""

    changes: Edits = field(default_factory=dict)
    'What to change: "hair=bun eyes=wink"; an axis, code or number by how far: "3=+1".'

    strength: float = 1.0
    (
        "How much of it, by the probability of the helpers: 0 is the photo, 1 is as little as "
        "makes them sure, up to 2 goes beyond."
    )

    loss: str | None = None
    (
        "What makes a photo found again like it: mse, msssim, features, or added as in "
        "mse+features. Default: mse+features."
    )

    strip: Flag = False
    "Also write strengths 0 to 1 side by side (photo-edit-strip.png)."

    whole: Flag = False
    "Take the whole square from the generator, not only what changed."

    anyway: Flag = False
    "Also write what the helpers are not sure of, or what seldom succeeds."

    seed: int | None = None
    "Without a photo: the seed of a generated picture."

    index: int = 0
    "Without a photo: the index of that picture."

    between: Path | None = None
    "Another photo: the way from the first to it, as a moving picture (--to morph.gif or .webp)."

    frames: int = 24
    "With --between: how many pictures it has."

    vary: Names = ()
    "Change one of these attributes at a time in the photos of a folder, and check every result."

    count: Count = 100
    "With --vary: how many pictures to add."

    tries: int = 4
    "With --vary: how many candidates are looked at for each wanted picture."

    keep_copies: Flag = False
    "With --vary: also take pictures that copy a training picture."

    judge: str = "auto"
    "With --vary: the network that looks for copies, odd ones and twins, as for 'evaluate'."

    recipe: str | None = None
    "Your own recipe file, for a run whose recipe is defined in it (opening it runs it)."

    device: Device = field(default_factory=Device)

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 2:
            raise DataError(f"--strength is {self.strength:g}; it goes from 0 to 2.")
        if self.loss is not None and not set(self.loss.split("+")) <= set(LOSSES):
            raise DataError(
                f"--loss is {self.loss!r}; it takes {', '.join(LOSSES)}, or some of them added, as "
                "in mse+features."
            )
        if self.frames < 2:
            raise DataError(f"--frames is {self.frames}; a way has at least 2.")
        if self.vary and (self.changes or self.between):
            raise DataError("--vary chooses what to change; leave --set and --between out.")
        if self.vary and self.strength == 0:
            raise DataError("--vary with --strength 0 changes nothing; name more, or leave it out.")
        if self.count < 1 or self.tries < 1:
            raise DataError("-n and --tries must be at least 1.")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RebuildSettings:
    """How a photo is sought in the generator, and beside how many held-out pictures it is shown."""

    losses: Names = ("mse", "msssim", "features")
    "The losses to seek by, one after the other: mse, msssim, features, or mse+features."

    steps: int | None = None
    "Steps of descent. Default: 50 where the recipe reads pictures, else 300."

    beside: int = 8
    "How many held-out pictures of the run's pack are rebuilt for comparison."

    recipe: str | None = None
    "Your own recipe file, for a run whose recipe is defined in it (opening it runs it)."

    device: Device = field(default_factory=Device)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DirectionsSettings:
    """Whether axes get names, and where the page goes."""

    names: AxisNames = field(default_factory=dict)
    'Names for axes that were found: "3=age 5=light".'

    page: Path | None = None
    "Where the page with strips goes. Default: RUN/editing/directions.html."

    recipe: str | None = None
    "Your own recipe file, for a run whose recipe is defined in it (opening it runs it)."

    device: Device = field(default_factory=Device)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TeachSettings:
    """Which pictures show it, and which do not."""

    name: str = ""
    "What the slider is called."

    yes: Path | None = None
    "A folder of pictures that show it."

    no: Path | None = None
    "A folder of pictures that do not."

    recipe: str | None = None
    "Your own recipe file, for a run whose recipe is defined in it (opening it runs it)."

    device: Device = field(default_factory=Device)

    def check(self) -> tuple[Path, Path]:
        """The two folders.

        Raises:
            DataError: a folder or the name is missing.
        """
        given = {"--name": self.name, "--yes": self.yes, "--no": self.no}
        missing = [option for option, value in given.items() if not value]
        if missing or self.yes is None or self.no is None:
            raise DataError(
                f"{', '.join(missing)} is missing. Example: lookalike teach RUN --name smile --yes "
                "smiling/ --no serious/"
            )
        return self.yes, self.no
