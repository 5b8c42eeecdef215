"""Bytes of strangers become uint8 squares, in workers with limits."""
