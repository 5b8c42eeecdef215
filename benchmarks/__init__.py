"""Measurements of speed and quality: ./scripts/bench WHAT. Never part of the tests."""
