"""The recipe dcgan-boosted and what it alone uses."""

from lookalike.recipes.dcgan_boosted.recipe import recipe

__all__ = ["recipe"]
