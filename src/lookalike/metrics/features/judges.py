"""A judge by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lookalike.errors import LookalikeError
from lookalike.metrics.features.features import Features, Lite, Pixels, RandomConv, choose
from lookalike.metrics.features.outside import Called, Dino, Inception, Own

FILES = (".onnx", ".pt", ".pth", ".pt2", ".ts", ".torchscript")


def named(name: str | Callable[..., Any], channels: int = 3, size: int = 64) -> Features:
    """The judge that a person names, or their own function of pictures.

    auto, lite0, lite1, lite2, random, pixels; inception and dinov2 where their packages and
    weights are installed; or a file of one's own (.onnx, .pt). "dinov2:NAME" takes another model.

    Raises:
        LookalikeError: there is no such judge.
    """
    if not isinstance(name, str):
        return name if isinstance(name, Features) else Called(name)
    if name.endswith(FILES):
        return Own(Path(name))
    if name.startswith("dinov2:"):
        return Dino(name.partition(":")[2])
    makers: dict[str, Callable[[], Features]] = {
        "auto": lambda: choose(channels, size),
        "lite0": lambda: Lite.fitting(0, size),
        "lite1": lambda: Lite.fitting(1, size),
        "lite2": lambda: Lite.fitting(2, size),
        "random": lambda: RandomConv.fitting(size),
        "pixels": lambda: Pixels(channels=channels),
        "inception": Inception,
        "dinov2": Dino,
    }
    if name not in makers:
        raise LookalikeError(
            f"there is no judge {name!r}: choose one of {', '.join(makers)}, or name an ONNX or "
            "TorchScript file (.onnx, .pt) of your own."
        )
    return makers[name]()
