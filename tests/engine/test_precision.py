from __future__ import annotations

from collections.abc import Callable

import players
import pytest
import torch
from pictures import Discs

from lookalike.engine import precision
from lookalike.engine.trainer import Trainer
from lookalike.errors import LookalikeError
from lookalike.place import Place, choose


def trainer(wish: str = "auto") -> Trainer:
    return Trainer(players.recipe(), Discs(8), Place(wish=wish))


def stub(monkeypatch: pytest.MonkeyPatch, times: Callable[[str, str], float]) -> None:
    """A timer that says how long a player takes in a precision, instead of running it."""
    monkeypatch.setattr(
        precision, "_once", lambda trainer, player, kind, inputs: times(player, kind)
    )


@pytest.mark.parametrize(
    ("bf16", "wanted"), [(0.5, "bf16"), (0.86, "bf16"), (0.88, "fp32"), (1.0, "fp32"), (5, "fp32")]
)
def test_bf16_is_taken_where_it_is_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, bf16: float, wanted: str
) -> None:
    stub(monkeypatch, lambda player, kind: bf16 if kind == "bf16" else 1.0)
    assert precision.decide(trainer(), seconds=0) == {"G": wanted, "D": wanted}


def test_every_player_is_decided_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    stub(monkeypatch, lambda player, kind: 0.1 if (player, kind) == ("D", "bf16") else 1.0)
    assert precision.decide(trainer(), seconds=0) == {"G": "fp32", "D": "bf16"}


def test_the_first_round_warms_up_and_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def times(player: str, kind: str) -> float:
        seen.append(player + kind)
        first = seen.count(player + kind) == 1
        return {"bf16": 0.0 if first else 1.0, "fp32": 1.0}[kind]

    stub(monkeypatch, times)
    assert precision.decide(trainer(), seconds=0) == {"G": "fp32", "D": "fp32"}


def test_it_is_measured_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that wait for each other beside a busy program spoil what is measured."""
    before, seen = torch.get_num_threads(), set()

    def times(player: str, kind: str) -> float:
        seen.add(torch.get_num_threads())
        return 1.0

    stub(monkeypatch, times)
    torch.set_num_threads(2)
    try:
        precision.decide(trainer(), seconds=0)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == {1}


@pytest.mark.parametrize("wish", ["fp32", "bf16"])
def test_a_wish_is_granted_without_measuring(monkeypatch: pytest.MonkeyPatch, wish: str) -> None:
    stub(monkeypatch, lambda player, kind: pytest.fail("measured"))
    assert precision.decide(trainer(wish)) == {"G": wish, "D": wish}


def test_a_player_that_cannot_be_run_alone_stays_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    def times(player: str, kind: str) -> float:
        if player == "D":
            raise RuntimeError("D takes feature maps")
        return 0.1 if kind == "bf16" else 1.0

    stub(monkeypatch, times)
    assert precision.decide(trainer(), seconds=0) == {"G": "bf16", "D": "fp32"}


def test_measuring_for_real_leaves_the_weights_alone() -> None:
    measured = trainer()
    before = {n: v.clone() for n, v in measured.networks.state_dict().items()}
    chosen = precision.decide(measured, seconds=0)
    assert set(chosen) == {"G", "D"}
    assert set(chosen.values()) <= {"fp32", "bf16"}
    assert all(torch.equal(v, before[n]) for n, v in measured.networks.state_dict().items())
    assert all(w.grad is None for w in measured.networks.parameters())


def test_a_place_computes_each_player_in_its_own_precision() -> None:
    place = Place().decided({"G": "bf16", "D": "fp32"})
    x = torch.ones(2, 2)
    with place.autocast("G"):
        assert (x @ x).dtype == torch.bfloat16
    for player in ("D", "E"):
        with place.autocast(player):
            assert (x @ x).dtype == torch.float32


def test_words_for_a_place_that_does_not_exist_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(LookalikeError, match="auto, fp32, bf16"):
        choose(precision="fp8")
    with pytest.raises(LookalikeError, match="use --device cpu"):
        choose(device="nonsense")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    told = choose(device="cpu")
    assert (told.rank, told.world, told.main) == (1, 2, False)


def test_a_card_has_finished_before_its_time_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[str] = []
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda: waits.append("waited"))
    measured = trainer()
    inputs = precision._pictures(measured, "G")
    precision._once(measured, "G", "fp32", inputs)
    assert waits == []
    measured.place = Place(device="cuda")
    precision._once(measured, "G", "fp32", inputs)
    assert waits == ["waited"]
