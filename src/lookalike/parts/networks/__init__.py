"""Networks that several recipes share; what one recipe alone uses lives with it."""
