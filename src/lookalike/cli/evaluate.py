"""lookalike evaluate."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show
from lookalike.settings.evaluation import EvaluateSettings


def evaluate(
    target: Path,
    /,
    *,
    against: Path | None = None,
    settings: EvaluateSettings | None = None,
    json: show.Json = False,
) -> None:
    """How good pictures are, against real ones: realism, variety, copies; each beside its floor.

    Parameters
    ----------
    target
        A run (samples are drawn), or pictures: a folder, zip, tar, list or pack.
    against
        Real pictures: a pack, folder, zip … Default: the pack that the run was trained on.
    """
    from lookalike import api

    with show.screen() as listener:
        evaluation = api.evaluate(target, against, settings, listener=listener)
    show.result(evaluation, json)
