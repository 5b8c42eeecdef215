"""The pages that draw, behind a door that opens when one of them is first asked for.

They need torch, which takes seconds to load, and the first page has to be there before.
"""

from __future__ import annotations

from importlib import import_module

from starlette.routing import BaseRoute, Mount, Router
from starlette.types import Receive, Scope, Send

from lookalike.studio.studio import Studio


def routes(studio: Studio) -> list[BaseRoute]:
    """Whatever no other page answers; so these come last."""
    return [Mount("/", _Later(studio))]


class _Later:
    """An app that is loaded on the thread of the worker, once."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._router: Router | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._router is None:
            await self._studio.worker.run(self._load)
        assert self._router is not None, "loaded just now"
        await self._router(scope, receive, send)

    def _load(self) -> None:
        if self._router is None:
            pages = import_module("lookalike.studio.drawing.pages")
            self._router = pages.router(self._studio)
