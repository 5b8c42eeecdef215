"""Judge: how good a run is, whether its pictures would help, what its set is like; comparing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from lookalike import api
from lookalike.checkpoints import read_json
from lookalike.errors import RunError
from lookalike.run import Run
from lookalike.studio.errors import UnknownError
from lookalike.studio.jobs import Job
from lookalike.studio.library import RUN, Entry
from lookalike.studio.messages import all_for_page, for_page
from lookalike.studio.requests import answer
from lookalike.studio.run_facts import RunLook
from lookalike.studio.studio import Studio

JUDGMENTS = ("evaluate", "utility", "doctor")
SCORES = (
    ("kid", "Distance to unseen pictures (KID)", "0 is best"),
    ("coverage", "Variety: how much of your pictures is reached", "1 is best"),
    ("precision", "How many look like one of yours", "1 is best"),
    ("near_duplicates", "How many repeat another one", "as few as among yours"),
)
UTILITY_PAGE = "utility.html"

_SANDBOX = {
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
}
"""A page of ours is one file with its style in it; it may run nothing and ask for nothing."""


def routes(studio: Studio) -> list[Route]:
    """``/api/judge/<id>…`` and the pages below ``/page/``."""
    page = _Judge(studio)
    return [
        Route("/api/judge", page.runs),
        Route("/api/judge/{id}", page.run),
        Route("/api/judge/{id}/live", page.live),
        Route("/api/judge/{id}/{what}", page.begin, methods=["POST"]),
        Route("/page/{id}/{what}", page.page),
    ]


class _Judge:
    """The answers of this page."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def _entry(self, request: Request) -> Entry:
        return self.studio.library.find(request.path_params["id"], RUN)

    # ---- runs beside each other -------------------------------------------------------------

    def runs(self, request: Request) -> Response:
        """A row for every run: what it was, how near it came, how long that took."""
        entries = self.studio.library.entries(RUN)
        return answer({"runs": [_row(entry, self._look(entry)) for entry in entries]})

    def _look(self, entry: Entry) -> RunLook:
        return self.studio.looks.of(Run(entry.path))

    # ---- one run ----------------------------------------------------------------------------

    def run(self, request: Request) -> Response:
        """What is known of one run, and how far its judgments are."""
        return answer(self._told(self._entry(request)))

    def live(self, request: Request) -> Response:
        """A stream of the judgments of one run."""
        entry = self._entry(request)
        return self.studio.events.watch(lambda: self._jobs(entry), 1.0)

    def _told(self, entry: Entry) -> dict[str, Any]:
        run = Run(entry.path)
        pack, missing = self.studio.looks.pack(run)
        summary = api.show(entry.path)
        classes = list(pack.classes) if pack is not None else []
        return {
            **_row(entry, self._look(entry)),
            "summary": [list(row) for row in summary.rows()],
            "classes": len(classes),
            "holdout": len(pack.holdout) if pack is not None else 0,
            "missing": missing,
            "evaluation": _evaluation(run),
            "utility": _verdicts(read_json(run.path / "utility" / "utility.json")),
            "pages": self._pages(entry),
            **self._jobs(entry),
        }

    def _pages(self, entry: Entry) -> list[str]:
        """Which pages there are."""
        places = {
            "utility": entry.path / "utility" / UTILITY_PAGE,
            "doctor": self._doctor_page(entry),
        }
        return ["report", *(what for what, path in places.items() if path.is_file())]

    def _jobs(self, entry: Entry) -> dict[str, Any]:
        jobs = {what: self.studio.jobs.newest(entry.id, what) for what in JUDGMENTS}
        return {"jobs": {what: _job(job) for what, job in jobs.items()}}

    def begin(self, request: Request) -> Response:
        """Begin a judgment in a process of its own; it waits for other work."""
        entry, what = self._entry(request), request.path_params["what"]
        run = Run(entry.path)
        pack, missing = self.studio.looks.pack(run)
        if pack is None:
            raise RunError(missing)
        asked: dict[str, dict[str, Any]] = {
            "evaluate": {"target": str(run.path)},
            "utility": {"pack": str(pack.path), "run": str(run.path)},
            "doctor": {"source": str(pack.path), "page": str(self._doctor_page(entry))},
        }
        if what not in asked:
            raise UnknownError("There is no such judgment.")
        title = f"{what} of {entry.name}"
        return answer(self.studio.jobs.once(what, asked[what], about=entry.id, title=title))

    # ---- pages ------------------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        """A page that we wrote ourselves: the report (made anew), utility's or the doctor's."""
        entry = await asyncio.to_thread(self._entry, request)
        what = request.path_params["what"]
        makers: Mapping[str, Callable[[], str]] = {
            "report": lambda: _report(entry),
            "utility": lambda: _read(entry.path / "utility" / UTILITY_PAGE),
            "doctor": lambda: _read(self._doctor_page(entry)),
        }
        if what not in makers:
            raise UnknownError("There is no such page.")
        text = await self.studio.worker.run(makers[what])
        return HTMLResponse(text, headers=_SANDBOX)

    def _doctor_page(self, entry: Entry) -> Path:
        return self.studio.library.home / "pages" / f"{entry.id}-doctor.html"


def _report(entry: Entry) -> str:
    from lookalike.stages.report import report_page

    return report_page(Run.open(entry.path))


def _read(path: Path) -> str:
    if not path.is_file():
        raise UnknownError("That page has not been made yet.")
    return path.read_text("utf-8", "replace")


def _row(entry: Entry, look: RunLook) -> dict[str, Any]:
    """A run in the table of runs."""
    facts = look.facts
    floor = facts.scores.get("floor", {})
    best = facts.best
    return {
        **look.row(entry),
        "data": facts.name,
        "fingerprint": str(facts.data.get("fingerprint", "")),
        "judge": str(facts.scores.get("hash", "")),
        "images": facts.seen,
        "share": min(1.0, facts.seen / facts.budget) if facts.budget else 0.0,
        "kid": best.get("kid"),
        "kid_low": best.get("kid_low"),
        "kid_high": best.get("kid_high"),
        "floor": floor.get("value"),
        "grid": facts.grids[-1][0] if facts.grids else None,
    }


def _evaluation(run: Run) -> dict[str, Any] | None:
    """The last evaluation: its sentences, its cautions, each score beside its floor."""
    found = read_json(run.path / "evaluation.json")
    if not found:
        return None
    rows = [
        {"title": title, "best": best, **_measure(found[name])}
        for name, title, best in SCORES
        if isinstance(found.get(name), dict)
    ]
    return {
        "sentences": _texts(found.get("sentences")),
        "cautions": _texts(found.get("cautions")),
        "scores": rows,
    }


def _measure(score: Mapping[str, Any]) -> dict[str, Any]:
    return {name: score.get(name) for name in ("value", "low", "high", "floor")}


def _texts(value: Any) -> list[str]:
    return all_for_page(t for t in value if isinstance(t, str)) if isinstance(value, list) else []


def _job(job: Job | None) -> dict[str, Any] | None:
    """A judgment as the page shows it."""
    if job is None:
        return None
    result = job.told.get("result")
    return {
        "id": job.id,
        "state": job.state,
        "work": job.told.get("work") if job.alive else None,
        "message": for_page(job.told.get("message") or ""),
        "lines": _lines(job.verb, result) if isinstance(result, dict) else [],
    }


def _lines(verb: str, result: Mapping[str, Any]) -> list[str]:
    """What a judgment found, in its own sentences."""
    if verb == "utility":
        return _verdicts(result)
    return _texts(result.get("advice" if verb == "doctor" else "sentences"))


def _verdicts(found: Mapping[str, Any]) -> list[str]:
    """The honest yes or no of a utility, and what to be careful of."""
    answers = [one for one in found.get("answers", ()) if isinstance(one, dict)]
    sentences = [str(one.get("verdict", {}).get("sentence", "")) for one in answers]
    return [text for text in (*all_for_page(sentences), *_texts(found.get("warnings"))) if text]
