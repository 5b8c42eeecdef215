"""The recipe projected and what it alone uses."""

from lookalike.recipes.projected.recipe import recipe

__all__ = ["recipe"]
