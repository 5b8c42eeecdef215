"""A site that wants what it must not have: inner addresses, traps, bodies without end.

The attacking site answers at 127.0.0.2, which counts as public here beside what is public; the
secret one at 127.0.0.1. Every attack has to end in a refusal, within seconds, and the secret is
never asked.
"""

from __future__ import annotations

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import patch

from benchmarks.faults.jobs import Workshop
from lookalike.settings.collect import Manners
from lookalike.sources.http import addresses
from lookalike.sources.http.refusals import RefusedError
from lookalike.sources.http.web import Ask, Web

Handle = Callable[[BaseHTTPRequestHandler], None]
"""Answers one request."""
SECONDS = 12.0
MOST = 100_000
OUTER, INNER = "127.0.0.2", "127.0.0.1"
SPELLINGS = (
    "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "127.0.1", "2130706433",
    "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0x7f.0x0.0x0.0x1", "127.000.000.001",
    "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]",
    "[fe80::1]", "169.254.169.254", "2852039166", "10.0.0.1", "192.168.1.1", "172.16.0.1",
    "100.64.0.1", "[fc00::1]", "[fd00:ec2::254]", "127.0.0.1%2f", "\uff11\uff12\uff17.0.0.1",
    "\u2460\u2461\u2466.0.0.1",
)  # fmt: skip
"""Hosts that lead to this machine or its neighbors, as people and parsers write them."""
SCHEMES = (
    "file:///etc/passwd", "ftp://{inner}/", "gopher://{inner}/_", "javascript:alert(1)",
    "data:image/png;base64,AAAA", "http://user:word@{inner}/", "http:///{inner}/",
    "http://{outer}@{inner}/", "http://{inner}\\@{outer}/", "//{inner}/secret",
)  # fmt: skip
"""Where redirects lead that no browser should follow."""


@dataclass
class Sites:
    """The two sites: what the outer one answers by path, and what the inner one was asked."""

    answers: dict[str, Handle] = field(default_factory=dict)
    secret: list[str] = field(default_factory=list)
    port: int = 0
    inner_port: int = 0

    def url(self, path: str) -> str:
        return f"http://{OUTER}:{self.port}{path}"


@contextmanager
def sites() -> Iterator[Sites]:
    here = Sites()

    class Outer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                here.answers.get(self.path, lambda site: site.send_error(404))(self)
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    class Inner(Outer):
        def do_GET(self) -> None:
            here.secret.append(self.path)
            self.send_error(404)

    servers = [ThreadingHTTPServer((OUTER, 0), Outer), ThreadingHTTPServer((INNER, 0), Inner)]
    here.port, here.inner_port = (server.server_address[1] for server in servers)
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield here
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def _answer(
    body: bytes = b"", status: int = 200, pieces: int = 1, pause: float = 0.0, **headers: str
) -> Handle:
    """An answer that sends a body so many times; header names are written with ``_``."""

    def send(site: BaseHTTPRequestHandler) -> None:
        site.send_response(status)
        for name, value in headers.items():
            site.send_header(name.replace("_", "-"), value)
        site.end_headers()
        for _ in range(pieces):
            site.wfile.write(body)
            time.sleep(pause)

    return send


def _raw(data: bytes, pieces: int = 1, pause: float = 0.0) -> Handle:
    """Bytes in place of an HTTP answer."""

    def send(site: BaseHTTPRequestHandler) -> None:
        for _ in range(pieces):
            site.wfile.write(data)
            site.wfile.flush()
            time.sleep(pause)

    return send


def _bomb() -> bytes:
    return gzip.compress(bytes(200_000_000), 9)


BODIES: dict[str, Callable[[], Handle]] = {
    "an endless body": lambda: _answer(b"x" * 65536, pieces=10**6),
    "an announced giant": lambda: _answer(b"x", content_length="5000000000"),
    "a slow body": lambda: _answer(b"x", pieces=10**6, pause=0.2, content_length="90000"),
    "a slow head": lambda: _raw(b"H", pieces=10**6, pause=0.2),
    "an endless head": lambda: _raw(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 10**6, pieces=100),
    "endless lines of a head": lambda: _raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 10**7, pieces=100),
    "a gzip bomb": lambda: _answer(_bomb(), content_encoding="gzip"),
    "a bomb in a bomb": lambda: _answer(
        gzip.compress(_bomb()), content_encoding="gzip, gzip"
    ),
    "a deflate bomb": lambda: _answer(
        zlib.compress(bytes(200_000_000), 9), content_encoding="deflate"
    ),
    "an unknown packing": lambda: _answer(b"x" * 100, content_encoding="br"),
    "a body that lies of its packing": lambda: _answer(b"plain", content_encoding="gzip"),
    "a body that ends early": lambda: _answer(b"x" * 10, content_length="1000"),
    "an endless chunk": lambda: _raw(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffff\r\n" + b"x" * 65536, 10**5
    ),
    "chunks that are none": lambda: _raw(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nx\r\n"
    ),
    "two lengths": lambda: _raw(
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 9\r\n\r\nhellohell"
    ),
    "a length below zero": lambda: _raw(b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello"),
    "no HTTP at all": lambda: _raw(b"SSH-2.0-OpenSSH_9.0\r\n"),
    "nothing": lambda: _raw(b""),
    "interim answers without end": lambda: _raw(b"HTTP/1.1 100 Continue\r\n\r\n", 10**6, 0.01),
    "zeros in the head": lambda: _raw(b"HTTP/1.1 200 OK\r\na\x00b: c\r\n\r\n"),
    "a wait of years": lambda: _answer(status=503, retry_after="999999999"),
    "a wait that is no number": lambda: _answer(status=429, retry_after="\u00e9" * 3),
    "a redirect to itself": lambda: _answer(status=302, location="/attack"),
    "a redirect nowhere": lambda: _answer(status=302),
    "a redirect of a megabyte": lambda: _answer(status=302, location="/" + "a" * 60_000),
}  # fmt: skip
"""What an answer can be; each has to be refused."""


def attacks() -> list[tuple[str, Callable[[Sites, Web], None]]]:
    """Every attack in words, and how it is done."""

    def direct(host: str) -> Callable[[Sites, Web], None]:
        return lambda here, web: _get(web, f"http://{host}:{here.inner_port}/secret")

    def redirect(target: str) -> Callable[[Sites, Web], None]:
        def attack(here: Sites, web: Web) -> None:
            inner, outer = f"{INNER}:{here.inner_port}", f"{OUTER}:{here.port}"
            place = target.format(inner=inner, outer=outer, port=here.inner_port)
            here.answers["/attack"] = _answer(status=302, location=place)
            _get(web, here.url("/attack"))

        return attack

    def body(
        make: Callable[[], Handle],
    ) -> Callable[[Sites, Web], None]:
        def attack(here: Sites, web: Web) -> None:
            here.answers["/attack"] = make()
            _get(web, here.url("/attack"))

        return attack

    found = [(f"the address {host}", direct(host)) for host in SPELLINGS]
    latin = [host for host in SPELLINGS if host.isascii()]
    found += [(f"a redirect to {h}", redirect(f"http://{h}:{{port}}/secret")) for h in latin]
    found += [(f"a redirect to {scheme}", redirect(scheme)) for scheme in SCHEMES]
    found += [(words, body(make)) for words, make in BODIES.items()]
    found += [(f"a name that answers {' then '.join(a)}", _names(a)) for a in ANSWERS]
    return found


ANSWERS = ((INNER,), (OUTER, INNER), ("10.0.0.1",), ("::1",), ("169.254.169.254",))
"""What a hostile name server says, first and then; a mixed first answer is refused at once."""


def _names(answers: tuple[str, ...]) -> Callable[[Sites, Web], None]:
    def attack(here: Sites, web: Web) -> None:
        said = iter(answers)
        real = socket.getaddrinfo

        def lookup(host: str, port: int, *rest: object, **named: object) -> object:
            if host != "changing.example":
                return real(host, port, *rest, **named)  # type: ignore[arg-type]
            return real(next(said, answers[-1]), port, type=socket.SOCK_STREAM)

        here.answers["/secret"] = _answer(status=302, location="http://changing.example:1/")
        with patch("socket.getaddrinfo", lookup):
            _get(web, f"http://changing.example:{here.inner_port}/secret")

    return attack


def _get(web: Web, url: str) -> None:
    web.get(Ask(url=url, most=MOST))


def trial(workshop: Workshop, number: int) -> tuple[str, str]:
    """What was tried, and what was wrong (nothing, if nothing)."""
    words, attack = attacks()[number]
    manners = Manners(delay=0, backoff=0.01, timeout=1, total=3, tries=2, patience=2)
    real = addresses.is_public
    with (
        sites() as here,
        patch.object(addresses, "is_public", lambda address: address == OUTER or real(address)),
        Web(manners) as web,
    ):
        begun = time.monotonic()
        try:
            attack(here, web)
            wrong = "it was not refused"
        except RefusedError:
            wrong = ""
        except Exception as problem:
            wrong = f"no refusal of ours: {problem!r}"
        seconds = time.monotonic() - begun
        if seconds > SECONDS:
            wrong = f"it took {seconds:.0f} s"
        if here.secret:
            wrong = f"the secret was asked: {here.secret}"
    return words, wrong


COUNT = len(attacks())
