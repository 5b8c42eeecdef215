"""Server-sent events: what changes is told to the page as it happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.responses import StreamingResponse

from lookalike.errors import LookalikeError
from lookalike.storage_errors import storage_errors
from lookalike.studio.errors import OverloadedError
from lookalike.studio.requests import to_json

MOST_STREAMS = 32
SILENCE = 10.0
"""Seconds after which a stream without news says that it lives; so a closed one is noticed."""

log = logging.getLogger(__name__)


class Events:
    """The streams that are open."""

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self._most, self._open = most, 0

    def watch(self, look: Callable[[], Any], every: float = 1.0) -> StreamingResponse:
        """A stream of what ``look`` gives, told whenever it has changed.

        ``look`` runs in a thread, so it may read files, and must not need torch. The stream ends
        when it fails in words, as where a run was moved; the page asks again, and hears why.

        Raises:
            OverloadedError: too many streams are open.
        """
        if self._open >= self._most:
            raise OverloadedError("Too many pages are open. Close some of them.")
        return StreamingResponse(self._told(look, every), media_type="text/event-stream")

    async def _told(self, look: Callable[[], Any], every: float) -> AsyncIterator[str]:
        self._open += 1
        last, silent = "", 0.0
        try:
            while True:
                with storage_errors():
                    text = to_json(await asyncio.to_thread(look))
                if text != last:
                    last, silent = text, 0.0
                    yield f"data: {text}\n\n"
                elif silent >= SILENCE:
                    silent = 0.0
                    yield ": nothing new\n\n"
                silent += every
                await asyncio.sleep(every)
        except LookalikeError as problem:
            log.info("A stream ends: %s", problem)
        finally:
            self._open -= 1
