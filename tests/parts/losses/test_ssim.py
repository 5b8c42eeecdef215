from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lookalike.parts.losses import ssim


def pair(side: int, channels: int = 3, count: int = 3, noise: float = 0.3) -> tuple[Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(side)
    low = torch.rand(count, channels, 8, 8, generator=drawn)
    smooth = torch.nn.functional.interpolate(low, (side, side), mode="bilinear") * 2 - 1
    other = smooth + noise * torch.randn(smooth.shape, generator=drawn)
    return smooth, other.clamp(-1, 1)


def looped(x: np.ndarray, y: np.ndarray, span: float) -> tuple[float, float]:
    """SSIM and contrast-structure of one plane, place by place, as the paper's equations say."""
    window = min(11, x.shape[0])
    offsets = np.arange(window) - (window - 1) / 2
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    kernel = np.outer(line, line) / line.sum() ** 2
    low, high = (0.01 * span) ** 2, (0.03 * span) ** 2
    whole, structure = [], []
    for top in range(x.shape[0] - window + 1):
        for left in range(x.shape[1] - window + 1):
            a = x[top : top + window, left : left + window]
            b = y[top : top + window, left : left + window]
            mean_a, mean_b = (kernel * a).sum(), (kernel * b).sum()
            var_a = (kernel * (a - mean_a) ** 2).sum()
            var_b = (kernel * (b - mean_b) ** 2).sum()
            both = (kernel * (a - mean_a) * (b - mean_b)).sum()
            bright = (2 * mean_a * mean_b + low) / (mean_a**2 + mean_b**2 + low)
            structure.append((2 * both + high) / (var_a + var_b + high))
            whole.append(bright * structure[-1])
    return float(np.mean(whole)), float(np.mean(structure))


def test_ssim_equals_a_naive_loop() -> None:
    x, y = pair(16, channels=1)
    for index in range(len(x)):
        whole, structure = looped(x[index, 0].double().numpy(), y[index, 0].double().numpy(), 2.0)
        found = ssim.similarity(x[index : index + 1], y[index : index + 1])
        assert found[0].item() == pytest.approx(whole, abs=1e-5)
        assert found[1].item() == pytest.approx(structure, abs=1e-5)


def test_ms_ssim_equals_a_naive_loop_at_64_pixels() -> None:
    x, y = pair(64, channels=1, count=1)
    a, b = x[0, 0].double().numpy(), y[0, 0].double().numpy()
    expected = 1.0
    for scale, weight in enumerate(ssim.WEIGHTS):
        if scale:
            a = (a[::2, ::2] + a[1::2, ::2] + a[::2, 1::2] + a[1::2, 1::2]) / 4
            b = (b[::2, ::2] + b[1::2, ::2] + b[::2, 1::2] + b[1::2, 1::2]) / 4
        whole, structure = looped(a, b, 2.0)
        expected *= (whole if scale == 4 else structure) ** weight
    assert ssim.ms_ssim(x, y).item() == pytest.approx(expected, abs=1e-5)


def test_ssim_equals_scikit_image() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    x, y = pair(48)
    for index in range(len(x)):
        theirs = metrics.structural_similarity(
            x[index].double().numpy(),
            y[index].double().numpy(),
            channel_axis=0,
            data_range=2.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        assert ssim.ssim(x, y)[index].item() == pytest.approx(theirs, abs=1e-5)


@pytest.mark.slow
def test_the_contrast_structure_part_equals_torchmetrics() -> None:
    """Their full similarity also counts windows over a reflected border, so it is not compared."""
    metrics = pytest.importorskip("torchmetrics.functional.image")
    x, y = pair(48)
    _, theirs = metrics.structural_similarity_index_measure(
        x, y, data_range=2.0, reduction="none", return_contrast_sensitivity=True
    )
    assert torch.allclose(ssim.similarity(x, y)[1], theirs, atol=1e-5)


def test_the_same_picture_is_1_and_its_negative_is_far_below() -> None:
    x, _ = pair(32)
    for shifted in (False, True):
        assert torch.allclose(ssim.ms_ssim(x, x, shifted=shifted), torch.ones(3), atol=1e-5)
    assert (ssim.ms_ssim(x, -x) < 0.1).all()


def test_the_last_scale_counts_once() -> None:
    """Two flat pictures have perfect structure everywhere; only one brightness may remain."""
    x, y = torch.full((1, 1, 64, 64), 0.5), torch.full((1, 1, 64, 64), 0.1)
    low = (0.01 * 2) ** 2
    bright = (2 * 0.5 * 0.1 + low) / (0.5**2 + 0.1**2 + low)
    assert ssim.ms_ssim(x, y).item() == pytest.approx(bright ** ssim.WEIGHTS[-1], abs=1e-4)


def test_small_pictures_use_fewer_scales_with_the_same_total_weight() -> None:
    assert [len(ssim.scales(side)) for side in (8, 16, 28, 32, 64, 256)] == [2, 3, 3, 4, 5, 5]
    for side in (8, 28, 64):
        assert math.isclose(sum(ssim.scales(side)), sum(ssim.WEIGHTS))


def test_every_picture_has_a_gradient_when_shifted() -> None:
    x, _ = pair(32)
    y = (-x).requires_grad_(True)
    (1 - ssim.ms_ssim(x, y, shifted=True)).sum().backward()
    assert y.grad is not None
    assert (y.grad.flatten(1).abs().sum(1) > 0).all()
    assert torch.isfinite(y.grad).all()


def test_the_gradient_of_ssim_is_right() -> None:
    x, y = pair(12, channels=1, count=1)
    first, second = x.double(), y.double().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda v: ssim.similarity(first, v)[0], (second,))
