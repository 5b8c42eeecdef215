"""The ten requirements of security, each attacked."""

from __future__ import annotations

import io
import re
import select
import socket
import sys
import threading
import time
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest
from case_tools import until
from PIL import Image, PngImagePlugin
from studio_client import Client, let_in, serving

from lookalike import api
from lookalike.errors import LookalikeError
from lookalike.settings.studio import StudioSettings
from lookalike.studio import guard
from lookalike.studio.server import server
from lookalike.studio.server.server import Served, prepare, serve
from lookalike.studio.worker import MOST_WAITING


def png(size: tuple[int, int] = (40, 30), **text: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for name, value in text.items():
        info.add_text(name, value)
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 30, 90)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


@pytest.fixture
def upload(client: Client) -> str:
    """The address of a folder that is being filled."""
    return f"/api/upload/{client.change('/api/upload', {'name': 'mine'}).json['id']}"


# ---- 1. loopback only, or an explicit flag and still a token ------------------------------------


@pytest.mark.slow
def test_it_listens_to_this_machine_alone(served: Served) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", served.port), timeout=5)


@pytest.mark.slow
def test_on_all_addresses_it_still_wants_a_token_and_a_name_of_ours(home: Path) -> None:
    with serving(home, host="0.0.0.0") as served:
        stranger = Client(served)
        assert stranger.get("/api/about").status == 401
        assert stranger.get("/api/about", host=f"evil.example:{served.port}").status == 403
        assert let_in(served).get("/api/about").status == 200


def test_a_port_that_is_taken_is_said(served: Served, home: Path) -> None:
    with pytest.raises(LookalikeError, match="another port"):
        prepare(home, StudioSettings(port=served.port))


def test_who_opens_the_link_as_soon_as_it_is_said_is_not_refused(tmp_path: Path) -> None:
    said: list[str] = []

    def say(served: Served, link: str) -> None:
        socket.create_connection(("127.0.0.1", served.port), timeout=5).close()
        said.append(link)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serve(tmp_path, StudioSettings(port=0, open=False), say)
    assert len(said) == 1


def test_a_second_studio_that_starts_at_the_same_time_takes_the_next_port(tmp_path: Path) -> None:
    first, second = (prepare(tmp_path, StudioSettings(open=False)) for _ in range(2))
    with first.socket, second.socket:
        assert second.port > first.port


# ---- 2. Host, word for word ---------------------------------------------------------------------

HOSTS = (
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.0.0.1:{port}.evil.example",
    "127.0.0.1.evil.example:{port}",
    "localhost.evil.example:{port}",
    "evil.example:{port}@127.0.0.1:{port}",
    "127.0.0.1:{port}, evil.example",
    "127.1:{port}",
    "2130706433:{port}",
    "[::ffff:127.0.0.1]:{port}",
    "0.0.0.0:{port}",
    "",
)


@pytest.mark.parametrize("host", HOSTS)
def test_another_host_is_refused_even_with_our_cookie(client: Client, host: str) -> None:
    asked = host.format(port=client.served.port)
    for path in ("/", "/api/about", "/static/shell.js"):
        assert client.get(path, host=asked).status in (400, 403)


def test_two_hosts_or_none_are_refused(client: Client) -> None:
    for lines in (b"", b"Host: %s\r\nHost: evil.example\r\n" % client.host.encode()):
        with socket.create_connection(("127.0.0.1", client.served.port), timeout=10) as line:
            line.sendall(b"GET /api/about HTTP/1.1\r\n" + lines + b"\r\n")
            assert line.recv(64).split()[1] in (b"400", b"403")


@pytest.mark.parametrize("host", ["localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"])
def test_other_names_of_this_machine_are_ours(client: Client, host: str) -> None:
    assert client.get("/api/about", host=host.format(port=client.served.port)).status == 200


# ---- 3. a token of 128 bits, traded once --------------------------------------------------------


def test_nothing_is_served_without_the_cookie(client: Client) -> None:
    stranger = Client(client.served)
    paths = ("/static/shell.js", "/api/about", "/api/library", "/picture/0123456789abcdef/0")
    assert {stranger.get(path).status for path in paths} == {401}
    page = stranger.get("/")
    assert page.status == 401
    assert b"<" not in page.body
    for cookie in ("", "x", client.cookie[:-1], f"{client.cookie}x", "lookalike-studio=1"):
        assert Client(client.served, cookie).get("/api/about").status == 401


def test_a_token_has_128_bits_and_is_taken_once(served: Served) -> None:
    link = served.link()
    assert len(re.findall(r"token=([\w-]{22})$", link)) == 1
    first = Client(served).get(link.partition(str(served.port))[2])
    assert first.status == 303
    assert first.headers["location"] == "/"
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    again = Client(served).get(link.partition(str(served.port))[2])
    assert "set-cookie" not in again.headers
    wrong = Client(served).get("/?token=AAAAAAAAAAAAAAAAAAAAAA")
    assert "set-cookie" not in wrong.headers


# ---- 4. changes come from our page alone --------------------------------------------------------

FOREIGN: tuple[dict[str, str | None], ...] = (
    {"origin": None},
    {"origin": "null"},
    {"origin": "http://evil.example"},
    {"origin": "https://{host}"},
    {"origin": "http://{host}.evil.example"},
    {"origin": "http://{host}/"},
    {"origin": "http://127.0.0.1"},
    {"x_lookalike": None},
    {"x_lookalike": "0"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"content_type": "text/plain"},
    {"content_type": "application/x-www-form-urlencoded"},
    {"content_type": "multipart/form-data; boundary=x"},
    {"content_type": None},
)


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_change_from_elsewhere_is_refused(client: Client, headers: dict[str, str | None]) -> None:
    asked = {name: value and value.format(host=client.host) for name, value in headers.items()}
    before = client.ids("folder")
    answer = client.change("/api/upload", {"name": "stolen"}, **asked)
    assert answer.status in (403, 415)
    assert client.ids("folder") == before


@pytest.mark.slow
def test_other_methods_and_reading_changes_are_refused(client: Client) -> None:
    for method in ("DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"):
        assert client.ask(method, "/api/about").status in (400, 405)
    assert client.get("/api/upload").status == 404
    assert client.get("/api/about", sec_fetch_site="cross-site").status == 403
    assert client.get("/api/about", sec_fetch_site="same-origin").status == 200
    assert client.get("/", sec_fetch_site="cross-site").status == 200


# ---- 5. and 6. headers --------------------------------------------------------------------------


def test_every_answer_has_the_headers_and_none_of_cors(client: Client) -> None:
    stranger = Client(client.served)
    answers = [
        client.get("/"),
        client.get("/static/shell.js"),
        client.get("/api/about", origin="http://evil.example"),
        client.get("/nowhere"),
        client.get("/api/about", host="evil.example"),
        stranger.get("/api/about"),
        stranger.get("/"),
        client.change("/api/upload", {"name": 7}),
        client.get(f"/picture/{client.ids('folder')['blots']}/0"),
        client.get(f"/page/{client.ids('run')['runs/first']}/report"),
    ]
    assert {answer.status for answer in answers} == {200, 400, 401, 403, 404}
    for answer in answers:
        headers = answer.headers
        assert not [name for name in headers if name.startswith("access-control")]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert "http:" not in policy
        assert ("'unsafe-inline'" in policy) == ("sandbox;" in policy)


def test_the_page_has_nothing_inline_and_names_only_own_files(client: Client) -> None:
    static = Path(server.__file__).parents[1] / "static"
    page = client.get("/").body.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", page) == []
    for file in [*static.glob("*.js"), *static.glob("*.html"), *static.glob("*.css")]:
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert re.findall(r"https?://|//[a-z]+\.[a-z]+/|@import|innerHTML|eval\(", text) == []
        assert client.get(f"/static/{file.name}").status == 200


# ---- 7. ids, never paths ------------------------------------------------------------------------

SPELLINGS = (
    "../outside.txt",
    "..",
    ".",
    "...",
    "..%2foutside.txt",
    "%2e%2e/outside.txt",
    "%2e%2e%2foutside.txt",
    "%252e%252e%252foutside.txt",
    "..%5coutside.txt",
    "..\\outside.txt",
    "%5c%5cserver%5cshare",
    "\\\\server\\share",
    "//server/share",
    "C:/Windows/win.ini",
    "C%3a%5cWindows",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "file:///etc/passwd",
    "....//outside.txt",
    "..;/outside.txt",
    "..%00/outside.txt",
    "%00",
    "0123456789abcdef%00",
    "0123456789abcdef/../..",
    "0123456789ABCDEF",
    "0123456789abcde",
    "0123456789abcdef0",
    "0123456789abcdeg",
    "%c0%ae%c0%ae/outside.txt",
    "%e0%80%ae",
    "..%c0%afoutside.txt",
    "..%ef%bc%8foutside.txt",
    "%uff0e%uff0e/outside.txt",
    "~root",
    "~/.ssh/id_rsa",
    "$HOME",
    "*",
    "CON",
    "outside.txt",
    "..%0d%0aX-Injected:1",
    "%2e%2e%3boutside.txt",
    "blots",
    ".lookalike-studio",
)
PLACES = (
    "/picture/{}/0",
    "/picture/{}/cover",
    "/picture/{}/grid/0",
    "/static/{}",
    "/api/start/{}",
    "/api/train/{}",
    "/api/judge/{}",
    "/page/{}/report",
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_a_path_leads_anywhere(client: Client, spelling: str) -> None:
    for place in PLACES:
        answer = client.get(place.format(spelling))
        assert answer.status in (400, 404), place
        assert b"secret" not in answer.body
    begun = client.change(f"/api/start/{spelling}/begin", {"minutes": 1})
    assert begun.status in (400, 404)
    # A name of an upload is no path: what is wrong in it is left out (see the next test).
    assert client.change("/api/upload", {"name": spelling}).status in (200, 400)


def test_dropped_folders_stay_in_their_place(client: Client, home: Path) -> None:
    before = set(home.parent.rglob("*"))
    for spelling in ("../../x", "/etc/x", "..\\..\\x", "x\0y", "CON", ".hidden", "a/b/c", "~"):
        made = client.change("/api/upload", {"name": spelling})
        path = f"/api/upload/{made.json['id']}?class=..%2F..%2F{spelling[:1]}x"
        assert client.put(path, png()).status == 200
    dropped = home / ".lookalike-studio" / "dropped"
    added = set(home.parent.rglob("*")) - before - {dropped, dropped.parent}
    assert len(added) >= 16
    assert all(path.is_relative_to(dropped) for path in added)


# ---- 8. bytes of people -------------------------------------------------------------------------

SCRIPT = b"<script>alert(1)</script>"
NO_PICTURES = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<!doctype html><title>x</title>" + SCRIPT,
    "xml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "gif and script": b"GIF89a/*" + SCRIPT + b"*/=1;",
    "pickle": b"\x80\x04\x95\x1b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93.",
    "python": b"import os\n",
    "recipe": b'{"recipe": {"part": "os.system"}}',
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "empty": b"",
    "half": png()[:60],
}


@pytest.mark.parametrize("kind", sorted(NO_PICTURES))
def test_what_is_no_picture_is_refused(client: Client, upload: str, kind: str) -> None:
    answer = client.put(upload, NO_PICTURES[kind])
    assert answer.status == 415
    assert answer.json["error"] == "KindError"


def test_what_hides_in_a_picture_is_neither_kept_nor_given_back(
    client: Client, upload: str, home: Path
) -> None:
    hiding = png(Comment=SCRIPT.decode()) + SCRIPT
    name = client.put(upload, hiding).json["name"]
    entry = client.change(f"{upload}/end").json
    kept = next(home.rglob(name))
    shown = client.get(f"/picture/{entry['id']}/0")
    assert shown.headers["content-type"] == "image/webp"
    for data in (kept.read_bytes(), shown.body):
        assert b"script" not in data
        assert b"Comment" not in data


def test_a_page_of_another_name_in_a_folder_is_shown_as_nothing(client: Client, home: Path) -> None:
    (home / "traps").mkdir()
    (home / "traps" / "a.png").write_bytes(SCRIPT)
    (home / "traps" / "b.png").write_bytes(png())
    id_ = client.ids("folder")["traps"]
    answers = [client.get(f"/picture/{id_}/{number}") for number in range(3)]
    assert [answer.status for answer in answers] == [204, 200, 204]
    assert all(b"script" not in answer.body for answer in answers)


@pytest.mark.slow
def test_pixels_and_bytes_have_limits(client: Client, upload: str) -> None:
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    assert client.put(upload, bomb.getvalue()).status == 415
    claimed = client.put(upload, b"x", content_length=str(3 << 30))
    assert claimed.status == 413
    assert client.change("/api/upload", {"name": "x" * 70_000}).status == 413
    assert client.change("/api/upload", {"name": "x" * 500}).status == 400


def test_a_picture_of_too_many_pixels_is_never_decoded(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = io.BytesIO()
    Image.new("1", (10_000, 9_000)).save(large, "PNG")
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    assert client.put("/api/draw/gallery/inspect", large.getvalue()).status == 415


def test_thousands_are_named_at_once_and_more_are_refused_in_words(client: Client) -> None:
    ids = [f"{number:016x}" for number in range(20_001)]
    for path in ("/api/gallery/delete", "/api/draw/gallery/zip"):
        assert client.change(path, {"ids": ids[:20_000]}).status in (200, 400)
        refused = client.change(path, {"ids": ids})
        assert refused.status == 400
        assert refused.json["message"] == "At most 20,000 can be asked for at once, not 20,001."
    assert client.change("/api/start/0123456789abcdef/begin", {"ids": ids}).status == 413


def test_a_body_that_never_ends_is_cut_off(client: Client, upload: str) -> None:
    """64 MB and some more, in chunks that say nothing of their sum."""
    chunk = b"%x\r\n" % (1 << 20) + b"\0" * (1 << 20) + b"\r\n"
    head = (
        f"PUT {upload} HTTP/1.1\r\nHost: {client.host}\r\nOrigin: http://{client.host}\r\n"
        f"Cookie: {client.cookie}\r\nX-Lookalike: 1\r\nContent-Type: application/octet-stream\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", client.served.port), timeout=30) as line:
        line.sendall(head.encode())
        sent = 0
        try:
            while sent < 80:
                line.sendall(chunk)
                sent += 1
            status = line.recv(64).split()[1]
        except OSError:
            status = b"413"
    assert status == b"413"


def test_a_zip_is_looked_at_before_it_is_kept(client: Client, home: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../../evil.png", png())
        archive.writestr("a/b.png", png((50, 50)))
    kept = client.put("/api/upload/zip?name=..%2F..%2Fmy.zip", packed.getvalue())
    assert kept.status == 200
    assert client.get(f"/picture/{kept.json['id']}/0").status == 200
    assert not (home.parent / "evil.png").exists()
    for data in (SCRIPT, b"PK\x03\x04", packed.getvalue()[:200]):
        assert client.put("/api/upload/zip?name=x.zip", data).status == 415
    assert not list((home / ".lookalike-studio" / "dropped").glob("*.part"))


# ---- 9. no connection leaves the machine --------------------------------------------------------


def test_the_studio_connects_to_nobody(client: Client) -> None:
    asked: list[object] = []
    watching = [True]

    def hear(event: str, details: tuple[object, ...]) -> None:
        ours = threading.current_thread() is not threading.main_thread()
        if watching[0] and ours and event in ("socket.connect", "socket.getaddrinfo"):
            asked.append(details)

    sys.addaudithook(hear)
    folder, run = client.ids("folder")["blots"], client.ids("run")["runs/first"]
    for path in (
        "/",
        f"/api/start/{folder}",
        f"/picture/{folder}/1",
        f"/api/train/{run}",
        f"/api/train/{run}/series",
        f"/api/judge/{run}",
        f"/page/{run}/report",
    ):
        assert client.get(path).status == 200, path
    watching[0] = False
    assert asked == []


# ---- 10. no code, one training, limits ----------------------------------------------------------


def test_no_recipe_of_somebody_is_taken(client: Client, tmp_path: Path) -> None:
    folder = client.ids("folder")["blots"]
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
    for recipe in (str(tmp_path / "mine.py"), "../mine.py", "mine.py", "recipe.json", "os"):
        begun = client.change(f"/api/start/{folder}/begin", {"minutes": 1, "recipe": recipe})
        assert begun.status == 404
        for place in (f"/api/start/{folder}", f"/api/start/{folder}/outlook"):
            assert client.get(f"{place}?recipe={quote(recipe, safe='')}").status == 404, place
    assert not (tmp_path / "run").exists()
    offered = client.get(f"/api/start/{folder}").json["recipes"]
    assert {one["name"] for one in offered} == {one.name for one in api.recipes() if one.own}
    for minutes in (0, -1, 1e9, "5", None, True, [1]):
        begun = client.change(f"/api/start/{folder}/begin", {"minutes": minutes})
        assert begun.status == 400


def test_streams_have_a_limit_and_free_it(client: Client) -> None:
    run = client.ids("run")["runs/first"]
    request = (
        f"GET /api/train/{run}/live HTTP/1.1\r\nHost: {client.host}\r\n"
        f"Cookie: {client.cookie}\r\n\r\n"
    ).encode()
    lines = []
    for _ in range(32):
        line = socket.create_connection(("127.0.0.1", client.served.port), timeout=30)
        line.sendall(request)
        assert line.recv(64).split()[1] == b"200"
        lines.append(line)
    assert client.get(f"/api/train/{run}/live").status == 503
    for line in lines:
        line.close()
    for _ in range(100):
        with socket.create_connection(("127.0.0.1", client.served.port), timeout=30) as line:
            line.sendall(request)
            if line.recv(64).split()[1] == b"200":
                return
        time.sleep(0.1)
    raise AssertionError("streams that were closed still count")


def silent_lines(client: Client, count: int) -> list[socket.socket]:
    """Connections of which one half says nothing and the other half never ends its head."""
    where = ("127.0.0.1", client.served.port)
    lines = [socket.create_connection(where, timeout=10) for _ in range(count)]
    for line in lines[: count // 2]:
        line.sendall(b"GET / HTTP/1.1\r\nHost: 12")
    return lines


def readable(lines: list[socket.socket]) -> list[socket.socket]:
    """The connections that were answered or closed."""
    poll = select.poll()
    for line in lines:
        poll.register(line, select.POLLIN)
    ready = {number for number, _ in poll.poll(0)}
    return [line for line in lines if line.fileno() in ready]


def test_two_hundred_connections_that_say_nothing_hold_nobody_up(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No clock, which a busy machine would stretch: who asks is answered while all of them wait.
    monkeypatch.setattr(server, "HEAD_SECONDS", 600.0)
    silent = silent_lines(client, 200)
    assert client.get("/api/about").status == 200
    assert readable(silent) == []
    for line in silent:
        line.close()


@pytest.mark.slow
def test_slow_clients_are_cut_off(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(guard, "PATIENCE", 0.5)
    for line in silent_lines(client, 200):
        assert line.recv(64) == b"", "closed, and nothing was said"
        line.close()
    slow = socket.create_connection(("127.0.0.1", client.served.port), timeout=10)
    slow.sendall(
        f"PUT /api/upload/0123456789abcdef HTTP/1.1\r\nHost: {client.host}\r\n"
        f"Origin: http://{client.host}\r\nCookie: {client.cookie}\r\nX-Lookalike: 1\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 100\r\n\r\nx".encode()
    )
    assert slow.recv(64).split()[1] == b"408"
    slow.close()


@pytest.mark.slow
def test_connections_have_a_limit_and_free_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Fewer than 512, since each of them is two open files of this process.
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 24)
    with serving(home) as served:
        client = let_in(served)
        silent = silent_lines(client, 24)
        assert client.get("/api/about").status == 503
        for line in silent:
            line.close()
        until(lambda: client.get("/api/about").status == 200)


def test_what_waits_for_the_one_worker_has_a_limit_and_frees_it(home: Path) -> None:
    with serving(home) as served:
        client = let_in(served)
        mask = b"\1\0\1\0\xff"  # of one place: the least that the worker does
        assert client.put("/api/draw/mask", mask).status == 200  # loads what draws
        begun, freed = threading.Event(), threading.Event()
        held = served.studio.worker.submit(lambda: (begun.set(), freed.wait(60)))
        assert begun.wait(60)
        asked = []
        for _ in range(MOST_WAITING + 6):
            line = socket.create_connection(("127.0.0.1", served.port), timeout=60)
            line.sendall(
                f"PUT /api/draw/mask HTTP/1.1\r\nHost: {client.host}\r\n"
                f"Origin: http://{client.host}\r\nCookie: {client.cookie}\r\nX-Lookalike: 1\r\n"
                "Content-Type: application/octet-stream\r\n"
                f"Content-Length: {len(mask)}\r\n\r\n".encode()
                + mask
            )
            asked.append(line)
        refused = until(lambda: len(found := readable(asked)) >= 6 and found)
        freed.set()
        assert held.result(60)
        answers = {line: line.recv(64).split()[1] for line in asked}
        assert {answers[line] for line in refused} == {b"503"}
        assert sorted(answers.values()) == [b"200"] * MOST_WAITING + [b"503"] * 6
        assert client.put("/api/draw/mask", mask).status == 200
        for line in asked:
            line.close()


# ---- only looking -------------------------------------------------------------------------------


def test_read_only_changes_nothing(home: Path) -> None:
    with serving(home, read_only=True) as served:
        visitor = let_in(served)
        folder, run = visitor.ids("folder")["blots"], visitor.ids("run")["runs/first"]
        before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
        for path in (
            "/api/upload",
            f"/api/start/{folder}/begin",
            f"/api/start/{folder}/examine",
            f"/api/train/{run}/on",
            f"/api/train/{run}/stop",
            f"/api/judge/{run}/evaluate",
        ):
            assert visitor.change(path, {"minutes": 1}).status == 403
        assert visitor.get(f"/page/{run}/report").status == 200
        assert visitor.get(f"/api/train/{run}").status == 200
        assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before
