"""The doctor on planted corpora (recall and false alarms of each kind), and on hostile files."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.common import keep, kept, machine, table
from benchmarks.processes import lookalike

TESTS = Path(__file__).parents[1] / "tests" / "data"
RECALL, FALSE = 0.95, 0.02


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _scores(corpus: Any, told: dict[str, Any]) -> dict[str, list[int]]:
    """For each kind: found, planted, false alarms, files."""
    named = {
        one["kind"]: {
            file["name"]
            for file in one["files"]
            if one["kind"] != "outlier" or file["detail"] == "stands out"
        }
        for one in told["findings"]
    }
    found = {}
    for kind, groups in corpus.wanted.items():
        names = named.get(kind, set())
        hits = sum(bool(group & names) for group in groups)
        found[kind] = [hits, len(groups), len(names - set().union(*groups)), corpus.total]
    return found


def planted_corpora(good: int, count: int) -> Iterator[dict[str, Any]]:
    """One row for each corpus and way of looking; those measured before are not run again."""
    done = {(row["seed"], row["way"], row["good"]): row for row in kept("doctor")}
    planted = _module("planted")
    for seed in range(count):
        with tempfile.TemporaryDirectory() as place:
            corpus = None
            for way in ("network", "quick"):
                if (seed, way, good) in done:
                    yield done[seed, way, good]
                    continue
                corpus = corpus or planted.plant(Path(place) / "corpus", good, seed)
                more = ["--quick"] if way == "quick" else []
                page = ["--page", str(Path(place) / "page.html")]
                ran = lookalike(["doctor", str(corpus.folder), *page, *more])
                if ran.code:
                    raise SystemExit(f"doctor ended with {ran.code}: {ran.said}")
                row = {"seed": seed, "way": way, "good": good, "seconds": ran.seconds, "mb": ran.mb}
                row |= {"files": corpus.total, "kinds": _scores(corpus, json.loads(ran.told))}
                keep("doctor", row)
                yield row


def _show(rows: list[dict[str, Any]]) -> bool:
    """One table of all corpora; whether the network's way keeps the promise for every kind."""
    good = True
    lines = []
    for kind in rows[0]["kinds"]:
        cells = [kind]
        for way in ("network", "quick"):
            parts = [row["kinds"][kind] for row in rows if row["way"] == way]
            hits, wanted, false, files = (sum(column) for column in zip(*parts, strict=True))
            cells += [f"{hits}/{wanted} ({100 * hits / wanted:.0f} %)"]
            cells += [f"{false} ({100 * false / files:.2f} %)"]
            if way == "network":
                good &= hits >= RECALL * wanted and false <= FALSE * files
        lines.append(cells)
    print(table(lines, ("kind", "recall", "false alarms", "--quick: recall", "false alarms")))
    for way in ("network", "quick"):
        parts = [row for row in rows if row["way"] == way]
        seconds = ", ".join(f"{row['seconds']:.1f}" for row in parts)
        print(
            f"{way}: {parts[0]['files']} files each; {seconds} s; "
            f"at most {max(row['mb'] for row in parts):.0f} MB of all processes"
        )
    return good


def hostile_files(damaged: int) -> bool:
    """Doctor and prepare over the hostile folder: what was named, how long, how much memory."""
    with tempfile.TemporaryDirectory() as place:
        base = Path(place)
        corpus = _module("hostile").make(base / "set", damaged, large=True)
        ways = {
            "doctor": ["doctor", str(corpus.folder), "--page", str(base / "page.html")],
            "prepare": ["prepare", str(corpus.folder), "--to", str(base / "pack"), "--size", "64"],
        }
        lines, good = [], True
        for name, arguments in ways.items():
            ran = lookalike(arguments)
            reasons = _reasons(base, name, ran.told)
            missing = [one for one in corpus.must_refuse if one not in reasons]
            wrong = [one for one in corpus.must_read if one in reasons]
            slow = [one for one, why in reasons.items() if "took longer" in why]
            crashed = [one for one, why in reasons.items() if "crashed" in why]
            good &= not (ran.code or missing or wrong) and ran.mb < 1024
            lines.append([name, str(len(corpus.names)), str(len(reasons)), str(len(missing)),
                          str(len(wrong)), f"{len(slow)}, {len(crashed)}", f"{ran.seconds:.0f}",
                          f"{ran.mb:.0f}", str(ran.code)])  # fmt: skip
            for one in (*missing, *wrong, *slow, *crashed):
                print(f"  {name}: {one}: {reasons.get(one, 'was not refused')}")
        header = ("verb", "files", "named as unusable", "wrongly read", "wrongly refused",
                  "over 10 s, crashed a worker", "s", "MB of all", "exit code")  # fmt: skip
        print(table(lines, header))
        canary = (base / "canary").exists()
        print("a pickle among them " + ("WAS RUN" if canary else "was not run"))
        return good and not canary


def _reasons(base: Path, verb: str, told: str) -> dict[str, str]:
    if verb == "doctor":
        findings = json.loads(told or "{}").get("findings", [])
        files = [file for one in findings if one["kind"] == "unreadable" for file in one["files"]]
        return {file["name"]: file["detail"] for file in files}
    from lookalike.data.pack.pack import Pack

    rows = Pack.open(base / "pack").refused()
    return {row["source"]: row["reason"] for row in rows if "copy_of" not in row}


def main(arguments: list[str]) -> None:
    asked = argparse.ArgumentParser(prog="bench doctor", description=__doc__)
    asked.add_argument("--good", type=int, default=140, help="sound pictures in each corpus")
    asked.add_argument("--corpora", type=int, default=3)
    asked.add_argument("--mutants", type=int, default=1000, help="damaged files; 0: none at all")
    given = asked.parse_args(arguments)
    print(machine())
    good = _show(list(planted_corpora(given.good, given.corpora)))
    if given.mutants:
        good &= hostile_files(given.mutants)
    print("all within the limits" if good else "NOT within the limits")
    sys.exit(0 if good else 1)
