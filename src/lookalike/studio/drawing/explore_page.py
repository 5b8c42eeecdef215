"""Explore: the map, seeds, sliders, the way between two pictures, the nearest training picture."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lookalike import images
from lookalike.editing.explore.explorer import Explorer, moves_of
from lookalike.editing.explore.picture_map import COLUMNS, SHEET, TILE, MapPlan
from lookalike.editing.explore.starts import start_of
from lookalike.engine.load import label_vector
from lookalike.images import Pixels
from lookalike.metrics.distances.intervals import share_interval
from lookalike.seeds import array_generator
from lookalike.studio.drawing.drawing import DrawingRoom, nearest_of, shown
from lookalike.studio.drawing.explorers import MapWork
from lookalike.studio.errors import UnknownError
from lookalike.studio.jobs import Job, job_words
from lookalike.studio.pictures import as_webp
from lookalike.studio.requests import LONGEST_TEXT, answer, field, fields, listed

PLAN = MapPlan()
"""How many pictures a map shows."""

SIDE = 512
"""A drawn picture is shown by so many pixels a side at least."""
MOST_STARTS = 64
MOST_SEEDS = 60
SOME = 48
LEARNING = "directions", "teach"
"""Verbs after which a run has other sliders."""


def routes(room: DrawingRoom) -> list[Route]:
    """``/api/explore/<run>``, ``/api/draw/explore/<run>`` and ``/picture/explore/<run>``."""
    page = _Explore(room)
    base, drawing, pictures = (f"{at}/explore/{{id}}" for at in ("/api", "/api/draw", "/picture"))
    return [
        Route(base, page.about),
        Route(f"{base}/learn", page.learn, methods=["POST"]),
        Route(f"{base}/learning", page.learning),
        Route(f"{base}/map", page.map),
        Route(f"{base}/some/{{seed:int}}/{{first:int}}", page.some),
        Route(f"{pictures}/sheet/{{number:int}}", page.sheet),
        Route(f"{pictures}/real/{{row:int}}", page.real),
        Route(f"{pictures}/seeds/{{seed:int}}/{{first:int}}/{{count:int}}", page.seeds),
        Route(drawing, page.draw, methods=["POST"]),
        Route(f"{drawing}/strip", page.strip, methods=["POST"]),
    ]


class _Explore:
    """The answers of this page; those that draw wait for the worker."""

    def __init__(self, room: DrawingRoom) -> None:
        self.room = room
        self.open = room.explorers.open
        self.worker = room.studio.worker

    # ---- the run ----------------------------------------------------------------------------

    async def about(self, request: Request) -> Response:
        """What the page has to know of a run to draw from it, and how far learning is."""
        entry = await asyncio.to_thread(self.room.run_at, request)
        known = await self.worker.run(lambda: facts(self.open(entry.id)))
        job = await asyncio.to_thread(self._learning, entry.id)
        return answer({"id": entry.id, "name": entry.name, **known, "learning": job_words(job)})

    def learn(self, request: Request) -> Response:
        """Begin to learn what can be changed, unless that is under way."""
        entry = self.room.run_at(request)
        title = f"learning what can be changed with {entry.name}"
        once = self.room.studio.jobs.once
        job = once("directions", {"run": str(entry.path)}, about=entry.id, title=title)
        return answer(job_words(job))

    def learning(self, request: Request) -> Response:
        """A stream of how far that is."""
        id_ = self.room.run_at(request).id
        return self.room.studio.events.watch(lambda: job_words(self._learning(id_)))

    def _learning(self, id_: str) -> Job | None:
        return self.room.studio.jobs.newest(id_, *LEARNING)

    # ---- the map ----------------------------------------------------------------------------

    async def map(self, request: Request) -> Response:
        """The map, or how far it is."""
        return answer(_map(await self.room.explorers.map_of(request.path_params["id"], PLAN)))

    async def sheet(self, request: Request) -> Response:
        """One sheet of its thumbnails."""
        number = request.path_params["number"]
        found = (await self.room.explorers.map_of(request.path_params["id"], PLAN)).map
        if found is None or not 0 <= number < found.sheets:
            raise UnknownError("There is no such sheet of thumbnails yet.")
        return await asyncio.to_thread(lambda: as_webp(found.sheet(number), 84))

    # ---- pictures ---------------------------------------------------------------------------

    async def real(self, request: Request) -> Response:
        """A training picture."""
        id_, row = request.path_params["id"], request.path_params["row"]
        return await self.worker.run(lambda: _real(self.open(id_), row))

    async def some(self, request: Request) -> Response:
        """Rows of some training pictures."""
        id_, seed, first = (request.path_params[name] for name in ("id", "seed", "first"))
        return answer({"rows": await self.worker.run(lambda: _some(self.open(id_), seed, first))})

    async def seeds(self, request: Request) -> Response:
        """Generated pictures in one sheet of six columns."""
        id_ = request.path_params["id"]
        seed, first, count = (request.path_params[name] for name in ("seed", "first", "count"))
        label = request.query_params.get("label", "")[:LONGEST_TEXT] or None
        if not 1 <= count <= MOST_SEEDS:
            raise UnknownError(f"At most {MOST_SEEDS} pictures come at once.")

        def draw() -> Response:
            explorer = self.open(id_)
            wanted = label_vector(explorer.run, explorer.drawing, label)
            return _sheet(explorer.sampler.pictures(seed, first, count, wanted), 128, 6)

        return await self.worker.run(draw)

    async def draw(self, request: Request) -> Response:
        """A picture under sliders, and its nearest training picture if that is asked for."""
        id_, given = request.path_params["id"], await fields(request)
        start, moves = start_of(given.get("start")), moves_of(given.get("moves", []))
        near = field(given, "nearest", bool, False)

        def work() -> Response:
            explorer = self.open(id_)
            pixels = explorer.picture(start, moves)
            nearest = nearest_of(explorer, pixels[None])[0] if near else {}
            return shown(pixels, SIDE, {"nearest": nearest} if nearest else {})

        return await self.worker.latest(f"explore/{field(given, 'client', str, '')}", work)

    async def strip(self, request: Request) -> Response:
        """Several pictures beside each other."""
        id_, given = request.path_params["id"], await fields(request)
        starts = [start_of(one) for one in listed(given, "starts", MOST_STARTS)]
        moves = moves_of(given.get("moves", []))
        if not starts:
            raise UnknownError("Nothing was asked for.")

        def work() -> Response:
            explorer = self.open(id_)
            pixels = np.stack([explorer.picture(start, moves) for start in starts])
            return _sheet(pixels, 96, len(starts) if len(starts) <= 12 else 8)

        return await self.worker.latest(f"strip/{field(given, 'client', str, '')}", work)


def facts(explorer: Explorer) -> dict[str, Any]:
    """What the page has to know of a run to draw from it."""
    pack, editor = explorer.pack, explorer.editor
    columns = explorer.run.env().get("data", {}).get("columns", [])
    return {
        "size": explorer.drawing.size,
        "recipe": explorer.drawing.name,
        "images_seen": explorer.images_seen,
        "note": explorer.note,
        "pack": pack is not None,
        "train": len(pack.train) if pack else 0,
        "classes": list(pack.classes) if pack else [],
        "labels": list(columns) if explorer.drawing.labels else [],
        "reads": explorer.generator.reads,
        "learned": editor is not None,
        "sliders": sliders(explorer),
    }


def sliders(explorer: Explorer) -> list[dict[str, Any]]:
    """Everything that can be moved: attributes with measured success, taught ones, axes."""
    editor = explorer.editor
    if editor is None:
        return []
    found: list[dict[str, Any]] = []
    for one in editor.attributes:
        told = editor.measured.get(one.name)
        row = {"name": one.name, "kind": "attribute", "values": list(one.values)}
        found.append({**row, **(_success(told.success, told.count) if told else {})})
    for slider in editor.sliders:
        row = {"name": slider.name, "kind": "taught", "values": list(slider.attribute.values)}
        span = {"low": slider.low, "high": slider.high, "count": slider.count}
        found.append({**row, "success": slider.success, **span})
    for number in range(1, len(editor.axes) + 1):
        name = editor.names.get(number, "")
        found.append({"name": str(number), "kind": "axis", "given": name, "values": []})
    return found


def _success(share: float, count: int) -> dict[str, Any]:
    span = share_interval(share, max(1, count))
    return {"success": share, "low": span.low, "high": span.high, "count": count}


def _some(explorer: Explorer, seed: int, first: int) -> list[int]:
    """Rows of training pictures in a random order, some of them."""
    if explorer.pack is None:
        return []
    split = explorer.pack.train
    order = array_generator(seed, "studio/some").permutation(len(split))
    return [int(row) for row in split.pack_rows(order[first : first + SOME])]


def _sheet(pixels: Pixels, least: int, columns: int) -> Response:
    """Pictures in a sheet, each a square of ``least`` pixels a side at least."""
    return as_webp(images.grid(images.enlarge(images.squared(pixels), least), columns, gap=0))


def _real(explorer: Explorer, row: int) -> Response:
    if explorer.pack is None or not 0 <= row < explorer.pack.count:
        raise UnknownError("There is no such picture.")
    return shown(explorer.real([row])[0], 256)


def _map(work: MapWork) -> dict[str, Any]:
    found = work.map
    if found is None:
        words, done, total = work.progress
        return {"ready": False, "words": words, "share": done / total, "problem": work.problem}
    return {
        "ready": True,
        "tile": TILE,
        "columns": COLUMNS,
        "sheet": SHEET,
        "sheets": found.sheets,
        "places": (found.places.reshape(-1) * 65_535).astype(int).tolist(),
        "kinds": found.kinds.tolist(),
        "rows": found.rows.tolist(),
        "classes": found.classes.tolist(),
        "seed": found.seed,
    }
