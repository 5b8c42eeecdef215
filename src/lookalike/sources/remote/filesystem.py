"""The only file that knows fsspec: a place by URL, what lies there, what goes wrong, in words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True)
class RemoteFile:
    """One file of a place: its name below it, its bytes, and a number that changes with it."""

    name: str
    size: int
    stamp: int


class RemotePlace:
    """A folder or a file by URL.

    Raises:
        MissingExtraError: fsspec, or what it needs for this kind of address, is not installed.
        SourceError: the address cannot be understood.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        fsspec = need("fsspec", "remote", f"reading {url}")
        kind = url.partition(":")[0]
        try:
            self._fs, root = fsspec.core.url_to_fs(self.url, **OPTIONS.get(kind, {}))
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

    def files(self) -> list[RemoteFile]:
        """Every file below the place, by name; the place itself, under its own name, if it is one.

        Raises:
            SourceError: it cannot be listed.
        """
        with self._words("listed"):
            self._fs.invalidate_cache()
            found = self._fs.find(self._root, detail=True)
        return sorted(
            (
                RemoteFile(_below(path, self._root), int(about.get("size") or 0), _stamp(about))
                for path, about in found.items()
                if about.get("type", "file") == "file"
            ),
            key=lambda file: file.name,
        )

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            SourceError: it cannot be had.
        """
        with self._words(f"read ({name})"):
            return bytes(self._fs.cat_file(self._path(name)))

    def has(self, name: str) -> bool:
        """Whether there is a file of this name.

        Raises:
            SourceError: nobody answers.
        """
        with self._words("looked at"):
            self._fs.invalidate_cache()
            return bool(self._fs.isfile(self._path(name)))

    def fetch(self, name: str, to: Path) -> None:
        """Copy a file from there.

        Raises:
            SourceError: it cannot be had.
        """
        to.parent.mkdir(parents=True, exist_ok=True)
        with self._words(f"read ({name})"):
            self._fs.get_file(self._path(name), str(to))

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

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name != self._root.rpartition("/")[2] else self._root

    @contextmanager
    def _words(self, what: str) -> Iterator[None]:
        """Whatever a library for some store raises becomes one sentence; each has its own kinds."""
        try:
            yield
        except Exception as problem:
            raise SourceError(
                f"{self.url} cannot be {what}: {type(problem).__name__}: {problem}. Check the "
                "name, your credentials, and the address of the store (for S3: AWS_PROFILE or "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL)."
            ) from problem


def _below(path: str, root: str) -> str:
    name = path.removeprefix(root).lstrip("/")
    return name or root.rpartition("/")[2]


def _stamp(about: dict[str, Any]) -> int:
    """63 bits of whatever the store says that changes with a file."""
    told = [about.get(name) for name in ("ETag", "etag", "md5Hash", "LastModified", "mtime")]
    digest = hashlib.blake2b(repr(told).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
