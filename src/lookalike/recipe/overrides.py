"""A recipe with a person's settings on top: ``--set name=value``."""

from __future__ import annotations

import difflib
import inspect
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_type_hints

from lookalike.errors import LookalikeError, RecipeError
from lookalike.parts.training.schedules import Constant, Value
from lookalike.recipe.recipe import Recipe
from lookalike.recipe.registry import RecipeFile, names
from lookalike.recipe.tricks import TRICKS, NoSuchTrickError

log = logging.getLogger(__name__)


def make(source: RecipeFile, settings: Mapping[str, Any], frame: Mapping[str, Any]) -> Recipe:
    """Build a recipe for a frame (size, channels, labels, classes, groups), with settings on top.

    A setting is first looked for among the parameters of the recipe's function, so that what
    depends on it is derived again; then among the tricks that go with any recipe
    (``recipe/tricks.py``); then as a path into the finished recipe (``optimizers.G.eps``).

    Raises:
        RecipeError: naming every setting that does not fit, not only the first.
    """
    function = source.function()
    arguments, later, problems = _sorted_out(function, settings, frame)
    made = function(**arguments)
    for value in _unmet(made):
        log.warning("%s reads the value %r, which it does not have.", made.name, value)
    for name, value in later.items():
        try:
            if name in TRICKS:
                made = _with_trick(made, name, value, frame)
            else:
                made = _with_field(made, name, value, tuple(inspect.signature(function).parameters))
        except RecipeError as problem:
            problems.append(f"{name}: {problem}")
    if problems:
        raise RecipeError("These settings do not fit:\n  " + "\n  ".join(problems))
    return made


def _sorted_out(
    function: Callable[..., Recipe], settings: Mapping[str, Any], frame: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The function's arguments, what is left for tricks and paths, and what fits neither."""
    parameters, hints = inspect.signature(function).parameters, get_type_hints(function)
    arguments: dict[str, Any] = {key: value for key, value in frame.items() if key in parameters}
    later: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in settings.items():
        if name not in parameters:
            later[name] = value
            continue
        try:
            arguments[name] = _as(hints.get(name, Any), value)
        except RecipeError as problem:
            if name in TRICKS:
                later[name] = value  # it may be a form that the trick takes and the function not
            else:
                problems.append(f"{name}: {problem}")
    return arguments, later, problems


def _unmet(made: Recipe) -> list[str]:
    """The values that the objective reads and the recipe does not have."""
    return [value for value in made.objective.reads if value not in made.values]


def _with_field(made: Recipe, path: str, value: Any, also: tuple[str, ...]) -> Recipe:
    """The recipe with one field of a part changed, unless that would need more than the field."""
    changed: Recipe = _set(made, path.split("."), value, also)
    if unmet := [name for name in _unmet(changed) if name not in _unmet(made)]:
        trick = path.rpartition(".")[2]
        advice = f"Set {trick}={value} instead: it brings them." if trick in TRICKS else ""
        raise RecipeError(
            f"the objective would read the values {', '.join(unmet)}, which {made.name} does not "
            f"have. {advice}".rstrip()
        )
    return changed


def _with_trick(made: Recipe, name: str, value: Any, frame: Mapping[str, Any]) -> Recipe:
    """The recipe with a trick around it, or an error that names the recipes that can have it."""
    try:
        return TRICKS[name](made, value)
    except NoSuchTrickError as problem:
        if made.name in frame:  # asked below whether this one can
            raise
        able = [file.name for file in names() if _takes(file, name, value, frame)]
        raise RecipeError(f"{problem}. Recipes that take it: {', '.join(able)}.") from None


def _takes(source: RecipeFile, name: str, value: Any, frame: Mapping[str, Any]) -> bool:
    """Whether a recipe takes a setting, tried at a size of its own."""
    labels = 2 if source.labels == "required" else 0
    tried = {"size": max(source.sizes or (64,)), "labels": labels, source.name: 1}
    try:
        make(source, {name: value}, {**frame, **tried})
    except LookalikeError:
        return False
    return True


def _as(hint: Any, value: Any) -> Any:
    """A value given as text, as the type that the hint asks for."""
    from pydantic import TypeAdapter, ValidationError

    try:
        if isinstance(value, str) and hint not in (str, Any):
            try:
                return TypeAdapter(hint).validate_python(json.loads(value))
            except (json.JSONDecodeError, RecursionError, ValidationError):
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
