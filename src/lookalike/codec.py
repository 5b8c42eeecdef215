"""Frozen parts as JSON and back, without running anybody's code.

A dataclass becomes ``{"part": "package.module:Name", field: value, ...}``. Reading accepts only
classes of this package, or of modules that the caller has chosen to trust (a person's own recipe
file that was named on the command line).
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any

from lookalike.errors import RecipeError

OWN = ("lookalike.parts.", "lookalike.recipes.", "lookalike.recipe")


def encode(value: Any) -> Any:
    """Plain JSON values for a tree of frozen dataclasses, mappings, tuples and numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        fields = {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"part": f"{kind.__module__}:{kind.__qualname__}", **fields}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise RecipeError(
        f"A recipe holds a {type(value).__name__}, which cannot be written as JSON. Use numbers, "
        "text, tuples and frozen dataclasses."
    )


def decode(value: Any, trusted: Collection[str] = ()) -> Any:
    """The tree that :func:`encode` wrote; lists come back as tuples.

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
    try:
        return kind(**fields)
    except TypeError as problem:
        raise RecipeError(
            f"The part {value['part']} does not fit this version: {problem}."
        ) from None


def _part(address: str, trusted: Collection[str]) -> type[Any]:
    module_name, _, name = address.partition(":")
    own = module_name.startswith(OWN)
    if not own and module_name not in trusted:
        raise RecipeError(
            f"The recipe uses {name!r} from {module_name!r}, a file of its author's. Opening it "
            "would run that file, so name it yourself: --recipe PATH/TO/THAT_FILE.py"
        )
    try:
        module = sys.modules.get(module_name) or import_module(module_name)
        found = getattr(module, name)
    except (ImportError, AttributeError):
        raise RecipeError(
            f"The recipe uses the part {address}, which this version does not have. "
            "It was written by another version of lookalike."
        ) from None
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise RecipeError(f"{address} is not a part that a recipe can be made of.")
    return found
