"""A judge that knows nothing but a pack's own labels: no recipe trains with it, nor its family."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from lookalike import seeds
from lookalike.data.pack.pack import Pack
from lookalike.images import Pixels
from lookalike.metrics.features.features import Features, batched, pinned
from lookalike.progress import Tell, silent

WIDTH = 32
STEPS = 1200
BATCH = 64


class Judge(nn.Module):
    """Four stages of two convolutions, the first at 32 px, the mean of a map, one layer."""

    def __init__(self, channels: int, size: int, columns: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        first = max(1, size // 32)
        for stage in range(4):
            after = WIDTH * 2 ** min(stage, 2)
            for stride in (2 if stage else first, 1):
                layers += [nn.Conv2d(before, after, 3, stride, 1, bias=False)]
                layers += [nn.BatchNorm2d(after), nn.LeakyReLU(0.1)]
                before = after
        self.stages = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.told = nn.Linear(before, columns)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures ``[N, C, H, W]`` in [-1, 1] -> logits ``[N, columns]``."""
        logits: Tensor = self.told(self.stages(x))
        return logits


@dataclass(frozen=True)
class OwnJudge(Features):
    """The last layer of a classifier of one pack's labels, scaled to a mean square of 1."""

    pack: str
    network: Judge
    scale: float
    weights: str

    @property
    def name(self) -> str:
        return f"own-{self.pack}"

    @property
    def version(self) -> str:
        return "1"

    @property
    def dim(self) -> int:
        return WIDTH * 4

    @property
    def families(self) -> tuple[str, ...]:
        return ("own",)

    @property
    def hash(self) -> str:
        return pinned(self, "x / 127.5 - 1", self.weights)

    def __call__(self, pictures: Pixels, tell: Tell = silent) -> np.ndarray:
        def look(x: Tensor) -> Tensor:
            found: Tensor = self.network.stages(x / 127.5 - 1)
            return found * self.scale

        return batched(self, pictures, look, 128, tell)


def own_judge(pack: Pack, cache: Path) -> OwnJudge:
    """Train the judge on the pack's training pictures, or read it where that was done before."""
    path = cache / f"own-{pack.fingerprint}.safetensors"
    network = Judge(pack.channels, pack.size, len(pack.columns))
    if path.exists():
        network.load_state_dict(load_file(path))
    else:
        _learn(network, pack)
        save_file(network.state_dict(), path)
    network.eval()
    weights = hashlib.sha256(path.read_bytes()).hexdigest()
    plain = OwnJudge(pack.path.name, network, 1.0, weights)
    some = plain(pack.train.images(np.arange(min(500, len(pack.train)))))
    return OwnJudge(pack.path.name, network, float(1 / np.sqrt((some**2).mean())), weights)


def _learn(network: Judge, pack: Pack) -> None:
    """Every column is a yes or no; pictures are moved a little, so that one place is not all."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=STEPS)
    random = seeds.array_generator(0, "own-judge")
    for _ in range(STEPS):
        rows = random.integers(0, len(pack.train), BATCH)
        x = torch.from_numpy(pack.train.images(rows)).permute(0, 3, 1, 2).float() / 127.5 - 1
        down, right = (int(n) for n in random.integers(-3, 4, 2))
        x = x.roll((down, right), (2, 3))
        told = torch.from_numpy(pack.train.labels(rows)).clamp(0, 1)
        loss = binary_cross_entropy_with_logits(network(x), told)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def accuracy(judge: OwnJudge, pack: Pack) -> float:
    """The share of all yes-or-no labels of the held-out pictures that the judge tells right."""
    with torch.inference_mode():
        x = torch.from_numpy(pack.holdout.all_images()).permute(0, 3, 1, 2).float() / 127.5 - 1
        right = (judge.network(x) > 0).numpy() == (
            pack.holdout.labels(np.arange(len(pack.holdout))) > 0.5
        )
    return float(right.mean())
