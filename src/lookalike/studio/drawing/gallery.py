"""Everything that was made with the studio: PNG files that say how, and what people think of them.

::

    FOLDER/.lookalike-studio/gallery/
      pictures.jsonl    one line a picture
      marks.json        "keep" or "reject", by id
      ID.png            the picture, with all of its line in its text
"""

from __future__ import annotations

import io
import json
import secrets
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from lookalike import images
from lookalike.checkpoints import read_json, write_whole
from lookalike.data.pack.atomic_folder import folder_name, whole_folder
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.studio.errors import KindError, UnknownError
from lookalike.studio.jobs import write_note
from lookalike.studio.pictures import within_limits
from lookalike.studio.requests import checked_id

MADE = "lookalike:made"
"""The PNG text that brings a picture back."""

MARKS = ("", "keep", "reject")
LINES, MARKED = "pictures.jsonl", "marks.json"
MOST_TEXT = 1 << 18


@dataclass(frozen=True, kw_only=True)
class GalleryPicture:
    """One picture that was made. ``start`` and ``moves`` bring it back; ``edit`` says what of a
    photo was changed; ``nearest`` is the row of the nearest training picture.
    """

    id: str
    made: float
    run: str
    run_name: str
    recipe: str
    images_seen: int
    label: str = ""
    start: Mapping[str, Any] | None = None
    moves: Sequence[Mapping[str, Any]] = ()
    edit: Mapping[str, Any] | None = None
    nearest: Mapping[str, Any] = field(default_factory=dict)
    width: int = 0
    height: int = 0

    @property
    def as_text(self) -> str:
        """All of it but what lies in the pack of its run, for the text of its PNG."""
        return json.dumps({**asdict(self), "nearest": {}})

    @property
    def text(self) -> dict[str, str]:
        """What the PNG of a generated one says of itself; edited ones say what edits do."""
        start = self.start or {}
        address = {f"lookalike:{key}": str(start[key]) for key in ("seed", "index") if key in start}
        return {
            "lookalike:synthetic": "yes",
            "lookalike:run": self.run_name,
            "lookalike:recipe": self.recipe,
            "lookalike:images-seen": str(self.images_seen),
            **address,
            **({"lookalike:class": self.label} if self.label else {}),
            MADE: self.as_text,
            "Software": "lookalike",
            "Comment": "synthetic: made by a generative network",
        }


class Gallery:
    """The pictures of one studio, oldest first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._pictures: dict[str, GalleryPicture] | None = None

    # ---- what there is ----------------------------------------------------------------------

    def all(self) -> list[GalleryPicture]:
        """Every picture whose file is there."""
        with self._lock:
            return list(self._known().values())

    def get(self, id_: object) -> GalleryPicture:
        """One picture.

        Raises:
            UnknownError: there is none of this id.
        """
        found = self._known().get(checked_id(id_))
        if found is None:
            raise UnknownError("This picture is no longer in the gallery.")
        return found

    def some(self, ids: Sequence[object]) -> list[GalleryPicture]:
        """Several, in the order of their making."""
        wanted = {checked_id(one) for one in ids}
        return [picture for picture in self.all() if picture.id in wanted]

    def file(self, picture: GalleryPicture) -> Path:
        """Where its PNG lies."""
        return self.folder / f"{picture.id}.png"

    def marks(self) -> dict[str, str]:
        """What was kept and what was rejected."""
        return {key: str(mark) for key, mark in read_json(self.folder / MARKED).items()}

    def _known(self) -> dict[str, GalleryPicture]:
        with self._lock:
            if self._pictures is None:
                there = {path.stem for path in self.folder.glob("*.png")}
                self._pictures = {one.id: one for one in self._read() if one.id in there}
            return self._pictures

    def _read(self) -> Iterator[GalleryPicture]:
        file = self.folder / LINES
        if not file.is_file():
            return
        names = {one.name for one in fields(GalleryPicture)}
        for line in file.read_text("utf-8", "replace").splitlines():
            try:
                row = json.loads(line)
                yield GalleryPicture(**{key: row[key] for key in row if key in names})
            except (ValueError, RecursionError, TypeError):
                continue  # a line that was cut off when the power went

    # ---- what changes -----------------------------------------------------------------------

    def add(self, pixels: Pixels, **about: Any) -> GalleryPicture:
        """Put a picture (uint8 ``[H, W, C]``) in."""
        height, width = pixels.shape[:2]
        picture = self.new(width, height, **about)
        return self.add_file(images.encode_png(pixels, picture.text, level=3), picture)

    def add_file(self, data: bytes, picture: GalleryPicture) -> GalleryPicture:
        """Put the PNG of a picture in."""
        with self._lock:
            known = self._known()
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.file(picture), data)
            with open(self.folder / LINES, "a", encoding="utf-8") as lines:
                lines.write(f"{json.dumps(asdict(picture))}\n")
            known[picture.id] = picture
        return picture

    def new(self, width: int, height: int, **about: Any) -> GalleryPicture:
        """A picture that is not in yet."""
        return GalleryPicture(
            id=secrets.token_hex(8), made=time.time(), width=width, height=height, **about
        )

    def mark(self, ids: Sequence[object], mark: str) -> None:
        """Keep, reject, or neither."""
        if mark not in MARKS:
            raise DataError(f"There is no mark {mark[:20]!r}.")
        with self._lock:
            marks = self.marks()
            for picture in self.some(ids):
                marks.pop(picture.id, None)
                if mark:
                    marks[picture.id] = mark
            self.folder.mkdir(parents=True, exist_ok=True)
            write_note(self.folder / MARKED, marks)

    def delete(self, ids: Sequence[object]) -> int:
        """Delete the files of pictures with their marks; how many."""
        with self._lock:
            gone = self.some(ids)
            self.mark([picture.id for picture in gone], "")
            for picture in gone:
                self.file(picture).unlink(missing_ok=True)
                self._known().pop(picture.id, None)
        return len(gone)

    # ---- on their way out -------------------------------------------------------------------

    def write(self, pictures: Sequence[GalleryPicture], to: Path, *, classes: bool) -> None:
        """Copy pictures to a folder that does not exist yet; ``classes`` puts each in its own."""
        with whole_folder(to) as part:
            for name, data in self._named(pictures, classes=classes):
                (part / name).parent.mkdir(exist_ok=True)
                (part / name).write_bytes(data)

    def zipped(self, pictures: Sequence[GalleryPicture]) -> bytes:
        """The same as the bytes of a zip."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name, data in self._named(pictures, classes=True):
                archive.writestr(name, data)
        return buffer.getvalue()

    def _named(
        self, pictures: Sequence[GalleryPicture], *, classes: bool
    ) -> Iterator[tuple[str, bytes]]:
        several = classes and len({one.label for one in pictures}) > 1
        for number, picture in enumerate(pictures):
            place = f"{folder_name(picture.label or 'others')}/" if several else ""
            yield f"{place}{number:05d}-{picture.id[:6]}.png", self.file(picture).read_bytes()


def texts_of(data: bytes) -> dict[str, str]:
    """The texts of a PNG that somebody brought, ours alone.

    Raises:
        KindError: it is no PNG.
    """
    try:
        with within_limits(data) as picture:
            if picture.format != "PNG":
                raise DataError("is no PNG")
            picture.load()
            texts = dict(getattr(picture, "text", {}))
    except Exception as problem:  # a strange file can fail in any way
        raise KindError("This is no PNG that can be read.") from problem
    return {
        key: str(value)
        for key, value in texts.items()
        if key.startswith("lookalike:") and len(value) <= MOST_TEXT
    }
