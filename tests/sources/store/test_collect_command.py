"""The verb as a person types it, against the local site."""

import json
from pathlib import Path

import pytest

from lookalike.cli.collect import app
from lookalike.errors import SourceError
from lookalike.sources.store.session import Collected


def _run(*words: str | Path) -> int:
    try:
        app([str(word) for word in words])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _list(site, tmp_path: Path, count: int = 3) -> Path:
    for number in range(count):
        site.picture(f"/{number}.png", number)
    listing = tmp_path / "list.txt"
    listing.write_text("\n".join(site.url(f"/{number}.png") for number in range(count + 1)))
    return listing


def test_the_end_of_a_collection_is_a_table_with_the_next_command(
    site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("urls", _list(site, tmp_path), "--to", tmp_path / "out", "--allow-private")
    assert _run(*words, "--delay", "0") == 0
    told = capsys.readouterr().out
    assert "added     3 pictures" in told
    assert "refused   1: status 404 1" in told
    assert "licenses  not stated 3" in told
    assert f"Next: lookalike prepare {tmp_path / 'out'}" in told
    assert _run(*words, "--delay", "0", "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["added"], again["holds"], again["known"]) == (0, 3, 4)
    assert again["folder"] == str(tmp_path / "out")


def test_nothing_collected_is_status_one(
    site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --allow-private our own machine is out of bounds."""
    assert _run("urls", _list(site, tmp_path), "--to", tmp_path / "out", "--delay", "0") == 1
    assert "refused  4: private address 4" in capsys.readouterr().out
    assert site.asked == []


@pytest.mark.slow
def test_limits_are_taken_from_the_words(
    site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("urls", _list(site, tmp_path), "--to", tmp_path / "out", "--allow-private")
    assert _run(*words, "--delay", "0", "--least-side", "100") == 1
    assert "too small 3" in capsys.readouterr().out
    assert _run(*words[:2], "--to", tmp_path / "b", "--allow-private", "--most-mb", "0.0001") == 1
    assert "too many bytes 3" in capsys.readouterr().out


def test_errors_are_ours_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there are celeba"):
        app(["set", "nothing", "--to", str(tmp_path / "out")])
    with pytest.raises(SourceError, match="is not there"):
        app(["urls", str(tmp_path / "no.txt"), "--to", str(tmp_path / "out")])
    assert not (tmp_path / "out" / "manifest.jsonl").exists()


def test_an_interruption_says_how_to_go_on() -> None:
    done = Collected(
        folder=Path("data/cats"),
        request="search: cats",
        added=2,
        holds=2,
        known=0,
        same=1,
        refused={f"reason {number}": number + 1 for number in range(7)},
        licenses={"by 2.0": 1, "cc0": 1},
        sources={"openverse": 1, "commons": 1},
        bytes=2_500_000,
        seconds=3.0,
        stopped="interrupted",
        notes=("a note",),
    )
    told = str(done)
    assert "2 pictures, 2.5 MB, in 3.0 s" in told
    assert "28: reason 6 7, reason 5 6, reason 4 5, reason 3 4, reason 2 3, and 2 other" in told
    assert "Next: the same command again goes on from here" in told
    assert "note: a note" in told
    assert done.interrupted
