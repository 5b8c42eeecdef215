from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lookalike.parts.training.ema import WeightAverage


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))


def moved(one: nn.Module) -> None:
    with torch.no_grad():
        for weight in one.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    one(torch.randn(5, 3, 4, 4))  # batch statistics move too


def test_it_is_the_average_that_torch_computes() -> None:
    own = network()
    average = WeightAverage(own, ramp=0.0)
    keep = 0.5 ** (32 / 500)
    oracle = AveragedModel(own, multi_avg_fn=get_ema_multi_avg_fn(keep), use_buffers=True)
    oracle.update_parameters(own)  # its first call copies
    for step in range(20):
        moved(own)
        average.follow(500, 32, 32 * (step + 1))
        oracle.update_parameters(own)
    wanted = oracle.module.state_dict()
    for name, value in average.network.state_dict().items():
        if value.dtype.is_floating_point:
            torch.testing.assert_close(value, wanted[name], rtol=1e-5, atol=1e-6)


def test_counters_are_copied_and_not_averaged() -> None:
    own = network()
    average = WeightAverage(own)
    for step in range(3):
        moved(own)
        average.follow(1e9, 1, step + 1)
    assert int(average.network.state_dict()["1.num_batches_tracked"]) == 3


def test_after_its_half_life_a_jump_is_half_forgotten() -> None:
    own = nn.Linear(1, 1)
    nn.init.zeros_(own.weight)
    average = WeightAverage(own, ramp=0.0)
    nn.init.ones_(own.weight)
    for step in range(10):
        average.follow(100, 10, 10 * (step + 1))
    assert float(average.network.weight.detach()) == pytest.approx(0.5, abs=1e-5)


def test_early_in_a_run_the_half_life_is_a_share_of_the_images_seen() -> None:
    own = nn.Linear(1, 1)
    nn.init.zeros_(own.weight)
    average = WeightAverage(own, ramp=0.05)
    nn.init.ones_(own.weight)
    average.follow(10_000, 10, 200)  # half-life min(10000, 0.05 x 200) = 10 images: one half
    assert float(average.network.weight.detach()) == pytest.approx(0.5, abs=1e-6)


def test_the_average_never_trains_and_goes_on_after_its_network_was_loaded() -> None:
    own = network()
    average = WeightAverage(own)
    assert not any(w.requires_grad for w in average.network.parameters())
    assert not average.network.training
    own.load_state_dict({n: torch.ones_like(v) for n, v in own.state_dict().items()})
    average.follow(1e-9, 1, 1)
    assert all(bool((v == 1).all()) for v in average.network.state_dict().values())
