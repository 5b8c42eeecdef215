"""Edit: a photo or a generated picture under sliders, a brush; and a slider that is taught."""

from __future__ import annotations

import json
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lookalike import images
from lookalike.data.decode.photos import encode_photo
from lookalike.editing.explore.explorer import Explorer, Move, moves_of
from lookalike.editing.explore.session import PhotoChange, PhotoSession
from lookalike.editing.explore.starts import Start, start_of
from lookalike.editing.photos import edit_text
from lookalike.editing.teach import LEAST
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.studio.drawing.drawing import DrawingRoom
from lookalike.studio.drawing.explore_page import LEAST_SHOWN, TOLD, job_words
from lookalike.studio.drawing.gallery import MADE
from lookalike.studio.library import RUN
from lookalike.studio.pictures import MOST_PICTURE_BYTES, as_webp
from lookalike.studio.requests import answer, field, fields, octets

MOST_MASK = 1 << 19
MOST_TAUGHT = 200


def routes(room: DrawingRoom) -> list[Route]:
    """``/api/draw/edit``, ``/api/edit`` and ``/api/teach``."""
    explorers, photos, worker = room.explorers, room.photos, room.studio.worker

    async def bring(request: Request) -> Response:
        id_ = request.path_params["id"]
        data = await octets(request, MOST_PICTURE_BYTES)
        key, session = await worker.run(lambda: photos.bring(id_, data))
        return answer(_about(key, session))

    async def drawn(request: Request) -> Response:
        id_, given = request.path_params["id"], await fields(request)
        start, moves = start_of(given.get("start")), moves_of(given.get("moves", []))
        key, session = await worker.run(lambda: photos.draw(id_, start, moves))
        return answer(_about(key, session))

    async def before(request: Request) -> Response:
        id_, key = request.path_params["id"], request.path_params["photo"]

        def show() -> Response:
            return _shown(photos.get(id_, key).preview.pixels)

        return await worker.run(show)

    async def paint(request: Request) -> Response:
        data = await octets(request, MOST_MASK)
        return answer({"mask": await worker.run(lambda: photos.paint(data))})

    async def change(request: Request) -> Response:
        id_, given = request.path_params["id"], await fields(request)
        moves, whole = moves_of(given.get("moves", [])), field(given, "whole", bool, False)

        def work() -> Response:
            session = photos.get(id_, given.get("photo"))
            mask = photos.mask(given.get("mask"))
            found = session.change(session.preview, moves, mask, whole=whole, quick=True)
            response = _shown(found.pixels)
            response.headers[TOLD] = json.dumps(_told(found))
            return response

        return await worker.latest(f"edit/{field(given, 'client', str, '')}", work)

    async def save(request: Request) -> Response:
        id_, given = request.path_params["id"], await fields(request)
        entry = room.studio.library.find(id_, RUN)
        moves, whole = moves_of(given.get("moves", [])), field(given, "whole", bool, False)
        start = start_of(given["start"]) if given.get("start") else None
        name = field(given, "name", str, "")

        def work() -> dict[str, Any]:
            explorer, session = explorers.open(id_), photos.get(id_, given.get("photo"))
            mask = photos.mask(given.get("mask"))
            found = session.change(session.photo, moves, mask, whole=whole)
            told = {"whole": whole, "painted": mask is not None, **_told(found)}
            edit = {"photo": name, "photo_sha256": session.photo.digest, **told}
            about = _row(explorer, entry.id, entry.name, start, moves, edit)
            picture = room.gallery.new(*found.pixels.shape[1::-1], **about)
            words = " ".join(f"{one.name}={one.value or f'{one.amount:+g}'}" for one in moves)
            text = {**edit_text(words, edit), MADE: picture.text[MADE]}
            data = encode_photo(session.photo, found.pixels, text)
            room.gallery.add_file(data, picture, "keep")
            return {"id": picture.id}

        return answer(await worker.run(work))

    async def teach(request: Request) -> Response:
        entry = room.studio.library.find(request.path_params["id"], RUN)
        given = await fields(request)
        name = field(given, "name", str).strip()
        kinds = {kind: _starts(given, kind) for kind in ("yes", "no")}
        place = room.studio.library.home / "lessons" / secrets.token_hex(8)

        def write() -> None:
            explorer = explorers.open(entry.id)
            if name in {one.name for one in explorer.learned.attributes}:
                raise DataError(f"There is something called {name!r} already. Choose another name.")
            for kind, starts in kinds.items():
                (place / kind).mkdir(parents=True)
                for number, start in enumerate(starts):
                    images.write_png(place / kind / f"{number:03d}.png", _lesson(explorer, start))

        await worker.run(write)
        arguments = {"run": str(entry.path), "name": name}
        arguments |= {kind: str(place / kind) for kind in kinds}
        job = room.studio.jobs.begin("teach", arguments, about=entry.id, title=f"teaching {name}")
        return answer(job_words(job))

    drawing = "/api/draw/edit/{id}"
    return [
        Route(f"{drawing}/photo", bring, methods=["PUT"]),
        Route(f"{drawing}/picture", drawn, methods=["POST"]),
        Route("/api/draw/mask", paint, methods=["PUT"]),
        Route(drawing, change, methods=["POST"]),
        Route("/picture/edit/{id}/{photo}", before),
        Route("/api/edit/{id}/save", save, methods=["POST"]),
        Route("/api/teach/{id}", teach, methods=["POST"]),
    ]


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


def _shown(pixels: Pixels) -> Response:
    """A photo for the screen; small ones with their pixels repeated."""
    return as_webp(images.enlarge(pixels[None], LEAST_SHOWN // 2)[0], 92, forever=False)


def _row(
    explorer: Explorer,
    run: str,
    name: str,
    start: Start | None,
    moves: tuple[Move, ...],
    edit: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What the gallery is told of a picture."""
    return {
        "run": run,
        "run_name": name,
        "recipe": explorer.drawing.name,
        "images_seen": explorer.images_seen,
        "start": start.as_json() if start else None,
        "moves": [move.as_json() for move in moves],
        "edit": edit,
    }


def _starts(given: dict[str, Any], kind: str) -> list[Start]:
    starts = [start_of(one) for one in field(given, kind, list)[:MOST_TAUGHT]]
    if len(starts) < LEAST:
        raise DataError(
            f"{len(starts)} pictures say {kind}; {LEAST} are needed of each kind, better 20."
        )
    return starts


def _lesson(explorer: Explorer, start: Start) -> Pixels:
    """A picture that was clicked on: a real one as it is, not as it is drawn."""
    row = start.as_json().get("row")
    return explorer.picture(start) if row is None else explorer.real([row])[0]
