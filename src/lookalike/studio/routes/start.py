"""Start: which pictures there are, and what could be made of them."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lookalike.studio.library import RUN, SOURCES
from lookalike.studio.requests import answer
from lookalike.studio.studio import Studio


def routes(studio: Studio) -> list[Route]:
    """``/api/library``: what lies in the folder."""

    async def library(request: Request) -> Response:
        found = await asyncio.to_thread(studio.library.entries, RUN, *SOURCES)
        return answer({"entries": found})

    return [Route("/api/library", library)]
