"""Augmentation by hand: short codes, for single pictures and for whole sets."""
