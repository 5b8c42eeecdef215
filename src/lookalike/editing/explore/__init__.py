"""Looking around in a generator: a map of pictures, starts, directions, the way between two."""
