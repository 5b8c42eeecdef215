"""Work in parts: which part is done here, who does the others, and how they become the whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, cast

from cyclopts import Parameter

from lookalike.api.signatures import verb
from lookalike.errors import DataError
from lookalike.progress import NOBODY, Listener
from lookalike.results import Result
from lookalike.settings.collect import UrlsSettings
from lookalike.settings.data import DoctorSettings, PrepareSettings, TransformSettings
from lookalike.settings.evaluation import EvaluateSettings
from lookalike.settings.machines import Machines, Part
from lookalike.settings.options import AnyPath, path_of, restored
from lookalike.settings.pictures import ExpandSettings, GenerateSettings

if TYPE_CHECKING:
    from lookalike.data.pack.part_folder import OnePart, Parts, Work

R = TypeVar("R")

_EACH = 4
"""Parts for each worker: a slow or lost one holds the others up by a quarter of its share."""

DIVIDED: dict[str, type] = {
    "collect": UrlsSettings,
    "doctor": DoctorSettings,
    "evaluate": EvaluateSettings,
    "expand": ExpandSettings,
    "generate": GenerateSettings,
    "prepare": PrepareSettings,
    "transform": TransformSettings,
}
"""The verbs that can be divided, with their settings."""


@verb
def merge(
    to: AnyPath,
    parts: Annotated[tuple[Path, ...], Parameter(consume_multiple=True, negative="")] = (),
    *,
    listener: Listener = NOBODY,
) -> Any:
    """Put the parts of divided work together: what comes out is what one machine makes.

    Nothing is decoded, drawn or fetched again; only what the whole decides is done: copies across
    parts, the hold-out, classes, statistics, scores. The answer is that of the verb itself.

    Args:
        to: What the verb was to make (its --to; for evaluate the run, for doctor the page).
        parts: The folders of the parts, or folders with such folders. Default: TO-parts.
        listener: Who is told how far it is.

    Raises:
        DataError: a part is missing, unfinished, damaged, or of other work.
    """
    from lookalike.data.pack.part_folder import INFO, open_parts, parts_folder, parts_in

    places = [path_of(place) for place in parts] or [parts_folder(path_of(to))]
    folders = [f for p in places for f in ([p] if (p / INFO).exists() else parts_in(p))]
    work, ordered = open_parts(folders)
    if path_of(work.to).absolute() != path_of(to).absolute():
        raise DataError(
            f"these are parts of {work.to}, not of {to}. Say: lookalike merge {work.to}"
        )
    return perform(work, Machines(merged=ordered), listener)


def perform(work: Work, machines: Machines, listener: Listener, workers: int | None = None) -> Any:
    """Do the work, divided in this way, with its own verb and so many processes of its own.

    Raises:
        DataError: this program does not know such work, or a setting of it.
    """
    from lookalike import api

    try:
        known: Any = restored(DIVIDED[work.verb], work.settings)
    except (KeyError, TypeError) as problem:
        raise DataError(
            f"these are parts of {work.verb!r} as another version of the program does it "
            f"({problem!r}). Put them together with that one, or make them again."
        ) from problem
    settings = replace(known, machines=machines)
    if hasattr(settings, "workers"):
        settings = replace(settings, workers=workers)
    arguments = [argument or None for argument in work.arguments]
    settled = {"settings": settings, "listener": listener}
    return getattr(api, work.verb)(*arguments, **settled)


@dataclass(frozen=True)
class Division(Generic[R]):
    """One call of a verb that answers ``R``, and how it is divided."""

    work: Work | None
    machines: Machines
    parts: Parts | None

    @property
    def dividing(self) -> bool:
        """Whether this call makes parts, here or elsewhere."""
        return self.machines.part is not None or self.machines.elsewhere

    @property
    def one(self) -> OnePart | None:
        """The one part that is done here, or None."""
        from lookalike.data.pack.part_folder import OnePart

        return self.parts if isinstance(self.parts, OnePart) else None

    def told(self, done: Result) -> R:
        """What one part answers, in place of what the whole would."""
        return cast(R, done)

    def elsewhere(self, listener: Listener, join: Callable[[list[R]], R] | None = None) -> R:
        """Have the parts done by other processes, and put them together.

        ``join`` puts the answers of parts together that are no folders.
        """
        from lookalike.cluster.dask_workers import DaskWorkers
        from lookalike.data.pack.part_folder import OnePart, forget_parts, parts_folder

        assert self.work is not None
        with DaskWorkers(self.machines.on) as workers:
            of = self.machines.parts or _EACH * max(1, workers.count)
            parts = [Part(number, of) for number in range(1, of + 1)]
            calls = [partial(_part, self.work, str(part)) for part in parts]
            try:
                answers = workers.run(calls, listener)
            except KeyboardInterrupt:
                kept = "What is finished is kept"  # parts that are no folders lie in their place
                if join is None:
                    kept = f"Finished parts are kept in {parts_folder(Path(self.work.to))}"
                listener.say(f"{kept}; the same command goes on.")
                raise
        if join is not None:
            return join(answers)
        folders = [OnePart(self.work, part).folder for part in parts]
        whole = merge(self.work.to, tuple(folders), listener=listener)
        forget_parts(folders)
        return cast(R, whole)


def _part(work: Work, part: str, listener: Listener) -> Any:
    """One part on a worker, with one process for what may crash."""
    return perform(work, Machines(part=part), listener, workers=1)


def divided(
    verb: str, arguments: tuple[Any, ...], settings: Any, to: AnyPath | None
) -> Division[Any]:
    """How this call of a verb is divided.

    Raises:
        DataError: there is no place beside which parts could be kept.
    """
    from lookalike.data.pack.part_folder import AllParts, OnePart, Work

    machines: Machines = settings.machines
    if machines.merged:
        return Division(None, machines, AllParts(machines.merged))
    if machines.only is None and not machines.elsewhere:
        return Division(None, machines, None)
    if to is None:
        raise DataError(
            f"parts are kept beside what {verb} makes: name that place (--page for the doctor, "
            "--to otherwise)."
        )
    work = Work.of(verb, arguments, settings, path_of(to))
    only = machines.only
    return Division(work, machines, None if only is None else OnePart(work, only))
