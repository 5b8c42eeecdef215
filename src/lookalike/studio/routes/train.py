"""Train: how a training goes, told as it happens; stopping it, going on, more time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lookalike.errors import RunError
from lookalike.run import Run
from lookalike.studio.errors import RequestError, UnknownError
from lookalike.studio.jobs import TRAININGS, Job
from lookalike.studio.library import RUN, Entry
from lookalike.studio.messages import all_for_page, for_page
from lookalike.studio.requests import answer, checked_id, field, fields
from lookalike.studio.studio import Studio

MOST_POINTS = 200
MOST_MINUTES = 7 * 24 * 60
SAID = 12


def routes(studio: Studio) -> list[Route]:
    """``/api/runs`` and ``/api/train/<id>/…``."""
    page = _Train(studio)
    return [
        Route("/api/runs", page.runs),
        Route("/api/train/{id}", page.state),
        Route("/api/train/{id}/live", page.live),
        Route("/api/train/{id}/series", page.series),
        Route("/api/train/{id}/stop", page.stop, methods=["POST"]),
        Route("/api/train/{id}/on", page.go_on, methods=["POST"]),
    ]


class _Train:
    """The answers of this page."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    # ---- what there is ----------------------------------------------------------------------

    def runs(self, request: Request) -> Response:
        """Every run, and every training that has no folder yet, the newest first."""
        jobs = self.studio.jobs.all()
        entries = self.studio.library.entries(RUN)
        known = {entry.id for entry in entries}
        begun = {job.about: job for job in jobs if job.verb in TRAININGS and job.alive}
        waiting = [job for about, job in begun.items() if about not in known]
        rows = [_preparing(job, job.about) for job in waiting]
        rows += [self._row(entry, _newest(jobs, entry.id)) for entry in entries]
        return answer({"runs": rows})

    def _row(self, entry: Entry, job: Job | None) -> dict[str, Any]:
        """A run in a list."""
        told = self._told(entry, job)
        names = ("id", "name", "state", "light", "sentence", "share", "recipe", "size", "nearness")
        grids = told["grids"]
        return {**{name: told[name] for name in names}, "grid": grids[-1] if grids else None}

    def state(self, request: Request) -> Response:
        """One training as it is now."""
        return answer(self._look(checked_id(request.path_params["id"])))

    def live(self, request: Request) -> Response:
        """A stream of the same."""
        id_ = checked_id(request.path_params["id"])
        self._look(id_)
        return self.studio.events.watch(lambda: self._look(id_), 1.0)

    def _look(self, id_: str) -> dict[str, Any]:
        """What is known of a training, from its folder and from its process.

        Raises:
            UnknownError: there is neither.
        """
        job = _newest(self.studio.jobs.all(), id_)
        try:
            entry = self.studio.library.find(id_, RUN)
        except UnknownError:
            if job is None:
                raise
            return _preparing(job, id_)
        return self._told(entry, job)

    def _told(self, entry: Entry, job: Job | None) -> dict[str, Any]:
        run = Run(entry.path)
        look = self.studio.looks.of(run)
        facts = look.facts
        step = _step(job)
        seen = max(facts.seen, int(step.get("images", 0)))
        budget = int(step.get("budget", 0)) or facts.budget
        return {
            **look.row(entry),
            "state": _state(run, job, facts.finished),
            "images": seen,
            "budget": budget,
            "share": min(1.0, seen / budget) if budget else 0.0,
            "rate": step.get("rate"),
            "seconds_left": step.get("seconds_left"),
            "grids": [images for images, _ in facts.grids],
            "scores": facts.scores != {},
            "lines": len(facts.stats),
            **_of_job(job),
        }

    def series(self, request: Request) -> Response:
        """Numbers over time: KID with its interval and floor, and every loss, thinned."""
        entry = self.studio.library.find(request.path_params["id"], RUN)
        stats = self.studio.looks.of(Run(entry.path)).facts.stats
        scores = [line for line in stats if "score/kid" in line]
        names = dict.fromkeys(key for line in stats for key in line if key.startswith("loss/"))
        kid = ("images", "score/kid", "score/kid_low", "score/kid_high")
        return answer(
            {
                "kid": [[line.get(name) for name in kid] for line in scores],
                "floor": scores[-1].get("score/floor") if scores else None,
                "floor_high": scores[-1].get("score/floor_high") if scores else None,
                "losses": {name.removeprefix("loss/"): _points(stats, name) for name in names},
            }
        )

    # ---- what can be done -------------------------------------------------------------------

    def stop(self, request: Request) -> Response:
        """Ask a training to save and stop."""
        job = _newest(self.studio.jobs.all(), checked_id(request.path_params["id"]))
        if job is None or not job.alive:
            raise RequestError(
                "This studio has not started that training. Press Ctrl-C where it was started."
            )
        return answer(self.studio.jobs.stop(job.id))

    async def go_on(self, request: Request) -> Response:
        """Continue a training to its end, or train a finished one further for some ``minutes``."""
        id_ = checked_id(request.path_params["id"])
        minutes = field(await fields(request), "minutes", float, 0.0)
        if not 0 <= minutes <= MOST_MINUTES:
            raise RequestError(f"{minutes:g} minutes are no time to train for.")
        return answer(await asyncio.to_thread(self._go_on, id_, minutes))

    def _go_on(self, id_: str, minutes: float) -> Job:
        job = _newest(self.studio.jobs.all(), id_)
        try:
            entry = self.studio.library.find(id_, RUN)
        except UnknownError:
            if job is None or job.alive:
                raise
            return self.studio.jobs.again(job)
        run = Run(entry.path)
        if run.written:
            raise RequestError("It is being trained just now.")
        arguments = {
            "data": str(_pack_of(run)),
            "into": str(run.path),
            "recipe": str(run.path / "recipe.json"),
        }
        if minutes:
            arguments["more"] = f"{60 * minutes:g}s"
        title = entry.name.removeprefix("runs/")
        return self.studio.jobs.begin("train", arguments, about=id_, title=title)


def _pack_of(run: Run) -> Path:
    """The pack of a run.

    Raises:
        RunError: it is gone or has changed.
    """
    from lookalike.engine.load import training_pack

    try:
        return training_pack(run).path
    except RunError as problem:
        raise RunError(f"{problem} Put the pack back where it was, then go on.") from None


def _newest(jobs: Sequence[Job], about: str) -> Job | None:
    """The newest training of a run."""
    return next((job for job in jobs if job.about == about and job.verb in TRAININGS), None)


def _step(job: Job | None) -> Mapping[str, Any]:
    """The last report of a training that is alive."""
    step = job.told.get("step") if job is not None and job.alive else None
    return step if isinstance(step, dict) else {}


def _state(run: Run, job: Job | None, finished: bool) -> str:
    """In which state a training is, in one word for the page."""
    if job is not None and job.alive:
        return "training" if "step" in job.told else "preparing"
    if run.written:
        return "elsewhere"
    if finished:
        return "finished"
    return job.state if job is not None and job.state in ("failed", "killed") else "stopped"


def _of_job(job: Job | None) -> dict[str, Any]:
    """What the process of a training says itself."""
    if job is None:
        return {"said": [], "work": None, "message": None, "stopping": False}
    failed = job.state in ("failed", "killed")
    return {
        "said": all_for_page(job.told.get("said", ()))[-SAID:],
        "work": job.told.get("work") if job.alive else None,
        "message": for_page(job.told.get("message") or "") if failed else None,
        "stopping": job.alive and job.asked_to_stop,
    }


def _preparing(job: Job, id_: str) -> dict[str, Any]:
    """A training whose run has no folder yet."""
    return {
        "id": id_,
        "name": job.title,
        "recipe": "",
        "size": 0,
        "pictures": 0,
        "state": "preparing" if job.alive else job.state,
        "images": 0,
        "budget": 0,
        "share": 0.0,
        "rate": None,
        "seconds_left": None,
        "seconds": None,
        "light": "",
        "sentence": "",
        "nearness": "",
        "grids": [],
        "grid": None,
        "scores": False,
        "lines": 0,
        **_of_job(job),
    }


def _points(stats: Sequence[Mapping[str, Any]], name: str) -> list[list[float]]:
    """(images, value), at most so many, each the mean of its neighbors."""
    points = [(line["images"], line[name]) for line in stats if _finite(line.get(name))]
    every = max(1, math.ceil(len(points) / MOST_POINTS))
    groups = (points[at : at + every] for at in range(0, len(points), every))
    return [[group[-1][0], sum(value for _, value in group) / len(group)] for group in groups]


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
