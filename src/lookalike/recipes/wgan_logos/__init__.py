"""The recipe wgan-logos and what it alone uses."""

from lookalike.recipes.wgan_logos.recipe import recipe

__all__ = ["recipe"]
