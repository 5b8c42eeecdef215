"""The verbs as a person meets them: results on stdout, words on stderr, errors that help."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from lookalike.cli.main import main

    into = tmp_path_factory.mktemp("runs") / "a"
    words = ["train", str(pack), "--recipe", "tiny", "--set", "images=64", "--into", str(into)]
    main([*words, "--precision", "fp32", "--json"])
    return into


@pytest.mark.slow
def test_training_leaves_a_whole_run_folder(run: Path) -> None:
    for name in ("recipe.json", "env.json", "stats.jsonl", "report.html", "samples/0000000000.png"):
        assert (run / name).exists(), name
    assert (run / "checkpoints" / "0000000064.safetensors").exists()


@pytest.mark.slow
def test_the_same_command_again_continues_and_finds_nothing_to_do(
    say: Say, run: Path, pack: Path
) -> None:
    words = ("train", pack, "--recipe", "tiny", "--set", "images=64", "--into", run)
    status, out, _ = say(*words, "--precision", "fp32", "--json")
    told = json.loads(out)
    assert (status, told["finished"], told["resumed_at"], told["images"]) == (0, True, 64, 64)
    status, out, _ = say("train", pack, "--recipe", "tiny", "--into", run, "--json")
    assert json.loads(out)["images"] == 64


def test_other_settings_in_the_same_folder_are_refused_with_the_difference(
    say: Say, run: Path, pack: Path
) -> None:
    status, _, err = say("train", pack, "--recipe", "tiny", "--set", "width=4", "--into", run)
    assert status == 1
    assert "width: 8 there, 4 now" in err
    assert "--into" in err


def test_other_pictures_in_the_same_folder_are_refused(
    say: Say, run: Path, folder: Path, tmp_path: Path
) -> None:
    say("prepare", folder / "warm", "--to", tmp_path / "other", "--size", "16")
    status, _, err = say("train", tmp_path / "other", "--recipe", "tiny", "--into", run)
    assert status == 1
    assert "other pictures" in err


def test_generate_writes_numbered_pictures_with_their_origin(
    say: Say, run: Path, tmp_path: Path
) -> None:
    status, out, _ = say("generate", run, "-n", "3", "--seed", "7", "--to", tmp_path, "--json")
    assert status == 0
    assert json.loads(out)["count"] == 3
    with Image.open(tmp_path / "000002.png") as picture:
        assert picture.size == (16, 16)
        assert picture.info["lookalike:seed"] == "7"
        assert picture.info["lookalike:index"] == "2"
        assert picture.info["lookalike:recipe"] == "tiny"
    say("generate", run, "-n", "1", "--first", "2", "--seed", "7", "--to", tmp_path / "alone")
    alone = (tmp_path / "alone" / "000002.png").read_bytes()
    assert alone == (tmp_path / "000002.png").read_bytes()


def test_a_class_can_be_asked_for_by_name_and_an_unknown_one_is_answered_with_the_known(
    say: Say, run: Path, tmp_path: Path
) -> None:
    assert say("generate", run, "-n", "1", "--label", "warm", "--to", tmp_path)[0] == 0
    status, _, err = say("generate", run, "-n", "1", "--label", "hot", "--to", tmp_path)
    assert status == 1
    assert "There are: cold, warm." in err
    status, _, err = say("generate", run, "-n", "1", "--label", "cold", "--to", tmp_path)
    assert status == 1
    assert "label warm there, cold now" in err


@pytest.mark.slow
def test_dry_run_says_sizes_and_trains_nothing(say: Say, pack: Path, tmp_path: Path) -> None:
    words = ("train", pack, "--recipe", "tiny", "--into", tmp_path / "no", "--dry-run", "--json")
    status, out, _ = say(*words)
    told = json.loads(out)
    assert status == 0
    assert told["labels"] == 2
    assert told["parameters"]["G"] > 1000
    assert not (tmp_path / "no").exists()


def test_show_and_report_know_the_run(say: Say, run: Path) -> None:
    told = json.loads(say("show", run, "--json")[1])
    assert (told["recipe"], told["images"], told["budget"]) == ("tiny", 64, 64)
    assert told["data"]["classes"] == ["cold", "warm"]
    assert say("show", run)[0] == 0
    assert "report.html" in say("report", run)[1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("train", "nowhere", "--recipe", "tiny"), "does not exist"),
        (("train", "{pack}", "--recipe", "tinny"), "Did you mean 'tiny'"),
        (("train", "{pack}", "--recipe", "tiny", "--for", "soon"), "is not a time"),
        (("train", "{pack}", "--recipe", "tiny", "--set", "width"), "name=value"),
        (("train", "{pack}", "--recipe", "tiny", "--set", "widht=3"), "Did you mean 'width'"),
        (("train", "{pack}", "--recipe", "tiny", "--device", "gpu9"), "--device cpu"),
        (("train", "{pack}", "--recipe", "dcgan"), "Prepare it again"),
        (("generate", "{pack}"), "is not a run folder"),
        (("prepare", "nowhere", "--to", "{tmp}/p"), "nowhere"),
        (("start", "nowhere"), "does not exist"),
    ],
)
def test_mistakes_get_one_message_that_helps(
    say: Say, pack: Path, tmp_path: Path, words: tuple[str, ...], expected: str
) -> None:
    given = [word.format(pack=pack, tmp=tmp_path) for word in words]
    if given[0] == "train":
        given += ["--into", str(tmp_path / "r")]
    status, out, err = say(*given)
    assert status == 1
    assert expected in err
    assert "Traceback" not in err
    assert out == ""


def test_errors_are_json_too_when_json_was_asked_for(say: Say) -> None:
    status, out, _ = say("show", "nowhere", "--json")
    assert status == 1
    assert json.loads(out)["error"] == "RunError"


@pytest.mark.slow
def test_start_goes_from_a_folder_to_a_report(say: Say, folder: Path, tmp_path: Path) -> None:
    words = ("start", folder, "--recipe", "tiny", "--size", "16", "--for", "2s")
    status, out, err = say(*words, "--into", tmp_path / "r", "--precision", "fp32", "--json")
    told = json.loads(out)
    assert status == 0
    assert told["prepared"]["refused"] == 1
    assert Path(told["trained"]["report"]).exists()
    assert "images/s with this recipe" in err
    again = say(*words, "--into", tmp_path / "r", "--precision", "fp32", "--json")
    assert json.loads(again[1])["trained"]["resumed_at"] == told["trained"]["images"]


@pytest.mark.slow
def test_a_recipe_file_of_ones_own_trains_and_needs_naming_to_be_opened(
    say: Say, pack: Path, tmp_path: Path
) -> None:
    own = tmp_path / "my_tiny.py"
    own.write_text(
        '"""A tiny of my own (Radford et al. 2016)."""\n'
        "from dataclasses import dataclass, replace\n"
        "from lookalike.parts.classic import ClassicGenerator\n"  # as version 0.1 called it
        "from lookalike.parts.networks.base import NetworkPlan\n"
        "from lookalike.recipe import Recipe, find\n"
        "@dataclass(frozen=True)\n"
        "class Mine(NetworkPlan):\n"
        "    def build(self, frame):\n"
        "        return ClassicGenerator(dims=16, width=4).build(frame)\n"
        "def recipe(size: int = 16, channels: int = 3) -> Recipe:\n"
        "    made = find('tiny').function()(size, channels)\n"
        "    nets = {**made.networks, 'G': Mine()}\n"
        "    return replace(made, name='my-tiny', networks=nets, images=32)\n"
    )
    run = tmp_path / "r"
    assert say("train", pack, "--recipe", own, "--into", run, "--precision", "fp32")[0] == 0
    status, _, err = say("generate", run, "-n", "1", "--to", tmp_path / "o")
    assert status == 1
    assert "--recipe" in err
    words = ("generate", run, "-n", "1", "--to", tmp_path / "o", "--recipe", own)
    assert say(*words)[0] == 0


def test_few_labels_are_shown_when_a_recipe_asks_for_few(
    say: Say, folder: Path, tmp_path: Path
) -> None:
    from lookalike import api
    from lookalike.data.pack.pack import Pack
    from lookalike.engine.batches import FewLabelsSource
    from lookalike.recipe import find, make
    from lookalike.stages.train import source

    say("prepare", folder, "--to", tmp_path / "p", "--size", "32")
    pack = Pack.open(tmp_path / "p")
    chosen = make(find("ssgan"), {"labelled": "2"}, {"size": 32, "channels": 3, "labels": 2})
    pictures = source(pack, chosen)
    assert isinstance(pictures, FewLabelsSource)
    taken = pictures.take(0, 32)
    assert taken.known is not None
    assert 0 < int(taken.known.sum()) < 32
    assert api.open_data(pack.path, tmp_path).path == pack.path


def test_ctrl_c_is_told_in_a_sentence_and_not_in_a_traceback(
    say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lookalike.recipe.names", interrupted)
    code, out, err = say("recipes")
    assert (code, out) == (130, "")
    assert err.startswith("Stopped.")
