"""What N parts make is what one machine makes, byte for byte: each verb that can be divided."""

from __future__ import annotations

import contextlib
import json
import shutil
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from case_tools import contents, fill, lookalike
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import lookalike as package
from lookalike.errors import DataError, LookalikeError
from lookalike.stages.transform import joined

Photos = Callable[..., Path]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Classes, attributes, exact and near copies across names, broken files, frames."""
    folder = tmp_path_factory.mktemp("mixed") / "photos"
    fill(folder / "a", 30)
    fill(folder / "b", 24, 100)
    for number in range(0, 24, 3):
        name = f"{number:03d}"
        some = next((folder / "a").glob(f"*{name}*"), None) or sorted((folder / "a").iterdir())[0]
        shutil.copy(some, folder / "b" / f"zz{name}{some.suffix}")
        with Image.open(some) as picture:
            picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "a" / f"m{name}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "empty.jpg").write_bytes(b"")
    lines = ["file,hair,age"]
    lines += [
        f"a/{p.name},{'long' if i % 2 else 'short'},{i}"
        for i, p in enumerate(sorted((folder / "a").iterdir()))
    ]
    (folder / "attributes.csv").write_text("\n".join(lines))
    return folder


def in_parts(verb: Callable[..., object], *arguments: Path, order: list[int], **words: object):
    """Every part in this order, then the merge."""
    for number in order:
        verb(*arguments, part=f"{number}/{len(order)}", **words)
    to = words.get("to", arguments[-1])
    return package.merge(to)


@pytest.mark.slow
@given(order=st.integers(1, 7).flatmap(lambda n: st.permutations(range(1, n + 1))))
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_pack_of_parts_is_the_pack_of_one_machine(
    mixed: Path, tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    home = tmp_path_factory.mktemp("packs")
    words = {"size": 16, "workers": 0, "augment": ("fliph",)}
    whole = package.prepare(mixed, home / "whole" / "pack", **words)
    done = in_parts(package.prepare, mixed, home / "parts" / "pack", order=order, **words)
    assert (done.count, done.copies, done.near) == (whole.count, whole.copies, whole.near)
    assert done.copies >= 4
    first, second = contents(home / "whole" / "pack"), contents(home / "parts" / "pack")
    assert list(first) == list(second)
    told = [json.loads(one.pop("pack.json")) for one in (first, second)]
    for one in told:  # the sentence that names the place of the list of refused files
        one["warnings"] = [w.replace("/whole/", "/parts/") for w in one["warnings"]]
    assert told[0] == told[1]
    assert first == second


def test_a_grown_source_is_prepared_in_parts_that_read_new_files_only(
    mixed: Path, tmp_path: Path
) -> None:
    source = tmp_path / "photos"
    shutil.copytree(mixed, source)
    for place in ("a", "b"):
        package.prepare(source, tmp_path / place / "pack", size=16, workers=0)
    fill(source / "b", 10, 300)
    whole = package.prepare(source, tmp_path / "a" / "pack", size=16, workers=0)
    parts = [
        package.prepare(source, tmp_path / "b" / "pack", size=16, workers=0, part=f"{n}/2")
        for n in (1, 2)
    ]
    assert sum(part.items for part in parts) == whole.decoded == 10
    package.merge(tmp_path / "b" / "pack")
    assert contents(tmp_path / "a" / "pack") == contents(tmp_path / "b" / "pack")
    changed = next((source / "a").glob("*.png"))
    changed.write_bytes((source / "a" / "m000.png").read_bytes())
    shutil.rmtree(tmp_path / "b" / "pack")
    with pytest.raises(DataError, match="is not as"):
        package.merge(tmp_path / "b" / "pack")


def test_an_archive_is_prepared_in_parts(mixed: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "photos"), "tar", mixed)
    source = tmp_path / "photos.tar"
    for place, parts in (("a", 0), ("b", 3)):
        to = tmp_path / place / "pack"
        for number in range(1, parts + 1):
            package.prepare(source, to, size=16, workers=0, part=f"{number}/{parts}")
        _ = package.merge(to) if parts else package.prepare(source, to, size=16, workers=0)
    assert contents(tmp_path / "a" / "pack") == contents(tmp_path / "b" / "pack")


@pytest.mark.slow
def test_a_diagnosis_of_parts_is_that_of_one_machine(mixed: Path, tmp_path: Path) -> None:
    words = {"quick": True, "workers": 0}
    whole = package.doctor(mixed, tmp_path / "a" / "page.html", **words)
    done = in_parts(package.doctor, mixed, tmp_path / "b" / "page.html", order=[3, 1, 2], **words)
    assert {**done.as_dict(), "page": ""} == {**whole.as_dict(), "page": ""}
    assert done.leave_out == whole.leave_out
    assert contents(tmp_path / "a") == {"page.html": (tmp_path / "b/page.html").read_bytes()}


def test_copies_by_codes_are_made_in_parts_without_a_merge(mixed: Path, tmp_path: Path) -> None:
    words = {"workers": 0}
    codes = ("fliph", "noise_0.01,rot_5")
    package.transform(mixed, *codes, to=tmp_path / "whole", **words)
    for number in (2, 1, 3):
        package.transform(mixed, *codes, to=tmp_path / "parts", part=f"{number}/3", **words)
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")
    assert len(contents(tmp_path / "parts")) > 100


def test_errors_of_parts_stand_in_the_order_of_one_machine(tmp_path: Path) -> None:
    for folder in ("a b", "a"):
        fill(tmp_path / "photos" / folder, 1)
        for name in ("x.png", "y.png"):
            (tmp_path / "photos" / folder / name).write_bytes(b"no picture")
    whole = package.transform(tmp_path / "photos", "fliph", to=tmp_path / "a", workers=0)
    parts = [
        package.transform(
            tmp_path / "photos", "fliph", to=tmp_path / "b", part=f"{number}/3", workers=0
        )
        for number in (2, 1, 3)
    ]
    assert len(whole.errors) == 4
    assert joined(parts).errors == whole.errors


def test_copies_that_are_there_count_as_done(mixed: Path, tmp_path: Path) -> None:
    package.transform(mixed, "fliph", to=tmp_path / "c", part="1/2", workers=0)
    told: list[tuple[str, int, int]] = []
    listener = package.Listener(lambda *words: told.append(words))
    package.transform(mixed, "fliph", to=tmp_path / "c", workers=0, listener=listener)
    assert told[0][1] > 10
    assert told[-1][1] == told[-1][2]


@pytest.mark.parametrize("verb", ["transform", "doctor"])
def test_ctrl_c_says_where_finished_parts_are(
    mixed: Path, tmp_path: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lookalike.cluster import dask_workers

    class Interrupted(contextlib.nullcontext[Any]):
        count = 1

        def __enter__(self) -> Any:
            return self

        def run(self, *_: object) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(dask_workers, "DaskWorkers", Interrupted)
    said: list[str] = []
    words = {"on": "dask", "listener": package.Listener(say=said.append)}
    asked = {"transform": (mixed, "fliph"), "doctor": (mixed, tmp_path / "page.html")}[verb]
    with pytest.raises(KeyboardInterrupt):
        getattr(package, verb)(*asked, **words)
    kept = "What is finished is kept"
    if verb == "doctor":
        kept = f"Finished parts are kept in {tmp_path / 'page.html-parts'}"
    assert said == [f"{kept}; the same command goes on."]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack with two classes and a run with labels on it."""
    home = tmp_path_factory.mktemp("run")
    fill(home / "photos" / "a", 40)
    fill(home / "photos" / "b", 40, 100)
    assert lookalike("prepare", home / "photos", "--to", home / "p", "--size", "16").status == 0
    more = ("--set", "images=2000", "width=8", "batch=16", "--threads", "1")
    train = lookalike("train", home / "p", "--recipe", "tiny", *more, "--into", home / "r")
    assert train.status == 0, train
    return home


@pytest.mark.slow
@pytest.mark.parametrize("keep", [True, False])
def test_generated_pictures_of_parts_are_those_of_one_machine(
    home: Path, tmp_path: Path, keep: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lookalike.stages import generate as stage

    class Every:
        """Every third picture, by its bytes, is a copy."""

        note = None

        def __call__(self, pictures: np.ndarray) -> np.ndarray:
            return np.array([zlib.crc32(one.tobytes()) % 3 == 0 for one in pictures])

    monkeypatch.setattr(stage, "copy_check", lambda *_: Every())
    words = {"count": 230, "first": 30, "seed": 3, "grid": True, "keep_copies": keep}
    whole = package.generate(home / "r", tmp_path / "a" / "out", **words)
    done = in_parts(package.generate, home / "r", tmp_path / "b" / "out", order=[2, 3, 1], **words)
    assert done.count == whole.count == 230
    assert done.copies == whole.copies
    assert (whole.copies > 10) is not keep
    shutil.rmtree(tmp_path / "b" / "out-parts")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.slow
def test_a_part_whose_pictures_were_left_elsewhere_is_named(home: Path, tmp_path: Path) -> None:
    words = {"count": 70, "keep_copies": True}
    for number in (1, 2):
        package.generate(home / "r", tmp_path / "out", part=f"{number}/2", **words)
    (tmp_path / "out" / "000066.png").unlink()
    with pytest.raises(DataError, match=r"000066\.png is not there"):
        package.merge(tmp_path / "out")


@pytest.mark.slow
def test_scores_of_parts_are_those_of_one_machine(home: Path, tmp_path: Path) -> None:
    words = {"count": 600, "judge": "random", "classes": False}
    shutil.copytree(home / "r", tmp_path / "r")
    whole = package.evaluate(tmp_path / "r", home / "p", **words)
    shutil.rmtree(home / "p" / ".features")
    done = in_parts(package.evaluate, tmp_path / "r", order=[2, 1], against=home / "p", **words)
    assert done.as_dict() == whole.as_dict()


@pytest.mark.slow
def test_scores_of_a_folder_are_divided_too(home: Path, tmp_path: Path) -> None:
    package.generate(home / "r", tmp_path / "out", count=40, keep_copies=True)
    words = {"against": home / "p", "judge": "random", "classes": True}
    whole = package.evaluate(tmp_path / "out", **words)
    done = in_parts(package.evaluate, tmp_path / "out", order=[2, 1], **words)
    assert done.as_dict() == whole.as_dict()
    with pytest.raises(DataError, match="is no pack"):
        package.evaluate(tmp_path / "out", home / "photos", judge="random", part="1/2")
    with pytest.raises(DataError, match="in memory cannot be divided"):
        package.evaluate(np.zeros((20, 16, 16, 3), np.uint8), home / "p", part="1/2")


@pytest.mark.slow
def test_a_set_expanded_in_parts_is_that_of_one_machine(home: Path, tmp_path: Path) -> None:
    words = {"run": home / "r", "tries": 3, "steps": 20, "judge": "random", "keep_copies": True}
    whole = package.expand(home / "p", tmp_path / "a" / "more", **words)
    done = in_parts(package.expand, home / "p", tmp_path / "b" / "more", order=[2, 3, 1], **words)
    assert whole.synthetic > 0
    assert {**done.as_dict(), "folder": ""} == {**whole.as_dict(), "folder": ""}
    assert contents(tmp_path / "a" / "more") == contents(tmp_path / "b" / "more")


@pytest.mark.slow
def test_work_that_needs_the_whole_first_says_so(home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--fix needs"):
        package.prepare(home / "photos", tmp_path / "p", fix=True, part="1/2")
    with pytest.raises(LookalikeError, match="would train its own"):
        package.expand(home / "p", tmp_path / "e", time="1s", part="1/2")
    with pytest.raises(DataError, match="name that place"):
        package.doctor(home / "photos", part="1/2")
    with pytest.raises(DataError, match="is a pack"):
        package.prepare(home / "p", tmp_path / "p", part="1/2")
    package.doctor(home / "photos", tmp_path / "a.html", part="1/1", quick=True)
    with pytest.raises(DataError, match="parts of"):
        package.merge(tmp_path / "b.html", parts=(tmp_path / "a.html-parts",))
    assert asdict(package.settings.PrepareSettings().machines)["part"] is None


def test_chosen_pictures_cannot_be_checked_in_parts(home: Path, tmp_path: Path) -> None:
    for words in ({"part": "1/2"}, {"on": "dask"}):
        with pytest.raises(DataError, match=r"--pictures.* cannot be divided"):
            package.expand(
                home / "p", tmp_path / "e", run=home / "r", pictures=home / "photos", **words
            )
    assert not (tmp_path / "e-parts").exists()


@pytest.mark.slow
def test_scores_of_parts_read_the_samples_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lookalike.stages import evaluate as stage

    package.generate(home / "r", tmp_path / "out", count=40, keep_copies=True)
    for number in (1, 2):
        package.evaluate(tmp_path / "out", home / "p", judge="random", part=f"{number}/2")
    read, true = [], stage.pictures_of
    monkeypatch.setattr(
        stage, "pictures_of", lambda place, *more: read.append(place) or true(place, *more)
    )
    package.merge(tmp_path / "out")
    assert read.count(tmp_path / "out") == 1


@pytest.mark.slow
def test_a_part_of_copies_says_what_comes_next(mixed: Path, tmp_path: Path) -> None:
    done = package.transform(mixed, "fliph", to=tmp_path / "c", part="1/2", workers=0)
    assert "other parts" in done.next_step
    assert "other parts" not in package.transform(mixed, "fliph", to=tmp_path / "c").next_step


def test_parts_of_work_that_is_not_known_are_named(home: Path, tmp_path: Path) -> None:
    package.prepare(home / "photos", tmp_path / "p", size=16, part="1/1", workers=0)
    info = next((tmp_path / "p-parts").rglob("part.json"))
    told = json.loads(info.read_text())
    for change in ({"verb": "paint"}, {"settings": {**told["work"]["settings"], "hue": 3}}):
        info.write_text(json.dumps({**told, "work": {**told["work"], **change}}))
        with pytest.raises(DataError, match="another version"):
            package.merge(tmp_path / "p")
