"""What moves while a run trains: schedules, triggers, optimizers, averages, augmentation."""
