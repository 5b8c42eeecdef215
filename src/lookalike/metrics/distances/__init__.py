"""Distances between sets of vectors, and nearest neighbors."""
