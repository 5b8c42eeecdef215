"""(a) The laws of the contract tests, on the device, for every recipe at its smallest.

Each recipe builds, gives pictures in range, moves the players of each phase and no others by terms
that are finite and one per sample, draws the same once saved and loaded, and ends four steps where
two, a resume and two end. Beside that, its pictures and terms are those of the CPU to a thousandth.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.common import table
from benchmarks.gpu.bench import Bench, at_most, reason
from lookalike import checkpoints
from lookalike.engine.state import restore, training_state
from lookalike.engine.trainer import Trainer
from lookalike.errors import MissingExtraError
from lookalike.recipe import Recipe

sys.path.append(str(Path(__file__).parents[2] / "tests"))

from pictures import differences
from smallest import BATCH, FILES, STEPS, Alone, smallest, trainer_of

NEAR = 1e-3
"""How far numbers of the device and of the CPU may be apart, as a share."""
DRIFT = 1e-3
"""How far resumed weights may be from those of one go where kernels add in no fixed order."""
TINY = ("tiny", "dcgan", "swift")


@contextmanager
def exact() -> Iterator[None]:
    """Products in whole float32: TF32 would round inputs to 10 bits."""
    kinds: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [kind.allow_tf32 for kind in kinds]
    for kind in kinds:
        kind.allow_tf32 = False
    try:
        yield
    finally:
        for kind, wanted in zip(kinds, before, strict=True):
            kind.allow_tf32 = wanted


@contextmanager
def fixed_order() -> Iterator[None]:
    """Kernels that always add in one order, where there are such."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


class Checked:
    """One recipe on a device: the sentences that say what does not hold, and what was measured."""

    def __init__(self, chosen: Recipe, device: str) -> None:
        self.chosen, self.device = chosen, device
        self.wrong: list[str] = []
        self.facts: dict[str, Any] = {}

    def law(self, holds: bool, sentence: str) -> None:
        """Keep the sentence unless it holds."""
        if not holds:
            self.wrong.append(sentence)

    def pictures(self) -> None:
        """The range and shape of first pictures, and those of the CPU beside them."""
        made = trainer_of(self.chosen, self.device).sampler().raw(0, 0, 16)
        here = trainer_of(self.chosen).sampler().raw(0, 0, 16)
        size, channels = self.chosen.size, self.chosen.channels
        self.law(made.shape == (16, channels, size, size), f"pictures are {tuple(made.shape)}")
        self.law(made.dtype == torch.float32, f"pictures are {made.dtype}")
        self.law(float(made.abs().max()) <= 1.0001, "pictures leave [-1, 1]")
        # First pictures can be faint: their own range is the measure, not [-1, 1].
        apart = float((made - here).abs().max() / here.abs().max().clamp(min=1e-12))
        self.facts["pictures"] = apart
        self.law(apart <= NEAR, f"pictures differ from the CPU's by {apart:.1e}")

    def phase(self, index: int) -> None:
        """Whose weights a phase moves, and its terms beside those of the CPU."""
        phase = self.chosen.objective.phases()[index]
        terms, moved, _ = played(self.chosen, index, self.device)
        name = f"phase {index} of {'+'.join(phase.players)}"
        self.law(moved == set(phase.players), f"{name} moves {sorted(moved)}")
        for term, values in terms.items():
            self.law(values.shape == (BATCH,), f"{name}: {term} is {tuple(values.shape)}")
            self.law(bool(values.isfinite().all()), f"{name}: {term} is not finite")
        beside, _, draws = played(self.chosen, index, "cpu")
        if draws:  # dropout draws from the device's own generator
            self.facts["terms"] = self.facts.get("terms", "draws on the device")
            return
        apart = max(
            float((values - beside[term]).abs().max() / (1 + beside[term].abs().max()))
            for term, values in terms.items()
        )
        earlier = self.facts.get("terms", 0.0)
        self.facts["terms"] = max(earlier, apart) if isinstance(earlier, float) else apart
        self.law(apart <= NEAR, f"{name}: terms differ from the CPU's by {apart:.1e}")

    def resume(self) -> None:
        """Four steps in one go and in two halves: bit for bit, or as near as sums in any order."""
        if self._halves():
            self.facts["resume"] = "bit for bit"
            return
        drift = self.facts["drift"]
        with fixed_order():
            settled = self._halves()
        self.facts["resume"] = f"{drift:.0e}, fixed order: {'same bits' if settled else 'not'}"
        self.facts["drift"] = drift
        self.law(drift <= DRIFT, f"resumed weights differ by {drift:.1e}")

    def _halves(self) -> bool:
        """Whether both ways end in the same bits; the distance of the weights goes to facts."""
        whole, resumed = (trainer_of(self.chosen, self.device) for _ in range(2))
        for _ in range(STEPS // 2):
            whole.step()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "middle.safetensors"
            checkpoints.write(path, training_state(whole))
            torch.manual_seed(1)
            restore(resumed, checkpoints.read(path))
        same = [t.sampler().pictures(7, 3, 2).tobytes() for t in (whole, resumed)]
        self.law(same[0] == same[1], "saved and loaded it draws other pictures")
        for trainer in (whole, resumed):
            for _ in range(STEPS - STEPS // 2):
                trainer.step()
        self.facts["drift"] = apart(weights(whole), weights(resumed))
        return not differences(on_cpu(training_state(whole)), on_cpu(training_state(resumed)))


def played(chosen: Recipe, index: int, device: str) -> tuple[dict[str, Tensor], set[str], bool]:
    """One step of one phase: its terms, who moved, and whether torch's own generator was used."""
    terms: dict[str, Tensor] = {}
    state: list[Tensor] = []

    def hear(game: Any, batch: Any, values: dict[str, Tensor]) -> None:
        terms.update({name: value.detach().float().cpu() for name, value in values.items()})
        state.append(torch.get_rng_state())

    trainer = trainer_of(chosen, device, objective=Alone(chosen.objective, index, hear))
    before = {n: w.detach().clone() for n, w in trainer.networks.named_parameters()}
    trainer.step()
    moved = {
        name.partition(".")[0]
        for name, weight in trainer.networks.named_parameters()
        if not torch.equal(weight, before[name])
    }
    return terms, moved, not torch.equal(state[0], fresh_state(trainer))


def fresh_state(trainer: Trainer) -> Tensor:
    """Torch's generator as the trainer sets it before the first phase of the first step."""
    from lookalike import seeds

    seeds.reseed(trainer.recipe.seed, "phase", 0, 0, 0)
    return torch.get_rng_state()


def weights(trainer: Trainer) -> Tensor:
    """All weights in one row, on the CPU."""
    return torch.cat([w.detach().cpu().double().flatten() for w in trainer.networks.parameters()])


def apart(first: Tensor, second: Tensor) -> float:
    """The norm of the difference as a share of the first one's."""
    return float((first - second).norm() / first.norm().clamp(min=1e-12))


def on_cpu(tree: Any) -> Any:
    """The same tree of dictionaries and lists with every tensor on the CPU."""
    if isinstance(tree, Tensor):
        return tree.detach().cpu()
    if isinstance(tree, dict):
        return {key: on_cpu(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [on_cpu(value) for value in tree]
    return tree


def check(name: str, device: str) -> Checked:
    """Every law for one recipe.

    Raises:
        MissingExtraError: the recipe needs a package that is not here.
    """
    chosen = replace(smallest(name), batch=BATCH, micro_batches=1, images=BATCH * STEPS)
    checked = Checked(chosen, device)
    phases = range(len(chosen.objective.phases()))
    steps = [checked.pictures, *(lambda i=i: checked.phase(i) for i in phases), checked.resume]
    for step in steps:
        try:
            with exact():
                step()
        except (RuntimeError, ValueError, TypeError, KeyError, AssertionError) as problem:
            checked.wrong.append(reason(problem))
    return checked


def run(bench: Bench) -> list[str]:
    """Check recipe after recipe while there is time; the table of what was measured."""
    rows = []
    for name in TINY if bench.tiny else sorted(FILES):
        if bench.deadline.left() < 1:
            bench.results.skip("laws", name, "no time left")
            continue
        begun = time.monotonic()
        try:
            with at_most(bench.deadline.left() + 10):
                checked = check(name, bench.device)
        except MissingExtraError as missing:
            bench.results.skip("laws", name, str(missing))
            continue
        seconds = time.monotonic() - begun
        for sentence in checked.wrong:
            bench.results.fail("laws", name, sentence)
        facts = checked.facts
        bench.results.row("laws", recipe=name, seconds=round(seconds, 1), **facts)
        verdict = "wrong" if checked.wrong else "holds"
        shown = [_short(facts.get(key)) for key in ("pictures", "terms", "resume")]
        bench.results.say(f"laws: {name} {verdict}, resume {shown[2]}, {seconds:.1f} s")
        rows.append([name, verdict, *shown])
    header = ("recipe", "laws", "pictures from the CPU's", "terms from the CPU's", "resume")
    return [f"Laws on {bench.device}.", table(rows, header)]


def _short(value: object) -> str:
    return f"{value:.0e}" if isinstance(value, float) else str(value or "-")
