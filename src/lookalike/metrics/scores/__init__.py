"""All numbers about a set of samples, each beside its floor, and in plain sentences."""
