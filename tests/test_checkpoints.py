from __future__ import annotations

import json
import math
import os
import pickle
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from pictures import differences
from safetensors.torch import save_file

from lookalike import checkpoints, locks
from lookalike.errors import CheckpointError
from lookalike.run import Run

KINDS = [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
SHAPES = [(), (0,), (1,), (3,), (2, 3), (2, 1, 2, 2)]


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    kind, shape = draw(st.sampled_from(KINDS)), draw(st.sampled_from(SHAPES))
    drawn = torch.Generator().manual_seed(draw(st.integers(0, 9)))
    made = torch.randint(0, 2, shape, generator=drawn).to(kind)
    return made.transpose(0, 1) if draw(st.booleans()) and len(shape) == 2 else made


KEYS = st.one_of(st.text(max_size=4), st.integers(-3, 3), st.sampled_from(["/", "a/b", "@map"]))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    tensors(),
    st.floats(allow_nan=False),
)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)
        ),
    ),
    max_size=4,
)
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.slow
@QUICK
@given(TREES)
def test_every_tree_comes_back_as_it_was(tmp_path: Path, tree: dict[Any, Any]) -> None:
    checkpoints.write(tmp_path / "a.safetensors", tree)
    assert differences(tree, checkpoints.read(tmp_path / "a.safetensors")) == []


def test_tensors_whose_paths_read_alike_are_kept_apart(tmp_path: Path) -> None:
    tree = {
        1: torch.tensor(1.0),
        "1": torch.tensor(2.0),
        "a/b": torch.tensor(3.0),
        "a": {"b": torch.tensor(4.0)},
    }
    checkpoints.write(tmp_path / "a", tree)
    assert differences(tree, checkpoints.read(tmp_path / "a")) == []


def test_numbers_come_back_exactly(tmp_path: Path) -> None:
    tree = {"x": 0.1 + 0.2, "inf": math.inf, "big": 2**80, "pair": (1, 2.5)}
    checkpoints.write(tmp_path / "a", tree)
    assert checkpoints.read(tmp_path / "a") == {**tree, "pair": [1, 2.5]}


@pytest.mark.parametrize(
    "held",
    [object(), {"x": {1, 2}}, {(1, 2): 3}, {None: 3}],
    ids=["an object", "a set", "a pair as key", "None as key"],
)
def test_what_cannot_come_back_is_refused_at_writing(tmp_path: Path, held: Any) -> None:
    with pytest.raises(TypeError, match="cannot hold"):
        checkpoints.write(tmp_path / "a", {"x": held})
    assert list(tmp_path.iterdir()) == []


# ---- damage ---------------------------------------------------------------------------------


def state(images: int) -> dict[str, Any]:
    weights = {n: torch.randn(5, 4, generator=torch.Generator().manual_seed(images)) for n in "ab"}
    return {"clock": [images, 1], "networks": weights, "values": {"k": {"x": 0.5}}, "note": "ä" * 9}


def mutations(data: bytes, other: bytes, count: int) -> list[tuple[str, bytes]]:
    """Damage of every kind: cut, flipped, overwritten, emptied, swapped, doubled."""
    draw = random.Random(0)
    found = [
        ("empty", b""),
        ("another file", other),
        ("text", b"hello"),
        ("zeros", bytes(len(data))),
        ("doubled", data + data),
        ("longer", data + b"\0"),
        ("headless", data[8:]),
    ]
    header = 8 + int.from_bytes(data[:8], "little")
    while len(found) < count:
        at = draw.randrange(header if len(found) % 2 else len(data))
        kind = len(found) % 3
        if kind == 0:
            found.append((f"cut at {at}", data[:at]))
        elif kind == 1:
            flipped = bytearray(data)
            flipped[at] ^= 1 << draw.randrange(8)
            found.append((f"bit flipped at {at}", bytes(flipped)))
        else:
            zeroed = bytearray(data)
            zeroed[at : at + 16] = bytes(len(zeroed[at : at + 16]))
            found.append((f"zeros from {at}", bytes(zeroed)))
    return [(words, held) for words, held in found if held != data]


@pytest.mark.slow
def test_of_300_damaged_checkpoints_none_is_loaded_and_the_one_before_is_used(
    tmp_path: Path,
) -> None:
    run = Run(tmp_path)
    with run.writing():
        run.save(10, state(10))
        path = run.save(20, state(20))
    whole = path.read_bytes()
    save_file({"x": torch.ones(2)}, tmp_path / "other", {"format": "somebody else's"})
    damaged = mutations(whole, (tmp_path / "other").read_bytes(), 320)
    assert len(damaged) >= 300
    for words, data in damaged:
        path.write_bytes(data)
        with pytest.raises(CheckpointError):
            pytest.fail(f"loaded silently: {words}: {checkpoints.read(path)}")
        tree, refused = run.newest()
        assert tree is not None
        assert tree["clock"] == [10, 1], words
        assert len(refused) == 1
    path.write_bytes(whole)
    assert differences(run.newest()[0], state(20)) == []


def test_what_was_read_stays_when_the_file_is_overwritten_in_place(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    checkpoints.write(path, state(10))
    tree = checkpoints.read(path)
    path.write_bytes(b"")
    assert differences(tree, state(10)) == []


def test_a_checkpoint_of_another_program_is_refused(tmp_path: Path) -> None:
    save_file({"x": torch.ones(2)}, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match="not a checkpoint of this program"):
        checkpoints.read(tmp_path / "x.safetensors")


def test_a_number_changed_in_the_header_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    checkpoints.write(path, {"clock": [1234, 5], "x": torch.ones(3)})
    data = path.read_bytes()
    assert data.count(b"1234") == 1
    path.write_bytes(data.replace(b"1234", b"9234"))
    with pytest.raises(CheckpointError, match="altered"):
        checkpoints.read(path)


class Canary:
    """Unpickling this writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("as_torch", [True, False])
def test_a_pickled_file_is_never_executed(tmp_path: Path, as_torch: bool) -> None:
    path, canary = tmp_path / "0000000010.safetensors", tmp_path / "canary"
    if as_torch:
        torch.save({"x": Canary(canary)}, path)
    else:
        path.write_bytes(pickle.dumps(Canary(canary)))
    with pytest.raises(CheckpointError):
        checkpoints.read(path)
    assert not canary.exists()
    pickle.loads(pickle.dumps(Canary(canary)))  # the canary does sing when it is unpickled
    assert canary.exists()


# ---- the disk refuses -----------------------------------------------------------------------


class Full:
    """A file that takes some bytes and then says that the disk is full."""

    def __init__(self, file: Any, room: int) -> None:
        self.file, self.room = file, room

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *told: object) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, data: bytes) -> int:
        if len(data) > self.room:
            self.file.write(data[: self.room])
            raise OSError(28, "No space left on device")
        return int(self.file.write(data))


@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_full_disk_leaves_the_old_checkpoint_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    path = tmp_path / "a.safetensors"
    checkpoints.write(path, state(10))
    opened = open
    monkeypatch.setattr(checkpoints, "open", lambda *told: Full(opened(*told), room), raising=False)
    with pytest.raises(CheckpointError, match=r"No space left.*intact.*Make room"):
        checkpoints.write(path, state(20))
    monkeypatch.undo()
    assert differences(checkpoints.read(path), state(10)) == []
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_refuses_at_any_point_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "a.safetensors"
    checkpoints.write(path, state(10))

    def refuse(*told: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(checkpoints.os, step, refuse)
    with pytest.raises(CheckpointError, match="Input/output error"):
        checkpoints.write(path, state(20))
    monkeypatch.undo()
    assert differences(checkpoints.read(path), state(10)) == []


def test_the_header_is_plain_json_that_a_person_can_read(tmp_path: Path) -> None:
    checkpoints.write(tmp_path / "a", {"clock": [7, 1]})
    data = (tmp_path / "a").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert header["__metadata__"]["format"] == checkpoints.FORMAT
    assert '"clock"' in header["__metadata__"]["tree"]


def test_what_a_killed_process_left_of_a_file_goes_and_that_of_a_living_one_stays(
    tmp_path: Path,
) -> None:
    killed, other = tmp_path / ".page.html.99.part", tmp_path / ".page.html.txt.99.part"
    for left in (killed, other):
        left.write_bytes(b"half")
    living = tmp_path / ".page.html.98.part"
    with living.open("wb") as file:
        locks.take(file)
        checkpoints.write_whole(tmp_path / "page.html", b"whole")
        assert {place.name for place in tmp_path.iterdir()} == {
            "page.html",
            living.name,
            other.name,
        }
    checkpoints.write_whole(tmp_path / "page.html", b"whole")
    assert not living.exists()


def test_unfinished_grids_of_a_killed_training_go_when_it_goes_on(tmp_path: Path) -> None:
    run = Run(tmp_path / "r")
    with run.writing():
        pass
    (run.samples / ".0000000010.png.part").write_bytes(b"half")
    with run.writing():
        assert not list(run.path.rglob("*.part"))


def test_a_file_is_locked_until_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second writer sweeps what is not locked, and would take it away before it is renamed."""
    held, replace = [], checkpoints.os.replace

    def moved(part: Path, to: Path) -> None:
        held.append(locks.taken(part))
        replace(part, to)

    monkeypatch.setattr(checkpoints.os, "replace", moved)
    checkpoints.write_whole(tmp_path / "page.html", b"whole")
    assert held == [checkpoints.os.name == "posix"]


def test_thousands_of_files_are_written_without_listing_their_folder_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, listing = [], Path.iterdir

    def counted(folder: Path) -> Iterator[Path]:
        listed.append(folder)
        return listing(folder)

    monkeypatch.setattr(Path, "iterdir", counted)
    for number in range(20):
        checkpoints.write_whole(tmp_path / f"{number}.png", b"whole")
    assert listed == [tmp_path]
