"""The job file of a training over several machines with Slurm."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

_JOB = """#!/bin/bash
#SBATCH --job-name=lookalike
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=4:00:00
##SBATCH --gpus-per-node=1   (with GPUs: remove one #; there is one process for each)
#SBATCH --signal=TERM@120
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun python -m lookalike.cluster.preflight "$first:29500" || exit 1
srun torchrun --nnodes="$SLURM_NNODES" --nproc-per-node="${{SLURM_GPUS_ON_NODE:-1}}" \\
  --rdzv-backend=c10d --rdzv-id="$SLURM_JOB_ID" --rdzv-endpoint="$first:29500" \\
  -m lookalike {command}
"""


def job_file(words: Sequence[str], nodes: int) -> str:
    """A batch script that runs ``lookalike`` with these words on so many machines.

    It asks on every machine whether the first one's name resolves and its port is free, and goes no
    further where not. Two minutes before its time is over the training is asked to save; the same
    job goes on.
    """
    return _JOB.format(nodes=nodes, command=shlex.join(words))
