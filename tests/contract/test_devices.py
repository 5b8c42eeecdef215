"""A step of every recipe on another device than the CPU, on machines that have no other.

Torch's "meta" device computes shapes and no numbers, and refuses to mix its tensors with those of
the CPU, as CUDA does. What asks for a number gets a fixed one here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from smallest import EVERY, STEPS, small, trainer_of
from torch import Tensor

NUMBERS: dict[str, Any] = {"__float__": 0.5, "__bool__": True, "__int__": 1, "item": 0.5}


def answering(read: Callable[..., Any], number: Any) -> Callable[..., Any]:
    """A method of tensors that gives ``number`` where there is none to read."""

    def answer(self: Tensor, *inputs: Any) -> Any:
        return number if self.is_meta else read(self, *inputs)

    return answer


def on_cpu(move: Callable[[Tensor], Tensor], self: Tensor) -> Tensor:
    return torch.zeros(self.shape, dtype=self.dtype) if self.is_meta else move(self)


@pytest.fixture
def meta(monkeypatch: pytest.MonkeyPatch) -> str:
    """The device's name, once what needs numbers has some."""
    for name, number in NUMBERS.items():
        monkeypatch.setattr(Tensor, name, answering(getattr(Tensor, name), number))
    move = partial(on_cpu, Tensor.cpu)
    monkeypatch.setattr(Tensor, "cpu", lambda self: move(self))
    enabled = torch.is_autocast_enabled
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda kind: kind != "meta" and enabled(kind))
    for name in ("Adam", "AdamW"):  # fused kernels exist for real devices alone
        plain = getattr(torch.optim, name)
        monkeypatch.setattr(
            torch.optim, name, lambda *w, plain=plain, **kw: plain(*w, **{**kw, "fused": False})
        )
    return "meta"


def test_the_meta_device_refuses_tensors_of_the_cpu() -> None:
    there, here = torch.zeros(2, device="meta"), torch.zeros(2)
    with pytest.raises(RuntimeError, match="device"):
        there + here
    with pytest.raises(RuntimeError, match="device"):
        torch.cat([there, here])


@pytest.mark.slow
@EVERY
def test_a_step_mixes_no_tensors_of_two_devices(name: str, meta: str) -> None:
    trainer = trainer_of(small(name), meta)
    for _ in range(STEPS):
        trainer.step()
    assert all(weight.is_meta for weight in trainer.networks.parameters())
    assert trainer.clock.step == STEPS
    assert not trainer.sampler().raw(0, 0, 2).is_meta  # pictures come back
