"""Real and synthetic pictures together, so that nobody mistakes one for the other."""
