"""The doctor on a planted corpus: recall and false alarms of each kind of fault."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from pathlib import Path

PLANTED = Path(__file__).parents[1] / "tests" / "data" / "planted.py"


def main(arguments: list[str]) -> None:
    asked = argparse.ArgumentParser(prog="bench doctor", description=__doc__)
    asked.add_argument("--good", type=int, default=140, help="sound pictures in the corpus")
    asked.add_argument("--page", type=Path, help="keep the page here")
    given = asked.parse_args(arguments)

    from lookalike.metrics.features import Lite
    from lookalike.stages.doctor import doctor

    spec = importlib.util.spec_from_file_location("planted", PLANTED)
    assert spec is not None
    assert spec.loader is not None
    planted = importlib.util.module_from_spec(spec)
    sys.modules["planted"] = planted
    spec.loader.exec_module(planted)
    with tempfile.TemporaryDirectory() as place:
        corpus = planted.plant(Path(place) / "corpus", given.good)
        for look in (None, Lite(0) if Lite.installed(0) else None):
            started = time.perf_counter()
            found = doctor(corpus.folder, given.page, look=look)
            seconds = time.perf_counter() - started
            print(f"{corpus.total} files, {found.looked_with}, {seconds:.1f} s")
            for kind, groups in corpus.wanted.items():
                finding = found.of(kind)
                named = {
                    one.name
                    for one in (finding.files if finding else ())
                    if kind != "outlier" or one.detail == "stands out"
                }
                hits = sum(bool(group & named) for group in groups)
                false = len(named - set().union(*groups))
                print(
                    f"  {kind:10}  recall {hits:2}/{len(groups):2}   "
                    f"false alarms {false} ({100 * false / corpus.total:.1f} %)"
                )
