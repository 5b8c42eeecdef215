"""One run of collecting: the open folder, the tally, and what a person is told at the end."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from lookalike.errors import SourceError
from lookalike.progress import Tell
from lookalike.sources.http.refusals import RefusedError
from lookalike.sources.http.robots import Robots
from lookalike.sources.http.web import Web
from lookalike.sources.sets.members import Member
from lookalike.sources.sets.public_sets import PublicSet
from lookalike.sources.store.collection import Collection, Found
from lookalike.sources.store.gather import Gatherer, GatherTally, limit_reached
from lookalike.sources.store.inspect import Limits, inspect


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What a run of ``collect`` did.

    ``holds`` counts the pictures of this request in the folder, all runs together; ``known`` were
    met again, ``same`` had the bytes of another one; ``refused`` maps reasons to counts.
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

    @property
    def interrupted(self) -> bool:
        """Whether a person stopped it; the same command goes on from there."""
        return self.stopped == "interrupted"

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "folder": str(self.folder), "notes": list(self.notes)}


class Work:
    """One run into one folder; use it as a context, then ask for what was collected.

    Raises:
        RunLockedError: another process collects into the folder.
    """

    def __init__(self, to: Path, request: str, limits: Limits, tell: Tell) -> None:
        self.collection = Collection(to)
        self.request, self.limits, self.tell = request, limits, tell
        self.tally = GatherTally()
        self.notes: list[str] = []
        self._started = time.monotonic()

    def __enter__(self) -> Work:
        self.collection.__enter__()
        return self

    def __exit__(self, *problem: object) -> None:
        self.collection.__exit__(*problem)

    def gather(self, web: Web, found: Iterable[Found], *, robots: bool) -> None:
        """Fetch what the source finds.

        Raises:
            SourceError: the source failed, and the folder holds nothing of this request.
        """
        gatherer = Gatherer(
            web,
            self.collection,
            self.limits,
            request=self.request,
            tell=self.tell,
            robots=Robots(web) if robots else None,
        )
        self.tally = gatherer.run(found)
        trouble = self.tally.trouble
        if trouble is not None and not self.collection.holds(self.request):
            raise trouble
        if trouble is not None:
            self.notes.append(str(trouble))
        for host in sorted(self.tally.resting):
            self.notes.append(f"{host} asked us to wait; the same command later asks it again")

    def take(self, pairs: Iterator[tuple[Found, bytes]]) -> None:
        """Keep pictures whose bytes are here already."""
        try:
            for found, data in pairs:
                if self._full():
                    return
                self._take_one(found, data)
        except KeyboardInterrupt:
            self.tally.stopped = "interrupted"

    def take_set(self, public: PublicSet, members: Iterator[Member], part: str) -> None:
        """Keep the members of one part of a set, with their attributes in a table.

        Raises:
            SourceError: the set's files have no such part.
        """
        table = AttributeTable(self.collection.folder / "attributes.csv")
        with closing(table):
            try:
                for member in members:
                    if self._full():
                        return
                    if part in ("all", member.part):
                        self._take_member(public, member, table)
            except KeyboardInterrupt:
                self.tally.stopped = "interrupted"
        if not self.tally.added + self.tally.known + self.tally.refused.total():
            raise SourceError(
                f"{public.name} has no part {part!r} in these files (parts: train, valid, test; "
                "CelebA's need list_eval_partition.txt)."
            )

    def _take_member(self, public: PublicSet, member: Member, table: AttributeTable) -> None:
        found = Found(
            url=f"set:{public.name}/{member.stem}",
            source=f"set:{public.name}",
            page=public.page,
            title=member.title,
            license=public.terms,
            label=member.label,
            notes={"part": member.part} if member.part != "all" else {},
        )
        if member.attributes and not self.collection.knows(found.url):
            table.add(f"{member.stem}.jpg", member.attributes)
        self._take_one(found, member.data, stem=member.stem)

    def _take_one(self, found: Found, data: bytes, stem: str | None = None) -> None:
        if self.collection.knows(found.url):
            self.tally.known += 1
            return
        try:
            facts = inspect(data, self.limits)
        except RefusedError as refusal:
            self.tally.refused[refusal.reason] += 1
            self.collection.refuse(found.url, str(refusal), final=True)
            return
        if self.collection.add(found, data, facts, self.request, stem=stem) is None:
            self.tally.same += 1
            return
        self.tally.added += 1
        self.tally.licenses[found.license or "not stated"] += 1
        self.tally.sources[found.source] += 1
        self.tell("collecting", self.collection.holds(self.request), self.limits.count or 0)

    def _full(self) -> bool:
        reached = limit_reached(self.collection, self.limits, self.request)
        self.tally.stopped = reached or self.tally.stopped
        return reached is not None

    def collected(self) -> Collected:
        """What was done, for a person and for JSON."""
        tally = self.tally
        return Collected(
            folder=self.collection.folder,
            request=self.request,
            added=tally.added,
            holds=self.collection.holds(self.request),
            known=tally.known,
            same=tally.same,
            refused=dict(tally.refused.most_common()),
            licenses=dict(tally.licenses.most_common()),
            sources=dict(tally.sources.most_common()),
            bytes=self.collection.added_bytes,
            seconds=round(time.monotonic() - self._started, 3),
            stopped=tally.stopped,
            notes=tuple(self.notes),
        )


class AttributeTable:
    """``attributes.csv``: one row a picture (-1 becomes 0), appended to and never rewritten."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def add(self, name: str, attributes: Mapping[str, str]) -> None:
        """One row; the first writes the header too."""
        fresh = False
        if self._file is None:
            fresh = not self._path.exists()
            self._file = self._path.open("a", encoding="utf-8", newline="")
        writer = csv.writer(self._file)
        if fresh:
            writer.writerow(["file", *attributes])
        writer.writerow([name, *("0" if value == "-1" else value for value in attributes.values())])

    def close(self) -> None:
        """Write what is waiting."""
        if self._file is not None:
            self._file.close()
