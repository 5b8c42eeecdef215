"""Compare: runs of several recipes on the same pictures, judged by one judge, as a ranked table."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from lookalike import checkpoints, images
from lookalike.data.decode.picture_arrays import evenly
from lookalike.data.pack.pack import Pack, Split
from lookalike.engine.load import open_sampler, training_pack
from lookalike.images import Pixels
from lookalike.metrics.copies.search import see
from lookalike.metrics.features.features import Features
from lookalike.metrics.scores.scores import Scores, score_samples
from lookalike.place import Place
from lookalike.progress import Tell, silent
from lookalike.results import Result, table
from lookalike.run import Run

SAMPLES = 1000
"""Samples of every run that are judged."""
STRIP = 10
LABEL = 120
ALIKE = 0.5
"""A share of near-duplicates from which samples are one picture with small changes."""

COLUMNS = (
    "rank",
    "recipe",
    "KID (95 %)",
    "coverage",
    "near-duplicates",
    "copies",
    "images/s",
    "memory MB",
    "weights",
)


@dataclass(frozen=True)
class Contender:
    """One recipe's training: how it ended. ``failed`` holds the reason where it did.

    ``seconds`` were spent on the images from ``resumed_at`` to ``images``.
    """

    recipe: str
    run: Path
    seconds: float = 0.0
    images: int = 0
    megabytes: float = 0.0
    failed: str | None = None
    resumed_at: int = 0

    @property
    def speed(self) -> float:
        """Images per second; 0 where nothing was left to train."""
        return max(0, self.images - self.resumed_at) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """A line of the table. Scores are None where the training failed."""

    rank: int
    recipe: str
    run: Path
    kid: float | None = None
    kid_low: float | None = None
    kid_high: float | None = None
    coverage: float | None = None
    near_duplicates: float | None = None
    copy_excess: float | None = None
    images_per_second: float
    images: int
    megabytes: float
    parameters: int
    failed: str | None

    def cells(self) -> tuple[str, ...]:
        """The line in words, one for each of the columns."""
        if self.kid is None:
            return ("-", self.recipe, f"failed: {self.failed}", *[""] * (len(COLUMNS) - 3))
        return (
            str(self.rank),
            self.recipe,
            f"{self.kid:.4f} ({self.kid_low or 0:.4f} to {self.kid_high or 0:.4f})",
            f"{self.coverage:.2f}",
            f"{self.near_duplicates:.3f}",
            f"{self.copy_excess:.1f}",
            f"{self.images_per_second:.0f}",
            f"{self.megabytes:.0f}",
            f"{self.parameters / 1e6:.2f} M",
        )


@dataclass(frozen=True)
class Comparison(Result):
    """The ranked table, its floor, and the picture with a strip of samples for each recipe."""

    pack: Path
    seconds: float
    judge: str
    samples: int
    floor: float
    coverage_floor: float
    near_duplicates_floor: float
    rows: tuple[ComparisonRow, ...]
    strips: Path
    table: Path

    @property
    def doubt(self) -> str:
        """A warning where samples of some recipes all look alike; empty where none do."""
        alike = [row.recipe for row in self.rows if (row.near_duplicates or 0.0) > ALIKE]
        if not alike:
            return ""
        those = "all recipes" if len(alike) == len(self.rows) else " and ".join(alike)
        return (
            f"Most samples of {those} look alike: collapsed, or hardly begun. Their ranks mean "
            "nothing yet; look at the strips, and give them more time with --for."
        )

    def lines(self) -> list[str]:
        """The ranked table, its floor, and where strips and table are."""
        return [
            *table([row.cells() for row in self.rows], COLUMNS),
            f"Real pictures: {self._floors}. Judge: {self.judge}. Lower KID is better; copies are "
            "times those of the hold-out.",
            *([self.doubt] if self.doubt else []),
            f"  samples  {self.strips}",
            f"  table    {self.table}",
        ]

    @property
    def next_step(self) -> str:
        """To give the best recipe more time."""
        best = self.rows[0].recipe if self.rows else "NAME"
        return f"lookalike train {shlex.quote(str(self.pack))} --recipe {best} --for 1h"

    @property
    def markdown(self) -> list[str]:
        """The same table for ``compare.md``."""
        lines = [
            f"{self.samples} samples each, judge {self.judge}, against held-out pictures of "
            f"{self.pack.name}. Real pictures score {self._floors}. Copies are times those of the "
            "hold-out.",
            "",
            f"| {' | '.join(COLUMNS)} |",
            "|---" * len(COLUMNS) + "|",
            *(f"| {' | '.join(row.cells())} |" for row in self.rows),
        ]
        return [*lines, "", self.doubt] if self.doubt else lines

    @property
    def _floors(self) -> str:
        return (
            f"KID {self.floor:.4f}, coverage {self.coverage_floor:.2f}, near-duplicates "
            f"{self.near_duplicates_floor:.3f}"
        )


def compare(
    pack: Pack,
    contenders: Sequence[Contender],
    to: Path,
    features: Features,
    tell: Tell = silent,
    *,
    place: Place,
) -> Comparison:
    """Draw samples of every run with the same seed, judge them, rank by KID.

    Writes ``compare.json``, ``compare.md`` and ``strips.png`` into ``to``.
    """
    holdout, train = _some(pack.holdout, 2000), _some(pack.train, 4000)
    seen = see(train, features, tell), see(holdout, features, tell)
    judged: list[_Judged] = []
    for number, contender in enumerate(contenders):
        tell("judging", number, len(contenders))
        if contender.failed is not None:
            judged.append(_Judged(contender))
            continue
        run = Run.open(contender.run)
        training_pack(run, pack)
        samples = open_sampler(run, place)[0].pictures(0, 0, SAMPLES)
        scores = score_samples(samples, *seen, features)
        judged.append(_Judged(contender, scores, samples[:STRIP]))
    judged.sort(key=lambda one: one.scores.kid.value if one.scores else float("inf"))
    before = _before(to)
    rows = tuple(_row(rank, one, before) for rank, one in enumerate(judged, 1))
    to.mkdir(parents=True, exist_ok=True)
    done = Comparison(
        pack.path,
        max((contender.seconds for contender in contenders), default=0.0),
        features.name,
        SAMPLES,
        *next((one.floors for one in judged if one.scores), (float("nan"),) * 3),
        rows,
        to / "strips.png",
        to / "compare.md",
    )
    strips = [(one.contender.recipe, one.strip) for one in judged if one.strip is not None]
    images.write_png(done.strips, _sheet([("real", holdout[:STRIP]), *strips]))
    done.table.write_text("\n".join(done.markdown) + "\n", "utf-8")
    plain = json.dumps(asdict(done), indent=1, default=str)
    checkpoints.write_whole(to / "compare.json", plain.encode())
    return done


@dataclass(frozen=True, eq=False)
class _Judged:
    """A contender, its scores where its training ended well, and its first samples."""

    contender: Contender
    scores: Scores | None = None
    strip: Pixels | None = None

    @property
    def floors(self) -> tuple[float, float, float]:
        """What real pictures score; of equal counts, so the same for every contender."""
        assert self.scores is not None
        return (
            self.scores.kid.floor,
            self.scores.coverage.floor,
            self.scores.near_duplicates.floor,
        )


def _some(split: Split, most: int) -> Pixels:
    """Evenly spread pictures of a split."""
    return split.images(evenly(len(split), most))


def _before(to: Path) -> dict[str, dict[str, Any]]:
    """The rows of an earlier comparison in this folder, by recipe."""
    try:
        earlier = json.loads((to / "compare.json").read_text("utf-8"))
        return {row["recipe"]: row for row in earlier["rows"]}
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return {}


def _row(rank: int, judged: _Judged, before: dict[str, dict[str, Any]]) -> ComparisonRow:
    contender, scores = judged.contender, judged.scores
    # A run that was complete already was not trained, so its speed and memory are the earlier ones.
    trained = contender.speed or not contender.images
    earlier = {} if trained else before.get(contender.recipe, {})
    measured: dict[str, float | None] = {}
    if scores is not None:
        measured = {
            "kid": scores.kid.value,
            "kid_low": scores.kid.low,
            "kid_high": scores.kid.high,
            "coverage": scores.coverage.value,
            "near_duplicates": scores.near_duplicates.value,
            "copy_excess": scores.copies.excess.value,
        }
    return ComparisonRow(
        rank=rank,
        recipe=contender.recipe,
        run=contender.run,
        **measured,
        images_per_second=earlier.get("images_per_second", round(contender.speed, 1)),
        images=contender.images,
        megabytes=earlier.get("megabytes", round(contender.megabytes)),
        parameters=_parameters(contender.run) if scores else 0,
        failed=contender.failed,
    )


def _parameters(run: Path) -> int:
    """The trained numbers of all players, counted in the newest checkpoint."""
    state, _ = Run(run).newest()
    return sum(int(value.numel()) for value in (state or {}).get("networks", {}).values())


def _sheet(strips: Sequence[tuple[str, Pixels]]) -> Pixels:
    """One row per recipe: its name, then ten samples."""
    rows = []
    for name, pictures in strips:
        strip = images.grid(images.enlarge(pictures, 64), STRIP)
        strip = np.repeat(strip, 3, axis=2) if strip.shape[2] == 1 else strip
        label = Image.new("RGB", (LABEL, strip.shape[0]), "white")
        ImageDraw.Draw(label).text((6, strip.shape[0] // 2 - 6), name, fill="black")
        rows.append(np.concatenate([np.asarray(label), strip], axis=1))
    width = max(row.shape[1] for row in rows)
    padded = [
        np.pad(row, ((0, 2), (0, width - row.shape[1]), (0, 0)), constant_values=255)
        for row in rows
    ]
    return np.concatenate(padded)
