"""The loop: clock, game, trainer, budget. Knows no variant."""
