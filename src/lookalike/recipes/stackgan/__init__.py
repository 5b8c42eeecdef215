"""The recipe stackgan and what it alone uses."""

from lookalike.recipes.stackgan.recipe import recipe as recipe
