"""Explore: the map, seeds, sliders, the way between two pictures, the nearest training picture."""

from __future__ import annotations

import json
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
from lookalike.studio.drawing.drawing import DrawingRoom
from lookalike.studio.drawing.explorers import MapWork
from lookalike.studio.errors import UnknownError
from lookalike.studio.jobs import Job
from lookalike.studio.library import RUN
from lookalike.studio.pictures import as_webp
from lookalike.studio.requests import LONGEST_TEXT, answer, field, fields

PLAN = MapPlan()
"""How many pictures a map shows."""

LEAST_SHOWN = 512
"""A picture is shown by so many pixels at least, so that the browser need not blur it."""
MOST_STARTS = 64
MOST_SEEDS = 60
SOME = 48
TOLD = "X-Lookalike-Told"
"""The header of a drawn picture that says what is known of it, as JSON."""


def routes(room: DrawingRoom) -> list[Route]:
    """``/api/explore/<run>``, ``/api/draw/explore/<run>`` and ``/picture/explore/<run>``."""
    explorers = room.explorers
    worker = room.studio.worker

    async def about(request: Request) -> Response:
        id_ = request.path_params["id"]
        entry = room.studio.library.find(id_, RUN)
        known = await worker.run(lambda: facts(explorers.open(id_)))
        job = room.studio.jobs.newest(id_, "directions", "teach")
        return answer({"id": id_, "name": entry.name, **known, "learning": job_words(job)})

    async def learn(request: Request) -> Response:
        entry = room.studio.library.find(request.path_params["id"], RUN)
        title = f"learning what can be changed with {entry.name}"
        arguments = {"run": str(entry.path)}
        job = room.studio.jobs.begin("directions", arguments, about=entry.id, title=title)
        return answer(job_words(job))

    async def learning(request: Request) -> Response:
        id_ = room.studio.library.find(request.path_params["id"], RUN).id
        verbs = "directions", "teach"
        return room.studio.events.watch(lambda: job_words(room.studio.jobs.newest(id_, *verbs)))

    async def picture_map(request: Request) -> Response:
        work = await explorers.map_of(request.path_params["id"], PLAN)
        return answer(_map(work))

    async def sheet(request: Request) -> Response:
        number = request.path_params["number"]
        work = await explorers.map_of(request.path_params["id"], PLAN)
        if work.map is None or not 0 <= number < work.map.sheets:
            raise UnknownError("There is no such sheet of thumbnails yet.")
        found = work.map
        return await worker.run(lambda: as_webp(found.sheet(number), 84, forever=False))

    async def real(request: Request) -> Response:
        id_, row = request.path_params["id"], request.path_params["row"]
        return await worker.run(lambda: _real(explorers.open(id_), row))

    async def some(request: Request) -> Response:
        id_, seed, first = (request.path_params[name] for name in ("id", "seed", "first"))
        return answer({"rows": await worker.run(lambda: _some(explorers.open(id_), seed, first))})

    async def seeds(request: Request) -> Response:
        id_ = request.path_params["id"]
        seed, first, count = (request.path_params[name] for name in ("seed", "first", "count"))
        label = request.query_params.get("label", "")[:LONGEST_TEXT] or None
        if not 1 <= count <= MOST_SEEDS:
            raise UnknownError(f"At most {MOST_SEEDS} pictures come at once.")

        def draw() -> Pixels:
            explorer = explorers.open(id_)
            wanted = label_vector(explorer.run, explorer.drawing, label)
            return explorer.sampler.pictures(seed, first, count, wanted)

        pixels = await worker.run(draw)
        return as_webp(images.grid(images.enlarge(pixels, 128), 6, gap=0), 90, forever=False)

    async def draw(request: Request) -> Response:
        id_, given = request.path_params["id"], await fields(request)
        start, moves = start_of(given.get("start")), moves_of(given.get("moves", []))
        near = field(given, "nearest", bool, False)

        def work() -> Response:
            explorer = explorers.open(id_)
            pixels = explorer.picture(start, moves)
            told = nearest(explorer, pixels) if near else {}
            return drawn(pixels, told)

        return await worker.latest(f"explore/{field(given, 'client', str, '')}", work)

    async def strip(request: Request) -> Response:
        id_, given = request.path_params["id"], await fields(request)
        starts = [start_of(one) for one in field(given, "starts", list)[:MOST_STARTS]]
        moves = moves_of(given.get("moves", []))
        if not starts:
            raise UnknownError("Nothing was asked for.")

        def work() -> Response:
            explorer = explorers.open(id_)
            pixels = np.stack([explorer.picture(start, moves) for start in starts])
            columns = len(starts) if len(starts) <= 12 else 8
            return as_webp(images.grid(images.enlarge(pixels, 96), columns, gap=0), 88)

        return await worker.latest(f"strip/{field(given, 'client', str, '')}", work)

    base, shown, drawing = "/api/explore/{id}", "/picture/explore/{id}", "/api/draw/explore/{id}"
    return [
        Route(base, about),
        Route(f"{base}/learn", learn, methods=["POST"]),
        Route(f"{base}/learning", learning),
        Route(f"{base}/map", picture_map),
        Route(f"{base}/some/{{seed:int}}/{{first:int}}", some),
        Route(f"{shown}/sheet/{{number:int}}", sheet),
        Route(f"{shown}/real/{{row:int}}", real),
        Route(f"{shown}/seeds/{{seed:int}}/{{first:int}}/{{count:int}}", seeds),
        Route(drawing, draw, methods=["POST"]),
        Route(f"{drawing}/strip", strip, methods=["POST"]),
    ]


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
        found.append({**row, **_success(slider.success, slider.count)})
    for number in range(1, len(editor.axes) + 1):
        name = editor.names.get(number, "")
        found.append({"name": str(number), "kind": "axis", "given": name, "values": []})
    return found


def _success(share: float, count: int) -> dict[str, Any]:
    span = share_interval(share, max(1, count))
    return {"success": share, "low": span.low, "high": span.high, "count": count}


def nearest(explorer: Explorer, pixels: Pixels) -> dict[str, Any]:
    """The nearest training picture of a drawn one."""
    near = explorer.nearest(pixels[None])
    return {"nearest": vars(near[0])} if near else {}


def drawn(pixels: Pixels, told: dict[str, Any]) -> Response:
    """A picture for the screen with what is known of it."""
    response = as_webp(images.enlarge(pixels[None], LEAST_SHOWN)[0], 92, forever=False)
    response.headers[TOLD] = json.dumps(told)
    response.headers["Cache-Control"] = "no-store"
    return response


def _some(explorer: Explorer, seed: int, first: int) -> list[int]:
    """Rows of training pictures in a random order, some of them."""
    if explorer.pack is None:
        return []
    split = explorer.pack.train
    order = array_generator(seed, "studio/some").permutation(len(split))
    return [int(row) for row in split.pack_rows(order[first : first + SOME])]


def _real(explorer: Explorer, row: int) -> Response:
    if explorer.pack is None or not 0 <= row < explorer.pack.count:
        raise UnknownError("There is no such picture.")
    return as_webp(images.enlarge(explorer.real([row]), 256)[0], 92, forever=False)


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


def job_words(job: Job | None) -> dict[str, Any] | None:
    """How far some work is, in words."""
    if job is None:
        return None
    work = job.told.get("work", {})
    total = int(work.get("total", 0))
    return {
        "id": job.id,
        "verb": job.verb,
        "title": job.title,
        "state": job.state,
        "alive": job.alive,
        "words": str(work.get("what", "")),
        "share": int(work.get("done", 0)) / total if total else 0.0,
        "message": str(job.told.get("message", "")),
        "result": job.told.get("result"),
    }


__all__ = ["drawn", "facts", "job_words", "nearest", "routes", "sliders"]
