"""./scripts/bench WHAT [options]: run one measurement and print its table."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent


def known() -> list[str]:
    skipped = {
        "__init__",
        "__main__",
        "common",
        "textbook",
        "sets",
        "digits",
        "processes",
        "drawings",
    }
    return sorted(p.stem for p in HERE.glob("*.py") if p.stem not in skipped)


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in known():
        print(f"Usage: ./scripts/bench WHAT [options]\nWHAT is one of: {', '.join(known())}")
        for name in known():
            text = (HERE / f"{name}.py").read_text("utf-8")
            print(f"  {name:10} {text.split(chr(10))[0].strip(chr(34))}")
        sys.exit(0 if sys.argv[1:] in ([], ["--help"]) else 2)
    import_module(f"benchmarks.{sys.argv[1]}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
