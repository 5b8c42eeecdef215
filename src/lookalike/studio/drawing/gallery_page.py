"""Gallery: everything that was made, kept or rejected, and given away."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from torch import Tensor

from lookalike import api, images
from lookalike.data.pack.atomic_folder import folder_name
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.subset import without_rows
from lookalike.editing.explore.explorer import Explorer, Move, moves_of
from lookalike.editing.explore.starts import NumbersStart, SeedStart, Start, start_of
from lookalike.engine.load import label_vector
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.studio.drawing.drawing import DrawingRoom
from lookalike.studio.drawing.explore_page import job_words
from lookalike.studio.drawing.gallery import MADE, GalleryPicture, texts_of
from lookalike.studio.errors import RequestError, UnknownError
from lookalike.studio.library import RUN, Entry, id_of
from lookalike.studio.pictures import MOST_PICTURE_BYTES, as_webp
from lookalike.studio.requests import LONGEST_TEXT, answer, field, fields, octets
from lookalike.studio.uploads import free_path

MOST_MADE, MOST_KEPT, MOST_IDS = 200, 2_000, 20_000
SMALL, LARGE = 128, 1024


def routes(room: DrawingRoom) -> list[Route]:
    """``/api/gallery`` and ``/picture/gallery``."""
    gallery, explorers, worker = room.gallery, room.explorers, room.studio.worker

    async def listed(request: Request) -> Response:
        def rows() -> dict[str, Any]:
            marks = gallery.marks()
            found = [{**asdict(one), "mark": marks.get(one.id, "")} for one in gallery.all()]
            return {"pictures": found}

        job = next((one for one in room.studio.jobs.all() if one.verb == "expand"), None)
        return answer({**await worker.run(rows), "adding": job_words(job)})

    async def picture(request: Request) -> Response:
        id_, kind = request.path_params["id"], request.path_params["kind"]

        def show() -> Response:
            found = gallery.get(id_)
            if kind == "file":
                return _download(gallery.file(found).read_bytes(), f"{found.id}.png", "image/png")
            return _shown(gallery.file(found), SMALL if kind == "small" else LARGE)

        if kind not in ("small", "large", "file"):
            raise UnknownError("There is nothing at this address.")
        return await worker.run(show)

    async def keep(request: Request) -> Response:
        given = await fields(request)
        entry = room.studio.library.find(given.get("run"), RUN)
        start, moves = start_of(given.get("start")), moves_of(given.get("moves", []))

        def work() -> GalleryPicture:
            return _keep(room, explorers.open(entry.id), entry, start, moves)

        return answer({"id": (await worker.run(work)).id})

    async def keep_many(request: Request) -> Response:
        given = await fields(request)
        entry = room.studio.library.find(given.get("run"), RUN)
        starts = [start_of(one) for one in field(given, "starts", list)[:MOST_KEPT]]
        for start in starts:
            await worker.run(partial(_keep_one, room, entry, start))
        return answer({"count": len(starts)})

    async def make(request: Request) -> Response:
        given = await fields(request)
        entry = room.studio.library.find(given.get("run"), RUN)
        count, seed = field(given, "count", int, 48), field(given, "seed", int, 0)
        label = field(given, "label", str, "")
        if not 1 <= count <= MOST_MADE:
            raise RequestError(f"1 to {MOST_MADE} pictures are made at once.")
        return answer(await worker.run(lambda: _make(room, entry, count, seed, label)))

    async def mark(request: Request) -> Response:
        given = await fields(request)
        ids, wanted = field(given, "ids", list)[:MOST_IDS], field(given, "mark", str, "")
        await worker.run(lambda: gallery.mark(ids, wanted))
        return answer({"count": len(ids)})

    async def delete(request: Request) -> Response:
        ids = field(await fields(request), "ids", list)[:MOST_IDS]
        return answer({"count": await worker.run(lambda: gallery.delete(ids))})

    async def nearest(request: Request) -> Response:
        id_ = request.path_params["id"]
        return answer(await worker.run(lambda: _nearest(room, gallery.get(id_))))

    async def save(request: Request) -> Response:
        given = await fields(request)
        name = folder_name(field(given, "name", str).strip())
        if not name.strip("._ "):
            raise DataError("The folder needs a name.")
        to = free_path(room.studio.library.root / name)

        def work() -> int:
            chosen = gallery.some(field(given, "ids", list)[:MOST_IDS])
            gallery.write(chosen, to, classes=field(given, "classes", bool, True))
            return len(chosen)

        return answer({"name": to.name, "count": await worker.run(work)})

    async def zipped(request: Request) -> Response:
        ids = field(await fields(request), "ids", list)[:MOST_IDS]
        data = await worker.run(lambda: gallery.zipped(gallery.some(ids)))
        return _download(data, "pictures.zip", "application/zip")

    async def inspect(request: Request) -> Response:
        texts = texts_of(await octets(request, MOST_PICTURE_BYTES))
        return answer(_recalled(room, texts))

    async def add(request: Request) -> Response:
        given = await fields(request)
        ids, name = field(given, "ids", list)[:MOST_IDS], field(given, "name", str, "").strip()
        return answer(await worker.run(lambda: _add(room, ids, name)))

    async def without(request: Request) -> Response:
        id_, given = request.path_params["id"], await fields(request)
        rows = field(given, "rows", list)

        def work() -> dict[str, Any]:
            pack = explorers.open(id_).pack
            if pack is None or not all(isinstance(row, int) for row in rows):
                raise DataError("The run's pack is not there any more.")
            to = free_path(room.studio.library.root / "packs" / f"{folder_name(pack.name)}-fewer")
            made = without_rows(pack, to, np.array(rows, np.int64))
            return {"id": id_of(to), "name": f"packs/{to.name}", "count": made.count}

        return answer(await worker.run(work))

    base = "/api/gallery"
    return [
        Route(base, listed),
        Route("/picture/gallery/{id}/{kind}", picture),
        Route(f"{base}/keep", keep, methods=["POST"]),
        Route(f"{base}/keep-many", keep_many, methods=["POST"]),
        Route(f"{base}/make", make, methods=["POST"]),
        Route(f"{base}/mark", mark, methods=["POST"]),
        Route(f"{base}/delete", delete, methods=["POST"]),
        Route(f"{base}/nearest/{{id}}", nearest),
        Route(f"{base}/save", save, methods=["POST"]),
        Route(f"{base}/add", add, methods=["POST"]),
        Route("/api/draw/gallery/zip", zipped, methods=["POST"]),
        Route("/api/draw/gallery/inspect", inspect, methods=["PUT"]),
        Route("/api/explore/{id}/without", without, methods=["POST"]),
    ]


# ---- making ---------------------------------------------------------------------------------


def _keep_one(room: DrawingRoom, entry: Entry, start: Start) -> None:
    _keep(room, room.explorers.open(entry.id), entry, start, ())


def _keep(
    room: DrawingRoom, explorer: Explorer, entry: Entry, start: Start, moves: Sequence[Move]
) -> GalleryPicture:
    """Draw a picture and put it in; a place or a path is kept as the numbers that it was."""
    point = explorer.moved(explorer.point(start), moves)
    pixels = explorer.pixels(point)
    plain = isinstance(start, SeedStart) and not moves
    if isinstance(start, SeedStart) and plain:
        wanted = label_vector(explorer.run, explorer.drawing, start.label)
        pixels = explorer.sampler.pictures(start.seed, start.index, 1, wanted)[0]
    kept = start if isinstance(start, SeedStart) else NumbersStart.of(explorer.point(start))
    label = start.label if isinstance(start, SeedStart) else None
    return room.gallery.add(
        pixels,
        "keep",
        **_of(explorer, entry),
        label=_class(label) or _told_class(explorer, point.labels),
        start=kept.as_json(),
        moves=[move.as_json() for move in moves],
        nearest=_near(explorer, pixels),
    )


def _make(room: DrawingRoom, entry: Entry, count: int, seed: int, label: str) -> dict[str, Any]:
    """New pictures as 'generate' makes them, copies of training pictures left out."""
    explorer = room.explorers.open(entry.id)
    with tempfile.TemporaryDirectory() as place:
        made = api.generate(entry.path, place, count=count, seed=seed, label=label or None)
        assert made.folder is not None, "one was named"
        for file in sorted(made.folder.glob("[0-9]*.png")):
            start = SeedStart(seed, int(file.stem), label or None)
            pixels = images.read(file, explorer.drawing.channels)
            labels = _labels(explorer, start)
            room.gallery.add(
                pixels,
                **_of(explorer, entry),
                label=_class(label) or _told_class(explorer, labels),
                start=start.as_json(),
                nearest=_near(explorer, pixels),
            )
    return {"count": made.count, "copies": made.copies, "notes": made.notes}


def _of(explorer: Explorer, entry: Entry) -> dict[str, Any]:
    return {
        "run": entry.id,
        "run_name": entry.name,
        "recipe": explorer.drawing.name,
        "images_seen": explorer.images_seen,
    }


def _near(explorer: Explorer, pixels: Pixels) -> dict[str, Any]:
    near = explorer.nearest(pixels[None])
    return vars(near[0]) if near else {}


def _class(label: str | None) -> str:
    """The class or attributes that were asked for, as a person says it."""
    return (label or "").removeprefix("class=")


def _told_class(explorer: Explorer, labels: Tensor | None) -> str:
    """The class of a label row, where there are classes."""
    pack = explorer.pack
    if labels is None or pack is None or len(pack.classes) < 2:
        return ""
    own = labels[0, : len(pack.classes)]
    return str(pack.classes[int(own.argmax())]) if float(own.max()) > 0 else ""


def _labels(explorer: Explorer, start: SeedStart) -> Tensor | None:
    """The labels of a generated picture, where the run knows any."""
    wanted = label_vector(explorer.run, explorer.drawing, start.label)
    return explorer.sampler.draw(start.seed, start.index, 1, wanted)[1]


# ---- showing and giving away ----------------------------------------------------------------


def _shown(file: Path, most: int) -> Response:
    with Image.open(file) as opened:
        picture = opened.convert("RGB")
    if max(picture.size) > most:
        picture.thumbnail((most, most))
    return as_webp(images.enlarge(np.asarray(picture)[None], SMALL)[0], 90)


def _download(data: bytes, name: str, kind: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(data, media_type=kind, headers=headers)


def _nearest(room: DrawingRoom, found: GalleryPicture) -> dict[str, Any]:
    """The nearest training picture of a picture of the gallery, as far as its run is there."""
    explorer = room.explorers.open(found.run)
    size, channels = explorer.drawing.size, explorer.drawing.channels
    with Image.open(room.gallery.file(found)) as opened:
        pixels = images.from_pillow(opened.convert("RGB").resize((size, size)), channels)
    return {"nearest": _near(explorer, pixels)}


def _recalled(room: DrawingRoom, texts: dict[str, str]) -> dict[str, Any]:
    """What a PNG of ours says: its rows in words, and what brings it back."""
    if not texts:
        raise DataError(
            "This picture says nothing of how it was made: it is none of ours, or a program that "
            "it went through has removed its texts."
        )
    made = _made(texts)
    name = str(made.get("run_name") or texts.get("lookalike:run", ""))
    runs = room.studio.library.entries(RUN)
    by_id = [one for one in runs if one.id == made.get("run")]
    by_name = [one for one in runs if name in (one.name, one.path.name)]
    run = next(iter([*by_id, *by_name]), None)
    start = made.get("start") or _address(texts)
    rows = {
        key.removeprefix("lookalike:"): text[:LONGEST_TEXT]
        for key, text in texts.items()
        if key != MADE
    }
    return {
        "rows": rows,
        "run": run.id if run else None,
        "run_name": name,
        "start": start,
        "moves": made.get("moves") or [],
        "edit": made.get("edit"),
    }


def _made(texts: dict[str, str]) -> dict[str, Any]:
    try:
        made = json.loads(texts.get(MADE, "{}"))
    except ValueError:
        return {}
    return made if isinstance(made, dict) else {}


def _address(texts: dict[str, str]) -> dict[str, Any] | None:
    """Seed and index of a picture that 'generate' wrote."""
    numbers = [texts.get(f"lookalike:{key}", "") for key in ("seed", "index")]
    if not all(text.isdigit() for text in numbers):
        return None
    return {"seed": int(numbers[0]), "index": int(numbers[1])}


def _add(room: DrawingRoom, ids: list[Any], name: str) -> Any:
    """Begin to add pictures to the set of their run, through the checks of 'expand'."""
    chosen = room.gallery.some(ids)
    if not chosen:
        raise DataError("Nothing was chosen.")
    if len({one.run for one in chosen}) > 1:
        raise DataError("These pictures come from several runs. Choose those of one of them.")
    entry = room.studio.library.find(chosen[0].run, RUN)
    pack: Pack | None = room.explorers.open(entry.id).pack
    if pack is None:
        raise DataError("The pack of this run is not there any more, so nothing can be added.")
    place = free_path(room.studio.library.home / "added" / "pictures")
    place.parent.mkdir(parents=True, exist_ok=True)
    room.gallery.write(chosen, place, classes=True)
    to = free_path(room.studio.library.root / "packs" / folder_name(name or f"{pack.name}-more"))
    arguments = {
        "pack": str(pack.path),
        "to": str(to),
        "pictures": str(place),
        "run": str(entry.path),
        "form": "pack",
    }
    title = f"adding {len(chosen)} pictures to {pack.name}"
    job = room.studio.jobs.begin("expand", arguments, about=entry.id, title=title)
    return {**(job_words(job) or {}), "to": f"packs/{to.name}"}
