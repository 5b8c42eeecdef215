"""What a report can know of a run, read from its folder and its pack; nothing here may fail."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookalike.checkpoints import read_json
from lookalike.data.pack.pack import Pack
from lookalike.engine.load import training_pack
from lookalike.errors import RunError
from lookalike.metrics.scores.health_verdict import HealthFinding, shown
from lookalike.run import Run
from lookalike.sizes import read_size, shape_of
from lookalike.watch.candidates import sentence


@dataclass(frozen=True)
class RunFacts:
    """A run as plain values. ``pack`` is None when it has moved or changed since."""

    run: Run
    pack: Pack | None
    recipe: Mapping[str, Any]
    env: Mapping[str, Any]
    stats: tuple[Mapping[str, Any], ...]
    health: Mapping[str, Any]
    scores: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    grids: tuple[tuple[int, Path], ...]

    @staticmethod
    def of(run: Run, pack: Pack | None) -> RunFacts:
        """Read everything there is; files that are missing or broken count as empty."""
        env = run.env()
        return RunFacts(
            run=run,
            pack=_pack(run, pack),
            recipe=read_json(run.path / "recipe.json").get("recipe", {}),
            env=env,
            stats=tuple(line for line in run.stats() if isinstance(line.get("images"), int)),
            health=read_json(run.path / "health.json"),
            scores=read_json(run.path / "scores.json"),
            evaluation=read_json(run.path / "evaluation.json"),
            grids=tuple(run.sample_grids()),
        )

    @property
    def data(self) -> Mapping[str, Any]:
        """What the run remembers of its pictures."""
        return dict(self.env.get("data", {}))

    @property
    def name(self) -> str:
        """The name of the pictures; of a pack that lies in the run, the name of the run."""
        name = str(self.data.get("name") or (self.pack.name if self.pack else "pack"))
        return self.run.path.resolve().name if name == "pack" else name

    @property
    def drawing(self) -> str:
        """How the last samples were drawn, in words; empty before the end and without a choice."""
        if not self.grids or self.grids[-1][0] < self.budget:
            return ""
        most = int((self.recipe.get("choice") or {}).get("candidates", 1))
        unmeasured = f"Each is the one of {most} candidates that D finds most real."
        return sentence(self.run) or (unmeasured if most > 1 else "")

    @property
    def size(self) -> int:
        """Pixels a side; of pictures that are not square both sides."""
        return read_size(self.recipe.get("size", 0))

    @property
    def across(self) -> str:
        """Width and height in words."""
        height, width = shape_of(self.size)
        return f"{width} × {height}"

    @property
    def channels(self) -> int:
        """1 for grey, 3 for color."""
        return int(self.recipe.get("channels", 3))

    @property
    def light(self) -> HealthFinding | None:
        """The one verdict of the run; None where nothing is known."""
        return shown(self.health, self.evaluation)

    @property
    def budget(self) -> int:
        """Images that the run is to see."""
        return int(self.recipe.get("images", 0))

    @property
    def seen(self) -> int:
        """Images seen, by the newest trace of any kind."""
        traces = [int(line["images"]) for line in self.stats[-1:]]
        traces += [images for images, _ in self.grids[-1:]]
        traces += [int(self.health.get("images", 0))]
        return max(traces)

    @property
    def finished(self) -> bool:
        """Whether the budget is spent."""
        return 0 < self.budget <= self.seen

    @property
    def best(self) -> Mapping[str, Any]:
        """Score and images of the best state, if one was kept."""
        return dict(self.scores.get("best", {}))

    def series(self, key: str) -> tuple[list[float], list[float]]:
        """(images, values) of one number over time."""
        points = [(line["images"], line[key]) for line in self.stats if _number(line.get(key))]
        return [float(at) for at, _ in points], [float(value) for _, value in points]

    def keys(self, prefix: str) -> list[str]:
        """Names of numbers that begin so, in the order of their first appearance."""
        names = dict.fromkeys(key for line in self.stats for key in line)
        return [name for name in names if name.startswith(prefix)]

    @property
    def shown_grid(self) -> tuple[int, Path] | None:
        """The grid nearest to the state that 'generate' uses: the best one, else the newest."""
        if not self.grids:
            return None
        at = self.best.get("images") if self.run.takes_best else None
        if at is None:
            return self.grids[-1]
        return min(self.grids, key=lambda grid: (abs(grid[0] - float(at)), -grid[0]))

    # ---- commands ---------------------------------------------------------------------------

    @property
    def place(self) -> str:
        """The run's folder as one would type it here."""
        return typed(self.run.path)

    @property
    def source(self) -> str:
        """The pack as one would type it here."""
        path = self.pack.path if self.pack else self.data.get("path")
        return typed(Path(path)) if path else "PACK"

    def commands(self) -> list[tuple[str, str]]:
        """(what it does, command) for continuing, generating and measuring."""
        saved = shlex.quote(str(Path(shlex.split(self.place)[0]) / "recipe.json"))
        again = f"lookalike train {self.source} --recipe {saved} --into {self.place}"
        on = ("Continue this training where it stopped", again)
        if self.finished:
            on = ("Train it further, for better pictures", f"{again} --more 30m")
        return [
            ("Make 500 new pictures", f"lookalike generate {self.place} -n 500 --seed 7 --to out"),
            on,
            ("Measure how good they are", f"lookalike evaluate {self.place}"),
        ]


def typed(path: Path) -> str:
    """A path as one would type it: relative when it is below the current folder."""
    whole = path.resolve()
    with contextlib.suppress(ValueError):
        return shlex.quote(str(whole.relative_to(os.getcwd())))
    return shlex.quote(str(whole))


def _pack(run: Run, given: Pack | None) -> Pack | None:
    """The pack that the run was trained on, at the given place or where it is found."""
    if given is not None and not run.env().get("data"):
        return given
    with contextlib.suppress(RunError, OSError):
        return training_pack(run, given)
    return None


def _number(value: Any) -> bool:
    finite = float("-inf") < value < float("inf") if isinstance(value, int | float) else False
    return finite and not isinstance(value, bool)
