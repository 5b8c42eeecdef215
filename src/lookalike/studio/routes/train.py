"""To be."""

from __future__ import annotations

from starlette.routing import Route

from lookalike.studio.studio import Studio


def routes(studio: Studio) -> list[Route]:
    """None yet."""
    return []
