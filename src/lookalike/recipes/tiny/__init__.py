"""The recipe tiny and what it alone uses."""

from lookalike.recipes.tiny.recipe import recipe

__all__ = ["recipe"]
