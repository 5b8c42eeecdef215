"""A judge by name, and a person's own network as a judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lookalike.errors import DataError, LookalikeError
from lookalike.images import Pixels as Pictures
from lookalike.metrics.features import (
    Features,
    Forward,
    Lite,
    Pixels,
    RandomConv,
    Vectors,
    batched,
    choose,
    color,
    digest,
    pinned,
    resize,
)
from lookalike.telling import Tell, silent

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TorchScript(Features):
    """A person's own network, saved with ``torch.jit.save``.

    It maps ``[N, 3, side, side]`` to ``[N, dim]``; its inputs are (x / 255 - mean) / deviation,
    channel by channel. The file runs as code: use your own.
    """

    path: Path
    side: int = 224
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    deviation: tuple[float, float, float] = (0.229, 0.224, 0.225)
    family: tuple[str, ...] = ()
    batch: int = 32

    @property
    def name(self) -> str:
        """The file's stem and the input size."""
        return f"{self.path.stem}@{self.side}"

    @property
    def version(self) -> str:
        """Version of these steps; the hash covers the file."""
        return "1"

    @property
    def dim(self) -> int:
        """Asked of the network with one black picture."""
        return _script_dim(self.path, self.side)

    @property
    def families(self) -> tuple[str, ...]:
        """What the person said."""
        return self.family

    @property
    def hash(self) -> str:
        """Covers the file's bytes, mean and deviation."""
        return pinned(self, f"bicubic antialias, {self.mean}, {self.deviation}", digest(self.path))

    def __call__(self, pictures: Pictures, tell: Tell = silent) -> Vectors:
        """What the network says."""
        import torch

        network = _script(self.path)
        mean = torch.tensor(self.mean).view(1, 3, 1, 1)
        deviation = torch.tensor(self.deviation).view(1, 3, 1, 1)

        def look(x: torch.Tensor) -> torch.Tensor:
            return network((resize(color(x), self.side) / 255 - mean) / deviation).flatten(1)

        return batched(self, pictures, look, self.batch, tell)


def named(name: str, channels: int = 3, size: int = 64) -> Features:
    """The judge that a person names: auto, lite0, lite1, lite2, random, pixels, or a .pt file.

    Raises:
        LookalikeError: there is no such judge.
    """
    if name.endswith((".pt", ".pth", ".ts", ".torchscript")):
        return TorchScript(Path(name))
    side = 96 if size <= 64 else 128 if size <= 128 else 224
    makers: dict[str, Callable[[], Features]] = {
        "auto": lambda: choose(channels, size),
        "lite0": lambda: Lite(0, side),
        "lite1": lambda: Lite(1, side),
        "lite2": lambda: Lite(2, side),
        "random": lambda: RandomConv(side=min(64, max(32, size))),
        "pixels": lambda: Pixels(channels=channels),
    }
    if name not in makers:
        raise LookalikeError(
            f"there is no judge {name!r}: choose one of {', '.join(makers)}, or name a TorchScript "
            "file (.pt) of your own."
        )
    return makers[name]()


@cache
def _script(path: Path) -> Forward:
    import torch

    if not path.is_file():
        raise DataError(f"there is no TorchScript file at {path}; save one with torch.jit.save")
    return cast(Forward, cast(Any, torch.jit).load(str(path), map_location="cpu").eval())


@cache
def _script_dim(path: Path, side: int) -> int:
    import torch

    with torch.inference_mode():
        return int(_script(path)(torch.zeros(1, 3, side, side)).flatten(1).shape[1])
