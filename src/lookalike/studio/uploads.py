"""Pictures and zips that were dropped on the page, kept in the studio's own folder.

A picture is decoded and encoded anew before it is kept. A zip is kept whole and never given back:
it is read within the limits of the reader of zips, as one that somebody named.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

from lookalike.data.readers.layout import is_system
from lookalike.data.readers.zip import open_zip
from lookalike.errors import DataError
from lookalike.studio.errors import KindError, TooLargeError, UnknownError
from lookalike.studio.library import FOLDER, ZIP, Entry, Library, id_of
from lookalike.studio.pictures import encoded, opened

MOST_FILES = 60_000
MOST_ZIP_BYTES = 2 << 30
LONGEST_NAME = 60

_STRANGE = re.compile(r"[^\w \-.]+")


class Uploads:
    """Folders that are being filled, by the id that they will have."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._filling: dict[str, Path] = {}
        self._counts: dict[str, int] = {}

    def begin(self, name: str) -> str:
        """A new folder for dropped pictures; its id."""
        folder = free_path(self.library.dropped / safe_name(name))
        folder.mkdir(parents=True)
        self._filling[id_of(folder)] = folder
        return id_of(folder)

    def add(self, id_: str, data: bytes, class_name: str) -> str:
        """Keep one picture, in the folder of its class where it has one; the name of its file.

        Raises:
            UnknownError: no such folder is being filled.
            KindError: it is no picture that can be read.
            TooLargeError: there are too many already.
        """
        if id_ not in self._filling:
            raise UnknownError("No such folder is being filled. Drop the pictures again.")
        if self._counts.get(id_, 0) >= MOST_FILES:
            raise TooLargeError(
                f"At most {MOST_FILES:,} pictures can be dropped. Put them into a folder below "
                "that of the studio instead."
            )
        whole = encoded(opened(data))
        folder = self._filling[id_]
        folder = folder / safe_name(class_name) if class_name else folder
        folder.mkdir(exist_ok=True)
        path = folder / f"{hashlib.sha256(data).hexdigest()[:20]}.png"
        path.write_bytes(whole)
        self._counts[id_] = self._counts.get(id_, 0) + 1
        return path.name

    def end(self, id_: str) -> Entry:
        """What became of a folder that was filled.

        Raises:
            UnknownError: no such folder is being filled, or nothing came.
        """
        folder = self._filling.pop(id_, None)
        if folder is None or not self._counts.pop(id_, 0):
            if folder is not None:
                folder.rmdir()
            raise UnknownError("None of the dropped files is a picture that can be read.")
        self.library.look_again()
        return self.library.find(id_of(folder), FOLDER)

    async def add_zip(self, name: str, parts: AsyncIterator[bytes]) -> Entry:
        """Keep a zip.

        Raises:
            KindError: it is none, or damaged.
            TooLargeError: it has too many bytes.
        """
        self.library.dropped.mkdir(parents=True, exist_ok=True)
        beside = self.library.dropped / f".{secrets.token_hex(8)}.zip.part"
        try:
            with open(beside, "wb") as file:
                async for part in parts:
                    await asyncio.to_thread(file.write, part)
            return await asyncio.to_thread(self._put, beside, name)
        except DataError as problem:
            raise KindError("This is no zip that can be read. Make it anew.") from problem
        finally:
            beside.unlink(missing_ok=True)

    def _put(self, beside: Path, name: str) -> Entry:
        """Put a zip in its place, if it can be read."""
        open_zip(beside).close()
        path = free_path(self.library.dropped / safe_name(name.removesuffix(".zip")), ".zip")
        os.replace(beside, path)
        self.library.look_again()
        return self.library.find(id_of(path), ZIP)


def safe_name(name: str) -> str:
    """A name of a person as that of one folder: letters, digits, spaces, ``-``, ``_``, ``.``."""
    plain = _STRANGE.sub(" ", unicodedata.normalize("NFC", name))
    plain = " ".join(plain.split()).strip(". ")[:LONGEST_NAME].strip(". ")
    return plain if plain and not is_system(plain) else "pictures"


def free_path(path: Path, suffix: str = "") -> Path:
    """This path with its suffix, or the first one numbered behind it, that nothing has yet."""
    names = (f"{path.name}{'' if n == 1 else f'-{n}'}{suffix}" for n in count(1))
    return next(free for free in map(path.with_name, names) if not free.exists())
