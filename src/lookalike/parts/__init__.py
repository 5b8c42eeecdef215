"""What recipes are made of: networks, priors, losses, turns, schedules. Knows no data, no disk."""
