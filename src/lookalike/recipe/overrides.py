"""A recipe with a person's settings on top: ``--set name=value``."""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_type_hints

from lookalike.errors import LookalikeError, RecipeError
from lookalike.parts.training.schedules import Constant, Value
from lookalike.recipe.recipe import Recipe
from lookalike.recipe.registry import RecipeFile, names
from lookalike.recipe.tricks import TRICKS, NoSuchTrickError, changes


def make(source: RecipeFile, settings: Mapping[str, Any], frame: Mapping[str, int]) -> Recipe:
    """Build a recipe for a frame (size, channels, labels, classes), with settings on top.

    A setting is first looked for among the parameters of the recipe's function, so that what
    depends on it is derived again; then among the tricks that go with any recipe
    (``recipe/tricks.py``); then as a path into the finished recipe (``optimizers.G.eps``).

    Raises:
        RecipeError: naming every setting that does not fit, not only the first.
    """
    function = source.function()
    parameters = inspect.signature(function).parameters
    wanted: dict[str, Any] = {key: value for key, value in frame.items() if key in parameters}
    hints = get_type_hints(function)
    later: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in settings.items():
        try:
            if name in parameters:
                wanted[name] = _as(hints.get(name, Any), value)
            else:
                later[name] = value
        except RecipeError as problem:
            if name in TRICKS:
                later[name] = value  # it may be a form that the trick takes and the function not
            else:
                problems.append(f"{name}: {problem}")
    made: Recipe = function(**{k: v for k, v in wanted.items() if not problems})
    for name, value in later.items():
        try:
            if name in TRICKS:
                made = _tricked(made, name, value, frame)
            else:
                made = _set(made, name.split("."), value, tuple(parameters))
        except RecipeError as problem:
            problems.append(f"{name}: {problem}")
    _refuse(problems)
    return made


def _tricked(made: Recipe, name: str, value: Any, frame: Mapping[str, int]) -> Recipe:
    """The recipe with a trick around it, or an error that names the recipes that can have it."""
    try:
        parts = {field.name: getattr(made, field.name) for field in fields(made)}
        return replace(made, **changes(parts, name, value))
    except NoSuchTrickError as problem:
        if made.name in frame:  # asked below whether this one can
            raise
        able = [one.name for one in names() if _takes(one, name, value, frame)]
        raise RecipeError(f"{problem}. Recipes that take it: {', '.join(able)}.") from None


def _takes(source: RecipeFile, name: str, value: Any, frame: Mapping[str, int]) -> bool:
    """Whether a recipe takes a setting, tried at a size of its own."""
    labels = 2 if source.labels == "required" else 0
    tried = {"size": max(source.sizes or (64,)), "labels": labels, source.name: 1}
    try:
        make(source, {name: value}, {**frame, **tried})
    except LookalikeError:
        return False
    return True


def _refuse(problems: list[str]) -> None:
    if problems:
        raise RecipeError("These settings do not fit:\n  " + "\n  ".join(problems))


def _as(hint: Any, value: Any) -> Any:
    """A value given as text, as the type that the hint asks for."""
    from pydantic import TypeAdapter, ValidationError

    try:
        if isinstance(value, str) and hint not in (str, Any):
            try:
                return TypeAdapter(hint).validate_python(json.loads(value))
            except (json.JSONDecodeError, ValidationError):
                pass
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as problem:
        raise RecipeError(f"{value!r} was found; {problem.errors()[0]['msg'].lower()}") from None


def _set(part: Any, path: list[str], value: Any, also: tuple[str, ...] = ()) -> Any:
    """The part with one field, named by its path, replaced."""
    head, rest = path[0], path[1:]
    if isinstance(part, Mapping):
        if head not in part:
            raise RecipeError(f"there is no {head!r} here; there are: {', '.join(part)}")
        new = _set(part[head], rest, value) if rest else _constant(part[head], value)
        return {**part, head: new}
    choices = [f.name for f in fields(part)] if is_dataclass(part) else []
    if head not in choices:
        near = difflib.get_close_matches(head, [*choices, *also], n=1)
        every = ", ".join([*also, *choices])
        hint = f" Did you mean {near[0]!r}?" if near else f" There are: {every}."
        raise RecipeError(f"there is no such setting.{hint}")
    now = getattr(part, head)
    if rest:
        return replace(part, **{head: _set(now, rest, value)})
    if is_dataclass(now):
        return replace(part, **{head: _constant(now, value)})
    return replace(part, **{head: _as(type(now) if now is not None else Any, value)})


def _constant(now: Any, value: Any) -> Any:
    """A number in the place of a schedule means: always this number."""
    if isinstance(now, Value):
        return Constant(float(_as(float, value)))
    raise RecipeError(f"this is a {type(now).__name__}; set one of its fields instead")
