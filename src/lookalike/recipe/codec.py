"""Frozen parts as JSON and back, without running anybody's code.

A dataclass becomes ``{"part": "Adam", field: value, ...}``: parts are saved under their class name,
which stands once in the package, so that a file may move without breaking anybody's run. A class of
a person's own recipe file is saved as ``"module:Name"`` and read only when the caller trusts that
module (the file was named on the command line).
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Collection, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from lookalike.errors import RecipeError
from lookalike.recipe.former_names import name_today
from lookalike.sizes import Rectangle

PACKAGE = Path(__file__).parents[1]
ROOMS = ("parts", "recipes", "recipe")
MAPPING = re.compile(r"\b(Mapping|dict)\b")
CLASS = re.compile(r"^class (\w+)", re.MULTILINE)


@cache
def modules() -> dict[str, str]:
    """The module of every class that a recipe can be made of, by class name; imports nothing."""
    places: dict[str, str] = {}
    for path in sorted(path for room in ROOMS for path in (PACKAGE / room).rglob("*.py")):
        module = ".".join(("lookalike", *path.relative_to(PACKAGE).with_suffix("").parts))
        places.update(dict.fromkeys(CLASS.findall(path.read_text("utf-8")), module))
    return places


def encode(value: Any) -> Any:
    """Plain JSON values for a tree of frozen dataclasses, mappings, tuples and numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        fields = {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
        name = kind.__qualname__ if _ours(kind) else f"{kind.__module__}:{kind.__qualname__}"
        return {"part": name, **fields}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, Rectangle):
        return value.as_json()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise RecipeError(
        f"A recipe holds a {type(value).__name__}, which cannot be written as JSON. Use numbers, "
        "text, tuples and frozen dataclasses."
    )


def decode(value: Any, trusted: Collection[str] = ()) -> Any:
    """The tree that :func:`encode` wrote, in this version or an earlier one; lists become tuples.

    Raises:
        RecipeError: a part is unknown, untrusted, or its fields do not fit.
    """
    if isinstance(value, list):
        return tuple(decode(item, trusted) for item in value)
    if not isinstance(value, dict):
        return value
    fields = {key: decode(item, trusted) for key, item in value.items() if key != "part"}
    if "part" not in value:
        return fields
    kind = _part(str(value["part"]), trusted)
    # What a field of somebody's own class may hold is not read off its annotation: that can be an
    # alias, a Dict, a TypedDict or whatever else maps.
    for field in dataclasses.fields(kind) if _ours(kind) else ():
        if "Any" in str(field.type):
            continue
        if _nesting(fields.get(field.name)) > len(MAPPING.findall(str(field.type))):
            raise RecipeError(
                f"The part {value['part']} is damaged: something in its {field.name} does not say "
                "which part it is. Put recipe.json back as it was, or train anew."
            )
    try:
        return kind(**fields)
    except TypeError as problem:
        words = f"The part {value['part']} does not fit this version: {problem}."
        raise RecipeError(words) from None


def part(value: Any, trusted: Collection[str] = ()) -> Any:
    """The part that :func:`encode` wrote.

    Raises:
        RecipeError: as of :func:`decode`, or it does not say which part it is.
    """
    made = decode(value, trusted)
    if isinstance(made, type) or not dataclasses.is_dataclass(made):
        raise RecipeError("A part of this recipe does not say which part it is: it is damaged.")
    return made


def _ours(kind: type[Any]) -> bool:
    """Whether a class is the package's and not one of a person's own file."""
    return modules().get(kind.__qualname__) == kind.__module__


def _nesting(value: Any) -> int:
    """How many mappings lie within one another; a part that lost its name reads as one more."""
    if isinstance(value, dict):
        return 1 + max(map(_nesting, value.values()), default=0)
    return max(map(_nesting, value), default=0) if isinstance(value, tuple) else 0


def _part(saved: str, trusted: Collection[str]) -> type[Any]:
    author_module, _, name = name_today(saved).rpartition(":")
    if author_module and author_module not in trusted:
        raise RecipeError(
            f"The recipe uses {name!r} from {author_module!r}, a file of its author's. "
            "Opening it would run that file, so name it yourself: --recipe PATH/TO/THAT_FILE.py"
        )
    module_name = author_module or modules().get(name, "")
    try:
        module = sys.modules.get(module_name) or import_module(module_name)
        kind = getattr(module, name)
    except (ImportError, AttributeError, ValueError):
        raise RecipeError(
            f"The recipe uses the part {saved}, which this version does not have. "
            "It was written by another version of lookalike."
        ) from None
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise RecipeError(f"{saved} is not a part that a recipe can be made of.")
    return kind
