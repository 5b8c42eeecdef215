"""Every file of a run folder is damaged in many ways, and the commands are given again.

Each must do what it does with the whole folder, or say what is wrong: by an error of ours or by a
warning. A traceback is a failure, and so is another result without a word.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike import checkpoints
from lookalike.cli.main import main
from lookalike.data.pack.writer import write_pack
from lookalike.run import Run

FILES = ("recipe.json", "env.json", "scores.json", "health.json", "stats.jsonl", "newest", "best")
IMAGES = 16


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a pack and a run of two checkpoints, a best state and everything beside."""
    home = tmp_path_factory.mktemp("whole")
    corners = np.random.default_rng(0).integers(0, 256, (48, 2, 2, 3))
    write_pack(home / "pack", corners.repeat(4, 1).repeat(4, 2).astype(np.uint8), holdout=0.4)
    for images in (IMAGES // 2, IMAGES):
        train(home, images)
    run = Run(home / "run")
    run.save_best(run.state("last"))
    scores = {"take": "last", "best": {}, "bests": [], "newest": {}}
    checkpoints.write_json(run.path / "scores.json", scores)
    assert len(list(run.checkpoints.glob("*.safetensors"))) == 3
    return home


def train(home: Path, images: int) -> None:
    words = ["--recipe", "tiny", "--set", f"images={images}", "batch=8", "width=4"]
    main(["train", str(home / "pack"), "--into", str(home / "run"), *words])


def file_of(run: Path, name: str) -> Path:
    states = sorted((run / "checkpoints").glob("0*.safetensors"))
    return {"newest": states[-1], "best": run / "checkpoints" / "best.safetensors"}.get(
        name, run / name
    )


@pytest.fixture
def home(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(whole, tmp_path / "home")


def tried(home: Path) -> tuple[dict[str, str], int]:
    """The result and exit status 0, or what there is none of and 1: an error of ours."""
    try:
        return result(home), 0
    except SystemExit as ended:
        if ended.code != 1:
            raise
        return {}, 1


def result(home: Path) -> dict[str, str]:
    """What the run draws and what its next checkpoint holds, as digests."""
    found = {}
    main(["generate", str(home / "run"), "-n", "3", "--to", str(home / "out"), "--keep-copies"])
    for picture in sorted((home / "out").glob("*.png")):
        found[picture.name] = hashlib.sha256(picture.read_bytes()).hexdigest()
    main(["show", str(home / "run"), "--json"])
    train(home, IMAGES)
    main(["report", str(home / "run")])
    state, _ = Run(home / "run").newest()
    assert state is not None
    weights = [w.numpy().tobytes() for w in state["networks"].values()]
    return {**found, "weights": hashlib.sha256(b"".join(weights)).hexdigest()}


@pytest.fixture(scope="module")
def wanted(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return result(shutil.copytree(whole, tmp_path_factory.mktemp("wanted") / "home"))


Holds = Callable[[Path], None]


@pytest.fixture
def holds(wanted: dict[str, str], caplog: pytest.LogCaptureFixture) -> Holds:
    """Gives the commands and finds that the result is the same, or that something was said."""

    def check(home: Path) -> None:
        caplog.clear()
        found, status = tried(home)
        said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
        assert status == 1 or found == wanted or said

    return check


def flipped(data: bytes, draw: np.random.Generator) -> bytes:
    at = int(draw.integers(len(data)))
    return data[:at] + bytes([data[at] ^ (1 << int(draw.integers(8)))]) + data[at + 1 :]


DAMAGE: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "a bit": flipped,
    "cut": lambda data, draw: data[: int(draw.integers(len(data)))],
    "empty": lambda data, draw: b"",
    "no utf-8": lambda data, draw: b"\xff\xfe" + data,
    "deep": lambda data, draw: b'{"recipe":' * 100_000 + b"1" + b"}" * 100_000,
    "a list": lambda data, draw: b"[1, 2]",
    "null": lambda data, draw: b"null",
    "zeros": lambda data, draw: bytes(len(data)),
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_said_or_changes_nothing(
    home: Path, holds: Holds, name: str, damage: str
) -> None:
    path = file_of(home / "run", name)
    seed = int.from_bytes(f"{name} {damage}".encode()[:8], "little")
    path.write_bytes(DAMAGE[damage](path.read_bytes(), np.random.default_rng(seed)))
    holds(home)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["generate", "show", "evaluate", "train"])
def test_every_verb_says_that_the_newest_checkpoint_was_passed_over(
    home: Path, verb: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = file_of(home / "run", "newest")
    path.write_bytes(path.read_bytes()[:100])
    run, out = str(home / "run"), str(home / "out")
    words = {
        "generate": ["generate", run, "-n", "1", "--to", out, "--keep-copies"],
        "show": ["show", run],
        "evaluate": ["evaluate", run, "-n", "16", "--judge", "pixels"],
    }
    caplog.clear()
    train(home, IMAGES) if verb == "train" else main(words[verb])
    used = f"The checkpoint before it is used ({IMAGES // 2:010d}.safetensors)."
    said = [record.message for record in caplog.records if path.name in record.message]
    assert said
    assert all(used in line for line in said)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(FILES), seed=st.integers(0, 2**32), bits=st.integers(1, 3))
def test_flipped_bits_are_said_or_change_nothing(
    whole: Path, holds: Holds, name: str, seed: int, bits: int
) -> None:
    with tempfile.TemporaryDirectory() as place:
        home = shutil.copytree(whole, Path(place) / "home")
        path, draw = file_of(home / "run", name), np.random.default_rng(seed)
        for _ in range(bits):
            path.write_bytes(flipped(path.read_bytes(), draw))
        holds(home)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("recipe.json", "env.json"),
        ("recipe.json", "scores.json"),
        ("env.json", "health.json"),
        ("newest", "best"),
        ("newest", "stats.jsonl"),
        ("scores.json", "env.json"),
    ],
)
def test_files_that_took_each_others_place_are_said(
    home: Path, holds: Holds, first: str, second: str
) -> None:
    paths = [file_of(home / "run", name) for name in (first, second)]
    one, other = (path.read_bytes() for path in paths)
    paths[0].write_bytes(other)
    paths[1].write_bytes(one)
    holds(home)


# ---- written as we write them, but wrong: by another version, another recipe, or on purpose ------


def planted(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """The newest checkpoint, changed and written anew with a digest that fits."""

    def plant(run: Path) -> None:
        path = file_of(run, "newest")
        tree = checkpoints.read(path)
        change(tree)
        checkpoints.write(path, tree)

    return plant


def every_weight(tree: dict[str, Any], change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    for part in (tree["networks"], *tree["averages"].values()):
        part.update({name: change(w) for name, w in part.items() if w.is_floating_point()})


PLANTED: dict[str, Callable[[dict[str, Any]], None]] = {
    "NaN weights": lambda tree: every_weight(tree, lambda w: w * float("nan")),
    "infinite weights": lambda tree: every_weight(tree, lambda w: w + float("inf")),
    "wrong shapes": lambda tree: every_weight(tree, lambda w: torch.cat([w, w])),
    "no networks": lambda tree: tree.pop("networks") and tree.pop("averages"),
    "no clock": lambda tree: tree.pop("clock"),
    "words for a clock": lambda tree: tree.update(clock="../../etc/passwd"),
    "a list for weights": lambda tree: tree.update(networks=[1, 2], averages=[1, 2]),
    "nothing": lambda tree: tree.clear(),
    "other optimizers": lambda tree: tree.update(optimizers={"X": {}}),
    "watchers of another kind": lambda tree: tree.update(watchers=["progress"]),
    "numbers for watchers": lambda tree: tree.update(watchers={"numbers": 3, "health": "x"}),
    "values of another kind": lambda tree: tree.update(values=7, past="x"),
}


@pytest.mark.slow
@pytest.mark.parametrize("words", PLANTED)
def test_a_checkpoint_that_was_written_wrong_is_refused_or_said(
    home: Path, holds: Holds, words: str
) -> None:
    planted(PLANTED[words])(home / "run")
    holds(home)


ENVIRONMENTS: dict[str, Any] = {
    "data of another kind": {"data": ["a"], "place": 3, "budgets": {}},
    "kinds inside": {
        "data": {"path": 5, "fingerprint": {}, "columns": 3},
        "place": {"precision": 1},
    },
    "numbers that are none": {"budgets": ["x", None], "data": {"path": "x", "columns": [1, None]}},
    "a path that leads out": {"data": {"path": "../../../../../../etc", "fingerprint": "x"}},
    "a name with a null": {"data": {"path": "a\0b", "fingerprint": "x"}},
    "a name that is too long": {"data": {"path": "a" * 70_000, "fingerprint": "x"}},
    "a precision that is none": {"place": {"precision": {"G": 7, "D": None}}},
}


@pytest.mark.slow
@pytest.mark.parametrize("words", ENVIRONMENTS)
def test_an_environment_of_other_kinds_is_refused_or_said(home: Path, words: str) -> None:
    checkpoints.write_json(home / "run" / "env.json", ENVIRONMENTS[words])
    tried(home)
