"""What a person asks of share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ShareSettings:
    """What is given away with a model, and what is said about it."""

    title: str | None = None
    "What the page and the card are called. Default: what the pictures are called, or the run."

    license: str | None = None
    "The license of the model, as on model hubs: cc-by-4.0, mit, other …"

    data_license: str | None = None
    "Whose pictures it learned from, and under which license. Said on the page and on the card."

    encoder: Annotated[bool, Parameter(negative="--no-encoder")] = True
    "Give the encoder away, too: with it a page opens photos to edit them, and is larger."

    checkpoint: str = "auto"
    "best, best-2 …, last, or auto, as generate takes it."
