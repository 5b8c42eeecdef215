"""The tricks by their names, for any recipe: ``--set deviation=true lecam=0.3 augment=adaptive``.

A recipe's own parameter of the same name comes first; what is here is put around the recipe's
parts. Where a trick has no meaning for a method, the error says why.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from lookalike.errors import RecipeError
from lookalike.parts.losses.adversarial import (
    SMOOTHING,
    AdversarialLoss,
    LeastSquaresLoss,
    NonSaturatingLoss,
    WassersteinLoss,
)
from lookalike.parts.losses.base import Objective
from lookalike.parts.losses.wrappers import RegularizedDiscriminator, RegularizedObjective
from lookalike.parts.training.adaptive import (
    Chance,
    NoiseController,
    SignStatistic,
    lecam_averages,
)
from lookalike.parts.training.diffaugment import Augmentation
from lookalike.parts.training.schedules import Constant, Linear, Value
from lookalike.recipe.recipe import Recipe

Trick = Callable[[Recipe, Any], Recipe]
"""The recipe with the trick, from the recipe without it and the value as it was given."""


class NoSuchTrickError(RecipeError):
    """The trick has no meaning for this recipe's method."""


def _number(value: Any, low: float = 0.0, high: float = float("inf")) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise RecipeError(f"{value!r} was found; it should be a number") from None
    if not low <= number <= high:
        raise RecipeError(f"{number:g} was found; it should lie in {low:g} to {high:g}")
    return number


def _count(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise RecipeError(f"{value!r} was found; it should be a whole number")
    return int(number)


def _switch(value: Any) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    if str(value).lower() not in words:
        raise RecipeError(f"{value!r} was found; it should be true or false")
    return words[str(value).lower()]


def _interval(value: Any) -> tuple[float, float]:
    """``0.9``, ``[0.7, 1.2]`` or ``0.7..1.2``."""
    given: Any = str(value).split("..") if ".." in str(value) else value
    if isinstance(given, str) and given.startswith("["):
        given = json.loads(given)
    ends = [
        _number(end, 0.0, 2.0) for end in (given if isinstance(given, list | tuple) else [given])
    ]
    if len(ends) not in {1, 2} or ends[0] > ends[-1]:
        raise RecipeError(f"{value!r} was found; give one number, or two as in 0.7..1.2")
    return ends[0], ends[-1]


# ---- what is put around ---------------------------------------------------------------------


def _need_logits(made: Recipe) -> None:
    if not made.objective.gives_logits:
        raise NoSuchTrickError("here D does not judge pictures by a logit")


def _need_own_step(made: Recipe) -> None:
    if not any(phase.players == ("D",) for phase in made.objective.phases()):
        raise NoSuchTrickError("here D has no step of its own")


def _with_values(made: Recipe, values: Mapping[str, Value]) -> Recipe:
    return replace(made, values={**made.values, **values})


def _around_objective(made: Recipe, **settings: Any) -> Recipe:
    """The recipe whose objective is a :class:`RegularizedObjective` with these settings."""
    inner = made.objective
    wrapped = inner if isinstance(inner, RegularizedObjective) else RegularizedObjective(of=inner)
    return replace(made, objective=replace(wrapped, **settings))


def _of_d(name: str, read: Callable[[Any], Any]) -> Trick:
    """A trick that is a field of :class:`RegularizedDiscriminator`."""

    def trick(made: Recipe, value: Any) -> Recipe:
        _need_logits(made)
        inner = made.networks["D"]
        wrapped = inner if isinstance(inner, RegularizedDiscriminator) else None
        wrapped = replace(wrapped or RegularizedDiscriminator(of=inner), **{name: read(value)})
        return replace(made, networks={**made.networks, "D": wrapped})

    return trick


def _steps(name: str) -> Trick:
    """How often one player plays for each step of the other."""

    def trick(made: Recipe, value: Any) -> Recipe:
        _need_own_step(made)
        return _around_objective(made, **{name: max(1, _count(value))})

    return trick


def _matching(made: Recipe, value: Any) -> Recipe:
    _need_logits(made)
    return _around_objective(made, matching=_number(value))


def _lecam(made: Recipe, value: Any) -> Recipe:
    _need_logits(made)
    return _with_values(_around_objective(made, lecam=_number(value)), lecam_averages("lecam"))


def _instance_noise(made: Recipe, value: Any) -> Recipe:
    _need_own_step(made)
    if value == "answering":
        return _with_values(made, {"instance_noise": NoiseController()})
    falling = Linear(start_value=_number(value), end_value=0.0, end=1.0)
    return _with_values(made, {"instance_noise": falling})


def _augment(made: Recipe, value: Any) -> Recipe:
    _need_own_step(made)
    how = made.augment or Augmentation()
    values = {name: each for name, each in made.values.items() if name != "augment"}
    if value != "adaptive":
        return replace(made, augment=replace(how, chance=_number(value, 0.0, 1.0)), values=values)
    _need_logits(made)
    if isinstance(_rule(made.objective), WassersteinLoss):
        raise NoSuchTrickError("the sign of a Wasserstein critic says nothing; give a share")
    values["augment"] = SignStatistic()
    return replace(_around_objective(made, sign=True), augment=how, values=values)


# ---- labels ---------------------------------------------------------------------------------


def _rule(part: Any) -> AdversarialLoss | None:
    """The adversarial loss of an objective, however deep."""
    if isinstance(part, AdversarialLoss):
        return part
    if isinstance(part, Objective):
        inside = (_rule(getattr(part, field.name)) for field in fields(part))  # type: ignore[arg-type]
        return next((rule for rule in inside if rule is not None), None)
    return None


def _with_rule(part: Any, rule: AdversarialLoss) -> Any:
    """The objective with another adversarial loss, where it has one."""
    if isinstance(part, AdversarialLoss):
        return rule
    inside = {field.name: getattr(part, field.name) for field in fields(part)}
    return replace(part, **{n: _with_rule(v, rule) for n, v in inside.items() if _rule(v)})


def _ruled(made: Recipe, rule: AdversarialLoss) -> Recipe:
    return replace(made, objective=_with_rule(made.objective, rule))


def _cross_entropy(made: Recipe) -> NonSaturatingLoss:
    rule = _rule(made.objective)
    if not isinstance(rule, NonSaturatingLoss):
        loss = type(rule or made.objective).__name__
        raise NoSuchTrickError(f"its loss ({loss}) has no target of 0 and 1 to change")
    return rule


def _smoothed(rule: NonSaturatingLoss, value: Any) -> NonSaturatingLoss:
    """The rule with the targets that a name or an interval says; it keeps its flips."""
    if value in SMOOTHING:
        return replace(SMOOTHING[value], flips=rule.flips)
    low, high = _interval(value)
    return replace(rule, real_low=low, real_high=high)


def _smoothing(made: Recipe, value: Any) -> Recipe:
    squares = _rule(made.objective)
    if not isinstance(squares, LeastSquaresLoss):
        return _ruled(made, _smoothed(_cross_entropy(made), value))
    rule = _smoothed(NonSaturatingLoss(), value)
    if rule.real_low < rule.real_high:
        raise NoSuchTrickError("least squares have one target a side; give one number")
    ends = {"real_target": rule.real_low, "fake_target": rule.fake_low}
    return _ruled(made, replace(squares, **ends, maker_target=rule.maker_target))


def _fake_smoothing(made: Recipe, value: Any) -> Recipe:
    low, high = _interval(value)
    return _ruled(made, replace(_cross_entropy(made), fake_low=low, fake_high=high))


def _flips(made: Recipe, value: Any) -> Recipe:
    return _ruled(made, replace(_cross_entropy(made), flips=_number(value, 0.0, 1.0)))


def _noisy(made: Recipe, value: Any) -> Recipe:
    _cross_entropy(made)
    return _with_values(made, {"swap": Chance(chance=_number(value, 0.0, 1.0))})


# ---- rates and averages ---------------------------------------------------------------------


def _ema(made: Recipe, value: Any) -> Recipe:
    return _with_values(made, {"ema": Constant(_number(value))})


def _rate_of(player: str) -> Trick:
    def trick(made: Recipe, value: Any) -> Recipe:
        if player not in made.optimizers:
            raise NoSuchTrickError(f"it has no player {player}")
        plan: Any = made.optimizers[player]
        changed = replace(plan, rate=Constant(_number(value)))
        return replace(made, optimizers={**made.optimizers, player: changed})

    return trick


TRICKS: dict[str, Trick] = {
    "smoothing": _smoothing,
    "fake_smoothing": _fake_smoothing,
    "flips": _flips,
    "noisy": _noisy,
    "instance_noise": _instance_noise,
    "minibatch": _of_d("minibatch", _count),
    "deviation": _of_d("deviation", _switch),
    "dropout": _of_d("dropout", lambda value: _number(value, 0.0, 0.9)),
    "matching": _matching,
    "augment": _augment,
    "lecam": _lecam,
    "ema": _ema,
    "critic_steps": _steps("critic_steps"),
    "maker_steps": _steps("maker_steps"),
    "critic_rate": _rate_of("D"),
    "generator_rate": _rate_of("G"),
}
"""Every trick by its name.

Raises:
    NoSuchTrickError: it has no meaning for the recipe's method.
    RecipeError: the value is not one that it takes.
"""
