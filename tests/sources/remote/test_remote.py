"""Pictures and packs in a bucket: moto's S3 server behind one that is slow, fails and lies."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from case_tools import fill
from s3_bucket import Bucket, upload

import lookalike
from lookalike import api
from lookalike.data.pack.pack import Pack
from lookalike.errors import DataError, NoImagesError, PackError, SourceError
from lookalike.sources.remote import cache, filesystem
from lookalike.sources.remote.filesystem import RemotePlace

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")
pytestmark = pytest.mark.slow


@pytest.fixture
def photos(bucket: Bucket, tmp_path: Path) -> Path:
    fill(tmp_path / "photos" / "a", 20)
    fill(tmp_path / "photos" / "b", 20, 100)
    (tmp_path / "photos" / "labels.csv").write_text(
        "file,hair\n" + "\n".join(f"a/{n:04d}.png,{'xy'[n % 2]}" for n in range(20))
    )
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    upload(tmp_path / "photos", f"{bucket.url}/photos")
    return tmp_path / "photos"


WORDS = {"size": 16, "workers": 0}


def pixels(pack: Pack) -> list[tuple[object, ...]]:
    names = ("source", "class", "attributes", "split", "sha256")
    shots = pack.shards.take(np.arange(pack.count))
    return [
        (*(row.get(name) for name in names), one.tobytes())
        for row, one in zip(pack.manifest(), shots, strict=True)
    ]


def test_a_bucket_is_prepared_as_a_folder_is(bucket: Bucket, photos: Path, tmp_path: Path) -> None:
    here = lookalike.prepare(photos, tmp_path / "here", **WORDS)
    url = f"{bucket.url}/photos"
    there = lookalike.prepare(url, tmp_path / "there", **WORDS)
    assert pixels(Pack.open(there.path)) == pixels(Pack.open(here.path))
    assert there.refusals == here.refusals
    assert Pack.open(there.path).info["source"] == url
    asked = len(bucket.asked)
    assert lookalike.prepare(url, tmp_path / "there", **WORDS).unchanged
    assert not any(".png" in one for one in bucket.asked[asked:])
    upload(fill(tmp_path / "more" / "a", 3, 500).parent, url)
    assert lookalike.prepare(Path(url), tmp_path / "there", **WORDS).decoded == 3


def test_slow_failing_and_short_answers_cost_their_file_until_the_next_time(
    bucket: Bucket, photos: Path, tmp_path: Path
) -> None:
    bucket.faults = {
        ("a/0001.png", "slow"): 99,
        ("a/0002.png", "fail"): 99,
        ("a/0003.png", "short"): 99,
        ("a/0004.png", "slow"): 1,
        ("a/0005.png", "fail"): 1,
    }
    url = f"{bucket.url}/photos"
    done = lookalike.prepare(url, tmp_path / "p", **WORDS)
    why = dict(done.refusals)
    assert set(why) == {"a/0001.png", "a/0002.png", "a/0003.png", "broken.png"}
    assert all(one.startswith("cannot be opened (") for name, one in why.items() if "/" in name)
    assert "promised" in why["a/0003.png"]
    bucket.faults = {}
    again = lookalike.prepare(url, tmp_path / "p", **WORDS)
    assert (again.decoded, again.count) == (3, 40)


def test_a_bucket_is_prepared_in_parts(bucket: Bucket, photos: Path, tmp_path: Path) -> None:
    url = f"{bucket.url}/photos"
    whole = lookalike.prepare(url, tmp_path / "a", **WORDS)
    bucket.faults = {("a/0002.png", "fail"): 99}
    for number in (1, 2):
        lookalike.prepare(url, tmp_path / "b", part=f"{number}/2", **WORDS)
    with pytest.raises(DataError, match="not at s3://"):
        lookalike.prepare(url, f"{bucket.url}/packs/b", part="1/2", **WORDS)
    with pytest.raises(DataError, match="not at s3://"):
        lookalike.prepare(url, f"{bucket.url}/packs/b", on="dask://127.0.0.1:1", **WORDS)
    parts = lookalike.merge(tmp_path / "b")
    assert parts.count == whole.count - 1
    assert dict(parts.refusals)["a/0002.png"].startswith("cannot be opened")


def test_a_pack_is_written_to_a_bucket_and_read_there(
    bucket: Bucket, photos: Path, tmp_path: Path
) -> None:
    url = f"{bucket.url}/packs/a"
    here = lookalike.prepare(photos, tmp_path / "here", **WORDS)
    said: list[str] = []
    lookalike.prepare(photos, url, **WORDS, listener=lookalike.Listener(say=said.append))
    assert said == [f"Written to {url}. Its copy in the cache is {cache.folder_of(url)}."]
    names = [file.name for file in RemotePlace(url).files()]
    assert "pack.json" in names
    assert "images-00000.npy" in names
    written = [one for one in bucket.asked if one.startswith("PUT") and "/packs/a/" in one]
    assert written[-1].endswith("pack.json"), "a pack that was not written to the end is none"
    cache.shutil.rmtree(tmp_path / "cache")
    done = lookalike.doctor(url, quick=True)
    assert done.readable == here.count
    asked = len(bucket.asked)
    lookalike.doctor(Path(url), quick=True)
    assert not any("GET" in one and ".npy" in one for one in bucket.asked[asked:]), "cached"
    assert lookalike.prepare(photos, url, **WORDS).unchanged
    fill(photos / "b", 4, 700)
    assert lookalike.prepare(photos, url, **WORDS).decoded == 4


def test_a_shard_that_lies_is_asked_again_and_never_used(
    bucket: Bucket, photos: Path, tmp_path: Path
) -> None:
    url = f"{bucket.url}/packs/a"
    lookalike.prepare(photos, url, **WORDS)
    cache.shutil.rmtree(tmp_path / "cache")
    bucket.faults = {("images-00000.npy", "lie"): 1}
    assert lookalike.doctor(url, quick=True).readable == 40
    cache.shutil.rmtree(tmp_path / "cache")
    bucket.faults = {("images-00000.npy", "lie"): 99}
    with pytest.raises(PackError, match=r"images-00000\.npy is not what was written there"):
        lookalike.doctor(url, quick=True)
    with pytest.raises(PackError):
        lookalike.doctor(url, quick=True)
    bucket.faults = {}
    assert lookalike.doctor(url, quick=True).readable == 40


def test_the_cache_keeps_to_its_size(
    bucket: Bucket, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [f"{bucket.url}/packs/{name}" for name in "abc"]
    for url in urls:
        lookalike.prepare(photos, url, **WORDS)
    cache.shutil.rmtree(tmp_path / "cache")
    for lock in cache._held:
        lock.close()
    size = sum(file.size for file in RemotePlace(urls[0]).files())
    monkeypatch.setenv("LOOKALIKE_CACHE_GB", str(2.5 * size / 1e9))
    for url in urls:
        lookalike.doctor(url, quick=True)
        for lock in cache._held:  # as if this process had ended
            lock.close()
        time.sleep(0.01)
    there = [cache.folder_of(url).exists() for url in urls]
    assert there == [False, True, True]
    monkeypatch.setenv("LOOKALIKE_CACHE_GB", str(0.5 * size / 1e9))
    with pytest.raises(PackError, match="LOOKALIKE_CACHE_GB"):
        lookalike.doctor(urls[0], quick=True)


def test_an_archive_in_a_bucket_is_read_from_the_cache(
    bucket: Bucket, photos: Path, tmp_path: Path
) -> None:
    cache.shutil.make_archive(str(tmp_path / "set" / "photos"), "tar", photos)
    upload(tmp_path / "set", f"{bucket.url}/sets")
    done = lookalike.prepare(f"{bucket.url}/sets/photos.tar", tmp_path / "p", **WORDS)
    assert done.count == 40
    assert lookalike.prepare(f"{bucket.url}/sets", tmp_path / "q", **WORDS).count == 40


def test_shards_in_a_bucket_are_read_as_those_in_a_folder(
    bucket: Bucket, photos: Path, tmp_path: Path
) -> None:
    shards = tmp_path / "shards"
    for number, folder in enumerate("ab"):
        cache.shutil.make_archive(str(shards / f"{number:05d}"), "tar", photos / folder)
    upload(shards, f"{bucket.url}/shards")
    here = lookalike.prepare(shards, tmp_path / "here", **WORDS)
    there = lookalike.prepare(f"{bucket.url}/shards", tmp_path / "there", **WORDS)
    assert (there.count, there.refused) == (40, 0)
    assert pixels(Pack.open(there.path)) == pixels(Pack.open(here.path))
    asked = len(bucket.asked)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "README.md").write_text("Photos.")
    upload(tmp_path / "more", f"{bucket.url}/shards")
    assert lookalike.prepare(f"{bucket.url}/shards", tmp_path / "there", **WORDS).unchanged
    assert not any("GET" in one and ".tar" in one for one in bucket.asked[asked:]), "cached"


def test_what_is_not_there_is_named(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(NoImagesError, match="holds no file"):
        lookalike.prepare(f"{bucket.url}/nothing", tmp_path / "p", **WORDS)
    with pytest.raises(SourceError, match=r"cannot be .*Check the name"):
        lookalike.prepare("s3://no-such-bucket-here/x", tmp_path / "p", **WORDS)


def test_a_name_that_would_be_written_outside_of_the_cache_is_refused(
    bucket: Bucket, photos: Path, tmp_path: Path
) -> None:
    url = f"{bucket.url}/packs/a"
    lookalike.prepare(photos, url, **WORDS)
    cache.shutil.rmtree(tmp_path / "cache")
    place = RemotePlace(url)
    evil = tmp_path / "evil"
    evil.write_bytes(b"evil")
    place.put("a/../../../../evil.npy", evil)  # passed over, as all that begins with a dot
    assert lookalike.doctor(url, quick=True).readable == 40
    assert not list(tmp_path.rglob("evil.npy"))
    cache.shutil.rmtree(tmp_path / "cache")
    for name in ("a//b.npy", "a\\..\\b.npy"):
        place.put(name, evil)
        with pytest.raises(SourceError, match="outside of the cache"):
            lookalike.doctor(url, quick=True)
        place.remove(name)
    assert not list((tmp_path / "cache").rglob("*.npy"))
    assert lookalike.doctor(url, quick=True).readable == 40


def test_archives_keep_to_the_cache_as_well(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))

    class Place:
        url = "s3://sets/a"

        def fetch(self, name: str, to: Path) -> None:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(b"evil")

    for name in ("../../../evil.tar", "a/..", "/evil.tar", "a\0.tar"):
        with pytest.raises(SourceError, match="outside of the cache"):
            cache.mirrored(Place(), [filesystem.RemoteFile(name, 4, 0)])  # type: ignore[arg-type]
    assert not list(tmp_path.rglob("*.tar"))


def test_room_is_made_while_others_fetch_and_whatever_else_lies_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    monkeypatch.setenv("LOOKALIKE_CACHE_GB", "0.000000010")
    old = cache.folder_of("s3://sets/old")
    old.mkdir(parents=True)
    (old / "a.npy").write_bytes(bytes(8))
    part = old / ".b.npy.part"
    part.write_bytes(bytes(8))
    (tmp_path / "remote" / ".DS_Store").write_bytes(bytes(8))
    is_file = Path.is_file

    def renamed_meanwhile(path: Path) -> bool:
        found = is_file(path)
        if path == part and found:
            part.rename(old / "b.npy")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Path, "is_file", renamed_meanwhile)
        cache._make_room(8, "s3://sets/new")
    assert not old.exists()
    assert (tmp_path / "remote" / ".DS_Store").exists()


def test_processes_that_want_one_pack_fetch_it_once(
    bucket: Bucket, photos: Path, tmp_path: Path
) -> None:
    url = f"{bucket.url}/packs/a"
    lookalike.prepare(photos, url, **WORDS)
    cache.shutil.rmtree(tmp_path / "cache")
    asked = len(bucket.asked)
    program = f"from lookalike.sources.remote.cache import cached_pack; cached_pack({url!r})"
    together = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert [one.wait(60) for one in together] == [0, 0, 0]
    shards = [one for one in bucket.asked[asked:] if one.startswith("GET") and ".npy" in one]
    assert len(shards) == len(set(shards))
    assert lookalike.doctor(url, quick=True).readable == 40


def test_files_of_the_cache_are_compared_once_until_they_change(
    bucket: Bucket, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{bucket.url}/packs/a"
    lookalike.prepare(photos, url, **WORDS)
    lookalike.doctor(url, quick=True)
    read, true = [], cache._digest
    monkeypatch.setattr(cache, "_digest", lambda file: read.append(file.name) or true(file))
    lookalike.doctor(url, quick=True)
    assert not read
    shard = cache.folder_of(url) / "images-00000.npy"
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    assert lookalike.doctor(url, quick=True).readable == 40
    assert shard.name in read


def test_a_smaller_pack_leaves_no_shard_of_the_one_before(
    bucket: Bucket, photos: Path, tmp_path: Path
) -> None:
    url = f"{bucket.url}/packs/a"
    folder = tmp_path / "made"
    lookalike.prepare(photos, folder, **WORDS)
    (folder / "images-00001.npy").write_bytes(b"more")
    cache.store_pack(folder, url)
    (folder / "images-00001.npy").unlink()
    (folder / "pack.json").write_text((folder / "pack.json").read_text() + " ")
    cache.store_pack(folder, url)
    assert "images-00001.npy" not in [file.name for file in RemotePlace(url).files()]


def test_strange_sizes_and_digests_are_told_in_a_sentence(
    bucket: Bucket, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{bucket.url}/packs/a"
    lookalike.prepare(photos, url, **WORDS)
    cache.shutil.rmtree(tmp_path / "cache")
    for words in ("50GB", "nan", "-1"):
        monkeypatch.setenv("LOOKALIKE_CACHE_GB", words)
        with pytest.raises(PackError, match="a number of gigabytes"):
            lookalike.doctor(url, quick=True)
    monkeypatch.delenv("LOOKALIKE_CACHE_GB")
    for damage in (b"{", b"[]", b"\xff"):
        (tmp_path / "digests").write_bytes(damage)
        RemotePlace(url).put(cache.DIGESTS, tmp_path / "digests")
        with pytest.raises(PackError, match=r"digests\.json is damaged"):
            lookalike.doctor(url, quick=True)


def test_a_bucket_is_looked_at_and_trained_on_as_a_folder_is(
    bucket: Bucket, photos: Path, tmp_path: Path
) -> None:
    url = f"{bucket.url}/photos"
    assert api.choose(url).files == api.choose(photos).files
    changes = {"images": 16, "width": 4, "batch": 8}
    words = {"recipe": "tiny", "changes": changes, "threads": 1}
    assert lookalike.train(url, tmp_path / "run", **words).finished
    assert lookalike.train(url, tmp_path / "run", **words).finished


def test_what_lies_at_a_url_is_never_overwritten_from_another_machine(
    bucket: Bucket, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookalike.prepare(photos, tmp_path / "p", **WORDS)
    changes = {"images": 16, "width": 4, "batch": 8}
    lookalike.train(tmp_path / "p", tmp_path / "run", recipe="tiny", changes=changes, threads=1)
    verbs = {
        "generated": lambda to: lookalike.generate(tmp_path / "run", to, count=2, threads=1),
        "expanded": lambda to: lookalike.expand(
            tmp_path / "p", to, run=tmp_path / "run", factor=1.1, judge="pixels", threads=1
        ),
        "exported": lambda to: lookalike.export(tmp_path / "p", to),
        "packs/a": lambda to: lookalike.prepare(photos, to, **WORDS),
    }
    for name, work in verbs.items():
        url = f"{bucket.url}/{name}"
        upload(photos, url)
        before = RemotePlace(url).files()
        with pytest.raises(DataError, match=rf"{name} is not empty: .*nothing is ever overwritten"):
            work(url)
        assert RemotePlace(url).files() == before


def test_what_this_machine_wrote_to_a_url_goes_on_as_on_a_disk(
    bucket: Bucket, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookalike.prepare(photos, tmp_path / "p", **WORDS)
    changes = {"images": 16, "width": 4, "batch": 8}
    lookalike.train(tmp_path / "p", tmp_path / "run", recipe="tiny", changes=changes, threads=1)
    url = f"{bucket.url}/new"

    def names() -> list[str]:
        return [file.name for file in RemotePlace(url).files()]

    lookalike.generate(tmp_path / "run", url, count=2, threads=1, keep_copies=True)
    assert names() == ["000000.png", "000001.png", "digests.json"]
    lookalike.generate(tmp_path / "run", url, count=3, threads=1, keep_copies=True)
    assert names() == ["000000.png", "000001.png", "000002.png", "digests.json"]
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "other"))
    with pytest.raises(DataError, match=r"000000\.png, … \(3 in all\)"):
        lookalike.generate(tmp_path / "run", url, count=3, seed=1, threads=1, keep_copies=True)


def test_a_url_where_only_a_disk_will_do_is_no_folder_called_s3(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for work in (
        lambda: lookalike.transform(photos, "fliph", to="s3://b/copies"),
        lambda: lookalike.share(tmp_path, "s3://b/faces.html"),
        lambda: lookalike.edit(tmp_path, photos / "a/0000.png", to="s3://b/edited.png"),
        lambda: lookalike.train(photos, "s3://b/run", recipe="tiny"),
        lambda: lookalike.doctor(photos, "s3://b/page.html", quick=True),
    ):
        with pytest.raises(DataError, match="is no place on a disk"):
            work()
    assert not list(tmp_path.glob("s3*"))
