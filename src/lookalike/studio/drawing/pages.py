"""The addresses of the pages that draw."""

from __future__ import annotations

from starlette.routing import Router

from lookalike.studio.drawing import edit_page, explore_page, gallery_page
from lookalike.studio.drawing.drawing import DrawingRoom
from lookalike.studio.studio import Studio


def router(studio: Studio) -> Router:
    """Explore, Edit and Gallery of a studio."""
    room = DrawingRoom.of(studio)
    pages = (explore_page, edit_page, gallery_page)
    return Router([route for page in pages for route in page.routes(room)])
