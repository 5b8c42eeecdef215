"""What a person asks of pictures before a training: demo-data, prepare, doctor, transform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from lookalike.errors import DataError
from lookalike.settings.machines import Machines
from lookalike.settings.options import Codes, Count, Flag, Internal, Size, sensible_size
from lookalike.sizes import Rectangle

_LOOK = Parameter(group=Group("What the pictures become", sort_key=80))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """What is drawn. ``options`` are DiceBear options of the style, checked before drawing."""

    style: str = "toon-head"
    "A DiceBear style (toon-head, avataaars, pixel-art ...), or mix: ten styles as ten classes."

    count: Count = 3000
    "How many."

    size: int = 64
    "Their side in pixels."

    seed: int = 0
    "Another seed, other faces."

    options: Internal[Mapping[str, Any]] = field(default_factory=dict)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PrepareSettings:
    """How a source becomes a pack.

    ``size`` None takes the largest of 32, 64, 128 and 256 that the pictures fill. ``leave_out``
    maps files to the reason why they are refused unread (what the doctor found). ``sides`` maps
    identities of pictures to the side they stay on ("train", "holdout"), since a run that is begun
    with has trained on some (:func:`lookalike.engine.load.sides_seen`). Pictures with a side below
    ``least`` or more than ``pixel_limit`` pixels (None: the reader's own limit) are refused.
    ``workers`` None is one for each core, 0 reads in this process.
    """

    size: Annotated[Size[int | None], _LOOK] = 64
    "The side of the pictures in pixels, or WIDTHxHEIGHT such as 64x96."

    grey: Annotated[Flag, _LOOK] = False
    "One channel instead of three."

    alpha: Annotated[Flag, _LOOK] = False
    "Keep transparency: a fourth channel, and new pictures are transparent PNGs."

    fit: Annotated[str, _LOOK] = "crop"
    "What happens to pictures that are not square: crop, pad or stretch."

    background: Annotated[str, _LOOK] = "white"
    "What shows through transparent pictures: white, black, blur or #rrggbb."

    crop: Annotated[int | None, _LOOK] = None
    "Cut this many pixels around the center before resizing."

    frames: Annotated[Flag, _LOOK] = False
    "Take every frame of an animation and every page of a TIFF, instead of the first."

    faces: Annotated[Flag, _LOOK] = False
    "Take the one face out of each picture, upright and aligned by the eyes; refuse the rest."

    largest: Annotated[Flag, _LOOK] = False
    "With --faces: take the largest face where there are several."

    holdout: float = 0.1
    "The share that is kept away from training, for honest scores."

    seed: int = 0
    "Decides which pictures are held out, and what is random in changed copies."

    augment: Codes = ()
    (
        "Add changed copies of the training pictures, by the codes of 'lookalike transform': "
        '--augment "fliph rot_10,blur_1" adds two of each. The hold-out stays as it is.'
    )

    fix: Flag = False
    ("Examine first (lookalike doctor) and leave out what it finds wrong, each with its reason.")

    table: bool = True
    ("Stop where a table that looks like labels names no picture; --no-table goes on without it.")

    zip_encoding: str = ""
    "How the names in a zip were written (utf-8, cp1252, cp932 ...), where they look wrong."

    least: Internal[int] = 8
    pixel_limit: Internal[int | None] = None
    leave_out: Internal[Mapping[str, str]] = field(default_factory=dict)
    sides: Internal[Mapping[int, str]] = field(default_factory=dict)
    workers: Internal[int | None] = None
    machines: Machines = field(default_factory=Machines)

    @property
    def channels(self) -> int:
        """1 for grey pictures, 3 for color, 4 for color and alpha."""
        return 1 if self.grey else 4 if self.alpha else 3

    def __post_init__(self) -> None:
        if self.size is not None:
            sensible_size(self.size)
        if not 0 <= self.holdout < 1:
            raise DataError(
                f"a hold-out of {self.holdout:g} was asked for; it is a share from 0 to below 1."
            )
        if isinstance(self.size, Rectangle) and (self.faces or self.largest):
            raise DataError(
                f"--faces takes squares around faces, and --size {self.size} is none. Leave one of "
                "the two out."
            )
        against = {
            "--grey": self.grey,
            "--faces": self.faces or self.largest,
            f"--background {self.background}": self.background != "white",
        }
        wrong = next((name for name, asked in against.items() if asked), None)
        if self.alpha and wrong:
            raise DataError(
                f"--alpha keeps pictures in color on no background, and {wrong} asks for something "
                "else. Leave one of the two out."
            )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DoctorSettings:
    """How the doctor looks; ``faces`` searches a sample for faces where the extra is installed.

    ``background`` is what shows through transparent pictures.
    """

    size: Size[int] = 64
    "The side of the pictures that the pack is to have, or WIDTHxHEIGHT."

    quick: bool = False
    ("Do without the network that finds crops and odd ones out, and without looking for faces.")

    faces: Internal[bool] = True
    background: Internal[str] = "white"
    least: Internal[int] = 8
    seed: Internal[int] = 0
    workers: Internal[int | None] = None
    machines: Machines = field(default_factory=Machines)

    def __post_init__(self) -> None:
        sensible_size(self.size)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TransformSettings:
    """``codes`` as they are written; ``to`` None writes beside the originals."""

    codes: Internal[tuple[str, ...]] = ()

    to: Path | None = None
    "Another folder for the new pictures."

    alpha: Flag = False
    "Keep transparency; else what is transparent becomes white."

    preview: Path | None = None
    "Write only a contact sheet to this PNG file."

    seed: int = 0
    "Decides the noise and the random places."

    workers: Internal[int | None] = None
    machines: Machines = field(default_factory=Machines)
