from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image, ImageFilter

from lookalike.data.doctor import findings
from lookalike.data.doctor.checks import blur_effect
from lookalike.data.doctor.findings import (
    plain_features,
    plain_strangeness,
    robust_limit,
    strangeness,
)
from lookalike.data.pack.writer import write_pack
from lookalike.data.similarity.crops import candidates, is_crop
from lookalike.errors import DataError, NoImagesError
from lookalike.settings.data import DoctorSettings
from lookalike.stages.doctor import Diagnosis, doctor


def _planted() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "planted", Path(__file__).parents[1] / "planted.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["planted"] = module
    spec.loader.exec_module(module)
    return module


planted = _planted()
HERE = DoctorSettings(workers=0, faces=False)


def simple_look(pictures: np.ndarray) -> np.ndarray:
    """Stands in for a network: features that hardly change under a crop or a mirror."""
    features = plain_features(pictures)[:, -64:]
    return features - features.mean(0)


@pytest.fixture(scope="module")
def examined(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, Diagnosis]:
    base = tmp_path_factory.mktemp("doctor")
    corpus = planted.plant(base / "corpus", good=90)
    return corpus, doctor(corpus.folder, base / "page.html", HERE, simple_look)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["unreadable", "mode", "blank", "blur", "aspect", "tiny", "copy", "near", "conflict"]
)
def test_planted_faults_are_found_and_sound_pictures_are_not_blamed(examined, kind: str) -> None:
    corpus, diagnosis = examined
    assert corpus.total >= 200
    finding = diagnosis.of(kind)
    named = {one.name for one in finding.files}
    groups = corpus.wanted[kind]
    found = sum(bool(group & named) for group in groups)
    assert found >= 0.95 * len(groups)
    assert len(named - set().union(*groups)) <= 0.02 * corpus.total


@pytest.mark.slow
def test_what_the_fix_leaves_out_has_a_reason_and_copies_keep_one(examined) -> None:
    corpus, diagnosis = examined
    assert diagnosis.leave_out["right/blank3.png"].startswith("blank pictures")
    assert not any("good" in name for name in diagnosis.leave_out)
    for pair in corpus.wanted["copy"][:1]:
        assert len(pair & set(diagnosis.leave_out)) == 1
    for pair in corpus.wanted["conflict"]:
        assert pair <= set(diagnosis.leave_out)


@pytest.mark.slow
def test_the_diagnosis_is_json_and_the_page_needs_nothing_from_outside(examined) -> None:
    corpus, diagnosis = examined
    told = json.loads(json.dumps(diagnosis.as_dict()))
    assert told["files"] == corpus.total
    assert {one["kind"]: one["count"] for one in told["findings"]}["blank"] == 8
    page = diagnosis.page.read_text("utf-8")
    assert "width=device-width" in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    jumps = set(re.findall(r'href="#(\w+)"', page))
    assert jumps == set(re.findall(r'<section [^>]*id="(\w+)"', page))
    assert jumps == {one.kind for one in diagnosis.findings}
    bad, out = diagnosis.files - diagnosis.readable, len(diagnosis.leave_out)
    for words in (
        f"{diagnosis.readable - out} fit to train from",
        f"{out} left out by --fix",
        f"{bad} cannot be used",
    ):
        assert words in page
    copies = diagnosis.of("copy")
    assert copies is not None
    shown = re.findall(r'<div class="pair">(.*?)</div>', page)
    assert all(pair.count("<figure") == 2 for pair in shown)
    assert len(shown) >= min(6, copies.count)
    assert "right/blank3.png" in page
    assert "usable pictures" in diagnosis.advice[0]


def test_names_of_files_cannot_put_code_into_the_page(tmp_path: Path) -> None:
    for seed in range(4):
        planted.scene(seed, 40).save(tmp_path / f"{seed}.png")
    (tmp_path / "<script>alert(1)<").write_text("x")
    found = doctor(tmp_path, tmp_path / "out" / "page.html", HERE)
    assert "<script" not in found.page.read_text("utf-8")
    assert found.of("unreadable").files[0].name == "<script>alert(1)<"


def test_a_page_of_somebody_else_is_not_written_over_and_ones_own_is(tmp_path: Path) -> None:
    for seed in range(4):
        planted.scene(seed, 40).save(tmp_path / f"{seed}.png")
    page = tmp_path / "notes.html"
    page.write_text("<p>my notes</p>")
    with pytest.raises(DataError, match=r"notes\.html exists and is no page of ours.*--page"):
        doctor(tmp_path, page, HERE)
    assert page.read_text() == "<p>my notes</p>"
    page.unlink()
    for _ in range(2):
        assert doctor(tmp_path, page, HERE).page == page


def test_a_leak_between_training_and_hold_out_of_a_pack_is_found(tmp_path: Path) -> None:
    pixels = np.stack([np.asarray(planted.scene(seed, 64)) for seed in range(20)])
    pack = write_pack(tmp_path / "pack", np.concatenate([pixels, pixels[:, :, ::-1]]), holdout=0.5)
    finding = doctor(pack.path, settings=HERE).of("leak")
    sides = {i: row["split"] for i, row in enumerate(pack.manifest())}
    straddling = [i for i in range(20) if sides[i] != sides[i + 20]]
    assert finding.count == 2 * len(straddling) > 0


def test_small_classes_are_named(tmp_path: Path) -> None:
    for seed in range(30):
        folder = tmp_path / ("few" if seed < 3 else "many")
        folder.mkdir(exist_ok=True)
        planted.scene(seed, 70).save(folder / f"{seed}.png")
    found = doctor(tmp_path, settings=HERE)
    assert [one.name for one in found.of("balance").files] == ["few"]
    assert any("few (3 pictures" in line for line in found.advice)


def test_nothing_readable_is_an_error_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("words")
    with pytest.raises(NoImagesError, match=r"a\.png is text"):
        doctor(tmp_path, settings=HERE)


def test_blurring_a_picture_makes_it_measure_as_more_blurred() -> None:
    picture = planted.scene(3)
    found = [
        blur_effect(
            np.asarray(picture.filter(ImageFilter.GaussianBlur(s)).convert("L"), np.float32)
        )
        for s in (0, 1, 2, 4)
    ]
    assert found == sorted(found)
    assert found[0] < 0.35
    assert found[-1] > 0.5


def test_stripes_are_sharp_and_a_plain_color_is_not() -> None:
    stripes = np.tile(np.array([0, 0, 0, 255, 255, 255], np.float32), (60, 10))
    assert blur_effect(stripes) < 0.4
    assert blur_effect(np.full((60, 60), 9, np.float32)) == 1.0


def test_a_crop_is_found_in_its_whole_and_not_in_another_picture() -> None:
    pictures = [planted.scene(seed).resize((64, 64), Image.Resampling.BOX) for seed in range(8)]
    for index, picture in enumerate(pictures):
        part = picture.resize((64, 64), Image.Resampling.BICUBIC, (3, 5, 57, 59))
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if index % 2 else part
        assert is_crop(np.asarray(picture), np.asarray(part))
        assert not is_crop(np.asarray(pictures[index - 1]), np.asarray(part))


def test_candidates_are_pairs_of_close_directions() -> None:
    features = np.array([[1, 0], [2, 0.1], [0, 1], [-1, 0]], np.float32)
    assert candidates(features).tolist() == [[0, 1]]
    assert candidates(features[:1]).shape == (0, 2)


def test_the_one_that_points_elsewhere_is_the_strangest() -> None:
    draw = np.random.default_rng(0)
    features = np.concatenate([draw.normal(0, 0.1, (40, 8)) + 1, -np.ones((1, 8))])
    values = strangeness(features.astype(np.float32))
    assert int(values.argmax()) == 40
    assert values[40] > robust_limit(values[:40], 3.0)
    assert strangeness(np.ones((1, 3), np.float32)).tolist() == [0.0]


def test_pictures_a_block_at_a_time_are_as_strange_as_all_their_features_at_once() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1500, 8, 8, 3), np.uint8)
    pixels[7] = 0, 255, 0
    values = plain_strangeness(pixels)
    assert np.array_equal(values, strangeness(plain_features(pixels)))
    assert int(values.argmax()) == 7


def test_a_large_set_is_compared_with_some_and_its_stranger_is_still_the_strangest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1500, 8, 8, 3), np.uint8)
    pixels[7], pixels[900] = (0, 255, 0), (0, 0, 255)
    every = plain_strangeness(pixels)
    monkeypatch.setattr(findings, "MOST_OTHERS", 500)
    some = plain_strangeness(pixels)
    assert set(np.argsort(some)[-2:].tolist()) == {7, 900}
    assert np.array_equal(some, plain_strangeness(pixels)), "the others are drawn once"
    assert 0 < np.median(some - every) < 0.1, "fewer others are a little farther away"
