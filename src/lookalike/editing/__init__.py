"""Pictures read back into a generator, changed there, and put back into the photo."""
