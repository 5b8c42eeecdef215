"""Of how many candidates a run's pictures should each be the best, measured at its end.

Where pictures differ much from one another, those that D finds most real are the better ones; where
they are alike and the generator is good, D's favourites are only fewer (docs/log.md). So the kernel
distance (KID) to held-out pictures is taken for the best of 1, 2 … candidates, and the number that
is nearest is what ``generate`` and everything else draws with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike import checkpoints, images
from lookalike.checkpoints import read_json
from lookalike.data.pack.pack import Pack
from lookalike.engine.sampler import Sampler
from lookalike.engine.state import sampler_of
from lookalike.engine.watcher import Scene, Watcher
from lookalike.images import Pixels
from lookalike.metrics.distances.kernel import kid
from lookalike.metrics.features.features import Features, choose
from lookalike.metrics.features.real_features import RealFeatures
from lookalike.parts.training.schedules import Tally
from lookalike.run import CANDIDATES, Run
from lookalike.watch.scores import sides

SEED = 2
"""Neither the seed that scores during training look at, nor those that people are shown."""
LEAST, MOST, REAL = 128, 512, 512
"""Samples at the least and at the most, and real pictures."""
SHARE, SHORT = 16, 2048
"""One sample for so many images of training, and runs that are too short for a last look."""
SIDE = 64
"""The side up to which so many are looked at; of larger pictures, which cost more, fewer."""
MARGIN = 0.03
"""How much nearer more candidates must be, as a share, for the time that they take to draw."""


@dataclass
class Candidates(Watcher):
    """Measures once, when a recipe that can choose has spent its budget; writes candidates.json.

    Samples and pictures are fixed by the recipe and the pack, not by the clock, so the same run
    takes the same number. A run of fewer than ``SHORT`` images keeps what its recipe says.
    """

    pack: Pack
    say: Callable[[str], None] = lambda words: None
    features: Features | None = None
    name: str = "candidates"

    def after(self, scene: Scene, tally: Tally) -> None:
        """Nothing: it only looks at the end."""

    def end(self, scene: Scene) -> None:
        """The measurement, unless it has been made of this very state."""
        choice, budget = scene.trainer.recipe.choice, scene.trainer.recipe.images
        if scene.done < 1 or not choice or not choice.players or not choice.measured:
            return
        if budget < SHORT:
            return
        if read_json(scene.run.path / CANDIDATES).get("images") == scene.images:
            return
        begun = time.monotonic()
        count = max(LEAST, min(MOST * SIDE // max(self.pack.size, SIDE), budget // SHARE))
        # As if the pictures were in color: RandomConv sees all of 1, 2 and 3 at the floor. And as
        # if they were small: what D prefers shows there, and the judge of 256 px costs five times.
        judge = self.features or choose(3, min(int(self.pack.size), SIDE))
        rows = sides(self.pack).cut(REAL).reference
        if len(rows) < 2:
            return
        known = RealFeatures(self.pack, judge)
        real = known.of(rows)
        known.save()
        sheets = best_of_each(_drawing(scene), count)
        kids = [round(kid(judge(sheet), real), 6) for sheet in sheets]
        take = fewest(kids)
        verdict = _words(kids, take)
        result = {
            "images": scene.images,
            "take": take,
            "sentence": verdict,
            "kid": kids,
            "judge": judge.name,
            "samples": count,
            "real": len(rows),
            "seconds": round(time.monotonic() - begun, 1),
        }
        path = scene.run.path / CANDIDATES
        checkpoints.write_json(path, result)
        scene.run.say(verdict)
        self.say(verdict)


def _drawing(scene: Scene) -> Sampler:
    """A choosing sampler over the state that pictures will come from: the last, or the best.

    A best state that does not keep the players that choose, or is damaged, is not drawn from.
    """
    choice = scene.trainer.recipe.choice
    if scene.run.takes_best and choice is not None:
        state = scene.run.state()
        if set(choice.players) <= set(state["averages"]):
            return sampler_of(scene.trainer, state, choosing=True)
    return scene.trainer.sampler(choosing=True)


def best_of_each(sampler: Sampler, count: int) -> list[Pixels]:
    """The same ``count`` places as the best of 1, 2 … candidates, uint8 ``[count, S, S, C]``."""
    blocks = [
        [images.to_pixels(best.cpu()) for best in sampler.rising(SEED, first, sampler.block)]
        for first in range(0, count, sampler.block)
    ]
    return [np.concatenate(rising)[:count] for rising in zip(*blocks, strict=True)]


def fewest(kids: Sequence[float]) -> int:
    """The smallest number of candidates, from 1, that is nearest within ``MARGIN``."""
    least = min(kids)
    return next(n for n, kid in enumerate(kids, 1) if kid <= least + MARGIN * abs(least))


def sentence(run: Run) -> str:
    """What was measured, for a person; empty where nothing was."""
    return str(read_json(run.path / CANDIDATES).get("sentence", ""))


def _words(kids: list[float], take: int) -> str:
    if take == 1:
        return (
            f"Pictures are taken as they are drawn (KID {kids[0]:.3g} to held-out pictures); the "
            f"best of {len(kids)} by D are not nearer ({kids[-1]:.3g})."
        )
    return (
        f"Each picture is the best of {take} candidates by D (KID {kids[take - 1]:.3g} to held-out "
        f"pictures; {kids[0]:.3g} as they are drawn)."
    )
