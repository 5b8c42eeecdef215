"""Stand-ins for the services, shaped by their public documentation (Openverse's API examples,
MediaWiki's API:Imageinfo and a recorded answer of Commons)."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from lookalike.errors import SourceError
from lookalike.settings.collect import ALL_LICENSES, FREE_LICENSES, Manners, SearchSettings
from lookalike.sources.search.services import license_code, plain
from lookalike.sources.store.collection import read_lines
from lookalike.stages import collect


def _openverse_row(site, number: int, **other: object) -> dict[str, object]:
    name = f"id-{number}"
    return {
        "id": name,
        "title": f"Tree Bark {number}",
        "indexed_on": "2019-01-08T13:31:31.000000Z",
        "foreign_landing_url": f"https://stocksnap.example/photo/{number}",
        "url": site.url(f"/ov/{number}.png"),
        "creator": "Tim Sullivan",
        "creator_url": "https://www.example.com/tim",
        "license": "by",
        "license_version": "2.0",
        "license_url": "https://creativecommons.org/licenses/by/2.0/",
        "provider": "stocksnap",
        "source": "stocksnap",
        "category": "photograph",
        "filesize": 896128,
        "filetype": "jpg",
        "tags": [{"name": "tree", "accuracy": None, "unstable__provider": "stocksnap"}],
        "attribution": '"Tree Bark" by Tim Sullivan is licensed under CC BY 2.0.',
        "fields_matched": ["title"],
        "mature": False,
        "height": 72,
        "width": 72,
        "thumbnail": f"https://api.openverse.org/v1/images/{name}/thumb/",
        "detail_url": f"https://api.openverse.org/v1/images/{name}/",
        "related_url": f"https://api.openverse.org/v1/images/{name}/related/",
        "unstable__sensitivity": [],
        **other,
    }


def _openverse(site, rows: list[dict[str, object]], page: int, pages: int) -> str:
    answer = {
        "result_count": 240,
        "page_count": pages,
        "page_size": 20,
        "page": page,
        "results": rows,
    }
    return json.dumps(answer)


def _commons_page(site, number: int, **info: object) -> dict[str, object]:
    def said(value: str) -> dict[str, str]:
        return {"value": value, "source": "commons-desc-page", "hidden": ""}

    return {
        "pageid": 1000 + number,
        "ns": 6,
        "title": f"File:Apple Lisa {number}.jpg",
        "index": number,
        "imagerepository": "local",
        "imageinfo": [
            {
                "size": 1353326,
                "width": 3746,
                "height": 2400,
                "thumburl": site.url(f"/thumb/{number}.png"),
                "thumbwidth": 960,
                "thumbheight": 615,
                "url": site.url(f"/full/{number}.png"),
                "descriptionurl": f"https://commons.wikimedia.org/wiki/File:Apple_{number}.jpg",
                "mime": "image/jpeg",
                "extmetadata": {
                    "Artist": said('<a href="//x" title="User:Rama">Rama</a> &amp; Musée Bolo'),
                    "LicenseShortName": said("CC BY-SA 2.0 fr"),
                    "LicenseUrl": said("https://creativecommons.org/licenses/by-sa/2.0/fr/"),
                    "License": said("cc-by-sa-2.0-fr"),
                    "Restrictions": said("trademarked"),
                },
                **info,
            }
        ],
    }


def _commons(pages: list[dict[str, object]], more: dict[str, object] | None = None) -> str:
    answer = {"batchcomplete": more is None, "query": {"pages": pages}}
    return json.dumps(answer | ({"continue": more} if more else {}))


def _search(
    site, tmp_path: Path, quick: Manners, query: str = "tree bark", **how: object
) -> collect.Collected:
    addresses = (("openverse", site.url("/v1/images/")), ("commons", site.url("/w/api.php")))
    given = {"to": tmp_path / "out", "manners": quick, "addresses": addresses, **how}
    return collect.search(query, SearchSettings(**given))


def test_openverse_is_paged_and_the_rights_are_kept(site, quick: Manners, tmp_path: Path) -> None:
    for number in range(3):
        site.picture(f"/ov/{number}.png", number)
    first = [_openverse_row(site, 0), _openverse_row(site, 1)]
    second = [_openverse_row(site, 2, license="cc0", license_version="1.0", creator=None)]
    second.append(_openverse_row(site, 9, mature=True))
    base = "/v1/images/?q=tree+bark&license=cc0%2Cpdm%2Cby%2Cby-sa&page={}&page_size=20"
    site.put(base.format(1), _openverse(site, first, 1, 2), "application/json")
    site.put(base.format(2), _openverse(site, second, 2, 2), "application/json")
    done = _search(site, tmp_path, quick, source=("openverse",))
    assert done.licenses == {"by 2.0": 2, "cc0 1.0": 1}
    line = next(
        line
        for line in read_lines(tmp_path / "out/manifest.jsonl")
        if line["url"] == site.url("/ov/0.png")
    )
    expected = {
        "source": "openverse",
        "page": "https://stocksnap.example/photo/0",
        "license": "by 2.0",
        "license_url": "https://creativecommons.org/licenses/by/2.0/",
        "creator": "Tim Sullivan",
        "creator_url": "https://www.example.com/tim",
        "title": "Tree Bark 0",
        "request": "search: tree bark",
    }
    assert expected.items() <= line.items()
    assert "Tim Sullivan is licensed" in line["notes"]["attribution"]
    assert site.count("/v1/images/") == 2


def test_openverse_without_license_filter_for_others_names_its_own_codes(
    site, quick: Manners, tmp_path: Path
) -> None:
    site.put("/v1/images/", _openverse(site, [], 1, 0), "application/json")
    done = _search(site, tmp_path, quick, source=("openverse",), license=ALL_LICENSES)
    assert done.added == 0
    asked = parse_qs(urlsplit(site.asked[0]).query)
    assert asked["license"] == ["cc0,pdm,by,by-sa,by-nc,by-nc-sa,by-nd,by-nc-nd"]


def test_openverse_pages_that_end_in_an_error_end_the_search(
    site, quick: Manners, tmp_path: Path
) -> None:
    site.picture("/ov/0.png", 0)
    site.put("/v1/images/", json.dumps({"detail": "no more"}), "application/json", status=400)
    base = "/v1/images/?q=tree+bark&license=cc0%2Cpdm%2Cby%2Cby-sa&page=1&page_size=20"
    rows = [_openverse_row(site, 0)]
    site.put(base, _openverse(site, rows, 1, 12), "application/json")
    done = _search(site, tmp_path, quick, source=("openverse",))
    assert (done.added, done.stopped) == (1, "the source has no more")


def _artwork(site, number: int, **other: object) -> dict[str, object]:
    return {
        "id": 90000 + number,
        "accession_number": f"1958.{number}",
        "share_license_status": "CC0",
        "title": f"Stag {number}",
        "type": "Painting",
        "url": f"https://clevelandart.org/art/1958.{number}",
        "creators": [{"description": "George Bellows (American, 1882-1925)", "role": "artist"}],
        "images": {
            "web": {"url": site.url(f"/cma/{number}.png"), "width": "893", "height": "724"},
            "print": {"url": site.url("/never.jpg"), "width": "3400", "height": "2757"},
        },
        **other,
    }


def test_cleveland_is_paged_and_gives_open_works_alone(
    site, quick: Manners, tmp_path: Path
) -> None:
    for number in range(100):
        site.picture(f"/cma/{number}.png", number)
    held = [_artwork(site, number) for number in range(98)]
    held += [_artwork(site, 98, share_license_status="Copyrighted"), _artwork(site, 99, images={})]
    last = [_artwork(site, 98, creators=[])]
    base = "/api/artworks/?q=tree+bark&cc0=1&has_image=1&limit=100&skip={}"
    for skip, rows in ((0, held), (100, last)):
        answer = {"info": {"total": 101, "parameters": {}}, "data": rows}
        site.put(base.format(skip), json.dumps(answer), "application/json")
    where = (("cleveland", site.url("/api/artworks/")),)
    cleveland = {"source": ("cleveland",), "addresses": where}
    done = _search(site, tmp_path, quick, **cleveland)
    assert (done.added, done.licenses, done.stopped) == (
        99,
        {"CC0 1.0": 99},
        "the source has no more",
    )
    line = next(read_lines(tmp_path / "out/manifest.jsonl"))
    assert str(line["title"]).startswith("Stag ")
    assert line["license_url"] == "https://creativecommons.org/publicdomain/zero/1.0/"
    assert line["creator"] == "George Bellows (American, 1882-1925)"
    assert str(line["page"]).startswith("https://clevelandart.org/art/1958.")
    assert site.count("/api/artworks/") == 2
    assert site.count("/never.jpg") == 0
    other = {**cleveland, "license": ("by",), "to": tmp_path / "b"}
    assert _search(site, tmp_path, quick, query="x", **other).added == 0


def test_commons_follows_continue_takes_thumbnails_and_plain_words(
    site, quick: Manners, tmp_path: Path
) -> None:
    for number in range(1, 5):
        site.picture(f"/thumb/{number}.png", number)
        site.picture(f"/full/{number}.png", 10 + number)
    svg = {"mime": "image/svg+xml", "width": 100, "url": site.url("/full/drawing.svg")}
    small = {"width": 200, "height": 100}
    video = {"mime": "video/webm"}
    one = [_commons_page(site, 2, **svg), _commons_page(site, 1)]
    two = [_commons_page(site, 3, **small), _commons_page(site, 4, **video)]
    more = {"gsroffset": 50, "continue": "gsroffset||"}
    site.put("/w/api.php", _commons(two), "application/json")
    key = "/w/api.php"
    first = _commons(one, more)
    site.routes[key].then = site.routes[key].body
    site.routes[key].body = first.encode()
    done = _search(site, tmp_path, quick, source=("commons",))
    lines = list(read_lines(tmp_path / "out/manifest.jsonl"))
    assert sorted(urlsplit(str(line["url"])).path for line in lines) == [
        "/full/3.png",
        "/thumb/1.png",
        "/thumb/2.png",
    ]
    line = next(line for line in lines if "thumb/1" in str(line["url"]))
    expected = {
        "source": "commons",
        "license": "CC BY-SA 2.0 fr",
        "license_url": "https://creativecommons.org/licenses/by-sa/2.0/fr/",
        "creator": "Rama & Musée Bolo",
        "page": "https://commons.wikimedia.org/wiki/File:Apple_1.jpg",
        "notes": {"restrictions": "trademarked"},
    }
    assert expected.items() <= line.items()
    asked = [parse_qs(urlsplit(path).query) for path in site.asked if path.startswith(key)]
    assert asked[0]["gsrsearch"] == ["filetype:bitmap|drawing tree bark"]
    assert (asked[0]["gsrnamespace"], asked[0]["iiurlwidth"]) == (["6"], ["960"])
    assert "gsroffset" not in asked[0]
    assert asked[1]["gsroffset"] == ["50"]
    assert any("--contact" in note for note in done.notes)


def test_a_category_of_commons_is_listed(site, quick: Manners, tmp_path: Path) -> None:
    site.put("/w/api.php", _commons([]), "application/json")
    _search(site, tmp_path, quick, source=("commons",), query="Category:BMW logos")
    asked = parse_qs(urlsplit(site.asked[0]).query)
    assert asked["generator"] == ["categorymembers"]
    assert asked["gcmtitle"] == ["Category:BMW logos"]


def test_licenses_outside_the_wish_are_left(site, quick: Manners, tmp_path: Path) -> None:
    site.picture("/thumb/1.png", 1)
    site.put("/w/api.php", _commons([_commons_page(site, 1)]), "application/json")
    done = _search(site, tmp_path, quick, source=("commons",), license=("cc0", "pdm"))
    assert done.added == 0
    assert site.count("/thumb/1.png") == 0


@pytest.mark.slow
def test_a_lagging_commons_is_waited_for_and_asked_again(
    site, quick: Manners, tmp_path: Path
) -> None:
    site.picture("/thumb/1.png", 1)
    lag = json.dumps({"error": {"code": "maxlag", "info": "Waiting for a host", "lag": 6}})
    later = _commons([_commons_page(site, 1)]).encode()
    headers = {"retry-after": "1"}
    site.put("/w/api.php", lag, "application/json", headers=headers, then=later)
    done = _search(site, tmp_path, quick, source=("commons",))
    assert done.added == 1
    assert site.count("/w/api.php") == 2


def test_both_services_take_turns_and_one_may_fail(site, quick: Manners, tmp_path: Path) -> None:
    for number in range(4):
        site.picture(f"/ov/{number}.png", number)
        site.picture(f"/thumb/{number}.png", 10 + number)
    rows = [_openverse_row(site, number) for number in range(4)]
    site.put("/v1/images/", _openverse(site, rows, 1, 1), "application/json")
    pages = [_commons_page(site, number) for number in range(4)]
    site.put("/w/api.php", _commons(pages), "application/json")
    first = _search(site, tmp_path, quick, count=4)
    assert first.sources == {"openverse": 2, "commons": 2}
    site.put("/w/api.php", "gone", status=404)
    done = _search(site, tmp_path, quick, count=4, to=tmp_path / "other")
    assert done.sources == {"openverse": 4}
    site.put("/v1/images/", "gone", status=404)
    with pytest.raises(SourceError, match=r"openverse.*commons"):
        _search(site, tmp_path, quick, count=4, to=tmp_path / "third")


def test_an_answer_of_another_shape_says_that_the_service_changed(
    site, quick: Manners, tmp_path: Path
) -> None:
    site.put("/v1/images/", json.dumps({"items": []}), "application/json")
    with pytest.raises(SourceError, match="API has changed"):
        _search(site, tmp_path, quick, source=("openverse",))


def test_unknown_sources_and_licenses_are_answered_with_the_known(
    site, quick: Manners, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="openverse, commons"):
        _search(site, tmp_path, quick, source=("google",))
    with pytest.raises(SourceError, match="'gpl'; there are cc0"):
        _search(site, tmp_path, quick, license=("gpl",))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CC BY-SA 2.0 fr", "by-sa"),
        ("cc-by-sa-4.0", "by-sa"),
        ("CC BY 3.0", "by"),
        ("by 2.0", "by"),
        ("CC0", "cc0"),
        ("Cc-zero", "cc0"),
        ("Public domain", "pdm"),
        ("pd", "pdm"),
        ("PD-textlogo", "pdm"),
        ("CC BY-NC-ND 4.0", "by-nc-nd"),
        ("CC BY-NC 2.0", "by-nc"),
        ("GFDL", "other"),
        ("Bytes", "other"),
        ("Copyrighted free use", "other"),
        ("", "other"),
    ],
)
def test_license_names_have_one_code(text: str, code: str) -> None:
    assert license_code(text) == code


def test_the_default_licenses_allow_changes_and_commerce() -> None:
    assert not any("nc" in code or "nd" in code for code in FREE_LICENSES)


def test_html_becomes_plain_words() -> None:
    assert plain('<a href="//x">Rama</a> &amp; <b>Mus&eacute;e</b>\n Bolo') == "Rama & Musée Bolo"
    assert plain("<i>unclosed") == "unclosed"
