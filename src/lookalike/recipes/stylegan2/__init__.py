"""The recipe stylegan2 and what it alone uses."""

from lookalike.recipes.stylegan2.recipe import recipe as recipe
