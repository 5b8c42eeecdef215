"""Whether samples are copies of training pictures."""
