"""A page in one file: its size, seconds until it draws, milliseconds from slider to picture."""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path
from typing import Any

from benchmarks.common import machine, median, table
from lookalike import api

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
MOVES = 20


def opened(browser: Any, file: Path, width: int = 1100, scheme: str = "light") -> Any:
    """The page in a browser without a network, when its first pictures are drawn."""
    view = {"width": width, "height": 900}
    context = browser.new_context(viewport=view, color_scheme=scheme, offline=True)
    page = context.new_page()
    page.goto(file.resolve().as_uri())
    page.wait_for_selector("body[data-ready=true]", timeout=120_000)
    return page


def moves(page: Any) -> list[float]:
    """Milliseconds from moving the first axis to its picture, for each move."""
    taken = []
    axis = page.locator("#sliders input").first
    for move in range(MOVES):
        axis.fill(str(0.3 + 0.1 * move))
        page.wait_for_timeout(400)
        taken.append(float(page.locator("body").get_attribute("data-milliseconds")))
    return taken


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench share")
    parser.add_argument("run", type=Path, help="the folder of a finished run")
    parser.add_argument("--title")
    parser.add_argument("--data-license")
    parser.add_argument("--to", type=Path, default=Path("bench-out/share"))
    parser.add_argument("--screenshot", type=Path, help="write a JPEG of the page here")
    asked = parser.parse_args(arguments)
    asked.to.mkdir(parents=True, exist_ok=True)
    said = {"title": asked.title, "data_license": asked.data_license}
    files = {
        "with its encoder": asked.to / "with-encoder.html",
        "without": asked.to / "without-encoder.html",
    }
    for name, file in files.items():
        api.share(asked.run, file, encoder=name != "without", **said)

    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("bench share opens the page in Chromium: apt install chromium")
    rows = []
    with sync_playwright() as drive:
        browser = drive.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for name, file in files.items():
            begun = time.perf_counter()
            page = opened(browser, file)
            seconds = time.perf_counter() - begun
            taken = moves(page)
            size = f"{file.stat().st_size / 1e6:.2f}"
            rows.append((name, size, f"{seconds:.1f}", f"{median(taken):.0f}", f"{max(taken):.0f}"))
        if asked.screenshot:
            page = opened(browser, files["with its encoder"])
            page.screenshot(path=str(asked.screenshot), full_page=True, type="jpeg", quality=80)
        browser.close()
    print(machine())
    print(table(rows, ("page", "MB", "twelve pictures, s", "slider, ms", "the slowest")))
