"""What there is to look at: the recipes, the page of a run and what is known of it."""

from __future__ import annotations

from pathlib import Path

from lookalike.api.results import RecipeList, RunSummary
from lookalike.api.signatures import verb
from lookalike.results import plain
from lookalike.settings.options import AnyPath, path_of


def recipes() -> RecipeList:
    """The recipes there are, with the sizes and channels that they serve."""
    from lookalike.recipe import names

    return RecipeList(names())


@verb
def report(run: AnyPath) -> Path:
    """Write the page of a run anew, also while it trains.

    Args:
        run: A run folder.

    Raises:
        RunError: there is no run.
    """
    from lookalike.run import Run
    from lookalike.stages.report import write_report

    return write_report(Run.open(path_of(run)))


@verb
def show(run: AnyPath) -> RunSummary:
    """What is known about a run: recipe, data, progress, last numbers, files.

    Args:
        run: A run folder.

    Raises:
        RunError: there is no run.
    """
    from lookalike.run import CANDIDATES, Run, read_json
    from lookalike.watch.health import finding_of

    opened = Run.open(path_of(run))
    folder, recipe, env = opened.path, opened.recipe_values(), opened.env()
    stats, grids = opened.stats(), opened.sample_grids()
    scores = read_json(folder / "scores.json")
    page = folder / "report.html"
    return RunSummary(
        {
            "run": str(run),
            "recipe": recipe.get("name"),
            "size": recipe.get("size"),
            "channels": recipe.get("channels"),
            "budget": recipe.get("images"),
            "budgets": env.get("budgets", []),
            "images": opened.progress(),
            "data": env.get("data", {}),
            "environment": {
                k: v for k, v in env.items() if k not in {"data", "budgets", "begun_with"}
            },
            "begun_with": opened.begun_with,
            "health": read_json(folder / "health.json"),
            "light": plain(finding_of(opened)),
            "setbacks": opened.plan().get("setbacks", []),
            "naming": read_json(folder / "naming.json"),
            "numbers": stats[-1] if stats else {},
            "scores": next((s for s in reversed(stats) if "score/kid" in s), {}),
            "bests": scores.get("bests", []),
            "take": scores.get("take"),
            "why": opened.why(),
            "candidates": read_json(folder / CANDIDATES),
            "samples": str(grids[-1][1]) if grids else None,
            "report": str(page) if page.exists() else None,
        }
    )
