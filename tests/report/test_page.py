"""Pages of ours are known again by how they begin; nothing else is written over."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from lookalike.errors import DataError
from lookalike.report.page import BEGINNING, page, refuse_foreign_page


def test_every_kind_of_page_begins_as_ours_do() -> None:
    assert page("a title", ("<p>a part</p>",)).startswith(BEGINNING)
    assert page("a title", (), script=True).startswith(BEGINNING)
    assert (files("lookalike.share") / "app.html").read_text("utf-8").startswith(BEGINNING)


def test_another_file_is_refused_in_words_and_a_page_of_ours_is_not(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    refuse_foreign_page(target, "--page")
    target.write_text(page("ours", ()), "utf-8")
    refuse_foreign_page(target, "--page")
    for other in ("", "<!doctype html>\n<html><body>my thesis</body></html>", BEGINNING[:-1]):
        target.write_text(other, "utf-8")
        with pytest.raises(DataError, match=r"page\.html exists and is no page .* with --page\."):
            refuse_foreign_page(target, "--page")
    folder = tmp_path / "folder.html"
    folder.mkdir()
    with pytest.raises(DataError, match="no page of ours"):
        refuse_foreign_page(folder, "--to")
