import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import RunLockedError, SourceError
from lookalike.sources.store.collection import Collection, Delivery, Found, folder_name, read_lines
from lookalike.sources.store.picture_checks import FileFacts

FACTS = FileFacts("PNG", 72, 72)


def _found(url: str, **known: str) -> Found:
    return Found(url=url, source="test", **known)


def _delivery(found: Found, data: bytes) -> Delivery:
    return Delivery(found=found, data=data)


def _lines(folder: Path) -> list[dict[str, object]]:
    return list(read_lines(folder / "manifest.jsonl"))


def test_every_file_has_a_line_with_its_origin(tmp_path: Path) -> None:
    found = _found(
        "https://example.com/cat.jpg?x=1",
        page="https://example.com/",
        license="by 2.0",
        creator="Zoë",
        title="a cat",
    )
    with Collection(tmp_path) as collection:
        name = collection.add(_delivery(found, b"bytes"), FACTS, "cats")
    (line,) = _lines(tmp_path)
    assert name == line["file"] == "277089d91c0bdf4f2e68.png"
    assert (tmp_path / name).read_bytes() == b"bytes"
    assert line["sha256"].startswith("277089d91c0bdf4f2e68")
    expected = {"bytes": 5, "width": 72, "license": "by 2.0", "creator": "Zoë", "request": "cats"}
    assert expected.items() <= line.items()
    assert (line["url"], line["page"]) == (found.url, found.page)
    assert str(line["time"]).endswith("+00:00")


def test_the_same_bytes_from_another_address_are_kept_once(tmp_path: Path) -> None:
    with Collection(tmp_path) as collection:
        assert collection.add(_delivery(_found("http://a/1"), b"same"), FACTS, "r") is not None
        assert collection.add(_delivery(_found("http://b/2"), b"same"), FACTS, "r") is None
        assert collection.knows("http://b/2")
    assert len(_lines(tmp_path)) == 1


def test_a_second_run_remembers_what_was_kept_and_what_was_refused(tmp_path: Path) -> None:
    with Collection(tmp_path) as collection:
        collection.add(_delivery(_found("http://a/1"), b"one"), FACTS, "r")
        collection.refuse("http://a/bad", "not a picture", final=True)
        collection.refuse("http://a/slow", "too slow", final=False)
    with Collection(tmp_path) as collection:
        assert collection.knows("http://a/1")
        assert collection.knows("http://a/bad")
        assert not collection.knows("http://a/slow")
        assert collection.add(_delivery(_found("http://c/3"), b"one"), FACTS, "r") is None


def test_a_deleted_picture_is_not_fetched_again_and_does_not_count(tmp_path: Path) -> None:
    with Collection(tmp_path) as collection:
        name = collection.add(_delivery(_found("http://a/1"), b"one"), FACTS, "r")
        collection.add(_delivery(_found("http://a/2"), b"two"), FACTS, "r")
    (tmp_path / str(name)).unlink()
    with Collection(tmp_path) as collection:
        assert collection.knows("http://a/1")
        assert collection.holds("r") == 1


def test_a_torn_last_line_spoils_neither_the_old_nor_the_new(tmp_path: Path) -> None:
    with Collection(tmp_path) as collection:
        collection.add(_delivery(_found("http://a/1"), b"one"), FACTS, "r")
    with (tmp_path / "manifest.jsonl").open("ab") as file:
        file.write(b'{"file": "half')
    with Collection(tmp_path) as collection:
        collection.add(_delivery(_found("http://a/2"), b"two"), FACTS, "r")
    assert [line["url"] for line in _lines(tmp_path)] == ["http://a/1", "http://a/2"]


def test_a_file_left_without_a_line_by_a_crash_gets_it_next_time(tmp_path: Path) -> None:
    with Collection(tmp_path) as collection:
        name = collection.add(_delivery(_found("http://a/1"), b"one"), FACTS, "r")
    (tmp_path / "manifest.jsonl").write_bytes(b"")
    with Collection(tmp_path) as collection:
        assert not collection.knows("http://a/1")
        assert collection.add(_delivery(_found("http://a/1"), b"one"), FACTS, "r") == name
    assert len(_lines(tmp_path)) == 1


def test_a_file_of_the_person_is_never_written_over(tmp_path: Path) -> None:
    own = tmp_path / "277089d91c0bdf4f2e68.png"
    own.write_bytes(b"mine")
    with Collection(tmp_path) as collection:
        collection.add(_delivery(_found("http://a/1"), b"bytes"), FACTS, "r")
    assert own.read_bytes() == b"mine"


def test_two_collectors_cannot_share_a_folder(tmp_path: Path) -> None:
    with Collection(tmp_path), pytest.raises(RunLockedError, match="Another process"):
        Collection(tmp_path).__enter__()
    with Collection(tmp_path):
        pass


def test_a_file_instead_of_a_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("")
    with pytest.raises(SourceError, match="is a file"):
        Collection(path).__enter__()


def test_half_written_files_of_a_crash_are_removed(tmp_path: Path) -> None:
    part = tmp_path / ".collect" / "part" / "abc.png"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half")
    with Collection(tmp_path):
        assert not part.exists()


def test_a_full_disk_is_said_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with Collection(tmp_path) as collection:
        monkeypatch.setattr(Path, "write_bytes", fail)
        with pytest.raises(SourceError, match="No space left"):
            collection.add(_delivery(_found("http://a/1"), b"one"), FACTS, "r")
    assert _lines(tmp_path) == []
    assert [path.name for path in tmp_path.glob("*.png")] == []


@given(st.text(max_size=80))
def test_no_label_leads_out_of_the_folder(label: str) -> None:
    name = folder_name(label)
    assert name not in ("", ".", "..")
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert len(name.encode()) <= 255
    assert (Path("/root/data") / name).parent == Path("/root/data")


def test_different_labels_get_different_folders() -> None:
    labels = ["a/b", "a\\b", "a b", "../a", "a", "A_", "", " ", "CON", "a.b", "é", "日本"]
    names = [folder_name(label) for label in labels]
    assert len(set(names)) == len(names)
    assert folder_name("日本") == "日本"
    assert folder_name("cats") == "cats"


def test_lines_are_json_with_words_as_they_are(tmp_path: Path) -> None:
    with Collection(tmp_path) as collection:
        found = _found("http://a/1", title='日本 "x"\n')
        collection.add(_delivery(found, b"one"), FACTS, "r")
    raw = (tmp_path / "manifest.jsonl").read_text(encoding="utf-8")
    assert "日本" in raw
    assert json.loads(raw)["title"] == '日本 "x"\n'
