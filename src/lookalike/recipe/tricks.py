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

Parts = Mapping[str, Any]
"""The fields of a recipe: networks, objective, optimizers, values, augment."""
Trick = Callable[[Parts, Any], Parts]
"""The fields that change, from all fields and the value as it was given."""


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


def _need_logits(parts: Parts) -> None:
    if not parts["objective"].gives_logits:
        raise NoSuchTrickError("here D does not judge pictures by a logit")


def _need_own_step(parts: Parts) -> None:
    if not any(phase.players == ("D",) for phase in parts["objective"].phases()):
        raise NoSuchTrickError("here D has no step of its own")


def _with_values(parts: Parts, values: Mapping[str, Value]) -> dict[str, Any]:
    return {"values": {**parts["values"], **values}}


def _around_d(name: str, read: Callable[[Any], Any]) -> Trick:
    """A trick that is a field of :class:`RegularizedDiscriminator`."""

    def change(parts: Parts, value: Any) -> Parts:
        _need_logits(parts)
        inner = parts["networks"]["D"]
        is_wrapped = isinstance(inner, RegularizedDiscriminator)
        wrapped = inner if is_wrapped else RegularizedDiscriminator(of=inner)
        return {"networks": {**parts["networks"], "D": replace(wrapped, **{name: read(value)})}}

    return change


def _around_objective(parts: Parts, **settings: Any) -> dict[str, Any]:
    """The objective as a :class:`RegularizedObjective` with these settings."""
    inner = parts["objective"]
    is_wrapped = isinstance(inner, RegularizedObjective)
    wrapped = inner if is_wrapped else RegularizedObjective(of=inner)
    return {"objective": replace(wrapped, **settings)}


def _matching(parts: Parts, value: Any) -> Parts:
    _need_logits(parts)
    return _around_objective(parts, matching=_number(value))


def _lecam(parts: Parts, value: Any) -> Parts:
    _need_logits(parts)
    weighed = _around_objective(parts, lecam=_number(value))
    return {**weighed, **_with_values(parts, lecam_averages("lecam"))}


def _steps(name: str) -> Trick:
    def change(parts: Parts, value: Any) -> Parts:
        _need_own_step(parts)
        return _around_objective(parts, **{name: max(1, _count(value))})

    return change


def _instance_noise(parts: Parts, value: Any) -> Parts:
    _need_own_step(parts)
    if value == "answering":
        return _with_values(parts, {"instance_noise": NoiseController()})
    falling = Linear(start_value=_number(value), end_value=0.0, end=1.0)
    return _with_values(parts, {"instance_noise": falling})


def _augment(parts: Parts, value: Any) -> Parts:
    _need_own_step(parts)
    how = parts["augment"] or Augmentation()
    others = {name: each for name, each in parts["values"].items() if name != "augment"}
    if value != "adaptive":
        return {"augment": replace(how, chance=_number(value, 0.0, 1.0)), "values": others}
    _need_logits(parts)
    if isinstance(_rule(parts["objective"]), WassersteinLoss):
        raise NoSuchTrickError("the sign of a Wasserstein critic says nothing; give a share")
    values = {**others, "augment": SignStatistic()}
    return {**_around_objective(parts, sign=True), "augment": how, "values": values}


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


def _cross_entropy(parts: Parts) -> NonSaturatingLoss:
    rule = _rule(parts["objective"])
    if not isinstance(rule, NonSaturatingLoss):
        loss = type(rule or parts["objective"]).__name__
        raise NoSuchTrickError(f"its loss ({loss}) has no target of 0 and 1 to change")
    return rule


def _targets(parts: Parts, **settings: Any) -> dict[str, Any]:
    rule = replace(_cross_entropy(parts), **settings)
    return {"objective": _with_rule(parts["objective"], rule)}


def _smoothing(parts: Parts, value: Any) -> Parts:
    rule = _rule(parts["objective"])
    if isinstance(rule, LeastSquaresLoss):
        return _smoothed_squares(parts, rule, value)
    if value in SMOOTHING:
        named = replace(SMOOTHING[value], flips=_cross_entropy(parts).flips)
        return {"objective": _with_rule(parts["objective"], named)}
    low, high = _interval(value)
    return _targets(parts, real_low=low, real_high=high)


def _smoothed_squares(parts: Parts, squares: LeastSquaresLoss, value: Any) -> Parts:
    if value in SMOOTHING:
        rule = SMOOTHING[value]
    else:
        low, high = _interval(value)
        rule = NonSaturatingLoss(real_low=low, real_high=high)
    if rule.real_low < rule.real_high:
        raise NoSuchTrickError("least squares have one target a side; give one number")
    ends = {"real_target": rule.real_low, "fake_target": rule.fake_low}
    squares = replace(squares, **ends, maker_target=rule.maker_target)
    return {"objective": _with_rule(parts["objective"], squares)}


def _fake_smoothing(parts: Parts, value: Any) -> Parts:
    low, high = _interval(value)
    return _targets(parts, fake_low=low, fake_high=high)


def _flips(parts: Parts, value: Any) -> Parts:
    return _targets(parts, flips=_number(value, 0.0, 1.0))


def _noisy(parts: Parts, value: Any) -> Parts:
    _cross_entropy(parts)
    return _with_values(parts, {"swap": Chance(chance=_number(value, 0.0, 1.0))})


# ---- rates and averages ---------------------------------------------------------------------


def _ema(parts: Parts, value: Any) -> Parts:
    return _with_values(parts, {"ema": Constant(_number(value))})


def _rate_of(player: str) -> Trick:
    def change(parts: Parts, value: Any) -> Parts:
        plans = parts["optimizers"]
        if player not in plans:
            raise NoSuchTrickError(f"it has no player {player}")
        plan = replace(plans[player], rate=Constant(_number(value)))
        return {"optimizers": {**plans, player: plan}}

    return change


TRICKS: dict[str, Trick] = {
    "smoothing": _smoothing,
    "fake_smoothing": _fake_smoothing,
    "flips": _flips,
    "noisy": _noisy,
    "instance_noise": _instance_noise,
    "minibatch": _around_d("minibatch", _count),
    "deviation": _around_d("deviation", _switch),
    "dropout": _around_d("dropout", lambda value: _number(value, 0.0, 0.9)),
    "matching": _matching,
    "augment": _augment,
    "lecam": _lecam,
    "ema": _ema,
    "critic_steps": _steps("critic_steps"),
    "maker_steps": _steps("maker_steps"),
    "critic_rate": _rate_of("D"),
    "generator_rate": _rate_of("G"),
}
"""What changes for each trick, from the parts of a recipe and the value as it was given."""


def changes(parts: Parts, name: str, value: Any) -> dict[str, Any]:
    """The fields of a recipe that the trick ``name`` changes.

    Raises:
        NoSuchTrickError: it has no meaning for the method.
        RecipeError: the value is not one that it takes.
    """
    return dict(TRICKS[name](parts, value))
