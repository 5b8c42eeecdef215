"""Pictures and packs at gs:// and hf://: their own clients, with stand-ins for what answers."""

from __future__ import annotations

import io
import json
import logging
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from case_tools import fill, png
from cloud_servers import Store, google, hub

import lookalike
from lookalike.data.decode.picture_arrays import LOOK
from lookalike.data.pack.pack import Pack
from lookalike.errors import NoImagesError, PackError, SourceError, TooFewImagesError
from lookalike.sources.remote import cache, filesystem
from lookalike.sources.remote.filesystem import RemotePlace
from lookalike.sources.remote.pictures import open_url

pytestmark = pytest.mark.slow
WORDS: dict[str, Any] = {"size": 16, "workers": 0}


@dataclass
class Cloud:
    """A place of one kind: its address, and how its store calls what lies there."""

    url: str
    prefix: str
    store: Store

    def fill(self, folder: Path, below: str = "") -> None:
        """Everything in a folder, as if somebody had put it there."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = f"{below}{path.relative_to(folder).as_posix()}"
                self.store.write(self.prefix + name, path.read_bytes())

    def fetched(self, ending: str) -> list[str]:
        """The contents that were asked for since this was asked last, by names that end so."""
        asked = [one for one in self.store.asked if one.endswith(ending)]
        self.store.asked.clear()
        return [one for one in asked if one.startswith(("GET /download/", "GET /datasets/"))]


def no_waiting(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """A module that waits between its tries goes on at once."""

    async def at_once(_: float) -> None:
        pass

    own = vars(getattr(module, name))
    sleep = at_once if name == "asyncio" else lambda _: None
    monkeypatch.setattr(module, name, SimpleNamespace(**{**own, "sleep": sleep}))


@pytest.fixture
def gs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    gcsfs = pytest.importorskip("gcsfs")
    from gcsfs import retry

    no_waiting(monkeypatch, retry, "asyncio")
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setitem(filesystem.PATIENCE, "sock_read", 0.3)
    with google() as store:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", store.address)
        gcsfs.GCSFileSystem.clear_instance_cache()
        yield Cloud("gs://bucket/faces", "faces/", store)
        gcsfs.GCSFileSystem.clear_instance_cache()


@pytest.fixture
def hf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    hugging = pytest.importorskip("huggingface_hub")
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    no_waiting(monkeypatch, _http, "time")
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
    with hub() as store:
        options = {"endpoint": store.address, "token": False}
        monkeypatch.setitem(filesystem.OPTIONS, "hf", options)
        yield Cloud("hf://datasets/someone/faces", "main@", store)
        hugging.HfFileSystem.clear_instance_cache()


@pytest.fixture(params=["gs", "hf"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    return request.getfixturevalue(request.param)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    fill(tmp_path / "photos" / "a", 20)
    fill(tmp_path / "photos" / "my b", 20, 100, name="{:04d} é #1%20.png")
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "photos" / "labels.csv").write_text(
        "file,hair\n" + "\n".join(f"a/{n:04d}.png,{'xy'[n % 2]}" for n in range(20))
    )
    return tmp_path / "photos"


def pixels(place: Path) -> list[tuple[object, ...]]:
    """The pictures of a pack with what is known of them."""
    pack = Pack.open(place)
    shots = pack.shards.take(np.arange(pack.count))
    names = ("source", "class", "attributes", "split", "sha256")
    return [
        (*(row.get(name) for name in names), shot.tobytes())
        for row, shot in zip(pack.manifest(), shots, strict=True)
    ]


def test_it_is_prepared_as_a_folder_is_and_again_what_changed_alone(
    cloud: Cloud, photos: Path, tmp_path: Path
) -> None:
    cloud.fill(photos)
    here = lookalike.prepare(photos, tmp_path / "here", **WORDS)
    there = lookalike.prepare(cloud.url, tmp_path / "there", **WORDS)
    assert pixels(there.path) == pixels(here.path)
    assert (there.count, there.refusals, there.found) == (40, here.refusals, here.found)
    assert Pack.open(there.path).info["source"] == cloud.url
    assert len(set(cloud.fetched(".png"))) == 41
    assert lookalike.prepare(cloud.url, there.path, **WORDS).unchanged
    assert cloud.fetched(".png") == []
    cloud.store.write(f"{cloud.prefix}a/0003.png", png(500))
    cloud.store.write(f"{cloud.prefix}a/new.png", png(501))
    assert lookalike.prepare(cloud.url, there.path, **WORDS).decoded == 2
    assert len(set(cloud.fetched(".png"))) <= 2 + LOOK, "some more are looked at for transparency"


def test_slow_failing_and_short_answers_cost_their_file_until_the_next_time(
    cloud: Cloud, photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cloud.fill(photos)
    cloud.store.faults = {
        ("a/0001.png", "slow"): 99,
        ("a/0002.png", "fail"): 99,
        ("a/0003.png", "short"): 99,
        ("a/0004.png", "slow"): 1,
        ("a/0005.png", "fail"): 1,
    }
    done = lookalike.prepare(cloud.url, tmp_path / "p", **WORDS)
    why = dict(done.refusals)
    assert set(why) == {"a/0001.png", "a/0002.png", "a/0003.png", "broken.png"}
    assert all(one.startswith("cannot be opened (") for name, one in why.items() if "/" in name)
    assert not any("\n" in one for one in why.values())
    assert "promised" in why["a/0003.png"]
    cloud.store.faults = {}
    again = lookalike.prepare(cloud.url, tmp_path / "p", **WORDS)
    assert (again.decoded, again.count) == (3, 40)
    assert capfd.readouterr().err == "", "their clients print each try that failed"


def test_who_wants_to_see_each_try_still_does(gs: Cloud) -> None:
    logger = logging.getLogger("gcsfs")
    level = logger.level
    try:
        logger.setLevel(logging.DEBUG)
        RemotePlace(gs.url)
        assert logger.level == logging.DEBUG
    finally:
        logger.setLevel(level)


def test_a_pack_is_written_there_and_read_there(cloud: Cloud, photos: Path, tmp_path: Path) -> None:
    url = f"{cloud.url}/packs/a"
    lookalike.prepare(photos, url, **WORDS)
    written = sorted(cloud.store.written, key=lambda name: cloud.store.written[name])
    assert written[-1].endswith("pack.json"), "a pack that was not written to the end is none"
    shard = f"{cloud.prefix}packs/a/images-00000.npy"
    before = cloud.store.written[shard]
    shutil.rmtree(tmp_path / "cache")
    assert lookalike.doctor(url, quick=True).readable == 40
    cloud.fetched("")
    assert lookalike.doctor(url, quick=True).readable == 40
    assert cloud.fetched(".npy") == [], "it is in the cache"
    assert lookalike.prepare(photos, url, **WORDS).unchanged
    assert cloud.store.written[shard] == before, "nothing is written again"
    fill(photos / "a", 4, 700)
    assert lookalike.prepare(photos, url, **WORDS).decoded == 4
    shutil.rmtree(tmp_path / "cache")
    assert lookalike.doctor(url, quick=True).readable == 44
    changes = {"images": 16, "width": 4, "batch": 8}
    words = {"recipe": "tiny", "changes": changes, "threads": 1}
    assert lookalike.train(url, tmp_path / "run", **words).finished


def test_a_pack_that_comes_wrongly_is_asked_for_again_and_never_used(
    cloud: Cloud, photos: Path, tmp_path: Path
) -> None:
    url = f"{cloud.url}/packs/a"
    lookalike.prepare(photos, url, **WORDS)
    shard = f"{cloud.prefix}packs/a/images-00000.npy"
    shutil.rmtree(tmp_path / "cache")
    cloud.store.faults = {("images-00000.npy", "short"): 1}
    assert lookalike.doctor(url, quick=True).readable == 40
    shutil.rmtree(tmp_path / "cache")
    cloud.store.files[shard] = cloud.store.files[shard][:-1] + b"?"
    with pytest.raises(PackError, match=r"images-00000\.npy is not what was written there"):
        lookalike.doctor(url, quick=True)
    assert not list((tmp_path / "cache").rglob("images-00000.npy"))


def tar_of(folder: Path) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.add(path, path.relative_to(folder).as_posix())
    return data.getvalue()


def test_tar_shards_there_are_those_of_a_folder(cloud: Cloud, photos: Path, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    for number, folder in enumerate(("a", "my b")):
        (shards / f"{number:05d}.tar").write_bytes(tar_of(photos / folder))
    (shards / "README.md").write_text("---\nlicense: mit\n---\n")
    (shards / ".gitattributes").write_text("*.tar filter=lfs")
    cloud.fill(shards)
    here = lookalike.prepare(shards, tmp_path / "here", **WORDS)
    there = lookalike.prepare(cloud.url, tmp_path / "there", **WORDS)
    assert (there.count, there.found) == (40, here.found)
    assert pixels(there.path) == pixels(here.path)
    cloud.fetched("")
    assert lookalike.prepare(cloud.url, there.path, **WORDS).unchanged
    assert cloud.fetched(".tar") == [], "they are in the cache"
    cloud.store.write(f"{cloud.prefix}00001.tar", tar_of(photos))
    assert lookalike.prepare(cloud.url, there.path, **WORDS).count == 40


def test_parquet_there_is_that_of_a_folder(cloud: Cloud, photos: Path, tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    names = [{"_type": "ClassLabel", "names": ["cat", "dog"]}, {"_type": "Image"}]
    told = {"info": {"features": dict(zip(("label", "image"), names, strict=True))}}
    for number in range(2):
        rows = [{"bytes": png(number * 20 + n), "path": f"{number}-{n}.png"} for n in range(20)]
        table = arrow.table({"image": rows, "label": [n % 2 for n in range(20)]})
        file = tmp_path / "set" / "data" / f"train-{number:05d}-of-00002.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table.replace_schema_metadata({"huggingface": json.dumps(told)}), file)
    (tmp_path / "set" / "README.md").write_text("Faces.")
    cloud.fill(tmp_path / "set")
    here = lookalike.prepare(tmp_path / "set", tmp_path / "here", **WORDS)
    there = lookalike.prepare(cloud.url, tmp_path / "there", **WORDS)
    assert {row["class"] for row in Pack.open(there.path).manifest()} == {"cat", "dog"}
    assert pixels(there.path) == pixels(here.path)
    assert there.found == here.found


def test_a_branch_of_a_data_set_is_a_place_of_its_own(hf: Cloud, photos: Path) -> None:
    hf.prefix = "old@"
    hf.fill(photos)
    hf.prefix = "refs/convert/parquet@"
    hf.fill(photos, "default/train/")
    for place in ("@old", "@old/a", "@refs/convert/parquet/default/train"):
        source = open_url(f"{hf.url}{place}")
        assert len(list(source.loaded(source.files))) in (20, 41)
        assert source.refused == []
        assert source.files[0].name in ("0000.png", "a/0000.png")


def test_an_object_that_stands_for_an_empty_folder_is_no_file(gs: Cloud, photos: Path) -> None:
    """Google's console makes one for "create folder"."""
    gs.fill(photos)
    for name in ("faces/", "faces/a/", "faces/empty/"):
        gs.store.write(name, b"")
    source = open_url(gs.url)
    assert len(source.files) == 41
    assert not any("folder" in sentence and "empty" in sentence for sentence in source.found)


def test_what_is_not_there_is_named_with_the_keys_of_its_kind(
    cloud: Cloud, photos: Path, tmp_path: Path
) -> None:
    cloud.fill(photos)
    with pytest.raises(NoImagesError, match=r"/nothing holds no file"):
        lookalike.prepare(f"{cloud.url}/nothing", tmp_path / "p", **WORDS)
    missing = cloud.url.replace("bucket", "nobody").replace("someone", "nobody")
    keys = {"gs": "GOOGLE_APPLICATION_CREDENTIALS", "hf": "HF_TOKEN"}[cloud.url[:2]]
    with pytest.raises(SourceError, match=rf"cannot be listed: .*Check the name.*{keys}"):
        lookalike.prepare(missing, tmp_path / "p", **WORDS)
    few = f"{cloud.url}/a/0000.png"
    with pytest.raises(TooFewImagesError, match=rf"^{few} holds 1 different"):
        lookalike.prepare(few, tmp_path / "p", **WORDS)


def test_a_store_that_does_not_answer_is_no_store_without_digests(
    hf: Cloud, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a pack would be taken without comparing what came."""
    url = f"{hf.url}/packs/a"
    lookalike.prepare(photos, url, **WORDS)
    place = RemotePlace(url)
    assert place.has(cache.DIGESTS)
    assert not place.has("digest.json")

    def fail(*_: object, **__: object) -> None:
        raise OSError("503 Service Unavailable")

    monkeypatch.setattr(place._fs, "info", fail)
    with pytest.raises(SourceError, match="cannot be looked at: OSError: 503"):
        place.has(cache.DIGESTS)


@pytest.mark.parametrize("kind", ["gs", "https"])
def test_a_file_may_take_long_as_long_as_it_comes(kind: str) -> None:
    """Left alone, aiohttp ends whatever takes five minutes, and gcsfs waits for good."""
    pytest.importorskip("gcsfs" if kind == "gs" else "aiohttp")
    options = filesystem._options(kind)
    seconds = options["requests_timeout"] if kind == "gs" else options["client_kwargs"]["timeout"]
    assert (seconds.total, seconds.sock_connect, seconds.sock_read) == (None, 10, 30)
