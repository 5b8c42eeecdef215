"""What a person waits for first is light: no torch before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"torch", "scipy", "sklearn", "matplotlib", "cv2", "httpx", "scrapy"}

PROGRAM = """
import contextlib, io, sys
sys.argv = ["lookalike", *{arguments!r}]
import lookalike
if {arguments!r}:
    from lookalike.cli.main import main
    with contextlib.redirect_stdout(io.StringIO()) as told, contextlib.suppress(SystemExit):
        main()
    assert told.getvalue().strip(), "nothing was printed"
print(" ".join(sorted(set(sys.modules) & {heavy!r})))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--help",),
        ("--version",),
        ("recipes",),
        ("recipes", "--json"),
        ("train", "--help"),
        ("generate", "--help"),
        ("start", "--help"),
        ("studio", "--help"),
    ],
    ids=" ".join,
)
def test_no_heavy_package_is_imported_for(arguments: tuple[str, ...]) -> None:
    program = PROGRAM.format(arguments=list(arguments), heavy=HEAVY)
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == []


def test_import_alone_brings_neither_numpy_nor_pillow() -> None:
    program = "import sys, lookalike; print(*({'numpy', 'PIL', 'torch'} & set(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert ended.stdout.split() == []


@pytest.mark.slow
def test_the_first_page_of_the_studio_needs_no_torch() -> None:
    pytest.importorskip("starlette")
    program = "import sys, lookalike.studio.server.server; print(*({'torch'} & set(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert ended.stdout.split() == []
