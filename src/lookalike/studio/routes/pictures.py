"""Pictures by id: of folders and zips, of packs, and the grids of runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lookalike import images
from lookalike.data.pack.pack import Pack
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.studio.errors import KindError, UnknownError
from lookalike.studio.library import PACK, SOURCES, Entry
from lookalike.studio.pictures import as_webp, opened, square
from lookalike.studio.studio import Studio

THUMB, COVER, TILES = 192, 96, 4


def routes(studio: Studio) -> list[Route]:
    """``/picture/<id>/<number>`` of a source, its ``cover``, and ``grid/<images>`` of a run.

    What cannot be read as a picture is answered with nothing (204): a page shows it as such.
    """

    def look(request: Request) -> Response:
        entry = studio.library.find(request.path_params["id"], *SOURCES)
        picture = _picture(studio, entry, request.path_params["number"], THUMB)
        return Response(status_code=204) if picture is None else picture

    def cover(request: Request) -> Response:
        entry = studio.library.find(request.path_params["id"], *SOURCES)
        tiles = [pixels for pixels in _some(studio, entry) if pixels is not None]
        if not tiles:
            return Response(status_code=204)
        return as_webp(images.grid(np.stack(tiles), TILES, gap=6), 80, forever=False)

    def grid(request: Request) -> Response:
        for seen, path in studio.library.run(request.path_params["id"]).sample_grids():
            if seen == request.path_params["images"]:
                return as_webp(images.read(path), 92)
        raise UnknownError("This run keeps no grid of that moment.")

    return [
        Route("/picture/{id}/{number:int}", _in_thread(look)),
        Route("/picture/{id}/cover", _in_thread(cover)),
        Route("/picture/{id}/grid/{images:int}", _in_thread(grid)),
    ]


def _in_thread(look: Callable[[Request], Response]) -> Callable[[Request], object]:
    async def answer(request: Request) -> Response:
        return await asyncio.to_thread(look, request)

    return answer


def _picture(studio: Studio, entry: Entry, number: int, longest: int) -> Response | None:
    try:
        if entry.kind == PACK:
            pixels = _of_pack(Pack.open(entry.path), [number])
            return as_webp(images.enlarge(pixels, 64)[0], 92, forever=False)
        data = studio.library.loaded(entry, number)
        return as_webp(opened(data, longest), 80, forever=False)
    except (DataError, KindError, UnknownError):
        return None


def _some(studio: Studio, entry: Entry) -> list[Pixels | None]:
    """A few pictures from all of a source, as squares."""
    if entry.kind == PACK:
        pack = Pack.open(entry.path)
        return [square(images.to_pillow(p), COVER) for p in _of_pack(pack, _spread(pack.count))]
    tiles: list[Pixels | None] = []
    for number in _spread(len(studio.library.files(entry))):
        try:
            tiles.append(square(opened(studio.library.loaded(entry, number), 2 * COVER), COVER))
        except (DataError, KindError):
            tiles.append(None)
    return tiles


def _spread(count: int) -> list[int]:
    """A few numbers below ``count``, evenly spread."""
    return sorted({(2 * at + 1) * count // (2 * TILES) for at in range(TILES)} if count else set())


def _of_pack(pack: Pack, numbers: list[int]) -> Pixels:
    if not all(0 <= number < pack.count for number in numbers):
        raise UnknownError("There is no picture of this number.")
    return pack.shards.take(np.array(numbers, np.int64))
