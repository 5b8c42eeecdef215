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
        "photographs",
    }
    files = {path.stem for path in HERE.glob("*.py")} - skipped
    folders = {path.parent.name for path in HERE.glob("*/__init__.py")}
    return sorted(files | folders)


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in known():
        print(f"Usage: ./scripts/bench WHAT [options]\nWHAT is one of: {', '.join(known())}")
        for name in known():
            folder = HERE / name
            file = folder / "__init__.py" if folder.is_dir() else HERE / f"{name}.py"
            text = file.read_text("utf-8")
            print(f"  {name:10} {text.split(chr(10))[0].strip(chr(34))}")
        sys.exit(0 if sys.argv[1:] in ([], ["--help"]) else 2)
    import_module(f"benchmarks.{sys.argv[1]}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
