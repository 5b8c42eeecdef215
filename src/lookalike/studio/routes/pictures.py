"""Pictures by id: of folders and zips, of packs, and the grids of runs."""

from __future__ import annotations

import contextlib

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
AGAIN = {"Cache-Control": "private, no-cache"}
"""It is kept, and asked for each time whether it is still the same."""


def routes(studio: Studio) -> list[Route]:
    """``/picture/<id>/<number>`` of a source, its ``cover``, and ``grid/<images>`` of a run."""
    page = _Pictures(studio)
    return [
        Route("/picture/{id}/{number:int}", page.picture),
        Route("/picture/{id}/cover", page.cover),
        Route("/picture/{id}/grid/{images:int}", page.grid),
    ]


class _Pictures:
    """The answers; what cannot be read is answered with nothing (204), and shown as such."""

    def __init__(self, studio: Studio) -> None:
        self.library = studio.library

    def picture(self, request: Request) -> Response:
        """One picture of a source."""
        entry, number = self._source(request), request.path_params["number"]
        try:
            if entry.kind == PACK:
                pixels = _of_pack(self.library.pack(entry), [number])
                return as_webp(images.enlarge(pixels, 64)[0], 92)
            return as_webp(opened(self.library.loaded(entry, number), THUMB), 80)
        except (DataError, KindError, UnknownError):
            return Response(status_code=204)

    def cover(self, request: Request) -> Response:
        """A few pictures from all of a source, beside each other."""
        tiles = self._tiles(self._source(request))
        if not tiles:
            return Response(status_code=204)
        return as_webp(images.grid(np.stack(tiles), TILES, gap=6), 80)

    def grid(self, request: Request) -> Response:
        """Samples of a run; asked for anew, since another run may come to lie at its place."""
        for seen, path in self.library.run(request.path_params["id"]).sample_grids():
            if seen == request.path_params["images"]:
                state = path.stat()
                headers = {**AGAIN, "ETag": f'"{state.st_mtime_ns}-{state.st_size}"'}
                if request.headers.get("if-none-match") == headers["ETag"]:
                    return Response(status_code=304, headers=headers)
                answer = as_webp(images.read(path), 92)
                answer.headers.update(headers)
                return answer
        raise UnknownError("This run keeps no grid of that moment.")

    def _source(self, request: Request) -> Entry:
        return self.library.find(request.path_params["id"], *SOURCES)

    def _tiles(self, entry: Entry) -> list[Pixels]:
        """A few pictures as squares."""
        if entry.kind == PACK:
            pack = self.library.pack(entry)
            return [square(images.to_pillow(p), COVER) for p in _of_pack(pack, _spread(pack.count))]
        tiles = []
        for number in _spread(len(self.library.files(entry))):
            with contextlib.suppress(DataError, KindError):
                tiles.append(square(opened(self.library.loaded(entry, number), 2 * COVER), COVER))
        return tiles


def _spread(count: int) -> list[int]:
    """A few numbers below ``count``, evenly spread."""
    return sorted({(2 * at + 1) * count // (2 * TILES) for at in range(TILES)} if count else set())


def _of_pack(pack: Pack, numbers: list[int]) -> Pixels:
    if not all(0 <= number < pack.count for number in numbers):
        raise UnknownError("There is no picture of this number.")
    return pack.shards.take(np.array(numbers, np.int64))
