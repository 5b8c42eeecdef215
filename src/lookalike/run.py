"""The run folder: everything that a training leaves behind, with one writer.

::

    runs/a/
      recipe.json       every setting that decides the result
      env.json          versions, machine, precision, where the data is
      plan.json         budgets and threads, each with when it began
      seen.npy          of a run that began with another: what that one was trained on
      log.txt           what was said
      stats.jsonl       numbers, one line per report
      samples/          grids over time
      checkpoints/      whole states; the newest is what the same command continues from
      report.html       the page for a person
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lookalike import checkpoints, locks, recipe
from lookalike.checkpoints import read_json as read_json
from lookalike.checkpoints import warn_once
from lookalike.errors import CheckpointError, RunError, RunLockedError
from lookalike.images import Pixels, write_png
from lookalike.recipe import Drawing, Recipe

KEEP = 2
LOOKED_AT = 1.0
"""Seconds in which whoever only looks whether a lock is held has let it go."""

CANDIDATES = "candidates.json"
GOOD = "good.safetensors"
"""The newest state in which nothing was wrong, to go back to."""
MODEL = "model.safetensors"
"""The one state of a run that was shared: what draws, and nothing to train with."""

SEEN = "seen.npy"
"""Of a run that was begun with another one: identities of what that one was trained on."""

ENVIRONMENT: dict[str, type] = {
    **dict.fromkeys(("data", "place", "begun_with", "memory"), dict),
    "budgets": list,
}
DATA: dict[str, type] = {"path": str, "fingerprint": str, "columns": list, "classes": list}
PLACE: dict[str, type] = {"precision": dict, "processes": int, "shared_batches": bool}
"""What env.json holds, where it says something that is read again."""


class Run:
    """A run folder, opened to read; use ``with run.writing():`` around everything that writes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: Path) -> Run:
        """An existing run.

        Raises:
            RunError: the folder is not a run.
        """
        if not (path / "recipe.json").is_file():
            empty = "is not a run folder (it holds no recipe.json)"
            what = empty if path.exists() else "does not exist"
            raise RunError(f"{path} {what}. A run is made by: lookalike train PACK --into {path}")
        return cls(path)

    @property
    def samples(self) -> Path:
        """Where grids over time are kept."""
        return self.path / "samples"

    @property
    def checkpoints(self) -> Path:
        """Where states are kept."""
        return self.path / "checkpoints"

    @property
    def exists(self) -> bool:
        """Whether a recipe has been written here."""
        return (self.path / "recipe.json").is_file()

    @property
    def shared(self) -> bool:
        """Whether it is a model that somebody shared: it draws, and cannot be trained."""
        return (self.path / MODEL).is_file()

    # ---- one writer -------------------------------------------------------------------------

    @contextlib.contextmanager
    def writing(self) -> Iterator[Run]:
        """Hold the folder's lock; a second writer is refused.

        Raises:
            RunLockedError: another process is writing.
            RunError: it is a shared model.
        """
        if self.shared:
            raise RunError(
                f"{self.path} is a shared model: it draws pictures and holds nothing to train "
                "with. Name another folder with --into."
            )
        self.samples.mkdir(parents=True, exist_ok=True)
        self.checkpoints.mkdir(exist_ok=True)
        handle = open(self.path / ".lock", "a+", encoding="utf-8")
        try:
            lock(handle)
        except BlockingIOError:
            handle.seek(0)
            owner = handle.read().strip() or "another process"
            handle.close()
            raise RunLockedError(
                f"{self.path} is being written by {owner}. Wait for it to end, stop it with "
                "Ctrl-C, or name another folder with --into."
            ) from None
        try:
            handle.truncate(0)
            handle.write(f"process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
            handle.flush()
            for folder in (self.path, self.checkpoints, self.samples):
                checkpoints.sweep(folder)
            yield self
        finally:
            handle.close()

    @property
    def written(self) -> bool:
        """Whether a process writes to it just now."""
        return locks.taken(self.path / ".lock")

    # ---- recipe and environment -------------------------------------------------------------

    def recipe(self, trusted: tuple[str, ...] = ()) -> Recipe:
        """The recipe of this run."""
        self.recipe_values()
        return recipe.load(self.path / "recipe.json", trusted)

    def drawing(self, trusted: tuple[str, ...] = (), candidates: int | None = None) -> Drawing:
        """What generating needs of the recipe of this run."""
        self.recipe_values()
        return recipe.load_drawing(self.path / "recipe.json", trusted, candidates)

    def recipe_values(self) -> dict[str, Any]:
        """The recipe's fields as plain JSON, without loading any part.

        Says where the file was changed after it was written.
        """
        fields = read_json(self.path / "recipe.json").get("recipe", {})
        return fields if isinstance(fields, dict) else {}

    @property
    def saved(self) -> bool:
        """Whether a state was written from which the run goes on, be it whole or not."""
        return bool(self._numbered())

    def progress(self) -> int:
        """Images seen at the newest whole checkpoint; 0 before the first."""
        tree, _ = self.newest()
        return int(tree["clock"][0]) if tree else 0

    def write_recipe(self, chosen: Recipe) -> None:
        """Write the recipe before the first step."""
        with _to_disk(self.path / "recipe.json") as path:
            checkpoints.write_json(path, json.loads(chosen.dumps()))

    def env(self) -> dict[str, Any]:
        """What is known about where and on what data the run happened; empty when unknown.

        What is not of the kind that is written there is left out.
        """
        env = _of_kind(read_json(self.path / "env.json"), ENVIRONMENT)
        for name, kinds in (("data", DATA), ("place", PLACE)):
            if name in env:
                env[name] = _of_kind(env[name], kinds)
        return env

    def write_env(self, env: Mapping[str, Any]) -> None:
        """Write versions, machine, precision and data."""
        with _to_disk(self.path / "env.json") as path:
            checkpoints.write_json(path, env)

    def plan(self) -> dict[str, Any]:
        """The plan that the run follows; empty for runs of version 0.1."""
        return read_json(self.path / "plan.json")

    def write_plan(self, plan: Mapping[str, Any]) -> None:
        """Write every budget and number of threads so far, each with when it began."""
        with _to_disk(self.path / "plan.json") as path:
            checkpoints.write_json(path, plan)

    def write_budget(self, chosen: Recipe) -> None:
        """Write the recipe with a budget that was planned anew; it takes the place of the last."""
        self.write_recipe(chosen)
        env = self.env()
        self.write_env({**env, "budgets": [*env.get("budgets", [])[:-1], chosen.images]})

    @property
    def begun_with(self) -> dict[str, Any]:
        """The run whose weights this one began with, as it was then; empty where there is none."""
        return dict(self.env().get("begun_with", {}))

    def seen(self) -> NDArray[np.int64]:
        """Identities of the pictures that the runs before this one were trained on, int64 ``[N]``.

        Raises:
            RunError: this run was begun with another one, and they are lost.
        """
        if not self.begun_with:
            return np.zeros(0, np.int64)
        try:
            return np.asarray(np.load(self.path / SEEN, allow_pickle=False), np.int64)
        except (OSError, ValueError, EOFError) as problem:
            raise RunError(
                f"{self.path / SEEN} cannot be read ({problem}), so it is not known which pictures "
                "the runs before this one were trained on. Put it back, or begin with another run."
            ) from problem

    def write_seen(self, seen: NDArray[np.int64]) -> None:
        """Keep the identities of what the runs before this one were trained on."""
        buffer = io.BytesIO()
        np.save(buffer, seen)
        with _to_disk(self.path / SEEN) as path:
            checkpoints.write_whole(path, buffer.getvalue())

    # ---- numbers and words ------------------------------------------------------------------

    def say(self, line: str) -> None:
        """Append a line to log.txt."""
        with _to_disk(self.path / "log.txt") as path, open(path, "a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {line}\n")

    def record(self, numbers: Mapping[str, Any]) -> None:
        """Append one line to stats.jsonl; ``images`` says when."""
        with _to_disk(self.path / "stats.jsonl") as path, open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(numbers) + "\n")

    def stats(self) -> list[dict[str, Any]]:
        """Every line of stats.jsonl; ``images`` says when.

        The last may have been cut off by a crash; that others are left out is said.
        """
        path = self.path / "stats.jsonl"
        if not path.exists():
            return []
        lines = [_line(text) for text in path.read_text("utf-8", "replace").splitlines()]
        lost = lines[:-1].count(None)
        if lost:
            warn_once(path, f"{path} is damaged: {lost} of its {len(lines)} lines are left out.")
        return [line for line in lines if line is not None]

    def forget_after(self, images: int) -> None:
        """Drop numbers and grids of steps that will be played again after a restore.

        Checkpoints from after that moment are damaged, or they would have been used. They are put
        aside as ``.damaged``, so that they do not count among those that are kept.
        """
        if (self.path / "stats.jsonl").exists():
            lines = [line for line in self.stats() if line["images"] <= images]
            text = "".join(json.dumps(line) + "\n" for line in lines)
            with _to_disk(self.path / "stats.jsonl") as path:
                checkpoints.write_whole(path, text.encode())
        for later, grid in self.sample_grids():
            if later > images:
                grid.unlink(missing_ok=True)
        for state in self._numbered():
            if int(state.stem) > images:
                state.replace(state.with_suffix(".damaged"))

    def save_good(self, tree: Mapping[str, Any]) -> None:
        """Keep the newest state in which nothing was wrong, beside the checkpoints."""
        checkpoints.write(self.checkpoints / GOOD, tree)

    def good(self, images: int) -> dict[str, Any] | None:
        """That state, unless it is damaged or from after so many images."""
        try:
            tree = _state(self.checkpoints / GOOD)
        except CheckpointError:
            return None
        return tree if tree["clock"][0] <= images else None

    def rewind(self, images: int) -> None:
        """Drop checkpoints, numbers and grids from after so many images: they went wrong."""
        for path in self._numbered():
            if int(path.stem) > images:
                path.unlink(missing_ok=True)
        self.forget_after(images)

    # ---- pictures ---------------------------------------------------------------------------

    def write_sample(self, images: int, sheet: Pixels) -> Path:
        """Keep a grid of samples under the number of images seen."""
        with _to_disk(self.samples / f"{images:010d}.png") as path:
            write_png(path, sheet, {"images": str(images)})
        return path

    def sample_grids(self) -> list[tuple[int, Path]]:
        """All grids in order, with the images seen when each was made."""
        grids = self.samples.glob("*.png")
        return sorted((int(path.stem), path) for path in grids if path.stem.isdigit())

    # ---- checkpoints ------------------------------------------------------------------------

    def save(self, images: int, tree: Mapping[str, Any], keep: int = KEEP) -> Path:
        """Write a checkpoint and drop the oldest beyond ``keep``; the best one is not touched.

        That of a training which went back is not the newest, and stays all the same.
        """
        path = self.checkpoints / f"{images:010d}.safetensors"
        checkpoints.write(path, tree)
        for old in self._numbered()[:-keep]:
            if old != path:
                old.unlink(missing_ok=True)
        return path

    def save_best(self, tree: Mapping[str, Any], rank: int = 1, keep: int = 1) -> Path:
        """Write what generates the best pictures so far, or those of another rank.

        Lower ranks move down by one, and what is then beyond ``keep`` goes. The new state is whole
        on the disk before any other is moved.
        """
        new = self.checkpoints / "best-new.safetensors"
        checkpoints.write(new, tree)
        for later in range(keep, rank, -1):
            if self._best(later - 1).exists():
                self._best(later - 1).replace(self._best(later))
        new.replace(self._best(rank))
        self.drop_bests(keep)
        return self._best(rank)

    def bests(self) -> list[Path]:
        """The files of the best states, best first."""
        ranks = {
            path: path.stem.removeprefix("best").removeprefix("-") or "1"
            for path in self.checkpoints.glob("best*.safetensors")
        }
        ranked = [path for path, rank in ranks.items() if rank.isdigit()]
        return sorted(ranked, key=lambda path: int(ranks[path]))

    def drop_bests(self, keep: int) -> None:
        """Leave the first of the best states, numbered without gaps."""
        for rank, path in enumerate(self.bests(), 1):
            if rank > keep:
                path.unlink(missing_ok=True)
            elif path != self._best(rank):
                path.replace(self._best(rank))

    def _best(self, rank: int) -> Path:
        return self.checkpoints / ("best.safetensors" if rank == 1 else f"best-{rank}.safetensors")

    def newest(self) -> tuple[dict[str, Any] | None, list[str]]:
        """The newest state that is whole, and words about those that had to be passed over.

        That another one is used is said here, for everybody who asks, as a warning.
        """
        refused: list[str] = []
        shared = [self.path / MODEL] if self.shared else []
        for path in [*reversed(self._numbered()), *shared]:
            try:
                tree = _state(path)
            except CheckpointError as problem:
                refused.append(str(problem))
                continue
            for words in refused:
                warn_once(path, f"{words} The checkpoint before it is used ({path.name}).")
            return tree, refused
        return None, refused

    def state(self, which: str = "auto") -> dict[str, Any]:
        """A state to generate from: "best", "best-2" …, "last" or "auto".

        "auto" is the last, unless the scores of the run say that the best was better by more than
        chance; without a word from them it is the best, where there is one.

        Raises:
            CheckpointError: there is none of this name, or none that is whole.
        """
        if which not in ("auto", "last"):
            return self._named(which)
        best = self._best(1)
        if which == "auto" and self.takes_best:
            try:
                return _state(best)
            except CheckpointError as problem:
                warn_once(best, f"{problem} The last checkpoint is used instead of the best.")
        tree, refused = self.newest()
        if tree is None:
            detail = " ".join(refused) or "The training was stopped before its first save."
            raise CheckpointError(
                f"{self.path} holds no whole checkpoint. {detail} Train again: "
                f"lookalike train PACK --into {self.path}"
            )
        return tree

    @property
    def takes_best(self) -> bool:
        """Whether "auto" is the best state: there is one, and no score speaks for the last."""
        taken = read_json(self.path / "scores.json").get("take", "best")
        return bool(taken == "best" and self._best(1).exists())

    def why(self, which: str = "auto", *, names: bool = True) -> str:
        """Which state "auto" is and why, in words; with ``names`` how to take the other.

        Empty where another one is named, and where nothing was scored.
        """
        words = str(read_json(self.path / "scores.json").get("why", ""))
        if which != "auto" or not words or not self.bests():
            return ""
        other = "last" if self.takes_best else "best"
        return f"{words} The other one: --checkpoint {other}." if names else words

    def candidates(self) -> int | None:
        """Of how many candidates each picture is the best, as measured at the end; else None."""
        taken = read_json(self.path / CANDIDATES).get("take")
        return taken if isinstance(taken, int) and taken >= 1 else None

    def _named(self, which: str) -> dict[str, Any]:
        """One of the best states, by the name of its file."""
        names = [path.stem for path in self.bests()]
        if which not in names:
            there = ", ".join(["auto", "last", *names])
            raise CheckpointError(
                f"{self.path} keeps no state {which!r}. Name one of these with --checkpoint: "
                f"{there}."
            )
        return _state(self.checkpoints / f"{which}.safetensors")

    def _numbered(self) -> list[Path]:
        return sorted(p for p in self.checkpoints.glob("*.safetensors") if p.stem.isdigit())


def _state(path: Path) -> dict[str, Any]:
    """A state of a training, which says how many images it has seen.

    Raises:
        CheckpointError: it is not whole, no state, another than its name says, or not finite.
    """
    tree = checkpoints.read(path)
    clock = tree.get("clock")
    if not (isinstance(clock, list) and len(clock) == 2 and all(type(n) is int for n in clock)):
        raise CheckpointError(f"{path} holds no state of a training.")
    if path.stem.isdigit() and int(path.stem) != clock[0]:
        raise CheckpointError(f"{path} holds the state after {clock[0]:,} images: it was renamed.")
    if not all(map(_finite, (tree.get("networks"), tree.get("averages")))):
        raise CheckpointError(f"{path} holds weights that are infinite or NaN.")
    return tree


def _finite(weights: Any) -> bool:
    """Whether every tensor of a tree of dictionaries is finite."""
    if isinstance(weights, Mapping):
        return all(map(_finite, weights.values()))
    return not hasattr(weights, "isfinite") or bool(weights.isfinite().all())


def _of_kind(values: Mapping[str, Any], kinds: Mapping[str, type]) -> dict[str, Any]:
    """The values without those that are of another kind than they were written in."""
    return {
        name: value
        for name, value in values.items()
        if name not in kinds or isinstance(value, kinds[name])
    }


def _line(text: str) -> dict[str, Any] | None:
    """One line of numbers, or None where it is none."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) and isinstance(line.get("images"), int) else None


@contextlib.contextmanager
def _to_disk(path: Path) -> Iterator[Path]:
    """A refusal of the disk while this file is written, as an error that says what to do.

    Raises:
        RunError: the disk is full or read-only.
    """
    try:
        yield path
    except OSError as problem:
        raise RunError(
            f"{path} could not be written ({problem.strerror}). Make room on the disk and give "
            "the same command again: it continues from the last checkpoint."
        ) from problem


def lock(handle: IO[str]) -> None:
    """Take an exclusive lock that the system drops when the process ends.

    Who only looks (:func:`lookalike.locks.taken`) has it for an instant, too, and refuses nobody:
    that is waited for.

    Raises:
        BlockingIOError: another process has it.
    """
    until = time.monotonic() + LOOKED_AT
    while True:
        try:
            locks.take(handle)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
