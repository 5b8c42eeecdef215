"""The app of the studio: the files of the page, and the addresses of each of its parts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lookalike import __version__
from lookalike.errors import LookalikeError, StorageError
from lookalike.storage_errors import storage_errors
from lookalike.studio.errors import RequestError, UnknownError
from lookalike.studio.jobs import job_words
from lookalike.studio.requests import answer, problem_answer
from lookalike.studio.routes import PAGES
from lookalike.studio.studio import Studio

_KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_STATIC = files("lookalike.studio") / "static"
log = logging.getLogger(__name__)


def make_app(studio: Studio) -> Starlette:
    """The routes of every page, without the guard in front of them."""
    static = {path.name: path for path in _STATIC.iterdir() if Path(path.name).suffix in _KINDS}

    def index(request: Request) -> Response:
        return _file(static["index.html"])

    def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in static:
            raise UnknownError(f"There is no file {name[:80]!r}.")
        return _file(static[name])

    def about(request: Request) -> Response:
        studio.warm_up()
        known = {"version": __version__, "folder": studio.library.root.name}
        return answer({**known, "read_only": studio.settings.read_only})

    def stop(request: Request) -> Response:
        return answer(job_words(studio.jobs.stop(request.path_params["id"])))

    routes: list[BaseRoute] = [
        Route("/", index),
        Route("/static/{name}", file),
        Route("/api/about", about),
        Route("/api/jobs/{id}/stop", stop, methods=["POST"]),
    ]
    for page in PAGES:
        routes += page(studio)
    return Starlette(routes=routes, exception_handlers=_PROBLEMS)


def _file(path: Any) -> Response:
    kind = _KINDS[Path(path.name).suffix]
    return Response(path.read_bytes(), media_type=kind, headers={"Cache-Control": "no-cache"})


async def _problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, LookalikeError)
    return problem_answer(problem)


async def _unknown(request: Request, problem: Exception) -> Response:
    return problem_answer(UnknownError("There is nothing at this address."))


async def _refused(request: Request, problem: Exception) -> Response:
    """A disk that refuses: place, cause and cure."""
    try:
        with storage_errors():
            raise problem
    except StorageError as told:
        log.warning("%s: %s", request.url.path, told)
        return problem_answer(told)


async def _left(request: Request, problem: Exception) -> Response:
    """Somebody who closed the page while it sent something: nobody hears this."""
    return problem_answer(RequestError("The request was broken off."))


async def _fault(request: Request, problem: Exception) -> Response:
    """A mistake of ours: the server logs it whole, and the page hears its kind alone."""
    words = f"The studio failed ({type(problem).__name__}). Its terminal says where."
    return JSONResponse({"error": "StudioError", "message": words}, 500)


_PROBLEMS: Mapping[Any, Any] = {
    LookalikeError: _problem,
    OSError: _refused,
    ClientDisconnect: _left,
    404: _unknown,
    405: _unknown,
    500: _fault,
}
"""What answers each kind of problem."""
