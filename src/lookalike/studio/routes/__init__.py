"""The addresses of each page: ``routes(studio)`` in a file of its own, listed here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute

from lookalike.studio.routes import drawing, judge, pictures, start, train
from lookalike.studio.studio import Studio

PAGES: Sequence[Callable[[Studio], Sequence[BaseRoute]]] = (
    pictures.routes,
    start.routes,
    train.routes,
    judge.routes,
    drawing.routes,
)
