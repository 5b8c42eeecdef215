"""The page of a run: whole, closed in itself, and honest about what is missing."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from lookalike import images, recipe
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.images import Pixels
from lookalike.report.facts import RunFacts
from lookalike.report.originality import originality
from lookalike.report.sections import flat
from lookalike.run import Run
from lookalike.stages.report import write_report

SIZE = 16
VOID = {"meta", "img", "input", "line", "path", "rect", "circle", "br"}


def faces(count: int, seed: int, channels: int = 3) -> Pixels:
    corners = np.random.default_rng(seed).integers(0, 250, (count, 4, 4, channels))
    return corners.repeat(4, 1).repeat(4, 2).astype(np.uint8)


def make_pack(to: Path, channels: int = 3) -> Pack:
    held = np.arange(120) % 6 == 0
    refused = [{"source": "a <b>.jpg", "reason": "is cut off & broken"}]
    with PackWriter(to, size=SIZE, channels=channels) as writer:
        for i, face in enumerate(faces(120, 0, channels)):
            row = {"source": f"{i}.png", "class": "cat <3" if i % 3 else "dog"}
            writer.append(face, {**row, "attributes": {"mood": ["sad", "glad"][i % 2]}})
        return writer.finish(holdout=held, refused=refused)


def make_run(to: Path, pack: Pack, *, seen: int = 3200, scored: bool = True) -> Run:
    run = Run(to)
    frame = {"size": SIZE, "channels": pack.channels, "labels": 0}
    with run.writing():
        run.write_recipe(replace(recipe.make(recipe.find("tiny"), {}, frame), images=3200))
        run.write_env(
            {
                "python": "3",
                "data": {
                    "path": str(pack.path),
                    "name": "my <faces>",
                    "fingerprint": pack.fingerprint,
                    "train": len(pack.train),
                    "holdout": len(pack.holdout),
                },
            }
        )
        for at in range(0, seen + 1, 800):
            made = images.enlarge(faces(16, at + 1, pack.channels), 64)
            run.write_sample(at, images.grid(made, 8))
        for at in range(100, seen + 1, 100):
            run.record(
                {
                    "images": at,
                    "loss/G": 1.0 + 1 / at,
                    "loss/D": 0.5,
                    "fact/D(real)": 0.6,
                    "fact/D(fake)": 0.4,
                }
            )
            if scored and at % 800 == 0:
                run.record(
                    {
                        "images": at,
                        "score/kid": 800 / at,
                        "score/kid_low": 700 / at,
                        "score/kid_high": 900 / at,
                        "score/floor": 0.0,
                    }
                )
        health = {
            "light": "amber",
            "kind": "collapse",
            "sentence": "Only <10% of the variety.",
            "images": seen,
            "seconds": 61.0,
            "history": [],
        }
        (to / "health.json").write_text(json.dumps(health))
    return run


class Balanced(HTMLParser):
    """Refuses tags that are not closed in order, and remembers every address."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.addresses += [v or "" for k, v in attrs if k in {"src", "href", "srcset", "action"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: Path) -> tuple[str, Balanced]:
    text = page.read_text("utf-8")
    parser = Balanced()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return text, parser


def words(text: str) -> str:
    """What a person reads: no pictures, no style, no script."""
    bare = re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)
    return re.sub(r"data:image/\w+;base64,[\w+/=]+", "", bare)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_a_whole_run_has_every_section(tmp_path: Path, channels: int) -> None:
    pack = make_pack(tmp_path / "pack", channels)
    text, _ = read(write_report(make_run(tmp_path / "run", pack), pack))
    titles = re.findall(r"<h2[^>]*>([^<]*)</h2>", text)
    assert titles == [
        "Real beside generated", "How it learned", "Samples", "Are they copies?", "Curves",
        "What to do next", "The data", "How it was made",
    ]  # fmt: skip
    assert text.count("<svg") == 3
    assert text.count('data-seen="') == 5


@pytest.mark.slow
def test_the_page_asks_nobody_for_anything(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack")
    text, parser = read(write_report(make_run(tmp_path / "run", pack), pack))
    assert parser.addresses
    assert all(address.startswith("data:image/") for address in parser.addresses)
    assert not parser.names & {"link", "iframe", "object", "embed", "base"}
    assert "http" not in words(text).replace("http-equiv", "")
    assert not re.search(r"@import|url\(", text)


@pytest.mark.slow
def test_names_from_outside_cannot_become_markup(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack")
    text, parser = read(write_report(make_run(tmp_path / "run", pack), pack))
    assert "my &lt;faces&gt;" in text
    assert "cat &lt;3" in text
    assert "a &lt;b&gt;.jpg" in text
    assert "Only &lt;10% of the variety." in text
    assert "faces" not in parser.names


@pytest.mark.slow
def test_an_unfinished_run_says_how_to_continue_it(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack")
    run = make_run(tmp_path / "run", pack, seen=1600)
    text = words(write_report(run, pack).read_text("utf-8"))
    assert "The training is not finished." in text
    assert f"lookalike train {pack.path} --recipe {run.path}/recipe.json --into {run.path}" in text
    assert "50% of the plan" in text


def test_a_run_has_its_page_from_inside_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = make_pack(tmp_path / "pack")
    make_run(tmp_path / "run", pack)
    monkeypatch.chdir(tmp_path / "run")
    text = write_report(Run(Path(".")), pack).read_text("utf-8")
    assert "--into . --more 30m" in text


def test_the_command_to_continue_is_accepted_by_the_stage(tmp_path: Path) -> None:
    from lookalike import place
    from lookalike.settings.training import TrainSettings
    from lookalike.stages.train import plan

    pack = make_pack(tmp_path / "pack")
    run = make_run(tmp_path / "run", pack, seen=1600)
    command = dict(RunFacts.of(run, pack).commands())["Continue this training where it stopped"]
    settings = TrainSettings(recipe=command.split()[command.split().index("--recipe") + 1])
    assert plan(pack, run, settings, place.choose("cpu", "fp32")).continues


def test_a_run_whose_pack_has_moved_away_still_has_its_page(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack")
    run = make_run(tmp_path / "run", pack)
    shutil.move(pack.path, tmp_path / "elsewhere")
    text, _ = read(write_report(run, None))
    assert "no longer" in text
    assert "Are they copies?" not in text
    assert "Samples" in text


def test_another_pack_than_the_trained_one_is_not_shown_as_its_data(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", make_pack(tmp_path / "pack"))
    with PackWriter(tmp_path / "other", size=SIZE) as writer:
        for face in faces(40, 9):
            writer.append(face, {"source": "x"})
        other = writer.finish()
    assert RunFacts.of(run, other).pack is None


def test_a_run_that_has_only_begun_still_has_its_page(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack")
    run = make_run(tmp_path / "run", pack, seen=0)
    for leftover in ("env.json", "stats.jsonl", "health.json"):
        (run.path / leftover).unlink(missing_ok=True)
    shutil.rmtree(run.samples)
    text, _ = read(write_report(run, None))
    assert "What to do next" in text
    assert "<svg" not in text


def test_broken_files_in_the_run_do_not_stop_the_page(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack")
    run = make_run(tmp_path / "run", pack, scored=False)
    (run.path / "health.json").write_text("{cut")
    (run.path / "scores.json").write_text("[]")
    run.sample_grids()[-1][1].write_bytes(b"not a picture")
    with (run.path / "stats.jsonl").open("a") as file:
        file.write('{"images": 3200, "loss/G": NaN}\n{"images": 33')
    text, _ = read(write_report(run, pack))
    assert "nan" not in words(text).lower().replace("fernan", "")


def test_a_copied_picture_is_found_and_a_new_one_is_not(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack")
    copied = pack.train.images(range(4)).astype(np.int16) + 2
    samples = np.concatenate([copied.clip(0, 255).astype(np.uint8), faces(4, 77)])
    found = originality(pack, samples)
    assert found is not None
    assert np.array_equal(found.nearest[:4], pack.train.images(range(4)))
    assert (found.relative[:4] < 0.2).all()
    assert (found.relative[4:] > 0.5).all()
    assert found.copies.tolist() == [True] * 4 + [False] * 4


def test_a_mirrored_copy_is_found(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack")
    found = originality(pack, pack.train.images([11])[:, :, ::-1])
    assert found is not None
    assert np.array_equal(found.nearest[0], pack.train.images([11])[0])


def test_players_with_one_loss_share_a_curve(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", make_pack(tmp_path / "pack"), seen=0)
    for at in (100, 200, 300):
        run.record({"images": at, "loss/E": at / 2, "loss/G": at / 2, "loss/D": 1.0})
    text = words(write_report(run, None).read_text("utf-8"))
    assert ">encoder and generator</span>" in text
    assert ">discriminator</span>" in text
    assert text.count('class="key ') == 2


def test_settings_are_flattened_with_the_class_of_each_part() -> None:
    tree = {"part": "a.b:Recipe", "size": 8, "prior": {"part": "p:Normal", "dims": 3}, "fits": []}
    assert flat(tree) == [
        ("size", "8"), ("prior", "Normal"), ("prior.dims", "3"), ("fits", "none"),
    ]  # fmt: skip


@pytest.mark.slow
def test_an_evaluation_adds_its_sentences_classes_and_nearest_pairs(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack")
    run = make_run(tmp_path / "run", pack)
    before = words(read(write_report(run, pack))[0])
    assert "Class by class" not in before
    share = {"value": 0.5, "floor": 0.9, "ratio": 0.55, "low": None, "high": None}
    row = {
        "name": "cat <3",
        "samples": 12,
        "training": 60,
        "holdout": 20,
        "kid": None,
        "coverage": share,
        "near_duplicates": share,
        "copies": 0.25,
        "recognized": share,
    }
    told = {
        "sentences": ["They repeat <a lot>."],
        "cautions": ["only 20 held-out pictures"],
        "features": "eye",
        "copies": {"share": 0.25},
        "kid": share,
        "classes": {"rows": [row], "recognized": None},
    }
    (run.path / "evaluation.json").write_text(json.dumps(told))
    for name in ("evaluation-pairs.png", "evaluation-classes.png"):
        images.write_png(run.path / name, images.grid(faces(16, 3), 8))
    text, page = read(write_report(run, pack))
    said = words(text)
    for wanted in (
        "They repeat &lt;a lot&gt;.",
        "Careful: only 20 held-out",
        "cat &lt;3",
        "25.0% of all samples",
        "Class by class",
        "The nearest pairs",
    ):
        assert wanted in said
    assert all(one.startswith("data:") for one in page.addresses if one and one[0] != "#")


def test_every_class_has_its_strip_and_every_pair_its_place(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack")
    run = make_run(tmp_path / "run", pack)
    rows = [{"name": name, "samples": 8} for name in ("cat", "dog")]
    told = {"classes": {"rows": rows}, "copies": {"share": 0.0, "level": "pass"}}
    (run.path / "evaluation.json").write_text(json.dumps(told))
    images.write_png(run.path / "evaluation-classes.png", images.grid(faces(16, 3), 8))
    images.write_png(run.path / "evaluation-pairs.png", images.grid(faces(10, 3), 8))
    text, _ = read(write_report(run, pack))
    assert text.count('<figure class="strip">') == 2
    assert text.count("and its most similar training picture") == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("measured", "color", "sentence"),
    [
        ({"near_duplicates": {"value": 0.9, "floor": 0.02}}, "red", "90% of the samples have a"),
        ({"near_duplicates": {"value": 0.04, "floor": 0.02}}, "green", "well"),
        ({"precision": {"value": 0.3, "floor": 0.94}}, "amber", "only 30% of the samples look"),
        ({"copies": {"level": "block"}}, "red", "many copies"),
        ({"copies": 3, "precision": "broken"}, "green", "well"),
    ],
)
def test_the_light_is_what_the_training_saw_or_what_was_measured_if_worse(
    tmp_path: Path, measured: dict[str, object], color: str, sentence: str
) -> None:
    pack = make_pack(tmp_path / "pack")
    run = make_run(tmp_path / "run", pack)
    seen = {"light": "green", "sentence": "It does well."}
    (run.path / "health.json").write_text(json.dumps(seen))
    (run.path / "evaluation.json").write_text(json.dumps(measured))
    text, _ = read(write_report(run, pack))
    box = text.partition('<div class="light ')[2].partition("</div></div>")[0]
    assert box.startswith(color)
    assert sentence in box


def test_an_old_or_broken_evaluation_does_not_break_the_page(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack")
    run = make_run(tmp_path / "run", pack)
    told = {"sentences": "no list", "classes": [1, 2], "copies": None, "warnings": ["old"]}
    (run.path / "evaluation.json").write_text(json.dumps(told))
    assert "What may be concluded" not in words(read(write_report(run, pack))[0])
