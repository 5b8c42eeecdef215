"""Which pictures are the same to the eye, or parts of one another."""
