"""A folder that grows: pictures with names made by us, and one manifest line for each.

::

    cats/
      0a1b2c3d4e5f60718293.jpg    the first 20 digits of the file's SHA-256
      manifest.jsonl              one line per file: where from, whose, under which terms
      .collect/refused.jsonl      one line per address that gave nothing, with the reason
      .collect/lock               held while a collector writes
      .collect/part/              files on their way in

A file appears under its name whole or not at all (written beside, then linked); its line follows.
A crash between the two leaves a whole file without a line, and the next run that meets the same
picture adds the line. Nothing is ever overwritten or deleted. A picture that a person has deleted
is not fetched again, because its line stays.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from lookalike import locks
from lookalike.errors import RunLockedError, SourceError
from lookalike.sources.store.picture_checks import FileFacts

MANIFEST = "manifest.jsonl"
ATTRIBUTES = "attributes.csv"
HIDDEN = ".collect"
REFUSED = "refused.jsonl"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A picture that a source knows of, before it is fetched, with what is known of its rights."""

    url: str
    source: str
    page: str | None = None
    title: str | None = None
    license: str | None = None
    license_url: str | None = None
    creator: str | None = None
    creator_url: str | None = None
    label: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A picture whose bytes are here already.

    A member of a public set has a ``stem`` of our making for its file name; ``attributes`` go
    into a table (1, and 0 or -1).
    """

    found: Found
    data: bytes
    stem: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


def digest(url: str) -> bytes:
    """16 bytes that stand for an address: millions of them fit in memory."""
    return hashlib.blake2b(url.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def folder_name(label: str) -> str:
    """A folder name made by us from a stranger's label: letters, digits, dash and underscore.

    Labels that differ only in what is left out get different names (a short hash is added).
    """
    plain = unicodedata.normalize("NFKC", label).strip()
    name = re.sub(r"[^\w-]+", "_", plain).strip("_")[:60]
    reserved = re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", name)
    if name and name == plain and not reserved:
        return name
    return f"{name or 'class'}-{hashlib.sha256(label.encode()).hexdigest()[:6]}"


class Collection:
    """The one writer of a folder of collected pictures; use it as a context.

    Raises:
        RunLockedError: another process collects into the folder.
        SourceError: the folder's path is a file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.added_bytes = 0
        self._urls: set[bytes] = set()
        self._hashes: dict[str, str] = {}
        self._held: Counter[str] = Counter()
        self._lock: IO[bytes] | None = None
        self._files: dict[Path, IO[bytes]] = {}

    def __enter__(self) -> Collection:
        if self.folder.exists() and not self.folder.is_dir():
            raise SourceError(f"{self.folder} is a file; name a folder to collect into.")
        hidden = self.folder / HIDDEN
        (hidden / "part").mkdir(parents=True, exist_ok=True)
        self._lock = _locked(hidden / "lock", self.folder)
        for left in (hidden / "part").iterdir():
            left.unlink()
        self._remember()
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _remember(self) -> None:
        for line in read_lines(self.folder / MANIFEST):
            self._urls.add(digest(str(line.get("url"))))
            self._hashes[str(line.get("sha256"))] = str(line.get("file"))
            if (self.folder / str(line.get("file"))).is_file():
                self._held[str(line.get("request"))] += 1
        for line in read_lines(self.folder / HIDDEN / REFUSED):
            if line.get("final"):
                self._urls.add(digest(str(line.get("url"))))

    def knows(self, url: str) -> bool:
        """Whether this address was kept, or refused for good, by this run or an earlier one."""
        return digest(url) in self._urls

    def has(self, sha: str | None) -> bool:
        """Whether a picture of these bytes was kept."""
        return sha in self._hashes

    def holds(self, request: str) -> int:
        """How many pictures of this request are in the folder (deleted ones do not count)."""
        return self._held[request]

    def add(self, delivery: Delivery, facts: FileFacts, request: str) -> str | None:
        """Keep a picture; None if the same bytes are here already under another address.

        A member of a public set is kept even if the set holds the same bytes twice, because a set
        is whole or not that set.
        """
        found, data, stem = delivery.found, delivery.data, delivery.stem
        sha = hashlib.sha256(data).hexdigest()
        if sha in self._hashes and stem is None:
            self._same(found.url, sha)
            return None
        name = f"{stem or sha[:20]}.{facts.ending}"
        if found.label is not None:
            name = f"{folder_name(found.label)}/{name}"
        self._place(name, data)
        line = {
            "file": name,
            "sha256": sha,
            "bytes": len(data),
            "width": facts.width,
            "height": facts.height,
            "format": facts.format,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "request": request,
            **asdict(found),
        }
        return self._kept(line)

    def adopt(self, folder: Path, line: Mapping[str, Any]) -> str | None:
        """Keep a picture of another collection; None if the same bytes are here already.

        ``line`` is its line there, or that of the refusal of a second copy of it.
        """
        sha, name = str(line["sha256"]), str(line.get("file"))
        if sha in self._hashes:
            self._same(line["url"], sha)
            return None
        self._place(name, (folder / name).read_bytes())
        return self._kept(line)

    def _kept(self, line: Mapping[str, Any]) -> str:
        """Note a picture that is in its place; its name."""
        self._append(self.folder / MANIFEST, line)
        self._urls.add(digest(str(line["url"])))
        self._hashes.setdefault(str(line["sha256"]), str(line["file"]))
        self._held[str(line["request"])] += 1
        self.added_bytes += int(line["bytes"])
        return str(line["file"])

    def _place(self, name: str, data: bytes) -> None:
        """Write beside, then give the name: whole or not at all, and never over another file."""
        part = self.folder / HIDDEN / "part" / name.rpartition("/")[2]
        target = self.folder / name
        target.parent.mkdir(exist_ok=True)
        try:
            part.write_bytes(data)
            if not target.exists():
                part.rename(target)
        except OSError as problem:
            raise SourceError(
                f"{target} cannot be written ({problem.strerror}). What was collected before it is "
                "whole; make room or choose another folder and run the same command again."
            ) from problem
        finally:
            part.unlink(missing_ok=True)

    def _same(self, url: str, sha: str) -> None:
        line = {"url": url, "reason": f"same picture as {self._hashes[sha]}", "final": True}
        self._append(self.folder / HIDDEN / REFUSED, {**line, "sha256": sha})
        self._urls.add(digest(url))

    def refuse(self, url: str, reason: str, *, final: bool) -> None:
        """Note why an address gave nothing; a final refusal is not asked for again."""
        line = {"url": url, "reason": reason, "final": final}
        self._append(self.folder / HIDDEN / REFUSED, line)
        if final:
            self._urls.add(digest(url))

    def describe(self, name: str, attributes: Mapping[str, str]) -> None:
        """A row of ``attributes.csv`` (-1 becomes 0), below a header where there is none yet."""
        path = self.folder / ATTRIBUTES
        rows = [] if path.exists() else [["file", *attributes]]
        rows.append([name, *("0" if value == "-1" else value for value in attributes.values())])
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        self._write(path, text.getvalue())

    def _append(self, path: Path, line: Mapping[str, Any]) -> None:
        """One line of JSON, without what is not known."""
        filled = {key: value for key, value in line.items() if value not in (None, {}, "")}
        self._write(path, json.dumps(filled, ensure_ascii=False) + "\n")

    def _write(self, path: Path, lines: str) -> None:
        """Whole lines, handed to the system at once."""
        if self._lock is None:
            raise RuntimeError("the collection is not open; use it in a with statement")
        if path not in self._files:
            self._files[path] = _appending(path)
        self._files[path].write(lines.encode("utf-8", "replace"))
        self._files[path].flush()


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a JSONL file; a line torn by a crash is passed over."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for raw in file:
            try:
                line = json.loads(raw)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict):
                yield line


class LinesByAddress:
    """The lines of a JSONL file by their addresses; only where they begin is in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._starts: dict[bytes, int] = {}
        at = 0
        for raw in path.open("rb") if path.is_file() else ():
            with suppress(ValueError, RecursionError, KeyError, TypeError):
                self._starts[digest(str(json.loads(raw)["url"]))] = at
            at += len(raw)

    def get(self, url: str) -> dict[str, Any] | None:
        """The last line of this address, if there is one."""
        start = self._starts.get(digest(url))
        if start is None:
            return None
        with self._path.open("rb") as file:
            file.seek(start)
            line: dict[str, Any] = json.loads(file.readline())
        return line


def _appending(path: Path) -> IO[bytes]:
    """Open for appending, on a fresh line even after a crash in the middle of one."""
    file = path.open("ab+")
    if file.tell() > 0:
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")
    return file


def _locked(path: Path, folder: Path) -> IO[bytes]:
    """Hold a lock that ends with the process, whatever ends the process."""
    file = path.open("ab+")
    try:
        locks.take(file)
    except BlockingIOError as problem:
        file.close()
        raise RunLockedError(
            f"Another process is collecting into {folder}. Wait for it, or choose another folder."
        ) from problem
    return file
