"""Before ranks train together, and when one of them is killed."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from case_tools import fill, lookalike, running, until

from lookalike.cluster.preflight import (
    RankFacts,
    check_address,
    check_machine,
    check_ranks,
    main,
)
from lookalike.cluster.slurm import job_file
from lookalike.errors import TrainingError
from lookalike.run import Run


def test_a_name_that_does_not_resolve_is_named() -> None:
    with pytest.raises(TrainingError, match=r"cannot resolve 'no-such-host\.invalid'"):
        check_address("no-such-host.invalid", 29500, 1)


@pytest.mark.slow
def test_a_closed_port_and_a_taken_one_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_USE_AGENT_STORE", raising=False)
    with socket.socket() as taken:
        taken.bind(("", 0))
        port = taken.getsockname()[1]
        with pytest.raises(TrainingError, match="reaches nobody at 127"):
            check_address("127.0.0.1", port, 1, patience=0.1)
        taken.listen()
        check_address("127.0.0.1", port, 1)
        with pytest.raises(TrainingError, match=f"Port {port} is taken"):
            check_address("127.0.0.1", port, 0)


def preflight(*words: str) -> subprocess.CompletedProcess[str]:
    """The command that is given before torchrun."""
    command = [sys.executable, "-m", "lookalike.cluster.preflight", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_before_torchrun_a_command_says_what_does_not_fit() -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        wrong = preflight(f"127.0.0.1:{port}")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith(f"Error: Port {port} is taken on {socket.gethostname()} (")
    assert "--rdzv-endpoint" in wrong.stderr
    fine = preflight(f"127.0.0.1:{port}")
    here = f"{socket.gethostname()}: 127.0.0.1 is 127.0.0.1, this machine, and its port"
    assert (fine.returncode, fine.stderr) == (0, f"{here} {port} is free.\n")
    unknown = preflight("no-such-host.invalid:29500")
    assert unknown.returncode == 1
    assert "cannot resolve 'no-such-host.invalid', the name of the first machine" in unknown.stderr
    assert "Traceback" not in wrong.stderr + unknown.stderr


def test_an_address_of_another_machine_is_not_asked_for_its_port() -> None:
    """192.0.2.0/24 is nobody's: it is kept for examples (RFC 5737)."""
    found = check_machine("192.0.2.7", 1)
    assert found.endswith("192.0.2.7 is 192.0.2.7, another machine.")


@pytest.mark.parametrize("words", [[], ["node7"], ["node7:"], ["node7:0"], ["node7:x"], ["a", "b"]])
def test_words_that_are_no_address_are_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert "this takes HOST:PORT, like node7:29500, not " in capsys.readouterr().err


def test_other_versions_and_clocks_are_named() -> None:
    here = RankFacts.here(0)
    check_ranks([here, replace(here, rank=1)])
    older = replace(
        here,
        rank=3,
        host="node7",
        versions=(here.versions[0], ("python", "3.9"), *here.versions[2:]),
    )
    with pytest.raises(TrainingError, match=r"has python .*rank 3 \(host node7.*has 3\.9"):
        check_ranks([here, older])
    with pytest.raises(TrainingError, match=r"clocks of rank 0 .* differ by 300 s"):
        check_ranks([here, replace(here, rank=1, clock=here.clock - 300)])


def test_the_job_file_holds_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["train", "packs/my photos", "--for", "2h", "--into", "runs/a"]
    monkeypatch.setattr(sys, "argv", ["lookalike", *words, "--print-slurm", "3"])
    printed = lookalike(*words, "--print-slurm", "3")
    assert printed.status == 0, printed.err
    assert printed.out == job_file(words, 3)
    assert "#SBATCH --nodes=3\n" in printed.out
    assert f"-m lookalike {shlex.join(words)}\n" in printed.out
    assert subprocess.run(["bash", "-n"], input=printed.out, text=True, check=False).returncode == 0


def ranks_of(run: subprocess.Popen[str]) -> dict[int, int]:
    """The processes of a torchrun by rank."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            told = dict(
                one.split(b"=", 1) for one in (place / "environ").read_bytes().split(b"\0") if one
            )
        except (OSError, ValueError):
            continue
        if parent == run.pid and b"RANK" in told:
            found[int(told[b"RANK"])] = int(place.name)
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of ranks in /proc")
def test_a_killed_rank_is_named_and_the_same_command_continues_bit_for_bit(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 40)
    assert lookalike("prepare", tmp_path / "photos", "--to", tmp_path / "p").status == 0
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

    def command(name: str) -> AbstractContextManager[subprocess.Popen[str]]:
        words = ["train", str(tmp_path / "p"), "--recipe", "tiny", "--into", str(tmp_path / name)]
        words += ["--set", "images=960", "width=4", "batch=16", "--threads", "1"]
        return running(
            *(*start, "-m", "lookalike", *words, "--device", "cpu", "--precision", "fp32"),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            text=True,
        )

    stats = tmp_path / "a" / "stats.jsonl"
    with command("a") as killed:

        def trains() -> bool:
            assert killed.poll() is None
            return stats.exists() and stats.read_text().count("\n") >= 2

        until(trains, 120)
        os.kill(ranks_of(killed)[1], signal.SIGKILL)
        _, err = killed.communicate(timeout=120)
    assert killed.returncode != 0
    assert "Error: Rank 1 (host " in err
    assert "is gone, so rank 0 of 2 stops" in err
    weights = []
    for name in ("a", "b"):
        with command(name) as whole:
            _, err = whole.communicate(timeout=300)
        assert whole.returncode == 0, err[-2000:]
        state, _ = Run(tmp_path / name).newest()
        assert state is not None
        assert state["clock"][0] == 960
        weights.append(state["networks"])
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
