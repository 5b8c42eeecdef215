"""Stand-ins for Google's storage and for a hub of data sets: as much as their clients ask for.

Both keep files in memory and do what a test says goes wrong: slow, failing and short answers.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from local_server import local_server

PAGE = 25
"""Files on each page of a listing: sets of tests have several."""


@dataclass
class Store:
    """Files by name, in the order in which they were written, and what goes wrong with some.

    ``faults`` is how often the content of files that end so comes "slow" (never), "fail" (500) or
    "short" (half of it, with the length of the whole not promised). ``asked`` are requests.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    faults: dict[tuple[str, str], int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def write(self, name: str, data: bytes) -> None:
        """Put a file there, with a time that no other one has."""
        self.files[name] = data
        self.written[name] = max(self.written.values(), default=0) + 1

    def fault(self, name: str) -> str:
        """What goes wrong with this file now."""
        for (ending, kind), times in self.faults.items():
            if name.endswith(ending) and times > 0:
                self.faults[ending, kind] -= 1
                return kind
        return ""


class _Handler(BaseHTTPRequestHandler):
    """What both servers do: answers as JSON, and contents with their faults."""

    protocol_version = "HTTP/1.1"
    store: Store

    def serve(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        address = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.store.asked.append(f"{self.command} {unquote(address.path)}")
        with suppress(ConnectionError):  # who asked has gone
            self.answer(address.path)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve  # noqa: N815

    def answer(self, path: str) -> None:
        raise NotImplementedError

    def say(self, told: Any, status: int = 200, **headers: str) -> None:
        self.send(json.dumps(told).encode(), status, content_type="application/json", **headers)

    def send(self, data: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def give(self, name: str) -> None:
        """The content of a file, or of the range of it that is asked for."""
        data = self.store.files[name]
        fault = self.store.fault(name) if self.command == "GET" else ""
        if fault == "fail":
            self.say({"error": {"message": "not today"}}, 500)
            return
        if fault == "slow":
            time.sleep(3)
        if fault == "short":
            data = data[: len(data) // 2]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        if wanted is None:
            self.send(data)
            return
        first, last = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        about = f"bytes {first}-{last}/{len(data)}"
        self.send(data[first : last + 1], 206, content_range=about)

    def log_message(self, *_: object) -> None:
        pass


class _Google(_Handler):
    """The JSON API of Google's storage with one bucket, called "bucket"."""

    def answer(self, path: str) -> None:
        found = re.fullmatch(r"/(download/|upload/)?storage/v1/b/bucket(?:/o(?:/(.+))?)?", path)
        if found is None:
            self.say({"error": {"message": "no such bucket"}}, 404)
        elif found[1] == "upload/":
            self._upload()
        elif not path.partition("/b/bucket")[2]:
            self.say({"kind": "storage#bucket", "name": "bucket"})
        elif found[2] is None:
            self._list()
        elif (name := unquote(found[2])) not in self.store.files:
            self.say({"error": {"message": "no such object"}}, 404)
        elif self.command == "DELETE":
            del self.store.files[name]
            self.send(b"", 204)
        elif found[1] == "download/":
            self.give(name)
        else:
            self.say(self._about(name))

    def _about(self, name: str) -> dict[str, Any]:
        data, number = self.store.files[name], self.store.written[name]
        digest = base64.b64encode(hashlib.md5(data).digest()).decode()
        return {
            "kind": "storage#object",
            "bucket": "bucket",
            "name": name,
            "size": str(len(data)),
            "md5Hash": digest,
            "etag": f"{number}/=",
            "generation": str(number),
            "updated": f"2026-01-01T00:{number // 60 % 60:02d}:{number % 60:02d}.000Z",
        }

    def _list(self) -> None:
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter", "")
        names, folders = [], set()
        for name in sorted(name for name in self.store.files if name.startswith(prefix)):
            inner, found, _ = name[len(prefix) :].partition(delimiter or "\0")
            if found:
                folders.add(prefix + inner + found)
            else:
                names.append(name)
        first = int(self.query.get("pageToken", 0))
        shown = names[first : first + PAGE]
        listed = {"kind": "storage#objects", "items": [self._about(name) for name in shown]}
        more = {"nextPageToken": str(first + PAGE)} if len(names) > first + PAGE else {}
        self.say({**listed, **more, "prefixes": sorted(folders)})

    def _upload(self) -> None:
        """In one request with two parts, or begun by one and sent to the address that it got."""
        kind = self.query["uploadType"]
        if kind == "multipart":
            line = b"--" + self.headers["content-type"].partition('boundary="')[2][:-1].encode()
            _, about, content, _ = self.body.split(line)
            name = json.loads(about.partition(b"\n\n")[2])["name"]
            self._written(name, content.partition(b"\n\n")[2][:-1])
        elif kind == "resumable":
            place = f"{self.store.address}/upload/storage/v1/b/bucket/o"
            name = self.path.partition("name=")[2].partition("&")[0]
            self.say({}, location=f"{place}?uploadType=begun&name={name}")
        else:
            first, last, size = map(int, re.findall(r"\d+", self.headers["content-range"]))
            before = self.store.files.get(self.query["name"], b"") if first else b""
            self._written(self.query["name"], before[:first] + self.body)
            assert last < size

    def _written(self, name: str, data: bytes) -> None:
        self.store.write(name, data)
        self.say(self._about(name))


class _Hub(_Handler):
    """A hub with one data set, "someone/faces", and its branches; "@" parts them from the names."""

    heads: ClassVar[tuple[str, ...]] = ("main", "old", "refs/convert/parquet")

    def answer(self, path: str) -> None:
        api = re.fullmatch(r"/api/datasets/someone/faces(?:/([\w-]+)/([^/]+)(?:/(.+))?)?", path)
        given = re.fullmatch(r"/datasets/someone/faces/resolve/([^/]+)/(.+)", path)
        if api is None and given is None:
            self._missing("RepoNotFound")
        elif given is not None:
            name = f"{unquote(given[1])}@{unquote(given[2])}"
            if name in self.store.files:
                self.give(name)
            else:
                self._missing("EntryNotFound")
        elif api is not None:
            self._api(api[1], unquote(api[2] or "main"), unquote(api[3] or ""))

    def _api(self, verb: str | None, head: str, place: str) -> None:
        if head not in self.heads:
            self._missing("RevisionNotFound")
        elif verb in (None, "revision"):
            self.say({"id": "someone/faces", "sha": "0" * 40})
        elif verb == "tree":
            self._tree(head, place)
        elif verb == "paths-info":
            wanted = parse_qs(self.body.decode())["paths"]
            names = [path for path in wanted if f"{head}@{path}" in self.store.files]
            self.say([self._about(path, self.store.files[f"{head}@{path}"]) for path in names])
        elif verb == "preupload":
            files = [file["path"] for file in json.loads(self.body)["files"]]
            modes = [
                {"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in files
            ]
            self.say({"files": modes})
        elif verb == "commit":
            for line in map(json.loads, self.body.splitlines()):
                self._commit(head, line["key"], line["value"])
            address = f"{self.store.address}/datasets/someone/faces"
            self.say({"commitUrl": f"{address}/commit/{1:040d}", "commitOid": f"{1:040d}"})
        else:
            self._missing("EntryNotFound")

    def _commit(self, head: str, key: str, value: Any) -> None:
        if key == "file":
            self.store.write(f"{head}@{value['path']}", base64.b64decode(value["content"]))
        elif key == "deletedFile":
            del self.store.files[f"{head}@{value['path']}"]

    def _missing(self, what: str) -> None:
        self.say({"error": what}, 404, X_Error_Code=what)

    def _about(self, path: str, data: bytes) -> dict[str, Any]:
        oid = hashlib.sha1(data).hexdigest()
        return {"type": "file", "oid": oid, "size": len(data), "path": path}

    def _tree(self, head: str, place: str) -> None:
        start = f"{head}@{place}{'/' if place else ''}"
        inside = {
            name.partition("@")[2]: data
            for name, data in sorted(self.store.files.items())
            if name.startswith(start)
        }
        if not inside:
            self._missing("EntryNotFound")
            return
        rows: dict[str, dict[str, Any]] = {}
        for path, data in inside.items():
            steps = path[len(start.partition("@")[2]) :].split("/")
            for deep in range(1, len(steps)):
                folder = path[: len(path) - len("/".join(steps[deep:])) - 1]
                rows[folder] = {"type": "directory", "oid": "0" * 40, "size": 0, "path": folder}
            rows[path] = self._about(path, data)
        if self.query.get("recursive", "false").lower() != "true":
            deep = start.partition("@")[2].count("/")
            rows = {path: row for path, row in rows.items() if path.count("/") == deep}
        first = int(self.query.get("cursor", 0))
        shown = list(rows.values())[first : first + PAGE]
        more = {}
        if len(rows) > first + PAGE:
            address = self.path.partition("&cursor=")[0]
            link = f"{self.store.address}{address}&cursor={first + PAGE}"
            more = {"Link": f'<{link}>; rel="next"'}
        self.say(shown, **more)


@contextmanager
def _served(kind: type[_Handler]) -> Iterator[Store]:
    own = type("Own", (kind,), {"store": Store()})
    with local_server(own) as (address, _):
        own.store.address = address
        yield own.store


def google() -> Any:
    """Google's storage with one empty bucket, "bucket"; the files are those in it."""
    return _served(_Google)


def hub() -> Any:
    """A hub with an empty data set, "someone/faces"; files are called BRANCH@NAME."""
    return _served(_Hub)
