"""One file per variant, found by its file name and opened only when asked for."""
