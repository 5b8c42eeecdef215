"""lookalike show."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as screen


def show(run: Path, /, *, json: screen.Json = False) -> None:
    """What is known about a run: recipe, data, progress, last numbers, files.

    Parameters
    ----------
    run
        A run folder.
    """
    from lookalike import api

    told = api.show(run)
    data, scores = told["data"], told["scores"]
    budget = told["budget"] or 1
    share = 100 * told["images"] / budget
    parts = [f"{images:,}" for images in told["budgets"][:-1]]
    further = f", trained further after {' and '.join(parts)}" if parts else ""
    rows = [
        ("recipe", f"{told['recipe']}, {told['size']} px, {told['channels']} channels"),
        (
            "data",
            f"{data.get('name', '?')}: {data.get('train', '?')} to train, "
            f"{data.get('holdout', '?')} held out",
        ),
        ("progress", f"{told['images']:,} of {budget:,} images ({share:.0f} %){further}"),
    ]
    if told["health"]:
        rows.append(("health", str(told["health"].get("sentence", ""))))
    if told["naming"]:
        rows.append(("naming", told["naming"]["sentence"]))
    if scores:
        rows.append(("KID", f"{scores['score/kid']:.4f}"))
    for rank, one in enumerate(told["bests"], 1):
        name = "best" if rank == 1 else f"best-{rank}"
        rows.append((name, f"KID {one['kid']:.4f} at {int(one['images']):,} images"))
    if told["take"]:
        rows.append(("generate", f"takes the {told['take']} state (--checkpoint names another)"))
    if told["candidates"]:
        rows.append(("drawing", str(told["candidates"].get("sentence", ""))))
    rows += [
        (name.partition("/")[2], f"{value:.4g}")
        for name, value in told["numbers"].items()
        if name.startswith("loss/")
    ]
    rows += [(name, str(told[name])) for name in ("samples", "report") if told[name]]
    screen.result(told, json, screen.table(rows))
