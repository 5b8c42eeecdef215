"""moto's S3 server behind one that is slow, fails and lies, while a test runs."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from lookalike.sources.remote import filesystem
from lookalike.sources.remote.filesystem import RemotePlace


@dataclass
class Bucket:
    """The address of the bucket, and what goes wrong with keys that end so: how often it does."""

    url: str
    faults: dict[tuple[str, str], int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def fetched(self, ending: str = ".tar") -> list[str]:
        """The base names of the files that were asked for whole since last time."""
        asked, self.asked = self.asked, []
        whole = [one for one in asked if one.startswith("GET") and one.endswith(ending)]
        return [one.rpartition("/")[2] for one in whole]

    def fault(self, path: str) -> str:
        for (ending, kind), times in self.faults.items():
            if path.partition("?")[0].endswith(ending) and times > 0:
                self.faults[ending, kind] -= 1
                return kind
        return ""


def handler(bucket: Bucket, port: int) -> type[BaseHTTPRequestHandler]:
    class Between(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            fault = bucket.fault(self.path) if self.command == "GET" else ""
            part = " in part" if self.headers.get("range") else ""
            bucket.asked.append(f"{self.command} {self.path.partition('?')[0]}{part}")
            if fault == "slow":
                time.sleep(7)
            there = http.client.HTTPConnection("127.0.0.1", port)
            there.request(self.command, self.path, body, dict(self.headers))
            answer = there.getresponse()
            data, status = answer.read(), 500 if fault == "fail" else answer.status
            if fault == "short":
                data = data[: len(data) // 2]
            if fault == "lie":
                data = data[:-1] + bytes([data[-1] ^ 1])
            try:
                self.send_response(status)
                for name, value in answer.getheaders():
                    if fault and name.lower().startswith("x-amz-checksum"):
                        continue
                    known = {"content-length", "transfer-encoding", "connection"}
                    if name.lower() not in known or (
                        name.lower() == "content-length" and self.command == "HEAD"
                    ):
                        self.send_header(name, value)
                if self.command != "HEAD":
                    self.send_header("content-length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)
            except OSError:
                self.close_connection = True

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Between


@pytest.fixture(scope="module")
def moto_port() -> Iterator[int]:
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def bucket(moto_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    import fsspec
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)

    here = Bucket(f"s3://photos-{abs(hash(tmp_path)) % 10**9}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(here, moto_port))
    server.daemon_threads = True
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
        "LOOKALIKE_CACHE": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    quick = {"connect_timeout": 5, "read_timeout": 5, "retries": {"max_attempts": 2}}
    options = {"config_kwargs": quick, "use_listings_cache": False, "skip_instance_cache": True}
    monkeypatch.setitem(filesystem.OPTIONS, "s3", options)
    fsspec.filesystem("s3", **options).mkdir(here.url)
    yield here
    server.shutdown()
    server.server_close()


def upload(folder: Path, url: str) -> None:
    place = RemotePlace(url)
    for path in folder.rglob("*"):
        if path.is_file():
            place.put(path.relative_to(folder).as_posix(), path)
