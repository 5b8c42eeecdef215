"""The verbs from Python: text and paths alike, settings by field, results that print."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from case_tools import fill
from PIL import Image

import lookalike
from lookalike.settings import Device, GenerateSettings, TrainSettings

TINY: dict[str, Any] = {
    "recipe": "tiny",
    "changes": {"images": 32, "width": 2, "batch": 16},
    "threads": 1,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("api")
    fill(home / "in" / "cats", 30)
    fill(home / "in" / "dogs", 30, 100)
    lookalike.prepare(home / "in", home / "p", size=16, holdout=0.4)
    lookalike.train(home / "p", home / "r", **TINY)
    return home


@pytest.mark.slow
@pytest.mark.parametrize("kind", [str, Path], ids=["text", "path"])
def test_every_verb_takes_text_and_paths(
    home: Path, tmp_path: Path, kind: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures, pack, run = (kind(home / name) for name in ("in", "p", "r"))
    to = [kind(tmp_path / str(number)) for number in range(12)]
    results = [
        lookalike.prepare(pictures, to[0], size=16),
        lookalike.doctor(pictures, quick=True, workers=0),
        lookalike.transform(pictures, "fliph", "rot_90", to=to[1]),
        lookalike.export(pack, to[2]),
        lookalike.plan(pack, to[3], **TINY),
        lookalike.train(pack, run, **TINY),
        lookalike.start(pictures, to[4], size=16, **TINY),
        lookalike.show(run),
        lookalike.recipes(),
        lookalike.generate(run, to[5], count=2),
        lookalike.evaluate(run, count=20, judge="pixels", classes=False),
        lookalike.expand(pack, to[6], run=run, judge="pixels", steps=2, tries=1),
        lookalike.compare(pack, to[7], recipes="tiny", time="1s", changes={"width": 2}),
    ]
    assert lookalike.report(run).name == "report.html"
    for result in results:
        assert str(result).strip()
        assert not str(result).startswith("<")
        if not isinstance(result, list):
            assert json.loads(json.dumps(result.as_dict())) == result.as_dict()


@pytest.mark.slow
def test_pictures_and_scores_need_no_files(home: Path) -> None:
    before = sorted(home.rglob("*.png"))
    made = lookalike.generate(home / "r", count=20, seed=3, keep_copies=True)
    assert made.folder is None
    assert made.pictures is not None
    assert made.pictures.shape == (20, 16, 16, 3)
    assert made.pictures.dtype == np.uint8
    assert [picture.size for picture in made.images()] == [(16, 16)] * 20
    assert "pictures" not in made.as_dict()
    assert made._repr_png_()[:4] == b"\x89PNG"
    for target in (made, made.pictures, made.images()):
        scores = lookalike.evaluate(target, home / "p", judge="pixels", classes=False).scores
        assert scores.samples == 20
    assert sorted(home.rglob("*.png")) == before


@pytest.mark.slow
def test_a_function_judges_and_one_that_gives_no_rows_is_refused(home: Path) -> None:
    def brightness(pictures: np.ndarray) -> np.ndarray:
        return pictures.reshape(len(pictures), -1)[:, ::50]

    found = lookalike.evaluate(home / "r", judge=brightness, count=20, classes=False)
    assert found.scores.features == "brightness"
    with pytest.raises(lookalike.DataError, match="a row of numbers for each"):
        lookalike.evaluate(home / "r", judge=lambda pictures: [1.0], count=20, classes=False)
    kept = list((home / "p" / ".features").glob("*"))
    assert not any(file.name.startswith(".") for file in kept)


@pytest.mark.slow
def test_pictures_in_memory_are_those_of_the_files(home: Path, tmp_path: Path) -> None:
    made = lookalike.generate(home / "r", count=5, seed=3, keep_copies=True)
    files = lookalike.generate(home / "r", tmp_path / "o", count=5, seed=3, keep_copies=True)
    for one, other in zip(made.images(), files.images(), strict=True):
        assert np.array_equal(np.asarray(one), np.asarray(other))
    with Image.open(tmp_path / "o" / "000000.png") as picture:
        assert picture.info["lookalike:seed"] == "3"


def test_settings_may_be_one_object_or_fields_or_both(home: Path) -> None:
    whole = GenerateSettings(count=3, seed=5, device=Device(threads=1))
    one = lookalike.generate(home / "r", settings=whole)
    other = lookalike.generate(home / "r", count=3, seed=5, threads=1, device="cpu")
    both = lookalike.generate(home / "r", settings=whole, count=2)
    assert np.array_equal(one.pictures, other.pictures)
    assert np.array_equal(one.pictures[:2], both.pictures)


def test_text_is_read_as_the_command_line_reads_it() -> None:
    from lookalike.settings import CompareSettings, EvaluateSettings, UtilitySettings
    from lookalike.settings.options import filled

    assert filled(TrainSettings, None, {"augment": "fliph rot_10,blur_1"}).augment == (
        "fliph",
        "rot_10,blur_1",
    )
    assert filled(CompareSettings, None, {"recipes": "swift,dcgan"}).recipes == ("swift", "dcgan")
    assert filled(UtilitySettings, None, {"per_class": [20, 10]}).per_class == (20, 10)
    assert filled(UtilitySettings, None, {"per_class": "20,10"}).per_class == (10, 20)
    assert filled(EvaluateSettings, None, {"pairs": "~/x.png"}).pairs == Path.home() / "x.png"
    assert filled(TrainSettings, None, {"recipe": Path("own.py")}).recipe == "own.py"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"recpie": "tiny"}, "no setting 'recpie'; did you mean 'recipe'"),
        ({"time": "soon"}, "'soon' is not a time"),
        ({"keep_best": 0}, "--keep-best must be at least 1"),
        ({"device": "abacus"}, "'abacus' cannot be used here"),
    ],
)
def test_a_mistake_is_an_error_of_ours(
    home: Path, tmp_path: Path, fields: dict[str, Any], expected: str
) -> None:
    with pytest.raises(lookalike.LookalikeError, match=expected):
        lookalike.train(home / "p", tmp_path / "r", **fields)
    assert not (tmp_path / "r").exists()


def test_a_place_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    for verb in (
        lookalike.show,
        lookalike.report,
        lookalike.generate,
        lookalike.evaluate,
        lookalike.train,
        lookalike.start,
        lookalike.doctor,
        lambda place: lookalike.prepare(place, tmp_path / "p"),
        lambda place: lookalike.export(place, tmp_path / "x"),
        lambda place: lookalike.expand(place, tmp_path / "x"),
        lookalike.utility,
        lookalike.compare,
        lambda place: lookalike.transform(place, "fliph"),
    ):
        with pytest.raises(lookalike.LookalikeError, match="nowhere"):
            verb(nowhere)


@pytest.mark.slow
def test_who_listens_is_told(home: Path, tmp_path: Path) -> None:
    heard: list[str] = []
    steps: list[Any] = []
    listener = lookalike.Listener(
        tell=lambda what, done, total: heard.append(what), step=steps.append, say=heard.append
    )
    lookalike.start(home / "in", tmp_path / "r", size=16, listener=listener, **TINY)
    assert "preparing pictures" in heard
    assert any(line.startswith("Everything goes to") for line in heard)
    assert steps[-1].budget == 32


def test_help_names_every_field(home: Path) -> None:
    import inspect

    for verb, field in ((lookalike.train, "keep_best"), (lookalike.generate, "candidates")):
        parameters = inspect.signature(verb).parameters
        assert field in parameters
        assert parameters["threads"].default == 0
