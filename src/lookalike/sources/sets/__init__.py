"""Public sets and what other tools have collected."""
