"""The recipe degan and what it alone uses."""

from lookalike.recipes.degan.recipe import recipe

__all__ = ["recipe"]
