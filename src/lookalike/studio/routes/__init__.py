"""The addresses of each page: ``routes(studio)`` in a file of its own, listed here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.routing import Route

from lookalike.studio.routes import edit, explore, gallery, judge, pictures, start, train
from lookalike.studio.studio import Studio

PAGES: Sequence[Callable[[Studio], list[Route]]] = (
    pictures.routes,
    start.routes,
    train.routes,
    explore.routes,
    edit.routes,
    gallery.routes,
    judge.routes,
)
