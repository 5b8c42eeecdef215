"""Photos that are being edited: the last few, in memory alone; the page brings one again.

Everything here belongs to the thread of the worker.
"""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from PIL import ImageOps

from lookalike import images
from lookalike.data.decode.photos import SquareSettings, photo_of, read_photo
from lookalike.editing.exchange import Subject
from lookalike.editing.explore.explorer import Explorer, Move
from lookalike.editing.explore.session import Painted, PhotoSession
from lookalike.editing.explore.starts import Start
from lookalike.editing.inversion import Inversion
from lookalike.editing.measure import subject_of
from lookalike.errors import DataError
from lookalike.studio.drawing.explorers import Explorers
from lookalike.studio.errors import KindError, UnknownError
from lookalike.studio.pictures import within_limits
from lookalike.studio.requests import checked_id

MOST_PHOTOS, MOST_MASKS = 4, 24
ORIENTATION = 274
LONGEST_MASK = 512


class Photos:
    """Sessions by the id of their photo, and painted masks by theirs."""

    def __init__(self, explorers: Explorers) -> None:
        self._explorers = explorers
        self._sessions: OrderedDict[tuple[str, str], tuple[Explorer, PhotoSession]] = OrderedDict()
        self._masks: OrderedDict[str, Painted] = OrderedDict()

    def bring(self, run: str, data: bytes) -> tuple[str, PhotoSession]:
        """A photo of a person, found again in a run; its id.

        Raises:
            KindError: it is no picture that can be read.
            DataError: nothing was learned from the run yet.
        """
        explorer = self._explorers.open(run)
        key = hashlib.sha256(data).hexdigest()[:16]
        known = self._sessions.get((run, key))
        if known is not None and known[0] is explorer:
            return key, known[1]
        editor = explorer.learned
        squares = _squares(explorer)
        try:
            photo = read_photo(_upright(data), squares)
        except DataError as problem:
            raise KindError(f"This photo {problem}.") from problem
        subject = subject_of(editor, images.to_network(photo.square[None]))
        return key, self._keep(run, key, explorer, PhotoSession(editor, photo, subject))

    def draw(self, run: str, start: Start, moves: Sequence[Move]) -> tuple[str, PhotoSession]:
        """A generated picture in a photo's place; nothing has to be sought for it."""
        explorer = self._explorers.open(run)
        editor = explorer.learned
        point = explorer.moved(explorer.point(start), moves)
        drawn = editor.generator.drawn(point.latent, point.labels)
        pixels = images.to_pixels(drawn)[0]
        photo = photo_of(pixels)
        square = images.to_network(pixels[None])
        values = editor.read(square) if editor.changeable else {}
        found = Inversion(point.latent, point.labels, drawn, {})
        session = PhotoSession(editor, photo, Subject(square, found, values))
        key = photo.digest[:16]
        return key, self._keep(run, key, explorer, session)

    def get(self, run: str, key: object) -> PhotoSession:
        """The session of a photo.

        Raises:
            UnknownError: it is forgotten, or the run has changed since; the page brings it again.
        """
        known = self._sessions.get((run, checked_id(key)))
        if known is None or known[0] is not self._explorers.open(run):
            raise UnknownError("This photo has to be brought again.")
        self._sessions.move_to_end((run, checked_id(key)))
        return known[1]

    def _keep(self, run: str, key: str, explorer: Explorer, session: PhotoSession) -> PhotoSession:
        self._sessions[run, key] = explorer, session
        while len(self._sessions) > MOST_PHOTOS:
            self._sessions.popitem(last=False)
        return session

    # ---- masks ------------------------------------------------------------------------------

    def paint(self, data: bytes) -> str:
        """Keep a mask: width and height as 16-bit numbers, then a byte for each place.

        Raises:
            KindError: there are not as many bytes.
        """
        width, height = (int.from_bytes(data[at : at + 2], "little") for at in (0, 2))
        if not 0 < max(width, height) <= LONGEST_MASK or len(data) != 4 + width * height:
            raise KindError("This is no mask of ours.")
        key = hashlib.sha256(data).hexdigest()[:16]
        flat = np.frombuffer(data, np.uint8, offset=4).astype(np.float32) / np.float32(255)
        self._masks[key] = flat.reshape(height, width)
        while len(self._masks) > MOST_MASKS:
            self._masks.popitem(last=False)
        return key

    def mask(self, key: object) -> Painted | None:
        """A mask by its id.

        Raises:
            UnknownError: it is forgotten; the page brings it again.
        """
        if not key:
            return None
        found = self._masks.get(checked_id(key))
        if found is None:
            raise UnknownError("This mask has to be brought again.")
        return found


def _squares(explorer: Explorer) -> SquareSettings:
    plan = explorer.pack.info.get("plan") or {} if explorer.pack else {}
    return SquareSettings.of(plan, explorer.drawing.size, explorer.drawing.channels)


def _upright(data: bytes) -> bytes:
    """A photo that lies on its side, turned without loss, so that it is painted on as it is seen.

    Raises:
        DataError: it is no picture, or has too many pixels.
    """
    try:
        with within_limits(data) as picture:
            if int(picture.getexif().get(ORIENTATION, 1)) == 1:
                return data
            turned = ImageOps.exif_transpose(picture)
            buffer = io.BytesIO()
            kept = {key: turned.info[key] for key in ("icc_profile",) if turned.info.get(key)}
            exif = turned.getexif().tobytes()
            turned.save(buffer, "PNG", compress_level=1, exif=exif, **kept)
            return buffer.getvalue()
    except (OSError, ValueError, SyntaxError):
        return data  # read_photo says what is wrong with it
