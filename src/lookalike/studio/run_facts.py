"""What the files of runs say, read once and again when one of them has changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.data.pack.pack import Pack
from lookalike.run import Run
from lookalike.studio.library import Entry
from lookalike.studio.messages import for_page

if TYPE_CHECKING:
    from lookalike.report.facts import RunFacts

READ = (
    "recipe.json",
    "env.json",
    "stats.jsonl",
    "health.json",
    "scores.json",
    "evaluation.json",
    "samples",
)
"""What the facts of a run are read from."""


@dataclass(frozen=True)
class RunLook:
    """The facts of a run, and how near its pictures are in words."""

    facts: RunFacts
    nearness: str

    def row(self, entry: Entry) -> dict[str, Any]:
        """What every page says of the run."""
        facts, light = self.facts, self.facts.light
        return {
            "id": entry.id,
            "name": entry.name.removeprefix("runs/"),
            "recipe": str(facts.recipe.get("name", "?")),
            "size": facts.size,
            "pictures": int(facts.data.get("train", 0)),
            "seconds": facts.health.get("seconds"),
            "light": light.light if light else "",
            "sentence": for_page(light.sentence) if light else "",
            "nearness": self.nearness,
        }


class RunLooks:
    """The last look at every run, and the pack that it was trained on."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], RunLook]] = {}
        self._packs: dict[Path, tuple[tuple[int, ...], Pack]] = {}

    def of(self, run: Run) -> RunLook:
        """What the files of a run say now."""
        changed = tuple(_changed(run.path / name) for name in READ)
        known = self._known.get(run.path)
        if known is None or known[0] != changed:
            look = _look(run, self.pack(run)[0])
            known = self._known[run.path] = changed, look
        return known[1]

    def pack(self, run: Run) -> tuple[Pack | None, str]:
        """The pack that a run was trained on, or why it is not there; it stays open."""
        from lookalike.engine.load import pack_if_there

        known = self._packs.get(run.path)
        if known is None or known[0] != _state(run, known[1]):
            self._packs.pop(run.path, None)
            pack, why = pack_if_there(run)
            if pack is None:
                return None, why
            known = self._packs[run.path] = _state(run, pack), pack
        return known[1], ""


def _look(run: Run, pack: Pack | None) -> RunLook:
    from lookalike.report.facts import RunFacts
    from lookalike.report.progress import nearness

    facts = RunFacts.of(run, pack)
    return RunLook(facts, nearness(facts))


def _state(run: Run, pack: Pack) -> tuple[int, ...]:
    """What is different once a run has another pack, or its pack has changed."""
    return _changed(run.path / "env.json"), _changed(pack.path / "pack.json")


def _changed(path: Path) -> int:
    """When something was last written, in nanoseconds; 0 where it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
