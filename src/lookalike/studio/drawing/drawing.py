"""What the pages that draw share: opened runs, photos, the gallery, and how a picture is shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from lookalike import images
from lookalike.editing.explore.explorer import Explorer
from lookalike.images import Pixels
from lookalike.studio.drawing.explorers import Explorers
from lookalike.studio.drawing.gallery import Gallery
from lookalike.studio.drawing.photos import Photos
from lookalike.studio.library import RUN, Entry
from lookalike.studio.pictures import as_webp
from lookalike.studio.studio import Studio

TOLD = "X-Lookalike-Told"
"""The header of a drawn picture that says what is known of it, as JSON."""


@dataclass(frozen=True)
class DrawingRoom:
    """Given to ``routes(drawing)`` of each page."""

    studio: Studio
    explorers: Explorers
    photos: Photos
    gallery: Gallery

    @staticmethod
    def of(studio: Studio) -> DrawingRoom:
        """For a studio that nothing was drawn in yet."""
        explorers = Explorers(studio.library, studio.worker)
        gallery = Gallery(studio.library.home / "gallery")
        return DrawingRoom(studio, explorers, Photos(explorers), gallery)

    def run_at(self, request: Request) -> Entry:
        """The run of an address; it is sought on the disk, so not on the loop of the server.

        Raises:
            UnknownError: there is none.
        """
        return self.studio.library.find(request.path_params["id"], RUN)


def about_run(explorer: Explorer, entry: Entry) -> dict[str, Any]:
    """What the gallery keeps of the run that a picture comes from."""
    return {
        "run": entry.id,
        "run_name": entry.name,
        "recipe": explorer.drawing.name,
        "images_seen": explorer.images_seen,
    }


def nearest_of(explorer: Explorer, pictures: Pixels) -> list[dict[str, Any]]:
    """The nearest training picture of each; empty ones where the pack is gone."""
    near = explorer.nearest(pictures)
    return [vars(one) for one in near] if near else [{} for _ in pictures]


def shown(pixels: Pixels, least: int, told: dict[str, Any] | None = None) -> Response:
    """A picture for the screen with what is known of it.

    It has ``least`` pixels a side at least, so that the browser need not blur it.
    """
    response = as_webp(images.enlarge(pixels[None], least)[0], 92)
    if told is not None:
        response.headers[TOLD] = json.dumps(told)
        response.headers["Cache-Control"] = "no-store"
    return response
