"""lookalike evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lookalike.cli import output as show
from lookalike.cli.machine import MACHINE, Machine

if TYPE_CHECKING:
    from lookalike.metrics.scores.scores import Measure
    from lookalike.stages.evaluate import ByClass, Evaluation

ROWS = (
    ("KID", "kid"),
    ("KID to training", "kid_training"),
    ("Fréchet distance", "frechet"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("density", "density"),
    ("coverage", "coverage"),
    ("near-duplicates", "near_duplicates"),
)


def evaluate(
    target: Path,
    /,
    *,
    against: Path | None = None,
    judge: str = "auto",
    n: Annotated[int, Parameter(name=["-n", "--count"])] = 2000,
    infinity: Annotated[bool, Parameter(negative="")] = False,
    pairs: Path | None = None,
    size: int | None = None,
    classes: bool = True,
    attribute: str | None = None,
    seed: int = 0,
    machine: Machine = MACHINE,
    json: show.Json = False,
) -> None:
    """How good pictures are, against real ones: realism, variety, copies; each beside its floor.

    Parameters
    ----------
    target
        A run (samples are drawn), or pictures: a folder, zip, tar, list or pack.
    against
        Real pictures: a pack, folder, zip … Default: the pack that the run was trained on.
    judge
        auto, lite0, lite1, lite2, random, pixels; inception, dinov2 where they are installed;
        or a file of your own (.onnx, or TorchScript .pt).
    n
        At most this many samples; of more pictures, the seed chooses.
    infinity
        Also extrapolate the Fréchet distance to infinitely many samples.
    pairs
        Write the 20 samples nearest to training pictures, with those, to this PNG file.
    size
        For two plain folders: the side in pixels that both are resized to.
    classes
        Also score class by class, where the pack has classes (trains a small classifier once).
    attribute
        Take the values of this attribute for classes.
    seed
        Other samples of the run, other resampling.
    """
    from lookalike import api
    from lookalike.stages.evaluate import EvaluateSettings

    wanted = EvaluateSettings(
        count=n,
        judge=judge,
        infinity=infinity,
        pairs=pairs,
        size=size,
        classes=classes,
        attribute=attribute,
        seed=seed,
    )
    with show.screen() as screen:
        found = api.evaluate(target, against, wanted, machine.where(), screen.tell)
    plain = {**show.plain(found), "scores": found.scores.as_json()} if json else found
    show.result(plain, json, [] if json else _lines(found))


def _lines(found: Evaluation) -> list[str]:
    scores = found.scores
    rows = []
    for title, name in ROWS:
        fid = name == "frechet" and scores.features.startswith("fid-")
        rows.append(_row("FID" if fid else title, getattr(scores, name)))
        if name == "frechet" and scores.frechet_infinity is not None:
            rows.append(["  of endless samples", f"{scores.frechet_infinity:.3g}", "", "", ""])
    excess = scores.copies.excess
    between = f"{excess.low:.2f} to {excess.high:.2f}"
    rows.append(["copy excess", f"{excess.value:.2f}", between, "1.00", f"{excess.value:.2f}"])
    counts = (
        f"{scores.samples:,} samples, {scores.training:,} training, {scores.holdout:,} held out"
    )
    lines = [f"{found.samples} against {found.against}, seen by {scores.features} ({counts})", ""]
    lines += show.table(rows, ["score", "value", "95 %", "floor", "ratio"])
    if found.classes:
        lines += ["", *_classes(found.classes)]
    lines += ["", *found.sentences]
    lines += [f"Careful: {text}." for text in found.warnings]
    return [*lines, *([f"Nearest pairs: {found.pairs}"] if found.pairs else [])]


def _classes(found: ByClass) -> list[str]:
    def cell(one: Measure | None) -> str:
        return "" if one is None else f"{one.value:.2f} ({one.floor:.2f})"

    rows = [
        [
            row.name,
            f"{row.samples:,}",
            cell(row.kid),
            cell(row.coverage),
            cell(row.near_duplicates),
            "" if row.copies is None else f"{row.copies:.1%}",
            cell(row.recognized),
        ]
        for row in found.rows
    ]
    titles = ["class", "samples", "KID (floor)", "coverage (floor)", "near-duplicates (floor)"]
    return show.table(rows, [*titles, "copies", "recognized (held-out)"])


def _row(title: str, one: Measure) -> list[str]:
    between = "" if one.low is None or one.high is None else f"{one.low:.3g} to {one.high:.3g}"
    return [title, f"{one.value:.3g}", between, f"{one.floor:.3g}", f"{one.ratio:.2f}"]
