"""Scores while a run trains: the distance to pictures never trained on, and the best state.

The kernel distance (KID) of the same samples (one fixed z) against held-out pictures is measured
again and again within a share of the wall time. Published logs say that keeping the best state is
worth 1.6 to 5 times in such scores for classic GANs (Kang et al. 2023, StudioGAN). Beside it stands
the floor: training pictures against the same held-out ones. A generator cannot honestly be better.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from lookalike import checkpoints
from lookalike.data.pack.pack import Indices, Pack
from lookalike.engine.state import drawing_state
from lookalike.engine.watcher import Clock, CostLimit, Scene, Watcher
from lookalike.errors import CheckpointError
from lookalike.images import Pixels
from lookalike.metrics.distances.intervals import Interval
from lookalike.metrics.distances.kernel import kid_interval
from lookalike.metrics.distances.manifold import manifold
from lookalike.metrics.features.features import Features, Vectors, choose
from lookalike.metrics.features.real_features import RealFeatures, shuffled
from lookalike.parts.training.schedules import Tally
from lookalike.run import Run

SEED = 1
"""The seed of the samples that are scored; other ones are shown to people."""
LEAST, MOST_SAMPLES, MOST_REAL = 64, 500, 1000
SMALL = 100
"""Below this many held-out pictures, training pictures stand in beside them."""
PIECE = 32
REAL_SHARE, MEASURES = 0.35, 12
NEIGHBORS = 5
FILE = "scores.json"


@dataclass(frozen=True)
class Sides:
    """Rows of the pack: those that samples are compared with, and others for the floor."""

    reference: Indices
    floor: Indices

    def cut(self, count: int) -> Sides:
        """At most ``count`` rows a side."""
        return Sides(self.reference[:count], self.floor[:count])

    @property
    def both(self) -> Indices:
        """All rows, the two sides in turns, so that any prefix serves both."""
        shared = min(len(self.reference), len(self.floor))
        turns = np.stack([self.reference[:shared], self.floor[:shared]], 1).reshape(-1)
        return np.concatenate([turns, self.reference[shared:], self.floor[shared:]])


def sides(pack: Pack) -> Sides:
    """Held-out rows, helped out by training rows when they are few, against other training rows."""
    unseen, train = shuffled(pack.holdout), shuffled(pack.train)
    helpers = min(MOST_REAL, len(train) // 2) if len(unseen) < SMALL else 0
    return Sides(np.concatenate([unseen, train[:helpers]]), train[helpers:])


@dataclass
class ScoreWatcher(Watcher):
    """Writes ``score/…`` numbers to stats.jsonl, scores.json, and keeps the best states.

    ``share`` bounds its cost by the wall time of this process; how many real pictures and samples
    it looks at follows from that. Its lines come at wall-clock moments, so they differ between two
    runs of one recipe; nothing else does.
    """

    pack: Pack
    features: Features | None = None
    keep: int = 3
    share: float = 0.05
    gap: float = 5.0
    clock: Clock | None = None
    name: str = "scores"
    bests: list[dict[str, float]] = field(default_factory=list, init=False)
    newest: dict[str, float] = field(default_factory=dict, init=False)
    samples: int = field(default=0, init=False)
    real: int = field(default=0, init=False)
    floor: dict[str, float] = field(default_factory=dict, init=False)
    _hash: str = field(default="", init=False)
    _piece: float = field(default=0.2, init=False)
    _cost: float | None = field(default=None, init=False)
    _last: tuple[float, int] = field(default=(0.0, -1), init=False)
    _ready: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.judge = self.features or choose(self.pack.channels, self.pack.size)
        self.pace = (
            CostLimit(self.share) if self.clock is None else CostLimit(self.share, self.clock)
        )
        self._sides = Sides(np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._reals: RealFeatures
        self._first = 0.0

    @property
    def best(self) -> dict[str, float]:
        """The score of the best state; nothing when none is kept."""
        return self.bests[0] if self.bests else {}

    # ---- the watcher ------------------------------------------------------------------------

    def begin(self, scene: Scene) -> None:
        """Start the watch; the best states' files say themselves how good they are."""
        self.pace.begin()
        self._first, self._last, self._ready = scene.done, (0.0, -1), False
        with self.pace.spending():
            self._reals = RealFeatures(self.pack, self.judge)
        self.bests = _bests_of(scene.run, self.judge.hash, self.keep)

    def after(self, scene: Scene, tally: Tally) -> None:
        """One piece of work, when it is affordable."""
        if not self._ready:
            if self.pace.affords(self._piece):
                with self.pace.spending():
                    self._look(scene)
            return
        if self._cost is None:
            if self.pace.affords(self._piece):
                with self.pace.spending():
                    self._plan(scene)
            return
        waited = self.pace.elapsed - self._last[0]
        # Twice the cost: the last moment of the run must be affordable as well.
        if waited >= self._gap(scene) and self.pace.affords(2 * self._cost):
            self._measure(scene)

    def end(self, scene: Scene) -> None:
        """The last state, if a measurement still fits the budget."""
        new = scene.images != self._last[1]
        if self._ready and self._cost is not None and new and self.pace.affords(self._cost):
            self._measure(scene)
        self._reals.save()

    def state(self) -> Mapping[str, Any]:
        """What was decided once, and the best so far."""
        return {
            "hash": self.judge.hash,
            "bests": [dict(score) for score in self.bests],
            "newest": dict(self.newest),
            "samples": self.samples,
            "real": self.real,
            "floor": dict(self.floor),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take it back, unless another judge wrote it."""
        if state.get("hash") == self.judge.hash:
            self.bests = [dict(score) for score in state.get("bests", ())]
            self.newest = dict(state.get("newest", {}))
            self.samples, self.real = int(state["samples"]), int(state["real"])
            self.floor = dict(state["floor"])

    # ---- real pictures ----------------------------------------------------------------------

    def _missing(self) -> Indices:
        return self._reals.missing(self._sides.both)

    def _look(self, scene: Scene) -> None:
        """Look at one more piece of the real pictures; when all are known, take the floor."""
        before = self.pace.clock()
        wanted = sides(self.pack)
        if not self.real:
            missing = self._reals.missing(wanted.cut(MOST_REAL).both)[:PIECE]
            self._reals.look(missing)
            each = (self.pace.clock() - before) / max(1, len(missing))
            self.real = self._affordable_real(scene, wanted, each)
        self._sides = wanted.cut(self.real)
        self._reals.look(self._missing()[:PIECE])
        self._piece = max(0.01, self.pace.clock() - before)
        if not len(self._missing()):
            self.floor = self._floor(self._sides)
            self._reals.save()
            self._ready = True

    def _affordable_real(self, scene: Scene, wanted: Sides, each: float) -> int:
        """Pictures a side: what a third of the budget pays, or more where they are known."""
        paid = int(REAL_SHARE * self.share * self._expected(scene) / max(each, 1e-6) / 2)
        largest = min(MOST_REAL, max(len(wanted.reference), len(wanted.floor)))
        known = largest
        while known > LEAST and len(self._reals.missing(wanted.cut(known).both)):
            known //= 2
        return max(LEAST, min(MOST_REAL, max(paid, known)))

    def _expected(self, scene: Scene) -> float:
        """How long this process will train in all, by its speed so far, in seconds."""
        done = scene.done - self._first
        left = 1 - self._first
        return self.pace.elapsed * left / done if done > 0 else self.pace.elapsed

    def _floor(self, chosen: Sides) -> dict[str, float]:
        if min(len(chosen.reference), len(chosen.floor)) < 2:
            return {"value": 0.0, "low": 0.0, "high": 0.0}
        return asdict(kid_interval(self._reals.of(chosen.floor), self._reals.of(chosen.reference)))

    # ---- samples ----------------------------------------------------------------------------

    def _plan(self, scene: Scene) -> None:
        """Time one piece of samples, and decide once how many a measurement takes."""
        before = self.pace.clock()
        self.judge(self._draw(scene, PIECE))
        each = (self.pace.clock() - before) / PIECE
        if not self.samples:
            paid = (1 - REAL_SHARE) * self.share * self._expected(scene) / MEASURES
            self.samples = int(np.clip(paid / max(each, 1e-6), LEAST, MOST_SAMPLES)) // 16 * 16
        self._cost = 1.3 * each * self.samples

    def _gap(self, scene: Scene) -> float:
        return max(self.gap, self._expected(scene) / 100)

    def _draw(self, scene: Scene, count: int) -> Pixels:
        return scene.trainer.sampler().pictures(SEED, 0, count)

    def _measure(self, scene: Scene) -> None:
        before = self.pace.clock()
        with self.pace.spending():
            numbers = self._numbers(self.judge(self._draw(scene, self.samples)))
            scene.run.record({"images": scene.images, **numbers})
            self._keep(scene, numbers)
            self._describe(scene)
        # The slower of before and now, so that one fast measurement does not promise others.
        self._cost = max(self.pace.clock() - before, 0.7 * (self._cost or 0.0))
        self._last = (self.pace.elapsed, scene.images)

    def _numbers(self, vectors: Vectors) -> dict[str, float]:
        reference = self._reals.of(self._sides.reference)
        kid: Interval = kid_interval(vectors, reference)
        numbers = {
            "score/kid": kid.value,
            "score/kid_low": kid.low,
            "score/kid_high": kid.high,
            **{f"score/floor{_end(name)}": value for name, value in self.floor.items()},
        }
        count = min(len(vectors), len(self._sides.floor))
        if min(count, len(reference)) > NEIGHBORS:
            others = self._reals.of(self._sides.floor[:count])
            numbers["score/coverage"] = manifold(vectors[:count], reference, k=NEIGHBORS).coverage
            numbers["score/coverage_floor"] = manifold(others, reference, k=NEIGHBORS).coverage
        return {name: float(value) for name, value in numbers.items()}

    def _keep(self, scene: Scene, numbers: Mapping[str, float]) -> None:
        """Write a state that is among the best, with its score, which its file alone then says."""
        score = {name: numbers[f"score/{name}"] for name in ("kid", "kid_low", "kid_high")}
        score["images"] = float(scene.images)
        self.newest = score
        better = [best for best in self.bests if best["kid"] <= score["kid"]]
        known = any(best["images"] == score["images"] for best in self.bests)
        if known or len(better) >= self.keep:
            return
        tree = {**drawing_state(scene.trainer), "score": {**score, "hash": self.judge.hash}}
        try:
            scene.run.save_best(tree, len(better) + 1, self.keep)
        except CheckpointError as problem:
            scene.run.say(str(problem))
            return
        self.bests.insert(len(better), score)
        del self.bests[self.keep :]

    def _describe(self, scene: Scene) -> None:
        """Write what the numbers are about."""
        facts = {
            "judge": self.judge.name,
            "hash": self.judge.hash,
            "samples": self.samples,
            "real": len(self._sides.reference),
            "holdout": len(self.pack.holdout),
            "holdout_only": len(self.pack.holdout) >= SMALL,
            "floor": self.floor,
            "best": self.best,
            "bests": self.bests,
            "newest": self.newest,
            "take": taken(self.best, self.newest),
            "cost": {"seconds": round(self.pace.spent, 3), "of": round(self.pace.elapsed, 3)},
        }
        checkpoints.write_json(scene.run.path / FILE, facts)


def _end(name: str) -> str:
    return "" if name == "value" else f"_{name}"


def taken(best: Mapping[str, float], newest: Mapping[str, float]) -> str:
    """Which state pictures come from: the last one, unless the best was better by more than chance.

    The best of many measurements owes part of its rank to luck, and a recipe whose rates fall to 0
    is made to be best at its end.
    """
    if not best or not newest:
        return "best"
    chance = math.hypot(*(score["kid_high"] - score["kid"] for score in (best, newest)))
    return "best" if newest["kid"] - best["kid"] > chance else "last"


def _bests_of(run: Run, judge: str, keep: int) -> list[dict[str, float]]:
    """The scores that the best states carry.

    Scores of two judges are two scales, so states of another judge go, and so do damaged ones.
    """
    scores = []
    for path in run.bests():
        score: dict[str, Any] = {}
        with contextlib.suppress(CheckpointError):
            score = dict(checkpoints.read(path).get("score", {}))
        if score.pop("hash", None) != judge:
            path.unlink(missing_ok=True)
            continue
        scores.append({name: float(value) for name, value in score.items()})
    run.drop_bests(keep)
    return scores[:keep]
