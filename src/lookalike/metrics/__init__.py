"""Judges of pictures: pure functions of arrays."""
