"""One run of collecting: the open folder, what may come in, and what is told at the end."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookalike.progress import Tell, silent
from lookalike.results import Result, table
from lookalike.settings.collect import Limits
from lookalike.sources.http.refusals import RefusedError
from lookalike.sources.store.collection import (
    HIDDEN,
    MANIFEST,
    REFUSED,
    Collection,
    Delivery,
    Found,
)
from lookalike.sources.store.picture_checks import FileFacts, inspect

_NAMED = 5
"""Kinds that are named in a line of counts."""


@dataclass(frozen=True, kw_only=True)
class Collected(Result):
    """What a run of ``collect`` did.

    ``holds`` counts the pictures of this request in the folder, all runs together; ``known`` were
    met again, ``same`` had the bytes of another one; ``refused`` maps reasons to counts. ``next``
    is what comes after a part.
    """

    folder: Path
    request: str
    added: int
    holds: int
    known: int
    same: int
    refused: dict[str, int]
    licenses: dict[str, int]
    sources: dict[str, int]
    bytes: int
    seconds: float
    stopped: str
    notes: tuple[str, ...] = field(default=())
    next: str = ""

    @property
    def interrupted(self) -> bool:
        """Whether a person stopped it; the same command goes on from there."""
        return self.stopped == "interrupted"

    def lines(self) -> list[str]:
        """What was done, for a person, with the next command."""
        size = f"{self.bytes / 1e6:.1f} MB" if self.bytes >= 1e5 else f"{self.bytes / 1e3:.1f} kB"
        known = f"{self.known:,} were met before and not fetched again"
        same = f"{self.same:,} have the bytes of another picture and were left out"
        refused = f"{sum(self.refused.values()):,}: {_counts(self.refused)}"
        rows = [
            ("added", f"{self.added:,} pictures, {size}, in {self.seconds:.1f} s", True),
            ("now", f"{self.holds:,} of this request in {self.folder}", True),
            ("known", known, self.known),
            ("same", same, self.same),
            ("refused", refused, self.refused),
            ("licenses", _counts(self.licenses), self.licenses),
            ("sources", _counts(self.sources), len(self.sources) > 1),
            ("ended", self.stopped, True),
            ("manifest", str(self.folder / MANIFEST), self.holds),
            ("reasons", str(self.folder / HIDDEN / REFUSED), self.refused),
        ]
        lines = table([(name, text) for name, text, there in rows if there])
        return [
            self.request,
            *(f"  {line}" for line in lines),
            *(f"  note: {note}" for note in self.notes),
            *(["Stopped; nothing is lost."] if self.interrupted else []),
        ]

    @property
    def next_step(self) -> str:
        """To go on where it stopped, to look for more, or to make a pack."""
        if self.interrupted:
            return "the same command again goes on from here"
        if self.next:
            return self.next
        if not self.holds:
            return "the same command with other words, another source or fewer limits"
        pack = Path("packs") / self.folder.name
        return shlex.join(["lookalike", "prepare", str(self.folder), "--to", str(pack)])


def _counts(counts: Mapping[str, int]) -> str:
    """``by 12, cc0 3`` and how many kinds more."""
    kinds = sorted(counts.items(), key=lambda item: -item[1])
    words = ", ".join(f"{kind} {count:,}" for kind, count in kinds[:_NAMED])
    return words + (f", and {len(kinds) - _NAMED} other kinds" if len(kinds) > _NAMED else "")


class CollectSession:
    """One request into one folder; use it as a context, then ask for what was collected.

    Args:
        to: the folder that grows.
        request: the name under which the folder counts this request's pictures.
        limits: bytes, pixels and sides.
        count: how many pictures of the request the folder should hold; None for all.
        tell: told "collecting", how many the request holds, and how many are wanted (0: unknown).

    Raises:
        RunLockedError: another process collects into the folder.
    """

    def __init__(
        self,
        to: Path,
        request: str,
        *,
        limits: Limits,
        count: int | None = None,
        tell: Tell = silent,
    ) -> None:
        self.collection = Collection(to)
        self.request, self.limits, self.count, self.tell = request, limits, count, tell
        self.added = self.known = self.same = 0
        self.refused: Counter[str] = Counter()
        self.licenses: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()
        self.stopped = "the source has no more"
        self.notes: list[str] = []
        self._started = time.monotonic()

    def __enter__(self) -> CollectSession:
        self.collection.__enter__()
        return self

    def __exit__(self, *problem: object) -> None:
        self.collection.__exit__(*problem)

    @property
    def holds(self) -> int:
        """How many pictures of this request are in the folder."""
        return self.collection.holds(self.request)

    def full(self) -> bool:
        """Whether a limit ends the run; ``stopped`` then says which."""
        added, most = self.collection.added_bytes, self.limits.total_mb
        if self.count is not None and self.holds >= self.count:
            self.stopped = f"the folder holds {self.holds} pictures of this request"
        elif most is not None and added >= most * 1e6:
            self.stopped = f"{added} bytes were added"
        else:
            return False
        return True

    def progress(self) -> None:
        """Tell how far it is."""
        self.tell("collecting", self.holds, self.count or 0)

    def accept(self, delivery: Delivery, facts: FileFacts) -> None:
        """Keep a picture that was looked at, unless its bytes are here already."""
        name = self.collection.add(delivery, facts, self.request)
        self._count(name, delivery.found.license, delivery.found.source)

    def adopt(self, folder: Path, line: Mapping[str, Any]) -> None:
        """Keep a picture of another collection, unless its bytes are here already."""
        name = self.collection.adopt(folder, line)
        self._count(name, line.get("license"), str(line.get("source")))

    def _count(self, name: str | None, license: str | None, source: str) -> None:
        """Count a picture that was kept under a name, or that was here already."""
        if name is None:
            self.same += 1
            return
        self.added += 1
        self.licenses[license or "not stated"] += 1
        self.sources[source] += 1
        self.progress()

    def refuse(self, found: Found, refusal: RefusedError) -> None:
        """Count and note why an address gave nothing."""
        self.refused[refusal.reason] += 1
        self.collection.refuse(found.url, str(refusal), final=refusal.final)

    def take(self, deliveries: Iterable[Delivery]) -> None:
        """Keep pictures whose bytes are here already, to the end, a limit, or Ctrl-C."""
        try:
            for delivery in deliveries:
                if self.full():
                    return
                self._take(delivery)
        except KeyboardInterrupt:
            self.stopped = "interrupted"

    def _take(self, delivery: Delivery) -> None:
        if self.collection.knows(delivery.found.url):
            self.known += 1
            return
        if delivery.attributes:
            self.collection.describe(f"{delivery.stem}.jpg", delivery.attributes)
        try:
            facts = inspect(delivery.data, self.limits)
        except RefusedError as refusal:
            self.refuse(delivery.found, refusal)
            return
        self.accept(delivery, facts)

    def collected(self) -> Collected:
        """What was done, for a person and for JSON."""
        return Collected(
            folder=self.collection.folder,
            request=self.request,
            added=self.added,
            holds=self.holds,
            known=self.known,
            same=self.same,
            refused=dict(self.refused.most_common()),
            licenses=dict(self.licenses.most_common()),
            sources=dict(self.sources.most_common()),
            bytes=self.collection.added_bytes,
            seconds=round(time.monotonic() - self._started, 3),
            stopped=self.stopped,
            notes=tuple(self.notes),
        )
