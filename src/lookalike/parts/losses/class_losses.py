"""Games in which D also names the class: AC-GAN, and K+1 classes learned from few labels."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from lookalike.parts.losses.adversarial import AdversarialLoss, NonSaturatingLoss, real_or_fake
from lookalike.parts.losses.base import Objective, Phase, Terms
from lookalike.parts.losses.consistency import ClassConsistency
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.losses.two_player import matched
from lookalike.parts.ranks import holding, weighed, whole_batch, whole_count
from lookalike.parts.training.triggers import Always, Between, Trigger


def named(logits: Tensor, labels: Tensor, classes: int) -> Tensor:
    """How badly logits ``[N, L]`` name the label vectors ``[N, L]``, ``[N]``.

    The first ``classes`` columns are one choice (softmax cross-entropy); each further column is an
    attribute of its own (mean binary cross-entropy).
    """
    logits, loss = logits.float(), torch.zeros(len(logits), device=logits.device)
    if classes:
        shares = F.log_softmax(logits[:, :classes], 1)
        loss = loss - (labels[:, :classes] * shares).sum(1)
    if classes < labels.shape[1]:
        loss = loss + real_or_fake(logits[:, classes:], labels[:, classes:].float())
    return loss


def known_rows(batch: Batch) -> Tensor:
    """1 for rows whose label may be used, 0 for the others, float ``[N]``."""
    if batch.known is None:
        return torch.ones(len(batch), device=batch.images.device)
    return batch.known.float()


@whole_batch
def over_known(term: Tensor, known: Tensor) -> Tensor:
    """The term where the label is known and 0 elsewhere, scaled so that its mean is theirs."""
    return term * known / known.mean().clamp(min=1e-6)


def required(batch: Batch) -> Tensor:
    """The labels of a batch that must have some."""
    if batch.labels is None:
        raise ValueError("this game needs labels; train it on a pack with classes or attributes")
    return batch.labels


def named_right(logits: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Whether the class is named, ``[N]``; without classes, the share of attributes named."""
    if classes:
        return (logits[:, :classes].argmax(1) == labels[:, :classes].argmax(1)).float()
    return ((logits > 0) == (labels > 0.5)).float().mean(1)


@dataclass(frozen=True, kw_only=True)
class AuxiliaryClassifierObjective(Objective):
    """AC-GAN: D tells real from fake and names the label; G is to be named rightly.

    Odena et al. 2017, equations 2 and 3: D maximizes L_S + L_C, G maximizes L_C - L_S (here in the
    non-saturating form). D gives ``[N, 1 + L]``: the logit of "real", then the labels.
    ``on_fakes`` weighs D's naming of fakes, ``weight`` all naming.
    """

    classes: int
    weight: float = 1.0
    on_fakes: float = 1.0
    rule: AdversarialLoss = field(default_factory=NonSaturatingLoss)
    maker_turn: Trigger = field(default_factory=Always)

    def real_logits(self, output: Tensor) -> Tensor:
        """The first column."""
        return output[:, 0]

    def phases(self) -> tuple[Phase, ...]:
        """D, then G on the same fakes."""
        return Phase(("D",), self.d_loss), Phase(("G",), self.g_loss, self.maker_turn)

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """Real or fake, and the label of both."""
        labels, known = required(batch), known_rows(batch)
        real, fake = game.d_pictures(batch)
        on_real, on_fake = game.discriminate(real), game.discriminate(fake)
        right = named_right(on_real[:, 1:].detach(), labels, self.classes)
        game.facts["named right"] = float(over_known(right, known).mean())
        terms = self.rule.d_terms(game, batch, on_real[:, 0], on_fake[:, 0])
        badly = named(on_real[:, 1:], labels, self.classes)
        terms["named"] = self.weight * over_known(badly, known)
        if self.on_fakes:
            share = self.weight * self.on_fakes
            terms["named fakes"] = share * named(on_fake[:, 1:], labels, self.classes)
        return terms

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """To be taken for real, and for what it was asked to be."""
        labels = required(batch)
        logits = game.discriminate(game.g_pictures(batch))
        return Terms(
            adversarial=self.rule.maker(logits[:, 0]),
            named=self.weight * named(logits[:, 1:], labels, self.classes),
        )


def real_among(logits: Tensor) -> Tensor:
    """-log(1 - p(fake)) from logits ``[N, 1 + K]`` whose column 0 is "fake", ``[N]``."""
    logits = logits.float()
    return logits.logsumexp(1) - logits[:, 1:].logsumexp(1)


def fake_among(logits: Tensor) -> Tensor:
    """-log p(fake) from logits ``[N, 1 + K]`` whose column 0 is "fake", ``[N]``."""
    return logits.float().logsumexp(1) - logits[:, 0].float()


@dataclass(frozen=True, kw_only=True)
class SemiSupervisedObjective(Objective):
    """D has K + 1 outputs, "fake" and the classes, and learns from few labels and many pictures.

    Salimans et al. 2016, section 5: -log p(y | x, real) where the label is known, -log(1 -
    p(fake | x)) on the other pictures (on all, when all are known), -log p(fake | G(z)). G follows
    feature matching, |E f(x) - E f(G(z))|^2 (section 3.1), and ``adversarial`` adds the weight of
    -log(1 - p(fake | G(z))). ``labelled`` is the number of labels per class; 0 keeps all.

    With ``alike`` D also compares each picture with a changed copy, on the pictures without a label
    or on all, and until its ``opening`` D learns from this and the labels alone.
    """

    labelled: int = 20
    matching: float = 1.0
    adversarial: float = 0.0
    alike: ClassConsistency | None = None

    @property
    def labeled(self) -> int:
        """``labelled``, as recipes have saved it."""
        return self.labelled

    def real_logits(self, output: Tensor) -> Tensor:
        """The log of the odds that it is of any class, and not a fake."""
        return output[:, 1:].logsumexp(1) - output[:, 0]

    def phases(self) -> tuple[Phase, ...]:
        """D, then G on the same fakes; before them D alone when ``alike``."""
        opening = 0.0 if self.alike is None else self.alike.opening
        turn = Between(begin=opening) if opening else Always()
        game = Phase(("D",), self.d_loss, turn), Phase(("G",), self.g_loss, turn)
        return (Phase(("D",), self.open, Between(end=opening)), *game) if opening else game

    def open(self, game: Game, batch: Batch) -> Terms:
        """Naming and copies, before there are fakes."""
        return self._seen(game, batch)[1]

    def _seen(self, game: Game, batch: Batch) -> tuple[Tensor, Terms]:
        """D's logits for the real pictures, and what naming and copies cost."""
        labels, known = required(batch), known_rows(batch)
        real = game.augment(batch.images, batch.noise("real"))
        if self.alike is None:
            logits, terms = game.discriminate(real), Terms()
        else:
            logits, _, features = game.play("D", real, None, True)
            logits, copies = logits.float(), self.alike.warp(real, batch.noise("warp"))
            named_copies, _, again = game.play("D", copies, None, True)
            classes = logits[:, 1:], named_copies[:, 1:]
            copied = self.alike.terms(classes, (features, again))
            terms = Terms({k: over_known(term, _free(known)) for k, term in copied.items()})
        right = logits[:, 1:].argmax(1) == labels.argmax(1)
        game.facts["named right"] = float(over_known(right.float(), known).mean())
        terms["named"] = over_known(named(logits[:, 1:], labels, labels.shape[1]), known)
        return logits, terms

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """Naming, real and fake."""
        on_real, terms = self._seen(game, batch)
        on_fake = game.discriminate(game.augment(game.fakes(batch).detach(), batch.noise("fake")))
        game.facts["D(real)"] = float((-real_among(on_real.detach())).exp().mean())
        game.facts["D(fake)"] = float(1 - (-fake_among(on_fake.detach())).exp().mean())
        terms["real"] = over_known(real_among(on_real), _free(known_rows(batch)))
        terms["fake"] = fake_among(on_fake)
        return terms

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """The features of fakes, on average, like those of real pictures."""
        seen = game.g_pictures(batch)
        real = game.augment(batch.images, batch.noise("matching"))
        logits, features = game.describe(seen)
        with torch.no_grad():
            _, wanted = game.describe(real)
        free = _free(known_rows(batch))
        terms = Terms(matching=self.matching * matched(features, over_known(wanted, free[:, None])))
        if self.adversarial:
            terms["adversarial"] = self.adversarial * real_among(logits)
        return terms


@whole_batch
def _free(known: Tensor) -> Tensor:
    """The rows that stand for all pictures: those without a label, or all when all have one."""
    return torch.ones_like(known) if bool(known.all()) else 1 - known


@dataclass(frozen=True, kw_only=True)
class NamedOnly(Objective):
    """D as a classifier of the known rows and nothing else: the baseline of semi-supervision."""

    labelled: int = 20

    @property
    def labeled(self) -> int:
        """``labelled``, as recipes have saved it."""
        return self.labelled

    def phases(self) -> tuple[Phase, ...]:
        """D alone."""
        return (Phase(("D",), self.d_loss),)

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """Cross-entropy of the rows whose label is known; only they pass through D."""
        labels, rows = required(batch), known_rows(batch).bool()
        count = int(rows.sum())
        if not whole_count(count):
            return Terms(named=game.discriminate(batch.images[:2]).float().sum(1) * 0)
        seen = game.augment(batch.images, batch.noise("real"))[rows]
        with holding(count):
            logits = game.discriminate(seen)[:, 1:]
        return Terms(named=weighed(named(logits, labels[rows], labels.shape[1]), len(batch)))
