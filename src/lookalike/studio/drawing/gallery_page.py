"""Gallery: everything that was made, kept or rejected, and given away."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
from lookalike.sizes import shape_of
from lookalike.studio.drawing.drawing import DrawingRoom, about_run, nearest_of
from lookalike.studio.drawing.gallery import MADE, GalleryPicture, texts_of
from lookalike.studio.errors import RequestError, UnknownError
from lookalike.studio.jobs import job_words
from lookalike.studio.library import RUN, Entry, id_of
from lookalike.studio.messages import all_for_page
from lookalike.studio.pictures import MOST_PICTURE_BYTES, as_webp, on_checks
from lookalike.studio.requests import LONGEST_TEXT, answer, field, fields, listed, octets
from lookalike.studio.uploads import free_path

MOST_MADE, MOST_KEPT, MOST_IDS = 200, 2_000, 20_000
TOGETHER = 8
"""Pictures that are kept in one turn of the worker."""
SMALL, LARGE = 128, 1024


def routes(room: DrawingRoom) -> list[Route]:
    """``/api/gallery`` and ``/picture/gallery``."""
    page, base = _GalleryPage(room), "/api/gallery"
    return [
        Route(base, page.listed),
        Route("/picture/gallery/{id}/{kind}", page.picture),
        Route(f"{base}/keep", page.keep, methods=["POST"]),
        Route(f"{base}/keep-many", page.keep_many, methods=["POST"]),
        Route(f"{base}/make", page.make, methods=["POST"]),
        Route(f"{base}/mark", page.mark, methods=["POST"]),
        Route(f"{base}/delete", page.delete, methods=["POST"]),
        Route(f"{base}/nearest/{{id}}", page.nearest),
        Route(f"{base}/save", page.save, methods=["POST"]),
        Route(f"{base}/add", page.add, methods=["POST"]),
        Route("/api/draw/gallery/zip", page.zipped, methods=["POST"]),
        Route("/api/draw/gallery/inspect", page.inspect, methods=["PUT"]),
        Route("/api/explore/{id}/without", page.without, methods=["POST"]),
    ]


class _GalleryPage:
    """The answers of this page; those that draw wait for the worker, others for the disk alone."""

    def __init__(self, room: DrawingRoom) -> None:
        self.room = room
        self.gallery = room.gallery
        self.worker = room.studio.worker

    def _run(self, given: dict[str, Any]) -> Entry:
        return self.room.studio.library.find(given.get("run"), RUN)

    # ---- what there is ----------------------------------------------------------------------

    def listed(self, request: Request) -> Response:
        """Every picture with its mark, and how far adding to a set is."""
        marks = self.gallery.marks()
        found = [{**asdict(one), "mark": marks.get(one.id, "")} for one in self.gallery.all()]
        job = next((one for one in self.room.studio.jobs.all() if one.verb == "expand"), None)
        return answer({"pictures": found, "adding": job_words(job)})

    def picture(self, request: Request) -> Response:
        """One picture, small, large or as its file."""
        kind = request.path_params["kind"]
        if kind not in ("small", "large", "file"):
            raise UnknownError("There is nothing at this address.")
        found = self.gallery.get(request.path_params["id"])
        file = self.gallery.file(found)
        if kind == "file":
            return _download(file.read_bytes(), f"{found.id}.png", "image/png")
        return _shown(file, SMALL if kind == "small" else LARGE)

    async def nearest(self, request: Request) -> Response:
        """The nearest training picture of one."""
        found = self.gallery.get(request.path_params["id"])
        return answer(await self.worker.run(lambda: _nearest(self.room, found)))

    async def inspect(self, request: Request) -> Response:
        """What a PNG of ours says of itself."""
        data = await octets(request, MOST_PICTURE_BYTES)
        return answer(await asyncio.to_thread(lambda: _recalled(self.room, texts_of(data))))

    # ---- making -----------------------------------------------------------------------------

    async def keep(self, request: Request) -> Response:
        """Keep one picture."""
        given = await fields(request)
        start, moves = start_of(given.get("start")), moves_of(given.get("moves", []))

        def work() -> str:
            (id_,) = _keep(self.room, self._run(given), [start], moves)
            self.gallery.mark([id_], "keep")
            return id_

        return answer({"id": await self.worker.run(work)})

    async def keep_many(self, request: Request) -> Response:
        """Keep many, a few in each turn, so that others are not held up."""
        given = await fields(request)
        starts = sorted(map(start_of, listed(given, "starts", MOST_KEPT)), key=_by_block)
        entry = await asyncio.to_thread(self._run, given)
        kept: list[str] = []
        try:
            for first in range(0, len(starts), TOGETHER):
                some = starts[first : first + TOGETHER]
                kept += await self.worker.run(partial(_keep, self.room, entry, some))
        finally:
            await asyncio.to_thread(self.gallery.mark, kept, "keep")
        return answer({"count": len(kept)})

    async def make(self, request: Request) -> Response:
        """Make new pictures."""
        given = await fields(request)
        count, seed = field(given, "count", int, 48), field(given, "seed", int, 0)
        label = field(given, "label", str, "")
        if not 1 <= count <= MOST_MADE:
            raise RequestError(f"1 to {MOST_MADE} pictures are made at once.")
        work = partial(_make, self.room, count=count, seed=seed, label=label)
        return answer(await self.worker.run(lambda: work(self._run(given))))

    # ---- keeping, rejecting, giving away ----------------------------------------------------

    async def mark(self, request: Request) -> Response:
        """Keep, reject, or neither."""
        given = await fields(request)
        ids, wanted = listed(given, "ids", MOST_IDS), field(given, "mark", str, "")
        await asyncio.to_thread(self.gallery.mark, ids, wanted)
        return answer({"count": len(ids)})

    async def delete(self, request: Request) -> Response:
        """Delete pictures for good."""
        ids = listed(await fields(request), "ids", MOST_IDS)
        return answer({"count": await asyncio.to_thread(self.gallery.delete, ids)})

    async def save(self, request: Request) -> Response:
        """Copy pictures to a folder beside those of the person."""
        given = await fields(request)
        ids = listed(given, "ids", MOST_IDS)
        name = folder_name(field(given, "name", str).strip())
        if not name.strip("._ "):
            raise DataError("The folder needs a name.")

        def work() -> dict[str, Any]:
            to = free_path(self.room.studio.library.root / name)
            chosen = self.gallery.some(ids)
            self.gallery.write(chosen, to, classes=field(given, "classes", bool, True))
            return {"name": to.name, "count": len(chosen)}

        return answer(await asyncio.to_thread(work))

    async def zipped(self, request: Request) -> Response:
        """The same as a zip."""
        ids = listed(await fields(request), "ids", MOST_IDS)
        data = await asyncio.to_thread(lambda: self.gallery.zipped(self.gallery.some(ids)))
        return _download(data, "pictures.zip", "application/zip")

    async def add(self, request: Request) -> Response:
        """Begin to add pictures to the set of their run."""
        given = await fields(request)
        ids, name = listed(given, "ids", MOST_IDS), field(given, "name", str, "").strip()
        return answer(await self.worker.run(lambda: _add(self.room, ids, name)))

    async def without(self, request: Request) -> Response:
        """A new pack without some of the training pictures."""
        id_, rows = request.path_params["id"], field(await fields(request), "rows", list)

        def work() -> dict[str, Any]:
            pack = self.room.explorers.open(id_).pack
            if pack is None or not all(isinstance(row, int) for row in rows):
                raise DataError("The run's pack is not there any more.")
            packs = self.room.studio.library.root / "packs"
            to = free_path(packs / f"{folder_name(pack.name)}-fewer")
            made = without_rows(pack, to, np.array(rows, np.int64))
            return {"id": id_of(to), "name": f"packs/{to.name}", "count": made.count}

        return answer(await self.worker.run(work))


# ---- making ---------------------------------------------------------------------------------


def _keep(
    room: DrawingRoom, entry: Entry, starts: Sequence[Start], moves: Sequence[Move] = ()
) -> list[str]:
    """Draw pictures and put them in; a place or a path is kept as the numbers that it was."""
    explorer = room.explorers.open(entry.id)
    drawn = [_drawn(explorer, start, moves) for start in starts]
    near = nearest_of(explorer, np.stack([one.pixels for one in drawn]))
    about = {**about_run(explorer, entry), "moves": [move.as_json() for move in moves]}
    return [
        room.gallery.add(
            one.pixels, **about, label=one.label, start=one.start.as_json(), nearest=nearest
        ).id
        for one, nearest in zip(drawn, near, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A picture with its class and with what brings it back."""

    pixels: Pixels
    label: str
    start: Start


def _by_block(start: Start) -> tuple[int, int]:
    """Pictures of one seed beside each other: a whole block of them is drawn at once."""
    return (start.seed, start.index) if isinstance(start, SeedStart) else (-1, 0)


def _drawn(explorer: Explorer, start: Start, moves: Sequence[Move]) -> _Drawn:
    if isinstance(start, SeedStart) and not moves:
        pixels = explorer.generated(start.seed, start.index, start.label)
        return _Drawn(pixels, _kind(explorer, start.label, _labels(explorer, start)), start)
    before = explorer.point(start)
    point = explorer.moved(before, moves)
    pixels = explorer.pixels(point)
    if isinstance(start, SeedStart):
        return _Drawn(pixels, _kind(explorer, start.label, point.labels), start)
    return _Drawn(pixels, _kind(explorer, None, point.labels), NumbersStart.of(before))


def _make(room: DrawingRoom, entry: Entry, count: int, seed: int, label: str) -> dict[str, Any]:
    """New pictures as 'generate' makes them, copies of training pictures left out."""
    explorer = room.explorers.open(entry.id)
    with tempfile.TemporaryDirectory() as place:
        made = api.generate(entry.path, place, count=count, seed=seed, label=label or None)
        assert made.folder is not None, "one was named"
        files = sorted(made.folder.glob("[0-9]*.png"))
        pictures = [images.read(file, explorer.drawing.channels) for file in files]
    near = nearest_of(explorer, np.stack(pictures)) if pictures else []
    for file, pixels, nearest in zip(files, pictures, near, strict=True):
        start = SeedStart(seed, int(file.stem), label or None)
        room.gallery.add(
            pixels,
            **about_run(explorer, entry),
            label=_kind(explorer, label, _labels(explorer, start)),
            start=start.as_json(),
            nearest=nearest,
        )
    return {"count": made.count, "copies": made.copies, "notes": all_for_page(made.notes)}


def _kind(explorer: Explorer, label: str | None, labels: Tensor | None) -> str:
    """What was asked for, as a person says it, or else the class of a label row."""
    if label:
        return label.removeprefix("class=")
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
        picture = on_checks(opened)
    if max(picture.size) > most:
        picture.thumbnail((most, most))
    return as_webp(images.enlarge(np.asarray(picture)[None], SMALL)[0], 90, forever=True)


def _download(data: bytes, name: str, kind: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(data, media_type=kind, headers=headers)


def _nearest(room: DrawingRoom, found: GalleryPicture) -> dict[str, Any]:
    """The nearest training picture of a picture of the gallery, as far as its run is there."""
    explorer = room.explorers.open(found.run)
    size, channels = explorer.drawing.size, explorer.drawing.channels
    with Image.open(room.gallery.file(found)) as opened:
        mode = "RGBA" if channels == 4 else "RGB"
        pixels = images.from_pillow(opened.convert(mode).resize(shape_of(size)[::-1]), channels)
    return {"nearest": nearest_of(explorer, pixels[None])[0]}


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
    except (ValueError, RecursionError):
        return {}
    return made if isinstance(made, dict) else {}


def _address(texts: dict[str, str]) -> dict[str, Any] | None:
    """Seed, index and label of a picture that 'generate' wrote."""
    numbers = [texts.get(f"lookalike:{key}", "") for key in ("seed", "index")]
    if not all(text.isdigit() for text in numbers):
        return None
    seed, index = map(int, numbers)
    return SeedStart(seed, index, texts.get("lookalike:label")).as_json()


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
    job = room.studio.jobs.begin("expand", arguments, about=entry.id, title=title, scratch=place)
    return {**(job_words(job) or {}), "to": f"packs/{to.name}"}
