"""The hostile folder through doctor and prepare: nothing breaks, everything is named."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lookalike.data.pack.pack import Pack
from lookalike.settings.data import DoctorSettings, PrepareSettings
from lookalike.stages.doctor import doctor
from lookalike.stages.prepare import prepare

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the folder holds a pipe")


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hostile", Path(__file__).with_name("hostile.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hostile"] = module
    spec.loader.exec_module(module)
    return module


hostile = _module()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> object:
    return hostile.make(tmp_path_factory.mktemp("hostile") / "set", damaged=33)


def complaints(corpus: object, refused: dict[str, str]) -> list[str]:
    """Files that were not refused for the right reason, or refused although they are sound."""
    wrong = [
        f"{name}: wanted {why!r}, found {refused.get(name)!r}"
        for name, why in corpus.must_refuse.items()
        if not re.search(why, refused.get(name, "(read)"))
    ]
    return wrong + [f"{name}: {refused[name]}" for name in corpus.must_read if name in refused]


@pytest.mark.slow
def test_the_doctor_names_every_hostile_file(corpus: object, tmp_path: Path) -> None:
    found = doctor(corpus.folder, tmp_path / "page.html", DoctorSettings(workers=1, faces=False))
    refused = {one.name: one.detail for one in found.of("unreadable").files}
    assert complaints(corpus, refused) == []
    assert found.files == len(corpus.names)
    assert found.readable == len(corpus.names) - len(refused)
    assert "<script>alert" not in (tmp_path / "page.html").read_text("utf-8")
    assert not (corpus.folder.parent / "canary").exists()


@pytest.mark.slow
def test_prepare_names_every_hostile_file(corpus: object, tmp_path: Path) -> None:
    prepare(corpus.folder, tmp_path / "pack", PrepareSettings(size=32, workers=1))
    pack = Pack.open(tmp_path / "pack")
    refused = {row["source"]: row["reason"] for row in pack.refused() if "copy_of" not in row}
    assert complaints(corpus, refused) == []
    named = {row["source"] for row in (*pack.manifest(), *pack.refused())}
    assert named == corpus.names
    assert not (corpus.folder.parent / "canary").exists()
