"""The one loop. It knows phases, not variants.

A step: for each phase whose turn it is, clear the gradients, ask the loss for its terms over the
micro-batches, go backward, check that everything is finite, set the rate, step. Then the averages
follow and the clock moves. Everything random is drawn at an address made of (seed, purpose, step),
so the state of a run is weights, optimizers, averages, values, the prior and the clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn

from lookalike import seeds
from lookalike.engine.batches import BatchSource, labels_of, some_blocks
from lookalike.engine.checks import check_terms
from lookalike.engine.distributed import ProcessGroup
from lookalike.engine.sampler import Sampler, choosing_by, sampler_over
from lookalike.errors import TrainingError
from lookalike.parts.latents.candidates import BestOf
from lookalike.parts.losses.base import Phase, rounds
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Frame, Networks
from lookalike.parts.training.ema import WeightAverage
from lookalike.parts.training.schedules import Clock, State, Tally
from lookalike.parts.training.triggers import Moment
from lookalike.place import Place
from lookalike.recipe import Recipe


@dataclass
class PhaseTally:
    """Means over the micro-batches of one phase, or this rank's part of them."""

    terms: dict[str, float] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)

    def add(self, terms: Mapping[str, Tensor], facts: Mapping[str, float], share: float) -> None:
        """Add a micro-batch that is this share of the batch."""
        for name, term in terms.items():
            self.terms[name] = self.terms.get(name, 0.0) + float(term.detach().mean()) * share
        for name, fact in facts.items():
            self.facts[name] = self.facts.get(name, 0.0) + fact * share

    @property
    def total(self) -> float:
        """The sum of all terms that count."""
        return sum(value for name, value in self.terms.items() if not name.startswith("~"))


@dataclass
class StepTally:
    """Losses and facts of one step, summed as its phases play."""

    totals: dict[str, float] = field(default_factory=dict)
    terms: dict[str, float] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)

    def add(self, phase: Phase, played: PhaseTally) -> None:
        """Add one phase: two that share a player, or a term's name, are summed."""
        for player in phase.players:
            self.totals[player] = self.totals.get(player, 0.0) + played.total
        label = "+".join(phase.players)
        for name, value in played.terms.items():
            key = f"{label}/{name.lstrip('~')}"
            earlier = 0.0 if name.startswith("~") else self.terms.get(key, 0.0)
            self.terms[key] = value + earlier
        self.facts.update(played.facts)


SLOWER = 0.5
"""What every learning rate is multiplied by after each setback."""
FITTED = 4_000
"""Training pictures that a prior is fitted to."""


@dataclass(frozen=True)
class Setback:
    """At ``found`` images the training had gone wrong and went back to its state at ``back``."""

    found: int
    back: int
    why: str


class Trainer:
    """Trains one recipe on one source at one place. Knows no disk: see :mod:`engine.session`."""

    def __init__(self, recipe: Recipe, source: BatchSource, place: Place) -> None:
        self.recipe, self.source, self.place = recipe, source, place
        if recipe.batch < place.world:
            raise TrainingError(
                f"A batch of {recipe.batch} cannot be shared by {place.world} processes. Start "
                f"fewer, or use a larger batch: --set batch={recipe.micro_batches * place.world}"
            )
        self.group = ProcessGroup(place)
        if place.threads:
            torch.set_num_threads(place.threads)
        seeds.reseed(recipe.seed, "weights")
        frame = Frame(recipe.size, recipe.channels, recipe.labels)
        networks = Networks.build(recipe.networks, frame)
        if recipe.warm is not None:
            recipe.warm.put(networks, frame)
        self.networks = place.settle(networks)
        self.networks.train()
        self.averages = {name: WeightAverage(self.networks[name]) for name in recipe.average}
        self.optimizers = {
            name: plan.build(self.networks[name].parameters())
            for name, plan in recipe.optimizers.items()
        }
        self.phases = recipe.objective.phases()
        self.states: dict[str, State] = {
            name: dict(value.opening(self._draw(f"value/{name}/first", 0)))
            for name, value in recipe.values.items()
        }
        self.past: dict[str, float] = {}
        self.learned: dict[str, Tensor] = {}
        self.setbacks: tuple[Setback, ...] = ()
        self.clock = Clock(budget=recipe.images)

    def step(self) -> Tally:
        """Play every phase whose turn it is, once, and move the clock."""
        # ---- take: this step's pictures and z, and the values of this moment
        self.networks.train()
        now = self.now()
        batches = list(self._take())
        game = self._game(now)
        moment = Moment(self.clock, now, dict(self.past))
        turns = [(i, phase) for i, phase in enumerate(self.phases) if phase.turn.plays(moment)]

        sums = StepTally()
        for together in rounds(turns):
            # ---- play: gradients of a round, each phase before the weights of any of them move
            moving = []
            for index, phase in together:
                played = self._play(index, phase, game, batches)
                sums.add(phase, played)
                if phase.turn.moves(moment, partial(self._mean, played.total)):
                    moving.append(phase)

            # ---- update: the weights of those whose turn says so
            for phase in moving:
                self._update(phase)

        # ---- follow: the averages come after the weights, the clock moves, the prior learns
        clock = self.clock
        self.clock = clock.plus(self.recipe.batch)
        for average in self.averages.values():
            average.follow(now.get("ema", 10_000.0), self.recipe.batch, self.clock.images)
        if any(clock.done < share <= self.clock.done for share in self.recipe.fits):
            self.fit_prior()

        # ---- tell: one tally on every rank, which the next step's values answer to
        tally = self.group.agree_on(Tally(sums.totals, sums.terms, sums.facts))
        self.past.update(tally.totals)
        for name, value in self.recipe.values.items():
            draw = self._draw(f"value/{name}", clock.step)
            self.states[name] = value.after(clock, self.states[name], tally, draw)
        return tally

    def plan(self, clock: Clock) -> None:
        """Go on by this clock: as many images as seen so far, another budget."""
        self.clock = clock
        self.recipe = replace(self.recipe, images=clock.budget)

    def now(self) -> dict[str, float]:
        """Every value at this moment."""
        return {n: v.at(self.clock, self.states[n]) for n, v in self.recipe.values.items()}

    # ---- the parts of a step ----------------------------------------------------------------

    def _take(self) -> Iterator[Batch]:
        """This rank's rows of each micro-batch; z belongs to the whole batch, so slices agree."""
        recipe, step, device = self.recipe, self.clock.step, self.place.device
        z = self._z("z", step)
        for low, high in self._micro_batches:
            first, last = self.group.rows(low, high)
            taken = self.source.take(self.clock.images + first, last - first).to(device)
            part, rows = taken.rows(0, last - first), slice(first, last)

            # Both are bound here: a loss may ask for them when the loop has gone on.
            def fresh(purpose: str, rows: slice = rows) -> Tensor:
                return self._z(f"z/{purpose}", step)[rows].to(device)

            def noise(purpose: str, at: int = low) -> torch.Generator:
                return seeds.generator(recipe.seed, f"noise/{purpose}", step, at)

            yield Batch(part.images, z[rows].to(device), part.labels, part.known, fresh, noise)

    @cached_property
    def _micro_batches(self) -> list[tuple[int, int]]:
        return self.group.micro_batches(self.recipe.batch, self.recipe.micro_batches)

    def _game(self, now: Mapping[str, float], exact: bool = False) -> Game:
        cast = (lambda player: nullcontext()) if exact else self.place.autocast
        share = self.recipe.micro_batches == 1
        return Game(self.networks, now, autocast=cast, augment=self.recipe.augment, share=share)

    def _play(self, index: int, phase: Phase, game: Game, batches: Sequence[Batch]) -> PhaseTally:
        """Gradients of one phase, summed over micro-batches and ranks."""
        for player in phase.players:
            self.optimizers[player].zero_grad(set_to_none=True)
        # Dropout and the like draw from torch's own generator, so each phase has an address too.
        # Each rank has its own for what it draws alone, and all have the first one's for what their
        # rows share.
        address = "phase", self.clock.step, index
        seeds.reseed(self.recipe.seed, *address, self.group.rank)
        dropped = seeds.generator(self.recipe.seed, *address, 0)
        game = self._game(game.now, exact=True) if phase.exact else game
        tally = PhaseTally()
        for batch, (low, high) in zip(batches, self._micro_batches, strict=True):
            share = len(batch) / self.recipe.batch
            game.facts = {}
            sharing = self.group.sharing(high - low, dropped)
            with self.networks.only(*phase.players), sharing:
                terms = phase.loss(game, batch)
                loss = terms.total()
            check_terms(phase, terms, self.clock)
            (loss * share).backward()  # type: ignore[no-untyped-call]
            tally.add(terms, game.facts, share)
        for player in phase.players:
            self.group.sum_gradients(self.networks[player].parameters())
        return tally

    def _update(self, phase: Phase) -> None:
        for player in phase.players:
            optimizer = self.optimizers[player]
            rate = self.recipe.optimizers[player].rate.at(self.clock, {})
            rate *= SLOWER ** len(self.setbacks)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            if phase.after is not None:
                phase.after(self.networks[player])

    def _mean(self, total: float) -> float:
        """One number, the same on every rank."""
        return self.group.agree_on(Tally({"": total}, {}, {})).totals[""]

    def _z(self, purpose: str, step: int) -> Tensor:
        generator = seeds.generator(self.recipe.seed, purpose, step)
        return self.recipe.prior.draw(generator, self.recipe.batch, self.learned)

    def _draw(self, purpose: str, step: int) -> float:
        return seeds.number(self.recipe.seed, purpose, step) / 2**63

    # ---- prior and samples ------------------------------------------------------------------

    def fit_prior(self) -> None:
        """Fit a prior that learns to the encodings of the training pictures."""
        if not self.recipe.prior.learns:
            return
        clock, labels = self.clock, labels_of(self.source, FITTED)
        generator = seeds.generator(self.recipe.seed, "fit", clock.step)
        # Work that is worth doing only once (a flow) waits for the last fit, told the length.
        spent = clock.images if clock.done >= 1 else None
        encoded = self.encodings(FITTED)
        self.learned = dict(self.recipe.prior.fit(encoded, generator, labels, spent))

    @torch.no_grad()
    def encodings(self, most: int) -> Tensor:
        """Means of the encoder for up to ``most`` training pictures, float32 ``[N, Z]``."""
        encoder, means = self.shown("E"), []
        for block in some_blocks(self.source, most):
            pictures = block.to(self.place.device)
            with self.place.autocast("E"):
                mean, _ = encoder(pictures.images, pictures.labels)
            means.append(mean.float().cpu())
        return torch.cat(means)

    @cached_property
    def labels_seen(self) -> Tensor | None:
        """Label rows of some training pictures ``[M, L]``, or None; samples draw theirs from it."""
        return labels_of(self.source, 1024) if self.recipe.labels else None

    def shown(self, player: str) -> nn.Module:
        """The network that people see: the average where there is one."""
        if player in self.averages:
            return self.averages[player].network
        network: nn.Module = self.networks[player].eval()
        return network

    def sampler(self, *, choosing: bool = False, candidates: int | None = None) -> Sampler:
        """A sampler of the moment; ``choosing`` lets D pick each picture, as ``generate`` does.

        It picks among as many as the recipe says, or among this many ``candidates``.
        """
        choice = self.recipe.choice if choosing else None
        if choice and candidates is not None:
            choice = replace(choice, candidates=candidates)
        players = choice.players if choice else ()
        return self.sampler_with({name: self.shown(name) for name in ("G", *players)}, choice)

    def sampler_with(
        self, players: Mapping[str, nn.Module], choice: BestOf | None = None
    ) -> Sampler:
        """A sampler over these players, with the prior and the labels of the moment."""
        networks: Any = players
        game = Game(networks, {}, autocast=self.place.autocast)
        plain = sampler_over(game, self.recipe, self.learned, self.labels_seen, self.place.device)
        return choosing_by(choice, game, plain)
