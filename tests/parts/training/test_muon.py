import copy

import torch
from torch import nn

from lookalike.parts.training.muon import Muon, Orthogonal, orthogonalized
from lookalike.parts.training.schedules import Constant


def test_singular_values_come_close_to_one_and_directions_stay():
    g = torch.Generator().manual_seed(0)
    u, _ = torch.linalg.qr(torch.randn(20, 20, generator=g))
    v, _ = torch.linalg.qr(torch.randn(50, 20, generator=g))
    matrix = u @ torch.diag(torch.linspace(0.2, 3, 20)) @ v.T
    found = orthogonalized(matrix)
    assert torch.linalg.svdvals(found).min() > 0.5
    assert torch.linalg.svdvals(found).max() < 1.4
    torch.testing.assert_close(orthogonalized(matrix.T), found.T, atol=0.02, rtol=0)
    assert (found * (u @ v.T)).sum() / found.norm() / (u @ v.T).norm() > 0.95


def test_thin_weights_move_exactly_as_with_torchs_adam():
    mine, theirs = nn.Linear(4, 3), nn.Linear(4, 3)
    theirs.load_state_dict(mine.state_dict())
    first = Muon(mine.parameters(), lr=0.01, betas=(0.5, 0.99))
    second = torch.optim.Adam(theirs.parameters(), lr=0.01, betas=(0.5, 0.99))
    for step in range(5):
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        for network, optimizer in ((mine, first), (theirs, second)):
            optimizer.zero_grad()
            network(x).square().mean().backward()
            optimizer.step()
    for one, other in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_a_convolution_moves_by_about_the_rate_whatever_the_gradients_size():
    for loudness in (1e-4, 1e4):
        weight = nn.Parameter(torch.zeros(32, 16, 3, 3))
        g = torch.Generator().manual_seed(1)
        weight.grad = torch.randn(32, 16, 3, 3, generator=g) * loudness
        Muon([weight], lr=0.1).step()
        assert 0.01 < weight.detach().square().mean().sqrt() < 0.04  # 0.2 of the rate, as Adam's


def test_it_continues_bit_for_bit_from_its_saved_state():
    def step(network, optimizer, seed):
        x = torch.randn(4, 20, generator=torch.Generator().manual_seed(seed))
        optimizer.zero_grad()
        network(x).square().mean().backward()
        optimizer.step()

    plan = Orthogonal(rate=Constant(0.01))
    network = nn.Linear(20, 20)
    optimizer = plan.build(network.parameters())
    optimizer.param_groups[0]["lr"] = 0.01
    step(network, optimizer, 0)
    other = copy.deepcopy(network)
    resumed = plan.build(other.parameters())
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    step(network, optimizer, 1)
    step(other, resumed, 1)
    assert torch.equal(network.weight, other.weight)
    assert torch.equal(network.bias, other.bias)
