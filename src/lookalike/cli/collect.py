"""lookalike collect: search, crawl, urls, set, import."""

from __future__ import annotations

import sys
from pathlib import Path

from cyclopts import App

from lookalike.cli import output as show
from lookalike.settings.collect import (
    CollectSettings,
    CrawlSettings,
    ImportSettings,
    SearchSettings,
    SetSettings,
    UrlsSettings,
)

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
    show.result(done, json)
    if done.interrupted:
        sys.exit(130)
    if not done.holds and not done.known:
        sys.exit(1)
