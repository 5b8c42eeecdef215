"""The recipe info_began and what it alone uses."""

from lookalike.recipes.info_began.recipe import recipe

__all__ = ["recipe"]
