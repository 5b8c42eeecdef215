"""From a folder of pictures to new ones, through the public functions.

python examples/from_folder.py PHOTOS OUT [TIME]
"""

from __future__ import annotations

import sys

import lookalike


def main(photos: str, out: str, time: str = "5m") -> None:
    """Prepare at 64 px, train for some minutes, write a hundred pictures."""
    prepared = lookalike.prepare(photos, f"{out}/pack", size=64)
    print(prepared)
    trained = lookalike.train(prepared.path, f"{out}/run", time=time)
    print(trained)
    print(lookalike.generate(trained.run, f"{out}/new", count=100, grid=True))


if __name__ == "__main__":
    main(*sys.argv[1:4])
