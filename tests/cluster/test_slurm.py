"""The page about Slurm is followed word for word, on stand-in commands that run the scripts."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from case_tools import fill, lookalike

from lookalike.data.pack.pack import Pack
from lookalike.run import Run

PAGE = (Path(__file__).parents[2] / "docs/scale.md").read_text("utf-8")

SBATCH = """#!{python}
import os, re, subprocess, sys
words = sys.argv[1:]
if "--wrap" in words:
    needed = next(w for w in words if w.startswith("--dependency=afterok:")).rpartition(":")[2]
    assert open("job-" + needed).read() == "done"
    sys.exit(subprocess.run(words[words.index("--wrap") + 1], shell=True).returncode)
script = words[-1]
first, last = map(int, re.search(r"#SBATCH --array=(\\d+)-(\\d+)", open(script).read()).groups())
for task in range(first, last + 1):
    array = {{"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": str(last - first + 1)}}
    subprocess.run(["bash", script], env={{**os.environ, **array}}, check=True, stdout=2)
open("job-71", "w").write("done")
print(71)
"""


@pytest.mark.slow
def test_the_page_about_slurm_makes_a_pack(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 40)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "sbatch").write_text(SBATCH.format(python=sys.executable))
    (tools / "lookalike").write_text(f'#!/bin/bash\nexec {sys.executable} -m lookalike "$@"\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    part, commands = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)[:2]
    assert len(part.splitlines()) == 6
    (tmp_path / "parts.sh").write_text(part.replace("array=1-8", "array=1-3"))
    ended = subprocess.run(
        ["bash", "-e", "-c", commands],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert Pack.open(tmp_path / "packs" / "a").count == 40


def tool(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{text}\n")
    (folder / name).chmod(0o755)


def job_ended(
    home: Path, words: list[str], port: int, first: str = "127.0.0.1"
) -> subprocess.CompletedProcess[str]:
    """The job that is printed for these words, run with stand-ins on this first machine."""
    printed = subprocess.run(
        [sys.executable, "-m", "lookalike", *words, "--print-slurm", "1"],
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "$first:29500" in printed
    (home / "job.sh").write_text(printed.replace("29500", str(port)))
    tools = home / "bin"
    tool(tools, "scontrol", f'test "$1 $2 $3" = "show hostnames node7" && echo {first}')
    tool(tools, "srun", 'exec "$@"')
    tool(tools, "python", f'exec {sys.executable} "$@"')
    tool(tools, "torchrun", f'exec {sys.executable} -m torch.distributed.run "$@"')
    given = {"JOB_NODELIST": "node7", "NNODES": "1", "GPUS_ON_NODE": "2", "JOB_ID": "7"}
    return subprocess.run(
        ["bash", "job.sh"],
        cwd=home,
        env={
            **os.environ,
            **{f"SLURM_{name}": value for name, value in given.items()},
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.slow
def test_the_job_that_train_prints_trains_with_two_ranks(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 40)
    assert lookalike("prepare", tmp_path / "photos", "--to", tmp_path / "p").status == 0
    words = ["train", "p", "--recipe", "tiny", "--into", "r", "--threads", "1", "--set"]
    ended = job_ended(tmp_path, [*words, "images=160", "width=4", "batch=16"], free_port())
    assert ended.returncode == 0, ended.stderr
    run = Run(tmp_path / "r")
    state, _ = run.newest()
    assert state is not None
    assert state["clock"][0] == 160
    assert '"processes": 2' in (run.path / "env.json").read_text()


@pytest.mark.slow
def test_the_job_ends_with_a_sentence_before_torchrun_begins(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = job_ended(tmp_path, ["train", "p", "--into", "r"], port)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Error: Port {port} is taken on ")
    assert ended.stderr.count("\n") == 1, "torchrun had its say, too"
    ended = job_ended(tmp_path, ["train", "p", "--into", "r"], port, "no-such-host.invalid")
    assert ended.returncode == 1
    assert "cannot resolve 'no-such-host.invalid'" in ended.stderr
    assert ended.stderr.count("\n") == 1
