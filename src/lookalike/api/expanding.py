"""Expand: more pictures for a classifier, from a run that exists or one that is trained for it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.api.judging import families
from lookalike.api.making import train
from lookalike.errors import LookalikeError
from lookalike.results import HERE, NOBODY, Listener, Where

if TYPE_CHECKING:
    from lookalike.stages.expand import Expanded, ExpandSettings


def expand(
    pack: Path,
    to: Path,
    run: Path | None = None,
    settings: ExpandSettings | None = None,
    seconds: float | None = None,
    where: Where = HERE,
    listener: Listener = NOBODY,
) -> Expanded:
    """Add checked synthetic pictures to a pack's real ones, in a folder that is new or empty.

    Without a run, ``swift`` is trained on the pack for ``seconds`` first, beside ``to``.

    Raises:
        LookalikeError: neither a run nor a time is given, or the run saw other pictures.
    """
    from lookalike.data.classes import classes_of
    from lookalike.data.pack import Pack
    from lookalike.data.staging import refuse_full
    from lookalike.engine.opening import open_sampler
    from lookalike.run import Run
    from lookalike.stages import expand as stage
    from lookalike.stages.train import TrainSettings

    settings = settings or stage.ExpandSettings()
    refuse_full(to)
    opened = Pack.open(pack)
    sorts = classes_of(opened, settings.attribute)
    if run is None:
        run = to.with_name(f"{to.name}-run")
        labels = True if settings.attribute else None
        if seconds is None:
            raise LookalikeError(_which(pack, to, run, labels))
        listener.say(f"Training a generator into {run}.")
        train(pack, run, TrainSettings(seconds=seconds, labeled=labels), where, listener)
    trained = Run.open(run)
    trained.refuse_other(pack, opened.fingerprint)
    sampler, drawing, seen = open_sampler(trained, where.place())
    make = stage.maker(sampler, sorts, settings.seed)
    origin = stage.Origin(run.resolve().name, drawing.name, seen)
    wanted = replace(settings, trained_with=families(trained))
    try:
        return stage.expand(opened, make, origin, to, wanted, listener.tell)
    except KeyboardInterrupt:
        kept = stage.unfinished(to)
        if kept.exists():
            listener.say(f"What was found is kept in {kept}; the same command again continues.")
        raise


def _which(pack: Path, to: Path, run: Path, labels: bool | None) -> str:
    """What to type, when neither a run nor a time was named."""
    words = " --labels" if labels else ""
    here, there, made = (shlex.quote(str(path)) for path in (pack, to, run))
    return (
        "expand needs a generator that was trained on these pictures. Name a run (--run RUN), let "
        f"one be trained for some time (--for 10m), or train one yourself: lookalike train {here} "
        f"--for 10m{words} --into {made}, then: lookalike expand {here} --to {there} --run {made}"
    )
