"""Edit: a photo or a generated picture under sliders, a brush; and a slider that is taught."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lookalike import images
from lookalike.data.decode.photos import encode_photo
from lookalike.editing.explore.explorer import Explorer, Move, moves_of
from lookalike.editing.explore.session import PhotoChange, PhotoSession
from lookalike.editing.explore.starts import NumbersStart, Start, start_of
from lookalike.editing.photos import edit_text
from lookalike.editing.teach import LEAST
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.studio.drawing.drawing import DrawingRoom, about_run, shown
from lookalike.studio.drawing.gallery import MADE
from lookalike.studio.jobs import Job, job_words
from lookalike.studio.pictures import MOST_PICTURE_BYTES
from lookalike.studio.requests import answer, field, fields, listed, octets

SIDE = 256
"""A photo is shown by so many pixels a side at least; small ones with their pixels repeated."""
MOST_MASK = 1 << 19
MOST_TAUGHT = 200


def routes(room: DrawingRoom) -> list[Route]:
    """``/api/draw/edit``, ``/api/edit`` and ``/api/teach``."""
    page, drawing = _Edit(room), "/api/draw/edit/{id}"
    return [
        Route(f"{drawing}/photo", page.bring, methods=["PUT"]),
        Route(f"{drawing}/picture", page.take, methods=["POST"]),
        Route("/api/draw/mask", page.paint, methods=["PUT"]),
        Route(drawing, page.change, methods=["POST"]),
        Route("/picture/edit/{id}/{photo}", page.before),
        Route("/api/edit/{id}/save", page.save, methods=["POST"]),
        Route("/api/teach/{id}", page.teach, methods=["POST"]),
    ]


class _Edit:
    """The answers of this page; those that draw wait for the worker."""

    def __init__(self, room: DrawingRoom) -> None:
        self.room = room
        self.photos = room.photos
        self.worker = room.studio.worker

    # ---- the photo --------------------------------------------------------------------------

    async def bring(self, request: Request) -> Response:
        """A photo of the person, found again in a run."""
        id_ = request.path_params["id"]
        data = await octets(request, MOST_PICTURE_BYTES)
        key, session = await self.worker.run(lambda: self.photos.bring(id_, data))
        return answer(_about(key, session))

    async def take(self, request: Request) -> Response:
        """A generated picture in its place."""
        id_, given = request.path_params["id"], await fields(request)
        start, moves = start_of(given.get("start")), moves_of(given.get("moves", []))
        key, session = await self.worker.run(lambda: self.photos.draw(id_, start, moves))
        return answer(_about(key, session))

    async def before(self, request: Request) -> Response:
        """It as it was."""
        id_, key = request.path_params["id"], request.path_params["photo"]
        work = self.photos.get
        return await self.worker.run(lambda: shown(work(id_, key).preview.pixels, SIDE))

    # ---- changes ----------------------------------------------------------------------------

    async def paint(self, request: Request) -> Response:
        """A mask that was painted."""
        data = await octets(request, MOST_MASK)
        return answer({"mask": await self.worker.run(lambda: self.photos.paint(data))})

    async def change(self, request: Request) -> Response:
        """The photo under sliders, at the size of a screen."""
        id_, given = request.path_params["id"], await fields(request)
        moves, whole = moves_of(given.get("moves", [])), field(given, "whole", bool, False)

        def work() -> Response:
            session = self.photos.get(id_, given.get("photo"))
            mask = self.photos.mask(given.get("mask"))
            found = session.change(session.preview, moves, mask, whole=whole, quick=True)
            return shown(found.pixels, SIDE, _told(found))

        return await self.worker.latest(f"edit/{field(given, 'client', str, '')}", work)

    async def save(self, request: Request) -> Response:
        """It at full size, into the gallery."""
        given = await fields(request)
        entry = await asyncio.to_thread(self.room.run_at, request)
        moves, whole = moves_of(given.get("moves", [])), field(given, "whole", bool, False)
        start = start_of(given["start"]) if given.get("start") else None
        before = moves_of(given.get("start_moves", []))
        name = field(given, "name", str, "")

        def work() -> dict[str, Any]:
            explorer = self.room.explorers.open(entry.id)
            session = self.photos.get(entry.id, given.get("photo"))
            mask = self.photos.mask(given.get("mask"))
            found = session.change(session.photo, moves, mask, whole=whole)
            told = {"whole": whole, "painted": mask is not None, **_told(found)}
            edit = {"photo": name, "photo_sha256": session.photo.digest, **told}
            kept = _begun_with(explorer, start, before)
            about = {
                **about_run(explorer, entry),
                "start": kept.as_json() if kept else None,
                "moves": [move.as_json() for move in moves],
                "edit": edit,
            }
            picture = self.room.gallery.new(*found.pixels.shape[1::-1], **about)
            words = " ".join(f"{one.name}={one.value or f'{one.amount:+g}'}" for one in moves)
            text = {**edit_text(words, edit), MADE: picture.as_text}
            data = encode_photo(session.photo, found.pixels, text)
            self.room.gallery.add_file(data, picture)
            self.room.gallery.mark([picture.id], "keep")
            return {"id": picture.id}

        return answer(await self.worker.run(work))

    # ---- a slider of one's own --------------------------------------------------------------

    async def teach(self, request: Request) -> Response:
        """Begin to learn a slider from pictures that were said yes and no to."""
        given = await fields(request)
        name = field(given, "name", str).strip()
        kinds = {kind: _starts(given, kind) for kind in ("yes", "no")}
        home = self.room.studio.library.home

        def work() -> Job:
            entry = self.room.run_at(request)
            explorer = self.room.explorers.open(entry.id)
            if name in {one.name for one in explorer.learned.attributes}:
                raise DataError(f"There is something called {name!r} already. Choose another name.")
            place = home / "lessons" / secrets.token_hex(8)
            for kind, starts in kinds.items():
                (place / kind).mkdir(parents=True)
                for number, start in enumerate(starts):
                    images.write_png(place / kind / f"{number:03d}.png", _lesson(explorer, start))
            arguments = {"run": str(entry.path), "name": name}
            arguments |= {kind: str(place / kind) for kind in kinds}
            return self.room.studio.jobs.begin(
                "teach", arguments, about=entry.id, title=f"teaching {name}", scratch=place
            )

        return answer(job_words(await self.worker.run(work)))


def _begun_with(explorer: Explorer, start: Start | None, moves: Sequence[Move]) -> Start | None:
    """What brings the picture back that was edited: moved ones as the numbers that they were."""
    if start is None or not moves:
        return start
    return NumbersStart.of(explorer.moved(explorer.point(start), moves))


def _about(key: str, session: PhotoSession) -> dict[str, Any]:
    """What the page has to know of a photo."""
    height, width = session.photo.pixels.shape[:2]
    editor = session.editor
    shows = {one.name: one.values[session.subject.values[one.name]] for one in editor.changeable}
    psnr = session.subject.found.losses.get("psnr")
    return {
        "photo": key,
        "width": width,
        "height": height,
        "shows": shows,
        "psnr": psnr,
        "notes": session.photo.notes,
    }


def _told(found: PhotoChange) -> dict[str, Any]:
    return {
        "sure": {name: round(share, 4) for name, share in found.sure.items()},
        "kept": round(found.kept, 4),
        "changed": round(found.changed, 4),
        "by": found.by,
    }


def _starts(given: dict[str, Any], kind: str) -> list[Start]:
    starts = [start_of(one) for one in listed(given, kind, MOST_TAUGHT)]
    if len(starts) < LEAST:
        raise DataError(
            f"{len(starts)} pictures say {kind}; {LEAST} are needed of each kind, better 20."
        )
    return starts


def _lesson(explorer: Explorer, start: Start) -> Pixels:
    """A picture that was clicked on: a real one as it is, not as it is drawn."""
    row = start.as_json().get("row")
    return explorer.picture(start) if row is None else explorer.real([row])[0]
