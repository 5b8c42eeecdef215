from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.data.augment.policy import Policy, chains, fitting
from lookalike.data.augment.transforms import original_of, parse
from lookalike.data.pack.pack import Pack
from lookalike.errors import DataError
from lookalike.settings.data import PrepareSettings, TransformSettings
from lookalike.stages.doctor import doctor
from lookalike.stages.prepare import prepare
from lookalike.stages.transform import transform

HERE = PrepareSettings(size=16, workers=0)
CODES = ("fliph", "noise_0.01,blur_1")
Photos = Callable[..., Path]

PICTURES = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), np.uint8)


def test_every_training_picture_gets_a_copy_for_each_chain_and_the_hold_out_none(
    photos: Photos, tmp_path: Path
) -> None:
    photos(20, under="cat")
    folder = photos(20, under="dog", first=20)
    (folder / "attributes.csv").write_text(
        "file,age\n" + "".join(f"{n:03d}.png,{n * n}\n" for n in range(40))
    )
    plain = Pack.open(prepare(folder, tmp_path / "plain", HERE).path)
    done = prepare(folder, tmp_path / "more", replace(HERE, augment=CODES))
    pack = Pack.open(done.path)
    assert (done.count, done.train, done.augmented, done.holdout) == (112, 108, 72, 4)
    held, before = np.arange(4), np.arange(36)
    for one, other in ((pack.holdout, plain.holdout), (pack.train, plain.train)):
        rows = held if one.name == "holdout" else before
        assert np.array_equal(one.images(rows), other.images(rows))
        assert np.array_equal(one.labels(rows), other.labels(rows))
    assert done.class_counts == {"cat": 20, "dog": 20}
    assert all("augment" not in row for row in pack.holdout.rows(held))
    rows = list(pack.manifest())
    for index in range(40, 112):
        row = rows[index]
        origin = rows[row["of"]]
        assert (row["source"], row["class"], row["split"]) == (
            origin["source"],
            origin["class"],
            "train",
        )
        assert origin["split"] == "train"
        assert row["augment"] == CODES[index % 2]
        if row["augment"] == "fliph":
            pixels = pack.shards.take(np.array([index, row["of"]]))
            assert np.array_equal(pixels[0], pixels[1][:, ::-1])
    assert pack.info["augment"] == {"codes": list(CODES), "copies": 72}


@pytest.mark.slow
def test_copies_depend_on_the_seed_and_not_on_workers_or_what_was_known(
    photos: Photos, tmp_path: Path
) -> None:
    folder, wanted = photos(24), replace(HERE, augment=CODES, holdout=0.0)
    first = Pack.open(prepare(folder, tmp_path / "a", wanted).path)
    apart = Pack.open(prepare(folder, tmp_path / "b", replace(wanted, workers=2)).path)
    other = Pack.open(prepare(folder, tmp_path / "c", replace(wanted, seed=1)).path)
    assert first.fingerprint == apart.fingerprint != other.fingerprint
    assert prepare(folder, tmp_path / "a", wanted).unchanged
    photos(3, first=24)
    grown = prepare(folder, tmp_path / "a", wanted)
    fresh = prepare(folder, tmp_path / "fresh", wanted)
    assert (grown.decoded, grown.count, grown.augmented) == (3, 81, 54)
    assert Pack.open(grown.path).fingerprint == Pack.open(fresh.path).fingerprint
    without = prepare(folder, tmp_path / "a", replace(wanted, augment=()))
    assert (without.decoded, without.count, without.augmented) == (0, 27, 0)


def test_the_doctor_does_not_take_changed_copies_for_faults(photos: Photos, tmp_path: Path) -> None:
    done = prepare(photos(24), tmp_path / "pack", replace(HERE, augment=("fliph",)))
    found = doctor(done.path)
    assert (done.augmented, found.files) == (22, 24)
    assert not {finding.kind for finding in found.findings} & {"near", "copy", "leak"}


def test_codes_that_do_not_fit_are_refused_before_anything_is_read(
    photos: Photos, tmp_path: Path
) -> None:
    folder = photos(20)
    for codes, words in (
        (("spin",), "no code 'spin'"),
        (("fliph", "fliph"), "fliph is named twice"),
        (("zoom_40_40_60_60",), "leaves nothing of a picture of 16 x 16"),
    ):
        with pytest.raises(DataError, match=words):
            prepare(folder, tmp_path / "pack", replace(HERE, augment=codes))
    assert not (tmp_path / "pack").exists()


def test_files_that_transform_made_stay_on_the_side_of_their_original(
    photos: Photos, tmp_path: Path
) -> None:
    folder = photos(40)
    transform(folder, TransformSettings(codes=("rot_90", "crop_0.5,noise_0.2"), workers=0))
    for seed in range(4):
        pack = Pack.open(prepare(folder, tmp_path / f"{seed}", replace(HERE, seed=seed)).path)
        sides: dict[str, set[str]] = {}
        for row in pack.manifest():
            sides.setdefault(row["source"][:3], set()).add(row["split"])
        assert len(sides) == 40
        assert all(len(side) == 1 for side in sides.values())
        assert 15 <= len(pack.holdout) <= 18


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("a/b__rot_90.png", "a/b.png"),
        ("b__noise_0.01__blur_1.5.JPG", "b.JPG"),
        ("b__fliph", "b"),
        ("a__b.png", "a__b.png"),
        ("a__rot_x.png", "a__rot_x.png"),
        ("a/__fliph.png", "a/__fliph.png"),
        ("plain.png", "plain.png"),
    ],
)
def test_the_original_is_read_from_the_name(name: str, original: str) -> None:
    assert original_of(name) == original


@settings(deadline=None, max_examples=25)
@given(at=st.integers(0, 1000), cut=st.integers(0, 12), seed=st.integers(0, 3))
def test_a_policy_is_a_function_of_the_position(at: int, cut: int, seed: int) -> None:
    policy = Policy(chains(("noise", "fliph,crop")), seed)
    before = PICTURES.copy()
    whole = policy.apply(PICTURES, at)
    halves = [policy.apply(PICTURES[:cut], at), policy.apply(PICTURES[cut:], at + cut)]
    assert np.array_equal(whole, np.concatenate(halves))
    assert np.array_equal(PICTURES, before)


def test_a_policy_draws_nothing_and_each_chain_equally_often() -> None:
    one = np.repeat(PICTURES[:1], 3000, axis=0)
    shown = Policy(chains(("fliph", "flipv")), 0).apply(one, 0)
    wanted = [PICTURES[0], PICTURES[0][:, ::-1], PICTURES[0][::-1]]
    shares = [(shown == each).all((1, 2, 3)).mean() for each in wanted]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)
    assert Policy((), 0).apply(PICTURES, 5) is PICTURES


def test_the_text_of_a_chain_is_what_was_written() -> None:
    assert parse("rot_10, blur").text == "rot_10,blur"
    assert json.loads(json.dumps([c.text for c in fitting(CODES, 8, 1)])) == list(CODES)
