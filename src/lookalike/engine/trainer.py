"""The one loop. It knows phases, not variants.

A step: for each phase whose turn it is, clear the gradients, ask the loss for its terms over the
micro-batches, go backward, check that everything is finite, set the rate, step. Then the averages
follow and the clock moves. Everything random is drawn at an address made of (seed, purpose, step),
so the state of a run is weights, optimizers, averages, values, the prior and the clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn

from lookalike import seeds
from lookalike.engine.distributed import ProcessGroup
from lookalike.engine.picture_source import BatchSource, SourceBatch
from lookalike.engine.sampler import Sampler, sampler_of
from lookalike.errors import CheckpointError, NotFiniteError, RangeError, TrainingError
from lookalike.parts.losses.base import Batch, Phase, Terms, rounds
from lookalike.parts.losses.game import Game
from lookalike.parts.networks.base import Frame, Networks
from lookalike.parts.training import optimizers
from lookalike.parts.training.ema import WeightAverage
from lookalike.parts.training.schedules import Clock, State, Tally
from lookalike.parts.training.triggers import Moment
from lookalike.place import Place
from lookalike.recipe import Recipe


@dataclass
class PhaseTally:
    """Means over the micro-batches of one phase."""

    terms: dict[str, float]
    facts: dict[str, float]


class Trainer:
    """Trains one recipe on one source at one place. Knows no disk: see :mod:`engine.session`."""

    def __init__(self, recipe: Recipe, source: BatchSource, place: Place) -> None:
        self.recipe, self.source, self.place = recipe, source, place
        if recipe.batch < place.world:
            raise TrainingError(
                f"A batch of {recipe.batch} cannot be shared by {place.world} processes. Start "
                f"fewer, or use a larger batch: --set batch={recipe.micro_batches * place.world}"
            )
        self.team = ProcessGroup(place)
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
        self.clock = Clock(budget=recipe.images)

    @cached_property
    def labels_seen(self) -> Tensor | None:
        """Label rows of some training pictures ``[M, L]``, or None; samples draw theirs from it."""
        if not self.recipe.labels:
            return None
        found = [taken.labels for taken in self._some(1024) if taken.labels is not None]
        return torch.cat(found) if found else None

    def _some(self, most: int, block: int = 64) -> Iterator[SourceBatch]:
        """A fixed choice of training pictures in blocks, so that memory stays flat at any size."""
        for first in range(0, min(most, len(self.source)), block):
            yield self.source.some(min(block, most - first), first)

    # ---- one step ---------------------------------------------------------------------------

    def now(self) -> dict[str, float]:
        """Every value at this moment."""
        return {n: v.at(self.clock, self.states[n]) for n, v in self.recipe.values.items()}

    def step(self) -> Tally:
        """Play every phase whose turn it is, once, and move the clock."""
        self.networks.train()
        now = self.now()
        taken = self._take()
        game = self._game(now)
        totals: dict[str, float] = {}
        terms: dict[str, float] = {}
        facts: dict[str, float] = {}
        moment = Moment(self.clock, now, dict(self.past))
        playing = [(i, p) for i, p in enumerate(self.phases) if p.turn.plays(moment)]
        batches = list(self._batches(taken))
        for group in rounds(playing):
            moving = []
            for index, phase in group:
                told = self._backward(index, phase, game, batches)
                total = sum(v for n, v in told.terms.items() if not n.startswith("~"))
                if phase.turn.moves(moment, partial(self._mean, total)):
                    moving.append(phase)
                for player in phase.players:
                    totals[player] = totals.get(player, 0.0) + total
                label = "+".join(phase.players)
                for name, value in told.terms.items():
                    key = f"{label}/{name.lstrip('~')}"
                    terms[key] = value + (0.0 if name.startswith("~") else terms.get(key, 0.0))
                facts.update(told.facts)
            for phase in moving:
                self._update(phase)
        tally = self._agree(Tally(totals, terms, facts))
        self._after(now, tally)
        return tally

    def _take(self) -> SourceBatch:
        first, last = self.team.rows(self.recipe.batch)
        taken = self.source.take(self.clock.images + first, last - first)
        device = self.place.device
        return SourceBatch(
            taken.images.to(device, non_blocking=True),
            None if taken.labels is None else taken.labels.to(device),
            None if taken.known is None else taken.known.to(device),
        )

    def _game(self, now: Mapping[str, float], exact: bool = False) -> Game:
        cast = (lambda player: nullcontext()) if exact else self.place.autocast
        share = self.recipe.micro_batches == 1
        return Game(self.networks, now, autocast=cast, augment=self.recipe.augment, share=share)

    def _batches(self, taken: SourceBatch) -> Iterator[Batch]:
        """The micro-batches of this rank; z belongs to the whole batch, so slices agree."""
        recipe, step = self.recipe, self.clock.step
        offset, _ = self.team.rows(recipe.batch)
        size = -(-len(taken.images) // recipe.micro_batches)
        z = self._z("z", step)
        for first in range(0, len(taken.images), size):
            low, high = first, min(first + size, len(taken.images))
            rows = slice(offset + low, offset + high)

            def fresh(purpose: str, rows: slice = rows) -> Tensor:
                return self._z(f"z/{purpose}", step)[rows].to(self.place.device)

            def noise(purpose: str, at: int = rows.start) -> torch.Generator:
                return seeds.generator(recipe.seed, f"noise/{purpose}", step, at)

            yield Batch(
                images=taken.images[low:high].contiguous(memory_format=torch.channels_last)
                if taken.images.ndim == 4
                else taken.images[low:high],
                z=z[rows].to(self.place.device),
                labels=None if taken.labels is None else taken.labels[low:high],
                known=None if taken.known is None else taken.known[low:high],
                fresh=fresh,
                noise=noise,
            )

    def _z(self, purpose: str, step: int) -> Tensor:
        drawn = seeds.generator(self.recipe.seed, purpose, step)
        return self.recipe.prior.draw(drawn, self.recipe.batch, self.learned)

    def _backward(
        self, index: int, phase: Phase, game: Game, batches: Sequence[Batch]
    ) -> PhaseTally:
        """Gradients of one phase, summed over micro-batches and averaged over ranks."""
        recipe = self.recipe
        for player in phase.players:
            self.optimizers[player].zero_grad(set_to_none=True)
        seeds.reseed(recipe.seed, "phase", self.clock.step, index, self.team.rank)
        total = sum(len(batch) for batch in batches)
        told = PhaseTally({}, {})
        playing = self._game(game.now, exact=True) if phase.exact else game
        for batch in batches:
            share = len(batch) / total
            playing.facts = {}
            with self.networks.only(*phase.players):
                terms = phase.loss(playing, batch)
                loss = terms.total()
            self._check(phase, terms)
            (loss * share).backward()  # type: ignore[no-untyped-call]
            for name, term in terms.items():
                told.terms[name] = told.terms.get(name, 0.0) + float(term.detach().mean()) * share
            for name, fact in playing.facts.items():
                told.facts[name] = told.facts.get(name, 0.0) + fact * share
        part = total / recipe.batch
        for player in phase.players:
            self.team.average_gradients(self.networks[player].parameters(), part)
        return told

    def _check(self, phase: Phase, terms: Terms) -> None:
        for name, term in terms.items():
            if not bool(torch.isfinite(term).all()):
                raise NotFiniteError(
                    f"The term {name!r} of {'+'.join(phase.players)} became infinite or NaN at "
                    f"step {self.clock.step} ({self.clock.images} images). Nothing after the last "
                    "checkpoint was kept. Try a lower rate "
                    f"(--set optimizers.{phase.players[0]}.rate=1e-4), --precision fp32, or "
                    "another recipe; 'lookalike show' prints the curves so far."
                )

    def check_weights(self) -> None:
        """Refuse weights that are not numbers: asked before each save, so that none keeps them.

        A finite loss can have an infinite gradient (the root of 0), which the next loss would show.

        Raises:
            NotFiniteError: naming the player.
        """
        for player, network in self.networks.items():
            if not all(bool(torch.isfinite(weight).all()) for weight in network.parameters()):
                raise NotFiniteError(
                    f"A weight of {player} became infinite or NaN before step {self.clock.step} "
                    f"({self.clock.images} images), though every loss was finite. Nothing after "
                    "the last checkpoint was kept. Try a lower rate "
                    f"(--set optimizers.{player}.rate=1e-4) or --precision fp32."
                )

    def _update(self, phase: Phase) -> None:
        for player in phase.players:
            optimizer = self.optimizers[player]
            rate = self.recipe.optimizers[player].rate.at(self.clock, {})
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            if phase.after is not None:
                phase.after(self.networks[player])

    def _mean(self, total: float) -> float:
        """One number, the same on every rank."""
        return self._agree(Tally({"": total}, {}, {})).totals[""]

    def _draw(self, purpose: str, step: int) -> float:
        return seeds.number(self.recipe.seed, purpose, step) / 2**63

    def _agree(self, tally: Tally) -> Tally:
        """The same numbers on every rank."""
        if self.team.world == 1:
            return tally
        first, last = self.team.rows(self.recipe.batch)
        parts = [tally.totals, tally.terms, tally.facts]
        flat = torch.tensor([value for part in parts for value in part.values()])
        mean = iter(self.team.mean(flat, (last - first) / self.recipe.batch).tolist())
        return Tally(*[{name: next(mean) for name in part} for part in parts])

    def _after(self, now: Mapping[str, float], tally: Tally) -> None:
        recipe, clock = self.recipe, self.clock
        self.past.update(tally.totals)
        for name, value in recipe.values.items():
            draw = self._draw(f"value/{name}", clock.step)
            self.states[name] = value.after(clock, self.states[name], tally, draw)
        self.clock = clock.plus(recipe.batch)
        for average in self.averages.values():
            average.follow(now.get("ema", 10_000.0), recipe.batch, self.clock.images)
        if any(clock.done < share <= self.clock.done for share in recipe.fits):
            self.fit_prior()

    # ---- prior and samples ------------------------------------------------------------------

    def fit_prior(self, most: int = 4_000) -> None:
        """Fit a learning prior to the encodings of the training pictures."""
        if self.recipe.prior.learns:
            drawn = seeds.generator(self.recipe.seed, "fit", self.clock.step)
            labels = [taken.labels for taken in self._some(most) if taken.labels is not None]
            told = torch.cat(labels) if labels else None
            spent = self.clock.images if self.clock.done >= 1 else None
            self.learned = dict(self.recipe.prior.fit(self.encodings(most), drawn, told, spent))

    @torch.no_grad()
    def encodings(self, most: int) -> Tensor:
        """Means of the encoder (averaged where it is) for training pictures, ``[N, Z]``."""
        encoder = self.shown("E")
        found = []
        for taken in self._some(most):
            labels = None if taken.labels is None else taken.labels.to(self.place.device)
            with self.place.autocast("E"):
                mean, _ = encoder(taken.images.to(self.place.device), labels)
            found.append(mean.float().cpu())
        return torch.cat(found)

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
        shown: Any = {player: self.shown(player) for player in ("G", *players)}
        held = (self.recipe.prior, self.learned, self.labels_seen)
        game = Game(shown, {}, autocast=self.place.autocast)
        return sampler_of(game, held, self.place.device, self.recipe.size, choice)

    def check_range(self) -> None:
        """Compare the generator's output range with the data's, once, before the first step.

        Raises:
            RangeError: they cannot agree; a person would see grey blacks or an invalid score.
        """
        data = self.source.some(64).images
        made = self.sampler().raw(self.recipe.seed, 0, 16)
        if data.ndim != 4:
            return
        if tuple(made.shape[1:]) != tuple(data.shape[1:]):
            raise RangeError(
                f"The generator makes pictures {tuple(made.shape[1:])}, the data are "
                f"{tuple(data.shape[1:])}. Set size and channels to the data's."
            )
        low, high = float(made.min()), float(made.max())
        if float(data.min()) < -1.001 or float(data.max()) > 1.001 or low < -1.5 or high > 1.5:
            raise RangeError(
                f"Pictures must lie in [-1, 1]: the data span {float(data.min()):.2f} to "
                f"{float(data.max()):.2f}, the generator {low:.2f} to {high:.2f}. End it in tanh."
            )
        if low >= 0 and self._lowest() >= 0 and float(data.mean()) < 0.98:
            raise RangeError(
                f"The generator gives {low:.2f} to {high:.2f} and never a negative number, but the "
                "data span [-1, 1]: blacks would come out grey. End it in tanh, not in a sigmoid."
            )

    @torch.no_grad()
    def _lowest(self) -> float:
        """The least number that G gives for far-off z: below 0 unless its last layer forbids it.

        With its first weights a linear end may give a little more than 0 for every usual z.
        """
        far = 1000 * self._z("range", 0)[:16].to(self.place.device)
        told = self.labels_seen
        labels = None if told is None else told[:1].to(far).expand(len(far), -1)
        return float(self.shown("G")(far, labels).min())

    # ---- state ------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything that decides what comes next."""
        return {
            "clock": [self.clock.images, self.clock.step],
            "networks": self.networks.state_dict(),
            "averages": {n: a.network.state_dict() for n, a in self.averages.items()},
            "optimizers": {n: o.state_dict() for n, o in self.optimizers.items()},
            "values": self.states,
            "past": self.past,
            "prior": self.learned,
            "labels": self.labels_seen,
        }

    def shown_state(self) -> dict[str, Any]:
        """What is needed to generate, to choose and to encode, and nothing to train on."""
        shown = {n: a.network.state_dict() for n, a in self.averages.items()}
        rest = {n: w.state_dict() for n, w in self.networks.items() if n not in shown}
        if self.recipe.choice is None:
            rest.pop("D", None)
        return {
            "clock": [self.clock.images, self.clock.step],
            "averages": {**shown, **rest},
            "prior": self.learned,
            "labels": self.labels_seen,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from a state.

        Raises:
            CheckpointError: it belongs to another recipe.
        """
        try:
            self.networks.load_state_dict(state["networks"])
            for name, average in self.averages.items():
                average.network.load_state_dict(state["averages"][name])
            for name, optimizer in self.optimizers.items():
                optimizers.restore(optimizer, state["optimizers"][name])
            self.states = {name: dict(state["values"][name]) for name in self.recipe.values}
            self.past = dict(state["past"])
            self.learned = dict(state["prior"])
            images, step = state["clock"]
        except (KeyError, RuntimeError, ValueError) as problem:
            raise CheckpointError(
                f"The checkpoint does not fit this recipe: {str(problem).splitlines()[0]}. "
                "Name another folder with --into to begin anew."
            ) from None
        self.clock = Clock(int(images), int(step), self.recipe.images)
