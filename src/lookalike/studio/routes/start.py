"""Start: which pictures there are, what the doctor and this machine say of them, and the button."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lookalike import api
from lookalike.data.decode.picture_arrays import see_through, transparency_kept
from lookalike.data.pack.pack import Pack
from lookalike.results import plain
from lookalike.settings.device import Device
from lookalike.settings.options import sensible_size
from lookalike.sizes import read_size
from lookalike.studio.errors import RequestError, UnknownError
from lookalike.studio.jobs import Job
from lookalike.studio.library import PACK, RUN, SOURCES, Entry, id_of
from lookalike.studio.messages import all_for_page, for_page
from lookalike.studio.pictures import MOST_PICTURE_BYTES
from lookalike.studio.requests import answer, checked_id, field, fields, octets, streamed
from lookalike.studio.studio import Studio
from lookalike.studio.uploads import MOST_ZIP_BYTES, Uploads, safe_name

if TYPE_CHECKING:
    from lookalike.api.outlook import Outlook
    from lookalike.recipe import RecipeFile
    from lookalike.stages.choose import Choice

EXAMINED = 4000
"""Sets of more pictures are examined when somebody asks for it: each of them is decoded."""

MEASURED = 900.0
"""Seconds for which a measurement of this machine is good."""

SHOWN, SHOWN_FILES = 24, 6
SIZES = (32, 64, 128, 256)
MOST_MINUTES = 7 * 24 * 60


def routes(studio: Studio) -> list[Route]:
    """``/api/library``, ``/api/start/…`` and ``/api/upload/…``."""
    page = _Start(studio)
    return [
        Route("/api/library", page.library),
        Route("/api/start/{id}", page.look),
        Route("/api/start/{id}/outlook", page.outlook),
        Route("/api/start/{id}/doctor", page.doctor),
        Route("/api/start/{id}/examine", page.examine, methods=["POST"]),
        Route("/api/start/{id}/begin", page.begin, methods=["POST"]),
        Route("/api/upload", page.begin_upload, methods=["POST"]),
        Route("/api/upload/zip", page.upload_zip, methods=["PUT"]),
        Route("/api/upload/{id}", page.upload, methods=["PUT"]),
        Route("/api/upload/{id}/end", page.end_upload, methods=["POST"]),
    ]


class _Start:
    """The answers of this page."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.uploads = Uploads(studio.library)
        self._measured: dict[tuple[str, int, int], tuple[float, Outlook]] = {}

    # ---- which pictures ---------------------------------------------------------------------

    def library(self, request: Request) -> Response:
        """Everything in the folder; ``anew`` looks again at once."""
        anew = "anew" in request.query_params
        return answer({"entries": self.studio.library.entries(RUN, *SOURCES, anew=anew)})

    def look(self, request: Request) -> Response:
        """What would be made of one source, and why."""
        entry, choice = self._asked(request)
        total = choice.files if entry.kind == PACK else len(self.studio.library.files(entry))
        return answer(
            {
                "entry": entry,
                "choice": replace(choice, reasons=tuple(all_for_page(choice.reasons))),
                "shown": list(range(0, total, max(1, total // SHOWN)))[:SHOWN],
                "sizes": self._sizes(choice.recipe, choice.size, entry),
                "recipes": [
                    {"name": one.name, "sizes": one.sizes, "rectangles": one.rectangles}
                    for one in _own_recipes()
                ],
                "transparent": self._transparent(entry),
                "runs": self._runs_of(entry),
                "examined": self.studio.jobs.newest(entry.id, "doctor") is not None,
                "examine": total <= EXAMINED,
            }
        )

    def _source(self, request: Request) -> Entry:
        return self.studio.library.find(request.path_params["id"], *SOURCES)

    def _asked(self, request: Request) -> tuple[Entry, Choice]:
        """A source, and what is made of it with what is not to be chosen."""
        recipe = _recipe(request.query_params.get("recipe", ""))
        entry = self._source(request)
        size = _size(request.query_params.get("size", ""))
        return entry, self._choice(entry, size, recipe, "alpha" in request.query_params)

    def _choice(
        self,
        entry: Entry,
        size: int | None = None,
        recipe: str | None = None,
        alpha: bool = False,
    ) -> Choice:
        from lookalike.stages.choose import choice_of

        if entry.kind == PACK:
            return choice_of(Pack.open(entry.path), None, recipe)
        return api.choose(entry.path, size, recipe, alpha=alpha)

    def _transparent(self, entry: Entry) -> bool:
        """Whether most pictures are transparent, so that there is something to keep."""
        if entry.kind == PACK:
            return False
        return bool(transparency_kept(*see_through(self.studio.library.source(entry))))

    def _sizes(self, recipe: str, chosen: int, entry: Entry) -> list[int]:
        if entry.kind == PACK:
            return [chosen]
        able = next((one.sizes for one in api.recipes() if one.name == recipe), ())
        return sorted({chosen, *(size for size in SIZES if not able or size in able)})

    def _runs_of(self, entry: Entry) -> list[dict[str, str]]:
        """Runs that were begun with these pictures."""
        from lookalike.stages.start import other_source, pack_in

        found = []
        for run in self.studio.library.entries(RUN):
            pack = pack_in(run.path)
            if entry.kind != PACK and Pack.is_pack(pack) and not other_source(pack, entry.path):
                found.append({"id": run.id, "name": run.name})
        return found

    # ---- what is to be expected -------------------------------------------------------------

    async def outlook(self, request: Request) -> Response:
        """What this machine makes of it in some minutes; it is measured for some seconds."""
        entry, choice = await asyncio.to_thread(self._asked, request)
        asked = (choice.recipe, choice.size, choice.channels)
        known = self._speed(asked)
        if known is None:
            name = f"outlook/{entry.id}"
            known = await self.studio.worker.latest(name, lambda: self._measure(asked))
        return answer(known.of(choice.files))

    def _speed(self, asked: tuple[str, int, int]) -> Outlook | None:
        """What was measured of such pictures a short while ago, whose they ever were."""
        when, known = self._measured.get(asked, (float("-inf"), None))
        return known if time.monotonic() - when <= MEASURED else None

    def _measure(self, asked: tuple[str, int, int]) -> Outlook:
        from lookalike.api.outlook import outlook

        known = self._speed(asked)  # of what waited before
        if known is None:
            known = outlook(*asked, 0, Device().place())
            self._measured[asked] = (time.monotonic(), known)
        return known

    def examine(self, request: Request) -> Response:
        """Begin the doctor's examination, unless that is under way; it waits for other work."""
        entry = self._source(request)
        asked = {"source": str(entry.path), "quick": True, "size": plain(self._choice(entry).size)}
        title = f"examining {entry.name}"
        return answer(self.studio.jobs.once("doctor", asked, about=entry.id, title=title))

    def doctor(self, request: Request) -> Response:
        """A stream of how far the doctor is, and at the end the verdict with pictures."""
        entry = self._source(request)

        def look() -> Any:
            job = self.studio.jobs.newest(entry.id, "doctor")
            return self._verdict(entry, job) if job is not None else {"state": "none"}

        return self.studio.events.watch(look, 0.7)

    def _verdict(self, entry: Entry, job: Job) -> dict[str, Any]:
        told = dict(job.told)
        result = told.pop("result", None)
        about = {"id": job.id, "state": job.state}
        answered = {
            **about,
            "work": told.get("work"),
            "message": for_page(told.get("message") or ""),
        }
        if result is None:
            return answered
        places = {}
        if entry.kind != PACK:
            places = {file.name: n for n, file in enumerate(self.studio.library.files(entry))}
        findings = [_finding(one, places) for one in result["findings"]]
        return {
            **answered,
            "files": result["files"],
            "readable": result["readable"],
            "classes": len(result["classes"]),
            "advice": all_for_page(result["advice"]),
            "leave_out": len(result["leave_out"]),
            "findings": findings,
        }

    # ---- the button -------------------------------------------------------------------------

    async def begin(self, request: Request) -> Response:
        """Begin a training: ``minutes``, and what is not to be chosen."""
        given = await fields(request)
        return answer(await asyncio.to_thread(self._begin, request, given))

    def _begin(self, request: Request, given: dict[str, Any]) -> dict[str, str]:
        entry = self._source(request)
        minutes = field(given, "minutes", float)
        if not 0 < minutes <= MOST_MINUTES:
            raise RequestError(f"A training takes up to {MOST_MINUTES:,} minutes, not {minutes:g}.")
        arguments: dict[str, Any] = {"source": str(entry.path), "time": f"{60 * minutes:g}s"}
        size = None if entry.kind == PACK else _size(str(given.get("size", "")))
        recipe = _recipe(field(given, "recipe", str, ""))
        arguments |= {"size": plain(size)} if size else {}
        arguments |= {"recipe": recipe} if recipe else {}
        arguments |= {"fix": True} if field(given, "fix", bool, False) else {}
        alpha = field(given, "alpha", bool, False) and entry.kind != PACK
        arguments |= {"alpha": True} if alpha else {}
        for job in self.studio.jobs.all():
            if job.alive and job.verb == "doctor":  # the machine is the training's now
                self.studio.jobs.stop(job.id)
        into = self._free_run(safe_name(Path(entry.name).stem or entry.path.name))
        arguments["into"] = str(into)
        self.studio.jobs.begin("start", arguments, about=id_of(into), title=into.name)
        return {"run": id_of(into)}

    def _free_run(self, name: str) -> Path:
        names = (self.studio.library.runs / f"{name}{'' if n == 1 else f'-{n}'}" for n in count(1))
        known = {job.about for job in self.studio.jobs.all() if job.alive}
        return next(path for path in names if not path.exists() and id_of(path) not in known)

    # ---- dropped pictures -------------------------------------------------------------------

    async def begin_upload(self, request: Request) -> Response:
        """A folder for pictures that are being dropped."""
        name = field(await fields(request), "name", str, "")
        return answer({"id": await asyncio.to_thread(self.uploads.begin, name)})

    async def upload(self, request: Request) -> Response:
        """One picture; ``class`` is the folder that it lay in."""
        id_ = checked_id(request.path_params["id"])
        data = await octets(request, MOST_PICTURE_BYTES)
        class_name = request.query_params.get("class", "")[:200]
        return answer({"name": await asyncio.to_thread(self.uploads.add, id_, data, class_name)})

    async def end_upload(self, request: Request) -> Response:
        """What became of a folder of dropped pictures."""
        id_ = checked_id(request.path_params["id"])
        return answer(await asyncio.to_thread(self.uploads.end, id_))

    async def upload_zip(self, request: Request) -> Response:
        """A zip of pictures."""
        name = request.query_params.get("name", "")[:200]
        return answer(await self.uploads.add_zip(name, streamed(request, MOST_ZIP_BYTES)))


def _finding(found: Mapping[str, Any], places: Mapping[str, int]) -> dict[str, Any]:
    """A finding with the numbers of its first pictures."""
    files = [
        {"name": file["name"], "detail": file["detail"], "picture": places.get(file["name"])}
        for file in found["files"][:SHOWN_FILES]
    ]
    kept = {name: found[name] for name in ("kind", "title", "level", "meaning", "count")}
    return {
        **kept,
        "fix": for_page(found["fix"]),
        "leaves_out": len(found["leaves_out"]),
        "files": files,
    }


def _own_recipes() -> list[RecipeFile]:
    return [one for one in api.recipes() if one.own]


def _recipe(name: str) -> str | None:
    """A recipe of this package by its name; None where none is named.

    Elsewhere the path of a file is a name, too, and that file is run.

    Raises:
        UnknownError: this package has none of this name.
    """
    if name and name not in {one.name for one in _own_recipes()}:
        raise UnknownError("There is no such recipe here.")
    return name or None


def _size(written: str) -> int | None:
    """A side, or width and height (64x96); None where none is named.

    Raises:
        RequestError: it is something else.
        DataError: no picture can have this size.
    """
    if written in {"", "0"}:
        return None
    try:
        size = read_size(written)
    except ValueError:
        raise RequestError(
            f"The size is {written[:20]!r}: a number of pixels is wanted (64), or width and height "
            "of pictures that are not square (64x96)."
        ) from None
    sensible_size(size)
    return size
