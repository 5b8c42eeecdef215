"""The recipe swift and what it alone uses."""

from lookalike.recipes.swift.recipe import recipe as recipe
