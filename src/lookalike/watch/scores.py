"""Scores while a run trains: the distance to pictures never trained on, and the best state.

The kernel distance (KID) of the same samples (one fixed z) against held-out pictures is measured
again and again within a share of the wall time. Published logs say that keeping the best state is
worth 1.6 to 5 times in such scores for classic GANs (Kang et al. 2023, StudioGAN). Beside it stands
the floor: training pictures against the same held-out ones. A generator cannot honestly be better.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from lookalike import checkpoints
from lookalike.data.pack.pack import Indices, Pack
from lookalike.engine.state import drawing_state, sampler_of
from lookalike.engine.watcher import Clock, CostLimit, Scene, Watcher
from lookalike.errors import CheckpointError
from lookalike.images import Pixels
from lookalike.metrics.distances.intervals import Interval
from lookalike.metrics.distances.kernel import kid_difference, kid_interval, kid_of_few
from lookalike.metrics.distances.manifold import manifold
from lookalike.metrics.features.features import Features, Vectors, choose
from lookalike.metrics.features.real_features import RealFeatures, shuffled
from lookalike.metrics.scores.health_verdict import FEW
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
AGAIN, AGAIN_SEED = 2, 4
"""At the end the best and the last state are compared by so many times as many new samples, where
the old ones leave it open; their seed is nobody else's."""
CAREFUL = 1.6
"""The best of many measurements owes part of its rank to luck, so on the samples that it was found
with it must be better by so many times the 95 % interval: three standard errors."""
FEWEST = 16
"""So many held-out pictures are enough to choose a state by, without training pictures."""
RESAMPLES = 100
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
    clock: Clock = time.monotonic
    name: str = "scores"
    bests: list[dict[str, float]] = field(default_factory=list, init=False)
    newest: dict[str, float] = field(default_factory=dict, init=False)
    samples: int = field(default=0, init=False)
    real: int = field(default=0, init=False)
    floor: dict[str, float] = field(default_factory=dict, init=False)
    _piece: float = field(default=0.2, init=False)
    _cost: float | None = field(default=None, init=False)
    _last: tuple[float, int] = field(default=(0.0, -1), init=False)
    _ready: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.judge = self.features or choose(self.pack.channels, self.pack.size)
        self.pace = CostLimit(self.share, self.clock)
        self._sides = Sides(np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._reals: RealFeatures
        self._first = 0.0
        self._vectors: dict[int, Vectors] = {}
        self._chance = 0.0
        self._apart: Interval | None = None
        self._again = False

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
        self.bests, self._vectors = _bests_of(scene.run, self.judge.hash, self.keep)

    def after(self, scene: Scene, tally: Tally) -> None:
        """One piece of work, when it is affordable."""
        if not self._ready or self._cost is None:
            if self.pace.affords(self._piece):
                work = self._plan if self._ready else self._look
                with self.pace.spending():
                    work(scene)
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
        if self._ready and scene.done >= 1 and self._open():
            with self.pace.spending():
                self._compare(scene)
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

    def rewound(self, scene: Scene, state: Mapping[str, Any]) -> None:
        """Nothing: the best states are on the disk, whatever became of the training behind them."""

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
            self._chance = kid_of_few(self._reals.of(self._sides.reference), FEW)
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
            vectors = self.judge(self._draw(scene, self.samples))
            numbers = self._numbers(vectors)
            scene.run.record({"images": scene.images, **numbers})
            self._keep(scene, numbers, vectors)
            self._apart, self._again = self._difference(vectors), False
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
            "score/chance": self._chance,
        }
        count = min(len(vectors), len(self._sides.floor))
        if min(count, len(reference)) > NEIGHBORS:
            others = self._reals.of(self._sides.floor[:count])
            numbers["score/coverage"] = manifold(vectors[:count], reference, k=NEIGHBORS).coverage
            numbers["score/coverage_floor"] = manifold(others, reference, k=NEIGHBORS).coverage
        return {name: float(value) for name, value in numbers.items()}

    def _keep(self, scene: Scene, numbers: Mapping[str, float], vectors: Vectors) -> None:
        """Write a state that is among the best, with its score, which its file alone then says.

        What the judge saw of its samples goes with it, to be compared with later states.
        """
        score = {name: numbers[f"score/{name}"] for name in ("kid", "kid_low", "kid_high")}
        score["images"] = float(scene.images)
        self.newest = score
        better = [best for best in self.bests if best["kid"] <= score["kid"]]
        known = any(best["images"] == score["images"] for best in self.bests)
        if known or len(better) >= self.keep:
            return
        tree = {
            **drawing_state(scene.trainer),
            "score": {**score, "hash": self.judge.hash},
            "vectors": torch.from_numpy(vectors).half(),
        }
        try:
            scene.run.save_best(tree, len(better) + 1, self.keep)
        except CheckpointError as problem:
            scene.run.say(str(problem))
            return
        self.bests.insert(len(better), score)
        del self.bests[self.keep :]
        known_still = {int(best["images"]) for best in self.bests}
        self._vectors = {at: rows for at, rows in self._vectors.items() if at in known_still}
        self._vectors[scene.images] = vectors

    # ---- the best state or the last ---------------------------------------------------------

    @property
    def _unseen(self) -> Vectors:
        """Held-out pictures alone, where they are enough: a state may have learned the others."""
        rows = self._sides.reference
        held = min(len(self.pack.holdout), len(rows))
        return self._reals.of(rows[:held] if held >= FEWEST else rows)

    def _difference(self, vectors: Vectors) -> Interval | None:
        """How much nearer the best state is (below 0: nearer) than the one of these vectors."""
        best = self._vectors.get(int(self.best.get("images", -1)))
        if best is None or best is vectors or len(best) != len(vectors):
            return None
        return kid_difference(best, vectors, self._unseen, resamples=RESAMPLES)

    def _open(self) -> bool:
        """Whether the best state seems nearer than the last, and luck may be why."""
        return self.take == "last" and self._apart is not None and self._apart.value < 0

    def _compare(self, scene: Scene) -> None:
        """Compare the best state and the last by new samples, by which neither was chosen."""
        try:
            state = scene.run.state("best")
        except CheckpointError as problem:
            scene.run.say(str(problem))
            return
        count = AGAIN * self.samples
        best, last = (
            self.judge(sampler.pictures(AGAIN_SEED, 0, count))
            for sampler in (sampler_of(scene.trainer, state), scene.trainer.sampler())
        )
        self._apart, self._again = kid_difference(best, last, self._unseen), True
        self._describe(scene)

    @property
    def take(self) -> str:
        """The state that pictures come from, "best" or "last"."""
        return taken(self.best, self.newest, self._apart, 1.0 if self._again else CAREFUL)

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
            "take": self.take,
            "why": reason(self.take, self.best, self.newest),
            "difference": None if self._apart is None else asdict(self._apart),
            "cost": {"seconds": round(self.pace.spent, 3), "of": round(self.pace.elapsed, 3)},
        }
        checkpoints.write_json(scene.run.path / FILE, facts)


def _end(name: str) -> str:
    return "" if name == "value" else f"_{name}"


def taken(
    best: Mapping[str, float],
    newest: Mapping[str, float],
    apart: Interval | None = None,
    careful: float = CAREFUL,
) -> str:
    """Which state pictures come from: the last one, unless the best was better by more than chance.

    The best of many measurements owes part of its rank to luck, and a recipe whose rates fall to 0
    is made to be best at its end. ``apart`` is the difference of the two on the same z, ``careful``
    how many times its 95 % interval must lie below 0; without it, their own intervals decide.
    """
    if not best or not newest:
        return "best"
    if apart is not None:
        return "best" if apart.value + careful * (apart.high - apart.value) < 0 else "last"
    chance = math.hypot(*(score["kid_high"] - score["kid"] for score in (best, newest)))
    return "best" if newest["kid"] - best["kid"] > chance else "last"


def reason(take: str, best: Mapping[str, float], newest: Mapping[str, float]) -> str:
    """Which state pictures come from and why, in one sentence; empty where nothing was scored."""
    if not best or not newest:
        return ""
    at, now = f"{int(best['images']):,} images", f"{int(newest['images']):,} images"
    if take == "best":
        return (
            f"Pictures come from the best state, that of {at}: its distance to pictures never seen "
            f"was {best['kid']:.2f}, and {newest['kid']:.2f} at {now}, farther than chance "
            "explains."
        )
    if best["images"] == newest["images"]:
        return f"Pictures come from the last state, which scored best when it was measured ({now})."
    return (
        f"Pictures come from the last state: the best score ({best['kid']:.2f} at {at}) is better "
        f"than that of {now} ({newest['kid']:.2f}) by no more than chance explains."
    )


def _bests_of(run: Run, judge: str, keep: int) -> tuple[list[dict[str, float]], dict[int, Vectors]]:
    """The scores that the best states carry, and by images what the judge saw of their samples.

    Scores of two judges are two scales, so states of another judge go, and so do damaged ones.
    """
    scores: list[dict[str, float]] = []
    vectors: dict[int, Vectors] = {}
    for path in run.bests():
        tree: dict[str, Any] = {}
        with contextlib.suppress(CheckpointError):
            tree = checkpoints.read(path)
        score = dict(tree.get("score", {}))
        if score.pop("hash", None) != judge:
            path.unlink(missing_ok=True)
            continue
        scores.append({name: float(value) for name, value in score.items()})
        if "vectors" in tree:
            vectors[int(scores[-1]["images"])] = tree["vectors"].float().numpy()
    run.drop_bests(keep)
    return scores[:keep], vectors
