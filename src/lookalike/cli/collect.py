"""lookalike collect: search, crawl, urls, set, import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

from lookalike.cli import output as show
from lookalike.results import table
from lookalike.settings.collect import (
    CollectSettings,
    CrawlSettings,
    ImportSettings,
    SearchSettings,
    SetSettings,
    UrlsSettings,
)

if TYPE_CHECKING:
    from lookalike.sources.store.session import Collected

app = App(
    name="collect",
    help="Pictures from search services, a site, a list, a public set. Each file gets a line in "
    "manifest.jsonl; the same command again adds only what is new.",
    help_format="plaintext",
    result_action="return_value",
)


@app.command
def search(query: str, /, *, settings: SearchSettings, json: show.Json = False) -> None:
    """Openly licensed pictures for a word, from Openverse and Wikimedia Commons.

    License, creator and link of each picture are kept in manifest.jsonl.

    Parameters
    ----------
    query
        What to look for. "Category:BMW logos" lists that category of Commons.
    """
    _run(query, settings, json)


@app.command
def crawl(url: str, /, *, settings: CrawlSettings, json: show.Json = False) -> None:
    """The pictures of a site. Obeys robots.txt and noai, goes slowly, stays on the site.

    Parameters
    ----------
    url
        The page to begin with.
    """
    _run(url, settings, json)


@app.command
def urls(list: Path, /, *, settings: UrlsSettings, json: show.Json = False) -> None:
    """The pictures of a list of any length: txt, csv, tsv, jsonl or parquet.

    A column named label or class makes class folders; license, creator and page are kept.

    Parameters
    ----------
    list
        The file with the addresses.
    """
    _run(list, settings, json)


@app.command(name="set")
def named(name: str, /, *, settings: SetSettings, json: show.Json = False) -> None:
    """A public set: celeba, cifar10, fashion-mnist, kmnist, lfw, mnist. Checked by its hashes.

    Classes become folders, attributes a table (attributes.csv) that 'prepare' reads.

    Parameters
    ----------
    name
        The set.
    """
    _run(name, settings, json)


@app.command(name="import")
def imported(folder: Path, /, *, settings: ImportSettings, json: show.Json = False) -> None:
    """What img2dataset fetched (for lists of many millions): its files or webdataset output.

    Parameters
    ----------
    folder
        The output folder of img2dataset.
    """
    _run(folder, settings, json)


def _run(what: str | Path, settings: CollectSettings, json: bool) -> None:
    """Collect and print; status 130 after Ctrl-C, 1 if the folder holds nothing of the request."""
    from lookalike import api

    with show.screen() as listener:
        done = api.collect(what, settings, listener=listener)
    show.result(done if json else "\n".join(collected_lines(done)), json)
    if done.interrupted:
        sys.exit(130)
    if not done.holds and not done.known:
        sys.exit(1)


def collected_lines(done: Collected) -> list[str]:
    """The end of a collection for a person."""
    size = f"{done.bytes / 1e6:.1f} MB" if done.bytes >= 1e5 else f"{done.bytes / 1e3:.1f} kB"
    rows = [
        ("added", f"{done.added:,} pictures, {size}, in {done.seconds:.1f} s"),
        ("now", f"{done.holds:,} of this request in {done.folder}"),
    ]
    if done.known:
        rows.append(("known", f"{done.known:,} were met before and not fetched again"))
    if done.same:
        rows.append(("same", f"{done.same:,} have the bytes of another picture and were left out"))
    if done.refused:
        rows.append(("refused", f"{sum(done.refused.values()):,}: {_counts(done.refused)}"))
    if done.licenses:
        rows.append(("licenses", _counts(done.licenses)))
    if len(done.sources) > 1:
        rows.append(("sources", _counts(done.sources)))
    rows.append(("ended", done.stopped))
    if done.holds:
        rows.append(("manifest", str(done.folder / "manifest.jsonl")))
    if done.refused:
        rows.append(("reasons", str(done.folder / ".collect" / "refused.jsonl")))
    lines = [f"{done.request}", *(f"  {line}" for line in table(rows))]
    lines += [f"  note: {note}" for note in done.notes]
    if done.interrupted:
        lines.append("Stopped; nothing is lost. The same command again goes on from here.")
    elif done.holds:
        lines.append(f"  next: lookalike prepare {done.folder} --to packs/{done.folder.name}")
    return lines


def _counts(counts: dict[str, int], most: int = 5) -> str:
    """``by 12, cc0 3`` and how many kinds more."""
    kinds = sorted(counts.items(), key=lambda item: -item[1])
    words = ", ".join(f"{kind} {count:,}" for kind, count in kinds[:most])
    return words + (f", and {len(kinds) - most} other kinds" if len(kinds) > most else "")
