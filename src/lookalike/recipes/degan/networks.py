"""DEGAN's generator: its noise is what an autoencoder makes of noise, Enc(Dec(z)).

The autoencoder is learned on the pictures first and then stays as it is; G draws from codes that
look like those of pictures. Encoder and decoder live inside the player "G", so that whoever
samples needs nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lookalike.errors import RecipeError
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.strided import StridedGenerator


class NoiseRecoder(nn.Module):
    """z -> Dec -> Enc -> the generator proper. With ``pictures``: the autoencoder alone.

    The codes are brought to unit variance: an autoencoder that has learned for a moment (or whose
    divergence weighs much) hardly tells codes apart, and all pictures would be one.
    """

    def __init__(self, plan: DecodedGenerator, frame: Frame) -> None:
        super().__init__()
        self.place = frame.size // 4
        cells, width = self.place**2, plan.width
        self.encoder = nn.Sequential(
            nn.Conv2d(frame.channels, width, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * cells, 2 * plan.body.dims),
        )
        self.begin = nn.Linear(plan.body.dims, 2 * width * cells)
        self.decoder = nn.Sequential(
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, frame.channels, 4, 2, 1),
        )
        self.scale = nn.BatchNorm1d(plan.body.dims, eps=1e-9, affine=False)
        self.body = plan.body.build(frame)

    def decode(self, code: Tensor) -> Tensor:
        """Codes ``[N, Z]`` -> logits of pixels ``[N, C, S, S]``; tanh(l / 2) is the picture."""
        maps = self.begin(code).view(len(code), -1, self.place, self.place)
        logits: Tensor = self.decoder(maps)
        return logits

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures -> mean and log variance of the code, ``[N, Z]`` each."""
        mean, log_variance = self.encoder(pictures).float().chunk(2, 1)
        return mean, log_variance.clamp(-12, 4)

    def forward(
        self, z: Tensor, labels: Tensor | None = None, pictures: Tensor | None = None
    ) -> Any:
        """Pictures from z; or, given pictures, (logits, mean, log variance) with z as the noise."""
        if pictures is not None:
            mean, log_variance = self.encode(pictures)
            return self.decode(mean + (log_variance / 2).exp() * z), mean, log_variance
        with torch.no_grad():
            code, _ = self.encode(torch.tanh(self.decode(z) / 2))
        return self.body(self.scale(code), labels)


@dataclass(frozen=True, kw_only=True)
class DecodedGenerator(NetworkPlan):
    """The generator ``body`` behind an autoencoder of ``width`` and twice as many maps."""

    body: StridedGenerator = field(default_factory=StridedGenerator)
    width: int = 32

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        if frame.size % 4:
            raise RecipeError(
                f"The autoencoder halves twice, so the size must be a multiple of 4, not "
                f"{frame.size}. Prepare the pictures at 28, 32, 64 or 128 px."
            )
        return NoiseRecoder(self, frame)
