"""A judge of your own: any function from pictures to numbers compares samples with real pictures.

python examples/own_judge.py RUN

The scores say how alike samples and held-out pictures are in what the function measures; here the
colors alone. A network of yours goes the same way, or as a file: judge="mine.onnx".
"""

from __future__ import annotations

import sys

import numpy as np

import lookalike


def colors(pictures: np.ndarray) -> np.ndarray:
    """How often each of 64 colors occurs; uint8 ``[N, H, W, 3]`` -> float32 ``[N, 64]``."""
    coarse = (pictures // 64).astype(np.int64)
    numbers = coarse[..., 0] * 16 + coarse[..., 1] * 4 + coarse[..., 2]
    pixels = numbers.reshape(len(numbers), -1)
    return np.stack([np.bincount(one, minlength=64) for one in pixels]) / pixels.shape[1]


if __name__ == "__main__":
    found = lookalike.evaluate(sys.argv[1], judge=colors, classes=False)
    print(found)
    print("KID by colors:", found.scores.kid.value, "of real pictures:", found.scores.kid.floor)
