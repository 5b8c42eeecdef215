"""The recipe sngan and what it alone uses."""

from lookalike.recipes.sngan.recipe import recipe

__all__ = ["recipe"]
