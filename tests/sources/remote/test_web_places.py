"""Pictures, archives and packs on a web server: pages without sizes, HEAD, and less than that."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from case_tools import fill, picture
from local_server import local_server

import lookalike
from lookalike.data.pack.pack import Pack
from lookalike.data.readers.open import archives_among, open_source
from lookalike.errors import PackError
from lookalike.sources.remote import cache, filesystem, pictures
from lookalike.sources.remote.pictures import open_url

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")

WORDS: dict[str, Any] = {"size": 16, "workers": 0}


@dataclass
class Web:
    """A folder on the web: headers that its server keeps to itself, and files that come wrongly."""

    url: str
    folder: Path
    hidden: set[str] = field(default_factory=set)
    heads: bool = True
    faults: dict[str, bytes] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def hide_all(self) -> None:
        """As a server that makes its answers as it goes: no sizes, no times, no HEAD."""
        self.hidden, self.heads = {"content-length", "last-modified"}, False


class Handler(SimpleHTTPRequestHandler):
    """The server of the standard library: listings as pages, HEAD with size and time of change."""

    web: Web

    def send_header(self, keyword: str, value: str) -> None:
        if keyword.lower() not in self.web.hidden:
            super().send_header(keyword, value)

    def do_HEAD(self) -> None:
        if self.web.heads:
            super().do_HEAD()
        else:
            self.send_error(501)

    def do_GET(self) -> None:
        self.web.asked.append(self.path)
        if self.path.rpartition("/")[2] in self.web.silent:
            time.sleep(2)
            return
        body = self.web.faults.get(self.path.rpartition("/")[2])
        if body is None:
            super().do_GET()
        else:  # HTTP/1.0: the end of the connection is the end of the body
            self.send_response(200)
            super().send_header("content-type", "application/octet-stream")
            self.end_headers()
            with suppress(ConnectionError):  # who asked has enough
                self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "web"
    folder.mkdir()
    kind = type("Own", (Handler,), {})
    with local_server(partial(kind, directory=str(folder))) as (address, _):
        kind.web = here = Web(address, folder)
        yield here


def replace_picture(file: Path, number: int) -> None:
    """Another picture in so many bytes, one second later."""
    size, changed = file.stat().st_size, file.stat().st_mtime
    picture(number, 32).save(file)
    with file.open("ab") as end:
        end.write(bytes(max(0, size - file.stat().st_size)))
    os.utime(file, (changed + 1, changed + 1))


def tar_of(folder: Path, to: Path) -> None:
    shutil.make_archive(str(to.with_suffix("")), "tar", folder)


@pytest.mark.slow
def test_a_changed_picture_on_the_web_is_fetched_again(web: Web, tmp_path: Path) -> None:
    fill(web.folder / "photos", 18)
    url, to = f"{web.url}/photos", tmp_path / "p"
    done = lookalike.prepare(url, to, **WORDS)
    assert (done.decoded, done.refused) == (18, 0)
    assert not any("not noticed" in sentence for sentence in done.found)
    web.asked.clear()
    assert lookalike.prepare(url, to, **WORDS).unchanged
    assert not any(path.endswith(".png") for path in web.asked)
    replace_picture(web.folder / "photos" / "0003.png", 99)
    assert lookalike.prepare(url, to, **WORDS).decoded == 1


@pytest.mark.slow
def test_where_the_web_tells_no_times_it_is_said_how_to_fetch_all_anew(
    web: Web, tmp_path: Path
) -> None:
    fill(web.folder / "photos", 18)
    url, to = f"{web.url}/photos", tmp_path / "p"
    web.hidden = {"last-modified"}
    said = next(s for s in lookalike.prepare(url, to, **WORDS).found if "not noticed" in s)
    assert said.startswith("18 files of which no time of change is told (0000.png, ")
    assert "replaced by one of its size" in said
    assert said.endswith("To fetch all anew, prepare to a new place.")
    with (web.folder / "photos" / "0003.png").open("ab") as file:
        file.write(b"more")
    assert lookalike.prepare(url, to, **WORDS).decoded == 1, "its size is another"
    web.hide_all()
    done = lookalike.prepare(url, tmp_path / "q", **WORDS)
    assert done.count == 18
    assert any("that is replaced is not noticed" in sentence for sentence in done.found)
    again = lookalike.prepare(url, tmp_path / "q", **WORDS)
    assert again.unchanged
    assert again.found == done.found


@pytest.mark.slow
def test_what_a_head_promised_has_to_come_and_no_more_than_the_limit(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(web.folder / "photos", 20)
    whole = (web.folder / "photos" / "0001.png").read_bytes()
    web.faults = {"0001.png": whole[:-20], "0002.png": bytes(len(whole) + 9 << 16)}
    done = lookalike.prepare(f"{web.url}/photos", tmp_path / "p", **WORDS)
    assert set(dict(done.refusals)) == {"0001.png", "0002.png"}
    assert all("promised" in reason for _, reason in done.refusals)
    web.hide_all()
    monkeypatch.setattr(pictures, "BYTE_LIMIT", 1 << 20)
    web.faults = {"0002.png": bytes(8 << 20)}
    source = open_url(f"{web.url}/photos")
    assert len(list(source.loaded(source.files))) == 19
    assert source.refused == [("0002.png", "has more than 1 MB")]
    # What reads it stops soon after the limit: 8 MB never are in memory.
    place, file = source._place, source._there["0002.png"]  # type: ignore[attr-defined]
    assert len(place.read(file.name, 1 << 20)) < 7 << 20


def test_a_file_that_stays_silent_costs_itself_soon(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left alone, the whole of a file may take five minutes, however large it is."""
    monkeypatch.setitem(filesystem.PATIENCE, "sock_read", 0.5)
    fill(web.folder / "photos", 18)
    web.silent = {"0001.png"}
    done = lookalike.prepare(f"{web.url}/photos", tmp_path / "p", **WORDS)
    assert done.count == 17
    why = dict(done.refusals)["0001.png"]
    assert re.fullmatch(r"cannot be opened \(.*[Tt]imeout.*\)", why), why


@pytest.mark.parametrize("told", [True, False])
def test_archives_on_the_web_are_copied_whole(web: Web, tmp_path: Path, told: bool) -> None:
    tar_of(fill(tmp_path / "a", 10), web.folder / "sets" / "set-00000.tar")
    tar_of(fill(tmp_path / "b", 10, 100), web.folder / "sets" / "set-00001.tar")
    if not told:
        web.hide_all()
    done = lookalike.prepare(f"{web.url}/sets", tmp_path / "p", **WORDS)
    assert (done.count, done.refused) == (20, 0)
    here = lookalike.prepare(web.folder / "sets", tmp_path / "here", **WORDS)
    names = [[row["source"] for row in Pack.open(one.path).manifest()] for one in (done, here)]
    assert names[0] == names[1]
    said = [sentence for sentence in done.found if "not noticed" in sentence]
    assert len(said) == (0 if told else 1)
    assert all(str(tmp_path / "cache") in sentence for sentence in said)
    tar_of(fill(tmp_path / "b", 10), web.folder / "sets" / "one.tar")
    one = open_url(f"{web.url}/sets/one.tar")
    assert len(list(one.loaded(one.files))) == 20


def test_an_archive_whose_size_nobody_knows_keeps_to_the_cache(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tar_of(fill(tmp_path / "a", 10), web.folder / "set.tar")
    web.hide_all()
    monkeypatch.setenv("LOOKALIKE_CACHE_GB", "0.00001")
    with pytest.raises(PackError, match=r"set\.tar needs more than .*LOOKALIKE_CACHE_GB higher"):
        open_url(f"{web.url}/set.tar")
    assert not list((tmp_path / "cache").rglob("*.part"))
    assert web.asked.count("/set.tar") <= 5, "it is not asked for three times"


@pytest.mark.slow
@pytest.mark.parametrize("told", [True, False])
def test_a_pack_on_the_web_is_compared_by_its_digests(
    web: Web, tmp_path: Path, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    pack = lookalike.prepare(fill(tmp_path / "photos", 20), tmp_path / "made", **WORDS).path
    shutil.copytree(pack, web.folder / "pack")
    digests = {
        file.name: cache._digest(file) for file in pack.iterdir() if not file.name.startswith(".")
    }
    (web.folder / "pack" / cache.DIGESTS).write_text(cache.json.dumps(digests))
    if not told:
        web.hide_all()
    url = f"{web.url}/pack"
    assert lookalike.doctor(url, quick=True).readable == 20
    shutil.rmtree(tmp_path / "cache")
    shard = (web.folder / "pack" / "images-00000.npy").read_bytes()
    web.faults = {"images-00000.npy": shard[:-1] + b"?"}
    with pytest.raises(PackError, match=r"images-00000\.npy is not what was written there"):
        lookalike.doctor(url, quick=True)
    web.faults = {}
    assert "tells neither sizes nor digests" not in caplog.text
    (web.folder / "pack" / cache.DIGESTS).unlink()
    assert lookalike.doctor(url, quick=True).readable == 20
    assert ("tells neither sizes nor digests" in caplog.text) is not told


def test_text_files_beside_shards_are_what_they_are_on_a_disk(web: Web, tmp_path: Path) -> None:
    sets = web.folder / "sets"
    tar_of(fill(tmp_path / "a", 10), sets / "00000.tar")
    tar_of(fill(tmp_path / "b", 10, 100), sets / "00001.tar")
    (sets / "README.md").write_text("Photos.")
    (sets / ".gitattributes").write_text("*.tar filter=lfs")
    (sets / "00000_stats.json").write_text('{"count": 10}')
    rows = [f"0000{n // 10}/{n % 10 + n // 10 * 100:04d}.png,{'xy'[n % 2]}" for n in range(20)]
    (sets / "labels.csv").write_text("\n".join(["file,class", *rows]))
    here, there = open_source(sets), open_url(f"{web.url}/sets")
    assert not there.files, "no shard is fetched before it is needed"
    there.complete()
    assert [replaced(file) for file in there.files] == [replaced(file) for file in here.files]
    assert {file.class_name for file in there.files} == {"x", "y"}
    assert there.found == here.found
    assert len(list(there.loaded(there.files))) == 20
    (sets / "00001.tar").unlink()
    here, there = open_source(sets), open_url(f"{web.url}/sets")
    assert [replaced(file) for file in there.files] == [replaced(file) for file in here.files]


def replaced(file: Any) -> tuple[str, int, str]:
    return file.name, file.size, file.class_name


def test_nothing_is_an_archive_beside_a_picture() -> None:
    shards = ["a/0.tar", "a/1.tar.gz", "b/2.parquet"]
    assert archives_among([*shards, "README.md", "LICENSE", ".git/x.png", "a/.b.png"]) == shards
    assert archives_among([*shards, "a/cover.png"]) == []
    assert archives_among(["a/b/c/d/0.tar"]) == []


def test_names_on_a_page_are_those_of_the_files(web: Web) -> None:
    names = [f"{folder}/{n} é.png" for folder in ("my cats", "my dogs") for n in range(3)]
    for number, name in enumerate(names):
        file = web.folder / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(number, 32).save(file)
    source = open_url(f"{web.url}/photos")
    assert [file.name for file in source.files] == names
    assert {file.class_name for file in source.files} == {"my cats", "my dogs"}
    assert len(list(source.loaded(source.files))) == 6


def test_the_links_by_which_a_page_sorts_itself_are_no_files(web: Web) -> None:
    fill(web.folder / "photos", 3)
    names = "".join(f'<a href="{n:04d}.png">x</a>' for n in range(3))
    (web.folder / "photos" / "index.html").write_text(f'<a href="?C=N;O=D">Name</a>{names}')
    source = open_url(f"{web.url}/photos")
    assert [file.name for file in source.files] == ["0000.png", "0001.png", "0002.png"]
