"""What comes out of a training, and what is known of runs and recipes."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.durations import words
from lookalike.results import Result, table
from lookalike.settings.options import COLORS

if TYPE_CHECKING:
    from lookalike.metrics.scores.health_verdict import HealthFinding
    from lookalike.stages.choose import Choice
    from lookalike.stages.prepare import Prepared

_LONGER = {"begun", "learning", "far", "noise", "collapse"}
"""What is found of a run for which more time is the next step."""


@dataclass(frozen=True)
class Trained(Result):
    """How a training ended and what to type next: ``longer_with`` trains a finished run further.

    ``naming`` holds what a semi-supervised run's D names rightly, beside a baseline;
    ``begun_with`` says which run's weights it began with.
    """

    run: Path
    recipe: str
    images: int
    budget: int
    finished: bool
    seconds: float
    images_per_second: float
    resumed_at: int
    report: Path | None
    notes: tuple[str, ...]
    continue_with: str
    generate_with: str
    naming: dict[str, Any] | None = None
    longer_with: str = ""
    light: HealthFinding | None = None
    begun_with: dict[str, Any] | None = None

    def lines(self) -> list[str]:
        """How far it is, where it is, and the commands that come next."""
        state = "finished" if self.finished else "stopped and saved"
        lines = [
            f"{self.recipe}: {state} at {self.images:,} of {self.budget:,} images "
            f"({words(self.seconds)}, {self.images_per_second:.0f} images/s).",
            f"  run       {self.run}",
        ]
        if self.naming:
            lines.append(f"  naming    {self.naming['sentence']}")
        if self.report:
            lines.append(f"  report    {self.report}")
        if self.light is not None:
            lines.append(f"  light     {self.light.title.lower()}: {self.light.sentence}")
        return lines

    @property
    def next_step(self) -> str:
        """To go on where it stopped or is not near yet, and else new pictures."""
        if not self.finished:
            return self.continue_with
        early = self.light is not None and self.light.kind in _LONGER
        return self.longer_with if early else self.generate_with


@dataclass(frozen=True)
class Planned(Result):
    """What a training would do: the answer to --dry-run."""

    recipe: str
    pack: Path
    size: int
    channels: int
    labels: int
    train: int
    holdout: int
    images: int
    parameters: dict[str, int]
    images_per_second: float
    seconds: float
    continues: bool
    notes: tuple[str, ...]
    settings: dict[str, Any]

    def lines(self) -> list[str]:
        """What would be trained on what, how large it is and how long it takes."""
        sizes = ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in self.parameters.items())
        rows = [
            ("recipe", self.recipe + (" (continues)" if self.continues else "")),
            (
                "pictures",
                f"{self.train} to train, {self.holdout} held out, "
                f"{self.size} px, {self.channels} channels",
            ),
            ("labels", str(self.labels) if self.labels else "none used"),
            ("weights", sizes),
            ("budget", f"{self.images:,} images"),
            ("speed here", f"{self.images_per_second:.0f} images/s"),
            ("time", words(self.seconds)),
        ]
        return [*table(rows), *self.notes]

    @property
    def next_step(self) -> str:
        """To do what was said."""
        return "the same command without --dry-run"


@dataclass(frozen=True)
class Started(Result):
    """What ``start`` did: the pack, the choice with its reasons, and the training."""

    pack: Path
    choice: Choice
    prepared: Prepared
    trained: Trained

    def lines(self) -> list[str]:
        """How the training ended."""
        return self.trained.lines()

    @property
    def next_step(self) -> str:
        """That of the training."""
        return self.trained.next_step


class RunSummary(dict[str, Any]):
    """What is known about a run, by name."""

    def as_dict(self) -> dict[str, Any]:
        """The same as a plain dictionary."""
        return dict(self)

    def lines(self) -> list[str]:
        """The most important of it, a row each, and what comes next."""
        run = shlex.quote(str(self["run"]))
        return [*table(self.rows()), f"Next: lookalike generate {run} -n 100 --to out/"]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def rows(self) -> list[tuple[str, str]]:
        """What is known, as (name, words)."""
        data, scores, budget = self["data"], self["scores"], self["budget"] or 1
        parts = [f"{images:,}" for images in self["budgets"][:-1]]
        further = f", trained further after {' and '.join(parts)}" if parts else ""
        rows = [
            ("recipe", f"{self['recipe']}, {self['size']} px, {self['channels']} channels"),
            (
                "data",
                f"{data.get('name', '?')}: {data.get('train', '?')} to train, "
                f"{data.get('holdout', '?')} held out",
            ),
            (
                "progress",
                f"{self['images']:,} of {budget:,} images "
                f"({100 * self['images'] / budget:.0f} %){further}",
            ),
        ]
        if self["begun_with"]:
            rows.append(("begun with", str(self["begun_with"].get("sentence", ""))))
        if self["light"]:
            rows.append(("light", "{light}: {sentence}".format(**self["light"])))
        for back in self["setbacks"]:
            words = "from {found:,} images to {back:,}, at half the rate from there: {why}"
            rows.append(("went back", words.format(**back)))
        if self["naming"]:
            rows.append(("naming", str(self["naming"].get("sentence", ""))))
        if scores:
            rows.append(("KID", f"{scores['score/kid']:.4f}"))
        rows += self._pictures()
        rows += [
            (name.partition("/")[2], f"{value:.4g}")
            for name, value in self["numbers"].items()
            if name.startswith("loss/")
        ]
        return rows + [(name, str(self[name])) for name in ("samples", "report") if self[name]]

    def _pictures(self) -> list[tuple[str, str]]:
        """Which states are kept, and from which of them pictures come."""
        rows = []
        for rank, best in enumerate(self["bests"], 1):
            name = "best" if rank == 1 else f"best-{rank}"
            rows.append((name, f"KID {best['kid']:.4f} at {int(best['images']):,} images"))
        if self["take"]:
            usual = f"takes the {self['take']} state (--checkpoint names another)"
            rows.append(("generate", self["why"] or usual))
        if self["candidates"]:
            rows.append(("drawing", str(self["candidates"].get("sentence", ""))))
        return rows


class RecipeList(list[Any]):
    """The recipes there are."""

    def lines(self) -> list[str]:
        """A line a recipe, and how to use one."""
        rows = [
            (
                recipe.name,
                " ".join(map(str, [*recipe.sizes, *["WxH"] * recipe.rectangles])) or "any",
                ", ".join(COLORS[count] for count in recipe.channels),
                recipe.labels,
                recipe.about,
            )
            for recipe in self
        ]
        return [
            *table(rows, ("recipe", "sizes", "channels", "labels", "what it is")),
            "\nNext: lookalike train PACK --recipe NAME (your own: --recipe my_recipe.py)",
        ]

    def __str__(self) -> str:
        return "\n".join(self.lines())
