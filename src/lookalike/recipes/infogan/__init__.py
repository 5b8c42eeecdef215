"""The recipe infogan and what it alone uses."""

from lookalike.recipes.infogan.recipe import recipe as recipe
