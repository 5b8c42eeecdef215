"""What recipes are made of: networks, priors, losses, turns, schedules. Knows nothing of data or disk."""
