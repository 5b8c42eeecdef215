"""Judges from outside: opened without running their code, never downloaded, scaled as they say."""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from lookalike.errors import DataError, MissingExtraError
from lookalike.metrics.features import judges
from lookalike.metrics.features.features import conflict
from lookalike.metrics.features.judges import Dino, Inception, Own, named

WHITE = np.full((2, 16, 16, 3), 255, np.uint8)


def traced(network: torch.nn.Module, path: Path, side: int = 8) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.trace(network, torch.zeros(1, 3, side, side)), str(path))
    return path


def mean_of_channels() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())


@pytest.mark.filterwarnings("error")
def test_a_torchscript_file_is_scaled_and_measured_without_a_warning(tmp_path: Path):
    path = traced(mean_of_channels(), tmp_path / "mine.pt")
    mine = Own(path, side=8, mean=(0.5, 0.5, 0.5), deviation=(0.25, 0.5, 1.0))
    assert (mine.dim, mine.name) == (3, "mine@8")
    np.testing.assert_allclose(mine(WHITE), [[2, 1, 0.5]] * 2, atol=1e-5)


def test_the_hash_covers_the_file_and_the_scaling(tmp_path: Path):
    one = traced(mean_of_channels(), tmp_path / "one.pt")
    two = traced(torch.nn.AdaptiveMaxPool2d(1), tmp_path / "two.pt")
    hashes = {Own(one, side=8).hash, Own(two, side=8).hash, Own(one, side=8, mean=(0, 0, 0)).hash}
    assert len(hashes) == 3


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("save", [torch.save, lambda what, to: to.write_bytes(pickle.dumps(what))])
def test_a_pickled_file_is_refused_before_it_runs(tmp_path: Path, monkeypatch, save):
    monkeypatch.chdir(tmp_path)
    save(Bomb(), tmp_path / "bomb.pt")
    with pytest.raises(DataError, match="TorchScript"):
        Own(tmp_path / "bomb.pt")(WHITE)
    assert not (tmp_path / "exploded").exists()


def test_torchscript_that_touches_the_disk_is_refused_before_it_is_opened(tmp_path: Path):
    class Writer(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.from_file("written.bin", shared=True, size=4).sum()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(Writer()), str(tmp_path / "writer.pt"))
    with pytest.raises(DataError, match="from_file"):
        Own(tmp_path / "writer.pt").dim  # noqa: B018


def test_an_export_archive_is_refused_with_the_reason(tmp_path: Path):
    with pytest.raises(DataError, match="any code"):
        named(str(tmp_path / "mine.pt2"))(WHITE)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"mine\.onnx"):
        named(str(tmp_path / "mine.onnx"))(WHITE)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """A stand-in for onnxruntime whose network takes one picture of 4 px and gives its mean."""
    seen: list[tuple[int, ...]] = []

    class Session:
        def __init__(self, path: str, providers: list[str]) -> None:
            assert providers == ["CPUExecutionProvider"]
            if b"ONNX" not in Path(path).read_bytes():
                raise RuntimeError("no protobuf")

        def get_inputs(self) -> list[SimpleNamespace]:
            return [SimpleNamespace(name="x", shape=[1, 3, 4, 4])]

        def run(self, wanted: None, given: dict[str, np.ndarray]) -> list[np.ndarray]:
            seen.append(given["x"].shape)
            return [given["x"].mean((2, 3))]

    module = ModuleType("onnxruntime")
    module.InferenceSession = Session  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    return seen


def test_an_onnx_file_says_its_own_side_and_batch(tmp_path: Path, runtime: list[tuple[int, ...]]):
    (tmp_path / "mine.onnx").write_bytes(b"ONNX")
    mine = Own(tmp_path / "mine.onnx", mean=(0, 0, 0), deviation=(1, 1, 1))
    assert (mine.dim, mine.name) == (3, "mine@4")
    np.testing.assert_allclose(mine(WHITE), np.ones((2, 3)), atol=1e-6)
    assert set(runtime) == {(1, 3, 4, 4)}


def test_a_damaged_onnx_file_is_named(tmp_path: Path, runtime: list[tuple[int, ...]]):
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"broken\.onnx cannot be opened"):
        Own(tmp_path / "broken.onnx")(WHITE)


def test_a_real_onnx_file_is_measured(tmp_path: Path):
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("x", ["n", 3, 8, 8]), ("y", ["n", 3, 1, 1]))
    ]
    node = onnx.helper.make_node("GlobalAveragePool", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    made.ir_version = 8
    onnx.save(made, str(tmp_path / "real.onnx"))
    mine = Own(tmp_path / "real.onnx", mean=(0.5, 0.5, 0.5), deviation=(0.25, 0.5, 1.0))
    assert (mine.dim, mine.name) == (3, "real@8")
    np.testing.assert_allclose(mine(WHITE), [[2, 1, 0.5]] * 2, atol=1e-5)


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "other.onnx").write_bytes(b"ONNX")
    with pytest.raises(MissingExtraError, match=r"lookalike\[onnx\]"):
        Own(tmp_path / "other.onnx")(WHITE)


# ---- FID's network and DINOv2 ---------------------------------------------------------------


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch's cache with a file under the name of FID's weights."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    file = tmp_path / "checkpoints" / f"weights-inception-2015-12-05-{judges.INCEPTION}.pth"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    return file


def test_weights_that_are_missing_or_other_ones_are_never_downloaded(hub: Path):
    with pytest.raises(DataError, match="digest"):
        Inception()(WHITE)
    hub.unlink()
    with pytest.raises(DataError, match="nothing is downloaded"):
        Inception()(WHITE)


def test_fids_network_gets_bytes_and_gives_2048_numbers(hub: Path, monkeypatch: pytest.MonkeyPatch):
    digest = hashlib.sha256(hub.read_bytes()).hexdigest()[:8]
    fine = hub.with_name(f"weights-inception-2015-12-05-{digest}.pth")
    hub.rename(fine)
    monkeypatch.setattr(judges, "INCEPTION", digest)

    class Network:
        def __init__(self, name: str, wanted: list[str], feature_extractor_weights_path: str):
            assert (wanted, feature_extractor_weights_path) == (["2048"], str(fine))

        def __call__(self, x: torch.Tensor) -> tuple[torch.Tensor]:
            assert x.dtype == torch.uint8
            return (x.float().mean((2, 3)).repeat(1, 683)[:, :2048],)

    module = ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = Network  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_fidelity", ModuleType("torch_fidelity"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    grey = np.full((2, 8, 8, 1), 255, np.uint8)
    assert (Inception()(grey) == 255).all()
    assert len(Inception().hash) == 16


def test_without_its_packages_a_judge_says_what_to_install(
    hub: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(judges, "_inception_weights", lambda: hub.with_name("other.pth"))
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match="pip install torch-fidelity torchvision"):
        Inception()(WHITE)
    with pytest.raises(MissingExtraError, match="pip install transformers"):
        Dino()(WHITE)


def test_dinov2_is_opened_from_this_machine_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Network(torch.nn.Module):
        config = SimpleNamespace(hidden_size=5)

        @classmethod
        def from_pretrained(cls, model: str, **how: bool) -> Network:
            assert how == {"local_files_only": True, "use_safetensors": True}
            if not Path(model).is_dir():
                raise OSError("not cached")
            return cls()

        def forward(self, pixel_values: torch.Tensor) -> SimpleNamespace:
            assert pixel_values.shape[1:] == (3, 224, 224)
            return SimpleNamespace(last_hidden_state=torch.ones(len(pixel_values), 7, 5))

    module = ModuleType("transformers")
    module.Dinov2Model = Network  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", module)
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    here = named(f"dinov2:{tmp_path}")
    assert here(WHITE).shape == (2, 5)
    assert len(here.hash) == 16
    with pytest.raises(DataError, match="not on this machine"):
        named("dinov2")(WHITE)


def test_judges_of_other_families_do_not_flatter(tmp_path: Path):
    trained_with = ("imagenet", "efficientnet", "efficientnet-lite0")
    assert conflict(Dino(), trained_with) is None
    assert "imagenet" in (conflict(Inception(), trained_with) or "")
    mine = Own(traced(mean_of_channels(), tmp_path / "mine.pt"), side=8, family=("imagenet",))
    assert "imagenet" in (conflict(mine, trained_with) or "")
