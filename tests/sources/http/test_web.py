import gzip
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event, Thread, Timer

import pytest

from lookalike.settings.collect import Manners
from lookalike.sources.http.refusals import BusyError, RefusedError
from lookalike.sources.http.robots import Robots, opts_out
from lookalike.sources.http.web import Ask, Web, retry_after


def test_a_body_arrives_with_our_name_and_contact(site, quick: Manners) -> None:
    site.put("/a", b"hello", "text/plain; charset=utf-8")
    manners = Manners(**{**quick.__dict__, "contact": "ann@example.org"})
    with Web(manners) as web:
        reply = web.get(Ask(url=site.url("/a")))
    assert (reply.body, reply.kind, reply.status) == (b"hello", "text/plain", 200)
    assert site.agents[0].startswith("lookalike/")
    assert "ann@example.org" in site.agents[0]


def test_our_own_machine_is_not_spoken_to_unless_allowed(site) -> None:
    with Web(Manners(delay=0)) as web, pytest.raises(RefusedError, match="private address"):
        web.get(Ask(url=site.url("/a")))
    assert site.asked == []


def test_a_redirect_to_a_private_address_is_refused(
    site, quick: Manners, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site counts as public, its redirect leads to the real loopback by another name."""
    site.put("/out", status=302, headers={"location": "http://inside.example:1/secret"})
    real = socket.getaddrinfo
    asked = []

    def lookup(host: str, port: int, *rest: object, **named: object) -> object:
        asked.append(host)
        return real("127.0.0.1", port, type=socket.SOCK_STREAM)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(
        "lookalike.sources.http.addresses.is_public", lambda address: asked[-1] == "127.0.0.1"
    )
    manners = Manners(**{**quick.__dict__, "allow_private": False})
    with Web(manners) as web, pytest.raises(RefusedError, match=r"inside\.example leads to"):
        web.get(Ask(url=site.url("/out")))
    assert site.asked == ["/out"]


def test_a_name_that_changes_its_answer_is_looked_up_once_and_the_checked_number_is_used(
    site, quick: Manners, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: first a public answer, then a private one. Only the first is ever used."""
    answers = iter(["203.0.113.9", "127.0.0.1"])
    connected: list[str] = []
    import httpcore

    monkeypatch.setattr(
        "lookalike.sources.http.addresses.resolve", lambda host, port: [next(answers)]
    )
    monkeypatch.setattr("lookalike.sources.http.addresses.is_public", lambda a: a != "127.0.0.1")

    def connect(self: object, host: str, *_: object) -> None:
        connected.append(host)
        raise httpcore.ConnectError("not reachable from a test")

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    manners = Manners(**{**quick.__dict__, "allow_private": False, "tries": 1})
    with Web(manners) as web, pytest.raises(RefusedError, match="connection failed"):
        web.get(Ask(url="http://rebinding.example/"))
    assert connected == ["203.0.113.9"]


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "gopher://x/", "ftp://x/a.png", "http://[x/"]
)
def test_a_redirect_out_of_http_is_refused(site, quick: Manners, target: str) -> None:
    site.put("/out", status=302, headers={"location": target})
    with Web(quick) as web, pytest.raises(RefusedError, match=r"not (http or https|an address)"):
        web.get(Ask(url=site.url("/out")))


def test_redirects_are_followed_to_the_end_and_not_in_circles(site, quick: Manners) -> None:
    site.put("/1", status=301, headers={"location": "/2"})
    site.put("/2", status=307, headers={"location": site.url("/3")})
    site.put("/3", b"end")
    site.put("/x", status=302, headers={"location": "/y"})
    site.put("/y", status=302, headers={"location": "/x"})
    for number in range(9):
        site.put(f"/r{number}", status=302, headers={"location": f"/r{number + 1}"})
    with Web(quick) as web:
        reply = web.get(Ask(url=site.url("/1")))
        assert (reply.body, reply.url) == (b"end", site.url("/3"))
        with pytest.raises(RefusedError, match="circle"):
            web.get(Ask(url=site.url("/x")))
        with pytest.raises(RefusedError, match="too many redirects"):
            web.get(Ask(url=site.url("/r0")))


def test_an_announced_giant_is_not_read(site, quick: Manners) -> None:
    sent = []

    def write(handler: BaseHTTPRequestHandler) -> None:
        sent.append(handler.wfile.write(b"x" * 10))

    site.put("/big", headers={"content-length": "5000000000"}, write=write)
    with Web(quick) as web, pytest.raises(RefusedError, match="5000000000 announced"):
        web.get(Ask(url=site.url("/big"), most=1000))


def test_an_endless_body_without_a_length_stops_at_the_limit(site, quick: Manners) -> None:
    written = []

    def write(handler: BaseHTTPRequestHandler) -> None:
        for _ in range(2000):
            written.append(handler.wfile.write(b"x" * 65536))

    site.put("/endless", headers={"content-length": ""}, write=write)
    with Web(quick) as web, pytest.raises(RefusedError, match="more than 100000"):
        web.get(Ask(url=site.url("/endless"), most=100_000))
    assert sum(written) < 20_000_000


def test_a_compressed_bomb_stops_at_the_limit(site, quick: Manners) -> None:
    bomb = gzip.compress(bytes(50_000_000), 9)
    site.put("/bomb", bomb, headers={"content-encoding": "gzip"})
    with Web(quick) as web, pytest.raises(RefusedError, match="too many bytes"):
        web.get(Ask(url=site.url("/bomb"), most=1_000_000))


def test_a_compressed_answer_is_unfolded(site, quick: Manners) -> None:
    body = gzip.compress(b"hello " * 100)
    site.put("/z", body, headers={"content-encoding": "gzip"})
    site.put("/br", b"?", headers={"content-encoding": "br"})
    with Web(quick) as web:
        assert web.get(Ask(url=site.url("/z"))).body == b"hello " * 100
        with pytest.raises(RefusedError, match="unknown encoding"):
            web.get(Ask(url=site.url("/br")))


def test_a_body_shorter_than_announced_is_a_failure(site, quick: Manners) -> None:
    site.put(
        "/short",
        headers={"content-length": "1000"},
        write=lambda handler: handler.wfile.write(b"abc"),
    )
    with Web(quick) as web, pytest.raises(RefusedError, match="connection failed") as caught:
        web.get(Ask(url=site.url("/short")))
    assert not caught.value.final
    assert site.count("/short") == quick.tries


def _drip(seconds: float, done: Event) -> object:
    def write(handler: BaseHTTPRequestHandler) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not done.wait(0.05):
            handler.wfile.write(b"x")

    return write


def test_a_drip_that_never_stalls_still_ends_at_the_deadline(site, quick: Manners) -> None:
    """Each read is answered in time; only the total catches it."""
    done = Event()
    site.put("/drip", headers={"content-length": ""}, write=_drip(20, done))
    manners = Manners(**{**quick.__dict__, "total": 0.3})
    with Web(manners) as web, pytest.raises(RefusedError, match="too slow") as caught:
        web.get(Ask(url=site.url("/drip")))
    done.set()
    assert not caught.value.final


def test_a_silent_host_is_given_up(site, quick: Manners) -> None:
    done = Event()
    site.put("/quiet", headers={"content-length": "5"}, write=lambda handler: done.wait(20))
    manners = Manners(**{**quick.__dict__, "timeout": 0.2})
    with Web(manners) as web, pytest.raises(RefusedError, match="too slow"):
        web.get(Ask(url=site.url("/quiet")))
    done.set()


def test_429_is_waited_for_as_long_as_the_host_asks(site, quick: Manners) -> None:
    site.put("/busy", status=429, headers={"retry-after": "2"}, then=b"now")
    slept: list[float] = []
    with Web(quick, sleep=slept.append) as web:
        assert web.get(Ask(url=site.url("/busy"))).body == b"now"
    assert sum(slept) == pytest.approx(2, abs=0.2)
    assert site.count("/busy") == 2


def test_a_wait_beyond_our_patience_leaves_the_host_alone(site, quick: Manners) -> None:
    site.put("/busy", status=503, headers={"retry-after": "3600"})
    with Web(quick) as web, pytest.raises(BusyError, match="3600 s"):
        web.get(Ask(url=site.url("/busy")))
    assert site.count("/busy") == 1


def test_a_host_that_keeps_saying_429_is_busy_and_not_final(site, quick: Manners) -> None:
    site.put("/busy", status=429)
    with Web(quick) as web, pytest.raises(BusyError) as caught:
        web.get(Ask(url=site.url("/busy")))
    assert site.count("/busy") == quick.tries
    assert not caught.value.final


def test_a_server_error_is_tried_again_and_a_missing_page_is_not(site, quick: Manners) -> None:
    site.put("/flaky", status=502, then=b"well")
    with Web(quick) as web:
        assert web.get(Ask(url=site.url("/flaky"))).body == b"well"
        with pytest.raises(RefusedError, match="status 404") as caught:
            web.get(Ask(url=site.url("/gone")))
    assert caught.value.final
    assert site.count("/gone") == 1


def test_requests_to_one_host_keep_their_distance(site, quick: Manners) -> None:
    site.put("/a", b"a")
    slept: list[float] = []
    with Web(Manners(**{**quick.__dict__, "delay": 5.0}), sleep=slept.append) as web:
        for _ in range(3):
            web.get(Ask(url=site.url("/a")))
    assert len(slept) == 2
    assert slept == sorted(slept)
    assert 4 < slept[0] <= 5
    assert 9 < slept[1] <= 10


def test_retry_after_is_seconds_or_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert retry_after({"retry-after": "7"}) == 7
    assert retry_after({"retry-after": format_datetime(later, usegmt=True)}) == pytest.approx(
        90, abs=3
    )
    past = datetime.now(UTC) - timedelta(days=1)
    assert retry_after({"retry-after": format_datetime(past, usegmt=True)}) == 0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("noai", "noai"),
        ("NoImageAI, nofollow", "noimageai"),
        ("nofollow, noindex", "noindex"),
        ("none", "none"),
        ("googlebot: noindex, nofollow", None),
        ("googlebot: noindex, lookalike: noai", "noai"),
        ("nofollow, max-image-preview: large", None),
        ("", None),
        ("all", None),
    ],
)
def test_opt_outs_are_read_as_their_senders_mean_them(tag: str, found: str | None) -> None:
    assert opts_out(tag) == found


def test_robots_txt_is_obeyed_and_asked_for_once(site, quick: Manners) -> None:
    text = b"User-agent: *\nDisallow: /no/\nAllow: /no/but\n\nUser-agent: other\nDisallow: /\n"
    site.put("/robots.txt", text, "text/plain")
    with Web(quick) as web:
        robots = Robots(web)
        robots.check(site.url("/yes"))
        robots.check(site.url("/no/but"))
        with pytest.raises(RefusedError, match=r"forbidden by robots\.txt"):
            robots.check(site.url("/no/way"))
    assert site.count("/robots.txt") == 1


def test_our_own_group_in_robots_txt_goes_first(site, quick: Manners) -> None:
    text = b"User-agent: lookalike\nDisallow: /\n\nUser-agent: *\nAllow: /\n"
    site.put("/robots.txt", text, "text/plain")
    with Web(quick) as web, pytest.raises(RefusedError):
        Robots(web).check(site.url("/a"))


def test_without_robots_txt_all_is_allowed_and_with_a_broken_server_nothing(
    site, quick: Manners
) -> None:
    with Web(quick) as web:
        Robots(web).check(site.url("/a"))
        site.put("/robots.txt", status=500)
        with pytest.raises(RefusedError, match="unreachable") as caught:
            Robots(web).check(site.url("/a"))
    assert not caught.value.final


def test_crawl_delay_slows_us_down(site, quick: Manners) -> None:
    site.put("/robots.txt", b"User-agent: *\nCrawl-delay: 9\n", "text/plain")
    site.put("/a", b"a")
    slept: list[float] = []
    with Web(quick, sleep=slept.append) as web:
        Robots(web).check(site.url("/a"))
        for _ in range(2):
            web.get(Ask(url=site.url("/a")))
    assert sum(slept) == pytest.approx(9, abs=0.5)


@pytest.mark.slow
def test_stopping_ends_what_is_under_way(site, quick: Manners) -> None:
    done = Event()
    site.put("/quiet", headers={"content-length": "5"}, write=lambda handler: done.wait(20))
    manners = Manners(**{**quick.__dict__, "timeout": 60, "total": 60, "tries": 1})

    with Web(manners) as web:
        timer = Timer(0.1, web.stop)
        timer.start()
        with pytest.raises(RefusedError):
            web.get(Ask(url=site.url("/quiet")))
        with pytest.raises(RefusedError, match="stopped"):
            web.get(Ask(url=site.url("/quiet")))
    done.set()
    assert site.count("/quiet") == 1


def test_a_head_that_drips_forever_ends_at_the_deadline(quick: Manners) -> None:
    done = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            talk, _ = server.accept()
            with talk:
                talk.sendall(b"HTTP/1.1 200 OK\r\nx: ")
                while not done.wait(0.05):
                    talk.sendall(b"x")

        Thread(target=drip, daemon=True).start()
        manners = Manners(**{**quick.__dict__, "total": 0.3})
        with Web(manners) as web, pytest.raises(RefusedError, match="too slow"):
            web.get(Ask(url=f"http://127.0.0.1:{server.getsockname()[1]}/"))
        done.set()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate and key for the name localhost, in one file."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "localhost.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path


def test_https_is_checked_against_the_name_although_we_connect_to_a_number(
    site, quick: Manners, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    site.put("/a", b"hidden")
    port = site.server.server_address[1]
    with Web(quick) as web, pytest.raises(RefusedError, match="CERTIFICATE_VERIFY_FAILED"):
        web.get(Ask(url=f"https://localhost:{port}/a"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Web(quick) as web:
        assert web.get(Ask(url=f"https://localhost:{port}/a")).body == b"hidden"
        with pytest.raises(RefusedError, match="CERTIFICATE_VERIFY_FAILED"):
            web.get(Ask(url=f"https://127.0.0.1:{port}/a"))
