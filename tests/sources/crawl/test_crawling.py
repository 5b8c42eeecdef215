"""Scrapy and Chromium against the local site, in their own processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lookalike.errors import SourceError
from lookalike.settings.collect import CrawlSettings, Manners
from lookalike.sources.crawl.process import crawling
from lookalike.sources.crawl.render import BROWSERS, find_browser
from lookalike.sources.store.collection import read_lines
from lookalike.stages import collect

pytest.importorskip("scrapy")


def _gallery(site) -> None:
    for number in range(9):
        site.picture(f"/img/{number}.png", number)
    site.picture("/private/x.png", 90)
    site.picture("/secret.png", 91)
    site.put("/robots.txt", "User-agent: *\nDisallow: /private", "text/plain")
    site.put(
        "/",
        '<title>Gallery</title><img src="/img/0.png"><img src="/img/1.png" alt="one">'
        '<img src="/private/x.png"><img src="http://cdn.example.net/a.png">'
        '<a href="/two">2</a><a href="/noai">n</a><a href="/private/page">p</a>'
        '<a href="/out">o</a><a href="/loop?1">l</a><a href="http://elsewhere.example/">e</a>',
    )
    site.put("/two", '<a href="/img/2.png"><img src="/t.png"></a><a href="/three">3</a>')
    site.put("/three", '<img src="/img/3.png">')
    site.put("/private/page", '<img src="/img/8.png">')
    site.put("/noai", '<meta name="robots" content="noai"><img src="/secret.png">')
    site.put("/out", status=302, headers={"location": "http://elsewhere.example/"})
    site.put("/loop", '<a href="/loop?2">l</a><img src="/img/4.png">')


def _crawl(site, tmp_path: Path, quick: Manners, **how: object) -> collect.Collected:
    url = str(how.pop("url", site.url("/")))
    manners = replace(quick, delay=0.01)
    settings = CrawlSettings(**{"to": tmp_path / "out", "count": 50, "manners": manners, **how})
    return collect.crawl(url, settings)


def _sources(tmp_path: Path) -> set[str]:
    lines = read_lines(tmp_path / "out/manifest.jsonl")
    return {str(line["url"]).rpartition("/")[2] for line in lines}


@pytest.mark.slow
def test_a_crawl_stays_on_the_site_within_its_depth_and_obeys(
    site, quick: Manners, tmp_path: Path
) -> None:
    _gallery(site)
    done = _crawl(site, tmp_path, quick)
    assert _sources(tmp_path) == {"0.png", "1.png", "2.png", "4.png"}
    assert site.count("/private/page") == site.count("/private/x.png") == 0
    assert site.count("/secret.png") == site.count("/three") == site.count("/t.png") == 0
    assert done.refused["opted out"] == 1
    assert done.refused["forbidden by robots.txt"] >= 1
    assert any("cdn.example.net" in note for note in done.notes)
    (line,) = (
        line
        for line in read_lines(tmp_path / "out/manifest.jsonl")
        if str(line["url"]).endswith("1.png")
    )
    assert (line["title"], line["page"], line["source"]) == ("one", site.url("/"), "crawl")
    deeper = _crawl(site, tmp_path, quick, depth=2)
    assert (deeper.added, deeper.holds) == (1, 5)
    assert site.count("/img/0.png") == 1


@pytest.mark.slow
def test_depth_zero_reads_one_page(site, quick: Manners, tmp_path: Path) -> None:
    _gallery(site)
    _crawl(site, tmp_path, quick, depth=0)
    assert _sources(tmp_path) == {"0.png", "1.png"}
    assert site.count("/two") == 0


@pytest.mark.slow
def test_a_page_that_cannot_be_had_is_an_error_with_its_reason(
    site, quick: Manners, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="404"):
        _crawl(site, tmp_path, quick, url=site.url("/missing"))


@pytest.mark.slow
def test_a_private_site_is_not_crawled_unless_allowed(site, quick: Manners, tmp_path: Path) -> None:
    _gallery(site)
    with pytest.raises(SourceError, match=r"private address.*--allow-private"):
        _crawl(site, tmp_path, replace(quick, allow_private=False))
    assert site.asked == []


@pytest.mark.slow
def test_leaving_early_ends_the_process(site, quick: Manners) -> None:
    _gallery(site)
    with crawling(site.url("/"), CrawlSettings(to=Path(), manners=quick)) as crawl:
        next(iter(crawl))
        process = crawl.process
        assert process.poll() is None
    assert process.poll() is not None


@pytest.mark.slow
def test_the_crawler_does_not_outlive_a_killed_parent(site, tmp_path: Path) -> None:
    site.put("/", '<img src="/a.png">' + "".join(f'<a href="/{n}">x</a>' for n in range(200)))
    program = textwrap.dedent(f"""
        from lookalike.settings.collect import CrawlSettings, Manners
        from lookalike.sources.crawl.process import crawling
        manners = Manners(delay=5, allow_private=True)
        with crawling("{site.url("/")}", CrawlSettings(to="out", manners=manners)) as crawl:
            next(iter(crawl))
            print(crawl.process.pid, flush=True)
            input()
    """)
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    end = time.monotonic() + 30
    while _lives(child) and time.monotonic() < end:
        time.sleep(0.1)
    assert not _lives(child)


def _lives(process: int) -> bool:
    """Whether a process runs (a dead one that nobody has fetched yet does not)."""
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


def _chromium() -> bool:
    try:
        find_browser()
    except SourceError:
        return False
    return True


GALLERY = """<html><body><div id="g" style="min-height:3000px"></div>
<button onclick="more()">Load more</button><script>
let n = 0;
async function more() {
  const answer = await fetch("/api?n=" + n, {method: "POST", body: "page=" + n});
  for (const url of await answer.json()) {
    const image = new Image(); image.src = url; image.style.height = "400px";
    document.getElementById("g").append(image);
  }
  n += 1;
}
more();
fetch("http://inside.example/steal").then(() => { document.title = "reached"; }).catch(() => 0);
fetch("file:///etc/passwd").catch(() => 0);
function call(Peer) {
  const peer = new Peer({iceServers: [{urls: "stun:127.0.0.1:@UDP@"}]});
  peer.createDataChannel("x"); peer.createOffer().then(offer => peer.setLocalDescription(offer));
}
for (const go of [
  () => call(RTCPeerConnection),
  () => {
    const frame = document.createElement("iframe"); document.body.append(frame);
    call(frame.contentWindow.RTCPeerConnection);
  },
  () => new WebSocket("ws://127.0.0.1:@TCP@/socket"),
  () => navigator.sendBeacon("http://127.0.0.1:@TCP@/beacon", "x"),
  () => new EventSource("http://127.0.0.1:@TCP@/events"),
  () => window.open("http://127.0.0.1:@TCP@/popup"),
]) { try { go(); } catch (problem) { fetch("/caught"); } }
</script><iframe src="/frame"></iframe></body></html>"""


@pytest.mark.slow
@pytest.mark.skipif(not _chromium(), reason="no Chromium on this machine")
def test_a_page_of_scripts_is_drawn_to_its_end_and_has_no_way_around_us(
    site, quick: Manners, tmp_path: Path
) -> None:
    """It scrolls and presses "load more"; calls, sockets, beacons and windows reach nobody."""
    pytest.importorskip("playwright")
    for number in range(6):
        site.picture(f"/img/{number}.png", number)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as calls,
        socket.create_server(("127.0.0.1", 0)) as inside,
    ):
        calls.bind(("127.0.0.1", 0))
        page = GALLERY.replace("@UDP@", str(calls.getsockname()[1]))
        site.put("/js", page.replace("@TCP@", str(inside.getsockname()[1])))
        done = _drawn(site, tmp_path, quick)
        for way_out in (calls, inside):
            way_out.settimeout(0.2)
            with pytest.raises(TimeoutError):
                way_out.recv(99) if way_out is calls else way_out.accept()
    assert done.added == 6
    assert _sources(tmp_path) == {f"{number}.png" for number in range(6)}
    assert b"page=1" in site.bodies
    assert site.count("/frame") == 0
    assert site.count("/img/0.png") == 1
    assert site.count("/caught") >= 2


def _drawn(site, tmp_path: Path, quick: Manners) -> collect.Collected:
    for page in range(3):
        found = [f"/img/{2 * page}.png", f"/img/{2 * page + 1}.png"]
        site.put(f"/api?n={page}", json.dumps(found), "application/json")
    site.put("/api", "[]", "application/json")
    return _crawl(site, tmp_path, quick, url=site.url("/js"), depth=0, render=True)


def test_a_missing_browser_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("lookalike.sources.crawl.render.PLACES", ())
    with pytest.raises(SourceError, match="apt install chromium"):
        find_browser()
    assert "chromium" in BROWSERS
    with pytest.raises(SourceError, match="is not a file"):
        find_browser(Path("/no/such/browser"))


@pytest.mark.slow
def test_a_site_whose_robots_txt_is_broken_is_not_crawled(
    site, quick: Manners, tmp_path: Path
) -> None:
    _gallery(site)
    site.put("/robots.txt", status=503)
    with pytest.raises(SourceError, match=r"robots\.txt"):
        _crawl(site, tmp_path, quick)
    assert set(site.asked) == {"/robots.txt"}
