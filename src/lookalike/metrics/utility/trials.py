"""Trainings of the utility protocol: equal steps and equal tuning for every arm, kept as they end.

Each arm's learning rate is chosen from one shared grid by the likelihood of a quarter of the real
training pictures, which is left out for that choice only. Test pictures play no part in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lookalike import seeds
from lookalike.images import Pixels
from lookalike.metrics.utility.classifier import Classes, Examples, FitSettings, fit
from lookalike.metrics.utility.instruments import Instrument, Small
from lookalike.metrics.utility.verdict import Arm, ArmOutcome
from lookalike.progress import Tell, silent


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What is equal for every arm. With one rate nothing is tuned."""

    seeds: int = 10
    steps: int = 600
    batch: int = 32
    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    instrument: Instrument = field(default_factory=Small)
    seed: int = 0


@dataclass(frozen=True)
class TrialPictures:
    """What arms are made of: real pictures, synthetic ones by way, taught copies, test pictures.

    Synthetic pictures and copies are in a shuffled order, enough for the largest ratio. Results
    are kept under ``name``, which is another one for other pictures.
    """

    real: Examples
    added: Mapping[str, Examples]
    copies: Mapping[str, Examples]
    test: Pixels
    name: str = ""


@dataclass(frozen=True)
class TrialResults:
    """Answers of every arm, and the learning rate that was chosen for it by the arm's name."""

    outcomes: tuple[ArmOutcome, ...]
    rates: Mapping[str, float]


class TrialStore:
    """Results by address in a file of lines, so that work that was cut off continues."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._held: dict[str, Any] = {}
        if path and path.exists():
            for line in path.read_text("utf-8", "replace").splitlines():
                try:
                    self._held.update(json.loads(line))
                except (ValueError, RecursionError, TypeError):
                    continue  # the last line of a run that was killed while writing it

    def __contains__(self, key: str) -> bool:
        return key in self._held

    def __getitem__(self, key: str) -> Any:
        return self._held[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._held[key] = value
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write("\n" + json.dumps({key: value}))


def address(*parts: object) -> str:
    """A short key of everything that decides a result."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()


def training_set(arm: Arm, real: Examples, pictures: TrialPictures) -> Examples:
    """What the arm's classifier is trained on; ``real`` may be a part of the real pictures."""
    if arm.only:
        return pictures.added[arm.way]
    chosen = real
    if arm.synthetic:
        chosen = chosen.plus(pictures.added[arm.way].take(slice(round(arm.synthetic * len(real)))))
    if arm.taught:
        copies = pictures.copies[arm.copies]
        chosen = chosen.plus(copies.take(slice(round(arm.taught * len(real)))))
    return chosen


def run_trials(
    arms: Sequence[Arm],
    pictures: TrialPictures,
    protocol: Protocol,
    store: TrialStore,
    workers: int = 1,
    tell: Tell = silent,
) -> TrialResults:
    """Tune and train every arm with every seed; what the store holds already is taken from it."""
    own = (protocol.steps, protocol.batch, protocol.instrument, protocol.seed, pictures.name)
    tuning = {
        address("rate", own, arm, rate): partial(_validated, arm, pictures, protocol, rate)
        for arm in arms
        for rate in protocol.rates
        if len(protocol.rates) > 1
    }
    _work(tuning, store, workers, tell, "choosing learning rates")

    def loss(arm: Arm, rate: float) -> float:
        return float(store[address("rate", own, arm, rate)]) if tuning else 0.0

    rates = {arm.name: min(protocol.rates, key=partial(loss, arm)) for arm in arms}

    def trial(arm: Arm, seed: int) -> str:
        return address("trial", own, arm, rates[arm.name], seed)

    trainings = {
        trial(arm, seed): partial(_tried, arm, pictures, protocol, rates[arm.name], seed)
        for seed in range(protocol.seeds)
        for arm in arms
    }
    _work(trainings, store, workers, tell, "training classifiers")
    outcomes = (
        ArmOutcome(arm, np.array([store[trial(arm, n)] for n in range(protocol.seeds)], np.int64))
        for arm in arms
    )
    return TrialResults(tuple(outcomes), rates)


def _validated(arm: Arm, pictures: TrialPictures, protocol: Protocol, rate: float) -> float:
    """The mean negative log likelihood of left-out real pictures at one rate."""
    real = pictures.real
    left = _left_out(real.numbers, protocol.seed)
    examples = training_set(arm, real.take(np.flatnonzero(~left)), pictures)
    trained = fit(examples, _how(arm, protocol, rate, 0, "tuning"))
    rows = np.flatnonzero(left)
    says = trained.probabilities(real.pictures[rows])
    return float(-np.log(says[np.arange(len(rows)), real.numbers[rows]] + 1e-9).mean())


def _tried(
    arm: Arm, pictures: TrialPictures, protocol: Protocol, rate: float, seed: int
) -> list[int]:
    """One arm trained with one seed: the classes that it finds in the test pictures."""
    examples = training_set(arm, pictures.real, pictures)
    how = _how(arm, protocol, rate, seed, "utility")
    answers: list[int] = fit(examples, how).classify(pictures.test).tolist()
    return answers


def _left_out(numbers: Classes, seed: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """A quarter of every class, at least one where there are two."""
    left = np.zeros(len(numbers), np.bool_)
    for number in np.unique(numbers):
        rows = np.flatnonzero(numbers == number)
        order = seeds.array_generator(seed, "utility-validation", int(number)).permutation(rows)
        left[order[: max(len(rows) // 4, min(1, len(rows) - 1))]] = True
    return left


def _how(arm: Arm, protocol: Protocol, rate: float, seed: int, purpose: str) -> FitSettings:
    return FitSettings(
        steps=protocol.steps,
        batch=protocol.batch,
        rate=rate,
        instrument=protocol.instrument,
        augment=arm.classical,
        mirror=arm.mirror,
        balance=arm.balance,
        seed=seeds.number(protocol.seed, purpose, seed) >> 32,
    )


def _work(
    jobs: Mapping[str, Callable[[], Any]], store: TrialStore, workers: int, tell: Tell, words: str
) -> None:
    """Do what is not stored yet. Small batches gain nothing from two threads; two jobs do."""
    todo = {key: job for key, job in jobs.items() if key not in store}
    done = len(jobs) - len(todo)
    tell(words, done, len(jobs))
    if not todo:
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    try:
        futures = {pool.submit(job): key for key, job in todo.items()}
        for number, future in enumerate(as_completed(futures)):
            store[futures[future]] = future.result()
            tell(words, done + number + 1, len(jobs))
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)
