"""A torch Dataset over a pack: its training pictures with their classes, for a loop of your own.

python examples/torch_dataset.py PACK
"""

from __future__ import annotations

import sys

import torch
from torch.utils.data import DataLoader, Dataset

import lookalike


class PackDataset(Dataset[tuple[torch.Tensor, int]]):
    """Pictures float ``[C, H, W]`` in [0, 1] and class numbers; -1 where a picture has no class."""

    def __init__(self, path: str, *, train: bool = True) -> None:
        self.pack = lookalike.Pack.open(path)
        self.split = self.pack.train if train else self.pack.holdout

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture = torch.from_numpy(self.split.images([index])[0])
        return picture.permute(2, 0, 1).float() / 255, int(self.split.classes([index])[0])


if __name__ == "__main__":
    dataset = PackDataset(sys.argv[1])
    for pictures, classes in DataLoader(dataset, batch_size=64, shuffle=True):
        print(tuple(pictures.shape), classes.bincount().tolist(), dataset.pack.classes)
        break
