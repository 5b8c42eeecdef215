"""What a recipe is, how it is found, changed, saved and loaded. Light: tricks need torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lookalike.recipe.recipe import (
    Drawing,
    Recipe,
    fingerprint,
    load,
    load_drawing,
    loads,
)
from lookalike.recipe.registry import FOLDER, GROUP, RecipeFile, find, names, trust

if TYPE_CHECKING:
    from lookalike.recipe.overrides import make

__all__ = [
    "FOLDER",
    "GROUP",
    "Drawing",
    "Recipe",
    "RecipeFile",
    "find",
    "fingerprint",
    "load",
    "load_drawing",
    "loads",
    "make",
    "names",
    "trust",
]


def __getattr__(name: str) -> Any:
    if name == "make":
        return import_module("lookalike.recipe.overrides").make
    raise AttributeError(f"module 'lookalike.recipe' has no attribute {name!r}")
