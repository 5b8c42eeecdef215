"""The only file that knows fsspec: a place by URL, what lies there, what goes wrong, in words."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from lookalike.errors import SourceError, need

OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": 10,
            "read_timeout": 30,
            "retries": {"max_attempts": 4, "mode": "standard"},
        },
        "use_listings_cache": False,
    }
}
"""What fsspec is told for each kind of address; credentials come from their usual places."""

PATIENCE = {"total": None, "sock_connect": 10, "sock_read": 30}
"""Seconds until a connection stands, and between two of its answers, where aiohttp is asked."""

_PATIENT: dict[str, Callable[[Any], dict[str, Any]]] = {
    "http": lambda seconds: {"client_kwargs": {"timeout": seconds}},
    "https": lambda seconds: {"client_kwargs": {"timeout": seconds}},
    "gs": lambda seconds: {"requests_timeout": seconds},
    "gcs": lambda seconds: {"requests_timeout": seconds},
}
"""Left alone, web pages end a large file after five minutes, and gs waits for good."""

_CREDENTIALS = {
    "s3": "for S3: AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL",
    "gs": "for Google: GOOGLE_APPLICATION_CREDENTIALS or 'gcloud auth application-default login'",
    "hf": "for the hub: HF_TOKEN or 'hf auth login', HF_ENDPOINT",
}
"""Where the usual places are."""

_LOUD = ("gcsfs", "huggingface_hub")
"""Libraries that print each try that failed, with frames; what fails in the end is told here."""

_LISTED = ("ETag", "etag", "md5Hash", "LastModified", "mtime")
"""What listings tell that changes with a file; packs keep numbers that were made of these."""
_OTHER = ("Last-Modified", "Content-MD5", "Digest", "last_modified", "blob_id", "sha", "created")
"""What other stores tell, and HTTP in its headers; asked where a store tells none of those."""
_AT_ONCE = 16


@dataclass(frozen=True)
class RemoteFile:
    """One file of a place: its name below it, its bytes, and a number that changes with it.

    ``size`` is None where nobody knows it; ``dated`` is False where nothing is told that would
    change the number. A file that is not ``listed`` was asked for by itself: what a web page lists
    has no size. These two are no part of its text, by which the cache knows archives.
    """

    name: str
    size: int | None
    stamp: int
    dated: bool = field(default=True, repr=False)
    listed: bool = field(default=True, repr=False)


class RemotePlace:
    """A folder or a file by URL.

    Raises:
        MissingExtraError: fsspec, or what it needs for this kind of address, is not installed.
        SourceError: the address cannot be understood.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        fsspec = need("fsspec", "remote", f"reading {url}")
        self._callback = fsspec.Callback
        self._kind = kind = url.partition(":")[0]
        try:
            self._fs, root = fsspec.core.url_to_fs(self.url, **_options(kind))
        except ImportError as problem:
            raise SourceError(
                f"{kind}:// addresses need another package ({problem}). Install it beside "
                "'lookalike[remote]'."
            ) from problem
        except ValueError as problem:
            raise SourceError(
                f"{url} cannot be opened ({problem}). Check the address."
            ) from problem
        self._root = str(root).rstrip("/")
        for logger in map(logging.getLogger, _LOUD):
            if not logger.isEnabledFor(logging.INFO):  # unless somebody asked to see more
                logger.setLevel(logging.CRITICAL)

    def files(self) -> list[RemoteFile]:
        """Every file below the place, by name; the place itself, under its own name, if it is one.

        Each file is asked for its size where the listing tells none, as on the web.

        Raises:
            SourceError: it cannot be listed.
        """
        with self._words("listed"):
            self._fs.invalidate_cache()
            found = self._fs.find(self._root, detail=True)
        found = {path: about for path, about in found.items() if _is_file(path, about)}
        silent = [path for path, about in found.items() if about.get("size") is None]
        with ThreadPoolExecutor(_AT_ONCE, "lookalike-ask") as pool:
            asked = dict(zip(silent, pool.map(self._about, silent), strict=True))
        files = [self._file(path, about, asked.get(path)) for path, about in found.items()]
        return sorted(files, key=lambda file: file.name)

    def _about(self, path: str) -> dict[str, Any]:
        """What a store tells of one file; nothing of one that it does not give."""
        with suppress(Exception):  # each store has its own; whoever reads the file is told why
            return dict(self._fs.info(path))
        return {}

    def _file(self, path: str, listed: dict[str, Any], asked: dict[str, Any] | None) -> RemoteFile:
        name = _below(path, self._root)
        if asked is None:
            return RemoteFile(name, int(listed["size"]), *_stamp(listed))
        # Some servers answer HEAD with a length of 0 whatever there is.
        return RemoteFile(name, asked.get("size") or None, *_stamp(asked), listed=False)

    def read(self, name: str, most: int | None = None) -> bytes:
        """The bytes of a file; soon after ``most`` of them reading ends, and the rest is left.

        Raises:
            SourceError: it cannot be had.
        """
        with self._words(f"read ({name})"):
            if most is None:
                return bytes(self._fs.cat_file(self._path(name)))
            data = BytesIO()
            self._copy(name, data, most)
            return data.getvalue()

    def piece(self, name: str, start: int, size: int) -> bytes:
        """So many bytes of a file, of a store that gives a part of one.

        Raises:
            SourceError: they cannot be had.
        """
        with self._words(f"read ({name})"):
            return bytes(self._fs.cat_file(self._path(name), start=start, end=start + size))

    def has(self, name: str) -> bool:
        """Whether there is a file of this name.

        Raises:
            SourceError: nobody answers.
        """
        with self._words("looked at"):
            self._fs.invalidate_cache()
            try:  # isfile would say no where nobody answers, too
                return bool(self._fs.info(self._path(name))["type"] == "file")
            except FileNotFoundError:
                return False

    def fetch(self, name: str, to: Path, most: int) -> None:
        """Copy a file from there; soon after ``most`` bytes copying ends, and the rest is left.

        Raises:
            SourceError: it cannot be had.
        """
        to.parent.mkdir(parents=True, exist_ok=True)
        with self._words(f"read ({name})"):
            self._copy(name, str(to), most)

    def put(self, name: str, file: Path) -> None:
        """Copy a file there.

        Raises:
            SourceError: it cannot be written.
        """
        with self._words(f"written ({name})"):
            self._fs.put_file(str(file), self._path(name))

    def remove(self, name: str) -> None:
        """Remove a file there.

        Raises:
            SourceError: it cannot be removed.
        """
        with self._words(f"written ({name})"):
            self._fs.rm_file(self._path(name))

    def _copy(self, name: str, to: str | BytesIO, most: int) -> None:
        """Copy a file until it ends, or more than ``most`` bytes of it have come."""

        def end(size: int | None, value: int, **_: object) -> None:
            if value > most:
                raise _EnoughError

        with suppress(_EnoughError):
            callback = self._callback(hooks={"end": end})
            self._fs.get_file(self._path(name), to, callback=callback)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name != self._root.rpartition("/")[2] else self._root

    @contextmanager
    def _words(self, what: str) -> Iterator[None]:
        """Whatever a library for some store raises becomes one sentence; each has its own kinds."""
        try:
            yield
        except Exception as problem:
            usual = _CREDENTIALS.get(self._kind)
            raise SourceError(
                f"{self.url} cannot be {what}: {type(problem).__name__}: {in_a_line(problem)}. "
                "Check the name, your credentials, and the address of the store"
                f"{f' ({usual})' if usual else ''}."
            ) from problem


def in_a_line(problem: BaseException) -> str:
    """What an error says; some libraries say it on several lines."""
    return " ".join(str(problem).split()).rstrip(".")


class _EnoughError(Exception):
    """More came than was wanted."""


def _options(kind: str) -> dict[str, Any]:
    """What fsspec is told for this kind of address.

    Raises:
        MissingExtraError: aiohttp, which asks there, is not installed.
    """
    options = OPTIONS.get(kind, {})
    if kind not in _PATIENT:
        return options
    seconds = need("aiohttp", "remote", f"reading {kind}://").ClientTimeout(**PATIENCE)
    return {**options, **_PATIENT[kind](seconds)}


def _is_file(path: str, about: dict[str, Any]) -> bool:
    """Whether something listed is a file.

    The links by which web pages sort themselves are none, nor are objects that stand for an empty
    folder in a bucket.
    """
    last = path.rpartition("/")[2]
    sorts = about.get("size") is None and last.startswith("?")
    return about.get("type", "file") == "file" and bool(last) and not sorts


def _below(path: str, root: str) -> str:
    name = path.removeprefix(root).lstrip("/")
    return name or root.rpartition("/")[2]


def _stamp(about: dict[str, Any]) -> tuple[int, bool]:
    """63 bits of whatever the store says that changes with a file, and whether it says anything."""
    facts = [about.get(name) for name in _LISTED]
    if not any(facts):
        others = [about.get(name) for name in _OTHER]
        facts += others if any(others) else []
    digest = hashlib.blake2b(repr(facts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1, any(facts)
