"""The recipe cascade and what it alone uses."""

from lookalike.recipes.cascade.recipe import recipe as recipe
