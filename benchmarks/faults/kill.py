"""SIGKILL at a random moment or file operation, once or several times; then the same command."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.commands import Fault
from benchmarks.faults.jobs import JOBS, Workshop

COUNT = 300


def trial(workshop: Workshop, number: int) -> tuple[str, str]:
    """What was tried, and what was wrong (nothing, if nothing)."""
    draw = np.random.default_rng((1, number))
    job = list(JOBS.values())[number % len(JOBS)]
    calm = workshop.undisturbed(job).ended
    workshop.begin(job)
    moments = []
    for _ in range(int(draw.choice([1, 1, 2, 3]))):
        if draw.random() < 0.5:
            at = int(draw.integers(1, calm.operations + 1))
            ended = workshop.run(job, fault=Fault(kind="kill", at=at))
            moments.append(f"operation {at}")
        else:
            after = float(draw.uniform(0.001, calm.seconds))
            ended = workshop.run(job, kill_after=after)
            moments.append(f"{after:.2f} s")
        if ended.status == 0:
            break  # it was done before
        if ended.wrong:
            return f"{job.name} at {', '.join(moments)}", ended.wrong
    return f"{job.name} at {', '.join(moments)}", workshop.finish(job)
