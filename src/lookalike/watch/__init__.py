"""What looks on while a run trains: sample pictures, numbers, health, checkpoints, progress."""
