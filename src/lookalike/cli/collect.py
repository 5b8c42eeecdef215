"""lookalike collect: search, crawl, urls, set, import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from lookalike.cli import output as show
from lookalike.cli.collect_options import (
    BOUNDS,
    NAMING,
    POLITE,
    BoundsOptions,
    NamingOptions,
    PolitenessOptions,
)
from lookalike.results import table

if TYPE_CHECKING:
    from lookalike.sources.store.work import Collected
    from lookalike.stages.collect import Request

Count = Annotated[int, Parameter(name=["-n", "--count"])]
Maybe = Annotated[int | None, Parameter(name=["-n", "--count"])]
Flag = Annotated[bool, Parameter(negative="")]
Several = Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")]

app = App(
    name="collect",
    help="Pictures from search services, a site, a list, a public set. Each file gets a line in "
    "manifest.jsonl; the same command again adds only what is new.",
    help_format="plaintext",
    result_action="return_value",
)


@app.command
def search(
    query: str,
    /,
    *,
    to: Path,
    n: Count = 100,
    source: Several = None,
    license: Several = None,
    bounds: BoundsOptions = BOUNDS,
    polite: PolitenessOptions = POLITE,
    json: show.Json = False,
) -> None:
    """Openly licensed pictures for a word, from Openverse and Wikimedia Commons.

    License, creator and link of each picture are kept in manifest.jsonl.

    Parameters
    ----------
    query
        What to look for. "Category:BMW logos" lists that category of Commons.
    to
        The folder that is filled.
    n
        How many pictures of this query the folder should hold, all runs together.
    source
        openverse, commons (the default: both in turn), cleveland (works of art, all CC0).
    license
        Licenses to take: cc0 pdm by by-sa by-nc by-nc-sa by-nd by-nc-nd other, or any.
        Default: cc0 pdm by by-sa, which allow changed copies and commercial use.
    """
    from lookalike.sources.search.services import ALL, FREE
    from lookalike.stages import collect

    licenses = ALL if license == ["any"] else tuple(license or FREE)
    settings = collect.Search(
        query=query,
        to=to,
        sources=tuple(source or ("openverse", "commons")),
        licenses=licenses,
        limits=bounds.limits(n),
        manners=polite.manners(1.0),
    )
    _run(settings, json)


@app.command
def crawl(
    url: str,
    /,
    *,
    to: Path,
    n: Count = 500,
    depth: int = 1,
    pages: int = 1000,
    also: Several = None,
    any_host: Flag = False,
    render: Flag = False,
    browser: Path | None = None,
    bounds: BoundsOptions = BOUNDS,
    polite: PolitenessOptions = POLITE,
    json: show.Json = False,
) -> None:
    """The pictures of a site. Obeys robots.txt and noai, goes slowly, stays on the site.

    Parameters
    ----------
    url
        The page to begin with.
    to
        The folder that is filled.
    n
        How many pictures of this site the folder should hold, all runs together.
    depth
        0: this page alone. 1: the pages it links to as well. And so on.
    pages
        The most pages to read.
    also
        Further hosts that belong to the site, such as its server for pictures.
    any_host
        Take pictures from whatever host the pages show them.
    render
        Draw each page in a headless Chromium: for pages that need JavaScript. Scrolls to the end
        and presses "load more".
    browser
        The Chromium or Chrome to use. Default: the one that is installed.
    """
    from lookalike.sources.crawl.process import Job
    from lookalike.stages import collect

    job = Job(
        url=url,
        depth=depth,
        pages=pages,
        also=tuple(also or ()),
        any_host=any_host,
        render=render,
        browser=browser,
    )
    settings = collect.Crawl(job=job, to=to, limits=bounds.limits(n), manners=polite.manners(1.0))
    _run(settings, json)


@app.command
def urls(
    list: Path,
    /,
    *,
    to: Path,
    n: Maybe = None,
    skip: int = 0,
    columns: NamingOptions = NAMING,
    robots: bool = True,
    bounds: BoundsOptions = BOUNDS,
    polite: PolitenessOptions = POLITE,
    json: show.Json = False,
) -> None:
    """The pictures of a list of any length: txt, csv, tsv, jsonl or parquet.

    A column named label or class makes class folders; license, creator and page are kept.

    Parameters
    ----------
    list
        The file with the addresses.
    to
        The folder that is filled.
    n
        How many pictures of this list the folder should hold. Default: all.
    skip
        Pass over so many rows at the beginning.
    robots
        Obey robots.txt.
    """
    from lookalike.stages import collect

    settings = collect.Urls(
        list=list,
        to=to,
        columns=columns.columns(),
        skip=skip,
        limits=bounds.limits(n),
        manners=polite.manners(0.5, robots),
    )
    _run(settings, json)


@app.command(name="set")
def named(
    name: str,
    /,
    *,
    to: Path,
    files: Path | None = None,
    mirror: str | None = None,
    n: Maybe = None,
    part: str = "all",
    trust: Flag = False,
    bounds: BoundsOptions = BOUNDS,
    polite: PolitenessOptions = POLITE,
    json: show.Json = False,
) -> None:
    """A public set: celeba, cifar10, fashion-mnist, kmnist, lfw, mnist. Checked by its hashes.

    Classes become folders, attributes a table (attributes.csv) that 'prepare' reads.

    Parameters
    ----------
    name
        The set.
    to
        The folder that is filled.
    files
        The folder with your download of the set's files, as they are (not unpacked).
    mirror
        Or a server that has these files: --mirror https://example.org/mnist
    n
        How many pictures. Default: all.
    part
        train, valid, test or all.
    trust
        Take files whose hash is not the published one.
    """
    from lookalike.stages import collect

    settings = collect.NamedSet(
        name=name,
        to=to,
        files=files,
        mirror=mirror,
        part=part,
        trust=trust,
        limits=bounds.limits(n, least=1),
        manners=polite.manners(0.5),
    )
    _run(settings, json)


@app.command(name="import")
def imported(
    folder: Path,
    /,
    *,
    to: Path,
    n: Maybe = None,
    columns: NamingOptions = NAMING,
    bounds: BoundsOptions = BOUNDS,
    json: show.Json = False,
) -> None:
    """What img2dataset fetched (for lists of many millions): its files or webdataset output.

    Parameters
    ----------
    folder
        The output folder of img2dataset.
    to
        The folder that is filled.
    n
        How many pictures. Default: all.
    """
    from lookalike.stages import collect

    settings = collect.Shards(
        folder=folder, to=to, columns=columns.columns(), limits=bounds.limits(n)
    )
    _run(settings, json)


def _run(request: Request, json: bool) -> None:
    """Collect and print; status 130 after Ctrl-C, 1 if the folder holds nothing of the request."""
    from lookalike import api

    with show.screen() as listener:
        done = api.collect(request, listener=listener)
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
