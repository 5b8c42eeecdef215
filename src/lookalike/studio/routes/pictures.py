"""Pictures by id: of folders and zips, of packs, and the grids of runs."""

from __future__ import annotations

import asyncio

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lookalike import images
from lookalike.studio.errors import UnknownError
from lookalike.studio.library import FOLDER, PACK, ZIP
from lookalike.studio.pictures import as_webp, opened
from lookalike.studio.studio import Studio

THUMB = 192


def routes(studio: Studio) -> list[Route]:
    """``/picture/<id>/<number>``: a thumbnail of a source, a picture of a pack."""

    def look(id_: str, number: int) -> Response:
        entry = studio.library.find(id_, FOLDER, ZIP, PACK)
        if entry.kind == PACK:
            return _of_pack(studio, id_, number)
        data = studio.library.loaded(entry, number)
        return as_webp(opened(data, THUMB), 80, forever=False)

    async def picture(request: Request) -> Response:
        number = request.path_params["number"]
        return await asyncio.to_thread(look, request.path_params["id"], number)

    def look_grid(id_: str, seen: int) -> Response:
        for at, path in studio.library.run(id_).sample_grids():
            if at == seen:
                return as_webp(images.read(path), 92)
        raise UnknownError("This run keeps no grid of that moment.")

    async def grid(request: Request) -> Response:
        seen = request.path_params["images"]
        return await asyncio.to_thread(look_grid, request.path_params["id"], seen)

    return [
        Route("/picture/{id}/{number:int}", picture),
        Route("/picture/{id}/grid/{images:int}", grid),
    ]


def _of_pack(studio: Studio, id_: str, number: int) -> Response:
    pack = studio.library.pack(id_)
    if not 0 <= number < pack.count:
        raise UnknownError("There is no picture of this number.")
    pixels = pack.shards.take(np.array([number], np.int64))
    return as_webp(images.enlarge(pixels, 64)[0], 92, forever=False)
