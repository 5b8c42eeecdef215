import torch

from lookalike.parts.networks.projected import FrozenMixing, ProjectedHeads


def maps(count=3):
    g = torch.Generator().manual_seed(0)
    return [torch.randn(2, c, s, s, generator=g) for c, s in ((8, 16), (12, 8), (20, 4))][:count]


def test_one_logit_per_sample_and_scale():
    heads = ProjectedHeads((8, 12, 20), (16, 8, 4), width=6, head_width=4)
    assert heads(maps()).shape == (2, 3)


def test_mixing_learns_nothing_and_is_saved():
    mixing = FrozenMixing((8, 12), width=6)
    assert list(mixing.parameters()) == []
    assert {"across0", "across1", "down0"} == set(mixing.state_dict())


def test_deep_features_reach_the_finest_map_but_not_the_other_way():
    mixing = FrozenMixing((8, 12, 20), width=6)
    before, changed = maps(), maps()
    changed[2] = changed[2] + torch.randn(changed[2].shape)
    assert not torch.allclose(mixing(before)[0], mixing(changed)[0])
    changed = maps()
    changed[0] = changed[0] + 1
    torch.testing.assert_close(mixing(before)[2], mixing(changed)[2])


def test_logits_do_not_depend_on_the_loudness_of_a_map():
    mixing = FrozenMixing((8,), width=6)
    (one,), (loud,) = mixing(maps(1)), mixing([maps(1)[0] * 50])
    torch.testing.assert_close(one, loud, atol=1e-3, rtol=1e-3)


def test_gradients_reach_maps_and_heads():
    heads = ProjectedHeads((8, 12, 20), (16, 8, 4), width=6, head_width=4)
    given = [m.requires_grad_(True) for m in maps()]
    heads(given).sum().backward()
    assert all(m.grad is not None and m.grad.abs().sum() > 0 for m in given)
    assert all(p.grad is not None for p in heads.parameters())


def test_maps_of_another_precision_are_scored_as_well():
    heads = ProjectedHeads([8, 16], [8, 4], width=8, head_width=8)
    maps = [torch.randn(2, 8, 8, 8).bfloat16(), torch.randn(2, 16, 4, 4).bfloat16()]
    logits = heads(maps)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()
