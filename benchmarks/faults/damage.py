"""Files of packs and runs damaged, or made by somebody who means harm; then the commands again.

Each command must give what it gives with the whole files, or say what is wrong: by an error of ours
or by a line that it does not print otherwise. Nothing may be written outside the place, and no code
of the files may run.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.faults.commands import Ended
from benchmarks.faults.jobs import JOBS, TINY, Job, Workshop, results
from lookalike import checkpoints

COUNT = 1000
Draw = np.random.Generator
Damage = Callable[[Path, Draw], None]
COMMANDS = {
    "run": (
        Job("generate", ("generate", "run", "-n", "4", "--to", "out", "--keep-copies"), (),
            ("out",)),
        Job("further", ("train", "pack", "--into", "run", *TINY), (), ("run",)),
    ),
    "pack": (
        Job("export", ("export", "pack", "--to", "given"), (), ("given",)),
        Job("anew", ("train", "pack", "--into", "anew", *TINY), (), ("anew",)),
    ),
}  # fmt: skip
"""What is done with a damaged run, and with a damaged pack."""
DATA_OF_THE_RUN = {"run/stats.jsonl"}
"""What a swap may have put elsewhere, and no result depends on."""
MARK = "code-was-run"
"""The file that hostile files try to make."""
HARM = f"__import__('pathlib').Path('{MARK}').touch()"


@dataclass(frozen=True)
class Calm:
    """The place before, and how every command ends there with its results."""

    template: Path
    ended: dict[str, tuple[Ended, dict[str, str]]]


def trial(workshop: Workshop, number: int) -> tuple[str, str]:
    """What was tried, and what was wrong (nothing, if nothing)."""
    draw = np.random.default_rng((3, number))
    calm = _calm(workshop)
    _begin(workshop, calm.template)
    side = str(draw.choice(list(COMMANDS)))
    files = sorted(p for p in (workshop.place / side).rglob("*") if _counts(p))
    path = files[int(draw.integers(len(files)))]
    kinds = {**ANY, **SPECIAL.get(path.suffix, {})}
    if path.suffix == ".safetensors":
        del kinds["gone"]  # a training that was killed before its save leaves the same folder
    name = str(draw.choice(list(kinds)))
    kinds[name](path, draw)
    what = f"{path.relative_to(workshop.place)}: {name}"
    before = {str(path.relative_to(workshop.place))} | DATA_OF_THE_RUN
    for job in COMMANDS[side]:
        ended = workshop.nursery.run(job.words, workshop.place)
        found = results(workshop.place, job.makes)
        peace, wanted = calm.ended[job.name]
        other = sorted(n for n in {*found, *wanted} - before if found.get(n) != wanted.get(n))
        wrong = _wrong(ended, peace, other) or _harm(workshop)
        if wrong:
            return f"{what}, {job.name}", wrong
    return what, ""


def _calm(workshop: Workshop) -> Calm:
    known: Calm | None = getattr(workshop, "calm_damage", None)
    if known is not None:
        return known
    workshop.begin(JOBS["generate"])
    template = workshop.root / "whole"
    shutil.copytree(workshop.place, template)
    ended = {}
    for jobs in COMMANDS.values():
        _begin(workshop, template)
        for job in jobs:
            done = workshop.nursery.run(job.words, workshop.place)
            if done.status:
                raise SystemExit(f"{job.name} does not work undisturbed: {done.said}")
            ended[job.name] = done, results(workshop.place, job.makes)
    calm = Calm(template, ended)
    workshop.calm_damage = calm  # type: ignore[attr-defined]
    return calm


def _begin(workshop: Workshop, template: Path) -> None:
    shutil.rmtree(workshop.place, ignore_errors=True)
    shutil.copytree(template, workshop.place)


def _counts(path: Path) -> bool:
    return path.is_file() and path.suffix != ".html" and path.name not in {".lock", "log.txt"}


def _wrong(ended: Ended, calm: Ended, other: list[str]) -> str:
    if ended.wrong:
        return ended.wrong
    if ended.status:
        return "" if "Error:" in ended.said else f"no message: {ended.said[-300:]}"
    if not other or _lines(ended.said) - _lines(calm.said):
        return ""
    return f"other results without a word: {', '.join(other[:4])}"


def _lines(said: str) -> set[str]:
    """The lines of an output without their numbers, and without those of progress."""
    return {re.sub(r"[\d.,]+", "#", line).strip() for line in said.splitlines() if "%" not in line}


def _harm(workshop: Workshop) -> str:
    marks = [*workshop.root.rglob(MARK), *Path.cwd().glob(MARK)]
    for mark in marks:
        mark.unlink()
    outside = {p.name for p in workshop.root.iterdir()} & {"outside", "outside.png"}
    return "code of a file was run" if marks else (f"written outside: {outside}" if outside else "")


def _flip(data: bytes, draw: Draw) -> bytes:
    if not data:
        return data
    at = int(draw.integers(len(data)))
    return data[:at] + bytes([data[at] ^ (1 << int(draw.integers(8)))]) + data[at + 1 :]


def _bytes(change: Callable[[bytes, Draw], bytes]) -> Damage:
    def damage(path: Path, draw: Draw) -> None:
        path.write_bytes(change(path.read_bytes(), draw))

    return damage


def _swap(path: Path, draw: Draw) -> None:
    others = [p for p in path.parent.iterdir() if p.is_file() and p != path and _counts(p)]
    if others:
        other = others[int(draw.integers(len(others)))]
        first, second = path.read_bytes(), other.read_bytes()
        path.write_bytes(second)
        other.write_bytes(first)


def _json(change: Callable[[Any, Draw], Any]) -> Damage:
    """A change of the plain values of a JSON file, or of one line of a JSON-lines file."""

    def damage(path: Path, draw: Draw) -> None:
        lines = path.read_text("utf-8").splitlines() if path.suffix == ".jsonl" else []
        if path.suffix != ".jsonl":
            path.write_text(json.dumps(change(json.loads(path.read_text("utf-8")), draw)), "utf-8")
        elif lines:
            at = int(draw.integers(len(lines)))
            lines[at] = json.dumps(change(json.loads(lines[at]), draw))
            path.write_text("\n".join(lines) + "\n", "utf-8")

    return damage


def _a_value(value: Any, new: Any, draw: Draw) -> Any:
    """The value with one leaf replaced."""
    if isinstance(value, dict) and value:
        key = str(draw.choice(list(value)))
        return {**value, key: _a_value(value[key], new, draw)}
    if isinstance(value, list) and value:
        at = int(draw.integers(len(value)))
        return [*value[:at], _a_value(value[at], new, draw), *value[at + 1 :]]
    return new


def _renamed(value: Any, draw: Draw) -> Any:
    """One key of the value under another name, as another version would have it."""
    if not isinstance(value, dict) or not value:
        return value
    key = str(draw.choice(list(value)))
    return {(f"{k}_2" if k == key else k): v for k, v in value.items()}


def _more(value: Any, draw: Draw) -> Any:
    """A field that this version does not know."""
    return {**value, "new": 1} if isinstance(value, dict) else 1


def _tensors(change: Callable[[torch.Tensor, Draw], torch.Tensor]) -> Damage:
    """A change of one tensor of a checkpoint whose digest is right."""

    def damage(path: Path, draw: Draw) -> None:
        tree = checkpoints.read(path)
        part = (
            tree["averages"] if draw.random() < 0.5 and tree.get("averages") else tree["networks"]
        )
        while isinstance(part, dict):
            parent, name = part, str(draw.choice(list(part)))
            part = part[name]
            if isinstance(part, torch.Tensor):
                parent[name] = change(part, draw)
        checkpoints.write(path, tree)

    return damage


HOSTILE = (
    "../../outside", "/etc/passwd", "..\\..\\outside", "os:system", "builtins:exec", HARM,
    "lookalike.recipes.tiny:../../x", "\x00", "a" * 100_000, "\ud800", -1, 10**30, 1e308,
    float("nan"), float("inf"), True, None, [], {}, [[[[1]]]], {"__class__": "os.system"},
)  # fmt: skip

ANY: dict[str, Damage] = {
    "a bit": _bytes(_flip),
    "three bits": _bytes(lambda data, draw: _flip(_flip(_flip(data, draw), draw), draw)),
    "cut": _bytes(lambda data, draw: data[: int(draw.integers(max(1, len(data))))]),
    "empty": _bytes(lambda data, draw: b""),
    "longer": _bytes(lambda data, draw: data + draw.bytes(64)),
    "zeros": _bytes(lambda data, draw: bytes(len(data))),
    "noise": _bytes(lambda data, draw: draw.bytes(len(data))),
    "a pickle": _bytes(lambda data, draw: _pickled()),
    "swapped with its neighbor": _swap,
    "gone": lambda path, draw: path.unlink(),
    "a folder": lambda path, draw: (path.unlink(), path.mkdir())[1],
    "a link to itself": lambda path, draw: (path.unlink(), path.symlink_to(path))[1],
}
_PLAIN: dict[str, Damage] = {
    "no utf-8": _bytes(lambda data, draw: b"\xff\xfe" + data),
    "deep": _bytes(lambda data, draw: b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "huge number": _bytes(lambda data, draw: re.sub(rb"\d+", b"9" * 5000, data, count=1)),
    "a list": _bytes(lambda data, draw: b"[1, 2]\n"),
    "null": _bytes(lambda data, draw: b"null\n"),
    "a hostile value": _json(
        lambda value, draw: _a_value(value, HOSTILE[int(draw.integers(len(HOSTILE)))], draw)
    ),
    "a field renamed": _json(_renamed),
    "a field more": _json(_more),
}
SPECIAL: dict[str, dict[str, Damage]] = {
    ".json": _PLAIN,
    ".jsonl": _PLAIN,
    ".safetensors": {
        "NaN weights": _tensors(lambda t, draw: t * float("nan")),
        "infinite weights": _tensors(lambda t, draw: t / 0),
        "another shape": _tensors(lambda t, draw: t.new_zeros(3, 5)),
        "another type": _tensors(lambda t, draw: t.to(torch.int8)),
        "a newer format": _bytes(
            lambda data, draw: data.replace(b"lookalike-checkpoint-1", b"lookalike-checkpoint-9")
        ),
    },
    ".npy": {
        "objects": _bytes(lambda data, draw: _objects()),
        "another type": lambda path, draw: np.save(path, np.load(path).astype(np.float64)),
        "fewer rows": lambda path, draw: np.save(path, np.load(path)[:-1]),
        "another shape": lambda path, draw: np.save(path, np.load(path).reshape(-1)),
    },
}  # fmt: skip


class _Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (HARM,)


def _pickled() -> bytes:
    import pickle

    return pickle.dumps(_Harm())


def _objects() -> bytes:
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.array([_Harm()], dtype=object), allow_pickle=True)
    return buffer.getvalue()
