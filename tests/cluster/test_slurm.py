"""The page about Slurm is followed word for word, on a stand-in sbatch that runs the scripts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from case_tools import fill

from lookalike.data.pack.pack import Pack

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
