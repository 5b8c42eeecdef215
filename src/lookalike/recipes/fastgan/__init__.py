"""The recipe fastgan and what it alone uses."""

from lookalike.recipes.fastgan.recipe import recipe

__all__ = ["recipe"]
