"""The recipe relativistic and what it alone uses."""

from lookalike.recipes.relativistic.recipe import recipe as recipe
