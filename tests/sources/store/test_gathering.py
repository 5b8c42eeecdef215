"""Lists of addresses against the local site: the whole way from a row to a file."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer

import pytest

from lookalike.errors import SourceError
from lookalike.settings.collect import Columns, Limits, Manners, UrlsSettings
from lookalike.sources.http.web import Web
from lookalike.sources.store import gather
from lookalike.sources.store.collection import Collection, Found, read_lines
from lookalike.sources.store.gather import Gatherer
from lookalike.sources.store.session import CollectSession
from lookalike.stages import collect


def _lines(folder: Path) -> list[dict[str, object]]:
    return list(read_lines(folder / "manifest.jsonl"))


def _urls(tmp_path: Path, addresses: list[str], **how: object) -> collect.Collected:
    listing = tmp_path / "list.txt"
    listing.write_text("\n".join(addresses))
    return collect.urls(listing, UrlsSettings(to=tmp_path / "out", **how))


def test_a_list_becomes_pictures_and_a_second_run_asks_for_nothing(
    site, quick: Manners, limits: Limits, tmp_path: Path
) -> None:
    data = [site.picture(f"/{i}.png", i) for i in range(5)]
    addresses = [site.url(f"/{i}.png") for i in range(5)]
    told: list[tuple[str, int, int]] = []
    listing = tmp_path / "list.txt"
    listing.write_text("# mine\n" + "\n".join(addresses) + "\n\n")
    settings = UrlsSettings(to=tmp_path / "out", limits=limits, manners=quick)
    first = collect.urls(listing, settings, lambda *news: told.append(news))
    assert (first.added, first.holds, first.known) == (5, 5, 0)
    kept = {path.read_bytes() for path in (tmp_path / "out").glob("*.png")}
    assert kept == set(data)
    assert told[-1] == ("collecting", 5, 0)
    asked = len(site.asked)
    second = collect.urls(listing, settings)
    assert (second.added, second.holds, second.known) == (0, 5, 5)
    assert len(site.asked) == asked
    assert len(_lines(tmp_path / "out")) == 5


def test_a_grown_list_adds_only_what_is_new(
    site, quick: Manners, limits: Limits, tmp_path: Path
) -> None:
    for i in range(4):
        site.picture(f"/{i}.png", i)
    addresses = [site.url(f"/{i}.png") for i in range(4)]
    _urls(tmp_path, addresses[:2], limits=limits, manners=quick)
    grown = _urls(tmp_path, addresses, limits=limits, manners=quick)
    assert (grown.added, grown.known, grown.holds) == (2, 2, 4)
    assert site.count("/0.png") == 1


def test_each_kind_of_trap_is_refused_with_its_reason_and_the_rest_comes_in(
    site, quick: Manners, limits: Limits, tmp_path: Path
) -> None:
    good = site.picture("/good.png", 1)
    site.put("/robots.txt", "User-agent: *\nDisallow: /private/", "text/plain")
    site.picture("/private/a.png", 2)
    site.put("/page.jpg", "<html>sorry</html>", "image/jpeg")
    site.put("/lying.jpg", site.png(3), "text/plain")
    site.put("/huge.png", bytes(300_000), "image/png")
    site.put("/tiny.png", site.png(4, side=8), "image/png")
    site.put("/wide.png", site.png(5, side=1200), "image/png")
    site.put("/half.png", site.png(6)[:200], "image/png")
    site.put("/noai.png", site.png(7), "image/png", headers={"x-robots-tag": "noai"})
    site.put("/same.png", good, "image/png")
    site.put("/moved.png", status=302, headers={"location": "/lying.jpg?moved"})
    site.put("/trap.png", status=302, headers={"location": "file:///etc/passwd"})
    names = "good private/a page lying huge tiny wide half noai moved trap gone"
    endings = {"page": "jpg", "lying": "jpg"}
    addresses = [site.url(f"/{name}.{endings.get(name, 'png')}") for name in names.split()]
    addresses += ["file:///etc/passwd", "nonsense"]
    done = _urls(tmp_path, addresses, limits=limits, manners=quick)
    same = _urls(tmp_path, [site.url("/same.png")], limits=limits, manners=quick)
    assert done.refused == {
        "forbidden by robots.txt": 1,
        "not a picture": 1,
        "too many bytes": 1,
        "too small": 1,
        "too many pixels": 1,
        "broken picture": 1,
        "opted out": 1,
        "not http or https": 3,
        "status 404": 1,
    }
    assert (done.added, done.same, same.added, same.same) == (2, 1, 0, 1)
    files = {line["file"] for line in _lines(tmp_path / "out")}
    assert len(files) == 2
    assert all(str(name).endswith(".png") for name in files)
    assert "/private/a.png" not in site.asked
    reasons = list(read_lines(tmp_path / "out/.collect/refused.jsonl"))
    assert {"url": site.url("/gone.png"), "final": True}.items() <= next(
        line for line in reasons if str(line["url"]).endswith("gone.png")
    ).items()
    json.dumps(done.as_dict())


def test_what_failed_for_now_is_asked_again_and_what_failed_for_good_is_not(
    site, quick: Manners, limits: Limits, tmp_path: Path
) -> None:
    site.put("/ill.png", status=500)
    addresses = [site.url("/ill.png"), site.url("/gone.png")]
    _urls(tmp_path, addresses, limits=limits, manners=quick)
    site.picture("/ill.png", 1)
    site.picture("/gone.png", 2)
    again = _urls(tmp_path, addresses, limits=limits, manners=quick)
    assert (again.added, again.known) == (1, 1)


def test_private_addresses_are_refused_in_a_list_and_allowed_later(
    site, quick: Manners, limits: Limits, tmp_path: Path
) -> None:
    site.picture("/a.png", 1)
    closed = replace(quick, allow_private=False)
    done = _urls(tmp_path, [site.url("/a.png")], limits=limits, manners=closed)
    assert done.refused == {"private address": 1}
    assert site.asked == []
    allowed = _urls(tmp_path, [site.url("/a.png")], limits=limits, manners=quick)
    assert allowed.added == 1


def test_the_count_is_reached_exactly_and_can_be_raised(
    site, quick: Manners, limits: Limits, tmp_path: Path
) -> None:
    for i in range(9):
        site.picture(f"/{i}.png", i)
    addresses = [site.url(f"/{i}.png") for i in range(9)]
    few = _urls(tmp_path, addresses, limits=limits, count=3, manners=quick)
    assert (few.added, few.holds) == (3, 3)
    assert "holds 3" in few.stopped
    assert len([asked for asked in site.asked if asked.endswith(".png")]) == 3
    more = _urls(tmp_path, addresses, limits=limits, count=5, manners=quick)
    assert (more.added, more.holds) == (2, 5)


def test_the_total_of_bytes_ends_a_run(
    site, quick: Manners, limits: Limits, tmp_path: Path
) -> None:
    for i in range(20):
        site.picture(f"/{i}.png", i)
    bounded = replace(limits, total_mb=0.0009)
    one_by_one = replace(quick, together=1)
    addresses = [site.url(f"/{i}.png") for i in range(20)]
    done = _urls(tmp_path, addresses, limits=bounded, manners=one_by_one)
    assert 900 <= done.bytes < 2000
    assert "bytes were added" in done.stopped


def test_a_host_that_asks_for_a_long_wait_is_left_alone_until_the_next_run(
    site, quick: Manners, limits: Limits, tmp_path: Path
) -> None:
    for i in range(6):
        site.put(f"/{i}.png", status=429, headers={"retry-after": "900"})
    addresses = [site.url(f"/{i}.png") for i in range(6)]
    manners = replace(quick, per_host=1)
    done = _urls(tmp_path, addresses, limits=limits, manners=manners, robots=False)
    assert done.refused == {"host asked to wait": 6}
    assert len(site.asked) == 1
    assert "asked us to wait" in done.notes[0]
    for i in range(6):
        site.picture(f"/{i}.png", i)
    assert _urls(tmp_path, addresses, limits=limits, manners=manners, robots=False).added == 6


def test_no_host_gets_more_requests_at_once_than_agreed(
    site, quick: Manners, limits: Limits, tmp_path: Path
) -> None:
    now, most, free = [0], [0], Event()

    def write(handler) -> None:
        now[0] += 1
        most[0] = max(most[0], now[0])
        free.wait(0.05)
        now[0] -= 1
        handler.wfile.write(site.png(int(handler.path[1:-4])))

    for i in range(6):
        site.put(f"/{i}.png", kind="image/png", headers={"content-length": ""}, write=write)
    manners = replace(quick, per_host=2, together=8)
    addresses = [site.url(f"/{i}.png") for i in range(6)]
    done = _urls(tmp_path, addresses, limits=limits, manners=manners, robots=False)
    assert done.added == 6
    assert most[0] == 2


def test_ctrl_c_keeps_what_is_there_and_the_same_command_goes_on(
    site, quick: Manners, limits: Limits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(4):
        site.picture(f"/{i}.png", i)
    addresses = [site.url(f"/{i}.png") for i in range(4)]
    add = Collection.add

    def interrupted(self: Collection, *given: object, **named: object) -> object:
        name = add(self, *given, **named)
        raise KeyboardInterrupt if name else AssertionError

    monkeypatch.setattr(Collection, "add", interrupted)
    first = _urls(tmp_path, addresses, limits=limits, manners=quick)
    assert first.interrupted
    assert len(_lines(tmp_path / "out")) == 1
    monkeypatch.setattr(Collection, "add", add)
    second = _urls(tmp_path, addresses, limits=limits, manners=quick)
    assert (second.holds, second.known) == (4, 1)


def test_a_source_without_end_is_read_no_further_than_needed(
    site, quick: Manners, limits: Limits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "WINDOW", 8)
    site.put("/p", b"", "image/png")
    read = [0]

    def endless() -> Iterator[Found]:
        while True:
            read[0] += 1
            path = f"/{read[0]}.png"
            site.picture(path, read[0])
            yield Found(url=site.url(path), source="test")

    with Web(quick) as web, CollectSession(tmp_path, "r", limits=limits, count=5) as session:
        Gatherer(web, session).run(endless())
    assert session.added == 5
    assert read[0] <= 5 + 8 + 8 + 2


def test_a_source_that_fails_before_anything_came_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not there"):
        collect.urls(tmp_path / "no.txt", UrlsSettings(to=tmp_path / "out"))
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{nonsense\n")
    with pytest.raises(SourceError, match="line 1 is not JSON"):
        collect.urls(broken, UrlsSettings(to=tmp_path / "out"))


def test_a_table_gives_class_folders_and_keeps_the_rights(
    site, quick: Manners, limits: Limits, tmp_path: Path
) -> None:
    for i in range(3):
        site.picture(f"/{i}.png", i)
    table = tmp_path / "logos.csv"
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Image_URL", "label", "license", "author"])
        rows.writerow([site.url("/0.png"), "BMW", "CC0", "Ann, B."])
        rows.writerow([site.url("/1.png"), "../../etc", "", ""])
        rows.writerow([site.url("/2.png"), "", "by 2.0", "Bob"])
    done = collect.urls(table, UrlsSettings(to=tmp_path / "out", limits=limits, manners=quick))
    assert done.licenses == {"CC0": 1, "by 2.0": 1, "not stated": 1}
    lines = {str(line["url"])[-5]: line for line in _lines(tmp_path / "out")}
    assert str(lines["0"]["file"]).startswith("BMW/")
    assert (lines["0"]["creator"], lines["0"]["license"]) == ("Ann, B.", "CC0")
    assert "/" not in str(lines["2"]["file"])
    folders = {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()}
    assert len(folders) == 3
    assert not (tmp_path / "etc").exists()


def test_rows_are_skipped_and_columns_named(
    site, quick: Manners, limits: Limits, tmp_path: Path
) -> None:
    for i in range(3):
        site.picture(f"/{i}.png", i)
    listing = tmp_path / "list.jsonl"
    rows = [{"where": site.url(f"/{i}.png"), "kind": "k"} for i in range(3)]
    listing.write_text("\n".join(map(json.dumps, rows)))
    settings = UrlsSettings(
        to=tmp_path / "out",
        columns=Columns(url_column="where", label_column="kind"),
        skip=1,
        limits=limits,
        manners=quick,
    )
    assert collect.urls(listing, settings).added == 2
    assert site.count("/0.png") == 0
    wrong = replace(settings, columns=Columns(url_column="nowhere"), to=tmp_path / "other")
    with pytest.raises(SourceError, match="columns where, kind, but not 'nowhere'"):
        collect.urls(listing, wrong)


def test_a_parquet_list_is_read_in_pieces(
    site, quick: Manners, limits: Limits, tmp_path: Path
) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for i in range(3):
        site.picture(f"/{i}.png", i)
    table = arrow.table(
        {"url": [site.url(f"/{i}.png") for i in range(3)], "big": ["x"] * 3, "label": list("aab")}
    )
    parquet.write_table(table, tmp_path / "list.parquet")
    done = collect.urls(
        tmp_path / "list.parquet",
        UrlsSettings(to=tmp_path / "out", limits=limits, manners=quick),
    )
    assert done.added == 3
    assert len(list((tmp_path / "out" / "a").iterdir())) == 2


@pytest.mark.slow
def test_a_closed_program_leaves_no_thread_that_works(
    site, quick: Manners, limits: Limits, tmp_path: Path
) -> None:
    """Ctrl-C in the middle of a silent host ends within a second, not at its time-out."""
    done = Event()
    site.put("/q.png", headers={"content-length": "9"}, write=lambda handler: done.wait(20))
    manners = replace(quick, timeout=60, total=60)
    with Web(manners) as web, CollectSession(tmp_path, "r", limits=limits) as session:
        Timer(0.2, web.stop).start()
        Gatherer(web, session).run(iter([Found(url=site.url("/q.png"), source="test")]))
    done.set()
    assert session.refused.total() == 1
