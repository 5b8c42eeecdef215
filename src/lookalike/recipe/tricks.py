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
from lookalike.parts.losses.adversarial import AdversarialLoss, LeastSquaresLoss, WassersteinLoss
from lookalike.parts.losses.base import Objective
from lookalike.parts.losses.label_targets import SMOOTHING, NonSaturatingLoss
from lookalike.parts.losses.regularizers import SignStatistic
from lookalike.parts.losses.wrappers import LECAM, RegularizedDiscriminator, RegularizedObjective
from lookalike.parts.training.adaptive import Chance, MovingAverage, NoiseController
from lookalike.parts.training.diffaugment import Augmentation
from lookalike.parts.training.schedules import Constant, Linear

Parts = Mapping[str, Any]
"""The fields of a recipe: networks, objective, optimizers, values, augment."""


class NoSuchTrickError(RecipeError):
    """The trick has no meaning for this recipe's method."""


def _number(value: Any, low: float = 0.0, high: float = float("inf")) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise RecipeError(f"{value!r} was found; it should be a number") from None
    if not low <= found <= high:
        raise RecipeError(f"{found:g} was found; it should lie in {low:g} to {high:g}")
    return found


def _count(value: Any) -> int:
    found = _number(value)
    if found != int(found):
        raise RecipeError(f"{value!r} was found; it should be a whole number")
    return int(found)


def _switch(value: Any) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    if str(value).lower() not in words:
        raise RecipeError(f"{value!r} was found; it should be true or false")
    return words[str(value).lower()]


def _interval(value: Any) -> tuple[float, float]:
    """``0.9``, ``[0.7, 1.2]`` or ``0.7..1.2``."""
    told: Any = str(value).split("..") if ".." in str(value) else value
    if isinstance(told, str) and told.startswith("["):
        told = json.loads(told)
    ends = [_number(one, 0.0, 2.0) for one in (told if isinstance(told, list | tuple) else [told])]
    if len(ends) not in {1, 2} or ends[0] > ends[-1]:
        raise RecipeError(f"{value!r} was found; give one number, or two as in 0.7..1.2")
    return ends[0], ends[-1]


# ---- what is put around ---------------------------------------------------------------------


def _judging(parts: Parts) -> None:
    if not parts["objective"].judging:
        raise NoSuchTrickError("here D does not judge pictures by a logit")


def _apart(parts: Parts) -> None:
    if not any(phase.players == ("D",) for phase in parts["objective"].phases()):
        raise NoSuchTrickError("here D has no step of its own")


def _around_judge(name: str, read: Callable[[Any], Any]) -> Callable[[Parts, Any], Parts]:
    def change(parts: Parts, value: Any) -> Parts:
        _judging(parts)
        judge = parts["networks"]["D"]
        judge = (
            judge
            if isinstance(judge, RegularizedDiscriminator)
            else RegularizedDiscriminator(of=judge)
        )
        return {"networks": {**parts["networks"], "D": replace(judge, **{name: read(value)})}}

    return change


def _aided(parts: Parts, **made: Any) -> Parts:
    game = parts["objective"]
    return {
        "objective": replace(
            game if isinstance(game, RegularizedObjective) else RegularizedObjective(of=game),
            **made,
        )
    }


def _matching(parts: Parts, value: Any) -> Parts:
    _judging(parts)
    return _aided(parts, matching=_number(value))


def _lecam(parts: Parts, value: Any) -> Parts:
    _judging(parts)
    follow = {name: MovingAverage(fact=fact) for name, fact in LECAM.items()}
    return {**_aided(parts, lecam=_number(value)), "values": {**parts["values"], **follow}}


def _critic_steps(parts: Parts, value: Any) -> Parts:
    _apart(parts)
    return _aided(parts, critic_steps=max(1, _count(value)))


def _maker_steps(parts: Parts, value: Any) -> Parts:
    _apart(parts)
    return _aided(parts, maker_steps=max(1, _count(value)))


def _instance_noise(parts: Parts, value: Any) -> Parts:
    _apart(parts)
    told = (
        NoiseController()
        if value == "answering"
        else Linear(start_value=_number(value), end_value=0.0, end=1.0)
    )
    return {"values": {**parts["values"], "instance_noise": told}}


def _augment(parts: Parts, value: Any) -> Parts:
    _apart(parts)
    how = parts["augment"] or Augmentation()
    values = {name: one for name, one in parts["values"].items() if name != "augment"}
    if value != "adaptive":
        return {"augment": replace(how, chance=_number(value, 0.0, 1.0)), "values": values}
    _judging(parts)
    if isinstance(_rule(parts["objective"]), WassersteinLoss):
        raise NoSuchTrickError("the sign of a Wasserstein critic says nothing; give a share")
    values["augment"] = SignStatistic()
    return {**_aided(parts, sign=True), "augment": how, "values": values}


# ---- labels ---------------------------------------------------------------------------------


def _rule(part: Any) -> AdversarialLoss | None:
    """The rule of an objective, however deep."""
    if isinstance(part, AdversarialLoss):
        return part
    if isinstance(part, Objective):
        found = (_rule(getattr(part, field.name)) for field in fields(part))  # type: ignore[arg-type]
        return next((rule for rule in found if rule is not None), None)
    return None


def _with_rule(part: Any, rule: AdversarialLoss) -> Any:
    """The objective with another rule, where it has one."""
    if isinstance(part, AdversarialLoss):
        return rule
    held = {field.name: getattr(part, field.name) for field in fields(part)}
    return replace(part, **{n: _with_rule(v, rule) for n, v in held.items() if _rule(v)})


def _labels(parts: Parts) -> NonSaturatingLoss:
    rule = _rule(parts["objective"])
    if not isinstance(rule, NonSaturatingLoss):
        loss = type(rule or parts["objective"]).__name__
        raise NoSuchTrickError(f"its loss ({loss}) has no target of 0 and 1 to change")
    return rule


def _smoothing(parts: Parts, value: Any) -> Parts:
    game = parts["objective"]
    squares = _rule(game)
    rule = NonSaturatingLoss() if isinstance(squares, LeastSquaresLoss) else _labels(parts)
    if value in SMOOTHING:
        rule = replace(SMOOTHING[value], flips=rule.flips)
    else:
        low, high = _interval(value)
        rule = replace(rule, real_low=low, real_high=high)
    if not isinstance(squares, LeastSquaresLoss):
        return {"objective": _with_rule(game, rule)}
    if rule.real_low < rule.real_high:
        raise NoSuchTrickError("least squares have one target a side; give one number")
    ends = {"real_target": rule.real_low, "fake_target": rule.fake_low}
    return {"objective": _with_rule(game, replace(squares, **ends, maker_target=rule.maker_target))}


def _fake_smoothing(parts: Parts, value: Any) -> Parts:
    low, high = _interval(value)
    rule = replace(_labels(parts), fake_low=low, fake_high=high)
    return {"objective": _with_rule(parts["objective"], rule)}


def _flips(parts: Parts, value: Any) -> Parts:
    rule = replace(_labels(parts), flips=_number(value, 0.0, 1.0))
    return {"objective": _with_rule(parts["objective"], rule)}


def _noisy(parts: Parts, value: Any) -> Parts:
    _labels(parts)
    return {"values": {**parts["values"], "swap": Chance(chance=_number(value, 0.0, 1.0))}}


# ---- rates and averages ---------------------------------------------------------------------


def _ema(parts: Parts, value: Any) -> Parts:
    return {"values": {**parts["values"], "ema": Constant(_number(value))}}


def _rate_of(player: str) -> Callable[[Parts, Any], Parts]:
    def change(parts: Parts, value: Any) -> Parts:
        held = parts["optimizers"]
        if player not in held:
            raise NoSuchTrickError(f"it has no player {player}")
        plan = replace(held[player], rate=Constant(_number(value)))
        return {"optimizers": {**held, player: plan}}

    return change


TRICKS: dict[str, Callable[[Parts, Any], Parts]] = {
    "smoothing": _smoothing,
    "fake_smoothing": _fake_smoothing,
    "flips": _flips,
    "noisy": _noisy,
    "instance_noise": _instance_noise,
    "minibatch": _around_judge("minibatch", _count),
    "deviation": _around_judge("deviation", _switch),
    "dropout": _around_judge("dropout", lambda value: _number(value, 0.0, 0.9)),
    "matching": _matching,
    "augment": _augment,
    "lecam": _lecam,
    "ema": _ema,
    "critic_steps": _critic_steps,
    "maker_steps": _maker_steps,
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
