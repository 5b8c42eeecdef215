"""A judge by name: ours, those of other packages, a person's own; opened only, never downloaded.

Opening a file here runs no code of the file's. An ONNX file is data. A TorchScript file holds
operations but no Python; the few of them that touch the disk are refused before it is opened. A
``torch.export`` archive (.pt2) is opened with pickle, which can run anything, so it is not opened.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch

from lookalike.errors import DataError, LookalikeError, MissingExtraError, need
from lookalike.images import Pixels as Pictures
from lookalike.images import measurable
from lookalike.metrics.features.features import (
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
from lookalike.progress import Tell, silent

FILES = (".onnx", ".pt", ".pth", ".pt2", ".ts", ".torchscript")
"""How a person's own network may end."""

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, channel by channel, of values in [0, 1]."""

INCEPTION = "6726825d"
"""How the SHA-256 of FID's network begins, in the file name that torch-fidelity gives it."""

TOUCHING = ("from_file", "torch.save", "torch.load", "torch.classes", "__torch__.torch.classes")
"""Words in a TorchScript file that reach beyond its own numbers."""


@dataclass(frozen=True)
class Called(Features):
    """A person's own function: uint8 ``[N, H, W, C]`` -> numbers ``[N, dim]``. Nothing is kept.

    Raises:
        DataError: when called and the function gives something else.
    """

    function: Callable[[Pictures], Any]
    batch: int = 256
    families: ClassVar[tuple[str, ...]] = ()
    hash: ClassVar[str] = ""

    @property
    def name(self) -> str:
        """What the function is called."""
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    @property
    def dim(self) -> int:
        """Asked of the function with one black picture."""
        return int(self(np.zeros((1, 64, 64, 3), np.uint8)).shape[1])

    def __call__(self, pictures: Pictures, tell: Tell = silent) -> Vectors:
        """The function's answers, some pictures at a time."""
        vectors = []
        for start in range(0, len(pictures), self.batch):
            block = measurable(pictures[start : start + self.batch])
            given = np.asarray(self.function(block), np.float32)
            if given.ndim != 2 or len(given) != len(block):
                raise DataError(
                    f"the judge {self.name} gave {given.shape} for {len(block)} pictures; it has "
                    "to give a row of numbers for each, [N, dim]."
                )
            vectors.append(given)
            tell("looking at pictures", start + len(block), len(pictures))
        return np.concatenate(vectors)


@dataclass(frozen=True)
class Own(Features):
    """A person's own network in a TorchScript (.pt, .ts) or ONNX (.onnx) file.

    It maps ``[N, 3, side, side]`` to ``[N, dim]`` or to maps, which are flattened; its inputs are
    (x / 255 - mean) / deviation. An ONNX file that names its side overrides ``side``.

    Raises:
        DataError: when called and the file is missing, of another kind, or touches the disk.
        MissingExtraError: when called for an ONNX file without the extra ``onnx``.
    """

    path: Path
    side: int = 224
    mean: tuple[float, float, float] = MEAN
    deviation: tuple[float, float, float] = DEVIATION
    family: tuple[str, ...] = ()
    batch: int = 32
    version: ClassVar[str] = "2"

    @property
    def name(self) -> str:
        """The file's stem and the input size."""
        return f"{self.path.stem}@{self._opened()[1]}"

    @property
    def dim(self) -> int:
        """Asked of the network with one black picture."""
        return _dim(self.path, self.side)

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
        network, side = self._opened()
        return batched(
            self, pictures, scaled(network, side, self.mean, self.deviation), self.batch, tell
        )

    def _opened(self) -> tuple[Forward, int]:
        return _opened(self.path, self.side)


@dataclass(frozen=True)
class Inception(Features):
    """The network of FID (Heusel et al. 2017) through torch-fidelity: 2048 numbers, 299 px.

    Only distances of these features may be called FID. It was trained as an ImageNet classifier.
    Pictures are resized by torch-fidelity as the first implementation did. The weights have to be
    in torch's cache already: they are known by their digest, and nothing is downloaded.

    Raises:
        MissingExtraError: when called without torch-fidelity and torchvision.
        DataError: when called and the weights are not there, or are other ones.
    """

    batch: int = 32
    name: ClassVar[str] = "fid-inception@299"
    dim: ClassVar[int] = 2048
    families: ClassVar[tuple[str, ...]] = ("imagenet", "inception")

    @property
    def hash(self) -> str:
        """Covers the weights."""
        return pinned(self, "torch-fidelity, features 2048", digest(_inception_weights()))

    def __call__(self, pictures: Pictures, tell: Tell = silent) -> Vectors:
        """2048 numbers a picture."""
        network = _inception(_inception_weights())
        return batched(self, pictures, lambda x: network(color(x).byte()), self.batch, tell)


@dataclass(frozen=True)
class Dino(Features):
    """DINOv2 (Oquab et al. 2023) through transformers: self-supervised, no ImageNet classifier.

    ``model`` is a name in the local cache, or a folder with config.json and model.safetensors.

    Raises:
        MissingExtraError: when called without transformers.
        DataError: when called and the model is not on this machine.
    """

    model: str = "facebook/dinov2-base"
    side: int = 224
    batch: int = 16

    @property
    def name(self) -> str:
        """For example ``dinov2-base@224``."""
        return f"{Path(self.model).name}@{self.side}"

    @property
    def dim(self) -> int:
        """768 for the base model."""
        return int(_dino(self.model)[0].config.hidden_size)

    @property
    def families(self) -> tuple[str, ...]:
        """Not trained on ImageNet's classes."""
        return "dinov2", Path(self.model).name

    @property
    def hash(self) -> str:
        """Covers the weights."""
        return pinned(self, "bicubic antialias, ImageNet mean", digest(_dino(self.model)[1]))

    def __call__(self, pictures: Pictures, tell: Tell = silent) -> Vectors:
        """The class token behind the last norm."""
        network = _dino(self.model)[0]

        def look(x: torch.Tensor) -> torch.Tensor:
            return cast("torch.Tensor", network(pixel_values=x).last_hidden_state[:, 0])

        return batched(self, pictures, scaled(look, self.side, MEAN, DEVIATION), self.batch, tell)


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


def scaled(
    network: Forward,
    side: int,
    mean: tuple[float, float, float],
    deviation: tuple[float, float, float],
) -> Forward:
    """The network behind resizing and scaling of float pictures ``[N, C, H, W]`` of 0 .. 255."""
    low, wide = (torch.tensor(three).view(1, 3, 1, 1) for three in (mean, deviation))
    return lambda x: network((resize(color(x), side) / 255 - low) / wide).flatten(1)


@cache
def _opened(path: Path, side: int) -> tuple[Forward, int]:
    """The network of a file, and its input side."""
    if path.suffix == ".pt2":
        raise DataError(
            f"{path} is a torch.export archive, and opening one can run any code that was put into "
            "it. Export the network to ONNX instead: torch.onnx.export(network, (x,), 'mine.onnx', "
            "dynamo=True)."
        )
    if not path.is_file():
        raise DataError(f"there is no file {path}. Name an ONNX or TorchScript file of your own.")
    return _onnx(path, side) if path.suffix == ".onnx" else (_script(path), side)


@cache
def _dim(path: Path, side: int) -> int:
    network, wanted = _opened(path, side)
    with torch.inference_mode():
        return int(network(torch.zeros(1, 3, wanted, wanted)).flatten(1).shape[1])


def _script(path: Path) -> Forward:
    _harmless(path)
    with warnings.catch_warnings():  # torch says that TorchScript will go; files of it will stay
        warnings.simplefilter("ignore", DeprecationWarning)
        return cast(Forward, cast(Any, torch.jit).load(str(path), map_location="cpu").eval())


def _harmless(path: Path) -> None:
    """Refuse what is no TorchScript, or reaches beyond its own numbers, before it is opened."""
    try:
        with zipfile.ZipFile(path) as archive:
            code = [name for name in archive.namelist() if "/code/" in name]
            text = b"\n".join(archive.read(name) for name in code).decode("utf-8", "replace")
    except (zipfile.BadZipFile, OSError) as problem:
        raise DataError(f"{path} is not a TorchScript file ({problem}). {_SAVE}") from None
    if not code:
        raise DataError(
            f"{path} holds no TorchScript: a file of torch.save can run any code when it is "
            f"opened, so it is not. {_SAVE}"
        )
    touching = [word for word in TOUCHING if word in text]
    if touching:
        raise DataError(
            f"{path} uses {', '.join(touching)}, which reaches beyond the network, so it was not "
            f"opened. {_SAVE}"
        )


_SAVE = "Export the network to ONNX, or save it with torch.jit.save."


def _onnx(path: Path, side: int) -> tuple[Forward, int]:
    runtime: Any = need("onnxruntime", "onnx", "Judging with an ONNX file")
    try:
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as problem:  # onnxruntime raises classes of its own for each kind of damage
        raise DataError(f"{path} cannot be opened as ONNX ({problem}).") from None
    wanted = session.get_inputs()[0]
    shape = list(wanted.shape)
    if len(shape) != 4 or (isinstance(shape[1], int) and shape[1] != 3):
        raise DataError(f"{path} takes {shape}; a judge takes pictures [N, 3, side, side].")
    single = shape[0] == 1

    def look(x: torch.Tensor) -> torch.Tensor:
        given = np.ascontiguousarray(x.numpy())
        parts = np.split(given, len(given)) if single else [given]
        vectors = [session.run(None, {wanted.name: part})[0] for part in parts]
        return torch.from_numpy(np.concatenate(vectors).astype(np.float32))

    return look, shape[2] if isinstance(shape[2], int) else side


def _inception_weights() -> Path:
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    name = f"weights-inception-2015-12-05-{INCEPTION}.pth"
    if not (folder / name).is_file():
        raise DataError(
            f"FID's network is not on this machine, and nothing is downloaded here. Put {name} (of "
            f"the releases of torch-fidelity) into {folder}, or choose another judge."
        )
    if not digest(folder / name).startswith(INCEPTION):
        raise DataError(f"{folder / name} is not FID's network: its digest is another one.")
    return folder / name


@cache
def _inception(weights: Path) -> Forward:
    module = _outside("torch_fidelity.feature_extractor_inceptionv3", "torch-fidelity torchvision")
    made: Callable[[torch.Tensor], tuple[torch.Tensor, ...]] = module.FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights)
    )
    return lambda x: made(x)[0]


@cache
def _dino(model: str) -> tuple[Any, Path]:
    """The network and its weight file, from the local cache or a folder."""
    module = _outside("transformers", "transformers")
    try:
        network = module.Dinov2Model.from_pretrained(
            model, local_files_only=True, use_safetensors=True
        )
        file = Path(model) / "model.safetensors"
        if not file.is_file():
            file = Path(module.utils.cached_file(model, "model.safetensors", local_files_only=True))
    except (OSError, ValueError) as problem:
        raise DataError(
            f"{model} is not on this machine, and nothing is downloaded here ({problem}). Fetch it "
            f"once with: huggingface-cli download {model}, or choose another judge."
        ) from None
    return network.eval().requires_grad_(False), file


def _outside(module: str, packages: str) -> Any:
    """A module of a package that is no dependency of ours.

    Raises:
        MissingExtraError: it, or something that it needs, is not installed.
    """
    try:
        return import_module(module)
    except ImportError as problem:
        raise MissingExtraError(
            f"this judge needs {packages}, which cannot be imported here ({problem}). Install it "
            f"with: pip install {packages}, or choose another judge."
        ) from problem
