"""From a folder of pictures to new ones, through the public functions.

python examples/from_folder.py PHOTOS OUT [MINUTES]
"""

from __future__ import annotations

import sys
from pathlib import Path

from lookalike import api
from lookalike.settings.data import PrepareSettings
from lookalike.settings.pictures import GenerateSettings
from lookalike.settings.training import TrainSettings


def main(photos: Path, out: Path, minutes: float = 5.0) -> None:
    """Prepare at 64 px, train for some minutes, write a hundred pictures."""
    prepared = api.prepare(photos, out / "pack", PrepareSettings(size=64))
    print(f"{prepared.train} pictures to train on, {prepared.refused} files left out")
    trained = api.train(prepared.path, out / "run", TrainSettings(time=60 * minutes))
    print(f"{trained.images} images in {trained.seconds:.0f} s; page: {trained.report}")
    made = api.generate(trained.run, out / "new", GenerateSettings(count=100, grid=True))
    print(f"look at {made.grid}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(float, sys.argv[3:4]))
