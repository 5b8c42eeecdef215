"""What a person asks of new pictures: generate, expand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lookalike.durations import seconds
from lookalike.errors import DataError, LookalikeError
from lookalike.settings.device import Device
from lookalike.settings.machines import Machines
from lookalike.settings.options import Changes, Count, Flag, For, Internal

FORMS = ("folder", "pack")
REAL = ("cut", "link", "copy")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class GenerateSettings:
    """How many pictures, from which seed and index on, of which class; and how they are kept."""

    count: Count = 100
    "How many pictures."

    seed: int = 0
    "Another seed, other pictures."

    first: int = 0
    "The index of the first picture."

    label: str | None = None
    'For runs with labels: a class, or attributes such as "hair=long,glasses=none".'

    checkpoint: str = "auto"
    (
        "best (by score), best-2 …, last, or auto: the last, unless the best scored better by more "
        "than chance."
    )

    grid: Flag = False
    "Also write the first hundred as one picture, beside the folder (out-grid.png)."

    recipe: str | None = None
    "Your own recipe file, for a run whose generator is defined in it (opening it runs it)."

    keep_copies: Flag = False
    "Also write pictures that copy a training picture; they are left out otherwise."

    candidates: int | None = None
    (
        "Of how many each picture is the best, by the discriminator. 1 takes every picture as it "
        "is drawn, three times as fast. Default: what the run measured to be nearest (swift: 1 to "
        "3)."
    )

    columns: Internal[int] = 10
    device: Device = field(default_factory=Device)
    machines: Machines = field(default_factory=Machines)

    def __post_init__(self) -> None:
        for option, value, least in (
            ("-n", self.count, 1),
            ("--first", self.first, 0),
            ("--candidates", self.candidates, 1),
        ):
            if value is not None and value < least:
                raise LookalikeError(f"{option} must be at least {least}, got {value}.")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ExpandSettings:
    """How much to add, how strictly, and what makes it: a run, or one that is trained first.

    ``balance`` fills every class up to the largest one; else every class gets ``factor`` times its
    real pictures in all. ``trained_with`` names families of networks that trained the generator.
    """

    balance: Flag = False
    "Fill every class up to the largest one."

    factor: float | None = None
    "How many times as many pictures every class has afterwards. Default without --balance: 2."

    run: Path | None = None
    "A run trained on this pack with its classes."

    pictures: Path | None = None
    (
        "Instead of what a run makes: a folder of chosen pictures; its sub-folders are classes. "
        "They pass the same checks."
    )

    time: For[str | float | None] = None
    "Without a run: train one for this long first (10m, 1h), into TO-run."

    recipe: str = "swift"
    "Without a run: the recipe to train."

    changes: Changes = field(default_factory=dict)
    "Without a run: change a setting of the recipe, as for 'lookalike train'."

    run_per_class: Flag = False
    (
        "Train a generator for each class, which sees that class alone. They share the time of "
        "--for. One generator with the class as condition, the default, learns from all pictures."
    )

    form: Annotated[str, Parameter(name="--as")] = "folder"
    "folder (an ImageFolder with a manifest) or pack."

    real: str = "cut"
    (
        "How real pictures come into a folder: cut (written at the pack's size), link (to the "
        "original files) or copy (of them)."
    )

    attribute: str | None = None
    "Take the values of this attribute for classes."

    judge: str = "auto"
    "The network that looks for copies, odd ones and twins, as for 'evaluate'."

    steps: int = 600
    "Training steps of the classifier that has to agree with the class."

    tries: int = 10
    "Give a class up after this many candidates for each wanted picture."

    seed: int = 0
    "Other synthetic pictures."

    keep_copies: Flag = False
    "Also take pictures that copy a training picture."

    checkpoint: str = "auto"
    "With --run, which state of it: best, best-2 …, last, or auto, as generate takes it."

    trained_with: Internal[tuple[str, ...]] = ()
    device: Device = field(default_factory=Device)
    machines: Machines = field(default_factory=Machines)

    @property
    def times(self) -> float:
        """How many times as many pictures there are afterwards, where nothing is balanced."""
        return 2.0 if self.factor is None else self.factor

    def __post_init__(self) -> None:
        if self.balance and self.factor is not None:
            raise DataError("--balance and --factor say two different things. Give one of them.")
        if self.form not in FORMS:
            raise DataError(f"there is no form {self.form!r}. Choose from: {', '.join(FORMS)}.")
        if self.real not in REAL:
            raise DataError(f"--real is {self.real!r}. Choose from: {', '.join(REAL)}.")
        if self.real != "cut" and self.form != "folder":
            raise DataError(
                f"a pack holds pictures of one size, so its real ones cannot be a {self.real} of "
                "the original files. Leave --real out, or --as pack."
            )
        if self.times <= 1:
            raise DataError(
                f"a factor of {self.times:g} adds nothing: it is how many times as many pictures "
                "there are afterwards, so more than 1. Example: --factor 2"
            )
        if self.tries < 1:
            raise DataError(f"--tries is {self.tries}; it has to be at least 1.")
        if self.run is not None and self.run_per_class:
            raise DataError(
                "--run names one generator, and --run-per-class trains one for each class. Give "
                "one of them."
            )
        if self.pictures is not None and (self.balance or self.factor is not None):
            raise DataError(
                "--pictures adds all chosen pictures that pass; leave --balance and --factor out."
            )
        if self.time is not None:
            seconds(self.time)
