"""Tar shards in a bucket: read one after another, and each part reads its own."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from case_tools import contents, picture, until
from s3_bucket import Bucket, upload

import lookalike
from lookalike.data.pack.part_folder import parts_folder
from lookalike.data.readers.open import open_source
from lookalike.errors import NoImagesError, PackError, SourceError
from lookalike.progress import Listener
from lookalike.results import plain
from lookalike.settings.machines import part_of
from lookalike.sources.remote.cache import folder_of
from lookalike.sources.remote.filesystem import RemotePlace

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")
pytestmark = pytest.mark.slow

WORDS: dict[str, Any] = {"size": 16, "workers": 0}
SHARDS, EACH, BYTES = 5, 4, 40_960


def shard(place: Path, first: int, *, many: int = EACH, packed: str = "") -> Path:
    """A webdataset shard of some pictures, each with a class and attributes of its own."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(place, f"w:{packed}") as archive:
        for number in range(first, first + many):
            data = io.BytesIO()
            picture(number, 16).save(data, "PNG")
            sides = {"cls": str(number % 2), "json": json.dumps({"hair": "xy"[number % 3 == 0]})}
            add(archive, f"{number:04d}.png", data.getvalue())
            for suffix, text in sides.items():
                add(archive, f"{number:04d}.{suffix}", text.encode())
        add(archive, ".padding", bytes(BYTES - archive.offset - 10_240))
    return place


def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime = len(data), 1_700_000_000
    archive.addfile(member, io.BytesIO(data))


@pytest.fixture
def shards(bucket: Bucket, tmp_path: Path) -> Path:
    """Shards in a folder, and the same in the bucket; one is packed, one lies deeper."""
    folder = tmp_path / "shards"
    for number in range(SHARDS):
        place = folder / ("more" if number == 3 else "") / f"{number:05d}.tar"
        shard(place, number * EACH, packed="gz" if number == 1 else "")
    (folder / "README.md").write_text("Photos.")
    upload(folder, f"{bucket.url}/shards")
    bucket.asked.clear()
    return folder


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The cache may hold so many shards, and the notes on them."""

    def limit(count: float) -> None:
        monkeypatch.setenv("LOOKALIKE_CACHE_GB", str((count * BYTES + 4_000) / 1e9))

    return limit


def told(pack: Path) -> dict[str, Any]:
    """All of a pack, but for its name and where it was made from."""
    own: dict[str, Any] = dict(contents(pack))
    info = json.loads(own.pop("pack.json"))
    for name in ("source", "listing", "name"):
        info.pop(name)
    info["plan"].pop("source")
    return own | {"pack.json": info}


@pytest.mark.parametrize("room", [1.2, 2.5, 100])
def test_shards_go_through_a_cache_that_cannot_hold_them(
    bucket: Bucket, shards: Path, tmp_path: Path, limited: Callable[[float], None], room: float
) -> None:
    limited(room)
    asked: list[int] = []
    begun = Listener(lambda what, done, total: asked.append(len(bucket.asked)))
    url = f"{bucket.url}/shards"
    there = lookalike.prepare(url, tmp_path / "there", listener=begun, **WORDS)
    first = [one for one in bucket.asked[: asked[0]] if ".tar" in one]
    assert len(first) <= 2, "pictures are decoded when the first shard is here"
    fetched = bucket.fetched()
    assert sorted(fetched) == [f"{n:05d}.tar" for n in range(SHARDS)]
    here = lookalike.prepare(shards, tmp_path / "here", **WORDS)
    assert told(there.path) == told(here.path)
    assert here.class_counts == {"0": 10, "1": 10}
    assert (there.found, there.refusals) == (here.found, here.refusals)
    assert not parts_folder(tmp_path / "there").exists()
    kept = sum(file.stat().st_size for file in (tmp_path / "cache").rglob("*") if file.is_file())
    assert kept <= room * BYTES + 4_000
    assert lookalike.prepare(url, tmp_path / "there", **WORDS).unchanged
    assert not bucket.fetched()
    lookalike.prepare(url, tmp_path / "smaller", size=8, workers=0)
    again = bucket.fetched()
    assert len(again) == len(set(again)), "what is noted of a shard is not fetched for"
    assert not again or room < SHARDS


def test_a_part_fetches_its_own_shards_only(
    bucket: Bucket, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{bucket.url}/shards"
    whole = lookalike.prepare(url, tmp_path / "whole", **WORDS)
    stems = [f"{'more/' if n == 3 else ''}{n:05d}" for n in range(SHARDS)]
    bucket.asked.clear()
    for number in (2, 1, 3):
        monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / f"machine {number}"))
        done: Any = lookalike.prepare(url, tmp_path / "b", part=f"{number}/3", **WORDS)
        own = [stem for stem in stems if part_of(stem, 3) == number]
        fetched = bucket.fetched()
        assert sorted(fetched) == sorted(f"{stem.rpartition('/')[2]}.tar" for stem in own)
        assert done.items == EACH * len(own)
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "another machine"))
    lookalike.merge(tmp_path / "b")
    assert told(tmp_path / "b") == told(whole.path)
    assert not bucket.fetched(), "what lies in the shards is known from the parts"


def test_a_set_that_has_grown_is_prepared_in_parts_with_copies_across_shards(
    bucket: Bucket, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{bucket.url}/shards"
    new = tmp_path / "new"
    shard(new / "00006.tar", 2)  # all of it lies in two other shards, too
    upload(new, url)
    lookalike.prepare(url, tmp_path / "grown", **WORDS)
    shard(new / "00007.tar", 100)
    upload(new, url)
    bucket.asked.clear()
    for number in (1, 2, 3):
        monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / f"machine {number}"))
        lookalike.prepare(url, tmp_path / "grown", part=f"{number}/3", **WORDS)
    assert sorted(bucket.fetched()).count("00007.tar") == 1
    assert lookalike.merge(tmp_path / "grown").copies == EACH
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "another machine"))
    lookalike.prepare(url, tmp_path / "anew", holdout=0.0, **WORDS)
    lookalike.prepare(url, tmp_path / "grown", holdout=0.0, **WORDS)
    assert told(tmp_path / "grown") == told(tmp_path / "anew")


def test_a_shard_that_does_not_come_ends_the_work_which_goes_on_behind_those_before(
    bucket: Bucket, shards: Path, tmp_path: Path, limited: Callable[[float], None]
) -> None:
    url = f"{bucket.url}/shards"
    limited(1.2)
    bucket.faults = {("00002.tar", "fail"): 99}
    with pytest.raises(SourceError, match=r"cannot be read \(00002\.tar\)"):
        lookalike.prepare(url, tmp_path / "p", **WORDS)
    assert parts_folder(tmp_path / "p").exists()
    bucket.faults = {("00002.tar", "short"): 99}
    bucket.asked.clear()
    with pytest.raises(PackError, match=r"00002\.tar is not what was written there"):
        lookalike.prepare(url, tmp_path / "p", **WORDS)
    assert set(bucket.fetched()) == {"00002.tar"}
    bucket.faults = {("00002.tar", "slow"): 1}
    assert lookalike.prepare(url, tmp_path / "p", **WORDS).decoded == SHARDS * EACH
    assert not {"00000.tar", "00001.tar"} & set(bucket.fetched())
    lookalike.prepare(url, tmp_path / "q", **WORDS)
    assert told(tmp_path / "p") == told(tmp_path / "q")


def test_what_was_decoded_outlives_a_process_that_is_killed(
    bucket: Bucket, shards: Path, tmp_path: Path, limited: Callable[[float], None]
) -> None:
    url = f"{bucket.url}/shards"
    limited(2.5)

    def killed(what: str, done: int, total: int) -> None:
        if done == 2 * EACH + 2:
            until(lambda: any(one.endswith("00004.tar") for one in bucket.asked))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lookalike.prepare(url, tmp_path / "p", listener=Listener(killed), **WORDS)
    before = set(bucket.fetched())
    assert before == {"00000.tar", "00001.tar", "00002.tar", "00004.tar"}, "the next one is ahead"
    lookalike.prepare(url, tmp_path / "p", **WORDS)
    assert not {"00000.tar", "00001.tar"} & set(bucket.fetched())
    limited(100)
    lookalike.prepare(url, tmp_path / "q", **WORDS)
    assert told(tmp_path / "p") == told(tmp_path / "q")


def test_new_and_changed_shards_are_fetched_and_no_others(
    bucket: Bucket, shards: Path, tmp_path: Path, limited: Callable[[float], None]
) -> None:
    url = f"{bucket.url}/shards"
    limited(1.2)
    lookalike.prepare(url, tmp_path / "p", **WORDS)
    shard(shards / "00002.tar", 100, many=EACH - 1)
    shard(shards / "00009.tar", 200)
    upload(shards / "..", f"{bucket.url}/none")  # nothing of this is looked at
    for name in ("00002.tar", "00009.tar"):
        (tmp_path / "new").mkdir(exist_ok=True)
        (tmp_path / "new" / name).write_bytes((shards / name).read_bytes())
    upload(tmp_path / "new", url)
    bucket.asked.clear()
    grown = lookalike.prepare(url, tmp_path / "p", **WORDS)
    assert sorted(bucket.fetched()) == ["00002.tar", "00009.tar"]
    assert grown.count == SHARDS * EACH - 1 + EACH
    anew = lookalike.prepare(shards, tmp_path / "q", **WORDS)
    assert grown.count == anew.count


@pytest.mark.parametrize("left", [600, 5_000])  # in the bytes of a picture, and of no picture
def test_a_shard_that_was_cut_off_is_said_as_on_a_disk(
    bucket: Bucket, shards: Path, tmp_path: Path, left: int
) -> None:
    torn = shards / "00002.tar"
    torn.write_bytes(torn.read_bytes()[:left])
    upload(shards, f"{bucket.url}/torn")
    there = lookalike.prepare(f"{bucket.url}/torn", tmp_path / "there", **WORDS)
    here = lookalike.prepare(shards, tmp_path / "here", **WORDS)
    assert told(there.path) == told(here.path)
    assert there.refusals == here.refusals
    assert "ends in the middle" in dict(there.refusals)["00002.tar"]
    taken = ("00002/0008.png", "cannot be taken out of the tar")
    assert there.refusals.count(taken) == (left == 600)
    again = open_source(Path(f"{bucket.url}/torn"))
    assert (
        "00002.tar",
        "ends in the middle (unexpected end of data); the rest is lost",
    ) in (again.refused)


def test_where_the_pictures_decide_the_size_each_shard_is_looked_into_first(
    bucket: Bucket, shards: Path, tmp_path: Path, limited: Callable[[float], None]
) -> None:
    limited(1.2)
    words = {"workers": 0}
    there = lookalike.prepare(f"{bucket.url}/shards", tmp_path / "there", **words)
    here = lookalike.prepare(shards, tmp_path / "here", **words)
    assert told(there.path) == told(here.path)
    assert max(map(bucket.fetched().count, ("00000.tar", "00004.tar"))) <= 2


def test_the_doctor_in_parts_fetches_own_shards(
    bucket: Bucket, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, words = f"{bucket.url}/shards", {"quick": True, "workers": 0}
    page = tmp_path / "page.html"
    for number in (1, 2):
        monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / f"machine {number}"))
        lookalike.doctor(url, page, part=f"{number}/2", **words)
    assert len(bucket.fetched()) == SHARDS
    merged = lookalike.merge(page)
    assert plain(merged) == plain(lookalike.doctor(url, page, **words))


def test_a_pack_of_shards_is_written_to_a_bucket(
    bucket: Bucket, shards: Path, tmp_path: Path
) -> None:
    url, to = f"{bucket.url}/shards", f"{bucket.url}/packs/a"
    lookalike.prepare(url, to, **WORDS)
    names = [file.name for file in RemotePlace(f"{bucket.url}/packs").files()]
    assert "a/pack.json" in names
    assert all(name.startswith("a/") for name in names), "what was kept for going on stays here"
    lookalike.prepare(url, tmp_path / "a", **WORDS)
    assert told(folder_of(to)) == told(tmp_path / "a")


def test_shards_without_a_picture_are_refused(bucket: Bucket, tmp_path: Path) -> None:
    for number in range(2):
        with tarfile.open(tmp_path / f"{number}.tar", "w") as archive:
            add(archive, "README.md", b"none")
    for number in range(2):
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / f"{number}.tar").rename(tmp_path / "set" / f"{number}.tar")
    upload(tmp_path / "set", f"{bucket.url}/set")
    with pytest.raises(NoImagesError, match="holds no file that could be a picture"):
        lookalike.prepare(f"{bucket.url}/set", tmp_path / "p", **WORDS)
